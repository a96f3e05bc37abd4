//! Executes single steps: look, one write, poll until visible.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_base::Clock;
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{
    Class, Effect, PlanStep, Retry, SentBefore, StepError, StepExecutor, StepNews, StepProbe, Undo,
    Verify, WriteAnswer,
};
use serde_json::{Value, json};

use super::config_steps;
use super::gather::parent;
use super::plan::{DesiredControls, DesiredMove, UnitMove};
use super::polling::{ENROLMENT, FACTORY, Pauses, PollSchedule};
use super::rechecks;
use super::registering;
use super::role_calls;
use super::roles::EnrolmentCalls;
use super::stack_sets;
use super::step_kinds::AnyStepKind::{self, Config, Enrolment, Factory};
use super::step_kinds::EnrolmentStepKind as Kind;
use crate::control_tower::{
    self, BaselineStatus, EnabledBaseline, FactoryStepKind, controls_in, enabled,
};
use crate::reading::{ReadPlace, Reader, text};
use crate::steps::{StepKind as _, no_undo_of_unknown, setback, unseen};

/// Failure code: Control Tower did not enrol the account.
pub(crate) const NOT_ENROLLED: &str = "NotEnrolled";
const CONTROL_TOWER: &str = "controltower";

pub struct EnrolmentStepExecutor {
    calls: EnrolmentCalls,
    clock: Arc<dyn Clock>,
    news: Arc<dyn StepNews>,
    polls: PollSchedule,
}

/// Instructions to undo a move manually, since it removes policies (`organization.md` N-7).
fn move_back(place: &UnitMove) -> String {
    if place.from == place.to {
        return format!(
            "account {} stands in {}, as before",
            place.account, place.to
        );
    }
    format!(
        "account {} stands in {}, and stood in {}; `aws organizations move-account --account-id {} --source-parent-id {} \
         --destination-parent-id {}` moves it back, and takes the policies and controls of {} away",
        place.account, place.to, place.from, place.account, place.to, place.from, place.to
    )
}

impl EnrolmentStepExecutor {
    pub fn new(calls: EnrolmentCalls, clock: Arc<dyn Clock>, news: Arc<dyn StepNews>) -> Self {
        Self {
            calls,
            clock,
            news,
            polls: PollSchedule::default(),
        }
    }

