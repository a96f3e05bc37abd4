use axum::{Json, extract::State};
use hallpass_access::ActionRefused;
use hallpass_access::identity::TokenScope;
use hallpass_activity::KeptPerson;
use hallpass_api::{FailedRuns, JudgedPeople, JudgedPerson, Problem};
use serde::Deserialize;

use super::page_size;
use crate::judged_people::{PeopleOf, found, kept, may_see};
use crate::{
    App,
    auth::AuthenticatedCaller,
    body::Parameters,
    problem::{ProblemResponse, bad_parameter},
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeopleQuery {
    /// `all`, `due`, `soon`, `unknown` or `disabled`; default all.
    state: Option<String>,
    /// Words of a name or id.
    q: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
    /// Users, 1 to 500.
    limit: Option<usize>,
}

fn person(it: &KeptPerson) -> JudgedPerson {
    JudgedPerson {
        user_name: it.user_name.clone(),
        user_id: it.user_id.to_string(),
        password_state: it.password_state.clone(),
        password_age_days: it.password_age_days,
        password_basis: it.password_basis.clone(),
        password_since: it.password_since,
        activity_state: it.activity_state.clone(),
        inactive_days: it.inactive_days,
        activity_basis: it.activity_basis.clone(),
        inactive_since: it.inactive_since,
        last_sign_in: it.last_sign_in,
        last_use: it.last_use,
        failed_verifications: it.failed_verifications as u64,
        weak_match: it.is_weak_match,
    }
}

/// Password ages and last activity of users, by user id; administrators, auditors and operators.
#[utoipa::path(get, path = "/api/v1/people", params(PeopleQuery),
    responses((status = 200, body = JudgedPeople), (status = 404, body = Problem)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(wanted): Parameters<PeopleQuery>,
) -> Result<Json<JudgedPeople>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    if !may_see(actor) {
        return Err(ProblemResponse::from(ActionRefused::NotYours));
    }
    let state = match wanted.state.as_deref() {
        None => PeopleOf::All,
        Some(name) => {
            let named = PeopleOf::ALL.iter().find(|(_, it, _)| *it == name);
            let (state, ..) = named.ok_or_else(|| {
                bad_parameter(
                    "state",
                    format!("`{name}` is not one of all, due, soon, unknown, disabled"),
                )
            })?;
            *state
        }
    };
    let Some(kept) = kept(&app).await? else {
        return Err(ProblemResponse::not_found(
            "run about people: `pci.source` names none",
        ));
    };
    let failed = kept.failed.map(|it| FailedRuns {
        at: it.at,
        since: it.since,
        times: it.times,
        why: it.why,
    });
    let Some(report) = kept.report else {
        return Ok(Json(JudgedPeople {
            as_of: None,
            coverage_from: None,
            not_read: Vec::new(),
            failed,
            items: Vec::new(),
            next: None,
        }));
    };
    let q = wanted.q.unwrap_or_default();
    let mut people: Vec<&KeptPerson> =
        found(&report.people, state, &q, &app.access.directory()).collect();
    people.sort_by(|a, b| a.user_id.cmp(&b.user_id));
    let after = wanted.cursor.as_deref();
    let is_later = |it: &&&KeptPerson| after.is_none_or(|after| it.user_id.as_str() > after);
    let mut fitting = people.iter().filter(is_later);
    let page = fitting.by_ref().take(page_size(wanted.limit));
    let items: Vec<JudgedPerson> = page.map(|it| person(it)).collect();
    let last = items.last().map(|it| it.user_id.clone());
    let next = fitting.next().and(last);
    Ok(Json(JudgedPeople {
        as_of: Some(report.as_of),
        coverage_from: report.coverage_from,
        not_read: report.not_read,
        failed,
        next,
        items,
    }))
}
