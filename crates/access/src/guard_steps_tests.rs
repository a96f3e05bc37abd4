#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use hallpass_assignments::{Absence, Desired, Execution, OwnedEnd, Ownership, Verdict};
use hallpass_audit::Approval;
use hallpass_base::{
    Email, GrantId, GroupId, HoldKey, IdSource, RequestId, Target, TargetNames, UserId,
};
use uuid::Uuid;

use super::*;
use crate::end::EndFacts;
use crate::guard_removals::{due_cause, removed_by};
use crate::{Directory, NoticeKind, Origin, Person, Removals, Settings};

struct Ids;

impl IdSource for Ids {
    fn next(&self, _: Timestamp) -> Uuid {
        id(99)
    }
}

fn id(n: u64) -> Uuid {
    Uuid::from_u64_pair(0x0193_4a5b_6c7d_7000, (0b10 << 62) | n)
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    TimeSpan::seconds(seconds).after(Timestamp::from_second(1_780_000_000).unwrap())
}

fn key() -> HoldKey {
    HoldKey {
        user: UserId::new("00000001-0000-4000-8000-000000000000").unwrap(),
        target: Target::Group {
            group: GroupId::new("00000002-0000-4000-8000-000000000000").unwrap(),
        },
    }
}

pub(crate) fn grant(n: u64, until: u64) -> Grant {
    let email = Email::new("mara@example.com").unwrap();
    Grant {
        id: GrantId::new(id(n)),
        request: RequestId::new(id(n)),
        holder: Person {
            user: key().user,
            email: email.clone(),
            name: "Mara".to_owned(),
        },
        key: key(),
        names: TargetNames::Group {
            group: "oncall".to_owned(),
        },
        duration: TimeSpan::seconds(100),
        reason: "the queue is stuck".to_owned(),
        origin: Origin::Web,
        approver: email,
        approver_user: None,
        approval: Approval::NotRequired,
        based_on: Vec::new(),
        lengthened_by: BTreeSet::new(),
        config_hash: String::new(),
        holder_groups: None,
        secondary_domain: false,
        scheduled_at: at(10),
        granted_at: Some(at(12)),
        ends_at: at(until),
        longest_session: None,
        standing: false,
        warned: false,
        refusals: 0,
        stuck: None,
        end_sessions: false,
        armed_ends: crate::ArmedEnds::Off,
        never_armed: None,
        aws_request: None,
        seen_news: 0,
        state: GrantState::Active,
        version: 0,
    }
}

/// Requested at 10, wanted until 100.
pub(crate) fn row(verdict: Verdict) -> AssignmentRow {
    AssignmentRow {
        key: key(),
        desired: Desired {
            until: at(100),
            asked_at: at(10),
            rev: 3,
            haste: hallpass_assignments::EndPriority::Ordinary,
            removed_at: None,
        },
        execution: Execution {
            ownership: Ownership::Ours,
            verdict,
            ..Execution::new(at(10))
        },
        gate: hallpass_assignments::Gate::Open,
        verdict_rev: 1,
    }
}

pub(crate) fn present() -> Verdict {
    Verdict::Present { at: at(12) }
}

fn lost() -> Verdict {
    Verdict::Lost { at: at(170) }
}

fn removal(stage: RemovalStage) -> GuardRemoval {
    GuardRemoval {
        end: OwnedEnd {
            key: key(),
            until: at(100),
            rev: 3,
            grants: vec![GrantId::new(id(1))],
        },
        at: at(165),
        guard: "g".to_owned(),
        stage,
    }
}

fn seen() -> GuardRemoval {
    removal(RemovalStage::Seen)
}

fn holds(grants: &[Grant], row: AssignmentRow) -> Holds {
    Holds {
        grants: grants.to_vec(),
        row: Some(row),
    }
}

pub(crate) fn nothing_beside((directory, settings): &(Directory, Settings)) -> EndFacts<'_> {
    EndFacts {
        directory,
        settings,
        removal: None,
        armed: None,
    }
}

pub(crate) fn step_at(seconds: u64) -> StepContext<'static> {
    step_at_instant(at(seconds))
}

pub(crate) fn step_at_instant(now: Timestamp) -> StepContext<'static> {
    StepContext {
        now,
        aws_now: now,
        disagreement: None,
        ids: &Ids,
    }
}

