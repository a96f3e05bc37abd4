//! AWS TEAM policies: rules never give more than one of the available choices.

use std::collections::BTreeSet;

use hallpass_base::{AccountId, UserId};
use hallpass_imports::team::Release;
use hallpass_imports::{ImportReport, Imported, NoteCode, RowOutcome};
use hallpass_rules::{Ask, DecisionKind, Directory, Principal, RuleFile, Rules, load};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::company::{
    ACCOUNTS, GROUPS, PEOPLE, PROD, SETS, UNITS, approvers, directory, email, entry, group_id,
    set_arn, settings, user_id, with_policies,
};
use crate::model::{Entry, Tables, some, tables};

fn policy(id: &str, more: &Value) -> Value {
    let mut row = json!({
        "id": id, "__typename": "Policies", "ous": [],
        "accounts": [{"name": "payments-prod", "id": "100000000001"}],
        "permissions": [{"name": "Admin", "id": set_arn(0)}],
        "approvalRequired": true, "approverGroupIds": [], "duration": "4",
        "modifiedBy": "boss@acme.example"
    });
    for (key, value) in more.as_object().unwrap() {
        row[key] = value.clone();
    }
    row
}

/// An entry with policies and empty own lists, as the pages write it.
fn by_policies(holder: usize, ids: &Value) -> Value {
    let mut row = entry(&group_id(holder), "Group", &format!("group-{holder}"));
    row["policyIds"] = ids.clone();
    row["accounts"] = json!([]);
    row["permissions"] = json!([]);
    row
}

fn approving(id: &str, groups: &[usize]) -> Value {
    approvers(id, "Group", groups)
}

/// Imports with a known organization; otherwise no permission set is verified.
fn made(entries: &[Value], policies: Option<&[Value]>, approver_rows: &[Value]) -> Imported {
    let facts = directory(&[0; GROUPS]);
    with_policies(
        (entries, policies),
        approver_rows,
        &[settings()],
        Release::Current,
        Some(&facts),
    )
    .unwrap()
}

fn told(report: &ImportReport, table: &str, item: usize) -> (RowOutcome, String) {
    let mut rows = report.rows.iter();
    let row = rows
        .find(|row| row.table == table && row.item == item)
        .unwrap();
    let notes: Vec<String> = row.notes.iter().map(ToString::to_string).collect();
    (row.outcome, notes.join("; "))
}

#[test]
fn no_policies_named_is_an_entry_of_its_own() {
    let plain = entry(&group_id(0), "Group", "group-0");
    let expected = made(std::slice::from_ref(&plain), None, &[]).text;
    for nothing in [Value::Null, json!([])] {
        let mut row = plain.clone();
        row["policyIds"] = nothing.clone();
        // null counts as unset
        row["escalationLevel"] = Value::Null;
        let import = made(&[row], Some(&[]), &[]);
        assert_eq!(import.text, expected, "{nothing}");
        assert_eq!(
            told(&import.report, "Eligibility", 1).0,
            RowOutcome::Moved,
            "{nothing}"
        );
    }
}

#[test]
fn an_entry_of_policies_has_a_rule_for_each_and_its_approvers() {
    let import = made(
        &[by_policies(0, &json!(["prod-admin", "look"]))],
        Some(&[
            policy(
                "prod-admin",
                &json!({"approverGroupIds": [{"id": "leads", "name": "leads"}]}),
            ),
            policy(
                "look",
                &json!({"approvalRequired": false, "duration": "8",
                "permissions": [{"name": "ReadOnly", "id": set_arn(1)}], "ous": [{"id": PROD, "name": "Prod"}], "accounts": []}),
            ),
        ]),
        &[approving("leads", &[1])],
    );
    let rows = import.report.rows.iter();
    let outcomes: Vec<_> = rows
        .map(|row| (row.table, row.outcome, row.rules.len()))
        .collect();
    assert_eq!(
        outcomes,
        [
            // approvers must write a comment there
            ("Settings", RowOutcome::Differs, 1),
            ("Eligibility", RowOutcome::Moved, 2),
            ("Policies", RowOutcome::Moved, 1),
            ("Policies", RowOutcome::Moved, 1),
            ("Approvers", RowOutcome::Moved, 0),
        ],
        "{:?}",
        import.report
    );
    for wanted in [
        "id = \"team-policy-prod-admin\"",
        &format!("approver_groups = [\"{}\"], quorum = 1", group_id(1)),
        "max_duration = \"8h\"\napproval_is_not_required = true",
    ] {
        assert!(import.text.contains(wanted), "{wanted}: {}", import.text);
    }
    assert!(
        !import.text.contains("prefer_longest_duration"),
        "{}",
        import.text
    );
}

