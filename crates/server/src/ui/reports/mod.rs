//! Who had what access in a period, to read, print and download.

mod csv;
mod row;
mod trends;

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    Extension, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use hallpass_access::{Actor, Grant, ReportFilter, StandingReport};
use hallpass_api::ReportedAccess;
use hallpass_base::{TimeSpan, Timestamp};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::access::{Tile, tile};
use super::forbidden;
use super::people::{count_of, counted};
use super::saved::{SavedLink, SavedOn};
use super::shell::{Nav, PageResult, Shell, Viewer, page_with};
use super::words::{clock, plain};
use crate::api::reports::{self, ReportQuery, of_grants, of_standing};
use crate::{App, costly, problem::ProblemResponse};
use row::ReportRow;

const ROWS: usize = 50;
/// Grants read for a page or file; beyond it the command reads them page by page.
const GRANTS_MAX: usize = 10_000;
/// Days before today that the form proposes.
const DAYS: TimeSpan = TimeSpan::hours(30 * 24);

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/reports", get(show))
        .route("/reports/trends", get(trends::show))
        .route("/reports.csv", get(csv::export))
        .layer(Extension(trends::KeptTrends::default()))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ReportForm {
    from: String,
    to: String,
    at: String,
    user: String,
    account: String,
    ou: String,
    permission_set: String,
    group: String,
    skip: usize,
}

impl ReportForm {
    fn fields(&self) -> [(&'static str, &str); 8] {
        [
            ("from", &self.from),
            ("to", &self.to),
            ("at", &self.at),
            ("user", &self.user),
            ("account", &self.account),
            ("ou", &self.ou),
            ("permission_set", &self.permission_set),
            ("group", &self.group),
        ]
    }

    fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let trimmed = self.fields().map(|(name, text)| (name, text.trim()));
        let is_moment = !self.at.trim().is_empty();
        let counts = move |(name, text): &(&str, &str)| {
            let is_of_period = ["from", "to"].contains(name);
            !(text.is_empty() || is_moment && is_of_period)
        };
        trimmed.into_iter().filter(counts)
    }

    /// Without the period that the page proposes: saved, it stays the last 30 days.
    fn to_save(&self, from: &str, to: &str) -> Vec<(String, String)> {
        let is_proposed = self.from.trim() == from && self.to.trim() == to;
        let given = self.given();
        let given = given.filter(|(name, _)| !(is_proposed && ["from", "to"].contains(name)));
        { given.map(|(name, text)| (name.to_owned(), text.to_owned())) }.collect()
    }

    /// A moment has precedence over a period.
    fn query(&self) -> ReportQuery {
        let of = |wanted: &str| {
            let mut given = self.given();
            given.find_map(|(name, text)| (name == wanted).then(|| text.to_owned()))
        };
        ReportQuery {
            from: of("from"),
            to: of("to"),
            at: of("at"),
            user: of("user"),
            account: of("account"),
            ou: of("ou"),
            permission_set: of("permission_set"),
            group: of("group"),
            ..ReportQuery::default()
        }
    }

    fn address(&self, path: &str, skip: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.given());
        if skip > 0 {
            query.append_pair("skip", &skip.to_string());
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// The API reads days in UTC, so that the moments of the page are passed.
    fn api_address(&self, filter: &ReportFilter) -> String {
        let period = filter.period;
        let (from, to) = (period.from().to_string(), period.to().to_string());
        let exact = if self.query().at.is_some() {
            Self {
                at: from,
                ..self.clone()
            }
        } else {
            Self {
                from,
                to,
                ..self.clone()
            }
        };
        let address = exact.address("/api/v1/reports/access", 0);
        format!("{address}&limit=500")
    }

    /// What a reader of the printed page must know of the filters.
    fn filters(&self) -> String {
        let of_period = |(name, _): &(&str, &str)| ["from", "to", "at"].contains(name);
        let filters = self.given().filter(|it| !of_period(it));
        let words: Vec<String> = filters
            .map(|(name, text)| format!("{} {}", name.replace('_', " "), plain(text)))
            .collect();
        if words.is_empty() {
            "none: the whole organization".to_owned()
        } else {
            words.join(", ")
        }
    }
}

struct Report {
    grants: Vec<Grant>,
    standing: StandingReport,
    is_cut: bool,
}

impl Report {
    async fn read(
        app: &App,
        actor: &Actor,
        filter: &ReportFilter,
    ) -> Result<Self, ProblemResponse> {
        let (mut grants, mut before) = (Vec::new(), None);
        loop {
            let left = GRANTS_MAX.saturating_sub(grants.len());
            let found = app.access.reported_grants(actor, filter, before, left);
            let found = Box::pin(found).await?;
            grants.extend(found.rows);
            before = found.next;
            if before.is_none() || grants.len() >= GRANTS_MAX {
                break;
            }
        }
        Ok(Self {
            grants,
            standing: app.access.reported_standing(actor, filter).await?,
            is_cut: before.is_some(),
        })
    }

    fn len(&self) -> usize {
        self.grants.len() + self.standing.rows.len()
    }

    async fn rows(
        &self,
        app: &App,
        actor: &Actor,
        skip: usize,
        most: usize,
    ) -> Result<Vec<ReportedAccess>, ProblemResponse> {
        let grants = self.grants.iter().skip(skip).take(most);
        let grants: Vec<Grant> = grants.cloned().collect();
        let mut rows = of_grants(app, actor, &grants).await?;
        let standing = self.standing.rows.iter();
        let standing = standing
            .skip(skip.saturating_sub(self.grants.len()))
            .take(most.saturating_sub(rows.len()));
        rows.extend(standing.map(|row| of_standing(app, row, self.standing.looked_at)));
        Ok(rows)
    }

