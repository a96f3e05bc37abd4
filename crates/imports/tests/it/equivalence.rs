//! Property test: imported rules give AWS TEAM's answers, and the report covers every difference.

use std::collections::BTreeSet;

use hallpass_base::{AccountId, Email, UserId};
use hallpass_imports::team::Release;
use hallpass_imports::{ImportReport, NoteCode};
use hallpass_rules::{Ask, DecisionKind, Directory, Principal, RuleFile, Rules, load};
use proptest::prelude::*;

use crate::company::{ACCOUNTS, PEOPLE, SETS, directory, email, imported, user_id};
use crate::model::{Answer, Tables, tables};

/// Hallpass's answer in the model's terms; a request without possible approvers counts as refused.
fn ours(rules: &Rules, facts: &Directory, ask: &Ask<'_>, person: usize) -> Answer {
    let (user, address) = (UserId::new(user_id(person)).unwrap(), email(person));
    let now = "2026-03-02T10:05:00Z".parse().unwrap();
    let decision = rules.decide(Principal::user(&user, &address), ask, facts, now);
    let hours = decision
        .max_duration
        .map_or(0, |it| u32::try_from(it.as_seconds() / 3600).unwrap());
    match decision.kind {
        DecisionKind::NoStatements | DecisionKind::RequesterNotAllowed => Answer::Refused,
        DecisionKind::ApprovalNotRequired => Answer::Granted { hours },
        DecisionKind::SelfApproval => panic!("self-approval is not possible"),
        DecisionKind::NoApprovers => Answer::Waits {
            hours,
            approvers: BTreeSet::new(),
        },
        DecisionKind::RequiresApproval => {
            let place = |it: &Email| (0..PEOPLE.len()).find(|one| email(*one) == *it).unwrap();
            let approvers: BTreeSet<usize> = decision.approvers.iter().map(place).collect();
            for presser in 0..PEOPLE.len() {
                let (id, at) = (UserId::new(user_id(presser)).unwrap(), email(presser));
                let who = Principal::user(&id, &at);
                let permit = rules
                    .press(who, Principal::user(&user, &address), ask, facts, now)
                    .may_approve();
                assert_eq!(
                    permit.is_ok(),
                    approvers.contains(&presser),
                    "{presser} of {approvers:?}"
                );
            }
            Answer::Waits { hours, approvers }
        }
    }
}

fn is_told(
    tables: &Tables,
    report: &ImportReport,
    code: NoteCode,
    at: (usize, usize, usize),
) -> bool {
    let (person, account, set) = at;
    tables
        .entries_of(person)
        .filter(|entry| Tables::names(entry, account, set))
        .map(|entry| {
            if entry.group {
                crate::company::group_id(entry.holder)
            } else {
                user_id(entry.holder)
            }
        })
        .any(|id| {
            let rows = report.rows.iter().filter(|row| row.id == id);
            rows.flat_map(|row| &row.notes)
                .any(|note| note.code() == code)
        })
}

/// Counts outcomes, to detect a generator that produces too few cases.
#[derive(Debug, Default)]
struct Met {
    refused: u32,
    granted: u32,
    waits: u32,
    nobody: u32,
    shorter: u32,
    fewest: u32,
    approval: u32,
}

impl Met {
    fn shorter_of(&mut self, release: Release) -> NoteCode {
        match release {
            Release::Current => {
                self.shorter += 1;
                NoteCode::LongestOfAll
            }
            Release::BeforeJune2024 => {
                self.fewest += 1;
                NoteCode::Narrower
            }
        }
    }
}

fn compare(tables: &Tables, met: &mut Met) {
    let facts = directory(&tables.members);
    let import = imported(
        &tables.eligibility(),
        &tables.approver_rows(),
        &[tables.settings()],
        tables.release,
        Some(&facts),
    )
    .unwrap();
    let rules = load(&RuleFile::new("rules.toml", import.text.as_str()))
        .unwrap_or_else(|errors| panic!("{errors:?}\n{}", import.text))
        .rules;
    for person in 0..PEOPLE.len() {
        for (account, (id, ..)) in ACCOUNTS.iter().enumerate() {
            for (set, name) in SETS.iter().enumerate() {
                let id = AccountId::new(*id).unwrap();
                let ask = Ask::Account {
                    account: &id,
                    permission_set: name,
                };
                let told = |code| is_told(tables, &import.report, code, (person, account, set));
                let (theirs, ours) = (
                    tables.answer(person, account, set),
                    ours(&rules, &facts, &ask, person),
                );
                let at = || format!("{person} {account} {name}\n{}", import.text);
                let shorter = |ours: u32, theirs: u32, met: &mut Met| {
                    assert!(ours <= theirs, "{ours} {theirs} {}", at());
                    let meant = tables.hours_meant(person, account, set);
                    assert_eq!(ours, meant, "{}", at());
                    if ours < theirs {
                        let code = met.shorter_of(tables.release);
                        assert!(told(code), "{ours} {theirs} {}", at());
                    }
                };
                match (&theirs, &ours) {
                    (Answer::Refused, Answer::Refused) => met.refused += 1,
                    (Answer::Granted { hours }, Answer::Granted { hours: mine }) => {
                        met.granted += 1;
                        shorter(*mine, *hours, met);
                    }
                    (
                        Answer::Waits { hours, approvers },
                        Answer::Waits {
                            hours: mine,
                            approvers: my_approvers,
                        },
                    ) => {
                        met.waits += 1;
                        met.nobody += u32::from(approvers.is_empty());
                        assert_eq!(my_approvers, approvers, "{}", at());
                        shorter(*mine, *hours, met);
                    }
                    // stricter, only for older releases, and reported
                    (Answer::Granted { hours }, Answer::Waits { hours: mine, .. })
                        if tables.release == Release::BeforeJune2024 =>
                    {
                        met.approval += 1;
                        shorter(*mine, *hours, met);
                        assert!(told(NoteCode::ApprovalOfAnyEntry), "{}", at());
                    }
                    _ => panic!("theirs {theirs:?}, ours {ours:?}: {}", at()),
                }
            }
        }
    }
}

const CASES: u32 = 400;

#[test]
fn imported_rules_decide_as_the_tables_do() {
    let mut met = Met::default();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let met_in = std::cell::RefCell::new(&mut met);
    let outcome = runner.run(&tables(), |tables| {
        compare(&tables, &mut met_in.borrow_mut());
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let counts = [
        met.refused,
        met.granted,
        met.waits,
        met.nobody,
        met.shorter,
        met.fewest,
        met.approval,
    ];
    assert!(counts.iter().all(|count| *count > 20), "{met:?}");
}
