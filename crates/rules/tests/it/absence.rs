//! Delegates of approvers, and rules that add approvers later (`access.md` §27).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, Email, TimeSpan, Timestamp, UserId};
use hallpass_rules::directory::{Group, Person, Snapshot};
use hallpass_rules::{
    Absences, Ask, Away, Decision, Directory, FindingCode, PersonAttributes, PressRefusedByRules,
    Principal, RuleFile, Rules, load,
};
use proptest::prelude::*;

/// Numbered from 1. Ana requests; `out` is disabled.
const PEOPLE: [&str; 7] = ["ana", "bo", "cai", "dee", "eve", "fay", "out"];

const RULES: &str = "
[[rule]]
id = 'admin'
accounts = '*'
permission_sets = 'Admin'
approvers = ['ana@example.com', 'bo@example.com']
approver_groups = ['leads']
except_approvers = ['fay@example.com']
[[rule]]
id = 'own'
accounts = '*'
permission_sets = 'Own'
approvers = ['ana@example.com', 'bo@example.com']
allow_self_approval = true
[[rule]]
id = 'personal'
accounts = '*'
permission_sets = 'Personal'
approvers = ['bo@example.com']
allow_delegated_approval = false
[[rule]]
id = 'later'
accounts = '*'
permission_sets = 'Admin'
permits_requests = false
after_waiting = '2h'
approvers = ['dee@example.com']
";

fn email(name: &str) -> Email {
    Email::new(&format!("{name}@example.com")).unwrap()
}

fn user(name: &str) -> UserId {
    let number = PEOPLE.iter().position(|it| *it == name).unwrap() + 1;
    UserId::new(format!("00000000-0000-4000-8000-{number:012}")).unwrap()
}

fn directory() -> Directory {
    let people = PEOPLE.iter().map(|name| Person {
        user_id: user(name),
        user_name: (*name).to_owned(),
        display_name: String::new(),
        emails: vec![email(name)],
        enabled: *name != "out",
        attributes: PersonAttributes::default(),
    });
    let leads = Group {
        id: "10000000-0000-4000-8000-000000000001".parse().unwrap(),
        name: "leads".to_owned(),
        members: Some([user("cai"), user("out")].into()),
    };
    Directory::new(Snapshot {
        people: people.collect(),
        groups: vec![leads],
        ..Snapshot::default()
    })
}

/// `bo>eve` is away with a delegate, `bo` without one.
fn away(absences: &str) -> Directory {
    let row = |it: &str| {
        let (from, to) = it.split_once('>').map_or((it, None), |(a, b)| (a, Some(b)));
        let delegate = to.map(user);
        (user(from), Away { delegate })
    };
    let absences: Absences = absences.split_whitespace().map(row).collect();
    directory().with_absences(absences)
}

fn rules(text: &str) -> Rules {
    load(&RuleFile::new("rules.toml", text)).unwrap().rules
}

fn now() -> Timestamp {
    "2026-12-01T10:00:00Z".parse().unwrap()
}

