//! Executes single steps in an account and Region: look, send differences, poll until visible.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_base::AccountId;
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{
    Class, Effect, JudgedState, PartDone, PlanStep, StepError, StepExecutor, StepPart, StepProbe,
    Undo, Verify, WriteAnswer, is_rest_of,
};

use serde_json::{Value, json};

use super::answers::{Sent, fault_of, unprocessed};
use super::by_name;
use super::central_steps::{self, HubCall};
use super::desired::{DesiredAssociation, DesiredControls, DesiredStandards};
use super::facts::{ControlUpdate, HubState, StandardSubscription};
use super::file::ControlStatus;
use super::hub::{HubReader, INVALID_INPUT, SECURITY_HUB};
use super::observations::{
    HubBefore, before as before_of, done_in_part, is_partly_on, look_controls, look_off, look_on,
    look_ready, state_of, without_changed,
};
use super::plan::{
    CENTRAL_ASSOCIATE, CENTRAL_POLICY, CONFIGURE, DISABLE, ENABLE, ENABLE_HUB, SET, WAIT,
};
use crate::changing::ServiceCalls;
use crate::reading::ReadPlace;
use crate::step_executor::unseen;
use crate::steps::stored;

pub struct StandardsStepExecutor {
    calls: Arc<dyn ServiceCalls>,
}

struct StepPlace {
    account: AccountId,
    region: String,
}

impl StepPlace {
    fn of(step: &PlanStep) -> Result<Self, StepError> {
        let account = AccountId::new(step.target.account.clone());
        let account = account.map_err(|error| StepError::failed("plan", &error.to_string()))?;
        Ok(Self {
            account,
            region: step.target.region.clone(),
        })
    }

    fn call_place(&self) -> ReadPlace {
        ReadPlace {
            account: Some(self.account.clone()),
            region: Some(self.region.clone()),
        }
    }
}

impl StandardsStepExecutor {
    pub fn new(calls: Arc<dyn ServiceCalls>) -> Self {
        Self { calls }
    }

    fn reader<'a>(&'a self, place: &'a StepPlace) -> HubReader<'a> {
        HubReader {
            calls: self.calls.as_ref(),
            account: &place.account,
            region: &place.region,
        }
    }

    async fn look(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        let place = StepPlace::of(step)?;
        let reader = self.reader(&place);
        match step.kind.as_str() {
            CENTRAL_POLICY => {
                let found = central_steps::look_policy(reader, &step.wish()?).await;
                return found.map_err(unseen);
            }
            CENTRAL_ASSOCIATE => {
                return central_steps::look_association(reader, &step.wish()?).await;
            }
            CONFIGURE => return central_steps::look_configuration(reader, &step.wish()?).await,
            _ => {}
        }
        if step.kind == ENABLE_HUB {
            let state = reader.state().await.map_err(unseen)?;
            return Ok(match state {
                HubState::On | HubState::OnByStandard => StepProbe::Satisfied,
                HubState::Off => StepProbe::Absent,
            });
        }
        let state = reader.state().await.map_err(unseen)?;
        let subscriptions = match state {
            HubState::Off => Vec::new(),
            HubState::On | HubState::OnByStandard => {
                reader.subscriptions().await.map_err(unseen)?
            }
        };
        match step.kind.as_str() {
            SET => {
                let wish: DesiredControls = step.wish()?;
                if state == HubState::Off && !wish.named.is_empty() {
                    return Ok(StepProbe::Absent);
                }
                look_controls(reader, wish, &subscriptions).await
            }
            ENABLE | WAIT | DISABLE => {
                self.look_standards(reader, step, (state, &subscriptions))
                    .await
            }
            other => Err(StepError::failed(
                "unknown_step",
                &format!("no step is called `{other}`"),
            )),
        }
    }

    async fn look_standards(
        &self,
        reader: HubReader<'_>,
        step: &PlanStep,
        (state, found): (HubState, &[StandardSubscription]),
    ) -> Result<StepProbe, StepError> {
        let wish: DesiredStandards = step.wish()?;
        if state == HubState::Off && !wish.names.is_empty() {
            return Ok(if step.kind == DISABLE {
                StepProbe::Satisfied
            } else {
                StepProbe::Absent
            });
        }
        let wish = by_name::standards(reader, wish).await?;
        match step.kind.as_str() {
            ENABLE => Ok(look_on(&wish, found)),
            WAIT => look_ready(&wish, found),
            _ => look_off(reader, &wish, found).await,
        }
    }

