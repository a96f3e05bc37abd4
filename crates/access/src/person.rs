//! People, as they were when they acted.

use hallpass_base::{Email, UserId};
use hallpass_rules::{Principal, directory};
use serde::{Deserialize, Serialize};

use crate::Actor;

/// A person of the identity store, as they were when they acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Identity store id.
    pub user: UserId,
    /// The address they are known by here.
    pub email: Email,
    /// The name shown to people.
    pub name: String,
}

impl Person {
    /// A person of the directory as they are written down; `None` for one without an address.
    pub(crate) fn of(person: &directory::Person) -> Option<Self> {
        let email = person.emails.first()?;
        let name = Some(&person.display_name).filter(|name| !name.is_empty());
        Some(Self {
            user: person.user_id.clone(),
            email: email.clone(),
            name: name.cloned().unwrap_or_else(|| email.to_string()),
        })
    }

    /// Them, as the rules are asked about them.
    pub const fn principal(&self) -> Principal<'_> {
        Principal::user(&self.user, &self.email)
    }

    /// Whether the actor is this person: by user id, whatever either's address is.
    pub fn is(&self, actor: &Actor) -> bool {
        actor.is_user(&self.user)
    }
}
