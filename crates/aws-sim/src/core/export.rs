//! Exports the state as an organization file that loads back to the same state.

use std::collections::{BTreeMap, HashMap};

use crate::base::Millis;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    entities::{HeldPolicies, Id, PrincipalType, User},
    state::SimState,
    stated_rules,
    tower::SimTower,
    trails::{Trail, TrailOwner, TrailReach},
};
use crate::{
    organization::{
        self, Account, Assignment, ConfigRecorderPlace, CustomerManaged, ExternalId, Group, Iam,
        IdentityCenter, Organization, OrganizationFile, OrganizationPolicy, Ou, PermissionSet,
        Provisioned, StatedTrail,
    },
    vocabulary::policy_types::{FULL_ACCESS, SCP},
};

fn date(at: Millis) -> Option<String> {
    Timestamp::from_millisecond(at)
        .ok()
        .map(|at| at.to_string())
}

pub(crate) fn export(state: &SimState) -> OrganizationFile {
    let head = &state.head;
    OrganizationFile {
        version: 1,
        seed: Some(state.seed),
        clock: date(state.latest),
        organization: Organization {
            id: head.id.clone(),
            root: head.root.clone(),
            management_account: head.management.clone(),
            policy_types: head.policy_types.clone(),
            without_full_access: without_full_access(state),
            root_tags: head.root_tags.clone(),
            service_access: head.service_access.clone(),
            delegated_administrators: head.delegations.clone(),
            billing_transfers: head.billing_transfers.clone(),
            invitations: head.invitations.clone(),
            delegation_policy: head.delegation_policy.as_ref().map(|it| it.text().into()),
        },
        ous: ous(state),
        accounts: accounts(state),
        identity_center: center(state),
        policies: policies(state),
        iam: iam(state),
        contacts: state.contacts.clone(),
        config_aggregators: state.config_aggregators.clone(),
        trails: trails(state),
        event_rules: stated_rules::exported(state),
        devops_guru_insights: state.devops_guru_insights.clone(),
        workloads: state.workloads.clone(),
        resource_shares: state.resource_shares.clone(),
        commitments: state.commitments.clone(),
        quotas: state.quotas.clone(),
        config_evaluations: state.config_evaluations.clone(),
        functions: state.functions.clone(),
        finding_aggregation: state.finding_aggregation.clone(),
        control_tower: state.tower.as_ref().map(SimTower::exported),
        config_recorders: config_recorders(state),
        inventory: Some(state.inventory.basis()),
        credentials: state.credentials.clone(),
        entitlements: state.exported_entitlements(),
        behaviour: state.settings.behaviour.changed().clone(),
        limits: state.settings.limits.clone(),
        consistency: Some(state.settings.consistency),
        speed: Some(state.settings.speed),
        on_call: state.on_call.clone(),
        tickets: state.tickets.clone(),
        slack: state.slack.clone(),
    }
}

fn trails(state: &SimState) -> Vec<StatedTrail> {
    let stated = state
        .trails
        .values()
        .filter(|it| it.is_logging && it.validates && it.reach == TrailReach::AllRegions);
    let row = |trail: &Trail| StatedTrail {
        name: trail.name.clone(),
        account: trail.account.clone(),
        region: trail.home_region.clone(),
        bucket: trail.bucket.clone(),
        prefix: trail.prefix.clone(),
        organization: trail.owner == TrailOwner::Organization,
        since: trail.started.and_then(date),
    };
    stated.map(row).collect()
}

fn config_recorders(state: &SimState) -> Option<Vec<ConfigRecorderPlace>> {
    let known = &state.config_recorders;
    let rows = known.written.iter().filter(|(_, it)| it.recorder.is_some());
    let rows = rows.map(|((account, region), _)| ConfigRecorderPlace {
        account: account.clone(),
        region: region.clone(),
    });
    known.is_stated.then(|| rows.collect())
}

fn iam(state: &SimState) -> BTreeMap<String, Iam> {
    let mut rows = state.iam.clone();
    let written = state.iam_written.iter();
    rows.extend(written.map(|(account, iam)| (account.to_string(), iam.clone())));
    rows
}

/// The path of an OU; `None` for the root.
fn path(state: &SimState, parent: &Id) -> Option<String> {
    let mut names = Vec::new();
    let mut at = parent.clone();
    while let Some(ou) = state.ou(&at).filter(|_| names.len() < 16) {
        names.push(ou.name.clone());
        at = ou.parent.clone();
    }
    names.reverse();
    (!names.is_empty()).then(|| names.join("/"))
}

/// Targets without their default policy. By id, because a unit and an account may share a name.
fn without_full_access(state: &SimState) -> Vec<String> {
    if !state.has_type(SCP) {
        return Vec::new();
    }
    let nodes = state.nodes().into_iter();
    let without = nodes.filter(|node| !state.is_attached(FULL_ACCESS, node));
    let mut names: Vec<String> = without.map(|node| node.to_string()).collect();
    names.sort();
    names
}

