//! CSV of all matching rows, with ids and UTC times.

use axum::{
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use hallpass_access::{Acceptance, ItemKind};
use hallpass_base::{Target, TargetNames, text::csv_cell};

use super::line::{AccessLine, is_unknown};
use super::{AccessQuery, live_grants, standing_of};
use crate::ui::shell::Viewer;
use crate::{App, costly, problem::ProblemResponse};

const COLUMNS: [&str; 15] = [
    "person",
    "email",
    "user_id",
    "account",
    "account_id",
    "permission_set",
    "group",
    "group_id",
    "kind",
    "reason",
    "approved_by",
    "granted_at",
    "ends_at",
    "first_seen_at",
    "request_id",
];

pub(super) async fn export(
    State(app): State<App>,
    viewer: Viewer,
    Query(looking): Query<AccessQuery>,
) -> Result<Response, ProblemResponse> {
    let _turn = costly::turn(&app, &viewer.actor).await?;
    let grants = live_grants(&app, &viewer).await?;
    let found = standing_of(&app, &viewer).await?;
    let lines = AccessLine::all(&grants, found.as_ref());
    let rows = looking.rows(&lines, &app.access.directory());
    let mut text = COLUMNS.join(",");
    text.push_str("\r\n");
    for (_, line) in rows {
        let cells = cells(line).map(|cell| csv_cell(&cell));
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    let day = app.clock.now().strftime("%Y-%m-%d");
    let headers = [
        (
            header::CONTENT_TYPE,
            "text/csv; charset=utf-8; header=present".to_owned(),
        ),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"hallpass-access-{day}.csv\""),
        ),
    ];
    Ok((headers, text).into_response())
}

fn cells(line: AccessLine<'_>) -> [String; COLUMNS.len()] {
    let (name, email) = line.holder();
    let key = line.key_of();
    let none = String::new;
    let (account, set, group) = match line.names() {
        TargetNames::Account {
            account,
            permission_set,
        } => (account.clone(), permission_set.clone(), none()),
        TargetNames::Group { group } => (none(), none(), group.clone()),
    };
    let (account_id, group_id) = match &key.target {
        Target::Account { account, .. } => (account.to_string(), none()),
        Target::Group { group } => (none(), group.to_string()),
    };
    let (kind, reason, approved_by, granted_at, ends_at, first_seen_at, request_id) = match line {
        AccessLine::Grant(grant) => (
            "temporary",
            grant.reason.clone(),
            grant.approver.to_string(),
            grant
                .granted_at
                .map(|at| at.to_string())
                .unwrap_or_default(),
            grant.ends_at.to_string(),
            String::new(),
            grant.request.to_string(),
        ),
        AccessLine::Found(item) => (
            if is_unknown(item) {
                "unknown"
            } else {
                "standing"
            },
            why(&item.kind),
            match item.kind.acceptance() {
                Some(Acceptance::Person { by, .. }) => by.to_string(),
                Some(Acceptance::Pattern { .. }) | None => String::new(),
            },
            none(),
            none(),
            item.first_seen.to_string(),
            String::new(),
        ),
    };
    [
        name.to_owned(),
        email.to_owned(),
        key.user.to_string(),
        account,
        account_id,
        set,
        group,
        group_id,
        kind.to_owned(),
        reason,
        approved_by,
        granted_at,
        ends_at,
        first_seen_at,
        request_id,
    ]
}

fn why(kind: &ItemKind) -> String {
    match kind.acceptance() {
        Some(Acceptance::Pattern { pattern }) => pattern.clone(),
        Some(Acceptance::Person { reason, .. }) => reason.clone(),
        None => String::new(),
    }
}
