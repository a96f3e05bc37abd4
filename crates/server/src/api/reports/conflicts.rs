//! What people hold against separation of duties.

use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{PersonConflict, Subject};
use hallpass_api::{Conflict, ConflictHeld, ConflictHolding, Conflicts, Problem};
use hallpass_rules::{Directory, HeldBy, Holding};

use crate::{App, auth::AuthenticatedCaller, problem::ProblemResponse};

/// Access that people hold although rules forbid to hold it together. Standing access is as the last
/// sweep saw it. Auditors and administrators.
#[utoipa::path(get, path = "/api/v1/reports/conflicts",
    responses((status = 200, body = Conflicts), (status = 404, body = Problem)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
) -> Result<Json<Conflicts>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let turn = app.access.turn(actor).await;
    let report = app.access.conflicts(actor).await?;
    drop(turn);
    let directory = app.access.directory();
    Ok(Json(Conflicts {
        items: report.rows.iter().map(|row| of(row, &directory)).collect(),
        looked_at: report.looked_at,
        unread_groups: report.unread,
    }))
}

fn of(row: &PersonConflict, directory: &Directory) -> Conflict {
    let exception = row.conflict.exception.as_ref();
    Conflict {
        user: row.person.emails.first().map(ToString::to_string),
        user_name: row.person.display_name.clone(),
        user_id: row.person.user_id.to_string(),
        constraint: row.conflict.constraint.to_string(),
        held: { row.conflict.held.iter() }
            .map(|it| held(it, directory))
            .collect(),
        excepted_until: exception.map(|it| it.until),
        exception_approved_by: exception.map(|it| it.approved_by.to_string()),
        exception_reason: exception.map(|it| it.reason.clone()),
    }
}

fn held(holding: &Holding, directory: &Directory) -> ConflictHolding {
    let mut held = ConflictHolding::default();
    match &holding.target {
        Subject::Account {
            account,
            permission_set,
        } => {
            held.account = Some(account.to_string());
            held.account_name = directory.account(account).map(|it| it.name.clone());
            held.permission_set = Some(permission_set.clone());
        }
        Subject::Group { group } => {
            held.group = Some(group.to_string());
            held.group_name = directory.group(group).map(|it| it.name.clone());
        }
    }
    match &holding.by {
        HeldBy::Grant(id) => {
            held.by = ConflictHeld::Grant;
            held.grant_id = Some(id.clone());
        }
        HeldBy::Standing | HeldBy::SameCall => held.by = ConflictHeld::Standing,
        HeldBy::Group(name) => {
            held.by = ConflictHeld::Group;
            held.through_group = Some(name.clone());
        }
    }
    held
}
