//! The driver: does what is due, one remediation at a time for each who calls it, and tells findings what came of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hallpass_findings::{
    EnrichOutcome, EnrichSettings, Finding, FindingCalls, annotation, read_finding, write_updates,
};
use hallpass_model::{AccountId, Clock, TimeSpan, Timestamp};
use hallpass_runner::{Applying, Final, PlanDraft, PlanId, RunError, Runner, StepEnd};
use serde_json::{Value, json};

use crate::deviation::{FindingKey, REMEDIATED_BY, RESULT};
use crate::ports::{RemediationStore, RemediationStoreFault};
use crate::remediation::{
    Remediation, RemediationId, RemediationPhase, RemediationResult, WorkflowStatus,
};
use crate::rules::{RemediationRule, RuleFile};
use crate::steps::{NOT_ENTERED, plan_of};

/// Remediations looked at for the next one to do.
const LOOKED_AT: usize = 200;
/// Of an account so many are under way at once (`organization.md` R-11).
const PER_ACCOUNT: usize = 3;
/// Findings that are told at once, and the most that one question names (Security Hub API Reference, `GetFindings`).
const TOLD_AT_ONCE: usize = 100;
const NAMED_AT_ONCE: usize = 20;
/// The first pause after a failure; doubles.
const TRY_AGAIN: TimeSpan = TimeSpan::minutes(1);
/// How long until a finding is told that could not be told now.
const TELL_AGAIN: TimeSpan = TimeSpan::seconds(30);
/// Tries and timeout where the rule is gone from the file.
const TRIES: u32 = 3;
const TIMEOUT: TimeSpan = TimeSpan::minutes(2);
/// How long one waits for whoever died holding the plan.
const PATIENCE: Duration = Duration::from_secs(65);

/// What came of looking for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worked {
    /// There was nothing to do.
    Nothing,
    /// All writes are paused.
    Paused,
    /// This was done, as far as it goes.
    Did(RemediationId, &'static str),
}

/// Does what is due.
pub struct RemediationWorker {
    store: Arc<dyn RemediationStore>,
    runner: Runner,
    findings: Arc<dyn FindingCalls>,
    file: Arc<dyn Fn() -> Arc<RuleFile> + Send + Sync>,
    settings: EnrichSettings,
    organization: String,
    clock: Arc<dyn Clock>,
    /// What this process is at.
    held: Mutex<BTreeMap<RemediationId, AccountId>>,
}

impl std::fmt::Debug for RemediationWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemediationWorker").finish_non_exhaustive()
    }
}

/// Lets go of a remediation however its work ends.
struct Holding<'a> {
    worker: &'a RemediationWorker,
    id: RemediationId,
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.worker.held().remove(&self.id);
    }
}

/// How a plan ended.
enum Ended {
    With(Final),
    /// It could not be looked at, or is under way still.
    Not(String),
}

