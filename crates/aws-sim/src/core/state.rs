//! The state of the simulated organization, with indexes that keep pages cheap.

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
        AccessKey, AccountContacts, ConfigAggregator, Consistency, Iam, Limit, OnCallSchedule,
        Speed, StatedCommitment, StatedEvaluation, StatedFunction, StatedInsight, StatedNetwork,
        StatedQuota, StatedShare, StatedTicket, StatedWorkload,
    },
    vocabulary::Behaviour,
};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Center {
    pub instance_arn: String,
    /// `d-…`
    pub store: String,
    pub home_region: String,
    pub portal_url: String,
    pub name: Option<String>,
    /// `identity_center`, `external`, `active_directory`.
    pub source: String,
    pub created: Millis,
    /// In seconds; absent: 8 hours (`simulator.md` N-4).
    #[serde(default)]
    pub portal_session_seconds: Option<u32>,
    /// Seconds from an administrator's delete of a portal session to its end; absent: 300.
    #[serde(default)]
    pub portal_revocation_lag: Option<u32>,
    /// ARN of the customer managed key; absent: an AWS owned key.
    #[serde(default)]
    pub key: Option<String>,
    /// Permission sets are disabled (`PermissionSetsEnabled`).
    #[serde(default)]
    pub without_sets: bool,
    #[serde(default)]
    pub additional_regions: Vec<AdditionalRegion>,
    /// Absent: not configured.
    #[serde(default)]
    pub network: Option<StatedNetwork>,
}

impl Center {
    /// AWS's address of the portal.
    pub(crate) fn start_url(&self) -> String {
        format!("https://{}.awsapps.com/start", self.store)
    }

    pub(crate) fn region(&self, name: &str, now: Millis) -> InstanceRegion {
        region_of(&self.home_region, &self.additional_regions, name, now)
    }

    pub(crate) fn signs_in(&self, region: &str, now: Millis) -> bool {
        self.region(region, now) != InstanceRegion::None
    }

