//! Everything the simulated organization is, with the indexes that keep pages cheap.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::base::{Millis, Random, hash};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    account_access::AccountAccess,
    account_requests::AccountRequest,
    administrators::{BehaviorGraph, GraphPlace, RegionalAdministrator, ServicePlace},
    config_recorders::SimRecorders,
    databases::{DatabasePlace, SimDatabase},
    deliveries::Deliveries,
    denials::KeptDenials,
    entities::{
        Account, Assignment, AssignmentKey, Assumed, AsyncKind, CredentialReport, Group,
        HeldPolicies, Id, ListPosition, Membership, Operation, Ou, PermissionSet, PrincipalType,
        Provision, RoleSession, SetPolicies, User,
    },
    event_history::{EventHistory, HistoryEvent},
    exposure::{Bucket, Exposure, PublicAccess},
    guardrails::Guardrails,
    head::Head,
    hubs::{HubPlace, SimHub, SimHubPolicies},
    instance_regions::{AdditionalRegion, InstanceRegion, region_of},
    inventory_facts::{InventoryFacts, KeyUse},
    kms::SimKey,
    limits::Buckets,
    queues::{MessageQueue, QueueKey},
    rules::{BusRule, RuleKey},
    sign_ins::Portal,
    stack_sets::{SimStackSet, StackSetPlace},
    table::Table,
    topics::{NotificationChannel, SimTopic, TopicKey},
    tower::SimTower,
    trails::Trail,
};
use crate::{
    organization::{
        AccessKey, AccountContacts, ConfigAggregator, Consistency, Iam, Limit, Speed,
        StatedCommitment, StatedEvaluation, StatedFunction, StatedInsight, StatedNetwork,
        StatedQuota, StatedShare, StatedWorkload,
    },
    vocabulary::Behaviour,
};

/// IAM Identity Center's own facts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Center {
    /// ARN of the instance.
    pub instance_arn: String,
    /// `d-…`
    pub store: String,
    /// The Region it lives in.
    pub home_region: String,
    /// Address of the portal.
    pub portal_url: String,
    /// Name of the instance.
    pub name: Option<String>,
    /// `identity_center`, `external`, `active_directory`.
    pub source: String,
    /// When the instance was made.
    pub created: Millis,
    /// How long a portal session lasts, in seconds; absent: 8 hours (`simulator.md` N-4).
    #[serde(default)]
    pub portal_session_seconds: Option<u32>,
    /// Seconds from an administrator's delete of a portal session to its end; absent: 300.
    #[serde(default)]
    pub portal_revocation_lag: Option<u32>,
    /// ARN of the customer's key that its data is encrypted with; absent: a key of AWS's own.
    #[serde(default)]
    pub key: Option<String>,
    /// Whether its permission sets were switched off (`PermissionSetsEnabled`).
    #[serde(default)]
    pub without_sets: bool,
    /// The Regions that it is replicated to.
    #[serde(default)]
    pub additional_regions: Vec<AdditionalRegion>,
    /// From which networks it may be reached; absent: nobody has said so.
    #[serde(default)]
    pub network: Option<StatedNetwork>,
}

impl Center {
    /// The address that AWS gives the portal.
    pub(crate) fn start_url(&self) -> String {
        format!("https://{}.awsapps.com/start", self.store)
    }

    /// What a Region is to the instance.
    pub(crate) fn region(&self, name: &str, now: Millis) -> InstanceRegion {
        region_of(&self.home_region, &self.additional_regions, name, now)
    }

    /// Whether people sign in in a Region.
    pub(crate) fn signs_in(&self, region: &str, now: Millis) -> bool {
        self.region(region, now) != InstanceRegion::None
    }

    /// The additional Regions that are there, come or go.
    pub(crate) fn replicas(&self, now: Millis) -> impl Iterator<Item = &AdditionalRegion> {
        let all = self.additional_regions.iter();
        all.filter(move |it| it.is_there(now))
    }
}

