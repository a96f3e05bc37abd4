use std::collections::BTreeSet;

use hallpass_audit::Origin;
use hallpass_base::{Email, Timestamp, UserId};
use hallpass_rules::Principal;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    Auditor,
    Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    pub at: Timestamp,
    /// Authentication class of the provider (`acr`).
    pub acr: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Actor {
    /// `None` if the directory does not know them.
    pub user: Option<UserId>,
    pub email: Email,
    pub name: String,
    pub roles: BTreeSet<Role>,
    pub origin: Origin,
    /// Matched through a fallback e-mail domain.
    pub secondary_domain: bool,
    /// `None` for tokens and Slack.
    pub authentication: Option<Authentication>,
}

impl Actor {
    pub fn is_user(&self, user: &UserId) -> bool {
        self.user.as_ref() == Some(user)
    }

    pub const fn principal(&self) -> Principal<'_> {
        Principal {
            user: self.user.as_ref(),
            email: &self.email,
        }
    }

    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    pub fn reads_all(&self) -> bool {
        self.is(Role::Admin) || self.is(Role::Auditor)
    }
}
