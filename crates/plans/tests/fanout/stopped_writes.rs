//! Aborted writes: each call in flight may have taken effect (`inventory.md` F-2).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use hallpass_plans::fanout::{FanoutError, Leaving, Slice};

use crate::world::{Disk, Ran, World, id, run_once, run_over};

fn hanging(world: World) -> World {
    World {
        hanging: [(1, "r-00".to_owned())].into(),
        leaving: Leaving::AtOnce,
        ..world
    }
}

fn failed(ran: &Ran) -> BTreeSet<Slice> {
    let failures = ran.given.failures.iter();
    let places = failures.map(|it| Slice {
        account: it.account.clone().unwrap(),
        region: it.region.clone().unwrap(),
    });
    places.collect()
}

#[test]
fn what_was_done_has_left_and_what_hangs_is_a_failure() {
    let world = hanging(World {
        writes: true,
        stopped_at_ms: Some(2_000),
        ..World::new(9, 5)
    });
    let ran = run_once(&world);
    let report = ran.report();
    assert!(report.is_stopped);
    assert!((7_000..7_100).contains(&ran.ms), "{}", ran.ms);
    assert_eq!((report.totals.ok, report.totals.failed), (39, 1));
    let lines = ran.lines();
    assert_eq!(lines.len(), 39);
    let first = format!("{} r-00", id(1));
    assert!(!lines.iter().any(|it| it.starts_with(&first)), "{lines:?}");
    let failures: Vec<_> = ran.given.failures.iter().collect();
    let [failure] = failures.as_slice() else {
        panic!("{failures:?}")
    };
    assert_eq!(failure.account, Some(id(1)));
    assert_eq!(failure.region.as_deref(), Some("r-00"));
    assert_eq!((failure.code.as_str(), failure.attempts), ("NoAnswer", 1));
}

#[test]
fn what_was_never_called_is_no_failure_of_a_call() {
    let world = hanging(World {
        writes: true,
        concurrency: 1,
        stopped_at_ms: Some(2_000),
        ..World::new(9, 5)
    });
    let ran = run_once(&world);
    assert_eq!(
        ran.seen.slices_asked.lock().unwrap().len(),
        ran.lines().len() + 1
    );
    assert_eq!(ran.given.failures.len(), 1);
    assert_eq!(ran.report().totals.failed, 1);
}

#[test]
fn a_stopped_read_has_no_failure_and_goes_on_with_what_was_read() {
    let world = World {
        leaving: Leaving::InOrder,
        stopped_at_ms: Some(2_000),
        ..hanging(World::new(9, 5))
    };
    let disk = Arc::default();
    let ran = run_over(&world, &disk);
    assert!(ran.report().is_stopped);
    assert!(ran.lines().is_empty());
    assert!(ran.given.failures.is_empty());
    let again = run_over(&World::new(9, 5), &disk);
    assert_eq!(again.seen.slices_asked.lock().unwrap().len(), 1);
    assert_eq!(again.given.output, run_once(&World::new(9, 5)).given.output);
}

#[test]
fn where_nobody_takes_the_results_what_is_under_way_is_told_all_the_same() {
    let world = hanging(World {
        writes: true,
        taken_most: Some(3),
        ..World::new(9, 5)
    });
    let ran = run_once(&world);
    assert_eq!(ran.lines().len(), 3);
    let failed = failed(&ran);
    let asked = ran.seen.slices_asked.lock().unwrap().clone();
    let asked: BTreeSet<Slice> = asked.into_iter().collect();
    // three were output; the fourth is in the spool
    assert!(asked.difference(&failed).count() <= 4, "{failed:?}");
    let hangs = Slice {
        account: id(1),
        region: "r-00".to_owned(),
    };
    assert!(failed.contains(&hangs), "{failed:?}");
    let error = ran.report.unwrap().unwrap_err();
    assert!(matches!(error, FanoutError::Sink(_)));
}

/// Full disk: completed calls are not reported as never made.
#[test]
fn where_nothing_can_be_noted_what_was_answered_is_told_all_the_same() {
    let world = World {
        writes: true,
        concurrency: 1,
        leaving: Leaving::AtOnce,
        ..World::new(9, 5)
    };
    let disk = Arc::new(Mutex::new(Disk {
        room: Some(3),
        ..Disk::default()
    }));
    let ran = run_over(&world, &disk);
    let asked = ran.seen.slices_asked.lock().unwrap().len();
    assert_eq!((asked, ran.lines().len()), (4, 4));
    assert!(ran.given.failures.is_empty());
    let error = ran.report.unwrap().unwrap_err();
    assert!(matches!(error, FanoutError::Spool(_)));
}
