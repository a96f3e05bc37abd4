//! The driver: looks accounts up, writes updates, and says what came of each finding.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use hallpass_model::{AccountId, Clock, TimeSpan};
use jiff::Timestamp;
use serde_json::json;

use crate::account::AccountFacts;
use crate::batch::{LeftOut, UpdateBatch, batches, left_out};
use crate::cache::{AccountCache, CachedFacts};
use crate::finding::Finding;
use crate::lookup::{look_up, text};
use crate::ports::{CallRefusal, FindingCalls, RefusalKind};
use crate::settings::EnrichSettings;
use crate::update::{FindingUpdate, least_update, update_of};

/// Accounts that are looked up at once.
const LOOKUPS: usize = 4;
/// How often a finding is sent that somebody else was updating.
const TRIES_MAX: u32 = 5;
/// How long is waited before that.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How often is said that contacts may not be read.
const WARN_EVERY: TimeSpan = TimeSpan::hours(1);

/// What came of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnrichOutcome {
    /// Written.
    Written,
    /// Written without note and tags: Security Hub refused them.
    WrittenLess(String),
    /// The finding is gone.
    Gone,
    /// Security Hub does not take it; why.
    GaveUp(String),
    /// Not now; why.
    Again(String),
}

/// What came of findings, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrichReport {
    /// One for each.
    pub outcomes: Vec<EnrichOutcome>,
    /// What an operator should know.
    pub warnings: Vec<String>,
}

/// Enriches findings.
pub struct Enricher {
    calls: Arc<dyn FindingCalls>,
    clock: Arc<dyn Clock>,
    settings: EnrichSettings,
    cache: AccountCache,
    own: futures_util::lock::Mutex<Option<AccountId>>,
    warned_at: Mutex<Option<Timestamp>>,
}

impl std::fmt::Debug for Enricher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enricher").finish_non_exhaustive()
    }
}

/// What came of findings so far, by Region and identifier.
type Outcomes = HashMap<(String, (String, String)), EnrichOutcome>;

impl Enricher {
    /// Nothing is called yet.
    pub fn new(
        calls: Arc<dyn FindingCalls>,
        clock: Arc<dyn Clock>,
        settings: EnrichSettings,
    ) -> Self {
        Self {
            calls,
            clock,
            settings,
            cache: AccountCache::default(),
            own: futures_util::lock::Mutex::new(None),
            warned_at: Mutex::new(None),
        }
    }

    /// Something was changed about an account: it is looked up anew.
    pub fn forget(&self, account: &AccountId) {
        self.cache.forget(account);
    }

    /// What the organization knows of an account.
    ///
    /// # Errors
    /// It cannot be read now, or not with these credentials.
    pub async fn facts(
        &self,
        account: &AccountId,
    ) -> Result<(AccountFacts, Option<String>), CallRefusal> {
        let entry = self.cache.entry(account);
        let mut held = entry.lock().await;
        let now = self.clock.now();
        if let Some(cached) = held.as_ref().filter(|it| it.counts(now)) {
            return Ok((cached.facts.clone(), None));
        }
        let own = self.own_account().await?;
        let found = look_up(self.calls.as_ref(), account, &own).await?;
        *held = Some(CachedFacts {
            facts: found.facts.clone(),
            read_at: now,
        });
        let warning = found
            .contact_denied
            .and_then(|refusal| self.warning(&refusal, now));
        Ok((found.facts, warning))
    }

    /// What would be written to each finding, or why its account cannot be read now; and what an operator should know.
    pub async fn plan(
        &self,
        findings: &[Finding],
    ) -> (Vec<Result<FindingUpdate, CallRefusal>>, Vec<String>) {
        let mut report = EnrichReport::default();
        let facts = self.facts_of(findings, &mut report).await;
        let updates = findings
            .iter()
            .map(|finding| match facts.get(&finding.account) {
                Some(Ok(facts)) => Ok(update_of(finding, facts, &self.settings)),
                Some(Err(refusal)) => Err(refusal.clone()),
                None => Err(unknown_account()),
            });
        (updates.collect(), report.warnings)
    }