#[test]
fn what_of_policies_cannot_be_said_has_no_rule_and_a_note() {
    let leads = json!({"approverGroupIds": [{"id": "leads", "name": "leads"}]});
    let named = json!(["p"]);
    let given = |more: &Value| Some(vec![policy("p", more)]);
    let robot = vec![approvers("leads", "Robot", &[1])];
    let (never, cannot) = (RowOutcome::Differs, RowOutcome::CannotBeSaid);
    let (table, row) = ("add it with `--policies`", "policy `p` is not converted");
    let form = json!({"approverGroupIds": "leads"});
    let unknown = json!({"escalationLevel": 2});
    let open = json!({"approvalRequired": null});
    let rows = [
        ("no table", None, vec![], cannot, table),
        (
            "none",
            Some(vec![]),
            vec![],
            never,
            "policy `p` is left out",
        ),
        ("no approvers", given(&leads), vec![], cannot, row),
        ("unsaid approvers", given(&leads), robot, cannot, row),
        (
            "hours",
            given(&json!({"duration": "0"})),
            vec![],
            cannot,
            row,
        ),
        ("approval", given(&open), vec![], cannot, row),
        ("unknown", given(&unknown), vec![], cannot, row),
        ("another form", given(&form), vec![], cannot, row),
    ];
    for (name, policies, approver_rows, wanted, note) in rows {
        let import = made(
            &[by_policies(0, &named)],
            policies.as_deref(),
            &approver_rows,
        );
        let (outcome, notes) = told(&import.report, "Eligibility", 1);
        assert_eq!(outcome, wanted, "{name}: {notes}");
        assert!(notes.contains(note), "{name}: {notes}");
        assert!(
            !import.text.contains("team-policy"),
            "{name}: {}",
            import.text
        );
    }
}

#[test]
fn lists_beside_policies_and_policies_that_nobody_names_say_nothing() {
    let given = |more: &Value| Some(vec![policy("p", more)]);
    let own = entry(&group_id(0), "Group", "group-0");
    let mut both = own.clone();
    both["policyIds"] = json!(["p"]);
    let import = made(&[both], given(&json!({"duration": "1"})).as_deref(), &[]);
    let (outcome, notes) = told(&import.report, "Eligibility", 1);
    assert_eq!(outcome, RowOutcome::Moved);
    assert!(notes.contains("AWS TEAM uses its policies"), "{notes}");
    assert!(!import.text.contains("team-eligible"), "{}", import.text);
    let import = made(&[], given(&json!({})).as_deref(), &[]);
    assert!(
        told(&import.report, "Policies", 1).1.contains("names it"),
        "{:?}",
        import.report
    );
}

#[test]
fn each_setting_that_is_not_known_is_a_row() {
    let mut row = settings();
    row["allowLegacyEligibility"] = json!(false);
    row["supportContacts"] = json!([{"key": "chat", "value": "#access"}]);
    row["emergencyAccess"] = json!(true);
    row["unset"] = Value::Null;
    let import = with_policies((&[], None), &[], &[row], Release::Current, None).unwrap();
    let found: Vec<_> = { import.report.rows.iter() }
        .map(|row| (row.name.as_str(), row.outcome))
        .collect();
    assert_eq!(
        found,
        [
            ("", RowOutcome::Differs),
            ("emergencyAccess", RowOutcome::CannotBeSaid)
        ]
    );
    let (_, notes) = told(&import.report, "Settings", 1);
    for wanted in ["allowLegacyEligibility", "contacts for support"] {
        assert!(notes.contains(wanted), "{notes}");
    }
    assert_eq!(import.report.cannot_be_said, 1);
}

/// An empty group list uses the approvers of account and unit.
#[derive(Debug, Clone)]
struct PolicyOf {
    offer: Entry,
    groups: Vec<usize>,
}

/// Choices in AWS TEAM: hours, approvers if required, and the policy of those approvers. In
/// Hallpass no approver serves two policies.
type Choices = BTreeSet<(u32, Option<BTreeSet<usize>>, Option<usize>)>;

