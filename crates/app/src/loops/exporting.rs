//! Exports the audit log: records continuously, a signed head at start, hourly and at stop.
//! Failures are retried; access does not wait for it, except with `access.require_export_within`.

use std::sync::Arc;
use std::time::Duration;

use crate::host::server_store::ServerStore;
use crate::setup::waiting::rest;
use hallpass_access::AccessStore as _;
use hallpass_audit::{
    AuditStore as _, ExportError, ExportTarget, HeadSigner, SinkErrorKind, export_pending,
    publish_head,
};
use hallpass_base::{Clock, Disagreement, Look, TimeSpan, Timestamp};
use hallpass_server::ServerStatus;
use tokio::sync::watch;

const EXPORT_EVERY: Duration = Duration::from_secs(2);
const EXPORT_AGAIN_MAX: Duration = Duration::from_secs(15);
/// Interval of published heads (`access.md` §14.2).
const HEAD_EVERY: TimeSpan = TimeSpan::hours(1);
const HEAD_AGAIN: TimeSpan = TimeSpan::minutes(1);
/// A head of the same second exists; wait for another name.
const NEXT_SECOND: Duration = Duration::from_millis(1_100);
const SAID_AGAIN: TimeSpan = TimeSpan::minutes(5);

#[derive(Clone)]
pub struct Exporting {
    pub target: Arc<dyn ExportTarget>,
    pub prefix: String,
    pub signer: Arc<dyn HeadSigner>,
}

#[derive(Clone)]
pub struct Exporter {
    pub store: ServerStore,
    pub exporting: Exporting,
    pub clock: Arc<dyn Clock>,
    pub status: Arc<ServerStatus>,
}

#[derive(Default)]
struct Trouble {
    said: Option<Timestamp>,
}

impl Trouble {
    fn says(&mut self, now: Timestamp) -> bool {
        let is_due = self.said.is_none_or(|at| SAID_AGAIN.after(at) <= now);
        if is_due {
            self.said = Some(now);
        }
        is_due
    }

    fn ends(&mut self) -> bool {
        self.said.take().is_some()
    }
}

struct Heads {
    published: Option<Timestamp>,
    not_before: Option<Timestamp>,
    trouble: Trouble,
}

impl Heads {
    /// Never publishes with a wrong clock: readers follow heads by name and would miss heads dated
    /// before it.
    fn is_due(&self, look: Look, stopping: bool) -> bool {
        let is_apart = matches!(look.disagreement, Some(Disagreement::Apart { .. }));
        !is_apart && (stopping || self.is_time(look.now))
    }

    fn is_time(&self, now: Timestamp) -> bool {
        let hour = |at: Timestamp| at.as_second() / 3600;
        let may = self.not_before.is_none_or(|at| at <= now);
        may && self
            .published
            .is_none_or(|at| now >= HEAD_EVERY.after(at) || hour(now) != hour(at))
    }
}

pub async fn export(exporter: Exporter, mut stop: watch::Receiver<bool>) {
    let mut heads = Heads {
        published: None,
        not_before: None,
        trouble: Trouble::default(),
    };
    let (mut trouble, mut pause) = (Trouble::default(), EXPORT_EVERY);
    loop {
        let stopping = *stop.borrow();
        pause = if exporter.records(&mut trouble).await {
            EXPORT_EVERY
        } else {
            (pause * 2).min(EXPORT_AGAIN_MAX)
        };
        if heads.is_due(exporter.clock.look(), stopping) {
            exporter.head(&mut heads).await;
        }
        if stopping {
            return;
        }
        rest(&mut stop, pause).await;
    }
}

impl Exporter {
    async fn records(&self, trouble: &mut Trouble) -> bool {
        let exporting = &self.exporting;
        let target = exporting.target.as_ref();
        let round = export_pending(&self.store, target, &exporting.prefix).await;
        let now = self.clock.now();
        self.measure(now).await;
        match round {
            Ok(report) => {
                self.status.exported();
                if trouble.ends() {
                    let exported = report.exported;
                    tracing::info!(exported, "the audit log is exported again");
                }
                true
            }
            Err(error) => {
                let cause = words(&error);
                self.status.export_failed(now, &cause);
                metrics::counter!("hallpass_audit_export_failures_total").increment(1);
                if trouble.says(now) {
                    tracing::error!(
                        cause,
                        "the audit log could not be exported; records wait in the store, and it is tried again"
                    );
                }
                false
            }
        }
    }

