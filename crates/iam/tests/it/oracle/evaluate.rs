//! Policy layers and principals (`policies.md` §2.5, §2.6), in the specification's order.

use serde_json::Value;

use super::glob::{action, arn, wild};
use super::load::{is_account, is_role};
use super::principal::{Level, Who, left_out, level};
use super::text::Context;
use super::variable::{Part, fill};
use super::{condition, document, many};

const ALLOWED: &str = "Allowed";
const DENIED: &str = "ExplicitlyDenied";
const SILENT: &str = "ImplicitlyDenied";

/// A decision with its row of `policies.md` §2.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) decision: &'static str,
    /// The row or exception of `policies.md` §2.6.
    pub(crate) row: &'static str,
    pub(crate) by: &'static str,
}

struct Asked<'a> {
    case: &'a Value,
    who: Who,
    action: &'a str,
    resource: &'a str,
    resource_account: Option<String>,
    context: Context,
    management: bool,
    root: bool,
}

#[derive(Clone, Copy)]
enum Effect {
    Allow,
    Deny,
}

/// Combines several resources (`policies.md` §2.7).
pub(super) fn case(case: &Value) -> Verdict {
    let resources = case
        .get("resources")
        .map_or_else(|| many(&case["resource"]), many);
    let mut verdicts = resources
        .into_iter()
        .map(|resource| one(&asked(case, resource.as_str().unwrap())));
    let all: Vec<Verdict> = verdicts.by_ref().collect();
    *(all.iter().find(|verdict| verdict.decision == DENIED))
        .or_else(|| all.iter().find(|verdict| verdict.decision == SILENT))
        .unwrap_or(&all[0])
}

fn asked<'a>(case: &'a Value, resource: &'a str) -> Asked<'a> {
    let who = Who::read(&case["principal"]).unwrap();
    let flag = |name: &str| case.get("flags").and_then(|flags| flags.get(name));
    let of_arn = arn(resource)
        .map(|arn| arn[4].clone())
        .filter(|account| is_account(account));
    let given = case
        .get("resourceAccount")
        .and_then(Value::as_str)
        .map(str::to_owned);
    Asked {
        resource_account: given.or(of_arn).or(who.home()),
        action: case["action"].as_str().unwrap(),
        resource,
        context: Context::of(case),
        management: flag("managementAccount") == Some(&Value::Bool(true)),
        root: flag("rootUser") == Some(&Value::Bool(true)) || matches!(who, Who::Root { .. }),
        who,
        case,
    }
}

fn one(asked: &Asked<'_>) -> Verdict {
    let row = row(asked);
    let verdict = |decision, by| Verdict { decision, row, by };
    if row == "free" {
        return verdict(ALLOWED, "always");
    }
    if let Some(layer) = explicit_deny(asked) {
        return verdict(DENIED, layer);
    }
    if protected(asked) {
        return verdict(SILENT, "protected");
    }
    if scps_apply(asked)
        && !levels(asked, "scps")
            .iter()
            .all(|level| allows(asked, level))
    {
        return verdict(SILENT, "scp");
    }
    match core(asked, row) {
        Ok(by) => verdict(ALLOWED, by),
        Err(by) => verdict(SILENT, by),
    }
}

