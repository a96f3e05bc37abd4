//! The requester's manager as approver, read from the directory at the decision.

use std::collections::BTreeSet;

use hallpass_base::Email;
use serde::Serialize;

use super::people::{PersonView, address_of};
use crate::{
    attributes::{Known, PersonAttribute},
    directory::{Directory, Person},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequesterManager {
    Is(Email),
    Missing(NoManager),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoManager {
    UnknownRequester,
    /// Unread, for the requester or a manager above.
    Unread,
    Absent,
    /// The manager value matches no user, or several.
    NoOneUser,
    Disabled,
    NoAddress,
    Themselves,
    /// The requester is above the manager.
    Circle,
    LeftOut,
}

impl NoManager {
    pub const ALL: [Self; 9] = [
        Self::UnknownRequester,
        Self::Unread,
        Self::Absent,
        Self::NoOneUser,
        Self::Disabled,
        Self::NoAddress,
        Self::Themselves,
        Self::Circle,
        Self::LeftOut,
    ];

    pub const fn words(self) -> &'static str {
        match self {
            Self::UnknownRequester => "the directory does not hold the requester",
            Self::Unread => "the manager of the requester could not be read",
            Self::Absent => "the requester has no manager in the identity store",
            Self::NoOneUser => "the requester's manager value names no single user",
            Self::Disabled => "the manager of the requester is disabled",
            Self::NoAddress => "the manager of the requester has no e-mail address",
            Self::Themselves => "the requester is their own manager",
            Self::Circle => "the requester is above their own manager",
            Self::LeftOut => "the manager of the requester is left out of the approvers",
        }
    }

    /// Reason and remedy, for the requester.
    pub const fn told(self) -> &'static str {
        match self {
            Self::UnknownRequester => "the directory does not hold you. Try again in a few minutes",
            Self::Unread => "your manager could not be read. Try again in a few minutes",
            Self::Absent => {
                "you have none in the identity store. Have your manager set at the identity provider"
            }
            Self::NoOneUser => {
                "your manager value names no single user. Have your manager set at the identity provider, by \
                 user id or address"
            }
            Self::Disabled => {
                "your manager is disabled. Have your manager of today set at the identity provider"
            }
            Self::NoAddress => {
                "your manager has no e-mail address. Have it set at the identity provider"
            }
            Self::Themselves => {
                "you are your own. Have another manager set at the identity provider"
            }
            Self::Circle => {
                "you are above your own manager. Have the managers set right at the identity provider"
            }
            Self::LeftOut => "yours is left out of the approvers. Have another approver listed",
        }
    }
}

/// Returns the manager, if they can approve.
pub(super) fn manager_of<'a>(
    requester: &PersonView<'a>,
    facts: &'a Directory,
) -> Result<&'a Person, NoManager> {
    let person = requester.person().ok_or(NoManager::UnknownRequester)?;
    let manager = above(person, facts)?;
    if manager.user_id == person.user_id {
        return Err(NoManager::Themselves);
    }
    if !manager.enabled {
        return Err(NoManager::Disabled);
    }
    if address_of(manager).is_none() {
        return Err(NoManager::NoAddress);
    }
    let mut seen = BTreeSet::from([&manager.user_id]);
    let mut at = manager;
    loop {
        match above(at, facts) {
            Ok(next) if next.user_id == person.user_id => return Err(NoManager::Circle),
            Ok(next) if seen.insert(&next.user_id) => at = next,
            Err(NoManager::Unread) => return Err(NoManager::Unread),
            Ok(_) | Err(_) => return Ok(manager),
        }
    }
}

impl Directory {
    /// The enabled manager of a person; `None` also if no rule names managers, since they are not
    /// read then.
    pub fn manager(&self, person: &Person) -> Option<&Person> {
        let manager = above(person, self).ok()?;
        (manager.enabled && manager.user_id != person.user_id).then_some(manager)
    }
}

pub(super) fn manages_anybody(manager: &PersonView<'_>, facts: &Directory) -> bool {
    let mut people = facts.people().iter();
    people.any(|person| above(person, facts).is_ok_and(|above| manager.is_user(&above.user_id)))
}

/// Returns the manager, by user id or unique address.
fn above<'a>(person: &Person, facts: &'a Directory) -> Result<&'a Person, NoManager> {
    match person.attributes.get(PersonAttribute::Manager) {
        Known::Unread => Err(NoManager::Unread),
        Known::Absent => Err(NoManager::Absent),
        Known::Is(text) => facts.person_named(text).ok_or(NoManager::NoOneUser),
    }
}