/// Settings that the machine obeys.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimSettings {
    /// Read-after-write windows.
    pub consistency: Consistency,
    /// Durations of asynchronous operations.
    pub speed: Speed,
    /// Switches.
    pub behaviour: Behaviour,
    /// Limits that differ from the defaults.
    pub limits: BTreeMap<String, Limit>,
    /// Whether calls are throttled at all.
    pub throttle: bool,
    /// Whether account-level rules and policies are enforced.
    pub authorize: bool,
    /// Whether identity policies, boundaries, session policies and resource control policies
    /// are, too.
    #[serde(default)]
    pub full: bool,
}

/// The whole state. `handle` in `core` is the only way in for calls.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimState {
    /// Seed of everything drawn.
    pub seed: u64,
    /// The organization itself.
    pub head: Head,
    /// Identity Center's own facts.
    pub center: Center,
    /// Settings.
    pub settings: SimSettings,
    /// Accounts.
    pub accounts: Table<ListPosition, Account>,
    /// OUs.
    pub ous: Table<ListPosition, Ou>,
    /// Accounts by parent.
    pub child_accounts: BTreeMap<Id, BTreeSet<ListPosition>>,
    /// OUs by parent.
    pub child_ous: BTreeMap<Id, BTreeSet<ListPosition>>,
    /// Policies of the organization and their attachments.
    #[serde(default)]
    pub guardrails: Guardrails,
    /// People.
    pub users: Table<ListPosition, User>,
    /// Ids that have or had a lower-case user name.
    pub user_names: BTreeMap<String, BTreeSet<Id>>,
    /// Ids that have or had a lower-case e-mail.
    pub user_emails: BTreeMap<String, BTreeSet<Id>>,
    /// Groups.
    pub groups: Table<ListPosition, Group>,
    /// Ids that have or had a display name.
    pub group_names: BTreeMap<String, BTreeSet<Id>>,
    /// Memberships by group.
    pub memberships: Table<(Id, u64, Id), Membership>,
    /// Groups by user.
    pub member_of: BTreeSet<(Id, u64, Id)>,
    /// Group and user by membership id.
    pub membership_ids: BTreeMap<Id, (Id, Id)>,
    /// Permission sets.
    pub sets: Table<ListPosition, PermissionSet>,
    /// What sets let their roles do before they were changed: by set, and by the last version
    /// for which it holds. Roles keep it until the set is provisioned again.
    #[serde(default)]
    pub set_policies: BTreeMap<Id, BTreeMap<u64, SetPolicies>>,
    /// Sets by name.
    pub set_names: BTreeMap<String, Id>,
    /// Assignments.
    pub assignments: Table<AssignmentKey, Assignment>,
    /// Assignments by principal: principal, order, account, set.
    pub assigned_to: BTreeSet<(Id, u64, Id, Id)>,
    /// Provisioned sets by account.
    pub provisions: Table<(Id, u64, Id), Provision>,
    /// Accounts by provisioned set.
    pub provisioned_in: BTreeSet<(Id, u64, Id)>,
    /// Accounts that were asked for, by request id.
    #[serde(default)]
    pub account_requests: BTreeMap<Id, AccountRequest>,
    /// When an account was asked for or moved last.
    #[serde(default)]
    pub account_write: Option<Millis>,
    /// Asynchronous operations by request id.
    pub operations: BTreeMap<Id, Operation>,
    /// The same, newest first.
    pub operation_order: BTreeSet<(AsyncKind, u64, Id)>,
    /// The ones in flight, by due time.
    pub in_flight: BTreeSet<(Millis, Id)>,
    /// Role sessions that the portal gave.
    pub sessions: Vec<RoleSession>,
    /// What sessions of assumed roles were given along, by access key.
    #[serde(default)]
    pub assumed: BTreeMap<String, Assumed>,
    /// What the access portal remembers.
    #[serde(default)]
    pub portal: Portal,
    /// What CloudTrail keeps; in memory only.
    #[serde(skip)]
    pub history: EventHistory,
    /// What is kept of denied calls; in memory only.
    #[serde(skip)]
    pub denials: KeptDenials,
    /// Trails, by ARN.
    #[serde(default)]
    pub trails: BTreeMap<String, Trail>,
    /// What they delivered; in memory only.
    #[serde(skip)]
    pub deliveries: Deliveries,
    /// IAM of the file.
    pub iam: BTreeMap<String, Iam>,
    /// Contacts of the file, and those that somebody wrote.
    #[serde(default)]
    pub contacts: BTreeMap<String, AccountContacts>,
    /// Aggregators of Config that the file states.
    #[serde(default)]
    pub config_aggregators: Option<Vec<ConfigAggregator>>,
    /// Queues, by Region, account and name.
    #[serde(default, with = "super::queues::as_rows")]
    pub queues: BTreeMap<QueueKey, MessageQueue>,
    /// Rules of `EventBridge`, by account, Region and name.
    #[serde(default, with = "super::queues::as_rows")]
    pub bus_rules: BTreeMap<RuleKey, BusRule>,
    /// What DevOps Guru found.
    #[serde(default)]
    pub devops_guru_insights: Vec<StatedInsight>,
    /// Workloads of the Well-Architected Tool.
    #[serde(default)]
    pub workloads: Vec<StatedWorkload>,
    /// Resource shares; whom they are with is said by ids and ARNs.
    #[serde(default)]
    pub resource_shares: Vec<StatedShare>,
    /// Reservations and savings plans.
    #[serde(default)]
    pub commitments: Vec<StatedCommitment>,
    /// Quotas of the management account that are not the usual ones.
    #[serde(default)]
    pub quotas: Vec<StatedQuota>,
    /// What rules of AWS Config judged.
    #[serde(default)]
    pub config_evaluations: Vec<StatedEvaluation>,
    /// Functions of Lambda.
    #[serde(default)]
    pub functions: Vec<StatedFunction>,
    /// Until when they were told on the bus.
    #[serde(default)]
    pub insights_told: Millis,
    /// Events that were put on buses: ids are made of it.
    #[serde(default)]
    pub events_put: u64,
    /// The Region that has the findings of all Regions.
    #[serde(default)]
    pub finding_aggregation: Option<String>,
    /// Findings, by Region, product and id.
    #[serde(default, with = "super::queues::as_rows")]
    pub findings: BTreeMap<(String, String, String), Value>,
    /// Insights, by Region and account.
    #[serde(default, with = "super::queues::as_rows")]
    pub insights: BTreeMap<(String, String), Vec<Value>>,
    /// Administrators that services know, by service and Region.
    #[serde(default, with = "super::queues::as_rows")]
    pub regional_administrators: BTreeMap<ServicePlace, RegionalAdministrator>,
    /// Where a service has no administrator any more, whoever Organizations names for it.
    #[serde(default)]
    pub without_administrator: BTreeSet<ServicePlace>,
    /// Behavior graphs, by account and Region.
    #[serde(default, with = "super::queues::as_rows")]
    pub behavior_graphs: BTreeMap<GraphPlace, BehaviorGraph>,
    /// Security Hub, by account and Region.
    #[serde(default, with = "super::queues::as_rows")]
    pub hubs: BTreeMap<HubPlace, SimHub>,
    /// Control Tower's landing zone.
    #[serde(default)]
    pub tower: Option<SimTower>,
    /// Recorders of Config.
    #[serde(default)]
    pub config_recorders: SimRecorders,
    /// How the administrator of Security Hub configures accounts.
    #[serde(default)]
    pub hub_policies: SimHubPolicies,
    /// Keys of KMS, by id.
    #[serde(default)]
    pub keys: BTreeMap<String, SimKey>,
    /// Databases of RDS, by account and Region, then by identifier.
    #[serde(default, with = "super::queues::as_rows")]
    pub databases: BTreeMap<DatabasePlace, BTreeMap<String, SimDatabase>>,
    /// Stack sets of `CloudFormation`, by account and Region, then by name.
    #[serde(default, with = "super::queues::as_rows")]
    pub stack_sets: BTreeMap<StackSetPlace, BTreeMap<String, SimStackSet>>,
    /// Topics of SNS.
    #[serde(default, with = "super::queues::as_rows")]
    pub topics: BTreeMap<TopicKey, SimTopic>,
    /// Channels of DevOps Guru, by account and Region.
    #[serde(default, with = "super::queues::as_rows")]
    pub notification_channels: BTreeMap<GraphPlace, Vec<NotificationChannel>>,
    /// What accounts leave open or close.
    #[serde(default)]
    pub exposure: Exposure,
    /// IAM of accounts to which somebody wrote.
    #[serde(default)]
    pub iam_written: Table<Id, Iam>,
    /// Credential reports, by account.
    #[serde(default)]
    pub credential_reports: BTreeMap<Id, CredentialReport>,
    /// From what is made what the file leaves out of accounts.
    #[serde(default)]
    pub inventory: InventoryFacts,
    /// The last uses of access keys that signed calls; not part of what survives a restart.
    #[serde(skip)]
    pub key_uses: BTreeMap<String, KeyUse>,
    /// Keys of the file.
    pub credentials: Vec<AccessKey>,
    /// Account access manager.
    #[serde(default)]
    pub account_access: AccountAccess,
    /// Slack of the file, kept as it is.
    pub slack: Option<Value>,
    /// The file's clock.
    pub clock: Option<String>,
    /// Operations in the model without behaviour that were called.
    pub unsupported: BTreeSet<String>,
    /// The latest instant seen; time never runs backwards.
    pub latest: Millis,
    /// Token buckets; not part of what survives a restart.
    #[serde(skip)]
    pub buckets: Buckets,
}

