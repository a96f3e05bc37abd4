//! The memory model: every port over ordered maps, for simulations and tests. A clone of the store
//! holds the state that survives a simulated stop.

mod absences;
mod access;
mod alert_states;
mod armed_ends;
mod assignments;
mod campaigns;
mod commit;
mod faults;
mod group_sync;
mod locks;
mod outbox;
mod quotas;
mod session_revocation;
mod sessions;
mod sweeps;

pub use faults::AfterCommit;
pub use sessions::MemorySessions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hallpass_access::{
    Absence, Alarm, AlarmKind, CommitError, Grant, Lock, ReadError, Request, StoredAnswer, Subject,
};
use hallpass_alerts::{AlertRuleId, AlertState};
use hallpass_assignments::{AssignmentRow, Lease};
use hallpass_audit::{
    AuditStore, Draft, FoundRecords, Head, LogId, Order, Record, RecordQuery, StoreFault,
};
use hallpass_base::{AuditId, Email, GrantId, RequestId, Timestamp, TokenId, UserId};
use hallpass_enforcement::armed_ends::ArmedEnd;
use hallpass_enforcement::session_revocation::SessionRevocation;

use crate::TokenRow;
use crate::fault::StorageFault;
use crate::rows::head_at;
use crate::steps::exists_already;
use outbox::Outbox;
use sweeps::Sweeps;

/// Lives as long as its last clone. Deterministic: no clock, no randomness, ordered.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    state: Arc<Mutex<MemoryState>>,
    faults: Arc<Mutex<faults::Faults>>,
    /// Maximum rows and records per call.
    looks_at: usize,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            faults: Arc::default(),
            looks_at: usize::MAX,
        }
    }
}

#[derive(Debug, Default)]
struct MemoryState {
    requests: BTreeMap<RequestId, Request>,
    pending: BTreeMap<String, RequestId>,
    grants: BTreeMap<GrantId, Grant>,
    assignments: BTreeMap<String, Slot>,
    /// The largest revision of a deleted assignment.
    rev_floor: u64,
    records: Vec<Record>,
    record_ids: BTreeSet<AuditId>,
    exported: u64,
    outbox: Outbox,
    answers: BTreeMap<(UserId, String), StoredAnswer>,
    tokens: BTreeMap<TokenId, TokenRow>,
    blobs: BTreeMap<String, Vec<u8>>,
    alarms: BTreeMap<AlarmKind, Alarm>,
    alert_states: BTreeMap<AlertRuleId, AlertState>,
    session_revocations: BTreeMap<GrantId, SessionRevocation>,
    armed_ends: BTreeMap<String, ArmedEnd>,
    subjects: Vec<Subject>,
    subject_numbers: BTreeMap<Subject, u64>,
    holders: BTreeMap<Email, UserId>,
    locks: BTreeMap<UserId, Lock>,
    absences: BTreeMap<UserId, Absence>,
    campaigns: campaigns::Campaigns,
    refused: BTreeMap<quotas::Refused, quotas::RefusedDay>,
    sweeps: Sweeps,
    group_sync: group_sync::GroupSync,
}

#[derive(Clone, Debug)]
struct Slot {
    row: AssignmentRow,
    lease: Option<Lease>,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the scan per call, so that listings must continue as over a long past.
    #[must_use]
    pub fn looking_at(mut self, few: usize) -> Self {
        self.looks_at = few.max(1);
        self
    }

    fn state(&self) -> MutexGuard<'_, MemoryState> {
        // a panic elsewhere leaves whole values: changes are merged after every check
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, faults::Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a token together with its record.
    ///
    /// # Errors
    /// [`CommitError::Raced`] when the id or the hash is taken.
    #[expect(
        clippy::unused_async,
        reason = "the same signature as the engine that waits"
    )]
    pub async fn token_insert(&self, token: &TokenRow, draft: Draft) -> Result<(), CommitError> {
        let mut state = self.state();
        let is_taken = state
            .tokens
            .values()
            .any(|other| other.id == token.id || other.hash == token.hash);
        if is_taken {
            return Err(exists_already(&format!("token {}", token.id)).into());
        }
        if let Some(user) = &token.user_id {
            locks::refuse_locked(&state, user, token.created_at)?;
        }
        state.append(vec![draft])?;
        state.tokens.insert(token.id, token.clone());
        Ok(())
    }

    #[expect(
        clippy::unused_async,
        reason = "the same signature as the engine that waits"
    )]
    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<TokenRow>, ReadError> {
        let state = self.state();
        Ok(state
            .tokens
            .values()
            .find(|token| token.hash == hash)
            .cloned())
    }

    #[expect(
        clippy::unused_async,
        reason = "the same signature as the engine that waits"
    )]
    pub async fn tokens(&self) -> Result<Vec<TokenRow>, ReadError> {
        Ok(self.state().tokens.values().cloned().collect())
    }

    #[expect(
        clippy::unused_async,
        reason = "the same signature as the engine that waits"
    )]
    pub async fn tokens_of(&self, user: &UserId) -> Result<Vec<TokenRow>, ReadError> {
        let state = self.state();
        let all = state.tokens.values().rev();
        let theirs = all.filter(|token| token.user_id.as_ref() == Some(user));
        Ok(theirs.cloned().collect())
    }

    #[expect(
        clippy::unused_async,
        reason = "the same signature as the engine that waits"
    )]
    pub async fn token_used(&self, hash: &str, at: Timestamp) -> Result<(), ReadError> {
        let mut state = self.state();
        let found = state.tokens.values_mut().find(|token| token.hash == hash);
        if let Some(token) = found {
            token.used_at = token.used_at.max(Some(at));
        }
        Ok(())
    }

    /// Revokes a token with its record, and returns it as stored; `None` for an unknown one. A
    /// repeated revocation keeps its instant without a record.
    ///
    /// # Errors
    /// When the record cannot be stored.
    #[expect(
        clippy::unused_async,
        reason = "the same signature as the engine that waits"
    )]
    pub async fn token_revoke(
        &self,
        id: TokenId,
        at: Timestamp,
        draft: Draft,
    ) -> Result<Option<TokenRow>, CommitError> {
        let mut state = self.state();
        let Some(mut token) = state.tokens.get(&id).cloned() else {
            return Ok(None);
        };
        if token.revoked_at.is_none() {
            state.append(vec![draft])?;
            token.revoked_at = Some(at);
            state.tokens.insert(id, token.clone());
        }
        Ok(Some(token))
    }

    #[expect(
        clippy::unused_async,
        reason = "the same signature as the engine that waits"
    )]
    pub async fn blob_put(&self, key: &str, bytes: &[u8]) -> Result<(), ReadError> {
        self.state().blobs.insert(key.to_owned(), bytes.to_vec());
        Ok(())
    }

    #[expect(
        clippy::unused_async,
        reason = "the same signature as the engine that waits"
    )]
    pub async fn blob_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.state().blobs.get(key).cloned())
    }
}

