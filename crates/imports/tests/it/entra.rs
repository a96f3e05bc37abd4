//! PIM for Groups: what a plain model of it gives, and what the imported rules do.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hallpass_imports::entra::{EligibilityEnds, import};
use hallpass_imports::{Imported, Names, RowOutcome, SourceFile};
use hallpass_rules::Directory;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::answers::{Case, Way, cases, compare, each_world, loaded, names_of, told};
use crate::company::{ACCOUNTS, GROUPS, PEOPLE, SETS, directory, email, group_id};
use crate::granted::file;

/// A person or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Person(usize),
    Group(usize),
}

#[derive(Debug, Clone)]
struct Managed {
    minutes: u64,
    /// Nobody where no approval is required.
    approvers: Option<BTreeSet<Who>>,
    eligible: BTreeSet<Who>,
    /// The place among the eligible of one whose eligibility ends.
    ends: Option<usize>,
    accounts: BTreeSet<usize>,
    sets: BTreeSet<usize>,
    ticket: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    groups: Vec<Managed>,
    pub(crate) members: Vec<u8>,
}

fn entra_id(kind: &str, place: usize) -> String {
    format!("{kind}0000000-0000-4000-8000-00000000000{place}")
}

impl Who {
    fn id(self) -> String {
        match self {
            Self::Person(it) => entra_id("a", it),
            Self::Group(it) => entra_id("b", it),
        }
    }
}

impl World {
    fn is(&self, person: usize, who: Who) -> bool {
        match who {
            Who::Person(it) => it == person,
            Who::Group(it) => self.members[it] >> person & 1 == 1,
        }
    }

    fn ways(&self, case: Case, ends: EligibilityEnds) -> Vec<Way> {
        let groups = self.groups.iter().filter(|group| {
            let eligible = group.eligible.iter().enumerate();
            let counts =
                |place: usize| ends == EligibilityEnds::Ignore || group.ends != Some(place);
            let mut eligible = eligible.filter(|(place, _)| counts(*place));
            eligible.any(|(_, who)| self.is(case.person, *who))
                && group.accounts.contains(&case.account)
                && group.sets.contains(&case.set)
        });
        groups
            .map(|group| {
                let approvers = group.approvers.as_ref().map(|approvers| {
                    let others = (0..PEOPLE.len()).filter(|one| *one != case.person);
                    others
                        .filter(|one| approvers.iter().any(|who| self.is(*one, *who)))
                        .collect()
                });
                (group.minutes * 60, approvers)
            })
            .collect()
    }

    pub(crate) fn assignments(&self) -> Value {
        let approver = |who: &Who| match who {
            Who::Person(_) => {
                json!({"@odata.type": "#microsoft.graph.singleUser", "userId": who.id(), "isBackup": false})
            }
            Who::Group(_) => {
                json!({"@odata.type": "#microsoft.graph.groupMembers", "groupId": who.id()})
            }
        };
        let assignment = |(place, group): (usize, &Managed)| {
            let stages = match &group.approvers {
                None => json!([]),
                Some(approvers) => {
                    let approvers: Vec<Value> = approvers.iter().map(approver).collect();
                    json!([{"approvalStageTimeOutInDays": 1, "isApproverJustificationRequired": false, "primaryApprovers": approvers,
                        "escalationApprovers": []}])
                }
            };
            let enabled = if group.ticket {
                json!(["Justification", "Ticketing"])
            } else {
                json!([])
            };
            json!({
                "id": format!("Group_{place}_member"), "policyId": format!("Group_{place}"), "scopeId": entra_id("c", place),
                "scopeType": "Group", "roleDefinitionId": "member",
                "policy": {"id": format!("Group_{place}"), "displayName": "Group", "scopeId": entra_id("c", place), "scopeType": "Group", "rules": [
                    {"id": "Expiration_EndUser_Assignment", "isExpirationRequired": true, "maximumDuration": format!("PT{}M", group.minutes)},
                    {"id": "Expiration_Admin_Eligibility", "isExpirationRequired": true, "maximumDuration": "P365D"},
                    {"id": "Notification_Admin_Admin_Eligibility", "notificationType": "Email"},
                    {"id": "Enablement_EndUser_Assignment", "enabledRules": enabled},
                    {"id": "AuthenticationContext_EndUser_Assignment", "isEnabled": false, "claimValue": ""},
                    {"id": "Approval_EndUser_Assignment", "setting": {"isApprovalRequired": group.approvers.is_some(),
                        "approvalMode": "SingleStage", "approvalStages": stages}},
                ]},
            })
        };
        let value: Vec<Value> = self.groups.iter().enumerate().map(assignment).collect();
        json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#policies", "value": value})
    }

