//! Sweeps, findings and acceptances in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use hallpass_access::{
    AcceptanceWrite, Accepted, GroupAssignment, GroupAssignmentKey, GroupAssignmentWrite,
    ReadError, Sweep, SweepItem, SweepState, SweepStore, Write,
};
use hallpass_base::{HoldKey, SweepId};

use super::MemoryStore;
use crate::fault::StorageFault;
use crate::steps::{check_step, exists_already, wrong_version};

#[derive(Clone, Debug, Default)]
pub(super) struct Sweeps {
    runs: BTreeMap<SweepId, Sweep>,
    items: BTreeMap<(SweepId, HoldKey), SweepItem>,
    accepted: BTreeMap<HoldKey, Accepted>,
    group_assignments: BTreeMap<GroupAssignmentKey, GroupAssignment>,
}

/// States limited to one run at a time.
fn is_alone(state: &SweepState) -> bool {
    matches!(state, SweepState::Queued | SweepState::Running)
}

fn is_open(sweep: &Sweep) -> bool {
    match sweep.state {
        SweepState::Queued
        | SweepState::Running
        | SweepState::Planned { .. }
        | SweepState::Stopped { .. }
        | SweepState::Working { .. } => true,
        SweepState::Interrupted { .. }
        | SweepState::Failed { .. }
        | SweepState::Replaced { .. }
        | SweepState::Done { .. } => false,
    }
}

impl Sweeps {
    pub(super) fn sweep(&mut self, write: Write<Sweep>) -> Result<(), StorageFault> {
        let next = match write {
            Write::Insert(sweep) => {
                if self.runs.contains_key(&sweep.id) {
                    return Err(exists_already(&format!("sweep {}", sweep.id)));
                }
                sweep
            }
            Write::Update(sweep) => {
                let what = format!("sweep {}", sweep.id);
                let prior = self
                    .runs
                    .get(&sweep.id)
                    .filter(|stored| stored.version == sweep.version)
                    .ok_or_else(|| wrong_version(&what))?;
                let (prior, next) = (prior.state.name(), sweep.state.name());
                check_step(SweepState::STEPS, &what, prior, next)?;
                Sweep {
                    version: sweep.version + 1,
                    ..sweep
                }
            }
        };
        let other = |it: &Sweep| it.id != next.id && it.state == next.state;
        if is_alone(&next.state) && self.runs.values().any(other) {
            let name = next.state.name();
            return Err(exists_already(&format!("another sweep that is {name}")));
        }
        self.runs.insert(next.id, next);
        Ok(())
    }

    pub(super) fn item(&mut self, write: Write<SweepItem>) -> Result<(), StorageFault> {
        let what = |item: &SweepItem| format!("item {} of sweep {}", item.key, item.sweep);
        let next = match write {
            Write::Insert(item) => {
                if self.items.contains_key(&(item.sweep, item.key.clone())) {
                    return Err(exists_already(&what(&item)));
                }
                item
            }
            Write::Update(item) => {
                let stored = self.items.get(&(item.sweep, item.key.clone()));
                if stored.is_none_or(|stored| stored.version != item.version) {
                    return Err(wrong_version(&what(&item)));
                }
                SweepItem {
                    version: item.version + 1,
                    ..item
                }
            }
        };
        self.items.insert((next.sweep, next.key.clone()), next);
        Ok(())
    }

    pub(super) fn acceptance(&mut self, write: AcceptanceWrite) -> Result<(), StorageFault> {
        let what = |row: &Accepted| format!("the acceptance of {}", row.key);
        let stored = |row: &Accepted| self.accepted.get(&row.key).map(|it| it.version);
        match write {
            AcceptanceWrite::Insert(row) => {
                if stored(&row).is_some() {
                    return Err(exists_already(&what(&row)));
                }
                self.accepted.insert(row.key.clone(), row);
            }
            AcceptanceWrite::Update(row) => {
                if stored(&row) != Some(row.version) {
                    return Err(wrong_version(&what(&row)));
                }
                let next = Accepted {
                    version: row.version + 1,
                    ..row
                };
                self.accepted.insert(next.key.clone(), next);
            }
            AcceptanceWrite::Withdraw(row) => {
                if stored(&row) != Some(row.version) {
                    return Err(wrong_version(&what(&row)));
                }
                self.accepted.remove(&row.key);
            }
        }
        Ok(())
    }