impl RemediationWorker {
    /// Nothing is done yet.
    pub fn new(
        store: Arc<dyn RemediationStore>,
        runner: Runner,
        findings: Arc<dyn FindingCalls>,
        file: Arc<dyn Fn() -> Arc<RuleFile> + Send + Sync>,
        settings: EnrichSettings,
        organization: String,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            runner,
            findings,
            file,
            settings,
            organization,
            clock,
            held: Mutex::default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<RemediationId, AccountId>> {
        // every change of the map is whole
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the first thing that is due in an account; several may do so at once.
    ///
    /// # Errors
    /// The store; what was begun is gone on with by whoever asks next.
    pub fn work(&self) -> BoxFuture<'_, Result<Worked, RemediationStoreFault>> {
        Box::pin(self.work_once())
    }

    async fn work_once(&self) -> Result<Worked, RemediationStoreFault> {
        let now = self.clock.now();
        if self.store.paused().await?.is_some() {
            return Ok(Worked::Paused);
        }
        let due = self.store.due_remediations(now, LOOKED_AT).await?;
        let Some((it, _holding)) = self.hold_first(due, now) else {
            return Ok(Worked::Nothing);
        };
        // what was read may be what somebody else has done since
        let Some(it) = self.store.remediation(&it.id).await? else {
            return Ok(Worked::Nothing);
        };
        let id = it.id.clone();
        let next = match &it.phase {
            RemediationPhase::Waiting { until, .. } if *until <= now => expired(it, now),
            RemediationPhase::Pending { from, .. } if *from <= now => self.mend(it).await?,
            RemediationPhase::Observed
            | RemediationPhase::Waiting { .. }
            | RemediationPhase::Pending { .. }
            | RemediationPhase::Finished { .. }
            | RemediationPhase::Manual { .. }
            | RemediationPhase::Undone { .. } => return Ok(Worked::Nothing),
        };
        let name = next.phase.name();
        match self.store.change_remediation(&next).await {
            // somebody pressed something meanwhile: what they want is done next
            Ok(()) | Err(RemediationStoreFault::Raced(_)) => Ok(Worked::Did(id, name)),
            Err(fault) => Err(fault),
        }
    }

    fn hold_first(
        &self,
        due: Vec<Remediation>,
        now: Timestamp,
    ) -> Option<(Remediation, Holding<'_>)> {
        due.into_iter().find_map(|it| self.hold(it, now))
    }

    /// Takes a remediation for this caller, where it has work and its account has room.
    fn hold(&self, it: Remediation, now: Timestamp) -> Option<(Remediation, Holding<'_>)> {
        let has_work = match &it.phase {
            RemediationPhase::Waiting { until, .. } => *until <= now,
            RemediationPhase::Pending { from, .. } => *from <= now,
            RemediationPhase::Observed
            | RemediationPhase::Finished { .. }
            | RemediationPhase::Manual { .. }
            | RemediationPhase::Undone { .. } => false,
        };
        let mut held = self.held();
        let account = &it.deviation.account;
        let others = held.values().filter(|other| *other == account).count();
        if !has_work || held.contains_key(&it.id) || others >= PER_ACCOUNT {
            return None;
        }
        held.insert(it.id.clone(), account.clone());
        let id = it.id.clone();
        Some((it, Holding { worker: self, id }))
    }

    /// Mends by a plan: a new one, the one that was begun, or the one that ended before that was kept.
    async fn mend(&self, mut it: Remediation) -> Result<Remediation, RemediationStoreFault> {
        let rule = (self.file)().rule(&it.rule).cloned();
        let (draft, plan) = self.draft(&it, rule.as_ref());
        // CRASH: the plan's name follows from the remediation; whoever comes next finds how far it got
        let ended = match self.ended(&plan).await {
            Ok(Some(end)) => Ok(Ended::With(end)),
            Ok(None) => self.apply(draft, &plan).await,
            Err(error) => Err(error),
        };
        it.plan = Some(plan);
        let rule = rule.as_ref();
        let now = self.clock.now();
        match ended {
            Ok(Ended::With(end)) => Ok(after(it, rule, &end, now)),
            Ok(Ended::Not(why)) => Ok(failed(it, rule, why, now)),
            Err(error) => Err(RemediationStoreFault::Unavailable(error.to_string())),
        }
    }

    fn draft(&self, it: &Remediation, rule: Option<&RemediationRule>) -> (PlanDraft, PlanId) {
        let timeout = rule.map_or(TIMEOUT, |it| it.timeout);
        let draft = plan_of(it, &self.organization, timeout);
        let plan = draft.id();
        (draft, plan)
    }

    /// How the one step of a plan ended, if it did.
    async fn ended(&self, plan: &PlanId) -> Result<Option<Final>, RunError> {
        match self.runner.load(plan).await {
            Ok((plan, folded)) => {
                let step = plan.steps.first();
                Ok(step.and_then(|step| folded.end(&step.id)).cloned())
            }
            Err(RunError::Unknown(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn apply(&self, draft: PlanDraft, plan: &PlanId) -> Result<Ended, RunError> {
        match self.run(draft, plan).await {
            Ok(()) => Ok(match self.ended(plan).await? {
                Some(end) => Ended::With(end),
                None => Ended::Not("it was sent, and is not seen yet".to_owned()),
            }),
            Err(RunError::Unseen { why, .. }) => Ok(Ended::Not(why)),
            Err(error @ RunError::Held { .. }) => Ok(Ended::Not(error.to_string())),
            Err(error) => Err(error),
        }
    }

    async fn run(&self, draft: PlanDraft, plan: &PlanId) -> Result<(), RunError> {
        let applying = Applying {
            accept_drift: true,
            patience: PATIENCE,
            ..Applying::default()
        };
        self.runner.look(draft).await?;
        self.runner.apply(plan, &applying).await.map(drop)
    }

    /// Tells findings what came of their remediations; how many were told.
    ///
    /// # Errors
    /// The store; who was told and not noted is told again.
    pub async fn tell(&self) -> Result<usize, RemediationStoreFault> {
        let now = self.clock.now();
        if self.store.paused().await?.is_some() {
            return Ok(0);
        }
        let due = self.store.due_remediations(now, LOOKED_AT).await?;
        let is_due = |it: &Remediation| it.write_back.as_ref().is_some_and(|it| it.from <= now);
        let due: Vec<Remediation> = due.into_iter().filter(is_due).take(TOLD_AT_ONCE).collect();
        if due.is_empty() {
            return Ok(0);
        }
        let found = self.read(&due).await;
        let mut updates = Vec::new();
        let mut places = Vec::new();
        let mut outcomes: Vec<EnrichOutcome> = Vec::new();
        for it in &due {
            let read = it.deviation.finding.as_ref().map(|key| found.get(key));
            outcomes.push(match read {
                Some(Some(Ok(Some(finding)))) if !is_told(it, finding) => {
                    if let Some(update) = self.update(it, finding) {
                        places.push(outcomes.len());
                        updates.push((finding.clone(), update));
                    }
                    EnrichOutcome::Written
                }
                Some(Some(Ok(Some(_)))) => EnrichOutcome::Written,
                Some(Some(Err(why))) => EnrichOutcome::Again(why.clone()),
                Some(Some(Ok(None)) | None) | None => EnrichOutcome::Gone,
            });
        }
        let written = write_updates(self.findings.as_ref(), &updates).await;
        for (place, outcome) in places.into_iter().zip(written) {
            if let Some(stands) = outcomes.get_mut(place) {
                *stands = outcome;
            }
        }
        let mut told = 0;
        for (it, outcome) in due.into_iter().zip(outcomes) {
            told += usize::from(self.note_told(it, &outcome, now).await?);
        }
        Ok(told)
    }

    fn update(
        &self,
        it: &Remediation,
        finding: &Finding,
    ) -> Option<hallpass_findings::FindingUpdate> {
        let write_back = it.write_back.as_ref()?;
        let own = own_fields(it)?;
        let (note, status) = (&write_back.note, write_back.status.name());
        Some(annotation(finding, note, &own, status, &self.settings))
    }

    async fn note_told(
        &self,
        mut it: Remediation,
        outcome: &EnrichOutcome,
        now: Timestamp,
    ) -> Result<bool, RemediationStoreFault> {
        let is_over = !matches!(outcome, EnrichOutcome::Again(_));
        match &mut it.write_back {
            Some(write_back) if !is_over => write_back.from = TELL_AGAIN.after(now),
            _ => it.write_back = None,
        }
        match self.store.change_remediation(&it).await {
            Ok(()) => Ok(is_over),
            // it has something else to say by now
            Err(RemediationStoreFault::Raced(_)) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// The findings as they stand now, so that nothing of others is lost; none where one is gone.
    async fn read(
        &self,
        due: &[Remediation],
    ) -> BTreeMap<FindingKey, Result<Option<Finding>, String>> {
        let mut regions: BTreeMap<&str, Vec<&FindingKey>> = BTreeMap::new();
        for key in due.iter().filter_map(|it| it.deviation.finding.as_ref()) {
            regions.entry(key.region.as_str()).or_default().push(key);
        }
        let mut read = BTreeMap::new();
        for (region, mut keys) in regions {
            keys.sort();
            keys.dedup();
            for some in keys.chunks(NAMED_AT_ONCE) {
                let ids: Vec<Value> = some
                    .iter()
                    .map(|key| json!({ "Value": key.id, "Comparison": "EQUALS" }))
                    .collect();
                let input = json!({ "Filters": { "Id": ids }, "MaxResults": TOLD_AT_ONCE });
                let found = self
                    .findings
                    .call(Some(region), "securityhub", "GetFindings", &input)
                    .await;
                for key in some {
                    let one = found.as_ref().map_err(ToString::to_string);
                    let one = one.map(|answer| pick(answer, key));
                    read.insert((*key).clone(), one);
                }
            }
        }
        read
    }
}

fn pick(answer: &Value, key: &FindingKey) -> Option<Finding> {
    let rows = answer.get("Findings").and_then(Value::as_array);
    let rows = rows.into_iter().flatten();
    let mut rows = rows.filter_map(|row| read_finding(row, &key.region).ok());
    rows.find(|it| it.id == key.id && it.product_arn == key.product)
}

/// The fields that a finding gets.
fn own_fields(it: &Remediation) -> Option<BTreeMap<String, String>> {
    let write_back = it.write_back.as_ref()?;
    let by = match write_back.status {
        // one text for all that a rule suppresses
        WorkflowStatus::Suppressed => format!("rule {}", it.rule),
        WorkflowStatus::New | WorkflowStatus::Notified | WorkflowStatus::Resolved => {
            it.id.to_string()
        }
    };
    Some(BTreeMap::from([
        (REMEDIATED_BY.to_owned(), by),
        (RESULT.to_owned(), write_back.result.clone()),
    ]))
}

/// Whether the finding says so already: a stop came between writing to it and noting that.
fn is_told(it: &Remediation, finding: &Finding) -> bool {
    let own = own_fields(it).unwrap_or_default();
    own.iter()
        .all(|(key, value)| finding.fields.get(key) == Some(value))
}

/// Nobody approved it in time.
fn expired(it: Remediation, now: Timestamp) -> Remediation {
    let reason = match &it.phase {
        RemediationPhase::Waiting { why, .. } => {
            format!("nobody approved it within 24 hours ({why})")
        }
        other => other.name().to_owned(),
    };
    it.told(
        RemediationPhase::Manual { reason },
        WorkflowStatus::Notified,
        now,
    )
}

/// What a remediation becomes when its plan ended.
fn after(
    mut it: Remediation,
    rule: Option<&RemediationRule>,
    end: &Final,
    now: Timestamp,
) -> Remediation {
    let result = match end.outcome {
        StepEnd::Changed => RemediationResult::Changed,
        StepEnd::Unchanged => RemediationResult::Unchanged,
        StepEnd::Failed => {
            it.generation += 1;
            return failed(it, rule, end.reason.clone(), now);
        }
        StepEnd::Blocked | StepEnd::Drifted | StepEnd::Skipped => {
            let reason = end.reason.clone();
            return it.told(
                RemediationPhase::Manual { reason },
                WorkflowStatus::Notified,
                now,
            );
        }
        StepEnd::InProgress => {
            return failed(it, rule, end.reason.clone(), now);
        }
    };
    if result == RemediationResult::Changed {
        it.changed_at = Some(now);
    }
    let resolves = rule.is_none_or(|rule| rule.resolve);
    let status = if resolves {
        WorkflowStatus::Resolved
    } else {
        WorkflowStatus::Notified
    };
    it.told(RemediationPhase::Finished { result }, status, now)
}

/// What failed is tried again some minutes later, and then it is for people (`organization.md` R-9).
fn failed(
    mut it: Remediation,
    rule: Option<&RemediationRule>,
    why: String,
    now: Timestamp,
) -> Remediation {
    let before = match &it.phase {
        RemediationPhase::Pending { failed, .. } => *failed,
        _ => 0,
    };
    let tries = before + 1;
    // an account that cannot be entered is for people at once: no further try changes its roles
    let is_final = why.starts_with(NOT_ENTERED) || why.starts_with("OtherAccount");
    if !is_final && tries < rule.map_or(TRIES, |rule| rule.tries) {
        let pause = TimeSpan::seconds(TRY_AGAIN.as_seconds() << before.min(6));
        it.phase = RemediationPhase::Pending {
            from: pause.after(now),
            failed: tries,
        };
        return it;
    }
    it.told(
        RemediationPhase::Manual { reason: why },
        WorkflowStatus::Notified,
        now,
    )
}
