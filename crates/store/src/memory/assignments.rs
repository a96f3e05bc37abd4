//! Assignment rows in memory.

use std::collections::BTreeSet;

use async_trait::async_trait;
use hallpass_assignments::queue::{
    self, InFlight, Queue, QueueFront, QueueFronts, QueueLengths, QueuePosition, Room,
};
use hallpass_assignments::{
    AssignmentRow, AssignmentStore, EndPriority, Lease, NotedOver, OperationKind, Over, OwnedEnd,
    StoreFault, Taken, Task, Urgency, is_lease_from_future,
};
use hallpass_base::{HoldKey, Timestamp};

use super::{MemoryState, MemoryStore, Slot};
use crate::fault::StorageFault;
use crate::steps::{AT_ONCE_AGAIN, begun, noted_over, picked, recorded};

impl Slot {
    fn is_free(&self, now: Timestamp) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.until <= now)
    }

    fn standing(&self) -> QueuePosition {
        QueuePosition::of(&self.row)
    }
}

struct Lanes {
    taken: BTreeSet<String>,
    with_removals: BTreeSet<String>,
}

impl Lanes {
    fn has_room(&self, queue: Queue, lane: &str) -> bool {
        match queue {
            Queue::Step(_) => true,
            Queue::Write(Urgency::Grant, _) => {
                !self.taken.contains(lane) && !self.with_removals.contains(lane)
            }
            Queue::Write(..) => !self.taken.contains(lane),
        }
    }
}

fn waits_at_once(standing: &QueuePosition, now: Timestamp) -> bool {
    standing.haste == EndPriority::AtOnce
        && standing.slot == queue::Slot::Account
        && standing.unwanted_from <= now
        && standing.waits_for_end(AT_ONCE_AGAIN.after(now))
}

impl MemoryState {
    fn leased(&self, key: &HoldKey, lease: &Lease) -> Result<&Slot, StorageFault> {
        self.assignments
            .get(&key.to_string())
            .filter(|slot| {
                slot.lease
                    .as_ref()
                    .is_some_and(|held| held.token == lease.token)
            })
            .ok_or_else(|| StorageFault::Fenced(key.clone()))
    }

    fn taken_lanes(&self) -> BTreeSet<String> {
        let rows = self.assignments.values().map(|slot| &slot.row);
        rows.filter(|row| row.in_flight().is_some())
            .map(|row| row.key.lane())
            .collect()
    }

    fn is_lane_taken(&self, row: &AssignmentRow) -> bool {
        let lane = row.key.lane();
        let mut rows = self.assignments.values().map(|slot| &slot.row);
        rows.any(|other| {
            other.in_flight().is_some() && other.key != row.key && other.key.lane() == lane
        })
    }

    fn put(&mut self, row: AssignmentRow) {
        if let Some(slot) = self.assignments.get_mut(&row.key.to_string()) {
            slot.row = row;
        }
    }

    fn in_flight(&self) -> InFlight {
        let mut in_flight = InFlight::default();
        for standing in self.assignments.values().map(Slot::standing) {
            if let (Some(kind), queue::Slot::Account) = (standing.in_flight, standing.slot) {
                in_flight.add(kind, standing.haste, standing.is_accepted);
            }
        }
        in_flight
    }

    /// Returns lanes of removals that are next for a slot, urgent, or without need of a slot.
    fn lanes_with_removals(&self, now: Timestamp, slots: u32) -> BTreeSet<String> {
        let is_in_line = |standing: &QueuePosition| {
            standing.slot == queue::Slot::Account && standing.haste == EndPriority::Ordinary
        };
        let removals = || {
            let all = self.assignments.values();
            all.map(|slot| (slot.standing(), slot.row.key.lane()))
                .filter(|(standing, _)| standing.waits_for_end(now))
        };
        let mut turns: Vec<Timestamp> = removals()
            .filter(|(standing, _)| is_in_line(standing))
            .map(|(standing, _)| standing.unwanted_from)
            .collect();
        turns.sort_unstable();
        let before = usize::try_from(slots.saturating_sub(1)).unwrap_or(usize::MAX);
        let until = turns.get(before).copied().unwrap_or(Timestamp::MAX);
        removals()
            .filter(|(standing, _)| !is_in_line(standing) || standing.unwanted_from <= until)
            .map(|(_, lane)| lane)
            .collect()
    }

