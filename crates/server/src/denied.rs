//! From a denied call to the smallest permission set that somebody may ask for and that allows it (`policies.md` §16).

use std::collections::BTreeMap;

use axum::http::StatusCode;
use hallpass_access::{
    Actor, Boundary, Catalog, CatalogEntry, CatalogPage, ManagedPolicy, NamedId, ReferencedPolicy,
    SetPolicies,
};
use hallpass_api::{
    DeniedBecause, DeniedCall, FieldProblem, FittingSets, LargerSet, Named, SetNotJudged,
};
use hallpass_iam::denial::{
    Denial, DenialReason, DenyingPolicy, Fit, Judgement, OfferedPolicy, OfferedSet, judge,
    smallest_first,
};
use hallpass_model::AccountId;

use crate::{App, permission_set_policies, problem::ProblemResponse};

/// The longest message that is read, in bytes.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16_000;
/// Offers of one account that are looked at: its permission sets.
const OFFERS_MAX: usize = 1_000;

/// The permission sets that the actor may ask for and that allow the call of AWS's message, smallest first.
///
/// # Errors
/// When the message names no call or no account, no permission set would help, or none that the actor may ask for is known to.
pub(crate) async fn fitting(
    app: &App,
    actor: &Actor,
    message: &str,
) -> Result<FittingSets, ProblemResponse> {
    if message.len() > MESSAGE_BYTES_MAX {
        let words = format!("the message is longer than {MESSAGE_BYTES_MAX} bytes");
        return Err(ProblemResponse::bad("no-denial", words));
    }
    let denial = Denial::read(message.trim())
        .map_err(|error| ProblemResponse::bad("no-denial", error.to_string()).help(error.help()))?;
    if let Some(why) = denial.beyond_permission_sets() {
        let words = format!("no permission set helps: {}", said(&denial));
        return Err(unprocessable("beyond-permission-sets", words).help(why));
    }
    let account = denial.account().and_then(|it| AccountId::new(it).ok());
    let account = account.ok_or_else(|| {
        ProblemResponse::bad("no-denial", "the denial names no account")
            .help("`hallpass catalog` lists what you may ask for")
    })?;
    let offers = offers(app, actor, account.clone()).await?;
    let Some(place) = offers.iter().find_map(|it| it.account.clone()) else {
        return Err(nothing_fits(&denial, account.as_str(), &[]));
    };
    let (mut judged, mut not_judged) = (Vec::new(), Vec::new());
    for name in offers.iter().filter_map(|it| it.permission_set.clone()) {
        match judgement(app, actor, &name, (&denial, &account)).await? {
            Judgement::Unknown(why) => not_judged.push(SetNotJudged {
                permission_set: name,
                why,
            }),
            known @ (Judgement::Allows(_) | Judgement::Refuses) => judged.push((name, known)),
        }
    }
    let mut fitting = smallest_first(judged).into_iter();
    let Some((name, fit)) = fitting.next() else {
        return Err(nothing_fits(&denial, &place.name, &not_judged));
    };
    let says = offers
        .iter()
        .find(|it| it.permission_set.as_ref() == Some(&name))
        .and_then(|it| it.says.clone());
    Ok(FittingSets {
        alternatives: fitting.map(larger).collect(),
        not_judged,
        says,
        ..smallest(&denial, place, name, fit)
    })
}

/// What the actor may ask for in the account.
async fn offers(
    app: &App,
    actor: &Actor,
    account: AccountId,
) -> Result<Vec<CatalogEntry>, ProblemResponse> {
    let page = CatalogPage {
        text: String::new(),
        account: Some(account),
        after: None,
        limit: OFFERS_MAX,
    };
    let (access, actor) = (app.access.clone(), actor.clone());
    // many decisions: not on a thread that serves others
    let catalog = tokio::task::spawn_blocking(move || access.catalog_page(&actor, &page))
        .await
        .map_err(|error| ProblemResponse::unavailable(&error))?;
    let none = |_| Vec::new();
    Ok(catalog.map_or_else(none, |catalog: Catalog| catalog.entries))
}

/// What one set comes to. One whose policies cannot be read is not judged; one that was denied the call is not asked for again.
async fn judgement(
    app: &App,
    actor: &Actor,
    name: &str,
    (denial, account): (&Denial, &AccountId),
) -> Result<Judgement, ProblemResponse> {
    if denial.permission_set() == Some(name) && denial.principal_account() == Some(account.as_str())
    {
        return Ok(Judgement::Refuses);
    }
    let found = permission_set_policies::find(app, actor, name).await?;
    let read = match found.policies {
        Ok(Some(read)) => read,
        Ok(None) => {
            return Ok(Judgement::Unknown(
                "AWS has no such set any more".to_owned(),
            ));
        }
        Err(fault) => return Ok(Judgement::Unknown(fault.to_string())),
    };
    let set = offered(name, &read);
    let (denial, account) = (denial.clone(), account.to_string());
    let judged = tokio::task::spawn_blocking(move || judge(&set, &denial, &account)).await;
    judged.map_err(|error| ProblemResponse::unavailable(&error))
}

