//! Restricts external access: files, environment, processes, waits, tasks. Allowed for responsible
//! crates, and for the binary with rooms and commands; others use a port. `clippy.toml` bans time,
//! and ids made from it, for all.

use syn::visit::Visit;

use crate::breach::Breach;
use crate::syntax::ParsedFile;
use crate::type_names::is_of_binary;

struct Ban {
    /// Paths after `use` or in full; a module includes its contents.
    paths: &'static [&'static str],
    crates: &'static [&'static str],
    instead: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        paths: &["std::fs", "tokio::fs"],
        crates: &["store", "aws-sim", "query", "xtask"],
        instead: "take the text, a reader or a port",
    },
    Ban {
        paths: &["std::env"],
        crates: &["query", "xtask"],
        instead: "take the value as an argument",
    },
    Ban {
        paths: &["std::process", "tokio::process"],
        // query: its exit code
        crates: &["query", "xtask"],
        instead: "leave other programs to the binary",
    },
    Ban {
        paths: &["std::thread::sleep", "thread::sleep", "tokio::time::sleep"],
        // query: measures a query's memory
        crates: &[
            "aws",
            "aws-sim",
            "query",
            "server",
            "channels",
            // on a paused clock
            "simulation",
            "store",
        ],
        instead: "return when to come again, or take a port that waits",
    },
    Ban {
        paths: &["std::thread::spawn", "thread::spawn", "tokio::spawn"],
        // access: a directory read outlives its call; simulation: a sent request arrives whatever
        // happens to its sender
        crates: &[
            "access",
            "aws",
            "aws-sim",
            "query",
            "server",
            "simulation",
            "channels",
            "store",
        ],
        instead: "return a future, and let a driver run it",
    },
];

/// Checks a file; tests are exempt.
pub(crate) fn check(file: &ParsedFile<'_>) -> Vec<Breach> {
    let (path, name) = (file.path, file.name);
    let is_test = path.ends_with("tests.rs")
        || path.contains("-testing/src/")
        || path.starts_with("crates/base/");
    if is_test || is_of_binary(name) {
        return Vec::new();
    }
    let bans = BANS.iter().filter(|ban| !ban.crates.contains(&name));
    let mut paths = Paths {
        path,
        bans: bans.collect(),
        findings: Vec::new(),
    };
    paths.visit_file(&file.content);
    paths.findings
}

struct Paths<'a> {
    path: &'a str,
    bans: Vec<&'static Ban>,
    findings: Vec<Breach>,
}

impl Paths<'_> {
    fn hold(&mut self, written: &str, line: usize) {
        let is_in = |outer: &str| {
            let rest = written.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        for ban in &self.bans {
            if ban.paths.iter().any(|outer| is_in(outer)) {
                let message = format!("`{written}` is not for this crate: {}", ban.instead);
                self.findings.push(Breach::new(self.path, line, message));
            }
        }
    }

    fn hold_use(&mut self, before: &str, tree: &syn::UseTree) {
        let under = |name: &syn::Ident| match before {
            "" => name.to_string(),
            _ if name == "self" => before.to_owned(),
            _ => format!("{before}::{name}"),
        };
        match tree {
            syn::UseTree::Path(it) => self.hold_use(&under(&it.ident), &it.tree),
            syn::UseTree::Name(it) => self.hold(&under(&it.ident), it.ident.span().start().line),
            syn::UseTree::Rename(it) => self.hold(&under(&it.ident), it.ident.span().start().line),
            syn::UseTree::Glob(it) => self.hold(before, it.star_token.spans[0].start().line),
            syn::UseTree::Group(it) => {
                for tree in &it.items {
                    self.hold_use(before, tree);
                }
            }
        }
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|it| {
        let of_cfg = it
            .meta
            .require_list()
            .ok()
            .filter(|_| it.path().is_ident("cfg"));
        of_cfg.is_some_and(|list| list.tokens.to_string().contains("test"))
    })
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.hold_use("", &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        if let Some(first) = path.segments.first() {
            self.hold(&names.join("::"), first.ident.span().start().line);
        }
        syn::visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_for_a_crate_is_named_with_its_line_and_the_way_out() {
        let of_rules = [
            ("use std::fs;", "std::fs"),
            ("use std::{io, fs};", "std::fs"),
            ("use std::fs::{self, File};", "std::fs std::fs::File"),
            ("use std::env::*;", "std::env"),
            ("fn a() { std::fs::read(x); }", "std::fs::read"),
            ("async fn a() { tokio::spawn(x); }", "tokio::spawn"),
            ("use tokio::time::{sleep as wait};", "tokio::time::sleep"),
            ("use std::fmt; use my::std::fs;", ""),
            ("#[cfg(test)]\nmod tests { use std::fs; }", ""),
        ];
        let elsewhere = [
            ("crates/access/src/a.rs", "fn a() { tokio::spawn(x); }"),
            ("crates/rules/src/a_tests.rs", "use std::fs;"),
            ("crates/rules/tests/it/a.rs", "use std::fs;"),
            ("crates/store/src/a.rs", "use std::fs;"),
        ];
        let of_rules = of_rules.map(|(text, named)| ("crates/rules/src/a.rs", text, named));
        let rows = elsewhere.map(|(path, text)| (path, text, ""));
        let rows = of_rules.into_iter().chain(rows);
        for (path, text, expected) in rows {
            let file = ParsedFile::of(path, text);
            let found = file.map(|file| check(&file)).unwrap_or_default();
            let named: Vec<_> = found
                .iter()
                .filter_map(|it| it.message.split('`').nth(1))
                .collect();
            assert_eq!(named.join(" "), expected, "{text}");
            assert!(
                found
                    .iter()
                    .all(|it| it.line == 1 && it.message.contains(": ")),
                "{found:?}"
            );
        }
    }
}
