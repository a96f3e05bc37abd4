//! Entitlements of account access manager, and their revocation when all access of a user ends.

use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{
    AccessError, Actor, Directory, Entitlement, EntitlementsEnded, NamedEntitlement,
};
use hallpass_api::{self as api, EntitlementsHeld, EntitlementsRevoked, Problem};
use hallpass_base::{AccountId, Email, UserId};
use hallpass_channels::wording::standing;
use serde::Deserialize;

use crate::{
    App,
    auth::AuthenticatedCaller,
    body::Parameters,
    convert_sweeps,
    problem::{ProblemResponse, bad_parameter},
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntitlementsQuery {
    /// The e-mail of the user.
    user: String,
}

/// The entitlements of account access manager that a user may use, read from AWS now;
/// administrators and auditors.
#[utoipa::path(get, path = "/api/v1/entitlements", params(EntitlementsQuery),
    responses((status = 200, body = EntitlementsHeld), (status = 403, body = Problem)))]
pub(crate) async fn held(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(whose): Parameters<EntitlementsQuery>,
) -> Result<Json<EntitlementsHeld>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    if !actor.reads_all() {
        return Err(AccessError::from(hallpass_access::ActionRefused::NotYours).into());
    }
    let nobody = || {
        bad_parameter(
            "user",
            format!("`{}` is no one in the directory", whose.user),
        )
    };
    let user = if let Ok(user) = UserId::new(whose.user.trim()) {
        user
    } else {
        let email = Email::new(&whose.user).map_err(|_| nobody())?;
        app.access.user_of(&email).await?.ok_or_else(nobody)?
    };
    let found = app.access.entitlements_of(actor, &user).await?;
    let (looked_at, found) = (found.is_some(), found.unwrap_or_default());
    let directory = app.access.directory();
    Ok(Json(EntitlementsHeld {
        looked_at,
        own: shown(&found.own, &directory),
        by_group: shown(&found.by_group, &directory),
    }))
}

fn shown(all: &[Entitlement], directory: &Directory) -> Vec<api::Entitlement> {
    all.iter().map(|it| one(it, directory)).collect()
}

fn one(it: &Entitlement, directory: &Directory) -> api::Entitlement {
    let named = NamedEntitlement::of(it, directory);
    convert_sweeps::entitlement(it, standing::entitlement(&named))
}

/// Revokes a user's own entitlements after their other access. Errors are part of the answer,
/// because the other access has already ended.
pub(super) async fn revoke(
    app: &App,
    actor: &Actor,
    user: &UserId,
    account: Option<&AccountId>,
    reason: &str,
) -> Option<EntitlementsRevoked> {
    let directory = app.access.directory();
    let revoked_of = app.access.revoke_entitlements(actor, user, account, reason);
    match revoked_of.await {
        Ok(done) => done.map(|done| revoked(&done, &directory)),
        Err(AccessError::Directory(fault)) => Some(not_revoked(fault.to_string())),
        Err(error @ (AccessError::Read(_) | AccessError::Commit(_))) => {
            tracing::warn!(%error, "a person's own entitlements could not be ended");
            Some(not_revoked(
                "the store did not answer; call again".to_owned(),
            ))
        }
        Err(error) => Some(not_revoked(error.to_string())),
    }
}

fn not_revoked(why: String) -> EntitlementsRevoked {
    EntitlementsRevoked {
        ended: Vec::new(),
        failed: Vec::new(),
        by_group: Vec::new(),
        error: Some(why),
    }
}

fn revoked(done: &EntitlementsEnded, directory: &Directory) -> EntitlementsRevoked {
    let failed = done.failed.iter().map(|(it, why)| api::Entitlement {
        error: Some(why.clone()),
        ..one(it, directory)
    });
    EntitlementsRevoked {
        ended: shown(&done.ended, directory),
        failed: failed.collect(),
        by_group: shown(&done.by_group, directory),
        error: None,
    }
}
