//! CPU-heavy calls: one at a time per user.

use axum::extract::FromRequestParts;
use axum::http::{StatusCode, request::Parts};
use hallpass_access::{Actor, WorkTurn};
use hallpass_base::TimeSpan;

use crate::{App, auth::AuthenticatedCaller, problem::ProblemResponse};

const COME_AGAIN: TimeSpan = TimeSpan::seconds(5);

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

/// Acquires the turn before reading the body, so that waiting calls take no memory.
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
