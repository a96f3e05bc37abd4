//! Which crate may depend on which: this table is the list.

use serde_json::Value;

use crate::breach::Breach;

/// The crates of the program itself: they may read files, the environment and start tasks.
pub(crate) const PROGRAM: &[&str] = &["app", "cli", "cli-server", "client", "hallpass", "terminal"];

/// Each crate (its folder below `crates/`) and the crates it may depend on, lower ones first.
/// Dev-dependencies are not checked. An arrow in the table that no dependency uses is a breach.
const ARROWS: &[(&str, &[&str])] = &[
    ("aws-model", &[]),
    ("base", &[]),
    ("xtask", &[]),
    ("api", &["base"]),
    ("assignments", &["aws-model", "base"]),
    ("audit", &["base"]),
    ("iam", &["aws-model", "base"]),
    ("inventory", &["aws-model", "base"]),
    ("plans", &["base"]),
    ("rules", &["base"]),
    ("activity", &["aws-model", "base", "iam"]),
    ("alerts", &["audit", "base", "rules"]),
    ("aws-sim", &["aws-model", "base", "iam"]),
    (
        "enforcement",
        &["audit", "aws-model", "base", "iam", "plans"],
    ),
    ("findings", &["aws-model", "base", "plans"]),
    ("guard", &["assignments", "audit", "base"]),
    ("imports", &["base", "rules"]),
    (
        "access",
        &[
            "activity",
            "alerts",
            "assignments",
            "audit",
            "aws-model",
            "base",
            "findings",
            "rules",
        ],
    ),
    (
        "access-files",
        &[
            "activity",
            "assignments",
            "aws-model",
            "base",
            "iam",
            "plans",
            "rules",
        ],
    ),
    (
        "channels",
        &[
            "access",
            "activity",
            "alerts",
            "aws-model",
            "base",
            "findings",
            "plans",
            "rules",
        ],
    ),
    (
        "org",
        &[
            "access-files",
            "aws-model",
            "base",
            "enforcement",
            "iam",
            "plans",
        ],
    ),
    (
        "aws",
        &[
            "access",
            "access-files",
            "assignments",
            "audit",
            "aws-model",
            "base",
            "enforcement",
            "findings",
            "inventory",
            "org",
            "plans",
            "rules",
        ],
    ),
    (
        "server",
        &[
            "access",
            "activity",
            "alerts",
            "api",
            "assignments",
            "audit",
            "base",
            "channels",
            "findings",
            "iam",
            "inventory",
            "plans",
            "rules",
        ],
    ),
    (
        "store",
        &[
            "access",
            "activity",
            "alerts",
            "assignments",
            "audit",
            "base",
            "enforcement",
            "findings",
            "plans",
        ],
    ),
    ("terminal", &["api", "base", "channels", "iam"]),
    (
        "app",
        &[
            "access",
            "access-files",
            "activity",
            "alerts",
            "assignments",
            "audit",
            "aws",
            "aws-model",
            "aws-sim",
            "base",
            "channels",
            "enforcement",
            "findings",
            "guard",
            "iam",
            "imports",
            "inventory",
            "org",
            "plans",
            "rules",
            "server",
            "store",
            "terminal",
        ],
    ),
    (
        "client",
        &[
            "access", "api", "aws", "base", "channels", "iam", "terminal",
        ],
    ),
    (
        "query",
        &["activity", "alerts", "aws", "base", "inventory", "store"],
    ),
    (
        "simulation",
        &[
            "access",
            "assignments",
            "audit",
            "base",
            "enforcement",
            "guard",
            "plans",
            "rules",
            "store",
        ],
    ),
    (
        "store-testing",
        &[
            "access",
            "alerts",
            "assignments",
            "audit",
            "base",
            "enforcement",
            "store",
        ],
    ),
    (
        "cli",
        &[
            "access",
            "access-files",
            "activity",
            "alerts",
            "api",
            "app",
            "assignments",
            "audit",
            "aws",
            "aws-model",
            "base",
            "channels",
            "client",
            "enforcement",
            "findings",
            "iam",
            "imports",
            "inventory",
            "org",
            "plans",
            "rules",
            "store",
            "terminal",
        ],
    ),
    (
        "cli-server",
        &[
            "access",
            "activity",
            "api",
            "app",
            "assignments",
            "audit",
            "aws",
            "aws-model",
            "aws-sim",
            "base",
            "channels",
            "client",
            "enforcement",
            "findings",
            "guard",
            "iam",
            "imports",
            "inventory",
            "org",
            "plans",
            "rules",
            "server",
            "store",
            "terminal",
        ],
    ),
    (
        "hallpass",
        &[
            "access",
            "activity",
            "api",
            "app",
            "assignments",
            "audit",
            "aws",
            "base",
            "channels",
            "cli",
            "cli-server",
            "client",
            "enforcement",
            "findings",
            "org",
            "rules",
            "server",
            "store",
            "terminal",
        ],
    ),
];

/// Checks the output of `cargo metadata --no-deps` against [`ARROWS`].
pub(crate) fn check(metadata: &Value) -> Vec<Breach> {
    let root = text(metadata, "workspace_root");
    let packages: Vec<Package<'_>> = items(metadata, "packages")
        .map(|it| Package::new(it, root))
        .collect();
    packages
        .iter()
        .flat_map(|package| check_package(package, &packages))
        .collect()
}

struct Package<'a> {
    name: &'a str,
    folder: &'a str,
    manifest: String,
    dependencies: Vec<&'a str>,
}

