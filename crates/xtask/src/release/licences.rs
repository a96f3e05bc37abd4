//! The programs' dependencies with licences, as resolved by cargo for one platform.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::license_texts::{self, CarriedText};
use super::parts::Part;
use super::standard;

/// Facts about a crate's content that its licence omits.
const NOTES: [(&str, &str); 1] = [(
    "zstd-sys",
    "; the Zstandard in it is under BSD-3-Clause (zstd/LICENSE), which may be chosen in place of GPL-2.0 (zstd/COPYING)",
)];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) version: String,
    /// SPDX expression.
    pub(super) licence: String,
    pub(super) repository: Option<String>,
    authors: Vec<String>,
    pub(super) uses: BTreeSet<String>,
    folder: String,
    pub(super) is_ours: bool,
}

impl Dependency {
    fn named(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    fn holders(&self) -> String {
        if self.authors.is_empty() {
            let place = self.repository.as_ref();
            let place = place.map_or_else(String::new, |it| format!(" ({it})"));
            return format!("the authors of {}{place}", self.name);
        }
        self.authors.join(", ")
    }
}

/// Returns all dependencies of `roots` by `cargo metadata`, including them. Omits build and test
/// dependencies.
pub(super) fn dependencies(metadata: &Value, roots: &[&str]) -> BTreeMap<String, Dependency> {
    let packages: BTreeMap<String, Value> = list(metadata.get("packages"))
        .into_iter()
        .map(|it| (text(&it, "id"), it))
        .collect();
    let nodes: BTreeMap<String, Value> = list(metadata.pointer("/resolve/nodes"))
        .into_iter()
        .map(|it| (text(&it, "id"), it))
        .collect();
    let is_root = |it: &&Value| roots.contains(&text(it, "name").as_str());
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
    let authors = list(package.get("authors"));
    let authors = authors.iter().filter_map(Value::as_str).map(str::to_owned);
    Dependency {
        name: text(package, "name"),
        version: text(package, "version"),
        // the form before SPDX expressions
        licence: text(package, "license")
            .replace('/', " OR ")
            .replace("  ", " "),
        repository: package
            .get("repository")
            .and_then(Value::as_str)
            .map(str::to_owned),
        authors: authors.collect(),
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

/// Workspace crates have no source.
fn is_ours(package: &Value) -> bool {
    package.get("source").is_none_or(Value::is_null)
}

type Texts = BTreeMap<String, BTreeSet<String>>;

/// Renders the licences of others, each distinct text once with its crates.
pub(super) fn page(all: &BTreeMap<String, Dependency>, parts: &[Part]) -> Result<String, String> {
    let mut page = "Hallpass is licensed under the Apache License 2.0 (LICENSE). It contains the components \
                    below, each under its own licence. The texts follow, each with its owner; the path after \
                    a name is that of the text in it, for code or data from other authors.\n\n"
        .to_owned();
    let mut texts = Texts::new();
    for it in parts {
        // writing to a `String` cannot fail
        let _ = writeln!(page, "{}: {} ({})", it.named(), it.licence, it.about);
        for text in &it.texts {
            let whose = texts.entry(text.trim().to_owned()).or_default();
            whose.insert(it.named());
        }
    }
    let sorted: BTreeSet<&Dependency> = all.values().collect();
    for it in sorted {
        if it.is_ours {
            add_notices_of_data(it, &mut texts)?;
            continue;
        }
        let note = NOTES.iter().find(|(name, _)| *name == it.name);
        let note = note.map_or("", |(_, note)| *note);
        let _ = writeln!(page, "{}: {}{note}", it.named(), it.licence);
        add_texts(it, &mut texts)?;
    }
    let mut texts: Vec<(String, String)> = texts
        .into_iter()
        .map(|(text, whose)| (whose.into_iter().collect::<Vec<_>>().join(", "), text))
        .collect();
    texts.sort();
    for (whose, text) in texts {
        // texts contain such lines too, without these words after them; as above
        let _ = write!(page, "\n{}\nText of {whose}\n\n{text}\n", "-".repeat(80));
    }
    Ok(page)
}

fn add_texts(it: &Dependency, to: &mut Texts) -> Result<(), String> {
    let carried = license_texts::texts(Path::new(&it.folder))?;
    if !carried.iter().any(CarriedText::is_of_all) {
        let own = standard::texts(&it.licence, &it.holders()).ok_or_else(|| {
            format!(
                "`{}` is under `{}` and brings no text: put that of the licence into `crates/xtask/src/release/texts`",
                it.named(),
                it.licence
            )
        })?;
        for text in own {
            let whose = to.entry(text.trim().to_owned()).or_default();
            whose.insert(it.named());
        }
    }
    let mut seen = BTreeSet::new();
    for text in carried {
        if !seen.insert(text.text.clone()) {
            // once per crate: the top-level one if it exists
            continue;
        }
        let named = if text.is_at_top() {
            it.named()
        } else {
            format!("{} ({})", it.named(), text.path)
        };
        to.entry(text.text).or_default().insert(named);
    }
    Ok(())
}

fn add_notices_of_data(it: &Dependency, to: &mut Texts) -> Result<(), String> {
    for notice in license_texts::notices(Path::new(&it.folder))? {
        let named = format!("{} ({})", it.name, notice.path);
        to.entry(notice.text).or_default().insert(named);
    }
    Ok(())
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

    fn page_of(about: &Value, files: &[(&str, &str)], parts: &[Part]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut package = json!({"name": "one", "version": "1.2.3", "license": "MIT", "source": "registry", "authors": [],
            "manifest_path": folder.path().join("Cargo.toml")});
        for (key, value) in about.as_object().unwrap() {
            package[key] = value.clone();
        }
        let it = dependency(&package, BTreeSet::new());
        page(&BTreeMap::from([("one".to_owned(), it)]), parts)
    }

    fn sections(page: &str) -> Vec<(&str, &str)> {
        let rule = format!("\n{}\nText of ", "-".repeat(80));
        let parts = page.split(&rule).skip(1);
        parts
            .map(|it| it.trim_end().split_once("\n\n").unwrap())
            .collect()
    }

    #[test]
    fn what_lies_in_a_crate_comes_with_its_path_and_each_text_once() {
        let files = [
            ("LICENSE-MIT", "of the crate\r\nMIT\n"),
            ("vendored/LICENSE", "of the crate\nMIT"),
            ("vendored/third/fiat/COPYING.txt", "of fiat\n"),
            ("src/licenses.rs", "code"),
            ("tests/LICENSE", "of what only tests have"),
        ];
        let page = page_of(&json!({}), &files, &[]).unwrap();
        assert!(page.contains("\n\none 1.2.3: MIT\n"), "{page}");
        assert_eq!(
            sections(&page),
            [
                ("one 1.2.3", "of the crate\nMIT"),
                ("one 1.2.3 (vendored/third/fiat/COPYING.txt)", "of fiat"),
            ]
        );
    }

    #[test]
    fn a_crate_without_a_text_gets_that_of_its_licence_and_its_authors() {
        let ann = json!({"authors": ["Ann <ann@example.com>", "Bob"]});
        let page = page_of(&ann, &[("NOTICE", "of Ann"), ("a/LICENSE", "of a")], &[]).unwrap();
        let found = sections(&page);
        let whose: Vec<&str> = found.iter().map(|(whose, _)| *whose).collect();
        assert_eq!(whose, ["one 1.2.3", "one 1.2.3", "one 1.2.3 (a/LICENSE)"]);
        let begin = "MIT License\n\nCopyright (c) Ann <ann@example.com>, Bob\n\nPermission is";
        assert!(found[0].1.starts_with(begin), "{page}");
        assert!(!page.contains("brings no text"));
        let nobody = json!({"repository": "https://example.com/one"});
        let page = page_of(&nobody, &[("Cargo.toml", "")], &[]).unwrap();
        let line = "\nCopyright (c) the authors of one (https://example.com/one)\n";
        assert!(page.contains(line), "{page}");
        let other = json!({"license": "Ours-Alone"});
        let why = page_of(&other, &[("Cargo.toml", "")], &[]).unwrap_err();
        assert!(why.contains("`one 1.2.3` is under `Ours-Alone`"), "{why}");
    }

    #[test]
    fn data_of_others_in_our_crates_comes_with_its_notice() {
        let text = "# Facts\n\nOf many.\n\nNOTICE: they come from elsewhere. Its\nlicence:\n\n> MIT License\n";
        let ours = json!({"source": null});
        let files = [("data/README.md", text), ("README.md", "of us")];
        let page = page_of(&ours, &files, &[]).unwrap();
        let wanted = "NOTICE: they come from elsewhere. Its\nlicence:\n\n> MIT License";
        let whose = "one (data/README.md)";
        assert_eq!(sections(&page), [(whose, wanted)]);
        assert!(!page.contains("one 1.2.3"), "it is no crate of others");
    }

    #[test]
    fn what_is_no_crate_is_named_before_them() {
        let parts = [super::super::parts::musl(Some("1.2.5".to_owned()))];
        let page = page_of(&json!({}), &[("LICENSE", "of one")], &parts).unwrap();
        assert!(
            page.contains("\n\nmusl 1.2.5: MIT (C library)\none 1.2.3: MIT\n"),
            "{page}"
        );
        let found = sections(&page);
        assert!(found[0].0 == "musl 1.2.5" && found[0].1.contains("Rich Felker"));
    }

    #[test]
    fn the_choice_of_zstandard_is_said() {
        let zstd = json!({"name": "zstd-sys"});
        let files = [
            ("LICENSE", "a"),
            ("zstd/LICENSE", "b"),
            ("zstd/COPYING", "c"),
        ];
        let page = page_of(&zstd, &files, &[]).unwrap();
        assert!(page.contains("zstd-sys 1.2.3: MIT; the Zstandard in it is under BSD-3-Clause"));
        assert_eq!(sections(&page).len(), 3, "{page}");
    }
}
