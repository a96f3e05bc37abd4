//! Rights beside their use.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use hallpass_iam::facts::{Access, ActionFacts};

use super::events::{Visibility, iam_action, visibility};

/// A name of an event that somebody called with success, or without being refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalledAction {
    /// The service, as in the activity table.
    pub service: String,
    /// The event's name.
    pub action: String,
    /// Who called it.
    pub person: String,
    /// When last.
    pub last: Timestamp,
}

/// What is known of the use of a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RightState {
    /// It was used.
    Used {
        /// By so many people.
        people: usize,
        /// When last.
        last: Timestamp,
    },
    /// It was not.
    Unused,
    /// Its use is in no log that was read, and would not be.
    NotVisible,
}

impl RightState {
    /// Its name in documents.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Used { .. } => "used",
            Self::Unused => "unused",
            Self::NotVisible => "not_visible",
        }
    }
}

/// An action that is allowed.
#[derive(Clone, Debug)]
pub struct Right {
    /// The action that the right allows.
    pub action: &'static ActionFacts,
    /// What is known of its use.
    pub state: RightState,
}

/// The rights of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRights {
    /// The prefix.
    pub service: &'static str,
    /// How many actions are allowed.
    pub allowed: usize,
    /// How many of them change something.
    pub writes: usize,
    /// How many were used.
    pub used: usize,
    /// How many cannot be seen.
    pub not_visible: usize,
    /// When one was used last.
    pub last: Option<Timestamp>,
}

/// Each allowed action with its use, in the order given, and the calls that none of them explains: of another policy, of an
/// event whose action is not known.
pub fn rights(
    allowed: &[&'static ActionFacts],
    calls: &[CalledAction],
) -> (Vec<Right>, BTreeSet<String>) {
    type Use<'a> = (BTreeSet<&'a str>, Timestamp);
    let mut used: BTreeMap<(&str, &str), Use<'_>> = BTreeMap::new();
    let mut unexplained = BTreeSet::new();
    let known: BTreeSet<(&str, &str)> = allowed.iter().map(|it| (it.service, it.name)).collect();
    for call in calls {
        let action = iam_action(&call.service, &call.action).map(|it| (it.service, it.name));
        let Some(action) = action.filter(|it| known.contains(it)) else {
            unexplained.insert(format!("{}:{}", call.service, call.action));
            continue;
        };
        let (people, last) = used
            .entry(action)
            .or_insert_with(|| (BTreeSet::new(), call.last));
        people.insert(call.person.as_str());
        *last = (*last).max(call.last);
    }
    let right = |action: &&'static ActionFacts| {
        let state = match (used.get(&(action.service, action.name)), visibility(action)) {
            (Some((people, last)), _) => RightState::Used {
                people: people.len(),
                last: *last,
            },
            (None, Visibility::Logged) => RightState::Unused,
            (None, Visibility::DataEvent | Visibility::NoEvent) => RightState::NotVisible,
        };
        Right { action, state }
    };
    (allowed.iter().map(right).collect(), unexplained)
}

/// The same by service.
pub fn by_service(rights: &[Right]) -> Vec<ServiceRights> {
    let mut services: BTreeMap<&'static str, ServiceRights> = BTreeMap::new();
    for right in rights {
        let service = right.action.service;
        let row = services.entry(service).or_insert(ServiceRights {
            service,
            allowed: 0,
            writes: 0,
            used: 0,
            not_visible: 0,
            last: None,
        });
        row.allowed += 1;
        row.writes += usize::from(!matches!(right.action.access, Access::List | Access::Read));
        match &right.state {
            RightState::Used { last, .. } => {
                row.used += 1;
                row.last = row.last.max(Some(*last));
            }
            RightState::NotVisible => row.not_visible += 1,
            RightState::Unused => {}
        }
    }
    services.into_values().collect()
}
