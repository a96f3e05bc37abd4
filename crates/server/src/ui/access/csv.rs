//! CSV of all matching rows, with ids and UTC times.

use axum::{
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use hallpass_access::{Acceptance, Directory, EntitledPrincipal, ItemKind, NamedEntitlement};
use hallpass_base::{HoldKey, Target, TargetNames, text::csv_cell};

use super::line::{AccessLine, is_unknown};
use super::{AccessQuery, live_grants, standing_of};
use crate::ui::shell::Viewer;
use crate::{App, costly, problem::ProblemResponse};

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
    let lines = AccessLine::all(&grants, found.as_ref(), &directory);
    let rows = looking.rows(&lines, &directory);
    let mut text = COLUMNS.join(",");
    text.push_str("\r\n");
    for (_, line) in rows {
        let cells = cells(line, &directory).map(|cell| csv_cell(&cell));
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

fn cells(line: AccessLine<'_>, directory: &Directory) -> [String; COLUMNS.len()] {
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
        AccessLine::OfGroup(of_group) => Cells {
            account: line.place(directory).name,
            account_id: of_group.row.key.account.to_string(),
            permission_set: of_group.permission_set.to_owned(),
            group: of_group.group.to_owned(),
            group_id: of_group.row.key.group.to_string(),
            kind: "group",
            first_seen_at: Some(of_group.row.first_seen.to_string()),
            ..Cells::default()
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
        let of_person = Self {
            person: person.to_owned(),
            email: email.to_owned(),
            user_id: key.user.to_string(),
            ..Self::default()
        };
        let of_person = match names {
            TargetNames::Account {
                account,
                permission_set,
            } => Self {
                account: account.clone(),
                permission_set: permission_set.clone(),
                ..of_person
            },
            TargetNames::Group { group } => Self {
                group: group.clone(),
                ..of_person
            },
        };
        match &key.target {
            Target::Account { account, .. } => Self {
                account_id: account.to_string(),
                ..of_person
            },
            Target::Group { group } => Self {
                group_id: group.to_string(),
                ..of_person
            },
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
