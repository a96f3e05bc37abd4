//! Reports of a period, for auditors and administrators (`access.md` §23).

pub(crate) mod approvals;
pub(crate) mod conflicts;
mod rows;

use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{
    AccessError, Actor, NotAMoment, Period, ReportFilter, ReportTargets, end_moment, moment,
};
use hallpass_api::{Page, Problem, ReportedAccess, Request};
use hallpass_base::{TimeSpan, Timestamp, fold};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::grants::{named, nobody};
use super::page_size;
use crate::{
    App,
    auth::AuthenticatedCaller,
    body::Parameters,
    convert, costly,
    problem::{ProblemResponse, bad_parameter},
};
use rows::{STANDING, standing_page};
pub(crate) use rows::{of_grants, of_standing};

/// The period without `from`.
const DAYS_DEFAULT: TimeSpan = TimeSpan::hours(30 * 24);

#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReportQuery {
    /// Start: an instant, or a day in UTC; default 30 days before the end.
    pub(crate) from: Option<String>,
    /// End, excluded unless a day; default now.
    pub(crate) to: Option<String>,
    /// One moment instead.
    pub(crate) at: Option<String>,
    /// User: e-mail or id.
    pub(crate) user: Option<String>,
    /// Account: id or name.
    pub(crate) account: Option<String>,
    /// Organizational unit of accounts, today: id or name.
    pub(crate) ou: Option<String>,
    /// Permission set.
    pub(crate) permission_set: Option<String>,
    /// Group: id or name.
    pub(crate) group: Option<String>,
    /// The `next` of the previous page.
    pub(crate) cursor: Option<String>,
    /// Rows, 1 to 500.
    pub(crate) limit: Option<usize>,
}

impl ReportQuery {
    fn period(&self, now: Timestamp, zone: &TimeZone) -> Result<Period, ProblemResponse> {
        type Reader = fn(&str, &TimeZone) -> Result<Timestamp, NotAMoment>;
        let read = |name: &str, text: &Option<String>, reader: Reader| {
            let moment = text.as_deref().map(|text| reader(text, zone));
            moment
                .transpose()
                .map_err(|error| bad_parameter(name, error))
        };
        if let Some(at) = read("at", &self.at, moment)? {
            if self.from.is_some() || self.to.is_some() {
                return Err(bad_parameter(
                    "at",
                    "give either a moment, or `from` and `to`",
                ));
            }
            return Ok(Period::at(at));
        }
        let to = read("to", &self.to, end_moment)?.unwrap_or(now);
        let from = read("from", &self.from, moment)?;
        let from = from.unwrap_or_else(|| DAYS_DEFAULT.before(to));
        Period::new(from, to).ok_or_else(|| bad_parameter("to", "it is not after the start"))
    }

    /// A misspelled name is refused: an empty report would say that no one had the access.
    async fn targets(&self, app: &App) -> Result<ReportTargets, ProblemResponse> {
        let account = self.account.as_deref().map(|text| {
            let refusal =
                || bad_parameter("account", format!("no single account is named `{text}`"));
            app.access.account_of(text).ok_or_else(refusal)
        });
        let directory = app.access.directory();
        let group = self.group.as_deref().map(|text| {
            let named = || directory.group_by_name(text).map(|group| group.id.clone());
            let found = text.parse().ok().or_else(named);
            found.ok_or_else(|| bad_parameter("group", format!("no group is named `{text}`")))
        });
        if let Some(text) = &self.ou {
            let mut ous = directory.accounts().iter().flat_map(|it| &it.ous);
            if !ous.any(|ou| ou.id == *text || fold::is_same(&ou.name, text)) {
                let why = format!("no organizational unit with accounts is named `{text}`");
                return Err(bad_parameter("ou", why));
            }
        }
        if let Some(text) = &self.permission_set {
            let known = app.access.knows_permission_set(text).await;
            if !known.map_err(AccessError::from)? {
                let why = format!("no permission set is or was named `{text}`");
                return Err(bad_parameter("permission_set", why));
            }
        }
        Ok(ReportTargets {
            account: account.transpose()?,
            ou: self.ou.clone(),
            permission_set: self.permission_set.clone(),
            group: group.transpose()?,
        })
    }
}

/// # Errors
/// Unless the actor may see all access; and for parameters that name nothing.
pub(crate) async fn filter(
    app: &App,
    actor: &Actor,
    query: &ReportQuery,
    zone: &TimeZone,
) -> Result<ReportFilter, ProblemResponse> {
    if !actor.reads_all() {
        return Err(ProblemResponse::not_found("report"));
    }
    let person = match query.user.as_deref() {
        None => None,
        Some(text) => Some(named(app, actor, text).await?.ok_or_else(|| nobody(text))?),
    };
    Ok(ReportFilter {
        period: query.period(app.clock.now(), zone)?,
        person,
        targets: query.targets(app).await?,
    })
}

/// Who had access in a period: grants, newest first; then standing access, as sweeps saw it. A page
/// may be short or empty and still continue. Auditors and administrators.
#[utoipa::path(get, path = "/api/v1/reports/access", params(ReportQuery),
    responses((status = 200, body = Page<ReportedAccess>), (status = 404, body = Problem)))]
pub(crate) async fn access(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(query): Parameters<ReportQuery>,
) -> Result<Json<Page<ReportedAccess>>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let filter = filter(&app, actor, &query, &TimeZone::UTC).await?;
    let _turn = costly::turn(&app, actor).await?;
    let size = page_size(query.limit);
    let cursor = query.cursor.as_deref();
    if let Some(place) = cursor.and_then(|cursor| cursor.strip_prefix(STANDING)) {
        let report = app.access.reported_standing(actor, &filter).await?;
        return Ok(Json(standing_page(&app, &report, place, size)));
    }
    let before = cursor.map(str::parse).transpose();
    let before = before.map_err(|error| bad_parameter("cursor", error))?;
    let found = app.access.reported_grants(actor, &filter, before, size);
    let found = Box::pin(found).await?;
    let next = found
        .next
        .map_or_else(|| STANDING.to_owned(), |next| next.to_string());
    Ok(Json(Page {
        items: of_grants(&app, actor, &found.rows).await?,
        next: Some(next),
    }))
}

fn refuse_moment(query: &ReportQuery) -> Result<(), ProblemResponse> {
    match query.at {
        Some(_) => Err(bad_parameter("at", "only the report `access` has a moment")),
        None => Ok(()),
    }
}

/// Requests made in a period, newest first. A page may be short or empty and still continue.
/// Auditors and administrators.
#[utoipa::path(get, path = "/api/v1/reports/requests", params(ReportQuery),
    responses((status = 200, body = Page<Request>), (status = 404, body = Problem)))]
pub(crate) async fn requests(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(query): Parameters<ReportQuery>,
) -> Result<Json<Page<Request>>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let filter = filter(&app, actor, &query, &TimeZone::UTC).await?;
    refuse_moment(&query)?;
    let before = query.cursor.as_deref().map(str::parse).transpose();
    let before = before.map_err(|error| bad_parameter("cursor", error))?;
    let size = page_size(query.limit);
    let found = app.access.reported_requests(actor, &filter, before, size);
    let found = Box::pin(found).await?;
    let mut items = Vec::with_capacity(found.rows.len());
    for request in &found.rows {
        let links = app.access.visible_links(actor, request).await;
        items.push(convert::request(request, &links));
    }
    let next = found.next.map(|next| next.to_string());
    Ok(Json(Page { items, next }))
}
