//! CSV of all matching rows, with ids and UTC times.

use axum::{
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use hallpass_access::{Acceptance, EntitledPrincipal, ItemKind, NamedEntitlement};
use hallpass_base::{HoldKey, Target, TargetNames, text::csv_cell};

use super::line::{AccessLine, is_unknown};
use super::{AccessQuery, live_grants, standing_of};
use crate::ui::shell::Viewer;
use crate::{App, convert, costly, problem::ProblemResponse};

const COLUMNS: [&str; 16] = [
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
    "role",
];

pub(super) async fn export(
    State(app): State<App>,
    viewer: Viewer,
    Query(looking): Query<AccessQuery>,
) -> Result<Response, ProblemResponse> {
    let _turn = costly::turn(&app, &viewer.actor).await?;
    let grants = live_grants(&app, &viewer).await?;
    let found = standing_of(&app, &viewer).await?;
    let directory = app.access.directory();
    let lines = AccessLine::all(&grants, found.as_ref());
    let rows = looking.rows(&lines, &directory);
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
    let (name, _) = line.holder();
    let row = match line {
        AccessLine::Grant(grant) => Cells {
            kind: "temporary",
            reason: grant.reason.clone(),
            approved_by: grant.approver.to_string(),
            granted_at: grant.granted_at.map(|at| at.to_string()),
            ends_at: Some(grant.ends_at.to_string()),
            request_id: Some(grant.request.to_string()),
            ..Cells::of_person(line, &grant.key, &grant.names)
        },
        AccessLine::Found(item) => Cells {
            kind: if is_unknown(item) {
                "unknown"
            } else {
                "standing"
            },
            reason: why(&item.kind),
            approved_by: match item.kind.acceptance() {
                Some(Acceptance::Person { by, .. }) => by.to_string(),
                Some(Acceptance::Pattern { .. }) | None => String::new(),
            },
            first_seen_at: Some(item.first_seen.to_string()),
            ..Cells::of_person(line, &item.key, &item.names)
        },
        AccessLine::OfGroup(it) => Cells {
            group: it.group.clone(),
            group_id: it.row.key.group.to_string(),
            kind: "group",
            first_seen_at: Some(it.row.first_seen.to_string()),
            ..Cells::of_target(&it.row.key.target(), &it.names)
        },
        AccessLine::Entitled(it) => Cells::of_entitlement(it, name),
    };
    [
        row.person,
        row.email,
        row.user_id,
        row.account,
        row.account_id,
        row.permission_set,
        row.group,
        row.group_id,
        row.kind.to_owned(),
        row.reason,
        row.approved_by,
        row.granted_at.unwrap_or_default(),
        row.ends_at.unwrap_or_default(),
        row.first_seen_at.unwrap_or_default(),
        row.request_id.unwrap_or_default(),
        row.role,
    ]
}

#[derive(Default)]
struct Cells {
    person: String,
    email: String,
    user_id: String,
    account: String,
    account_id: String,
    permission_set: String,
    group: String,
    group_id: String,
    kind: &'static str,
    reason: String,
    approved_by: String,
    granted_at: Option<String>,
    ends_at: Option<String>,
    first_seen_at: Option<String>,
    request_id: Option<String>,
    role: String,
}

impl Cells {
    fn of_entitlement(it: &NamedEntitlement, name: &str) -> Self {
        let entitled = Self {
            account: it.account_name.clone(),
            account_id: it.entitlement.account.to_string(),
            kind: "entitlement",
            role: it.entitlement.role.clone(),
            ..Self::default()
        };
        match &it.entitlement.principal {
            EntitledPrincipal::User(user) => Self {
                person: name.to_owned(),
                user_id: user.to_string(),
                ..entitled
            },
            EntitledPrincipal::Group(group) => Self {
                group: name.to_owned(),
                group_id: group.to_string(),
                ..entitled
            },
        }
    }

    fn of_person(line: AccessLine<'_>, key: &HoldKey, names: &TargetNames) -> Self {
        let (person, email) = line.holder();
        Self {
            person: person.to_owned(),
            email: email.to_owned(),
            user_id: key.user.to_string(),
            ..Self::of_target(&key.target, names)
        }
    }

    fn of_target(target: &Target, names: &TargetNames) -> Self {
        let target = convert::names(Some(target), names);
        Self {
            account: target.account_name.unwrap_or_default(),
            account_id: target.account.unwrap_or_default(),
            permission_set: target.permission_set.unwrap_or_default(),
            group: target.group_name.unwrap_or_default(),
            group_id: target.group.unwrap_or_default(),
            ..Self::default()
        }
    }
}

fn why(kind: &ItemKind) -> String {
    match kind.acceptance() {
        Some(Acceptance::Pattern { pattern }) => pattern.clone(),
        Some(Acceptance::Person { reason, .. }) => reason.clone(),
        None => String::new(),
    }
}