impl MemoryState {
    fn subject_number(&self, subject: &Subject) -> Option<u64> {
        self.subject_numbers.get(subject).copied()
    }

    fn number_subject(&mut self, subject: Subject) {
        if !self.subject_numbers.contains_key(&subject) {
            self.subjects.push(subject.clone());
            let number = self.subjects.len() as u64;
            self.subject_numbers.insert(subject, number);
        }
    }

    fn seal(&self, drafts: Vec<Draft>) -> Result<Vec<Record>, StorageFault> {
        let mut head = self.records.last().map(head_at);
        let mut sealed: Vec<Record> = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let id = draft.id();
            if self.record_ids.contains(&id) || sealed.iter().any(|record| record.id() == id) {
                return Err(exists_already(&format!("audit record {id}")));
            }
            let record = hallpass_audit::seal(draft, head.as_ref())?;
            head = Some(head_at(&record));
            sealed.push(record);
        }
        Ok(sealed)
    }

    fn keep(&mut self, records: &[Record]) {
        self.record_ids.extend(records.iter().map(Record::id));
        self.records.extend_from_slice(records);
    }

    fn append(&mut self, drafts: Vec<Draft>) -> Result<(), StorageFault> {
        let records = self.seal(drafts)?;
        self.keep(&records);
        Ok(())
    }
}

#[async_trait]
impl AuditStore for MemoryStore {
    async fn records_from(&self, seq: u64, limit: u32) -> Result<Vec<Record>, StoreFault> {
        let state = self.state();
        // INVARIANT: record n is at n - 1
        let skip = usize::try_from(seq.saturating_sub(1)).unwrap_or(usize::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(state
            .records
            .iter()
            .skip(skip)
            .take(limit)
            .cloned()
            .collect())
    }

    async fn records_found(
        &self,
        query: &RecordQuery,
        limit: u32,
    ) -> Result<FoundRecords, StoreFault> {
        let state = self.state();
        let below = |seq: u64| query.before.is_none_or(|before| seq < before);
        let ordered: Box<dyn Iterator<Item = &Record>> = match query.order {
            Order::NewestFirst => Box::new(state.records.iter().rev()),
            Order::OldestFirst => Box::new(state.records.iter()),
        };
        let mut left = ordered
            .filter(|record| below(record.seq()) && record.seq() >= query.from)
            .peekable();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut found, mut looked) = (FoundRecords::default(), 0);
        while limit > 0
            && let Some(record) = left.next()
        {
            looked += 1;
            if query.fits(record) {
                found.records.push(record.clone());
            }
            if found.records.len() >= limit || looked >= self.looks_at {
                found.next = left.peek().map(|_| record.seq());
                break;
            }
        }
        Ok(found)
    }

    async fn head(&self) -> Result<Option<Head>, StoreFault> {
        Ok(self.state().records.last().map(head_at))
    }

    async fn exported(&self) -> Result<u64, StoreFault> {
        Ok(self.state().exported)
    }

    async fn set_exported(&self, seq: u64) -> Result<(), StoreFault> {
        let mut state = self.state();
        state.exported = state.exported.max(seq);
        Ok(())
    }

    async fn log_id(&self) -> Result<Option<LogId>, StoreFault> {
        // no randomness here; the first record has enough
        let first = |record: &Record| LogId::from_bytes(*record.id().uuid().as_bytes());
        Ok(self.state().records.first().map(first))
    }
}
