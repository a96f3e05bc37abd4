//! Remediation loops: due work, findings, rules.

use std::sync::Arc;
use std::time::Duration;

use hallpass_access::Access;
use hallpass_app::chores::remediations::Remediating;
use hallpass_app::setup::waiting::{LOOK_AGAIN, rest, spawn};
use hallpass_base::TimeSpan;
use hallpass_findings::remediation::Worked;
use tokio::sync::watch;
use tokio::task::JoinSet;

const WORKERS: usize = 4;
const TRY_AGAIN: Duration = Duration::from_secs(10);
const READ_AGAIN: Duration = Duration::from_secs(10);
const FORGET_EVERY: Duration = Duration::from_secs(10);
/// Gathers finding updates into shared requests (`organization.md` R-10).
const GATHERING: Duration = Duration::from_secs(2);
const KEPT: TimeSpan = TimeSpan::hours(90 * 24);

pub(super) fn spawn_all(
    tasks: &mut JoinSet<()>,
    stop: &watch::Sender<bool>,
    with: &Remediating,
    access: &Arc<Access>,
) {
    for _ in 0..WORKERS {
        spawn(tasks, "remediations", stop, with, work);
    }
    let telling = (with.clone(), Arc::clone(access));
    spawn(tasks, "remediation notes", stop, &telling, tell);
    spawn(tasks, "remediations of before", stop, with, forget);
}

/// On every node: rules decide who may approve.
pub(super) fn spawn_reading(
    tasks: &mut JoinSet<()>,
    stop: &watch::Sender<bool>,
    with: &Remediating,
) {
    spawn(tasks, "remediation rules", stop, with, read_rules);
}

async fn work(with: Remediating, mut stop: watch::Receiver<bool>) {
    loop {
        // a stop does not wait: the plan's journal has started work
        let worked = tokio::select! {
            worked = with.worker.work() => worked,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        let pause = match worked {
            Ok(Worked::Did(id, outcome)) => {
                metrics::counter!("hallpass_remediations_total", "outcome" => outcome).increment(1);
                tracing::info!(remediation = %id, outcome, "a finding was handled");
                continue;
            }
            Ok(Worked::Unread { id, phase, why }) => {
                metrics::counter!("hallpass_remediations_total", "outcome" => phase).increment(1);
                tracing::error!(
                    remediation = %id,
                    phase,
                    error = why,
                    "the data of a remediation cannot be read"
                );
                continue;
            }
            Ok(Worked::Nothing | Worked::Paused) => LOOK_AGAIN,
            Err(fault) => {
                tracing::error!(error = %fault, "remediations cannot continue; it is tried again");
                TRY_AGAIN
            }
        };
        if !rest(&mut stop, pause).await {
            return;
        }
    }
}

async fn tell((with, access): (Remediating, Arc<Access>), mut stop: watch::Receiver<bool>) {
    loop {
        let told = tokio::select! {
            told = with.worker.tell() => told,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        if let Err(fault) = told {
            tracing::error!(error = %fault, "findings cannot be reported; it is tried again");
        }
        if let Err(error) = with.teller.tell(&access).await {
            tracing::error!(
                error,
                "findings for people cannot be reported; it is tried again"
            );
        }
        if let Err(error) = with.exceptions.tell(&with.rules.rules()).await {
            tracing::error!(
                error,
                "expired exceptions cannot be reported; it is tried again"
            );
        }
        if !rest(&mut stop, GATHERING).await {
            return;
        }
    }
}

async fn read_rules(with: Remediating, mut stop: watch::Receiver<bool>) {
    let mut failure = None;
    while rest(&mut stop, READ_AGAIN).await {
        match with.rules.read_again() {
            Ok(changed) => {
                failure = None;
                if changed {
                    tracing::info!("other rules of remediations are in force");
                }
            }
            Err(error) => {
                let words = error.words();
                if failure.as_ref() != Some(&words) {
                    tracing::error!(
                        error = words,
                        "the rules of remediations cannot be read; those of before stay in force"
                    );
                    failure = Some(words);
                }
            }
        }
    }
}

async fn forget(with: Remediating, mut stop: watch::Receiver<bool>) {
    while rest(&mut stop, FORGET_EVERY).await {
        let before = KEPT.before(with.clock.now());
        if let Err(fault) = with.store.forget_remediations(before).await {
            tracing::warn!(error = %fault, "old remediations could not be forgotten");
        }
    }
}
