//! Finds the smallest requestable permission set that allows a denied call (`policies.md` §16).

use std::collections::BTreeMap;

use axum::http::StatusCode;
use hallpass_access::{
    Actor, Boundary, Catalog, CatalogEntry, CatalogPage, ManagedPolicy, NamedId, ReferencedPolicy,
    SetPolicies, WorkTurn,
};
use hallpass_api::{
    DenialMessage, DeniedBecause, DeniedCall, EndedAccess, FieldProblem, FittingSets, LargerSet,
    Named, SetNotJudged,
};
use hallpass_base::{AccountId, Timestamp};
use hallpass_iam::denial::{
    Denial, DenialReason, DeniedAction, DenyingPolicy, Fit, Judgement, OfferedPolicy, OfferedSet,
    judge, smallest_first,
};

use crate::{App, costly, permission_set_policies, problem::ProblemResponse};

pub(crate) const MESSAGE_BYTES_MAX: usize = 16_000;
const ACTIONS_MAX: usize = 20;
const OFFERS_MAX: usize = 1_000;

struct OwnEnd {
    account: AccountId,
    permission_set: String,
    at: Timestamp,
}

/// Returns the requestable permission sets that allow the denied call, smallest first. If AWS
/// denies the call because the caller's own access ended, that set comes first.
///
/// # Errors
/// The message names no call or account, no permission set would help, or no requestable one is
/// known to.
pub(crate) async fn fitting(
    app: &App,
    actor: &Actor,
    told: &DenialMessage,
) -> Result<FittingSets, ProblemResponse> {
    let (denial, denied) = read(told)?;
    let turn = costly::turn(app, actor).await?;
    let ended = own_end(app, actor, &denied).await?;
    let others = { denied.iter().map(|it| &it.denial) }
        .filter(|it| ended.is_none() || !it.may_be_of_an_end());
    for it in others {
        if let Some(why) = it.beyond_permission_sets() {
            let words = format!("no permission set helps: {}", said(it));
            return Err(unprocessable("beyond-permission-sets", words).help(why));
        }
    }
    let account = match &ended {
        Some(ended) => Some(ended.account.clone()),
        None => denial.account().and_then(|it| AccountId::new(it).ok()),
    };
    let account = account.ok_or_else(|| {
        ProblemResponse::bad("no-denial", "the denial names no account")
            .help("`hallpass catalog` lists what you may request")
    })?;
    let offers = offers(app, actor, &turn, account.clone()).await?;
    let Some(place) = offers.iter().find_map(|it| it.account.clone()) else {
        return Err(nothing_fits(&denial, account.as_str(), &[], ended.as_ref()));
    };
    let again = ended.as_ref().map(|it| it.permission_set.as_str());
    let role = denial.permission_set();
    let role = role.filter(|_| denial.principal_account() == Some(account.as_str()));
    let (mut judged, mut not_judged) = (Vec::new(), Vec::new());
    for name in offers.iter().filter_map(|it| it.permission_set.clone()) {
        // the denied set is offered again only if its end was the sole cause
        if role == Some(name.as_str()) && again != role {
            continue;
        }
        match judgement(app, actor, &turn, &name, &denied, &account).await? {
            Judgement::Unknown(why) => not_judged.push(SetNotJudged {
                permission_set: name,
                why,
            }),
            known @ (Judgement::Allows(_) | Judgement::Refuses) => judged.push((name, known)),
        }
    }
    let fitting = again_first(smallest_first(judged), &not_judged, again);
    let mut fitting = fitting.into_iter();
    let Some((name, fit)) = fitting.next() else {
        let ended = ended.as_ref();
        return Err(nothing_fits(&denial, &place.name, &not_judged, ended));
    };
    let says = offers
        .iter()
        .find(|it| it.permission_set.as_ref() == Some(&name))
        .and_then(|it| it.says.clone());
    Ok(FittingSets {
        alternatives: fitting.map(larger).collect(),
        not_judged,
        says,
        ended: ended.map(|it| EndedAccess {
            permission_set: it.permission_set,
            at: it.at,
        }),
        ..smallest(&denial, place, name, fit)
    })
}

