use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_api::{GroupAssignment, Page, Problem};
use hallpass_base::fold;
use serde::Deserialize;

use super::page_size;
use crate::{
    App, auth::AuthenticatedCaller, body::Parameters, convert_sweeps, problem::ProblemResponse,
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupAssignmentsQuery {
    /// Only of this group: id or name.
    group: Option<String>,
    /// Only in this account: id or name.
    account: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
    /// Rows, 1 to 500.
    limit: Option<usize>,
}

/// Permission sets assigned to groups, as the newest sweep listed them; auditors and administrators.
#[utoipa::path(get, path = "/api/v1/standing/groups", params(GroupAssignmentsQuery),
    responses((status = 200, body = Page<GroupAssignment>), (status = 404, body = Problem)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(query): Parameters<GroupAssignmentsQuery>,
) -> Result<Json<Page<GroupAssignment>>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let rows = app.access.group_assignments(actor).await?;
    let size = page_size(query.limit);
    let is = |wanted: &Option<String>, names: [&str; 2]| {
        wanted.as_ref().is_none_or(|wanted| {
            let mut names = names.into_iter();
            names.any(|name| fold::is_same(name, wanted))
        })
    };
    let mut rows = rows.iter().filter_map(|row| {
        let place = row.row.key.to_string();
        let is_after = query.cursor.as_ref().is_none_or(|after| place > *after);
        let item = is_after.then(|| convert_sweeps::group_assignment(row))?;
        let fits = is(&query.group, [&item.group, &item.group_name])
            && is(&query.account, [&item.account, &item.account_name]);
        fits.then_some((place, item))
    });
    let page: Vec<(String, GroupAssignment)> = rows.by_ref().take(size).collect();
    let next = rows.next().and_then(|_| Some(page.last()?.0.clone()));
    let items = page.into_iter().map(|(_, item)| item).collect();
    Ok(Json(Page { items, next }))
}