    pub(crate) fn eligibility(&self) -> Value {
        let mut value = Vec::new();
        for (place, group) in self.groups.iter().enumerate() {
            for (number, who) in group.eligible.iter().enumerate() {
                let end = (group.ends == Some(number)).then_some("2027-01-31T00:00:00Z");
                value.push(json!({
                    "id": format!("{place}-{number}"), "groupId": entra_id("c", place), "principalId": who.id(), "accessId": "member",
                    "memberType": "Direct", "startDateTime": "2026-01-01T00:00:00Z", "endDateTime": end,
                    "eligibilityScheduleId": format!("{place}-{number}"),
                }));
            }
        }
        json!({"value": value})
    }

    pub(crate) fn names(&self) -> String {
        let mut text = "[users]\n".to_owned();
        for person in 0..PEOPLE.len() {
            writeln!(
                text,
                "\"{}\" = \"{}\"",
                Who::Person(person).id(),
                email(person)
            )
            .unwrap();
        }
        text += "[groups]\n";
        for group in 0..GROUPS {
            writeln!(
                text,
                "\"{}\" = \"{}\"",
                Who::Group(group).id(),
                group_id(group)
            )
            .unwrap();
        }
        for (place, group) in self.groups.iter().enumerate() {
            let accounts: Vec<&str> = group.accounts.iter().map(|it| ACCOUNTS[*it].0).collect();
            let sets: Vec<&str> = group.sets.iter().map(|it| SETS[*it]).collect();
            writeln!(
                text,
                "[[targets.\"{}\"]]\naccounts = {accounts:?}\npermission_sets = {sets:?}",
                entra_id("c", place)
            )
            .unwrap();
        }
        text
    }
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        (0..PEOPLE.len()).prop_map(Who::Person),
        (0..GROUPS).prop_map(Who::Group),
    ]
}

prop_compose! {
    fn a_group()(
        minutes in prop::sample::select(vec![30_u64, 60, 480]),
        approvers in prop::option::weighted(0.6, prop::collection::btree_set(who(), 1..3)),
        eligible in prop::collection::btree_set(who(), 1..4),
        ends in prop::option::weighted(0.2, 0..3_usize),
        accounts in prop::collection::btree_set(0..ACCOUNTS.len(), 1..3),
        sets in prop::collection::btree_set(0..SETS.len(), 1..3),
        ticket in any::<bool>(),
    ) -> Managed {
        Managed { minutes, approvers, eligible, ends, accounts, sets, ticket }
    }
}

prop_compose! {
    fn worlds()(
        groups in prop::collection::vec(a_group(), 1..4),
        members in prop::collection::vec(0_u8..16, GROUPS),
    ) -> World {
        World { groups, members }
    }
}