impl SimState {
    /// Adds a trail that an organization file states, with its bucket.
    pub(crate) fn add_trail(&mut self, trail: Trail, created: Millis) {
        let bucket = Bucket {
            account: trail.account.clone(),
            region: trail.home_region.clone(),
            created,
            blocked: Some(PublicAccess::ALL),
        };
        self.exposure.buckets.insert(trail.bucket.clone(), bucket);
        self.trails.insert(trail.arn(), trail);
    }

    /// Keeps that a call was made, for `LookupEvents` and for trails.
    pub(crate) fn note_call(&mut self, event: HistoryEvent) {
        let event = Arc::new(event);
        self.deliveries.add(&event);
        self.history.add_call(event);
    }

    /// The same of a sign-in, and of what somebody brings.
    pub(crate) fn note_sign_in(&mut self, event: HistoryEvent) {
        let event = Arc::new(event);
        self.deliveries.add(&event);
        self.history.add_sign_in(event);
    }

    /// Starts the clock of a state that was just loaded.
    pub(crate) fn start(&mut self, at: Millis) {
        self.latest = at;
        self.insights_told = at;
        self.inventory.as_of.get_or_insert(at);
        self.make_entitled_roles();
    }

    /// Takes over from a state before it what no file has: what is under way, and who is signed in.
    pub(crate) fn carry_over(&mut self, before: &mut Self) {
        use std::mem::take;
        self.operations = take(&mut before.operations);
        self.operation_order = take(&mut before.operation_order);
        self.in_flight = take(&mut before.in_flight);
        self.account_requests = take(&mut before.account_requests);
        self.account_write = before.account_write;
        self.sessions = take(&mut before.sessions);
        self.assumed = take(&mut before.assumed);
        self.portal = take(&mut before.portal);
    }

