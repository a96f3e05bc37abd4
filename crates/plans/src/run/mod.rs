//! Probes, saves, applies and resumes plans. [`board`] and the folded journal make all decisions
//! between port calls.

mod board;
mod expected;
mod lanes;
mod step;
mod step_run;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{self, FuturesUnordered, StreamExt};
use hallpass_base::{Clock, IdSource, Timestamp};

use crate::journal::{
    Final, Folded, JournalEntry, JournalError, SentBefore, StepEnd, StepState, fold,
};
use crate::plan::{Plan, PlanDraft, PlanId, PlanStep, StepId, StepProbe};
use crate::ports::{
    JournalAddition, PlanStore, RunnerIdentity, Sleeper, StepError, StepExecutor, StoreFault,
};
use crate::report::{PlanReport, PlanState};
use board::Board;
use expected::{expected_again, no_longer_as_left, within_limits};
use step_run::StepStanding;

const LOOKS: usize = 8;
const LOOK_TRIES: u32 = 3;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The plan can be resumed.
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("there is no plan `{0}`")]
    Unknown(PlanId),
    /// Another process runs it, or holds its lane.
    #[error("`{lane}` is held by {by} until {until}")]
    Held {
        lane: String,
        by: String,
        until: Timestamp,
    },
    /// Over the change limit (`organization.md` P-11).
    #[error("the plan has {changes} changes, and {allowed} are allowed")]
    TooManyChanges { changes: usize, allowed: usize },
    #[error("cannot look at `{target}`: {why}")]
    Unseen { target: String, why: String },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    pub plan: Plan,
    /// Whether an earlier run is unfinished: it is resumed, not restarted.
    pub under_way: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applying {
    /// Apply even if the target changed since the plan was saved.
    pub accept_drift: bool,
    pub canary: Option<usize>,
    pub retry_failed: bool,
    pub patience: Duration,
}

#[derive(Clone)]
pub struct RunnerPorts {
    pub store: Arc<dyn PlanStore>,
    pub hands: Arc<dyn StepExecutor>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    pub nap: Arc<dyn Sleeper>,
}

pub struct Runner {
    ports: RunnerPorts,
    keeper: RunnerIdentity,
    renewed: Mutex<BTreeMap<String, Timestamp>>,
    inside: Mutex<BTreeMap<String, u32>>,
}

impl Runner {
    pub fn new(ports: RunnerPorts, keeper: RunnerIdentity) -> Self {
        Self {
            ports,
            keeper,
            renewed: Mutex::default(),
            inside: Mutex::default(),
        }
    }

    /// Probes every step and saves the plan; sends no write. An unfinished plan of this request is
    /// kept; after a finished one that changed something, a new plan is made.
    ///
    /// # Errors
    /// A target is unreadable, or the store fails.
    pub async fn look(&self, draft: PlanDraft) -> Result<Looked, RunError> {
        let looked = self.preview(draft).await?;
        if !looked.under_way {
            self.save(&looked.plan).await?;
        }
        Ok(looked)
    }

    /// Like [`look`](Self::look) without saving, for plans that may be refused.
    pub async fn preview(&self, draft: PlanDraft) -> Result<Looked, RunError> {
        let newest = self.newest(&draft).await?;
        if let Some((plan, folded)) = &newest
            && is_under_way(plan, folded)
        {
            return Ok(Looked {
                plan: plan.clone(),
                under_way: true,
            });
        }
        let nothing = Folded::default();
        let before = newest.as_ref().map_or(&nothing, |(_, folded)| folded);
        let plan = self.looked_at(draft, before).await?;
        Ok(Looked {
            plan: match newest {
                None => plan,
                Some((earlier, folded)) if is_spent(&earlier, &folded) => {
                    plan.following(&earlier, |step| folded.has_changed(step))
                }
                Some((earlier, _)) => plan.in_place_of(&earlier),
            },
            under_way: false,
        })
    }

    async fn looked_at(&self, draft: PlanDraft, before: &Folded) -> Result<Plan, RunError> {
        let expected = draft.expecting(self.probe_all(draft.steps(), before).await?);
        let mut drifted = BTreeMap::new();
        for (id, taken_back) in draft.taken_back() {
            let step = draft.steps().iter().find(|step| step.id == *id);
            let is_first = step.is_some_and(|step| {
                let mut others = draft.steps().iter();
                !others.any(|it| it.target == step.target && step.after.contains(&it.id))
            });
            let changes = expected.get(id).is_some_and(StepProbe::is_change);
            if !(is_first && changes) {
                continue;
            }
            let unseen = |why| RunError::Unseen {
                target: taken_back.target.to_string(),
                why,
            };
            let seen = self
                .probe_for_plan(taken_back, None)
                .await
                .map_err(unseen)?;
            if let Some(reason) = no_longer_as_left(&seen) {
                drifted.insert(id.clone(), reason);
            }
        }
        let actor = &self.keeper.actor;
        Ok(draft.finish(expected, &drifted, self.ports.clock.now(), actor))
    }

