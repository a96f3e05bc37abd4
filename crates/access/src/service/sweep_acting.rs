//! Acts on sweep items until their run is over.

use std::collections::BTreeMap;

use hallpass_base::SweepId;

use super::{Access, AccessError};
use crate::sweep;
use crate::sweep_steps;
use crate::{
    Change, CommitError, DigestKind, Fate, LeftAlone, Sweep, SweepAction, SweepItem, SweepState,
    Write,
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepsTended {
    pub items: u32,
    pub done: u32,
    /// Failed steps; they are retried.
    pub failed: u32,
    pub open: u32,
}

impl Access {
    /// Acts on due items and settles running ones, each separately.
    ///
    /// # Errors
    /// If the store cannot list them. Single failures are counted.
    pub async fn tend_sweeps(&self) -> Result<SweepsTended, AccessError> {
        let mut tended = SweepsTended::default();
        let open = self.ports.sweeps.open_sweep_items().await?;
        let mut runs: BTreeMap<SweepId, Sweep> = BTreeMap::new();
        for item in open {
            let run = match runs.get(&item.sweep) {
                Some(run) => run.clone(),
                None => match self.ports.sweeps.sweep(item.sweep).await? {
                    Some(run) => runs.entry(item.sweep).or_insert(run).clone(),
                    None => continue,
                },
            };
            match self.tend_item(&run, &item).await {
                // A concurrent process took the step.
                Ok(true) | Err(AccessError::Commit(CommitError::Raced(_))) => tended.items += 1,
                Ok(false) => {}
                Err(error) => {
                    tended.failed += 1;
                    tracing::warn!(sweep.id = %run.id, key = %item.key, error = %error, "an item of a sweep could \
                        not be processed");
                }
            }
        }
        tended.open =
            u32::try_from(self.ports.sweeps.open_sweep_items().await?.len()).unwrap_or(u32::MAX);
        for run in self.ports.sweeps.open_sweeps().await? {
            if matches!(run.state, SweepState::Working { .. }) && self.close_run(&run).await? {
                tended.done += 1;
            }
        }
        Ok(tended)
    }

    /// Returns whether there was a step.
    async fn tend_item(&self, run: &Sweep, item: &SweepItem) -> Result<bool, AccessError> {
        let holds = self.holds(Some(&item.key)).await?;
        let accepted = self.ports.sweeps.accepted_one(&item.key).await?;
        // An unreliable clock removes nothing and counts no end.
        if matches!(item.fate, Fate::Due { .. }) && self.step().ensure_agreed().is_err() {
            return Ok(false);
        }
        let (settings, directory) = (&self.settings.sweep, self.directory());
        let not_wanted = sweep_steps::not_wanted(run, item, settings, &directory);
        let is_accepted = accepted.is_some() || not_wanted == Some(LeftAlone::Accepted);
        let change = match &item.fate {
            Fate::Due { action } => match (not_wanted, action) {
                (Some(why), _) => sweep_steps::leave_alone(run, item, why, self.step()),
                (None, SweepAction::Remove) => {
                    sweep_steps::begin_removal(run, item, &holds, accepted.as_ref(), self.step())
                }
                (None, SweepAction::Adopt { length }) => {
                    self.adopt_item(run, item, &holds, accepted.as_ref(), *length)
                        .await?
                }
            },
            Fate::Removing { .. } | Fate::Stuck { .. } => {
                let called_off = is_accepted
                    .then(|| sweep_steps::call_off(run, item, &holds, self.step()))
                    .flatten();
                called_off.unwrap_or_else(|| sweep_steps::settle(run, item, &holds, self.step()))
            }
            Fate::Reported
            | Fate::Waits { .. }
            | Fate::InHand { .. }
            | Fate::Planned { .. }
            | Fate::Gone { .. }
            | Fate::Adopted { .. }
            | Fate::LeftAlone { .. } => Change::default(),
        };
        let stepped = !change.is_empty();
        self.store_change(change).await?;
        Ok(stepped)
    }

    async fn close_run(&self, run: &Sweep) -> Result<bool, AccessError> {
        let items = self.ports.sweeps.sweep_items(run.id).await?;
        if items.iter().any(|item| item.fate.is_at_work()) {
            return Ok(false);
        }
        let step = self.step();
        let done = Sweep {
            state: SweepState::Done { at: step.now },
            ..run.clone()
        };
        let told = sweep::done(&done, &items);
        let change = Change {
            digests: told
                .map(|news| step.digest(DigestKind::SweepDone, run.id, news))
                .into_iter()
                .collect(),
            sweeps: vec![Write::Update(done)],
            ..Change::default()
        };
        match self.store_change(change).await {
            Ok(_) => Ok(true),
            Err(CommitError::Raced(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
