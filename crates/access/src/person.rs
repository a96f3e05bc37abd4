use hallpass_base::{Email, UserId};
use hallpass_rules::{Principal, directory};
use serde::{Deserialize, Serialize};

use crate::Actor;

/// An identity store user, as of the action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub user: UserId,
    pub email: Email,
    pub name: String,
}

impl Person {
    pub(crate) fn of(person: &directory::Person) -> Option<Self> {
        let email = person.emails.first()?;
        let name = Some(&person.display_name).filter(|name| !name.is_empty());
        Some(Self {
            user: person.user_id.clone(),
            email: email.clone(),
            name: name.cloned().unwrap_or_else(|| email.to_string()),
        })
    }

    pub const fn principal(&self) -> Principal<'_> {
        Principal::user(&self.user, &self.email)
    }

    /// Compares user ids; addresses may differ.
    pub fn is(&self, actor: &Actor) -> bool {
        actor.is_user(&self.user)
    }
}
