use hallpass_base::{HoldKey, TimeSpan};

use super::*;
use crate::{Desired, Execution, GivingUp, Operation, Ownership, Proof};

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).unwrap()
}

fn key(target: &str) -> HoldKey {
    let user = "11111111-0000-4000-8000-000000000000".parse().unwrap();
    let target = if target == "group" {
        Target::Group {
            group: "22222222-0000-4000-8000-000000000000".parse().unwrap(),
        }
    } else {
        Target::Account {
            account: "111111111111".parse().unwrap(),
            permission_set:
                "arn:aws:sso:::permissionSet/ssoins-0000000000000001/ps-0000000000000001"
                    .parse()
                    .unwrap(),
        }
    };
    HoldKey { user, target }
}

/// Requested at 0, wanted until 1000, checked from `due`.
pub(crate) fn row(due: i64) -> AssignmentRow {
    AssignmentRow {
        key: key("account"),
        desired: Desired {
            until: at(1000),
            asked_at: at(0),
            rev: 1,
            haste: EndPriority::Ordinary,
            removed_at: None,
        },
        execution: Execution {
            due: at(due),
            ..Execution::new(at(0))
        },
        gate: crate::Gate::Open,
        verdict_rev: 0,
    }
}

pub(super) fn absent(due: i64) -> AssignmentRow {
    let mut row = row(due);
    row.execution.observation = Observation::Absent {
        since: at(due),
        at: at(due),
    };
    row
}

pub(super) fn present(due: i64, seen: i64) -> AssignmentRow {
    let mut row = row(due);
    row.execution.ownership = Ownership::Ours;
    row.execution.observation = Observation::Present { at: at(seen) };
    row.execution.last_present_at = Some(at(seen));
    row.execution.verdict = Verdict::Present { at: at(seen) };
    row
}

pub(super) fn at_work(kind: OperationKind, operation_id: Option<&str>, due: i64) -> AssignmentRow {
    let mut row = present(due, 1);
    row.execution.verdict = Verdict::Working;
    row.execution.observation = Observation::Unseen;
    row.execution.operation = Some(Operation {
        kind,
        started_at: at(due),
        operation_id: operation_id.map(str::to_owned),
        polls: 0,
        proof: Proof::Listing,
        over_at: None,
    });
    row
}

pub(super) const CREATE: Queue = Queue::Write(Urgency::Grant, Slot::Account);
pub(super) const DELETE: Queue = Queue::Write(Urgency::End, Slot::Account);
pub(super) const DELETE_NOW: Queue = Queue::Write(Urgency::AtOnce, Slot::Account);

fn gave_up() -> AssignmentRow {
    let mut row = at_work(OperationKind::Create, None, 50);
    row.execution.operation = None;
    row.execution.observation = Observation::Present { at: at(50) };
    row.execution.giving_up = Some(GivingUp {
        reason: "no".to_owned(),
        at: at(50),
    });
    row
}

fn standing() -> AssignmentRow {
    let mut row = present(1000, 1);
    row.execution.ownership = Ownership::Standing;
    row
}

fn settled() -> AssignmentRow {
    let mut row = present(1600, 1);
    row.execution.verdict = Verdict::Absent {
        at: at(1001),
        why: crate::Absence::Removed,
    };
    row.execution.observation = Observation::Absent {
        since: at(1001),
        at: at(1001),
    };
    row.execution.deleted_at = Some(at(1000));
    row
}

fn taken_away() -> AssignmentRow {
    let mut row = present(20, 1);
    row.desired.haste = EndPriority::AtOnce;
    row.desired.until = at(30);
    row
}

fn membership() -> AssignmentRow {
    let mut row = present(1000, 1);
    row.key = key("group");
    row
}

fn over() -> AssignmentRow {
    at_work(OperationKind::Delete, Some("op"), 1005).over(at(1008), at(1009))
}

