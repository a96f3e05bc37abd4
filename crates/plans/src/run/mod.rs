//! The driver: looks, saves, applies, resumes. Everything between two calls to a port is decided by
//! [`board`] and by the folded journal.

mod board;
mod expected;
mod lanes;
mod step;
mod walk;

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
use walk::StepStanding;

/// Probes at once.
const LOOKS: usize = 8;
/// Tries of a probe whose answer is lost while a plan is made.
const LOOK_TRIES: u32 = 3;

/// Why a plan was not, or not wholly, run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The store did not answer; the plan can be resumed.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The journal cannot be relied on.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There is no such plan.
    #[error("there is no plan `{0}`")]
    Unknown(PlanId),
    /// Somebody else runs it, or has its lane.
    #[error("`{lane}` is held by {by} until {until}")]
    Held {
        /// The lane, or `plan:ID`.
        lane: String,
        /// Who has it.
        by: String,
        /// Until when, unless they renew it.
        until: Timestamp,
    },
    /// It would change more than it may (`organization.md` P-11).
    #[error("the plan has {changes} changes, and {allowed} are allowed")]
    TooManyChanges {
        /// The changes it has.
        changes: usize,
        /// The changes it may have.
        allowed: usize,
    },
    /// No target could be looked at while the plan was made, or one did not answer in time.
    #[error("cannot look at `{target}`: {why}")]
    Unseen {
        /// Where it was.
        target: String,
        /// What the service said.
        why: String,
    },
}

/// What a look found.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// The plan as saved.
    pub plan: Plan,
    /// Whether an earlier run of it is not over: it is resumed, not begun anew.
    pub under_way: bool,
}

/// How a plan is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applying {
    /// Do what is wanted even where the world changed since the plan was saved.
    pub accept_drift: bool,
    /// Only so many targets, then pause.
    pub canary: Option<usize>,
    /// Another try of what failed, under new tokens.
    pub retry_failed: bool,
    /// How long to wait for a lane that somebody else has.
    pub patience: Duration,
}

/// What a runner stands on.
#[derive(Clone)]
pub struct RunnerPorts {
    /// Where plans, their journals and lanes are kept.
    pub store: Arc<dyn PlanStore>,
    /// Carries steps out.
    pub hands: Arc<dyn StepExecutor>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids of changes and of what is sent.
    pub ids: Arc<dyn IdSource>,
    /// Waits.
    pub nap: Arc<dyn Sleeper>,
}

/// Runs plans.
pub struct Runner {
    ports: RunnerPorts,
    keeper: RunnerIdentity,
    /// When each lane we hold was taken or renewed.
    renewed: Mutex<BTreeMap<String, Timestamp>>,
    /// How many steps are in each lane we hold: it is given back when the last leaves.
    inside: Mutex<BTreeMap<String, u32>>,
}

impl Runner {
    /// A runner over its ports.
    pub fn new(ports: RunnerPorts, keeper: RunnerIdentity) -> Self {
        Self {
            ports,
            keeper,
            renewed: Mutex::default(),
            inside: Mutex::default(),
        }
    }

    /// Probes every step and saves the plan with what was seen; sends no write. A plan of this wish whose run is not over
    /// stays as it is; of one that is over and changed something, this is the next.
    ///
    /// # Errors
    /// When a target cannot be looked at, or the store does not answer.
    pub async fn look(&self, draft: PlanDraft) -> Result<Looked, RunError> {
        let looked = self.preview(draft).await?;
        if !looked.under_way {
            self.save(&looked.plan).await?;
        }
        Ok(looked)
    }

    /// As [`look`](Self::look), without saving: for plans that may be refused.
    ///
    /// # Errors
    /// As [`look`](Self::look).
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

    /// A draft as a plan, with what stands there now.
    async fn looked_at(&self, draft: PlanDraft, before: &Folded) -> Result<Plan, RunError> {
        let expected = draft.expecting(self.probe_all(draft.steps(), before).await?);
        let mut drifted = BTreeMap::new();
        for (id, taken_back) in draft.taken_back() {
            let step = draft.steps().iter().find(|step| step.id == *id);
            // what another step of the target takes back first stands in between still
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

    /// The name that a look at this wish will give its plan, as things are now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn upcoming(&self, draft: &PlanDraft) -> Result<PlanId, RunError> {
        Ok(match self.newest(draft).await? {
            None => draft.id(),
            Some((plan, folded)) if is_spent(&plan, &folded) => {
                draft.id_of(plan.round.saturating_add(1))
            }
            Some((plan, _)) => plan.id,
        })
    }

    /// The newest plan of a wish, with its journal.
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

    /// Keeps a plan that was looked at.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn save(&self, plan: &Plan) -> Result<(), RunError> {
        Ok(self.ports.store.save_plan(plan).await?)
    }

    /// Looks at all; where an earlier run sent something, for what became of that, too.
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
        // one target that cannot be seen fails by itself; where none can be, it is not for the targets
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