fn offered(name: &str, read: &SetPolicies) -> OfferedSet {
    let inline = read.inline.iter().map(|text| OfferedPolicy {
        name: "Inline policy".to_owned(),
        arn: None,
        is_boundary: false,
        text: Some(text.clone()),
    });
    let managed = read.managed.iter().map(of_aws);
    let referenced = read.referenced.iter().map(of_account);
    let boundary = read.boundary.iter().map(|it| OfferedPolicy {
        is_boundary: true,
        ..match it {
            Boundary::Managed(policy) => of_aws(policy),
            Boundary::Referenced(policy) => of_account(policy),
        }
    });
    OfferedSet {
        name: name.to_owned(),
        policies: inline
            .chain(managed)
            .chain(referenced)
            .chain(boundary)
            .collect(),
    }
}

fn of_aws(policy: &ManagedPolicy) -> OfferedPolicy {
    OfferedPolicy {
        name: policy.name.clone(),
        arn: Some(policy.arn.clone()),
        is_boundary: false,
        text: policy.document.clone(),
    }
}

/// A policy that each account keeps by itself.
fn of_account(policy: &ReferencedPolicy) -> OfferedPolicy {
    OfferedPolicy {
        name: policy.name.clone(),
        arn: Some(policy.path.clone()),
        is_boundary: false,
        text: None,
    }
}

fn smallest(denial: &Denial, place: NamedId, permission_set: String, fit: Fit) -> FittingSets {
    let (mut other_levels, mut other_services) = (BTreeMap::new(), BTreeMap::new());
    for action in &fit.others {
        *other_levels
            .entry(action.access.as_str().to_owned())
            .or_insert(0) += 1;
        *other_services.entry(action.service.to_owned()).or_insert(0) += 1;
    }
    FittingSets {
        denial: call(denial),
        account: Named {
            id: place.id,
            name: place.name,
        },
        permission_set,
        says: None,
        other_actions: fit.others.len(),
        other_levels,
        other_services,
        conditions: fit.conditions.into_iter().collect(),
        alternatives: Vec::new(),
        not_judged: Vec::new(),
    }
}

fn larger((permission_set, fit): (String, Fit)) -> LargerSet {
    LargerSet {
        permission_set,
        other_actions: fit.others.len(),
        conditions: fit.conditions.into_iter().collect(),
    }
}

fn call(denial: &Denial) -> DeniedCall {
    let reason = denial.reason.map(|it| DeniedBecause {
        policy: policy_kind(it.policy).to_owned(),
        is_explicit: it.is_explicit,
    });
    DeniedCall {
        principal: denial.principal.clone(),
        action: denial.action.clone(),
        resource: denial.resource.clone(),
        reason,
        authorization_id: denial.authorization_id.clone(),
        region: denial.region.clone(),
    }
}

/// The name of a kind of policy in the API.
fn policy_kind(policy: DenyingPolicy) -> &'static str {
    match policy {
        DenyingPolicy::ServiceControl => "service_control",
        DenyingPolicy::ResourceControl => "resource_control",
        DenyingPolicy::VpcEndpoint => "vpc_endpoint",
        DenyingPolicy::Resource => "resource",
        DenyingPolicy::Boundary => "boundary",
        DenyingPolicy::Session => "session",
        DenyingPolicy::Identity => "identity",
    }
}

/// What was denied and why, in a line.
fn said(denial: &Denial) -> String {
    let on = denial.resource.as_ref();
    let on = on.map_or_else(String::new, |it| format!(" on {it}"));
    let why = |it: DenialReason| format!(": {it}");
    let why = denial.reason.map_or_else(String::new, why);
    format!("denied: {}{on}{why}", denial.action)
}

fn nothing_fits(denial: &Denial, account: &str, not_judged: &[SetNotJudged]) -> ProblemResponse {
    let words = format!(
        "no permission set that you may ask for in `{account}` is known to allow it: {}",
        said(denial)
    );
    let unread = not_judged.iter().map(|it| FieldProblem {
        field: it.permission_set.clone(),
        code: "not-judged".to_owned(),
        message: it.why.clone(),
    });
    unprocessable("no-fitting-set", words)
        .fields(unread.collect())
        .help(
            "`hallpass catalog` lists what you may ask for; whoever keeps the rules may offer more",
        )
}

fn unprocessable(code: &str, words: String) -> ProblemResponse {
    ProblemResponse::new(StatusCode::UNPROCESSABLE_ENTITY, code, words)
}
