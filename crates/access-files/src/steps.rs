//! Turns a difference into single writes, in the order of `inventory.md` A-5. Names and forms are
//! part of stored plans.

use hallpass_aws_model::facts;
use hallpass_base::{PermissionSetName, TimeSpan};
use hallpass_plans::{Lane, StepTarget};
use hallpass_rules::Directory;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::state::{AccountAssignment, CustomerPolicy, PermissionsBoundary, PrincipalRef, SetPart};

pub const PLAN_KIND: &str = "access.apply";
/// Includes the wait for AWS (`inventory.md` A-7).
pub(crate) const STEP_TIMEOUT: TimeSpan = TimeSpan::minutes(15);
/// Concurrent operations, without those of grants (`inventory.md` A-7).
const WIDTH: u32 = facts::OPERATIONS_OUTSTANDING.value;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "write", rename_all = "snake_case")]
pub enum SetAction {
    Create {
        description: Option<String>,
        session_seconds: u64,
        relay_state: Option<String>,
        tags: std::collections::BTreeMap<String, String>,
    },
    Update {
        description: Option<String>,
        session_seconds: u64,
        relay_state: Option<String>,
    },
    AttachManaged {
        arn: String,
    },
    DetachManaged {
        arn: String,
    },
    AttachCustomer {
        policy: CustomerPolicy,
    },
    DetachCustomer {
        policy: CustomerPolicy,
    },
    PutInline {
        policy: Value,
    },
    DeleteInline,
    PutBoundary {
        boundary: PermissionsBoundary,
    },
    DeleteBoundary,
    Tag {
        key: String,
        value: String,
    },
    Untag {
        key: String,
    },
    /// Updates the roles in all accounts. `edited`: the same plan changes the set.
    Provision {
        edited: bool,
    },
    Delete,
}

impl SetAction {
    /// Returns the part of the set; `None` for the roles in accounts.
    pub fn part(&self) -> Option<SetPart> {
        Some(match self {
            Self::Create { .. } | Self::Update { .. } | Self::Delete => SetPart::Texts,
            Self::AttachManaged { .. } | Self::DetachManaged { .. } => SetPart::Managed,
            Self::AttachCustomer { .. } | Self::DetachCustomer { .. } => SetPart::Customer,
            Self::PutInline { .. } | Self::DeleteInline => SetPart::Inline,
            Self::PutBoundary { .. } | Self::DeleteBoundary => SetPart::Boundary,
            Self::Tag { .. } | Self::Untag { .. } => SetPart::Tags,
            Self::Provision { .. } => return None,
        })
    }

    pub(crate) fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::DetachManaged { .. } | Self::DetachCustomer { .. } | Self::DeleteInline
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum AccessAction {
    Set {
        permission_set: PermissionSetName,
        #[serde(flatten)]
        action: SetAction,
    },
    Assign(AccountAssignment),
    Unassign(AccountAssignment),
}

const SET: &str = "access.set";
const PROVISION: &str = "access.provision";
const ASSIGN: &str = "access.assign";
const UNASSIGN: &str = "access.unassign";
/// Deletes a set that the plan created, once its content is reverted.
pub(crate) const DELETE_MADE: &str = "access.delete_made_set";

pub fn is_access_step(kind: &str) -> bool {
    [SET, PROVISION, ASSIGN, UNASSIGN, DELETE_MADE].contains(&kind)
}

impl AccessAction {
    pub fn permission_set(&self) -> &PermissionSetName {
        match self {
            Self::Set { permission_set, .. } => permission_set,
            Self::Assign(it) | Self::Unassign(it) => &it.permission_set,
        }
    }

    pub(crate) fn assignment(&self) -> Option<&AccountAssignment> {
        match self {
            Self::Set { .. } => None,
            Self::Assign(it) | Self::Unassign(it) => Some(it),
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Set {
                action: SetAction::Provision { .. },
                ..
            } => PROVISION,
            Self::Set { .. } => SET,
            Self::Assign(_) => ASSIGN,
            Self::Unassign(_) => UNASSIGN,
        }
    }

    pub(crate) fn lane(&self) -> Lane {
        let set = self.permission_set();
        let apart = match self.assignment() {
            Some(it) => format!("{}|{set}", it.account),
            None => set.to_string(),
        };
        Lane {
            width: WIDTH,
            shared: false,
            apart: Some(apart),
            ..Lane::serial("sso-admin-write")
        }
    }

    pub(crate) fn target(&self, directory: &Directory) -> StepTarget {
        let set = self.permission_set();
        match self.assignment() {
            None => StepTarget::global("", set.as_str()),
            Some(it) => {
                let who = principal_name(&it.principal, directory);
                StepTarget::global(it.account.as_str(), format!("{set} {who}"))
            }
        }
    }
}

pub(crate) fn principal_name(principal: &PrincipalRef, directory: &Directory) -> String {
    match principal {
        PrincipalRef::Group(id) => match directory.group(id) {
            Some(group) => format!("group {}", group.name),
            None => principal.to_string(),
        },
        PrincipalRef::User(id) => match directory.person(id) {
            Some(person) => format!("user {}", person.user_name),
            None => principal.to_string(),
        },
    }
}

/// A write, with the earlier value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChange {
    #[serde(flatten)]
    pub action: AccessAction,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub old: Value,
}
