//! A snapshot's access by user, path by path, and findings (`inventory.md` §3).

mod findings;
mod graph;
mod outside;
mod rows;

mod snapshot;

mod changes;

mod csv;
mod review;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cell::TableRow;

pub use changes::{
    AccessChangeReason, AccessComparison, AccessReasonKind, PersonAccessChange,
    PersonAccessChangeKind, access_changes,
};
pub use graph::{
    AccessGraph, AssignmentHolder, GraphAccount, GraphAssignment, GraphGrant, GraphGroup,
    GraphRole, GraphRoleKind,
};
pub use outside::{OutsideAccess, OutsideState};
pub use review::{AccessReview, ReviewProblem, ReviewRemoval, ReviewedRemoval, read_review};
pub use snapshot::{AccessSnapshot, UnreadAccessTable};

/// A grant behind a temporary assignment.
#[derive(Clone, Debug)]
pub struct HoldingGrant {
    pub id: String,
    pub expires_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum GivenRole {
    PermissionSet {
        permission_set: Option<String>,
        permission_set_arn: String,
    },
    /// An IAM role, by an entitlement of account access manager.
    Entitlement { role_name: String, role_arn: String },
}

impl GivenRole {
    pub fn arn(&self) -> &str {
        match self {
            Self::PermissionSet {
                permission_set_arn, ..
            } => permission_set_arn,
            Self::Entitlement { role_arn, .. } => role_arn,
        }
    }

    /// Name, or ARN.
    pub fn shown(&self) -> &str {
        match self {
            Self::PermissionSet {
                permission_set: Some(name),
                ..
            }
            | Self::Entitlement {
                role_name: name, ..
            } => name,
            Self::PermissionSet {
                permission_set_arn, ..
            } => permission_set_arn,
        }
    }

    pub fn is_entitled(&self) -> bool {
        matches!(self, Self::Entitlement { .. })
    }

    /// Replaces an unknown name with the ARN.
    fn or_arn(self) -> Self {
        match self {
            Self::PermissionSet {
                permission_set,
                permission_set_arn,
            } => Self::PermissionSet {
                permission_set: permission_set.or_else(|| Some(permission_set_arn.clone())),
                permission_set_arn,
            },
            Self::Entitlement { .. } => self,
        }
    }
}

pub fn group_of_way(via: &str) -> Option<&str> {
    via.strip_prefix("entitlement:")
        .unwrap_or(via)
        .strip_prefix("group:")
}

/// A user's path to a role in an account; or that of an empty group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessPath {
    #[serde(flatten)]
    pub person: AccessPerson,
    /// `direct` or `group:NAME`, `entitlement` or `entitlement:group:NAME`; folded paths are
    /// separated by `;`.
    pub via: String,
    /// `USER` or `GROUP`.
    pub principal_type: String,
    pub principal_id: String,
    pub account_id: String,
    pub account_name: Option<String>,
    pub account_state: Option<String>,
    pub ou_path: Option<String>,
    #[serde(flatten)]
    pub role: GivenRole,
    /// The role has the newest version; `None` if unknown.
    pub latest: Option<bool>,
    pub temporary: bool,
    pub expires_at: Option<Timestamp>,
    pub grant_id: Option<String>,
}

/// Empty without a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPerson {
    pub user_name: Option<String>,
    pub user_id: Option<String>,
    pub email: Option<String>,
    /// `ENABLED` or `DISABLED`.
    pub user_status: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessFindingKind {
    /// Permanent assignment directly to a user.
    DirectUser,
    Orphaned,
    /// The role lacks the newest version of the set.
    Outdated,
    /// The role exists without an assignment.
    ProvisionedUnassigned,
    SuspendedAccount,
    /// A group member is no user of the directory.
    UnexpectedMember,
    UnknownAccount,
}

/// Sorted by kind, account, set and principal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AccessFinding {
    pub kind: AccessFindingKind,
    pub account_id: String,
    #[serde(flatten)]
    pub role: GivenRole,
    /// `USER` or `GROUP`, for assignments.
    pub principal_type: Option<String>,
    pub principal_id: Option<String>,
}

#[derive(Debug, PartialEq)]
pub struct AccessReport {
    /// By person, account, set and path; those without a person last.
    pub paths: Vec<AccessPath>,
    pub findings: Vec<AccessFinding>,
}

pub fn who(rows: &BTreeMap<&'static str, Vec<TableRow>>, grants: &[HoldingGrant]) -> AccessReport {
    AccessGraph::new(rows, grants).report()
}

fn order(path: &AccessPath) -> impl Ord + '_ {
    let name = path.person.user_name.as_deref();
    (
        name.is_none(),
        name,
        &path.account_id,
        &path.role,
        &path.via,
    )
}

/// One row per person, account and set. Temporary if all paths are. Empty groups are omitted.
pub fn effective(paths: &[AccessPath]) -> Vec<AccessPath> {
    let mut folded: Vec<AccessPath> = Vec::new();
    for path in paths.iter().filter(|it| it.person.user_id.is_some()) {
        let same = |it: &&mut AccessPath| {
            it.person.user_id == path.person.user_id
                && it.account_id == path.account_id
                && it.role.arn() == path.role.arn()
        };
        // paths are sorted, so equal ones are adjacent
        match folded.last_mut().filter(same) {
            None => folded.push(path.clone()),
            Some(before) => {
                before.via = format!("{};{}", before.via, path.via);
                if before.temporary && !path.temporary {
                    before.temporary = false;
                    before.expires_at = None;
                    before.grant_id = None;
                }
            }
        }
    }
    folded
}
