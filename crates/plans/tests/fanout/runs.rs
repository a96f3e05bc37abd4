//! Behavior and output of runs (`inventory.md` F-3 to F-14).

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use hallpass_plans::fanout::{
    FailureStage, FanoutError, Leaving, Management, RegionChoice, Selection,
};

use crate::world::{World, id, run_once, run_over};

fn expected(world: &World, is_asked: impl Fn(usize, &str) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    for n in 1..world.accounts {
        for region in &world.regions {
            for page in 1..=world.pages {
                if is_asked(n, region) {
                    lines.push(format!("{} {region} {page}", id(n)));
                }
            }
        }
    }
    lines
}

#[test]
fn every_third_account_denied_and_throttles_change_nothing_but_what_is_denied() {
    let mut first: Option<Vec<u8>> = None;
    for seed in 0..20 {
        let world = World {
            seed,
            denied_every: 3,
            throttled_percent: 5,
            pages: 2,
            ..World::new(60, 6)
        };
        let ran = run_once(&world);
        assert_eq!(
            ran.lines(),
            expected(&world, |n, _| !n.is_multiple_of(3)),
            "seed {seed}"
        );
        let report = ran.report();
        assert_eq!(report.totals.ok, 40 * 6);
        let lost = ran.given.failures.iter();
        let lost: usize = lost.map(|it| it.regions.unwrap_or(1)).sum();
        assert_eq!(report.totals.failed, lost);
        assert!(report.totals.retries > 0);
        assert_eq!(ran.given.failures.len(), 19);
        assert!(ran.given.failures.iter().all(|it| {
            // lost Regions are unknown if the account service was busy
            let regions = it.regions.unwrap_or(6);
            it.stage == FailureStage::AssumeRole && regions == 6 && it.code == "AccessDenied"
        }));
        let most = ran.seen.in_flight_most.load(SeqCst);
        assert!(most <= 64, "{most} in flight");
        let first = first.get_or_insert_with(|| ran.given.output.clone());
        assert_eq!(*first, ran.given.output, "seed {seed}");
    }
}

#[test]
fn the_model_of_time_holds() {
    for (concurrency, below_ms) in [(20, 38_000), (64, 12_500), (100, 8_500), (256, 5_000)] {
        let world = World {
            concurrency,
            ..World::new(201, 20)
        };
        let ran = run_once(&world);
        let seen = &ran.seen;
        let calls = seen.calls.load(SeqCst);
        // pages of accounts, roles, two pages of Regions, slices
        assert_eq!(calls, 11 + 200 + 2 * 200 + 200 * 20);
        assert_eq!(seen.roles.lock().unwrap().len(), 200, "one role an account");
        assert!(seen.in_flight_most.load(SeqCst) <= concurrency as u64);
        let by_account = seen.by_account_most.lock().unwrap();
        assert_eq!(by_account.len(), 200);
        assert!(by_account.values().all(|(_, most)| *most <= 8));
        let ideal = calls * 55 / concurrency as u64;
        assert!(
            ran.ms < below_ms,
            "{concurrency}: {} ms, ideal {ideal}",
            ran.ms
        );
        assert!(
            ran.ms < ideal * 115 / 100 + 1_000,
            "{concurrency}: {} of {ideal}",
            ran.ms
        );
        let first = seen.first_page_ms.load(SeqCst);
        assert!(first < 300, "the listing continues meanwhile: {first}");
    }
}

#[test]
fn a_slow_account_holds_nobody_up() {
    let world = World {
        slow: Some((1, 60_000)),
        concurrency: 16,
        leaving: Leaving::AtOnce,
        ..World::new(40, 4)
    };
    let ran = run_once(&world);
    let lines = ran.lines();
    let late = lines
        .iter()
        .rev()
        .take(4)
        .all(|it| it.starts_with(id(1).as_str()));
    assert!(late, "{lines:?}");
    assert_eq!(lines.len(), 39 * 4);
}

