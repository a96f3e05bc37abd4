//! Parts of the server on Health: state, affected functions, remedy.

use std::time::Duration;

use hallpass_access::{Counts, SweepMode};
use hallpass_assignments::queue::QueueLengths;
use hallpass_base::TimeSpan;
use hallpass_channels::wording::health;
use hallpass_channels::wording::time::utc;

use super::health_names::of_part;
use super::people::{count_of, counted};
use super::words::{Badge, badge, lasting, plain, sentence};
use crate::{App, ConnectionFigures, ProbeResult};

const MESSAGES_MANY: u64 = 100;
const LINE_LATE: TimeSpan = TimeSpan::minutes(1);
const SWEEP_LATE: TimeSpan = TimeSpan::minutes(30);
const PROBE_TIME_MAX: Duration = Duration::from_secs(3);

pub(crate) struct HealthPart {
    pub(crate) name: String,
    pub(crate) badge: Badge,
    pub(crate) now: String,
    pub(crate) todo: &'static str,
    pub(crate) rank: u8,
}

const GOOD: Badge = badge("Good", "active");
const BAD: Badge = badge("Failing", "failed");
const WAITS: Badge = badge("Waiting", "pending");

pub(crate) async fn parts(app: &App, counts: Option<&Counts>) -> Vec<HealthPart> {
    let mut parts = Vec::new();
    for probe in app.probes.iter() {
        let result = tokio::time::timeout(PROBE_TIME_MAX, probe.probe()).await;
        parts.push(match result {
            Ok(result) => probed(&result, &probe.named()),
            Err(_) => HealthPart {
                name: "A part".to_owned(),
                badge: BAD,
                now: "It did not answer within 3s.".to_owned(),
                todo: "Look at the server’s log.",
                rank: 0,
            },
        });
    }
    parts.push(line(app).await);
    parts.push(chain(app));
    parts.push(rules(app));
    parts.extend(roles(app));
    parts.push(sweeps(app).await);
    parts.extend(people(app).await);
    for (channel, waiting) in counts.iter().flat_map(|counts| &counts.notices) {
        parts.push(messages(channel, *waiting));
    }
    parts.push(export(app).await);
    parts.extend(heads(app));
    parts.extend(connections(&app.connections.figures()));
    parts
}

async fn people(app: &App) -> Option<HealthPart> {
    let store = app.pci.as_ref()?;
    let name = "Passwords and activity".to_owned();
    let (badge, now, todo, rank) = match store.kept_pci().await {
        Err(fault) => (
            BAD,
            sentence(&plain(&fault.to_string())),
            "Look at the server’s log.",
            0,
        ),
        Ok(kept) => match (kept.failed, kept.report) {
            (Some(failed), _) => {
                let runs = count_of(failed.times as usize, "run", "runs");
                let why = sentence(&plain(&failed.why));
                let words = format!(
                    "{runs} came to nothing since {}: {why} No grant or end waits for them.",
                    utc(failed.since)
                );
                (BAD, words, "Fix it; the next run retries.", 1)
            }
            (None, Some(report)) => {
                let people = count_of(report.people.len(), "person", "people");
                let words = format!("{people} judged at {}.", utc(report.as_of));
                (GOOD, words, "", 3)
            }
            (None, None) => (WAITS, "The first run is under way.".to_owned(), "", 2),
        },
    };
    Some(HealthPart {
        name,
        badge,
        now,
        todo,
        rank,
    })
}

fn connections(figures: &ConnectionFigures) -> Option<HealthPart> {
    figures.is_near_full().then(|| HealthPart {
        name: "Connections".to_owned(),
        badge: Badge {
            word: "Nearly full",
            look: "pending",
        },
        now: format!(
            "{} of {} are open, {} of them event streams. The longest idle give way to newcomers; no \
             grant or end waits for them.",
            counted(figures.open as u64),
            counted(figures.max as u64),
            counted(figures.streams as u64)
        ),
        todo: "See who holds them: runbook too-many-connections.",
        rank: 1,
    })
}

