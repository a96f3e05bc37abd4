//! The rows of the state: accounts, people, permission sets, assignments, operations in flight.

use std::{collections::BTreeMap, sync::Arc};

use crate::base::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::document::Document;

/// An identifier as AWS gives it. Cheap to copy, since it is a key in many indexes.
pub(crate) type Id = Arc<str>;

/// Place in a listing: an order that is neither by name nor by creation, then the id.
pub(crate) type ListPosition = (u64, Id);

/// Tags in key order.
pub(crate) type Tags = BTreeMap<String, String>;

/// Tags as `[{Key, Value}]`.
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

/// An account of the organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Twelve digits.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// The root user's e-mail.
    pub email: String,
    /// The root or an OU.
    pub parent: Id,
    /// `State` of the newest model.
    pub state: String,
    /// `CREATED` or `INVITED`.
    pub joined_method: String,
    /// When it joined.
    pub joined: Millis,
    /// Tags.
    pub tags: Tags,
    /// Regions switched on.
    pub regions: Vec<String>,
    /// The role through which the management account enters it (`RoleName` of `CreateAccount`); absent: the usual one.
    pub access_role: Option<String>,
}

impl Account {
    /// The older member `Status`, which knows fewer values than `State`.
    pub(crate) fn status(&self) -> &'static str {
        match self.state.as_str() {
            "SUSPENDED" | "CLOSED" => "SUSPENDED",
            "PENDING_CLOSURE" => "PENDING_CLOSURE",
            _ => "ACTIVE",
        }
    }

    /// Whether anything can be done in it.
    pub(crate) fn is_active(&self) -> bool {
        self.state == "ACTIVE"
    }
}

/// An organizational unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ou {
    /// `ou-…`
    pub id: Id,
    /// Its name.
    pub name: String,
    /// The root or an OU.
    pub parent: Id,
    /// Tags.
    pub tags: Tags,
}

/// Who made a row of the identity store and when.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Made.
    pub created: Millis,
    /// Who made it.
    pub created_by: String,
    /// Last changed.
    pub updated: Millis,
    /// Who changed it last.
    pub updated_by: String,
    /// Grows with each write.
    pub revision: u64,
}

/// A person in the identity store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct User {
    /// Identifier.
    pub id: Id,
    /// Attributes as the model spells them, `UserName` among them.
    pub attributes: Map<String, Value>,
    /// Whether the user is enabled.
    pub enabled: bool,
    /// Who and when.
    pub origin: Origin,
}

impl User {
    /// A text attribute.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.attributes
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The unique name.
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

/// A group in the identity store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    /// Identifier.
    pub id: Id,
    /// Attributes as the model spells them.
    pub attributes: Map<String, Value>,
    /// Who and when.
    pub origin: Origin,
}

impl Group {
    /// The unique name; empty when there is none.
    pub(crate) fn name(&self) -> &str {
        self.attributes
            .get("DisplayName")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// A user in a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Membership {
    /// Identifier; new each time.
    pub id: Id,
    /// The group.
    pub group: Id,
    /// The user.
    pub user: Id,
    /// Who and when.
    pub origin: Origin,
}

/// A permission set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PermissionSet {
    /// `ps-…`
    pub id: Id,
    /// Its name.
    pub name: String,
    /// One sentence.
    pub description: Option<String>,
    /// ISO 8601.
    pub session_duration: String,
    /// Where the console opens.
    pub relay_state: Option<String>,
    /// Made.
    pub created: Millis,
    /// ARNs of AWS managed policies.
    pub managed: Vec<String>,
    /// Inline policy.
    pub inline: Option<Document>,
    /// Name and path.
    pub customer_managed: Vec<(String, String)>,
    /// The boundary as the model spells it.
    pub boundary: Option<Value>,
    /// Tags.
    pub tags: Tags,
    /// Grows with each change; an older provision is not the latest.
    pub version: u64,
}

/// What a permission set lets its roles do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SetPolicies {
    /// ARNs of AWS managed policies.
    pub managed: Vec<String>,
    /// Inline policy.
    pub inline: Option<Document>,
    /// Names and paths of policies of the accounts.
    #[serde(default)]
    pub customer_managed: Vec<(String, String)>,
    /// The boundary as the model spells it.
    pub boundary: Option<Value>,
}

/// What a provisioned role lets its sessions do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeldPolicies<'a> {
    /// ARNs of AWS managed policies.
    pub managed: &'a [String],
    /// Inline policy.
    pub inline: Option<&'a Document>,
    /// Names and paths of policies of the account.
    pub customer_managed: &'a [(String, String)],
    /// The boundary as the model spells it.
    pub boundary: Option<&'a Value>,
}

impl PermissionSet {
    /// What it lets its roles do once it is provisioned.
    pub(crate) fn policies(&self) -> SetPolicies {
        SetPolicies {
            managed: self.managed.clone(),
            inline: self.inline.clone(),
            customer_managed: self.customer_managed.clone(),
            boundary: self.boundary.clone(),
        }
    }
}