fn policies(state: &SimState) -> Vec<OrganizationPolicy> {
    let own = state.guardrails.rows.iter().map(|(_, policy)| policy);
    let mut rows: Vec<OrganizationPolicy> = own
        .filter(|policy| !policy.aws_managed)
        .map(|policy| {
            let targets = state.targets_of(&policy.id);
            let mut targets: Vec<String> = targets.map(|(_, id)| id.to_string()).collect();
            targets.sort();
            OrganizationPolicy {
                id: policy.id.to_string(),
                name: policy.name.clone(),
                kind: policy.kind.clone(),
                description: (!policy.description.is_empty()).then(|| policy.description.clone()),
                content: document(policy.content.text()),
                targets,
                tags: policy.tags.clone(),
            }
        })
        .collect();
    rows.sort_by(|one, other| (&one.kind, &one.name).cmp(&(&other.kind, &other.name)));
    rows
}

/// As JSON if that restores the same text, else as text.
fn document(text: &str) -> Value {
    let value = serde_json::from_str::<Value>(text).unwrap_or_default();
    let again = value.to_string();
    if again == text { value } else { text.into() }
}

fn ous(state: &SimState) -> Vec<Ou> {
    let mut rows: Vec<(String, Ou)> = state
        .ous
        .iter()
        .map(|(_, ou)| {
            let parent = path(state, &ou.parent);
            let key = format!("{}/{}", parent.clone().unwrap_or_default(), ou.name);
            (
                key,
                Ou {
                    id: ou.id.to_string(),
                    name: ou.name.clone(),
                    parent,
                    tags: ou.tags.clone(),
                },
            )
        })
        .collect();
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    rows.into_iter().map(|(_, ou)| ou).collect()
}

fn accounts(state: &SimState) -> Vec<Account> {
    let mut rows: Vec<Account> = state
        .accounts
        .iter()
        .map(|(_, account)| Account {
            id: account.id.to_string(),
            name: account.name.clone(),
            email: account.email.clone(),
            ou: path(state, &account.parent),
            state: (account.state != "ACTIVE").then(|| account.state.clone()),
            joined_method: Some(account.joined_method.clone()),
            joined: date(account.joined),
            tags: account.tags.clone(),
            regions: account.regions.clone(),
            access_role: account.access_role.clone(),
        })
        .collect();
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    rows
}

fn center(state: &SimState) -> IdentityCenter {
    let center = &state.center;
    let mut users: Vec<organization::User> =
        state.users.iter().map(|(_, user)| user_row(user)).collect();
    users.sort_by(|one, other| one.user_name.cmp(&other.user_name));
    let names: HashMap<Id, String> = state
        .users
        .iter()
        .map(|(_, user)| (user.id.clone(), user.user_name().to_owned()))
        .collect();
    let mut groups: Vec<Group> = state
        .groups
        .iter()
        .map(|(_, group)| group_row(state, group, &names))
        .collect();
    groups.sort_by(|one, other| one.name.cmp(&other.name));
    let mut sets: Vec<PermissionSet> = state
        .sets
        .iter()
        .map(|(_, set)| set_row(state, set))
        .collect();
    sets.sort_by(|one, other| one.name.cmp(&other.name));
    IdentityCenter {
        instance_arn: center.instance_arn.clone(),
        identity_store_id: center.store.clone(),
        home_region: center.home_region.clone(),
        additional_regions: center
            .replicas(state.latest)
            .filter(|it| it.gone_at.is_none())
            .map(|it| it.name.clone())
            .collect(),
        permission_sets_enabled: center.without_sets.then_some(false),
        network: center.network.clone(),
        portal_url: center.portal_url.clone(),
        portal_session_seconds: center.portal_session_seconds,
        portal_revocation_lag: center.portal_revocation_lag,
        name: center.name.clone(),
        source: Some(center.source.clone()),
        users,
        groups,
        permission_sets: sets,
        assignments: assignments(state),
        provisioned: provisioned(state),
    }
}