    /// Place of an id in a listing.
    pub(crate) fn place(&self, id: &str) -> ListPosition {
        (self.order(id), id.into())
    }

    /// The stable internal order (`simulator.md` PG-2).
    pub(crate) fn order(&self, text: &str) -> u64 {
        hash(text) ^ Random::new(self.seed, "order").bits()
    }

    /// An account now.
    pub(crate) fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.latest(&self.place(id))
    }

    /// An OU now.
    pub(crate) fn ou(&self, id: &str) -> Option<&Ou> {
        self.ous.latest(&self.place(id))
    }

    /// A user now.
    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.latest(&self.place(id))
    }

    /// A group now.
    pub(crate) fn group(&self, id: &str) -> Option<&Group> {
        self.groups.latest(&self.place(id))
    }

    /// A permission set now.
    pub(crate) fn set(&self, id: &str) -> Option<&PermissionSet> {
        self.sets.latest(&self.place(id))
    }

    /// The ARN of a permission set.
    pub(crate) fn set_arn(&self, id: &str) -> String {
        let instance = self
            .center
            .instance_arn
            .rsplit('/')
            .next()
            .unwrap_or_default();
        format!("arn:aws:sso:::permissionSet/{instance}/{id}")
    }

    /// Whether a principal exists in the directory now.
    pub(crate) fn principal_exists(&self, principal_type: PrincipalType, id: &str) -> bool {
        match principal_type {
            PrincipalType::User => self.user(id).is_some(),
            PrincipalType::Group => self.group(id).is_some(),
        }
    }

    /// Puts a changed set, and keeps what roles still hold of the old one.
    pub(crate) fn put_changed_set(&mut self, set: PermissionSet, seen: Millis, now: Millis) {
        let place = self.place(&set.id);
        if let Some(old) = self.sets.latest(&place)
            && old.version < set.version
            && old.policies() != set.policies()
        {
            let (version, policies) = (old.version, old.policies());
            let kept = self.set_policies.entry(set.id.clone()).or_default();
            kept.insert(version, policies);
        }
        self.sets.put(place, set, seen, now);
    }

    /// What a set let its roles do at a version.
    pub(crate) fn policies_at<'a>(
        &'a self,
        set: &'a PermissionSet,
        version: u64,
    ) -> HeldPolicies<'a> {
        let kept = self.set_policies.get(&set.id);
        let kept = kept.and_then(|versions| versions.range(version..).next());
        match kept {
            Some((_, old)) => HeldPolicies {
                managed: &old.managed,
                inline: old.inline.as_ref(),
                customer_managed: &old.customer_managed,
                boundary: old.boundary.as_ref(),
            },
            None => HeldPolicies {
                managed: &set.managed,
                inline: set.inline.as_ref(),
                customer_managed: &set.customer_managed,
                boundary: set.boundary.as_ref(),
            },
        }
    }

    /// The user who has this name now, whatever its case.
    pub(crate) fn user_named(&self, name: &str) -> Option<&User> {
        let name = name.to_lowercase();
        let ids = self.user_names.get(&name)?;
        ids.iter()
            .filter_map(|id| self.user(id))
            .find(|user| user.user_name().to_lowercase() == name)
    }

    /// The group that has this name now.
    pub(crate) fn group_named(&self, name: &str) -> Option<&Group> {
        let ids = self.group_names.get(name)?;
        ids.iter()
            .filter_map(|id| self.group(id))
            .find(|group| group.name() == name)
    }

    /// The permission set that has this name now.
    pub(crate) fn set_named(&self, name: &str) -> Option<&PermissionSet> {
        self.set(self.set_names.get(name)?)
    }

    /// The key of an assignment.
    pub(crate) fn assignment_key(
        &self,
        account: &str,
        set: &str,
        principal_type: PrincipalType,
        principal: &str,
    ) -> AssignmentKey {
        AssignmentKey {
            account: account.into(),
            set: set.into(),
            order: self.order(principal),
            principal_type,
            principal: principal.into(),
        }
    }

    /// Writes an assignment and what comes with the first of its pair.
    pub(crate) fn add_assignment(
        &mut self,
        key: AssignmentKey,
        row: Assignment,
        seen: Millis,
        now: Millis,
    ) {
        let pair = self.order(&format!("{}/{}", key.account, key.set));
        self.assigned_to.insert((
            key.principal.clone(),
            pair,
            key.account.clone(),
            key.set.clone(),
        ));
        let provision = (key.account.clone(), self.order(&key.set), key.set.clone());
        if self.provisions.latest(&provision).is_none() {
            let suffix = Random::new(
                self.seed,
                &format!("role/{}/{}/{now}", key.account, key.set),
            )
            .hex(16);
            self.add_provision(&key.account, &key.set, suffix, seen, now);
        }
        self.assignments.put(key, row, seen, now);
    }

    /// Records the role of a pair, holding the set as it is now.
    pub(crate) fn add_provision(
        &mut self,
        account: &str,
        set: &str,
        suffix: String,
        seen: Millis,
        now: Millis,
    ) {
        let held = self.set(set);
        let row = Provision {
            suffix,
            version: held.map_or(1, |set| set.version),
            session_duration: held.map(|set| set.session_duration.clone()),
        };
        let key = (Id::from(account), self.order(set), Id::from(set));
        self.provisions.put(key, row, seen, now);
        self.provisioned_in
            .insert((set.into(), self.order(account), account.into()));
    }

    /// Removes an assignment and what goes with the last of its pair.
    pub(crate) fn remove_assignment(&mut self, key: &AssignmentKey, seen: Millis, now: Millis) {
        self.assignments.remove(key, seen, now);
        if self.assignments_of(&key.account, &key.set).next().is_none() {
            let provision = (key.account.clone(), self.order(&key.set), key.set.clone());
            self.provisions.remove(&provision, seen, now);
        }
    }

    /// The assignments of a pair now.
    pub(crate) fn assignments_of(
        &self,
        account: &str,
        set: &str,
    ) -> impl Iterator<Item = &AssignmentKey> {
        let (account, set) = (Id::from(account), Id::from(set));
        self.assignments
            .range(std::ops::Bound::Included(first_of(&account, &set)))
            .map(|(key, _)| key)
            .take_while(move |key| key.account == account && key.set == set)
    }

    /// Puts a user and its index entries.
    pub(crate) fn put_user(&mut self, user: User, seen: Millis, now: Millis) {
        let id = user.id.clone();
        self.user_names
            .entry(user.user_name().to_lowercase())
            .or_default()
            .insert(id.clone());
        if let Some(email) = user.email() {
            self.user_emails
                .entry(email.to_lowercase())
                .or_default()
                .insert(id.clone());
        }
        let place = self.place(&id);
        self.users.put(place, user, seen, now);
    }

    /// Puts a group and its index entry.
    pub(crate) fn put_group(&mut self, group: Group, seen: Millis, now: Millis) {
        let id = group.id.clone();
        self.group_names
            .entry(group.name().to_owned())
            .or_default()
            .insert(id.clone());
        let place = self.place(&id);
        self.groups.put(place, group, seen, now);
    }

    /// The key of a membership.
    pub(crate) fn membership_key(&self, group: &str, user: &str) -> (Id, u64, Id) {
        (group.into(), self.order(user), user.into())
    }

    /// Puts a membership and its index entries.
    pub(crate) fn put_membership(&mut self, row: Membership, seen: Millis, now: Millis) {
        let order = self.order(&row.group);
        self.member_of
            .insert((row.user.clone(), order, row.group.clone()));
        self.membership_ids
            .insert(row.id.clone(), (row.group.clone(), row.user.clone()));
        let key = self.membership_key(&row.group, &row.user);
        self.memberships.put(key, row, seen, now);
    }

    /// The groups of a user now.
    pub(crate) fn groups_of(&self, user: &str) -> impl Iterator<Item = &Id> {
        let user = Id::from(user);
        self.member_of
            .range((user.clone(), 0, Id::from(""))..)
            .take_while(move |(member, ..)| *member == user)
            .filter(|(user, _, group)| {
                self.memberships
                    .latest(&self.membership_key(group, user))
                    .is_some()
            })
            .map(|(_, _, group)| group)
    }

    /// The members of a group now.
    pub(crate) fn members_of(&self, group: &str) -> impl Iterator<Item = &Membership> {
        let group = Id::from(group);
        self.memberships
            .range(std::ops::Bound::Included((group.clone(), 0, Id::from(""))))
            .take_while(move |((of, ..), _)| *of == group)
            .map(|(_, row)| row)
    }
}

/// The least key of a pair, where a scan of its assignments starts.
pub(crate) fn first_of(account: &Id, set: &Id) -> AssignmentKey {
    AssignmentKey {
        account: account.clone(),
        set: set.clone(),
        order: 0,
        principal_type: PrincipalType::User,
        principal: "".into(),
    }
}
