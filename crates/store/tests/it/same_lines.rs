//! Both engines return the same rows in the same order.

use std::fmt::Debug;

use hallpass_access::DesiredAssignment;
use hallpass_assignments::queue::{ExtraSlot, Room, Writes};
use hallpass_assignments::{
    AssignmentRow, AssignmentStore, EndPriority, Lease, Observation, OperationKind, Over,
    Ownership, StoreFault, Taken, Urgency, Verdict,
};
use hallpass_base::{HoldKey, Timestamp};
use hallpass_store_testing::conformance::Store;
use hallpass_store_testing::{a_lease, account_key, at, group_key, in_flight, with_desired};

use crate::same_answers::{Playing, Rng, Sequenced};

struct Lines {
    dice: Rng,
    now: u64,
    leases: u64,
    held: Vec<(AssignmentRow, Lease)>,
    stores: [Store; 2],
}

fn answer<T: Debug>(result: &Result<T, StoreFault>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(StoreFault::Fenced(key)) => format!("fenced {key}"),
        Err(StoreFault::Unavailable(_)) => "unavailable".to_owned(),
    }
}

macro_rules! both {
    ($lines:ident, |$store:ident| $call:expr) => {{
        let mut answers = Vec::new();
        for $store in &$lines.stores {
            answers.push($call);
        }
        let second = answers.pop().unwrap();
        (answers.pop().unwrap(), second)
    }};
}

impl Lines {
    fn key(&mut self) -> HoldKey {
        let person = self.dice.roll(1..5);
        if self.dice.chance(20) {
            group_key(person, 1)
        } else {
            account_key(person, self.dice.roll(1..5))
        }
    }

    async fn wish(&mut self) -> (String, String) {
        let key = self.key();
        let stored = self.stores[0].assignment(&key).await.unwrap();
        let forgets = self.dice.chance(10);
        let desire = match &stored {
            Some(row) if forgets => DesiredAssignment::Forget {
                key,
                rev: row.desired.rev,
            },
            _ => DesiredAssignment::Until {
                key,
                rev: stored.map(|row| row.desired.rev),
                until: self.dice.instant(self.now),
                asked_at: at(self.now),
                haste: self.dice.pick(&[
                    EndPriority::Ordinary,
                    EndPriority::Ordinary,
                    EndPriority::AtOnce,
                ]),
            },
        };
        both!(self, |store| format!(
            "{:?}",
            store.commit(with_desired(desire.clone())).await.is_ok()
        ))
    }

    fn room(&mut self) -> Room {
        let mut room = Room::whole(u32::try_from(self.dice.roll(1..4)).unwrap());
        if self.dice.chance(40) {
            room.least = self.dice.pick(&[
                Urgency::AtOnce,
                Urgency::End,
                Urgency::Grant,
                Urgency::Background,
            ]);
            room.writes =
                self.dice
                    .pick(&[Writes::All, Writes::Ends, Writes::AtOnce, Writes::None]);
            room.extra_slot = self.dice.pick(&[ExtraSlot::One, ExtraSlot::Never]);
            room.polls_due_by = self.dice.instant(self.now.saturating_sub(300));
        }
        room
    }

    async fn take(&mut self) -> (String, String) {
        self.leases += 1;
        let ahead = if self.dice.chance(4) { 9_000 } else { 90 };
        let lease = a_lease(&format!("lease {}", self.leases), self.now + ahead);
        let (now, room) = (at(self.now), self.room());
        let (memory, sqlite) = both!(self, |store| store.take(now, &room, &lease).await);
        if let Ok(Taken {
            task: Some(task), ..
        }) = &memory
        {
            self.held.push((task.row().clone(), lease));
        }
        (answer(&memory), answer(&sqlite))
    }

    async fn learn(&mut self) -> (String, String) {
        let count = self.held.len() as u64;
        if count == 0 {
            return self.take().await;
        }
        let index = usize::try_from(self.dice.roll(0..count)).unwrap();
        let (mut row, lease) = self.held.swap_remove(index);
        let (now, dice) = (self.now, &mut self.dice);
        let execution = &mut row.execution;
        execution.due = dice.instant(now.saturating_sub(380));
        if dice.chance(5) {
            execution.due = at(now + 90_000);
        }
        execution.verdict = dice.pick(&[Verdict::Working, Verdict::Present { at: at(now) }]);
        execution.ownership = dice.pick(&[Ownership::Undecided, Ownership::Ours]);
        execution.observation = dice.pick(&[
            Observation::Unseen,
            Observation::Present { at: at(now) },
            Observation::Absent {
                since: at(now),
                at: at(now),
            },
        ]);
        match dice.roll(0..8) {
            0..=1 => execution.operation = None,
            2 => row = in_flight(&row, OperationKind::Delete, now),
            _ => {}
        }
        if let Some(operation) = &mut row.execution.operation
            && dice.chance(80)
        {
            operation.operation_id = Some(dice.roll(0..2).to_string());
        }
        let news = dice.chance(50);
        both!(self, |store| answer(
            &store.record(&row, &lease, news).await
        ))
    }

    async fn over(&mut self) -> (String, String) {
        let kind = self
            .dice
            .pick(&[OperationKind::Create, OperationKind::Delete]);
        let running = self.stores[0].in_flight(kind).await.unwrap();
        let key = running
            .first()
            .map_or_else(|| account_key(1, 1), |row| row.key.clone());
        let operation_id = self.dice.roll(0..2).to_string();
        let (over, now) = ([Over { key, operation_id }], at(self.now));
        both!(self, |store| format!(
            "over {}",
            answer(&store.note_over(&over, now, now).await)
        ))
    }
}

async fn places(store: &Store, now: Timestamp) -> String {
    let mut places = Vec::new();
    for row in store.assignments().await.unwrap() {
        places.push(format!("{:?}", store.grants_before(&row.key, now).await));
    }
    places.join(" ")
}

impl Sequenced for Lines {
    fn new(seed: u64) -> Self {
        Self {
            dice: Rng::new(seed),
            now: 1,
            leases: 0,
            held: Vec::new(),
            stores: [crate::fresh_memory().0, crate::fresh_sqlite().0],
        }
    }

    async fn call(&mut self) -> (String, String) {
        self.now += self.dice.roll(0..20);
        match self.dice.roll(0..20) {
            0..=3 => self.wish().await,
            4..=10 => self.take().await,
            11..=16 => self.learn().await,
            17..=18 => self.over().await,
            _ => {
                let now = at(self.now);
                both!(self, |store| format!(
                    "delayed {}",
                    answer(&store.forget_future(now).await)
                ))
            }
        }
    }

    async fn everything(&self) -> (String, String) {
        let now = at(self.now);
        both!(self, |store| [
            format!("{:?}", store.assignments().await),
            format!("{:?}", AssignmentStore::next_due(&**store, now).await),
            format!("{:?}", store.first(now).await),
            format!("{:?}", store.waiting(now).await),
            format!("{:?}", store.in_flight(OperationKind::Create).await),
            format!("{:?}", store.in_flight(OperationKind::Delete).await),
            places(store, now).await,
        ]
        .join("\n"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_line_is_the_same_in_both_engines() {
    let playing = Playing {
        sequences: 150,
        calls: 120,
        look_every: 10,
        kinds: &[
            "unavailable",
            "fenced",
            "Send {",
            "Step(",
            "task: None",
            "waits_for_slot: true",
            "over 1",
            "delayed 1",
            "AtOnce",
        ],
    };
    playing.all::<Lines>().await;
}
