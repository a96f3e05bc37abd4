use hallpass_assignments::{AssignmentRow, Desired, EndPriority, Verdict};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_rules::Directory;

use super::life::{Answer, Glue, Life, Move, Process};
use crate::end;
use crate::guard_steps::tests::{nothing_beside, step_at_instant};
use crate::records::Doer;
use crate::step::GrantStep;
use crate::{DesiredAssignment, EndCause, Holds, Settings, next_step};

/// By then, every life that keeps the promises is over.
const LIVES_FOR: TimeSpan = TimeSpan::hours(1);
const HANGS: TimeSpan = TimeSpan::seconds(8);

impl Life {
    /// Returns the next state, or the broken promise.
    pub(super) fn after(&self, then: Move, glue: Glue) -> Result<Self, String> {
        let mut life = self.clone();
        let goes_wrong = match then {
            Move::Tick
            | Move::Take
            | Move::Wait
            | Move::GiveBack
            | Move::Answer(Answer::True { .. } | Answer::AsItBegan) => false,
            Move::Answer(_) | Move::Hang | Move::Kill { .. } | Move::Lose => true,
        };
        life.faults -= u32::from(goes_wrong);
        match then {
            Move::Tick => life.tick()?,
            Move::Take => life.take(glue)?,
            Move::Answer(answer) => life.answer(answer, glue),
            Move::Hang => life.pass(HANGS.after(self.now)),
            Move::Wait => life.wait()?,
            Move::GiveBack => {
                life.may_give_back = false;
                let step = end::begin(
                    &life.grant,
                    EndCause::Released,
                    Doer::Hallpass,
                    &life.holds(),
                    step_at_instant(life.now),
                );
                life.commit(step)?;
            }
            Move::Kill { frees, sent } => life.kill(frees, sent),
            Move::Lose => life.aws.lose(life.now),
        }
        life.ensure_promises()?;
        Ok(life)
    }

    fn ensure_promises(&self) -> Result<(), String> {
        if self.stood_before && !self.aws.is_there {
            return Err("what stood before is gone".to_owned());
        }
        if self.story.over_at == Some(self.now)
            && self.aws.is_there
            && !self.stood_before
            && self.aws.since < self.now
            && !self.aws.expects_create()
        {
            return Err("its end was reported while the access existed".to_owned());
        }
        Ok(())
    }

    fn pass(&mut self, now: Timestamp) {
        self.aws.pass(now);
        self.now = now;
    }

    fn wait(&mut self) -> Result<(), String> {
        let stopped = match self.process {
            Process::Stopped { until } => Some(until),
            Process::Idle | Process::Calling(_) => None,
        };
        let due = (self.row.as_ref()).map(|row| match self.held_until {
            Some(until) => row.execution.due.max(until),
            None => row.execution.due,
        });
        let grant = self.grant.due().filter(|_| !self.grant.is_over());
        let next = [stopped, due, grant, self.aws.next()];
        let next = next.into_iter().flatten().filter(|at| *at > self.now).min();
        let next = next.ok_or("no step looks again")?;
        if next > LIVES_FOR.after(self.grant.scheduled_at) {
            return Err("it is not over long after its end".to_owned());
        }
        self.pass(next);
        if stopped.is_some_and(|until| until <= next) {
            self.process = Process::Idle;
        }
        self.held_until = self.held_until.filter(|until| *until > next);
        Ok(())
    }

    fn holds(&self) -> Holds {
        let live = Some(self.grant.clone()).filter(|grant| !grant.is_over());
        Holds {
            grants: live.into_iter().collect(),
            row: self.row.clone(),
        }
    }

    fn tick(&mut self) -> Result<(), String> {
        let known = (Directory::default(), Settings::default());
        let known = nothing_beside(&known);
        let step = next_step::of(&self.grant, &self.holds(), known, step_at_instant(self.now));
        if step.is_empty() {
            return Err("a step that is due changes nothing".to_owned());
        }
        self.commit(step)
    }

    fn commit(&mut self, step: GrantStep) -> Result<(), String> {
        for record in &step.records {
            self.story.hears(record.event(), self.now)?;
        }
        if let Some(grant) = step.grants.into_iter().next() {
            self.grant = grant;
        }
        match step.desired {
            Some(DesiredAssignment::Until {
                until,
                asked_at,
                haste,
                ..
            }) => {
                if let Some(row) = &mut self.row {
                    desire(row, until, asked_at, haste);
                }
            }
            Some(DesiredAssignment::Forget { .. }) => self.row = None,
            Some(other) => return Err(format!("unexpected {other:?}")),
            None => {}
        }
        Ok(())
    }
}

fn desire(row: &mut AssignmentRow, until: Timestamp, asked_at: Timestamp, haste: EndPriority) {
    let was_seen = matches!(row.execution.verdict, Verdict::Present { at } if at >= asked_at);
    let is_same = asked_at == row.desired.asked_at && haste == row.desired.haste;
    let stands = was_seen
        && is_same
        && until >= row.desired.until
        && row.execution.operation.is_none()
        && !row.gave_up();
    row.desired = Desired {
        until,
        asked_at,
        haste,
        rev: row.desired.rev + 1,
        ..row.desired
    };
    if !stands {
        row.execution.due = row.execution.due.min(asked_at);
    }
}
