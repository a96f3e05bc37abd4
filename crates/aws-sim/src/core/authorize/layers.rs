use std::sync::{Arc, LazyLock};

use hallpass_iam::{Layers, Policy, PolicyType};
use serde_json::{Value, json};

use super::{AuthorizationRequest, managed};
use crate::{
    core::{
        caller::{AwsCaller, CallerKind},
        entities::{Assumed, Id, boundary_arn},
        iam as core_iam, kms,
        portal::reserved_set,
        roles::{ACCESS_ROLE, Role},
        state::SimState,
    },
    organization::{Iam, IamPolicies},
    vocabulary::policy_types::{self, FULL_ACCESS, RCP, RCP_FULL_ACCESS, SCP},
};

/// Effective policies of a type from the root down to an account; empty when the type is disabled
/// or the account is foreign.
pub(super) fn levels(state: &SimState, account: &str, kind: &str) -> Vec<Vec<Arc<Policy>>> {
    if !state.has_type(kind) || state.account(account).is_none() {
        return Vec::new();
    }
    let language = if kind == RCP {
        PolicyType::Rcp
    } else {
        PolicyType::Scp
    };
    let path = state.path_up(account);
    path.iter()
        .rev()
        .map(|node| level(state, node, kind, language))
        .collect()
}

fn level(state: &SimState, node: &Id, kind: &str, language: PolicyType) -> Vec<Arc<Policy>> {
    let now = state.latest;
    let start = std::ops::Bound::Included((node.clone(), 0, Id::from("")));
    let rows = state.guardrails.attached.range_seen(start, now);
    rows.take_while(|((of, ..), _)| of == node)
        .filter_map(|((_, order, policy), _)| {
            let place = (*order, policy.clone());
            state.guardrails.rows.seen(&place, now)
        })
        .filter(|policy| policy.kind == kind)
        .filter_map(|policy| policy.content.policy(language, &policy.id))
        .collect()
}

/// Whether only default policies apply, which restrict no identity.
fn only_defaults(levels: &[Vec<Arc<Policy>>]) -> bool {
    let default = |policy: &Arc<Policy>| {
        let name = policy.name();
        name == Some(FULL_ACCESS) || name == Some(RCP_FULL_ACCESS)
    };
    let open = |level: &Vec<Arc<Policy>>| !level.is_empty() && level.iter().all(default);
    levels.iter().all(open)
}

/// The policies of a call; `None` when none could deny it.
pub(super) fn of(question: &AuthorizationRequest<'_>) -> Option<Layers> {
    let (state, caller) = (question.state, question.caller);
    let management = caller.account == state.head.management;
    let scps = if management {
        Vec::new()
    } else {
        levels(state, &caller.account, SCP)
    };
    let full = state.settings.full;
    let assumed = state.assumed.get(&caller.access_key_id);
    let assumed = assumed.filter(|it| it.limits());
    if !full && caller.user.is_none() && assumed.is_none() && only_defaults(&scps) {
        return None;
    }
    let mut layers = Layers {
        scps,
        ..Layers::default()
    };
    if caller.user.is_some() {
        of_permission_set(state, caller, &mut layers);
    } else if full {
        of_principal(state, caller, &mut layers);
    } else {
        layers.identity.extend(managed::everything());
    }
    if let Some(assumed) = assumed {
        of_session(state, caller, assumed, &mut layers);
    }
    if full && *question.owner != *state.head.management {
        layers.rcps = levels(state, question.owner, RCP);
    }
    Some(layers)
}

fn of_session(state: &SimState, caller: &AwsCaller, assumed: &Assumed, layers: &mut Layers) {
    if let Some(policy) = &assumed.policy {
        let compiled = policy.policy(PolicyType::Session, "session policy");
        layers.session.extend(or_nothing(compiled));
    }
    let iam = state.iam_seen(&caller.account, state.latest);
    for arn in &assumed.policy_arns {
        layers.session.extend(or_nothing(by_name(&iam, arn)));
    }
}

static NOTHING: LazyLock<Option<Arc<Policy>>> = LazyLock::new(|| {
    let statement = json!({ "Effect": "Allow", "Action": "none:None", "Resource": "*" });
    let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let policy = Policy::parse(&text, PolicyType::Identity).ok()?;
    Some(Arc::new(policy.named("not known")))
});

fn or_nothing(policy: Option<Arc<Policy>>) -> Option<Arc<Policy>> {
    policy.or_else(|| NOTHING.clone())
}