    /// Writes to findings what is known of their accounts.
    pub async fn enrich(&self, findings: &[Finding]) -> EnrichReport {
        let mut report = EnrichReport::default();
        let facts = self.facts_of(findings, &mut report).await;
        let known = |finding: &Finding| facts.get(&finding.account).and_then(|it| it.as_ref().ok());
        let updates = findings.iter().filter_map(|finding| {
            Some((finding, update_of(finding, known(finding)?, &self.settings)))
        });
        let mut outcomes = Outcomes::new();
        let mut less = Vec::new();
        for batch in batches(updates) {
            self.write(batch, &mut outcomes, &mut less).await;
        }
        self.write_less(findings, less, &known, &mut outcomes).await;
        report.outcomes = findings
            .iter()
            .map(|finding| match facts.get(&finding.account) {
                Some(Ok(_)) => {
                    let found = outcomes.get(&key(finding)).cloned();
                    found.unwrap_or_else(|| EnrichOutcome::Again("it was not sent".to_owned()))
                }
                Some(Err(refusal)) => EnrichOutcome::Again(refusal.to_string()),
                None => EnrichOutcome::Again(unknown_account().to_string()),
            })
            .collect();
        report
    }

    async fn facts_of(
        &self,
        findings: &[Finding],
        report: &mut EnrichReport,
    ) -> BTreeMap<AccountId, Result<AccountFacts, CallRefusal>> {
        let mut accounts: Vec<AccountId> = findings.iter().map(|it| it.account.clone()).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let lookups = accounts.into_iter().map(|account| async move {
            let found = self.facts(&account).await;
            (account, found)
        });
        let found: Vec<_> = stream::iter(lookups)
            .buffer_unordered(LOOKUPS)
            .collect()
            .await;
        let mut facts = BTreeMap::new();
        for (account, found) in found {
            let found = found.map(|(facts, warning)| {
                report.warnings.extend(warning);
                facts
            });
            facts.insert(account, found);
        }
        facts
    }

    async fn own_account(&self) -> Result<AccountId, CallRefusal> {
        let mut own = self.own.lock().await;
        if let Some(own) = own.as_ref() {
            return Ok(own.clone());
        }
        let answer = self
            .calls
            .call(None, "sts", "GetCallerIdentity", &json!({}))
            .await?;
        let found = AccountId::new(text(&answer, "/Account")).map_err(|error| CallRefusal {
            kind: RefusalKind::Final,
            operation: "GetCallerIdentity".to_owned(),
            code: "Undecodable".to_owned(),
            message: error.to_string(),
        })?;
        *own = Some(found.clone());
        Ok(found)
    }

    fn warning(&self, refusal: &CallRefusal, now: Timestamp) -> Option<String> {
        let mut warned_at = self
            .warned_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if warned_at.is_some_and(|at| at <= now && now < WARN_EVERY.after(at)) {
            return None;
        }
        *warned_at = Some(now);
        Some(format!(
            "security contacts cannot be read and are left out: {refusal}"
        ))
    }

    async fn write(
        &self,
        batch: UpdateBatch,
        outcomes: &mut Outcomes,
        less: &mut Vec<(UpdateBatch, String)>,
    ) {
        send(self.calls.as_ref(), batch, outcomes, less).await;
    }

    /// Sends what was refused once more, with less.
    async fn write_less<'a>(
        &self,
        findings: &'a [Finding],
        refused: Vec<(UpdateBatch, String)>,
        known: &impl Fn(&Finding) -> Option<&'a AccountFacts>,
        outcomes: &mut Outcomes,
    ) {
        for (batch, code) in refused {
            let [identifier] = batch.identifiers.as_slice() else {
                continue;
            };
            let place = (batch.region.clone(), identifier.clone());
            let Some(finding) = findings.iter().find(|it| key(it) == place) else {
                continue;
            };
            let Some(facts) = known(finding) else {
                continue;
            };
            let update = least_update(finding, facts);
            if update == batch.update {
                continue;
            }
            let mut given_up = Vec::new();
            let once = UpdateBatch { update, ..batch };
            Box::pin(self.write(once, outcomes, &mut given_up)).await;
            if outcomes.get(&place) == Some(&EnrichOutcome::Written) {
                outcomes.insert(place, EnrichOutcome::WrittenLess(code));
            }
        }
    }
}

