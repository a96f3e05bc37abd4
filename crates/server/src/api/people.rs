//! Who I am and what I may ask for.

use axum::{Json, extract::State};
use hallpass_api::{Me, Named, Offer, Offers};

use crate::{App, auth::Caller, auth::Scope, problem::Failure};

/// Who the caller is.
#[utoipa::path(get, path = "/api/v1/me", responses((status = 200, body = Me)))]
pub(crate) async fn me(caller: Caller) -> Result<Json<Me>, Failure> {
    let actor = &caller.actor;
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
    }))
}

/// What the caller may ask for, with who would approve.
#[utoipa::path(get, path = "/api/v1/catalog", responses((status = 200, body = Offers)))]
pub(crate) async fn catalog(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Offers>, Failure> {
    let actor = caller.allow(&[Scope::Read, Scope::Request])?;
    let (access, actor) = (app.access.clone(), actor.clone());
    // thousands of accounts times hundreds of sets: not on a thread that serves others
    let catalog = tokio::task::spawn_blocking(move || access.catalog(&actor))
        .await
        .map_err(|error| Failure::unavailable(&error))?;
    let named = |named: hallpass_access::Named| Named {
        id: named.id,
        name: named.name,
    };
    let items = catalog
        .entries
        .into_iter()
        .map(|entry| Offer {
            account: entry.account.map(named),
            permission_set: entry.permission_set,
            says: entry.says,
            group: entry.group.map(named),
            decision: entry.decision,
            approvers: entry.approvers,
            approvals_needed: entry.approvals_needed,
            max_duration_seconds: entry.max_duration_seconds,
            because: entry.because,
        })
        .collect();
    Ok(Json(Offers {
        items,
        durations_seconds: catalog.durations_seconds,
    }))
}
