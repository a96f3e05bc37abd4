use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::{get, post},
};
use hallpass_access::Directory;
use hallpass_audit::Record;
use hallpass_base::{TimeSpan, Timestamp};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use super::audit_find::{Filter, RecordsPage, Search};
use super::audit_words::{self, GROUPS};
use super::people::counted;
use super::presenter::in_utc;
use super::shell::{Nav, PageResult, Posted, Shell, Viewer, page, see_other};
use super::words::{clock, plain, zone_name};
use super::{audit_export, forbidden};
use crate::{App, api::records::may_read, body::RecordNumber, problem::ProblemResponse};

const ROWS: usize = 50;
const OLD_AFTER: TimeSpan = TimeSpan::minutes(10);

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/audit", get(show))
        .route("/audit/export", get(audit_export::export))
        .route("/audit/check", post(check))
}

// no `#[serde(flatten)]`: it breaks numbers in queries
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AuditQuery {
    q: String,
    person: String,
    account: String,
    event: String,
    from: String,
    to: String,
    after: Option<RecordNumber>,
    record: Option<RecordNumber>,
}

struct Chain {
    look: &'static str,
    tone: u8,
    icon: &'static str,
    title: String,
    words: String,
    head: Option<(String, String)>,
    is_broken: bool,
}

struct RecordRow {
    seq: String,
    href: String,
    day: String,
    time: String,
    datetime: String,
    /// UTC time, as in the log and exports.
    utc: String,
    event: String,
    by: String,
    about: String,
    rules: Vec<String>,
    is_open: bool,
    is_same_day: bool,
}

struct Opened {
    seq: String,
    title: String,
    raw: String,
    follows: Option<(String, String, bool)>,
    followed: Option<(String, String, bool)>,
    hash_holds: bool,
    request: Option<String>,
    rules_then: Option<(String, bool)>,
    fields: Vec<RecordField>,
    newer: Option<String>,
    older: Option<String>,
}

struct RecordField {
    name: String,
    value: String,
    /// Today's name of an id.
    known_as: Option<String>,
}

struct EventKind {
    name: &'static str,
    words: &'static str,
    is_on: bool,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    zone: String,
    chain: Option<Chain>,
    filter: Filter,
    kinds: Vec<EventKind>,
    one_event: Option<String>,
    problems: Vec<String>,
    rows: Vec<RecordRow>,
    opened: Option<Opened>,
    is_open_elsewhere: bool,
    not_opened: Option<String>,
    export: String,
    older: Option<String>,
    looked_to: Option<String>,
    newest: Option<String>,
    is_narrowed: bool,
    is_unread: bool,
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Query(coming): Query<AuditQuery>,
) -> PageResult {
    let (after, record) = (
        coming.after.map(RecordNumber::get),
        coming.record.map(RecordNumber::get),
    );
    let filter = Filter {
        q: coming.q,
        person: coming.person,
        account: coming.account,
        event: coming.event,
        from: coming.from,
        to: coming.to,
    };
    let directory = app.access.directory();
    let search = Search::new(&app, &filter, &viewer).await?;
    let found = read(search.backwards(&app, after, ROWS).await);
    let is_unread = found.is_none();
    let found = found.unwrap_or_default();
    let links = Links {
        filter: filter.query(),
        after,
    };
    let opened = match record {
        Some(seq) => open(&app, &viewer, seq, &links, &found.records).await?,
        None => None,
    };
    let kinds = GROUPS
        .iter()
        .map(|group| EventKind {
            name: group.name,
            words: group.words,
            is_on: group.name == filter.event,
        })
        .collect::<Vec<_>>();
    let is_kind = filter.event.is_empty() || kinds.iter().any(|kind| kind.is_on);
    let rows = rows(&directory, &found.records, &links, record, &viewer.zone);
    Ok(page(&AuditPage {
        zone: zone_name(app.clock.now(), &viewer.zone),
        is_open_elsewhere: rows.iter().all(|row| !row.is_open),
        shell: viewer.shell(&app, Nav::Audit, "Audit log").await,
        chain: if viewer.actor.reads_all() {
            Some(chain(&app, &viewer.zone).await)
        } else {
            None
        },
        kinds,
        one_event: (!is_kind).then(|| filter.event.clone()),
        problems: search.problems.clone(),
        rows,
        not_opened: record.filter(|_| opened.is_none()).map(counted),
        opened,
        export: links.filter.clone(),
        older: found.next.map(|next| links.page(Some(next))),
        looked_to: found.looked_to.map(counted),
        newest: after.map(|_| links.page(None)),
        is_narrowed: search.is_narrowed(),
        is_unread,
        filter,
    }))
}

