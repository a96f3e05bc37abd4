//! Central configuration: the administrator's policies for standards and controls. Applies to
//! enabled hubs; does not enable hubs.

use crate::base::Millis;
use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, Output, administrator, catalog::standard, invalid};
use crate::core::{
    administrators::taking,
    call::seconds,
    hubs::{HubPlace, SimControl, SimHubAssociation, SimHubPolicy, SimStandard},
    queues::uuid,
    state::SimState,
    tree::node,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("DescribeOrganizationConfiguration", Reads(describe)),
    ("UpdateOrganizationConfiguration", Writes(update)),
    ("CreateConfigurationPolicy", Writes(create_policy)),
    ("UpdateConfigurationPolicy", Writes(update_policy)),
    ("GetConfigurationPolicy", Reads(get_policy)),
    ("DeleteConfigurationPolicy", Writes(delete_policy)),
    ("ListConfigurationPolicies", Reads(policies)),
    ("StartConfigurationPolicyAssociation", Writes(associate)),
    (
        "StartConfigurationPolicyDisassociation",
        Writes(disassociate),
    ),
    ("GetConfigurationPolicyAssociation", Reads(get_association)),
    ("ListConfigurationPolicyAssociations", Reads(associations)),
];

const POLICIES_MAX: usize = facts::HUB_POLICIES.count();
/// For targets that configure themselves.
const SELF_MANAGED: &str = "SELF_MANAGED_SECURITY_HUB";

fn only_administrator(context: &Context<'_>) -> Result<(), ApiError> {
    if *context.caller.account == *administrator(context.state, &context.call.region) {
        return Ok(());
    }
    let text = "The account is not the Security Hub administrator of the organization.";
    Err(ApiError::new("InvalidAccessException", text))
}

/// Requires the administrator, the home Region and central configuration.
fn only_central(context: &Context<'_>) -> Result<(), ApiError> {
    only_administrator(context)?;
    let is_home = context.state.finding_aggregation.as_ref() == Some(&context.call.region);
    if context.state.hub_policies.central && is_home {
        return Ok(());
    }
    let text = "Central configuration is not enabled, or this is not the home Region.";
    Err(ApiError::denied("AccessDeniedException", text))
}

fn describe(context: &Context<'_>) -> HandlerResult {
    only_administrator(context)?;
    let kind = if context.state.hub_policies.central {
        "CENTRAL"
    } else {
        "LOCAL"
    };
    Ok(Output::Members(json!({
        "AutoEnable": false, "MemberAccountLimitReached": false, "AutoEnableStandards": "NONE",
        "OrganizationConfiguration": { "ConfigurationType": kind, "Status": "ENABLED" },
    })))
}

fn update(context: &mut Context<'_>) -> HandlerResult {
    only_administrator(context)?;
    let input = &context.call.input;
    let kind = input.pointer("/OrganizationConfiguration/ConfigurationType");
    let central = kind.and_then(Value::as_str) == Some("CENTRAL");
    if central && context.state.finding_aggregation.as_ref() != Some(&context.call.region) {
        return Err(invalid(
            "Central configuration needs a finding aggregator in this Region".to_owned(),
        ));
    }
    if central && input.get("AutoEnable") != Some(&Value::Bool(false)) {
        return Err(invalid("AutoEnable must be false for CENTRAL".to_owned()));
    }
    context.write(Window::Immediate);
    let policies = &mut context.state.hub_policies;
    policies.central = central;
    if !central {
        policies.held.clear();
    }
    Ok(Output::Members(json!({})))
}

fn arn(context: &Context<'_>, id: &str) -> String {
    let (account, region) = (&context.caller.account, &context.call.region);
    format!("arn:aws:securityhub:{region}:{account}:configuration-policy/{id}")
}

fn shape(context: &Context<'_>, id: &str, it: &SimHubPolicy) -> Value {
    let mut row = json!({
        "Arn": arn(context, id), "Id": id, "Name": it.name, "UpdatedAt": seconds(it.updated),
        "CreatedAt": seconds(it.created), "ConfigurationPolicy": it.policy,
    });
    if let (Some(text), Some(members)) = (&it.description, row.as_object_mut()) {
        members.insert("Description".to_owned(), text.as_str().into());
    }
    row
}

fn found(context: &Context<'_>, named: &str) -> Result<String, ApiError> {
    let id = named.rsplit('/').next().unwrap_or(named);
    if context.state.hub_policies.policies.contains_key(id) {
        return Ok(id.to_owned());
    }
    let text = format!("The configuration policy {named} does not exist");
    Err(ApiError::new("ResourceNotFoundException", text))
}

fn is_taken(context: &Context<'_>, name: &str, by_other_than: &str) -> bool {
    let mut all = context.state.hub_policies.policies.iter();
    all.any(|(id, it)| it.name == name && id != by_other_than)
}

