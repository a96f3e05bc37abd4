//! The words of plans: where one is, and what became of its targets.

use hallpass_runner::{PlanState, StepEnd, StepReport, Totals};
use serde_json::Value;

/// The longest that a value is shown in a line; `--output json` has it whole.
const VALUE_MAX: usize = 60;
/// Lines of one step.
const LINES_MAX: usize = 12;

/// Where a plan is.
pub const fn state_word(state: PlanState) -> &'static str {
    match state {
        PlanState::Planned => "Planned",
        PlanState::Running => "Under way",
        PlanState::Paused => "Paused",
        PlanState::Aborted => "Aborted",
        PlanState::Partial => "Stopped",
        PlanState::Done => "Done",
    }
}

/// What became of a target or a step, or would become of it where its plan `is_planned`.
pub const fn outcome_word(end: StepEnd, is_planned: bool) -> &'static str {
    match end {
        StepEnd::Unchanged => "As it should be",
        StepEnd::Changed if is_planned => "Would change",
        StepEnd::Changed => "Changed",
        StepEnd::Failed => "Failed",
        StepEnd::Skipped => "Not begun",
        StepEnd::Blocked => "Blocked",
        StepEnd::Drifted => "Drifted",
        StepEnd::InProgress => "Under way",
    }
}

/// The same in a table of the command line: the name that `--output json` gives it, but for what would change.
pub const fn outcome_cell(end: StepEnd, is_planned: bool) -> &'static str {
    match end {
        StepEnd::Changed if is_planned => "would change",
        other => other.name(),
    }
}

/// How many targets ended how: "3 would change, 2 as they should be"; empty where there are none.
pub fn totals(totals: &Totals, is_planned: bool) -> String {
    let Totals {
        unchanged,
        changed,
        failed,
        skipped,
        blocked,
        drifted,
        in_progress,
    } = *totals;
    let change = if is_planned {
        "would change"
    } else {
        "changed"
    };
    let counted = [
        (failed, "failed"),
        (blocked, "blocked"),
        (drifted, "drifted"),
        (in_progress, "under way"),
        (changed, change),
        (unchanged, "as they should be"),
        (skipped, "not begun"),
    ];
    let parts = counted.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    parts.join(", ")
}

/// From what to what a step goes, a line for each part that differs: `reason: not used → moved`. Of what is not there yet it
/// says what it will be. The step's kind alone where its forms say nothing more.
pub fn change_lines(step: &StepReport) -> Vec<String> {
    between(&step.kind, &step.old, &step.new)
}

/// The same of two forms of what a step of that kind is about.
pub fn between(kind: &str, old: &Value, new: &Value) -> Vec<String> {
    let mut parts = Vec::new();
    differing("", old, new, &mut parts);
    if parts.is_empty() && old.is_null() && !new.is_null() {
        parts.push(shown(new));
    } else if parts.is_empty() && new.is_null() && !old.is_null() {
        parts.push(format!("{} → nothing", shown(old)));
    }
    let left = parts.len().saturating_sub(LINES_MAX);
    parts.truncate(LINES_MAX);
    if left > 0 {
        parts.push(format!("and {left} more"));
    }
    if parts.is_empty() {
        return vec![kind.to_owned()];
    }
    let lines = parts.into_iter();
    lines.map(|part| format!("{kind}: {part}")).collect()
}

/// The parts of two forms that both have and that differ: what only one of them has is how it is asked for, or what the
/// service adds.
fn differing(name: &str, old: &Value, new: &Value, parts: &mut Vec<String>) {
    match (&opened(old), &opened(new)) {
        (old, new) if old == new => {}
        (Value::Object(old), Value::Object(new)) => {
            for (member, new) in new {
                let Some(old) = old.get(member) else { continue };
                let inner = match name {
                    "" => member.clone(),
                    name => format!("{name}.{member}"),
                };
                differing(&inner, old, new, parts);
            }
        }
        (Value::Array(old), Value::Array(new)) if are_pairs(old, new) => {
            for (old, new) in old.iter().zip(new) {
                differing(&called(name, new), old, new, parts);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            let only = |these: &[Value], others: &[Value]| {
                let rows = these.iter().filter(|it| !others.contains(it));
                rows.map(shown).collect::<Vec<_>>()
            };
            let gone = only(old, new).into_iter().map(|it| format!("- {it}"));
            let come = only(new, old).into_iter().map(|it| format!("+ {it}"));
            parts.extend(gone.chain(come).map(|it| named(name, &it)));
        }
        (Value::Null, _) | (_, Value::Null) if name.is_empty() => {}
        (old, new) => {
            let (old, new) = (shown(old), shown(new));
            parts.push(named(name, &format!("{old} → {new}")));
        }
    }
}

fn named(name: &str, text: &str) -> String {
    if name.is_empty() {
        text.to_owned()
    } else {
        format!("{name}: {text}")
    }
}

/// Policies stand in texts: what is in them is compared.
fn opened(value: &Value) -> Value {
    let text = value.as_str().filter(|it| it.starts_with(['{', '[']));
    let inside = text.and_then(|it| serde_json::from_str(it).ok());
    inside.unwrap_or_else(|| value.clone())
}

/// Whether rows of two lists are about the same things, one by one: structures that share a text.
fn are_pairs(old: &[Value], new: &[Value]) -> bool {
    let shares = |(old, new): (&Value, &Value)| match (old, new) {
        (Value::Object(old), Value::Object(new)) => new
            .iter()
            .any(|(name, value)| value.is_string() && old.get(name) == Some(value)),
        _ => false,
    };
    old.len() == new.len() && !old.is_empty() && old.iter().zip(new).all(shares)
}

/// What a row of a list is called: its shortest text.
fn called(list: &str, row: &Value) -> String {
    let texts = row.as_object().into_iter().flatten();
    let texts = texts.filter_map(|(_, value)| value.as_str());
    let shortest = texts.filter(|it| !it.is_empty()).min_by_key(|it| it.len());
    shortest.map_or_else(|| list.to_owned(), short)
}

/// A value in a line.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) if text.is_empty() => "nothing".to_owned(),
        Value::String(text) => short(text),
        Value::Array(rows) if rows.is_empty() => "none".to_owned(),
        Value::Object(members) if members.values().all(is_plain) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            let members = members.map(|(name, value)| match value {
                Value::String(text) => format!("{name} {text}"),
                other => format!("{name} {other}"),
            });
            short(&members.collect::<Vec<_>>().join(", "))
        }
        other => short(&other.to_string()),
    }
}

