//! Which crate may depend on which. A new arrow needs a decision record; this table is the list.

use serde_json::Value;

use crate::breach::Breach;

/// Every core: what `hallpass`, `server` and `simulation` may all use.
const CORES: &[&str] = &[
    "audit",
    "rules",
    "imports",
    "identity",
    "access",
    "assignments",
    "iam",
    "runner",
    "fanout",
    "inventory",
    "collect",
    "alerts",
    "addresses",
    "events",
    "findings",
    "remediation",
    "activity",
    "org",
    "access-files",
];

/// Every room: what commands and the server share, besides cores and adapters.
pub(crate) const ROOMS: &[&str] = &[
    "terminal",
    "telemetry",
    "client",
    "directories",
    "host",
    "log-files",
    "guard-files",
    "config",
    "setup",
    "reports",
    "chores",
];

/// Folder below `crates/` → the folders it may depend on. Dev-dependencies are not held against
/// it, and an arrow that no dependency uses is a breach. `+cores` stands for [`CORES`] and `+rooms` for
/// [`ROOMS`], of which a crate takes those it needs.
const ARROWS: &[(&str, &[&str])] = &[
    // vocabulary
    ("model", &[]),
    ("clock", &["model"]),
    ("aws-model", &[]),
    ("aws-wire", &["aws-model"]),
    // cores
    ("audit", &["model"]),
    ("rules", &["model"]),
    ("imports", &["model", "rules"]),
    // aws-model: AWS's facts, here and below
    ("iam", &["aws-model", "model"]),
    ("runner", &["model"]),
    ("fanout", &["model"]),
    ("assignments", &["aws-model", "model"]),
    // rules: the reader of TOML, YAML and JSON that knows places; audit: who silenced a row is recorded with it
    ("alerts", &["audit", "rules", "model"]),
    // rules: people are those of the directory snapshot
    ("identity", &["rules", "audit", "model"]),
    // alerts: the outbox is the journey's, and carries what alerts tell; remediation: approvers say yes to them;
    // activity: what was done with a grant goes with what is told of it; aws-model: how long a session lasts at most
    (
        "access",
        &[
            "activity",
            "alerts",
            "aws-model",
            "remediation",
            "identity",
            "rules",
            "assignments",
            "audit",
            "model",
        ],
    ),
    // rules: who is known by which name is asked of the directory snapshot; activity: what was done with a grant;
    // runner: states of plans, and what became of their targets
    (
        "wording",
        &[
            "access",
            "activity",
            "alerts",
            "remediation",
            "rules",
            "runner",
            "model",
        ],
    ),
    ("inventory", &[]),
    // aws-model: what the members of pages are called
    ("collect", &["aws-model", "inventory", "model"]),
    // collect: the port of calls that are rationed and repeated; aws-model: AWS's numbers, as for whoever has one below
    ("addresses", &["aws-model", "collect", "inventory", "model"]),
    ("events", &["model"]),
    // events: what arrives about findings comes as one
    ("findings", &["aws-model", "events", "model"]),
    // events: what is to be mended arrives as one; findings: what came of it is written to them; runner: mending is a plan
    ("remediation", &["events", "findings", "runner", "model"]),
    ("activity", &["aws-model", "iam", "model"]),
    // access-files: access to a new account is given by its steps; aws-model: which events a rule takes
    (
        "org",
        &[
            "access-files",
            "iam",
            "runner",
            "audit",
            "aws-model",
            "model",
        ],
    ),
    // rules: the directory snapshot, and the reader of TOML, YAML and JSON that knows places; activity: who changed
    // what drifted
    (
        "access-files",
        &[
            "activity",
            "assignments",
            "rules",
            "iam",
            "runner",
            "aws-model",
            "model",
        ],
    ),
    // a process of its own; only the binary and the simulation know it
    ("guard", &["assignments", "audit", "model"]),
    // adapters
    ("postgres", &["model"]),
    // postgres: the way to a database, which `query` exports to also
    (
        "store",
        &[
            "postgres",
            "access",
            "activity",
            "identity",
            "alerts",
            "assignments",
            "events",
            "remediation",
            "org",
            "audit",
            "runner",
            "model",
        ],
    ),
    // rules: the type of the directory snapshot, which `aws` fills, lives there
    (
        "aws",
        &[
            "access",
            "assignments",
            "audit",
            "inventory",
            "collect",
            "org",
            "rules",
            "access-files",
            "events",
            "findings",
            "fanout",
            "aws-wire",
            "aws-model",
            "model",
        ],
    ),
    (
        "aws-sim",
        &["iam", "aws-model", "slack-sim", "sim-base", "model"],
    ),
    // the simulators: aws-sim is the one that is run, and hosts the simulated Slack
    ("slack-sim", &["sim-base"]),
    ("sim-base", &[]),
    (
        // remediation: what is asked about, and its id on buttons
        "slack",
        &[
            "wording",
            "access",
            "identity",
            "remediation",
            "rules",
            "model",
        ],
    ),
    // alerts: findings of Security Hub are rows of rules, also of those that a message only counts
    (
        "notify",
        &["wording", "access", "alerts", "aws-model", "model"],
    ),
    // alerts: the types of a job and its answers; activity: the rows that it joins and their order
    // aws: snapshots in a bucket
    (
        "query",
        &[
            "activity",
            "alerts",
            "aws",
            "inventory",
            "postgres",
            "model",
        ],
    ),
    // delivery
    ("api", &["model"]),
    ("server", &["+cores", "wording", "api", "model"]),
    // rooms: what commands and the server share, each above those before it
    // iam: bad input of its engines ends a command as its own does; api: problem details of the server
    ("terminal", &["+cores", "api", "model", "wording"]),
    ("telemetry", &["clock", "model", "terminal"]),
    // aws: who signs in does so as the AWS command line does
    (
        "client",
        &["api", "aws", "clock", "model", "terminal", "wording"],
    ),
    (
        "directories",
        &["+cores", "aws", "clock", "model", "terminal"],
    ),
    // server: its connections are a share of the descriptors; aws-sim: an organization file as the directory that rules
    // decide by
    (
        "host",
        &[
            "+cores",
            "aws",
            "aws-model",
            "aws-sim",
            "aws-wire",
            "clock",
            "model",
            "postgres",
            "server",
            "store",
            "terminal",
        ],
    ),
    (
        "log-files",
        &["+cores", "aws", "clock", "host", "model", "terminal"],
    ),
    (
        "guard-files",
        &[
            "+cores", "aws", "guard", "host", "model", "store", "wording",
        ],
    ),
    (
        "config",
        &[
            "+cores",
            "aws",
            "directories",
            "guard",
            "host",
            "log-files",
            "model",
            "notify",
            "postgres",
            "server",
            "slack",
            "telemetry",
            "terminal",
        ],
    ),
    // guard: the file of ends that an earlier audit log left
    (
        "setup",
        &[
            "+cores",
            "aws",
            "clock",
            "config",
            "directories",
            "guard",
            "host",
            "model",
            "postgres",
            "store",
            "terminal",
        ],
    ),
    (
        "reports",
        &[
            "+cores",
            "aws",
            "aws-model",
            "config",
            "host",
            "log-files",
            "model",
            "notify",
            "store",
            "terminal",
        ],
    ),
    (
        "chores",
        &[
            "+cores", "aws", "clock", "config", "host", "model", "notify", "reports", "setup",
            "terminal", "wording",
        ],
    ),
    // what goes on in a server while it runs
    (
        "loops",
        &[
            "+cores", "+rooms", "aws", "clock", "guard", "model", "server", "store", "wording",
        ],
    ),
    // commands, by who uses them: each over rooms and cores, none over another but where it is said
    (
        "commands-request",
        &["+cores", "+rooms", "api", "model", "wording"],
    ),
    (
        "commands-look",
        &[
            "+cores",
            "+rooms",
            "api",
            "aws",
            "aws-model",
            "aws-wire",
            "clock",
            "model",
            "store",
            "wording",
        ],
    ),
    // commands-look: `org public-ips` stands there
    (
        "commands-organization",
        &[
            "+cores",
            "+rooms",
            "api",
            "aws",
            "clock",
            "commands-look",
            "model",
            "wording",
        ],
    ),
    (
        "commands-policy",
        &[
            "+cores",
            "+rooms",
            "api",
            "aws-model",
            "clock",
            "model",
            "wording",
        ],
    ),
    (
        "commands-run",
        &[
            "+cores",
            "+rooms",
            "api",
            "aws",
            "aws-model",
            "clock",
            "guard",
            "model",
            "slack",
            "store",
            "wording",
        ],
    ),
    (
        "commands-try",
        &[
            "+cores", "+rooms", "aws", "aws-sim", "clock", "model", "server", "store", "wording",
        ],
    ),
    (
        "hallpass",
        &[
            "+cores",
            "+rooms",
            "api",
            "aws",
            "clock",
            "commands-look",
            "commands-organization",
            "commands-policy",
            "commands-request",
            "commands-run",
            "commands-try",
            "loops",
            "model",
            "server",
            "slack",
            "store",
            "wording",
        ],
    ),
    // never shipped
    ("testing", &[]),
    ("audit-testing", &["audit"]),
    ("runner-testing", &["runner", "model"]),
    ("remediation-testing", &["remediation", "model"]),
    (
        "org-testing",
        &["org", "runner-testing", "runner", "iam", "audit", "model"],
    ),
    (
        "store-testing",
        &[
            "store",
            "access",
            "alerts",
            "assignments",
            "identity",
            "org",
            "audit",
            "model",
        ],
    ),
    (
        "simulation",
        // their ways to the ports of an organization, for lives with ends that AWS enforces (0116)
        &[
            "+cores",
            "guard",
            "store",
            "clock",
            "model",
            "org-testing",
            "runner-testing",
        ],
    ),
    ("xtask", &[]),
];

