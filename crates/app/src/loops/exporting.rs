//! The loop that takes the audit log out of the store: records as they come, a signed head at start,
//! each hour, and when the server stops. What fails is tried again; access never waits for it, unless
//! `access.require_export_within` says so.

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

/// How often the log is exported.
const EXPORT_EVERY: Duration = Duration::from_secs(2);
/// The longest pause after an export that failed; doubles from [`EXPORT_EVERY`].
const EXPORT_AGAIN_MAX: Duration = Duration::from_secs(15);
/// How often a head is published (`access.md` §14.2).
const HEAD_EVERY: TimeSpan = TimeSpan::hours(1);
/// How soon a head that failed is tried again: whoever signs may take long to say no.
const HEAD_AGAIN: TimeSpan = TimeSpan::minutes(1);
/// A head of the same second is there already; the next one is another.
const NEXT_SECOND: Duration = Duration::from_millis(1_100);
/// How often a failure that goes on is said again.
const SAID_AGAIN: TimeSpan = TimeSpan::minutes(5);

/// Where the log goes, and who signs for it.
#[derive(Clone)]
pub struct Exporting {
    pub target: Arc<dyn ExportTarget>,
    pub prefix: String,
    pub signer: Arc<dyn HeadSigner>,
}

/// What the loop works with.
#[derive(Clone)]
pub struct Exporter {
    pub store: ServerStore,
    pub exporting: Exporting,
    pub clock: Arc<dyn Clock>,
    pub status: Arc<ServerStatus>,
}

/// Something that works or fails for a while, said when it changes and now and then.
#[derive(Default)]
struct Trouble {
    said: Option<Timestamp>,
}

impl Trouble {
    /// Whether to say that it failed.
    fn says(&mut self, now: Timestamp) -> bool {
        let is_due = self.said.is_none_or(|at| SAID_AGAIN.after(at) <= now);
        if is_due {
            self.said = Some(now);
        }
        is_due
    }

    /// Whether to say that it works again.
    fn ends(&mut self) -> bool {
        self.said.take().is_some()
    }
}

/// When the next head is due.
struct Heads {
    published: Option<Timestamp>,
    not_before: Option<Timestamp>,
    trouble: Trouble,
}

impl Heads {
    /// Whether to publish one now. None is named by a clock that is known to be wrong: those who follow heads by their
    /// names would see none that comes before it.
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

/// Exports until the server stops, and what is left then.
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
    /// Exports what waits; whether that went well.
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

    /// Publishes a head.
    async fn head(&self, heads: &mut Heads) {
        let published = match self.publish().await {
            // another head of this second: started again so soon, or stopped
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

    /// Tells how much waits, and for how long.
    async fn measure(&self, now: Timestamp) {
        // a gauge of what cannot be read keeps its value: 0 would say that nothing waits
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

/// An error with its causes.
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
