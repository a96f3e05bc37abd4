//! Compares the engine with the oracle on random cases.
//!
//! `HALLPASS_IAM_CASES` sets the number of cases, `HALLPASS_IAM_SEED` (64 hex digits) the seed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use serde_json::Value;

use crate::{engine, oracle, random};

const CASES: u32 = 2_000;

/// Rows and exceptions of `policies.md` §2.6 that the generator must reach.
const ROWS: &[&str] = &[
    "anonymous",
    "free",
    "cross",
    "federated",
    "kms",
    "root",
    "root cross",
    "root kms",
    "same",
    "service",
    "trust",
];

pub(crate) fn cases(divisor: u32) -> u32 {
    let set = std::env::var("HALLPASS_IAM_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    (set.unwrap_or(CASES) / divisor).max(1)
}

fn seed() -> [u8; 32] {
    if let Ok(text) = std::env::var("HALLPASS_IAM_SEED") {
        let byte = |at: usize| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap();
        return std::array::from_fn(byte);
    }
    let drawn = any::<[u8; 32]>().new_tree(&mut TestRunner::default());
    drawn.unwrap().current()
}

fn runner(seed: &[u8; 32], cases: u32) -> TestRunner {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, seed);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 50_000,
        max_global_rejects: cases * 50,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, rng)
}

/// Tests a property on random values; a failure prints the seed and the smallest value.
pub(crate) fn holds(
    cases: u32,
    strategy: &BoxedStrategy<Value>,
    test: impl Fn(&Value) -> Result<(), TestCaseError>,
) {
    let seed = seed();
    match runner(&seed, cases).run(strategy, |value| test(&value)) {
        Ok(()) => {}
        Err(TestError::Fail(reason, smallest)) => {
            let seed: Vec<String> = seed.iter().map(|byte| format!("{byte:02x}")).collect();
            let seed = seed.concat();
            panic!("{reason}\nHALLPASS_IAM_SEED={seed}\nthe smallest case:\n{smallest}");
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

#[test]
fn oracle_agrees() {
    holds(cases(1), &random::case(), |case| {
        let oracle = oracle::verdict(case);
        let engine = engine::decision(case);
        let words = oracle
            .map(|verdict| verdict.decision.to_owned())
            .map_err(str::to_owned);
        prop_assert!(
            words == engine,
            "the engine says {engine:?}, the oracle {oracle:?}"
        );
        Ok(())
    });
}

#[test]
fn every_decision_and_row_is_drawn() {
    const DRAWN: u32 = 4_000;
    let mut runner = runner(&[1; 32], DRAWN);
    let strategy = random::case();
    let mut decisions: BTreeMap<&str, u32> = BTreeMap::new();
    let mut rows: BTreeMap<(&str, &str, &str), u32> = BTreeMap::new();
    for _ in 0..DRAWN {
        let case = strategy.new_tree(&mut runner).unwrap().current();
        let verdict = oracle::verdict(&case).unwrap_or_else(|code| panic!("{code}: {case}"));
        *decisions.entry(verdict.decision).or_default() += 1;
        *rows
            .entry((verdict.row, verdict.decision, verdict.by))
            .or_default() += 1;
    }
    let text: Vec<String> = rows
        .iter()
        .map(|(row, drawn)| format!("{row:?} {drawn}"))
        .collect();
    println!("{decisions:?}\n{}", text.join("\n"));
    for word in ["Allowed", "ExplicitlyDenied", "ImplicitlyDenied"] {
        let drawn = decisions.get(word).copied().unwrap_or_default();
        assert!(
            drawn * 100 >= DRAWN * 15,
            "{word} only {drawn} of {DRAWN} times"
        );
    }
    for row in ROWS {
        let drawn = |word| {
            rows.keys()
                .any(|(at, decision, _)| at == row && *decision == word)
        };
        assert!(drawn("Allowed"), "{row} is never allowed");
        let denied = drawn("ImplicitlyDenied") && drawn("ExplicitlyDenied");
        assert!(denied || *row == "free", "{row} is never denied");
    }
    for layer in ["scp", "rcp", "resource", "boundary", "session", "identity"] {
        let drawn = |word| {
            rows.keys()
                .any(|(_, decision, by)| *by == layer && *decision == word)
        };
        assert!(drawn("ExplicitlyDenied"), "{layer} never denies");
        assert!(
            layer == "rcp" || drawn("ImplicitlyDenied"),
            "{layer} is never what is missing"
        );
    }
}
