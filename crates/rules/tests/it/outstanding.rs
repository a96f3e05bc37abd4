//! Missing approvals of a waiting request, and whose approval helps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hallpass_base::{AccountId, Email, Timestamp, UserId};
use hallpass_rules::{ApprovalHours, ApprovalsOpen, Ask, DecisionKind, Outstanding, Rules};

use crate::world::{LOGS, directory, email, noon, rules, user};

/// Six has a second address shared with another user.
const PEOPLE: [(&str, u32); 3] = [("bo", 2), ("cai", 3), ("six", 6)];

fn rule(fields: &str) -> Rules {
    let text = format!("[[rule]]\naccounts = '*'\npermission_sets = '*'\n{fields}\n");
    rules("r.toml", &text)
}

fn outstanding(rules: &Rules, approved: &[&str], at: Timestamp) -> Outstanding {
    let account = AccountId::new(LOGS).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let given = PEOPLE.iter().filter(|(name, _)| approved.contains(name));
    let given: BTreeMap<UserId, Email> = given
        .map(|(name, number)| (user(*number), email(name)))
        .collect();
    rules.outstanding(&email("ana"), &ask, &directory(), (at, at), &given)
}

/// `1/2 helpers bo; boss 0/1 bo`
fn shown(found: &Outstanding) -> String {
    let names = |emails: &BTreeSet<Email>| {
        let names = emails
            .iter()
            .map(|it| it.as_str().trim_end_matches("@corp.com"));
        names.collect::<Vec<_>>().join(",")
    };
    let mut text = format!("{}/{} {}", found.given, found.needed, names(&found.helpers));
    for stage in &found.stages {
        let (filled, quorum) = (stage.filled, stage.quorum);
        assert_eq!(stage.lacks(), quorum - filled);
        let helpers = names(&stage.helpers);
        let _ = write!(text, "; {} {filled}/{quorum} {helpers}", stage.name);
    }
    text.trim_end().to_owned()
}

const BOSS_AND_TEAM: &str = "stages = [{ name = 'boss', approvers = ['bo@corp.com'] }, \
     { name = 'team', approvers = ['cai@corp.com', 'six@corp.com'] }]";
const SHARED: &str = "stages = [{ name = 'one', approvers = ['bo@corp.com', 'cai@corp.com'] }, \
     { name = 'two', approvers = ['cai@corp.com', 'six@corp.com'] }]";
const ANY_TWO: &str =
    "approvers = ['bo@corp.com', 'cai@corp.com', 'six@corp.com']\nmin_approvals = 2";

#[test]
fn who_helps_is_who_fills_a_seat_that_is_free() {
    let three = format!("{BOSS_AND_TEAM}\nmin_approvals = 3");
    for (fields, approved, lacks) in [
        (ANY_TWO, &[][..], "0/2 bo,cai,six"),
        (ANY_TWO, &["cai"], "1/2 bo,six"),
        // still waiting: the next answer decides
        (ANY_TWO, &["bo", "cai"], "2/2 bo,cai,six"),
        (
            BOSS_AND_TEAM,
            &[],
            "0/2 bo,cai,six; boss 0/1 bo; team 0/1 cai,six",
        ),
        (BOSS_AND_TEAM, &["cai"], "1/2 bo; boss 0/1 bo; team 1/1"),
        (
            BOSS_AND_TEAM,
            &["cai", "six"],
            "1/2 bo; boss 0/1 bo; team 1/1",
        ),
        (
            BOSS_AND_TEAM,
            &["bo"],
            "1/2 cai,six; boss 1/1 ; team 0/1 cai,six",
        ),
        (SHARED, &["cai"], "1/2 bo,six; one 1/1 ; two 0/1 bo,six"),
        (SHARED, &["bo"], "1/2 cai,six; one 1/1 ; two 0/1 cai,six"),
        (&three, &["cai"], "1/3 bo,six; boss 0/1 bo; team 1/1"),
        (&three, &["cai", "six"], "2/3 bo; boss 0/1 bo; team 1/1"),
    ] {
        let found = outstanding(&rule(fields), approved, noon());
        assert_eq!(shown(&found), lacks, "{fields} {approved:?}");
        let users: Vec<&str> = { PEOPLE.iter() }
            .filter(|(_, number)| found.users.contains(&user(*number)))
            .map(|(name, _)| *name)
            .collect();
        let helpers = lacks.split([' ', ';']).nth(1).unwrap_or_default();
        assert_eq!(users.join(","), helpers, "{fields} {approved:?}");
        assert_eq!(found.able, [email("bo"), email("cai"), email("six")].into());
    }
}

