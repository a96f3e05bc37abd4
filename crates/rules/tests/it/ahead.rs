//! Rules not in force, with a directory lacking some facts.

use hallpass_base::{AccountId, TimeSpan};
use hallpass_rules::{
    Ask, CancelFlag, CheckVerdict, CheckedFile, Compared, Directory, PastRequest, ReadFacts,
    RuleFile, Severity, WhyUnread,
    directory::{AccountTags, Snapshot},
    load,
};

use crate::world::{PAYMENTS_PROD, UNREAD, directory, email, noon, rules, user};

const BASE: &str = "[[rule]]\naccounts = '*'\npermission_sets = 'Admin'\napprovers = ['bo@corp.com', 'dan@corp.com', 'cai@corp.com']\n";

const TEST: &str = "[[test]]\nrequester = 'ana@corp.com'\naccount = 'payments-prod'\npermission_set = 'Admin'\nexpect = 'RequiresApproval'\n";

/// All users known, without groups, attributes or account tags.
fn bare() -> Directory {
    let mut snapshot: Snapshot = directory().snapshot().clone();
    for person in &mut snapshot.people {
        person.attributes = hallpass_rules::PersonAttributes::default();
    }
    for account in &mut snapshot.accounts {
        account.tags = AccountTags::Unread;
    }
    Directory::new(snapshot)
}

fn checked(text: &str, facts: &Directory) -> CheckedFile {
    let read = load(&RuleFile::new("r.toml", text));
    let facts = (facts, &WhyUnread::default());
    CheckedFile::ahead(
        "r.toml",
        &read,
        Some(facts),
        &[],
        noon(),
        &CancelFlag::default(),
    )
}

#[test]
fn an_attribute_is_unread_until_it_was_read_of_everyone() {
    let text = "[[rule]]\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com']\n\
         requester_attributes = { department = 'Payments' }\n";
    let named = rules("r.toml", text).named_facts();
    let mut snapshot: Snapshot = bare().snapshot().clone();
    let attribute = hallpass_rules::PersonAttribute::Department;
    for person in &mut snapshot.people {
        let unread = named.unread_in(&Directory::new(Snapshot {
            people: vec![person.clone()],
            ..Snapshot::default()
        }));
        assert_eq!(unread.attributes, named.attributes);
        person.attributes.read(attribute, None);
    }
    assert!(
        named
            .unread_in(&Directory::new(snapshot))
            .attributes
            .is_empty()
    );
}

/// A cancelled check of a large file costs nothing more.
#[test]
fn a_check_that_is_cancelled_compares_nothing() {
    let odd = "[[rule]]\naccounts = ['no-such-account']\npermission_sets = 'NoSuchSet'\napprovers = ['gone@corp.com']\n";
    let text = format!("{odd}{TEST}");
    let read = load(&RuleFile::new("r.toml", &*text));
    let facts = directory();
    let found = |cancel: &CancelFlag| {
        let facts = Some((&facts, &WhyUnread::default()));
        let checked = CheckedFile::ahead("r.toml", &read, facts, &[], noon(), cancel);
        (checked.findings.len(), checked.tests.len())
    };
    let cancel = CancelFlag::default();
    let (findings, tests) = found(&cancel);
    assert!(findings > 2 && tests == 1, "{findings} {tests}");
    drop(cancel.cancel_on_drop());
    assert_eq!(found(&cancel), (0, 0));
}

fn replayed(text: &str, facts: &Directory) -> Compared {
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let who = email("ana");
    let request = PastRequest {
        requester: (&who).into(),
        ask: &Ask::Account {
            account: &account,
            permission_set: "Admin",
        },
        duration: TimeSpan::hours(1),
        reason: "",
        ticket: None,
        asked_at: noon(),
        starts_at: None,
    };
    rules("r.toml", BASE).compare_with(&rules("r.toml", text), &request, facts)
}