fn is_plain(value: &Value) -> bool {
    !(value.is_object() || value.is_array())
}

fn short(text: &str) -> String {
    if text.chars().count() <= VALUE_MAX {
        return text.to_owned();
    }
    let head: String = text.chars().take(VALUE_MAX - 1).collect();
    format!("{head}…")
}

/// An account by name and id, or by id alone.
pub fn account(name: &str, id: &str) -> String {
    match (name, id) {
        ("", id) => id.to_owned(),
        (name, "") => name.to_owned(),
        (name, id) => format!("{name} ({id})"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(old: &Value, new: &Value) -> Vec<String> {
        let step = serde_json::from_value(json!({
            "step": "1", "kind": "put", "outcome": "changed", "old": old, "new": new,
        }));
        change_lines(&step.unwrap())
    }

    #[test]
    fn a_change_is_told_by_what_differs() {
        let long = "x".repeat(200);
        for (old, new, told) in [
            (
                json!({"a": 1, "b": 2}),
                json!({"a": 1, "b": 3}),
                vec!["put: b: 2 → 3"],
            ),
            // what only one of them has is no change
            (
                json!({"id": "p-1", "on": false}),
                json!({"on": true, "name": "n"}),
                vec!["put: on: false → true"],
            ),
            (
                json!(null),
                json!({"on": true, "name": "n"}),
                vec!["put: on true, name n"],
            ),
            (
                json!({"a": {"b": ""}}),
                json!({"a": {"b": "c"}}),
                vec!["put: a.b: nothing → c"],
            ),
            (
                json!(["a", "b"]),
                json!(["b", "c"]),
                vec!["put: - a", "put: + c"],
            ),
            (
                json!({"updates": [{"control": "IAM.6", "standard": "arn:long", "status": "ENABLED"}]}),
                json!({"updates": [{"control": "IAM.6", "standard": "arn:long", "status": "DISABLED"}]}),
                vec!["put: IAM.6.status: ENABLED → DISABLED"],
            ),
            // a policy in a text
            (
                json!({"content": "{\"Version\": 1}"}),
                json!({"content": "{\"Version\": 2}"}),
                vec!["put: content.Version: 1 → 2"],
            ),
            // forms that say nothing of each other
            (json!({"user": 1}), json!({"name": 2}), vec!["put"]),
            (json!("same"), json!("same"), vec!["put"]),
        ] {
            assert_eq!(lines(&old, &new), told, "{old} {new}");
        }
        let [told] = &lines(&json!({"a": long}), &json!({"a": "short"}))[..] else {
            panic!("one line")
        };
        assert!(told.chars().count() < 100, "{told}");
        let (many, none) = ((0..40).collect::<Vec<_>>(), Vec::<u8>::new());
        let told = lines(&json!(many), &json!(none));
        assert_eq!(told.last().unwrap(), "put: and 28 more");
    }

    #[test]
    fn accounts_are_told_by_name_where_it_is_known() {
        assert_eq!(account("shop", "111122223333"), "shop (111122223333)");
        assert_eq!(account("", "111122223333"), "111122223333");
        assert_eq!(account("", ""), "");
    }

    #[test]
    fn what_stands_in_the_way_comes_first_and_nothing_is_counted_that_is_not_there() {
        assert_eq!(totals(&Totals::default(), true), "");
        let mixed = Totals {
            unchanged: 2,
            changed: 3,
            failed: 1,
            ..Totals::default()
        };
        let (planned, done) = (totals(&mixed, true), totals(&mixed, false));
        assert_eq!(planned, "1 failed, 3 would change, 2 as they should be");
        assert_eq!(done, "1 failed, 3 changed, 2 as they should be");
    }

    #[test]
    fn only_what_is_not_done_yet_has_other_words_while_it_is_planned() {
        for end in [
            StepEnd::Unchanged,
            StepEnd::Skipped,
            StepEnd::Blocked,
            StepEnd::Drifted,
            StepEnd::Failed,
        ] {
            assert_eq!(outcome_word(end, true), outcome_word(end, false));
            assert_eq!(outcome_cell(end, true), end.name());
        }
        assert_ne!(
            outcome_word(StepEnd::Changed, true),
            outcome_word(StepEnd::Changed, false)
        );
        assert_eq!(outcome_cell(StepEnd::Changed, false), "changed");
        assert_eq!(outcome_cell(StepEnd::Changed, true), "would change");
    }
}
