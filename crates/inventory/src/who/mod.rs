//! Who has what, where: a snapshot's assignments as people have them, path by path, and what is wrong
//! with them (`inventory.md` §3).

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

/// A grant that holds an assignment for a while.
#[derive(Clone, Debug)]
pub struct HoldingGrant {
    /// Its id.
    pub id: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What somebody is given in an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum GivenRole {
    /// A permission set, by an account assignment.
    PermissionSet {
        /// Its name, where it is known.
        permission_set: Option<String>,
        /// The permission set.
        permission_set_arn: String,
    },
    /// A role of IAM, by an entitlement of account access manager.
    Entitlement {
        /// Its name.
        role_name: String,
        /// The role.
        role_arn: String,
    },
}

impl GivenRole {
    /// Its ARN.
    pub fn arn(&self) -> &str {
        match self {
            Self::PermissionSet {
                permission_set_arn, ..
            } => permission_set_arn,
            Self::Entitlement { role_arn, .. } => role_arn,
        }
    }

    /// What it is called: its name, or its ARN.
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

    /// Whether an entitlement gives it.
    pub fn is_entitled(&self) -> bool {
        matches!(self, Self::Entitlement { .. })
    }

    /// The same, with the ARN in place of a name that is not known.
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

/// The group of a way, where it is over one.
pub fn group_of_way(via: &str) -> Option<&str> {
    via.strip_prefix("entitlement:")
        .unwrap_or(via)
        .strip_prefix("group:")
}

/// One way in which somebody has a role in an account; or a group without members that does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessPath {
    /// The person; nobody where a group has no members.
    #[serde(flatten)]
    pub person: AccessPerson,
    /// `direct` or `group:NAME`, `entitlement` or `entitlement:group:NAME`; several, parted by `;`, where
    /// paths are folded.
    pub via: String,
    /// `USER` or `GROUP`.
    pub principal_type: String,
    /// Whom the assignment names.
    pub principal_id: String,
    /// The account.
    pub account_id: String,
    /// Its name, if it is of the organization.
    pub account_name: Option<String>,
    /// Its state, likewise.
    pub account_state: Option<String>,
    /// The units above it, likewise.
    pub ou_path: Option<String>,
    /// What they have there.
    #[serde(flatten)]
    pub role: GivenRole,
    /// Whether the permission set's role there has its newest version; nothing where that is not known.
    pub latest: Option<bool>,
    /// Whether a grant holds it.
    pub temporary: bool,
    /// When that grant ends.
    pub expires_at: Option<Timestamp>,
    /// That grant.
    pub grant_id: Option<String>,
}

/// A person of the directory; all empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPerson {
    /// The name.
    pub user_name: Option<String>,
    /// The id.
    pub user_id: Option<String>,
    /// The address.
    pub email: Option<String>,
    /// `ENABLED` or `DISABLED`.
    pub user_status: Option<String>,
}

/// What is wrong with an assignment or a provisioned set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessFindingKind {
    /// A person has it by name, and not for a while.
    DirectUser,
    /// Its principal is gone.
    Orphaned,
    /// The role has not the newest version of the set.
    Outdated,
    /// The role is there, and nobody holds it.
    ProvisionedUnassigned,
    /// The account is not active.
    SuspendedAccount,
    /// A member of its group is no user of the directory.
    UnexpectedMember,
    /// The account is not of the organization.
    UnknownAccount,
}

/// Something wrong, and where. Findings sort by kind, account, set and principal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AccessFinding {
    /// The kind of finding.
    pub kind: AccessFindingKind,
    /// The account.
    pub account_id: String,
    /// What is given: the name of a permission set, or its ARN where there is none.
    #[serde(flatten)]
    pub role: GivenRole,
    /// `USER` or `GROUP`, where it is about an assignment.
    pub principal_type: Option<String>,
    /// Whom the assignment names.
    pub principal_id: Option<String>,
}

/// Who has what, where.
#[derive(Debug, PartialEq)]
pub struct AccessReport {
    /// Every path, by person, account, set and way; those without a person last.
    pub paths: Vec<AccessPath>,
    /// What is wrong.
    pub findings: Vec<AccessFinding>,
}

/// Who has what, where, by the tables of a snapshot and the grants that hold some of it.
pub fn who(rows: &BTreeMap<&'static str, Vec<TableRow>>, grants: &[HoldingGrant]) -> AccessReport {
    AccessGraph::new(rows, grants).report()
}

/// Paths without a person come last.
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

/// One row for each person, account and set, whichever ways lead there. It is temporary when all of them
/// are. Groups without members are left out.
pub fn effective(paths: &[AccessPath]) -> Vec<AccessPath> {
    let mut folded: Vec<AccessPath> = Vec::new();
    for path in paths.iter().filter(|it| it.person.user_id.is_some()) {
        let same = |it: &&mut AccessPath| {
            it.person.user_id == path.person.user_id
                && it.account_id == path.account_id
                && it.role.arn() == path.role.arn()
        };
        // paths are sorted: those that belong together follow each other
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
