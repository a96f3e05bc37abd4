//! Twelve weeks in figures: requests, time to approval, access and delays of ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::{Extension, extract::State};
use hallpass_access::{
    Actor, Approval, EndCause, Grant, GrantFilter, GrantState, ListingConditions, Request,
    RequestFilter, RequestState, RequestView, Sweep,
};
use hallpass_base::{TargetNames, TimeSpan, Timestamp};
use jiff::tz::TimeZone;

use super::GRANTS_MAX;
use crate::last_day::ON_TIME;
use crate::ui::charts::{self, Bar, HEIGHT};
use crate::ui::forbidden;
use crate::ui::people::{count_of, counted};
use crate::ui::shell::{Nav, PageResult, Shell, Viewer, page};
use crate::ui::words::{lasting, plain};
use crate::{App, costly, problem::ProblemResponse};

const WEEKS: usize = 12;
const WEEK: TimeSpan = TimeSpan::hours(7 * 24);
const GOOD_FOR: TimeSpan = TimeSpan::minutes(1);
const SETS: usize = 10;
/// One a day, and some that people began.
const SWEEPS_MAX: u32 = 200;

struct Chart {
    title: &'static str,
    note: String,
    says: String,
    bars: Vec<Bar>,
    limit: Option<String>,
    /// What will appear, while there is nothing.
    awaits: Option<&'static str>,
}

struct WeekRow {
    from: String,
    requests: String,
    approved: String,
    declined: String,
    median: String,
    slow: String,
    granted: String,
    standing: String,
    ends: String,
    delay: String,
    delay_slow: String,
}

struct SetRow {
    name: String,
    grants: String,
    people: String,
}

#[derive(Template)]
#[template(path = "trends.html")]
struct TrendsPage {
    shell: Shell,
    charts: Vec<Chart>,
    weeks: Vec<WeekRow>,
    sets: Vec<SetRow>,
    is_cut: bool,
    most: String,
}

/// Counts of seven days, the last of which ends now.
#[derive(Clone, Debug, Default)]
struct Week {
    requests: usize,
    approved: usize,
    /// Denied, discarded, expired or rejected.
    declined: usize,
    /// Of approvals by a person, ascending.
    to_approval: Vec<TimeSpan>,
    granted: usize,
    /// By the last sweep of the week.
    standing: Option<u64>,
    /// Seconds from the planned end to its confirmation, ascending.
    delays: Vec<f64>,
}

#[derive(Debug, Default)]
struct Trends {
    /// The oldest first.
    weeks: Vec<Week>,
    /// People with grants of a permission set or group, and the number of grants.
    sets: BTreeMap<String, (usize, BTreeSet<String>)>,
}

impl Trends {
    fn of(requests: &[Request], grants: &[Grant], sweeps: &[Sweep], now: Timestamp) -> Self {
        let mut found = Self {
            weeks: vec![Week::default(); WEEKS],
            ..Self::default()
        };
        for request in requests {
            found.request(request, now);
        }
        for grant in grants {
            found.grant(grant, now);
        }
        // the newest first
        for sweep in sweeps {
            if let Some(report) = &sweep.report
                && let Some(week) = found.week(report.ended, now)
            {
                let seen = report.accepted + report.preexisting + report.unknown;
                let seen = seen + report.reviews_overdue + report.group_assignments;
                week.standing.get_or_insert(seen);
            }
        }
        for week in &mut found.weeks {
            week.to_approval.sort_unstable();
            week.delays.sort_by(f64::total_cmp);
        }
        found
    }

    fn week(&mut self, at: Timestamp, now: Timestamp) -> Option<&mut Week> {
        let age = TimeSpan::between(at, now).as_seconds() / WEEK.as_seconds();
        let place = (WEEKS - 1).checked_sub(usize::try_from(age).ok()?)?;
        self.weeks.get_mut(place)
    }

    fn request(&mut self, request: &Request, now: Timestamp) {
        let Some(week) = self.week(request.asked_at, now) else {
            return;
        };
        week.requests += 1;
        match &request.state {
            RequestState::Pending => {}
            RequestState::Approved { at, approval, .. } => {
                week.approved += 1;
                if *approval == Approval::Peer {
                    week.to_approval
                        .push(TimeSpan::between(request.asked_at, *at));
                }
            }
            RequestState::Denied { .. }
            | RequestState::Discarded { .. }
            | RequestState::Expired { .. }
            | RequestState::Rejected { .. } => week.declined += 1,
        }
    }

    fn grant(&mut self, grant: &Grant, now: Timestamp) {
        if let Some(week) = self.week(grant.scheduled_at, now) {
            week.granted += 1;
            let name = match &grant.names {
                TargetNames::Account { permission_set, .. } => plain(permission_set),
                TargetNames::Group { group } => format!("Group {}", plain(group)),
            };
            let (count, people) = self.sets.entry(name).or_default();
            *count += 1;
            people.insert(grant.key.user.to_string());
        }
        if let GrantState::Ended {
            cause: EndCause::Expired,
            at,
            ..
        } = grant.state
            && let Some(week) = self.week(at, now)
        {
            let delay = at.duration_since(grant.ends_at).as_secs_f64();
            week.delays.push(delay.max(0.0));
        }
    }

