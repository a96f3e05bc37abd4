use std::collections::BTreeMap;

use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{CATALOG_PAGE_MAX, CatalogEntry, CatalogPage, Directory};
use hallpass_api::{Me, Named, Offer, Offers, Portal};
use hallpass_base::{GroupId, Target, fold};
use serde::Deserialize;

use crate::{
    App,
    auth::AuthenticatedCaller,
    body::Parameters,
    convert_states, convert_sweeps,
    costly::CallerInTurn,
    problem::{ProblemResponse, bad_parameter},
};

/// The caller's identity.
#[utoipa::path(get, path = "/api/v1/me", responses((status = 200, body = Me)))]
pub(crate) async fn me(
    State(app): State<App>,
    caller: AuthenticatedCaller,
) -> Result<Json<Me>, ProblemResponse> {
    let actor = &caller.actor;
    let identity = &app.identity;
    Ok(Json(Me {
        email: actor.email.to_string(),
        name: actor.name.clone(),
        user_id: actor.user.as_ref().map(ToString::to_string),
        roles: actor
            .roles
            .iter()
            .map(|role| format!("{role:?}").to_lowercase())
            .collect(),
        scopes: caller
            .scopes
            .iter()
            .map(|scope| scope.name().to_owned())
            .collect(),
        expires_at: Some(caller.expires_at),
        portal: (!identity.portal_url.is_empty()).then(|| Portal {
            start_url: identity.portal_url.clone(),
            region: identity.region.clone(),
        }),
    }))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogQuery {
    /// Words, each of which must be in a name, an id, a folder or a description; best matches
    /// first.
    q: Option<String>,
    /// Only this account: its id, or its unique name.
    account: Option<String>,
    /// Only this permission set (name).
    permission_set: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
    /// Entries, 1 to 1,000; default 1,000.
    limit: Option<usize>,
}

/// The access that the caller may request, with the approvers.
#[utoipa::path(get, path = "/api/v1/catalog", params(CatalogQuery), responses((status = 200, body = Offers)))]
pub(crate) async fn catalog(
    State(app): State<App>,
    CallerInTurn { caller, turn }: CallerInTurn,
    Parameters(looking): Parameters<CatalogQuery>,
) -> Result<Json<Offers>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read, TokenScope::Request])?;
    let account = match looking.account {
        Some(text) => {
            let refusal =
                || bad_parameter("account", format!("no single account is named `{text}`"));
            Some(app.access.account_of(&text).ok_or_else(refusal)?)
        }
        None => None,
    };
    if let Some(name) = &looking.permission_set {
        ensure_known(&app, name)?;
    }
    let page = CatalogPage {
        text: looking.q.unwrap_or_default(),
        account,
        permission_set: looking.permission_set,
        after: looking.cursor,
        limit: looking
            .limit
            .unwrap_or(CATALOG_PAGE_MAX)
            .clamp(1, CATALOG_PAGE_MAX),
    };
    let stands = match &actor.user {
        Some(user) => app.access.stands_known(user).await?,
        None => BTreeMap::new(),
    };
    let (access, actor) = (app.access.clone(), actor.clone());
    // thousands of decisions: not on a thread that serves others
    let catalog = turn.run(move |_| access.catalog_page(&actor, &page));
    let catalog = { catalog.await }
        .map_err(|error| ProblemResponse::unavailable(&error))?
        .map_err(|problem| bad_parameter(&problem.field, problem.message))?;
    let directory = app.access.directory();
    let named = |named: hallpass_access::NamedId| Named {
        id: named.id,
        name: named.name,
    };
    let items = catalog
        .entries
        .into_iter()
        .map(|entry| (target_of(&directory, &entry), entry))
        .map(|(target, entry)| {
            let held = target.and_then(|target| stands.get(&target));
            (held.copied().map(convert_sweeps::held_already), entry)
        })
        .map(|(standing, entry)| Offer {
            account: entry.account.map(named),
            permission_set: entry.permission_set,
            says: entry.says,
            group: entry.group.map(named),
            decision: convert_states::decision(entry.decision),
            approvers: entry.approvers,
            approvals_needed: entry.approvals_needed,
            max_duration_seconds: entry.max_duration_seconds,
            because: entry.because,
            standing,
        })
        .collect();
    Ok(Json(Offers {
        items,
        durations_seconds: catalog.durations_seconds,
        total: catalog.total,
        next: catalog.next,
    }))
}

fn ensure_known(app: &App, permission_set: &str) -> Result<(), ProblemResponse> {
    let directory = app.access.directory();
    let mut sets = directory.permission_sets().iter();
    if sets.any(|set| fold::is_same(&set.name, permission_set)) {
        return Ok(());
    }
    let why = format!("no permission set is named `{permission_set}`");
    Err(bad_parameter("permission_set", why))
}

fn target_of(directory: &Directory, entry: &CatalogEntry) -> Option<Target> {
    match (&entry.account, &entry.permission_set, &entry.group) {
        (Some(account), Some(set), _) => Some(Target::Account {
            account: account.id.parse().ok()?,
            permission_set: directory.permission_set_by_name(set)?.arn.clone(),
        }),
        (_, _, Some(group)) => Some(Target::Group {
            group: GroupId::new(group.id.as_str()).ok()?,
        }),
        _ => None,
    }
}
