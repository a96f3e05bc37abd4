//! Customer code: called once per remediation, with the same checks as built-in actions. Its effect
//! is not verified, and only its owner can undo it (`organization.md` R-15).

use hallpass_plans::{Class, Effect, StepError, WriteAnswer};
use serde_json::{Value, json};

use super::spec::{RemediationArguments, params};
use crate::remediation::action::{ActionKind, LambdaParams, WebhookParams};
use crate::remediation::ports::{CalledCode, CodeFault, OwnCode};

const VERSION: u32 = 1;
const ANSWER: &str = "answer";

fn body(wish: &RemediationArguments, id: &str) -> Value {
    let found = wish.found.as_ref();
    json!({
        "version": VERSION, "news": "remediation", "id": id, "remediation": wish.remediation,
        "resource": wish.resource, "with": wish.params.get("with"), "account": found.map(|it| &it.account),
        "region": found.map(|it| &it.region), "resource_type": found.map(|it| &it.resource_type),
        "control": found.map(|it| &it.control), "severity": found.map(|it| &it.severity),
        "finding": found.map(|it| &it.finding), "config_rule": found.map(|it| &it.config_rule),
    })
}

fn called(wish: &RemediationArguments) -> Result<CalledCode, StepError> {
    if wish.action == ActionKind::Lambda {
        let LambdaParams { function, .. } = params(wish)?;
        return Ok(CalledCode::Function(function));
    }
    let WebhookParams { name, .. } = params(wish)?;
    Ok(CalledCode::Webhook(name))
}

/// Calls the code; retries use the same `token`.
pub(super) async fn call(
    code: &dyn OwnCode,
    wish: &RemediationArguments,
    token: &str,
) -> WriteAnswer {
    let called = match called(wish) {
        Ok(called) => called,
        Err(error) => return WriteAnswer::Setback(error),
    };
    match code.call(&called, token, &body(wish, token)).await {
        Ok(answer) => {
            let mut new = json!({ "status": answer.status, ANSWER: answer.text });
            let (kind, name) = match called {
                CalledCode::Webhook(name) => ("webhook", name),
                CalledCode::Function(arn) => ("function", arn),
            };
            if let Some(members) = new.as_object_mut() {
                members.insert(kind.to_owned(), name.into());
            }
            WriteAnswer::Done(Effect {
                new,
                requests: Vec::new(),
            })
        }
        Err(CodeFault::Passing(why)) => {
            WriteAnswer::Setback(StepError::later(Class::Throttle, why))
        }
        Err(CodeFault::Refused(why)) => {
            let code = match called {
                CalledCode::Webhook(_) => "Webhook",
                CalledCode::Function(_) => "Lambda",
            };
            WriteAnswer::Setback(StepError::failed(code, &why))
        }
    }
}

pub(crate) fn answer(new: &Value) -> Option<String> {
    Some(new.get(ANSWER)?.as_str()?.to_owned())
}