fn external_ids(attributes: &Map<String, Value>) -> Vec<ExternalId> {
    let rows = attributes.get("ExternalIds").and_then(Value::as_array);
    let text = |row: &Value, name: &str| {
        row.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    rows.into_iter()
        .flatten()
        .map(|row| ExternalId {
            issuer: text(row, "Issuer"),
            id: text(row, "Id"),
        })
        .collect()
}

fn user_row(user: &User) -> organization::User {
    let known = ["UserName", "DisplayName", "ExternalIds"];
    let attributes = user
        .attributes
        .iter()
        .filter(|(name, _)| !known.contains(&name.as_str()));
    let name = |part: &str| {
        user.attributes
            .get("Name")?
            .get(part)?
            .as_str()
            .map(str::to_owned)
    };
    organization::User {
        id: user.id.to_string(),
        user_name: user.user_name().to_owned(),
        given_name: name("GivenName"),
        family_name: name("FamilyName"),
        display_name: Some(user.text("DisplayName").to_owned()),
        email: user.email().map(str::to_owned),
        title: user
            .attributes
            .get("Title")
            .and_then(Value::as_str)
            .map(str::to_owned),
        status: (!user.enabled).then(|| "DISABLED".to_owned()),
        created: date(user.origin.created),
        revision: Some(user.origin.revision),
        external_ids: external_ids(&user.attributes),
        attributes: attributes
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    }
}

fn group_row(
    state: &SimState,
    group: &super::entities::Group,
    names: &HashMap<Id, String>,
) -> Group {
    let mut members: Vec<(String, String)> = state
        .members_of(&group.id)
        .filter_map(|row| Some((names.get(&row.user)?.clone(), row.id.to_string())))
        .collect();
    members.sort();
    Group {
        id: group.id.to_string(),
        name: group.name().to_owned(),
        description: group
            .attributes
            .get("Description")
            .and_then(Value::as_str)
            .map(str::to_owned),
        members: members.iter().map(|(name, _)| name.clone()).collect(),
        membership_ids: members.into_iter().collect(),
        created: date(group.origin.created),
        revision: Some(group.origin.revision),
        external_ids: external_ids(&group.attributes),
    }
}

fn set_row(state: &SimState, set: &super::entities::PermissionSet) -> PermissionSet {
    PermissionSet {
        arn: state.set_arn(&set.id),
        description: set.description.clone(),
        session_duration: Some(set.session_duration.clone()),
        relay_state: set.relay_state.clone(),
        tags: set.tags.clone(),
        created: date(set.created),
        ..policies_row(&set.name, state.policies_at(set, set.version))
    }
}

fn policies_row(name: &str, held: HeldPolicies<'_>) -> PermissionSet {
    let boundary = held
        .boundary
        .map(|boundary| match boundary.get("ManagedPolicyArn") {
            Some(arn) => json!({ "managed_policy": arn }),
            None => json!({
                "name": boundary.pointer("/CustomerManagedPolicyReference/Name"),
                "path": boundary.pointer("/CustomerManagedPolicyReference/Path"),
            }),
        });
    let references = held.customer_managed.iter();
    PermissionSet {
        name: name.to_owned(),
        managed_policies: held.managed.to_vec(),
        inline: held.inline.map(|inline| inline.text().into()),
        customer_managed: references
            .map(|(name, path)| CustomerManaged {
                name: name.clone(),
                path: Some(path.clone()),
            })
            .collect(),
        boundary,
        ..PermissionSet::default()
    }
}

fn set_name(state: &SimState, id: &Id) -> Option<String> {
    state.set(id).map(|set| set.name.clone())
}

fn assignments(state: &SimState) -> Vec<Assignment> {
    let mut rows: Vec<Assignment> = state
        .assignments
        .iter()
        .filter_map(|(key, row)| {
            let principal = key.principal.to_string();
            let (user_id, group_id) = match key.principal_type {
                PrincipalType::User => (Some(principal), None),
                PrincipalType::Group => (None, Some(principal)),
            };
            // names where they resolve to users, to keep the file readable
            let user = user_id
                .as_ref()
                .and_then(|id| state.user(id))
                .map(|user| user.user_name().to_owned());
            let group = group_id
                .as_ref()
                .and_then(|id| state.group(id))
                .map(|group| group.name().to_owned());
            Some(Assignment {
                account: key.account.to_string(),
                permission_set: set_name(state, &key.set)?,
                user_id: user_id.filter(|_| user.is_none()),
                group_id: group_id.filter(|_| group.is_none()),
                user,
                group,
                note: row.note.clone(),
                since: date(row.since),
            })
        })
        .collect();
    rows.sort_by_cached_key(|row| {
        format!(
            "{}/{}/{:?}/{:?}/{:?}",
            row.account, row.permission_set, row.group, row.user, row.user_id
        )
    });
    rows
}

fn provisioned(state: &SimState) -> Vec<Provisioned> {
    let mut rows: Vec<Provisioned> = state
        .provisions
        .iter()
        .filter_map(|((account, _, set), provision)| {
            let set = state.set(set)?;
            let outdated = provision.version != set.version;
            let holds = || PermissionSet {
                session_duration: provision.session_duration.clone(),
                ..policies_row(&set.name, state.policies_at(set, provision.version))
            };
            Some(Provisioned {
                account: account.to_string(),
                permission_set: set.name.clone(),
                suffix: Some(provision.suffix.clone()),
                outdated,
                holds: outdated.then(|| Box::new(holds())),
            })
        })
        .collect();
    rows.sort_by(|one, other| {
        (&one.account, &one.permission_set).cmp(&(&other.account, &other.permission_set))
    });
    rows
}
