//! Security groups and their rules. A new group allows all egress, as on AWS.

use serde_json::{Map, Value, json};

use super::{ApiError, Context, HandlerResult, filters, ids, is_on, passes, xml};
use crate::core::{
    call::{Output, input_text},
    caller::AwsCaller,
    exposure::{GroupRule, SecurityGroup, digits, place},
    networks,
    state::SimState,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateSecurityGroup", Writes(create)),
    ("DescribeSecurityGroups", Reads(describe)),
    ("DescribeSecurityGroupRules", Reads(describe_rules)),
    ("AuthorizeSecurityGroupIngress", Writes(authorize_ingress)),
    ("AuthorizeSecurityGroupEgress", Writes(authorize_egress)),
    ("RevokeSecurityGroupIngress", Writes(revoke_ingress)),
    ("RevokeSecurityGroupEgress", Writes(revoke_egress)),
    ("GetEbsEncryptionByDefault", Reads(get_encryption)),
    ("EnableEbsEncryptionByDefault", Writes(enable_encryption)),
    ("DisableEbsEncryptionByDefault", Writes(disable_encryption)),
];

const PEERS: [(&str, &str, &str); 4] = [
    ("IpRanges", "CidrIp", "cidrIpv4"),
    ("Ipv6Ranges", "CidrIpv6", "cidrIpv6"),
    ("PrefixListIds", "PrefixListId", "prefixListId"),
    ("Groups", "GroupId", "group"),
];

/// Policy resources of changes; others use `*`.
pub(super) fn resources(
    state: &SimState,
    caller: &AwsCaller,
    operation: &str,
    input: &Value,
) -> Vec<String> {
    let changes = operation.starts_with("Authorize") || operation.starts_with("Revoke");
    let Some(id) = input_text(input, "GroupId").filter(|_| changes) else {
        return Vec::new();
    };
    let mut places = state.exposure.groups.iter();
    let place = places.find(|(_, groups)| groups.iter().any(|it| it.id == id));
    let region = place.and_then(|(place, _)| place.split_once(' '));
    let (account, region) = (&caller.account, region.map_or("*", |(_, region)| region));
    vec![format!(
        "arn:aws:ec2:{region}:{account}:security-group/{id}"
    )]
}

fn own<'a>(context: &'a Context<'_>) -> &'a [SecurityGroup] {
    let place = place(&context.caller.account, &context.call.region);
    let groups = context.state.exposure.groups.get(&place);
    groups.map_or(&[], Vec::as_slice)
}

fn no_group(id: &str) -> ApiError {
    let text = format!("The security group '{id}' does not exist");
    ApiError::new("InvalidGroup.NotFound", text)
}

fn no_rule(id: &str) -> ApiError {
    let text = format!("The security group rule ID '{id}' does not exist");
    ApiError::new("InvalidSecurityGroupRuleId.NotFound", text)
}

fn change<T>(
    context: &mut Context<'_>,
    id: &str,
    change: impl FnOnce(&mut SecurityGroup) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let place = place(&context.caller.account, &context.call.region);
    let groups = context.state.exposure.groups.get_mut(&place);
    let mut groups = groups.into_iter().flatten();
    let group = groups.find(|it| it.id == id);
    let changed = change(group.ok_or_else(|| no_group(id))?)?;
    context.write(Window::Immediate);
    Ok(changed)
}

fn done(context: &Context<'_>, more: Map<String, Value>) -> Output {
    let mut members = Map::from_iter([("return".to_owned(), json!(true))]);
    members.extend(more);
    xml::answer(&context.call.operation, &members)
}

/// `CreateSecurityGroup`: in the default VPC unless another is named.
fn create(context: &mut Context<'_>) -> HandlerResult {
    is_on(context)?;
    let (account, region) = (context.caller.account.clone(), context.call.region.clone());
    let name = context.text("GroupName").to_owned();
    let vpcs = networks::vpcs(context.state, &account, &region);
    let named = context.optional("VpcId");
    let vpc = vpcs
        .iter()
        .find(|vpc| named.map_or(vpc.is_default, |it| it == vpc.id))
        .or_else(|| vpcs.first().filter(|_| named.is_none()));
    let vpc = vpc.map(|it| it.id.clone()).ok_or_else(|| {
        let text = format!("The vpc ID '{}' does not exist", named.unwrap_or_default());
        ApiError::new("InvalidVpcID.NotFound", text)
    })?;
    if own(context)
        .iter()
        .any(|it| it.name == name && it.vpc == vpc)
    {
        let text = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(ApiError::new("InvalidGroup.Duplicate", text));
    }
    let exposure = &mut context.state.exposure;
    exposure.made += 1;
    let seed = format!("{account} {region} {}", exposure.made);
    let id = format!("sg-{}", digits(&seed));
    let mut group = SecurityGroup {
        id: id.clone(),
        name,
        description: context.text("GroupDescription").to_owned(),
        vpc,
        ..SecurityGroup::default()
    };
    add(
        &mut group,
        GroupRule {
            egress: true,
            protocol: "-1".to_owned(),
            from: -1,
            to: -1,
            peer: ("cidrIpv4".to_owned(), "0.0.0.0/0".to_owned()),
            ..GroupRule::default()
        },
    );
    let groups = context
        .state
        .exposure
        .groups
        .entry(place(&account, &region));
    groups.or_default().push(group);
    context.write(Window::Immediate);
    let members = Map::from_iter([("groupId".to_owned(), json!(id))]);
    Ok(done(context, members))
}

