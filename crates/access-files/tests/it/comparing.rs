//! Differences: `inventory.md` A-3 to A-6, A-10, A-11, A-13.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_access_files::{
    AccessDiff, AccessRefusal, CallerSession, DriftKind, PermissionSetContent, SeenAccess, SeenSet,
    compare, drift, last_access, refusals,
};
use hallpass_base::UserId;
use serde_json::json;

use crate::world::{
    ALICE, DEV, FRANK, MANAGEMENT, PROD, SECOPS, TEST, account, arn_of, assignment, directory,
    group, name, user, wanted,
};

pub(crate) const WALK: &str = r"
version: 1
permission_sets:
  PowerUser: {managed_policies: [PowerUserAccess], session_duration: PT4H}
  Audit: {managed_policies: [SecurityAudit]}
  Ec2S3: {managed_policies: [AmazonEC2FullAccess, AmazonS3FullAccess]}
assignments:
  - {permission_sets: [PowerUser], users: [frank@example.test], accounts: [ExampleOrgTest]}
  - {permission_sets: [Audit], users: [frank@example.test], accounts: [ExampleOrgDev]}
  - {permission_sets: [Ec2S3], users: [alice@example.test], accounts: [ExampleOrgDev]}
";

fn seen(sets: &[&str], who: &[(&str, &str, &str)]) -> SeenAccess {
    let mut seen = SeenAccess::default();
    for set in sets {
        let content = PermissionSetContent {
            session_seconds: 3600,
            ..PermissionSetContent::default()
        };
        let accounts = who
            .iter()
            .filter(|row| row.0 == *set)
            .map(|row| account(row.1));
        let there = SeenSet {
            arn: arn_of(&name(set)),
            content,
            accounts: accounts.collect(),
            outdated: BTreeSet::new(),
        };
        seen.sets.insert(name(set), there);
    }
    let rows = who.iter().map(|(set, id, who)| {
        let principal = if *who == SECOPS {
            group(who)
        } else {
            user(who)
        };
        assignment(set, id, principal)
    });
    seen.assignments = rows.collect();
    seen
}

fn totals(diff: &AccessDiff) -> (usize, usize, usize, usize) {
    let totals = diff.totals();
    (totals.add, totals.change, totals.delete, totals.provision)
}

fn words(diff: &AccessDiff) -> Vec<String> {
    let word = |change: &hallpass_access_files::AccessChange| {
        let value = serde_json::to_value(&change.action).unwrap();
        let write = value
            .get("write")
            .unwrap_or(&value["on"])
            .as_str()
            .unwrap()
            .to_owned();
        format!("{write} {}", change.action.permission_set())
    };
    diff.changes.iter().map(word).collect()
}

#[test]
fn the_walk_through_adds_six() {
    let diff = compare(&wanted(WALK), &SeenAccess::default());
    assert_eq!(totals(&diff), (6, 0, 0, 0), "{:?}", words(&diff));
    assert_eq!(diff.changes.len(), 3 + 4 + 3, "sets, policies, assignments");
}

#[test]
fn edits_are_provisioned_once_and_only_where_roles_are() {
    let text = "version: 1\npermission_sets:\n  A: {session_duration: PT2H, managed_policies: [SecurityAudit], tags: {a: b}}\n";
    let alone = compare(&wanted(text), &seen(&["A"], &[]));
    assert_eq!(words(&alone), ["update A", "attach_managed A", "tag A"]);
    assert_eq!(totals(&alone), (0, 1, 0, 0));
    let mut there = seen(&["A"], &[("A", DEV, FRANK)]);
    there.assignments.clear();
    let edited = compare(&wanted(text), &there);
    assert_eq!(totals(&edited), (0, 1, 0, 1));
    assert_eq!(words(&edited).last().unwrap(), "provision A");
    let text = "version: 1\npermission_sets:\n  A: {tags: {a: b}}\n";
    assert_eq!(words(&compare(&wanted(text), &there)), ["tag A"]);
    let text = "version: 1\npermission_sets:\n  A: {}\n";
    let set = there.sets.get_mut(&name("A")).unwrap();
    set.outdated = set.accounts.clone();
    assert_eq!(words(&compare(&wanted(text), &there)), ["provision A"]);
}

