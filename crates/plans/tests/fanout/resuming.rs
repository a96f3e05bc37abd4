//! Killed or stopped runs, resumed (`inventory.md` F-15).

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};

use hallpass_plans::fanout::{BadJournal, Journal, JournalRecord, Slice};

use crate::world::{ASKED, Disk, World, id, run_once, run_over};

#[test]
fn killed_at_any_call_and_gone_on_with_the_bytes_are_the_same() {
    let world = World {
        denied_every: 4,
        throttled_percent: 3,
        pages: 2,
        ..World::new(9, 3)
    };
    let whole = run_once(&world);
    let calls = whole.seen.calls.load(SeqCst);
    for at in 0..calls {
        let disk: Arc<Mutex<Disk>> = Arc::default();
        let killed = World {
            killed_at: Some(at),
            ..world.clone()
        };
        let first = run_over(&killed, &disk);
        assert!(first.report.is_none(), "killed after {at} calls");
        assert!(whole.given.output.starts_with(&first.given.output));
        let other = World {
            seed: at,
            ..world.clone()
        };
        let again = run_over(&other, &disk);
        assert_eq!(again.given.output, whole.given.output, "after {at} calls");
        assert_eq!(again.report().totals.ok, whole.report().totals.ok);
    }
}

#[test]
fn what_was_read_is_not_asked_again_and_what_failed_is() {
    let mut world = World::new(9, 3);
    world.broken.insert((2, "r-01".to_owned()));
    let disk = Arc::default();
    let first = run_over(&world, &disk);
    assert_eq!(first.report().totals.failed, 1);
    world.broken.clear();
    let again = run_over(&world, &disk);
    let asked = again.seen.slices_asked.lock().unwrap().clone();
    let missing = Slice {
        account: id(2),
        region: "r-01".to_owned(),
    };
    assert_eq!(asked, [missing]);
    assert_eq!(*again.seen.roles.lock().unwrap(), [id(2)]);
    assert_eq!(again.given.output, run_once(&world).given.output);
}

#[test]
fn a_stop_lets_what_is_under_way_answer_and_the_rest_be() {
    let world = World {
        stopped_at_ms: Some(400),
        ..World::new(60, 6)
    };
    let disk = Arc::default();
    let ran = run_over(&world, &disk);
    assert!(ran.report().is_stopped);
    assert!(ran.ms <= 5_400, "{}", ran.ms);
    let again = run_over(
        &World {
            stopped_at_ms: None,
            ..world.clone()
        },
        &disk,
    );
    assert_eq!(again.lines().len(), 59 * 6);
    let slow = World {
        slow: Some((1, 1_000_000)),
        ..world
    };
    let ran = run_once(&slow);
    assert!((5_000..6_000).contains(&ran.ms), "{}", ran.ms);
}

#[test]
fn journals_are_read_as_far_as_they_are_whole() {
    let slice = Slice {
        account: id(1),
        region: "r".to_owned(),
    };
    let mut text = Journal::line(&JournalRecord::Asked(ASKED.to_owned()));
    let extents = vec![hallpass_plans::fanout::Extent { at: 0, bytes: 10 }];
    text.extend(Journal::line(&JournalRecord::Done {
        slice: slice.clone(),
        extents,
    }));
    let whole = text.clone();
    text.extend(b"{\"done\":{\"sl");
    assert!(
        Journal::read(&text, ASKED, 10)
            .unwrap()
            .done
            .contains_key(&slice)
    );
    assert!(Journal::read(&text, ASKED, 9).unwrap().done.is_empty());
    let other = Journal::read(&text, "s3 ListBuckets", 10).unwrap_err();
    assert!(matches!(other, BadJournal::Other { was } if was == ASKED));
    assert_eq!(Journal::read(b"", ASKED, 0), Err(BadJournal::Empty));
    let mut broken = whole.clone();
    broken.extend(b"nonsense\n");
    broken.extend(&whole);
    assert_eq!(
        Journal::read(&broken, ASKED, 10),
        Err(BadJournal::Record(whole.len()))
    );
}
