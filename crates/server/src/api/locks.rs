use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{AccessError, ActionRefused, Actor, Force, Locking, Role};
use hallpass_api::{HeldAccess, Lock, LockPerson, Locks, Problem, UnlockPerson, Unlocked};
use hallpass_base::{Email, UserId};

use super::{once, remember};
use crate::{
    App,
    auth::AuthenticatedCaller,
    body::{Body, KeyOf},
    problem::{ProblemResponse, bad_parameter},
};

fn shown(lock: &hallpass_access::Lock, actor: &Actor) -> Lock {
    Lock {
        user: lock.person.email.to_string(),
        user_name: lock.person.name.clone(),
        user_id: lock.person.user.to_string(),
        since: lock.since,
        until: lock.until,
        by: lock.by.email.to_string(),
        reason: actor.reads_all().then(|| lock.reason.clone()),
        held: match lock.held {
            hallpass_access::HeldAccess::GoesOn => HeldAccess::GoesOn,
            hallpass_access::HeldAccess::Ends => HeldAccess::Ends,
            hallpass_access::HeldAccess::EndsWithSessions => HeldAccess::EndsWithSessions,
        },
    }
}

/// Checked before any lookup, so that unauthorized callers do not learn which users exist.
pub(super) fn ensure_any(actor: &Actor, roles: &[Role]) -> Result<(), ProblemResponse> {
    if roles.iter().any(|role| actor.is(*role)) {
        return Ok(());
    }
    Err(AccessError::from(ActionRefused::NotYours).into())
}

pub(super) async fn whom(app: &App, text: &str) -> Result<UserId, ProblemResponse> {
    if let Ok(user) = UserId::new(text.trim()) {
        return Ok(user);
    }
    let nobody = || bad_parameter("user", format!("`{text}` is no one in the directory"));
    let email = Email::new(text).map_err(|_| nobody())?;
    app.access.user_of(&email).await?.ok_or_else(nobody)
}

/// Active locks; administrators, auditors and operators.
#[utoipa::path(get, path = "/api/v1/locks", responses((status = 200, body = Locks), (status = 403, body = Problem)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
) -> Result<Json<Locks>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let locks = app.access.locks(actor).await?;
    let items = locks.iter().map(|lock| shown(lock, actor)).collect();
    Ok(Json(Locks { items }))
}

/// Lock a user; administrators, and operators for users other than administrators. Repeating it
/// changes nothing, or makes the lock longer or stricter; only unlocking shortens it.
#[utoipa::path(post, path = "/api/v1/locks", request_body = LockPerson,
    responses((status = 200, body = Lock), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn lock(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Body(body): Body<LockPerson>,
) -> Result<Json<Lock>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Admin])?;
    ensure_any(actor, &[Role::Admin, Role::Operator])?;
    let user = whom(&app, &body.user).await?;
    let locking = Locking {
        reason: &body.reason,
        until: body.until,
        held: match body.held {
            HeldAccess::GoesOn => hallpass_access::HeldAccess::GoesOn,
            HeldAccess::Ends => hallpass_access::HeldAccess::Ends,
            HeldAccess::EndsWithSessions => hallpass_access::HeldAccess::EndsWithSessions,
        },
        force: if body.force {
            Force::Asked(caller.source)
        } else {
            Force::No
        },
    };
    let (access, key) = (&app.access, key.with(&body));
    let work = async {
        let lock = access.lock(actor, &user, locking).await;
        lock.map_err(ProblemResponse::from)
    };
    let now = async {
        let lock = access.lock_in_force(&user).await?;
        lock.ok_or_else(|| ProblemResponse::not_found("lock"))
    };
    let lock = once(&app, actor, key, work, now).await?;
    Ok(Json(shown(&lock, actor)))
}

/// Unlock a user; by another administrator. Repeating it changes nothing.
#[utoipa::path(post, path = "/api/v1/locks/lift", request_body = UnlockPerson,
    responses((status = 200, body = Unlocked), (status = 403, body = Problem)))]
pub(crate) async fn lift(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Body(body): Body<UnlockPerson>,
) -> Result<Json<Unlocked>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Admin])?;
    ensure_any(actor, &[Role::Admin])?;
    let user = whom(&app, &body.user).await?;
    let (access, key) = (&app.access, key.with(&body));
    if access.was_carried_out(actor, key.as_ref()).await? {
        return Ok(Json(Unlocked { changed: true }));
    }
    let changed = access.unlock(actor, &user, &body.reason).await?.is_some();
    if changed {
        remember(&app, actor, key.as_ref()).await;
    }
    Ok(Json(Unlocked { changed }))
}