    async fn form(&self, step: &PlanStep) -> Result<Value, StepError> {
        if step.kind != SET || step.wish::<DesiredControls>()?.named.is_empty() {
            return Ok(step.desired.clone());
        }
        let place = StepPlace::of(step)?;
        let reader = self.reader(&place);
        let on = reader.subscriptions().await.map_err(unseen)?;
        let wish = by_name::controls(reader, step.wish()?, &on).await?;
        Ok(stored(&wish))
    }

    async fn act_on(&self, step: &PlanStep, seen: &StepProbe) -> Result<WriteAnswer, StepError> {
        let place = StepPlace::of(step)?;
        match step.kind.as_str() {
            ENABLE_HUB => {
                let input = json!({
                    "EnableDefaultStandards": false, "ControlFindingGenerator": "SECURITY_CONTROL",
                });
                self.send(&place, "EnableSecurityHub", &input).await
            }
            ENABLE => {
                let wish = by_name::standards(self.reader(&place), step.wish()?).await?;
                self.enable(&place, &wish).await
            }
            // AWS completes it
            WAIT => Ok(accepted("until controls can be changed")),
            SET => self.set(&place, &step.wish()?, seen).await,
            CENTRAL_POLICY | CENTRAL_ASSOCIATE | CONFIGURE | DISABLE => {
                let Some((operation, input)) = self.replacing(&place, step).await? else {
                    return Ok(WriteAnswer::later("the policy is not seen yet".to_owned()));
                };
                // the write replaces the whole: read directly before it
                if self.look(step).await? != *seen {
                    return Ok(WriteAnswer::ChangedBefore);
                }
                self.send(&place, operation, &input).await
            }
            other => Err(StepError::failed(
                "unknown_step",
                &format!("no step is called `{other}`"),
            )),
        }
    }

    /// The replacing call; `None` while it is impossible.
    async fn replacing(
        &self,
        place: &StepPlace,
        step: &PlanStep,
    ) -> Result<Option<HubCall>, StepError> {
        let reader = self.reader(place);
        let call = match step.kind.as_str() {
            CENTRAL_POLICY => central_steps::put_policy(reader, &step.wish()?)
                .await
                .map(Some),
            CENTRAL_ASSOCIATE => central_steps::put_association(reader, &step.wish()?).await,
            CONFIGURE => Ok(Some(central_steps::configure(&step.wish()?))),
            _ => {
                let wish = by_name::standards(reader, step.wish()?).await?;
                reader
                    .subscriptions()
                    .await
                    .map(|on| Some(turned_off(&wish, &on)))
            }
        };
        call.map_err(unseen)
    }

    async fn send(
        &self,
        place: &StepPlace,
        operation: &'static str,
        input: &Value,
    ) -> Result<WriteAnswer, StepError> {
        let sent = self.sent(place, operation, input).await;
        match sent {
            Ok(_) => Ok(accepted("sent")),
            Err(OrganizationFault::AlreadyThere { .. }) => Ok(accepted("it was so already")),
            Err(fault) => Err(fault_of(fault)),
        }
    }

    async fn sent(
        &self,
        place: &StepPlace,
        operation: &'static str,
        input: &Value,
    ) -> Result<Value, OrganizationFault> {
        let call = (SECURITY_HUB, operation);
        self.calls.send(&place.call_place(), call, input).await
    }

    async fn enable(
        &self,
        place: &StepPlace,
        wish: &DesiredStandards,
    ) -> Result<WriteAnswer, StepError> {
        let found = self.reader(place).subscriptions().await.map_err(unseen)?;
        let of = |arn: &String| found.iter().find(|it| it.standard == *arn);
        if let Some(leaving) = wish
            .arns
            .iter()
            .find(|it| of(it).is_some_and(|it| !it.is_on()))
        {
            return Ok(WriteAnswer::later(format!("{leaving} is being turned off")));
        }
        let missing = wish.arns.iter().filter(|it| of(it).is_none());
        let rows: Vec<Value> = missing.map(|it| json!({ "StandardsArn": it })).collect();
        let input = json!({ "StandardsSubscriptionRequests": rows });
        self.send(place, "BatchEnableStandards", &input).await
    }

