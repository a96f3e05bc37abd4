use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use hallpass_iam::facts::{self, Access, ActionFacts};
use serde::Serialize;

use super::cover::Demand;
use super::seen::{CallOutcome, SeenUse};
use crate::unused::{EventActions, Visibility, event_actions, prefix_of, visibility};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unseen {
    /// Logged only if a trail enables it.
    DataEvent,
    /// No known event corresponds to it.
    NoEvent,
    /// Tags set by a creating call have no own event.
    PartOfAnother,
    /// Unmatched calls in the log may have needed it.
    NotMatched,
    /// In the policy, but in no known service.
    NotKnown,
}

impl Unseen {
    /// Follows a number of actions.
    pub const fn words(self) -> &'static str {
        match self {
            Self::DataEvent => "data events, which a trail logs only if configured",
            Self::NoEvent => "no event is known to be called after them",
            Self::PartOfAnother => "tags, which other calls set without a separate event",
            Self::NotMatched => "of services with calls that are no known action",
            Self::NotKnown => "written in the policy, and not known",
        }
    }
}

/// Services with data events among these events: a trail keeps some of them.
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UsedBy {
    pub(super) people: BTreeSet<String>,
    pub(super) events: u64,
    pub(super) last: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Used,
    Unused,
    NotVisible(Unseen),
}

pub(super) type ActionKey = (&'static str, &'static str);

#[derive(Debug, Default)]
pub(super) struct Sights {
    pub(super) used: BTreeMap<ActionKey, UsedBy>,
    /// Services with calls of unknown actions.
    pub(super) unmatched: BTreeSet<&'static str>,
    /// Actions of calls that needed other policies too.
    doubtful: BTreeSet<ActionKey>,
    strange: BTreeSet<String>,
    changed: BTreeSet<&'static str>,
    /// Services whose data events are all logged.
    data_events: BTreeSet<String>,
}

impl Sights {
    pub(super) fn new(data_events: &BTreeSet<String>) -> Self {
        Self {
            data_events: data_events.clone(),
            ..Self::default()
        }
    }

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

    pub(super) fn note_doubtful(&mut self, demand: &Demand) {
        self.doubtful
            .insert((demand.action.service, demand.action.name));
    }

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

    pub(super) fn is_used(&self, service: &str) -> bool {
        let mut used = self.used.keys();
        used.any(|(of, _)| *of == service) || self.unmatched.contains(service)
    }

    pub(super) fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

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