fn row(asked: &Asked<'_>) -> &'static str {
    let same =
        asked.who.account().is_some() && asked.resource_account.as_deref() == asked.who.account();
    let kms = arn(asked.resource).is_some_and(|arn| arn[2] == "kms" && arn[5].starts_with("key/"));
    let is_user = asked.root || matches!(asked.who, Who::User { .. });
    match asked.action.to_ascii_lowercase().as_str() {
        "sts:getcalleridentity" => return "free",
        "sts:getsessiontoken" if is_user => return "free",
        _ => {}
    }
    match asked.who {
        Who::Anonymous => "anonymous",
        Who::Service(_) => "service",
        Who::Federated(_) => "federated",
        _ if asked.root && takes_role(asked) => "root trust",
        _ if asked.root && same && kms => "root kms",
        _ if asked.root && same => "root",
        _ if asked.root => "root cross",
        _ if !same => "cross",
        _ if kms => "kms",
        _ if takes_role(asked) => "trust",
        _ => "same",
    }
}

/// Checks if the request assumes a role; then the trust policy decides.
fn takes_role(asked: &Asked<'_>) -> bool {
    let action = asked.action.to_ascii_lowercase();
    let takes = action.starts_with("sts:assumerole")
        || action == "sts:tagsession"
        || action == "sts:setsourceidentity";
    takes && is_role(asked.resource)
}

/// Checks if identity policies and boundary apply to this principal.
fn has_identity(asked: &Asked<'_>) -> bool {
    asked.who.account().is_some() && !asked.root
}

/// Checks if the session policy applies: not for root, which only SCP, RCP and resource policy
/// deny.
fn has_session(asked: &Asked<'_>) -> bool {
    has_identity(asked)
}

fn scps_apply(asked: &Asked<'_>) -> bool {
    asked.who.account().is_some() && !asked.management && !asked.who.service_linked()
}

fn rcps_apply(asked: &Asked<'_>) -> bool {
    let home = asked.who.home();
    let in_management = asked.management && home.is_some() && home == asked.resource_account;
    let aws_key = arn(asked.resource).is_some_and(|arn| {
        let by_alias = ["kms:ResourceAliases", "kms:RequestAlias"]
            .iter()
            .filter_map(|key| asked.context.get(key))
            .flat_map(|values| &values.texts)
            .any(|alias| alias.starts_with("alias/aws/"));
        let key = arn[5].starts_with("key/") && by_alias;
        arn[2] == "kms" && (arn[5].starts_with("alias/aws/") || key)
    });
    let retires_grant = asked.action.eq_ignore_ascii_case("kms:RetireGrant");
    !in_management && !aws_key && !retires_grant && !asked.who.service_linked()
}

fn protected(asked: &Asked<'_>) -> bool {
    let Some(arn) = arn(asked.resource) else {
        return false;
    };
    let reserved = arn[2] == "iam"
        && (arn[5].starts_with("role/aws-reserved/")
            || (arn[4] == "aws" && arn[5].starts_with("policy/")));
    let Some(name) = asked
        .action
        .to_ascii_lowercase()
        .strip_prefix("iam:")
        .map(str::to_owned)
    else {
        return false;
    };
    let reads = ["get", "list", "simulate", "generate"]
        .iter()
        .any(|verb| name.starts_with(verb));
    let via = asked.context.get("aws:CalledVia");
    let through_identity_center = arn[5].starts_with("role/aws-reserved/sso.amazonaws.com/")
        && via.is_some_and(|it| it.texts.iter().any(|it| it == "sso.amazonaws.com"));
    reserved && !through_identity_center && !reads && !matches!(asked.who, Who::Service(_))
}

fn explicit_deny(asked: &Asked<'_>) -> Option<&'static str> {
    let denies = |policies: &[&Value]| strongest(asked, policies, Effect::Deny).is_some();
    let any_level = |field: &str| levels(asked, field).iter().any(|level| denies(level));
    if scps_apply(asked) && any_level("scps") {
        return Some("scp");
    }
    if rcps_apply(asked) && any_level("rcps") {
        return Some("rcp");
    }
    let rescue = row(asked) == "root"
        && [
            "s3:getbucketpolicy",
            "s3:putbucketpolicy",
            "s3:deletebucketpolicy",
            "sqs:getqueueattributes",
            "sqs:setqueueattributes",
        ]
        .contains(&asked.action.to_ascii_lowercase().as_str());
    if !rescue && denies(&single(asked, "resourcePolicy")) {
        return Some("resource");
    }
    if has_identity(asked) && denies(&single(asked, "boundary")) {
        return Some("boundary");
    }
    if has_session(asked) && denies(&single(asked, "session")) {
        return Some("session");
    }
    (has_identity(asked) && denies(&identity(asked))).then_some("identity")
}

fn core(asked: &Asked<'_>, row: &str) -> Result<&'static str, &'static str> {
    let grant = strongest(asked, &single(asked, "resourcePolicy"), Effect::Allow);
    let passes = |field: &str| {
        let policies = single(asked, field);
        policies.is_empty() || allows(asked, &policies)
    };
    let boundary = passes("boundary");
    let session = passes("session");
    let sessionless =
        matches!(asked.who, Who::FederatedUser { .. }) && single(asked, "session").is_empty();
    let identity = !sessionless && allows(asked, &identity(asked));
    match row {
        "anonymous" => {
            return (grant == Some(Level::Everyone))
                .then_some("everyone")
                .ok_or("resource");
        }
        "service" | "federated" | "root cross" | "root kms" => {
            return grant.map(|_| "resource").ok_or("resource");
        }
        "root" => return Ok("root"),
        "root trust" => return Err("identity"),
        _ => {}
    }
    let by_identity = if !identity {
        Err("identity")
    } else if !boundary {
        Err("boundary")
    } else if !session {
        Err("session")
    } else {
        Ok("identity")
    };
    if row == "cross" {
        return if grant.is_none() {
            Err("resource")
        } else {
            by_identity.map(|_| "both")
        };
    }
    let by_resource = match grant {
        Some(Level::Exactly) => Ok("exactly"),
        Some(Level::Everyone) if session => Ok("everyone"),
        Some(Level::Role) if boundary && session => Ok("role"),
        Some(Level::Role) if !boundary => Err("boundary"),
        Some(Level::Everyone | Level::Role) => Err("session"),
        Some(Level::Account) | None => Err("resource"),
    };
    match row {
        "same" => by_resource.or(by_identity),
        // trust policies and keys: without an Allow there, identity policies do not count
        _ if grant.is_none() => Err("resource"),
        _ => by_resource.or(by_identity.map(|_| "both")),
    }
}

fn single<'a>(asked: &Asked<'a>, field: &str) -> Vec<&'a Value> {
    asked
        .case
        .get(field)
        .filter(|policy| !policy.is_null())
        .into_iter()
        .collect()
}

