//! Watches AWS: compares the newest published service models with a baseline, for services called
//! or simulated, and checks every difference against a decision line. Also checks that tables match
//! the pinned models, and the age of facts. Run before a release, never by tests, because the
//! result changes with AWS.

mod dates;
mod decisions;
mod differences;
mod facts;
mod models;
mod report;
mod scope;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::aws_tables::{self, TableError};
use crate::breach::Breach;
pub(crate) use dates::Day;
use decisions::{Decided, Decisions, Judged};
use differences::{Difference, compare};
use facts::Facts;
use models::{Fetched, Models};
use scope::Named;

const DECISIONS: &str = "crates/xtask/aws-watch.txt";

const REQUIREMENTS: &str = "e2e/requirements.txt";

const TABLES: &str = "crates/aws-model/tables";

/// Pages that name their source version.
const MADE_OF: &[&str] = &[
    "crates/aws-model/tables/README.md",
    "crates/aws-model/catalog/README.md",
    "crates/activity/data/README.md",
];

/// Maximum age of a fact in days.
const AGE_MAX: u64 = 30;

#[derive(Debug, thiserror::Error)]
pub(crate) enum WatchError {
    #[error("`{path}` cannot be read or written")]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "there are no service models at `{0}`: name the `data` folder of an installed botocore"
    )]
    NoModels(PathBuf),
    #[error(
        "pip cannot fetch `{package}`: {text}\nInstall Python with pip and see that it reaches a package registry, or install botocore \
         elsewhere and name its `data` folders: --baseline DIR --models DIR --newest DIR"
    )]
    NoPip { package: String, text: String },
    #[error("`{0}` pins no botocore: it has to have a line `botocore==VERSION`")]
    NotPinned(&'static str),
    #[error("{}", told(.0))]
    Malformed(Vec<Breach>),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("`{0}` is simulated, and neither models have it: is it called otherwise there?")]
    Unknown(String),
}

fn told(findings: &[Breach]) -> String {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Folders to compare; pip fetches missing ones.
#[derive(Debug)]
pub(crate) struct Options {
    baseline: Option<PathBuf>,
    models: Option<PathBuf>,
    newest: Option<PathBuf>,
    age_max: u64,
}

impl Options {
    pub(crate) fn read(words: &[&str]) -> Option<Self> {
        let mut options = Self {
            baseline: None,
            models: None,
            newest: None,
            age_max: AGE_MAX,
        };
        for pair in words.chunks(2) {
            let [name, value] = pair else {
                return None;
            };
            match *name {
                "--baseline" => options.baseline = Some(value.into()),
                "--models" => options.models = Some(value.into()),
                "--newest" => options.newest = Some(value.into()),
                "--max-age" => options.age_max = value.parse().ok()?,
                _ => return None,
            }
        }
        Some(options)
    }
}

#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) text: String,
    /// Every difference is decided, every line has an entry, files of `taken` lines name it, tables
    /// match the pinned models and no fact is too old.
    pub(crate) is_clean: bool,
}

pub(crate) fn run(
    root: &Path,
    options: &Options,
    kept: PathBuf,
    today: Day,
) -> Result<Watched, WatchError> {
    let text = read(&root.join(DECISIONS))?;
    let decisions = Decisions::read(DECISIONS, &text).map_err(WatchError::Malformed)?;
    let fetched = Fetched::below(kept);
    let at = |folder: &Option<PathBuf>, version: &str| match folder {
        Some(folder) => Models::at(folder),
        None => fetched.version(version),
    };
    let requirements = read(&root.join(REQUIREMENTS))?;
    let pinned = models::pinned(&requirements).ok_or(WatchError::NotPinned(REQUIREMENTS))?;
    let baseline = at(&options.baseline, &decisions.baseline)?;
    let ours = at(&options.models, pinned)?;
    let newest = match &options.newest {
        Some(folder) => Models::at(folder)?,
        None => fetched.newest()?,
    };
    let named = Named::of_tree(root)?;
    let watched = watched(&named, &decisions.core, &[&baseline, &newest])?;
    let differences = differences(&watched, &baseline, &ours, &newest)?;
    let known: BTreeSet<String> = self::differences(&watched, &baseline, &ours, &ours)?
        .iter()
        .map(Difference::id)
        .collect();
    let judged = decisions.judge(&differences);
    let mut untrue = untaken(root, &judged, &known);
    untrue.extend(other_counts(&judged, &known));
    untrue.extend(other_tables(root, &ours)?);
    untrue.extend(other_versions(root, pinned));
    let facts = Facts::of_tree(root);
    let seen = report::WatchReport {
        versions: [&baseline.version, &ours.version, &newest.version],
        watched: &watched,
        differences: differences.len(),
        judged: &judged,
        known: &known,
        untrue: &untrue,
        facts: &facts,
        looked: &decisions.looked,
        today,
        age_max: options.age_max,
    };
    Ok(Watched {
        text: seen.to_string(),
        is_clean: seen.is_clean(),
    })
}

fn read(path: &Path) -> Result<String, WatchError> {
    fs::read_to_string(path).map_err(|source| WatchError::Read {
        path: path.to_owned(),
        source,
    })
}

type WatchedServices = BTreeMap<String, Option<BTreeSet<String>>>;

