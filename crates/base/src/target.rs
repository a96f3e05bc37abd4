use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AccountId, GroupId, PermissionSetArn, UserId};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// An account assignment in IAM Identity Center.
    Account {
        account: AccountId,
        permission_set: PermissionSetArn,
    },
    Group {
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

/// Display names at request time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TargetNames {
    Account {
        account: String,
        permission_set: String,
    },
    Group {
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

/// Overlapping grants are counted by user and target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HoldKey {
    pub user: UserId,
    pub target: Target,
}

impl HoldKey {
    /// Key for operations that must not overlap: account and permission set (Identity Center
    /// answers `ConflictException`), or one membership.
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