    pub(crate) fn replicas(&self, now: Millis) -> impl Iterator<Item = &AdditionalRegion> {
        let all = self.additional_regions.iter();
        all.filter(move |it| it.is_there(now))
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimSettings {
    pub consistency: Consistency,
    pub speed: Speed,
    pub behaviour: Behaviour,
    pub limits: BTreeMap<String, Limit>,
    pub throttle: bool,
    pub authorize: bool,
    /// Also enforces identity policies, boundaries, session policies and resource control policies.
    #[serde(default)]
    pub full: bool,
}

/// `handle` in `core` is the only entry for calls.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimState {
    pub seed: u64,
    pub head: Head,
    pub center: Center,
    pub settings: SimSettings,
    pub accounts: Table<ListPosition, Account>,
    pub ous: Table<ListPosition, Ou>,
    pub child_accounts: BTreeMap<Id, BTreeSet<ListPosition>>,
    pub child_ous: BTreeMap<Id, BTreeSet<ListPosition>>,
    #[serde(default)]
    pub guardrails: Guardrails,
    pub users: Table<ListPosition, User>,
    pub user_names: BTreeMap<String, BTreeSet<Id>>,
    pub user_emails: BTreeMap<String, BTreeSet<Id>>,
    pub groups: Table<ListPosition, Group>,
    pub group_names: BTreeMap<String, BTreeSet<Id>>,
    pub memberships: Table<(Id, u64, Id), Membership>,
    pub member_of: BTreeSet<(Id, u64, Id)>,
    /// Group and user by membership id.
    pub membership_ids: BTreeMap<Id, (Id, Id)>,
    pub sets: Table<ListPosition, PermissionSet>,
    /// Earlier policies: by set, and by the last version with them. Roles keep these until the set
    /// is provisioned again.
    #[serde(default)]
    pub set_policies: BTreeMap<Id, BTreeMap<u64, SetPolicies>>,
    pub set_names: BTreeMap<String, Id>,
    pub assignments: Table<AssignmentKey, Assignment>,
    /// Principal, order, account, set.
    pub assigned_to: BTreeSet<(Id, u64, Id, Id)>,
    pub provisions: Table<(Id, u64, Id), Provision>,
    pub provisioned_in: BTreeSet<(Id, u64, Id)>,
    #[serde(default)]
    pub account_requests: BTreeMap<Id, AccountRequest>,
    #[serde(default)]
    pub account_write: Option<Millis>,
    pub operations: BTreeMap<Id, Operation>,
    /// Newest first.
    pub operation_order: BTreeSet<(AsyncKind, u64, Id)>,
    pub in_flight: BTreeSet<(Millis, Id)>,
    pub sessions: Vec<RoleSession>,
    #[serde(default)]
    pub assumed: BTreeMap<String, Assumed>,
    #[serde(default)]
    pub portal: Portal,
    /// In memory only.
    #[serde(skip)]
    pub history: EventHistory,
    /// In memory only.
    #[serde(skip)]
    pub denials: KeptDenials,
    #[serde(default)]
    pub trails: BTreeMap<String, Trail>,
    /// In memory only.
    #[serde(skip)]
    pub deliveries: Deliveries,
    pub iam: BTreeMap<String, Iam>,
    #[serde(default)]
    pub contacts: BTreeMap<String, AccountContacts>,
    #[serde(default)]
    pub config_aggregators: Option<Vec<ConfigAggregator>>,
    #[serde(default, with = "super::queues::as_rows")]
    pub queues: BTreeMap<QueueKey, MessageQueue>,
    #[serde(default, with = "super::queues::as_rows")]
    pub bus_rules: BTreeMap<RuleKey, BusRule>,
    #[serde(default)]
    pub devops_guru_insights: Vec<StatedInsight>,
    #[serde(default)]
    pub workloads: Vec<StatedWorkload>,
    /// Principals as ids and ARNs.
    #[serde(default)]
    pub resource_shares: Vec<StatedShare>,
    #[serde(default)]
    pub commitments: Vec<StatedCommitment>,
    #[serde(default)]
    pub quotas: Vec<StatedQuota>,
    #[serde(default)]
    pub config_evaluations: Vec<StatedEvaluation>,
    #[serde(default)]
    pub functions: Vec<StatedFunction>,
    /// Published on the bus up to this instant.
    #[serde(default)]
    pub insights_told: Millis,
    /// Total published events; part of their ids.
    #[serde(default)]
    pub events_put: u64,
    #[serde(default)]
    pub finding_aggregation: Option<String>,
    #[serde(default, with = "super::queues::as_rows")]
    pub findings: BTreeMap<(String, String, String), Value>,
    #[serde(default, with = "super::queues::as_rows")]
    pub insights: BTreeMap<(String, String), Vec<Value>>,
    #[serde(default, with = "super::queues::as_rows")]
    pub regional_administrators: BTreeMap<ServicePlace, RegionalAdministrator>,
    /// Services without an administrator in a Region, in spite of a registration in Organizations.
    #[serde(default)]
    pub without_administrator: BTreeSet<ServicePlace>,
    #[serde(default, with = "super::queues::as_rows")]
    pub behavior_graphs: BTreeMap<GraphPlace, BehaviorGraph>,
    #[serde(default, with = "super::queues::as_rows")]
    pub hubs: BTreeMap<HubPlace, SimHub>,
    #[serde(default)]
    pub tower: Option<SimTower>,
    #[serde(default)]
    pub config_recorders: SimRecorders,
    #[serde(default)]
    pub hub_policies: SimHubPolicies,
    #[serde(default)]
    pub keys: BTreeMap<String, SimKey>,
    /// By account and Region, then by identifier.
    #[serde(default, with = "super::queues::as_rows")]
    pub databases: BTreeMap<DatabasePlace, BTreeMap<String, SimDatabase>>,
    /// By account and Region, then by name.
    #[serde(default, with = "super::queues::as_rows")]
    pub stack_sets: BTreeMap<StackSetPlace, BTreeMap<String, SimStackSet>>,
    #[serde(default, with = "super::queues::as_rows")]
    pub topics: BTreeMap<TopicKey, SimTopic>,
    /// By account and Region.
    #[serde(default, with = "super::queues::as_rows")]
    pub notification_channels: BTreeMap<GraphPlace, Vec<NotificationChannel>>,
    #[serde(default)]
    pub exposure: Exposure,
    /// Only accounts with writes.
    #[serde(default)]
    pub iam_written: Table<Id, Iam>,
    #[serde(default)]
    pub credential_reports: BTreeMap<Id, CredentialReport>,
    #[serde(default)]
    pub inventory: InventoryFacts,
    /// Not durable.
    #[serde(skip)]
    pub key_uses: BTreeMap<String, KeyUse>,
    pub credentials: Vec<AccessKey>,
    #[serde(default)]
    pub account_access: AccountAccess,
    #[serde(default)]
    pub on_call: Vec<OnCallSchedule>,
    #[serde(default)]
    pub tickets: Vec<StatedTicket>,
    /// The file's Slack part, unchanged.
    pub slack: Option<Value>,
    pub clock: Option<String>,
    /// Called operations that are not simulated.
    pub unsupported: BTreeSet<String>,
    /// The latest instant seen; time never runs backwards.
    pub latest: Millis,
    /// Not durable.
    #[serde(skip)]
    pub buckets: Buckets,
}

impl SimState {
    /// Adds a file's trail, with its bucket.
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

