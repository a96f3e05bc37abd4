//! From files to rows, whichever form they have.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_rules::syntax::{Node, Value as NodeValue, documents};
use hallpass_rules::{Directory, RuleFile, Syntax};
use serde_json::Value;

use super::access_rules::{AccessRule, is_access_rule};
use super::cloud::Cloud;
use super::modules::{CalledModule, called, folder_of};
use super::organization::OrganizationIds;
use crate::collected::{ImportRow, RowHead, imported};
use crate::dynamodb::SourceFile;
use crate::names::{LookUp, Names};
use crate::refused::{self, ImportRefused, refuse_errors};
use crate::report::Imported;
use crate::terraform::{self, Resource, Setting, ensure_whole, is_plan, planned};

const HEAD: [&str; 2] = [
    "Rules imported from Common Fate (Granted) by `hallpass rules import granted`.",
    "Of all rules about a request the shortest time counts, and everybody whom one lists may approve.",
];

/// The lists that the answers of the API have.
const LISTS: [&str; 2] = ["accessRules", "access_rules"];

/// Rules that say what the files say. `facts` and `names` tell what its ids are called at AWS; resources of another
/// organization than that of `ids` give nothing.
///
/// # Errors
/// When a file is not whole, or none has anything of Common Fate.
pub fn import(
    files: &[SourceFile],
    names: &Names,
    facts: Option<&Directory>,
    ids: &OrganizationIds,
) -> Result<Imported, ImportRefused> {
    let mut found = FoundFiles::default();
    for file in files {
        found.read(file)?;
    }
    if found.rules.is_empty() && found.cloud.is_empty() {
        let name = files.first().map_or("", |file| file.name.as_str());
        let what = "there are no access rules and no resources of Common Fate";
        return Err(ImportRefused::of(name, what));
    }
    if !found.rules.is_empty() && !found.cloud.is_empty() {
        let name = files.last().map_or("", |file| file.name.as_str());
        let what = "these are access rules and resources of the releases after them, of which one does not count \
                    for the other: import them one after the other";
        return Err(ImportRefused::of(name, what));
    }
    tell_repeated(&mut found.rules);
    let mut look = LookUp::new(names, facts);
    let mut rows: Vec<ImportRow> = Vec::new();
    for rule in found.rules {
        rows.push(rule.row(&mut look));
    }
    let gives = found.cloud.has_availabilities();
    rows.extend(found.cloud.rows(ids, &mut look));
    let modules = found.modules.into_iter();
    rows.extend(modules.map(|it| it.row(&found.folders, gives)));
    Ok(imported("granted", &HEAD, rows, look))
}

/// Marks the access rules of which several are in force under one id.
fn tell_repeated(rules: &mut [AccessRule]) {
    let mut seen = BTreeMap::new();
    for id in rules.iter().filter_map(AccessRule::id_in_force) {
        *seen.entry(id.to_owned()).or_insert(0_u32) += 1;
    }
    for rule in rules {
        let count = rule.id_in_force().and_then(|id| seen.get(id));
        rule.repeated = count.is_some_and(|count| *count > 1);
    }
}

#[derive(Default)]
struct FoundFiles {
    rules: Vec<AccessRule>,
    cloud: Cloud,
    modules: Vec<CalledModule>,
    /// The folders that files of Terraform were given of.
    folders: BTreeSet<String>,
}

impl FoundFiles {
    fn read(&mut self, file: &SourceFile) -> Result<(), ImportRefused> {
        let text = refused::text(file)?;
        let syntax = RuleFile::new(file.name.as_str(), "").syntax;
        if syntax == Syntax::Hcl {
            let (resources, modules) = terraform::of_file(&file.name, text)?;
            for resource in resources {
                self.take(&file.name, resource);
            }
            self.modules.extend(called(file, modules));
            self.folders.insert(folder_of(&file.name));
            return Ok(());
        }
        let read = documents(text, syntax);
        refuse_errors(&file.name, read.findings)?;
        for root in &read.roots {
            self.document(&file.name, root)?;
        }
        Ok(())
    }

    fn document(&mut self, file: &str, root: &Node) -> Result<(), ImportRefused> {
        let whole = terraform::value(root);
        if is_plan(&whole) {
            ensure_whole(&whole).map_err(|why| ImportRefused::of(file, why))?;
            for resource in planned(&whole) {
                self.take(file, resource);
            }
            return Ok(());
        }
        // an answer of the API that says there is more is half of it
        if let Some(next) = root.get("next").filter(|it| it.value != NodeValue::Null) {
            let what =
                "the answer goes on (`next`): this is half an export; get the other pages too";
            return Err(ImportRefused::at(file, next.position, what));
        }
        let listed = LISTS.iter().find_map(|list| root.get(list));
        let items = match &listed.unwrap_or(root).value {
            NodeValue::List(items) => items.iter().collect(),
            _ => vec![root],
        };
        for item in items {
            let Value::Object(entries) = terraform::value(item) else {
                let what = "an access rule is a table with `name`, `groups` and `target`";
                return Err(ImportRefused::at(file, item.position, what));
            };
            if !is_access_rule(&entries) {
                let what = "this is no access rule of Common Fate: `groups` and `target` are due";
                return Err(ImportRefused::at(file, item.position, what));
            }
            let line = Some(item.position.line);
            let head = RowHead::of("access rule", file, line, "");
            self.rules.push(AccessRule::new(head, entries));
        }
        Ok(())
    }

    fn take(&mut self, file: &str, resource: Resource) {
        if resource.kind == "commonfate_access_rule" {
            let head = RowHead::of("access rule", file, resource.line, &resource.name);
            let counted = resource.is_counted();
            // what the provider alone sets is no matter, and known last
            let mut set = resource.values.iter();
            let computed = set.any(|(key, it)| {
                !["id", "status"].contains(&key.as_str()) && !matches!(it, Setting::Is(_))
            });
            let entries = resource
                .values
                .into_iter()
                .filter_map(|(key, it)| match it {
                    Setting::Is(value) => (key != "count").then_some((key, value)),
                    Setting::Computed
                    | Setting::ComputedBy(_)
                    | Setting::Refers(_)
                    | Setting::Several
                    | Setting::NotInPlan => None,
                });
            let mut rule = AccessRule::new(head, entries.collect());
            rule.computed = computed || counted;
            self.rules.push(rule);
        } else if resource.kind.starts_with("commonfate_") {
            self.cloud.take(file, resource);
        }
    }
}
