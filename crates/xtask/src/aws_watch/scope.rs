//! Finds the service operations in use: those simulated, and those named in a crate's file together
//! with the service. Read from sources, so that new calls are watched automatically.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

use super::WatchError;

const SIMULATED: &str = "crates/aws-sim/src/services";

const LIST: &str = "OPERATIONS";

/// Crates that name operations without calls: log and policy readers, service tables, the simulator
/// (read by its lists), the demo, and this one.
const NAMING: &[&str] = &[
    "activity",
    "aws-model",
    "aws-sim",
    "cli-server",
    "iam",
    "xtask",
];

#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) simulated: BTreeMap<String, BTreeSet<String>>,
    files: Vec<BTreeSet<String>>,
}

impl Named {
    pub(crate) fn of_tree(root: &Path) -> Result<Self, WatchError> {
        let mut named = Self::default();
        for folder in inside(&root.join(SIMULATED))?
            .into_iter()
            .filter(|it| it.is_dir())
        {
            let mut service = None;
            let mut operations = BTreeSet::new();
            for path in sources(&folder)? {
                let found = Simulated::read(&text_of(&path)?);
                operations.extend(found.operations);
                service = service.or(found.service);
            }
            if let Some(service) = service {
                named
                    .simulated
                    .entry(service)
                    .or_default()
                    .extend(operations);
            }
        }
        for folder in inside(&root.join("crates"))? {
            let name = folder
                .file_name()
                .and_then(|it| it.to_str())
                .unwrap_or_default();
            let is_test = name.ends_with("testing") || name.ends_with("-sim");
            if is_test || NAMING.contains(&name) || !folder.join("src").is_dir() {
                continue;
            }
            for path in sources(&folder.join("src"))? {
                if path.starts_with(folder.join("src/testing")) {
                    continue;
                }
                named.files.push(literals(&text_of(&path)?));
            }
        }
        Ok(named)
    }

    pub(crate) fn operations<'a>(
        &self,
        service: &str,
        all: impl Iterator<Item = &'a String>,
    ) -> BTreeSet<String> {
        let simulated = self.simulated.get(service);
        let files: Vec<_> = self
            .files
            .iter()
            .filter(|it| it.contains(service))
            .collect();
        let is_ours = |name: &&String| {
            simulated.is_some_and(|it| it.contains(*name))
                || files.iter().any(|it| it.contains(*name))
        };
        all.filter(is_ours).cloned().collect()
    }

    /// Returns whether a service is simulated or named in some file.
    pub(crate) fn may_be_ours(&self, service: &str) -> bool {
        self.simulated.contains_key(service) || self.files.iter().any(|it| it.contains(service))
    }
}

fn inside(folder: &Path) -> Result<Vec<PathBuf>, WatchError> {
    let failed = |source| WatchError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        found.push(entry.map_err(failed)?.path());
    }
    found.sort();
    Ok(found)
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, WatchError> {
    let mut found = Vec::new();
    for path in inside(folder)? {
        let stem = path
            .file_stem()
            .and_then(|it| it.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|it| it == "rs") && !stem.ends_with("tests") {
            found.push(path);
        }
    }
    Ok(found)
}

fn text_of(path: &Path) -> Result<String, WatchError> {
    fs::read_to_string(path).map_err(|source| WatchError::Read {
        path: path.to_owned(),
        source,
    })
}

