//! The engine against the oracle, on random cases.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::{oracle, random};

/// A runner that draws the same cases every time.
fn fixed(seed: u8) -> TestRunner {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    TestRunner::new_with_rng(Config::default(), rng)
}

#[test]
fn every_decision_and_row_is_drawn() {
    let mut runner = fixed(1);
    let strategy = random::case();
    let mut decisions: BTreeMap<&str, u32> = BTreeMap::new();
    let mut rows: BTreeMap<(&str, &str, &str), u32> = BTreeMap::new();
    for _ in 0..4000 {
        let case = strategy.new_tree(&mut runner).unwrap().current();
        let verdict = oracle::verdict(&case).unwrap_or_else(|code| panic!("{code}: {case}"));
        *decisions.entry(verdict.decision).or_default() += 1;
        *rows
            .entry((verdict.row, verdict.decision, verdict.by))
            .or_default() += 1;
    }
    println!("{decisions:#?}");
    for (row, n) in &rows {
        println!("{row:?} {n}");
    }
}
