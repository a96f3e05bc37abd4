//! Security group rules: find public ones, revoke, restore.

use hallpass_plans::{PartDone, StepError, StepProbe};
use serde_json::{Map, Value, json};

use super::drifted;
use super::place::{StepCalls, number, text};
use crate::remediation::action::PortParams;
use crate::remediation::decide::NEVER_TAG;
use crate::remediation::ports::MemberOperation;

const EC2: &str = "ec2";
const RULES: MemberOperation = (EC2, "DescribeSecurityGroupRules");
const EVERYBODY: [&str; 2] = ["0.0.0.0/0", "::/0"];
const PEERS: [(&str, &str, &str); 3] = [
    ("CidrIpv4", "IpRanges", "CidrIp"),
    ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
    ("PrefixListId", "PrefixListIds", "PrefixListId"),
];

fn group_of(resource: &str) -> Result<&str, StepError> {
    let id = resource.rsplit(['/', ':']).next().unwrap_or_default();
    if id.starts_with("sg-") {
        return Ok(id);
    }
    Err(StepError::failed(
        "NoGroup",
        &format!("`{resource}` is no security group"),
    ))
}

async fn rules(calls: &StepCalls<'_>, group: &str) -> Result<Vec<Value>, StepError> {
    let filter = json!({ "Filters": [{ "Name": "group-id", "Values": [group] }] });
    calls.list(RULES, filter, "SecurityGroupRules").await
}

/// Returns whether a rule opens a port to the public. Ranges that include the port and rules for
/// all protocols count.
fn is_public(rule: &Value, ports: &[u16]) -> bool {
    let everybody = ["CidrIpv4", "CidrIpv6"];
    let open = everybody
        .iter()
        .any(|name| EVERYBODY.contains(&text(rule, name)));
    let covers = |port: &u16| match text(rule, "IpProtocol") {
        "-1" => true,
        "tcp" | "udp" | "6" | "17" => {
            let (from, to) = (number(rule, "FromPort"), number(rule, "ToPort"));
            let (from, to) = (from.unwrap_or(0), to.unwrap_or(65_535));
            // AWS also writes all ports as -1
            from == -1 || (from..=to).contains(&i64::from(*port))
        }
        _ => false,
    };
    !is_egress(rule) && open && ports.iter().any(covers)
}

fn is_egress(rule: &Value) -> bool {
    rule.get("IsEgress").and_then(Value::as_bool) == Some(true)
}

fn seen(rules: &[Value]) -> StepProbe {
    if rules.is_empty() {
        return StepProbe::Satisfied;
    }
    StepProbe::Differs {
        old: json!({ "rules": rules }),
    }
}

async fn described(calls: &StepCalls<'_>, group: &str) -> Result<Value, StepError> {
    let input = json!({ "GroupIds": [group] });
    let found = calls.read((EC2, "DescribeSecurityGroups"), input).await?;
    let row = found.pointer("/SecurityGroups/0").cloned();
    row.ok_or_else(|| StepError::failed("NoGroup", &format!("`{group}` is not there")))
}

/// The group's own tag counts like that in the finding.
fn is_spared(group: &Value) -> bool {
    let tags = group.get("Tags").and_then(Value::as_array);
    let mut tags = tags.into_iter().flatten();
    tags.any(|tag| (text(tag, "Key"), text(tag, "Value")) == NEVER_TAG)
}

pub(super) async fn look_public(
    calls: &StepCalls<'_>,
    resource: &str,
    params: &PortParams,
) -> Result<StepProbe, StepError> {
    let id = group_of(resource)?;
    let found: Vec<Value> = rules(calls, id)
        .await?
        .into_iter()
        .filter(|rule| is_public(rule, &params.ports))
        .collect();
    if !found.is_empty() && is_spared(&described(calls, id).await?) {
        let reason = format!("the tag `{}` of `{id}` says never", NEVER_TAG.0);
        return Ok(StepProbe::Blocked { reason });
    }
    Ok(seen(&found))
}

pub(super) async fn look_default(
    calls: &StepCalls<'_>,
    resource: &str,
) -> Result<StepProbe, StepError> {
    let id = group_of(resource)?;
    let group = described(calls, id).await?;
    if text(&group, "GroupName") != "default" {
        let reason = format!("`{id}` is not the default group of its VPC");
        return Ok(StepProbe::Blocked { reason });
    }
    if is_spared(&group) {
        let reason = format!("the tag `{}` of `{id}` says never", NEVER_TAG.0);
        return Ok(StepProbe::Blocked { reason });
    }
    Ok(seen(&rules(calls, id).await?))
}

fn kept(old: &Value) -> Vec<Value> {
    let rows = old.get("rules").and_then(Value::as_array);
    rows.into_iter().flatten().cloned().collect()
}

/// Revokes only these rule ids.
pub(super) async fn revoke(
    calls: &StepCalls<'_>,
    resource: &str,
    old: &Value,
) -> Result<(), StepError> {
    let id = group_of(resource)?;
    let (out, into): (Vec<Value>, Vec<Value>) = kept(old).into_iter().partition(is_egress);
    for (rows, operation) in [
        (into, "RevokeSecurityGroupIngress"),
        (out, "RevokeSecurityGroupEgress"),
    ] {
        let ids: Vec<&str> = rows
            .iter()
            .map(|it| text(it, "SecurityGroupRuleId"))
            .collect();
        if !ids.is_empty() {
            let input = json!({ "GroupId": id, "SecurityGroupRuleIds": ids });
            calls.send((EC2, operation), input).await?;
        }
    }
    Ok(())
}

