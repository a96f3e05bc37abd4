//! Checks that all `make` builds resolve the same features, so that tests, programs and examples
//! share them.

use std::collections::{BTreeMap, BTreeSet};

use crate::breach::Breach;

pub(crate) fn question(edges: &'static str) -> [&'static str; 9] {
    [
        "tree",
        "--locked",
        "--workspace",
        "--prefix",
        "none",
        "--format",
        "{p}|{f}",
        "--edges",
        edges,
    ]
}

pub(crate) const PROGRAMS: &str = "normal,build";
pub(crate) const TESTS: &str = "normal,build,dev";

pub(crate) fn check(programs: &str, tests: &str) -> Vec<Breach> {
    let tests = features(tests);
    let differs = |(package, sets): (&str, BTreeSet<&str>)| {
        let known = tests.get(package);
        let other = sets
            .into_iter()
            .find(|set| known.is_none_or(|it| !it.contains(set)))?;
        let with = known.map(|it| it.iter().copied().collect::<Vec<_>>().join(" or "));
        let message = format!(
            "`{package}` is built twice: with `{other}` for programs, with `{}` for tests. Switch on in \
             [workspace.dependencies], or in a crate that only tests use, what a dev-dependency switches on",
            with.unwrap_or_default()
        );
        Some(Breach::new("Cargo.toml", 1, message))
    };
    features(programs).into_iter().filter_map(differs).collect()
}

/// Finds Makefile commands that would resolve features for a part of the workspace.
pub(crate) fn commands(path: &str, text: &str) -> Vec<Breach> {
    let is_apart = |line: &str| {
        let compiles = ["cargo build", "cargo test", "cargo $(TEST)", "cargo clippy"];
        compiles.iter().any(|it| line.contains(it)) && !line.contains("--workspace")
    };
    let lines = text.lines().zip(1..).filter(|(line, _)| is_apart(line));
    lines
        .map(|(_, number)| {
            let message = "write `--workspace`, with `--bin` or `--example` for a part: features of a part \
                           alone are resolved again, and everything is compiled once more";
            Breach::new(path, number, message)
        })
        .collect()
}

fn features(tree: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in tree.lines() {
        let Some((package, features)) = line.split_once('|') else {
            continue;
        };
        // `name v1.2.3 (proc-macro)` and `name v1.2.3 (/a/path)` are that package too
        let package = package.split(" (").next().unwrap_or(package);
        let features = features.trim_end_matches(" (*)").trim_end();
        found.entry(package).or_default().insert(features);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tests_switch_on_for_programs_too_is_a_breach() {
        let programs = "a v1.0.0|default\nb v1.0.0 (proc-macro)|std (*)\n";
        let tests = "a v1.0.0|default,test-util\nb v1.0.0 (proc-macro)|std\nb v1.0.0|\nc v1.0.0|\n";
        let found: Vec<String> = check(programs, tests)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("`a v1.0.0` is built twice: with `default`"),
            "{found:?}"
        );
        assert_eq!(check(programs, programs), []);
    }

    #[test]
    fn a_command_for_a_part_of_the_workspace_is_a_breach() {
        let text = "build:\n\tcargo build --locked --package hallpass\n\tcargo build --workspace --bin hallpass\n";
        let found = commands("Makefile", text);
        assert_eq!(found.iter().map(|it| it.line).collect::<Vec<_>>(), [2]);
    }
}
