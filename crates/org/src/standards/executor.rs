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
use super::plan::StandardsStepKind as Kind;
use crate::changing::ServiceCalls;
use crate::reading::ReadPlace;
use crate::steps::{StepKind as _, no_undo_of_unknown, stored, unseen};

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
        match Kind::of(step)? {
            Kind::CentralPolicy => {
                let found = central_steps::look_policy(reader, &step.wish()?).await;
                found.map_err(unseen)
            }
            Kind::CentralAssociate => central_steps::look_association(reader, &step.wish()?).await,
            Kind::Configure => central_steps::look_configuration(reader, &step.wish()?).await,
            Kind::EnableHub => {
                let state = reader.state().await.map_err(unseen)?;
                Ok(match state {
                    HubState::On | HubState::OnByStandard => StepProbe::Satisfied,
                    HubState::Off => StepProbe::Absent,
                })
            }
            Kind::Set => {
                let wish: DesiredControls = step.wish()?;
                let found = subscriptions_if_on(reader).await?;
                if found.is_none() && !wish.named.is_empty() {
                    return Ok(StepProbe::Absent);
                }
                look_controls(reader, wish, &found.unwrap_or_default()).await
            }
            Kind::Enable => Ok(match standards_now(reader, step).await? {
                None => StepProbe::Absent,
                Some((wish, found)) => look_on(&wish, &found),
            }),
            Kind::Wait => match standards_now(reader, step).await? {
                None => Ok(StepProbe::Absent),
                Some((wish, found)) => look_ready(&wish, &found),
            },
            Kind::Disable => match standards_now(reader, step).await? {
                None => Ok(StepProbe::Satisfied),
                Some((wish, found)) => look_off(reader, &wish, &found).await,
            },
        }
    }

    async fn form(&self, step: &PlanStep) -> Result<Value, StepError> {
        if !has_controls(step) || step.wish::<DesiredControls>()?.named.is_empty() {
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
        let reader = self.reader(&place);
        let call = match Kind::of(step)? {
            Kind::EnableHub => {
                let input = json!({
                    "EnableDefaultStandards": false, "ControlFindingGenerator": "SECURITY_CONTROL",
                });
                return self.send(&place, "EnableSecurityHub", &input).await;
            }
            Kind::Enable => {
                let wish = by_name::standards(reader, step.wish()?).await?;
                return self.enable(&place, &wish).await;
            }
            // AWS completes it
            Kind::Wait => return Ok(accepted("until controls can be changed")),
            Kind::Set => return self.set(&place, &step.wish()?, seen).await,
            Kind::CentralPolicy => {
                let call = central_steps::put_policy(reader, &step.wish()?).await;
                call.map_err(unseen)?
            }
            Kind::CentralAssociate => {
                let call = central_steps::put_association(reader, &step.wish()?).await;
                let Some(call) = call.map_err(unseen)? else {
                    return Ok(WriteAnswer::later("the policy is not seen yet".to_owned()));
                };
                call
            }
            Kind::Configure => central_steps::configure(&step.wish()?),
            Kind::Disable => {
                let wish = by_name::standards(reader, step.wish()?).await?;
                let on = reader.subscriptions().await.map_err(unseen)?;
                turned_off(&wish, &on)
            }
        };
        // the write replaces the whole: read directly before it
        if self.look(step).await? != *seen {
            return Ok(WriteAnswer::ChangedBefore);
        }
        let (operation, input) = call;
        self.send(&place, operation, &input).await
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

/// `None` if Security Hub is off.
async fn subscriptions_if_on(
    reader: HubReader<'_>,
) -> Result<Option<Vec<StandardSubscription>>, StepError> {
    match reader.state().await.map_err(unseen)? {
        HubState::Off => Ok(None),
        HubState::On | HubState::OnByStandard => {
            reader.subscriptions().await.map(Some).map_err(unseen)
        }
    }
}

/// The wanted and the found standards; `None` if they are wanted by name and Security Hub is off.
async fn standards_now(
    reader: HubReader<'_>,
    step: &PlanStep,
) -> Result<Option<(DesiredStandards, Vec<StandardSubscription>)>, StepError> {
    let wish: DesiredStandards = step.wish()?;
    let found = subscriptions_if_on(reader).await?;
    if found.is_none() && !wish.names.is_empty() {
        return Ok(None);
    }
    let wish = by_name::standards(reader, wish).await?;
    Ok(Some((wish, found.unwrap_or_default())))
}

/// True for steps whose parts are controls.
fn has_controls(step: &PlanStep) -> bool {
    Kind::named(&step.kind) == Some(Kind::Set)
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
        let wish: DesiredControls = step.wish().ok().filter(|_| has_controls(step))?;
        let now = self.look(step).await.ok()?;
        done_in_part(&wish, before, &now)
    }

    fn has_parts(&self, step: &PlanStep) -> bool {
        has_controls(step)
    }

    /// Security Hub processes the standards of one call in sequence.
    fn is_half_done(&self, step: &PlanStep, before: &Value, now: &StepProbe) -> bool {
        match Kind::named(&step.kind) {
            Some(Kind::Enable) => is_partly_on(before, now),
            Some(Kind::Disable) => is_rest_of(&now.old(), before),
            Some(
                Kind::EnableHub
                | Kind::Wait
                | Kind::Set
                | Kind::CentralPolicy
                | Kind::CentralAssociate
                | Kind::Configure,
            )
            | None => false,
        }
    }

    fn without_changed_parts(&self, step: &PlanStep, judged: JudgedState<'_>) -> Option<StepPart> {
        let wish = step
            .wish::<DesiredControls>()
            .ok()
            .filter(|_| has_controls(step))?;
        without_changed(&wish, judged.expected, judged.seen)
    }

    fn undo(&self, step: &PlanStep, old: &Value, new: &Value) -> Undo {
        let before: HubBefore = serde_json::from_value(old.clone()).unwrap_or_default();
        let by = |kind: Kind, wish: Value| (kind.into(), wish);
        let Some(kind) = Kind::named(&step.kind) else {
            return no_undo_of_unknown(step);
        };
        match kind {
            Kind::Enable => Undo::By(vec![by(Kind::Disable, step.desired.clone())]),
            Kind::Wait => Undo::By(Vec::new()),
            Kind::Set => {
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
                    Kind::Set,
                    stored(&DesiredControls {
                        updates,
                        ..DesiredControls::default()
                    }),
                )])
            }
            Kind::Disable => {
                let standards = stored(&DesiredStandards {
                    arns: before.arns,
                    ..DesiredStandards::default()
                });
                let mut steps = vec![
                    by(Kind::Enable, standards.clone()),
                    by(Kind::Wait, standards),
                ];
                if !before.updates.is_empty() {
                    let updates = before.updates;
                    let wish = DesiredControls {
                        updates,
                        ..DesiredControls::default()
                    };
                    steps.push(by(Kind::Set, stored(&wish)));
                }
                Undo::By(steps)
            }
            Kind::CentralAssociate => match step.wish::<DesiredAssociation>() {
                Ok(wish) => {
                    let policy = old.get("policy").and_then(Value::as_str);
                    let back = DesiredAssociation {
                        policy: policy.map(str::to_owned),
                        ..wish
                    };
                    Undo::By(vec![by(Kind::CentralAssociate, stored(&back))])
                }
                Err(_) => Undo::Not("the step cannot be read".to_owned()),
            },
            Kind::Configure => Undo::By(vec![by(Kind::Configure, old.clone())]),
            Kind::CentralPolicy => {
                Undo::Not("the policy stays: others may have come to need it".to_owned())
            }
            Kind::EnableHub => {
                Undo::Not("Security Hub stays on: turning it off loses its findings".to_owned())
            }
        }
    }
}
