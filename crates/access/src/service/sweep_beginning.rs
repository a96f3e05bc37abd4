//! Which run of a sweep looks next, and how it begins: by the clock, wanted by somebody, after one that a
//! stop interrupted.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use hallpass_audit::Event;
use hallpass_base::{SweepId, TimeSpan, Timestamp};

use super::{Access, AccessError, RACES_MAX};
use crate::records::Doer;
use crate::{Change, CommitError, Sweep, SweepMode, SweepSettings, SweepState, Trigger, Write};

/// Runs looked back at, at a time, to know when the next is due, and whether the mode was confirmed.
pub(super) const LOOKED_BACK: u32 = 100;
/// Runs that are kept, and the most that are looked back at.
pub(super) const RUNS_KEPT: u32 = 1000;
/// A run that could not look is made again after this.
pub(super) const AGAIN_AFTER: TimeSpan = TimeSpan::minutes(10);

impl Access {
    /// When the next run is due, and why; `None` while sweeps are off. The instant may be past. None is due
    /// while clocks disagree: what a run finds is counted from when it looked.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn next_sweep(&self) -> Result<Option<(Timestamp, Trigger)>, AccessError> {
        let step = self.step();
        let recent = self.recent_sweeps(step.now).await?;
        let due = next(&recent, &self.settings.sweep, step.now);
        Ok(due.map(|(at, trigger)| match step.disagreement {
            Some(_) => (at.max(AGAIN_AFTER.after(step.now)), trigger),
            None => (at, trigger),
        }))
    }

    /// Runs from the newest back to what the next is counted from, without those of a clock that was ahead.
    async fn recent_sweeps(&self, now: Timestamp) -> Result<Vec<Sweep>, AccessError> {
        let most = usize::try_from(RUNS_KEPT).unwrap_or(usize::MAX);
        let (mut recent, mut read, mut before) = (Vec::new(), 0, None);
        loop {
            let page = self.ports.sweeps.sweeps(before, LOOKED_BACK).await?;
            let count = page.len();
            read += count;
            before = page.last().map(|oldest| oldest.id);
            recent.extend(page.into_iter().filter(|run| !is_ahead(run, now)));
            let is_last = u32::try_from(count).is_ok_and(|count| count < LOOKED_BACK);
            if is_last || read >= most || shows_anchor(&recent, &self.settings.sweep) {
                return Ok(recent);
            }
        }
    }

    /// An id behind those of all other runs, for ids are in the order of looking: also of one whose clock was
    /// ahead.
    async fn next_sweep_id(&self) -> Result<SweepId, AccessError> {
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

    /// Begins a run: from here on a row says so. It looks once [`run_sweep`](Access::run_sweep) is
    /// called.
    ///
    /// # Errors
    /// [`CommitError::Raced`] when one is running already.
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

    /// Stores a run that this process begins. It is known as ours before anybody can see it.
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
        // ids alone: a panic elsewhere leaves them whole
        self.own_sweeps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The run that is to look now, if there is one. One that another process began, and did not
    /// finish, is closed as interrupted and begun anew; where none looks, the one that is queued begins.
    /// None begins while sweeps are off.
    ///
    /// # Errors
    /// When the store does not answer.
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
        // whoever waits for the next run waits for no other: ids are in the order of looking
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

    /// A run that was queued, as it begins by the settings of now, and how that is stored.
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

    /// The open run in this state, of which there is at most one.
    async fn sweep_in(&self, state: &SweepState) -> Result<Option<Sweep>, AccessError> {
        let open = self.ports.sweeps.open_sweeps().await?;
        Ok(open.into_iter().find(|sweep| sweep.state == *state))
    }

    /// Begins the run that is queued, by the settings of now. Where sweeps were switched off since, it is
    /// closed and looks at nothing.
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

    /// A run that somebody wants. It is queued, also while none looks: whoever looks may be another process, and
    /// takes a run that it did not begin for one that was interrupted.
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
                // another was queued between the two
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether a run was made by a clock that was ahead, and has returned since. Nodes may differ a little.
fn is_ahead(run: &Sweep, now: Timestamp) -> bool {
    run.begun_at > AGAIN_AFTER.after(now)
}

/// Whether these runs, newest first, go back to what the sweep of the mode is counted from.
fn shows_anchor(recent: &[Sweep], settings: &SweepSettings) -> bool {
    settings.mode.action().is_none()
        || recent
            .iter()
            .any(|run| run.mode != settings.mode || has_acted(run))
}

/// Whether a run is the sweep that the configuration wants at its time.
fn has_acted(run: &Sweep) -> bool {
    run.trigger == Trigger::Schedule && !matches!(run.state, SweepState::Interrupted { .. })
}

/// When the next run is due, and why. `recent` is newest first.
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
    // without a mode that acts, a sweep would do no more than a check
    let Some(_) = settings.mode.action() else {
        return Some(check);
    };
    // counted from the last sweep, or from when the mode came into force
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
