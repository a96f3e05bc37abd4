//! What a log shows of the use of actions: that they were used, that they were not, or nothing.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use hallpass_iam::facts::{self, Access, ActionFacts};
use serde::Serialize;

use super::cover::Demand;
use super::seen::{CallOutcome, SeenUse};
use crate::unused::{EventActions, Visibility, event_actions, prefix_of, visibility};

/// Why a log shows nothing of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unseen {
    /// CloudTrail logs it only where a trail was told to.
    DataEvent,
    /// No event is known to be called after it.
    NoEvent,
    /// Tags that are set by a call that makes something are no event of their own.
    PartOfAnother,
    /// The log has calls that belong to no known action; they may have needed this one.
    NotMatched,
    /// The policy names it, and no service is known to have it.
    NotKnown,
}

impl Unseen {
    /// Its words, behind a number of actions.
    pub const fn words(self) -> &'static str {
        match self {
            Self::DataEvent => "data events, which a trail has only where it was told to",
            Self::NoEvent => "no event is known to be called after them",
            Self::PartOfAnother => "tags, which other calls set without an event of their own",
            Self::NotMatched => "of services with calls that are no known action",
            Self::NotKnown => "written in the policy, and not known",
        }
    }
}

/// The services of which there are data events among these, by the services and names of events: a trail was told to keep
/// some of them.
pub fn data_event_services(names: &BTreeSet<(String, String)>) -> BTreeSet<&'static str> {
    let actions = names
        .iter()
        .map(|(service, event)| event_actions(service, event));
    let actions = actions.filter_map(|it| match it {
        EventActions::All(actions) => Some(actions),
        EventActions::Nothing | EventActions::Unknown => None,
    });
    let data = actions
        .flatten()
        .filter(|it| visibility(it) == Visibility::DataEvent);
    data.map(|it| it.service).collect()
}

/// The use of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UsedBy {
    pub(super) people: BTreeSet<String>,
    pub(super) events: u64,
    pub(super) last: Timestamp,
}

/// What a log shows of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Used,
    Unused,
    NotVisible(Unseen),
}

/// An action's service and name.
pub(super) type ActionKey = (&'static str, &'static str);

/// What a log shows.
#[derive(Debug, Default)]
pub(super) struct Sights {
    pub(super) used: BTreeMap<ActionKey, UsedBy>,
    /// Services in which something was called that is no known action, and may be any.
    pub(super) unmatched: BTreeSet<&'static str>,
    /// Actions of calls that these policies alone did not allow.
    doubtful: BTreeSet<ActionKey>,
    /// Names of events of no known service.
    strange: BTreeSet<String>,
    /// Services in which something was changed.
    changed: BTreeSet<&'static str>,
    /// Services all of whose data events are in the log.
    data_events: BTreeSet<String>,
}

impl Sights {
    /// Nothing but what services were said to have in the log.
    pub(super) fn new(data_events: &BTreeSet<String>) -> Self {
        Self {
            data_events: data_events.clone(),
            ..Self::default()
        }
    }

    /// Adds a call of which nobody knows what it needed.
    pub(super) fn note_unmatched(&mut self, it: &SeenUse) {
        let is_unknown = matches!(
            event_actions(&it.call.service, &it.call.event),
            EventActions::Unknown
        );
        if !is_unknown || it.call.outcome() == CallOutcome::Refused {
            return;
        }
        match facts::service(prefix_of(&it.call.service)) {
            Some(service) => {
                self.unmatched.insert(service.prefix);
            }
            None => {
                self.strange.insert(it.call.event.to_ascii_lowercase());
            }
        }
    }

    /// Adds an action of a call that other policies allowed as well.
    pub(super) fn note_doubtful(&mut self, demand: &Demand) {
        self.doubtful
            .insert((demand.action.service, demand.action.name));
    }

    /// Adds the use of an action.
    pub(super) fn note(&mut self, demand: &Demand, it: &SeenUse) {
        let action = demand.action;
        let used = self.used.entry((action.service, action.name));
        let used = used.or_insert_with(|| UsedBy {
            people: BTreeSet::new(),
            events: 0,
            last: it.last,
        });
        used.people.insert(it.call.person.clone());
        used.events += it.events;
        used.last = used.last.max(it.last);
        if matches!(action.access, Access::Write | Access::Permissions) {
            self.changed.insert(action.service);
        }
    }

    /// Whether anything of a service was called.
    pub(super) fn is_used(&self, service: &str) -> bool {
        let mut used = self.used.keys();
        used.any(|(of, _)| *of == service) || self.unmatched.contains(service)
    }

    /// Whether anything was changed.
    pub(super) fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// What it shows of an action.
    pub(super) fn of(&self, action: &ActionFacts) -> Sight {
        if self.unmatched.contains(action.service) {
            return Sight::NotVisible(Unseen::NotMatched);
        }
        if self.used.contains_key(&(action.service, action.name)) {
            return Sight::Used;
        }
        let is_doubtful = self.doubtful.contains(&(action.service, action.name));
        if is_doubtful || self.strange.contains(&action.name.to_ascii_lowercase()) {
            return Sight::NotVisible(Unseen::NotMatched);
        }
        match visibility(action) {
            Visibility::DataEvent if !self.data_events.contains(action.service) => {
                Sight::NotVisible(Unseen::DataEvent)
            }
            Visibility::NoEvent => Sight::NotVisible(Unseen::NoEvent),
            Visibility::Logged | Visibility::DataEvent => {
                let is_part =
                    action.access == Access::Tagging && self.changed.contains(action.service);
                if is_part {
                    Sight::NotVisible(Unseen::PartOfAnother)
                } else {
                    Sight::Unused
                }
            }
        }
    }
}