    pub(super) fn group_assignment(&mut self, write: GroupAssignmentWrite) {
        match write {
            GroupAssignmentWrite::Store(row) => {
                self.group_assignments.insert(row.key.clone(), row);
            }
            GroupAssignmentWrite::Remove(key) => drop(self.group_assignments.remove(&key)),
        }
    }

    fn prune(&mut self, listings: u32, runs: u32) {
        let most = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        let kept: Vec<SweepId> = self.runs.keys().rev().take(most(runs)).copied().collect();
        let Self { runs, items, .. } = self;
        let has_open = |id: &SweepId| {
            items
                .values()
                .any(|item| item.sweep == *id && item.fate.is_open())
        };
        runs.retain(|id, sweep| kept.contains(id) || is_open(sweep) || has_open(id));
        let listed: Vec<SweepId> = runs
            .values()
            .rev()
            .filter(|sweep| sweep.report.is_some())
            .take(most(listings))
            .map(|sweep| sweep.id)
            .collect();
        items.retain(|(id, _), item| {
            let is_kept =
                |run: &Sweep| item.fate.is_acted_on() || is_open(run) || listed.contains(&run.id);
            item.fate.is_open() || runs.get(id).is_some_and(is_kept)
        });
    }
}

#[async_trait]
impl SweepStore for MemoryStore {
    async fn sweep(&self, id: SweepId) -> Result<Option<Sweep>, ReadError> {
        Ok(self.state().sweeps.runs.get(&id).cloned())
    }

    async fn sweeps(&self, before: Option<SweepId>, limit: u32) -> Result<Vec<Sweep>, ReadError> {
        let state = self.state();
        let newest_first = state.sweeps.runs.values().rev();
        Ok(newest_first
            .filter(|sweep| before.is_none_or(|before| sweep.id < before))
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .cloned()
            .collect())
    }

    async fn newest_listing(&self) -> Result<Option<Sweep>, ReadError> {
        let state = self.state();
        let mut newest_first = state.sweeps.runs.values().rev();
        Ok(newest_first.find(|sweep| sweep.report.is_some()).cloned())
    }

    async fn open_sweeps(&self) -> Result<Vec<Sweep>, ReadError> {
        let state = self.state();
        let open = state.sweeps.runs.values().filter(|sweep| is_open(sweep));
        Ok(open.cloned().collect())
    }

    async fn sweep_items(&self, sweep: SweepId) -> Result<Vec<SweepItem>, ReadError> {
        let state = self.state();
        let of_run = state.sweeps.items.values();
        Ok(of_run.filter(|item| item.sweep == sweep).cloned().collect())
    }

    async fn sweep_item(
        &self,
        sweep: SweepId,
        key: &HoldKey,
    ) -> Result<Option<SweepItem>, ReadError> {
        let name = (sweep, key.clone());
        Ok(self.state().sweeps.items.get(&name).cloned())
    }

    async fn open_sweep_items(&self) -> Result<Vec<SweepItem>, ReadError> {
        let state = self.state();
        let open = state
            .sweeps
            .items
            .values()
            .filter(|item| item.fate.is_open());
        Ok(open.cloned().collect())
    }

    async fn accepted(&self) -> Result<Vec<Accepted>, ReadError> {
        Ok(self.state().sweeps.accepted.values().cloned().collect())
    }

    async fn accepted_one(&self, key: &HoldKey) -> Result<Option<Accepted>, ReadError> {
        Ok(self.state().sweeps.accepted.get(key).cloned())
    }

    async fn group_assignments(&self) -> Result<Vec<GroupAssignment>, ReadError> {
        let state = self.state();
        Ok(state.sweeps.group_assignments.values().cloned().collect())
    }

    async fn prune_sweeps(&self, listings: u32, runs: u32) -> Result<(), ReadError> {
        self.state().sweeps.prune(listings, runs);
        Ok(())
    }
}
