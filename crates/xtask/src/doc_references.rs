//! Checks that names in the map, the checklists, the decisions and crate pages exist: a file, a
//! folder, a program's word, or `a::b`, where `a` is a crate, module or type with `b`.

use std::collections::{HashMap, HashSet};

use crate::breach::Breach;
use crate::spec::outside_fences;
use crate::texts::has_extension;

const MAPS: &[&str] = &["ARCHITECTURE.md", "CONTRIBUTING.md", STARTING_POINTS];
/// Maps whose rows locate bare file names by other names in the row.
const ROWS: &[&str] = &["ARCHITECTURE.md", STARTING_POINTS];
const STARTING_POINTS: &str = "docs/contributing/starting-points.md";

/// Decisions: only paths `a::b` must exist; single words may be historical.
const DECISIONS: &str = "docs/decisions/";

const FOREIGN: &[&str] = &[
    "std", "tokio", "metrics", "axum", "serde", "sqlx", "rusqlite",
];

const DERIVED: &[&str] = &["default", "from", "try_from", "clone", "fmt"];

const DEFINING: &[&str] = &[
    "fn",
    "struct",
    "enum",
    "trait",
    "type",
    "const",
    "static",
    "mod",
    "macro_rules",
    "union",
];

const FILES: &[&str] = &[
    "rs", "md", "py", "toml", "txt", "json", "yaml", "html", "sh",
];

#[derive(Debug, Default)]
pub(crate) struct Landmarks {
    paths: HashSet<String>,
    words: HashSet<String>,
    members: HashMap<String, HashSet<String>>,
}

impl Landmarks {
    pub(crate) fn add(&mut self, path: &str, text: &str) {
        let mut place = path;
        while self.paths.insert(place.to_owned()) {
            let Some((folder, _)) = place.rsplit_once('/') else {
                break;
            };
            place = folder;
        }
        if has_extension(path, "rs") || has_extension(path, "py") {
            for word in words(text)
                .filter(|word| !self.words.contains(*word))
                .collect::<Vec<_>>()
            {
                self.words.insert(word.to_owned());
            }
        }
        if has_extension(path, "rs") {
            // a module belongs to its folder's module
            let modules: Vec<String> = modules_of(path).collect();
            for (at, outer) in modules.iter().enumerate() {
                let members = self.members.entry(outer.clone()).or_default();
                members.extend(modules.iter().skip(at + 1).cloned());
            }
            let code = code_of(text);
            let defined = defined_words(&code);
            for container in modules_of(path).chain(types_of(&code)) {
                let members = self.members.entry(container).or_default();
                members.extend(defined.iter().cloned());
            }
        }
    }

    /// Finds missing names: any on a map, paths in decisions and crate pages.
    pub(crate) fn check(&self, path: &str, text: &str) -> Vec<Breach> {
        let is_map = MAPS.contains(&path);
        let first_page: String;
        let text = if is_map || path.starts_with(DECISIONS) {
            text
        } else if path.ends_with("/src/lib.rs") {
            first_page = opening_comment(text);
            &first_page
        } else {
            return Vec::new();
        };
        let mut findings = Vec::new();
        for (index, line) in outside_fences(text) {
            for name in names_of(line) {
                if (is_map || name.contains("::")) && !self.leads_somewhere(name) {
                    let message = format!("`{name}` is not in the tree: say where it is now");
                    findings.push(Breach::new(path, index + 1, message));
                }
            }
        }
        if ROWS.contains(&path) {
            for row in rows(text) {
                findings.extend(self.strays(path, &row));
            }
        }
        findings
    }

    /// Finds bare file names that no crate or folder of the row contains.
    fn strays(&self, page: &str, row: &[(usize, &str)]) -> Vec<Breach> {
        let names = || {
            let lines = row.iter();
            lines.flat_map(|(number, line)| names_of(line).map(|name| (*number, name)))
        };
        let mut rooms: HashSet<&str> = HashSet::new();
        for (_, name) in names().filter(|(_, name)| is_name(name) || name.contains('<')) {
            let (known, _) = name.split_once('<').unwrap_or((name, ""));
            let is_crate = self.paths.contains(&format!("crates/{known}"));
            if known.contains('/') || is_crate {
                for path in spelled_out(known) {
                    rooms.extend(self.found(&path).map(room));
                }
            }
        }
        let is_bare = |name: &str| is_name(name) && !name.contains('/') && has_ending(name);
        let bare = names().filter(|(_, name)| !rooms.is_empty() && is_bare(name));
        bare.filter(|(_, name)| {
            let mut found = spelled_out(name).into_iter();
            !found.all(|file| {
                let mut places = self.found(&file);
                places.any(|it| rooms.contains(room(it)) || !it.contains('/'))
            })
        })
        .map(|(line, name)| {
            let message = format!("`{name}` is in no crate or folder that its row names");
            Breach::new(page, line, message)
        })
        .collect()
    }

