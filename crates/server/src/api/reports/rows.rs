use std::collections::BTreeMap;

use hallpass_access::{
    AccessError, Actor, Approval, Grant, Request, StandingReport, StandingRow, uses_of_grants,
};
use hallpass_api::{Page, ReportedAccess, ReportedKind};
use hallpass_base::Timestamp;

use crate::{App, convert, convert_states, problem::ProblemResponse};

/// The cursor of the rows after the grants; the place of the last row follows.
pub(super) const STANDING: &str = "standing";

pub(super) fn standing_page(
    app: &App,
    report: &StandingReport,
    after: &str,
    size: usize,
) -> Page<ReportedAccess> {
    let mut rows: Vec<(String, &StandingRow)> =
        report.rows.iter().map(|row| (place(row), row)).collect();
    rows.retain(|(place, _)| place.as_str() > after);
    rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let has_more = rows.len() > size;
    rows.truncate(size);
    let last = rows.last().filter(|_| has_more);
    Page {
        next: last.map(|(place, _)| format!("{STANDING}{place}")),
        items: rows
            .iter()
            .map(|(_, row)| of_standing(app, row, report.looked_at))
            .collect(),
    }
}

/// Sorts people before groups.
fn place(row: &StandingRow) -> String {
    match row {
        StandingRow::OfPerson(item) => format!("~1 {}", item.key),
        StandingRow::OfGroup { assignment, .. } => format!("~2 {}", assignment.key),
    }
}

/// # Errors
/// If the store does not answer.
pub(crate) async fn of_grants(
    app: &App,
    actor: &Actor,
    grants: &[Grant],
) -> Result<Vec<ReportedAccess>, ProblemResponse> {
    let now = app.clock.now();
    let uses = match &app.activity {
        Some(logs) => uses_of_grants(logs.as_ref(), &app.access.directory(), grants, now).await,
        None => BTreeMap::new(),
    };
    let mut rows = Vec::with_capacity(grants.len());
    for grant in grants {
        let request = match app.access.request(actor, grant.request).await {
            Ok(request) => Some(request),
            Err(AccessError::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        };
        rows.push(ReportedAccess {
            approvers: approvers(grant, request.as_ref()),
            used: uses.get(&grant.id).copied().map(convert_states::grant_use),
            ..of_grant(grant)
        });
    }
    Ok(rows)
}

fn of_grant(grant: &Grant) -> ReportedAccess {
    let names = convert::names(Some(&grant.key.target), &grant.names);
    let span = grant.access_span();
    let rules = grant.based_on.iter().chain(&grant.lengthened_by);
    ReportedAccess {
        kind: ReportedKind::Grant,
        user: Some(grant.holder.email.to_string()),
        user_name: Some(grant.holder.name.clone()),
        user_id: Some(grant.key.user.to_string()),
        account: names.account,
        account_name: names.account_name,
        permission_set: names.permission_set,
        group: names.group,
        group_name: names.group_name,
        from: span.map(|span| span.from),
        until: span.and_then(|span| span.until),
        ends_at: Some(grant.ends_at),
        state: Some(convert_states::grant(&grant.state)),
        because: rules.cloned().collect(),
        approval: Some(convert_states::approval(grant.approval)),
        request_id: Some(grant.request.to_string()),
        grant_id: Some(grant.id.to_string()),
        ..ReportedAccess::default()
    }
}

fn approvers(grant: &Grant, request: Option<&Request>) -> Vec<String> {
    if grant.approval == Approval::NotRequired {
        return Vec::new();
    }
    let reviews = request.map(Request::reviewers);
    let reviews = reviews.iter().flatten().map(|review| review.by.to_string());
    let mut all: Vec<String> = reviews.collect();
    let last = grant.approver.to_string();
    if !all.contains(&last) {
        all.push(last);
    }
    all
}

pub(crate) fn of_standing(
    app: &App,
    row: &StandingRow,
    looked_at: Option<Timestamp>,
) -> ReportedAccess {
    match row {
        StandingRow::OfPerson(item) => {
            let names = convert::names(Some(&item.key.target), &item.names);
            let holder = item.holder.as_ref();
            ReportedAccess {
                kind: ReportedKind::Standing,
                user: holder.map(|person| person.email.to_string()),
                user_name: holder.map(|person| person.name.clone()),
                user_id: Some(item.key.user.to_string()),
                account: names.account,
                account_name: names.account_name,
                permission_set: names.permission_set,
                group: names.group,
                group_name: names.group_name,
                first_seen: Some(item.first_seen),
                last_seen: Some(item.seen_at),
                looked_at,
                ..ReportedAccess::default()
            }
        }
        StandingRow::OfGroup {
            assignment,
            permission_set,
            last_seen,
        } => {
            let directory = app.access.directory();
            let account = directory.account(&assignment.key.account);
            let group = directory.group(&assignment.key.group);
            ReportedAccess {
                kind: ReportedKind::Group,
                account: Some(assignment.key.account.to_string()),
                account_name: account.map(|account| account.name.clone()),
                permission_set: Some(permission_set.clone()),
                group: Some(assignment.key.group.to_string()),
                group_name: group.map(|group| group.name.clone()),
                first_seen: Some(assignment.first_seen),
                last_seen: Some(*last_seen),
                looked_at,
                ..ReportedAccess::default()
            }
        }
    }
}