/// The ARN that a boundary of a permission set, as the model spells it, has in an account.
pub(crate) fn boundary_arn(account: &str, boundary: &Value) -> Option<String> {
    let text = |pointer: &str| boundary.pointer(pointer).and_then(Value::as_str);
    if let Some(arn) = text("/ManagedPolicyArn") {
        return Some(arn.to_owned());
    }
    let name = text("/CustomerManagedPolicyReference/Name")?;
    let path = text("/CustomerManagedPolicyReference/Path").unwrap_or("/");
    Some(format!("arn:aws:iam::{account}:policy{path}{name}"))
}

/// Whether an assignment is to a person or to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum PrincipalType {
    /// `USER`
    User,
    /// `GROUP`
    Group,
}

impl PrincipalType {
    /// As the model spells it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Group => "GROUP",
        }
    }

    /// Reads the model's spelling.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "USER" => Some(Self::User),
            "GROUP" => Some(Self::Group),
            _ => None,
        }
    }
}

/// What an assignment is: account, permission set, principal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct AssignmentKey {
    /// The account.
    pub account: Id,
    /// The set's id.
    pub set: Id,
    /// Place in listings.
    pub order: u64,
    /// User or group.
    pub principal_type: PrincipalType,
    /// Its id.
    pub principal: Id,
}

/// An assignment that stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Assignment {
    /// Since when.
    pub since: Millis,
    /// The file's note.
    pub note: Option<String>,
}

impl Assignment {
    /// One that no file has a note about.
    pub(crate) fn since(since: Millis) -> Self {
        Self { since, note: None }
    }
}

/// The role that provisioning made in an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Provision {
    /// Sixteen hexadecimal digits of its name.
    pub suffix: String,
    /// The set's version that it holds.
    pub version: u64,
    /// The set's session duration at that version, ISO 8601; absent: the set's own.
    #[serde(default)]
    pub session_duration: Option<String>,
}

/// What an asynchronous operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum AsyncKind {
    /// `CreateAccountAssignment`
    Create,
    /// `DeleteAccountAssignment`
    Delete,
    /// `ProvisionPermissionSet`
    Provision,
}

impl AsyncKind {
    /// As the control API spells it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Provision => "provision",
        }
    }
}

/// How far an asynchronous operation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AsyncState {
    /// Not yet decided.
    Running,
    /// Done.
    Succeeded,
    /// Not done, with the reason.
    Failed(String),
}

impl AsyncState {
    /// As the model spells it.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed(_) => "FAILED",
        }
    }
}

/// An asynchronous operation, in flight or finished.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Operation {
    /// UUID of the request.
    pub id: Id,
    /// What it does.
    pub kind: AsyncKind,
    /// The target account; `None` for all provisioned accounts.
    pub account: Option<Id>,
    /// The permission set.
    pub set: Id,
    /// Who gets or loses; `None` when provisioning.
    pub principal: Option<(PrincipalType, Id)>,
    /// Accepted.
    pub created: Millis,
    /// When it becomes final.
    pub due: Millis,
    /// How far it is.
    pub progress: AsyncState,
    /// A fault decides the end.
    pub fail: Option<FailAsync>,
    /// A fault hides the status.
    pub hidden: bool,
    /// Not through the API: by somebody else, with `"async": true`.
    pub foreign: bool,
}

/// The credential report of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CredentialReport {
    /// When it was asked for, and what it tells of.
    pub begun: Millis,
    /// From when on it can be had.
    pub ready: Millis,
    /// The CSV text.
    pub text: String,
}

/// How an asynchronous operation is made to fail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FailAsync {
    /// The failure reason shown.
    pub reason: String,
    /// Whether the change happens all the same.
    pub done: bool,
}

/// What a session of an assumed role was given along.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Assumed {
    /// Session policy.
    pub policy: Option<Document>,
    /// ARNs of managed policies that limit the session.
    pub policy_arns: Vec<String>,
    /// Session tags.
    pub tags: Tags,
    /// The keys of those that go on to roles assumed with this session.
    pub transitive: Vec<String>,
    /// When the session is over.
    pub expires: Millis,
}

impl Assumed {
    /// Whether session policies limit what the role may do.
    pub(crate) fn limits(&self) -> bool {
        self.policy.is_some() || !self.policy_arns.is_empty()
    }
}

/// A role session that the portal gave (`simulator.md` N-1).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RoleSession {
    /// Identifier in the control API.
    pub id: String,
    /// The user's id.
    pub user: Id,
    /// The user's name then.
    pub user_name: String,
    /// The account.
    pub account: Id,
    /// The set's id.
    pub set: Id,
    /// The set's name then.
    pub set_name: String,
    /// Full ARN of the role.
    pub role_arn: String,
    /// `ASIA…`
    pub access_key_id: String,
    /// When its credentials were issued.
    pub issued: Millis,
    /// Until when.
    pub expires: Millis,
    /// `portal`, `login` (the control API) or `console`.
    #[serde(default)]
    pub source: String,
}