fn messages(channel: &str, waiting: u64) -> HealthPart {
    let many = waiting > MESSAGES_MANY;
    HealthPart {
        name: format!("Messages by {}", plain(channel)),
        badge: if many { WAITS } else { GOOD },
        now: match waiting {
            0 => "None waits.".to_owned(),
            more => format!(
                "{} wait. News may be late; no grant or end is.",
                counted(more)
            ),
        },
        todo: if many {
            "Look at the channel’s errors in the log."
        } else {
            ""
        },
        rank: if many { 1 } else { 3 },
    }
}

fn probed(result: &ProbeResult, named: &[String]) -> HealthPart {
    let (name, affected, todo) = of_part(result.name);
    match &result.works {
        Ok(detail) => HealthPart {
            name: name.to_owned(),
            badge: GOOD,
            now: sentence(&plain(detail)),
            todo: "",
            rank: 3,
        },
        Err(detail) => HealthPart {
            name: name.to_owned(),
            badge: BAD,
            now: [
                sentence(&plain(detail)),
                affected.to_owned(),
                plain(&health::by_name(named)),
            ]
            .join(" ")
            .trim_end()
            .to_owned(),
            todo,
            rank: 0,
        },
    }
}

async fn line(app: &App) -> HealthPart {
    let name = "Line for AWS".to_owned();
    let Ok(waiting) = app.access.waiting().await else {
        return HealthPart {
            name,
            badge: BAD,
            now: "The line could not be read.".to_owned(),
            todo: "Look at the server’s log.",
            rank: 0,
        };
    };
    let bounds = app.access.pace().bounds();
    let rate = total(&(app.metrics)(), "hallpass_aws_calls_per_second");
    let rate = rate.map(|rate| format!(" {rate:.1} calls/s of {:.0}.", bounds.requests_per_second));
    let rate = rate.unwrap_or_default();
    let late = waiting
        .oldest_end
        .map(|at| TimeSpan::between(at, app.clock.now()));
    let is_late = late.is_some_and(|late| late >= LINE_LATE);
    let (words, badge, rank) = match said_of_line(&waiting, late) {
        None => ("No one waits.".to_owned(), GOOD, 3),
        Some(words) if is_late => (words, WAITS, 1),
        Some(words) => (words, GOOD, 3),
    };
    HealthPart {
        name,
        badge,
        now: format!("{words}{rate}"),
        todo: if is_late {
            "AWS’s limits bind: docs/operations/runbooks/aws-throttling.md."
        } else {
            ""
        },
        rank,
    }
}

fn said_of_line(waiting: &QueueLengths, late: Option<TimeSpan>) -> Option<String> {
    let classes = [
        (waiting.at_once, "revocation", "revocations"),
        (waiting.ends, "end", "ends"),
        (waiting.grants, "grant", "grants"),
    ];
    let said: Vec<String> = classes
        .into_iter()
        .filter(|(count, _, _)| *count > 0)
        .map(|(count, one, more)| count_of(count as usize, one, more))
        .collect();
    if said.is_empty() {
        return None;
    }
    let oldest = late
        .map(|late| format!(" The oldest end has been due for {}.", lasting(late)))
        .unwrap_or_default();
    Some(format!("Waiting: {}.{oldest}", said.join(", ")))
}