#[test]
fn regions_are_the_accounts_own_and_what_is_off_is_skipped() {
    let mut world = World::new(4, 3);
    world.off.insert((2, "r-01".to_owned()));
    let ran = run_once(&world);
    assert_eq!(
        ran.lines(),
        expected(&world, |n, region| (n, region) != (2, "r-01"))
    );
    assert_eq!(ran.given.skips.len(), 1, "the management account");

    world.choice = RegionChoice::Named(vec!["r-01".to_owned()]);
    let ran = run_once(&world);
    assert_eq!(
        ran.lines(),
        expected(&world, |n, region| region == "r-01" && n != 2)
    );
    let off = ran
        .given
        .skips
        .iter()
        .find(|it| it.region.is_some())
        .unwrap();
    assert_eq!(
        (off.account.clone(), off.reason),
        (id(2), "region disabled")
    );

    world.choice = RegionChoice::Certain(vec!["global".to_owned()]);
    let ran = run_once(&world);
    assert_eq!(ran.lines().len(), 3);
    assert!(ran.seen.regions_asked.lock().unwrap().is_empty());
}

#[test]
fn where_nobody_outside_says_the_regions_each_account_is_asked() {
    let world = World {
        outside_denied: true,
        denied_every: 3,
        ..World::new(30, 3)
    };
    let ran = run_once(&world);
    assert_eq!(ran.lines(), expected(&world, |n, _| !n.is_multiple_of(3)));
    assert_eq!(ran.given.failures.len(), 9);
    assert!(ran.given.failures.iter().all(|it| it.regions.is_none()));
    assert_eq!(ran.report().totals.failed, 9);
}

#[test]
fn results_beyond_memory_come_from_the_disk_in_order() {
    let world = World {
        line_bytes: 1 << 20,
        slow: Some((1, 100_000)),
        ..World::new(30, 4)
    };
    let disk = Arc::default();
    let ran = run_over(&world, &disk);
    assert_eq!(ran.lines().len(), 29 * 4);
    assert!(ran.lines().is_sorted());
    assert!(disk.lock().unwrap().reads > 0);
}

#[test]
fn credentials_are_exchanged_before_they_end() {
    let world = World {
        credentials_ms: Some(310_000),
        latency_ms: 4_000,
        ..World::new(2, 40)
    };
    let ran = run_once(&world);
    assert_eq!(ran.lines().len(), 40);
    assert!(ran.seen.roles.lock().unwrap().len() > 1);
}

#[test]
fn an_account_that_was_named_and_is_not_there_ends_the_run_before_it_begins() {
    let world = World {
        selection: Selection {
            accounts: [id(1), id(999)].into(),
            ..Selection::default()
        },
        ..World::new(30, 3)
    };
    let ran = run_once(&world);
    let error = ran.report.unwrap().unwrap_err();
    assert!(matches!(&error, FanoutError::UnknownAccounts(ids) if *ids == [id(999)]));
    assert!(ran.seen.roles.lock().unwrap().is_empty());
    assert!(ran.seen.slices_asked.lock().unwrap().is_empty());
}

#[test]
fn a_storm_of_throttles_ends() {
    let world = World {
        throttled_percent: 100,
        ..World::new(60, 6)
    };
    let ran = run_once(&world);
    assert!(ran.report().is_unlisted);
    assert_eq!(ran.seen.calls.load(SeqCst), 6);
    let world = World {
        throttled_percent: 60,
        ..World::new(400, 10)
    };
    let ran = run_once(&world);
    let totals = ran.report().totals;
    assert!(totals.retries <= 500 + totals.calls / 10, "{totals:?}");
    assert!(totals.failed > 0);
}

#[test]
fn progress_ends_where_the_totals_are() {
    let ran = run_once(&World {
        selection: Selection {
            management: Management::Included,
            ..Selection::default()
        },
        ..World::new(30, 3)
    });
    let last = ran.given.progress.last().unwrap();
    assert!(last.is_whole);
    assert_eq!((last.slices, last.totals.ok), (90, 90));
    assert!(!ran.given.progress.first().unwrap().is_whole);
}
