//! Rules that name who is on call (`access.md` §24).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, Email, Timestamp, UserId};
use hallpass_rules::directory::{Group, Person, Snapshot};
use hallpass_rules::{
    Ask, Decision, DecisionKind, Directory, FindingCode, OnCallFact, OnCallList, Principal,
    RequestBlocker, RuleFile, Rules, load,
};

const RULES: &str = r#"
[[rule]]
id = "engineers"
accounts = "*"
permission_sets = "ReadOnly"
allowed_groups = ["engineers"]
approver_groups = ["leads"]

[[rule]]
id = "on-call"
accounts = "*"
permission_sets = "ReadOnly"
allowed_groups = ["on-call:payments"]
approval_is_not_required = true
max_duration = "1h"

[[rule]]
id = "night"
accounts = "*"
permission_sets = "Billing"
approver_groups = ["On-Call:Leads"]
"#;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn email(name: &str) -> Email {
    Email::new(&format!("{name}@example.com")).unwrap()
}

fn user(number: u32) -> UserId {
    UserId::new(format!("00000000-0000-4000-8000-{number:012}")).unwrap()
}

const PEOPLE: [&str; 4] = ["ana", "bo", "lead", "other"];

fn directory() -> Directory {
    let people = PEOPLE.iter().zip(1..).map(|(name, number)| Person {
        user_id: user(number),
        user_name: (*name).to_owned(),
        display_name: String::new(),
        emails: vec![email(name)],
        enabled: true,
        attributes: hallpass_rules::PersonAttributes::default(),
    });
    let group = |name: &str, number: u32, members: &[u32]| Group {
        id: format!("10000000-0000-4000-8000-{number:012}")
            .parse()
            .unwrap(),
        name: name.to_owned(),
        members: Some(members.iter().map(|number| user(*number)).collect()),
    };
    Directory::new(Snapshot {
        people: people.collect(),
        groups: vec![group("engineers", 1, &[1, 2]), group("leads", 2, &[3])],
        ..Snapshot::default()
    })
}

fn list(people: &[u32]) -> OnCallList {
    OnCallList::Read {
        at: at("2026-12-01T10:00:00Z"),
        people: people.iter().map(|number| user(*number)).collect(),
    }
}

fn unread() -> OnCallList {
    OnCallList::Unread {
        why: "HTTP 503".to_owned(),
    }
}

fn with(lists: &[(&str, OnCallList)]) -> Directory {
    let lists = lists.iter();
    let lists = lists.map(|(name, list)| (format!("on-call:{name}"), list.clone()));
    directory().with_on_call(lists.collect())
}

fn rules(text: &str) -> Rules {
    let loaded = load(&RuleFile::new("rules.toml", text));
    loaded.expect("rules without errors").rules
}

fn decide(rules: &Rules, number: u32, set: &str, facts: &Directory) -> Decision {
    let account = AccountId::new("111111111111").unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: set,
    };
    let (user, email) = (user(number), email("whoever"));
    rules.decide(
        Principal::user(&user, &email),
        &ask,
        facts,
        at("2026-12-01T10:00:03Z"),
    )
}

/// Who asks for what; who is on call in `payments` and in `leads` (`?`: unread, `!`: not configured).
const DECISIONS: &str = "
    1  ReadOnly  1    -    ApprovalNotRequired
    2  ReadOnly  1    -    RequiresApproval
    1  ReadOnly  -    -    RequiresApproval
    1  ReadOnly  ?    -    RequiresApproval
    4  ReadOnly  ?    -    RequesterNotAllowed
    4  ReadOnly  1    -    RequesterNotAllowed
    4  ReadOnly  4    -    ApprovalNotRequired
    4  ReadOnly  !    4    RequesterNotAllowed
    1  ReadOnly  !    4    RequiresApproval
    1  Billing   -    3    RequiresApproval
    1  Billing   -    1    NoApprovers
    1  Billing   -    ?    NoApprovers
";

#[test]
fn a_list_decides_like_a_group_and_fails_closed() {
    let rules = rules(RULES);
    for row in hallpass_base::testing::rows::<5>(DECISIONS) {
        let [number, set, payments, leads, kind] = row;
        let mut lists = Vec::new();
        for (name, people) in [("payments", payments), ("leads", leads)] {
            match people {
                "!" => {}
                "?" => lists.push((name, unread())),
                "" => lists.push((name, list(&[]))),
                one => lists.push((name, list(&[one.parse().unwrap()]))),
            }
        }
        let decision = decide(&rules, number.parse().unwrap(), set, &with(&lists));
        assert_eq!(decision.kind.as_str(), kind, "{row:?}");
    }
}