    fn home(&self) -> Reader<'_> {
        Reader {
            calls: self.calls.home.as_ref(),
            place: ReadPlace::default(),
        }
    }

    async fn send(
        &self,
        operation: &'static str,
        input: Value,
    ) -> Result<Value, OrganizationFault> {
        let place = ReadPlace::default();
        let sent = self
            .calls
            .home
            .send(&place, (CONTROL_TOWER, operation), &input);
        sent.await
    }

    /// Rechecks prerequisites and the account's current parent directly before a move.
    async fn look_before_move(
        &self,
        step: &PlanStep,
        sent: &SentBefore,
    ) -> Result<StepProbe, StepError> {
        let wish: DesiredMove = step.wish()?;
        let seen = self.look_place(&wish.place).await?;
        if seen != StepProbe::Absent {
            return Ok(match seen {
                StepProbe::Blocked { .. } if sent.at.is_empty() => {
                    let unit = parent(&self.home(), &wish.place.account).await;
                    StepProbe::Differs {
                        old: json!({ "unit": unit.map_err(unseen)? }),
                    }
                }
                other => other,
            });
        }
        let Some(needs) = &wish.needs else {
            return Ok(seen);
        };
        let obstacle = rechecks::obstacle(&self.calls, &wish.place, needs).await?;
        Ok(obstacle.map_or(seen, |reason| StepProbe::Blocked { reason }))
    }

    async fn look_place(&self, place: &UnitMove) -> Result<StepProbe, StepError> {
        let parent = parent(&self.home(), &place.account).await.map_err(unseen)?;
        Ok(if parent == place.to {
            StepProbe::Satisfied
        } else if parent == place.from {
            StepProbe::Absent
        } else {
            let reason = format!("account {} is in {parent} by now", place.account);
            StepProbe::Blocked { reason }
        })
    }

    async fn relocate(&self, place: &UnitMove, seen: &StepProbe) -> Result<WriteAnswer, StepError> {
        let old = seen.old();
        let from = old.get("unit").and_then(Value::as_str);
        let from = from.unwrap_or(&place.from);
        let input = json!({
            "AccountId": place.account, "SourceParentId": from, "DestinationParentId": place.to,
        });
        let (operation, place_of_call) = (("organizations", "MoveAccount"), ReadPlace::default());
        let sent = self.calls.home.send(&place_of_call, operation, &input);
        let accepted = WriteAnswer::Accepted {
            remote: place.account.to_string(),
        };
        match sent.await {
            Ok(_) => Ok(accepted),
            Err(OrganizationFault::Refused { code, .. }) if code == "DuplicateAccountException" => {
                Ok(accepted)
            }
            Err(OrganizationFault::NotThere { .. }) => Ok(WriteAnswer::ChangedBefore),
            Err(OrganizationFault::Refused { code, .. })
                if code == "SourceParentNotFoundException" =>
            {
                Ok(WriteAnswer::ChangedBefore)
            }
            Err(fault) => Err(setback(fault)),
        }
    }

    async fn baseline_of(&self, arn: &str) -> Result<Option<EnabledBaseline>, StepError> {
        let found = enabled(self.calls.home.as_ref(), Some(arn)).await;
        Ok(found.map_err(unseen)?.remove(arn))
    }

    /// The account's baseline if it comes from the unit; another unit's is removed by the move.
    async fn own_baseline(&self, place: &UnitMove) -> Result<Option<BaselineStatus>, StepError> {
        let found = self.baseline_of(&place.account_arn).await?;
        let is_of_unit = |it: &EnabledBaseline| {
            let of = it.parent.as_ref();
            // a unit to be registered had no baseline when the plan was made
            place.baseline.is_empty() || of.is_none_or(|parent| *parent == place.baseline)
        };
        Ok(found.filter(is_of_unit).map(|it| it.status))
    }

    async fn look_enrolled(&self, kind: Kind, place: &UnitMove) -> Result<StepProbe, StepError> {
        Ok(match self.own_baseline(place).await? {
            Some(BaselineStatus::Succeeded) => StepProbe::Satisfied,
            Some(BaselineStatus::UnderChange) => StepProbe::InProgress {
                remote: place.account_arn.clone(),
            },
            // a reset repairs a failed baseline
            Some(BaselineStatus::Failed) if kind == Kind::Reset => StepProbe::Absent,
            Some(BaselineStatus::Failed) => return Err(not_enrolled(place, "")),
            None => StepProbe::Absent,
        })
    }

    async fn reset(&self, place: &UnitMove) -> Result<WriteAnswer, StepError> {
        let all = enabled(self.calls.home.as_ref(), None)
            .await
            .map_err(unseen)?;
        let unit = all.values().find(|it| it.arn == place.baseline);
        if unit.is_some_and(|it| it.status == BaselineStatus::UnderChange) {
            // it may be this step's lost call, or enrol the account as well
            return Ok(WriteAnswer::later(
                "the baseline of the unit is being set already".to_owned(),
            ));
        }
        let input = json!({ "enabledBaselineIdentifier": place.baseline });
        let sent = self
            .send("ResetEnabledBaseline", input)
            .await
            .map_err(setback)?;
        Ok(WriteAnswer::Accepted {
            remote: text(&sent, "/operationIdentifier").to_owned(),
        })
    }

    /// Checks if a poll is due: its pause is over, or an event arrived.
    async fn is_due(&self, step: &PlanStep, remote: &str, pauses: Pauses) -> bool {
        // without the store only the pauses count
        let told = self.news.told(&step.id).await.unwrap_or(0);
        self.polls.is_due(remote, pauses, self.clock.now(), told)
    }

    async fn ask_enrolled(&self, place: &UnitMove, remote: &str) -> Result<Verify, StepError> {
        let mut is_over = false;
        if !remote.starts_with("arn:") {
            let operation = (CONTROL_TOWER, "GetBaselineOperation");
            let input = json!({ "operationIdentifier": remote });
            let answer = self.home().one(operation, input).await.map_err(unseen)?;
            match text(&answer, "/baselineOperation/status") {
                "IN_PROGRESS" => return Ok(Verify::Running),
                "FAILED" => {
                    let why = text(&answer, "/baselineOperation/statusMessage");
                    return Ok(Verify::Setback(not_enrolled(place, why)));
                }
                _ => is_over = true,
            }
        }
        Ok(match self.own_baseline(place).await? {
            Some(BaselineStatus::Succeeded) => Verify::Done(Effect {
                new: json!({ "account": place.account, "unit": place.to, "enrolled": true }),
                requests: Vec::new(),
            }),
            Some(BaselineStatus::Failed) => Verify::Setback(not_enrolled(place, "")),
            None if is_over => {
                let why = "the operation did not reach the account".to_owned();
                Verify::Again(Retry::new(Class::Conflict, why))
            }
            Some(BaselineStatus::UnderChange) | None => Verify::Running,
        })
    }

    /// Unit controls missing in the account, and whether all are in progress.
    async fn missing(&self, wish: &DesiredControls) -> Result<(Vec<String>, bool), StepError> {
        let calls = self.calls.home.as_ref();
        let found = controls_in(calls, &wish.unit_arn, &wish.account_arn).await;
        let found = found.map_err(unseen)?;
        let arns = wish.controls.iter().map(|it| it.arn.clone());
        let missing: Vec<String> = arns.filter(|it| !found.held.contains(it)).collect();
        let on_their_way = missing.iter().all(|it| found.changing.contains(it));
        Ok((missing, on_their_way))
    }

    async fn look_controls(&self, wish: &DesiredControls) -> Result<StepProbe, StepError> {
        let (missing, on_their_way) = self.missing(wish).await?;
        Ok(match (missing.is_empty(), on_their_way) {
            (true, _) => StepProbe::Satisfied,
            (false, true) => StepProbe::InProgress {
                remote: wish.unit_arn.clone(),
            },
            (false, false) => StepProbe::Absent,
        })
    }

    /// Resets all missing controls as one write: they run in parallel.
    async fn reset_controls(&self, wish: &DesiredControls) -> Result<WriteAnswer, StepError> {
        let (missing, _) = self.missing(wish).await?;
        let mut sent = 0_usize;
        for arn in missing {
            let input = json!({ "enabledControlIdentifier": arn });
            match self.send("ResetEnabledControl", input).await {
                Ok(_) => sent += 1,
                // the rest later
                Err(OrganizationFault::Conflict { .. }) if sent > 0 => break,
                Err(fault) => return Err(setback(fault)),
            }
        }
        Ok(WriteAnswer::Accepted {
            remote: wish.unit_arn.clone(),
        })
    }

    async fn ask_controls(&self, wish: &DesiredControls) -> Result<Verify, StepError> {
        let (missing, _) = self.missing(wish).await?;
        if missing.is_empty() {
            let names = wish.controls.iter().map(|it| it.control.as_str());
            let names: Vec<&str> = names.collect();
            return Ok(Verify::Done(Effect {
                new: json!({ "account": wish.account_arn, "controls": names }),
                requests: Vec::new(),
            }));
        }
        let calls = self.calls.home.as_ref();
        let found = controls_in(calls, &wish.unit_arn, &wish.account_arn).await;
        let changing = found.map_err(unseen)?.changing;
        if missing.iter().any(|it| changing.contains(it)) {
            return Ok(Verify::Running);
        }
        let why = format!("{} controls do not hold in the account yet", missing.len());
        Ok(Verify::Again(Retry::new(Class::Conflict, why)))
    }

    /// A product belongs to the step if any of its attempts launched it.
    async fn look_product(
        &self,
        step: &PlanStep,
        sent: &SentBefore,
    ) -> Result<StepProbe, StepError> {
        let mut tokens = sent.tokens.clone();
        tokens.insert(step.token.clone());
        control_tower::look(self.calls.home.as_ref(), &step.wish()?, &tokens).await
    }

    async fn look(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        let home = self.calls.home.as_ref();
        match AnyStepKind::of(step)? {
            Enrolment(Kind::Move) => self.look_place(&step.wish()?).await,
            Enrolment(kind @ (Kind::Wait | Kind::Reset)) => {
                self.look_enrolled(kind, &step.wish()?).await
            }
            Enrolment(Kind::Register) => registering::look(home, &step.wish()?).await,
            Enrolment(Kind::Controls) => self.look_controls(&step.wish()?).await,
            Enrolment(Kind::CreateRole) => role_calls::look_role(&self.calls, &step.wish()?).await,
            Enrolment(Kind::GrantRole) => {
                role_calls::look_granted(&self.calls, &step.wish()?).await
            }
            Enrolment(Kind::StackSet) => stack_sets::look_set(home, &step.wish()?).await,
            Enrolment(Kind::StackInstance) => {
                stack_sets::look_instance(&self.calls, &step.wish()?).await
            }
            Enrolment(Kind::Inside) => stack_sets::look_inside(&self.calls, &step.wish()?).await,
            Factory(FactoryStepKind::Admit) => {
                control_tower::look_admitted(home, &step.wish()?).await
            }
            Factory(FactoryStepKind::Provision) => {
                self.look_product(step, &SentBefore::default()).await
            }
            Config(kind) => config_steps::look(&self.calls, kind, &step.wish()?).await,
        }
    }

    async fn look_again(&self, step: &PlanStep, sent: &SentBefore) -> Result<StepProbe, StepError> {
        match AnyStepKind::of(step)? {
            Enrolment(Kind::Move) => self.look_before_move(step, sent).await,
            Factory(FactoryStepKind::Provision) => self.look_product(step, sent).await,
            Config(kind) => config_steps::look_again(&self.calls, kind, &step.wish()?).await,
            Enrolment(
                Kind::Wait
                | Kind::Reset
                | Kind::Register
                | Kind::Controls
                | Kind::CreateRole
                | Kind::GrantRole
                | Kind::StackSet
                | Kind::StackInstance
                | Kind::Inside,
            )
            | Factory(FactoryStepKind::Admit) => self.look(step).await,
        }
    }

    async fn act_on(&self, step: &PlanStep, seen: &StepProbe) -> Result<WriteAnswer, StepError> {
        let home = self.calls.home.as_ref();
        match AnyStepKind::of(step)? {
            Enrolment(Kind::Move) => self.relocate(&step.wish()?, seen).await,
            Enrolment(Kind::Wait) => {
                let place: UnitMove = step.wish()?;
                Ok(WriteAnswer::Accepted {
                    remote: place.account_arn,
                })
            }
            Enrolment(Kind::Reset) => self.reset(&step.wish()?).await,
            Enrolment(Kind::Register) => registering::register(home, &step.wish()?).await,
            Enrolment(Kind::Controls) => self.reset_controls(&step.wish()?).await,
            Enrolment(Kind::CreateRole) => role_calls::make_role(&self.calls, &step.wish()?).await,
            Enrolment(Kind::GrantRole) => role_calls::grant_role(&self.calls, &step.wish()?).await,
            Enrolment(Kind::StackSet) => {
                stack_sets::make_set(home, &step.wish()?, &step.token).await
            }
            Enrolment(Kind::StackInstance) => {
                stack_sets::make_instance(home, &step.wish()?, &step.token).await
            }
            Enrolment(Kind::Inside) => Ok(WriteAnswer::later(
                "the account cannot be entered".to_owned(),
            )),
            Factory(FactoryStepKind::Admit) => control_tower::admit(home, &step.wish()?).await,
            Factory(FactoryStepKind::Provision) => {
                control_tower::launch(home, &step.wish()?, &step.token, step.lane.width).await
            }
            Config(kind) => config_steps::act(&self.calls, kind, &step.wish()?).await,
        }
    }

    async fn ask(&self, step: &PlanStep, remote: &str) -> Result<Verify, StepError> {
        let home = self.calls.home.as_ref();
        match AnyStepKind::of(step)? {
            Enrolment(Kind::Wait | Kind::Reset) => {
                if !self.is_due(step, remote, ENROLMENT).await {
                    return Ok(Verify::Running);
                }
                self.ask_enrolled(&step.wish()?, remote).await
            }
            Enrolment(Kind::Register) => {
                if !self.is_due(step, remote, ENROLMENT).await {
                    return Ok(Verify::Running);
                }
                registering::ask(home, &step.wish()?, remote).await
            }
            Enrolment(Kind::Controls) => self.ask_controls(&step.wish()?).await,
            Enrolment(Kind::StackInstance) => {
                stack_sets::ask_instance(&self.calls, &step.wish()?, remote).await
            }
            Factory(FactoryStepKind::Provision) => {
                if !self.is_due(step, remote, FACTORY).await {
                    return Ok(Verify::Running);
                }
                control_tower::progress(home, &step.wish()?, &step.token, remote).await
            }
            Config(kind) => config_steps::verify(&self.calls, kind, &step.wish()?).await,
            Enrolment(
                Kind::Move | Kind::CreateRole | Kind::GrantRole | Kind::StackSet | Kind::Inside,
            )
            | Factory(FactoryStepKind::Admit) => Ok(match self.look(step).await? {
                StepProbe::Satisfied => Verify::Done(Effect {
                    new: step.desired.clone(),
                    requests: Vec::new(),
                }),
                StepProbe::Blocked { reason } => Verify::NotShown(StepProbe::Drifted { reason }),
                _ => Verify::Running,
            }),
        }
    }
}

