//! People page: everyone in the directory, what they hold directly, and password age and inactivity
//! by the newest complete run (`inventory.md` §7).

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hallpass_access::Directory;
use hallpass_activity::{KeptPci, KeptPerson, KeptReport};
use hallpass_base::text::csv_cell;
use hallpass_base::{TimeSpan, UserId};
use serde::Deserialize;

use super::people::{count_of, counted, shown_of};
use super::presenter::Presenter;
use super::shell::{Nav, PageResult, Shell, Viewer, page, url_encoded};
use super::words::{Badge, badge, lasting, plain, sentence};
use super::{access, forbidden};
use crate::judged_people::{PeopleOf, PeopleOrder, found, kept, may_see, sort};
use crate::{App, judged_people, problem::ProblemResponse};

const ROWS: usize = 100;
const OLD: TimeSpan = TimeSpan::hours(48);
const WHO: &str = "administrators, auditors and operators";
const ORDERS: [(PeopleOrder, &str, &str, &str); 5] = [
    (PeopleOrder::Urgent, "urgent", "Due", ""),
    (PeopleOrder::Name, "name", "Person", "w25"),
    (PeopleOrder::Password, "password", "Password", "w15"),
    (PeopleOrder::Activity, "activity", "Activity", "w15"),
    (PeopleOrder::Failed, "failed", "Failed", "w10"),
];

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/people", get(show))
        .route("/people.csv", get(csv))
        .route("/people-evidence.json", get(evidence))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StaleAccountsQuery {
    q: String,
    state: PeopleOf,
    sort: PeopleOrder,
    after: usize,
}

pub(super) struct PersonRow {
    name: String,
    href: String,
    pub(super) password: Badge,
    pub(super) password_words: String,
    pub(super) activity: Badge,
    pub(super) activity_words: String,
    pub(super) sign_in: String,
    pub(super) last_use: String,
    failed: String,
    note: &'static str,
    email: String,
    /// "1 temporary, 2 standing"; direct access only.
    holds: String,
}

struct Heading {
    word: &'static str,
    href: String,
    width: &'static str,
    is_on: bool,
}

struct Choice {
    name: &'static str,
    word: &'static str,
    is_on: bool,
}

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    shell: Shell,
    is_configured: bool,
    has_report: bool,
    sees_all: bool,
    lead: String,
    coverage: String,
    failed: String,
    old: String,
    q: String,
    sort: &'static str,
    states: Vec<Choice>,
    order: Vec<Heading>,
    headings: Vec<Heading>,
    rows: Vec<PersonRow>,
    shown: String,
    file: String,
    here: String,
    newer: Option<String>,
    older: Option<String>,
    zone: String,
}

impl StaleAccountsQuery {
    fn state_name(&self) -> &'static str {
        let mut all = PeopleOf::ALL.iter();
        all.find(|(it, ..)| *it == self.state)
            .map_or("all", |(_, name, _)| name)
    }

    fn sort_name(&self) -> &'static str {
        let mut all = ORDERS.iter();
        all.find(|(it, ..)| *it == self.sort)
            .map_or("urgent", |(_, name, ..)| name)
    }

    fn address(&self, path: &str, sort: &str, after: usize) -> String {
        let mut address = format!("{path}?state={}&sort={sort}", self.state_name());
        if !self.q.is_empty() {
            let _ = write!(address, "&q={}", url_encoded(&self.q));
        }
        if after > 0 {
            let _ = write!(address, "&after={after}");
        }
        address
    }

    fn headings(&self, wanted: &[PeopleOrder]) -> Vec<Heading> {
        let of = ORDERS.iter().filter(|(order, ..)| wanted.contains(order));
        let heading =
            |(order, name, word, width): &(PeopleOrder, &str, &'static str, &'static str)| {
                Heading {
                    word,
                    href: self.address("/people", name, 0),
                    width,
                    is_on: *order == self.sort,
                }
            };
        of.map(heading).collect()
    }
}

fn state_badge(state: &str) -> Badge {
    match state {
        "ok" => badge("In time", "active"),
        "warn" => badge("Soon due", "pending"),
        "expired" => badge("Expired", "failed"),
        "inactive_warn" => badge("Inactive soon", "pending"),
        "inactive" => badge("Inactive", "failed"),
        "disabled" => badge("Disabled", "ended"),
        "n/a" => badge("Elsewhere", "ended"),
        _ => badge("Unknown", "pending"),
    }
}

fn days(days: Option<i64>) -> String {
    match days {
        None => String::new(),
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
    }
}

fn password_words(it: &KeptPerson, is_reported: bool) -> String {
    let basis = match it.password_basis.as_deref() {
        Some("created") => ", since they were made",
        Some("enabled") => ", since they were enabled",
        Some("okta") => ", as Okta says",
        _ => "",
    };
    match it.password_state.as_str() {
        "unknown" if !is_reported => "not checked yet".to_owned(),
        "unknown" => "The log does not reach back far enough.".to_owned(),
        "n/a" => "They sign in at an outside provider.".to_owned(),
        _ => format!("{}{basis}", days(it.password_age_days)),
    }
}

