//! Driver: looks accounts up, writes updates, reports results.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, StreamExt as _};
use hallpass_base::{AccountId, Clock, TimeSpan};
use jiff::Timestamp;
use serde_json::json;

use crate::account::AccountFacts;
use crate::cache::{AccountCache, CachedFacts};
use crate::fields;
use crate::finding::{Finding, WantedFinding, wants};
use crate::lookup::{look_up, place, tags, text};
use crate::ports::{CallRefusal, FindingCalls, RefusalKind};
use crate::settings::EnrichSettings;
use crate::standing::StandingFinding;
use crate::update::{FindingUpdate, least_update, update_of};
use crate::writing::{EnrichOutcome, Intent, Room, write_standing};

const LOOKUPS: usize = 4;
const WARN_EVERY: TimeSpan = TimeSpan::hours(1);

/// Results in finding order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrichReport {
    pub outcomes: Vec<EnrichOutcome>,
    pub warnings: Vec<String>,
}

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

impl Enricher {
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

    pub fn forget(&self, account: &AccountId) {
        self.cache.forget(account);
    }

    pub fn forget_all(&self) {
        self.cache.forget_all();
    }

    pub async fn facts(
        &self,
        account: &AccountId,
    ) -> Result<(AccountFacts, Option<String>), CallRefusal> {
        let entry = self.cache.entry(account);
        let mut held = entry.lock().await;
        let now = self.clock.now();
        if let Some(cached) = held.as_mut().filter(|it| it.counts(now)) {
            self.refresh_tags(account, cached, now).await;
            return Ok((cached.facts.clone(), None));
        }
        let own = self.own_account().await?;
        let found = look_up(self.calls.as_ref(), account, &own).await?;
        *held = Some(CachedFacts::of(found.facts.clone(), now));
        let warning = found
            .contact_denied
            .and_then(|refusal| self.warning(&refusal, now));
        Ok((found.facts, warning))
    }

    /// Returns the account's OU, at most minutes old; none outside the organization. For callers
    /// that change the account; notes may use a day-old OU.
    pub async fn unit(&self, account: &AccountId) -> Result<Option<String>, CallRefusal> {
        self.refresh_place(account).await?;
        let (facts, _) = self.facts(account).await?;
        Ok(match facts {
            AccountFacts::Member(member) => Some(member.unit),
            AccountFacts::Outside => None,
        })
    }

    async fn refresh_place(&self, account: &AccountId) -> Result<(), CallRefusal> {
        let entry = self.cache.entry(account);
        let mut held = entry.lock().await;
        let now = self.clock.now();
        let known = held.as_mut();
        let Some(cached) = known.filter(|it| it.counts(now) && !it.has_recent_place(now)) else {
            return Ok(());
        };
        let found = place(self.calls.as_ref(), account.as_str()).await?;
        match (found, &mut cached.facts) {
            (Some(place), AccountFacts::Member(member)) => {
                member.unit = place.unit;
                cached.place_read_at = now;
            }
            (None, _) => *cached = CachedFacts::of(AccountFacts::Outside, now),
            // the account joined: reread everything
            (Some(_), AccountFacts::Outside) => *held = None,
        }
        Ok(())
    }

    /// Rereads tags after some minutes: changes may be unreported.
    async fn refresh_tags(&self, account: &AccountId, cached: &mut CachedFacts, now: Timestamp) {
        if cached.has_recent_tags(now) {
            return;
        }
        // on failure, keep the old tags and retry later
        if let Ok(found) = tags(self.calls.as_ref(), account.as_str()).await
            && let AccountFacts::Member(member) = &mut cached.facts
        {
            member.tags = found;
            cached.tags_read_at = now;
        }
    }

    pub async fn plan(
        &self,
        findings: &[Finding],
    ) -> (Vec<Result<FindingUpdate, CallRefusal>>, Vec<String>) {
        let mut report = EnrichReport::default();
        let accounts = findings.iter().map(|it| &it.account);
        let facts = self.facts_of(accounts, &mut report).await;
        let updates = findings
            .iter()
            .map(|finding| match facts.get(&finding.account) {
                Some(Ok(facts)) => Ok(update_of(finding, facts, &self.settings)),
                Some(Err(refusal)) => Err(refusal.clone()),
                None => Err(unknown_account()),
            });
        (updates.collect(), report.warnings)
    }

    /// Enriches each finding based on its state at the time of the write.
    pub async fn enrich(&self, wanted: &[WantedFinding]) -> EnrichReport {
        let mut report = EnrichReport::default();
        let accounts = wanted.iter().map(|it| &it.account);
        let facts = self.facts_of(accounts, &mut report).await;
        let mut outcomes: Vec<EnrichOutcome> = Vec::with_capacity(wanted.len());
        let (mut places, mut keys) = (Vec::new(), Vec::new());
        for (place, it) in wanted.iter().enumerate() {
            outcomes.push(match facts.get(&it.account) {
                Some(Ok(_)) => {
                    places.push(place);
                    keys.push(it.key.clone());
                    EnrichOutcome::Again("it was not sent (this is a bug)".to_owned())
                }
                Some(Err(refusal)) => EnrichOutcome::Again(refusal.to_string()),
                None => EnrichOutcome::Again(unknown_account().to_string()),
            });
        }
        let judge = |number: usize, standing: &StandingFinding, room: Room| {
            let it = places.get(number).and_then(|place| wanted.get(*place));
            let found = it.and_then(|it| Some((it, facts.get(&it.account)?.as_ref().ok()?)));
            match found {
                Some((it, facts)) => self.intent(it, facts, &standing.finding, room),
                None => Intent::Leave(unknown_account().to_string()),
            }
        };
        let written = write_standing(self.calls.as_ref(), &keys, &judge).await;
        for (place, outcome) in places.iter().zip(written) {
            if let Some(stands) = outcomes.get_mut(*place) {
                *stands = outcome;
            }
        }
        report.outcomes = outcomes;
        report
    }

    fn intent(
        &self,
        wanted: &WantedFinding,
        facts: &AccountFacts,
        finding: &Finding,
        room: Room,
    ) -> Intent {
        if finding.account != wanted.account {
            let (own, said) = (&finding.account, &wanted.account);
            return Intent::Leave(format!("it is of account {own}, not {said}"));
        }
        if !wants(finding, wanted.trigger) {
            let why = if finding.active {
                "it is enriched already"
            } else {
                "its record is archived"
            };
            return Intent::Leave(why.to_owned());
        }
        let update = match room {
            Room::All => update_of(finding, facts, &self.settings),
            Room::Least => least_update(finding, facts),
        };
        match fields::lost(&finding.fields, &update.fields) {
            Some(key) => Intent::Leave(format!(
                "its fields leave no room for new ones: `{key}` would be lost"
            )),
            None => Intent::Write(update),
        }
    }

    async fn facts_of(
        &self,
        accounts: impl Iterator<Item = &AccountId>,
        report: &mut EnrichReport,
    ) -> BTreeMap<AccountId, Result<AccountFacts, CallRefusal>> {
        let mut accounts: Vec<AccountId> = accounts.cloned().collect();
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
}

fn unknown_account() -> CallRefusal {
    CallRefusal {
        kind: RefusalKind::Passing,
        operation: "DescribeAccount".to_owned(),
        code: "NotAsked".to_owned(),
        message: "the account was not looked up (this is a bug)".to_owned(),
    }
}