    async fn head(&self, heads: &mut Heads) {
        let published = match self.publish().await {
            // a head of this second exists after a quick restart
            Err(ExportError::Target(error)) if error.kind == SinkErrorKind::Taken => {
                tokio::time::sleep(NEXT_SECOND).await;
                self.publish().await
            }
            published => published,
        };
        let now = self.clock.now();
        match published {
            Ok(None) => {}
            Ok(Some(head)) => {
                heads.published = Some(now);
                heads.not_before = None;
                if heads.trouble.ends() {
                    tracing::info!(
                        seq = head.seq(),
                        "heads of the audit log are published again"
                    );
                }
                self.status.head_published(&head);
            }
            Err(error) => {
                let cause = words(&error);
                heads.not_before = Some(HEAD_AGAIN.after(now));
                self.status.head_failed(now, &cause);
                metrics::counter!("hallpass_audit_head_failures_total").increment(1);
                if heads.trouble.says(now) {
                    tracing::error!(
                        cause,
                        "the audit log's head could not be published; it is tried again every minute"
                    );
                }
            }
        }
    }

    async fn publish(&self) -> Result<Option<hallpass_audit::PublishedHead>, ExportError> {
        let exporting = &self.exporting;
        let (target, signer) = (exporting.target.as_ref(), exporting.signer.as_ref());
        publish_head(&self.store, target, signer, self.clock.now()).await
    }

    async fn measure(&self, now: Timestamp) {
        // an unreadable gauge keeps its value: 0 would mean no backlog
        if let (Ok(head), Ok(exported)) = (self.store.head().await, self.store.exported().await) {
            let newest = head.map_or(0, |head| head.seq);
            #[expect(clippy::cast_precision_loss, reason = "records, far below 2^52")]
            let waiting = newest.saturating_sub(exported) as f64;
            metrics::gauge!("hallpass_audit_unexported_records").set(waiting);
        }
        if let Ok(oldest) = self.store.oldest_unexported().await {
            let age = oldest.map_or(TimeSpan::ZERO, |at| TimeSpan::between(at, now));
            #[expect(clippy::cast_precision_loss, reason = "seconds, far below 2^52")]
            let seconds = age.as_seconds() as f64;
            metrics::gauge!("hallpass_audit_export_age_seconds").set(seconds);
        }
        if let Some(head) = self.status.exports().head {
            #[expect(clippy::cast_precision_loss, reason = "seconds, far below 2^52")]
            let seconds = TimeSpan::between(head.at, now).as_seconds() as f64;
            metrics::gauge!("hallpass_audit_head_age_seconds").set(seconds);
        }
    }
}

fn words(error: &ExportError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use hallpass_base::Clocks;
    use jiff::SignedDuration;

    use super::*;

    fn at(minute: u64) -> Timestamp {
        TimeSpan::minutes(minute).after("2026-03-02T10:10:00Z".parse().unwrap())
    }

    #[test]
    fn heads_are_due_at_start_each_hour_and_not_at_once_after_one_that_failed() {
        let mut heads = Heads {
            published: None,
            not_before: None,
            trouble: Trouble::default(),
        };
        assert!(heads.is_time(at(0)));
        heads.published = Some(at(0));
        for (minute, due) in [(1, false), (49, false), (50, true), (60, true)] {
            assert_eq!(heads.is_time(at(minute)), due, "{minute}");
        }
        heads.not_before = Some(at(51));
        assert!(!heads.is_time(at(50)) && heads.is_time(at(51)));
    }

    #[test]
    fn no_head_is_named_by_a_clock_that_is_known_to_be_wrong() {
        let heads = Heads {
            published: None,
            not_before: None,
            trouble: Trouble::default(),
        };
        let apart = Disagreement::Apart {
            between: Clocks::WallMonotonic,
            by: SignedDuration::from_hours(24),
        };
        for (disagreement, due) in [
            (None, true),
            (Some(Disagreement::Unconfirmed), true),
            (Some(apart), false),
        ] {
            let look = Look {
                now: at(0),
                elsewhere: at(0),
                disagreement,
            };
            assert_eq!(
                [false, true].map(|stopping| heads.is_due(look, stopping)),
                [due; 2]
            );
        }
    }

    #[test]
    fn a_failure_is_said_when_it_begins_and_now_and_then() {
        let mut trouble = Trouble::default();
        assert!(!trouble.ends());
        let said: Vec<bool> = (0..7).map(|minute| trouble.says(at(minute))).collect();
        assert_eq!(said, [true, false, false, false, false, true, false]);
        assert!(trouble.ends() && !trouble.ends());
    }
}
