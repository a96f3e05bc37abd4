//! People of a list who are not in the identity store yet (`organization.md` V-9). The names and forms are part of stored
//! plans.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_plans::{
    Class, Effect, PlanStep, StepError, StepExecutor, StepProbe, Undo, Verify, WriteAnswer,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::changing::ServiceCalls;
use crate::ports::OrganizationFault;
use crate::reading::ReadPlace;
use crate::step_executor::setback;

/// Somebody is in the identity store: [`NewUser`].
pub(crate) const CREATE_USER: &str = "user.create";
const SERVICE: &str = "identitystore";
/// What the service calls somebody who is not there.
const NOT_THERE: &str = "ResourceNotFoundException";

/// Whether steps of a kind are carried out by [`UserStepExecutor`].
pub fn is_user_step(kind: &str) -> bool {
    kind == CREATE_USER
}

/// Somebody who is to be in the identity store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewUser {
    /// The store.
    pub(crate) identity_store_id: String,
    /// Their address, and what they sign in as.
    pub(crate) email: String,
    /// First name.
    pub(crate) given_name: String,
    /// Last name.
    pub(crate) family_name: String,
}

/// Whoever carries steps about new people out.
pub struct UserStepExecutor {
    calls: Arc<dyn ServiceCalls>,
}

impl UserStepExecutor {
    /// An executor over its port.
    pub fn new(calls: Arc<dyn ServiceCalls>) -> Self {
        Self { calls }
    }

    /// The id of whoever has this address, or signs in by it.
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
            // an earlier try of ours, or somebody who makes the same person now: a look tells. Identity Store says
            // `ConflictException` of a name that is taken.
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
        let text = format!("nothing is asked about `{remote}`: it is done at once");
        Verify::Setback(StepError::failed("unknown_step", &text))
    }

    fn undo(&self, _: &PlanStep, _: &Value, _: &Value) -> Undo {
        let why = "a person who was made stays: others may have given them access by now";
        Undo::Not(why.to_owned())
    }
}