#[test]
fn what_a_file_does_not_say_of_a_description_stays() {
    let mut there = seen(&["A"], &[]);
    there.sets.get_mut(&name("A")).unwrap().content.description = Some("old".into());
    let text = "version: 1\npermission_sets:\n  A: {}\n";
    assert_eq!(words(&compare(&wanted(text), &there)), [""; 0]);
}

#[test]
fn declared_leaves_other_sets_and_ignored_accounts_alone() {
    let text =
        "version: 1\nsettings: {ignore: [{account: management}]}\npermission_sets:\n  A: {}\n";
    let rows = [
        ("A", DEV, FRANK),
        ("A", MANAGEMENT, FRANK),
        ("B", DEV, FRANK),
    ];
    let diff = compare(&wanted(text), &seen(&["A", "B"], &rows));
    assert_eq!(words(&diff), ["unassign A"]);
}

#[test]
fn all_deletes_what_no_file_names_and_says_what_stays() {
    let text = "version: 1\nsettings: {manage: all, ignore: [{permission_set: \"AWS*\"}, {account: management}]}\npermission_sets:\n  A: {tags: {x: y}}\n";
    let rows = [
        ("B", DEV, FRANK),
        ("C", DEV, FRANK),
        ("C", MANAGEMENT, FRANK),
        ("AWSx", DEV, FRANK),
    ];
    let mut there = seen(&["B", "C", "AWSx"], &rows);
    there.sets.get_mut(&name("B")).unwrap().content.tags =
        BTreeMap::from([("x".into(), "y".into())]);
    let diff = compare(&wanted(text), &there);
    assert_eq!(
        words(&diff),
        ["create A", "unassign B", "delete B", "unassign C"]
    );
    assert_eq!(diff.blocked.len(), 1);
    assert_eq!(diff.blocked[0].permission_set, name("C"));
    assert_eq!(
        diff.blocked[0].accounts,
        BTreeSet::from([account(MANAGEMENT)])
    );
    assert_eq!(diff.replaced, [(name("B"), name("A"))]);
    let found = refusals(&diff, &wanted(text), &there, None);
    assert_eq!(found, [AccessRefusal::Unconfirmed { deletions: 3 }]);
}

#[test]
fn temporary_access_is_neither_created_nor_deleted() {
    let mut there = seen(&["PowerUser", "Audit", "Ec2S3"], &[]);
    there.temporary = BTreeSet::from([
        assignment("Audit", DEV, user(FRANK)),
        assignment("Audit", PROD, user(ALICE)),
    ]);
    let diff = compare(&wanted(WALK), &there);
    assert_eq!(diff.held, [assignment("Audit", DEV, user(FRANK))]);
    assert_eq!(
        (totals(&diff).0, totals(&diff).2),
        (2, 0),
        "{:?}",
        words(&diff)
    );
}

#[test]
fn guards_refuse() {
    let protected =
        "version: 1\nsettings: {max_destroy: 1}\npermission_sets:\n  A: {protect: true}\n  B: {}\n";
    let there = seen(
        &["A", "B"],
        &[("A", DEV, FRANK), ("B", DEV, FRANK), ("B", TEST, FRANK)],
    );
    let files = wanted(protected);
    let diff = compare(&files, &there);
    let found = refusals(&diff, &files, &there, None);
    let expected = [
        AccessRefusal::Protected {
            permission_set: name("A"),
        },
        AccessRefusal::TooManyDeletions {
            deletions: 3,
            allowed: 1,
        },
    ];
    assert_eq!(found, expected);
    // A protected set may be created, tagged and assigned,
    let more = "version: 1\npermission_sets:\n  A: {protect: true, tags: {a: b}}\n  N: {protect: true, managed_policies: [SecurityAudit]}\nassignments:\n  - {permission_sets: [A], users: [frank@example.test], accounts: [ExampleOrgDev]}\n";
    let files = wanted(more);
    let diff = compare(&files, &there);
    assert_eq!(refusals(&diff, &files, &there, None), []);
    let loose = "version: 1\npermission_sets:\n  A: {protect: true, managed_policies: [AdministratorAccess]}\nassignments:\n  - {permission_sets: [A], users: [frank@example.test], accounts: [ExampleOrgDev]}\n";
    let files = wanted(loose);
    let diff = compare(&files, &there);
    assert_eq!(refusals(&diff, &files, &there, None).len(), 1);
}