async fn sweeps(app: &App) -> HealthPart {
    let name = "Sweeps".to_owned();
    let Ok(status) = app.access.sweep_status().await else {
        return HealthPart {
            name,
            badge: BAD,
            now: "What sweeps found could not be read.".to_owned(),
            todo: "Look at the server’s log.",
            rank: 0,
        };
    };
    let now = app.clock.now();
    let looked = status.looked_at.map(|at| TimeSpan::between(at, now));
    let unknown: u64 = status
        .items
        .iter()
        .filter(|(kind, _)| ["unknown", "preexisting"].contains(kind))
        .map(|(_, count)| count)
        .sum();
    let late = status
        .next_at
        .is_some_and(|at| TimeSpan::between(at, now) > SWEEP_LATE);
    let found = match looked {
        None => "No sweep has looked yet.".to_owned(),
        Some(ago) => format!(
            "Looked {} ago: {} unmanaged, {} not readable.",
            lasting(ago),
            counted(unknown),
            counted(status.unread)
        ),
    };
    let (badge, rank, words, todo) = match (&status.failed, status.waiting) {
        _ if status.mode == SweepMode::Off => {
            let off = Badge {
                word: "Off",
                look: "ended",
            };
            let words = "Standing access is not checked.".to_owned();
            (off, 2, words, "Set access.sweep.mode.")
        }
        (Some(error), _) => {
            let words = format!("{} {found}", sentence(&plain(error)));
            (BAD, 0, words, "It is tried again; look at AWS’s answer.")
        }
        (None, _) if status.stuck > 0 => {
            let stuck = counted(status.stuck);
            let words = format!("{found} AWS refuses to remove {stuck}.");
            (BAD, 0, words, "See Sweeps for AWS’s words.")
        }
        (None, Some(_)) => {
            let words = format!("{found} A plan waits.");
            (WAITS, 1, words, "An administrator confirms it: Sweeps.")
        }
        (None, None) if status.unread > 0 => (WAITS, 1, found, "See Sweeps for what and why."),
        (None, None) if late => (WAITS, 1, found, "Look at the server’s log."),
        (None, None) if looked.is_none() => (WAITS, 2, found, ""),
        (None, None) => (GOOD, 3, found, ""),
    };
    HealthPart {
        name,
        badge,
        now: words,
        todo,
        rank,
    }
}

fn chain(app: &App) -> HealthPart {
    let state = app.status.chain();
    let name = "Audit chain".to_owned();
    if let Some(fault) = &state.fault {
        return HealthPart {
            name,
            badge: Badge {
                word: "Broken",
                look: "failed",
            },
            now: format!(
                "Record {} is {}. Grants and ends continue.",
                counted(fault.seq),
                fault.kind
            ),
            todo: "Stop and tell security. Keep the database as it is.",
            rank: 0,
        };
    }
    match (state.checked_at, &state.unread) {
        (Some(_), None) => HealthPart {
            name,
            badge: GOOD,
            now: format!("{} records are whole.", counted(state.followed.seq())),
            todo: "",
            rank: 3,
        },
        _ => HealthPart {
            name,
            badge: WAITS,
            now: "Not checked yet.".to_owned(),
            todo: "",
            rank: 2,
        },
    }
}

fn rules(app: &App) -> HealthPart {
    let status = app.status.rules();
    match &status.refused {
        Some(refused) => HealthPart {
            name: "Rules".to_owned(),
            badge: Badge {
                word: "Refused",
                look: "pending",
            },
            now: format!(
                "The newest file has {}; the rules before it stay in force.",
                count_of(refused.errors.len(), "error", "errors")
            ),
            todo: "See Rules for the lines.",
            rank: 1,
        },
        None => HealthPart {
            name: "Rules".to_owned(),
            badge: GOOD,
            now: count_of(
                app.access.rules().rules().count(),
                "rule in force.",
                "rules in force.",
            ),
            todo: "",
            rank: 3,
        },
    }
}

fn roles(app: &App) -> Option<HealthPart> {
    let missing = app.identity.missing_groups(&app.access.directory());
    (!missing.is_empty()).then(|| HealthPart {
        name: "Roles".to_owned(),
        badge: Badge {
            word: "Not found",
            look: "pending",
        },
        now: format!(
            "The directory has no group named {}; its members have no role.",
            plain(&missing.join(", "))
        ),
        todo: "Correct the name in [identity]: hallpass server doctor.",
        rank: 1,
    })
}

