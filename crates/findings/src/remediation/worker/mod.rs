//! Does due remediations, one at a time per caller, and updates their findings. Reads the state of
//! a finding before any action; the step reads it again (`organization.md` R-13).

mod notifying;

pub use notifying::{is_labelled_by_us, siblings_of};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{EnrichSettings, FindingCalls};
use futures_util::future::BoxFuture;
use hallpass_base::{AccountId, Clock, TimeSpan, Timestamp};
use hallpass_plans::{Applying, Final, PlanDraft, PlanId, RunError, Runner, StepEnd, StepState};

use crate::remediation::decide::{Yes, no_longer_wanted};
use crate::remediation::item::{
    Remediation, RemediationId, RemediationPhase, RemediationResult, WorkflowStatus,
};
use crate::remediation::ports::{AccountStandings, RemediationStore, RemediationStoreFault};
use crate::remediation::rules::{RemediationRule, RuleFile};
use crate::remediation::standing::{Standing, Standings};
use crate::remediation::steps::{NOT_ENTERED, answer, plan_of};

const LOOKED_AT: usize = 200;
/// Concurrent remediations per account (`organization.md` R-11).
const PER_ACCOUNT: usize = 3;
/// First retry delay; doubles.
const TRY_AGAIN: TimeSpan = TimeSpan::minutes(1);
/// Tries and timeout for a rule deleted from the file.
const TRIES: u32 = 3;
const TIMEOUT: TimeSpan = TimeSpan::minutes(2);
/// How long to wait for the lock of a dead plan holder.
const PATIENCE: Duration = Duration::from_secs(65);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worked {
    Nothing,
    Paused,
    Did(RemediationId, &'static str),
    /// The record or the current state is unreadable. In phase `pending` it is retried, `manual`
    /// needs a user. Does not block others.
    Unread {
        id: RemediationId,
        phase: &'static str,
        why: String,
    },
}

struct Next {
    it: Remediation,
    unread: Option<String>,
}

impl From<Remediation> for Next {
    fn from(it: Remediation) -> Self {
        Self { it, unread: None }
    }
}

pub struct RemediationPorts {
    pub store: Arc<dyn RemediationStore>,
    /// Writes to findings.
    pub findings: Arc<dyn FindingCalls>,
    /// Reads deviations in the accounts.
    pub standings: Arc<dyn Standings>,
    pub accounts: Arc<dyn AccountStandings>,
    pub clock: Arc<dyn Clock>,
}

pub struct RemediationWorker {
    store: Arc<dyn RemediationStore>,
    runner: Runner,
    findings: Arc<dyn FindingCalls>,
    standings: Arc<dyn Standings>,
    accounts: Arc<dyn AccountStandings>,
    file: Arc<dyn Fn() -> Arc<RuleFile> + Send + Sync>,
    settings: EnrichSettings,
    organization: String,
    clock: Arc<dyn Clock>,
    held: Mutex<BTreeMap<RemediationId, AccountId>>,
}

impl std::fmt::Debug for RemediationWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemediationWorker").finish_non_exhaustive()
    }
}

struct Holding<'a> {
    worker: &'a RemediationWorker,
    id: RemediationId,
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.worker.held().remove(&self.id);
    }
}

enum Ended {
    With(Final),
    Not(String),
}