fn read<E: std::fmt::Display>(found: Result<RecordsPage, E>) -> Option<RecordsPage> {
    match found {
        Ok(found) => Some(found),
        Err(fault) => {
            tracing::error!(error = %fault, "the log could not be read for a page");
            None
        }
    }
}

struct Links {
    filter: String,
    after: Option<u64>,
}

impl Links {
    fn with(&self, after: Option<u64>, record: Option<u64>) -> String {
        let mut parts: Vec<String> = Vec::new();
        if !self.filter.is_empty() {
            parts.push(self.filter.clone());
        }
        parts.extend(after.map(|after| format!("after={after}")));
        parts.extend(record.map(|seq| format!("record={seq}")));
        let query = parts.join("&");
        let hash = if record.is_some() { "#r" } else { "" };
        match query.as_str() {
            "" => "/audit".to_owned(),
            query => format!("/audit?{query}{hash}"),
        }
    }

    fn page(&self, after: Option<u64>) -> String {
        self.with(after, None)
    }

    fn record(&self, seq: u64) -> String {
        self.with(self.after, Some(seq))
    }
}

fn rows(
    directory: &Directory,
    records: &[Record],
    links: &Links,
    open: Option<u64>,
    zone: &TimeZone,
) -> Vec<RecordRow> {
    let mut day = String::new();
    let mut rows: Vec<RecordRow> = records
        .iter()
        .map(|record| row(directory, record, links, open, zone))
        .collect();
    for row in &mut rows {
        row.is_same_day = row.day == day;
        day.clone_from(&row.day);
    }
    rows
}

fn row(
    directory: &Directory,
    record: &Record,
    links: &Links,
    open: Option<u64>,
    zone: &TimeZone,
) -> RecordRow {
    let at = record.at();
    let local = at.map(|at| at.to_zoned(zone.clone()));
    let part = |form: &str| {
        let local = local.as_ref();
        local.map_or_else(String::new, |at| at.strftime(form).to_string())
    };
    RecordRow {
        seq: counted(record.seq()),
        href: links.record(record.seq()),
        day: part("%-d %b %Y"),
        time: part("%H:%M:%S"),
        datetime: at.map_or_else(String::new, |at| at.to_string()),
        utc: at.map_or_else(String::new, in_utc),
        event: audit_words::event(record.event()),
        by: audit_words::by(directory, record),
        about: audit_words::about(directory, record),
        rules: audit_words::rules(record),
        is_open: open == Some(record.seq()),
        is_same_day: false,
    }
}

async fn open(
    app: &App,
    viewer: &Viewer,
    seq: u64,
    links: &Links,
    rows: &[Record],
) -> Result<Option<Opened>, ProblemResponse> {
    let from = seq.saturating_sub(1).max(1);
    let near = app
        .audit
        .records_from(from, 3)
        .await
        .map_err(|fault| ProblemResponse::unavailable(&fault))?;
    let at = |seq: u64| near.iter().find(|record| record.seq() == seq);
    let Some(record) = at(seq).filter(|record| may_read(&viewer.actor, record)) else {
        return Ok(None);
    };
    let directory = app.access.directory();
    let reads_all = viewer.actor.reads_all();
    let before = seq.checked_sub(1).and_then(at);
    let neighbour =
        |other: &Record, matches: bool| (counted(other.seq()), links.record(other.seq()), matches);
    let place = rows.iter().position(|row| row.seq() == seq);
    let row_link = |place: Option<usize>| {
        place
            .and_then(|place| rows.get(place))
            .map(|row| links.record(row.seq()))
    };
    let fields = record
        .fields()
        .iter()
        .filter(|(name, value)| !HASHES.contains(&name.as_str()) && says_something(value))
        .map(|(name, value)| RecordField {
            name: name.clone(),
            value: plain(&shown(value)),
            known_as: audit_words::known_as(&directory, name, value),
        })
        .collect();
    let then = record.text("config_hash").map(|hash| {
        let short = hash.get(..10).unwrap_or(hash).to_owned();
        (short, hash == app.access.rules().hash())
    });
    Ok(Some(Opened {
        seq: counted(seq),
        title: audit_words::event(record.event()).to_lowercase(),
        raw: broken_up(record.canonical()),
        // users who read only their own records must not see others
        follows: before
            .filter(|_| reads_all)
            .map(|other| neighbour(other, other.hash() == record.prev_hash())),
        followed: at(seq + 1)
            .filter(|_| reads_all)
            .map(|other| neighbour(other, other.prev_hash() == record.hash())),
        hash_holds: record.hash_holds(),
        request: record.text("access_request_id").map(plain),
        rules_then: then,
        fields,
        newer: row_link(place.and_then(|place| place.checked_sub(1))),
        older: row_link(place.map(|place| place + 1)),
    }))
}

