//! Finds import cycles between sibling modules: `a` imports `b`, and `b` imports `a`, directly or
//! indirectly. They can only be read together. Shared parts usually belong in another module. A
//! module and its children are no cycle.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::Visit;
use syn::{Attribute, Ident, Item, ItemMod, ItemUse, UseTree};

use crate::breach::Breach;
use crate::circles_known::{KNOWN, KnownCircles};
use crate::syntax::ParsedFile;

/// A module's path in its crate; empty for the crate.
type ModulePath = Vec<String>;

/// Maximum re-exports followed to a name's origin.
const REEXPORTS_MAX: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Circles {
    crates: BTreeMap<String, Crate>,
}

#[derive(Debug, Default)]
struct Crate {
    files: BTreeMap<ModulePath, File>,
    declared: BTreeSet<ModulePath>,
}

#[derive(Debug)]
struct File {
    path: String,
    imports: Vec<(ModulePath, usize)>,
    names: BTreeMap<String, ModulePath>,
}

type Arrows = BTreeMap<(String, String), (String, usize)>;

impl Circles {
    pub(crate) fn add(&mut self, of: &ParsedFile<'_>) {
        let (path, file) = (of.path, &of.content);
        let known = self.crates.entry(of.name.to_owned()).or_default();
        let module = module_of(path);
        let declare = |declared: &mut BTreeSet<ModulePath>, item: &ItemMod| {
            let mut child = module.clone();
            child.push(item.ident.to_string());
            declared.insert(child);
        };
        for item in &file.items {
            match item {
                Item::Mod(item) if !is_test(&item.attrs) => declare(&mut known.declared, item),
                _ => {}
            }
        }
        let mut imports = Imports {
            module: &module,
            declared: &known.declared,
            named: Vec::new(),
            names: BTreeMap::new(),
        };
        imports.visit_file(file);
        let (imports, names) = (imports.named, imports.names);
        let file = File {
            path: path.to_owned(),
            imports,
            names,
        };
        known.files.insert(module, file);
    }

    /// Finds unknown cycles, and known ones that no longer exist.
    pub(crate) fn check(&self) -> Vec<Breach> {
        self.check_against(KNOWN)
    }

    fn check_against(&self, known: &[KnownCircles]) -> Vec<Breach> {
        let mut findings = Vec::new();
        let mut met = BTreeSet::new();
        for (name, of) in &self.crates {
            for (parent, arrows) in of.arrows() {
                let place = std::iter::once(name.clone()).chain(parent);
                let place = place.collect::<Vec<_>>().join("/");
                for circle in circles(&arrows) {
                    met.insert((place.clone(), circle.members()));
                    if !known.iter().any(|it| it.has(&place, &circle)) {
                        findings.push(circle.breach(&place));
                    }
                }
            }
        }
        let gone = known
            .iter()
            .filter(|it| !met.contains(&(it.place.to_owned(), it.members())));
        findings.extend(gone.map(KnownCircles::gone));
        findings
    }
}

struct Circle<'a> {
    arrows: BTreeMap<(&'a str, &'a str), &'a (String, usize)>,
}

/// Returns sibling cycles; a sibling is in at most one.
fn circles(arrows: &Arrows) -> Vec<Circle<'_>> {
    let mut reached: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in arrows.keys() {
        reached.entry(from).or_default().insert(to);
    }
    // transitive closure (Warshall) over some tens of siblings
    let siblings: Vec<&str> = reached.keys().copied().collect();
    for through in siblings {
        let further = reached.get(through).cloned().unwrap_or_default();
        for all in reached.values_mut().filter(|it| it.contains(through)) {
            all.extend(further.iter().copied());
        }
    }
    let leads = |from: &str, to: &str| reached.get(from).is_some_and(|it| it.contains(to));
    let mut found: BTreeMap<&str, Circle<'_>> = BTreeMap::new();
    for ((from, to), place) in arrows {
        if leads(to, from) {
            let mut all = arrows.keys().map(|(it, _)| it.as_str());
            let first = all.find(|it| *it == from || (leads(it, from) && leads(from, it)));
            let circle = found
                .entry(first.unwrap_or(from))
                .or_insert_with(|| Circle {
                    arrows: BTreeMap::new(),
                });
            circle.arrows.insert((from, to), place);
        }
    }
    found.into_values().collect()
}