#[test]
fn nobody_takes_the_access_away_that_they_work_with() {
    let arn = "arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_Power_User_0123456789abcdef/frank@example.test";
    let (set, at, who) = CallerSession::parse(arn).unwrap();
    assert_eq!(
        (set.as_str(), at.as_str(), who),
        ("Power_User", DEV, "frank@example.test")
    );
    assert_eq!(
        CallerSession::parse("arn:aws:iam::222222222222:user/frank"),
        None
    );
    let caller = |set: &str, groups: &[&str]| CallerSession {
        permission_set: name(set),
        account: account(DEV),
        user: Some(UserId::new(FRANK).unwrap()),
        groups: groups.iter().map(|it| it.parse().unwrap()).collect(),
    };
    let lockout = |rows: &[(&str, &str, &str)], caller: &CallerSession, text: &str| {
        let (files, there) = (wanted(text), seen(&["A"], rows));
        let diff = compare(&files, &there);
        let found = refusals(&diff, &files, &there, Some(caller));
        found
            .iter()
            .any(|it| matches!(it, AccessRefusal::SelfLockout { .. }))
    };
    let none = "version: 1\npermission_sets:\n  A: {}\n";
    let kept = "version: 1\npermission_sets:\n  A: {}\nassignments:\n  - {permission_sets: [A], groups: [SecOps], accounts: [ExampleOrgDev]}\n";
    let (frank, team) = (("A", DEV, FRANK), ("A", DEV, SECOPS));
    assert!(lockout(&[frank], &caller("A", &[]), none));
    assert!(lockout(&[team], &caller("A", &[SECOPS]), none));
    assert!(
        lockout(&[frank, team], &caller("A", &[]), kept),
        "not of the group"
    );
    assert!(!lockout(&[frank, team], &caller("A", &[SECOPS]), kept));
    assert!(!lockout(&[team], &caller("A", &[]), none), "not theirs");
    assert!(
        !lockout(&[frank], &caller("B", &[]), none),
        "another session"
    );
}

