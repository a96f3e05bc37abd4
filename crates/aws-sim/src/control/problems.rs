use crate::base::Refusal;
use serde_json::json;

use crate::organization::Problem;

pub(super) fn problems(found: &[Problem]) -> Refusal {
    let text = format!("the organization file has {} problems", found.len());
    Refusal::bad("", &text).with("problems", json!(found))
}