impl Circle<'_> {
    fn members(&self) -> Vec<String> {
        let members: BTreeSet<&str> = self.arrows.keys().map(|(from, _)| *from).collect();
        members.into_iter().map(str::to_owned).collect()
    }

    fn way_round(&self, from: &str) -> Vec<(&str, &str)> {
        let mut ways: Vec<Vec<(&str, &str)>> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut ends = vec![from];
        let mut at = 0;
        while let Some(end) = ends.get(at).copied() {
            let way = at.checked_sub(1).and_then(|at| ways.get(at)).cloned();
            for (a, b) in self.arrows.keys().filter(|(a, _)| *a == end) {
                let mut way = way.clone().unwrap_or_default();
                way.push((a, b));
                if *b == from {
                    return way;
                }
                if seen.insert(*b) {
                    ways.push(way);
                    ends.push(b);
                }
            }
            at += 1;
        }
        Vec::new()
    }

    fn breach(&self, place: &str) -> Breach {
        let members = self.members();
        let rounds = members.iter().map(|it| self.way_round(it));
        let way = rounds.min_by_key(Vec::len).unwrap_or_default();
        let places = way.iter().filter_map(|arrow| self.arrows.get(arrow));
        let places: Vec<&(String, usize)> = places.copied().collect();
        let (path, line) = places.first().map_or(("", 1), |it| (it.0.as_str(), it.1));
        if let [a, b] = members.as_slice() {
            let message = format!(
                "`{a}` and `{b}` of `{place}` import each other: move the shared part to one of them, or to \
                 a separate module"
            );
            return Breach::new(path, line, message);
        }
        let members = members.join("`, `");
        let way: Vec<String> = way
            .iter()
            .zip(&places)
            .map(|((a, b), (path, line))| format!("`{a}` imports `{b}` ({path}:{line})"))
            .collect();
        let message = format!(
            "`{members}` of `{place}` lead to each other: {}; take one of these away",
            way.join(", ")
        );
        Breach::new(path, line, message)
    }
}

impl KnownCircles {
    fn members(&self) -> Vec<String> {
        self.members.iter().map(|it| (*it).to_owned()).collect()
    }

    fn has(&self, place: &str, circle: &Circle<'_>) -> bool {
        self.place == place && self.members() == circle.members()
    }

    fn gone(&self) -> Breach {
        let (place, members, why) = (self.place, self.members.join("`, `"), self.why);
        let message = format!(
            "`{members}` of `{place}` make no such circle any more: take it out, or those that left it (it was known \
             since {why})"
        );
        Breach::new("crates/xtask/src/circles_known.rs", 1, message)
    }
}

impl Crate {
    fn arrows(&self) -> BTreeMap<ModulePath, Arrows> {
        let mut found: BTreeMap<ModulePath, Arrows> = BTreeMap::new();
        for (from, file) in &self.files {
            if !self.is_shipped(from) {
                continue;
            }
            for (named, line) in &file.imports {
                let to = self.home_of(named, REEXPORTS_MAX);
                let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) else {
                    continue;
                };
                let parent = from.iter().take(shared).cloned().collect();
                let arrow = (a.clone(), b.clone());
                let place = (file.path.clone(), *line);
                let arrows = found.entry(parent).or_default();
                arrows.entry(arrow).or_insert(place);
            }
        }
        found
    }

    /// Returns whether a module and its parents are declared outside tests.
    fn is_shipped(&self, module: &ModulePath) -> bool {
        (1..=module.len()).all(|n| self.declared.contains(module.get(..n).unwrap_or_default()))
    }

    /// Resolves a name to its module through re-exports.
    fn home_of(&self, named: &ModulePath, reexports: usize) -> ModulePath {
        let depth = (0..=named.len()).rev();
        let mut modules =
            depth.filter(|n| self.files.contains_key(named.get(..*n).unwrap_or_default()));
        let Some(module) = modules.next().map(|n| named.get(..n).unwrap_or_default()) else {
            return Vec::new();
        };
        let rest = named.get(module.len()..).unwrap_or_default();
        let file = self.files.get(module);
        let passed_on = rest.first().and_then(|name| file?.names.get(name));
        match passed_on {
            Some(home) if home != named && reexports > 0 => {
                let mut whole = home.clone();
                whole.extend(rest.iter().skip(1).cloned());
                self.home_of(&whole, reexports - 1)
            }
            Some(_) | None => module.to_vec(),
        }
    }
}