    pub async fn upcoming(&self, draft: &PlanDraft) -> Result<PlanId, RunError> {
        Ok(match self.newest(draft).await? {
            None => draft.id(),
            Some((plan, folded)) if is_spent(&plan, &folded) => {
                draft.id_of(plan.round.saturating_add(1))
            }
            Some((plan, _)) => plan.id,
        })
    }

    async fn newest(&self, draft: &PlanDraft) -> Result<Option<(Plan, Folded)>, RunError> {
        let mut newest = None;
        for round in 0.. {
            match self.ports.store.plan(&draft.id_of(round)).await? {
                Some(saved) => newest = Some(saved.plan),
                None => break,
            }
        }
        let Some(plan) = newest else { return Ok(None) };
        let folded = self.folded(&plan.id).await?;
        Ok(Some((plan, folded)))
    }

    pub async fn save(&self, plan: &Plan) -> Result<(), RunError> {
        Ok(self.ports.store.save_plan(plan).await?)
    }

    async fn probe_all(
        &self,
        steps: &[PlanStep],
        before: &Folded,
    ) -> Result<BTreeMap<StepId, StepProbe>, RunError> {
        let sent = |step: &PlanStep| before.sent.get(&step.id).cloned();
        let looks = steps.iter().map(|step| self.probe_one(step, sent(step)));
        let looks: Vec<_> = looks.collect();
        let answers: Vec<_> = stream::iter(looks).buffered(LOOKS).collect().await;
        let seen = answers.into_iter().map(|(step, answer)| match answer {
            Ok(probe) => Ok((step.id.clone(), probe)),
            Err(why) => Err(RunError::Unseen {
                target: step.target.to_string(),
                why,
            }),
        });
        let seen = seen.collect::<Result<BTreeMap<_, _>, _>>()?;
        // a single unreadable target fails alone; if all are unreadable, the cause is not the
        // targets
        if unseen(steps, &seen).count() == steps.len()
            && let Some(unseen) = unseen(steps, &seen).next()
        {
            return Err(unseen);
        }
        Ok(seen)
    }