fn choices(
    tables: &Tables,
    policies: &[PolicyOf],
    named: &[Vec<usize>],
    at: (usize, usize, usize),
) -> Choices {
    let (person, account, set) = at;
    let mut found = Choices::new();
    let holds = |entry: &Entry| {
        if entry.group {
            tables.is_in(person, entry.holder)
        } else {
            entry.holder == person
        }
    };
    let mut own: Vec<&Entry> = Vec::new();
    for (entry, ids) in tables.entries.iter().zip(named) {
        if !holds(entry) {
            continue;
        }
        if ids.is_empty() {
            own.extend(Some(entry).filter(|it| Tables::names(it, account, set)));
        }
        for (id, policy) in ids.iter().map(|id| (*id, &policies[*id])) {
            if !Tables::names(&policy.offer, account, set) {
                continue;
            }
            let members = (0..PEOPLE.len())
                .filter(|one| policy.groups.iter().any(|it| tables.is_in(*one, *it)));
            let approvers = if policy.groups.is_empty() {
                tables.approvers(person, account)
            } else {
                members.filter(|one| *one != person).collect()
            };
            let needed = tables.approval && policy.offer.approval;
            found.insert((
                policy.offer.hours.min(tables.hours),
                needed.then_some(approvers),
                (needed && !policy.groups.is_empty()).then_some(id),
            ));
        }
    }
    if let Some(hours) = own.iter().map(|entry| entry.hours).max() {
        let needed = tables.approval && own.iter().all(|entry| entry.approval);
        let approvers = needed.then(|| tables.approvers(person, account));
        found.insert((hours.min(tables.hours), approvers, None));
    }
    found
}

/// Hallpass's result: hours, and sole approvers if required; `None` if refused.
fn ours(
    rules: &Rules,
    facts: &Directory,
    at: (usize, usize, usize),
) -> Option<(u32, Option<BTreeSet<usize>>)> {
    let (person, account, set) = at;
    let id = AccountId::new(ACCOUNTS[account].0).unwrap();
    let ask = Ask::Account {
        account: &id,
        permission_set: SETS[set],
    };
    let now = "2026-03-02T10:05:00Z".parse().unwrap();
    let who = UserId::new(user_id(person)).unwrap();
    let address = email(person);
    let decision = rules.decide(Principal::user(&who, &address), &ask, facts, now);
    let longest = decision.max_duration;
    let hours = longest.map_or(0, |it| u32::try_from(it.as_seconds() / 3600).unwrap());
    match decision.kind {
        DecisionKind::ApprovalNotRequired => Some((hours, None)),
        DecisionKind::RequiresApproval => {
            let approves = |one: &usize| {
                let (id, at) = (UserId::new(user_id(*one)).unwrap(), email(*one));
                let may = rules
                    .press(
                        Principal::user(&id, &at),
                        Principal::user(&who, &address),
                        &ask,
                        facts,
                        now,
                    )
                    .may_approve();
                may.is_ok() && decision.is_satisfied_by(&BTreeSet::from([id]))
            };
            Some((hours, Some((0..PEOPLE.len()).filter(approves).collect())))
        }
        DecisionKind::NoStatements
        | DecisionKind::RequesterNotAllowed
        | DecisionKind::NoApprovers => None,
        DecisionKind::SelfApproval => panic!("self-approval is not possible"),
    }
}

prop_compose! {
    fn a_policy()(
        accounts in some(ACCOUNTS.len(), 2),
        units in some(UNITS.len(), 1),
        sets in some(SETS.len(), 2),
        approval in any::<bool>(),
        hours in prop::sample::select(vec![1_u32, 2, 8]),
        groups in some(GROUPS, 2),
    ) -> PolicyOf {
        let offer = Entry { group: true, holder: 0, accounts, units, sets, approval, hours };
        PolicyOf { offer, groups }
    }
}