    fn all<T: Clone>(&self, of: impl Fn(&Week) -> &[T]) -> Vec<T> {
        self.weeks
            .iter()
            .flat_map(|week| of(week).to_vec())
            .collect()
    }

    fn charts(&self) -> Vec<Chart> {
        let bars = |value: &dyn Fn(&Week) -> f64, least: f64, hot: f64| {
            charts::bars(&self.weeks, value, least, hot)
        };
        let requests: usize = self.weeks.iter().map(|week| week.requests).sum();
        let approved: usize = self.weeks.iter().map(|week| week.approved).sum();
        let mut waits = self.all(|week| &week.to_approval);
        waits.sort_unstable();
        let mut delays = self.all(|week| &week.delays);
        delays.sort_by(f64::total_cmp);
        let lasts = |part| {
            share(&waits, part)
                .copied()
                .map_or_else(String::new, lasting)
        };
        let late = |part| {
            share(&delays, part)
                .copied()
                .map_or_else(String::new, charts::seconds)
        };
        let standing = self.weeks.iter().rev().find_map(|week| week.standing);
        let delay = |week: &Week| share(&week.delays, 99).copied().unwrap_or_default();
        let top = self.weeks.iter().map(delay).fold(ON_TIME, f64::max);
        vec![
            Chart {
                title: "Requests a week",
                note: format!("{} in all, {} approved", number(requests), number(approved)),
                says: format!("{requests} requests in twelve weeks, {approved} approved"),
                bars: bars(&|week| real(week.requests as u64), 1.0, f64::INFINITY),
                limit: None,
                awaits: (requests == 0).then_some("Requests of a week appear here."),
            },
            Chart {
                title: "Time to approval",
                note: format!("median {}, p90 {}", lasts(50), lasts(90)),
                says: format!("Median {}, 90th percentile {}", lasts(50), lasts(90)),
                bars: bars(
                    &|week| share(&week.to_approval, 50).map_or(0.0, |it| real(it.as_seconds())),
                    1.0,
                    f64::INFINITY,
                ),
                limit: None,
                awaits: waits
                    .is_empty()
                    .then_some("The median of each week appears here after a person approves."),
            },
            Chart {
                title: "Standing access",
                note: standing.map_or_else(String::new, |it| format!("{} now", counted(it))),
                says: standing.map_or_else(String::new, |it| format!("{it} rows now")),
                bars: bars(&|week| week.standing.map_or(0.0, real), 1.0, f64::INFINITY),
                limit: None,
                awaits: standing
                    .is_none()
                    .then_some("What the last sweep of each week found appears here."),
            },
            Chart {
                title: "Delay of ends",
                note: format!("p50 {}, p99 {}; line at 5s", late(50), late(99)),
                says: format!("50th percentile {}, 99th {}", late(50), late(99)),
                bars: bars(&delay, ON_TIME, ON_TIME),
                limit: Some(format!("{:.1}", HEIGHT - ON_TIME / top * (HEIGHT - 2.0))),
                awaits: delays
                    .is_empty()
                    .then_some("The p99 of each week appears here after access expires."),
            },
        ]
    }

    fn rows(&self, now: Timestamp, zone: &TimeZone) -> Vec<WeekRow> {
        let row = |(place, week): (usize, &Week)| {
            let back = WEEK.as_seconds() * (WEEKS - place) as u64;
            let from = TimeSpan::seconds(back).before(now).to_zoned(zone.clone());
            let waits = |part| {
                share(&week.to_approval, part)
                    .copied()
                    .map_or_else(none, lasting)
            };
            let late = |part| {
                share(&week.delays, part)
                    .copied()
                    .map_or_else(none, charts::seconds)
            };
            WeekRow {
                from: from.strftime("%-d %b").to_string(),
                requests: number(week.requests),
                approved: number(week.approved),
                declined: number(week.declined),
                median: waits(50),
                slow: waits(90),
                granted: number(week.granted),
                standing: week.standing.map_or_else(none, counted),
                ends: number(week.delays.len()),
                delay: late(50),
                delay_slow: late(99),
            }
        };
        // the newest first
        self.weeks.iter().enumerate().rev().map(row).collect()
    }

    fn sets(&self) -> Vec<SetRow> {
        let mut sets: Vec<_> = self.sets.iter().collect();
        sets.sort_by_key(|(name, (grants, _))| (std::cmp::Reverse(*grants), *name));
        let row = |(name, (grants, people)): (&String, &(usize, BTreeSet<String>))| SetRow {
            name: name.clone(),
            grants: number(*grants),
            people: count_of(people.len(), "person", "people"),
        };
        sets.into_iter().take(SETS).map(row).collect()
    }
}

fn none() -> String {
    "–".to_owned()
}

fn number(count: usize) -> String {
    counted(count as u64)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and seconds, far below 2^52"
)]
const fn real(count: u64) -> f64 {
    count as f64
}

/// The nearest-rank percentile of ascending values.
fn share<T>(ascending: &[T], part: usize) -> Option<&T> {
    let last = ascending.len().checked_sub(1)?;
    ascending.get((last * part).div_ceil(100))
}

