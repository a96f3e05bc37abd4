//! What a difference comes to, step by step: single writes, in the order of `inventory.md` A-5. The
//! names and forms are part of stored plans.

use hallpass_aws_model::facts;
use hallpass_base::{PermissionSetName, TimeSpan};
use hallpass_plans::{Lane, StepTarget};
use hallpass_rules::Directory;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::state::{AccountAssignment, CustomerPolicy, PermissionsBoundary, PrincipalRef, SetPart};

/// The kind of these plans.
pub const PLAN_KIND: &str = "access.apply";
/// How long a step may take, waiting for AWS included (`inventory.md` A-7).
pub(crate) const STEP_TIMEOUT: TimeSpan = TimeSpan::minutes(15);
/// Operations at once, grants' not counted (`inventory.md` A-7).
const WIDTH: u32 = facts::OPERATIONS_OUTSTANDING.value;

/// One write to a permission set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "write", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of PermissionSetContent")]
pub enum SetAction {
    /// The set, with what it is created with.
    Create {
        description: Option<String>,
        session_seconds: u64,
        relay_state: Option<String>,
        tags: std::collections::BTreeMap<String, String>,
    },
    /// Its description, length of sessions and relay state.
    Update {
        description: Option<String>,
        session_seconds: u64,
        relay_state: Option<String>,
    },
    /// A policy of AWS attached.
    AttachManaged { arn: String },
    /// A policy of AWS not attached.
    DetachManaged { arn: String },
    /// A policy of the accounts attached.
    AttachCustomer { policy: CustomerPolicy },
    /// A policy of the accounts not attached.
    DetachCustomer { policy: CustomerPolicy },
    /// A policy of its own.
    PutInline { policy: Value },
    /// No policy of its own.
    DeleteInline,
    /// A permissions boundary.
    PutBoundary { boundary: PermissionsBoundary },
    /// No permissions boundary.
    DeleteBoundary,
    /// A tag.
    Tag { key: String, value: String },
    /// No such tag.
    Untag { key: String },
    /// The roles in all accounts as the set says. `edited`: the same plan changes the set.
    Provision { edited: bool },
    /// The set gone.
    Delete,
}

impl SetAction {
    /// The part of the set that it is about; `None` for the roles in accounts.
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

    /// Whether it takes a policy away.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::DetachManaged { .. } | Self::DetachCustomer { .. } | Self::DeleteInline
        )
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum AccessAction {
    /// To a permission set.
    Set {
        /// Its name.
        permission_set: PermissionSetName,
        /// What is written.
        #[serde(flatten)]
        action: SetAction,
    },
    /// An assignment created.
    Assign(AccountAssignment),
    /// An assignment deleted.
    Unassign(AccountAssignment),
}

/// The kinds of steps, by what they write.
const SET: &str = "access.set";
const PROVISION: &str = "access.provision";
const ASSIGN: &str = "access.assign";
const UNASSIGN: &str = "access.unassign";
/// A set deleted that a plan made, once all that the plan gave it is taken back.
pub(crate) const DELETE_MADE: &str = "access.delete_made_set";

/// Whether steps of a kind are carried out by [`AccessStepExecutor`](crate::AccessStepExecutor).
pub fn is_access_step(kind: &str) -> bool {
    [SET, PROVISION, ASSIGN, UNASSIGN, DELETE_MADE].contains(&kind)
}

impl AccessAction {
    /// The set that it is about.
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

    /// The kind of the step that writes it.
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

/// What a principal is called: `group SecOps`.
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

/// One difference: what is written, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChange {
    /// What is written.
    #[serde(flatten)]
    pub action: AccessAction,
    /// What stands there; nothing where nothing does.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub old: Value,
}