    fn found<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let path = path.trim_end_matches('/').to_owned();
        let known = self.paths.iter().map(String::as_str);
        known.filter(move |known| {
            let before = known.strip_suffix(path.as_str());
            before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        })
    }

    /// Returns whether the part before a gap (`services/<name>/`) begins some path.
    fn begins_somewhere(&self, before: &str) -> bool {
        let inside = format!("/{before}");
        let mut known = self.paths.iter();
        known.any(|it| it.starts_with(before) || it.contains(&inside))
    }

    fn leads_somewhere(&self, name: &str) -> bool {
        if let Some((before, _)) = name.split_once('<')
            && before.contains('/')
            && is_name(before)
        {
            return self.begins_somewhere(before);
        }
        if !is_name(name) {
            return true;
        }
        if name.contains('/') || has_ending(name) {
            return spelled_out(name).iter().all(|path| self.has_path(path));
        }
        if name.contains("::") {
            return self.has_member(name);
        }
        words(name).all(|word| self.words.contains(word))
    }

    /// Returns whether each part of `a::b::c` is defined in the previous one.
    fn has_member(&self, name: &str) -> bool {
        let parts: Vec<&str> = words(name).collect();
        if parts.first().is_some_and(|first| FOREIGN.contains(first)) {
            return true;
        }
        parts.windows(2).all(|pair| {
            let [container, member] = pair else {
                return false;
            };
            let members = self.members.get(*container);
            members.is_some_and(|it| it.contains(*member) || DERIVED.contains(member))
        })
    }

    /// Returns whether a path exists below any folder: `rules/src/rule.rs` omits `crates/`,
    /// `ui/own.rs` a crate as well.
    fn has_path(&self, path: &str) -> bool {
        self.found(path).next().is_some()
    }
}

