//! An authenticated person, and what they may do beyond their own affairs.

use std::collections::BTreeSet;

use hallpass_audit::Origin;
use hallpass_base::{Email, Timestamp, UserId};
use hallpass_rules::Principal;
use serde::{Deserialize, Serialize};

/// What somebody may do beyond their own affairs; from groups in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Discards, revokes, ends; reads everything.
    Admin,
    /// Reads everything.
    Auditor,
    /// Reads Health.
    Operator,
}

/// That somebody signed in at a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// When, as the provider says.
    pub at: Timestamp,
    /// In which way, as the provider calls it (`acr`).
    pub acr: Option<String>,
}

/// An authenticated person, as they are now.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Their directory id; `None` when the directory does not know them.
    pub user: Option<UserId>,
    /// The address they are known by here.
    pub email: Email,
    /// The name shown to people.
    pub name: String,
    /// Roles they have today.
    pub roles: BTreeSet<Role>,
    /// The door they came in by.
    pub origin: Origin,
    /// Whether they were matched through a fallback e-mail domain.
    pub secondary_domain: bool,
    /// When and how they signed in; `None` for whoever came with a token or from Slack.
    pub authentication: Option<Authentication>,
}

impl Actor {
    /// Whether they are this user of the directory.
    pub fn is_user(&self, user: &UserId) -> bool {
        self.user.as_ref() == Some(user)
    }

    /// Them, as the rules are asked about them.
    pub const fn principal(&self) -> Principal<'_> {
        Principal {
            user: self.user.as_ref(),
            email: &self.email,
        }
    }

    /// Whether they have a role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether they may read what is not theirs.
    pub fn reads_all(&self) -> bool {
        self.is(Role::Admin) || self.is(Role::Auditor)
    }
}