fn policy_rows(policies: &[PolicyOf]) -> Vec<Value> {
    let row = |(at, policy): (usize, &PolicyOf)| {
        let of = |places: &[usize], id: &dyn Fn(usize) -> (String, String)| -> Vec<Value> {
            let ids = places.iter().map(|it| id(*it));
            ids.map(|(id, name)| json!({"id": id, "name": name}))
                .collect()
        };
        let named = |id: &str| (id.to_owned(), id.to_owned());
        policy_row(
            at,
            policy,
            &json!({
                "accounts": of(&policy.offer.accounts, &|it| named(ACCOUNTS[it].0)),
                "ous": of(&policy.offer.units, &|it| named(UNITS[it])),
                "permissions": of(&policy.offer.sets, &|it| (set_arn(it), SETS[it].to_owned())),
                "approverGroupIds": of(&policy.groups, &|it| named(&format!("approve-{it}"))),
            }),
        )
    };
    policies.iter().enumerate().map(row).collect()
}

fn policy_row(at: usize, of: &PolicyOf, lists: &Value) -> Value {
    let mut row = policy(&format!("p-{at}"), lists);
    row["approvalRequired"] = json!(of.offer.approval);
    row["duration"] = json!(of.offer.hours.to_string());
    row
}

/// Compares every answer with the choices; counts users with one choice and with several.
fn compare(tables: &Tables, policies: &[PolicyOf], named: &[Vec<usize>], met: &mut [u32; 3]) {
    let facts = directory(&tables.members);
    let mut rows = tables.eligibility();
    for (row, ids) in rows.iter_mut().zip(named) {
        row["policyIds"] = ids.iter().map(|id| json!(format!("p-{id}"))).collect();
    }
    let mut approver_rows = tables.approver_rows();
    approver_rows.extend((0..GROUPS).map(|it| approving(&format!("approve-{it}"), &[it])));
    let import = with_policies(
        (&rows, Some(&policy_rows(policies))),
        &approver_rows,
        &[tables.settings()],
        Release::Current,
        Some(&facts),
    )
    .unwrap();
    let rules = load(&RuleFile::new("rules.toml", import.text.as_str()))
        .unwrap_or_else(|errors| panic!("{errors:?}\n{}", import.text))
        .rules;
    let is_told = import.report.rows.iter().any(|row| {
        let mut notes = row.notes.iter();
        notes.any(|note| note.code() == NoteCode::Narrower)
    });
    for person in 0..PEOPLE.len() {
        for account in 0..ACCOUNTS.len() {
            for set in 0..SETS.len() {
                let at = (person, account, set);
                let theirs = choices(tables, policies, named, at);
                let ours = ours(&rules, &facts, at);
                let shown = || format!("{at:?}: {theirs:?}, ours {ours:?}\n{}", import.text);
                let covers = |it: &(u32, Option<BTreeSet<usize>>, Option<usize>)| {
                    let Some((hours, approvers)) = &ours else {
                        return true;
                    };
                    *hours <= it.0
                        && match (approvers, &it.1) {
                            (_, None) => true,
                            (None, Some(_)) => false,
                            (Some(ours), Some(theirs)) => ours.is_subset(theirs),
                        }
                };
                assert!(ours.is_none() || theirs.iter().any(covers), "{}", shown());
                let mut only = theirs.iter();
                match (only.next(), only.next()) {
                    (None, _) => {
                        met[0] += 1;
                        assert_eq!(ours, None, "{}", shown());
                    }
                    // refused if no one could approve, as documented
                    (Some((_, Some(nobody), _)), None) if nobody.is_empty() => {
                        assert_eq!(ours, None, "{}", shown());
                    }
                    (Some((hours, approvers, _)), None) => {
                        met[1] += 1;
                        let one = (*hours, approvers.clone());
                        assert_eq!(ours, Some(one), "{}", shown());
                    }
                    (Some(_), Some(_)) => {
                        met[2] += 1;
                        assert!(is_told, "{}", shown());
                    }
                }
            }
        }
    }
}

#[test]
fn rules_of_policies_never_give_more_than_what_people_may_choose() {
    let mut met = [0; 3];
    let met_in = std::cell::RefCell::new(&mut met);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let all = (
        tables(),
        prop::collection::vec(a_policy(), 3),
        prop::collection::vec(some(3, 2), 6),
    );
    let outcome = runner.run(&all, |(mut tables, policies, named)| {
        tables.release = Release::Current;
        let named: Vec<Vec<usize>> = named.into_iter().take(tables.entries.len()).collect();
        compare(&tables, &policies, &named, &mut met_in.borrow_mut());
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(met.iter().all(|count| *count > 20), "{met:?}");
}
