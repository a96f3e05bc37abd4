//! Executes single steps: look, one write, read back (`inventory.md` H-16).

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_base::Clock;
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{
    Class, PlanStep, StepError, StepExecutor, StepProbe, Undo, Verify, WriteAnswer,
};
use serde_json::{Value, json};

use super::plan::{IdentityStoreUser, PeopleStepKind};
use super::read_back::ReadBack;
use crate::changing::ServiceCalls;
use crate::reading::ReadPlace;
use crate::steps::{StepKind as _, no_undo_of_unknown, setback};

const SERVICE: &str = "identitystore";
const NOT_THERE: &str = "ResourceNotFoundException";

pub struct PeopleStepExecutor {
    calls: Arc<dyn ServiceCalls>,
    read_back: ReadBack,
}

struct SeenPerson {
    is_enabled: bool,
    revision: Option<Value>,
}

impl PeopleStepExecutor {
    pub fn new(calls: Arc<dyn ServiceCalls>, clock: Arc<dyn Clock>) -> Self {
        Self {
            calls,
            read_back: ReadBack::new(clock),
        }
    }

    async fn seen(&self, wish: &IdentityStoreUser) -> Result<Option<SeenPerson>, StepError> {
        let input = named(wish);
        let answered = self
            .calls
            .call(&ReadPlace::default(), (SERVICE, "DescribeUser"), &input)
            .await;
        match answered {
            Ok((answer, _)) => Ok(Some(SeenPerson {
                // older answers have no status: enabled
                is_enabled: answer.get("UserStatus").and_then(Value::as_str) != Some("DISABLED"),
                revision: answer.get("Revision").cloned(),
            })),
            Err(fault) if fault.code == NOT_THERE => Ok(None),
            Err(fault) if fault.passing => {
                let why = format!("{}: {}", fault.code, fault.message);
                Err(StepError::later(Class::Throttle, why))
            }
            Err(fault) => Err(StepError::failed(&fault.code, &fault.message)),
        }
    }

    async fn look(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        let wish: IdentityStoreUser = step.wish()?;
        let seen = self.seen(&wish).await?;
        let differs = || StepProbe::Differs {
            old: json!({ "user": wish }),
        };
        // a deletion is final: a change since the plan is another decision
        let judged = |it: &SeenPerson| StepProbe::Differs {
            old: json!({ "user": wish, "revision": it.revision }),
        };
        Ok(match (PeopleStepKind::of(step)?, seen) {
            (PeopleStepKind::Enable, None) => StepProbe::Blocked {
                reason: format!("`{}` is no longer in the identity store", wish.user_name),
            },
            (PeopleStepKind::Delete, Some(it)) => judged(&it),
            (PeopleStepKind::Disable, Some(it)) if it.is_enabled => differs(),
            (PeopleStepKind::Enable, Some(it)) if !it.is_enabled => differs(),
            // a deleted person cannot sign in
            (PeopleStepKind::Disable | PeopleStepKind::Delete, None)
            | (PeopleStepKind::Disable | PeopleStepKind::Enable, Some(_)) => StepProbe::Satisfied,
        })
    }

    async fn send(&self, step: &PlanStep, seen: &StepProbe) -> Result<WriteAnswer, StepError> {
        let wish: IdentityStoreUser = step.wish()?;
        let mut input = named(&wish);
        let judged = seen
            .old()
            .get("revision")
            .filter(|it| !it.is_null())
            .cloned();
        let kind = PeopleStepKind::of(step)?;
        let status = match kind {
            PeopleStepKind::Disable => Some("DISABLED"),
            PeopleStepKind::Enable => Some("ENABLED"),
            PeopleStepKind::Delete => None,
        };
        let operation = if let Some(status) = status {
            let operations = json!([{ "AttributePath": "userStatus", "AttributeValue": status }]);
            put(&mut input, "Operations", operations);
            // a change since the look is another decision
            if let Some(revision) = self.seen(&wish).await?.and_then(|it| it.revision) {
                put(&mut input, "Revision", revision);
            }
            "UpdateUser"
        } else {
            if let Some(revision) = judged.clone() {
                put(&mut input, "Revision", revision);
            }
            "DeleteUser"
        };
        let sent = self
            .calls
            .send(&ReadPlace::default(), (SERVICE, operation), &input)
            .await;
        match sent {
            Ok(_) => Ok(self.read_back.taken()),
            Err(OrganizationFault::NotThere { .. }) if kind != PeopleStepKind::Enable => {
                Ok(self.read_back.taken())
            }
            Err(OrganizationFault::Conflict { message }) if kind == PeopleStepKind::Delete => {
                Err(self.not_deleted(&wish, judged, message).await)
            }
            Err(fault) => Err(setback(fault)),
        }
    }

    /// Why a deletion was refused: changed meanwhile, or a concurrent write.
    async fn not_deleted(
        &self,
        wish: &IdentityStoreUser,
        judged: Option<Value>,
        message: String,
    ) -> StepError {
        match self.seen(wish).await {
            Ok(Some(now)) if now.revision != judged => StepError::failed(
                "changed_meanwhile",
                &format!(
                    "`{}` was changed since the plan, and is not deleted: check the change, then make a new plan",
                    wish.user_name
                ),
            ),
            Ok(_) => StepError::later(Class::Conflict, message),
            Err(error) => error,
        }
    }
}

fn put(input: &mut Value, name: &str, value: Value) {
    if let Some(members) = input.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn named(wish: &IdentityStoreUser) -> Value {
    json!({ "IdentityStoreId": wish.identity_store_id, "UserId": wish.user_id })
}

#[async_trait]
impl StepExecutor for PeopleStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.look(step).await
    }

    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer {
        self.send(step, seen)
            .await
            .unwrap_or_else(WriteAnswer::Setback)
    }

    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify {
        self.read_back.verify(step, remote, self.look(step).await)
    }

    fn undo(&self, step: &PlanStep, _: &Value, _: &Value) -> Undo {
        let Some(kind) = PeopleStepKind::named(&step.kind) else {
            return no_undo_of_unknown(step);
        };
        let back = match kind {
            PeopleStepKind::Disable => PeopleStepKind::Enable,
            PeopleStepKind::Enable => PeopleStepKind::Disable,
            PeopleStepKind::Delete => {
                let why = "a deleted person cannot be restored: a new one would have another id";
                return Undo::Not(why.to_owned());
            }
        };
        Undo::By(vec![(back.into(), step.desired.clone())])
    }
}