    fn heads(&self, now: Timestamp, room: &Room) -> QueueFronts {
        let lanes = Lanes {
            taken: self.taken_lanes(),
            with_removals: self.lanes_with_removals(now, room.slots),
        };
        let mut heads = QueueFronts {
            in_flight: self.in_flight(),
            ..QueueFronts::default()
        };
        for (key, slot) in &self.assignments {
            if !slot.is_free(now) {
                continue;
            }
            let (standing, lane) = (slot.standing(), slot.row.key.lane());
            let waits = waits_at_once(&standing, now) && !lanes.taken.contains(&lane);
            if waits && heads.at_once_waiting < room.slots {
                heads.at_once_waiting += 1;
            }
            let Some((queue, since)) = standing.queue(now) else {
                continue;
            };
            if queue.urgency() > room.least || !lanes.has_room(queue, &lane) {
                continue;
            }
            let is_asked = standing.is_accepted && standing.due > room.polls_due_by;
            if is_asked && queue != Queue::Step(Urgency::Background) {
                continue;
            }
            let head = QueueFront {
                since,
                key: key.clone(),
                queue,
            };
            match heads.heads.iter_mut().find(|it| it.queue == queue) {
                Some(first) if head < *first => *first = head,
                Some(_) => {}
                None => heads.heads.push(head),
            }
        }
        heads
    }

    fn take(&mut self, now: Timestamp, room: &Room, lease: &Lease) -> Taken {
        let heads = self.heads(now, room);
        let (mut taken, head) = picked(&heads, room);
        let Some(head) = head else {
            return taken;
        };
        let Some(slot) = self.assignments.get_mut(&head.key) else {
            return taken;
        };
        slot.lease = Some(lease.clone());
        let task = queue::task(slot.row.clone(), head.queue, now);
        if let Task::Send { intent, .. } = &task {
            slot.row = begun(slot.row.clone(), intent);
            taken.in_flight = self.in_flight();
        }
        taken.task = Some(task);
        taken
    }

    fn record(
        &mut self,
        learned: &AssignmentRow,
        lease: &Lease,
        news: bool,
    ) -> Result<(), StorageFault> {
        let stored = self.leased(&learned.key, lease)?.row.clone();
        if learned.in_flight().is_some() && self.is_lane_taken(learned) {
            return Err(StorageFault::Unavailable(format!(
                "lane {} has another operation in flight: this waits for it",
                learned.key.lane()
            )));
        }
        self.put(recorded(stored, learned, news));
        if let Some(slot) = self.assignments.get_mut(&learned.key.to_string()) {
            slot.lease = None;
        }
        Ok(())
    }

    fn waiting_grants(&self, now: Timestamp) -> impl Iterator<Item = &Slot> {
        self.assignments
            .values()
            .filter(move |slot| slot.standing().waits_for_grant(now))
    }
}

#[async_trait]
impl AssignmentStore for MemoryStore {
    async fn take(&self, now: Timestamp, room: &Room, lease: &Lease) -> Result<Taken, StoreFault> {
        Ok(self.state().take(now, room, lease))
    }

