//! Tables of the specification played by tests: the decisions of `access.md` §4 match the rules'
//! fixture, and rows of the simulator's referees exist.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::breach::Breach;
use crate::spec::{Spec, is_rule, outside_fences};

pub(crate) const DECISIONS: &str = "docs/spec/access.md";
pub(crate) const FIXTURE: &str = "crates/rules/tests/fixtures/elevator-readme-cases.json";
const REFEREES: &str = "e2e/sim/";

struct AcceptanceRow<'a> {
    line: usize,
    said: (&'a str, Vec<&'a str>, Option<bool>),
}

pub(crate) fn decisions(page: &str, fixture: &str) -> Vec<Breach> {
    let Ok(fixture) = serde_json::from_str::<Value>(fixture) else {
        return vec![Breach::new(FIXTURE, 1, "is not JSON")];
    };
    let mut rows = rows(page);
    let mut findings = Vec::new();
    for case in fixture
        .pointer("/cases")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let id = case
            .pointer("/id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let wanted = expected(case);
        match rows.remove(id) {
            None => findings.push(Breach::new(DECISIONS, 1, format!("lacks the row {id}"))),
            Some(row) if row.said != wanted => {
                let message = format!("row {id} says {:?}, the fixture {wanted:?}", row.said);
                findings.push(Breach::new(DECISIONS, row.line, message));
            }
            Some(_) => {}
        }
    }
    for (id, row) in rows {
        let message = format!("row {id} is played by no test: add it to `{FIXTURE}`");
        findings.push(Breach::new(DECISIONS, row.line, message));
    }
    findings
}

fn rows(page: &str) -> BTreeMap<&str, AcceptanceRow<'_>> {
    let mut found = BTreeMap::new();
    for (index, line) in outside_fences(page) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let said = match cells.as_slice() {
            [id, _, _, _, kind, approvers, _] if id.starts_with('A') => {
                Some((id, kind, approvers, None))
            }
            [id, _, _, kind, approvers, press] if id.starts_with('E') => {
                let may = press
                    .split_once(": ")
                    .map(|(_, may)| may.starts_with("yes"));
                Some((id, kind, approvers, may))
            }
            [id, _, _, kind, approvers] if id.starts_with('G') => Some((id, kind, approvers, None)),
            _ => None,
        };
        if let Some((id, kind, approvers, may)) = said.filter(|(id, ..)| is_rule(id)) {
            let approvers = approvers.split(", ").filter(|it| !it.is_empty()).collect();
            let said = (*kind, approvers, may);
            let line = index + 1;
            found.insert(*id, AcceptanceRow { line, said });
        }
    }
    found
}

fn expected(case: &Value) -> (&str, Vec<&str>, Option<bool>) {
    let kind = match case.pointer("/expect/decision").and_then(Value::as_str) {
        Some("ApprovalNotRequired") => "ANR",
        Some("SelfApproval") => "Self",
        Some("RequiresApproval") => "Req",
        Some("NoApprovers") => "NoA",
        Some("NoStatements") => "NoS",
        other => other.unwrap_or("nothing"),
    };
    let approvers = case.pointer("/expect/approvers").and_then(Value::as_array);
    let names = approvers.into_iter().flatten().filter_map(Value::as_str);
    let names = names.map(|address| match address.split_once('@') {
        Some((name, "corp.com")) => name,
        Some(_) if address == "email@gmail.com" => "e",
        Some(_) | None => address,
    });
    let may = case
        .pointer("/expect/click_permitted")
        .and_then(Value::as_bool);
    (kind, names.collect(), may)
}

/// Finds rows played by a simulator referee but missing in `simulator.md`.
pub(crate) fn played(spec: &Spec, path: &str, text: &str) -> Vec<Breach> {
    let Some(page) = spec
        .page("simulator.md")
        .filter(|_| path.starts_with(REFEREES))
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let row = line.strip_prefix("@row(\"").or(line.strip_prefix("check "));
        let row = row.and_then(|row| row.split([' ', '"']).next());
        let Some(row) = row.filter(|row| is_rule(row)) else {
            continue;
        };
        // a number may have a zero in front
        if !page.has_rule(row) && !page.has_rule(&row.replacen("-0", "-", 1)) {
            let message = format!("plays {row}, which `docs/spec/simulator.md` does not have");
            findings.push(Breach::new(path, index + 1, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURE_TEXT: &str = r#"{"cases": [
        {"id": "A01", "expect": {"decision": "RequiresApproval", "approvers": ["bob@corp.com", "cto@corp.com"]}},
        {"id": "E10", "expect": {"decision": "NoApprovers", "approvers": [], "click_permitted": false}},
        {"id": "G03", "expect": {"decision": "RequiresApproval", "approvers": ["email@gmail.com"]}}]}"#;
    const PAGE: &str = "| id | a |\n|---|---|\n| A01 | dev | dev | ReadOnly | Req | bob, cto | why |\n\
        | E10 | a, b | a | NoA | | a: no (the original: yes) |\n| G03 | dev | 1 | Req | e |\n";

    fn found(page: &str) -> Vec<String> {
        let all = decisions(page, FIXTURE_TEXT);
        all.iter()
            .map(|it| format!("{}: {}", it.line, it.message))
            .collect()
    }

    #[test]
    fn tables_of_decisions_agree_with_what_the_rules_are_held_to() {
        assert_eq!(found(PAGE), Vec::<String>::new());
        for (from, to, expected) in [
            ("Req | bob, cto", "Self | bob, cto", "3: row A01 says"),
            ("bob, cto", "cto", "3: row A01 says"),
            ("a: no", "a: yes", "4: row E10 says"),
            ("| a: no (the original: yes) |", "| |", "4: row E10 says"),
            ("| G03 | dev | 1 | Req | e |", "", "1: lacks the row G03"),
            (
                "| Req | e |",
                "| Req | e |\n| G04 | e | 1 | Self | |",
                "6: row G04 is played by no test",
            ),
        ] {
            let found = found(&PAGE.replace(from, to));
            assert_eq!(found.len(), 1, "{to}: {found:?}");
            assert!(found[0].starts_with(expected), "{to}: {found:?}");
        }
    }

    #[test]
    fn rows_that_a_referee_plays_are_in_the_specification() {
        let mut spec = Spec::default();
        let page = "- K-1 the API\n\n| W-01 W-02 | x |\n| L-01 | y |\n";
        assert_eq!(spec.add("docs/spec/simulator.md", page), []);
        let text = "@row(\"W-02\")\n@row(\"K-01 errors\")\ncheck L-01 0 x\n@row(\"W-03\")\ncheck L-09 0\ncheck() {\n";
        let lines =
            |path| -> Vec<usize> { played(&spec, path, text).iter().map(|it| it.line).collect() };
        assert_eq!(lines("e2e/sim/a.py"), [4, 5]);
        assert_eq!(lines("e2e/other.py"), [0; 0]);
    }
}
