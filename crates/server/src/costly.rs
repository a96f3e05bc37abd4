//! Calls that take a processor for long: one at a time of a person, so that nobody occupies all of them.

use axum::extract::FromRequestParts;
use axum::http::{StatusCode, request::Parts};
use hallpass_access::{Actor, WorkTurn};
use hallpass_base::TimeSpan;

use crate::{App, auth::AuthenticatedCaller, problem::ProblemResponse};

/// When a call that found no turn may come again.
const COME_AGAIN: TimeSpan = TimeSpan::seconds(5);

/// The actor's turn at costly work, or that another call of theirs goes on for long.
pub(crate) async fn turn(app: &App, actor: &Actor) -> Result<WorkTurn, ProblemResponse> {
    app.access.work_turn(actor).await.ok_or_else(|| {
        ProblemResponse::new(
            StatusCode::TOO_MANY_REQUESTS,
            "busy",
            "another call of yours that takes long is still under way",
        )
        .help("wait for its answer, or end it, and try again")
        .retry_after(COME_AGAIN)
    })
}

/// A caller in their turn. It is waited for before the body is read, so that calls that wait take no memory.
pub(crate) struct CallerInTurn {
    pub(crate) caller: AuthenticatedCaller,
    pub(crate) turn: WorkTurn,
}

impl FromRequestParts<App> for CallerInTurn {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let caller = AuthenticatedCaller::from_request_parts(parts, app).await?;
        let turn = turn(app, &caller.actor).await?;
        Ok(Self { caller, turn })
    }
}
