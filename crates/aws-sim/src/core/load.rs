mod stated;
mod users;

use std::collections::HashMap;

use self::users::{add_external_ids, user_attributes};
use crate::base::{Millis, Random};
use serde_json::{Map, Value, json};

use super::{
    control_tower,
    document::Document,
    entities::{
        Account, Assignment, Group, Id, Membership, Origin, Ou, PermissionSet, PrincipalType,
        Provision, SetPolicies, User,
    },
    guardrails::Guardrail,
    head::Head,
    instance_regions::stated as stated_regions,
    instants::instant,
    inventory_facts::InventoryFacts,
    state::{Center, SimSettings, SimState},
    stated_center, stated_rules,
    trails::Trail,
};
use crate::{
    organization::{self, DEFAULT_SEED, NameIndex, OrganizationFile, Problem},
    vocabulary::{
        Behaviour,
        policy_types::{self, FULL_ACCESS},
    },
};

#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    pub seed: Option<u64>,
    pub speed: Option<organization::Speed>,
    pub consistency: Option<organization::Consistency>,
    pub behaviour: Vec<(String, String)>,
    pub throttle: bool,
    /// Whether to enforce account-level rules and policies.
    pub authorize: bool,
    /// Whether to enforce every policy type.
    pub full: bool,
    /// Portal address if the file has none.
    pub portal_url: Option<String>,
}

/// 2023-01-09, a Monday: start of a generated organization.
const BEGINNING: Millis = 1_673_254_800_000;
/// Two and a half years.
const SPREAD: u64 = 900 * 86_400;

/// Loads a file.
///
/// # Errors
/// Unknown switches. `parse` has checked the file's names.
pub(crate) fn load(
    file: &OrganizationFile,
    overrides: &Overrides,
) -> Result<SimState, Vec<Problem>> {
    let seed = overrides.seed.or(file.seed).unwrap_or(DEFAULT_SEED);
    stated_center::check(file)?;
    stated_rules::check(file)?;
    let mut state = SimState {
        seed,
        settings: settings(file, overrides)?,
        inventory: InventoryFacts::of(file, seed),
        ..SimState::default()
    };
    let names = NameIndex::of(file);
    let loader = Loader { file, names, seed };
    loader.head(&mut state);
    place_portal(&mut state, file, overrides.portal_url.as_deref());
    loader.tree(&mut state);
    control_tower::load_file(&mut state, file, &loader.names);
    loader.guardrails(&mut state);
    loader.directory(&mut state);
    loader.sets(&mut state);
    loader.provisioned(&mut state);
    loader.assignments(&mut state);
    state.load_entitlements(&file.entitlements, &loader.names);
    Ok(state)
}

/// Sets the portal address, unless the file does.
pub(crate) fn place_portal(state: &mut SimState, file: &OrganizationFile, own: Option<&str>) {
    if file.identity_center.portal_url.is_empty() {
        state.center.portal_url = own.map_or_else(|| state.center.start_url(), str::to_owned);
    }
}

