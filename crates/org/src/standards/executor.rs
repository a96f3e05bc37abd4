//! Carries single steps out in one account and Region: looks, sends what differs, looks until it shows.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_model::AccountId;
use hallpass_runner::{
    Class, Effect, PlanStep, StepError, StepExecutor, StepProbe, Undo, Verify, WriteAnswer,
    is_rest_of,
};
use serde::de::DeserializeOwned;

use serde_json::{Value, json};

use super::central_steps;
use super::facts::{ControlStatus, ControlUpdate, HubState};
use super::hub::{HubReader, INVALID_INPUT, SECURITY_HUB};
use super::looks::{HubBefore, before, look_controls, look_off, look_on, look_ready};
use super::plan::{
    AssociationWish, CENTRAL_ASSOCIATE, CENTRAL_POLICY, CONFIGURE, ControlsWish, DISABLE, ENABLE,
    ENABLE_HUB, SET, StandardsWish, WAIT,
};
use crate::changing::ServiceCalls;
use crate::ports::OrganizationFault;
use crate::reading::ReadPlace;
use crate::step_executor::{setback, unseen};
use crate::steps::stored;

/// Whoever carries the steps of files of standards out.
pub struct StandardsStepExecutor {
    calls: Arc<dyn ServiceCalls>,
}

/// Where a step acts.
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
    /// An executor over its port.
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
                let found = central_steps::look_policy(reader, &read(step)?).await;
                return found.map_err(unseen);
            }
            CENTRAL_ASSOCIATE => {
                return central_steps::look_association(reader, &read(step)?).await;
            }
            CONFIGURE => return central_steps::look_configuration(reader, &read(step)?).await,
            _ => {}
        }
        if step.kind == ENABLE_HUB {
            let state = reader.state().await.map_err(unseen)?;
            return Ok(match state {
                HubState::On | HubState::OnByStandard => StepProbe::Satisfied,
                HubState::Off => StepProbe::Absent,
            });
        }
        // before the step that turns it on nothing is there
        let state = reader.state().await.map_err(unseen)?;
        let subscriptions = match state {
            HubState::Off => Vec::new(),
            HubState::On | HubState::OnByStandard => {
                reader.subscriptions().await.map_err(unseen)?
            }
        };
        match step.kind.as_str() {
            ENABLE => Ok(look_on(&read(step)?, &subscriptions)),
            WAIT => look_ready(&read(step)?, &subscriptions),
            SET => look_controls(reader, &read(step)?, &subscriptions).await,
            DISABLE => look_off(reader, &read(step)?, &subscriptions).await,
            other => Err(StepError::failed(
                "unknown_step",
                &format!("no step is called `{other}`"),
            )),
        }
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
            ENABLE => self.enable(&place, &read(step)?).await,
            // AWS gets there by itself
            WAIT => Ok(accepted("until controls can be changed")),
            SET => self.set(&place, &read(step)?, seen).await,
            CENTRAL_POLICY => {
                let call = central_steps::put_policy(self.reader(&place), &read(step)?).await;
                let (operation, input) = call.map_err(unseen)?;
                self.send(&place, operation, &input).await
            }
            CENTRAL_ASSOCIATE => {
                let call = central_steps::put_association(self.reader(&place), &read(step)?).await;
                match call.map_err(unseen)? {
                    Some((operation, input)) => self.send(&place, operation, &input).await,
                    None => Ok(WriteAnswer::later("the policy is not seen yet".to_owned())),
                }
            }
            CONFIGURE => {
                let (operation, input) = central_steps::configure(&read(step)?);
                self.send(&place, operation, &input).await
            }
            DISABLE => {
                let wish: StandardsWish = read(step)?;
                let on = self.reader(&place).subscriptions().await.map_err(unseen)?;
                let meant = on
                    .iter()
                    .filter(|it| it.is_on() && wish.arns.contains(&it.standard));
                let arns: Vec<&String> = meant.map(|it| &it.arn).collect();
                let input = json!({ "StandardsSubscriptionArns": arns });
                self.send(&place, "BatchDisableStandards", &input).await
            }
            other => Err(StepError::failed(
                "unknown_step",
                &format!("no step is called `{other}`"),
            )),
        }
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
        wish: &StandardsWish,
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

    /// Sends what differed when it was looked at.
    async fn set(
        &self,
        place: &StepPlace,
        wish: &ControlsWish,
        seen: &StepProbe,
    ) -> Result<WriteAnswer, StepError> {
        let before = before(seen);
        let differs = |it: &&ControlUpdate| {
            let of = |old: &ControlUpdate| old.standard == it.standard && old.control == it.control;
            before.updates.iter().any(of)
        };
        let updates: Vec<&ControlUpdate> = wish.updates.iter().filter(differs).collect();
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
        let refused = match reader.state().await.map_err(unseen)? {
            HubState::OnByStandard => self.set_by_standard(place, &updates).await?,
            HubState::On | HubState::Off => self.set_together(place, &updates).await?,
        };
        if refused.is_empty() {
            Ok(accepted("sent"))
        } else {
            let refused = refused.join("; ");
            Err(StepError::failed("UnprocessedAssociationUpdates", &refused))
        }
    }

    /// As many at once as AWS takes; what it does not take of a request, and why.
    async fn set_together(
        &self,
        place: &StepPlace,
        updates: &[&ControlUpdate],
    ) -> Result<Vec<String>, StepError> {
        let (mut refused, mut open) = (Vec::new(), vec![updates]);
        while let Some(some) = open.pop().filter(|it| !it.is_empty()) {
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
        Ok(refused)
    }

    /// Where each standard has findings of its own, one call for each of its controls.
    async fn set_by_standard(
        &self,
        place: &StepPlace,
        updates: &[&ControlUpdate],
    ) -> Result<Vec<String>, StepError> {
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
                    "{}: nobody says what it is called in the standard",
                    update.control
                ));
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
        Ok(refused)
    }
}

