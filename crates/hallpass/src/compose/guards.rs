//! Alarms about silent configured guards.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_app::guard_files::report::Guards;
use hallpass_app::loops::ends::{self, EndsFile};
use hallpass_app::setup::waiting::{rest, spawn};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::health;
use hallpass_server::{Bearing, ProbeResult, ReadinessProbe};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Composed;

const EVERY: Duration = Duration::from_secs(15);

pub(super) struct GuardProbe(pub(super) Guards);

#[async_trait]
impl ReadinessProbe for GuardProbe {
    async fn probe(&self) -> ProbeResult {
        let said = self.0.said().await;
        let works = if said.alarms.is_empty() {
            Ok(said.fine.join("; "))
        } else {
            Err(said.alarms.join("; "))
        };
        ProbeResult {
            name: "guard",
            works,
        }
    }

    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

/// Whether this node signs the file of ends while leading. Opens a separate key, so that a missing
/// one is known earlier.
pub(super) struct EndsFileProbe(Option<String>);

impl EndsFileProbe {
    pub(super) fn of(file: &EndsFile) -> Self {
        Self(file.unsigned().map(str::to_owned))
    }
}

#[async_trait]
impl ReadinessProbe for EndsFileProbe {
    async fn probe(&self) -> ProbeResult {
        let works = match &self.0 {
            None => Ok(health::ENDS_ARE_SIGNED.to_owned()),
            Some(why) => Err(health::ends_are_not_signed(why)),
        };
        ProbeResult {
            name: "ends_file",
            works,
        }
    }

    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

impl Composed {
    pub(super) fn spawn_for_guards(&self, tasks: &mut JoinSet<()>, stop: &watch::Sender<bool>) {
        if let Some(file) = self.ends.clone() {
            let writer = (
                file,
                (*self.workshop.store).clone(),
                Arc::clone(&self.clock),
            );
            spawn(
                tasks,
                "ends",
                stop,
                &writer,
                |(file, store, clock), stop| ends::write(file, store, clock, stop),
            );
        }
        if let Some(guards) = &self.guards {
            spawn(tasks, "guards", stop, guards, listen);
        }
    }
}

async fn listen(guards: Guards, mut stop: watch::Receiver<bool>) {
    loop {
        let said = guards.said().await;
        numbers(&guards, said.alarms.len()).await;
        if !rest(&mut stop, EVERY).await {
            return;
        }
    }
}

async fn numbers(guards: &Guards, alarms: usize) {
    let alarms = u32::try_from(alarms).unwrap_or(u32::MAX);
    metrics::gauge!("hallpass_guard_alarms").set(alarms);
    let now = guards.clock.now();
    for heard in guards.journals.statuses().await.unwrap_or_default() {
        let Ok(status) = heard.said else { continue };
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds and counts, far below 2^52"
        )]
        let number = |value: u64| value as f64;
        let name = heard.name;
        if let Some(at) = status.at {
            let age = number(TimeSpan::between(at, now).as_seconds());
            metrics::gauge!("hallpass_guard_heard_age_seconds", "guard" => name.clone()).set(age);
        }
        let ended = number(status.ended_total);
        metrics::gauge!("hallpass_guard_ended", "guard" => name.clone()).set(ended);
        metrics::gauge!("hallpass_guard_overdue", "guard" => name).set(number(status.overdue));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hallpass_audit::Signer;

    use super::*;

    #[tokio::test]
    async fn a_file_of_ends_that_nobody_signs_is_told_and_keeps_nobody_away() {
        let of = |signer| EndsFileProbe::of(&EndsFile::new(Path::new("ends.jsonl"), signer));
        let signed = of(Ok(Arc::new(Signer::from_seed(&[9; 32]).unwrap())));
        assert!(signed.probe().await.works.is_ok());
        let unsigned = of(Err("cannot read `hallpass.key`".to_owned()));
        let told = unsigned.probe().await.works.unwrap_err();
        assert!(told.contains("cannot read `hallpass.key`"), "{told}");
        assert_eq!(unsigned.bearing(), Bearing::Advice);
    }
}