fn watched(
    named: &Named,
    core: &[String],
    models: &[&Models],
) -> Result<WatchedServices, WatchError> {
    let mut services = BTreeSet::new();
    for models in models {
        services.extend(models.services()?);
    }
    let mut found = WatchedServices::new();
    for service in core.iter().chain(named.simulated.keys()) {
        if !services.contains(service) {
            return Err(WatchError::Unknown(service.clone()));
        }
    }
    for service in services
        .into_iter()
        .filter(|it| core.contains(it) || named.may_be_ours(it))
    {
        if core.contains(&service) {
            found.insert(service, None);
            continue;
        }
        let mut operations = BTreeSet::new();
        for models in models {
            if let Some(published) = models.service(&service)? {
                let all = published
                    .model
                    .get("operations")
                    .and_then(|it| it.as_object());
                operations
                    .extend(named.operations(&service, all.into_iter().flat_map(|it| it.keys())));
            }
        }
        if !operations.is_empty() {
            found.insert(service, Some(operations));
        }
    }
    Ok(found)
}

/// Returns differences of watched services, and all new services. A service newer than `old` is
/// also compared with `between`: tables may have it by now, and it still changes.
fn differences(
    watched: &WatchedServices,
    old: &Models,
    between: &Models,
    new: &Models,
) -> Result<Vec<Difference>, WatchError> {
    let (before, after) = (old.services()?, new.services()?);
    let came = after.difference(&before);
    let mut found: Vec<Difference> = came
        .map(|it| Difference::of_service(it, "new service"))
        .collect();
    for (service, operations) in watched {
        let wanted = operations.as_ref();
        match (old.service(service)?, new.service(service)?) {
            (Some(before), Some(after)) => found.extend(compare(service, &before, &after, wanted)),
            (Some(_), None) => found.push(Difference::of_service(service, "removed service")),
            (None, Some(after)) => {
                let known = between.service(service)?;
                found.extend(
                    known.map_or_else(Vec::new, |it| compare(service, &it, &after, wanted)),
                );
                found.extend(compare(
                    service,
                    &after.without_operations(),
                    &after,
                    wanted,
                ));
            }
            (None, None) => {}
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Finds `taken` lines whose files are missing or do not name the subject.
fn untaken(root: &Path, judged: &Judged<'_>, known: &BTreeSet<String>) -> Vec<Breach> {
    let mut findings = Vec::new();
    for (decision, entries) in &judged.decided {
        let Decided::Taken(paths) = &decision.decided else {
            continue;
        };
        let mut words = BTreeSet::new();
        for path in paths {
            if let Ok(text) = fs::read_to_string(root.join(path)) {
                words.extend(text.split(|c: char| !is_of_name(c)).map(flat));
            } else {
                let message = format!("says `taken` of `{path}`, which is not there");
                findings.push(Breach::new(DECISIONS, decision.line, message));
            }
        }
        // tables cannot have additions newer than their models
        let is_by_table = paths.iter().all(|it| it.starts_with(TABLES));
        let is_taken = |it: &&&Difference| {
            words.contains(&flat(it.word())) && (!is_by_table || known.contains(&it.id()))
        };
        for entry in entries.iter().filter(|it| !is_taken(it)) {
            let message = format!(
                "says that `{}` is taken, and no file of the line names `{}`: decide it again",
                entry.id(),
                entry.word()
            );
            findings.push(Breach::new(DECISIONS, decision.line, message));
        }
    }
    findings
}

/// Finds groups whose number of entries changed, with the latest entry.
fn other_counts(judged: &Judged<'_>, known: &BTreeSet<String>) -> Vec<Breach> {
    let groups = judged.decided.iter().filter_map(|(line, entries)| {
        let count = line.count.filter(|it| *it != entries.len())?;
        let names = entries.iter().map(|it| it.id());
        let last: Vec<String> = names.filter(|it| !known.contains(it)).collect();
        let message = format!(
            "`{}` was decided for {count} entries and is for {} now: look at them, and write that number{}{}",
            line.pattern,
            entries.len(),
            if last.is_empty() { "" } else { "; after the pinned: " },
            last.join(", ")
        );
        Some(Breach::new(DECISIONS, line.line, message))
    });
    groups.collect()
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Normalizes spelling: `PrimaryRegion` and `primary_region` are equal.
fn flat(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

fn other_tables(root: &Path, ours: &Models) -> Result<Vec<Breach>, WatchError> {
    let mut findings = Vec::new();
    for service in aws_tables::committed(&root.join(TABLES))? {
        let path = format!("{TABLES}/{service}.json");
        if aws_tables::table(&ours.folder, &service)? != read(&root.join(&path))? {
            let message = format!(
                "is not what botocore {} says: `cargo xtask aws-tables --models DIR`, and read the difference",
                ours.version
            );
            findings.push(Breach::new(&path, 1, message));
        }
    }
    Ok(findings)
}

fn other_versions(root: &Path, pinned: &str) -> Vec<Breach> {
    let pages = MADE_OF.iter().filter_map(|path| {
        let text = fs::read_to_string(root.join(path)).unwrap_or_default();
        let named = models::named(&text).unwrap_or("no version").to_owned();
        (named != pinned).then(|| {
            let message = format!(
                "names {named} of botocore, and `{REQUIREMENTS}` pins {pinned}: regenerate \
                                   its files, or correct the name"
            );
            Breach::new(path, 1, message)
        })
    });
    pages.collect()
}

#[cfg(test)]
#[path = "whole_tests.rs"]
mod tests;
