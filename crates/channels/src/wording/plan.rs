//! Texts of plans: states and target outcomes.

use hallpass_plans::{PlanState, StepEnd, StepReport, Totals};
use serde_json::Value;

/// Members that identify a list row, most specific first.
const IDENTITIES: [&str; 7] = ["id", "name", "control", "key", "account", "arn", "standard"];

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

/// Returns an outcome's table cell: its `--output json` name, except for predicted changes.
pub const fn outcome_cell(end: StepEnd, is_planned: bool) -> &'static str {
    match end {
        StepEnd::Changed if is_planned => "would change",
        other => other.name(),
    }
}

/// Counts targets by outcome: "3 would change, 2 as they should be"; empty without any.
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

/// Lists a step's changes, a line per part: `reason: not used → moved`; new parts with their value,
/// or only the step's kind. Complete, because it is confirmed.
pub fn change_lines(step: &StepReport) -> Vec<String> {
    between(&step.kind, &step.old, &step.new)
}

/// The same for two forms of a kind.
pub fn between(kind: &str, old: &Value, new: &Value) -> Vec<String> {
    let mut parts = Vec::new();
    match (old, put_back(old, new)) {
        (Value::Null, Value::Null) => {}
        (Value::Null, new) => one_sided("", Side::Added, new, &mut parts),
        (old, Value::Null) => one_sided("", Side::Removed, old, &mut parts),
        (old, new) => differing("", old, new, &mut parts),
    }
    if parts.is_empty() {
        return vec![kind.to_owned()];
    }
    let lines = parts.into_iter();
    lines.map(|part| format!("{kind}: {part}")).collect()
}

/// Returns a wish's resulting form: restoring wishes hold it as `old`.
fn put_back<'a>(old: &Value, new: &'a Value) -> &'a Value {
    let back = new.get("old").filter(|it| !it.is_null());
    back.filter(|_| old.get("old").is_none()).unwrap_or(new)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Added,
    Removed,
}

impl Side {
    const fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
        }
    }
}

/// Compares two forms. At the top level only common members count: others belong to the request or
/// the service. Deeper, one-sided members are changes.
fn differing(name: &str, old: &Value, new: &Value, parts: &mut Vec<String>) {
    match (&opened(old), &opened(new)) {
        (old, new) if old == new => {}
        (Value::Null, new) => one_sided(name, Side::Added, new, parts),
        (old, Value::Null) => one_sided(name, Side::Removed, old, parts),
        (Value::Object(old), Value::Object(new)) => {
            let is_nested = !name.is_empty();
            for (member, new) in new {
                let inner = inside(name, member);
                match old.get(member) {
                    Some(old) => differing(&inner, old, new, parts),
                    None if is_nested => one_sided(&inner, Side::Added, new, parts),
                    None => {}
                }
            }
            let gone = old.iter().filter(|(member, _)| !new.contains_key(*member));
            for (member, old) in gone.filter(|_| is_nested) {
                one_sided(&inside(name, member), Side::Removed, old, parts);
            }
        }
        (Value::Array(old), Value::Array(new)) => rows_differing(name, old, new, parts),
        (old, new) => {
            let (old, new) = (shown(old), shown(new));
            parts.push(named(name, &format!("{old} → {new}")));
        }
    }
}

