use std::fmt::Write as _;

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use hallpass_access::{Counts, Ends, GrantStateKind, Late, Role};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_channels::wording::{PlainStyle, grants};

use super::charts::{self, Bar, HEIGHT};
use super::forbidden;
use super::health_parts::{HealthPart, parts, total};
use super::locks;
use super::people::{self, count_of, counted};
use super::shell::{Nav, Shell, Viewer, page};
use super::words::{Badge, STUCK, badge, clock, lasting, plain, sentence, zone_name};
use crate::last_day::{self, Hour, LastDay, ON_TIME};
use crate::{App, problem::ProblemResponse};

const NAMED: usize = 20;
const ATTENTION_NAMED: usize = 3;
/// An end in progress is not late before this.
const GRACE: TimeSpan = TimeSpan::minutes(1);
/// Limit of late grants read; the exact number beyond it does not matter.
const LATE_MAX: u32 = 1_000;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/health", get(show))
}

struct LateRow {
    target: String,
    who: String,
    request: String,
    since: String,
    late: String,
    answer: String,
    badge: Badge,
}

struct Tile {
    name: &'static str,
    value: String,
    words: String,
    is_bad: bool,
}

fn tile(name: &'static str, value: String, words: String, is_bad: bool) -> Tile {
    Tile {
        name,
        value,
        words,
        is_bad,
    }
}

struct Chart {
    title: &'static str,
    note: String,
    says: String,
    bars: Vec<Bar>,
    limit: Option<String>,
    from: String,
    peak: String,
}

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    shell: Shell,
    has_setup: bool,
    checked: String,
    is_good: bool,
    is_bad: bool,
    title: String,
    words: String,
    late: Vec<LateRow>,
    more_late: usize,
    tiles: Vec<Tile>,
    charts: Vec<Chart>,
    parts: Vec<HealthPart>,
}

async fn show(State(app): State<App>, viewer: Viewer) -> Result<Response, ProblemResponse> {
    if !viewer.actor.is(Role::Operator) && !viewer.actor.is(Role::Admin) {
        return Ok(forbidden::page_for(&app, &viewer, "operators").await);
    }
    let now = app.clock.now();
    let late = app.access.late(&viewer.actor, LATE_MAX).await;
    let counts = app.access.counts(TimeSpan::minutes(5)).await;
    let recent = last_day::read(&app).await;
    let mut parts = parts(&app, counts.as_ref().ok()).await;
    parts.extend(locks::part(&app, &viewer).await);
    parts.sort_by_key(|part| part.rank);
    let shell = viewer.shell(&app, Nav::Health, "Health").await;
    let recent = recent.ok();
    let (is_unknown, late) = match late {
        Ok(late) => (false, late),
        Err(error) => {
            tracing::error!(error = %error, "late grants could not be read for a page");
            (true, Vec::new())
        }
    };
    let going = |late: &&Late| {
        late.grant.stuck.is_none() && TimeSpan::between(late.grant.due_to_end(), now) < GRACE
    };
    let ending = late.iter().filter(going).count();
    let overdue: Vec<&Late> = late.iter().filter(|late| !going(late)).collect();
    let view = HealthView {
        app: &app,
        viewer: &viewer,
        now,
    };
    let tiles = view.tiles(counts.as_ref().ok(), recent.as_deref()).await;
    let attention = attention(&tiles, &parts);
    let is_on_time = overdue.is_empty() && !is_unknown;
    Ok(page(&HealthPage {
        shell,
        has_setup: viewer.actor.is(Role::Admin) && !app.setup.is_empty(),
        checked: format!(
            "{} {}",
            clock(now, now, &viewer.zone),
            zone_name(now, &viewer.zone)
        ),
        is_good: is_on_time && attention.is_empty(),
        is_bad: !overdue.is_empty(),
        title: if is_unknown {
            "Whether every end is on time is not known right now".to_owned()
        } else {
            title(overdue.len(), ending, &attention)
        },
        words: words(ending, recent.as_deref()),
        late: overdue
            .iter()
            .take(NAMED)
            .map(|late| view.late(late))
            .collect(),
        more_late: overdue.len().saturating_sub(NAMED),
        tiles,
        charts: recent
            .as_deref()
            .map(|recent| view.charts(recent))
            .unwrap_or_default(),
        parts,
    }))
}