fn literals(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // `tidy` reports unparsable files
    let mut open: Vec<TokenStream> = text.parse().into_iter().collect();
    while let Some(tokens) = open.pop() {
        for token in tokens {
            match token {
                TokenTree::Group(group) => open.push(group.stream()),
                TokenTree::Literal(literal) => {
                    let literal = literal.to_string();
                    let inner = literal
                        .strip_prefix('"')
                        .and_then(|it| it.strip_suffix('"'));
                    found.extend(inner.map(str::to_owned));
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
    found
}

#[derive(Debug, Default)]
struct Simulated {
    service: Option<String>,
    operations: BTreeSet<String>,
    table: Option<String>,
    constants: BTreeMap<String, String>,
}

impl Simulated {
    fn read(text: &str) -> Self {
        let mut found = Self::default();
        if let Ok(file) = syn::parse_file(text) {
            let mut constants = Constants::default();
            constants.visit_file(&file);
            found.constants = constants.0;
            found.visit_file(&file);
        }
        found.service = found.table.take().or(found.service.take());
        found
    }

    fn written(&self, expression: &syn::Expr) -> Option<String> {
        match expression {
            syn::Expr::Path(it) => {
                let name = it.path.get_ident()?.to_string();
                self.constants.get(&name).cloned()
            }
            other => literal(other),
        }
    }
}

fn literal(expression: &syn::Expr) -> Option<String> {
    match expression {
        syn::Expr::Lit(it) => match &it.lit {
            syn::Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[derive(Default)]
struct Constants(BTreeMap<String, String>);

impl<'ast> Visit<'ast> for Constants {
    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        if let Some(text) = literal(&item.expr) {
            self.0.insert(item.ident.to_string(), text);
        }
    }
}

impl<'ast> Visit<'ast> for Simulated {
    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        if item.ident == LIST {
            let mut rows = Rows::default();
            rows.visit_expr(&item.expr);
            self.operations.extend(rows.0);
        }
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(path) = &*call.func {
            let last = path.path.segments.last().map(|it| it.ident.to_string());
            let place = match last.as_deref() {
                Some("Table") => call.args.first(),
                Some("named") => call.args.get(1),
                _ => None,
            };
            if let Some(name) = place.and_then(|it| self.written(it)) {
                if last.as_deref() == Some("Table") {
                    self.table = Some(name);
                } else {
                    self.service.get_or_insert(name);
                }
            }
        }
        syn::visit::visit_expr_call(self, call);
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        let is_name = matches!(&field.member, syn::Member::Named(it) if it == "signing_name");
        if let Some(name) = self.written(&field.expr).filter(|_| is_name) {
            self.service.get_or_insert(name);
        }
        syn::visit::visit_field_value(self, field);
    }
}

#[derive(Default)]
struct Rows(BTreeSet<String>);

impl<'ast> Visit<'ast> for Rows {
    fn visit_expr_tuple(&mut self, pair: &'ast syn::ExprTuple) {
        self.0.extend(pair.elems.first().and_then(literal));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_simulated_service_is_known_by_its_table_else_by_how_it_signs() {
        let rows = [
            (
                "const NAME: &str = \"a\"; static D: S = S { ..SimService::named(\"A\", NAME) };",
                "a",
            ),
            (
                "static D: S = S { ..SimService::named(\"A\", \"b\") };",
                "b",
            ),
            (
                "static D: S = S { signing_name: \"sso\", requests: RequestForm::Table(\"sso-admin\") };",
                "sso-admin",
            ),
            (
                "static D: S = S { signing_name: \"ec2\", requests: RequestForm::Ec2Query(\"2016\") };",
                "ec2",
            ),
            ("fn a() {}", ""),
        ];
        for (text, expected) in rows {
            assert_eq!(
                Simulated::read(text).service.unwrap_or_default(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn operations_are_ours_when_simulated_or_named_beside_their_service() {
        let root = tree(&[
            ("crates/aws-sim/src/services/mod.rs", "mod demo;"),
            (
                "crates/aws-sim/src/services/demo/mod.rs",
                "static D: S = S { ..SimService::named(\"Demo\", \"demo\") };\nconst OTHER: &[&str] = &[\"x\"];",
            ),
            (
                "crates/aws-sim/src/services/demo/rows.rs",
                "pub(super) const OPERATIONS: &[Row] = &[(\"List\", Reads(list)), (\"Make\", Writes(make))];",
            ),
            (
                "crates/org/src/a.rs",
                "fn a() { call(&(\"demo\", \"Call\")); other(&json!({\"x\": \"InMacro\"})); }",
            ),
            (
                "crates/org/src/b.rs",
                "fn a() { call(NAME, \"Elsewhere\"); }",
            ),
            (
                "crates/org/src/a_tests.rs",
                "fn a() { call(\"demo\", \"InTest\"); }",
            ),
            (
                "crates/org/src/testing/a.rs",
                "fn a() { call(\"demo\", \"InTesting\"); }",
            ),
            (
                "crates/activity/src/a.rs",
                "fn a() { call(\"demo\", \"InLogs\"); }",
            ),
            ("crates/empty/Cargo.toml", ""),
        ]);
        let named = Named::of_tree(root.path()).unwrap();
        let all = [
            "List",
            "Make",
            "Call",
            "InMacro",
            "Elsewhere",
            "InTest",
            "InTesting",
            "InLogs",
            "Never",
        ];
        let all: Vec<String> = all.iter().map(|it| (*it).to_owned()).collect();
        let ours: Vec<_> = named.operations("demo", all.iter()).into_iter().collect();
        assert_eq!(ours, ["Call", "InMacro", "List", "Make"]);
        assert!(named.may_be_ours("demo"));
        assert!(!named.may_be_ours("nothing"));
    }
}
