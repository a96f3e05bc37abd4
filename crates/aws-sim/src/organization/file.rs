//! The organization file's shape, as people write it and as `?full=1` gives it back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    center::IdentityCenter,
    iam::Iam,
    stated::{StatedEvaluation, StatedFunction, StatedInvitation, StatedQuota},
    tower::{ConfigRecorderPlace, ControlTowerBasis},
};

/// A whole organization. Names are references; ids that were left out have been derived from
/// the seed and the name, so after `parse` none is empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationFile {
    /// Always 1.
    pub version: u32,
    /// Seed of everything that is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// RFC 3339 instant at which the virtual clock starts; absent: now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// The organization itself.
    pub organization: Organization,
    /// Organizational units.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ous: Vec<Ou>,
    /// Accounts, the management account among them.
    pub accounts: Vec<Account>,
    /// IAM Identity Center.
    pub identity_center: IdentityCenter,
    /// Policies of the organization. AWS's own are not among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<OrganizationPolicy>,
    /// IAM by account id. An account that is not here has some of its own, made of the seed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub iam: BTreeMap<String, Iam>,
    /// Contacts by account id. An account that is not here has some of its own, made of the seed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contacts: BTreeMap<String, AccountContacts>,
    /// Aggregators of AWS Config; absent: one of the organization in the management account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_aggregators: Option<Vec<ConfigAggregator>>,
    /// Rules of `EventBridge`: what happens in an account and a Region goes to a queue there, which is made for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_rules: Vec<EventRule>,
    /// Trails that log from the beginning, with their buckets, which are made for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trails: Vec<StatedTrail>,
    /// What DevOps Guru found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devops_guru_insights: Vec<StatedInsight>,
    /// Workloads of the Well-Architected Tool.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<StatedWorkload>,
    /// Resource shares of RAM.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_shares: Vec<StatedShare>,
    /// What was paid for ahead: reservations and savings plans.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commitments: Vec<StatedCommitment>,
    /// Quotas of the management account that are not the usual ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quotas: Vec<StatedQuota>,
    /// What rules of AWS Config judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config_evaluations: Vec<StatedEvaluation>,
    /// Functions of Lambda.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<StatedFunction>,
    /// The Region in which Security Hub shows the findings of all Regions; absent: each shows its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding_aggregation: Option<String>,
    /// Control Tower's landing zone; absent: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_tower: Option<ControlTowerBasis>,
    /// Where Config records; absent: drawn, or with a landing zone nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_recorders: Option<Vec<ConfigRecorderPlace>>,
    /// What the seed is given along to make of accounts what the file does not state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<InventoryBasis>,
    /// More access keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<AccessKey>,
    /// Entitlements of account access manager.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entitlements: Vec<Entitlement>,
    /// Switches (`simulator.md` §2.9).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub behaviour: BTreeMap<String, String>,
    /// Rates by service; key is the signing name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Limit>,
    /// Read-after-write windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    /// Durations of asynchronous operations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// The simulated Slack workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack: Option<Value>,
}

/// The organization itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Organization {
    /// `o-…`
    pub id: String,
    /// `r-…`
    pub root: String,
    /// Twelve digits, or the account's name.
    pub management_account: String,
    /// Policy types that are enabled on the root. With service control policies switched on,
    /// `FullAWSAccess` is attached to the root, every unit and every account.
    pub policy_types: Vec<String>,
    /// The exceptions from that: root, units and accounts, named like targets of policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_full_access: Vec<String>,
    /// Tags of the root.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub root_tags: BTreeMap<String, String>,
    /// Service principals with trusted access.
    pub service_access: Vec<String>,
    /// Delegated administrators.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delegated_administrators: Vec<Delegation>,
    /// Transfers of the bill between this organization and others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub billing_transfers: Vec<StatedTransfer>,
    /// Invitations of other organizations to its accounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invitations: Vec<StatedInvitation>,
    /// What other accounts may do with policies of the organization: the document, text or JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegation_policy: Option<Value>,
}

/// A policy of the organization.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationPolicy {
    /// `p-…`
    pub id: String,
    /// Unique among the policies of its type.
    pub name: String,
    /// `SERVICE_CONTROL_POLICY` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The document, text or JSON. Text is kept to the byte.
    pub content: Value,
    /// What it is attached to: `Root` or the root's id; an organizational unit by id, name or
    /// path; an account by id or name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// A delegated administrator.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Delegation {
    /// Account id or name.
    pub account: String,
    /// Service principal.
    pub service: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// A transfer of the bill; one that is `REQUESTED` has an invitation that is open.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StatedTransfer {
    /// `rt-…`
    pub id: String,
    /// `inbound`: this organization pays for the other; `outbound`: the other pays for it.
    pub direction: String,
    /// The management account of the other organization.
    pub other: String,
    /// What it is called.
    pub name: String,
    /// `REQUESTED`, `ACCEPTED`, …
    pub status: String,
    /// RFC 3339.
    pub start: String,
    /// RFC 3339; absent: no end is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Until when the invitation can be answered: RFC 3339; absent: two weeks from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// An organizational unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ou {
    /// `ou-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// Name if unique, else path `A/B`; absent: the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// An account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The root user's e-mail.
    pub email: String,
    /// Organizational unit by name or path; absent: the root.
    pub ou: Option<String>,
    /// `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE`, `CLOSED`, `PENDING_ACTIVATION`; absent: active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// `CREATED` (the default) or `INVITED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_method: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined: Option<String>,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Regions switched on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// The role through which the management account enters it; absent: `OrganizationAccountAccessRole`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_role: Option<String>,
}