fn identity<'a>(asked: &Asked<'a>) -> Vec<&'a Value> {
    asked
        .case
        .get("identityPolicies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect()
}

fn levels<'a>(asked: &Asked<'a>, field: &str) -> Vec<Vec<&'a Value>> {
    let levels = asked
        .case
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    levels
        .map(|level| level.as_array().unwrap().iter().collect())
        .collect()
}

fn allows(asked: &Asked<'_>, policies: &[&Value]) -> bool {
    strongest(asked, policies, Effect::Allow).is_some()
}

/// The strongest principal match among the applicable statements of an effect. Statements without a
/// principal element apply to every principal the policy is attached to.
fn strongest(asked: &Asked<'_>, policies: &[&Value], effect: Effect) -> Option<Level> {
    let effect = match effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    };
    let mut best = None;
    for policy in policies {
        let document = document(policy);
        let modern = document.get("Version") == Some(&Value::from("2012-10-17"));
        for statement in many(&document["Statement"]) {
            if statement["Effect"] == effect
                && action_fits(asked, statement)
                && resource_fits(asked, statement, modern)
                && condition::holds(statement, modern, &asked.context)
            {
                best = best.max(principal_fits(asked, statement));
            }
        }
    }
    best
}

fn principal_fits(asked: &Asked<'_>, statement: &Value) -> Option<Level> {
    if let Some(element) = statement.get("Principal") {
        let named = level(element, &asked.who);
        let apart = statement["Effect"] == "Allow" && patterns_of_principals(statement);
        return match named {
            Some(Level::Everyone) if apart => Some(Level::Exactly),
            other => other,
        };
    }
    let Some(element) = statement.get("NotPrincipal") else {
        return Some(Level::Everyone);
    };
    let bounded = has_identity(asked) && !single(asked, "boundary").is_empty();
    (bounded || !left_out(element, &asked.who)).then_some(Level::Everyone)
}

