//! Conversion of standing access: holders may request the same access, and no one else may
//! (`inventory.md` A-17).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_access_files::{
    AccountAssignment, Conversion, LeftOutReason, PermissionSetContent, PrincipalRef,
    ProposedAccounts, ProposedLimits, SeenAccess, SeenSet, convert, export, proposed_rules,
};
use hallpass_base::{AccountId, Email, GroupId, PermissionSetName, Timestamp, UserId};
use hallpass_rules::directory::{Account, Group, OuRef, PermissionSet, Person, Snapshot};
use hallpass_rules::{Ask, DecisionKind, Directory, RuleFile, Rules, Severity, Syntax, load};
use proptest::prelude::*;

use crate::world::{arn_of, assignment, name};

const ACCOUNTS: usize = 7;
const PEOPLE: usize = 6;
const GROUPS: usize = 4;
const SETS: [&str; 4] = ["Audit", "Power+User", "on", "AWSReadOnly"];

fn account(index: usize) -> AccountId {
    AccountId::new(format!("10000000000{index}").as_str()).unwrap()
}

fn user_id(index: usize) -> UserId {
    UserId::new(format!("00000000-0000-0000-0000-00000000000{index}").as_str()).unwrap()
}

fn group_id(index: usize) -> GroupId {
    GroupId::new(format!("00000000-0000-0000-0000-0000000000a{index}").as_str()).unwrap()
}

fn email(index: usize) -> Email {
    Email::new(&format!("p{index}@example.com")).unwrap()
}

/// Nested units, a root account, a suspended account, an approver group, and groups with odd or
/// ambiguous names.
fn directory(members: &[BTreeSet<usize>]) -> Directory {
    let unit = |id: &str, name: &str| OuRef {
        id: format!("ou-ab12-{id}"),
        name: name.to_owned(),
    };
    let (prod, dev, deep) = (
        unit("11111111", "Prod"),
        unit("22222222", "Dev, \"old\""),
        unit("33333333", "Deep"),
    );
    let above = [
        vec![],
        vec![prod.clone()],
        vec![prod.clone()],
        vec![prod, deep],
        vec![dev.clone()],
        vec![dev.clone()],
        vec![dev],
    ];
    let accounts = above.into_iter().enumerate().map(|(index, ous)| Account {
        id: account(index),
        name: format!("account {index}\u{202e}"),
        email: String::new(),
        active: index != 6,
        ous,
        tags: BTreeMap::new().into(),
    });
    let person = |index: usize| Person {
        user_id: user_id(index),
        user_name: format!("p{index}"),
        display_name: String::new(),
        emails: vec![email(index)],
        enabled: true,
        attributes: hallpass_rules::PersonAttributes::default(),
    };
    let names = ["payments", "twins", "Twins", "!odd*"];
    let groups = members.iter().enumerate().map(|(index, members)| Group {
        id: group_id(index),
        name: names[index].to_owned(),
        members: Some(members.iter().map(|it| user_id(*it)).collect()),
    });
    let approvers = Group {
        id: group_id(9),
        name: "approvers".to_owned(),
        members: Some(BTreeSet::from([user_id(7), user_id(8)])),
    };
    Directory::new(Snapshot {
        root_id: "r-ab12".to_owned(),
        accounts: accounts.collect(),
        permission_sets: SETS
            .map(|it| PermissionSet {
                name: it.to_owned(),
                arn: arn_of(&name(it)),
                session_duration: 3600,
                description: String::new(),
            })
            .to_vec(),
        people: (0..PEOPLE).chain([7, 8]).map(person).collect(),
        groups: groups.chain([approvers]).collect(),
        ..Snapshot::default()
    })
}

fn seen(rows: impl IntoIterator<Item = AccountAssignment>) -> SeenAccess {
    let set = |it: &str| {
        let set = SeenSet {
            arn: arn_of(&name(it)),
            content: PermissionSetContent {
                session_seconds: 3600,
                ..PermissionSetContent::default()
            },
            accounts: BTreeSet::new(),
            outdated: BTreeSet::new(),
        };
        (name(it), set)
    };
    SeenAccess {
        sets: SETS.map(set).into_iter().collect(),
        assignments: rows.into_iter().collect(),
        ..SeenAccess::default()
    }
}

fn row(set: &str, place: usize, principal: PrincipalRef) -> AccountAssignment {
    assignment(set, account(place).as_str(), principal)
}

fn user(index: usize) -> PrincipalRef {
    PrincipalRef::User(user_id(index))
}

fn group(index: usize) -> PrincipalRef {
    PrincipalRef::Group(group_id(index))
}

