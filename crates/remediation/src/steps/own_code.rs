//! Code of somebody's own: called once for a remediation, by the same gates as what we do ourselves. What it does is not
//! looked at, and only its owner can take it back (`organization.md` R-15).

use hallpass_runner::{Class, Effect, StepError, WriteAnswer};
use serde_json::{Value, json};

use super::wish::RemediationWish;
use crate::action::WebhookParams;
use crate::ports::{CodeFault, OwnCode};

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

/// Calls it; `token` is the same whenever this is sent again.
pub(super) async fn call(
    code: &dyn OwnCode,
    wish: &RemediationWish,
    params: &WebhookParams,
    token: &str,
) -> WriteAnswer {
    match code.call(&params.name, token, &body(wish, token)).await {
        Ok(answer) => WriteAnswer::Done(Effect {
            new: json!({ "webhook": params.name, "status": answer.status, ANSWER: answer.text }),
            requests: Vec::new(),
        }),
        Err(CodeFault::Passing(why)) => {
            WriteAnswer::Setback(StepError::later(Class::Throttle, why))
        }
        Err(CodeFault::Refused(why)) => WriteAnswer::Setback(StepError::failed("Webhook", &why)),
    }
}

/// What code of somebody's own answered, by the recorded form.
pub(crate) fn answer(new: &Value) -> Option<String> {
    Some(new.get(ANSWER)?.as_str()?.to_owned())
}
