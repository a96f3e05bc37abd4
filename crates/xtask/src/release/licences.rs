//! What is in the programs beside our own: every crate with its licence, as cargo resolved them for one platform.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

/// A crate that is compiled into a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) version: String,
    /// Its licence as an SPDX expression.
    pub(super) licence: String,
    pub(super) repository: Option<String>,
    /// The ids of those that it uses.
    pub(super) uses: BTreeSet<String>,
    folder: String,
    pub(super) is_ours: bool,
}

/// Everything that `roots` are made of, by `cargo metadata`, themselves among it. What only builds and tests use is left out.
pub(super) fn dependencies(metadata: &Value, roots: &[&str]) -> BTreeMap<String, Dependency> {
    let packages: BTreeMap<String, Value> = list(metadata.get("packages"))
        .into_iter()
        .map(|it| (text(&it, "id"), it))
        .collect();
    let nodes: BTreeMap<String, Value> = list(metadata.pointer("/resolve/nodes"))
        .into_iter()
        .map(|it| (text(&it, "id"), it))
        .collect();
    let is_root = |it: &&Value| is_ours(it) && roots.contains(&text(it, "name").as_str());
    let mut waiting: Vec<String> = packages
        .values()
        .filter(is_root)
        .map(|it| text(it, "id"))
        .collect();
    let mut found = BTreeMap::new();
    while let Some(id) = waiting.pop() {
        if found.contains_key(&id) {
            continue;
        }
        let (Some(package), Some(node)) = (packages.get(&id), nodes.get(&id)) else {
            continue;
        };
        let shipped = |it: &Value| {
            list(it.get("dep_kinds"))
                .iter()
                .any(|kind| kind.get("kind").is_none_or(Value::is_null))
        };
        let deps = list(node.get("deps")).into_iter().filter(shipped);
        let uses: BTreeSet<String> = deps.map(|it| text(&it, "pkg")).collect();
        waiting.extend(uses.iter().cloned());
        let made = dependency(package, uses);
        found.insert(id, made);
    }
    found
}

fn dependency(package: &Value, uses: BTreeSet<String>) -> Dependency {
    let manifest = text(package, "manifest_path");
    let folder = Path::new(&manifest)
        .parent()
        .map(|it| it.display().to_string());
    Dependency {
        name: text(package, "name"),
        version: text(package, "version"),
        // the form of before SPDX expressions
        licence: text(package, "license")
            .replace('/', " OR ")
            .replace("  ", " "),
        repository: package
            .get("repository")
            .and_then(Value::as_str)
            .map(str::to_owned),
        uses,
        folder: folder.unwrap_or_default(),
        is_ours: is_ours(package),
    }
}

fn text(value: &Value, key: &str) -> String {
    let text = value.get(key).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn list(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Crates of the workspace come from nowhere.
fn is_ours(package: &Value) -> bool {
    package.get("source").is_none_or(Value::is_null)
}

/// The licences of others, each text once with those who have it.
pub(super) fn page(all: &BTreeMap<String, Dependency>) -> Result<String, io::Error> {
    let others: BTreeSet<&Dependency> = all.values().filter(|it| !it.is_ours).collect();
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut page = "Hallpass is licensed under the Apache License 2.0 (LICENSE). It contains these crates, each under its own licence; \
                    their texts follow.\n\n"
        .to_owned();
    for it in &others {
        let named = format!("{} {}", it.name, it.version);
        let found = licence_texts(Path::new(&it.folder))?;
        let note = if found.is_empty() {
            ", which brings no text"
        } else {
            ""
        };
        // writing to a `String` cannot fail
        let _ = writeln!(page, "{named}: {}{note}", it.licence);
        for text in found {
            texts.entry(text).or_default().insert(named.clone());
        }
    }
    let mut texts: Vec<(String, String)> = texts
        .into_iter()
        .map(|(text, whose)| (whose.into_iter().collect::<Vec<_>>().join(", "), text))
        .collect();
    texts.sort();
    for (whose, text) in texts {
        // as above
        let _ = write!(page, "\n{}\n{whose}\n\n{}\n", "-".repeat(80), text.trim());
    }
    Ok(page)
}

/// The texts of licences and notices that lie at the top of a crate.
fn licence_texts(folder: &Path) -> Result<BTreeSet<String>, io::Error> {
    const NAMES: [&str; 5] = ["license", "licence", "copying", "notice", "unlicense"];
    let mut texts = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if NAMES.iter().any(|it| name.starts_with(it)) && entry.file_type()?.is_file() {
            let bytes = fs::read(entry.path())?;
            texts.insert(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"));
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shipped_is_what_is_used_at_run_time() {
        let package = |name: &str, source: Value| json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0", "source": source, "manifest_path": format!("/x/{name}/Cargo.toml")});
        let uses = |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let registry = json!("registry");
        let metadata = json!({
            "packages": [package("hallpass", Value::Null), package("used", registry.clone()), package("below", registry.clone()),
                         package("built", registry.clone()), package("tested", registry.clone()), package("other", Value::Null)],
            "resolve": {"nodes": [
                {"id": "hallpass", "deps": [uses("used", Value::Null), uses("built", json!("build")), uses("tested", json!("dev"))]},
                {"id": "used", "deps": [uses("below", Value::Null)]}, {"id": "below", "deps": [uses("used", Value::Null)]},
                {"id": "built", "deps": []}, {"id": "tested", "deps": []}, {"id": "other", "deps": []}]}
        });
        let found = dependencies(&metadata, &["hallpass"]);
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            ["below", "hallpass", "used"]
        );
        assert_eq!(found["used"].licence, "MIT OR Apache-2.0");
        assert!(found["hallpass"].is_ours && !found["used"].is_ours);
    }
}
