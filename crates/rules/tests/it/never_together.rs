//! `[[never_together]]`: reading, warnings, and what conflicts (`access.md` §26). Refusals of requests
//! are tested in `simulation`.

use std::collections::BTreeSet;

use hallpass_base::{AccountId, Email, GroupId, Timestamp, UserId};
use hallpass_rules::directory::{Account, Group, Person, Snapshot};
use hallpass_rules::{
    Directory, FindingCode, HeldBy, Holding, PersonAttributes, RuleFile, Subject, load,
};

const RULE: &str =
    "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@example.com']\n";
const SIDES: &str =
    "sides = [{ accounts = '*', permission_sets = 'Admin' }, { groups = ['auditors'] }]\n";
const EXCEPT: &str = "[[never_together.except]]\nusers = ['ana@example.com']\napproved_by = 'bo@example.com'\nreason = 'night'\nuntil = '2100-01-01T00:00:00Z'\n";

fn file(lines: &str) -> RuleFile {
    RuleFile::new("rules.toml", format!("{RULE}{lines}"))
}

fn one(lines: &str) -> String {
    format!("[[never_together]]\nid = 'c'\n{lines}")
}

#[test]
fn a_constraint_is_read_or_refused_with_its_key() {
    let twice = one(SIDES) + &one(SIDES);
    for (lines, expected) in [
        (one(SIDES), None),
        (one(&format!("{SIDES}{EXCEPT}")), None),
        (
            one(SIDES).replace("id = 'c'\n", ""),
            Some((FindingCode::MissingField, "`id`")),
        ),
        (twice, Some((FindingCode::DuplicateId, "`c`"))),
        (one(""), Some((FindingCode::MissingField, "`sides`"))),
        (
            one("sides = [{ groups = ['a'] }]"),
            Some((FindingCode::MissingField, "not 1")),
        ),
        (
            one("sides = 'a'"),
            Some((FindingCode::BadType, "list of tables")),
        ),
        (
            one("sides = [{ group = ['a'] }, { groups = ['b'] }]"),
            Some((FindingCode::UnknownField, "`group`")),
        ),
        (
            one("sides = [{ accounts = '*' }, { groups = ['b'] }]"),
            Some((FindingCode::MissingField, "`permission_sets`")),
        ),
        (
            one(&format!(
                "{SIDES}{}",
                EXCEPT.replace("reason = 'night'\n", "")
            )),
            Some((FindingCode::MissingField, "`reason`")),
        ),
        (
            one(&format!("{SIDES}{}", EXCEPT.replace("'night'", "' '"))),
            Some((FindingCode::BadText, "empty reason")),
        ),
        (
            one(&format!(
                "{SIDES}{}",
                EXCEPT.replace("2100-01-01T00:00:00Z", "soon")
            )),
            Some((FindingCode::BadTest, "`soon`")),
        ),
    ] {
        match (expected, load(&file(&lines))) {
            (None, Ok(_)) => {}
            (Some((code, words)), Err(errors)) => {
                let has =
                    |it: &hallpass_rules::Diagnostic| it.code == code && it.message.contains(words);
                assert!(errors.iter().any(has), "{lines}: {errors:?}");
            }
            (expected, loaded) => panic!("{lines}: {expected:?}, {:?}", loaded.err()),
        }
    }
}

fn id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn account(number: u32) -> AccountId {
    AccountId::new(format!("{number:012}")).unwrap()
}

fn ana() -> Person {
    Person {
        user_id: UserId::new(id(1)).unwrap(),
        user_name: "ana".to_owned(),
        display_name: String::new(),
        emails: vec![Email::new("ana@example.com").unwrap()],
        enabled: true,
        attributes: PersonAttributes::default(),
    }
}

fn directory() -> Directory {
    let group = |name: &str, number| Group {
        id: GroupId::new(id(number)).unwrap(),
        name: name.to_owned(),
        members: Some(BTreeSet::new()),
    };
    Directory::new(Snapshot {
        accounts: (1..=2)
            .map(|number| Account {
                id: account(number),
                name: format!("account-{number}"),
                email: String::new(),
                active: true,
                ous: Vec::new(),
                tags: std::collections::BTreeMap::new().into(),
            })
            .collect(),
        people: vec![ana()],
        groups: vec![group("auditors", 1), group("leads", 2)],
        ..Snapshot::default()
    })
}

/// A side that names nothing would protect nothing.
#[test]
fn a_side_that_names_nothing_is_a_warning() {
    for (side, words) in [
        ("{ groups = ['auditor'] }", "group named `auditor`"),
        (
            "{ accounts = 'account-9', permission_sets = 'Admin' }",
            "`account-9`",
        ),
        (
            "{ accounts = '000000000009', permission_sets = 'Admin' }",
            "000000000009",
        ),
        ("{ groups = ['auditors'] }", ""),
    ] {
        let lines = one(&format!("sides = [{side}, {{ groups = ['leads'] }}]"));
        let rules = load(&file(&lines)).unwrap().rules;
        let found = rules.check(Some(&directory()));
        let about: Vec<_> = { found.iter() }
            .filter(|it| format!("{it:?}").contains("never_together"))
            .collect();
        if words.is_empty() {
            assert!(about.is_empty(), "{about:?}");
        } else {
            assert!(
                about.iter().any(|it| it.message.contains(words)),
                "{side}: {found:?}"
            );
        }
    }
}

fn sets(number: u32, set: &str) -> Subject {
    Subject::Account {
        account: account(number),
        permission_set: set.to_owned(),
    }
}

/// Every choice of held targets, against the comparison of each pair.
#[test]
fn what_conflicts_is_what_some_pair_says() {
    let lines = one(
        "sides = [{ accounts = '*', permission_sets = ['Admin', 'Both'] }, \
         { accounts = '000000000001', permission_sets = ['Read', 'Both'] }, { groups = ['auditors'] }]",
    );
    let rules = load(&file(&lines)).unwrap().rules;
    let (facts, ana) = (directory(), ana());
    let now: Timestamp = "2026-12-01T10:00:00Z".parse().unwrap();
    let group = |number| Subject::Group {
        group: GroupId::new(id(number)).unwrap(),
    };
    let targets: [(Subject, &[u8]); 7] = [
        (sets(1, "Admin"), &[0]),
        (sets(2, "Admin"), &[0]),
        (sets(1, "Read"), &[1]),
        (sets(2, "Read"), &[]),
        (sets(1, "Both"), &[0, 1]),
        (group(1), &[2]),
        (group(2), &[]),
    ];
    for chosen in 0..1_u32 << targets.len() {
        let held: Vec<_> = { targets.iter().enumerate() }
            .filter(|(at, _)| chosen & (1 << at) != 0)
            .map(|(_, it)| it)
            .collect();
        let has_other = |(target, sides): &&(Subject, &[u8])| {
            held.iter().any(|(other, others)| {
                other != target && sides.iter().any(|one| others.iter().any(|it| it != one))
            })
        };
        let expected: BTreeSet<&Subject> = held
            .iter()
            .copied()
            .filter(has_other)
            .map(|it| &it.0)
            .collect();
        let holdings = held.iter().map(|(target, _)| Holding {
            target: target.clone(),
            by: HeldBy::Standing,
        });
        let found = rules.conflicts_of(&ana, &holdings.collect(), &facts, now);
        let found: BTreeSet<&Subject> = found
            .iter()
            .flat_map(|it| &it.held)
            .map(|it| &it.target)
            .collect();
        assert_eq!(found, expected, "{held:?}");
    }
}