fn folded(removal: &GuardRemoval, holds: &Holds) -> GrantStep {
    fold(removal, holds, step_at(200))
}

fn causes(step: &GrantStep) -> Vec<&'static str> {
    let cause = |grant: &Grant| match &grant.state {
        GrantState::Ending { cause, .. } => cause.name(),
        state => state.name(),
    };
    step.grants.iter().map(cause).collect()
}

#[test]
fn an_end_that_the_guard_made_is_the_end_of_the_grant() {
    let step = folded(&seen(), &holds(&[grant(1, 100)], row(present())));
    assert_eq!(causes(&step), ["guard"]);
    let desired = DesiredAssignment::RemovedByGuard {
        key: key(),
        rev: 3,
        until: at(100),
        asked_at: at(10),
        removed_at: at(165),
    };
    assert_eq!(step.desired, Some(desired), "nothing is created again");
}

#[test]
fn a_grant_that_was_extended_is_created_again_and_its_holder_is_told() {
    let step = folded(&seen(), &holds(&[grant(1, 900)], row(present())));
    assert_eq!(causes(&step), [""; 0]);
    let desired = DesiredAssignment::RemovedByGuard {
        key: key(),
        rev: 3,
        until: at(900),
        asked_at: at(200),
        removed_at: at(165),
    };
    assert_eq!(step.desired, Some(desired));
    let events: Vec<_> = step.records.iter().map(Draft::event).collect();
    assert_eq!(events, [Event::DriftGuard]);
    let news: Vec<_> = step.notices.iter().map(Notice::kind).collect();
    assert_eq!(news, [NoticeKind::SetUpAgain]);
}

#[test]
fn of_two_grants_the_one_that_was_over_ends_and_the_other_is_created_again() {
    let both = [grant(1, 100), grant(2, 900)];
    let step = folded(&seen(), &holds(&both, row(present())));
    assert_eq!(causes(&step), ["guard"]);
    assert!(
        matches!(&step.desired, Some(DesiredAssignment::RemovedByGuard { until, .. }) if *until == at(900)),
        "{:?}",
        step.desired
    );
}

#[test]
fn a_removal_counts_once_and_only_for_what_was_wanted_before_it() {
    let known = |removed_at: u64| AssignmentRow {
        desired: Desired {
            removed_at: Some(at(removed_at)),
            ..row(present()).desired
        },
        ..row(present())
    };
    let asked = |asked_at: u64| AssignmentRow {
        desired: Desired {
            asked_at: at(asked_at),
            ..row(present()).desired
        },
        ..row(present())
    };
    let cases = [
        ("taken into account before", seen(), known(165), false),
        ("an older one was", seen(), known(100), true),
        ("requested again right after", seen(), asked(170), true),
        ("requested again much later", seen(), asked(300), false),
        (
            "begun, and still seen",
            removal(RemovalStage::Begun),
            row(present()),
            false,
        ),
        (
            "begun, and lost",
            removal(RemovalStage::Begun),
            row(lost()),
            true,
        ),
    ];
    for (name, removal, row, counts) in cases {
        let step = folded(&removal, &holds(&[grant(1, 100)], row));
        assert_eq!(!step.is_empty(), counts, "{name}: {step:?}");
    }
    let nothing = Holds {
        grants: Vec::new(),
        row: None,
    };
    assert!(folded(&seen(), &nothing).is_empty());
}

#[test]
fn whose_end_it_was_is_told_apart() {
    let begun = removal(RemovalStage::Begun);
    let asked_after = AssignmentRow {
        desired: Desired {
            asked_at: at(166),
            ..row(present()).desired
        },
        ..row(present())
    };
    let of_another = GuardRemoval {
        end: OwnedEnd {
            grants: vec![GrantId::new(id(7))],
            ..seen().end
        },
        ..seen()
    };
    let guard = seen();
    let cases = [
        ("nobody", None, row(present()), 100, "expired"),
        ("a guard", Some(&guard), row(present()), 100, "guard"),
        (
            "of an older end",
            Some(&guard),
            row(present()),
            900,
            "expired",
        ),
        (
            "of another grant",
            Some(&of_another),
            row(present()),
            100,
            "expired",
        ),
        (
            "before it was asked for",
            Some(&guard),
            asked_after,
            100,
            "expired",
        ),
        ("begun", Some(&begun), row(present()), 100, "expired"),
        ("begun and lost", Some(&begun), row(lost()), 100, "guard"),
    ];
    for (name, removal, row, until, cause) in cases {
        let grant = grant(1, until);
        let holds = holds(std::slice::from_ref(&grant), row);
        assert_eq!(due_cause(removal, &holds, &grant).name(), cause, "{name}");
    }
}