#[test]
fn who_could_approve_is_known_also_where_nobody_has_to() {
    for (fields, kind, helpers) in [
        (
            "approvers = ['ana@corp.com', 'bo@corp.com']\nallow_self_approval = true",
            DecisionKind::SelfApproval,
            "0/1 ana,bo",
        ),
        (
            "approvers = ['bo@corp.com']\napproval_is_not_required = true",
            DecisionKind::ApprovalNotRequired,
            "0/1 bo",
        ),
        (
            "approvers = ['ana@corp.com']",
            DecisionKind::NoApprovers,
            "0/0",
        ),
        (
            "approvers = ['bo@corp.com']\nallowed_users = ['cai@corp.com']",
            DecisionKind::RequesterNotAllowed,
            "0/0",
        ),
    ] {
        let found = outstanding(&rule(fields), &[], noon());
        assert_eq!((found.kind, shown(&found).as_str()), (kind, helpers));
    }
}

#[test]
fn the_told_are_those_who_help_and_those_who_only_are_told() {
    let told = "approvers_to_notify = ['bo@corp.com', 'list@corp.com']";
    let rules = rule(&format!("{ANY_TWO}\n{told}"));
    let found = outstanding(&rules, &["bo"], noon());
    assert_eq!(found.notify, [email("list")].into());
    let found = outstanding(&rules, &["cai"], noon());
    assert_eq!(found.notify, [email("bo"), email("list")].into());
}

#[test]
fn who_alone_can_help_themselves_is_told_of_it() {
    for (approvers, told) in [
        ("'ana@corp.com'", "ana"),
        ("'ana@corp.com', 'bo@corp.com'", "bo"),
    ] {
        let own = format!("approvers = [{approvers}]\nallow_self_approval = true");
        let found = outstanding(&rule(&own), &[], noon());
        assert_eq!(found.notify, [email(told)].into());
    }
}

#[test]
fn nobody_waits_for_who_is_disabled() {
    for (approvers, lacks) in [
        ("'bo@corp.com', 'eve@corp.com'", "0/1 bo"),
        ("'eve@corp.com'", "0/1"),
        // an unknown address may be a mailing list
        ("'list@corp.com'", "0/1 list"),
    ] {
        let found = outstanding(&rule(&format!("approvers = [{approvers}]")), &[], noon());
        assert_eq!(shown(&found), lacks);
        assert_eq!(found.notify, found.helpers, "{approvers}");
    }
}

#[test]
fn hours_open_again_after_they_were_closed() {
    let hours = |from: &str, to: &str| {
        let fields = format!(
            "approvers = ['bo@corp.com']\napproval_hours = {{ from = '{from}', to = '{to}', time_zone = 'UTC' }}"
        );
        outstanding(&rule(&fields), &[], noon()).hours
    };
    let later = [hours("08:00", "18:00"), hours("10:00", "20:00")].concat();
    for (all, again) in [
        (hours("08:00", "18:00"), Some("2026-03-03T08:00:00Z")),
        (hours("14:00", "18:00"), Some("2026-03-02T14:00:00Z")),
        (later, Some("2026-03-03T10:00:00Z")),
        (Vec::new(), None),
    ] {
        let found = ApprovalHours::opens_again(&all, noon());
        assert_eq!(found.map(|at| at.to_string()).as_deref(), again, "{all:?}");
    }
}

#[test]
fn hours_of_several_rules_are_open_where_they_meet() {
    let hours = |from: &str, to: &str| {
        let fields = format!(
            "approvers = ['bo@corp.com']\napproval_hours = {{ from = '{from}', to = '{to}', time_zone = 'UTC' }}"
        );
        outstanding(&rule(&fields), &[], noon()).hours
    };
    for (one, other, opens) in [
        (("08:00", "12:00"), ("10:00", "18:00"), "now"),
        (
            ("08:00", "10:00"),
            ("09:00", "18:00"),
            "2026-03-03T09:00:00Z",
        ),
        (
            ("14:00", "18:00"),
            ("16:00", "20:00"),
            "2026-03-02T16:00:00Z",
        ),
        (("11:00", "12:00"), ("13:00", "14:00"), "never"),
    ] {
        let all = [hours(one.0, one.1), hours(other.0, other.1)].concat();
        let found = match ApprovalHours::open(&all, noon()) {
            ApprovalsOpen::Now => "now".to_owned(),
            ApprovalsOpen::From(at) => at.to_string(),
            ApprovalsOpen::Never => "never".to_owned(),
        };
        assert_eq!(found, opens, "{one:?} {other:?}");
    }
}