fn patterns_of_principals(statement: &Value) -> bool {
    let operators = statement.get("Condition").and_then(Value::as_object);
    operators.into_iter().flatten().any(|(operator, keys)| {
        let operator = operator.to_ascii_lowercase();
        let asks = ["stringlike", "arnlike", "arnequals"]
            .iter()
            .any(|name| operator.contains(name));
        asks && keys.as_object().unwrap().iter().any(|(key, values)| {
            key.eq_ignore_ascii_case("aws:PrincipalArn")
                && many(values)
                    .into_iter()
                    .any(|value| value.as_str().is_some_and(|text| text.contains(['*', '?'])))
        })
    })
}

fn action_fits(asked: &Asked<'_>, statement: &Value) -> bool {
    let any = |list: &Value| {
        many(list)
            .iter()
            .any(|pattern| action(pattern.as_str().unwrap(), asked.action))
    };
    match (statement.get("Action"), statement.get("NotAction")) {
        (Some(list), _) => any(list),
        (None, Some(list)) => !any(list),
        (None, None) => unreachable!("checked"),
    }
}

fn resource_fits(asked: &Asked<'_>, statement: &Value, modern: bool) -> bool {
    let each = |list: &Value| -> Vec<Option<bool>> {
        many(list)
            .iter()
            .map(|one| resource(asked, one.as_str().unwrap(), modern))
            .collect()
    };
    match (statement.get("Resource"), statement.get("NotResource")) {
        (Some(list), _) => each(list).contains(&Some(true)),
        (None, Some(list)) => each(list).iter().all(|result| *result == Some(false)),
        (None, None) => true,
    }
}

fn resource(asked: &Asked<'_>, pattern: &str, modern: bool) -> Option<bool> {
    if pattern == "*" {
        return Some(true);
    }
    let pieces: Vec<&str> = pattern.splitn(6, ':').collect();
    // variables occur only after the fifth colon, so the pattern is split first
    let parts: Vec<Part> = match pieces[..] {
        [.., rest] if pieces.len() == 6 => {
            let mut parts = wild(pattern.strip_suffix(rest).unwrap());
            parts.extend(fill(rest, modern, &asked.context)?);
            parts
        }
        _ => wild(pattern),
    };
    if asked.resource == "*" {
        let stars = |piece: &&str| !piece.is_empty() && piece.chars().all(|c| c == '*');
        return Some(pieces.iter().all(stars));
    }
    let text: Vec<char> = asked.resource.chars().collect();
    Some(takes_resource(&parts, &text, 0))
}

/// Matches a resource pattern with the rest of an ARN after `colons` colons. A wildcard before the
/// fifth colon matches no colon, unless it is a `*` before a colon or the end.
fn takes_resource(pattern: &[Part], text: &[char], colons: usize) -> bool {
    let head = colons < 5;
    match pattern.first() {
        None => text.is_empty(),
        Some(Part::Any) => {
            let last = pattern.len() == 1 || pattern[1] == Part::Char(':');
            (0..=text.len())
                .filter(|skip| last || !head || !text[..*skip].contains(&':'))
                .any(|skip| takes_resource(&pattern[1..], &text[skip..], colons))
        }
        Some(Part::One) => {
            !(text.is_empty() || head && text[0] == ':')
                && takes_resource(&pattern[1..], &text[1..], colons)
        }
        Some(Part::Char(c)) => {
            let behind = colons + usize::from(*c == ':');
            text.first() == Some(c) && takes_resource(&pattern[1..], &text[1..], behind)
        }
    }
}
