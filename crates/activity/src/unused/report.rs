use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use hallpass_iam::facts::{Access, ActionFacts};

use super::events::{Visibility, iam_action, visibility};

/// An event that succeeded, or was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalledAction {
    pub service: String,
    pub action: String,
    pub person: String,
    pub last: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RightState {
    Used {
        people: usize,
        last: Timestamp,
    },
    Unused,
    /// Its use is never in the logs read.
    NotVisible,
}

impl RightState {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Used { .. } => "used",
            Self::Unused => "unused",
            Self::NotVisible => "not_visible",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Right {
    pub action: &'static ActionFacts,
    pub state: RightState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRights {
    pub service: &'static str,
    pub allowed: usize,
    pub writes: usize,
    pub used: usize,
    pub not_visible: usize,
    pub last: Option<Timestamp>,
}

/// Returns each allowed action with its use, and calls that no allowed action explains: of other
/// policies or unknown events.
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