fn create_policy(context: &mut Context<'_>) -> HandlerResult {
    only_central(context)?;
    let name = context.text("Name").to_owned();
    if is_taken(context, &name, "") {
        let text = format!("A configuration policy named {name} exists");
        return Err(ApiError::new("ResourceConflictException", text));
    }
    if context.state.hub_policies.policies.len() >= POLICIES_MAX {
        let text = format!("The limit of {POLICIES_MAX} configuration policies is reached");
        return Err(ApiError::new("LimitExceededException", text));
    }
    let policy = context.call.input.get("ConfigurationPolicy").cloned();
    let it = SimHubPolicy {
        name,
        description: context.optional("Description").map(str::to_owned),
        policy: policy.unwrap_or_default(),
        created: context.now,
        updated: context.now,
    };
    let id = uuid(
        context.state.seed,
        &format!("hub policy {}", context.call.seq),
    );
    context.write(Window::Immediate);
    let row = shape(context, &id, &it);
    context.state.hub_policies.policies.insert(id, it);
    Ok(Output::Members(row))
}

fn update_policy(context: &mut Context<'_>) -> HandlerResult {
    only_central(context)?;
    let id = found(context, context.text("Identifier"))?;
    let name = context.optional("Name").map(str::to_owned);
    if name.as_ref().is_some_and(|it| is_taken(context, it, &id)) {
        let text = "A configuration policy of that name exists";
        return Err(ApiError::new("ResourceConflictException", text));
    }
    let policy = context.call.input.get("ConfigurationPolicy").cloned();
    let description = context.optional("Description").map(str::to_owned);
    context.write(Window::Immediate);
    let now = context.now;
    if let Some(it) = context.state.hub_policies.policies.get_mut(&id) {
        it.name = name.unwrap_or_else(|| it.name.clone());
        it.description = description.or_else(|| it.description.clone());
        it.policy = policy.unwrap_or_else(|| it.policy.clone());
        it.updated = now;
    }
    take_hold(context);
    get_policy(context)
}

fn get_policy(context: &Context<'_>) -> HandlerResult {
    only_central(context)?;
    let id = found(context, context.text("Identifier"))?;
    let it = context.state.hub_policies.policies.get(&id);
    let row = it.map(|it| shape(context, &id, it));
    Ok(Output::Members(row.unwrap_or_default()))
}

fn delete_policy(context: &mut Context<'_>) -> HandlerResult {
    only_central(context)?;
    let id = found(context, context.text("Identifier"))?;
    if context
        .state
        .hub_policies
        .held
        .values()
        .any(|it| it.policy == id)
    {
        let text = "The configuration policy is associated";
        return Err(ApiError::new("ResourceConflictException", text));
    }
    context.write(Window::Immediate);
    context.state.hub_policies.policies.remove(&id);
    Ok(Output::Members(json!({})))
}

fn policies(context: &Context<'_>) -> HandlerResult {
    only_central(context)?;
    let page = context.page()?;
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let rows = context.state.hub_policies.policies.iter().map(|(id, it)| {
        let on = it.policy.pointer("/SecurityHub/ServiceEnabled");
        let row = json!({
            "Arn": arn(context, id), "Id": id, "Name": it.name, "UpdatedAt": seconds(it.updated),
            "ServiceEnabled": on.is_some_and(|it| *it == true),
        });
        (0, id.clone(), row)
    });
    let (rows, token) =
        page.take(rows.filter(|(_, id, _)| after.as_ref().is_none_or(|it| id > it)));
    Ok(context.paged(rows, token))
}

fn target(context: &Context<'_>) -> Result<String, ApiError> {
    let input = &context.call.input;
    let kinds = ["AccountId", "OrganizationalUnitId", "RootId"];
    let named = kinds
        .iter()
        .find_map(|it| input.pointer(&format!("/Target/{it}"))?.as_str());
    let named = named.unwrap_or_default();
    if node(context.state, named).is_some() {
        return Ok(named.to_owned());
    }
    let text = format!("The target {named} does not exist");
    Err(ApiError::new("ResourceNotFoundException", text))
}

fn chain(state: &SimState, target: &str) -> Vec<String> {
    let mut all = vec![target.to_owned()];
    let mut at = match state.account(target) {
        Some(account) => account.parent.clone(),
        None => state
            .ou(target)
            .map(|it| it.parent.clone())
            .unwrap_or_default(),
    };
    while !at.is_empty() && all.len() < 16 {
        let above = state.ou(&at).map(|it| it.parent.clone());
        all.push(at.to_string());
        at = above.unwrap_or_default();
    }
    all
}

/// A target's association, and whether it is direct.
fn held<'a>(state: &'a SimState, target: &str) -> Option<(&'a SimHubAssociation, bool)> {
    let chain = chain(state, target);
    let found = chain
        .iter()
        .find_map(|it| Some((it, state.hub_policies.held.get(it)?)));
    found.map(|(it, association)| (association, it == target))
}

