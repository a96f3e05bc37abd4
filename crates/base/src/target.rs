//! What is granted, and to whom.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AccountId, GroupId, PermissionSetArn, UserId};

/// What access is asked for or given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// A permission set in an account: an account assignment in IAM Identity Center.
    Account {
        /// The account.
        account: AccountId,
        /// The permission set.
        permission_set: PermissionSetArn,
    },
    /// Membership of a group of the identity store.
    Group {
        /// The group.
        group: GroupId,
    },
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account {
                account,
                permission_set,
            } => write!(f, "{account}/{permission_set}"),
            Self::Group { group } => write!(f, "group {group}"),
        }
    }
}

/// The names people know a target by, as they were when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TargetNames {
    /// Names of an account target.
    Account {
        /// The account's name.
        account: String,
        /// The permission set's name.
        permission_set: String,
    },
    /// Name of a group target.
    Group {
        /// The group's display name.
        group: String,
    },
}

impl fmt::Display for TargetNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account {
                account,
                permission_set,
            } => write!(f, "{account} / {permission_set}"),
            Self::Group { group } => write!(f, "group {group}"),
        }
    }
}

/// The key under which overlapping grants are counted: one person, one target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HoldKey {
    /// Who holds the access.
    pub user: UserId,
    /// What is held.
    pub target: Target,
}

impl HoldKey {
    /// The two things that may never have two operations in flight: an account and a permission
    /// set (Identity Center answers `ConflictException`), or one membership.
    pub fn lane(&self) -> String {
        match &self.target {
            Target::Account {
                account,
                permission_set,
            } => format!("{account}|{permission_set}"),
            Target::Group { group } => format!("{group}|{}", self.user),
        }
    }
}

impl fmt::Display for HoldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.target)
    }
}