/// What AWS did not take of a request that it took.
fn unprocessed(answer: &Value) -> Vec<String> {
    let rows = answer
        .get("UnprocessedAssociationUpdates")
        .and_then(Value::as_array);
    let part = |row: &Value, pointer: &str| {
        let text = row.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let rows = rows.into_iter().flatten().map(|row| {
        let control = part(row, "/StandardsControlAssociationUpdate/SecurityControlId");
        format!(
            "{control}: {} {}",
            part(row, "/ErrorCode"),
            part(row, "/ErrorReason")
        )
    });
    rows.collect()
}

fn accepted(remote: &str) -> WriteAnswer {
    WriteAnswer::Accepted {
        remote: remote.to_owned(),
    }
}

/// Security Hub has a code of its own for too many calls (`organization.md` P-10).
fn fault_of(fault: OrganizationFault) -> StepError {
    match fault {
        OrganizationFault::Refused { code, message } if code == "LimitExceededException" => {
            StepError::later(Class::Throttle, message)
        }
        fault => setback(fault),
    }
}

fn read<T: DeserializeOwned>(step: &PlanStep) -> Result<T, StepError> {
    let read = serde_json::from_value(step.desired.clone());
    read.map_err(|error| StepError::failed("plan", &format!("the step cannot be read: {error}")))
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
        match self.look(step).await {
            Ok(StepProbe::Satisfied) => Verify::Done(Effect {
                new: step.desired.clone(),
                requests: Vec::new(),
            }),
            Ok(StepProbe::Absent | StepProbe::Differs { .. } | StepProbe::InProgress { .. }) => {
                Verify::Running
            }
            Ok(StepProbe::Blocked { reason }) => {
                Verify::Setback(StepError::failed("blocked", &reason))
            }
            Err(error) => Verify::Setback(error),
        }
    }

    fn is_half_done(&self, step: &PlanStep, before: &Value, now: &StepProbe) -> bool {
        // controls are set some at a time: those that are not yet are as they were
        step.kind == SET && is_rest_of(&now.old(), before)
    }

    fn undo(&self, step: &PlanStep, old: &Value, _new: &Value) -> Undo {
        let before: HubBefore = serde_json::from_value(old.clone()).unwrap_or_default();
        let by = |kind: &str, wish: Value| (kind.to_owned(), wish);
        match step.kind.as_str() {
            ENABLE => Undo::By(vec![by(DISABLE, step.desired.clone())]),
            WAIT => Undo::By(Vec::new()),
            SET => Undo::By(vec![by(
                SET,
                stored(&ControlsWish {
                    updates: before.updates,
                }),
            )]),
            DISABLE => {
                let standards = stored(&StandardsWish { arns: before.arns });
                let mut steps = vec![by(ENABLE, standards.clone()), by(WAIT, standards)];
                if !before.updates.is_empty() {
                    let updates = before.updates;
                    steps.push(by(SET, stored(&ControlsWish { updates })));
                }
                Undo::By(steps)
            }
            CENTRAL_ASSOCIATE => match read::<AssociationWish>(step) {
                Ok(wish) => {
                    let policy = old.get("policy").and_then(Value::as_str);
                    let back = AssociationWish {
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