fn not_enrolled(place: &UnitMove, why: &str) -> StepError {
    let said = if why.is_empty() {
        "Control Tower did not enrol it".to_owned()
    } else {
        format!("Control Tower did not enrol it: {why}")
    };
    StepError::failed(NOT_ENROLLED, &format!("{said}; {}", move_back(place)))
}

#[async_trait]
impl StepExecutor for EnrolmentStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.look(step).await
    }

    async fn look_again(&self, step: &PlanStep, sent: &SentBefore) -> Result<StepProbe, StepError> {
        Self::look_again(self, step, sent).await
    }

    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer {
        let sent = self.act_on(step, seen).await;
        sent.unwrap_or_else(WriteAnswer::Setback)
    }

    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify {
        self.ask(step, remote).await.unwrap_or_else(Verify::Setback)
    }

    fn undo(&self, step: &PlanStep, _old: &Value, _new: &Value) -> Undo {
        let not = |why: &str| Undo::Not(why.to_owned());
        let Some(kind) = AnyStepKind::named(&step.kind) else {
            return no_undo_of_unknown(step);
        };
        match kind {
            Enrolment(Kind::Move) => match step.wish::<UnitMove>() {
                Ok(place) => Undo::Not(move_back(&place)),
                Err(_) => not("the step cannot be read"),
            },
            Enrolment(Kind::Wait | Kind::Reset) => {
                not("an enrolled account stays enrolled: unmanage it in Control Tower")
            }
            Enrolment(Kind::Register) => {
                not("a registered unit stays registered: deregister it in Control Tower")
            }
            Enrolment(Kind::Controls) => not("controls of a unit hold in every account there"),
            Enrolment(Kind::CreateRole | Kind::GrantRole | Kind::StackInstance) => {
                not("Control Tower enters the account by the role")
            }
            Enrolment(Kind::StackSet) => {
                not("other enrolments may use the stack set by now; empty, it costs nothing")
            }
            Enrolment(Kind::Inside) => not("it only looks"),
            Factory(FactoryStepKind::Admit) => {
                not("others may launch accounts as the same principal by now")
            }
            Factory(FactoryStepKind::Provision) => not(
                "an account that Account Factory has taken on stays: terminating its product would unmanage it",
            ),
            Config(kind) => match step.wish() {
                Ok(wish) => config_steps::undo(kind, &wish),
                Err(_) => not("the step cannot be read"),
            },
        }
    }
}