/// Names the figures and parts that the page shows in red.
fn attention(tiles: &[Tile], parts: &[HealthPart]) -> Vec<String> {
    let tiles = tiles.iter().filter(|tile| tile.is_bad);
    let parts = parts.iter().filter(|part| part.badge.look == "failed");
    let parts = parts.map(|part| part.name.clone());
    tiles
        .map(|tile| tile.name.to_owned())
        .chain(parts)
        .collect()
}

fn title(overdue: usize, ending: usize, attention: &[String]) -> String {
    match overdue {
        0 if !attention.is_empty() => {
            let named = attention.iter().take(ATTENTION_NAMED);
            let named = named.map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = match attention.len().saturating_sub(ATTENTION_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("No grant is past its end. Look at: {named}{more}")
        }
        0 if ending > 0 => "Every end is on time".to_owned(),
        0 => "Every grant that should have ended has ended".to_owned(),
        1 => "1 grant is past its end".to_owned(),
        more => format!("{} grants are past their end", counted(more as u64)),
    }
}

fn words(ending: usize, recent: Option<&LastDay>) -> String {
    let mut words = match ending {
        0 => String::new(),
        some => format!("{} right now. ", count_of(some, "is ending", "are ending")),
    };
    let Some(recent) = recent else {
        words.push_str("The log could not be read, so how fast ends were is not known.");
        return words;
    };
    match (recent.within(50), recent.lags.last()) {
        (Some(half), Some(slowest)) => {
            let _ = write!(
                words,
                "{} in 24 hours; the slowest took {}, half took under {}.",
                count_of(recent.lags.len(), "end", "ends"),
                charts::seconds(*slowest),
                charts::seconds(half.max(0.1))
            );
        }
        _ => words += "No end in the last 24 hours.",
    }
    words
}

struct HealthView<'a> {
    app: &'a App,
    viewer: &'a Viewer,
    now: Timestamp,
}

