//! AWS Resource Access Manager: resource shares of the organization file, for owner and consumers.
//! Sharing and accepting are not simulated.

use crate::base::{Millis, hash};
use serde_json::{Value, json};

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::seconds,
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    service::SimService,
};
use crate::organization::StatedShare;

const NAME: &str = "ram";
/// 2024-01-08: assumed creation of every share.
const MADE: Millis = 1_704_672_000_000;

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        errors: ErrorForms {
            invalid: |_, violations| {
                let text = hallpass_aws_model::message(violations);
                ApiError::new("InvalidParameterException", text)
            },
            page_token: || {
                let text = "The specified value for nextToken isn't valid.";
                ApiError::new("InvalidNextTokenException", text)
            },
            ..errors::REST_JSON
        },
        secrets: &["nextToken"],
        ..SimService::named("Ram", NAME)
    },
    begin: |call| call.admit(),
    operations: &[&[
        ("GetResourceShares", Reads(shares)),
        ("ListPrincipals", Reads(principals)),
        ("ListResources", Reads(resources)),
        ("GetResourceShareAssociations", Reads(associations)),
    ]],
};

fn arn(share: &StatedShare) -> String {
    let (region, account) = (&share.region, &share.account);
    let half = |part: &str| hash(&format!("share/{part}/{account}/{}", share.name));
    let hex = format!("{:016x}{:016x}", half("a"), half("b"));
    let mut id = String::new();
    for (at, digit) in hex.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(digit);
    }
    format!("arn:aws:ram:{region}:{account}:resource-share/{id}")
}

/// Whether a principal includes the caller's account.
fn has(context: &Context<'_>, principal: &str) -> bool {
    let own = &context.caller.account;
    if principal == *own || principal.contains(":organization/") {
        return true;
    }
    let Some((_, unit)) = principal.rsplit_once('/') else {
        return false;
    };
    let units = context.state.path_up(own);
    units.iter().any(|it| **it == *unit)
}

fn seen<'a>(context: &'a Context<'_>, filters: &[&str]) -> Result<Vec<&'a StatedShare>, ApiError> {
    let known = [
        "resourceOwner",
        "associationType",
        "nextToken",
        "maxResults",
    ];
    let members = context.call.input.as_object();
    let mut given = members
        .into_iter()
        .flatten()
        .filter(|(_, it)| !it.is_null());
    let other = given
        .find(|(name, _)| !known.contains(&name.as_str()) && !filters.contains(&name.as_str()));
    if let Some((name, _)) = other {
        let text = format!("{name} is not simulated.");
        return Err(ApiError::new("InvalidParameterException", text));
    }
    let wanted = context.call.input.get("resourceShareArns");
    let wanted = wanted.and_then(Value::as_array).filter(|it| !it.is_empty());
    let name = context.optional("name");
    let is_of_others = context.text("resourceOwner") == "OTHER-ACCOUNTS";
    let own = &context.caller.account;
    let all = context.state.resource_shares.iter();
    let found = all.filter(|it| {
        let is_seen = if is_of_others {
            it.account != *own && it.principals.iter().any(|one| has(context, one))
        } else {
            it.account == *own
        };
        is_seen
            && it.region == context.call.region
            && name.is_none_or(|name| it.name == name)
            && wanted.is_none_or(|all| all.iter().any(|one| *one == arn(it)))
    });
    Ok(found.collect())
}

fn dated(mut row: Value) -> Value {
    if let Some(members) = row.as_object_mut() {
        members.insert("creationTime".to_owned(), seconds(MADE));
        members.insert("lastUpdatedTime".to_owned(), seconds(MADE));
    }
    row
}

fn is_external(context: &Context<'_>, principal: &str) -> bool {
    !principal.contains(":organizations::") && context.state.account(principal).is_none()
}

fn shares(context: &Context<'_>) -> HandlerResult {
    let rows = seen(context, &["resourceShareArns", "name"])?;
    let rows = rows.into_iter().map(|it| {
        let row = json!({
            "resourceShareArn": arn(it), "name": it.name, "owningAccountId": it.account,
            "allowExternalPrincipals": it.principals.iter().any(|one| is_external(context, one)),
            "status": "ACTIVE", "featureSet": "STANDARD",
            "resourceShareConfiguration": { "retainSharingOnAccountLeaveOrganization": it.kept },
        });
        (arn(it), dated(row))
    });
    context.listing(rows.collect())
}

fn principals(context: &Context<'_>) -> HandlerResult {
    let shares = seen(context, &["resourceShareArns"])?;
    let rows = shares.into_iter().flat_map(|share| {
        share.principals.iter().map(|it| {
            let row = json!({
                "id": it, "resourceShareArn": arn(share), "external": is_external(context, it),
            });
            (format!("{} {it}", arn(share)), dated(row))
        })
    });
    context.listing(rows.collect())
}

/// `ec2:Subnet` of `arn:aws:ec2:eu-west-1:111122223333:subnet/subnet-1`.
fn kind(resource: &str) -> String {
    let mut parts = resource.splitn(6, ':').skip(2);
    let service = parts.next().unwrap_or_default();
    let rest = parts.nth(2).unwrap_or_default();
    let words = rest.split('/').next().unwrap_or_default().split('-');
    let words = words.map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|it| it.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    format!("{service}:{}", words.collect::<String>())
}

fn resources(context: &Context<'_>) -> HandlerResult {
    let shares = seen(context, &["resourceShareArns"])?;
    let rows = shares.into_iter().flat_map(|share| {
        share.resources.iter().map(|it| {
            let row = json!({
                "arn": it, "type": kind(it), "resourceShareArn": arn(share), "status": "AVAILABLE",
            });
            (format!("{} {it}", arn(share)), dated(row))
        })
    });
    context.listing(rows.collect())
}

/// `GetResourceShareAssociations`: of the caller's own shares.
fn associations(context: &Context<'_>) -> HandlerResult {
    let kind = context.text("associationType");
    let shares = seen(context, &["resourceShareArns"])?;
    let rows = shares.into_iter().flat_map(|share| {
        let entities = if kind == "PRINCIPAL" {
            &share.principals
        } else {
            &share.resources
        };
        entities.iter().map(|it| {
            let row = json!({
                "resourceShareArn": arn(share), "resourceShareName": share.name, "associatedEntity": it,
                "associationType": kind, "status": "ASSOCIATED",
                "external": kind == "PRINCIPAL" && is_external(context, it),
            });
            (format!("{} {it}", arn(share)), dated(row))
        })
    });
    context.listing(rows.collect())
}
