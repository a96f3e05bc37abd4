//! Documentation examples of other tools, reworded (`testdata/published`): row results, and
//! decisions of the imported rules as documented.

mod elevator;
mod team;

use std::path::Path;

use hallpass_base::{AccountId, Email, GroupId};
use hallpass_imports::{Imported, SourceFile};
use hallpass_rules::{Ask, DecisionKind, Directory, Rules};

use crate::company::ACCOUNTS;

fn published(path: &str) -> SourceFile {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/published");
    let bytes = std::fs::read(folder.join(path)).unwrap_or_else(|why| panic!("{path}: {why}"));
    let name = path.rsplit('/').next().unwrap().to_owned();
    SourceFile { name, bytes }
}

fn text_of(path: &str) -> String {
    String::from_utf8(published(path).bytes).unwrap()
}

/// Compares row results: table, name or id, outcome. Reports all differences.
fn check_rows(import: &Imported, wanted: &[&str]) {
    let rows = import.report.rows.iter().map(|row| {
        let called = if row.name.is_empty() {
            &row.id
        } else {
            &row.name
        };
        format!("{} {called}: {}", row.table, row.outcome.words())
    });
    let found: Vec<String> = rows.collect();
    let notes = import.report.rows.iter().map(|row| &row.notes);
    assert_eq!(found, wanted, "{:#?}", notes.collect::<Vec<_>>());
}

/// Requests and the rules' decisions. Format: `ana Admin payments-prod`, an account by name or id,
/// or `ana group ID`.
fn check_asks(rules: &Rules, facts: &Directory, asks: &[(&str, &str)]) {
    let differs = |(ask, wanted): &(&str, &str)| {
        let found = said(rules, facts, ask);
        (found != *wanted).then(|| format!("{ask}: {found}, not {wanted}"))
    };
    let wrong: Vec<String> = asks.iter().filter_map(differs).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn said(rules: &Rules, facts: &Directory, ask: &str) -> String {
    let words: Vec<&str> = ask.split(' ').collect();
    let [who, what, place] = words.as_slice() else {
        panic!("{ask}");
    };
    let who = Email::new(&format!("{who}@acme.example")).unwrap();
    let now = "2026-03-02T10:05:00Z".parse().unwrap();
    let decision = if *what == "group" {
        let group = GroupId::new(*place).unwrap();
        rules.decide(&who, &Ask::Group { group: &group }, facts, now)
    } else {
        let named = ACCOUNTS.iter().find(|(_, name, _)| name == place);
        let account = AccountId::new(named.map_or(*place, |it| it.0)).unwrap();
        let ask = Ask::Account {
            account: &account,
            permission_set: what,
        };
        rules.decide(&who, &ask, facts, now)
    };
    let answer = match decision.kind {
        DecisionKind::NoStatements | DecisionKind::RequesterNotAllowed => {
            return "not allowed".to_owned();
        }
        DecisionKind::NoApprovers => return "no approver".to_owned(),
        DecisionKind::ApprovalNotRequired => "immediately".to_owned(),
        DecisionKind::SelfApproval => "approves it themselves".to_owned(),
        DecisionKind::RequiresApproval => {
            let local = |it: &Email| it.as_str().split('@').next().unwrap().to_owned();
            let approvers: Vec<String> = decision.approvers.iter().map(local).collect();
            format!("{} of {}", decision.approvals_needed, approvers.join(" "))
        }
    };
    let time = decision.max_duration.map(|it| format!(", {it}"));
    let ticket = (!decision.ticket_patterns.is_empty()).then_some(", with a ticket");
    format!(
        "{answer}{}{}",
        time.unwrap_or_default(),
        ticket.unwrap_or_default()
    )
}