/// Name, row, instant, its queue and since when, or none.
type Stands = (&'static str, AssignmentRow, i64, Option<(Queue, i64)>);

fn wanted_rows() -> Vec<Stands> {
    vec![
        ("new", row(0), 0, Some((Queue::Step(Urgency::Grant), 0))),
        ("new, too early", row(9), 8, None),
        (
            "new, over before its first look",
            row(9),
            1000,
            Some((Queue::Step(Urgency::End), 1000)),
        ),
        ("seen absent", absent(5), 5, Some((CREATE, 0))),
        (
            "seen absent, long in line",
            absent(5),
            999,
            Some((CREATE, 0)),
        ),
        (
            "over while in line",
            absent(5),
            1000,
            Some((Queue::Step(Urgency::End), 1000)),
        ),
        ("live", present(600, 1), 599, None),
        (
            "live, to be compared",
            present(600, 1),
            700,
            Some((Queue::Step(Urgency::Background), 600)),
        ),
    ]
}

fn unwanted_rows() -> Vec<Stands> {
    vec![
        ("past its end", present(1000, 1), 1000, Some((DELETE, 1000))),
        ("past its end, pausing", present(1060, 1), 1059, None),
        ("and again", present(1060, 1), 1060, Some((DELETE, 1000))),
        (
            "compared late, past its end",
            present(600, 1),
            1200,
            Some((DELETE, 1000)),
        ),
        (
            "taken away by a person",
            taken_away(),
            40,
            Some((DELETE_NOW, 30)),
        ),
        ("given up", gave_up(), 60, Some((DELETE, 50))),
        (
            "standing",
            standing(),
            1000,
            Some((Queue::Step(Urgency::End), 1000)),
        ),
        (
            "settled",
            settled(),
            1700,
            Some((Queue::Step(Urgency::Background), 1600)),
        ),
        (
            "a membership",
            membership(),
            1000,
            Some((Queue::Write(Urgency::End, Slot::None), 1000)),
        ),
    ]
}

fn rows_at_work() -> Vec<Stands> {
    vec![
        (
            "being made",
            at_work(OperationKind::Create, Some("op"), 7),
            7,
            Some((Queue::Step(Urgency::Grant), 0)),
        ),
        (
            "being made, unanswered",
            at_work(OperationKind::Create, None, 7),
            7,
            Some((Queue::Step(Urgency::Grant), 0)),
        ),
        (
            "being removed",
            at_work(OperationKind::Delete, Some("op"), 1005),
            1005,
            Some((Queue::Step(Urgency::End), 1000)),
        ),
        (
            "removed, as far as AWS is concerned",
            over(),
            1009,
            Some((Queue::Step(Urgency::End), 1000)),
        ),
    ]
}

#[test]
fn where_a_row_stands() {
    let table = [wanted_rows(), unwanted_rows(), rows_at_work()].concat();
    let mut wrong = Vec::new();
    for (what, row, now, expected) in table {
        let expected = expected.map(|(queue, since)| (queue, at(since)));
        let found = QueuePosition::of(&row).queue(at(now));
        if found != expected {
            wrong.push(format!("{what}: {found:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `urgency since` of each head; accounts by default.
pub(super) fn heads(
    waiting: &[(Queue, i64)],
    in_flight: InFlight,
    at_once_waiting: u32,
) -> QueueFronts {
    QueueFronts {
        in_flight,
        at_once_waiting,
        heads: waiting
            .iter()
            .map(|(queue, since)| QueueFront {
                since: at(*since),
                key: format!("{queue:?}"),
                queue: *queue,
            })
            .collect(),
    }
}

pub(super) const fn busy(
    creates: u32,
    deletes: u32,
    at_once: u32,
    at_once_unanswered: u32,
) -> InFlight {
    InFlight {
        creates,
        deletes,
        at_once,
        at_once_unanswered,
    }
}

pub(super) const LOOK: Queue = Queue::Step(Urgency::End);
const ASK: Queue = Queue::Step(Urgency::Grant);
const COMPARE: Queue = Queue::Step(Urgency::Background);
pub(super) const MEMBER: Queue = Queue::Write(Urgency::Grant, Slot::None);

/// Name, queues, running operations, manual revocations waiting for a slot, result, whether a slot
/// is awaited.
type Choosing = (
    &'static str,
    &'static [(Queue, i64)],
    InFlight,
    u32,
    Option<Queue>,
    bool,
);

const CHOICES: &[Choosing] = &[
    ("nobody", &[], busy(0, 0, 0, 0), 0, None, false),
    (
        "by urgency",
        &[
            (COMPARE, 1),
            (ASK, 1),
            (CREATE, 1),
            (DELETE, 9),
            (DELETE_NOW, 9),
        ],
        busy(0, 0, 0, 0),
        1,
        Some(DELETE_NOW),
        false,
    ),
    (
        "ends by deadline, looks among them",
        &[(DELETE, 5), (LOOK, 4)],
        busy(0, 0, 0, 0),
        0,
        Some(LOOK),
        false,
    ),
    (
        "and the other way round",
        &[(DELETE, 4), (LOOK, 5)],
        busy(0, 0, 0, 0),
        0,
        Some(DELETE),
        false,
    ),
    (
        "ends before grants",
        &[(CREATE, 1), (DELETE, 9)],
        busy(0, 0, 0, 0),
        0,
        Some(DELETE),
        false,
    ),
    (
        "the last slot is a grant's",
        &[(CREATE, 1), (DELETE, 9)],
        busy(0, 9, 0, 0),
        0,
        Some(CREATE),
        true,
    ),
    (
        "unless one has it",
        &[(CREATE, 1), (DELETE, 9)],
        busy(1, 8, 0, 0),
        0,
        Some(DELETE),
        true,
    ),
    (
        "or none waits",
        &[(DELETE, 9)],
        busy(0, 9, 0, 0),
        0,
        Some(DELETE),
        false,
    ),
    (
        "creates leave one slot to ends",
        &[(CREATE, 1)],
        busy(9, 0, 0, 0),
        0,
        None,
        true,
    ),
    (
        "and take all others",
        &[(CREATE, 1)],
        busy(8, 0, 0, 0),
        0,
        Some(CREATE),
        false,
    ),
    (
        "nothing is left",
        &[(CREATE, 1), (DELETE, 9)],
        busy(1, 9, 0, 0),
        0,
        None,
        true,
    ),
    (
        "but steps need none",
        &[(CREATE, 1), (DELETE, 9), (COMPARE, 1)],
        busy(1, 9, 0, 0),
        0,
        Some(COMPARE),
        true,
    ),
    (
        "memberships do not either",
        &[(CREATE, 1), (MEMBER, 2), (DELETE, 9)],
        busy(1, 9, 0, 0),
        0,
        Some(MEMBER),
        true,
    ),
    (
        "a person's goes beyond",
        &[(DELETE_NOW, 9), (DELETE, 1)],
        busy(1, 9, 0, 0),
        1,
        Some(DELETE_NOW),
        true,
    ),
    (
        "one at a time",
        &[(DELETE_NOW, 9), (DELETE, 1)],
        busy(1, 10, 1, 1),
        1,
        None,
        true,
    ),
    (
        "the next once it is answered",
        &[(DELETE_NOW, 9), (DELETE, 1)],
        busy(1, 10, 1, 0),
        1,
        Some(DELETE_NOW),
        true,
    ),
    (
        "no other task takes its slot",
        &[(DELETE, 1)],
        busy(1, 8, 0, 0),
        1,
        None,
        true,
    ),
    (
        "not even a grant's",
        &[(CREATE, 1)],
        busy(0, 9, 0, 0),
        1,
        None,
        true,
    ),
    (
        "a crowd of them leaves one to grants",
        &[(DELETE_NOW, 9), (CREATE, 1)],
        busy(0, 9, 9, 0),
        7,
        Some(CREATE),
        true,
    ),
    (
        "and has it while none waits",
        &[(DELETE_NOW, 9)],
        busy(0, 9, 9, 0),
        7,
        Some(DELETE_NOW),
        false,
    ),
    (
        "a crowd does not go beyond",
        &[(DELETE_NOW, 9)],
        busy(1, 9, 9, 0),
        7,
        None,
        true,
    ),
];

#[test]
fn who_goes_first_of_ten_slots() {
    let mut wrong = Vec::new();
    for (what, waiting, in_flight, at_once, goes, waits) in CHOICES {
        let heads = heads(waiting, *in_flight, *at_once);
        let choice = choose(&heads, &Room::whole(10));
        let found = (choice.head.map(|head| head.queue), choice.waits_for_slot);
        if found != (*goes, *waits) {
            wrong.push(format!("{what}: {found:?} instead of {:?}", (goes, waits)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rows_of_one_instant_go_by_name() {
    let mut heads = heads(
        &[(DELETE, 5), (Queue::Step(Urgency::End), 5)],
        busy(0, 0, 0, 0),
        0,
    );
    heads.heads[0].key = "b".to_owned();
    heads.heads[1].key = "a".to_owned();
    let first = choose(&heads, &Room::whole(10)).head.unwrap();
    assert_eq!(first.key, "a");
}

#[test]
fn the_head_of_a_line_begins_what_it_stands_for() {
    let now = at(6);
    let row = absent(5);
    let Task::Send { before, intent } = task(row.clone(), CREATE, now) else {
        panic!("nothing begins");
    };
    assert_eq!(*before, row);
    assert_eq!(*intent, row.clone().begin(OperationKind::Create, now));
    let late = TimeSpan::minutes(2).after(now);
    let Task::Step(looked_at) = task(row.clone(), CREATE, late) else {
        panic!("a first create on a listing of two minutes ago");
    };
    assert_eq!(looked_at.execution.observation, Observation::Unseen);
    let step = task(row.clone(), Queue::Step(Urgency::Grant), now);
    assert_eq!(step, Task::Step(Box::new(row)));
    let new = self::row(0);
    assert_eq!(task(new.clone(), CREATE, now), Task::Step(Box::new(new)));
}