/// Compares rows with the same identity; others were added or removed.
fn rows_differing(name: &str, old: &[Value], new: &[Value], parts: &mut Vec<String>) {
    let is_unnamed = |it: &Value| it.is_object() && identity(it).is_empty();
    if old.len() == new.len() && old.iter().chain(new).all(is_unnamed) {
        for (at, (old, new)) in (1..).zip(old.iter().zip(new)) {
            differing(&format!("{name}[{at}]"), old, new, parts);
        }
        return;
    }
    let same = |rows: &[Value], wanted: &Value| {
        let wanted = identity(wanted);
        let mut found = rows
            .iter()
            .filter(|it| !wanted.is_empty() && identity(it) == wanted);
        match (found.next(), found.next()) {
            (Some(one), None) => Some(one.clone()),
            _ => None,
        }
    };
    let mut pairs = Vec::new();
    for row in old.iter().filter(|it| !new.contains(it)) {
        match same(new, row).filter(|_| same(old, row).is_some()) {
            Some(other) => pairs.push((row, other)),
            None => one_sided_row(name, Side::Removed, row, parts),
        }
    }
    for (old, new) in &pairs {
        let short = called(new);
        let is_shared = pairs.iter().filter(|(_, it)| called(it) == short).count() > 1;
        let row = if is_shared {
            identity(new).join(" ")
        } else {
            short
        };
        differing(&row, old, new, parts);
    }
    for row in new.iter().filter(|it| !old.contains(it)) {
        if !pairs.iter().any(|(_, it)| it == row) {
            one_sided_row(name, Side::Added, row, parts);
        }
    }
}

fn one_sided(name: &str, side: Side, value: &Value, parts: &mut Vec<String>) {
    match &opened(value) {
        Value::Null => {}
        Value::Object(members) if !members.values().all(is_plain) => {
            let is_nested = |value: &Value| !is_plain(&opened(value));
            let plain = members.iter().filter(|(_, value)| !is_nested(value));
            let plain: serde_json::Map<String, Value> = plain
                .map(|(it, value)| (it.clone(), value.clone()))
                .collect();
            if !plain.is_empty() {
                one_sided(name, side, &Value::Object(plain), parts);
            }
            for (member, value) in members.iter().filter(|(_, value)| is_nested(value)) {
                one_sided(&inside(name, member), side, value, parts);
            }
        }
        Value::Array(rows) if !rows.is_empty() => {
            for row in rows {
                one_sided_row(name, side, row, parts);
            }
        }
        value if name.is_empty() && side == Side::Added => parts.push(shown(value)),
        value if name.is_empty() => parts.push(format!("{} → nothing", shown(value))),
        value => one_sided_row(name, side, value, parts),
    }
}

fn one_sided_row(name: &str, side: Side, row: &Value, parts: &mut Vec<String>) {
    parts.push(named(name, &format!("{} {}", side.sign(), shown(row))));
}

fn inside(name: &str, member: &str) -> String {
    if name.is_empty() {
        member.to_owned()
    } else {
        format!("{name}.{member}")
    }
}

fn named(name: &str, text: &str) -> String {
    if name.is_empty() {
        text.to_owned()
    } else {
        format!("{name}: {text}")
    }
}

/// Parses policies in texts, to compare their content.
fn opened(value: &Value) -> Value {
    let text = value.as_str().filter(|it| it.starts_with(['{', '[']));
    let inside = text.and_then(|it| serde_json::from_str(it).ok());
    inside.unwrap_or_else(|| value.clone())
}

fn identity(row: &Value) -> Vec<String> {
    let texts = row.as_object().into_iter().flatten();
    let ranked = texts.filter_map(|(name, value)| {
        let text = value.as_str().filter(|it| !it.is_empty())?;
        let name = name.to_ascii_lowercase();
        let rank = IDENTITIES.iter().position(|it| name.ends_with(it))?;
        Some((rank, text.to_owned()))
    });
    let mut ranked: Vec<(usize, String)> = ranked.collect();
    ranked.sort();
    ranked.into_iter().map(|(_, text)| text).collect()
}

