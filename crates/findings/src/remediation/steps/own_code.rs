//! Code of somebody's own: called once for a remediation, by the same gates as what we do ourselves. What it does is not
//! looked at, and only its owner can take it back (`organization.md` R-15).

use hallpass_plans::{Class, Effect, StepError, WriteAnswer};
use serde_json::{Value, json};

use super::wish::{RemediationWish, params};
use crate::remediation::action::{ActionKind, LambdaParams, WebhookParams};
use crate::remediation::ports::{CalledCode, CodeFault, OwnCode};

/// The version of what is told.
const VERSION: u32 = 1;
/// The member of the recorded form that has what was answered.
const ANSWER: &str = "answer";

/// What the code is told: which remediation, of which rule, about what.
fn body(wish: &RemediationWish, id: &str) -> Value {
    let found = wish.found.as_ref();
    json!({
        "version": VERSION, "news": "remediation", "id": id, "remediation": wish.remediation,
        "resource": wish.resource, "with": wish.params.get("with"), "account": found.map(|it| &it.account),
        "region": found.map(|it| &it.region), "resource_type": found.map(|it| &it.resource_type),
        "control": found.map(|it| &it.control), "severity": found.map(|it| &it.severity),
        "finding": found.map(|it| &it.finding), "config_rule": found.map(|it| &it.config_rule),
    })
}

/// Which code the rule names.
fn called(wish: &RemediationWish) -> Result<CalledCode, StepError> {
    if wish.action == ActionKind::Lambda {
        let LambdaParams { function, .. } = params(wish)?;
        return Ok(CalledCode::Function(function));
    }
    let WebhookParams { name, .. } = params(wish)?;
    Ok(CalledCode::Webhook(name))
}

/// Calls it; `token` is the same whenever this is sent again.
pub(super) async fn call(code: &dyn OwnCode, wish: &RemediationWish, token: &str) -> WriteAnswer {
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

/// What code of somebody's own answered, by the recorded form.
pub(crate) fn answer(new: &Value) -> Option<String> {
    Some(new.get(ANSWER)?.as_str()?.to_owned())
}
