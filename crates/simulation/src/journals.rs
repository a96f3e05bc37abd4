use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::{GuardSource, Removals};
use hallpass_audit::Record;
use hallpass_guard::{Journal, JournalFault, Kept, KeptStore, removal_of};

/// A guard's journal and memory; they survive its restarts.
#[derive(Default)]
pub struct Papers {
    records: Mutex<Vec<Record>>,
    kept: Mutex<Kept>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Papers {
    pub fn records(&self) -> Vec<Record> {
        lock(&self.records).clone()
    }
}

#[async_trait]
impl Journal for Papers {
    async fn records(&self) -> Result<Vec<Record>, JournalFault> {
        Ok(lock(&self.records).clone())
    }

    async fn last(&self) -> Result<Option<Record>, JournalFault> {
        Ok(lock(&self.records).last().cloned())
    }

    async fn append(&self, record: &Record) -> Result<(), JournalFault> {
        lock(&self.records).push(record.clone());
        Ok(())
    }
}

#[async_trait]
impl KeptStore for Papers {
    async fn load(&self) -> Result<Kept, JournalFault> {
        Ok(lock(&self.kept).clone())
    }

    async fn keep(&self, kept: &Kept) -> Result<(), JournalFault> {
        lock(&self.kept).clone_from(kept);
        Ok(())
    }
}

#[derive(Default)]
pub struct Journals {
    papers: Mutex<Vec<Arc<Papers>>>,
    /// The state read before the freeze, returned to readers that accept this age.
    before: Mutex<Option<Arc<Removals>>>,
}

/// Reported age of the state from before the freeze.
const MOMENT: Duration = Duration::from_millis(500);

impl Journals {
    pub(crate) fn add(&self, papers: Arc<Papers>) {
        lock(&self.papers).push(papers);
    }

    /// Freezes the view that ticks use, as if the process had paused in the middle of a tick.
    /// Readers that require fresh data still get it.
    pub async fn stand_still(&self) {
        let now = self.removals(Duration::ZERO).await;
        *lock(&self.before) = Some(now);
    }
}

#[async_trait]
impl GuardSource for Journals {
    async fn removals(&self, age: Duration) -> Arc<Removals> {
        let before = lock(&self.before).clone();
        if let Some(before) = before.filter(|_| age >= MOMENT) {
            return before;
        }
        let papers = lock(&self.papers);
        let records = papers.iter().flat_map(|papers| papers.records());
        let records: Vec<Record> = records.collect();
        let revision = u64::try_from(records.len()).unwrap_or(u64::MAX);
        Arc::new(Removals::new(
            revision,
            records.iter().filter_map(removal_of),
        ))
    }
}
