//! A write counts only after it is read back (`inventory.md` H-16).

use std::sync::Arc;

use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_plans::{Effect, PlanStep, StepError, StepProbe, Verify, WriteAnswer};

/// A write not visible after this was not applied.
const SHOWS_WITHIN: TimeSpan = TimeSpan::minutes(1);

pub(super) struct ReadBack {
    clock: Arc<dyn Clock>,
}

impl ReadBack {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    /// The answer to an accepted write. Its time is stored with the step, so that a resumed run
    /// continues the wait.
    pub(super) fn taken(&self) -> WriteAnswer {
        WriteAnswer::Accepted {
            remote: self.clock.now().to_string(),
        }
    }

    /// Judges a later look; `remote` is from [`taken`](Self::taken).
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
