//! Enforced ends in memory.

use async_trait::async_trait;
use hallpass_access::{ArmedEndRequest, DesiredAssignment, Message};
use hallpass_base::{HoldKey, Timestamp};
use hallpass_org::armed_ends::{ArmedEnd, ArmedEndChange, ArmedEndStore, SettledEnds};
use hallpass_plans::StoreFault;

use super::{MemoryState, MemoryStore};
use crate::steps::{
    armed_end_looked_again, armed_end_moved, armed_end_wished, gate_closed, gate_settled, key_of,
    key_of_wish, notice_of_unmoved,
};

pub(super) fn commit(
    state: &mut MemoryState,
    wishes: &[ArmedEndRequest],
    desired: &[DesiredAssignment],
    now: Option<Timestamp>,
) {
    for wished in wishes {
        wish(state, wished);
    }
    for desire in desired {
        let name = key_of(desire).to_string();
        let stored = state.armed_ends.get(&name).cloned();
        let row = state.assignments.get(&name).map(|slot| &slot.row);
        if let Some(end) = stored.and_then(|end| armed_end_moved(end, desire, row, now)) {
            state.armed_ends.insert(name, end);
        }
    }
}

fn wish(state: &mut MemoryState, wish: &ArmedEndRequest) {
    let Some(key) = key_of_wish(wish) else {
        for stored in state.armed_ends.values_mut() {
            if let Some(end) = armed_end_looked_again(stored.clone(), wish) {
                *stored = end;
            }
        }
        return;
    };
    let key = key.to_string();
    let stored = state.armed_ends.get(&key).cloned();
    let Some((end, gate)) = armed_end_wished(stored, wish) else {
        return;
    };
    state.armed_ends.insert(key.clone(), end);
    if let Some(until) = gate
        && let Some(slot) = state.assignments.get_mut(&key)
    {
        slot.row = gate_closed(slot.row.clone(), until);
    }
}

#[async_trait]
impl ArmedEndStore for MemoryStore {
    async fn open_armed_ends(&self) -> Result<Vec<ArmedEnd>, StoreFault> {
        let state = self.state();
        let open = state.armed_ends.values().filter(|it| it.is_open());
        Ok(open.cloned().collect())
    }

    async fn armed_ends_of(&self, keys: &[HoldKey]) -> Result<Vec<ArmedEnd>, StoreFault> {
        let state = self.state();
        let found = keys
            .iter()
            .filter_map(|key| state.armed_ends.get(&key.to_string()));
        Ok(found.cloned().collect())
    }

    async fn settle_armed_ends(&self, change: ArmedEndChange) -> Result<SettledEnds, StoreFault> {
        let mut state = self.state();
        for end in &change.ends {
            let stored = state.armed_ends.get(&end.key.to_string());
            if stored.is_none_or(|stored| stored.version != end.version) {
                return Ok(SettledEnds::Moved);
            }
        }
        state.append(change.records)?;
        for end in &change.ends {
            let version = end.version + 1;
            let next = ArmedEnd {
                version,
                ..end.clone()
            };
            state.armed_ends.insert(end.key.to_string(), next);
        }
        for gate in &change.gates {
            if let Some(slot) = state.assignments.get_mut(&gate.key.to_string())
                && let Some(row) = gate_settled(slot.row.clone(), gate)
            {
                slot.row = row;
            }
        }
        for told in &change.news {
            let notice = notice_of_unmoved(told);
            state.post(Message::Notice(notice));
        }
        Ok(SettledEnds::Stored)
    }
}
