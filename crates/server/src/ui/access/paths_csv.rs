use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hallpass_base::text::csv_cell;
use hallpass_inventory::{AccessPath, GivenRole};

use super::paths::{FILE_ROWS, PathsQuery, known};
use crate::ui::forbidden;
use crate::ui::shell::Viewer;
use crate::{App, KnownAccess, costly, problem::ProblemResponse};

const COLUMNS: [&str; 15] = [
    "user_name",
    "user_id",
    "email",
    "user_status",
    "via",
    "principal_id",
    "account_id",
    "account_name",
    "permission_set",
    "permission_set_arn",
    "role_name",
    "role_arn",
    "temporary",
    "expires_at",
    "grant_id",
];

pub(super) fn router() -> Router<App> {
    Router::new().route("/access/paths.csv", get(export))
}

async fn export(
    State(app): State<App>,
    viewer: Viewer,
    Query(looking): Query<PathsQuery>,
) -> Result<Response, ProblemResponse> {
    if !viewer.actor.reads_all() {
        return Ok(forbidden::page_for(&app, &viewer, "auditors").await);
    }
    let known = known(&app).await.map_err(|(words, help)| {
        ProblemResponse::new(
            StatusCode::NOT_FOUND,
            "no-snapshot",
            format!("{words}. {help}"),
        )
    })?;
    let turn = costly::turn(&app, &viewer.actor).await?;
    let snapshot = known.snapshot.id.clone();
    let text = turn.run(move |_| rows(&known, &looking));
    let text = { text.await }.map_err(|error| ProblemResponse::unavailable(&error))??;
    let name = format!("hallpass-paths-{snapshot}.csv");
    let headers = [
        (
            header::CONTENT_TYPE,
            "text/csv; charset=utf-8; header=present".to_owned(),
        ),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, text).into_response())
}

fn rows(known: &KnownAccess, looking: &PathsQuery) -> Result<String, ProblemResponse> {
    let graph = &known.snapshot.graph;
    let Some(subject) = looking.subject(graph) else {
        return Err(ProblemResponse::not_found(
            "person, account or permission set",
        ));
    };
    let (paths, total) = subject.paths(graph, 0, FILE_ROWS);
    if total > FILE_ROWS {
        let words = format!("{total} rows are too many for a file of the page");
        let problem = ProblemResponse::bad("too-many-rows", words);
        return Err(problem.help("hallpass who --output csv gives all of them"));
    }
    let mut text = COLUMNS.join(",");
    text.push_str("\r\n");
    for path in &paths {
        text.push_str(&cells(path).map(|it| csv_cell(&it)).join(","));
        text.push_str("\r\n");
    }
    Ok(text)
}

fn cells(path: &AccessPath) -> [String; COLUMNS.len()] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (name, arn) = (path.role.shown().to_owned(), path.role.arn().to_owned());
    let [set, set_arn, role, role_arn] = match &path.role {
        GivenRole::PermissionSet { permission_set, .. } => {
            [text(permission_set), arn, String::new(), String::new()]
        }
        GivenRole::Entitlement { .. } => [String::new(), String::new(), name, arn],
    };
    [
        text(&path.person.user_name),
        text(&path.person.user_id),
        text(&path.person.email),
        text(&path.person.user_status),
        path.via.clone(),
        path.principal_id.clone(),
        path.account_id.clone(),
        text(&path.account_name),
        set,
        set_arn,
        role,
        role_arn,
        path.temporary.to_string(),
        path.expires_at.map(|it| it.to_string()).unwrap_or_default(),
        text(&path.grant_id),
    ]
}