fn names_of(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn has_ending(name: &str) -> bool {
    FILES.iter().any(|it| has_extension(name, it))
}

fn room(path: &str) -> &str {
    let parts = if path.starts_with("crates/") { 2 } else { 1 };
    let end = path.match_indices('/').nth(parts - 1);
    end.and_then(|(at, _)| path.get(..at)).unwrap_or(path)
}

fn rows(text: &str) -> Vec<Vec<(usize, &str)>> {
    let mut found: Vec<Vec<(usize, &str)>> = Vec::new();
    let mut goes_on = false;
    for (index, line) in outside_fences(text) {
        if line.starts_with('|') || line.starts_with("- ") {
            found.push(vec![(index + 1, line)]);
            goes_on = line.starts_with("- ");
        } else if goes_on && line.starts_with("  ") {
            if let Some(last) = found.last_mut() {
                last.push((index + 1, line));
            }
        } else {
            goes_on = false;
        }
    }
    found
}

/// Returns whether a text is a name, not a command, pattern, URL path or text with a gap.
fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:{},".contains(c);
    let has_gap = text.split('/').any(|part| {
        let stem = part.split('.').next().unwrap_or_default();
        stem.len() > 1 && stem.chars().all(|c| c.is_ascii_uppercase())
    });
    text.chars().all(is_plain)
        && !text.starts_with(['/', '-'])
        && text.chars().any(char::is_alphabetic)
        && !(text.contains('/') && has_gap)
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn spelled_out(name: &str) -> Vec<String> {
    let parts = name
        .split_once('{')
        .and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match parts {
        Some((before, (inner, after))) => inner
            .split(',')
            .map(|one| format!("{before}{one}{after}"))
            .collect(),
        None => vec![name.to_owned()],
    }
}

/// Returns a file's `//!` lines; others become empty, so that line numbers stay.
fn opening_comment(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    lines.collect::<Vec<_>>().join("\n")
}

fn code_of(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let before = line.split("//").next();
        before.unwrap_or_default()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the crate and modules of a file: `rules` and `read` and `native` of
/// `crates/rules/src/read/native.rs`.
fn modules_of(path: &str) -> impl Iterator<Item = String> {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let parts = stem.split('/').skip(1);
    parts
        .filter(|part| !matches!(*part, "src" | "tests" | "it" | "mod" | "lib" | "main"))
        .flat_map(|part| {
            let module = part.replace('-', "_");
            let package = format!("hallpass_{module}");
            [module, package]
        })
}

fn types_of(code: &str) -> impl Iterator<Item = String> {
    let lines = code.lines().map(str::trim_start);
    lines.flat_map(|line| {
        let all: Vec<&str> = words(line).collect();
        let is_definition = |word: &&str| matches!(*word, "struct" | "enum" | "trait" | "union");
        let defined = all.iter().position(is_definition).map(|at| at + 1);
        let named = defined.and_then(|at| all.get(at)).copied();
        let implemented = line.starts_with("impl").then(|| {
            let is_type = |word: &&&str| word.starts_with(char::is_uppercase);
            all.iter().filter(is_type).copied().collect::<Vec<_>>()
        });
        let found: Vec<String> = named
            .into_iter()
            .chain(implemented.into_iter().flatten())
            .map(str::to_owned)
            .collect();
        found
    })
}

/// Returns defined and exported words: items, variants, macro rows, `pub use` names.
fn defined_words(code: &str) -> HashSet<String> {
    let mut defined = HashSet::new();
    let mut is_passing_on = false;
    for line in code.lines().map(str::trim) {
        is_passing_on |= line.starts_with("pub use ") || line.starts_with("pub(crate) use ");
        let all: Vec<&str> = words(line).collect();
        if is_passing_on {
            defined.extend(all.iter().map(|word| (*word).to_owned()));
        }
        is_passing_on &= !line.contains(';');
        let items = all.windows(2).filter_map(|pair| match pair {
            [before, name] if DEFINING.contains(before) => Some(*name),
            _ => None,
        });
        let row = line.split_once(" = ").map(|(name, _)| name);
        let row = row.filter(|name| words(name).eq([*name]));
        let variant = line
            .starts_with(char::is_uppercase)
            .then(|| all.first())
            .flatten();
        defined.extend(items.chain(variant.copied()).chain(row).map(str::to_owned));
    }
    defined
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_between = |c: char| !(c.is_alphanumeric() || c == '_');
    text.split(is_between).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_map_names_is_in_the_tree() {
        let mut tree = Landmarks::default();
        tree.add(
            "crates/rules/src/read/native.rs",
            "fn read_field() -> Selector {}\nenum Selector {\n    Any,\n}\npub use other::{Glob,\n    Span};\n// fn old()",
        );
        tree.add(
            "crates/rules/src/other.rs",
            "fn elsewhere() {}\nimpl Glob {\n    fn fits() {}\n}",
        );
        tree.add("e2e/web.py", "pages = []");
        for (name, leads) in [
            ("rules/src/read/native.rs", true),
            ("read/", true),
            ("ative.rs", false),
            ("rules/src/read/{native,other}.rs", false),
            ("e2e/{web,web}.py", true),
            ("Selector::read_field", true),
            ("Selector::Any", true),
            ("Selector::default", true),
            ("Selector::gone", false),
            ("Selector::elsewhere", false),
            ("native::read_field", true),
            ("read::native::read_field", true),
            ("other::read_field", false),
            ("native::old", false),
            ("native::Span", true),
            ("hallpass_rules::Glob", true),
            ("Glob::fits", true),
            ("std::fs::read", true),
            ("gone::read_field", false),
            ("pages", true),
            ("cargo xtask tidy", true),
            ("/api/v1", true),
            ("tables/SERVICE.json", true),
            ("--yes", true),
            ("//!", true),
            ("rules/src/<part>/native.rs", true),
            ("crates/ru<name>/", true),
            ("rules/src/commands/<group>/", false),
            ("a/<b> c", false),
            ("<group>/", true),
        ] {
            assert_eq!(tree.leads_somewhere(name), leads, "{name}");
        }
        let map = "A `gone` one.\n```text\n`gone`\n```\nA `web.py`.\n";
        let found = tree.check("ARCHITECTURE.md", map);
        let places: Vec<usize> = found.iter().map(|it| it.line).collect();
        assert_eq!(places, [1]);
        assert!(tree.check("README.md", map).is_empty());
    }

    #[test]
    fn a_file_without_a_folder_is_in_a_crate_that_its_row_names() {
        let mut tree = Landmarks::default();
        for path in [
            "crates/rules/src/rule.rs",
            "crates/rules/src/read/native.rs",
            "crates/access/src/ask.rs",
            "e2e/web.py",
            "clippy.toml",
        ] {
            tree.add(path, "fn rules() {}");
        }
        for (row, lines) in [
            (
                "| a | `rules/src/rule.rs`, `native.rs`, `clippy.toml` |",
                &[][..],
            ),
            ("| a | `rules/src/rule.rs`, `ask.rs` |", &[1]),
            ("- a: `rules/src/<x>.rs`,\n  `ask.rs`; `native.rs`", &[2]),
            ("- a: `e2e/web.py`\n\n`rule.rs`", &[]),
            ("| `rules` | `rule.rs`, `ask.rs`, `web.py` |", &[1, 1]),
            ("| a | `ask.rs` |", &[]),
        ] {
            let found = tree.check("ARCHITECTURE.md", row);
            let places: Vec<usize> = found.iter().map(|it| it.line).collect();
            assert_eq!(places, lines, "{row}");
        }
    }

    #[test]
    fn decisions_and_first_pages_are_held_to_their_paths() {
        let mut tree = Landmarks::default();
        tree.add("crates/rules/src/rule.rs", "fn read() {}");
        let text = "//! A `gone` and `rule::read`,\n//! `rule::gone`.\nfn f() {} // `x::y`\n";
        let places = |path: &str| -> Vec<usize> {
            let found = tree.check(path, text);
            found.iter().map(|it| it.line).collect()
        };
        assert_eq!(places("crates/rules/src/lib.rs"), [2]);
        assert_eq!(places("docs/decisions/0001-x.md"), [2, 3]);
        assert_eq!(places("crates/rules/src/rule.rs"), [0; 0]);
    }
}