fn add(group: &mut SecurityGroup, rule: GroupRule) -> GroupRule {
    group.made += 1;
    let id = format!("sgr-{}", digits(&format!("{} {}", group.id, group.made)));
    let rule = GroupRule { id, ..rule };
    group.rules.push(rule.clone());
    rule
}

fn describe(context: &Context<'_>) -> HandlerResult {
    is_on(context)?;
    let (filters, named) = (filters(context), ids(context, "GroupId"));
    let all = own(context);
    if let Some(lost) = named.iter().find(|id| !all.iter().any(|it| it.id == **id)) {
        return Err(no_group(lost));
    }
    let mut rows = Vec::new();
    for group in all {
        let fits = passes(&filters, |name| match name {
            "group-id" => Some(vec![&group.id]),
            "group-name" => Some(vec![&group.name]),
            "vpc-id" => Some(vec![&group.vpc]),
            _ => None,
        })?;
        if !fits || !named.is_empty() && !named.contains(&group.id.as_str()) {
            continue;
        }
        let permissions = |egress: bool| -> Vec<Value> {
            let rules = group.rules.iter().filter(|it| it.egress == egress);
            rules.map(permission).collect()
        };
        let tags = group.tags.iter();
        let tags: Vec<Value> = tags
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        let row = json!({
            "ownerId": context.caller.account, "groupId": group.id, "groupName": group.name,
            "groupDescription": group.description, "vpcId": group.vpc, "ipPermissions": permissions(false),
            "ipPermissionsEgress": permissions(true), "tagSet": tags,
        });
        rows.push((group.id.clone(), row));
    }
    xml::paged(context, "securityGroupInfo", rows)
}

fn permission(rule: &GroupRule) -> Value {
    let lists = [
        ("cidrIpv4", "ipRanges", "cidrIp"),
        ("cidrIpv6", "ipv6Ranges", "cidrIpv6"),
        ("prefixListId", "prefixListIds", "prefixListId"),
        ("group", "groups", "groupId"),
    ];
    let mut row = Map::from_iter([("ipProtocol".to_owned(), json!(rule.protocol))]);
    if rule.protocol != "-1" {
        row.insert("fromPort".to_owned(), json!(rule.from));
        row.insert("toPort".to_owned(), json!(rule.to));
    }
    for (kind, list, member) in lists {
        if rule.peer.0 == kind {
            let peer = json!([{ member: rule.peer.1, "description": rule.description }]);
            row.insert(list.to_owned(), peer);
        }
    }
    Value::Object(row)
}

fn shown(context: &Context<'_>, group: &str, rule: &GroupRule) -> Value {
    let mut row = json!({
        "securityGroupRuleId": rule.id, "groupId": group, "groupOwnerId": context.caller.account,
        "isEgress": rule.egress, "ipProtocol": rule.protocol, "fromPort": rule.from, "toPort": rule.to,
        "description": rule.description,
    });
    if let Some(members) = row.as_object_mut() {
        let (kind, value) = &rule.peer;
        if kind == "group" {
            let peer = json!({ "groupId": value, "userId": context.caller.account });
            members.insert("referencedGroupInfo".to_owned(), peer);
        } else {
            members.insert(kind.clone(), json!(value));
        }
    }
    row
}

fn describe_rules(context: &Context<'_>) -> HandlerResult {
    is_on(context)?;
    let (filters, named) = (filters(context), ids(context, "SecurityGroupRuleId"));
    let mut rows = Vec::new();
    for group in own(context) {
        for rule in &group.rules {
            let fits = passes(&filters, |name| match name {
                "group-id" => Some(vec![&group.id]),
                "security-group-rule-id" => Some(vec![&rule.id]),
                _ => None,
            })?;
            if fits && (named.is_empty() || named.contains(&rule.id.as_str())) {
                rows.push((rule.id.clone(), shown(context, &group.id, rule)));
            }
        }
    }
    if let Some(lost) = named
        .iter()
        .find(|id| !rows.iter().any(|(it, _)| it == *id))
    {
        return Err(no_rule(lost));
    }
    xml::paged(context, "securityGroupRuleSet", rows)
}