    async fn set(
        &self,
        place: &StepPlace,
        wish: &DesiredControls,
        seen: &StepProbe,
    ) -> Result<WriteAnswer, StepError> {
        let HubBefore {
            updates: before,
            wanted,
            ..
        } = before_of(seen);
        let differs = |it: &&ControlUpdate| {
            let of = |old: &ControlUpdate| old.standard == it.standard && old.control == it.control;
            before.iter().any(of)
        };
        let all = if wish.named.is_empty() {
            &wish.updates
        } else {
            &wanted
        };
        let updates: Vec<&ControlUpdate> = all.iter().filter(differs).collect();
        let reader = self.reader(place);
        let on = reader.subscriptions().await.map_err(unseen)?;
        for update in &updates {
            let found = on
                .iter()
                .find(|it| it.standard == update.standard && it.is_on());
            match found {
                None => {
                    return Err(StepError::failed(
                        "not_on",
                        &format!("{} is not on", update.standard),
                    ));
                }
                Some(it) if it.updatable => {}
                Some(it) => match it.trouble() {
                    Some(trouble) => return Err(StepError::failed(&it.status, &trouble)),
                    None => {
                        return Ok(WriteAnswer::later(format!(
                            "controls of {} cannot be changed yet",
                            it.standard
                        )));
                    }
                },
            }
        }
        let sent = match reader.state().await.map_err(unseen)? {
            HubState::OnByStandard => self.set_by_standard(place, &updates, &before).await?,
            HubState::On | HubState::Off => self.set_together(place, &updates, &before).await?,
        };
        match sent {
            Sent::All => Ok(accepted("sent")),
            // the engine looks again, and omits them
            Sent::Changed(what) => {
                let why = format!("changed meanwhile: {what}");
                Err(StepError::later(Class::Throttle, why))
            }
            Sent::Refused(refused) => {
                let refused = refused.join("; ");
                Err(StepError::failed("UnprocessedAssociationUpdates", &refused))
            }
        }
    }

    async fn changed_meanwhile(
        &self,
        place: &StepPlace,
        some: &[&ControlUpdate],
        before: &[ControlUpdate],
    ) -> Result<Option<String>, StepError> {
        let pairs = some
            .iter()
            .map(|it| (it.standard.clone(), it.control.clone()));
        let pairs: Vec<(String, String)> = pairs.collect();
        let now = self.reader(place).associations(&pairs).await;
        let now = now.map_err(unseen)?;
        let mut states = some.iter().map(|it| state_of(it, &now));
        let changed = states.find(|it| !before.contains(it));
        Ok(changed.map(|it| it.control))
    }

    /// Batches of AWS's size; returns rejected items with reasons.
    async fn set_together(
        &self,
        place: &StepPlace,
        updates: &[&ControlUpdate],
        before: &[ControlUpdate],
    ) -> Result<Sent, StepError> {
        let (mut refused, mut open) = (Vec::new(), vec![updates]);
        while let Some(some) = open.pop().filter(|it| !it.is_empty()) {
            if let Some(what) = self.changed_meanwhile(place, some, before).await? {
                return Ok(Sent::Changed(what));
            }
            let input = json!({ "StandardsControlAssociationUpdates": some });
            let sent = self.sent(place, "BatchUpdateStandardsControlAssociations", &input);
            match sent.await {
                Ok(answer) => refused.extend(unprocessed(&answer)),
                Err(OrganizationFault::Refused { code, message }) if code == INVALID_INPUT => {
                    if let [only] = some {
                        refused.push(format!("{}: {message}", only.control));
                    } else {
                        let (first, second) = some.split_at(some.len() / 2);
                        open.extend([second, first]);
                    }
                }
                Err(fault) => return Err(fault_of(fault)),
            }
        }
        Ok(Sent::of(refused))
    }

    /// With findings per standard: one call per control.
    async fn set_by_standard(
        &self,
        place: &StepPlace,
        updates: &[&ControlUpdate],
        before: &[ControlUpdate],
    ) -> Result<Sent, StepError> {
        let pairs = updates
            .iter()
            .map(|it| (it.standard.clone(), it.control.clone()));
        let pairs: Vec<(String, String)> = pairs.collect();
        let found = self
            .reader(place)
            .associations(&pairs)
            .await
            .map_err(unseen)?;
        let mut refused = Vec::new();
        for update in updates {
            let key = (update.standard.clone(), update.control.clone());
            let arns = found.get(&key).map_or(&[][..], |it| it.arns.as_slice());
            if arns.is_empty() {
                refused.push(format!(
                    "{}: its name in the standard is not known",
                    update.control
                ));
            }
            if let Some(what) = self.changed_meanwhile(place, &[update], before).await? {
                return Ok(Sent::Changed(what));
            }
            for arn in arns {
                let mut input =
                    json!({ "StandardsControlArn": arn, "ControlStatus": update.status });
                if let (Some(members), ControlStatus::Disabled) =
                    (input.as_object_mut(), update.status)
                {
                    members.insert("DisabledReason".to_owned(), json!(update.reason));
                }
                let sent = self.sent(place, "UpdateStandardsControl", &input).await;
                match sent {
                    Ok(_) => {}
                    Err(OrganizationFault::Refused { message, .. }) => {
                        refused.push(format!("{}: {message}", update.control));
                    }
                    Err(fault) => return Err(fault_of(fault)),
                }
            }
        }
        Ok(Sent::of(refused))
    }
}