async fn requests(
    app: &App,
    actor: &Actor,
    only: &ListingConditions,
) -> Result<(Vec<Request>, bool), ProblemResponse> {
    let mut filter = RequestFilter {
        only: only.clone(),
        ..RequestFilter::default()
    };
    let mut rows = Vec::new();
    loop {
        let left = GRANTS_MAX.saturating_sub(rows.len());
        let found = app
            .access
            .requests(actor, RequestView::All, &filter, left)
            .await?;
        rows.extend(found.rows);
        filter.before = found.next;
        if filter.before.is_none() || rows.len() >= GRANTS_MAX {
            return Ok((rows, filter.before.is_some()));
        }
    }
}

async fn grants(
    app: &App,
    actor: &Actor,
    only: &ListingConditions,
) -> Result<(Vec<Grant>, bool), ProblemResponse> {
    let mut filter = GrantFilter {
        only: only.clone(),
        ..GrantFilter::default()
    };
    let mut rows = Vec::new();
    loop {
        let left = GRANTS_MAX.saturating_sub(rows.len());
        let found = app.access.grants(actor, &filter, left).await?;
        rows.extend(found.rows);
        filter.before = found.next;
        if filter.before.is_none() || rows.len() >= GRANTS_MAX {
            return Ok((rows, filter.before.is_some()));
        }
    }
}

/// The last figures: the same for all who read everything. Reading them takes hundreds of
/// milliseconds in a large organization.
pub(super) type KeptTrends = Arc<tokio::sync::Mutex<Option<Arc<Figures>>>>;

pub(super) struct Figures {
    trends: Trends,
    is_cut: bool,
    read_at: Timestamp,
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(kept): Extension<KeptTrends>,
    viewer: Viewer,
) -> PageResult {
    if !viewer.actor.reads_all() {
        return Ok(forbidden::page_for(&app, &viewer, "auditors").await);
    }
    let figures = figures(&app, &viewer.actor, &kept).await?;
    let trends = &figures.trends;
    Ok(page(&TrendsPage {
        shell: viewer.shell(&app, Nav::Reports, "Trends").await,
        charts: trends.charts(),
        weeks: trends.rows(figures.read_at, &viewer.zone),
        sets: trends.sets(),
        is_cut: figures.is_cut,
        most: counted(GRANTS_MAX as u64),
    }))
}

async fn figures(
    app: &App,
    actor: &Actor,
    kept: &KeptTrends,
) -> Result<Arc<Figures>, ProblemResponse> {
    let now = app.clock.now();
    // held while reading: concurrent callers share it
    let mut kept = kept.lock().await;
    if let Some(known) = kept.as_ref()
        && GOOD_FOR.covers(known.read_at, now)
    {
        return Ok(Arc::clone(known));
    }
    let only = ListingConditions {
        from: Some(TimeSpan::seconds(WEEK.as_seconds() * WEEKS as u64).before(now)),
        ..ListingConditions::default()
    };
    let turn = costly::turn(app, actor).await?;
    let (requests, requests_cut) = requests(app, actor, &only).await?;
    let (grants, grants_cut) = grants(app, actor, &only).await?;
    let sweeps = app.access.sweeps(actor, None, SWEEPS_MAX).await?;
    drop(turn);
    let figures = Arc::new(Figures {
        trends: Trends::of(&requests, &grants, &sweeps, now),
        is_cut: requests_cut || grants_cut,
        read_at: now,
    });
    *kept = Some(Arc::clone(&figures));
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let rows: [(&[u32], usize, Option<u32>); 5] = [
            (&[], 50, None),
            (&[7], 99, Some(7)),
            (&[1, 2, 3], 50, Some(2)),
            (&[1, 2, 3, 4], 50, Some(3)),
            (&[1, 2, 3, 4], 90, Some(4)),
        ];
        for (values, part, expected) in rows {
            assert_eq!(share(values, part).copied(), expected, "{values:?} {part}");
        }
    }

    #[test]
    fn a_week_without_anything_has_no_bars() {
        let trends = Trends::of(&[], &[], &[], Timestamp::UNIX_EPOCH);
        assert_eq!(trends.weeks.len(), WEEKS);
        for chart in trends.charts() {
            assert!(
                chart.bars.is_empty() && chart.awaits.is_some(),
                "{}",
                chart.title
            );
        }
    }

    #[test]
    fn weeks_end_now() {
        let now: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        let mut trends = Trends::of(&[], &[], &[], now);
        for (hours, place) in [
            (0, Some(11)),
            (7 * 24 - 1, Some(11)),
            (7 * 24, Some(10)),
            (12 * 7 * 24 - 1, Some(0)),
            (12 * 7 * 24, None),
        ] {
            let week = trends.week(TimeSpan::hours(hours).before(now), now);
            let found = week.is_some_and(|week| {
                week.requests += 1;
                true
            });
            assert_eq!(found, place.is_some(), "{hours}");
            if let Some(place) = place {
                assert!(trends.weeks[place].requests > 0, "{hours}");
                trends.weeks[place].requests = 0;
            }
        }
    }
}