fn called(row: &Value) -> String {
    identity(row).into_iter().next().unwrap_or_default()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) if text.is_empty() => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(rows) if rows.is_empty() => "none".to_owned(),
        Value::Object(members) if members.values().all(is_plain) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            let members = members.map(|(name, value)| match value {
                Value::String(text) => format!("{name} {text}"),
                other => format!("{name} {other}"),
            });
            members.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn is_plain(value: &Value) -> bool {
    !(value.is_object() || value.is_array())
}

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
        for (old, new, told) in [
            (
                json!({"a": 1, "b": 2}),
                json!({"a": 1, "b": 3}),
                vec!["put: b: 2 → 3"],
            ),
            // one-sided top-level members are no change
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
                json!(null),
                json!({"action": "a", "old": {"rules": [{"id": "r-1", "cidr": "0.0.0.0/0"}]}}),
                vec!["put: rules: + id r-1, cidr 0.0.0.0/0"],
            ),
            (
                json!({"on": true}),
                json!({"action": "a", "old": {"on": false}}),
                vec!["put: on: true → false"],
            ),
            // forms without common members
            (json!({"user": 1}), json!({"name": 2}), vec!["put"]),
            (json!("same"), json!("same"), vec!["put"]),
        ] {
            assert_eq!(lines(&old, &new), told, "{old} {new}");
        }
        // nothing is cut, however long
        let long = "x".repeat(200);
        let told = lines(
            &json!({"a": format!("{long}1")}),
            &json!({"a": format!("{long}2")}),
        );
        assert_eq!(told, [format!("put: a: {long}1 → {long}2")]);
        let (many, none) = ((0..40).collect::<Vec<_>>(), Vec::<u8>::new());
        assert_eq!(lines(&json!(many), &json!(none)).len(), 40);
    }

    #[test]
    fn rows_of_lists_are_told_by_what_they_are_about() {
        let control = |standard: &str, status: &str, reason: Option<&str>| {
            let mut row = json!({
                "AssociationStatus": status, "SecurityControlId": "IAM.6", "StandardsArn": standard,
            });
            if let Some(reason) = reason {
                row["UpdatedReason"] = json!(reason);
            }
            row
        };
        for (old, new, told) in [
            // the control, without its reason
            (
                json!({"updates": [control("arn:long", "ENABLED", None)]}),
                json!({"updates": [control("arn:long", "DISABLED", Some("x"))]}),
                vec![
                    "put: IAM.6.AssociationStatus: ENABLED → DISABLED",
                    "put: IAM.6.UpdatedReason: + x",
                ],
            ),
            (
                json!({"updates": [control("arn:1", "ENABLED", None), control("arn:2", "ENABLED", None)]}),
                json!({"updates": [control("arn:2", "DISABLED", None), control("arn:1", "DISABLED", None)]}),
                vec![
                    "put: IAM.6 arn:1.AssociationStatus: ENABLED → DISABLED",
                    "put: IAM.6 arn:2.AssociationStatus: ENABLED → DISABLED",
                ],
            ),
            // added rows have a line each
            (
                json!(null),
                json!({"named": [{"name": "IAM.6", "status": "DISABLED"}, {"name": "S3.7", "status": "ENABLED"}], "on": true}),
                vec![
                    "put: on true",
                    "put: named: + name IAM.6, status DISABLED",
                    "put: named: + name S3.7, status ENABLED",
                ],
            ),
        ] {
            assert_eq!(lines(&old, &new), told, "{old} {new}");
        }
    }

    #[test]
    fn policies_are_compared_inside_with_what_only_one_has() {
        let policy = |statements: Value| json!({ "content": json!({ "Statement": statements }).to_string() });
        let with_mfa =
            json!({"Action": "*", "Condition": {"Bool": {"mfa": "true"}}, "Effect": "Allow"});
        for (old, new, told) in [
            // a policy in a text, and a one-sided member
            (
                json!({"content": "{\"Version\": 1}"}),
                json!({"content": "{\"Version\": 2}"}),
                vec!["put: content.Version: 1 → 2"],
            ),
            (
                policy(json!([with_mfa])),
                policy(json!([{"Action": "*", "Effect": "Allow"}])),
                vec!["put: content.Statement[1].Condition.Bool: - mfa true"],
            ),
            (
                policy(json!([{"Sid": "a", "Action": "*"}, {"Sid": "b", "Action": "x"}])),
                policy(json!([{"Sid": "b", "Action": "y"}])),
                vec![
                    "put: content.Statement: - Sid a, Action *",
                    "put: b.Action: x → y",
                ],
            ),
        ] {
            assert_eq!(lines(&old, &new), told, "{old} {new}");
        }
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