    /// Applies a saved plan, or goes on with a run of it that is not over. One that changed something and is over stays as
    /// it is: a look at the same wish makes the next.
    ///
    /// # Errors
    /// When there is no such plan, it is too large, somebody else runs it, or the store fails. What
    /// became of targets is in the report.
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
        // whoever had the plan until now may have ended it
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
            // what could not be looked at before counts by now
            within_limits(&next)?;
            again = Some(next);
        }
        // CRASH: before anything of this run, so that a run nobody looked at yet is never taken for one that may go on
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

    /// Goes on with a run that is not over, or begins the first; what is over stays as it is.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn resume(&self, id: &PlanId, applying: &Applying) -> Result<PlanReport, RunError> {
        let (plan, folded) = self.load(id).await?;
        if folded.began.is_none() || is_under_way(&plan, &folded) || applying.retry_failed {
            return self.apply(id, applying).await;
        }
        Ok(report_of(&plan, &folded, false))
    }

    /// Goes on with a run that nobody asks for now, where that may be done ([`goes_on_by_itself`]); `None` where not. `why`
    /// is noted in the journal.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
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
        // somebody may have ended or aborted it while the lane was waited for
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

    /// What carrying a draft out would change as things are now, whatever was planned before. Nothing is kept.
    ///
    /// # Errors
    /// When a target cannot be looked at.
    pub async fn differences(&self, draft: PlanDraft) -> Result<PlanReport, RunError> {
        let plan = self.looked_at(draft, &Folded::default()).await?;
        match unseen(&plan.steps, &plan.expected).next() {
            Some(unseen) => Err(unseen),
            None => Ok(PlanReport::planned(&plan)),
        }
    }

    /// What became of a plan so far.
    ///
    /// # Errors
    /// When there is no such plan, or it cannot be read.
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

    /// Asks a plan to begin nothing new, and waits until nobody runs it.
    ///
    /// # Errors
    /// When there is no such plan, the store fails, or its steps outlast the patience.
    pub async fn abort(&self, id: &PlanId, patience: Duration) -> Result<PlanReport, RunError> {
        self.load(id).await?;
        self.ports.store.set_aborted(id, true).await?;
        let name = format!("plan:{id}");
        self.take(&name, patience).await?;
        self.give_back(&name).await?;
        self.report(id).await
    }

    /// A plan and its journal.
    ///
    /// # Errors
    /// When there is no such plan, or it cannot be read.
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

    /// Begins steps as their turn comes, until none is left or something stops it. Those that run
    /// end normally, whatever happens.
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

/// Why a run ended with steps that were not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// Somebody asked for it.
    Aborted,
    /// The first targets are done.
    Paused,
    /// Too many targets failed.
    TooManyFailures,
}

/// Steps that could not be looked at, as what each is to a run that needs it.
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

/// Whether a run began and is not over.
pub(crate) fn is_under_way(plan: &Plan, folded: &Folded) -> bool {
    folded.began.is_some()
        && plan
            .steps
            .iter()
            .any(|step| !matches!(folded.place(&step.id), StepState::Final(_)))
}

/// Whether it is over and changed something: its journal is then what is taken back, and no other run is added to it.
fn is_spent(plan: &Plan, folded: &Folded) -> bool {
    let has_changed = !folded.changed.is_empty() || !folded.in_part.is_empty();
    folded.began.is_some() && !is_under_way(plan, folded) && has_changed
}

/// What a plan's journal comes to; `aborted` as the store has it.
pub fn report_of(plan: &Plan, folded: &Folded, aborted: bool) -> PlanReport {
    let stopped = if aborted {
        Some(Stopped::Aborted)
    } else {
        is_paused(plan, folded).then_some(Stopped::Paused)
    };
    report_when(plan, folded, stopped)
}

/// Whether the first targets of a run were to be looked at, and none of it is in the middle of something.
fn is_paused(plan: &Plan, folded: &Folded) -> bool {
    let has_begun = !folded.steps.is_empty();
    folded.bound.is_some() && has_begun && is_under_way(plan, folded) && !folded.is_amid_step()
}

/// Whether a process may go on with a plan without asking anybody (`organization.md` P-7): it was begun, nobody aborted
/// it, and nobody wanted to look at its first targets before the others.
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
            "the plan is paused; `hallpass org plan resume` goes on",
        ),
        Some(Stopped::TooManyFailures) => (PlanState::Partial, "too many targets failed"),
        None if is_under_way(plan, folded) => (
            PlanState::Running,
            "not begun; `hallpass org plan resume` goes on",
        ),
        None => (PlanState::Done, ""),
    };
    let mut report = PlanReport::of_journal(plan, folded, state, waiting);
    if report.state == PlanState::Done && report.exit() == crate::Exit::Failed {
        report.state = PlanState::Partial;
    }
    report
}
