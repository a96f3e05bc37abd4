//! Modules that a file of Terraform calls. What is in one may forbid what policies beside it permit: it is known where
//! the files of its folder are given, too.

use std::collections::{BTreeMap, BTreeSet};

use crate::collected::{ImportRow, RowHead};
use crate::dynamodb::SourceFile;
use crate::hcl::{Definitions, Evaluator, HclFile, HclKind};
use crate::report::RowNote;

/// A module that a file calls.
pub(super) struct CalledModule {
    head: RowHead,
    /// The folder that its files are in; `None` where they are elsewhere, or the file does not say where.
    folder: Option<String>,
}

const FORBIDS: &str = "its resources are in none of these files, and a policy among them may forbid what the rules here permit: give \
                       the files of its folder, too, or import the state (`terraform show -json`)";
const AS_THEY_STAND: &str = "its resources are those in the files of its folder that are given, as they stand there: without what it is given, and \
                             as though it were called once";
const NOT_HERE: &str = "its resources are not in this file; import the state (`terraform show -json`) where it has some of Common Fate";

/// The modules of a file, by name and line.
pub(super) fn called(file: &SourceFile, modules: Vec<(String, u32)>) -> Vec<CalledModule> {
    if modules.is_empty() {
        return Vec::new();
    }
    let sources = sources(file);
    let module = |(name, line): (String, u32)| {
        let source = sources.get(&name);
        CalledModule {
            folder: source.and_then(|source| local_folder(&file.name, source)),
            head: RowHead::of("module", &file.name, Some(line), &name),
        }
    };
    modules.into_iter().map(module).collect()
}

impl CalledModule {
    /// What is to be known of it. `folders` are those that files were given of; `gives`: whether these make rules that a
    /// policy of the module could forbid something of.
    pub(super) fn row(self, folders: &BTreeSet<String>, gives: bool) -> ImportRow {
        let is_given = self.folder.is_some_and(|it| folders.contains(&it));
        let note = match (is_given, gives) {
            (true, _) => RowNote::Elsewhere(AS_THEY_STAND),
            (false, true) => RowNote::NotSaid(FORBIDS.into()),
            (false, false) => RowNote::LeftOut {
                what: "module",
                id: self.head.id.clone(),
                why: NOT_HERE,
            },
        };
        ImportRow::told(self.head, vec![note])
    }
}

/// Where each module of a file comes from, as far as the file itself says it.
fn sources(file: &SourceFile) -> BTreeMap<String, String> {
    let Ok(parsed) = HclFile::parse(file) else {
        return BTreeMap::new();
    };
    let files = [parsed];
    let definitions = Definitions::of(&files, files.len());
    let read = |_: &str| -> Result<Vec<u8>, String> { Err("is not read".to_owned()) };
    let mut evaluator = Evaluator::new(&files, &definitions, &read);
    let mut found = BTreeMap::new();
    for call in &definitions.modules {
        let source = call.arguments.iter().find(|(name, _)| *name == "source");
        let value = source.and_then(|(_, written)| evaluator.value(*written).ok());
        if let Some(HclKind::Text(text)) = value.map(|it| it.kind) {
            found.insert(call.name.to_owned(), text);
        }
    }
    found
}

/// The folder of a module that is beside its file (Terraform documentation, "Module Sources": a local path begins with
/// `./` or `../`).
fn local_folder(file: &str, source: &str) -> Option<String> {
    let is_local = ["./", "../"].iter().any(|it| source.starts_with(it)) || source == "..";
    is_local.then(|| normal(&format!("{}/{source}", parent(file))))
}

/// The folder that a file is in.
pub(super) fn folder_of(file: &str) -> String {
    normal(parent(file))
}

fn parent(file: &str) -> &str {
    file.rsplit_once('/').map_or(".", |(parent, _)| parent)
}

/// A path without what says nothing in it.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_in_the_folder_that_its_path_leads_to() {
        for (file, source, folder) in [
            ("main.tf", "./vpc", Some("vpc")),
            ("main.tf", "../vpc", Some("../vpc")),
            ("infra/main.tf", "./m//a/", Some("infra/m/a")),
            ("infra/x/main.tf", "../m/./a", Some("infra/m/a")),
            ("../infra/main.tf", "../../m", Some("../../m")),
            ("/srv/infra/main.tf", "../m", Some("/srv/m")),
            ("/main.tf", "./m", Some("/m")),
            ("main.tf", "terraform-aws-modules/vpc/aws", None),
            ("main.tf", "git::https://example.com/vpc.git", None),
            ("main.tf", "/srv/m", None),
        ] {
            let found = local_folder(file, source);
            assert_eq!(found.as_deref(), folder, "{file} {source}");
            if let Some(folder) = folder {
                assert_eq!(folder_of(&format!("{folder}/x.tf")), folder);
            }
        }
        assert_eq!(folder_of("./main.tf"), folder_of("main.tf"));
    }
}
