//! Executes channel steps. `AddNotificationChannel` has no idempotency token: existing channels are
//! always read first (`organization.md` D-9).

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_base::{AccountId, Clock};
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{
    Effect, PartDone, PlanStep, SentBefore, StepError, StepExecutor, StepProbe, Undo, Verify,
    WriteAnswer,
};
use serde_json::{Value, json};

use super::channels::{ChannelStepKind, DesiredChannel, SeenChannel, channels_in, probe_channel};
use crate::changing::ServiceCalls;
use crate::reading::ReadPlace;
use crate::retrying::UnsafeWrite;
use crate::steps::{StepKind as _, setback, stored, unseen};

const DEVOPS_GURU: &str = "devops-guru";

pub struct ChannelStepExecutor {
    calls: Arc<dyn ServiceCalls>,
    clock: Arc<dyn Clock>,
}

struct ChannelStep {
    kind: ChannelStepKind,
    wish: DesiredChannel,
    account: AccountId,
    region: String,
}

fn read(step: &PlanStep) -> Result<ChannelStep, StepError> {
    let unreadable =
        |why: String| StepError::failed("plan", &format!("the step cannot be read: {why}"));
    let account = AccountId::new(step.target.account.clone());
    Ok(ChannelStep {
        kind: ChannelStepKind::of(step)?,
        wish: step.wish()?,
        account: account.map_err(|error| unreadable(error.to_string()))?,
        region: step.target.region.clone(),
    })
}

impl ChannelStepExecutor {
    pub fn new(calls: Arc<dyn ServiceCalls>, clock: Arc<dyn Clock>) -> Self {
        Self { calls, clock }
    }

    async fn seen(&self, step: &ChannelStep) -> Result<Option<SeenChannel>, StepError> {
        let found = channels_in(self.calls.as_ref(), &step.account, &step.region).await;
        let mut found = found.map_err(unseen)?.into_iter();
        Ok(found.find(|it| it.wish.topic == step.wish.topic))
    }

    async fn look(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        let own = read(step)?;
        let seen = self.seen(&own).await?;
        let seen = seen.as_ref().map(|it| &it.wish);
        Ok(probe_channel(own.kind, &own.wish, seen))
    }

    async fn send(
        &self,
        step: &ChannelStep,
        operation: &'static str,
        input: &Value,
    ) -> Result<Value, OrganizationFault> {
        let place = ReadPlace {
            account: Some(step.account.clone()),
            region: Some(step.region.clone()),
        };
        let sent = self.calls.send(&place, (DEVOPS_GURU, operation), input);
        sent.await
    }

    /// Removes the `judged` channel to the topic; a missing one counts as success, and another one
    /// is foreign.
    async fn take_away(&self, step: &ChannelStep, judged: &StepProbe) -> Result<bool, StepError> {
        let Some(there) = self.seen(step).await? else {
            return Ok(false);
        };
        if !matches!(judged, StepProbe::Differs { old } if *old == stored(&there.wish)) {
            return Err(drifted(step));
        }
        let input = json!({ "Id": there.id });
        match self.send(step, "RemoveNotificationChannel", &input).await {
            Ok(_) | Err(OrganizationFault::NotThere { .. }) => Ok(true),
            Err(fault) => Err(setback(fault)),
        }
    }

    async fn act_on(&self, step: &PlanStep, judged: &StepProbe) -> Result<WriteAnswer, StepError> {
        let own = read(step)?;
        // filters cannot be changed: the channel is deleted and created; after a stop in between it
        // is created
        let was_there = self.take_away(&own, judged).await?;
        match own.kind {
            ChannelStepKind::NoChannel => Ok(WriteAnswer::Done(Effect {
                new: Value::Null,
                requests: Vec::new(),
            })),
            ChannelStepKind::Channel => self.add(&own, was_there).await,
        }
    }

    async fn add(&self, own: &ChannelStep, was_there: bool) -> Result<WriteAnswer, StepError> {
        let input = json!({ "Config": own.wish.config() });
        match self.send(own, "AddNotificationChannel", &input).await {
            Ok(_) => Ok(WriteAnswer::Done(Effect {
                new: stored(&own.wish),
                requests: Vec::new(),
            })),
            Err(fault) => Err(self.refusal(fault, own, was_there).await),
        }
    }

    async fn refusal(
        &self,
        fault: OrganizationFault,
        step: &ChannelStep,
        was_there: bool,
    ) -> StepError {
        let is_conflict = matches!(fault, OrganizationFault::Conflict { .. });
        if is_conflict && matches!(self.seen(step).await, Ok(Some(_))) {
            return drifted(step);
        }
        refused(fault, step, was_there)
    }
}

fn adds(step: &PlanStep) -> bool {
    ChannelStepKind::named(&step.kind) == Some(ChannelStepKind::Channel)
}

fn drifted(step: &ChannelStep) -> StepError {
    let text = format!(
        "drifted: the channel to {} changed since the plan; it is left unchanged",
        step.wish.topic
    );
    StepError::failed("drifted", &text)
}

fn refused(fault: OrganizationFault, step: &ChannelStep, was_there: bool) -> StepError {
    let topic = &step.wish.topic;
    let after = if was_there {
        "; the channel with its old filters is removed, and `--retry-failed` adds it with the new ones"
    } else {
        ""
    };
    match fault {
        OrganizationFault::Refused { code, .. } if code == "ServiceQuotaExceededException" => {
            StepError::failed(&code, &format!("channel limit reached{after}"))
        }
        OrganizationFault::NotThere { message } => {
            let text = format!("the topic {topic} does not exist: {message}{after}");
            StepError::failed("ResourceNotFoundException", &text)
        }
        OrganizationFault::Refused { code, message } => {
            StepError::failed(&code, &format!("the topic {topic}: {message}{after}"))
        }
        other => setback(other),
    }
}

#[async_trait]
impl StepExecutor for ChannelStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.look(step).await
    }

    async fn look_again(&self, step: &PlanStep, sent: &SentBefore) -> Result<StepProbe, StepError> {
        let seen = self.look(step).await?;
        if adds(step) && seen == StepProbe::Absent {
            // a duplicate channel sends everything twice
            UnsafeWrite::AddNotificationChannel.may_repeat(sent, self.clock.now())?;
        }
        Ok(seen)
    }

    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer {
        let answer = self.act_on(step, seen).await;
        answer.unwrap_or_else(WriteAnswer::Setback)
    }

    async fn verify(&self, _step: &PlanStep, _remote: &str) -> Verify {
        // synchronous: each call is complete when answered
        Verify::Running
    }

    fn is_half_done(&self, step: &PlanStep, _before: &Value, now: &StepProbe) -> bool {
        adds(step) && *now == StepProbe::Absent
    }

    async fn done_in_part(&self, step: &PlanStep, before: &Value) -> Option<PartDone> {
        if !adds(step) || before.is_null() {
            return None;
        }
        let is_gone = self.look(step).await.ok()? == StepProbe::Absent;
        is_gone.then(|| PartDone {
            old: before.clone(),
            new: Value::Null,
        })
    }

    fn undo(&self, step: &PlanStep, old: &Value, _new: &Value) -> Undo {
        let wish = if old.is_null() { &step.desired } else { old };
        let kind = if old.is_null() {
            ChannelStepKind::NoChannel
        } else {
            ChannelStepKind::Channel
        };
        Undo::By(vec![(kind.into(), wish.clone())])
    }
}
