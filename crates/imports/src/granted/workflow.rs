//! Access workflows: how long access is, what reasons it needs, and in which steps it is approved.

use serde_json::Value;

use super::cedar::{Condition, people_alternatives};
use super::keys::ResourceKeys;
use crate::draft::{Approval, Askers, RuleDraft};
use crate::report::RowNote;
use crate::terraform::{Resource, Setting};

/// How long access is, and what requests need.
#[derive(Clone, Default)]
pub(super) struct Workflow {
    pub(super) seconds: u64,
    /// Patterns of the reason, and what they ask for.
    pub(super) reasons: Vec<(String, String)>,
    /// Each step, and who may take it.
    pub(super) steps: Vec<(String, Vec<Condition>)>,
}

/// What becomes of priorities.
pub(super) const PRIORITY: &str = "of several rules about a request every limit counts, and not those of the highest priority alone";
const AGAIN: &str = "people ask again for more time";
const EXPIRY: &str = "see `access.request_expiry` of the configuration";

const KEYS: ResourceKeys = ResourceKeys {
    read: &[
        "id",
        "name",
        "access_duration_seconds",
        "access_duration",
        "duration",
        "validation",
        "approval_steps",
    ],
    otherwise: &[
        ("priority", PRIORITY),
        (
            "default_duration_seconds",
            "people choose the time when they ask",
        ),
        ("try_extend_after", AGAIN),
        ("try_extend_after_seconds", AGAIN),
        ("extension_conditions", AGAIN),
        (
            "activation_expiry",
            "access begins when it is approved, or at the start that was asked for",
        ),
        ("request_to_approve_expiry", EXPIRY),
        ("request_to_activate_expiry", EXPIRY),
    ],
};

/// Reads a workflow.
pub(super) fn workflow(it: &Resource, notes: &mut Vec<RowNote>) -> Result<Workflow, RowNote> {
    KEYS.tell(it, notes)?;
    let keys = ["access_duration_seconds", "access_duration", "duration"];
    let seconds = keys
        .iter()
        .find_map(|key| it.text(key))
        .and_then(|text| seconds(&text));
    let due = RowNote::Unclear {
        attribute: "access_duration_seconds",
        due: "a length that stands in the file, a minute at least",
    };
    Ok(Workflow {
        seconds: seconds.ok_or(due)?,
        reasons: reasons(it.values.get("validation"))?,
        steps: steps(it.values.get("approval_steps"))?,
    })
}

/// A length in seconds, or as `2h30m`.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let number = match text.parse::<u64>() {
        Ok(number) => number,
        Err(_) => text.parse::<hallpass_model::TimeSpan>().ok()?.as_seconds(),
    };
    (60..=100 * 86_400).contains(&number).then_some(number)
}

fn reasons(validation: Option<&Setting>) -> Result<Vec<(String, String)>, RowNote> {
    let unclear = || RowNote::Unclear {
        attribute: "validation",
        due: "a table with `has_reason` and `reason_regex`",
    };
    let table = match validation {
        None => return Ok(Vec::new()),
        Some(Setting::Is(Value::Object(table))) => table,
        // a reason is always due in Hallpass, and so is what a block of one flag says
        Some(
            Setting::Is(_)
            | Setting::Computed
            | Setting::ComputedBy(_)
            | Setting::Refers(_)
            | Setting::Several
            | Setting::NotInPlan,
        ) => return Err(unclear()),
    };
    if table
        .keys()
        .any(|key| !["has_reason", "reason_regex"].contains(&key.as_str()))
    {
        return Err(unclear());
    }
    let list = match table.get("reason_regex") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(list) => list.as_array().ok_or_else(unclear)?,
    };
    let one = |it: &Value| {
        let text = |key: &str| it.get(key).and_then(Value::as_str).map(str::to_owned);
        let pattern = text("regex_pattern")?;
        let hint = text("error_message").unwrap_or_else(|| pattern.clone());
        Some((pattern, hallpass_model::text::line(&hint, 80)))
    };
    list.iter().map(|it| one(it).ok_or_else(unclear)).collect()
}

fn steps(setting: Option<&Setting>) -> Result<Vec<(String, Vec<Condition>)>, RowNote> {
    let list = match setting {
        None => return Ok(Vec::new()),
        Some(Setting::Is(Value::Array(list))) => list,
        Some(
            Setting::Is(_)
            | Setting::Computed
            | Setting::ComputedBy(_)
            | Setting::Refers(_)
            | Setting::Several
            | Setting::NotInPlan,
        ) => &Vec::new(),
    };
    let unclear = || RowNote::Unclear {
        attribute: "approval_steps",
        due: "steps for groups (`principal in`) and users that are named, or for the manager",
    };
    if list.is_empty() {
        return Err(unclear());
    }
    let one = |it: &Value| {
        let text = |key: &str| it.get(key).and_then(Value::as_str);
        let when = people_alternatives(text("when")?)?;
        Some((text("name").unwrap_or_default().to_owned(), when))
    };
    list.iter().map(|it| one(it).ok_or_else(unclear)).collect()
}

/// Each pattern counts: the first in the rules themselves, others in rules that permit nothing, for the same people.
pub(super) fn with_reasons(drafts: Vec<RuleDraft>, reasons: &[(String, String)]) -> Vec<RuleDraft> {
    let Some((first, others)) = reasons.split_first() else {
        return drafts;
    };
    let mut all = Vec::new();
    for mut draft in drafts {
        draft.reason = Some(first.clone());
        for reason in others {
            let mut more = draft.clone();
            more.prefix = "granted-reason";
            more.askers = match draft.askers.clone() {
                Askers::These(people) | Askers::AddsTo(people) => Askers::AddsTo(people),
                Askers::Nobody => Askers::Nobody,
            };
            more.approval = Approval::Elsewhere;
            more.seconds = None;
            more.reason = Some(reason.clone());
            all.push(more);
        }
        all.push(draft);
    }
    all
}