/// Holds the answer of `cargo metadata --no-deps` against [`ARROWS`].
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

/// The crates of the groups that a list names.
fn groups<'a>(allowed: &'a [&'a str]) -> impl Iterator<Item = &'static str> + 'a {
    let cores = CORES.iter().filter(|_| allowed.contains(&"+cores"));
    let rooms = ROOMS.iter().filter(|_| allowed.contains(&"+rooms"));
    cores.chain(rooms).copied()
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
        let of_group = groups(allowed).any(|it| it == to.folder);
        if !of_group && !allowed.contains(&to.folder) {
            add(format!(
                "arrow `{} -> {}` is not allowed: move what is shared to a crate both may use, \
                 or record the decision and add the arrow in crates/xtask/src/arrows.rs",
                package.folder, to.folder
            ));
        }
    }
    // a list that allows more than is used says nothing of what a crate stands on
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
        let model = ("hallpass-model", "model", on("serde"));
        let rules = ("hallpass-rules", "rules", on("hallpass-model"));
        assert_eq!(found(&[model, rules]), [""; 0]);
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
        let model = || ("hallpass-model", "model", json!([]));
        let finding = the_one(&[model(), ("hallpass-rules", "rules", json!([]))]);
        let start = "crates/rules/Cargo.toml:1: arrow `rules -> model` is allowed and not used";
        assert!(finding.starts_with(start), "{finding}");
    }

    #[test]
    fn build_dependencies_count_and_dev_dependencies_do_not() {
        for (kind, breaches) in [("dev", 0), ("build", 1)] {
            let of = json!([{"name": "hallpass-rules", "kind": kind}]);
            let rules = ("hallpass-rules", "rules", on("hallpass-model"));
            let found = found(&[rules, ("hallpass-model", "model", of)]);
            assert_eq!(found.len(), breaches, "{kind}: {found:?}");
        }
    }

    #[test]
    fn unknown_crates_and_odd_names_are_found() {
        assert!(found(&[("hallpass-misc", "misc", json!([]))])[0].contains("not in the list"));
        assert!(found(&[("rules", "model", json!([]))])[0].contains("`hallpass-model`"));
        assert_eq!(found(&[("xtask", "xtask", json!([]))]), [""; 0]);
    }

    #[test]
    fn the_table_names_only_crates_it_knows_and_has_no_circle() {
        let known = |name: &str| ARROWS.iter().position(|(from, _)| *from == name);
        for (from, allowed) in ARROWS {
            for to in allowed.iter().filter(|to| !to.starts_with('+')) {
                assert!(known(to).is_some(), "{from} -> {to}");
                assert!(!reaches(to, from), "{from} -> {to} closes a circle");
            }
        }
        assert!(CORES.iter().chain(ROOMS).all(|it| known(it).is_some()));
    }

    fn reaches(from: &str, goal: &str) -> bool {
        let direct = ARROWS
            .iter()
            .find(|(name, _)| *name == from)
            .map(|(_, to)| *to);
        let named = direct.unwrap_or_default();
        groups(named)
            .chain(named.iter().copied())
            .filter(|to| !to.starts_with('+'))
            .any(|to| to == goal || reaches(to, goal))
    }
}
