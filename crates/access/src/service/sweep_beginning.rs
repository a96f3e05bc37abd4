//! Selects and begins the next sweep run: by schedule, on request, or after an interruption.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use hallpass_audit::Event;
use hallpass_base::{SweepId, TimeSpan, Timestamp};

use super::{Access, AccessError, RACES_MAX};
use crate::records::Doer;
use crate::{Change, CommitError, Sweep, SweepMode, SweepSettings, SweepState, Trigger, Write};

/// Runs read per batch to find the next due time and the confirmation of the mode.
pub(super) const LOOKED_BACK: u32 = 100;
/// Also the limit of the search backwards.
pub(super) const RUNS_KEPT: u32 = 1000;
/// Retry delay after a failed run.
pub(super) const AGAIN_AFTER: TimeSpan = TimeSpan::minutes(10);

impl Access {
    /// Returns the next run, possibly in the past; `None` while sweeps are off or clocks disagree,
    /// since findings count from the run's time.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn next_sweep(&self) -> Result<Option<(Timestamp, Trigger)>, AccessError> {
        let step = self.step();
        let recent = self.recent_sweeps(step.now).await?;
        let due = next(&recent, &self.settings.sweep, step.now);
        Ok(due.map(|(at, trigger)| match step.disagreement {
            Some(_) => (at.max(AGAIN_AFTER.after(step.now)), trigger),
            None => (at, trigger),
        }))
    }

    /// Runs back to the reference of the next one, without those of a fast clock.
    async fn recent_sweeps(&self, now: Timestamp) -> Result<Vec<Sweep>, AccessError> {
        let most = usize::try_from(RUNS_KEPT).unwrap_or(usize::MAX);
        let (mut recent, mut read, mut before) = (Vec::new(), 0, None);
        loop {
            let page = self.ports.sweeps.sweeps(before, LOOKED_BACK).await?;
            let count = page.len();
            read += count;
            before = page.last().map(|oldest| oldest.id);
            let counts = |run: &Sweep| !is_ahead(run, now) && !run.trigger.is_of_campaign();
            recent.extend(page.into_iter().filter(counts));
            let is_last = u32::try_from(count).is_ok_and(|count| count < LOOKED_BACK);
            if is_last || read >= most || shows_anchor(&recent, &self.settings.sweep) {
                return Ok(recent);
            }
        }
    }

    /// Returns an id above all others, even those of a fast clock: ids follow the order of runs.
    pub(super) async fn next_sweep_id(&self) -> Result<SweepId, AccessError> {
        let newest = self.ports.sweeps.sweeps(None, 1).await?;
        let step = self.step();
        Ok(match newest.first().map(|newest| newest.id.drawn_at()) {
            Some(drawn) if drawn > step.now => {
                let after = TimeSpan::seconds(1).after(drawn);
                SweepId::new(self.ports.ids.next(after))
            }
            Some(_) | None => step.sweep_id(),
        })
    }

    /// Stores the start of a run; [`run_sweep`](Access::run_sweep) executes it.
    ///
    /// # Errors
    /// [`CommitError::Raced`] if one is already running.
    pub async fn begin_sweep(&self, trigger: Trigger) -> Result<Sweep, AccessError> {
        let sweep = self.new_sweep(self.next_sweep_id().await?, trigger);
        let change = Change {
            sweeps: vec![Write::Insert(sweep.clone())],
            ..Change::default()
        };
        self.begin_stored(&sweep, change).await?;
        self.wake_sweeper.notify_one();
        Ok(sweep)
    }

    /// Registers the run as this process's before others can see it.
    async fn begin_stored(&self, sweep: &Sweep, change: Change) -> Result<(), CommitError> {
        self.own_sweeps().insert(sweep.id);
        let stored = self.store_change(change).await;
        if stored.is_err() {
            self.own_sweeps().remove(&sweep.id);
        }
        stored.map(drop)
    }

    fn new_sweep(&self, id: SweepId, trigger: Trigger) -> Sweep {
        let settings = &self.settings.sweep;
        let is_over = trigger == Trigger::SwitchedOff;
        let now = self.now();
        Sweep {
            id,
            trigger,
            mode: settings.mode,
            reach: settings.reach,
            begun_at: now,
            report: None,
            consent: None,
            state: if is_over {
                SweepState::Done { at: now }
            } else {
                SweepState::Running
            },
            version: 0,
        }
    }

    pub(super) fn own_sweeps(&self) -> MutexGuard<'_, BTreeSet<SweepId>> {
        // Ids only: a panic elsewhere leaves them valid.
        self.own_sweeps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the run to execute now. Another process's unfinished run is closed as interrupted
    /// and restarted; otherwise the queued one begins. Nothing begins while sweeps are off.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn sweep_to_run(&self) -> Result<Option<Sweep>, AccessError> {
        let running = self.sweep_in(&SweepState::Running).await?;
        let Some(sweep) = running else {
            return self.begin_queued().await;
        };
        if self.own_sweeps().contains(&sweep.id) {
            return Ok(Some(sweep));
        }
        let step = self.step();
        let record = step
            .of_sweep(Event::SweepFailed, Doer::Hallpass, &sweep)
            .why("interrupted");
        let interrupted = Sweep {
            state: SweepState::Interrupted { at: step.now },
            ..sweep.clone()
        };
        let mut change = Change {
            audit: vec![record],
            sweeps: vec![Write::Update(interrupted)],
            ..Change::default()
        };
        if self.settings.sweep.mode == SweepMode::Off {
            self.store_change(change).await?;
            return self.begin_queued().await;
        }
        // A user may wait for this very run: ids follow the order of runs.
        let queued = self.sweep_in(&SweepState::Queued).await?;
        let (again, write) = if let Some(queued) = queued {
            self.begun(queued)
        } else {
            let again = self.new_sweep(self.next_sweep_id().await?, sweep.trigger);
            (again.clone(), Write::Insert(again))
        };
        change.sweeps.push(write);
        self.begin_stored(&again, change).await?;
        Ok(Some(again))
    }

    /// Begins a queued run with the present settings.
    fn begun(&self, queued: Sweep) -> (Sweep, Write<Sweep>) {
        let begun = Sweep {
            version: queued.version,
            ..self.new_sweep(queued.id, queued.trigger)
        };
        let stored = Sweep {
            version: begun.version + 1,
            ..begun.clone()
        };
        (stored, Write::Update(begun))
    }

    async fn sweep_in(&self, state: &SweepState) -> Result<Option<Sweep>, AccessError> {
        let open = self.ports.sweeps.open_sweeps().await?;
        Ok(open.into_iter().find(|sweep| sweep.state == *state))
    }

    /// Begins the queued run with the present settings, or closes it if sweeps are off.
    async fn begin_queued(&self) -> Result<Option<Sweep>, AccessError> {
        let Some(queued) = self.sweep_in(&SweepState::Queued).await? else {
            return Ok(None);
        };
        let step = self.step();
        if self.settings.sweep.mode == SweepMode::Off {
            let error = "sweeps were switched off before it could look";
            let record = step.of_sweep(Event::SweepFailed, Doer::Hallpass, &queued);
            let failed = Sweep {
                state: SweepState::Failed {
                    at: step.now,
                    error: error.to_owned(),
                },
                ..queued
            };
            let change = Change {
                audit: vec![record.error(error)],
                sweeps: vec![Write::Update(failed)],
                ..Change::default()
            };
            self.store_change(change).await?;
            return Ok(None);
        }
        let (begun, write) = self.begun(queued);
        let change = Change {
            sweeps: vec![write],
            ..Change::default()
        };
        self.begin_stored(&begun, change).await?;
        Ok(Some(begun))
    }

    /// Queues a requested run. Another process may execute runs, and would treat a run it did not
    /// begin as interrupted.
    pub(super) async fn queue_sweep(&self, trigger: Trigger) -> Result<Sweep, AccessError> {
        let mut races = 0;
        loop {
            if let Some(queued) = self.sweep_in(&SweepState::Queued).await? {
                return Ok(queued);
            }
            let id = self.next_sweep_id().await?;
            let sweep = Sweep {
                state: SweepState::Queued,
                ..self.new_sweep(id, trigger.clone())
            };
            let change = Change {
                sweeps: vec![Write::Insert(sweep.clone())],
                ..Change::default()
            };
            match self.store_change(change).await {
                Ok(_) => {
                    self.wake_sweeper.notify_one();
                    return Ok(sweep);
                }
                // Another run was queued in between.
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether a fast clock made the run, within the tolerance of nodes.
fn is_ahead(run: &Sweep, now: Timestamp) -> bool {
    run.begun_at > AGAIN_AFTER.after(now)
}

/// Whether these runs, newest first, include the reference of the mode's next sweep.
fn shows_anchor(recent: &[Sweep], settings: &SweepSettings) -> bool {
    settings.mode.action().is_none()
        || recent
            .iter()
            .any(|run| run.mode != settings.mode || has_acted(run))
}

/// Whether the run is a scheduled acting sweep.
fn has_acted(run: &Sweep) -> bool {
    run.trigger == Trigger::Schedule && !matches!(run.state, SweepState::Interrupted { .. })
}

/// `recent` is newest first.
fn next(
    recent: &[Sweep],
    settings: &SweepSettings,
    now: Timestamp,
) -> Option<(Timestamp, Trigger)> {
    let newest = recent.iter().find(|run| {
        !matches!(
            run.state,
            SweepState::Queued | SweepState::Interrupted { .. }
        )
    });
    if settings.mode == SweepMode::Off {
        let was_on = newest.is_some_and(|run| run.mode != SweepMode::Off);
        return was_on.then_some((now, Trigger::SwitchedOff));
    }
    let Some(newest) = newest else {
        return Some((now, Trigger::Check));
    };
    if newest.mode != settings.mode {
        return Some((now, Trigger::Check));
    }
    if matches!(newest.state, SweepState::Failed { .. }) {
        return Some((AGAIN_AFTER.after(newest.begun_at), newest.trigger.clone()));
    }
    let check = (settings.check_every.after(newest.begun_at), Trigger::Check);
    // Without an acting mode, a sweep equals a check.
    let Some(_) = settings.mode.action() else {
        return Some(check);
    };
    // Counted from the last sweep, or from when the mode took effect.
    let in_force = || recent.iter().take_while(|run| run.mode == settings.mode);
    let acted = in_force().find(|run| has_acted(run));
    let anchor = acted.or_else(|| in_force().last()).unwrap_or(newest);
    let act = settings
        .at
        .next(anchor.begun_at)
        .map(|at| (at, Trigger::Schedule));
    match act {
        Some(act) if act.0 <= check.0 => Some(act),
        Some(_) | None => Some(check),
    }
}