fn read(told: &DenialMessage) -> Result<(Denial, Vec<DeniedAction>), ProblemResponse> {
    let bad = |words: String| ProblemResponse::bad("no-denial", words);
    let one = |text: &str| {
        if text.len() > MESSAGE_BYTES_MAX {
            let words = format!("the message is longer than {MESSAGE_BYTES_MAX} bytes");
            return Err(bad(words));
        }
        Denial::read(text.trim()).map_err(|error| bad(error.to_string()).help(error.help()))
    };
    if told.actions.len() > ACTIONS_MAX {
        return Err(bad(format!("there are more than {ACTIONS_MAX} actions")));
    }
    let denial = one(&told.message)?;
    if told.actions.is_empty() {
        let only = DeniedAction::new(denial.clone(), told.context.clone());
        return Ok((denial, vec![only]));
    }
    let each = told.actions.iter().map(|it| {
        let mut keys = told.context.clone();
        keys.extend(it.context.clone());
        Ok(DeniedAction::new(one(&it.message)?, keys))
    });
    let denied: Result<_, ProblemResponse> = each.collect();
    Ok((denial, denied?))
}

/// Returns the caller's ended access that may explain the denial: from stored grants, regardless of
/// the user in the message.
async fn own_end(
    app: &App,
    actor: &Actor,
    denied: &[DeniedAction],
) -> Result<Option<OwnEnd>, ProblemResponse> {
    let mut all = denied.iter().map(|it| &it.denial);
    let Some(denial) = all.find(|it| it.may_be_of_an_end()) else {
        return Ok(None);
    };
    let account = denial.principal_account();
    let account = account.and_then(|it| AccountId::new(it).ok());
    let (Some(account), Some(set)) = (account, denial.permission_set()) else {
        return Ok(None);
    };
    let at = app.access.own_end(actor, &account, set).await?;
    Ok(at.map(|at| OwnEnd {
        account,
        permission_set: set.to_owned(),
        at,
    }))
}

/// Puts the ended set first even if a smaller one fits: its end is the only missing part. Except if
/// it is known not to allow the call.
fn again_first(
    fitting: Vec<(String, Fit)>,
    not_judged: &[SetNotJudged],
    again: Option<&str>,
) -> Vec<(String, Fit)> {
    let Some(again) = again else {
        return fitting;
    };
    let (mut first, others): (Vec<_>, Vec<_>) =
        { fitting.into_iter() }.partition(|(name, _)| name == again);
    if not_judged.iter().any(|it| it.permission_set == again) {
        first.push((again.to_owned(), Fit::default()));
    }
    first.extend(others);
    first
}

async fn offers(
    app: &App,
    actor: &Actor,
    turn: &WorkTurn,
    account: AccountId,
) -> Result<Vec<CatalogEntry>, ProblemResponse> {
    let page = CatalogPage {
        text: String::new(),
        account: Some(account),
        permission_set: None,
        after: None,
        limit: OFFERS_MAX,
    };
    let (access, actor) = (app.access.clone(), actor.clone());
    // many decisions: not on a thread that serves others
    let catalog = turn.run(move |_| access.catalog_page(&actor, &page));
    let catalog = { catalog.await }.map_err(|error| ProblemResponse::unavailable(&error))?;
    let none = |_| Vec::new();
    Ok(catalog.map_or_else(none, |catalog: Catalog| catalog.entries))
}

async fn judgement(
    app: &App,
    actor: &Actor,
    turn: &WorkTurn,
    name: &str,
    denied: &[DeniedAction],
    account: &AccountId,
) -> Result<Judgement, ProblemResponse> {
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
    let (denied, account) = (denied.to_vec(), account.to_string());
    let judged = turn.run(move |_| judge(&set, &denied, &account)).await;
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
        ended: None,
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

fn said(denial: &Denial) -> String {
    let on = denial.resource.as_ref();
    let on = on.map_or_else(String::new, |it| format!(" on {it}"));
    let why = |it: DenialReason| format!(": {it}");
    let why = denial.reason.map_or_else(String::new, why);
    format!("denied: {}{on}{why}", denial.action)
}

fn nothing_fits(
    denial: &Denial,
    account: &str,
    not_judged: &[SetNotJudged],
    ended: Option<&OwnEnd>,
) -> ProblemResponse {
    let ended = ended.map_or_else(String::new, |it| {
        let (set, at) = (&it.permission_set, it.at);
        format!("your access to `{set}` there ended at {at}, and ")
    });
    let words = format!(
        "{ended}no permission set that you may request in `{account}` is known to allow it: {}",
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
            "`hallpass catalog` lists what you may request; the owner of the rules may offer more",
        )
}

fn unprocessable(code: &str, words: String) -> ProblemResponse {
    ProblemResponse::new(StatusCode::UNPROCESSABLE_ENTITY, code, words)
}