async fn export(app: &App) -> HealthPart {
    let name = "Audit export".to_owned();
    let (Ok(head), Ok(exported)) = (app.audit.head().await, app.audit.exported().await) else {
        return HealthPart {
            name,
            badge: BAD,
            now: "The log could not be read.".to_owned(),
            todo: "Look at the server’s log.",
            rank: 0,
        };
    };
    let newest = head.map_or(0, |head| head.seq);
    let waiting = newest.saturating_sub(exported);
    if let Some((since, why)) = app.status.exports().failing {
        let shut = match app.access.settings().require_export_within {
            Some(allowed) => {
                format!("No access is given once a record waits {allowed}; ends continue.")
            }
            None => "Grants and ends continue.".to_owned(),
        };
        return HealthPart {
            name,
            badge: BAD,
            now: format!(
                "{} {} wait since {}. {shut}",
                sentence(&plain(&why)),
                counted(waiting),
                utc(since)
            ),
            todo: "Look at the export target: hallpass server doctor.",
            rank: 0,
        };
    }
    if exported == 0 && newest > 0 {
        return HealthPart {
            name,
            badge: Badge {
                word: "Off",
                look: "ended",
            },
            now: "Nothing was exported: the log is in the database only.".to_owned(),
            todo: "Set audit.export.target.",
            rank: 2,
        };
    }
    HealthPart {
        name,
        badge: if waiting > 1_000 { WAITS } else { GOOD },
        now: match waiting {
            0 => format!("Up to record {}.", counted(exported)),
            _ => format!(
                "Up to record {}; {} wait.",
                counted(exported),
                counted(waiting)
            ),
        },
        todo: if waiting > 1_000 {
            "Look at the export target."
        } else {
            ""
        },
        rank: if waiting > 1_000 { 1 } else { 3 },
    }
}

/// Chain heads for auditors; none without export.
fn heads(app: &App) -> Option<HealthPart> {
    let state = app.status.exports();
    let name = "Audit heads".to_owned();
    if let Some((since, why)) = &state.headless {
        return Some(HealthPart {
            name,
            badge: BAD,
            now: format!(
                "{} No head since {}. Grants and ends continue.",
                sentence(&plain(why)),
                utc(*since)
            ),
            todo: "Look at the key that signs, and at the export target: hallpass server doctor.",
            rank: 0,
        });
    }
    let head = state.head?;
    let key = head
        .key
        .map(|key| format!(", signed with the key {}", plain(&key)));
    Some(HealthPart {
        name,
        badge: GOOD,
        now: format!(
            "Record {} at {}{}.",
            counted(head.seq),
            utc(head.at),
            key.unwrap_or_default()
        ),
        todo: "",
        rank: 3,
    })
}

/// Sums a metric over its labels, from the rendered metrics.
pub(super) fn total(metrics: &str, name: &str) -> Option<f64> {
    let values: Vec<f64> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse().ok())
        .collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_told_by_class_with_its_oldest_end() {
        let nobody = QueueLengths::default();
        assert_eq!(said_of_line(&nobody, None), None);
        let some = QueueLengths {
            at_once: 1,
            ends: 120,
            grants: 14,
            oldest_end: None,
        };
        assert_eq!(
            said_of_line(&some, Some(TimeSpan::seconds(95))).as_deref(),
            Some("Waiting: 1 revocation, 120 ends, 14 grants. The oldest end has been due for 1m.")
        );
        let grants = QueueLengths {
            grants: 2,
            ..nobody
        };
        let said = said_of_line(&grants, None);
        assert_eq!(said.as_deref(), Some("Waiting: 2 grants."));
    }

    #[test]
    fn metrics_are_summed_over_their_labels() {
        let text =
            "# TYPE calls counter\ncalls{a=\"b c\"} 2\ncalls{a=\"d\"} 3\ncalls_total 9\nage 1.5\n";
        assert_eq!(total(text, "calls"), Some(5.0));
        assert_eq!(total(text, "age"), Some(1.5));
        assert_eq!(total(text, "none"), None);
    }
}