fn question<T>(set: &str, with: impl FnOnce(&Ask<'_>) -> T) -> T {
    let account = AccountId::new("111111111111").unwrap();
    with(&Ask::Account {
        account: &account,
        permission_set: set,
    })
}

fn decide(rules: &Rules, set: &str, facts: &Directory) -> Decision {
    let (ana, address) = (user("ana"), email("ana"));
    question(set, |ask| {
        rules.decide(Principal::user(&ana, &address), ask, facts, now())
    })
}

/// `yes`, or `for` the approvers in whose place; else why not.
fn press(rules: &Rules, who: &str, set: &str, facts: &Directory) -> String {
    let (ana, presser) = (user("ana"), user(who));
    let (address, own) = (email("ana"), email(who));
    let (who, whose) = (
        Principal::user(&presser, &own),
        Principal::user(&ana, &address),
    );
    let answer = question(set, |ask| {
        rules.press(who, whose, ask, facts, now()).may_approve()
    });
    match answer {
        Ok(permit) if permit.on_behalf_of.is_empty() => "yes".to_owned(),
        Ok(permit) => {
            let name = |id: &UserId| PEOPLE.into_iter().find(|it| user(it) == *id).unwrap();
            let names: Vec<&str> = permit.on_behalf_of.iter().map(name).collect();
            format!("for-{}", names.join(","))
        }
        Err(PressRefusedByRules::NotListed { .. }) => "not-listed".to_owned(),
        Err(PressRefusedByRules::OwnRequest { .. }) => "own".to_owned(),
        Err(PressRefusedByRules::NotOpen { .. }) => "not-open".to_owned(),
    }
}

/// Who is away, what Ana requests, who approves, the answer.
const PRESSES: &str = "
    -                Admin     eve  not-listed
    bo>eve           Admin     eve  for-bo
    bo               Admin     eve  not-listed
    bo>eve           Admin     bo   yes
    cai>eve          Admin     eve  for-cai
    bo>eve_cai>eve   Admin     eve  for-bo,cai
    bo>cai           Admin     cai  yes
    bo>ana           Admin     ana  own
    ana>eve          Admin     eve  not-listed
    ana>eve          Own       eve  not-listed
    bo>ana           Own       ana  yes
    bo>eve_eve>dee   Admin     dee  not-listed
    bo>fay           Admin     fay  not-listed
    out>eve          Admin     eve  not-listed
    dee>eve          Admin     eve  not-listed
    bo>eve           Personal  eve  not-listed
    bo>eve           Personal  bo   yes
";

#[test]
fn a_delegate_may_do_what_the_approver_may_and_no_more() {
    let rules = rules(RULES);
    for row in hallpass_base::testing::rows::<4>(PRESSES) {
        let [absences, set, who, expected] = row;
        let facts = away(&absences.replace('_', " ").replace('-', ""));
        assert_eq!(press(&rules, who, set, &facts), expected, "{row:?}");
        let listed = { rules.approvable(&email(who), &facts) };
        let is_found = question(set, |ask| listed.covers(ask, &facts));
        let may = expected == "yes" || expected.starts_with("for");
        assert!(is_found || !may, "the list of reviews lacks it: {row:?}");
    }
}

#[test]
fn delegates_are_notified_and_people_who_are_away_are_not() {
    let rules = rules(RULES);
    for (absences, expected) in [
        ("", "bo cai"),
        ("bo>eve", "cai eve"),
        ("bo", "cai"),
        ("bo cai", "bo cai"),
        ("bo>eve cai>eve", "eve"),
    ] {
        let facts = away(absences);
        let decision = decide(&rules, "Admin", &facts);
        let named = |all: BTreeSet<Email>| {
            let names = PEOPLE.into_iter().filter(|it| all.contains(&email(it)));
            names.collect::<Vec<_>>().join(" ")
        };
        let notified = decision.recipients(&facts);
        let without_disabled: BTreeSet<Email> = notified
            .into_iter()
            .filter(|it| *it != email("out"))
            .collect();
        assert_eq!(named(without_disabled), expected, "{absences}");
        let (ana, address) = (user("ana"), email("ana"));
        let waits = question("Admin", |ask| {
            let (whose, nobody) = (Principal::user(&ana, &address), BTreeMap::new());
            rules.outstanding(whose, ask, &facts, (now(), now()), &nobody)
        });
        assert_eq!(named(waits.notify), expected, "{absences}: reminders");
        let eve_helps = waits.users.contains(&user("eve"));
        assert_eq!(eve_helps, expected.contains("eve"), "{absences}");
    }
}

#[test]
fn a_delegate_helps_no_more_once_the_approver_has_approved() {
    let rules = rules(&RULES.replacen("approver_groups", "min_approvals = 2\napprover_groups", 1));
    let facts = away("bo>eve");
    let (ana, address) = (user("ana"), email("ana"));
    for (given, helps) in [("bo", false), ("cai", true)] {
        let given = BTreeMap::from([(user(given), email(given))]);
        let found = question("Admin", |ask| {
            let whose = Principal::user(&ana, &address);
            rules.outstanding(whose, ask, &facts, (now(), now()), &given)
        });
        assert_eq!(found.users.contains(&user("eve")), helps, "{given:?}");
        assert_eq!((found.given, found.needed), (1, 2));
    }
}

#[test]
fn a_rule_with_after_waiting_adds_approvers_then() {
    let rules = rules(RULES);
    for (waited, answer, escalates) in [
        (0, "not-listed", Some("2h")),
        (7_199, "not-listed", Some("2h")),
        (7_200, "yes", None),
    ] {
        let facts = directory().with_waited(TimeSpan::seconds(waited));
        assert_eq!(press(&rules, "dee", "Admin", &facts), answer, "{waited}");
        let decision = decide(&rules, "Admin", &facts);
        let after = decision.escalates_after.map(|it| it.to_string());
        assert_eq!(after.as_deref(), escalates, "{waited}");
        assert_eq!(
            decision.approvers.contains(&email("dee")),
            answer == "yes",
            "{waited}"
        );
    }
}

#[test]
fn after_waiting_only_adds_approvers() {
    let rule = |lines: &str| {
        let head = "[[rule]]\naccounts = '*'\npermission_sets = '*'\nafter_waiting = '1h'\n";
        load(&RuleFile::new("rules.toml", format!("{head}{lines}\n")))
    };
    let adds = "permits_requests = false\napprovers = 'bo@example.com'";
    assert!(rule(adds).is_ok());
    assert!(rule(&format!("{adds}\nallowed_groups = ['leads']\nid = 'x'")).is_ok());
    for lines in [
        "approvers = 'bo@example.com'".to_owned(),
        "permits_requests = false".to_owned(),
        format!("{adds}\nmax_duration = '1h'"),
        format!("{adds}\nmin_approvals = 2"),
        format!("{adds}\nallow_self_approval = true"),
        format!("{adds}\nallow_self_approval = false"),
        format!("{adds}\nbreak_glass = 'bo@example.com'"),
    ] {
        let refused = rule(&lines).expect_err(&lines);
        let codes: Vec<FindingCode> = refused.iter().map(|it| it.code).collect();
        assert_eq!(codes, [FindingCode::BadFlag], "{lines}");
    }
}

const STAGED: &str = "
[[rule]]
accounts = '*'
permission_sets = 'Admin'
approvers = ['fay@example.com']
stages = [{ name = 'one', approvers = ['bo@example.com', 'cai@example.com'], quorum = 1 },
          { name = 'two', approvers = ['cai@example.com', 'dee@example.com'], quorum = 1 }]
min_approvals = 3
";

/// Whether some choice of one role each, own or of one approver who is away, satisfies the rules
/// without absences.
fn can_be_played(
    plain: &Decision,
    delegations: &BTreeMap<&str, &str>,
    given: &[&str],
    played: &mut BTreeSet<UserId>,
) -> bool {
    let Some((who, rest)) = given.split_first() else {
        return plain.is_satisfied_by(played);
    };
    let theirs = delegations.iter().filter(|(_, to)| *to == who);
    let roles = theirs.map(|(from, _)| *from).chain([*who]);
    for role in roles.collect::<BTreeSet<_>>() {
        if played.insert(user(role)) {
            let found = can_be_played(plain, delegations, rest, played);
            played.remove(&user(role));
            if found {
                return true;
            }
        }
    }
    false
}

proptest! {
    /// Approvals of delegates suffice only if each stands for one approver who did not approve.
    #[test]
    fn no_approval_of_a_delegate_counts_beside_that_of_the_approver(
        to in proptest::collection::vec(0_usize..6, 5),
        given in proptest::collection::btree_set(1_usize..6, 0..5),
        which in 0_usize..2,
    ) {
        // bo to fay may each delegate to someone, or to no one
        let pairs = PEOPLE[1..6].iter().zip(&to);
        let delegations: BTreeMap<&str, &str> = pairs
            .filter(|(from, to)| **to != 0 && PEOPLE[**to] != **from)
            .map(|(from, to)| (*from, PEOPLE[*to]))
            .collect();
        let absences: Vec<String> =
            delegations.iter().map(|(from, to)| format!("{from}>{to}")).collect();
        let rules = rules([STAGED, RULES][which]);
        let facts = away(&absences.join(" "));
        let given: Vec<&str> = given.into_iter().map(|it| PEOPLE[it]).collect();
        let counting: Vec<&str> = { given.iter().copied() }
            .filter(|who| !press(&rules, who, "Admin", &facts).starts_with("not"))
            .collect();
        let users: BTreeSet<UserId> = counting.iter().map(|it| user(it)).collect();
        let decision = decide(&rules, "Admin", &facts);
        if decision.is_satisfied_by(&users) && !users.is_empty() {
            let plain = decide(&rules, "Admin", &directory());
            prop_assert!(
                can_be_played(&plain, &delegations, &counting, &mut BTreeSet::new()),
                "{counting:?} with {absences:?}"
            );
        }
    }
}
