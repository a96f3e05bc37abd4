//! Notes about variables that may have other values in Terraform: from the environment, the command
//! line, or named variable files.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::text;

use crate::dynamodb::SourceFile;
use crate::hcl::{Definitions, HclFile};
use crate::report::RowNote;
use crate::rule_text::NAME_MAX;

const NAMES_MAX: usize = 20;

/// A variable file whose values are ignored.
#[derive(Debug, Clone)]
pub struct OtherValues {
    pub name: String,
    pub bytes: Option<Vec<u8>>,
}

/// Notes about the variables of the module, each with the file of its value; `None` is the default.
pub(super) fn notes(others: &[OtherValues], used: &BTreeMap<&str, Option<&str>>) -> Vec<RowNote> {
    let unchosen = { used.iter() }.filter(|(_, by)| by.is_none_or(is_automatic));
    let unchosen: BTreeSet<&str> = unchosen.map(|(name, _)| *name).collect();
    if unchosen.is_empty() {
        return Vec::new();
    }
    let others = { others.iter() }.filter_map(|it| of_file(it, &unchosen));
    let defaults = { used.iter() }.filter(|(_, by)| by.is_none());
    let defaults: Vec<&str> = defaults.map(|(name, _)| *name).collect();
    let of_defaults = (!defaults.is_empty()).then(|| {
        format!(
            "the default counts of {}: values that Terraform has from elsewhere (`TF_VAR_…` of the environment, `-var`, another \
             file) are not read; write them to a file, and give it by `--var-file`",
            listed(&defaults)
        )
    });
    others
        .chain(of_defaults)
        .map(|what| RowNote::Otherwise(what.into()))
        .collect()
}

fn of_file(file: &OtherValues, unchosen: &BTreeSet<&str>) -> Option<String> {
    let name = text::line(&file.name, 4 * NAME_MAX);
    let Some(given) = given(file) else {
        return Some(format!(
            "`{name}` cannot be read, and may have values of variables: where Terraform is given it, import the plan"
        ));
    };
    let of_it: Vec<&str> = { unchosen.iter().copied() }
        .filter(|it| given.contains(*it))
        .collect();
    (!of_it.is_empty()).then(|| {
        format!(
            "`{name}` is not taken, and has a value of {}: where Terraform is given it, give it by `--var-file`",
            listed(&of_it)
        )
    })
}

/// Variables set in a file; `None` if unreadable.
fn given(file: &OtherValues) -> Option<BTreeSet<String>> {
    let file = SourceFile {
        name: file.name.clone(),
        bytes: file.bytes.clone()?,
    };
    let files = [HclFile::parse(&file).ok()?];
    let definitions = Definitions::of(&files, 0);
    let given = definitions.given().map(str::to_owned);
    Some(given.collect())
}

fn is_automatic(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or_default();
    let base = base.strip_suffix(".json").unwrap_or(base);
    base == "terraform.tfvars" || base.ends_with(".auto.tfvars")
}

fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(NAMES_MAX);
    let shown: Vec<String> = shown
        .map(|name| format!("`{}`", text::line(name, NAME_MAX)))
        .collect();
    let more = match names.len().saturating_sub(NAMES_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", shown.join(", "))
}