impl<'a> Package<'a> {
    fn new(package: &'a Value, root: &str) -> Self {
        let path = text(package, "manifest_path");
        let below = path
            .strip_prefix(root)
            .unwrap_or(path)
            .trim_start_matches('/');
        let folder = path.rsplit('/').nth(1).unwrap_or_default();
        let counted = items(package, "dependencies").filter(|it| text(it, "kind") != "dev");
        Self {
            name: text(package, "name"),
            folder,
            manifest: below.to_owned(),
            dependencies: counted.map(|it| text(it, "name")).collect(),
        }
    }
}

fn check_package(package: &Package<'_>, all: &[Package<'_>]) -> Vec<Breach> {
    let mut findings = Vec::new();
    let mut add = |message: String| findings.push(Breach::new(&package.manifest, 1, message));
    let expected = format!("hallpass-{}", package.folder);
    if package.name != expected && package.name != package.folder {
        add(format!(
            "package `{}` should be named `{expected}`, for its folder",
            package.name
        ));
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == package.folder) else {
        add(format!(
            "crate `{}` is not in the list of arrows: add a decision record and a line in \
             crates/xtask/src/arrows.rs, or make it a module",
            package.folder
        ));
        return findings;
    };
    for name in &package.dependencies {
        let Some(to) = all.iter().find(|it| it.name == *name) else {
            continue;
        };
        if !allowed.contains(&to.folder) {
            add(format!(
                "arrow `{} -> {}` is not allowed: move the shared part to a crate both may use, or record \
                 the decision and add the arrow in crates/xtask/src/arrows.rs",
                package.folder, to.folder
            ));
        }
    }
    // an unused allowance would hide a crate's real dependencies
    for to in *allowed {
        let Some(unused) = all.iter().find(|it| it.folder == *to) else {
            continue;
        };
        if !package.dependencies.contains(&unused.name) {
            add(format!(
                "arrow `{} -> {to}` is allowed and not used: remove it from \
                 crates/xtask/src/arrows.rs",
                package.folder
            ));
        }
    }
    findings
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(packages: &[(&str, &str, Value)]) -> Vec<String> {
        let packages: Vec<Value> = packages
            .iter()
            .map(|(name, folder, dependencies)| {
                let path = format!("/r/crates/{folder}/Cargo.toml");
                json!({"name": name, "manifest_path": path, "dependencies": dependencies})
            })
            .collect();
        let metadata = json!({"workspace_root": "/r", "packages": packages});
        check(&metadata).iter().map(ToString::to_string).collect()
    }

    fn the_one(packages: &[(&str, &str, Value)]) -> String {
        let mut found = found(packages);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    fn on(name: &str) -> Value {
        json!([{"name": name, "kind": null}])
    }

    #[test]
    fn an_allowed_arrow_is_silent() {
        let base = ("hallpass-base", "base", on("serde"));
        let rules = ("hallpass-rules", "rules", on("hallpass-base"));
        assert_eq!(found(&[base, rules]), [""; 0]);
    }

    #[test]
    fn a_core_may_be_used_by_the_server() {
        let rules = ("hallpass-rules", "rules", json!([]));
        let server = ("hallpass-server", "server", on("hallpass-rules"));
        assert_eq!(found(&[rules, server]), [""; 0]);
    }

    #[test]
    fn a_forbidden_arrow_is_named() {
        let store = ("hallpass-store", "store", json!([]));
        let finding = the_one(&[store, ("hallpass-server", "server", on("hallpass-store"))]);
        let start = "crates/server/Cargo.toml:1: arrow `server -> store` is not allowed: ";
        assert!(finding.starts_with(start), "{finding}");
    }

    #[test]
    fn an_arrow_that_nobody_uses_is_named() {
        let base = || ("hallpass-base", "base", json!([]));
        let finding = the_one(&[base(), ("hallpass-rules", "rules", json!([]))]);
        let start = "crates/rules/Cargo.toml:1: arrow `rules -> base` is allowed and not used";
        assert!(finding.starts_with(start), "{finding}");
    }

    #[test]
    fn build_dependencies_count_and_dev_dependencies_do_not() {
        for (kind, breaches) in [("dev", 0), ("build", 1)] {
            let of = json!([{"name": "hallpass-rules", "kind": kind}]);
            let rules = ("hallpass-rules", "rules", on("hallpass-base"));
            let found = found(&[rules, ("hallpass-base", "base", of)]);
            assert_eq!(found.len(), breaches, "{kind}: {found:?}");
        }
    }

    #[test]
    fn unknown_crates_and_odd_names_are_found() {
        assert!(found(&[("hallpass-misc", "misc", json!([]))])[0].contains("not in the list"));
        assert!(found(&[("rules", "base", json!([]))])[0].contains("`hallpass-base`"));
        assert_eq!(found(&[("xtask", "xtask", json!([]))]), [""; 0]);
    }

    #[test]
    fn the_table_names_only_crates_it_knows_and_has_no_circle() {
        let known = |name: &str| ARROWS.iter().position(|(from, _)| *from == name);
        for (from, allowed) in ARROWS {
            for to in *allowed {
                assert!(known(to).is_some(), "{from} -> {to}");
                assert!(!reaches(to, from), "{from} -> {to} closes a circle");
            }
        }
        assert!(PROGRAM.iter().all(|it| known(it).is_some()));
    }

    fn reaches(from: &str, goal: &str) -> bool {
        let direct = ARROWS.iter().find(|(name, _)| *name == from);
        let mut named = direct.map(|(_, to)| *to).unwrap_or_default().iter();
        named.any(|to| *to == goal || reaches(to, goal))
    }
}
