//! The organization file, as written and as `?full=1` returns it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    center::IdentityCenter,
    iam::Iam,
    stated::{StatedEvaluation, StatedFunction, StatedInvitation, StatedQuota},
    tower::{ConfigRecorderPlace, ControlTowerBasis},
};

/// Names are references; `parse` derives missing ids from the seed and the name, so none is empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationFile {
    pub version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// RFC 3339 start of the virtual clock; absent: now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    pub organization: Organization,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ous: Vec<Ou>,
    pub accounts: Vec<Account>,
    pub identity_center: IdentityCenter,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<OrganizationPolicy>,
    /// By account id; others are generated from the seed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub iam: BTreeMap<String, Iam>,
    /// By account id; others are generated from the seed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contacts: BTreeMap<String, AccountContacts>,
    /// Absent: one of the organization in the management account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_aggregators: Option<Vec<ConfigAggregator>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_rules: Vec<EventRule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trails: Vec<StatedTrail>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devops_guru_insights: Vec<StatedInsight>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<StatedWorkload>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_shares: Vec<StatedShare>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commitments: Vec<StatedCommitment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quotas: Vec<StatedQuota>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config_evaluations: Vec<StatedEvaluation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<StatedFunction>,
    /// The Region where Security Hub aggregates findings; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding_aggregation: Option<String>,
    /// Absent: no landing zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_tower: Option<ControlTowerBasis>,
    /// Absent: generated, or none with a landing zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_recorders: Option<Vec<ConfigRecorderPlace>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<InventoryBasis>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<AccessKey>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entitlements: Vec<Entitlement>,
    /// Switches (`simulator.md` §2.9).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub behaviour: BTreeMap<String, String>,
    /// Rates by signing name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Limit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on_call: Vec<OnCallSchedule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<StatedTicket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack: Option<Value>,
}

/// Who is on call in simulated services (`simulator.md` §8).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OnCallSchedule {
    /// As in the service: `PABC123`.
    pub id: String,
    pub name: String,
    /// The id of the escalation policy.
    pub policy: String,
    /// From 1; default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u32>,
    /// Addresses of the people on call now. Not checked: the service has its own people.
    pub people: Vec<String>,
    /// An open incident of this service is assigned to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
}

/// A simulated service of tickets (`simulator.md` §9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketService {
    #[default]
    Jira,
    ServiceNow,
    Github,
    Linear,
    Json,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedTicket {
    pub service: TicketService,
    /// As in the service: `OPS-12`, `INC0010023`, `owner/name#12`.
    pub key: String,
    pub state: String,
    /// Jira's project, Linear's team, the repository, or the table.
    pub project: String,
    /// An address, not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Organization {
    /// `o-…`
    pub id: String,
    /// `r-…`
    pub root: String,
    /// Twelve digits, or the account's name.
    pub management_account: String,
    /// Enabled policy types. With service control policies, `FullAWSAccess` is attached to the
    /// root, every unit and every account.
    pub policy_types: Vec<String>,
    /// Exceptions from that: root, units and accounts, named like policy targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_full_access: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub root_tags: BTreeMap<String, String>,
    pub service_access: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delegated_administrators: Vec<Delegation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub billing_transfers: Vec<StatedTransfer>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invitations: Vec<StatedInvitation>,
    /// Policy rights of other accounts: the document, text or JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegation_policy: Option<Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationPolicy {
    /// `p-…`
    pub id: String,
    /// Unique within its type.
    pub name: String,
    /// `SERVICE_CONTROL_POLICY` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The document, text or JSON. Text is kept byte for byte.
    pub content: Value,
    /// `Root` or the root's id; an organizational unit by id, name or path; an account by id or
    /// name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Delegation {
    pub account: String,
    pub service: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// A billing transfer; `REQUESTED` means an open invitation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StatedTransfer {
    /// `rt-…`
    pub id: String,
    /// `inbound`: this organization pays for the other; `outbound`: the other pays for it.
    pub direction: String,
    /// The other organization's management account.
    pub other: String,
    pub name: String,
    /// `REQUESTED`, `ACCEPTED`, …
    pub status: String,
    pub start: String,
    /// RFC 3339; absent: open-ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// End of the invitation: RFC 3339; absent: two weeks from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ou {
    /// `ou-…`
    pub id: String,
    pub name: String,
    /// Name if unique, else path `A/B`; absent: the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    pub id: String,
    pub name: String,
    pub email: String,
    /// By name or path; absent: the root.
    pub ou: Option<String>,
    /// `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE`, `CLOSED`, `PENDING_ACTIVATION`; absent: active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// `CREATED` (the default) or `INVITED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// The management account's access role; absent: `OrganizationAccountAccessRole`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_role: Option<String>,
}

