//! The report as CSV: ids and UTC times, with the names of the API.

use axum::{
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use hallpass_api::ReportedAccess;
use hallpass_base::text::csv_cell;
use serde_json::Value;

use super::{GRANTS_MAX, Report, ReportForm};
use crate::api::reports;
use crate::ui::shell::Viewer;
use crate::{App, costly, problem::ProblemResponse};

const COLUMNS: [&str; 22] = [
    "kind",
    "user",
    "user_name",
    "user_id",
    "account",
    "account_name",
    "permission_set",
    "group",
    "group_name",
    "from",
    "until",
    "ends_at",
    "state",
    "because",
    "approvers",
    "approval",
    "used",
    "request_id",
    "grant_id",
    "first_seen",
    "last_seen",
    "looked_at",
];

/// Refuses a report that is too long: a file must not lack rows.
pub(super) async fn export(
    State(app): State<App>,
    viewer: Viewer,
    Query(form): Query<ReportForm>,
) -> Result<Response, ProblemResponse> {
    let filter = reports::filter(&app, &viewer.actor, &form.query(), &viewer.zone).await?;
    let _turn = costly::turn(&app, &viewer.actor).await?;
    let report = Report::read(&app, &viewer.actor, &filter).await?;
    if report.is_cut {
        let words = format!("the report has more than {GRANTS_MAX} grants");
        return Err(ProblemResponse::bad("report-too-long", words)
            .help("choose a shorter period, or use `hallpass report access --output csv`"));
    }
    let rows = report.rows(&app, &viewer.actor, 0, usize::MAX).await?;
    let mut text = COLUMNS.join(",");
    text.push_str("\r\n");
    for row in &rows {
        text.push_str(&line(row));
    }
    let day = app.clock.now().strftime("%Y-%m-%d");
    let headers = [
        (
            header::CONTENT_TYPE,
            "text/csv; charset=utf-8; header=present".to_owned(),
        ),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"hallpass-report-{day}.csv\""),
        ),
    ];
    Ok((headers, text).into_response())
}

fn line(row: &ReportedAccess) -> String {
    let row = serde_json::to_value(row).unwrap_or_default();
    let cells = COLUMNS.map(|column| csv_cell(&row.get(column).map(cell).unwrap_or_default()));
    format!("{}\r\n", cells.join(","))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(" "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
