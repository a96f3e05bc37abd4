//! Regression tests for faults of the predecessor (`inventory.md` F-18), except output and command
//! line.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::SeqCst;

use hallpass_plans::fanout::{FailureStage, Management, RegionSource, Selection};

use crate::world::{World, id, run_once};

#[test]
fn f1_a_role_is_assumed_once_an_account_and_not_once_a_region() {
    let ran = run_once(&World::new(30, 20));
    let roles = ran.seen.roles.lock().unwrap().clone();
    let once: BTreeSet<_> = roles.iter().collect();
    assert_eq!((roles.len(), once.len()), (29, 29));
}

#[test]
fn f2_regions_are_asked_side_by_side() {
    let ran = run_once(&World::new(2, 8));
    assert_eq!(ran.seen.by_account_most.lock().unwrap()[&id(1)].1, 8);
}

#[test]
fn f3_a_failing_region_ends_nothing_but_itself() {
    let mut world = World::new(3, 5);
    world.broken.insert((1, "r-00".to_owned()));
    let ran = run_once(&world);
    assert_eq!(ran.lines().len(), 2 * 5 - 1);
    let failure = &ran.given.failures[0];
    assert_eq!(
        (failure.stage, failure.region.as_deref()),
        (FailureStage::Call, Some("r-00"))
    );
}

#[test]
fn f4_when_many_fail_the_others_are_still_asked() {
    let world = World {
        denied_every: 2,
        concurrency: 2,
        ..World::new(60, 2)
    };
    let ran = run_once(&world);
    assert_eq!(ran.lines().len(), 30 * 2);
    assert_eq!(ran.given.failures.len(), 29);
}

#[test]
fn f5_a_failure_is_never_a_result() {
    let mut world = World {
        pages: 3,
        ..World::new(3, 2)
    };
    // all pages but the last arrived: a partial list does not count
    world.broken.insert((1, "r-00".to_owned()));
    let ran = run_once(&world);
    let prefix = format!("{} r-00", id(1));
    assert_eq!(ran.lines().len(), 9);
    assert!(ran.lines().iter().all(|it| !it.starts_with(&prefix)));
    assert_eq!(ran.given.failures.len(), 1);
}

#[test]
fn f6_regions_are_asked_for_each_account() {
    let ran = run_once(&World::new(5, 2));
    let asked = ran.seen.regions_asked.lock().unwrap().clone();
    let accounts: BTreeSet<_> = asked.iter().map(|(account, _)| account.clone()).collect();
    assert_eq!(accounts, (1..5).map(id).collect());
    assert!(
        asked
            .iter()
            .all(|(_, source)| *source == RegionSource::Outside)
    );
}

#[test]
fn f7_calls_under_way_are_bounded() {
    let world = World {
        concurrency: 5,
        ..World::new(100, 10)
    };
    let ran = run_once(&world);
    assert_eq!(ran.seen.in_flight_most.load(SeqCst), 5);
}

#[test]
fn f8_the_management_account_is_entered_with_our_own_credentials_and_only_when_asked() {
    let mut world = World::new(3, 2);
    let ran = run_once(&world);
    assert_eq!(ran.lines().len(), 4);
    assert!(ran.lines().iter().all(|it| !it.starts_with(id(0).as_str())));
    assert_eq!(ran.given.skips[0].reason, "management account");
    world.selection = Selection {
        management: Management::Included,
        ..Selection::default()
    };
    let ran = run_once(&world);
    assert_eq!(ran.lines().len(), 3 * 2);
    assert!(!ran.seen.roles.lock().unwrap().contains(&id(0)));
}

#[test]
fn f9_suspended_accounts_are_not_asked_and_said_to_be() {
    let world = World {
        suspended: BTreeSet::from([2]),
        ..World::new(4, 2)
    };
    let ran = run_once(&world);
    assert!(!ran.seen.roles.lock().unwrap().contains(&id(2)));
    let skip = ran
        .given
        .skips
        .iter()
        .find(|it| it.account == id(2))
        .unwrap();
    assert_eq!(skip.reason, "suspended");
    assert!(ran.given.failures.is_empty());
}

#[test]
fn f12_the_order_is_the_same_whatever_the_timing() {
    let outputs: BTreeSet<Vec<u8>> = (0..20)
        .map(|seed| {
            let world = World {
                seed,
                ..World::new(20, 5)
            };
            run_once(&world).given.output
        })
        .collect();
    assert_eq!(outputs.len(), 1);
}