fn activity_words(it: &KeptPerson, is_reported: bool) -> String {
    let basis = match it.activity_basis.as_deref() {
        Some("created") => ", since they were made".to_owned(),
        Some("enabled") => ", since they were enabled".to_owned(),
        Some(event) => format!(", {}", plain(event)),
        None => String::new(),
    };
    match it.activity_state.as_str() {
        "unknown" if !is_reported => "not checked yet".to_owned(),
        "unknown" => "The log does not reach back far enough.".to_owned(),
        _ => format!("{}{basis}", days(it.inactive_days)),
    }
}

/// Everyone in the directory without a row in the report: password and activity are unknown.
fn unreported(directory: &Directory, reported: &HashSet<&UserId>) -> Vec<KeptPerson> {
    let missing = directory.people().iter();
    let missing = missing.filter(|it| !reported.contains(&it.user_id));
    missing
        .map(|it| KeptPerson::unreported(it.user_id.clone(), &it.user_name, it.enabled))
        .collect()
}

/// Direct access, by person: temporary and standing.
async fn held(
    app: &App,
    viewer: &Viewer,
) -> Result<HashMap<UserId, (usize, usize)>, ProblemResponse> {
    if !viewer.actor.reads_all() {
        return Ok(HashMap::new());
    }
    access::direct(app, viewer).await
}

fn holds((temporary, standing): (usize, usize)) -> String {
    let parts = [(temporary, "temporary"), (standing, "standing")].into_iter();
    let parts = parts.filter(|(count, _)| *count > 0);
    let parts = parts.map(|(count, word)| format!("{} {word}", counted(count as u64)));
    parts.collect::<Vec<_>>().join(", ")
}

pub(super) fn row(view: &Presenter, it: &KeptPerson, is_reported: bool) -> PersonRow {
    let known = view.directory.person(&it.user_id);
    let at = |at: Option<_>| at.map_or_else(|| "none in the log".to_owned(), |at| view.words(at));
    PersonRow {
        name: plain(judged_people::name(it, &view.directory)),
        href: format!("/people/{}", url_encoded(it.user_id.as_str())),
        password: state_badge(&it.password_state),
        password_words: password_words(it, is_reported),
        activity: state_badge(&it.activity_state),
        activity_words: activity_words(it, is_reported),
        sign_in: at(it.last_sign_in),
        last_use: at(it.last_use),
        failed: match it.failed_verifications {
            0 => String::new(),
            some => counted(some as u64),
        },
        note: if it.is_weak_match {
            "found by a name without its domain"
        } else if known.is_none() {
            "not in the directory any more"
        } else {
            ""
        },
        email: known
            .and_then(|it| it.emails.first())
            .map(ToString::to_string)
            .unwrap_or_default(),
        holds: String::new(),
    }
}

fn lead(report: &KeptReport) -> String {
    let over = report.people.iter().filter(|it| PeopleOf::Due.takes(it));
    let soon = report.people.iter().filter(|it| PeopleOf::Soon.takes(it));
    let (password, activity) = (report.password_days, report.inactive_days);
    format!(
        "{}: {} over a limit, {} soon. Passwords are due from day {} and expired from day {}; people are inactive \
         from day {}.",
        count_of(report.people.len(), "person", "people"),
        counted(over.count() as u64),
        counted(soon.count() as u64),
        password.0,
        password.1,
        activity.1
    )
}

fn unjudged(directory: &Directory) -> String {
    let count = count_of(directory.people().len(), "person", "people");
    format!("{count} in the directory.")
}

fn old(view: &Presenter, report: &KeptReport) -> String {
    if OLD.covers(report.as_of, view.now) {
        return String::new();
    }
    let age = lasting(TimeSpan::between(report.as_of, view.now));
    format!("This is {age} old.")
}

fn coverage(view: &Presenter, report: &KeptReport) -> String {
    let until = view.words(report.as_of);
    let reach = match report.coverage_from {
        Some(from) => format!(
            "The log reaches from {} to {until}; earlier activity is unknown. A password may be newer than it \
             seems: what people reset themselves is not in CloudTrail.",
            view.words(from)
        ),
        None => format!(
            "Read up to {until}. The start of the complete log is not known, so no one counts as inactive for lack \
             of events."
        ),
    };
    match not_read(report) {
        Some(left_out) => format!("{reach} {left_out}"),
        None => reach,
    }
}

fn not_read(report: &KeptReport) -> Option<String> {
    let first = report.not_read.first()?;
    let files = count_of(report.not_read.len(), "file", "files");
    let more = match report.not_read.len() {
        1 => "",
        _ => " and others",
    };
    Some(format!(
        "{files} could not be read, run after run, and what they hold is not known: {}{more}.",
        plain(first)
    ))
}

