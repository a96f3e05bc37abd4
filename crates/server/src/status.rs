//! What pages know besides the store: whether the log's chain holds, and what became of the rule
//! file. Filled in the background, so that no page waits for it.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hallpass_audit::{AuditStore, BadRecord, FaultKind, Followed, PublishedHead};
use hallpass_base::Timestamp;
use hallpass_rules::{Diagnostic, Directory, RoleGroup, Rules};

use crate::last_day::LastDay;

/// Records read per round of a check.
const BATCH: u32 = 500;

/// What is known of the chain.
#[derive(Clone, Debug, Default)]
pub struct ChainState {
    /// How far it was followed.
    pub followed: Followed,
    /// When it was last followed to its end.
    pub checked_at: Option<Timestamp>,
    /// When it was last followed from its beginning.
    pub whole_at: Option<Timestamp>,
    /// The first record that is not as it was recorded.
    pub fault: Option<BadRecord>,
    /// Since when, and why, it cannot be read.
    pub unread: Option<(Timestamp, String)>,
}

/// A rule file that was refused; the rules before it stay in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRules {
    /// When it was refused.
    pub at: Timestamp,
    /// Every error, with line, value and what was meant.
    pub errors: Vec<String>,
}

/// The rule file, as it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesStatus {
    /// Its name.
    pub file: Option<String>,
    /// The text of the rules in force.
    pub text: Option<Arc<str>>,
    /// Since when they are in force.
    pub since: Option<Timestamp>,
    /// A newer file that was refused.
    pub refused: Option<RefusedRules>,
}

/// The newest head that this server has published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadState {
    /// Its record.
    pub seq: u64,
    /// When it was published.
    pub at: Timestamp,
    /// The key that signed it.
    pub key: Option<String>,
}

/// How the log leaves the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportState {
    /// Since when, and why, records are not exported.
    pub failing: Option<(Timestamp, String)>,
    /// The newest head.
    pub head: Option<HeadState>,
    /// Since when, and why, no head could be published.
    pub headless: Option<(Timestamp, String)>,
}

/// What pages know besides the store.
#[derive(Debug, Default)]
pub struct ServerStatus {
    chain: RwLock<ChainState>,
    exports: RwLock<ExportState>,
    /// Held by whoever checks: two checks at once would only cost twice.
    checking: tokio::sync::Mutex<()>,
    rules: RwLock<RulesStatus>,
    warnings: Mutex<Option<Warnings>>,
    /// The last day in numbers, for Health.
    pub(crate) last_day: tokio::sync::Mutex<Option<Arc<LastDay>>>,
}

fn read<T: Clone>(of: &RwLock<T>) -> T {
    of.read().unwrap_or_else(PoisonError::into_inner).clone()
}

impl ServerStatus {
    /// What is known of the chain.
    pub fn chain(&self) -> ChainState {
        read(&self.chain)
    }

    /// What is known of the rule file.
    pub fn rules(&self) -> RulesStatus {
        read(&self.rules)
    }

    /// What is known of the export.
    pub fn exports(&self) -> ExportState {
        read(&self.exports)
    }

    fn note_export(&self, change: impl FnOnce(&mut ExportState)) {
        change(&mut self.exports.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// All records were exported.
    pub fn exported(&self) {
        self.note_export(|state| state.failing = None);
    }

    /// Records could not be exported.
    pub fn export_failed(&self, now: Timestamp, why: &str) {
        self.note_export(|state| {
            let since = state.failing.take().map_or(now, |(since, _)| since);
            state.failing = Some((since, why.to_owned()));
        });
    }

    /// A head was published.
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

    /// No head could be published.
    pub fn head_failed(&self, now: Timestamp, why: &str) {
        self.note_export(|state| {
            let since = state.headless.take().map_or(now, |(since, _)| since);
            state.headless = Some((since, why.to_owned()));
        });
    }

    /// This server exports no more: another one may, and knows how that goes.
    pub fn exports_no_more(&self) {
        self.note_export(|state| *state = ExportState::default());
    }

    /// Rules came into force.
    pub fn rules_loaded(&self, file: &str, text: &str, since: Timestamp) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = RulesStatus {
            file: Some(file.to_owned()),
            text: Some(Arc::from(text)),
            since: Some(since),
            refused: None,
        };
    }

    /// The rule file says what is in force already.
    pub fn rules_unchanged(&self) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        rules.refused = None;
    }

    /// A rule file was refused.
    pub fn rules_refused(&self, at: Timestamp, errors: Vec<String>) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        rules.refused = Some(RefusedRules { at, errors });
    }

    /// Follows the chain to its end, from where it was followed before, or whole. A break that was
    /// found stays until the whole chain is followed again.
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
                    // what was known stays known, with its instant
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
        // hashing a long log must not keep others from being served
        tokio::task::yield_now().await;
    }
    let missing = head.filter(|head| head.seq > followed.seq());
    Ok(missing.map(|_| BadRecord {
        seq: followed.seq() + 1,
        kind: FaultKind::Missing,
        detail: "the log ends before its head".to_owned(),
    }))
}

/// The newest findings, and what they are findings about.
#[derive(Debug)]
struct Warnings {
    rules: String,
    read: Option<Timestamp>,
    found: Arc<Vec<Diagnostic>>,
}

impl ServerStatus {
    /// What is odd about rules in this organization. Remembered: asking again costs nothing until
    /// one of them changes.
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
