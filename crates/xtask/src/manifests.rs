//! Checks that every crate inherits from the workspace (lints, package fields, dependency versions)
//! and runs its unit tests.

use toml::{Table, Value};

use crate::breach::Breach;

/// Package fields that come from `[workspace.package]`.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

/// Its tests run in the crates that use it.
const WITHOUT_UNIT_TESTS: &str = "crates/store-testing/Cargo.toml";

const TABLES: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Checks a `Cargo.toml`. The root's has no `[package]`, and declares the inherited values.
pub(crate) fn check(path: &str, text: &str) -> Vec<Breach> {
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Breach::new(path, 1, format!("is not TOML: {error}"))],
    };
    let Some(package) = manifest.get("package") else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut add = |line: usize, message: String| findings.push(Breach::new(path, line, message));
    for field in INHERITED {
        if !inherits(package.get(field)) {
            add(
                line_of(text, field),
                format!("write `{field}.workspace = true` in [package]"),
            );
        }
    }
    if !inherits(manifest.get("lints")) {
        let message = "write `workspace = true` in [lints]: the lints are the same for all";
        add(line_of(text, "[lints]"), message.to_owned());
    }
    let library = manifest.get("lib").and_then(|lib| lib.get("test"));
    if library.and_then(Value::as_bool) == Some(false) && path != WITHOUT_UNIT_TESTS {
        let message = "remove `test = false`: the unit tests of this crate do not run with it";
        add(line_of(text, "test"), message.to_owned());
    }
    for (name, dependency) in dependencies(&manifest) {
        if !inherits(Some(dependency)) {
            let message = format!(
                "write `{name}.workspace = true` and declare the version in the root Cargo.toml"
            );
            add(line_of(text, name), message);
        }
    }
    findings
}

fn inherits(value: Option<&Value>) -> bool {
    value
        .and_then(|it| it.get("workspace"))
        .and_then(Value::as_bool)
        == Some(true)
}

fn dependencies(manifest: &Table) -> Vec<(&String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter();
    let targets = targets
        .flat_map(|all| all.values())
        .filter_map(Value::as_table);
    let places = std::iter::once(manifest).chain(targets);
    let tables = places.flat_map(|place| TABLES.iter().filter_map(|name| place.get(*name)));
    tables.filter_map(Value::as_table).flatten().collect()
}

fn line_of(text: &str, key: &str) -> usize {
    let starts = |line: &str| {
        let rest = line.trim_start().strip_prefix(key);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
    };
    text.lines().position(starts).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
[package]
name = \"hallpass-a\"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[lints]
workspace = true

[dependencies]
serde.workspace = true
tokio = { workspace = true, features = [\"net\"] }
";

    fn found(text: &str) -> Vec<String> {
        check("Cargo.toml", text)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_good_manifest_is_silent() {
        assert_eq!(found(GOOD), [""; 0]);
        assert_eq!(found("[workspace]\nmembers = []\n"), [""; 0]);
    }

    #[test]
    fn each_breach_is_named_with_its_line() {
        let rows = [
            (
                "\nversion.workspace = true",
                "\nversion = \"1.0.0\"",
                "Cargo.toml:3: write `version.",
            ),
            (
                "publish.workspace = true",
                "",
                "Cargo.toml:1: write `publish.",
            ),
            (
                "[lints]\nworkspace = true",
                "",
                "Cargo.toml:1: write `workspace = true` in [lints]",
            ),
            (
                "[dependencies]",
                "[lib]\ntest = false\n\n[dependencies]",
                "Cargo.toml:13: remove `test = false`",
            ),
            (
                "serde.workspace = true",
                "serde = \"1\"",
                "Cargo.toml:13: write `serde.workspace",
            ),
            (
                "serde.workspace = true",
                "a = { path = \"../a\" }",
                "Cargo.toml:13: write `a.",
            ),
            (
                "[dependencies]",
                "[target.'cfg(unix)'.dependencies]\nx = \"1\"",
                "Cargo.toml:13: write `x.",
            ),
            (
                "[dependencies]",
                "[dev-dependencies]\nx = \"1\"",
                "Cargo.toml:13: write `x.",
            ),
        ];
        for (from, to, expected) in rows {
            let found = found(&GOOD.replace(from, to));
            let [finding] = found.as_slice() else {
                panic!("{to}: {found:?}")
            };
            assert!(finding.starts_with(expected), "{finding}");
        }
        assert!(found("[package")[0].starts_with("Cargo.toml:1: is not TOML"));
    }
}