fn failed(view: &Presenter, kept: &KeptPci) -> String {
    let Some(failed) = &kept.failed else {
        return String::new();
    };
    let runs = count_of(failed.times as usize, "run", "runs");
    let why = sentence(&plain(&failed.why));
    let stays = if kept.report.is_some() {
        "This is from the run before; no one counts as recovered meanwhile."
    } else {
        "It is tried again."
    };
    let since = view.words(failed.since);
    format!("{runs} came to nothing since {since}: {why} {stays}")
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Query(looking): Query<StaleAccountsQuery>,
) -> PageResult {
    if !may_see(&viewer.actor) {
        return Ok(forbidden::page_for(&app, &viewer, WHO).await);
    }
    let known = kept(&app).await?;
    let is_configured = known.is_some();
    let kept = known.unwrap_or_default();
    let view = Presenter::new(&app, &viewer);
    let directory = app.access.directory();
    let report = kept.report.as_ref();
    let people = report.map_or(&[][..], |it| &it.people);
    let reported: HashSet<&UserId> = people.iter().map(|it| &it.user_id).collect();
    let unreported = unreported(&directory, &reported);
    let mut fitting: Vec<&KeptPerson> = [people, &unreported]
        .into_iter()
        .flat_map(|people| found(people, looking.state, &looking.q, &directory))
        .collect();
    sort(&mut fitting, looking.sort, &directory);
    let rows = fitting.iter().skip(looking.after).take(ROWS);
    let held = held(&app, &viewer).await?;
    let rows = rows.map(|it| PersonRow {
        holds: holds(held.get(&it.user_id).copied().unwrap_or_default()),
        ..row(&view, it, reported.contains(&it.user_id))
    });
    let rows: Vec<PersonRow> = rows.collect();
    let next = looking.after + rows.len();
    let name = looking.sort_name();
    let older = (next < fitting.len()).then(|| looking.address("/people", name, next));
    let before = looking.after.saturating_sub(ROWS);
    let newer = (looking.after > 0).then(|| looking.address("/people", name, before));
    let states = PeopleOf::ALL.into_iter().map(|(state, name, word)| Choice {
        name,
        word,
        is_on: state == looking.state,
    });
    Ok(page(&PeoplePage {
        is_configured,
        has_report: report.is_some(),
        sees_all: viewer.actor.reads_all(),
        lead: report.map_or_else(|| unjudged(&directory), lead),
        coverage: report.map(|it| coverage(&view, it)).unwrap_or_default(),
        failed: failed(&view, &kept),
        old: report.map_or_else(String::new, |it| old(&view, it)),
        q: looking.q.clone(),
        sort: name,
        states: states.collect(),
        order: looking.headings(&[PeopleOrder::Urgent]),
        headings: looking.headings(&[
            PeopleOrder::Name,
            PeopleOrder::Password,
            PeopleOrder::Activity,
        ]),
        shown: shown_of(rows.len(), fitting.len(), ("person", "people"))
            .unwrap_or_else(|| "No one.".to_owned()),
        rows,
        file: looking.address("/people.csv", name, 0),
        here: looking.address("/people", name, looking.after),
        newer,
        older,
        zone: view.zone_words(),
        shell: viewer.shell(&app, Nav::People, "People").await,
    }))
}

fn no_report() -> ProblemResponse {
    let words = "no run about people was whole yet";
    let problem = ProblemResponse::new(StatusCode::NOT_FOUND, "no-report", words.to_owned());
    problem.help(
        "`pci.source` in the configuration says where the log is; the page says why a run failed",
    )
}

fn attachment(kind: &'static str, name: &str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, text).into_response()
}

async fn csv(
    State(app): State<App>,
    viewer: Viewer,
    Query(looking): Query<StaleAccountsQuery>,
) -> Result<Response, ProblemResponse> {
    if !may_see(&viewer.actor) {
        return Ok(forbidden::page_for(&app, &viewer, WHO).await);
    }
    let report = kept(&app).await?.and_then(|it| it.report);
    let report = report.ok_or_else(no_report)?;
    let directory = app.access.directory();
    let found = found(&report.people, looking.state, &looking.q, &directory);
    let mut people: Vec<&KeptPerson> = found.collect();
    sort(&mut people, looking.sort, &directory);
    let mut text = KeptPerson::COLUMNS.join(",");
    text.push_str("\r\n");
    for person in people {
        let cells = person.cells();
        text.push_str(&cells.map(|it| csv_cell(&it)).join(","));
        text.push_str("\r\n");
    }
    let name = format!(
        "hallpass-people-{}.csv",
        report.as_of.strftime("%Y%m%dT%H%M%SZ")
    );
    Ok(attachment(
        "text/csv; charset=utf-8; header=present",
        &name,
        text,
    ))
}

async fn evidence(State(app): State<App>, viewer: Viewer) -> Result<Response, ProblemResponse> {
    if !may_see(&viewer.actor) {
        return Ok(forbidden::page_for(&app, &viewer, WHO).await);
    }
    let found = match &app.pci {
        Some(store) => store.pci_evidence().await,
        None => Ok(None),
    };
    let found = found.map_err(|fault| ProblemResponse::unavailable(&fault))?;
    let text = found.ok_or_else(no_report)?;
    let name = "hallpass-people-evidence.json".to_owned();
    Ok(attachment("application/json", &name, text))
}