/// With members as AWS Account Management spells them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountContacts {
    /// As in `GetContactInformation`; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<Map<String, Value>>,
    /// By type (`BILLING`, `OPERATIONS`, `SECURITY`), as in `GetAlternateContact`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub alternate: BTreeMap<String, Map<String, Value>>,
}

/// Aggregates the whole organization.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigAggregator {
    pub name: String,
    pub account: String,
    pub region: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedTrail {
    pub name: String,
    pub account: String,
    pub region: String,
    pub bucket: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub organization: bool,
    /// Absent: all events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventRule {
    pub account: String,
    pub region: String,
    /// Absent: the queue's name, with a number if taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A queue to create; the target unless `targets` is given.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub queue: String,
    /// A topic between rule and queue; absent: the queue is the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail_type: Option<String>,
    /// An event pattern, or its text, in place of `source` and `detail_type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Value>,
    /// Default `ENABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Value>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedInsight {
    pub id: String,
    pub account: String,
    pub region: String,
    /// `REACTIVE` or `PROACTIVE`.
    pub kind: String,
    pub name: String,
    /// `LOW`, `MEDIUM` or `HIGH`.
    pub severity: String,
    pub start: String,
    /// RFC 3339; absent: open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedWorkload {
    /// Unique in the organization: its id is derived from it.
    pub name: String,
    pub account: String,
    pub region: String,
    /// `PRODUCTION` or `PREPRODUCTION`.
    pub environment: String,
    /// The last answer, RFC 3339.
    pub updated: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_with: Vec<String>,
    pub lenses: Vec<StatedLens>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<StatedMilestone>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedLens {
    /// `wellarchitected`, `serverless`, or the ARN of a custom lens.
    pub alias: String,
    /// The last answer, RFC 3339; absent: as the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// Open risks by pillar and level: `security: {HIGH: 2, MEDIUM: 1}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub risks: BTreeMap<String, BTreeMap<String, u32>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedMilestone {
    pub name: String,
    /// RFC 3339.
    pub at: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedShare {
    /// Unique in its account: its ARN is derived from both.
    pub name: String,
    pub account: String,
    pub region: String,
    /// `organization`, units by name, path, id or ARN, accounts by name or id.
    pub principals: Vec<String>,
    pub resources: Vec<String>,
    /// Whether accounts keep it after leaving the organization.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedCommitment {
    pub account: String,
    /// `reservation` or `savings_plan`.
    pub kind: String,
    pub id: String,
}

/// Inputs for generated IAM, networks and other parts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InventoryBasis {
    /// RFC 3339 upper limit of all creations and uses; absent: the clock's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Addresses of people with IAM users; absent: some of the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<String>>,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessKey {
    /// `AKIA…`
    pub access_key_id: String,
    pub secret_access_key: String,
    /// ARN of a user, a role or an account root.
    pub principal: String,
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessKey")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"…")
            .field("principal", &self.principal)
            .finish()
    }
}

/// Access to a role without a permission set, by account access manager.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entitlement {
    /// Absent: derived from the seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// By id or name; absent: the role is an ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Its ARN, or its path and name. A missing role is created, and trusts account access manager.
    pub role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// May be deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// May be deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outstanding: Option<usize>,
}

/// Maximum delay of reads behind writes (`simulator.md` C-2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    Strong,
    #[default]
    Typical,
    /// Five times typical, and reads go back and forth.
    Hard,
}

/// Duration of asynchronous operations (`simulator.md` G-1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    #[default]
    Real,
    /// 20 to 80 ms.
    Fast,
    /// Final at the first read.
    Instant,
}
