//! Checks users with access, tokens or sessions between organization reads: loops and health.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::{Access, AccessError, PeopleLooked};
use hallpass_app::setup::waiting::rest;
use hallpass_base::TimeSpan;
use hallpass_channels::wording::health;
use hallpass_server::{Bearing, ProbeResult, ReadinessProbe};
use tokio::sync::watch;
use tokio::time::Instant;

/// Failed or late checks before Health reports it.
const LATE_AFTER: u64 = 3;

/// Checks users with live access; the configured interval is from start to start.
pub(super) async fn watch((access, every): (Arc<Access>, TimeSpan), stop: watch::Receiver<bool>) {
    look_on(every, "time", stop, || access.look_at_people(None)).await;
}

pub(super) async fn watch_signed_in(
    (access, every): (Arc<Access>, TimeSpan),
    stop: watch::Receiver<bool>,
) {
    look_on(every, "signed_in", stop, || access.look_at_signed_in()).await;
}

async fn look_on<F>(
    every: TimeSpan,
    by: &'static str,
    mut stop: watch::Receiver<bool>,
    look: impl Fn() -> F,
) where
    F: Future<Output = Result<PeopleLooked, AccessError>>,
{
    let every = Duration::from_secs(every.as_seconds().max(1));
    loop {
        let began = Instant::now();
        // a stop does not wait for AWS: uncommitted work never happened
        let looked = tokio::select! {
            looked = look() => looked,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        let outcome = match looked {
            Ok(looked) => note(&looked),
            Err(error) => {
                tracing::error!(error = %error, "people could not be checked");
                "failed"
            }
        };
        metrics::counter!("hallpass_people_looks_total", "by" => by, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("hallpass_people_look_seconds", "by" => by).record(began.elapsed());
        if !rest(&mut stop, every.saturating_sub(began.elapsed())).await {
            return;
        }
    }
}

fn note(looked: &PeopleLooked) -> &'static str {
    if looked.left + looked.ended + looked.requests + looked.credentials > 0 {
        tracing::info!(
            left = looked.left,
            ended = looked.ended,
            requests = looked.requests,
            credentials = looked.credentials,
            "access of people who left ends"
        );
    }
    if looked.is_whole() { "ok" } else { "partial" }
}

pub(crate) struct PeopleProbe(pub(crate) Arc<Access>);

#[async_trait]
impl ReadinessProbe for PeopleProbe {
    async fn probe(&self) -> ProbeResult {
        let every = self.0.settings().people_every;
        let works = match (every, self.0.people_looked_ago()) {
            (None, _) => match self.0.people_unsaid() {
                Some(fault) => Err(health::people_unsaid(&fault.to_string())),
                None => Ok(health::PEOPLE_WITH_THE_ORGANIZATION.to_owned()),
            },
            (Some(_), None) => Ok(health::PEOPLE_NOT_YET.to_owned()),
            (Some(every), Some(ago)) => {
                let late = TimeSpan::seconds(every.as_seconds().saturating_mul(LATE_AFTER));
                if ago > late {
                    Err(health::people_were_not_looked_at(ago))
                } else {
                    Ok(health::people_were_looked_at(ago))
                }
            }
        };
        ProbeResult {
            name: "people",
            works,
        }
    }

    /// Continues; departed users lose access with the next organization read.
    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}
