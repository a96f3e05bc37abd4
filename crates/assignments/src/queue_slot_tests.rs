use super::tests::{
    CREATE, DELETE, DELETE_NOW, LOOK, MEMBER, absent, at, at_work, busy, heads, present, row,
};
use super::*;

#[test]
fn operations_are_counted_by_kind_and_those_at_once_apart() {
    let (create, delete) = (OperationKind::Create, OperationKind::Delete);
    for (kind, haste, is_accepted, expected) in [
        (create, EndPriority::AtOnce, false, busy(1, 0, 0, 0)),
        (delete, EndPriority::Ordinary, false, busy(0, 1, 0, 0)),
        (delete, EndPriority::AtOnce, true, busy(0, 1, 1, 0)),
        (delete, EndPriority::AtOnce, false, busy(0, 1, 1, 1)),
    ] {
        let mut counted = InFlight::default();
        counted.add(kind, haste, is_accepted);
        assert_eq!(counted, expected, "{kind:?} {haste:?} {is_accepted}");
    }
}

#[test]
fn only_an_operation_that_aws_answered_is_accepted() {
    let create = OperationKind::Create;
    for (row, expected) in [
        (row(0), false),
        (at_work(create, None, 7), false),
        (at_work(create, Some("op"), 7), true),
    ] {
        assert_eq!(QueuePosition::of(&row).is_accepted, expected);
    }
}

/// Instant, waits for create, waits for delete.
#[test]
fn who_waits_for_a_create_or_a_delete() {
    for (row, now, grant, end) in [
        (absent(5), 4, false, false),
        (absent(5), 5, true, false),
        (absent(5), 999, true, false),
        (absent(5), 1000, false, false),
        (present(600, 1), 700, false, false),
        (present(1000, 1), 999, false, false),
        (present(1000, 1), 1000, false, true),
        (present(1060, 1), 1059, false, false),
        (present(1060, 1), 1060, false, true),
    ] {
        let position = QueuePosition::of(&row);
        assert_eq!(position.waits_for_grant(at(now)), grant, "{now} {row:?}");
        assert_eq!(position.waits_for_end(at(now)), end, "{now} {row:?}");
    }
}

/// At AWS's limit, manual revocations, memberships and reads continue.
#[test]
fn what_may_begin_while_aws_takes_no_more() {
    for (queue, ends, at_once, none) in [
        (DELETE_NOW, true, true, false),
        (DELETE, true, false, false),
        (CREATE, false, false, false),
        (MEMBER, false, true, false),
        (LOOK, true, true, true),
    ] {
        for (writes, expected) in [
            (Writes::Ends, ends),
            (Writes::AtOnce, at_once),
            (Writes::None, none),
        ] {
            let room = Room {
                writes,
                ..Room::whole(10)
            };
            assert_eq!(may_begin(queue, &room), expected, "{queue:?} {writes:?}");
        }
    }
}

#[test]
fn a_create_takes_a_slot_that_is_free_and_no_other() {
    for (in_flight, expected) in [
        (busy(0, 9, 0, 0), true),
        (busy(0, 10, 0, 0), false),
        (busy(0, 10, 10, 0), false),
        (busy(1, 8, 0, 0), true),
        (busy(1, 9, 0, 0), false),
    ] {
        let heads = heads(&[(CREATE, 1)], in_flight, 0);
        let goes = choose(&heads, &Room::whole(10)).head.is_some();
        assert_eq!(goes, expected, "{in_flight:?}");
    }
}

/// A listing may lag until 1050: at 1060 the row queues.
#[test]
fn a_row_stands_where_it_will_at_the_instant_it_is_due() {
    let mut row = present(1060, 1);
    row.execution.deleted_at = Some(at(990));
    let stands = QueuePosition::of(&row).queue(at(1060));
    assert_eq!(stands, Some((DELETE, at(1000))));
}

#[test]
fn what_is_due_at_its_end_has_nothing_to_do_before() {
    for (due, expected) in [(999, WhileWanted::Watch), (1000, WhileWanted::Nothing)] {
        let position = QueuePosition::of(&present(due, 1));
        assert_eq!(position.while_wanted, expected, "{due}");
    }
}

#[test]
fn only_nine_of_ten_that_persons_want_are_a_crowd_that_leaves_one_slot() {
    for (at_once, expected) in [(8, DELETE_NOW), (9, CREATE)] {
        let waiting = [(DELETE_NOW, 9), (CREATE, 1)];
        let heads = heads(&waiting, busy(0, 9, at_once, 0), 1);
        let first = choose(&heads, &Room::whole(10)).head.map(|head| head.queue);
        assert_eq!(first, Some(expected), "{at_once}");
    }
}
