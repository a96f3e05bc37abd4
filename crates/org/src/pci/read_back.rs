//! What was written is believed when it is read back, and not before: one rule for every rung (`inventory.md` H-16).

use std::sync::Arc;

use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_plans::{Effect, PlanStep, StepError, StepProbe, Verify, WriteAnswer};

/// How long after a write it may take to show. A service that took it and shows nothing of it by then did not do it.
const SHOWS_WITHIN: TimeSpan = TimeSpan::minutes(1);

/// Waits for writes to show.
pub(super) struct ReadBack {
    clock: Arc<dyn Clock>,
}

impl ReadBack {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    /// The answer to a write that was taken. When that was is kept with the step, so that whoever goes on after a stop
    /// counts from there.
    pub(super) fn taken(&self) -> WriteAnswer {
        WriteAnswer::Accepted {
            remote: self.clock.now().to_string(),
        }
    }

    /// What a look after it says; `remote` is what [`taken`](Self::taken) kept.
    pub(super) fn verify(
        &self,
        step: &PlanStep,
        remote: &str,
        seen: Result<StepProbe, StepError>,
    ) -> Verify {
        match seen {
            Ok(StepProbe::Satisfied) => Verify::Done(Effect {
                new: step.desired.clone(),
                requests: Vec::new(),
            }),
            Ok(_) if self.would_show(remote) => {
                let text = format!("it was taken at {remote} and does not show");
                Verify::Setback(StepError::failed("not_shown", &text))
            }
            Ok(_) => Verify::Running,
            Err(error) => Verify::Setback(error),
        }
    }

    fn would_show(&self, remote: &str) -> bool {
        let sent = remote.parse::<Timestamp>();
        sent.is_ok_and(|sent| SHOWS_WITHIN.after(sent) <= self.clock.now())
    }
}