pub(crate) fn imported(
    objects: &[Value],
    names: &str,
    facts: &Directory,
    ends: EligibilityEnds,
) -> Imported {
    let names = names_of(names);
    let files = objects
        .iter()
        .enumerate()
        .map(|(place, it)| file(&format!("{place}.json"), &it.to_string()));
    let files: Vec<SourceFile> = files.collect();
    import(&files, &names, Some(facts), ends).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn imported_groups_give_what_their_membership_gave() {
    let met = each_world(250, &(worlds(), any::<bool>()), |(world, ignore), met| {
        let facts = directory(&world.members);
        let ends = if ignore {
            EligibilityEnds::Ignore
        } else {
            EligibilityEnds::LeaveOut
        };
        let import = imported(
            &[world.eligibility(), world.assignments()],
            &world.names(),
            &facts,
            ends,
        );
        let rules = loaded(&import);
        let ending = world
            .groups
            .iter()
            .filter(|it| it.ends.is_some_and(|place| place < it.eligible.len()))
            .count();
        let told = import
            .report
            .rows
            .iter()
            .filter(|row| row.table == "eligibility" && row.outcome != RowOutcome::Moved);
        assert_eq!(told.count(), ending, "{:?}", import.report.rows);
        for case in cases() {
            compare(&import, &rules, &facts, case, &world.ways(case, ends), met);
        }
    });
    assert!(met.iter().all(|count| *count > 20), "{met:?}");
}

/// An export and its names.
pub(crate) fn sample() -> (String, String) {
    let world = one_group();
    let [assignments, eligibility] =
        [world.assignments(), world.eligibility()].map(|it| it["value"][0].clone());
    (json!([assignments, eligibility]).to_string(), world.names())
}

pub(crate) fn one_group() -> World {
    World {
        groups: vec![Managed {
            minutes: 60,
            approvers: Some([Who::Person(1)].into()),
            eligible: [Who::Person(0)].into(),
            ends: None,
            accounts: [0].into(),
            sets: [0].into(),
            ticket: true,
        }],
        members: vec![1, 2, 4],
    }
}

/// A ticket that one group wants is due of people of both: the row of the other does not say that it moved.
#[test]
fn the_ticket_of_another_group_for_the_same_is_told() {
    let told = |account: usize| {
        let mut world = one_group();
        let mut plain = world.groups[0].clone();
        plain.ticket = false;
        plain.accounts = [account].into();
        world.groups.push(plain);
        let facts = directory(&world.members);
        let objects = [world.assignments(), world.eligibility()];
        let import = imported(&objects, &world.names(), &facts, EligibilityEnds::LeaveOut);
        let rows: Vec<_> = import.report.rows.into_iter().take(2).collect();
        rows.iter()
            .map(|row| (row.outcome, format!("{:?}", row.notes)))
            .collect::<Vec<_>>()
    };
    let same = told(0);
    assert_eq!(same[0].0, RowOutcome::Moved, "{same:?}");
    assert_eq!(same[1].0, RowOutcome::Differs, "{same:?}");
    assert!(same[1].1.contains("need a ticket"), "{same:?}");
    let other = told(1);
    let moved = |it: &(RowOutcome, String)| it.0 == RowOutcome::Moved;
    assert!(other.iter().all(moved), "{other:?}");
}

/// The outcome of the policy's row with another value at a place in it.
fn outcome_with(pointer: &str, value: Value) -> (RowOutcome, usize, String) {
    let world = one_group();
    let facts = directory(&world.members);
    let mut assignments = world.assignments();
    *assignments
        .pointer_mut(&format!("/value/0{pointer}"))
        .unwrap_or_else(|| panic!("{pointer}")) = value;
    let import = imported(
        &[assignments, world.eligibility()],
        &world.names(),
        &facts,
        EligibilityEnds::LeaveOut,
    );
    loaded(&import);
    let row = &import.report.rows[0];
    (row.outcome, import.report.rules, format!("{:?}", row.notes))
}

/// A place in a policy assignment, another value there, and what becomes of its row and of its rule.
type Setting = (&'static str, Value, RowOutcome, usize);

fn check_settings(settings: Vec<Setting>) {
    for (pointer, value, outcome, rules) in settings {
        let (found, made, notes) = outcome_with(pointer, value);
        assert_eq!((found, made), (outcome, rules), "{pointer}: {notes}");
    }
}

#[test]
fn each_setting_moves_differs_or_cannot_be_said() {
    use RowOutcome::{CannotBeSaid, Differs, Moved};
    check_settings(vec![
        ("/id", json!("x"), Moved, 1),
        (
            "/policy/rules/0/maximumDuration",
            json!("P1Y"),
            CannotBeSaid,
            0,
        ),
        (
            "/policy/rules/0/maximumDuration",
            json!(null),
            CannotBeSaid,
            0,
        ),
        (
            "/policy/rules/0/maximumDuration",
            json!("PT99999999999999999999H"),
            CannotBeSaid,
            0,
        ),
        (
            "/policy/rules/0/id",
            json!("Expiration_EndUser_Other"),
            CannotBeSaid,
            0,
        ),
        (
            "/policy/rules/3/enabledRules",
            json!(["MultiFactorAuthentication"]),
            Differs,
            1,
        ),
        (
            "/policy/rules/3/enabledRules",
            json!(["NewCheck"]),
            CannotBeSaid,
            0,
        ),
        (
            "/policy/rules/3/enabledRules",
            json!("Justification"),
            CannotBeSaid,
            0,
        ),
        ("/policy/rules/4/isEnabled", json!(true), Differs, 1),
    ]);
}

/// The manager of a requester, at whichever level, and who stands in for a manager that is not there.
#[test]
fn managers_approve_where_rules_can_say_it() {
    use RowOutcome::{Differs, Moved};
    check_settings(vec![
        (
            "/policy/rules/5/setting/approvalStages/0/primaryApprovers",
            json!([{"@odata.type": "#microsoft.graph.requestorManager", "managerLevel": 1}]),
            Moved,
            1,
        ),
        (
            "/policy/rules/5/setting/approvalStages/0/primaryApprovers",
            json!([{"@odata.type": "#microsoft.graph.requestorManager", "managerLevel": 2}]),
            Differs,
            1,
        ),
        (
            "/policy/rules/5/setting/approvalStages/0/primaryApprovers",
            json!([
                {"@odata.type": "#microsoft.graph.requestorManager"},
                {"@odata.type": "#microsoft.graph.singleUser", "isBackup": true, "userId": "u"},
            ]),
            Differs,
            1,
        ),
    ]);
}

/// Whom a backup stands in for, and who then approves.
#[test]
fn a_backup_approves_only_where_there_is_nobody_else() {
    let [bo, cai, group] = [Who::Person(1), Who::Person(2), Who::Group(0)];
    let approver = |who: Who, is_backup: bool| match who {
        Who::Person(_) => {
            json!({"@odata.type": "#microsoft.graph.singleUser", "userId": who.id(), "isBackup": is_backup})
        }
        Who::Group(_) => {
            json!({"@odata.type": "#microsoft.graph.groupMembers", "groupId": who.id(), "isBackup": is_backup})
        }
    };
    let (first, backup) = (|who| approver(who, false), |who| approver(who, true));
    let other = |kind: &str, is_backup: bool| json!({"@odata.type": format!("#microsoft.graph.{kind}"), "isBackup": is_backup});
    for (case, approvers, named) in [
        (
            "nobody else",
            json!([backup(bo), backup(group)]),
            vec![bo, group],
        ),
        ("a user", json!([backup(bo), first(cai)]), vec![cai]),
        ("a group", json!([first(group), backup(bo)]), vec![group]),
        (
            "sponsors",
            json!([other("internalSponsors", false), backup(bo)]),
            vec![],
        ),
        (
            "sponsors as backup",
            json!([other("internalSponsors", true), backup(bo)]),
            vec![],
        ),
        (
            "a manager",
            json!([backup(group), other("requestorManager", false)]),
            vec![],
        ),
        (
            "both first",
            json!([first(group), first(bo)]),
            vec![bo, group],
        ),
    ] {
        let mut assignments = one_group().assignments();
        let rule = &mut assignments["value"][0]["policy"]["rules"][5];
        rule["setting"]["approvalStages"][0]["primaryApprovers"] = approvers;
        let import = of_one_group(&[assignments, one_group().eligibility()]);
        for (who, told) in [
            (bo, email(1).to_string()),
            (cai, email(2).to_string()),
            (group, group_id(0)),
        ] {
            let is_there = import.text.contains(&told);
            assert_eq!(
                is_there,
                named.contains(&who),
                "{case} {told}: {}",
                import.text
            );
        }
        let notes = import.report.rows[0].notes.iter();
        let notes: Vec<String> = notes.map(ToString::to_string).collect();
        let notes = notes.join("; ");
        let has_sponsors =
            notes.contains("`internalSponsors` is left out: rules do not say who that is");
        assert_eq!(has_sponsors, case.contains("sponsors"), "{case}: {notes}");
    }
}

pub(crate) fn of_one_group(objects: &[Value]) -> Imported {
    let world = one_group();
    imported(
        objects,
        &world.names(),
        &directory(&world.members),
        EligibilityEnds::LeaveOut,
    )
}

#[test]
fn each_setting_of_approvals_moves_differs_or_cannot_be_said() {
    use RowOutcome::{CannotBeSaid, Differs, Moved};
    check_settings(vec![
        (
            "/policy/rules/5/setting/isApprovalRequired",
            json!("false"),
            CannotBeSaid,
            0,
        ),
        (
            "/policy/rules/5/setting/isApprovalRequired",
            json!(null),
            CannotBeSaid,
            0,
        ),
        (
            "/policy/rules/5/setting/approvalMode",
            json!("NoApproval"),
            Differs,
            1,
        ),
        (
            "/policy/rules/5/setting/approvalMode",
            json!("Dice"),
            CannotBeSaid,
            0,
        ),
        (
            "/policy/rules/5/setting/approvalStages",
            json!([]),
            Differs,
            1,
        ),
        (
            "/policy/rules/5/setting/approvalStages/0/escalationApprovers",
            json!([{}]),
            Differs,
            1,
        ),
        (
            "/policy/rules/5/setting/approvalStages/0/primaryApprovers",
            json!([{"@odata.type": "#microsoft.graph.internalSponsors"}]),
            Differs,
            1,
        ),
        // who approves has to say why there
        (
            "/policy/rules/5/setting/approvalStages/0/isApproverJustificationRequired",
            json!(true),
            Differs,
            1,
        ),
        ("/policy/rules", json!({}), CannotBeSaid, 0),
        ("/policy/rules", json!([]), CannotBeSaid, 0),
        ("/roleDefinitionId", json!("owner"), Moved, 0),
        ("/roleDefinitionId", json!("other"), CannotBeSaid, 0),
        ("/scopeType", json!("DirectoryRole"), Moved, 0),
    ]);
}

#[test]
fn what_has_no_name_gives_nothing_and_is_listed() {
    let world = one_group();
    let facts = directory(&world.members);
    let mut eligibility = world.eligibility();
    eligibility["value"][0]["principal"] = json!({"@odata.type": "#microsoft.graph.user", "displayName": "Ana", "userPrincipalName": "ana@acme.example"});
    let objects = [world.assignments(), eligibility];
    let nothing = imported(&objects, "", &facts, EligibilityEnds::LeaveOut);
    assert_eq!(nothing.report.rules, 0);
    let listed = |import: &Imported| -> Vec<String> {
        let unnamed = import.report.unnamed.iter();
        unnamed
            .map(|it| {
                format!("{} {} {}", it.table, it.id, it.name)
                    .trim_end()
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(listed(&nothing), [format!("targets {}", entra_id("c", 0))]);
    let target = format!(
        "[targets.\"{}\"]\naccounts = \"100000000001\"\npermission_sets = \"Admin\"\n",
        entra_id("c", 0)
    );
    let import = imported(&objects, &target, &facts, EligibilityEnds::LeaveOut);
    assert_eq!(import.report.rules, 0);
    assert_eq!(
        listed(&import),
        [
            format!("users {} ana@acme.example", entra_id("a", 0)),
            format!("users {}", entra_id("a", 1))
        ]
    );
    // an approver by a user id cannot be one: nothing of the group is imported
    let names = world
        .names()
        .replace("bo@acme.example", &crate::company::user_id(1));
    let import = imported(&objects, &names, &facts, EligibilityEnds::LeaveOut);
    assert_eq!(
        (import.report.rules, import.report.cannot_be_said),
        (0, 2),
        "{:?}",
        import.report.rows
    );
}

#[test]
fn other_objects_of_an_export_have_rows_too() {
    let world = one_group();
    let facts = directory(&world.members);
    let base = world.eligibility()["value"][0].clone();
    for (key, value, outcome, rules) in [
        ("accessId", json!("owner"), RowOutcome::Moved, 0),
        ("accessId", json!("guest"), RowOutcome::CannotBeSaid, 0),
        ("memberType", json!("Group"), RowOutcome::Moved, 0),
        ("scheduleInfo", json!({}), RowOutcome::CannotBeSaid, 0),
        ("assignmentType", json!("Activated"), RowOutcome::Differs, 0),
        ("groupId", json!("another"), RowOutcome::CannotBeSaid, 0),
        (
            "endDateTime",
            json!("2027-01-01T00:00:00Z"),
            RowOutcome::CannotBeSaid,
            0,
        ),
        ("endDateTime", json!(null), RowOutcome::Moved, 1),
    ] {
        let mut object = base.clone();
        object[key] = value.clone();
        let import = imported(
            &[world.assignments(), object],
            &world.names(),
            &facts,
            EligibilityEnds::LeaveOut,
        );
        let row = &import.report.rows[1];
        assert_eq!(
            (row.outcome, import.report.rules),
            (outcome, rules),
            "{key} {value} {:?}",
            row.notes
        );
    }
}

#[test]
fn half_an_export_and_other_files_are_refused() {
    let assignment = one_group().assignments()["value"][0].clone();
    for (text, wanted) in [
        (
            json!({"value": [], "@odata.nextLink": "https://graph.microsoft.com/next"}).to_string(),
            "half an export",
        ),
        (
            json!({"value": [assignment, assignment]}).to_string(),
            "another policy",
        ),
        (
            json!([{"kind": "role"}]).to_string(),
            "x.json:1:2: error[bad-syntax]: this is none of",
        ),
        (
            json!({"value": [{"id": "x"}]}).to_string(),
            "this is none of",
        ),
        (
            json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users", "value": [
                {"groupId": "g", "accessId": "member", "principalId": "p", "eligibilityScheduleId": "e"}]})
            .to_string(),
            "this is none of",
        ),
        (json!([]).to_string(), "there are no policies"),
        ("[1]".to_owned(), "this is none of"),
        (
            "{\"value\": [\n  {\"groupId\": \"a\", \"groupId\": \"b\"}]}".to_owned(),
            "x.json:2:20: error[duplicate-key]",
        ),
        ("{\"value\": [".to_owned(), "x.json:1:12"),
        (String::new(), "x.json:1:1"),
    ] {
        let refused = import(
            &[file("x.json", &text)],
            &Names::default(),
            None,
            EligibilityEnds::LeaveOut,
        );
        told(refused, &text, wanted);
    }
}
