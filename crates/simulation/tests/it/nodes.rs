//! Two nodes over one store and one AWS: nothing is lost or duplicated, and ends are on time and
//! reported, despite kills, pauses and lost connections. Tests detect every removed safeguard.

use std::collections::BTreeSet;
use std::time::Duration;

use hallpass_base::testing::{cases, soaks, stops};
use hallpass_simulation::{Landmark, Life, Lived, Mishap, Planned, Reached, Weakness};

/// Regression seeds, each with its finding.
const CORPUS: &str = include_str!("../../corpus/two-nodes.txt");

fn live(life: Life) -> Lived {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(life.live())
        .unwrap()
}

fn check(lived: &Lived, case: &str) {
    let broken = lived.broken();
    assert!(broken.is_empty(), "{case}: {broken:#?}");
}

fn corpus() -> impl Iterator<Item = u64> {
    let lines = CORPUS.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_whitespace().next()?.parse().ok())
}

fn seeds(few: u64, all: u64) -> impl Iterator<Item = u64> {
    corpus().chain(1..=cases(few, all))
}

#[test]
fn a_seed_lives_the_same_life_twice() {
    for seed in [1, 4] {
        let (one, other) = (live(Life::drawn(seed)), live(Life::drawn(seed)));
        assert_eq!(one.ledger.trace(), other.ledger.trace(), "seed {seed}");
        assert_ne!(one.ledger.trace(), 0);
    }
}

#[test]
fn lives_with_two_nodes_keep_every_promise_and_reach_what_matters() {
    assert!(corpus().count() > 0);
    let reached = Reached::default();
    for seed in seeds(60, 10_000) {
        let lived = live(Life::drawn(seed));
        check(&lived, &format!("`make simulate SEEDS={seed}`"));
        reached.add(&lived.ledger.reached);
    }
    reaches_all(&reached, false);
}

fn reaches_all(reached: &Reached, arms: bool) {
    let missing = reached.missing(arms).into_iter();
    let missing: Vec<&str> = missing.map(Landmark::says).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}

#[test]
fn lives_with_ends_that_aws_enforces_keep_every_promise_and_reach_what_matters() {
    let reached = Reached::default();
    for seed in 1..=cases(40, 5_000) {
        let lived = live(Life::drawn(seed).armed());
        check(&lived, &format!("`make simulate SEEDS={seed} ARMED=1`"));
        reached.add(&lived.ledger.reached);
    }
    reaches_all(&reached, true);
}

#[test]
fn lives_with_one_node_keep_every_promise() {
    for seed in seeds(15, 2_000) {
        check(
            &live(Life::drawn(seed).alone()),
            &format!("seed {seed}, ALONE=1"),
        );
    }
}

/// Longer than a term, so that the other node takes the lead.
const LONG: Duration = Duration::from_secs(9);
const MISHAPS: [Mishap; 4] = [
    Mishap::KillBefore,
    Mishap::KillAfter,
    Mishap::PauseBefore(LONG),
    Mishap::PauseAfter(LONG),
];

#[test]
fn each_call_of_a_leader_may_be_its_last() {
    let calls = live(Life::planned(None)).calls;
    assert!(calls > 200, "only {calls} calls");
    let every = if soaks() { 1 } else { 13 };
    for (call, mishap) in stops(calls, MISHAPS).step_by(every) {
        let lived = live(Life::planned(Some(Planned { call, mishap })));
        check(&lived, &format!("call {call} of {calls}, {mishap:?}"));
    }
}

fn broken_without(weakness: Weakness, seed: u64) -> BTreeSet<&'static str> {
    check(&live(Life::drawn(seed)), &format!("seed {seed}"));
    let lived = live(Life::drawn(seed).with(weakness));
    lived.broken().into_iter().map(|it| it.promise).collect()
}

#[test]
fn a_store_without_the_fence_is_found() {
    let broken = broken_without(Weakness::NoFence, 3);
    assert!(
        broken.contains("only_the_leader_writes_to_the_store"),
        "{broken:?}"
    );
}

#[test]
fn a_term_without_its_margin_is_found() {
    let broken = broken_without(Weakness::NoMargin, 135);
    assert!(
        broken.contains("only_the_leader_writes_to_aws"),
        "{broken:?}"
    );
}

#[test]
fn a_client_without_the_last_look_is_found() {
    let broken = broken_without(Weakness::NoLastLook, 19);
    assert!(
        broken.contains("only_the_leader_writes_to_aws"),
        "{broken:?}"
    );
}