const HASHES: [&str; 3] = ["hash", "prev_hash", "version"];

fn says_something(value: &Value) -> bool {
    match value {
        Value::String(text) => text != hallpass_audit::NOT_APPLICABLE,
        Value::Array(items) => !items.is_empty(),
        Value::Bool(yes) => *yes,
        Value::Null => false,
        Value::Number(_) | Value::Object(_) => true,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Formats the stored bytes with line breaks. They contain no control characters; bidirectional
/// ones are escaped.
fn broken_up(canonical: &str) -> String {
    plain(canonical).replace(",\"", ",\n\"")
}

fn exported_words(newest: u64, exported: u64) -> String {
    match newest.saturating_sub(exported) {
        0 => "all exported".to_owned(),
        waiting if exported > 0 => format!("{} not yet exported", counted(waiting)),
        _ => "nothing exported yet".to_owned(),
    }
}

async fn chain(app: &App, zone: &TimeZone) -> Chain {
    let state = app.status.chain();
    let now = app.clock.now();
    let head = app.audit.head().await.ok().flatten();
    let exported = app.audit.exported().await.unwrap_or(0);
    let clock = |at: Timestamp| format!("{} {}", clock(at, now, zone), zone_name(at, zone));
    let newest = head.as_ref().map_or(0, |head| head.seq);
    let mut chain = Chain {
        look: "",
        tone: 2,
        icon: "check",
        title: "The chain is whole".to_owned(),
        words: String::new(),
        head: head.map(|head| {
            let short = head.hash.get(..12).unwrap_or_default();
            (counted(head.seq), short.to_owned())
        }),
        is_broken: false,
    };
    let export = exported_words(newest, exported);
    if let Some(fault) = &state.fault {
        chain.look = "note-bad";
        chain.tone = 0;
        chain.icon = "alert";
        chain.is_broken = true;
        chain.title = format!(
            "The chain is broken at record {} ({})",
            counted(fault.seq),
            fault.kind
        );
        chain.words = String::from("Records before it are sound. Stop and tell security.");
        return chain;
    }
    let Some(checked) = state.checked_at else {
        chain.tone = 3;
        chain.icon = "clock";
        chain.title = String::from("Not checked yet");
        chain.words = match &state.unread {
            Some((since, _)) => format!("The log cannot be read since {}.", clock(*since)),
            None => "The check runs in the background and takes a moment.".to_owned(),
        };
        return chain;
    };
    let behind = newest.saturating_sub(state.followed.seq());
    if TimeSpan::between(checked, now) > OLD_AFTER || state.unread.is_some() {
        chain.tone = 3;
        chain.icon = "clock";
        chain.title = format!("Not checked since {}", clock(checked));
        chain.words = format!(
            "{} records were whole then; {} came after.",
            counted(state.followed.seq()),
            counted(behind)
        );
        return chain;
    }
    let since = match behind {
        0 => String::new(),
        more => format!(" · {} newer", counted(more)),
    };
    chain.words = format!(
        "{} records checked at {} · none changed, missing or reordered · {export}{since}",
        counted(state.followed.seq()),
        clock(checked)
    );
    chain
}

#[derive(Deserialize)]
struct NoFields {}

async fn check(
    State(app): State<App>,
    Posted { viewer, .. }: Posted<NoFields>,
) -> Result<axum::response::Response, ProblemResponse> {
    if !viewer.actor.reads_all() {
        return Ok(forbidden::page_for(&app, &viewer, "auditors").await);
    }
    tokio::spawn(async move {
        let now = app.clock.now();
        app.status.check_chain(app.audit.as_ref(), now, true).await;
    });
    Ok(see_other("/audit"))
}
