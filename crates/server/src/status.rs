//! Background results for pages: integrity of the audit chain, and state of the rule file, so that
//! no page waits.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hallpass_audit::{AuditStore, BadRecord, FaultKind, Followed, PublishedHead};
use hallpass_base::Timestamp;
use hallpass_rules::{Diagnostic, Directory, RoleGroup, Rules};

use crate::last_day::LastDay;

const BATCH: u32 = 500;

#[derive(Clone, Debug, Default)]
pub struct ChainState {
    pub followed: Followed,
    pub checked_at: Option<Timestamp>,
    pub whole_at: Option<Timestamp>,
    pub fault: Option<BadRecord>,
    pub unread: Option<(Timestamp, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRules {
    pub at: Timestamp,
    pub errors: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesStatus {
    pub file: Option<String>,
    pub text: Option<Arc<str>>,
    pub since: Option<Timestamp>,
    pub refused: Option<RefusedRules>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadState {
    pub seq: u64,
    pub at: Timestamp,
    pub key: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportState {
    pub failing: Option<(Timestamp, String)>,
    pub head: Option<HeadState>,
    pub headless: Option<(Timestamp, String)>,
}

#[derive(Debug, Default)]
pub struct ServerStatus {
    chain: RwLock<ChainState>,
    exports: RwLock<ExportState>,
    checking: tokio::sync::Mutex<()>,
    rules: RwLock<RulesStatus>,
    warnings: Mutex<Option<Warnings>>,
    pub(crate) last_day: tokio::sync::Mutex<Option<Arc<LastDay>>>,
}

fn read<T: Clone>(of: &RwLock<T>) -> T {
    of.read().unwrap_or_else(PoisonError::into_inner).clone()
}

impl ServerStatus {
    pub fn chain(&self) -> ChainState {
        read(&self.chain)
    }

    pub fn rules(&self) -> RulesStatus {
        read(&self.rules)
    }

    pub fn exports(&self) -> ExportState {
        read(&self.exports)
    }

    fn note_export(&self, change: impl FnOnce(&mut ExportState)) {
        change(&mut self.exports.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn exported(&self) {
        self.note_export(|state| state.failing = None);
    }

    pub fn export_failed(&self, now: Timestamp, why: &str) {
        self.note_export(|state| {
            let since = state.failing.take().map_or(now, |(since, _)| since);
            state.failing = Some((since, why.to_owned()));
        });
    }

    pub fn head_published(&self, head: &PublishedHead) {
        self.note_export(|state| {
            state.headless = None;
            state.head = Some(HeadState {
                seq: head.seq(),
                at: head.at(),
                key: head.key().map(str::to_owned),
            });
        });
    }

    pub fn head_failed(&self, now: Timestamp, why: &str) {
        self.note_export(|state| {
            let since = state.headless.take().map_or(now, |(since, _)| since);
            state.headless = Some((since, why.to_owned()));
        });
    }

    /// This server stopped exporting; another one may, and has the state.
    pub fn exports_no_more(&self) {
        self.note_export(|state| *state = ExportState::default());
    }

    pub fn rules_loaded(&self, file: &str, text: &str, since: Timestamp) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = RulesStatus {
            file: Some(file.to_owned()),
            text: Some(Arc::from(text)),
            since: Some(since),
            refused: None,
        };
    }

    pub fn rules_unchanged(&self) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        rules.refused = None;
    }

    pub fn rules_refused(&self, at: Timestamp, errors: Vec<String>) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        rules.refused = Some(RefusedRules { at, errors });
    }

    /// Verifies the chain from the last position, or whole. A detected break stays until a whole
    /// check.
    pub async fn check_chain(&self, audit: &dyn AuditStore, now: Timestamp, whole: bool) {
        let Ok(_only) = self.checking.try_lock() else {
            return;
        };
        let mut state = self.chain();
        if whole || state.whole_at.is_none() {
            state = ChainState {
                whole_at: Some(now),
                ..ChainState::default()
            };
        }
        if state.fault.is_none() {
            match follow(audit, &mut state.followed).await {
                Ok(fault) => {
                    state.fault = fault;
                    state.checked_at = Some(now);
                    state.unread = None;
                }
                Err(why) => {
                    // a failure keeps the last result and its time
                    state = self.chain();
                    state.unread = Some(state.unread.map_or((now, why), |before| before));
                }
            }
        }
        *self.chain.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

async fn follow(
    audit: &dyn AuditStore,
    followed: &mut Followed,
) -> Result<Option<BadRecord>, String> {
    let head = audit.head().await.map_err(|fault| fault.to_string())?;
    loop {
        let records = audit
            .records_from(followed.seq() + 1, BATCH)
            .await
            .map_err(|fault| fault.to_string())?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            if let Err(fault) = followed.step(record) {
                return Ok(Some(fault));
            }
        }
        // hashing a long log must not block other tasks
        tokio::task::yield_now().await;
    }
    let missing = head.filter(|head| head.seq > followed.seq());
    Ok(missing.map(|_| BadRecord {
        seq: followed.seq() + 1,
        kind: FaultKind::Missing,
        detail: "the log ends before its head".to_owned(),
    }))
}

#[derive(Debug)]
struct Warnings {
    rules: String,
    read: Option<Timestamp>,
    found: Arc<Vec<Diagnostic>>,
}

impl ServerStatus {
    /// Returns warnings about the rules. Cached until rules or directory change.
    pub(crate) fn warnings(
        &self,
        rules: &Rules,
        directory: &Directory,
        role_groups: &[RoleGroup],
    ) -> Arc<Vec<Diagnostic>> {
        let read = directory.taken_at();
        let mut known = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref()
            && known.rules == rules.hash()
            && known.read == read
        {
            return Arc::clone(&known.found);
        }
        let found = Arc::new(rules.check_with_roles(Some(directory), role_groups));
        *known = Some(Warnings {
            rules: rules.hash().to_owned(),
            read,
            found: Arc::clone(&found),
        });
        found
    }
}