    /// Records a call for `LookupEvents` and trails.
    pub(crate) fn note_call(&mut self, event: HistoryEvent) {
        let event = Arc::new(event);
        self.deliveries.add(&event);
        self.history.add_call(event);
    }

    /// Also for imported events.
    pub(crate) fn note_sign_in(&mut self, event: HistoryEvent) {
        let event = Arc::new(event);
        self.deliveries.add(&event);
        self.history.add_sign_in(event);
    }

    pub(crate) fn start(&mut self, at: Millis) {
        self.latest = at;
        self.insights_told = at;
        self.inventory.as_of.get_or_insert(at);
        self.make_entitled_roles();
    }

    /// Takes over state that no file contains: pending operations and sign-ins.
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

    pub(crate) fn place(&self, id: &str) -> ListPosition {
        (self.order(id), id.into())
    }

    /// The stable internal order (`simulator.md` PG-2).
    pub(crate) fn order(&self, text: &str) -> u64 {
        hash(text) ^ Random::new(self.seed, "order").bits()
    }

    pub(crate) fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.latest(&self.place(id))
    }

    pub(crate) fn ou(&self, id: &str) -> Option<&Ou> {
        self.ous.latest(&self.place(id))
    }

    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.latest(&self.place(id))
    }

    pub(crate) fn group(&self, id: &str) -> Option<&Group> {
        self.groups.latest(&self.place(id))
    }

    pub(crate) fn set(&self, id: &str) -> Option<&PermissionSet> {
        self.sets.latest(&self.place(id))
    }

    pub(crate) fn set_arn(&self, id: &str) -> String {
        let instance = self
            .center
            .instance_arn
            .rsplit('/')
            .next()
            .unwrap_or_default();
        format!("arn:aws:sso:::permissionSet/{instance}/{id}")
    }

    pub(crate) fn principal_exists(&self, principal_type: PrincipalType, id: &str) -> bool {
        match principal_type {
            PrincipalType::User => self.user(id).is_some(),
            PrincipalType::Group => self.group(id).is_some(),
        }
    }

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

    /// Ignores case.
    pub(crate) fn user_named(&self, name: &str) -> Option<&User> {
        let name = name.to_lowercase();
        let ids = self.user_names.get(&name)?;
        ids.iter()
            .filter_map(|id| self.user(id))
            .find(|user| user.user_name().to_lowercase() == name)
    }

    pub(crate) fn group_named(&self, name: &str) -> Option<&Group> {
        let ids = self.group_names.get(name)?;
        ids.iter()
            .filter_map(|id| self.group(id))
            .find(|group| group.name() == name)
    }

    pub(crate) fn set_named(&self, name: &str) -> Option<&PermissionSet> {
        self.set(self.set_names.get(name)?)
    }

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

    pub(crate) fn remove_assignment(&mut self, key: &AssignmentKey, seen: Millis, now: Millis) {
        self.assignments.remove(key, seen, now);
        if self.assignments_of(&key.account, &key.set).next().is_none() {
            let provision = (key.account.clone(), self.order(&key.set), key.set.clone());
            self.provisions.remove(&provision, seen, now);
        }
    }

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

    pub(crate) fn put_group(&mut self, group: Group, seen: Millis, now: Millis) {
        let id = group.id.clone();
        self.group_names
            .entry(group.name().to_owned())
            .or_default()
            .insert(id.clone());
        let place = self.place(&id);
        self.groups.put(place, group, seen, now);
    }

    pub(crate) fn membership_key(&self, group: &str, user: &str) -> (Id, u64, Id) {
        (group.into(), self.order(user), user.into())
    }

    pub(crate) fn put_membership(&mut self, row: Membership, seen: Millis, now: Millis) {
        let order = self.order(&row.group);
        self.member_of
            .insert((row.user.clone(), order, row.group.clone()));
        self.membership_ids
            .insert(row.id.clone(), (row.group.clone(), row.user.clone()));
        let key = self.membership_key(&row.group, &row.user);
        self.memberships.put(key, row, seen, now);
    }

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

    pub(crate) fn members_of(&self, group: &str) -> impl Iterator<Item = &Membership> {
        let group = Id::from(group);
        self.memberships
            .range(std::ops::Bound::Included((group.clone(), 0, Id::from(""))))
            .take_while(move |((of, ..), _)| *of == group)
            .map(|(_, row)| row)
    }
}

pub(crate) fn first_of(account: &Id, set: &Id) -> AssignmentKey {
    AssignmentKey {
        account: account.clone(),
        set: set.clone(),
        order: 0,
        principal_type: PrincipalType::User,
        principal: "".into(),
    }
}
