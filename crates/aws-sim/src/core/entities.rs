use std::{collections::BTreeMap, sync::Arc};

use crate::base::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::document::Document;

/// An AWS identifier. Cheap to copy, because it is a key in many indexes.
pub(crate) type Id = Arc<str>;

/// Listing position: an order neither by name nor by creation, then the id.
pub(crate) type ListPosition = (u64, Id);

pub(crate) type Tags = BTreeMap<String, String>;

pub(crate) fn read_tags(value: Option<&Value>) -> Tags {
    let rows = value
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let text = |row: &Value, name: &str| {
        row.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    rows.iter()
        .map(|row| (text(row, "Key"), text(row, "Value")))
        .collect()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub id: Id,
    pub name: String,
    pub email: String,
    /// The root or an OU.
    pub parent: Id,
    /// `State` of the newest model.
    pub state: String,
    pub joined_method: String,
    pub joined: Millis,
    pub tags: Tags,
    pub regions: Vec<String>,
    /// The management account's access role (`RoleName` of `CreateAccount`); absent: the default
    /// one.
    pub access_role: Option<String>,
}

impl Account {
    /// The older member `Status`, which has fewer values than `State`.
    pub(crate) fn status(&self) -> &'static str {
        match self.state.as_str() {
            "SUSPENDED" | "CLOSED" => "SUSPENDED",
            "PENDING_CLOSURE" => "PENDING_CLOSURE",
            _ => "ACTIVE",
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.state == "ACTIVE"
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ou {
    pub id: Id,
    pub name: String,
    pub parent: Id,
    pub tags: Tags,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub created: Millis,
    pub created_by: String,
    pub updated: Millis,
    pub updated_by: String,
    pub revision: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct User {
    pub id: Id,
    pub attributes: Map<String, Value>,
    pub enabled: bool,
    pub origin: Origin,
}

impl User {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.attributes
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(crate) fn user_name(&self) -> &str {
        self.text("UserName")
    }

    /// The primary e-mail, else the first.
    pub(crate) fn email(&self) -> Option<&str> {
        let emails = self.attributes.get("Emails")?.as_array()?;
        let primary = emails
            .iter()
            .find(|email| email.get("Primary") == Some(&Value::Bool(true)));
        primary.or_else(|| emails.first())?.get("Value")?.as_str()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub id: Id,
    pub attributes: Map<String, Value>,
    pub origin: Origin,
}

impl Group {
    pub(crate) fn name(&self) -> &str {
        self.attributes
            .get("DisplayName")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Membership {
    pub id: Id,
    pub group: Id,
    pub user: Id,
    pub origin: Origin,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PermissionSet {
    pub id: Id,
    pub name: String,
    pub description: Option<String>,
    pub session_duration: String,
    pub relay_state: Option<String>,
    pub created: Millis,
    pub managed: Vec<String>,
    pub inline: Option<Document>,
    pub customer_managed: Vec<(String, String)>,
    pub boundary: Option<Value>,
    pub tags: Tags,
    /// Grows with each change; shows outdated provisions.
    pub version: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SetPolicies {
    pub managed: Vec<String>,
    pub inline: Option<Document>,
    #[serde(default)]
    pub customer_managed: Vec<(String, String)>,
    pub boundary: Option<Value>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct HeldPolicies<'a> {
    pub managed: &'a [String],
    pub inline: Option<&'a Document>,
    pub customer_managed: &'a [(String, String)],
    pub boundary: Option<&'a Value>,
}

impl PermissionSet {
    pub(crate) fn policies(&self) -> SetPolicies {
        SetPolicies {
            managed: self.managed.clone(),
            inline: self.inline.clone(),
            customer_managed: self.customer_managed.clone(),
            boundary: self.boundary.clone(),
        }
    }
}

pub(crate) fn boundary_arn(account: &str, boundary: &Value) -> Option<String> {
    let text = |pointer: &str| boundary.pointer(pointer).and_then(Value::as_str);
    if let Some(arn) = text("/ManagedPolicyArn") {
        return Some(arn.to_owned());
    }
    let name = text("/CustomerManagedPolicyReference/Name")?;
    let path = text("/CustomerManagedPolicyReference/Path").unwrap_or("/");
    Some(format!("arn:aws:iam::{account}:policy{path}{name}"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum PrincipalType {
    User,
    Group,
}

impl PrincipalType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Group => "GROUP",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "USER" => Some(Self::User),
            "GROUP" => Some(Self::Group),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct AssignmentKey {
    pub account: Id,
    pub set: Id,
    pub order: u64,
    pub principal_type: PrincipalType,
    pub principal: Id,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub since: Millis,
    pub note: Option<String>,
}

impl Assignment {
    /// An assignment without a note in a file.
    pub(crate) fn since(since: Millis) -> Self {
        Self { since, note: None }
    }
}

/// The provisioned role in an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Provision {
    pub suffix: String,
    /// The permission set's version in the role.
    pub version: u64,
    /// The session duration at that version, ISO 8601; absent: the current one.
    #[serde(default)]
    pub session_duration: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum AsyncKind {
    Create,
    Delete,
    Provision,
}

impl AsyncKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Provision => "provision",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AsyncState {
    Running,
    Succeeded,
    Failed(String),
}

impl AsyncState {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed(_) => "FAILED",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub id: Id,
    pub kind: AsyncKind,
    /// `None` for all provisioned accounts.
    pub account: Option<Id>,
    pub set: Id,
    /// `None` when provisioning.
    pub principal: Option<(PrincipalType, Id)>,
    pub created: Millis,
    pub due: Millis,
    pub progress: AsyncState,
    /// A fault determines the result.
    pub fail: Option<FailAsync>,
    /// A fault hides the status.
    pub hidden: bool,
    /// A foreign change with `"async": true`.
    pub foreign: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CredentialReport {
    /// The request time, and the state it reports.
    pub begun: Millis,
    pub ready: Millis,
    pub text: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FailAsync {
    pub reason: String,
    /// Whether the change happens in spite of the failure.
    pub done: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Assumed {
    pub policy: Option<Document>,
    pub policy_arns: Vec<String>,
    pub tags: Tags,
    pub transitive: Vec<String>,
    pub expires: Millis,
}

impl Assumed {
    pub(crate) fn limits(&self) -> bool {
        self.policy.is_some() || !self.policy_arns.is_empty()
    }
}

/// A role session from the portal (`simulator.md` N-1).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RoleSession {
    pub id: String,
    pub user: Id,
    /// The user's name at that time.
    pub user_name: String,
    pub account: Id,
    pub set: Id,
    /// The set's name at that time.
    pub set_name: String,
    pub role_arn: String,
    pub access_key_id: String,
    pub issued: Millis,
    pub expires: Millis,
    /// `portal`, `login` (the control API) or `console`.
    #[serde(default)]
    pub source: String,
}