/// `crates/NAME/src/a/b.rs` is `a::b`; `mod.rs`, `lib.rs` and `main.rs` are their folder.
fn module_of(path: &str) -> ModulePath {
    let inside = path.split("/src/").nth(1).unwrap_or_default();
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    let mut module: ModulePath = inside.split('/').map(str::to_owned).collect();
    let is_root = |name: &String| ["mod", "lib", "main"].contains(&name.as_str());
    if module.last().is_some_and(is_root) {
        module.pop();
    }
    module
}

struct Imports<'a> {
    module: &'a ModulePath,
    declared: &'a BTreeSet<ModulePath>,
    named: Vec<(ModulePath, usize)>,
    names: BTreeMap<String, ModulePath>,
}

impl Imports<'_> {
    fn inside(&self, path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let mut whole = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => self.module.split_last()?.1.to_vec(),
            child => {
                let mut whole = self.module.clone();
                whole.push(child.to_owned());
                self.declared.contains(&whole).then_some(whole)?
            }
        };
        for name in rest {
            if name == "super" {
                whole.pop();
            } else if name != "self" {
                whole.push(name.clone());
            }
        }
        Some(whole)
    }

    fn take(&mut self, tree: &UseTree, before: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.take(&path.tree, before);
                before.pop();
            }
            UseTree::Group(group) => {
                for each in &group.items {
                    self.take(each, before);
                }
            }
            UseTree::Name(name) => self.note(before, Some(&name.ident), None, name.span()),
            UseTree::Rename(name) => {
                self.note(before, Some(&name.ident), Some(&name.rename), name.span());
            }
            UseTree::Glob(all) => self.note(before, None, None, all.span()),
        }
    }

    fn note(
        &mut self,
        before: &[String],
        name: Option<&Ident>,
        called: Option<&Ident>,
        place: Span,
    ) {
        let mut path = before.to_vec();
        path.extend(name.map(ToString::to_string));
        let Some(whole) = self.inside(&path) else {
            return;
        };
        if let Some(called) = called.or(name).map(ToString::to_string) {
            let called = if called == "self" {
                whole.last().cloned()
            } else {
                Some(called)
            };
            self.names
                .extend(called.map(|called| (called, whole.clone())));
        }
        self.named.push((whole, place.start().line));
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg = attribute.path().is_ident("cfg");
        is_cfg
            && attribute
                .parse_args::<Ident>()
                .is_ok_and(|what| what == "test")
    })
}

