//! The model: every port over ordered maps, for simulations and tests. What survives a simulated
//! stop of the process is what a clone of the store still holds.

mod access;
mod assignments;
mod commit;
mod cuts;
mod locks;
mod outbox;
mod sweeps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hallpass_access::{Answer, CommitError, Grant, Lock, ReadError, Request};
use hallpass_assignments::{Lease, Row};
use hallpass_audit::{AuditStore, Draft, Head, LogId, Record, RecordQuery, StoreFault};
use hallpass_model::{AuditId, GrantId, RequestId, Timestamp, TokenId, UserId};

use crate::TokenRow;
use crate::fault::Fault;
use crate::rows::head_at;
use crate::steps::exists_already;
use hallpass_org::cuts::Cut;
use outbox::Outbox;
use sweeps::Sweeps;

/// A store that lives as long as its last clone. Deterministic: no clock, no randomness, ordered.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    requests: BTreeMap<RequestId, Request>,
    /// The pending request of each dedupe key.
    pending: BTreeMap<String, RequestId>,
    grants: BTreeMap<GrantId, Grant>,
    assignments: BTreeMap<String, Slot>,
    /// The largest revision of a forgotten assignment.
    rev_floor: u64,
    records: Vec<Record>,
    record_ids: BTreeSet<AuditId>,
    exported: u64,
    outbox: Outbox,
    answers: BTreeMap<(UserId, String), Answer>,
    tokens: BTreeMap<TokenId, TokenRow>,
    blobs: BTreeMap<String, Vec<u8>>,
    cuts: BTreeMap<GrantId, Cut>,
    locks: BTreeMap<UserId, Lock>,
    sweeps: Sweeps,
}

/// An assignment and who works on it.
#[derive(Clone, Debug)]
struct Slot {
    row: Row,
    lease: Option<Lease>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // a panic elsewhere leaves whole values: changes are merged after every check has passed
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// The token with this hash, whether or not it may still be used.
    ///
    /// # Errors
    /// Never; the other engine may.
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

    /// Every token, oldest first.
    ///
    /// # Errors
    /// Never; the other engine may.
    #[expect(
        clippy::unused_async,
        reason = "the same signature as the engine that waits"
    )]
    pub async fn tokens(&self) -> Result<Vec<TokenRow>, ReadError> {
        Ok(self.state().tokens.values().cloned().collect())
    }

    /// Revokes a token together with its record, and returns it as stored; `None` when there is no
    /// such token. One that was revoked before keeps its instant, and nothing is recorded.
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

    /// Keeps bytes under a key, in place of those before.
    ///
    /// # Errors
    /// Never; the other engine may.
    #[expect(
        clippy::unused_async,
        reason = "the same signature as the engine that waits"
    )]
    pub async fn blob_put(&self, key: &str, bytes: &[u8]) -> Result<(), ReadError> {
        self.state().blobs.insert(key.to_owned(), bytes.to_vec());
        Ok(())
    }

    /// The bytes kept under a key.
    ///
    /// # Errors
    /// Never; the other engine may.
    #[expect(
        clippy::unused_async,
        reason = "the same signature as the engine that waits"
    )]
    pub async fn blob_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.state().blobs.get(key).cloned())
    }
}

impl State {
    /// Numbers and chains drafts, without keeping them.
    fn seal(&self, drafts: Vec<Draft>) -> Result<Vec<Record>, Fault> {
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

    fn append(&mut self, drafts: Vec<Draft>) -> Result<(), Fault> {
        let records = self.seal(drafts)?;
        self.keep(&records);
        Ok(())
    }
}

#[async_trait]
impl AuditStore for MemoryStore {
    async fn records_from(&self, seq: u64, limit: u32) -> Result<Vec<Record>, StoreFault> {
        let state = self.state();
        // INVARIANT: record n stands at n - 1
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
    ) -> Result<Vec<Record>, StoreFault> {
        let below = |seq: u64| query.before.is_none_or(|before| seq < before);
        Ok(self
            .state()
            .records
            .iter()
            .rev()
            .filter(|record| below(record.seq()) && record.seq() >= query.from)
            .filter(|record| query.fits(record))
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .cloned()
            .collect())
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
        // there is no randomness here; the first record has enough
        let first = |record: &Record| LogId::from_bytes(*record.id().uuid().as_bytes());
        Ok(self.state().records.first().map(first))
    }
}