    async fn probe_one<'a>(
        &self,
        step: &'a PlanStep,
        sent: Option<SentBefore>,
    ) -> (&'a PlanStep, Result<StepProbe, String>) {
        (step, self.probe_for_plan(step, sent.as_ref()).await)
    }

    async fn probe_for_plan(
        &self,
        step: &PlanStep,
        sent: Option<&SentBefore>,
    ) -> Result<StepProbe, String> {
        let mut tries = 1;
        loop {
            let seen = match sent {
                Some(sent) => self.ports.hands.look_again(step, sent).await,
                None => self.ports.hands.probe(step).await,
            };
            match seen {
                Ok(probe) => return Ok(probe),
                Err(StepError::Failed { code, text }) => {
                    let reason = format!("{code}: {text}");
                    return Ok(StepProbe::Unseen { reason });
                }
                Err(StepError::Retry(retry)) if tries >= LOOK_TRIES => return Err(retry.why),
                Err(StepError::Retry(retry)) => {
                    let pause = crate::pause(&retry, tries, self.chance(step, tries));
                    self.ports.nap.sleep(pause.unwrap_or_default()).await;
                }
            }
            tries += 1;
        }
    }

    /// Applies a saved plan or resumes its unfinished run. A finished plan that changed something
    /// is not run again: planning the same request makes a new plan.
    ///
    /// # Errors
    /// No such plan, too large, running elsewhere, or a store failure. Target results are in the
    /// report.
    pub async fn apply(&self, id: &PlanId, applying: &Applying) -> Result<PlanReport, RunError> {
        let (plan, _) = self.load(id).await?;
        within_limits(&plan)?;
        let name = format!("plan:{id}");
        self.take(&name, applying.patience).await?;
        let run = self.run(id, applying).await;
        self.give_back(&name).await?;
        run
    }

    async fn run(&self, id: &PlanId, applying: &Applying) -> Result<PlanReport, RunError> {
        // the previous lease holder may have finished it
        let (mut plan, mut folded) = self.load(id).await?;
        if is_spent(&plan, &folded) && !applying.retry_failed {
            return Ok(report_of(&plan, &folded, false));
        }
        let mut again = None;
        if applying.retry_failed {
            let seen = self.probe_all(&plan.steps, &folded).await?;
            let expected = expected_again(&plan, &folded, seen);
            let next = Plan {
                expected,
                ..plan.clone().again()
            };
            within_limits(&next)?;
            again = Some(next);
        }
        // CRASH: written before the run does anything, so that an unreviewed run is never resumed
        // as unlimited
        if folded.bound != applying.canary {
            let targets = applying.canary;
            self.note(id, &JournalEntry::Bounded { targets }).await?;
        }
        self.ports.store.set_aborted(&plan.id, false).await?;
        if let Some(next) = again {
            plan = next;
            self.ports.store.save_plan(&plan).await?;
            self.begin(&plan).await?;
            folded = self.folded(&plan.id).await?;
        } else if !is_under_way(&plan, &folded) {
            self.begin(&plan).await?;
            folded = self.folded(&plan.id).await?;
        }
        let stopped = self.drive(&plan, folded, applying).await?;
        let folded = self.folded(&plan.id).await?;
        Ok(report_when(&plan, &folded, stopped))
    }

    async fn begin(&self, plan: &Plan) -> Result<(), RunError> {
        let entry = JournalEntry::Planned {
            expected: plan.expected.clone(),
        };
        self.note(&plan.id, &entry).await
    }

    /// Resumes an unfinished run or starts the first; a finished plan is not changed.
    pub async fn resume(&self, id: &PlanId, applying: &Applying) -> Result<PlanReport, RunError> {
        let (plan, folded) = self.load(id).await?;
        if folded.began.is_none() || is_under_way(&plan, &folded) || applying.retry_failed {
            return self.apply(id, applying).await;
        }
        Ok(report_of(&plan, &folded, false))
    }

    /// Resumes a run automatically, if allowed ([`goes_on_by_itself`]); else `None`. `why` goes to
    /// the journal.
    pub async fn go_on(
        &self,
        id: &PlanId,
        patience: Duration,
        why: &str,
    ) -> Result<Option<PlanReport>, RunError> {
        let name = format!("plan:{id}");
        self.take(&name, patience).await?;
        let run = self.run_unasked(id, patience, why).await;
        self.give_back(&name).await?;
        run
    }

    async fn run_unasked(
        &self,
        id: &PlanId,
        patience: Duration,
        why: &str,
    ) -> Result<Option<PlanReport>, RunError> {
        // it may have ended or been aborted during the wait
        let (plan, folded) = self.load(id).await?;
        let aborted = self
            .ports
            .store
            .plan(id)
            .await?
            .is_some_and(|it| it.aborted);
        if !goes_on_by_itself(&plan, &folded, aborted) {
            return Ok(None);
        }
        let text = why.to_owned();
        self.note(id, &JournalEntry::Note { step: None, text })
            .await?;
        let applying = Applying {
            patience,
            ..Applying::default()
        };
        let stopped = self.drive(&plan, folded, &applying).await?;
        let folded = self.folded(id).await?;
        Ok(Some(report_when(&plan, &folded, stopped)))
    }

    pub async fn differences(&self, draft: PlanDraft) -> Result<PlanReport, RunError> {
        let plan = self.looked_at(draft, &Folded::default()).await?;
        match unseen(&plan.steps, &plan.expected).next() {
            Some(unseen) => Err(unseen),
            None => Ok(PlanReport::planned(&plan)),
        }
    }

    pub async fn report(&self, id: &PlanId) -> Result<PlanReport, RunError> {
        let (plan, folded) = self.load(id).await?;
        let aborted = self
            .ports
            .store
            .plan(id)
            .await?
            .is_some_and(|it| it.aborted);
        Ok(report_of(&plan, &folded, aborted))
    }

    /// Aborts a plan, and waits until it stops running.
    ///
    /// # Errors
    /// No such plan, a store failure, or steps that outlast the patience.
    pub async fn abort(&self, id: &PlanId, patience: Duration) -> Result<PlanReport, RunError> {
        self.load(id).await?;
        self.ports.store.set_aborted(id, true).await?;
        let name = format!("plan:{id}");
        self.take(&name, patience).await?;
        self.give_back(&name).await?;
        self.report(id).await
    }

    pub async fn load(&self, id: &PlanId) -> Result<(Plan, Folded), RunError> {
        let saved = self.ports.store.plan(id).await?;
        let saved = saved.ok_or_else(|| RunError::Unknown(id.clone()))?;
        Ok((saved.plan, self.folded(id).await?))
    }

    async fn folded(&self, id: &PlanId) -> Result<Folded, RunError> {
        let stored = self.ports.store.journal(id).await?;
        let folded = fold(&stored)?;
        if let (true, Some(last)) = (folded.torn, stored.last()) {
            self.ports.store.cut_torn(id, last.number).await?;
        }
        Ok(folded)
    }

    async fn note(&self, id: &PlanId, entry: &JournalEntry) -> Result<(), RunError> {
        let added = JournalAddition {
            at: self.ports.clock.now(),
            entry,
            change: None,
        };
        self.ports.store.append(id, added).await?;
        Ok(())
    }

    /// Runs steps until all are done or a stop condition. Started steps always finish.
    async fn drive(
        &self,
        plan: &Plan,
        folded: Folded,
        applying: &Applying,
    ) -> Result<Option<Stopped>, RunError> {
        let mut board = Board::new(plan, &folded, applying.canary);
        let mut running = FuturesUnordered::new();
        let mut broken: Option<RunError> = None;
        let mut aborted = false;
        loop {
            while broken.is_none() && !aborted {
                let Some(index) = board.next() else { break };
                let Some(step) = plan.steps.get(index) else {
                    break;
                };
                if let Some(reason) = board.blocked_by(index) {
                    let end = Final::without_change(StepEnd::Blocked, reason, 0);
                    broken = self.finish_without_change(plan, step, &end).await.err();
                    board.ended(index, &end);
                    continue;
                }
                match self.ports.store.plan(&plan.id).await {
                    Ok(saved) => aborted = saved.is_none_or(|saved| saved.aborted),
                    Err(fault) => broken = Some(fault.into()),
                }
                if aborted || broken.is_some() {
                    break;
                }
                board.begun(index);
                let stands = StepStanding::of(&folded, step);
                running.push(async move {
                    let end = self.carry_out(plan, step, stands, applying).await;
                    (index, end)
                });
            }
            match running.next().await {
                None => break,
                Some((index, Ok(end))) => board.ended(index, &end),
                Some((index, Err(error))) => {
                    board.stopped(index);
                    broken.get_or_insert(error);
                }
            }
        }
        match broken {
            Some(error) => Err(error),
            None if aborted => Ok(Some(Stopped::Aborted)),
            None => Ok(board.why_stopped()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    Aborted,
    Paused,
    TooManyFailures,
}

fn unseen(
    steps: &[PlanStep],
    seen: &BTreeMap<StepId, StepProbe>,
) -> impl Iterator<Item = RunError> {
    steps.iter().filter_map(|step| match seen.get(&step.id) {
        Some(StepProbe::Unseen { reason }) => Some(RunError::Unseen {
            target: step.target.to_string(),
            why: reason.clone(),
        }),
        _ => None,
    })
}

pub(crate) fn is_under_way(plan: &Plan, folded: &Folded) -> bool {
    folded.began.is_some()
        && plan
            .steps
            .iter()
            .any(|step| !matches!(folded.place(&step.id), StepState::Final(_)))
}

/// Returns whether it finished and changed something: the journal is then the undo source, and
/// takes no further run.
fn is_spent(plan: &Plan, folded: &Folded) -> bool {
    let has_changed = !folded.changed.is_empty() || !folded.in_part.is_empty();
    folded.began.is_some() && !is_under_way(plan, folded) && has_changed
}

pub fn report_of(plan: &Plan, folded: &Folded, aborted: bool) -> PlanReport {
    let stopped = if aborted {
        Some(Stopped::Aborted)
    } else {
        is_paused(plan, folded).then_some(Stopped::Paused)
    };
    report_when(plan, folded, stopped)
}

/// Returns whether a run awaits review of the first targets, with no step in progress.
fn is_paused(plan: &Plan, folded: &Folded) -> bool {
    let has_begun = !folded.steps.is_empty();
    folded.bound.is_some() && has_begun && is_under_way(plan, folded) && !folded.is_amid_step()
}

/// Returns whether a plan may resume automatically (`organization.md` P-7): started, not aborted,
/// and not awaiting review of its first targets.
pub fn goes_on_by_itself(plan: &Plan, folded: &Folded, aborted: bool) -> bool {
    !aborted && folded.bound.is_none() && is_under_way(plan, folded)
}

fn report_when(plan: &Plan, folded: &Folded, stopped: Option<Stopped>) -> PlanReport {
    let (state, waiting) = match stopped {
        Some(Stopped::Aborted) if folded.began.is_none() => (PlanState::Planned, ""),
        Some(Stopped::Aborted) if !is_under_way(plan, folded) => (PlanState::Done, ""),
        Some(Stopped::Aborted) => (PlanState::Aborted, "the plan was aborted"),
        Some(Stopped::Paused) => (
            PlanState::Paused,
            "the plan is paused; continue with; continue with `hallpass org plan resume`",
        ),
        Some(Stopped::TooManyFailures) => (PlanState::Partial, "too many targets failed"),
        None if is_under_way(plan, folded) => (
            PlanState::Running,
            "not begun; start with `hallpass org plan resume`",
        ),
        None => (PlanState::Done, ""),
    };
    let mut report = PlanReport::of_journal(plan, folded, state, waiting);
    if report.state == PlanState::Done && report.exit() == crate::Exit::Failed {
        report.state = PlanState::Partial;
    }
    report
}