pub(super) async fn revoked(
    calls: &StepCalls<'_>,
    resource: &str,
    before: &Value,
) -> Option<PartDone> {
    let now = rules(calls, group_of(resource).ok()?).await.ok()?;
    let id = |rule: &Value| text(rule, "SecurityGroupRuleId").to_owned();
    let mut gone = kept(before);
    gone.retain(|rule| now.iter().all(|it| id(it) != id(rule)));
    let revoked: Vec<String> = gone.iter().map(id).collect();
    // only the remaining part, not the full old state
    (!gone.is_empty()).then(|| PartDone {
        old: json!({ "rules": gone }),
        new: json!({ "rules": now, "revoked": revoked }),
    })
}

/// Content of a rule: a restored rule gets another id.
fn form(rule: &Value) -> Value {
    let referenced = rule.pointer("/ReferencedGroupInfo/GroupId");
    json!({
        "egress": is_egress(rule), "protocol": text(rule, "IpProtocol"),
        "from": number(rule, "FromPort").unwrap_or(-1), "to": number(rule, "ToPort").unwrap_or(-1),
        "peers": PEERS.map(|(name, ..)| text(rule, name)), "group": referenced,
    })
}

async fn missing(calls: &StepCalls<'_>, id: &str, old: &Value) -> Result<Vec<Value>, StepError> {
    let there: Vec<Value> = rules(calls, id).await?.iter().map(form).collect();
    let gone = kept(old).into_iter();
    Ok(gone.filter(|it| !there.contains(&form(it))).collect())
}

pub(super) async fn form_left(
    calls: &StepCalls<'_>,
    resource: &str,
    params: &PortParams,
) -> Result<Value, StepError> {
    let mut found = rules(calls, group_of(resource)?).await?;
    found.retain(|rule| !is_public(rule, &params.ports));
    Ok(json!({ "rules": found }))
}

fn forms(rows: &[Value]) -> Vec<String> {
    let mut all: Vec<String> = rows.iter().map(|it| form(it).to_string()).collect();
    all.sort_unstable();
    all
}

/// Checks whether the rules are back; otherwise the group must be as the action left it. Ingress is
/// restored before egress, one call each, so a crash may leave only ingress restored.
pub(super) async fn look_restored(
    calls: &StepCalls<'_>,
    resource: &str,
    old: &Value,
    left: Option<&Value>,
) -> Result<StepProbe, StepError> {
    let found = rules(calls, group_of(resource)?).await?;
    let there = forms(&found);
    let wanted = kept(old);
    let is_back = |rule: &Value| there.contains(&form(rule).to_string());
    if wanted.iter().all(is_back) {
        return Ok(StepProbe::Satisfied);
    }
    let (out, into): (Vec<Value>, Vec<Value>) = wanted.into_iter().partition(is_egress);
    let some_back = into.iter().any(is_back);
    let in_turn = !some_back || into.iter().all(is_back);
    if !in_turn || out.iter().any(is_back) {
        return Ok(drifted("rules that were revoked were added again"));
    }
    let Some(left) = left else {
        return Ok(StepProbe::Absent);
    };
    let mut expected = kept(left);
    if some_back {
        expected.extend(into);
    }
    Ok(if there == forms(&expected) {
        StepProbe::Absent
    } else {
        drifted("the rules of the group were changed")
    })
}

fn permission(rule: &Value) -> Value {
    let mut wanted = Map::new();
    wanted.insert("IpProtocol".to_owned(), json!(text(rule, "IpProtocol")));
    for name in ["FromPort", "ToPort"] {
        if let Some(port) = number(rule, name) {
            wanted.insert(name.to_owned(), json!(port));
        }
    }
    let described = |mut peer: Map<String, Value>| {
        let words = text(rule, "Description");
        if !words.is_empty() {
            peer.insert("Description".to_owned(), json!(words));
        }
        json!([peer])
    };
    for (name, list, member) in PEERS {
        let value = text(rule, name);
        if !value.is_empty() {
            let peer = Map::from_iter([(member.to_owned(), json!(value))]);
            wanted.insert(list.to_owned(), described(peer));
        }
    }
    if let Some(group) = rule.get("ReferencedGroupInfo").and_then(Value::as_object) {
        let peer = group
            .iter()
            .filter(|(name, _)| matches!(name.as_str(), "GroupId" | "UserId"));
        let peer = peer.map(|(name, value)| (name.clone(), value.clone()));
        wanted.insert("UserIdGroupPairs".to_owned(), described(peer.collect()));
    }
    Value::Object(wanted)
}

pub(super) async fn restore(
    calls: &StepCalls<'_>,
    resource: &str,
    old: &Value,
) -> Result<(), StepError> {
    let id = group_of(resource)?;
    let gone = missing(calls, id, old).await?;
    let (out, into): (Vec<Value>, Vec<Value>) = gone.into_iter().partition(is_egress);
    for (rows, operation) in [
        (into, "AuthorizeSecurityGroupIngress"),
        (out, "AuthorizeSecurityGroupEgress"),
    ] {
        if !rows.is_empty() {
            let wanted: Vec<Value> = rows.iter().map(permission).collect();
            let input = json!({ "GroupId": id, "IpPermissions": wanted });
            calls.send((EC2, operation), input).await?;
        }
    }
    Ok(())
}
