//! Variables of a folder whose values may be others than those that count here: Terraform is also given some by the
//! environment, on its command line, and in files that somebody has to name.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::text;

use crate::dynamodb::SourceFile;
use crate::hcl::{Definitions, HclFile};
use crate::report::RowNote;
use crate::rule_text::NAME_MAX;

/// The most names in a note.
const NAMES_MAX: usize = 20;

/// A file with values of variables that are not taken.
#[derive(Debug, Clone)]
pub struct OtherValues {
    /// What it is called.
    pub name: String,
    /// What is in it; nothing where it cannot be read.
    pub bytes: Option<Vec<u8>>,
}

/// What is to be known of the variables that the module is made of, each with the file that gives its value, or with
/// none where its default counts.
pub(super) fn notes(others: &[OtherValues], used: &BTreeMap<&str, Option<&str>>) -> Vec<RowNote> {
    // what somebody chose by naming a file is as they want it
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

/// What a file that is not taken may change.
fn of_file(file: &OtherValues, unchosen: &BTreeSet<&str>) -> Option<String> {
    // a path, whose end tells the file
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

/// The variables that a file has values of; none where it cannot be read.
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

/// Whether Terraform takes a file of values without being told to.
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
