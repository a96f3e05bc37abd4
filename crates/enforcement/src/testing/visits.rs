use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hallpass_base::{AccountId, Timestamp};
use hallpass_plans::StoreFault;

use crate::standards_visits::{AppliedFile, StandardsVisit, VisitStore};
use crate::testing::GatedOrg;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unkept<T>() -> Result<T, StoreFault> {
    Err(StoreFault("lost".to_owned()))
}

#[derive(Default)]
pub struct MemoryVisits {
    rows: Mutex<BTreeMap<AccountId, StandardsVisit>>,
    swept: Mutex<Option<Timestamp>>,
    applied: Mutex<Option<AppliedFile>>,
    taken: Mutex<BTreeSet<(String, AccountId, Timestamp)>>,
}

impl MemoryVisits {
    pub fn all(&self) -> Vec<StandardsVisit> {
        locked(&self.rows).values().cloned().collect()
    }
}

#[async_trait]
impl VisitStore for MemoryVisits {
    async fn ask_visits(&self, visits: &[StandardsVisit]) -> Result<(), StoreFault> {
        let mut rows = locked(&self.rows);
        for visit in visits {
            let plan = rows.get(&visit.account).and_then(|it| it.plan.clone());
            let visit = StandardsVisit {
                plan,
                ..visit.clone()
            };
            rows.insert(visit.account.clone(), visit);
        }
        Ok(())
    }

    async fn due_visits(
        &self,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<StandardsVisit>, StoreFault> {
        let rows = locked(&self.rows);
        let mut due: Vec<StandardsVisit> =
            rows.values().filter(|it| it.due <= now).cloned().collect();
        due.sort_by_key(|it| it.due);
        due.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(due)
    }

    async fn settle_visit(
        &self,
        before: &StandardsVisit,
        then: Option<&StandardsVisit>,
    ) -> Result<bool, StoreFault> {
        let mut rows = locked(&self.rows);
        let found = rows.get(&before.account);
        let is_it =
            found.is_some_and(|it| (it.asked_at, it.looks) == (before.asked_at, before.looks));
        if !is_it {
            return Ok(false);
        }
        match then {
            Some(then) => rows.insert(then.account.clone(), then.clone()),
            None => rows.remove(&before.account),
        };
        Ok(true)
    }

    async fn last_sweep(&self) -> Result<Option<Timestamp>, StoreFault> {
        Ok(*locked(&self.swept))
    }

    async fn swept(&self, at: Timestamp) -> Result<(), StoreFault> {
        *locked(&self.swept) = Some(at);
        Ok(())
    }

    async fn file_applied(&self, file: &AppliedFile) -> Result<(), StoreFault> {
        let mut applied = locked(&self.applied);
        if applied.as_ref().is_none_or(|it| it.hash != file.hash) {
            *applied = Some(file.clone());
        }
        Ok(())
    }

    async fn last_applied(&self) -> Result<Option<AppliedFile>, StoreFault> {
        Ok(locked(&self.applied).clone())
    }

    async fn take_change(
        &self,
        visit: &StandardsVisit,
        day: &str,
        most: usize,
    ) -> Result<bool, StoreFault> {
        let mut taken = locked(&self.taken);
        taken.retain(|(it, ..)| it == day);
        let own = (day.to_owned(), visit.account.clone(), visit.asked_at);
        if taken.len() < most {
            taken.insert(own.clone());
        }
        Ok(taken.contains(&own))
    }

    async fn changes_taken(&self, day: &str) -> Result<usize, StoreFault> {
        Ok(locked(&self.taken)
            .iter()
            .filter(|(it, ..)| it == day)
            .count())
    }
}

#[async_trait]
impl<P: VisitStore> VisitStore for GatedOrg<P> {
    async fn ask_visits(&self, visits: &[StandardsVisit]) -> Result<(), StoreFault> {
        self.1.pass(self.0.ask_visits(visits), unkept).await
    }

    async fn due_visits(
        &self,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<StandardsVisit>, StoreFault> {
        self.1.pass(self.0.due_visits(now, most), unkept).await
    }

    async fn settle_visit(
        &self,
        before: &StandardsVisit,
        then: Option<&StandardsVisit>,
    ) -> Result<bool, StoreFault> {
        self.1.pass(self.0.settle_visit(before, then), unkept).await
    }

    async fn last_sweep(&self) -> Result<Option<Timestamp>, StoreFault> {
        self.1.pass(self.0.last_sweep(), unkept).await
    }

    async fn swept(&self, at: Timestamp) -> Result<(), StoreFault> {
        self.1.pass(self.0.swept(at), unkept).await
    }

    async fn file_applied(&self, file: &AppliedFile) -> Result<(), StoreFault> {
        self.1.pass(self.0.file_applied(file), unkept).await
    }

    async fn last_applied(&self) -> Result<Option<AppliedFile>, StoreFault> {
        self.1.pass(self.0.last_applied(), unkept).await
    }

    async fn take_change(
        &self,
        visit: &StandardsVisit,
        day: &str,
        most: usize,
    ) -> Result<bool, StoreFault> {
        let take = self.0.take_change(visit, day, most);
        self.1.pass(take, unkept).await
    }

    async fn changes_taken(&self, day: &str) -> Result<usize, StoreFault> {
        self.1.pass(self.0.changes_taken(day), unkept).await
    }
}