    async fn first(&self, now: Timestamp) -> Result<Option<AssignmentRow>, StoreFault> {
        let state = self.state();
        let standing = |(key, slot): (&String, &Slot)| {
            let (queue, since) = slot.standing().queue(now)?;
            Some(((queue.urgency(), since, key.clone()), slot.row.clone()))
        };
        let found = state.assignments.iter().filter_map(standing);
        Ok(found.min_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, row)| row))
    }

    async fn record(&self, row: &AssignmentRow, by: &Lease, news: bool) -> Result<(), StoreFault> {
        Ok(self.state().record(row, by, news)?)
    }

    async fn in_flight(&self, kind: OperationKind) -> Result<Vec<AssignmentRow>, StoreFault> {
        let state = self.state();
        let is_asked_about = |slot: &&Slot| {
            let standing = slot.standing();
            standing.in_flight == Some(kind)
                && standing.is_accepted
                && standing.slot == queue::Slot::Account
        };
        Ok(state
            .assignments
            .values()
            .filter(is_asked_about)
            .map(|slot| slot.row.clone())
            .collect())
    }

    async fn note_over(&self, over: &[Over], at: Timestamp, due: Timestamp) -> NotedOver {
        let mut state = self.state();
        let mut noted = 0;
        for one in over {
            let Some(slot) = state.assignments.get_mut(&one.key.to_string()) else {
                continue;
            };
            if slot.is_free(at)
                && let Some(row) = noted_over(slot.row.clone(), one, at, due)
            {
                slot.row = row;
                noted += 1;
            }
        }
        Ok(noted)
    }

    async fn assignment(&self, key: &HoldKey) -> Result<Option<AssignmentRow>, StoreFault> {
        let state = self.state();
        Ok(state
            .assignments
            .get(&key.to_string())
            .map(|slot| slot.row.clone()))
    }

    async fn assignments(&self) -> Result<Vec<AssignmentRow>, StoreFault> {
        let state = self.state();
        Ok(state
            .assignments
            .values()
            .map(|slot| slot.row.clone())
            .collect())
    }

    async fn owned_ends(&self) -> Result<Vec<OwnedEnd>, StoreFault> {
        let state = self.state();
        let grants_of = |key: &HoldKey| {
            let live = state
                .grants
                .values()
                .filter(|grant| grant.key == *key && !grant.is_over());
            live.map(|grant| grant.id).collect()
        };
        Ok(state
            .assignments
            .values()
            .filter_map(|slot| slot.row.owned_end(grants_of(&slot.row.key)))
            .collect())
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreFault> {
        let state = self.state();
        let instants = state.assignments.values().flat_map(|slot| {
            let standing = slot.standing();
            let lease = slot.lease.as_ref().map(|lease| lease.until);
            [Some(standing.due), Some(standing.unwanted_from), lease]
        });
        Ok(instants.flatten().filter(|at| *at > now).min())
    }

    async fn waiting(&self, now: Timestamp) -> Result<QueueLengths, StoreFault> {
        let state = self.state();
        let count = |wanted: &dyn Fn(&QueuePosition) -> bool| {
            let standings = state.assignments.values().map(Slot::standing);
            let count = standings.filter(wanted).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        Ok(QueueLengths {
            at_once: count(&|it| it.waits_for_end(now) && it.haste == EndPriority::AtOnce),
            ends: count(&|it| it.waits_for_end(now) && it.haste == EndPriority::Ordinary),
            grants: count(&|it| it.waits_for_grant(now)),
            oldest_end: state
                .assignments
                .values()
                .map(Slot::standing)
                .filter(|it| it.waits_for_end(now))
                .map(|it| it.unwanted_from)
                .min(),
        })
    }

    async fn grants_before(
        &self,
        key: &HoldKey,
        now: Timestamp,
    ) -> Result<Option<u32>, StoreFault> {
        let state = self.state();
        let place = |slot: &Slot| (slot.row.desired.asked_at, slot.row.key.to_string());
        let Some(own) = state.waiting_grants(now).find(|slot| slot.row.key == *key) else {
            return Ok(None);
        };
        let (own, kind) = (place(own), own.standing().slot);
        let count = state
            .waiting_grants(now)
            .filter(|slot| slot.standing().slot == kind && place(slot) < own)
            .count();
        Ok(Some(u32::try_from(count).unwrap_or(u32::MAX)))
    }

    async fn free(&self, token: &str) -> Result<(), StoreFault> {
        for slot in self.state().assignments.values_mut() {
            if slot.lease.as_ref().is_some_and(|it| it.token == token) {
                slot.lease = None;
            }
        }
        Ok(())
    }

    async fn forget_future(&self, now: Timestamp) -> Result<u32, StoreFault> {
        let mut state = self.state();
        let mut count = 0;
        for slot in state.assignments.values_mut() {
            if slot.is_free(now) && slot.row.is_put_off(now) {
                slot.row = slot.row.clone().clamped(now);
                count += 1;
            }
            if slot
                .lease
                .as_ref()
                .is_some_and(|lease| is_lease_from_future(lease.until, now))
            {
                slot.lease = None;
                count += 1;
            }
        }
        Ok(count)
    }
}