impl RemediationWorker {
    pub fn new(
        ports: RemediationPorts,
        runner: Runner,
        file: Arc<dyn Fn() -> Arc<RuleFile> + Send + Sync>,
        settings: EnrichSettings,
        organization: String,
    ) -> Self {
        Self {
            store: ports.store,
            runner,
            findings: ports.findings,
            standings: ports.standings,
            accounts: ports.accounts,
            file,
            settings,
            organization,
            clock: ports.clock,
            held: Mutex::default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<RemediationId, AccountId>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the first due remediation of an account. Callers may run concurrently.
    ///
    /// # Errors
    /// The store failed; the next caller continues the work.
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
        // another process may have finished it since the listing
        let Some(it) = self.store.remediation(&it.id).await? else {
            return Ok(Worked::Nothing);
        };
        let id = it.id.clone();
        let next = match &it.phase {
            RemediationPhase::Waiting { until, .. } if *until <= now => {
                match self.standings.standing(&it.deviation).await {
                    Ok(Standing::Over(why)) => it.drifted(why).into(),
                    Ok(Standing::Open(_)) => expired(it, None, now).into(),
                    Err(why) => Next {
                        it: expired(it, Some(&why), now),
                        unread: Some(why),
                    },
                }
            }
            RemediationPhase::Pending { from, .. } if *from <= now => self.mend(it).await,
            RemediationPhase::Observed
            | RemediationPhase::Waiting { .. }
            | RemediationPhase::Pending { .. }
            | RemediationPhase::Finished { .. }
            | RemediationPhase::Manual { .. }
            | RemediationPhase::Drifted { .. }
            | RemediationPhase::Undone { .. } => return Ok(Worked::Nothing),
        };
        let phase = next.it.phase.name();
        match self.store.change_remediation(&next.it).await {
            Ok(()) | Err(RemediationStoreFault::Raced(_)) => Ok(match next.unread {
                None => Worked::Did(id, phase),
                Some(why) => Worked::Unread { id, phase, why },
            }),
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

    /// Reserves a remediation that is due and whose account has capacity.
    fn hold(&self, it: Remediation, now: Timestamp) -> Option<(Remediation, Holding<'_>)> {
        let has_work = match &it.phase {
            RemediationPhase::Waiting { until, .. } => *until <= now,
            RemediationPhase::Pending { from, .. } => *from <= now,
            RemediationPhase::Observed
            | RemediationPhase::Finished { .. }
            | RemediationPhase::Manual { .. }
            | RemediationPhase::Drifted { .. }
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

    /// Applies a plan: a new one, the running one, or one that ended before its result was stored.
    async fn mend(&self, mut it: Remediation) -> Next {
        let rule = (self.file)().rule(&it.rule).cloned();
        let rule = rule.as_ref();
        let (draft, plan) = self.draft(&it, rule);
        // CRASH: the plan id derives from the remediation, so the next process finds its progress
        let ended = match self.place(&plan).await {
            Ok(Some(StepState::Final(end))) => Ok(Ended::With(end)),
            Ok(Some(StepState::Intent { .. } | StepState::Accepted { .. })) => {
                self.apply(draft, &plan).await
            }
            Ok(Some(StepState::Planned) | None) => {
                if let Some(otherwise) = self.otherwise(&it).await {
                    return match otherwise {
                        Ok(why) => it.drifted(why).into(),
                        Err(why) => unread(it, rule, why, self.clock.now()),
                    };
                }
                self.apply(draft, &plan).await
            }
            Err(error) => Err(error),
        };
        // changes of an earlier try are undone by its own plan
        let before = it.plan.replace(plan.clone());
        it.earlier.extend(before.filter(|before| *before != plan));
        let now = self.clock.now();
        match ended {
            // a block may mean that the deviation changed
            Ok(Ended::With(end)) if matches!(end.outcome, StepEnd::Blocked | StepEnd::Drifted) => {
                match self.otherwise(&it).await {
                    Some(Ok(why)) => it.drifted(why).into(),
                    Some(Err(why)) => {
                        let why = format!("{}; its state cannot be read: {why}", end.reason);
                        unread(with_change(it, &end, now), rule, why, now)
                    }
                    None => after(it, rule, &end, now).into(),
                }
            }
            Ok(Ended::With(end)) => after(it, rule, &end, now).into(),
            Ok(Ended::Not(why)) => failed(it, rule, why, now).into(),
            // a failure of one remediation must not stop the others
            Err(error) => {
                let why = format!("its plan cannot be read or stored: {error}");
                unread(it, rule, why, now)
            }
        }
    }

    async fn otherwise(&self, it: &Remediation) -> Option<Result<String, String>> {
        let stands = match self.standings.standing(&it.deviation).await {
            Ok(Standing::Open(stands)) => stands,
            Ok(Standing::Over(why)) => return Some(Ok(why)),
            Err(why) => return Some(Err(why)),
        };
        let account = match self.accounts.standing(&it.deviation.account).await {
            Ok(account) => account,
            Err(why) => return Some(Err(why)),
        };
        let (file, now) = ((self.file)(), self.clock.now());
        no_longer_wanted(&file, it, &stands, &account, Yes::of(it), now).map(Ok)
    }

    fn draft(&self, it: &Remediation, rule: Option<&RemediationRule>) -> (PlanDraft, PlanId) {
        let timeout = rule.map_or(TIMEOUT, |it| it.timeout);
        let draft = plan_of(it, &self.organization, timeout);
        let plan = draft.id();
        (draft, plan)
    }

    async fn place(&self, plan: &PlanId) -> Result<Option<StepState>, RunError> {
        match self.runner.load(plan).await {
            Ok((plan, folded)) => {
                let step = plan.steps.first();
                Ok(step.map(|step| folded.place(&step.id).clone()))
            }
            Err(RunError::Unknown(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn apply(&self, draft: PlanDraft, plan: &PlanId) -> Result<Ended, RunError> {
        match self.run(draft, plan).await {
            Ok(()) => Ok(match self.place(plan).await? {
                Some(StepState::Final(end)) => Ended::With(end),
                Some(_) | None => Ended::Not("it was sent, and is not seen yet".to_owned()),
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
}

/// Ends a remediation not approved in time. `unread` is why its state is unknown.
fn expired(it: Remediation, unread: Option<&str>, now: Timestamp) -> Remediation {
    let mut reason = match &it.phase {
        RemediationPhase::Waiting { why, .. } => {
            format!("no approval within 24 hours ({why})")
        }
        other => other.name().to_owned(),
    };
    if let Some(unread) = unread {
        reason.push_str("; its state cannot be read: ");
        reason.push_str(unread);
    }
    it.told(
        RemediationPhase::Manual { reason },
        WorkflowStatus::Notified,
        now,
    )
}

fn after(
    mut it: Remediation,
    rule: Option<&RemediationRule>,
    end: &Final,
    now: Timestamp,
) -> Remediation {
    it = with_change(it, end, now);
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
        it.answer = answer(&end.new);
    }
    let resolves = rule.is_none_or(|rule| rule.resolve);
    let status = if resolves {
        WorkflowStatus::Resolved
    } else {
        WorkflowStatus::Notified
    };
    it.told(RemediationPhase::Finished { result }, status, now)
}

fn with_change(mut it: Remediation, end: &Final, now: Timestamp) -> Remediation {
    let fails = matches!(end.outcome, StepEnd::Failed | StepEnd::Blocked);
    if fails && !(end.old.is_null() && end.new.is_null()) {
        it.changed_at = Some(now);
    }
    it
}

fn unread(it: Remediation, rule: Option<&RemediationRule>, why: String, now: Timestamp) -> Next {
    Next {
        it: failed(it, rule, why.clone(), now),
        unread: Some(why),
    }
}

/// Retries after some minutes, then needs a user (`organization.md` R-9).
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
    // an account that cannot be entered needs a user immediately: retries do not change its roles
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