fn rules(conversion: &Conversion, directory: &Directory) -> Rules {
    let limits = ProposedLimits {
        approvers: "approvers".to_owned(),
        max_duration: "4h".parse().unwrap(),
    };
    let text = proposed_rules(conversion, directory, &limits);
    let formatted = hallpass_rules::canonical_toml("rules.toml", &text);
    assert_eq!(formatted.as_ref(), Ok(&text), "as `rules fmt` writes");
    let source = RuleFile {
        name: "rules.toml".to_owned(),
        text: text.clone(),
        syntax: Syntax::Toml,
    };
    let loaded = load(&source).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
    let findings = loaded.rules.check(Some(directory));
    let errors: Vec<_> = findings
        .iter()
        .filter(|it| it.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    loaded.rules
}

fn rows() -> impl Strategy<Value = BTreeSet<AccountAssignment>> {
    let principal = prop_oneof![
        (0..PEOPLE).prop_map(user),
        (0..GROUPS).prop_map(group),
        Just(PrincipalRef::User(user_id(6))),
    ];
    let rows = (prop::sample::select(SETS.to_vec()), 0..ACCOUNTS, principal);
    let rows = rows.prop_map(|(set, place, principal)| row(set, place, principal));
    prop::collection::btree_set(rows, 0..40)
}

fn memberships() -> impl Strategy<Value = Vec<BTreeSet<usize>>> {
    prop::collection::vec(prop::collection::btree_set(0..PEOPLE, 0..4), GROUPS)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_those_who_had_it_may_ask_for_exactly_that(rows in rows(), members in memberships()) {
        let directory = directory(&members);
        let keep = BTreeSet::from([name("on")]);
        let conversion = convert(&seen(rows.clone()), &directory, &keep);
        let rules = rules(&conversion, &directory);
        let now = Timestamp::UNIX_EPOCH;
        for person in (0..PEOPLE).chain([7, 8]) {
            for (place, set) in (0..ACCOUNTS).flat_map(|it| SETS.map(|set| (it, set))) {
                let had = rows.iter().filter(|it| !conversion.left_out.contains_key(it)).any(|it| {
                    let is_theirs = match &it.principal {
                        PrincipalRef::User(user) => *user == user_id(person),
                        PrincipalRef::Group(group) => (0..GROUPS)
                            .any(|it| *group == group_id(it) && members[it].contains(&person)),
                    };
                    is_theirs && it.account == account(place) && it.permission_set == name(set)
                });
                let (account, email) = (account(place), email(person));
                let ask = Ask::Account { account: &account, permission_set: set };
                let decided = rules.decide(&email, &ask, &directory, now).kind;
                prop_assert_eq!(decided == DecisionKind::RequiresApproval, had, "{} {} {}: {:?}", person, place, set, decided);
            }
        }
        prop_assert_eq!(&conversion.remaining.assignments, &conversion.left_out.keys().cloned().collect::<BTreeSet<_>>());
        let told: BTreeSet<&UserId> = conversion.rules.iter().flat_map(|it| it.people.as_ref().unwrap()).collect();
        let able = (0..PEOPLE).filter(|person| (0..ACCOUNTS).any(|place| SETS.iter().any(|set| {
            let (account, email) = (account(place), email(*person));
            let ask = Ask::Account { account: &account, permission_set: set };
            rules.decide(&email, &ask, &directory, now).kind == DecisionKind::RequiresApproval
        })));
        let able: Vec<UserId> = able.map(user_id).collect();
        prop_assert_eq!(told, able.iter().collect());
    }
}

#[test]
fn few_rules_and_units_where_they_are_whole() {
    let members = vec![BTreeSet::from([0, 1]); GROUPS];
    let directory = directory(&members);
    // All of Prod, with two sets and two principals; one account of Dev, which has a suspended one.
    let mut all: Vec<AccountAssignment> = Vec::new();
    for place in 1..4 {
        for set in ["Audit", "Power+User"] {
            all.extend([row(set, place, group(0)), row(set, place, user(3))]);
        }
    }
    all.extend([4, 5].map(|place| row("Audit", place, group(1))));
    let conversion = convert(&seen(all), &directory, &BTreeSet::new());
    let places: Vec<_> = conversion
        .rules
        .iter()
        .map(|it| it.accounts.clone())
        .collect();
    let prod = BTreeSet::from(["ou-ab12-11111111".to_owned()]);
    let dev = BTreeSet::from([account(4), account(5)]);
    let found: BTreeSet<_> = places.into_iter().collect();
    let wanted = [
        ProposedAccounts::Units(prod),
        ProposedAccounts::Accounts(dev),
    ];
    assert_eq!(found, BTreeSet::from(wanted));
    assert_eq!(conversion.rules.len(), 2);
    let text = export(&conversion.remaining, &directory, false).text;
    assert!(text.contains("assignments: []"), "{text}");
}

#[test]
fn what_is_left_as_it_is_has_a_reason() {
    let mut snapshot = directory(&vec![BTreeSet::new(); GROUPS]).snapshot().clone();
    snapshot.people[1].emails.clear();
    "svc-deploy@example.com".clone_into(&mut snapshot.people[2].user_name);
    snapshot.people[3].emails = vec![email(4)];
    let directory = Directory::new(snapshot);
    let table: &[(AccountAssignment, Option<LeftOutReason>)] = &[
        (row("Audit", 1, user(0)), None),
        (row("Audit", 1, group(2)), None),
        (
            row("AWSReadOnly", 1, user(0)),
            Some(LeftOutReason::OwnedByAws),
        ),
        (row("on", 1, user(0)), Some(LeftOutReason::Kept)),
        (
            row("Audit", 6, user(0)),
            Some(LeftOutReason::AccountNotActive),
        ),
        (row("Audit", 1, user(6)), Some(LeftOutReason::PrincipalGone)),
        (
            row("Audit", 1, group(8)),
            Some(LeftOutReason::PrincipalGone),
        ),
        (row("Audit", 1, user(1)), Some(LeftOutReason::NoAddress)),
        (row("Audit", 1, user(3)), Some(LeftOutReason::NoAddress)),
        (row("Audit", 1, user(2)), Some(LeftOutReason::Program)),
    ];
    let keep: BTreeSet<PermissionSetName> = BTreeSet::from([name("on")]);
    let rows = table.iter().map(|(row, _)| row.clone());
    let conversion = convert(&seen(rows), &directory, &keep);
    for (row, expected) in table {
        assert_eq!(conversion.left_out.get(row), expected.as_ref(), "{row:?}");
    }
}