impl<'ast> Visit<'ast> for Imports<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if is_test(&item.attrs) {
            return;
        }
        // inline modules count for the file; the few existing ones have no files
        syn::visit::visit_item_mod(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_test(&item.attrs) {
            self.take(&item.tree, &mut Vec::new());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        let is_ours = names
            .first()
            .is_some_and(|it| it == "crate" || it == "super");
        if let Some(whole) = self.inside(&names).filter(|_| is_ours) {
            self.named.push((whole, path.span().start().line));
        }
        syn::visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)], known: &[KnownCircles]) -> Vec<String> {
        let mut circles = Circles::default();
        for (path, text) in files {
            if let Some(file) = ParsedFile::of(path, text) {
                circles.add(&file);
            }
        }
        let told = circles.check_against(known);
        told.iter().map(ToString::to_string).collect()
    }

    const ROOT: (&str, &str) = (
        "crates/x/src/lib.rs",
        "//! X.\nmod a;\nmod b;\n#[cfg(test)]\nmod t;\npub use b::Thing;\n",
    );

    const PAIR: KnownCircles = KnownCircles {
        place: "x",
        members: &["a", "b"],
        why: "they are one",
    };

    #[test]
    fn two_siblings_that_import_each_other_are_told_once() {
        let told = "crates/x/src/a.rs:3: `a` and `b` of `x` import each other: move the shared part to one \
                    of them, or to a separate module";
        // by name, through re-exports, from inside, in full
        for (a, b) in [
            ("use crate::b::Thing;", "use crate::a::Other;"),
            ("use crate::Thing;", "use super::a;"),
            ("use crate::{b as c};", "fn f() { crate::a::g(); }"),
            (
                "use super::b::*;",
                "pub(crate) use super::a::{self, Other};",
            ),
        ] {
            let (a, b) = (format!("//! A.\n\n{a}\n"), format!("//! B.\n{b}\n"));
            let files = [ROOT, ("crates/x/src/a.rs", &a), ("crates/x/src/b.rs", &b)];
            assert_eq!(found(&files, &[]), [told], "{a} {b}");
            assert_eq!(found(&files, &[PAIR]), [] as [&str; 0]);
        }
    }

    #[test]
    fn what_is_inside_a_module_and_what_tests_import_is_no_circle() {
        let a = "//! A.\nuse crate::b::Thing;\nmod inner;\n";
        let b = "//! B.\npub struct Thing;\n#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n";
        let inner = "//! Inner.\nuse super::super::a::f;\nuse crate::b::Thing;\n";
        let t = "//! T.\nuse crate::a;\nuse crate::b;\n";
        let files = [
            ROOT,
            ("crates/x/src/a.rs", a),
            ("crates/x/src/a/inner.rs", inner),
            ("crates/x/src/b.rs", b),
            ("crates/x/src/t.rs", t),
            ("crates/x/tests/it/main.rs", "//! M.\nuse crate::b;\n"),
        ];
        assert_eq!(found(&files, &[]), [] as [&str; 0]);
        let gone = "crates/xtask/src/circles_known.rs:1: `a`, `b` of `x` make no such circle any more: take it \
                    out, or those that left it (it was known since they are one)";
        assert_eq!(found(&files, &[PAIR]), [gone]);
    }

    #[test]
    fn siblings_deeper_down_are_held_to_the_same() {
        let files = [
            ("crates/x/src/lib.rs", "//! X.\nmod m;\n"),
            ("crates/x/src/m/mod.rs", "//! M.\nmod a;\nmod b;\n"),
            ("crates/x/src/m/a.rs", "//! A.\nuse super::b::B;\n"),
            ("crates/x/src/m/b.rs", "//! B.\nuse crate::m::a::A;\n"),
        ];
        let told = found(&files, &[]);
        assert!(
            told.len() == 1 && told[0].contains("`a` and `b` of `x/m`"),
            "{told:?}"
        );
    }
    #[test]
    fn siblings_that_lead_to_each_other_through_others_are_told_once_with_the_shortest_way() {
        let root = (
            "crates/x/src/lib.rs",
            "//! X.\nmod a;\nmod b;\nmod c;\nmod d;\nmod e;\n",
        );
        // `d` and `e` are outside the cycle: it leads to one, and the other leads into it
        let mut files = vec![
            root,
            ("crates/x/src/a.rs", "//! A.\nuse crate::b;\n"),
            ("crates/x/src/b.rs", "//! B.\nuse crate::c;\n"),
            (
                "crates/x/src/c.rs",
                "//! C.\nuse crate::a;\nuse crate::d;\n",
            ),
            ("crates/x/src/d.rs", "//! D.\n"),
            ("crates/x/src/e.rs", "//! E.\nuse crate::a;\n"),
        ];
        let told = "crates/x/src/a.rs:2: `a`, `b`, `c` of `x` lead to each other: `a` imports `b` \
                    (crates/x/src/a.rs:2), `b` imports `c` (crates/x/src/b.rs:2), `c` imports `a` \
                    (crates/x/src/c.rs:2); take one of these away";
        assert_eq!(found(&files, &[]), [told]);
        let three = KnownCircles {
            members: &["a", "b", "c"],
            ..PAIR
        };
        assert_eq!(found(&files, &[three]), [] as [&str; 0]);
        // an addition to a known cycle is reported, and so is its remainder
        files[4].1 = "//! D.\nuse crate::c;\n";
        let grown = found(&files, &[three]);
        assert!(
            grown.len() == 2 && grown[0].contains("`a`, `b`, `c`, `d` of `x`"),
            "{grown:?}"
        );
        assert!(
            grown[0].contains("`c` imports `d` (crates/x/src/c.rs:3), `d` imports `c`"),
            "{grown:?}"
        );
    }
}
