//! The filtered requests as a streamed CSV file, newest first, with ids and UTC times.

use axum::{
    Router,
    body::Body,
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::stream;
use hallpass_access::{AccessError, Request, RequestFilter, RequestView, VisibleLinks};
use hallpass_audit::Origin;
use hallpass_base::text::csv_cell;

use super::requests::RequestsQuery;
use super::shell::Viewer;
use crate::{App, auth::Credential, convert, problem::ProblemResponse};

const PIECE: usize = 200;
const COLUMNS: [&str; 20] = [
    "request_id",
    "requested_at",
    "state",
    "person",
    "email",
    "user_id",
    "account",
    "account_id",
    "permission_set",
    "group",
    "group_id",
    "duration_seconds",
    "starts_at",
    "reason",
    "ticket",
    "rules",
    "decided_by",
    "decided_at",
    "detail",
    "grant_id",
];

struct Export {
    app: App,
    credential: Credential,
    view: RequestView,
    filter: RequestFilter,
    is_over: bool,
    text: String,
}

pub(crate) fn router() -> Router<App> {
    Router::new().route("/requests.csv", get(export))
}

async fn export(
    State(app): State<App>,
    viewer: Viewer,
    Query(coming): Query<RequestsQuery>,
) -> Result<Response, ProblemResponse> {
    let wanted = coming.wanted(&app, &viewer).await?;
    if let Some(problem) = wanted.problems.first() {
        return Err(ProblemResponse::bad("bad-filter", problem.clone()));
    }
    let day = app.clock.now().strftime("%Y-%m-%d");
    let headers = [
        (
            header::CONTENT_TYPE,
            "text/csv; charset=utf-8; header=present".to_owned(),
        ),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"hallpass-requests-{day}.csv\""),
        ),
    ];
    let export = Export {
        app,
        credential: Credential::Session(viewer.live.session.hash.clone()),
        view: wanted.view,
        filter: wanted.filter,
        is_over: false,
        text: format!("{}\r\n", COLUMNS.join(",")),
    };
    let pieces = stream::unfold(export, |mut export| async move {
        if export.is_over {
            return None;
        }
        // an error aborts the body, so that a partial file is not taken as complete
        let piece = export.piece().await.inspect_err(|error| {
            tracing::error!(error = %error, "an export of requests broke off");
            export.is_over = true;
        });
        Some((piece, export))
    });
    Ok((headers, Body::from_stream(pieces)).into_response())
}

impl Export {
    /// Rights may end during an export: each piece is read with those of now.
    async fn piece(&mut self) -> Result<String, AccessError> {
        let reader = self.credential.reader(&self.app, Origin::Web).await;
        let reader = reader.ok_or(AccessError::NotFound("session"))?;
        let access = &self.app.access;
        let found = access.requests(&reader, self.view, &self.filter, PIECE);
        let found = found.await?;
        for request in &found.rows {
            let links = access.visible_links(&reader, request).await;
            line(&mut self.text, &cells(request, &links));
        }
        self.filter.before = found.next;
        self.is_over = found.next.is_none();
        Ok(std::mem::take(&mut self.text))
    }
}

fn line(text: &mut String, cells: &[String; COLUMNS.len()]) {
    let cells: Vec<String> = cells.iter().map(|cell| csv_cell(cell)).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

fn cells(request: &Request, links: &VisibleLinks) -> [String; COLUMNS.len()] {
    let of = convert::request(request, links);
    let at = |at: Option<hallpass_base::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    [
        of.id,
        of.created_at.to_string(),
        of.state.name().to_owned(),
        of.requester_name,
        of.requester,
        request.requester.user.to_string(),
        of.account_name.unwrap_or_default(),
        of.account.unwrap_or_default(),
        of.permission_set.unwrap_or_default(),
        of.group_name.unwrap_or_default(),
        of.group.unwrap_or_default(),
        of.duration_seconds.to_string(),
        at(of.starts_at),
        of.reason,
        of.ticket.unwrap_or_default(),
        of.because.join(" "),
        of.decided_by.unwrap_or_default(),
        at(of.decided_at),
        of.detail.unwrap_or_default(),
        of.grant_id.unwrap_or_default(),
    ]
}