/// Sends a batch, and what the answer leaves out again.
async fn send(
    calls: &dyn FindingCalls,
    batch: UpdateBatch,
    outcomes: &mut Outcomes,
    less: &mut Vec<(UpdateBatch, String)>,
) {
    let mut waiting = vec![(batch, 1)];
    while let Some((batch, tries)) = waiting.pop() {
        let input = batch.input();
        let answer = calls.call(
            Some(&batch.region),
            "securityhub",
            "BatchUpdateFindings",
            &input,
        );
        let left = match answer.await {
            Ok(answer) => left_out(&answer),
            Err(refusal) if !refusal.is_about_input() => {
                let again = EnrichOutcome::Again(refusal.to_string());
                let all = batch
                    .identifiers
                    .iter()
                    .map(|it| ((batch.region.clone(), it.clone()), again.clone()));
                outcomes.extend(all);
                continue;
            }
            // one finding of several may be what is refused
            Err(_) if batch.identifiers.len() > 1 => {
                waiting.extend(
                    batch
                        .identifiers
                        .iter()
                        .map(|it| (batch.only(vec![it.clone()]), tries)),
                );
                continue;
            }
            Err(refusal) => {
                let all = batch.identifiers.iter().cloned();
                all.map(|it| (it, LeftOut::Less(refusal.code.clone())))
                    .collect()
            }
        };
        let repeated = settle(&batch, left, tries < TRIES_MAX, outcomes, less);
        if !repeated.is_empty() {
            calls.pause(TRY_AGAIN).await;
            waiting.push((batch.only(repeated), tries + 1));
        }
    }
}

/// Writes updates as they are, and says what came of each, in their order. What Security Hub refuses is not
/// sent again.
pub async fn write_updates(
    calls: &dyn FindingCalls,
    updates: &[(Finding, FindingUpdate)],
) -> Vec<EnrichOutcome> {
    let (mut outcomes, mut less) = (Outcomes::new(), Vec::new());
    for batch in batches(updates.iter().map(|(it, update)| (it, update.clone()))) {
        send(calls, batch, &mut outcomes, &mut less).await;
    }
    let found = updates
        .iter()
        .map(|(it, _)| outcomes.get(&key(it)).cloned());
    let unsent = || EnrichOutcome::Again("it was not sent".to_owned());
    found.map(|it| it.unwrap_or_else(unsent)).collect()
}

/// What came of a batch; those of its findings that are sent again.
fn settle(
    batch: &UpdateBatch,
    mut left: BTreeMap<(String, String), LeftOut>,
    may_repeat: bool,
    outcomes: &mut Outcomes,
    less: &mut Vec<(UpdateBatch, String)>,
) -> Vec<(String, String)> {
    let mut repeated = Vec::new();
    for identifier in &batch.identifiers {
        let outcome = match left.remove(identifier) {
            None => EnrichOutcome::Written,
            Some(LeftOut::Gone) => EnrichOutcome::Gone,
            Some(LeftOut::GiveUp(code)) => EnrichOutcome::GaveUp(code),
            Some(LeftOut::Less(code)) => {
                less.push((batch.only(vec![identifier.clone()]), code.clone()));
                EnrichOutcome::GaveUp(code)
            }
            Some(LeftOut::Repeat) if may_repeat => {
                repeated.push(identifier.clone());
                continue;
            }
            Some(LeftOut::Repeat) => EnrichOutcome::Again("somebody else updates it".to_owned()),
        };
        outcomes.insert((batch.region.clone(), identifier.clone()), outcome);
    }
    repeated
}

fn key(finding: &Finding) -> (String, (String, String)) {
    (
        finding.region.clone(),
        (finding.product_arn.clone(), finding.id.clone()),
    )
}

fn unknown_account() -> CallRefusal {
    CallRefusal {
        kind: RefusalKind::Passing,
        operation: "DescribeAccount".to_owned(),
        code: "NotAsked".to_owned(),
        message: "the account was not looked up (this is a bug)".to_owned(),
    }
}