/// Contacts of an account, with members as AWS Account Management spells them.
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

/// An aggregator of AWS Config over the whole organization.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigAggregator {
    /// Name.
    pub name: String,
    /// The account it is in.
    pub account: String,
    /// The Region it is in.
    pub region: String,
}

/// A trail of all Regions that logs from the beginning, with digests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedTrail {
    /// Name.
    pub name: String,
    /// The account of trail and bucket.
    pub account: String,
    /// Their Region.
    pub region: String,
    /// Name of the bucket.
    pub bucket: String,
    /// What keys begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Whether it has the events of all accounts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub organization: bool,
    /// From when it has events; absent: all that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// A rule of `EventBridge` on the default bus of an account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventRule {
    /// The account of bus and queue.
    pub account: String,
    /// Their Region.
    pub region: String,
    /// What it is called; absent: as its queue, with a number where that is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name of the queue that is made for it, and is its target unless `targets` says otherwise.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub queue: String,
    /// Name of a topic that stands between the rule and the queue; absent: the rule's target is the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Events of this source only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Events that say this only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail_type: Option<String>,
    /// An event pattern, or the text of one, in place of `source` and `detail_type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Value>,
    /// `ENABLED`, unless it says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// ARN of its role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The service that manages it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    /// Targets as `PutTargets` has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Value>>,
}

/// An insight of DevOps Guru.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedInsight {
    /// Its id.
    pub id: String,
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// `REACTIVE` or `PROACTIVE`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// `LOW`, `MEDIUM` or `HIGH`.
    pub severity: String,
    /// RFC 3339.
    pub start: String,
    /// RFC 3339; absent: it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Stacks of `CloudFormation` that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<String>,
    /// ARNs of resources that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
}

/// A workload of the Well-Architected Tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedWorkload {
    /// Its name, unique in the organization: its id is made of it.
    pub name: String,
    /// The account that defined it.
    pub account: String,
    /// The Region.
    pub region: String,
    /// `PRODUCTION` or `PREPRODUCTION`.
    pub environment: String,
    /// When somebody last answered something of it, RFC 3339.
    pub updated: String,
    /// Accounts that it is shared with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_with: Vec<String>,
    /// Its lenses.
    pub lenses: Vec<StatedLens>,
    /// Its milestones, the first one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<StatedMilestone>,
}

/// A lens of a workload, and what its review found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedLens {
    /// `wellarchitected`, `serverless`, or the ARN of one's own.
    pub alias: String,
    /// When somebody last answered something of it, RFC 3339; absent: with the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// Open risks by pillar and level: `security: {HIGH: 2, MEDIUM: 1}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub risks: BTreeMap<String, BTreeMap<String, u32>>,
}

/// A milestone of a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedMilestone {
    /// Its name.
    pub name: String,
    /// When it was recorded, RFC 3339.
    pub at: String,
}

/// A resource share of RAM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedShare {
    /// Its name, unique in its account: its ARN is made of both.
    pub name: String,
    /// The account that shares.
    pub account: String,
    /// The Region.
    pub region: String,
    /// With whom: `organization`, units by name, path, id or ARN, accounts by name or id.
    pub principals: Vec<String>,
    /// ARNs of what is shared.
    pub resources: Vec<String>,
    /// Whether accounts that have it keep it when they leave the organization.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

/// Something that was paid for a while ahead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedCommitment {
    /// The account that owns it.
    pub account: String,
    /// `reservation` or `savings_plan`.
    pub kind: String,
    /// Its id, unique.
    pub id: String,
}

/// What goes into IAM users, networks and the like of accounts of which the file says nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InventoryBasis {
    /// RFC 3339 instant before which all of it was made and used; absent: the clock's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Addresses of people who have IAM users; absent: some of the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<String>>,
}

/// An access key beside the default ones.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessKey {
    /// `AKIA…`
    pub access_key_id: String,
    /// The secret.
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

/// A role that a person or a group may take without a permission set, by account access manager.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entitlement {
    /// Its id; absent: made of the seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The account of the role, by id or name; absent: the role is an ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The role: its ARN, or its name with the path before it. One that the account does not have is
    /// made, and trusts account access manager.
    pub role: String,
    /// User name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Group name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Id of a user who may be gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Id of a group that may be gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// A rate limit; what is absent keeps its default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Calls a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Calls at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<f64>,
    /// Asynchronous writes at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outstanding: Option<usize>,
}

/// How long reads may lag behind writes (`simulator.md` C-2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// Not at all.
    Strong,
    /// As seen in the field.
    #[default]
    Typical,
    /// Five times that, and reads go back and forth.
    Hard,
}

/// How long asynchronous operations take (`simulator.md` G-1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    /// Seconds, as in the field.
    #[default]
    Real,
    /// 20 to 80 ms.
    Fast,
    /// Final at the first look.
    Instant,
}