fn of_permission_set(state: &SimState, caller: &AwsCaller, layers: &mut Layers) {
    let Some((set, provision)) = reserved_set(state, &caller.account, &caller.arn) else {
        return;
    };
    let version = provision.map_or(set.version, |provision| provision.version);
    let held = state.policies_at(set, version);
    let iam = state.iam_seen(&caller.account, state.latest);
    for arn in held.managed {
        layers.identity.extend(managed::find(arn));
    }
    for (name, path) in held.customer_managed {
        let arn = format!("arn:aws:iam::{}:policy{path}{name}", caller.account);
        layers.identity.extend(of_account(&iam, &arn));
    }
    if let Some(inline) = held.inline {
        let policy = inline.policy(PolicyType::Identity, "AwsSSOInlinePolicy");
        layers.identity.extend(policy);
    }
    if let Some(boundary) = held.boundary {
        let arn = boundary_arn(&caller.account, boundary);
        layers.boundary = or_nothing(arn.and_then(|arn| by_name(&iam, &arn)));
    }
}

fn of_principal(state: &SimState, caller: &AwsCaller, layers: &mut Layers) {
    let iam = state.iam_seen(&caller.account, state.latest);
    let rest = caller.arn.split_once(":user/").map(|(_, rest)| rest);
    let name = match caller.kind {
        CallerKind::Root => return,
        CallerKind::Session => caller.arn.split('/').nth(1),
        CallerKind::User => rest.and_then(|rest| rest.rsplit('/').next()),
    };
    let name = name.unwrap_or_default();
    if caller.kind == CallerKind::Session {
        let role = iam.roles.iter().find(|role| role.name == name);
        match role {
            Some(role) => add_policies(&iam, &role.permissions, layers),
            // AWS's own role has every right; others are unknown
            None if name == ACCESS_ROLE => layers.identity.extend(managed::everything()),
            None => {}
        }
        return;
    }
    let Some(user) = iam.users.iter().find(|user| user.name == name) else {
        return;
    };
    add_policies(&iam, &user.permissions, layers);
    for group in iam
        .groups
        .iter()
        .filter(|group| user.groups.contains(&group.name))
    {
        add_policies(&iam, &group.permissions, layers);
    }
}

/// The policies of a principal, and the organization policies on its account.
pub(super) fn of_held(state: &SimState, account: &str, held: &[&IamPolicies]) -> Layers {
    let mut layers = Layers::default();
    if *account != *state.head.management {
        layers.scps = levels(state, account, SCP);
    }
    let iam = state.iam_seen(account, state.latest);
    for policies in held {
        add_policies(&iam, policies, &mut layers);
    }
    layers
}

fn add_policies(iam: &Iam, held: &IamPolicies, layers: &mut Layers) {
    for name in &held.policies {
        layers.identity.extend(by_name(iam, name));
    }
    for (index, document) in held.inline.iter().enumerate() {
        layers
            .identity
            .extend(read(document, core_iam::inline_name(index)));
    }
    if let Some(name) = &held.boundary {
        layers.boundary = or_nothing(by_name(iam, name));
    }
}

fn read(document: &Value, name: String) -> Option<Arc<Policy>> {
    let text = policy_types::text(document);
    let read = Policy::parse(&text, PolicyType::Identity).ok();
    read.map(|policy| Arc::new(policy.named(name)))
}

fn of_account(iam: &Iam, arn: &str) -> Option<Arc<Policy>> {
    let own = core_iam::managed(iam, arn)?;
    read(&own.document, own.name.clone())
}

/// Finds a managed policy: the account's by ARN, AWS's by name or ARN.
fn by_name(iam: &Iam, name: &str) -> Option<Arc<Policy>> {
    match core_iam::managed(iam, name) {
        Some(own) => read(&own.document, own.name.clone()),
        // a missing customer managed policy must not match AWS's policy of that name
        None if name.starts_with("arn:") && !name.starts_with("arn:aws:iam::aws:") => None,
        None => managed::find(name),
    }
}

/// A KMS key's policy, which every use requires; mode `rules` allows all, because other principals
/// are not checked.
pub(super) fn key_policy(state: &SimState, account: &str, resource: &str) -> Option<Arc<Policy>> {
    let key = kms::find(&state.keys, account, resource)?;
    if state.settings.full {
        return key.policy.policy(PolicyType::Resource, "key policy");
    }
    let text = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*",
    }]});
    let policy = Policy::parse(&text.to_string(), PolicyType::Resource).ok()?;
    Some(Arc::new(policy.named("key policy")))
}

/// A role's trust policy; `None` when unreadable, which admits no principal.
pub(super) fn trust(role: &Role) -> Option<Arc<Policy>> {
    let text = policy_types::text(&role.trust);
    let policy = Policy::parse(&text, PolicyType::Trust).ok()?;
    Some(Arc::new(policy.named("trust policy")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_the_unknown_is_a_policy() {
        assert!(NOTHING.is_some());
    }
}
