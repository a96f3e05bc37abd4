//! For tests: a journal in memory, time that passes when told, and the suite every journal passes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_model::{Clock, IdSource, Timestamp};
use uuid::Uuid;

use crate::journal::{Entry, Record, Stored};
use crate::plan::{Plan, PlanId};
use crate::ports::{Change, LeaseAnswer, Nap, PlanStore, Saved, StoreFault};

#[derive(Default)]
struct State {
    plans: BTreeMap<PlanId, (u64, Saved)>,
    saves: u64,
    journals: BTreeMap<PlanId, Vec<String>>,
    leases: BTreeMap<String, (String, Timestamp)>,
    changes: Vec<Change>,
}

/// A journal that is gone with the process.
#[derive(Default)]
pub struct MemoryPlans(Mutex<State>);

impl MemoryPlans {
    fn lock(&self) -> MutexGuard<'_, State> {
        // every change of the state is whole
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every change recorded, oldest first.
    pub fn changes(&self) -> Vec<Change> {
        self.lock().changes.clone()
    }

    /// The journal of a plan, as text.
    pub fn texts(&self, plan: &PlanId) -> Vec<String> {
        self.lock().journals.get(plan).cloned().unwrap_or_default()
    }

    /// Puts a text in place of the last record, as a stop in the middle of a write would.
    pub fn tear(&self, plan: &PlanId, text: &str) {
        if let Some(last) = self
            .lock()
            .journals
            .get_mut(plan)
            .and_then(|all| all.last_mut())
        {
            text.clone_into(last);
        }
    }
}

#[async_trait]
impl PlanStore for MemoryPlans {
    async fn save_plan(&self, plan: &Plan) -> Result<(), StoreFault> {
        let mut state = self.lock();
        state.saves += 1;
        let saved = Saved {
            plan: plan.clone(),
            aborted: false,
        };
        let number = state.saves;
        state.plans.insert(plan.id.clone(), (number, saved));
        Ok(())
    }

    async fn plan(&self, id: &PlanId) -> Result<Option<Saved>, StoreFault> {
        Ok(self.lock().plans.get(id).map(|(_, saved)| saved.clone()))
    }

    async fn plans(&self, limit: u32) -> Result<Vec<Saved>, StoreFault> {
        let mut all: Vec<(u64, Saved)> = self.lock().plans.values().cloned().collect();
        all.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(all.into_iter().take(limit).map(|(_, it)| it).collect())
    }

    async fn set_aborted(&self, id: &PlanId, aborted: bool) -> Result<(), StoreFault> {
        if let Some((_, saved)) = self.lock().plans.get_mut(id) {
            saved.aborted = aborted;
        }
        Ok(())
    }

    async fn append(
        &self,
        plan: &PlanId,
        at: Timestamp,
        entry: &Entry,
        change: Option<&Change>,
    ) -> Result<u64, StoreFault> {
        let record = Record {
            at,
            entry: entry.clone(),
        };
        let text = serde_json::to_string(&record).map_err(|e| StoreFault(e.to_string()))?;
        let mut state = self.lock();
        state.changes.extend(change.cloned());
        let journal = state.journals.entry(plan.clone()).or_default();
        journal.push(text);
        Ok(u64::try_from(journal.len()).unwrap_or(u64::MAX))
    }

    async fn journal(&self, plan: &PlanId) -> Result<Vec<Stored>, StoreFault> {
        let texts = self.texts(plan);
        let rows = (1..).zip(texts);
        Ok(rows.map(|(number, text)| Stored { number, text }).collect())
    }

    async fn cut_torn(&self, plan: &PlanId, number: u64) -> Result<(), StoreFault> {
        if let Some(journal) = self.lock().journals.get_mut(plan)
            && usize::try_from(number).is_ok_and(|number| number == journal.len())
        {
            journal.pop();
        }
        Ok(())
    }

    async fn lease(
        &self,
        lane: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<LeaseAnswer, StoreFault> {
        let mut state = self.lock();
        match state.leases.get(lane) {
            Some((by, held)) if by != holder && *held > now => Ok(LeaseAnswer::Held {
                by: by.clone(),
                until: *held,
            }),
            _ => {
                state
                    .leases
                    .insert(lane.to_owned(), (holder.to_owned(), until));
                Ok(LeaseAnswer::Ours)
            }
        }
    }

    async fn unlease(&self, lane: &str, holder: &str) -> Result<(), StoreFault> {
        let mut state = self.lock();
        if state.leases.get(lane).is_some_and(|(by, _)| by == holder) {
            state.leases.remove(lane);
        }
        Ok(())
    }
}

/// A clock that moves by naps, and ids that repeat.
pub struct Hourglass {
    microsecond: AtomicI64,
    ids: AtomicU64,
}

impl Hourglass {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self {
            microsecond: AtomicI64::new(start.as_microsecond()),
            ids: AtomicU64::new(1),
        }
    }

    /// Lets time pass.
    pub fn advance(&self, span: Duration) {
        let by = i64::try_from(span.as_micros()).unwrap_or(i64::MAX / 2);
        self.microsecond.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for Hourglass {
    fn now(&self) -> Timestamp {
        let microsecond = self.microsecond.fetch_add(1_000, Ordering::SeqCst);
        Timestamp::from_microsecond(microsecond).unwrap_or(Timestamp::MAX)
    }
}

impl IdSource for Hourglass {
    fn next(&self, now: Timestamp) -> Uuid {
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let count = self.ids.fetch_add(1, Ordering::SeqCst);
        Uuid::from_u64_pair((millisecond << 16) | 0x7000, (0b10 << 62) | count)
    }
}

#[async_trait]
impl Nap for Hourglass {
    async fn sleep(&self, span: Duration) {
        self.advance(span);
    }
}
