//! The map and the checklists name what exists: a file, a folder, or a word of some program.

use std::collections::HashSet;

use crate::breach::Breach;
use crate::spec::outside_fences;
use crate::texts::has_extension;

/// The pages that newcomers find their way by.
const MAPS: &[&str] = &["ARCHITECTURE.md", "CONTRIBUTING.md"];

/// How names of files end.
const FILES: &[&str] = &[
    "rs", "md", "py", "toml", "txt", "json", "yaml", "html", "sh",
];

/// What the tree has.
#[derive(Debug, Default)]
pub(crate) struct Landmarks {
    /// Files and folders.
    paths: HashSet<String>,
    /// Words of programs.
    words: HashSet<String>,
}

impl Landmarks {
    /// Takes the name of a file and of the folders it is in; of a program, its words too.
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
    }

    /// Names on a map that lead nowhere.
    pub(crate) fn check(&self, path: &str, text: &str) -> Vec<Breach> {
        if !MAPS.contains(&path) {
            return Vec::new();
        }
        let mut findings = Vec::new();
        for (index, line) in outside_fences(text) {
            for name in line.split('`').skip(1).step_by(2) {
                if !self.leads_somewhere(name) {
                    let message = format!("`{name}` is not in the tree: say where it is now");
                    findings.push(Breach::new(path, index + 1, message));
                }
            }
        }
        findings
    }

    fn leads_somewhere(&self, name: &str) -> bool {
        if !is_name(name) {
            return true;
        }
        if name.contains('/') || FILES.iter().any(|it| has_extension(name, it)) {
            return spelled_out(name).iter().all(|path| self.has_path(path));
        }
        words(name).all(|word| self.words.contains(word))
    }

    /// Whether there is such a file or folder, under whatever folder: `rules/src/rule.rs` leaves
    /// `crates/` out, `ui/own.rs` a crate as well.
    fn has_path(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.paths.iter().any(|known| {
            known
                .strip_suffix(path)
                .is_some_and(|before| before.is_empty() || before.ends_with('/'))
        })
    }
}

/// Whether this is a name, and not a command, a pattern, a path of a URL or text with a gap.
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
            "fn read_field() -> Selector {}",
        );
        tree.add("e2e/web.py", "pages = []");
        for (name, leads) in [
            ("rules/src/read/native.rs", true),
            ("read/", true),
            ("ative.rs", false),
            ("rules/src/read/{native,other}.rs", false),
            ("e2e/{web,web}.py", true),
            ("Selector::read_field", true),
            ("Selector::gone", false),
            ("pages", true),
            ("cargo xtask tidy", true),
            ("/api/v1", true),
            ("tables/SERVICE.json", true),
            ("--yes", true),
            ("//!", true),
        ] {
            assert_eq!(tree.leads_somewhere(name), leads, "{name}");
        }
        let map = "A `gone` one.\n```text\n`gone`\n```\nA `web.py`.\n";
        let found = tree.check("ARCHITECTURE.md", map);
        let places: Vec<usize> = found.iter().map(|it| it.line).collect();
        assert_eq!(places, [1]);
        assert!(tree.check("README.md", map).is_empty());
    }
}
