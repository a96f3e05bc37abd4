//! Creates missing users of a list in the identity store (`organization.md` V-9). Names and forms
//! are part of stored plans.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{
    Class, Effect, PlanStep, StepError, StepExecutor, StepProbe, Undo, Verify, WriteAnswer,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::changing::ServiceCalls;
use crate::reading::ReadPlace;
use crate::steps::setback;

/// A user exists in the identity store: [`NewUser`].
pub(crate) const CREATE_USER: &str = "user.create";
const SERVICE: &str = "identitystore";
const NOT_THERE: &str = "ResourceNotFoundException";

/// True for steps of [`UserStepExecutor`].
pub fn is_user_step(kind: &str) -> bool {
    kind == CREATE_USER
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewUser {
    pub(crate) identity_store_id: String,
    /// Address and user name.
    pub(crate) email: String,
    pub(crate) given_name: String,
    pub(crate) family_name: String,
}

pub struct UserStepExecutor {
    calls: Arc<dyn ServiceCalls>,
}

impl UserStepExecutor {
    pub fn new(calls: Arc<dyn ServiceCalls>) -> Self {
        Self { calls }
    }

    /// Finds a user by address or user name.
    async fn found(&self, wish: &NewUser) -> Result<Option<String>, StepError> {
        for path in ["emails.value", "userName"] {
            let input = json!({
                "IdentityStoreId": wish.identity_store_id,
                "AlternateIdentifier": {
                    "UniqueAttribute": { "AttributePath": path, "AttributeValue": wish.email },
                },
            });
            let answered = self
                .calls
                .call(&ReadPlace::default(), (SERVICE, "GetUserId"), &input)
                .await;
            match answered {
                Ok((answer, _)) => {
                    let id = answer.get("UserId").and_then(Value::as_str);
                    return Ok(Some(id.unwrap_or_default().to_owned()));
                }
                Err(fault) if fault.code == NOT_THERE => {}
                Err(fault) if fault.passing => {
                    let why = format!("{}: {}", fault.code, fault.message);
                    return Err(StepError::later(Class::Throttle, why));
                }
                Err(fault) => return Err(StepError::failed(&fault.code, &fault.message)),
            }
        }
        Ok(None)
    }

    async fn create(&self, wish: &NewUser) -> WriteAnswer {
        let input = json!({
            "IdentityStoreId": wish.identity_store_id,
            "UserName": wish.email,
            "DisplayName": format!("{} {}", wish.given_name, wish.family_name),
            "Name": { "GivenName": wish.given_name, "FamilyName": wish.family_name },
            "Emails": [{ "Value": wish.email, "Type": "work", "Primary": true }],
        });
        let sent = self
            .calls
            .send(&ReadPlace::default(), (SERVICE, "CreateUser"), &input)
            .await;
        match sent {
            Ok(answer) => {
                let user = answer.get("UserId").cloned().unwrap_or_default();
                WriteAnswer::Done(Effect {
                    new: json!({ "user": user, "email": wish.email }),
                    requests: Vec::new(),
                })
            }
            // an own lost call or a concurrent creation: the next look decides. Identity Store
            // returns `ConflictException` for a used name.
            Err(
                OrganizationFault::AlreadyThere { message }
                | OrganizationFault::Conflict { message },
            ) => WriteAnswer::AlreadyThere { why: message },
            Err(fault) => WriteAnswer::Setback(setback(fault)),
        }
    }
}

fn read(step: &PlanStep) -> Result<NewUser, StepError> {
    if step.kind != CREATE_USER {
        let text = format!("no step is called `{}`", step.kind);
        return Err(StepError::failed("unknown_step", &text));
    }
    step.wish()
}

#[async_trait]
impl StepExecutor for UserStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        Ok(match self.found(&read(step)?).await? {
            Some(_) => StepProbe::Satisfied,
            None => StepProbe::Absent,
        })
    }

    async fn act(&self, step: &PlanStep, _: &StepProbe) -> WriteAnswer {
        match read(step) {
            Ok(wish) => self.create(&wish).await,
            Err(error) => WriteAnswer::Setback(error),
        }
    }

    async fn verify(&self, _: &PlanStep, remote: &str) -> Verify {
        let text = format!("nothing to poll for `{remote}`: it is done immediately");
        Verify::Setback(StepError::failed("unknown_step", &text))
    }

    fn undo(&self, _: &PlanStep, _: &Value, _: &Value) -> Undo {
        let why = "a created person stays: others may have given them access by now";
        Undo::Not(why.to_owned())
    }
}