#[test]
fn a_decision_says_what_the_lists_said_and_what_could_not_be_read() {
    let rules = rules(RULES);
    let fact = |on_call| OnCallFact {
        list: "on-call:payments".to_owned(),
        read_at: at("2026-12-01T10:00:00Z"),
        on_call,
    };
    let on = decide(&rules, 1, "ReadOnly", &with(&[("payments", list(&[1]))]));
    assert_eq!(on.on_call, BTreeSet::from([fact(true)]));
    let off = decide(&rules, 4, "ReadOnly", &with(&[("payments", list(&[1]))]));
    assert_eq!(off.on_call, BTreeSet::from([fact(false)]));
    let blockers = &off.not_asking;
    assert!(
        { blockers.iter() }.any(|it| matches!(it, RequestBlocker::NotOnCall { lists, .. }
            if *lists == ["on-call:payments"])),
        "{blockers:?}"
    );
    let down = decide(&rules, 4, "ReadOnly", &with(&[("payments", unread())]));
    assert!(down.on_call.is_empty());
    assert_eq!(
        down.unread,
        ["who is on call in `on-call:payments` could not be read: HTTP 503"]
    );
    assert!(decide(&rules, 1, "Billing", &with(&[])).approvers_on_call);
    assert!(!on.approvers_on_call);
}

#[test]
fn facts_of_another_time_are_decided_as_then() {
    let rules = rules(RULES);
    let today = with(&[("payments", list(&[2]))]);
    let fact = |on_call| OnCallFact {
        list: "on-call:payments".to_owned(),
        read_at: at("2026-11-01T10:00:00Z"),
        on_call,
    };
    for (number, facts, kind) in [
        (1, vec![fact(true)], DecisionKind::ApprovalNotRequired),
        (2, vec![fact(false)], DecisionKind::RequiresApproval),
        (2, vec![], DecisionKind::ApprovalNotRequired),
    ] {
        let then = today.with_on_call_facts(&user(number), &facts);
        assert_eq!(
            decide(&rules, number, "ReadOnly", &then).kind,
            kind,
            "{facts:?}"
        );
    }
}

#[test]
fn a_file_names_lists_for_people_and_not_as_targets() {
    let text = "[[rule]]\ngroups = [\"on-call:payments\"]\napprovers = [\"a@example.com\"]\n";
    let errors = load(&RuleFile::new("rules.toml", text)).unwrap_err();
    let codes: Vec<_> = errors.iter().map(|it| it.code).collect();
    assert!(codes.contains(&FindingCode::BadResource), "{codes:?}");
    let unknown = |lists: &[(&str, OnCallList)]| {
        let facts = with(lists);
        let found = rules(RULES).check(Some(&facts));
        let found = found
            .into_iter()
            .filter(|it| it.message.contains("on-call:"));
        found.map(|it| it.message).collect::<BTreeSet<_>>()
    };
    assert_eq!(
        unknown(&[("leads", list(&[]))]),
        BTreeSet::from([
            "there is no on-call list `on-call:payments` in the configuration".to_owned()
        ])
    );
    assert_eq!(
        unknown(&[("leads", list(&[])), ("payments", list(&[]))]),
        BTreeSet::new()
    );
}

#[test]
fn a_test_of_the_file_says_who_is_on_call() {
    let test = r#"
[[test]]
name = "on call"
requester = "ana@example.com"
account = "111111111111"
permission_set = "ReadOnly"
members = { "on-call:payments" = ["ana@example.com"] }
expect = "ApprovalNotRequired"

[[test]]
name = "off call"
requester = "ana@example.com"
account = "111111111111"
permission_set = "ReadOnly"
members = { engineers = ["ana@example.com"], leads = ["lead@example.com"] }
expect = "RequiresApproval"
"#;
    let rules = rules(&format!("{RULES}{test}"));
    let results = rules.run_tests(None, at("2026-12-01T10:00:00Z"));
    let failed: BTreeMap<_, _> = { results.iter() }
        .filter(|it| it.outcome != hallpass_rules::RuleTestOutcome::Passed)
        .map(|it| (&it.name, &it.outcome))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}