fn asked(context: &Context<'_>, egress: bool) -> Vec<GroupRule> {
    let field = |name: String| context.call.input.get(name).and_then(Value::as_str);
    let mut rules = Vec::new();
    for at in 1.. {
        let of = |name: &str| field(format!("IpPermissions.{at}.{name}"));
        let Some(protocol) = of("IpProtocol") else {
            break;
        };
        let port = |name: &str| of(name).and_then(|it| it.parse().ok()).unwrap_or(-1);
        for (list, member, kind) in PEERS {
            let mut number = 1;
            while let Some(value) = of(&format!("{list}.{number}.{member}")) {
                rules.push(GroupRule {
                    id: String::new(),
                    egress,
                    protocol: protocol.to_owned(),
                    from: port("FromPort"),
                    to: port("ToPort"),
                    peer: (kind.to_owned(), value.to_owned()),
                    description: of(&format!("{list}.{number}.Description")).map(str::to_owned),
                });
                number += 1;
            }
        }
    }
    rules
}

fn is_same(one: &GroupRule, other: &GroupRule) -> bool {
    let permits = |it: &GroupRule| {
        (
            it.egress,
            it.protocol.clone(),
            it.from,
            it.to,
            it.peer.clone(),
        )
    };
    permits(one) == permits(other)
}

fn authorize(context: &mut Context<'_>, egress: bool) -> HandlerResult {
    is_on(context)?;
    let (id, wanted) = (context.text("GroupId").to_owned(), asked(context, egress));
    let made = change(context, &id, |group| {
        if wanted
            .iter()
            .any(|it| group.rules.iter().any(|one| is_same(one, it)))
        {
            let text = "the specified rule already exists";
            return Err(ApiError::new("InvalidPermission.Duplicate", text));
        }
        let made = wanted.into_iter().map(|it| add(group, it));
        Ok(made.collect::<Vec<GroupRule>>())
    })?;
    let rows: Vec<Value> = made.iter().map(|it| shown(context, &id, it)).collect();
    let members = Map::from_iter([("securityGroupRuleSet".to_owned(), json!(rows))]);
    Ok(done(context, members))
}

fn authorize_ingress(context: &mut Context<'_>) -> HandlerResult {
    authorize(context, false)
}

fn authorize_egress(context: &mut Context<'_>) -> HandlerResult {
    authorize(context, true)
}

/// Revokes by rule id or permission; a missing permission refuses the call (AWS:
/// `RevokeSecurityGroupIngress`, VPCs other than default; AWS ignores it for default ones, which is
/// not simulated).
fn revoke(context: &mut Context<'_>, egress: bool) -> HandlerResult {
    is_on(context)?;
    let id = context.text("GroupId").to_owned();
    let named: Vec<String> = ids(context, "SecurityGroupRuleId")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let permitted = asked(context, egress);
    change(context, &id, |group| {
        let is_there = |id: &&String| {
            !group
                .rules
                .iter()
                .any(|it| it.id == **id && it.egress == egress)
        };
        if let Some(lost) = named.iter().find(is_there) {
            return Err(no_rule(lost));
        }
        let is_lost = |it: &&GroupRule| !group.rules.iter().any(|one| is_same(one, it));
        if permitted.iter().any(|it| is_lost(&it)) {
            let text = "The specified rule does not exist in this security group.";
            return Err(ApiError::new("InvalidPermission.NotFound", text));
        }
        group
            .rules
            .retain(|it| !named.contains(&it.id) && !permitted.iter().any(|one| is_same(one, it)));
        Ok(())
    })?;
    Ok(done(context, Map::new()))
}

fn revoke_ingress(context: &mut Context<'_>) -> HandlerResult {
    revoke(context, false)
}

fn revoke_egress(context: &mut Context<'_>) -> HandlerResult {
    revoke(context, true)
}

fn encrypted(context: &Context<'_>, on: bool) -> Output {
    let members = Map::from_iter([("ebsEncryptionByDefault".to_owned(), json!(on))]);
    xml::answer(&context.call.operation, &members)
}

fn get_encryption(context: &Context<'_>) -> HandlerResult {
    is_on(context)?;
    let place = place(&context.caller.account, &context.call.region);
    let on = context.state.exposure.encrypted.get(&place);
    Ok(encrypted(context, on == Some(&true)))
}

fn set_encryption(context: &mut Context<'_>, on: bool) -> HandlerResult {
    is_on(context)?;
    let place = place(&context.caller.account, &context.call.region);
    context.state.exposure.encrypted.insert(place, on);
    context.write(Window::Immediate);
    Ok(encrypted(context, on))
}

fn enable_encryption(context: &mut Context<'_>) -> HandlerResult {
    set_encryption(context, true)
}

fn disable_encryption(context: &mut Context<'_>) -> HandlerResult {
    set_encryption(context, false)
}