impl HealthView<'_> {
    fn clock(&self, at: Timestamp) -> String {
        clock(at, self.now, &self.viewer.zone)
    }

    fn late(&self, late: &Late) -> LateRow {
        let grant = &late.grant;
        let due = grant.due_to_end();
        LateRow {
            target: people::target(&self.app.access.directory(), grant),
            who: plain(&grant.holder.name),
            request: grant.request.to_string(),
            since: self.clock(due),
            late: format!("Late by {}", lasting(TimeSpan::between(due, self.now))),
            answer: match (&late.answer, &grant.stuck) {
                (Some(answer), Some(_)) => grants::not_deleted(answer, &PlainStyle),
                (Some(answer), None) => format!(
                    "AWS answered: {} Tried again every minute or sooner.",
                    sentence(&plain(answer))
                ),
                (None, _) => "AWS has not answered yet; it is tried again.".to_owned(),
            },
            badge: match grant.stuck {
                Some(_) => STUCK,
                None => badge("Late", "ending"),
            },
        }
    }

    async fn tiles(&self, counts: Option<&Counts>, recent: Option<&LastDay>) -> Vec<Tile> {
        let unknown = || "–".to_owned();
        let of = |state| counts.and_then(|counts| counts.grants.get(&state)).copied();
        let live = counts.map(|_| {
            GrantStateKind::HOLDING
                .into_iter()
                .filter_map(of)
                .sum::<u64>()
        });
        let soon = self.ends_soon().await;
        let lag = recent.and_then(|recent| recent.within(99));
        let mut tiles = vec![
            tile(
                "Live grants",
                live.map_or_else(unknown, counted),
                of(GrantStateKind::Ending)
                    .filter(|n| *n > 0)
                    .map_or_else(String::new, |n| format!("{} ending", counted(n))),
                false,
            ),
            tile(
                "End within an hour",
                soon.map_or_else(unknown, |ends| counted(ends.soon)),
                soon.and_then(|ends| ends.next).map_or_else(
                    || "no end ahead".to_owned(),
                    |next| format!("next end {}", self.clock(next)),
                ),
                false,
            ),
            tile(
                "p99 end delay",
                lag.map_or_else(unknown, charts::seconds),
                recent.and_then(|recent| recent.within(50)).map_or_else(
                    || "no ends in 24h".to_owned(),
                    |half| {
                        format!(
                            "half under {}; limit {ON_TIME}s",
                            charts::seconds(half.max(0.1))
                        )
                    },
                ),
                lag.is_some_and(|lag| lag > ON_TIME),
            ),
        ];
        tiles.extend(self.of_the_machine(counts));
        tiles
    }

    fn of_the_machine(&self, counts: Option<&Counts>) -> Vec<Tile> {
        let unknown = || "–".to_owned();
        let metrics = (self.app.metrics)();
        let calls = total(&metrics, "hallpass_aws_calls_total");
        let throttles = total(&metrics, "hallpass_aws_throttles_total");
        let age = total(&metrics, "hallpass_reconciler_age_seconds");
        vec![
            tile(
                "Executor: last run",
                age.map_or_else(unknown, |age| {
                    if age < 1.0 {
                        "just now".to_owned()
                    } else {
                        format!("{age:.0}s ago")
                    }
                }),
                "adds and removes assignments".to_owned(),
                age.is_some_and(|age| age > 120.0),
            ),
            tile(
                "In progress",
                counts.map_or_else(unknown, |counts| counted(counts.unsettled)),
                "assignments being made or removed".to_owned(),
                false,
            ),
            tile(
                "Messages waiting",
                counts.map_or_else(unknown, |counts| counted(counts.notices.values().sum())),
                "notifications queued".to_owned(),
                false,
            ),
            tile(
                "AWS calls",
                calls.map_or_else(unknown, whole),
                "since the server began".to_owned(),
                false,
            ),
            tile(
                "Throttled",
                throttles.map_or_else(|| "0".to_owned(), whole),
                "all tried again".to_owned(),
                false,
            ),
        ]
    }

    async fn ends_soon(&self) -> Option<Ends> {
        let ends = self.app.access.ends(&self.viewer.actor, TimeSpan::hours(1));
        ends.await.ok()
    }

    fn charts(&self, recent: &LastDay) -> Vec<Chart> {
        let from = self.clock(TimeSpan::hours(23).before(self.now));
        let top = recent
            .hours
            .iter()
            .map(|hour| hour.slowest)
            .fold(ON_TIME, f64::max);
        let slowest = recent.lags.last().copied();
        let granted: u32 = recent.hours.iter().map(|hour| hour.granted).sum();
        let most = recent
            .hours
            .iter()
            .map(|hour| hour.granted)
            .max()
            .unwrap_or(0);
        vec![
            Chart {
                title: "End lag, last 24h",
                note: "slowest per hour; line at 5s".to_owned(),
                says: slowest.map_or_else(
                    || "No end in the last 24 hours".to_owned(),
                    |slowest| {
                        format!(
                            "Slowest end per hour; the slowest of all took {}",
                            charts::seconds(slowest)
                        )
                    },
                ),
                bars: charts::bars(&recent.hours, |hour| hour.slowest, ON_TIME, ON_TIME),
                limit: Some(format!("{:.1}", HEIGHT - ON_TIME / top * (HEIGHT - 2.0))),
                from: from.clone(),
                peak: slowest.map_or_else(
                    || "no ends".to_owned(),
                    |slowest| format!("slowest {}", charts::seconds(slowest)),
                ),
            },
            Chart {
                title: "Grants, last 24h",
                note: "made per hour".to_owned(),
                says: format!("{granted} grants made in 24 hours, at most {most} in one hour"),
                bars: charts::bars(
                    &recent.hours,
                    |hour: &Hour| f64::from(hour.granted),
                    1.0,
                    f64::INFINITY,
                ),
                limit: None,
                from,
                peak: format!(
                    "{} in all, {} ended",
                    counted(u64::from(granted)),
                    counted(recent.hours.iter().map(|hour| u64::from(hour.ended)).sum())
                ),
            },
        ]
    }
}

fn whole(number: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a counter, far below 2^52"
    )]
    let number = number.max(0.0) as u64;
    counted(number)
}