const ROWS: [(&str, &str, &str); 7] = [
    (
        "allowed_groups = ['unread']",
        "the members of group `unread`",
        "unread-group the members of group `unread` were not read",
    ),
    (
        "except_requester_groups = ['unread']",
        "the members of group `unread`",
        "unread-group the members of group `unread` were not read",
    ),
    (
        "except_approver_groups = ['unread']",
        "the members of group `unread`",
        "unread-group the members of group `unread` were not read",
    ),
    (
        "approver_groups = ['unread']\nmin_approvals = 4",
        "the members of group `unread`",
        "unread-group the members of group `unread` were not read",
    ),
    (
        "requester_attributes = { department = 'Payments' }",
        "the department of the requester",
        "unread-attribute the department of 6 of 6 people was not read",
    ),
    (
        "manager_approves = true\nmin_approvals = 4",
        "the manager of the requester",
        "unread-attribute the manager of 6 of 6 people was not read",
    ),
    (
        "account_tags = { env = 'prod' }",
        "the tags of account 100000000001",
        "unread-tags the tags of 4 of 4 accounts were not read",
    ),
];

#[test]
fn what_was_not_read_is_noted_and_what_rests_on_it_is_not_judged() {
    for (line, rests_on, said) in ROWS {
        let text = format!("{BASE}{line}\n");
        let found = checked(&format!("{text}{TEST}"), &bare());
        let notes = found.findings.iter();
        let notes: Vec<String> = notes
            .map(|it| format!("{:?} {} {}", it.severity, it.code, it.message))
            .filter(|it| !it.contains("@corp.com"))
            .collect();
        assert_eq!(notes.len(), 1, "{line}: {notes:?}");
        assert!(notes[0].starts_with(&format!("Note {said}")), "{notes:?}");
        assert!(notes[0].ends_with("judged when the rule is in force"));
        assert_eq!((found.notes, found.tests_failed), (1, 0), "{line}");
        let outcome = serde_json::to_value(&found.tests[0].outcome).unwrap();
        let told = outcome["needs_directory"].as_str().unwrap_or_default();
        assert!(told.contains(rests_on), "{line}: {outcome}");
        let compared = replayed(&text, &bare());
        let not_read: Vec<String> = compared.not_read.iter().map(ToString::to_string).collect();
        assert_eq!(not_read, [rests_on], "{line}");
        assert!(compared.is_news(), "{line}");
    }
}

#[test]
fn a_clean_file_stays_clean_whatever_was_not_read() {
    let text = format!("{BASE}allowed_groups = ['unread']\n").replace("'dan@corp.com', ", "");
    assert_eq!(checked(&text, &bare()).verdict(), CheckVerdict::Clean);
    let read = load(&RuleFile::new("r.toml", &text));
    let counted = CheckedFile::new("r.toml", &read, Some(&bare()), &[], noon());
    assert_eq!(counted.verdict(), CheckVerdict::Warned);
    let warned = |it: &CheckedFile| {
        it.findings
            .iter()
            .all(|it| it.severity == Severity::Warning)
    };
    assert!(warned(&counted));
}

/// Only unread facts are excused: unknown names and failing tests are reported.
#[test]
fn what_is_not_there_is_no_more_unread_than_what_was_read() {
    let text = format!("{BASE}allowed_groups = ['no-such-group']\n");
    let found = checked(&format!("{text}{TEST}"), &bare());
    assert_eq!((found.notes, found.tests_failed), (0, 1));
    assert!(found.warnings > 0);
    let compared = replayed(&text, &bare());
    assert_eq!((compared.not_read.len(), compared.changes.len()), (0, 1));
    let stranger = TEST.replace("ana@", "nobody@");
    let text = format!("{BASE}requester_attributes = {{ department = 'Payments' }}\n{stranger}");
    assert_eq!(checked(&text, &bare()).tests_failed, 1);
    let same = replayed(BASE, &bare());
    assert!(!same.is_news());
}

#[test]
fn what_was_read_for_the_file_counts_and_what_is_known_stays() {
    let (text, known) = (
        format!("{BASE}allowed_groups = ['unread', 'OnCall']\n"),
        directory(),
    );
    let named = rules("r.toml", &text).named_facts();
    let unread = named.unread_in(&known);
    assert_eq!(unread.groups, [UNREAD.parse().unwrap()].into());
    let mut read = ReadFacts::default();
    let bo = [user(2)];
    for group in known.groups() {
        read.members.insert(group.id.clone(), bo.clone().into());
    }
    let filled = known.with(&read);
    assert!(named.unread_in(&filled).is_empty());
    let members = |it: &Directory, group: &str| {
        let group = it.group_by_name(group).unwrap();
        group.members.clone()
    };
    assert_eq!(members(&filled, "unread"), Some(bo.into()));
    assert_eq!(members(&filled, "OnCall"), members(&known, "OnCall"));
}
