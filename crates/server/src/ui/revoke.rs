//! Forms to revoke a grant and to end one's own, on their own page or as a dialog.
//! `hallpass-access` authorizes; this only hides forms that would fail.

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use hallpass_access::{
    AccessError, ActionRefused, CredentialsAfterEnd, Grant, GrantPresses, Revoking, reason_refused,
};
use hallpass_base::{GrantId, TimeSpan};
use hallpass_channels::wording::{dialogs, grants, refused};

use super::flash::{self, Flash};
use super::presenter::Presenter;
use super::press::{Opened, Press, Tone, WordsForm, back, grant_of, missing, of, release, show};
use super::shell::{PageResult, Posted, Viewer, see_other};
use super::words::countdown;
use crate::{App, body::Path, problem::ProblemResponse};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/grants/{id}/revoke", get(open).post(press))
        .route("/grants/{id}/release", get(ask_release).post(release))
}

async fn open(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<String>,
    Query(opened): Query<Opened>,
) -> PageResult {
    let Some(grant) = grant_of(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let presses = app.access.grant_offers(&viewer.actor).await?.on(&grant);
    let view = seeing(&app, &viewer, &grant).await?;
    let form = form(&app, &view, &grant, &presses, &opened.from);
    show(&app, &viewer, form, StatusCode::OK).await
}

/// Asks once, of the holder. Needs no rights, as the release itself.
async fn ask_release(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<String>,
    Query(opened): Query<Opened>,
) -> PageResult {
    let Some(grant) = grant_of(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let view = seeing(&app, &viewer, &grant).await?;
    if !grant.is_hold() || !view.is_me(&grant.holder) {
        return Ok(see_other(&format!("/requests/{}", grant.request)));
    }
    let (aim, after) = (
        view.aim(Some(&grant.key.target), &grant.names),
        after_now(&app, &view, &grant),
    );
    let note = grants::credentials_after(grants::YOUR_CREDENTIALS, after, &view);
    let form = WordsForm {
        id: format!("release-{}", grant.id),
        action: format!("/grants/{}/release", grant.id),
        heading: "End your access now?".to_owned(),
        lead: before_end(&view, &aim.words(), &grant),
        note: note.unwrap_or_default(),
        cancel: "Keep it",
        back: back(&opened.from, grant.request),
        submit: "End early",
        tone: Tone::Calm,
        from: opened.from,
        ..WordsForm::default()
    };
    show(&app, &viewer, form, StatusCode::OK).await
}

fn before_end(view: &Presenter, target: &str, grant: &Grant) -> String {
    let left = countdown(TimeSpan::between(view.now, grant.ends_at));
    format!("{target}, {left} before its end.")
}

pub(crate) fn form(
    app: &App,
    view: &Presenter,
    grant: &Grant,
    presses: &GrantPresses,
    from: &str,
) -> WordsForm {
    let who = Presenter::person(&grant.holder.name, &grant.holder.email);
    let aim = view.aim(Some(&grant.key.target), &grant.names);
    let is_stuck = grant.stuck.is_some();
    WordsForm {
        id: format!("revoke-{}", grant.id),
        action: format!("/grants/{}/revoke", grant.id),
        heading: if is_stuck {
            format!("Try to end {} access again?", of(&who.first))
        } else {
            format!("Revoke {} access now?", of(&who.first))
        },
        lead: if is_stuck {
            format!(
                "{}. AWS refused its removal; this tries again now.",
                aim.words()
            )
        } else {
            before_end(view, &aim.words(), grant)
        },
        label: "Reason".to_owned(),
        name: "reason",
        fewest: 1,
        hint: format!(
            "{} is notified now, with your words. It stays in the audit log.",
            who.first
        ),
        note: note(app, view, grant, &who.first),
        sessions: is_asked(app, grant).then_some(false),
        refused: presses
            .revoke
            .as_ref()
            .err()
            .map(|why| refused::plainly(why, view)),
        cancel: "Keep it",
        back: back(from, grant.request),
        submit: if is_stuck { "Try now" } else { "Revoke now" },
        from: from.to_owned(),
        ..WordsForm::default()
    }
}

async fn seeing(app: &App, viewer: &Viewer, grant: &Grant) -> Result<Presenter, AccessError> {
    let grants = std::slice::from_ref(grant);
    Presenter::new(app, viewer)
        .seeing_armed_ends(app, grants)
        .await
}

/// Returns whether ending sessions is optional: possible, and not done anyway.
fn is_asked(app: &App, grant: &Grant) -> bool {
    app.access.can_end_sessions(grant) && !app.access.settings().end_sessions
}

/// Returns whether AWS denies sessions anyway: by the session policy, or because the enforced
/// expiry moves to now.
fn is_refused_anyway(app: &App, view: &Presenter, grant: &Grant) -> bool {
    let ends = app.access.can_end_sessions(grant) && app.access.settings().end_sessions;
    ends || view.is_armed(grant)
}

fn after_now(app: &App, view: &Presenter, grant: &Grant) -> CredentialsAfterEnd {
    if is_refused_anyway(app, view, grant) {
        CredentialsAfterEnd::Stop
    } else {
        view.credentials_after(grant, view.now)
    }
}

fn note(app: &App, view: &Presenter, grant: &Grant, first: &str) -> String {
    let whose = format!("Credentials {first} already holds");
    let after = after_now(app, view, grant);
    let Some(words) = grants::credentials_after(&whose, after, view) else {
        return String::new();
    };
    if after == CredentialsAfterEnd::Stop {
        return words;
    }
    let unless = if is_asked(app, grant) {
        " They stop within minutes if sessions end too."
    } else {
        ""
    };
    format!("{words}{unless} New ones stop as soon as AWS has removed the access.")
}

pub(crate) fn credentials_until(view: &Presenter, grant: &Grant) -> Option<String> {
    match view.credentials_after(grant, view.now) {
        CredentialsAfterEnd::WorkUntil(until) => Some(view.words(until)),
        CredentialsAfterEnd::NotSaid | CredentialsAfterEnd::Stop => None,
    }
}

async fn press(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<Press>,
) -> PageResult {
    let Posted {
        viewer,
        form: typed,
    } = posted;
    let Some(grant) = grant_of(&app, &viewer, &id).await? else {
        // refused by the normal path, so that it is recorded
        if let Ok(id) = id.parse::<GrantId>() {
            let refused = app
                .access
                .revoke(&viewer.actor, id, &typed.reason, None)
                .await;
            tracing::debug!(took = refused.is_ok(), "a grant out of sight was pressed");
        }
        return missing(&app, &viewer).await;
    };
    let reason = typed.reason.trim();
    let end_sessions = !typed.end_sessions.is_empty();
    let presses = app.access.grant_offers(&viewer.actor).await?.on(&grant);
    let view = seeing(&app, &viewer, &grant).await?;
    let again = |error: String| WordsForm {
        error,
        value: typed.reason.clone(),
        sessions: is_asked(&app, &grant).then_some(end_sessions),
        ..form(&app, &view, &grant, &presses, &typed.from)
    };
    // a missing reason is refused and recorded by `hallpass-access`
    if let Some(long) = reason_refused(reason).filter(|it| it.code == "long-reason") {
        let words = again(long.message);
        return show(&app, &viewer, words, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let revoking = Revoking {
        reason,
        end_sessions,
    };
    match app
        .access
        .revoke(&viewer.actor, grant.id, revoking, None)
        .await
    {
        Ok(_) => {
            let to = back(&typed.from, grant.request);
            Ok(see_other(&flash::after(&to, Flash::Revoked, grant.id)))
        }
        Err(AccessError::Refused(ActionRefused::ReasonMissing)) => {
            let words = again(dialogs::REASON_MISSING.to_owned());
            show(&app, &viewer, words, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(AccessError::Refused(ActionRefused::GrantOver { .. })) => {
            Ok(see_other(&format!("/requests/{}", grant.request)))
        }
        Err(AccessError::Refused(why)) => {
            let mut words = again(String::new());
            words.refused = Some(refused::plainly(&why, &view));
            let status = ProblemResponse::from(why).status();
            show(&app, &viewer, words, status).await
        }
        Err(error) => Err(error.into()),
    }
}