    fn tiles(&self, now: Timestamp, zone: &TimeZone) -> Vec<Tile> {
        let people: BTreeSet<&str> = self.grants.iter().map(|it| it.key.user.as_str()).collect();
        let targets: BTreeSet<String> = self
            .grants
            .iter()
            .map(|it| it.key.target.to_string())
            .collect();
        let open = self.grants.iter().filter(|grant| !grant.is_over()).count();
        let looked = self.standing.looked_at.map_or_else(
            || "no sweep has looked".to_owned(),
            |at| format!("last looked {}", clock(at, now, zone)),
        );
        vec![
            tile("People", people.len(), "with a grant".to_owned()),
            tile(
                "Grants",
                self.grants.len(),
                count_of(targets.len(), "target", "targets"),
            ),
            tile("Not ended", open, "of these grants".to_owned()),
            tile("Standing", self.standing.rows.len(), looked),
        ]
    }
}

struct Proof {
    log: String,
    seq: String,
    number: u64,
    hash: String,
}

#[derive(Template)]
#[template(path = "reports.html")]
struct ReportPage {
    shell: Shell,
    form: ReportForm,
    saved: Vec<SavedLink>,
    is_saved: bool,
    /// The fields to save.
    given: Vec<(String, String)>,
    zone: String,
    problem: String,
    period: String,
    filters: String,
    organization: String,
    portal: String,
    made: String,
    is_cut: bool,
    most: String,
    tiles: Vec<Tile>,
    rows: Vec<ReportRow>,
    shown: String,
    before: Option<String>,
    after: Option<String>,
    csv: String,
    json: String,
    proof: Option<Proof>,
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Query(form): Query<ReportForm>,
) -> PageResult {
    if !viewer.actor.reads_all() {
        return Ok(forbidden::page_for(&app, &viewer, "auditors").await);
    }
    let mut page = empty(&app, &viewer, &form).await;
    let query = form.query();
    let filter = match reports::filter(&app, &viewer.actor, &query, &viewer.zone).await {
        Ok(filter) => filter,
        Err(problem) => {
            let problem = problem.into_problem();
            page.problem = plain(&problem.detail.replace('`', ""));
            return Ok(page_with(StatusCode::BAD_REQUEST, &page));
        }
    };
    let turn = costly::turn(&app, &viewer.actor).await?;
    let report = Report::read(&app, &viewer.actor, &filter).await?;
    let skip = form.skip.min(report.len());
    let rows = report.rows(&app, &viewer.actor, skip, ROWS).await?;
    drop(turn);
    let end = skip + rows.len();
    page.tiles = report.tiles(app.clock.now(), &viewer.zone);
    page.is_cut = report.is_cut;
    page.shown = shown(skip, end, report.len());
    page.before = (skip > 0).then(|| form.address("/reports", skip.saturating_sub(ROWS)));
    page.after = (end < report.len()).then(|| form.address("/reports", end));
    page.period = period(&filter, &query, &viewer.zone);
    page.json = form.api_address(&filter);
    page.rows = rows
        .iter()
        .map(|row| ReportRow::of(row, &viewer.zone))
        .collect();
    Ok(page_with(StatusCode::OK, &page))
}

async fn empty(app: &App, viewer: &Viewer, form: &ReportForm) -> ReportPage {
    let now = app.clock.now();
    let day = |at: Timestamp| at.to_zoned(viewer.zone.clone()).date().to_string();
    let mut proposed = form.clone();
    if form.query().at.is_none() && form.from.is_empty() && form.to.is_empty() {
        proposed.from = day(DAYS.before(now));
        proposed.to = day(now);
    }
    let given = form.to_save(&day(DAYS.before(now)), &day(now));
    ReportPage {
        shell: viewer.shell(app, Nav::Reports, "Reports").await,
        saved: viewer.saved.on(SavedOn::Reports).to_vec(),
        is_saved: viewer.saved.has(SavedOn::Reports, &given),
        given,
        form: proposed,
        zone: super::words::zone_name(now, &viewer.zone),
        problem: String::new(),
        period: String::new(),
        filters: form.filters(),
        organization: app.access.directory().root_id().to_owned(),
        portal: app.identity.portal_url.clone(),
        made: format!(
            "{} by {}",
            row::stamp(now, &viewer.zone),
            viewer.actor.email
        ),
        is_cut: false,
        most: counted(GRANTS_MAX as u64),
        tiles: Vec::new(),
        rows: Vec::new(),
        shown: String::new(),
        before: None,
        after: None,
        csv: form.address("/reports.csv", 0),
        json: String::new(),
        proof: proof(app).await,
    }
}

/// The log of which the rows cite requests.
async fn proof(app: &App) -> Option<Proof> {
    let head = app.audit.head().await.ok().flatten()?;
    let log = app.audit.log_id().await.ok().flatten()?;
    Some(Proof {
        log: log.to_string(),
        seq: counted(head.seq),
        number: head.seq,
        hash: head.hash,
    })
}

fn shown(skip: usize, end: usize, all: usize) -> String {
    if all == 0 {
        return String::new();
    }
    let rows = count_of(all, "row", "rows");
    format!(
        "{} to {} of {rows}",
        counted(skip as u64 + 1),
        counted(end as u64)
    )
}

fn period(filter: &ReportFilter, query: &ReportQuery, zone: &TimeZone) -> String {
    let from = row::stamp(filter.period.from(), zone);
    match query.at {
        Some(_) => format!("at {from}"),
        None => format!("from {from} to {}", row::stamp(filter.period.to(), zone)),
    }
}