fn turned_off(wish: &DesiredStandards, on: &[StandardSubscription]) -> HubCall {
    let meant = on
        .iter()
        .filter(|it| it.is_on() && wish.arns.contains(&it.standard));
    let arns: Vec<&String> = meant.map(|it| &it.arn).collect();
    let input = json!({ "StandardsSubscriptionArns": arns });
    ("BatchDisableStandards", input)
}

fn accepted(remote: &str) -> WriteAnswer {
    WriteAnswer::Accepted {
        remote: remote.to_owned(),
    }
}

#[async_trait]
impl StepExecutor for StandardsStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.look(step).await
    }

    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer {
        let done = self.act_on(step, seen).await;
        done.unwrap_or_else(WriteAnswer::Setback)
    }

    async fn verify(&self, step: &PlanStep, _remote: &str) -> Verify {
        if let Some(unfinished) = Verify::unless_satisfied(self.look(step).await, "blocked") {
            return unfinished;
        }
        match self.form(step).await {
            Ok(new) => Verify::Done(Effect {
                new,
                requests: Vec::new(),
            }),
            Err(error) => Verify::Setback(error),
        }
    }

    async fn done_in_part(&self, step: &PlanStep, before: &Value) -> Option<PartDone> {
        let wish: DesiredControls = step.wish().ok().filter(|_| step.kind == SET)?;
        let now = self.look(step).await.ok()?;
        done_in_part(&wish, before, &now)
    }

    fn has_parts(&self, step: &PlanStep) -> bool {
        step.kind == SET
    }

    /// Security Hub processes the standards of one call in sequence.
    fn is_half_done(&self, step: &PlanStep, before: &Value, now: &StepProbe) -> bool {
        match step.kind.as_str() {
            ENABLE => is_partly_on(before, now),
            DISABLE => is_rest_of(&now.old(), before),
            _ => false,
        }
    }

    fn without_changed_parts(&self, step: &PlanStep, judged: JudgedState<'_>) -> Option<StepPart> {
        let wish = step
            .wish::<DesiredControls>()
            .ok()
            .filter(|_| step.kind == SET)?;
        without_changed(&wish, judged.expected, judged.seen)
    }

    fn undo(&self, step: &PlanStep, old: &Value, new: &Value) -> Undo {
        let before: HubBefore = serde_json::from_value(old.clone()).unwrap_or_default();
        let by = |kind: &str, wish: Value| (kind.to_owned(), wish);
        match step.kind.as_str() {
            ENABLE => Undo::By(vec![by(DISABLE, step.desired.clone())]),
            WAIT => Undo::By(Vec::new()),
            SET => {
                // controls changed from outside were left unchanged
                let ours: DesiredControls = serde_json::from_value(new.clone()).unwrap_or_default();
                let is_ours = |it: &ControlUpdate| {
                    let of = |new: &ControlUpdate| {
                        new.standard == it.standard && new.control == it.control
                    };
                    ours.updates.iter().any(of)
                };
                let updates = before.updates.into_iter().filter(is_ours).collect();
                Undo::By(vec![by(
                    SET,
                    stored(&DesiredControls {
                        updates,
                        ..DesiredControls::default()
                    }),
                )])
            }
            DISABLE => {
                let standards = stored(&DesiredStandards {
                    arns: before.arns,
                    ..DesiredStandards::default()
                });
                let mut steps = vec![by(ENABLE, standards.clone()), by(WAIT, standards)];
                if !before.updates.is_empty() {
                    let updates = before.updates;
                    let wish = DesiredControls {
                        updates,
                        ..DesiredControls::default()
                    };
                    steps.push(by(SET, stored(&wish)));
                }
                Undo::By(steps)
            }
            CENTRAL_ASSOCIATE => match step.wish::<DesiredAssociation>() {
                Ok(wish) => {
                    let policy = old.get("policy").and_then(Value::as_str);
                    let back = DesiredAssociation {
                        policy: policy.map(str::to_owned),
                        ..wish
                    };
                    Undo::By(vec![by(CENTRAL_ASSOCIATE, stored(&back))])
                }
                Err(_) => Undo::Not("the step cannot be read".to_owned()),
            },
            CONFIGURE => Undo::By(vec![by(CONFIGURE, old.clone())]),
            CENTRAL_POLICY => {
                Undo::Not("the policy stays: others may have come to need it".to_owned())
            }
            _ => Undo::Not("Security Hub stays on: turning it off loses its findings".to_owned()),
        }
    }
}
