//! Assignment rows in memory.

use async_trait::async_trait;
use hallpass_assignments::{AssignmentStore, Begin, Lease, Leased, Row, StoreFault};
use hallpass_model::{HoldKey, Timestamp};

use super::{MemoryStore, Slot, State};
use crate::fault::Fault;
use crate::rows::account_of;
use crate::steps::{begun, place_in_queue, recorded};

impl Slot {
    fn is_free(&self, now: Timestamp) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.until <= now)
    }

    fn is_in_flight(&self) -> bool {
        self.row.execution.operation.is_some()
    }
}

impl State {
    /// The row under this lease.
    fn leased(&self, key: &HoldKey, lease: &Lease) -> Result<&Slot, Fault> {
        self.assignments
            .get(&key.to_string())
            .filter(|slot| {
                slot.lease
                    .as_ref()
                    .is_some_and(|held| held.token == lease.token)
            })
            .ok_or_else(|| Fault::Fenced(key.clone()))
    }

    fn is_lane_taken(&self, row: &Row) -> bool {
        let lane = row.key.lane();
        self.others_in_flight(row)
            .any(|other| other.key.lane() == lane)
    }

    fn others_in_flight<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a Row> {
        self.assignments
            .values()
            .filter(|slot| slot.is_in_flight() && slot.row.key != row.key)
            .map(|slot| &slot.row)
    }

    fn put(&mut self, row: Row) {
        if let Some(slot) = self.assignments.get_mut(&row.key.to_string()) {
            slot.row = row;
        }
    }

    fn begin(&mut self, intent: &Row, lease: &Lease, max: u32) -> Result<Begin, Fault> {
        let stored = self.leased(&intent.key, lease)?.row.clone();
        let is_account = |row: &Row| account_of(&row.key.target).is_some();
        let outstanding = self
            .others_in_flight(intent)
            .filter(|row| is_account(row))
            .count();
        let is_full =
            is_account(intent) && outstanding >= usize::try_from(max).unwrap_or(usize::MAX);
        if is_full || self.is_lane_taken(intent) {
            return Ok(Begin::Busy);
        }
        Ok(match begun(stored, intent) {
            Some(row) => {
                self.put(row);
                Begin::Stored
            }
            None => Begin::Busy,
        })
    }

    fn record(&mut self, learned: &Row, lease: &Lease, news: bool) -> Result<Row, Fault> {
        let stored = self.leased(&learned.key, lease)?.row.clone();
        if learned.execution.operation.is_some() && self.is_lane_taken(learned) {
            return Err(Fault::Unavailable(format!(
                "lane {} has another operation in flight (this is a bug)",
                learned.key.lane()
            )));
        }
        let row = recorded(stored, learned, news);
        self.put(row.clone());
        Ok(row)
    }
}

#[async_trait]
impl AssignmentStore for MemoryStore {
    async fn lease_due(
        &self,
        now: Timestamp,
        limit: u32,
        lease: &Lease,
    ) -> Result<Vec<Leased>, StoreFault> {
        let mut state = self.state();
        let mut due: Vec<_> = state
            .assignments
            .iter_mut()
            .filter(|(_, slot)| slot.is_free(now) && slot.row.execution.due <= now)
            .collect();
        // the sort is stable: rows of one place stand in the order of their names
        due.sort_by_key(|(_, slot)| place_in_queue(&slot.row, now));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due
            .into_iter()
            .map(|(_, slot)| {
                slot.lease = Some(lease.clone());
                Leased {
                    row: slot.row.clone(),
                    lease: lease.clone(),
                }
            })
            .collect())
    }

    async fn begin(
        &self,
        row: &Row,
        lease: &Lease,
        outstanding_max: u32,
    ) -> Result<Begin, StoreFault> {
        Ok(self.state().begin(row, lease, outstanding_max)?)
    }

    async fn record(&self, row: &Row, lease: &Lease, news: bool) -> Result<Row, StoreFault> {
        Ok(self.state().record(row, lease, news)?)
    }

    async fn release(&self, key: &HoldKey, lease: &Lease) -> Result<(), StoreFault> {
        let mut state = self.state();
        if state.leased(key, lease).is_ok()
            && let Some(slot) = state.assignments.get_mut(&key.to_string())
        {
            slot.lease = None;
        }
        Ok(())
    }

    async fn assignment(&self, key: &HoldKey) -> Result<Option<Row>, StoreFault> {
        let state = self.state();
        Ok(state
            .assignments
            .get(&key.to_string())
            .map(|slot| slot.row.clone()))
    }

    async fn assignments(&self) -> Result<Vec<Row>, StoreFault> {
        let state = self.state();
        Ok(state
            .assignments
            .values()
            .map(|slot| slot.row.clone())
            .collect())
    }

    async fn poke(&self, key: &HoldKey, now: Timestamp) -> Result<(), StoreFault> {
        if let Some(slot) = self.state().assignments.get_mut(&key.to_string()) {
            let due = &mut slot.row.execution.due;
            *due = now.min(*due);
        }
        Ok(())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreFault> {
        let state = self.state();
        Ok(state
            .assignments
            .values()
            .map(|slot| {
                let due = slot.row.execution.due;
                slot.lease
                    .as_ref()
                    .map_or(due, |lease| due.max(lease.until))
            })
            .min())
    }
}