fn settings(file: &OrganizationFile, overrides: &Overrides) -> Result<SimSettings, Vec<Problem>> {
    let mut behaviour = Behaviour::default();
    let from_file = file
        .behaviour
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let own = overrides
        .behaviour
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let mut problems = Vec::new();
    for (name, value) in from_file.chain(own) {
        if let Err(message) = behaviour.set(name, value) {
            problems.push(Problem::new(format!("/behaviour/{name}"), message));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(SimSettings {
        consistency: overrides
            .consistency
            .or(file.consistency)
            .unwrap_or_default(),
        speed: overrides.speed.or(file.speed).unwrap_or_default(),
        behaviour,
        limits: file.limits.clone(),
        throttle: overrides.throttle,
        authorize: overrides.authorize,
        full: overrides.full,
    })
}

struct Loader<'a> {
    file: &'a OrganizationFile,
    names: NameIndex,
    seed: u64,
}

impl Loader<'_> {
    /// A plausible past day for undated items.
    fn dated(&self, given: Option<&String>, what: &str) -> Millis {
        instant(given).unwrap_or_else(|| {
            let drawn = Random::new(self.seed, &format!("date/{what}")).below(SPREAD);
            BEGINNING + Millis::try_from(drawn).unwrap_or(0) * 1000
        })
    }

    fn account(&self, name: &str) -> String {
        self.names.account(name).unwrap_or(name).to_owned()
    }

    fn parent(&self, ou: Option<&String>) -> Id {
        let id = ou.and_then(|ou| self.names.ou(ou).ok());
        id.unwrap_or(&self.file.organization.root).into()
    }

    fn trails(&self, state: &mut SimState) {
        for row in &self.file.trails {
            let trail = Trail::stated(row, self.account(&row.account));
            state.add_trail(trail, self.dated(None, &row.bucket));
        }
    }

    fn head(&self, state: &mut SimState) {
        let organization = &self.file.organization;
        let delegation_policy = organization.delegation_policy.as_ref();
        let mut delegations = organization.delegated_administrators.clone();
        for row in &mut delegations {
            row.account = self.account(&row.account);
        }
        state.head = Head {
            id: organization.id.clone(),
            root: organization.root.clone(),
            management: self.account(&organization.management_account),
            policy_types: organization.policy_types.clone(),
            service_access: organization.service_access.clone(),
            delegations,
            billing_transfers: organization.billing_transfers.clone(),
            invitations: self.invitations(),
            root_tags: organization.root_tags.clone(),
            delegation_policy: delegation_policy.map(Document::stated),
        };
        state.center = self.center();
        let iam = self.file.iam.iter();
        let iam = iam.map(|(account, iam)| (self.account(account), iam.clone()));
        state.iam = iam.collect();
        let contacts = self.file.contacts.iter();
        let contacts = contacts.map(|(account, it)| (self.account(account), it.clone()));
        state.contacts = contacts.collect();
        state.config_aggregators = self.file.config_aggregators.as_ref().map(|rows| {
            let account = |row: &organization::ConfigAggregator| self.account(&row.account);
            let rows = rows.iter().map(|row| organization::ConfigAggregator {
                account: account(row),
                ..row.clone()
            });
            rows.collect()
        });
        self.trails(state);
        self.insights(state);
        self.assets(state);
        self.stated(state);
        stated_rules::load_file(state, self.file, &self.names);
        state
            .finding_aggregation
            .clone_from(&self.file.finding_aggregation);
        state.credentials.clone_from(&self.file.credentials);
        state.on_call.clone_from(&self.file.on_call);
        state.tickets.clone_from(&self.file.tickets);
        state.slack.clone_from(&self.file.slack);
        state.clock.clone_from(&self.file.clock);
    }

    fn center(&self) -> Center {
        let center = &self.file.identity_center;
        let created = self.dated(None, "instance");
        Center {
            instance_arn: center.instance_arn.clone(),
            store: center.identity_store_id.clone(),
            home_region: center.home_region.clone(),
            portal_url: center.portal_url.clone(),
            portal_session_seconds: center.portal_session_seconds,
            portal_revocation_lag: center.portal_revocation_lag,
            key: None,
            without_sets: center.permission_sets_enabled == Some(false),
            additional_regions: stated_regions(&center.additional_regions, created),
            network: center.network.clone(),
            name: center.name.clone(),
            source: center
                .source
                .clone()
                .unwrap_or_else(|| "identity_center".to_owned()),
            created,
        }
    }

    fn insights(&self, state: &mut SimState) {
        state
            .devops_guru_insights
            .clone_from(&self.file.devops_guru_insights);
        for insight in &mut state.devops_guru_insights {
            insight.account = self.account(&insight.account);
        }
    }

    /// Account resources for the Well-Architected Tool, RAM and Cost Explorer.
    fn assets(&self, state: &mut SimState) {
        state.workloads.clone_from(&self.file.workloads);
        for workload in &mut state.workloads {
            workload.account = self.account(&workload.account);
            for with in &mut workload.shared_with {
                *with = self.account(with);
            }
        }
        state.resource_shares.clone_from(&self.file.resource_shares);
        let (id, management) = (state.head.id.clone(), state.head.management.clone());
        let arn = |rest: String| format!("arn:aws:organizations::{management}:{rest}");
        for share in &mut state.resource_shares {
            share.account = self.account(&share.account);
            for principal in &mut share.principals {
                let unit = self.names.ou(principal).map(str::to_owned);
                *principal = match unit {
                    _ if principal == "organization" => arn(format!("organization/{id}")),
                    Ok(unit) => arn(format!("ou/{id}/{unit}")),
                    Err(_) => self.account(principal),
                };
            }
        }
        state.commitments.clone_from(&self.file.commitments);
        for commitment in &mut state.commitments {
            commitment.account = self.account(&commitment.account);
        }
    }

    fn tree(&self, state: &mut SimState) {
        for row in &self.file.ous {
            let parent = self.parent(row.parent.as_ref());
            let place = state.place(&row.id);
            state
                .child_ous
                .entry(parent.clone())
                .or_default()
                .insert(place.clone());
            let ou = Ou {
                id: row.id.as_str().into(),
                name: row.name.clone(),
                parent,
                tags: row.tags.clone(),
            };
            state.ous.put(place, ou, 0, 0);
        }
        for row in &self.file.accounts {
            let parent = self.parent(row.ou.as_ref());
            let place = state.place(&row.id);
            state
                .child_accounts
                .entry(parent.clone())
                .or_default()
                .insert(place.clone());
            let account = Account {
                id: row.id.as_str().into(),
                name: row.name.clone(),
                email: row.email.clone(),
                parent,
                state: row.state.clone().unwrap_or_else(|| "ACTIVE".to_owned()),
                joined_method: row
                    .joined_method
                    .clone()
                    .unwrap_or_else(|| "CREATED".to_owned()),
                joined: self.dated(row.joined.as_ref(), &row.id),
                tags: row.tags.clone(),
                regions: row.regions.clone(),
                access_role: row.access_role.clone(),
            };
            state.accounts.put(place, account, 0, 0);
        }
    }

    fn guardrails(&self, state: &mut SimState) {
        state.found_guardrails();
        for name in &self.file.organization.without_full_access {
            if let Ok(target) = self.names.target(name) {
                state.detach(FULL_ACCESS, target, 0, 0);
            }
        }
        for row in &self.file.policies {
            let policy = Guardrail {
                id: row.id.as_str().into(),
                name: row.name.clone(),
                kind: row.kind.clone(),
                description: row.description.clone().unwrap_or_default(),
                content: Document::new(policy_types::text(&row.content)),
                tags: row.tags.clone(),
                aws_managed: false,
            };
            let place = state.place(&row.id);
            state.guardrails.rows.put(place, policy, 0, 0);
            for name in &row.targets {
                if let Ok(target) = self.names.target(name) {
                    state.attach(&row.id, target, 0, 0);
                }
            }
        }
    }

    fn origin(&self, created: Option<&String>, revision: Option<u64>, id: &str) -> Origin {
        let created = self.dated(created, id);
        let by = format!(
            "arn:aws:iam::{}:user/sim-admin",
            self.account(&self.file.organization.management_account)
        );
        Origin {
            created,
            created_by: by.clone(),
            updated: created,
            updated_by: by,
            revision: revision.unwrap_or(1),
        }
    }

    fn directory(&self, state: &mut SimState) {
        let center = &self.file.identity_center;
        for row in &center.users {
            let origin = self.origin(row.created.as_ref(), row.revision, &row.id);
            let user = User {
                id: row.id.as_str().into(),
                attributes: user_attributes(row),
                enabled: row.status.as_deref() != Some("DISABLED"),
                origin,
            };
            state.put_user(user, 0, 0);
        }
        for row in &center.groups {
            let origin = self.origin(row.created.as_ref(), row.revision, &row.id);
            let mut attributes = Map::new();
            attributes.insert("DisplayName".to_owned(), row.name.clone().into());
            if let Some(description) = &row.description {
                attributes.insert("Description".to_owned(), description.clone().into());
            }
            add_external_ids(&mut attributes, &row.external_ids);
            let group = Group {
                id: row.id.as_str().into(),
                attributes,
                origin: origin.clone(),
            };
            state.put_group(group, 0, 0);
            for member in &row.members {
                let Ok(user) = self.names.user(member) else {
                    continue;
                };
                let id = row.membership_ids.get(member).cloned().unwrap_or_else(|| {
                    organization::membership_id(self.seed, &center.identity_store_id, &row.id, user)
                });
                let membership = Membership {
                    id: id.as_str().into(),
                    group: row.id.as_str().into(),
                    user: user.into(),
                    origin: origin.clone(),
                };
                state.put_membership(membership, 0, 0);
            }
        }
    }

    fn sets(&self, state: &mut SimState) {
        let center = &self.file.identity_center;
        let mut earlier: HashMap<&str, u64> = HashMap::new();
        for row in center.provisioned.iter().filter(|row| held(row).is_some()) {
            *earlier.entry(&row.permission_set).or_default() += 1;
        }
        for row in &center.permission_sets {
            let id = row.arn.rsplit('/').next().unwrap_or_default();
            let policies = set_policies(row);
            let set = PermissionSet {
                id: id.into(),
                name: row.name.clone(),
                description: row.description.clone(),
                session_duration: row
                    .session_duration
                    .clone()
                    .unwrap_or_else(|| "PT1H".to_owned()),
                relay_state: row.relay_state.clone(),
                created: self.dated(row.created.as_ref(), &row.name),
                managed: policies.managed,
                inline: policies.inline,
                customer_managed: policies.customer_managed,
                boundary: policies.boundary,
                tags: row.tags.clone(),
                version: 2 + earlier.get(row.name.as_str()).copied().unwrap_or(0),
            };
            state.set_names.insert(row.name.clone(), id.into());
            let place = state.place(id);
            state.sets.put(place, set, 0, 0);
        }
    }

    fn set_id(&self, name: &str) -> String {
        let arn = self.names.set(name).unwrap_or_default();
        arn.rsplit('/').next().unwrap_or_default().to_owned()
    }

    fn provisioned(&self, state: &mut SimState) {
        for row in &self.file.identity_center.provisioned {
            let (account, set) = (self.account(&row.account), self.set_id(&row.permission_set));
            let suffix = row
                .suffix
                .clone()
                .unwrap_or_else(|| organization::role_suffix(self.seed, &account, &set));
            let latest = state.set(&set).map_or(2, |set| set.version);
            let (account, set) = (Id::from(account), Id::from(set));
            let version = match held(row) {
                Some(before) => {
                    let kept = state.set_policies.entry(set.clone()).or_default();
                    let version = kept.last_key_value().map_or(1, |(last, _)| last + 1);
                    kept.insert(version, set_policies(before));
                    version
                }
                None if row.outdated => latest - 1,
                None => latest,
            };
            let key = (account.clone(), state.order(&set), set.clone());
            let provision = Provision {
                suffix,
                version,
                session_duration: held(row).and_then(|before| before.session_duration.clone()),
            };
            state.provisions.put(key, provision, 0, 0);
            let order = state.order(&account);
            state.provisioned_in.insert((set, order, account));
        }
    }

    fn assignments(&self, state: &mut SimState) {
        for row in &self.file.identity_center.assignments {
            let (account, set) = (self.account(&row.account), self.set_id(&row.permission_set));
            let user = row
                .user
                .as_ref()
                .and_then(|name| self.names.user(name).ok());
            let group = row
                .group
                .as_ref()
                .and_then(|name| self.names.group(name).ok());
            let (kind, principal) = match (
                user.or(row.user_id.as_deref()),
                group.or(row.group_id.as_deref()),
            ) {
                (Some(user), _) => (PrincipalType::User, user),
                (None, Some(group)) => (PrincipalType::Group, group),
                (None, None) => continue,
            };
            let key = state.assignment_key(&account, &set, kind, principal);
            let since = instant(row.since.as_ref())
                .unwrap_or_else(|| self.dated(None, &format!("{account}/{set}/{principal}")));
            let pair = (key.account.clone(), state.order(&set), key.set.clone());
            if state.provisions.latest(&pair).is_none() {
                let suffix = organization::role_suffix(self.seed, &account, &set);
                state.add_provision(&account, &set, suffix, 0, 0);
            }
            state.add_assignment(
                key,
                Assignment {
                    since,
                    note: row.note.clone(),
                },
                0,
                0,
            );
        }
    }
}

fn held(row: &organization::Provisioned) -> Option<&organization::PermissionSet> {
    row.holds.as_deref().filter(|_| row.outdated)
}

fn set_policies(row: &organization::PermissionSet) -> SetPolicies {
    let references = row.customer_managed.iter();
    let path = |one: &organization::CustomerManaged| one.path.clone();
    SetPolicies {
        managed: row.managed_policies.clone(),
        inline: row.inline.as_ref().map(policy_text).map(Document::new),
        customer_managed: references
            .map(|one| {
                (
                    one.name.clone(),
                    path(one).unwrap_or_else(|| "/".to_owned()),
                )
            })
            .collect(),
        boundary: row.boundary.as_ref().map(boundary),
    }
}

fn policy_text(policy: &Value) -> String {
    policy
        .as_str()
        .map_or_else(|| policy.to_string(), str::to_owned)
}

fn boundary(row: &Value) -> Value {
    match row.get("managed_policy") {
        Some(arn) => json!({ "ManagedPolicyArn": arn }),
        None => json!({ "CustomerManagedPolicyReference": {
            "Name": row.get("name").cloned().unwrap_or_default(),
            "Path": row.get("path").cloned().unwrap_or_else(|| "/".into()),
        }}),
    }
}