pub(super) fn is_managed(state: &SimState, account: &str) -> bool {
    held(state, account).is_some_and(|(it, _)| it.policy != SELF_MANAGED)
}

fn association(context: &Context<'_>, target: &str, it: &SimHubAssociation, own: bool) -> Value {
    let kind = node(context.state, target).map_or("ACCOUNT", |(.., kind)| kind);
    json!({
        "ConfigurationPolicyId": it.policy, "TargetId": target, "TargetType": kind,
        "AssociationType": if own { "APPLIED" } else { "INHERITED" }, "UpdatedAt": seconds(it.since),
        "AssociationStatus": if it.ready > context.now { "PENDING" } else { "SUCCESS" },
        "AssociationStatusMessage": "-",
    })
}

fn associate(context: &mut Context<'_>) -> HandlerResult {
    only_central(context)?;
    let target = target(context)?;
    let named = context.text("ConfigurationPolicyIdentifier");
    let policy = if named == SELF_MANAGED {
        named.to_owned()
    } else {
        found(context, named)?
    };
    context.write(Window::Immediate);
    let it = SimHubAssociation {
        policy,
        since: context.now,
        ready: context.now + taking(context.state.settings.speed),
    };
    let row = association(context, &target, &it, true);
    context.state.hub_policies.held.insert(target, it);
    take_hold(context);
    Ok(Output::Members(row))
}

fn disassociate(context: &mut Context<'_>) -> HandlerResult {
    only_central(context)?;
    let target = target(context)?;
    context.write(Window::Immediate);
    context.state.hub_policies.held.remove(&target);
    take_hold(context);
    Ok(Output::Members(json!({})))
}

fn get_association(context: &Context<'_>) -> HandlerResult {
    only_central(context)?;
    let target = target(context)?;
    let found = held(context.state, &target);
    let found = found.map(|(it, own)| association(context, &target, it, own));
    let missing = || {
        let text = format!("No configuration policy is associated with {target}");
        ApiError::new("ResourceNotFoundException", text)
    };
    Ok(Output::Members(found.ok_or_else(missing)?))
}

/// `ListConfigurationPolicyAssociations`: direct ones only; inherited ones need single reads (?).
fn associations(context: &Context<'_>) -> HandlerResult {
    only_central(context)?;
    let page = context.page()?;
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let rows = context.state.hub_policies.held.iter();
    let rows = rows.map(|(id, it)| (0, id.clone(), association(context, id, it, true)));
    let (rows, token) =
        page.take(rows.filter(|(_, id, _)| after.as_ref().is_none_or(|it| id > it)));
    Ok(context.paged(rows, token))
}

fn take_hold(context: &mut Context<'_>) {
    let now = context.now;
    let places: Vec<HubPlace> = context.state.hubs.keys().cloned().collect();
    for place in places {
        let found = held(context.state, &place.0).map(|(it, _)| it.policy.clone());
        let policy = found.and_then(|it| context.state.hub_policies.policies.get(&it));
        let policy = policy.map(|it| it.policy.clone());
        if let (Some(policy), Some(hub)) = (policy, context.state.hubs.get_mut(&place)) {
            let texts = |name: &str| -> Vec<String> {
                let all = policy.pointer(name).and_then(Value::as_array);
                let all = all.into_iter().flatten().filter_map(Value::as_str);
                all.map(str::to_owned).collect()
            };
            let off = texts(
                "/SecurityHub/SecurityControlsConfiguration/DisabledSecurityControlIdentifiers",
            );
            let wanted = texts("/SecurityHub/EnabledStandardIdentifiers");
            hub.standards = standards(&wanted, &off, &place.1, now);
        }
    }
}

fn standards(
    wanted: &[String],
    off: &[String],
    region: &str,
    now: Millis,
) -> std::collections::BTreeMap<String, SimStandard> {
    // a policy names standards by their ARNs in the home Region
    let kinds = super::catalog::STANDARDS.iter().filter(|kind| {
        wanted
            .iter()
            .any(|it| it.ends_with(&format!("/{}", kind.short)))
    });
    let all = kinds.map(|kind| kind.arn(region)).filter_map(|arn| {
        let kind = standard(&arn, region)?;
        let of = off
            .iter()
            .filter(|id| kind.controls.iter().any(|(it, _)| it == id));
        let control = |id: &String| {
            let it = SimControl {
                on: false,
                reason: Some("Disabled by the configuration policy".to_owned()),
                at: now,
            };
            (id.clone(), it)
        };
        let it = SimStandard {
            ready: now,
            refused: None,
            gone: None,
            controls: of.map(control).collect(),
        };
        Some((arn, it))
    });
    all.collect()
}