#[test]
fn nobody_narrows_the_set_that_they_work_with() {
    let caller = |set: &str| CallerSession {
        permission_set: name(set),
        account: account(DEV),
        user: Some(UserId::new(FRANK).unwrap()),
        groups: BTreeSet::new(),
    };
    let mut there = seen(&["A"], &[("A", DEV, FRANK)]);
    let content = &mut there.sets.get_mut(&name("A")).unwrap().content;
    content.managed_policies =
        BTreeSet::from(["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()]);
    let read = json!({"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"});
    content.inline_policy = Some(json!({"Version": "2012-10-17", "Statement": [read]}));
    let own = "permission_sets: [A], users: [frank@example.test], accounts: [ExampleOrgDev]";
    let admin = "managed_policies: [AdministratorAccess]";
    let more = r#"{Effect: Allow, Action: "s3:List*", Resource: "*"}"#;
    let no = r#"{Effect: Deny, Action: "*", Resource: "*"}"#;
    let kept = r#"{Effect: Allow, Action: "s3:Get*", Resource: "*"}"#;
    let inline =
        |all: &str| format!("inline_policy: {{Version: \"2012-10-17\", Statement: [{all}]}}");
    for (set, narrows) in [
        (format!("{admin}, {}", inline(kept)), false),
        (
            format!("{admin}, {}", inline(&format!("{kept}, {more}"))),
            false,
        ),
        (
            format!("{admin}, {}", inline(&format!("{kept}, {no}"))),
            true,
        ),
        (format!("{admin}, {}", inline(more)), true),
        (admin.to_owned(), true),
        (inline(kept), true),
        (
            format!(
                "{admin}, {}, permissions_boundary: {{managed: ReadOnlyAccess}}",
                inline(kept)
            ),
            true,
        ),
    ] {
        let text =
            format!("version: 1\npermission_sets:\n  A: {{{set}}}\nassignments:\n  - {{{own}}}\n");
        let files = wanted(&text);
        let diff = compare(&files, &there);
        let found = |set: &str| {
            let found = refusals(&diff, &files, &there, Some(&caller(set)));
            found
                .iter()
                .any(|it| matches!(it, AccessRefusal::SelfNarrowed { .. }))
        };
        assert_eq!(found("A"), narrows, "{text}");
        assert!(!found("B"), "another session: {text}");
    }
}

#[test]
fn roles_that_go_with_their_last_assignment_are_told() {
    let text = "version: 1\npermission_sets:\n  A: {}\nassignments:\n  - {permission_sets: [A], users: [alice@example.test], accounts: [ExampleOrgTest]}\n";
    let rows = [
        ("A", DEV, FRANK),
        ("A", TEST, FRANK),
        ("A", PROD, FRANK),
        ("A", PROD, ALICE),
    ];
    let mut there = seen(&["A"], &rows);
    there
        .sets
        .get_mut(&name("A"))
        .unwrap()
        .content
        .session_seconds = 7200;
    let last = last_access(&compare(&wanted(text), &there), &there);
    let expected = BTreeMap::from([(name("A"), BTreeSet::from([account(DEV), account(PROD)]))]);
    assert_eq!((last.roles, last.session_seconds), (expected, 7200));
}

#[test]
fn drift_is_classified() {
    let text = "version: 1\npermission_sets:\n  A: {managed_policies: [SecurityAudit]}\n  B: {}\n  New: {}\nassignments:\n  - {permission_sets: [A], users: [alice@example.test], accounts: [ExampleOrgTest]}\n";
    let stranger = "00000000-0000-0000-0000-0000000000ff";
    let mut there = seen(&["A", "B"], &[("A", DEV, stranger), ("B", DEV, FRANK)]);
    let set = there.sets.get_mut(&name("B")).unwrap();
    set.outdated = set.accounts.clone();
    let files = wanted(text);
    let found = drift(&compare(&files, &there), &files, &there, &directory());
    let rows: Vec<_> = found
        .iter()
        .map(|it| (it.drift, it.permission_set.as_str(), it.what.as_str()))
        .collect();
    let nobody = format!("user {stranger}");
    let expected = [
        (DriftKind::AddedOutside, "A", nobody.as_str()),
        (DriftKind::AddedOutside, "B", "user frank@example.test"),
        (DriftKind::RemovedOutside, "A", "user alice@example.test"),
        (DriftKind::RemovedOutside, "New", "permission set"),
        (DriftKind::ChangedOutside, "A", "managed_policies"),
        (DriftKind::OutdatedProvisioning, "B", "roles in accounts"),
        (DriftKind::UnknownPrincipal, "A", nobody.as_str()),
    ];
    assert_eq!(rows, expected);
    let ignoring = format!("settings: {{ignore: [{{account: ExampleOrgDev}}]}}\n{text}");
    let files = wanted(&ignoring);
    let found = drift(&compare(&files, &there), &files, &there, &directory());
    let mut kinds = found.iter().map(|it| it.drift);
    assert!(
        kinds.all(|it| it != DriftKind::UnknownPrincipal),
        "{found:?}"
    );
}

#[test]
fn a_changed_policy_keeps_what_stood_there() {
    let text = "version: 1\npermission_sets:\n  A: {inline_policy: {Version: \"2012-10-17\", Statement: [{Effect: Allow, Action: \"s3:ListAllMyBuckets\", Resource: \"*\"}]}}\n";
    let mut there = seen(&["A"], &[]);
    let old = json!({"Version": "2012-10-17", "Statement": []});
    there
        .sets
        .get_mut(&name("A"))
        .unwrap()
        .content
        .inline_policy = Some(old.clone());
    let diff = compare(&wanted(text), &there);
    assert_eq!(diff.changes[0].old, old);
    for same in [
        json!({"Statement": [{"Resource": "*", "Action": "s3:ListAllMyBuckets", "Effect": "Allow"}], "Version": "2012-10-17"}),
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": ["*"]}}),
    ] {
        there
            .sets
            .get_mut(&name("A"))
            .unwrap()
            .content
            .inline_policy = Some(same);
        let files = wanted(text);
        let diff = compare(&files, &there);
        assert_eq!(words(&diff), [""; 0]);
        assert_eq!(drift(&diff, &files, &there, &directory()), []);
    }
}