#[test]
fn who_removed_it_is_told_once_it_is_seen_gone() {
    let gone = |why: Absence, deleted_at: Option<u64>| {
        let mut row = row(Verdict::Absent { at: at(180), why });
        row.execution.created_at = Some(at(11));
        row.execution.last_present_at = Some(at(12));
        row.execution.deleted_at = deleted_at.map(at);
        row
    };
    let after = |change: fn(&mut Execution)| {
        let mut row = gone(Absence::Removed, Some(175));
        change(&mut row.execution);
        row
    };
    let seen_since = after(|execution| execution.last_present_at = Some(at(170)));
    let created_since = after(|execution| execution.created_at = Some(at(170)));
    let ours_too = || gone(Absence::Removed, Some(175));
    let (guard, begun) = (seen(), removal(RemovalStage::Begun));
    let heeded = || gone(Absence::Removed, Some(165));
    let cases = [
        (
            "found gone",
            &guard,
            gone(Absence::AlreadyAbsent, None),
            true,
        ),
        ("heeded as ours", &guard, heeded(), true),
        ("begun, and heeded as ours", &begun, heeded(), true),
        ("ours came after it, for nothing", &guard, ours_too(), true),
        ("begun, and then ours", &begun, ours_too(), false),
        ("seen since, then ours", &guard, seen_since, false),
        ("created since, then ours", &guard, created_since, false),
        (
            "never made",
            &guard,
            gone(Absence::NeverCreated, None),
            false,
        ),
        (
            "the person left",
            &guard,
            gone(Absence::PrincipalGone, None),
            false,
        ),
        ("not gone yet", &guard, row(present()), false),
    ];
    for (name, removal, row, counts) in cases {
        let found = removed_by(Some(removal), &row, &grant(1, 100));
        assert_eq!(found.is_some(), counts, "{name}");
    }
}

#[test]
fn of_several_removals_of_a_key_the_newest_counts_and_the_one_that_did_it() {
    let late = GuardRemoval {
        at: at(170),
        guard: "late".to_owned(),
        ..removal(RemovalStage::Begun)
    };
    let next = GuardRemoval {
        at: at(900),
        end: OwnedEnd {
            rev: 4,
            ..seen().end
        },
        guard: "next".to_owned(),
        ..removal(RemovalStage::Begun)
    };
    // A new row with as many changes as the deleted one.
    let again = GuardRemoval {
        at: at(950),
        end: OwnedEnd {
            until: at(900),
            ..seen().end
        },
        guard: "again".to_owned(),
        ..removal(RemovalStage::Begun)
    };
    let of = |all: &[&GuardRemoval]| {
        let removals = Removals::new(1, all.iter().map(|removal| (*removal).clone()));
        removals.of(&key()).map(|removal| removal.guard.clone())
    };
    let first = seen();
    for (all, guard) in [
        (vec![&first, &late], "g"),
        (vec![&late, &first], "g"),
        (vec![&first, &next], "next"),
        (vec![&next, &first], "next"),
        (vec![&first, &again], "again"),
        (vec![&again, &first], "again"),
    ] {
        assert_eq!(of(&all).as_deref(), Some(guard), "{all:?}");
    }
    assert_eq!(of(&[]), None);
}

#[test]
fn operators_hear_who_was_late_and_by_how_much() {
    let step = StepContext {
        now: at(200),
        aws_now: at(200),
        disagreement: None,
        ids: &Ids,
    };
    let alarm = alarm(&seen(), &grant(1, 100), step);
    assert_eq!((alarm.kind(), alarm.to.len()), (NoticeKind::GuardActed, 0));
    let late = LateRemoval {
        guard: seen().guard,
        late: TimeSpan::seconds(65),
    };
    let removal = Some(late);
    assert_eq!(alarm.news, News::GuardActed { removal });
}
