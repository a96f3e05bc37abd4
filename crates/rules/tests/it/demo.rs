//! The demo files load with the one intended warning, and pass their tests.

use hallpass_rules::{Loaded, RuleFile, RuleTestOutcome, load};

use crate::world::noon;

fn warnings(loaded: &Loaded) -> Vec<String> {
    let rule = |position| loaded.rules.rules().find(|rule| rule.position == position);
    loaded
        .warnings
        .iter()
        .map(|w| {
            format!(
                "{} {}",
                w.code,
                rule(w.position).map_or(String::new(), |r| r.id.to_string())
            )
        })
        .collect()
}

#[test]
fn the_native_file_holds_what_its_tests_say() {
    let text = include_str!("../../../../demo/rules.toml");
    let loaded = load(&RuleFile::new("demo/rules.toml", text)).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", errors.join("\n"))
    });
    assert_eq!(warnings(&loaded), ["self-denied-by read-anywhere"]);
    let results = loaded.rules.run_tests(None, noon());
    assert_eq!(results.len(), 8);
    for result in results {
        assert_eq!(result.outcome, RuleTestOutcome::Passed, "{}", result.name);
    }
}

#[test]
fn the_elevator_file_loads() {
    let text = include_str!("../../../../demo/elevator.json");
    let loaded = load(&RuleFile::new("demo/elevator.json", text)).unwrap();
    assert_eq!(warnings(&loaded), ["self-denied-by read-anywhere"]);
}

#[test]
fn the_example_of_the_reference_is_true() {
    let page = include_str!("../../../../docs/reference/rules.md");
    let block = page
        .split("```toml\n")
        .find(|block| block.starts_with("# rules.toml"))
        .and_then(|block| block.split("```").next())
        .expect("the page has the example");
    let loaded = load(&RuleFile::new("rules.toml", block)).unwrap();
    assert_eq!(loaded.warnings, []);
    let results = loaded.rules.run_tests(None, noon());
    assert!(!results.is_empty());
    assert!(
        results
            .iter()
            .all(|result| result.outcome == RuleTestOutcome::Passed),
        "{results:?}"
    );
}
