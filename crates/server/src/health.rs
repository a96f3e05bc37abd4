use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::Arc;
use std::time::Duration;

use axum::{
    Extension, Json, Router,
    extract::{MatchedPath, Query, Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use hallpass_access::ArmedEndCounts;
use hallpass_api::{Health, HealthStatus, Part};
use hallpass_assignments::{OperationKind, Pace};
use hallpass_base::TimeSpan;
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use crate::{App, Bearing};

/// A grant this far past its end is overdue (`access.md` §6).
const OVERDUE_AFTER: TimeSpan = TimeSpan::minutes(5);

/// Cache time: anonymous polling must not load the store.
const READ_EVERY: Duration = Duration::from_millis(250);

/// Timeout for the store's numbers in process metrics: shorter than a scraper's.
const NUMBERS_WITHIN: Duration = Duration::from_secs(2);

struct Lately<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Lately<T> {
    async fn or(&self, read: impl Future<Output = T>) -> T {
        // held while reading: concurrent callers share the answer
        let mut lately = self.0.lock().await;
        let fresh = lately.as_ref().filter(|(at, _)| at.elapsed() < READ_EVERY);
        if let Some((_, answer)) = fresh {
            return answer.clone();
        }
        let answer = read.await;
        *lately = Some((Instant::now(), answer.clone()));
        answer
    }
}

type Readiness = Arc<Lately<Vec<(Bearing, Part)>>>;
type Numbers = Arc<Lately<String>>;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .layer(Extension(Readiness::default()))
        .layer(Extension(Numbers::default()))
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Asker {
    #[default]
    Monitoring,
    /// A load balancer. Failures common to all nodes are ignored, because it would find no node.
    Balancer,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReadinessQuery {
    r#for: Asker,
}

async fn ready(
    State(app): State<App>,
    Extension(lately): Extension<Readiness>,
    Query(query): Query<ReadinessQuery>,
) -> Response {
    let parts = lately.or(parts(&app)).await;
    let (status, health) = readiness(parts, query.r#for);
    (status, Json(health)).into_response()
}

async fn parts(app: &App) -> Vec<(Bearing, Part)> {
    let mut parts = Vec::new();
    for probe in app.probes.iter() {
        let result = probe.probe().await;
        let (ok, detail) = match result.works {
            Ok(detail) => (true, detail),
            Err(detail) => (false, detail),
        };
        let name = result.name.to_owned();
        parts.push((probe.bearing(), Part { name, ok, detail }));
    }
    parts.sort_by_key(|(_, part)| part.ok);
    parts
}

fn readiness(parts: Vec<(Bearing, Part)>, asker: Asker) -> (StatusCode, Health) {
    let all = parts.iter().all(|(bearing, part)| {
        part.ok
            || match bearing {
                Bearing::Readiness => false,
                Bearing::Everywhere => matches!(asker, Asker::Balancer),
                Bearing::Advice => true,
            }
    });
    let parts = parts.into_iter().map(|(_, part)| part).collect();
    let (code, status) = if all {
        (StatusCode::OK, HealthStatus::Ready)
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, HealthStatus::NotReady)
    };
    (code, Health { status, parts })
}

async fn metrics(State(app): State<App>, Extension(lately): Extension<Numbers>) -> Response {
    let mut text = (app.metrics)();
    text.push_str(&app.connections.figures().render());
    // without the store, returns at least the process metrics
    let numbers = tokio::time::timeout(NUMBERS_WITHIN, lately.or(numbers(&app))).await;
    if let Ok(numbers) = numbers {
        text.push_str(&numbers);
    } else {
        tracing::warn!("the store's numbers could not be read in time");
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn line(app: &App) -> String {
    let waiting = match app.access.waiting().await {
        Ok(waiting) => waiting,
        Err(error) => {
            tracing::warn!(error = %error, "the line could not be read");
            return String::new();
        }
    };
    let mut text = "# HELP hallpass_queue Operations of AWS that wait for their turn, by class.\n\
                    # TYPE hallpass_queue gauge\n"
        .to_owned();
    for (class, count) in [
        ("at_once", waiting.at_once),
        ("ends", waiting.ends),
        ("grants", waiting.grants),
    ] {
        let _ = writeln!(text, "hallpass_queue{{class=\"{class}\"}} {count}");
    }
    let oldest = waiting
        .oldest_end
        .map_or(0, |at| TimeSpan::between(at, app.clock.now()).as_seconds());
    let _ = write!(
        text,
        "# HELP hallpass_queue_oldest_end_seconds How long the first removal in line has been due.\n\
         # TYPE hallpass_queue_oldest_end_seconds gauge\n\
         hallpass_queue_oldest_end_seconds {oldest}\n"
    );
    text.push_str(&pace(&app.access.pace()));
    text
}

fn pace(pace: &Pace) -> String {
    let mut text = "# HELP hallpass_operation_expected_seconds How long an operation of AWS is expected to take, \
                    learned from those that ended.\n\
                    # TYPE hallpass_operation_expected_seconds gauge\n"
        .to_owned();
    let kinds = [
        ("create", "grant", OperationKind::Create),
        ("delete", "end", OperationKind::Delete),
    ];
    for (operation, _, kind) in kinds {
        let seconds = pace.expected(kind).as_secs_f64();
        let _ = writeln!(
            text,
            "hallpass_operation_expected_seconds{{operation=\"{operation}\"}} {seconds:.3}"
        );
    }
    text.push_str(
        "# HELP hallpass_effort_calls_total Calls to AWS made for grants and for ends.\n\
         # TYPE hallpass_effort_calls_total counter\n",
    );
    for (_, goal, kind) in kinds {
        let calls = pace.effort(kind).calls;
        let _ = writeln!(
            text,
            "hallpass_effort_calls_total{{goal=\"{goal}\"}} {calls}"
        );
    }
    text.push_str(
        "# HELP hallpass_effort_done_total Grants that came to be there, and ends that were seen.\n\
         # TYPE hallpass_effort_done_total counter\n",
    );
    for (_, goal, kind) in kinds {
        let done = pace.effort(kind).done;
        let _ = writeln!(text, "hallpass_effort_done_total{{goal=\"{goal}\"}} {done}");
    }
    text
}

async fn numbers(app: &App) -> String {
    let mut text = line(app).await;
    match app.access.counts(OVERDUE_AFTER).await {
        Ok(counts) => {
            let mut gauge = |name: &str, help: &str, rows: Vec<(String, u64)>| {
                let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
                for (labels, value) in rows {
                    let _ = writeln!(text, "{name}{labels} {value}");
                }
            };
            gauge(
                "hallpass_requests",
                "Requests by state.",
                by_state(&counts.requests),
            );
            gauge(
                "hallpass_grants",
                "Grants by state.",
                by_state(&counts.grants),
            );
            let one = |value| vec![(String::new(), value)];
            gauge(
                "hallpass_access_overdue",
                "Grants over five minutes past their end.",
                one(counts.overdue),
            );
            gauge(
                "hallpass_access_stuck",
                "Grants whose removal AWS refuses for good.",
                one(counts.stuck),
            );
            gauge(
                "hallpass_assignments_unsettled",
                "Assignments being made or removed, or waiting for it.",
                one(counts.unsettled),
            );
            gauge(
                "hallpass_armed_ends",
                "Ends that AWS is to enforce, with sessions that are not over.",
                armed_ends(counts.armed_ends),
            );
            gauge(
                "hallpass_notices_waiting",
                "Notices not delivered yet, by channel.",
                counts
                    .notices
                    .into_iter()
                    .map(|(channel, n)| (format!("{{channel=\"{channel}\"}}"), n))
                    .collect(),
            );
        }
        Err(error) => tracing::warn!(error = %error, "the store's numbers could not be read"),
    }
    text
}

fn armed_ends(counts: ArmedEndCounts) -> Vec<(String, u64)> {
    let rows = [
        ("waiting", counts.waiting),
        ("armed", counts.armed),
        ("not_armed", counts.not_armed),
        ("not_moved", counts.not_moved),
        ("never_armed", counts.never_armed),
    ];
    let labelled = |(state, count)| (format!("{{state=\"{state}\"}}"), count);
    rows.into_iter().map(labelled).collect()
}

/// Logs server errors by route, because paths contain ids. Skips "not ready", which anonymous
/// clients could cause endlessly.
pub(crate) async fn count(State(_): State<App>, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    let response = next.run(request).await;
    if response.status().is_server_error() && route != "/readyz" {
        tracing::warn!(%method, route, status = response.status().as_u16(), "a call failed on our side");
    }
    response
}

fn by_state<S: Display>(counts: &BTreeMap<S, u64>) -> Vec<(String, u64)> {
    let row = |(state, n): (&S, &u64)| (format!("{{state=\"{state}\"}}"), *n);
    counts.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_balancer_keeps_nodes_that_are_not_worse_than_others() {
        let asked = |text: &str| serde_json::from_str::<ReadinessQuery>(text).unwrap().r#for;
        let (monitoring, balancer) = (asked("{}"), asked(r#"{"for": "balancer"}"#));
        for (bearing, for_monitoring, for_balancer) in [
            (Bearing::Readiness, false, false),
            (Bearing::Everywhere, false, true),
            (Bearing::Advice, true, true),
        ] {
            for (asker, expected) in [(monitoring, for_monitoring), (balancer, for_balancer)] {
                let (_, working) = answered(asker, vec![(bearing, true)]);
                assert!(working, "{bearing:?}");
                let (parts, is_ready) = answered(asker, vec![(bearing, false), (bearing, true)]);
                assert_eq!((parts, is_ready), (2, expected), "{bearing:?} {asker:?}");
            }
        }
    }

    fn answered(asker: Asker, parts: Vec<(Bearing, bool)>) -> (usize, bool) {
        let part = |(bearing, ok)| {
            let (name, detail) = ("part".to_owned(), "words".to_owned());
            (bearing, Part { name, ok, detail })
        };
        let (status, health) = readiness(parts.into_iter().map(part).collect(), asker);
        assert_eq!(status.is_success(), health.status == HealthStatus::Ready);
        (health.parts.len(), status.is_success())
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_read_once() {
        let (lately, reads) = (Arc::new(Lately::default()), Arc::new(AtomicU32::new(0)));
        let ask = async || {
            let asking = (0..50).map(|_| {
                let (lately, reads) = (Arc::clone(&lately), Arc::clone(&reads));
                tokio::spawn(async move {
                    let read = async {
                        tokio::time::sleep(Duration::from_millis(40)).await;
                        reads.fetch_add(1, Ordering::SeqCst) + 1
                    };
                    lately.or(read).await
                })
            });
            for answer in futures_util::future::join_all(asking).await {
                assert_eq!(answer.unwrap(), reads.load(Ordering::SeqCst));
            }
        };
        ask().await;
        assert_eq!(reads.load(Ordering::SeqCst), 1);
        tokio::time::advance(READ_EVERY).await;
        ask().await;
        assert_eq!(reads.load(Ordering::SeqCst), 2);
    }
}
