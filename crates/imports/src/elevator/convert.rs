//! From what a file holds to a rule file, and lines of the configuration.

use hallpass_base::text;
use hallpass_rules::{Diagnostic, Directory, Position, RuleFile, RuleSummary, load};
use serde_json::Value;

use super::differing;
use super::file::{ElevatorFile, ElevatorRefused};
use super::folder::{self, TerraformFolder, is_configuration};
use super::people::{FALLBACK, FALLBACK_ASKS_ONLY, NamedPeople};
use super::settings::{converted, is_off, policy_unsaid, unsaid};
use super::source::read;
use super::statements::{StatementsFile, StatementsSyntax, as_json, as_toml};
use crate::dynamodb::SourceFile;
use crate::report::{
    ConfigurationLine, ImportReport, Imported, ReportRow, RowNote, RowOutcome, worse,
};
use crate::rule_text::{NAME_MAX, quoted};

/// What the sweep is to do about access that nobody recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sweeps {
    /// It reports, as Hallpass does unless told otherwise.
    #[default]
    Report,
    /// It removes, as the nightly sweep of sso-elevator does.
    Remove,
}

/// What is wanted of an import, beside what is on file.
#[derive(Debug, Clone, Default)]
pub struct ElevatorOptions<'a> {
    /// What the sweep is to do.
    pub sweeps: Sweeps,
    /// The rule file that is written.
    pub to: StatementsFile,
    /// The organization, to tell whom of the people who are named it does not have.
    pub directory: Option<&'a Directory>,
}

const SWEEP: &str = "sso-elevator removes each night what it did not grant; Hallpass reports it (`access.sweep.mode`)";

const LEFT_STANDING: &str = "each night sso-elevator ends the access that it did not grant; Hallpass reports it and ends none of \
                             it, unless `access.sweep.mode` is `revoke` (`--keep-sweep` writes that)";

/// The statements of a file as a rule file of the same form, and its settings as lines of the
/// configuration. Refuses what would not be loaded, so that nothing is half imported.
///
/// # Errors
/// When the file is not whole, or holds no statements.
pub fn import(
    name: &str,
    text: &str,
    options: &ElevatorOptions<'_>,
) -> Result<Imported, ElevatorRefused> {
    if is_configuration(name) {
        let file = SourceFile {
            name: name.to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        let folder = TerraformFolder {
            name: name.to_owned(),
            files: vec![file],
            values: Vec::new(),
            others: Vec::new(),
            read: &|_| Err("is not read: give the folder".to_owned()),
        };
        return import_folder(&folder, options);
    }
    report(name, &read(name, text)?, options)
}

/// As [`import`], of a folder of Terraform with the values of its variables.
///
/// # Errors
/// When one of its files is not whole, a statement is one that only Terraform can compute, or there are
/// none.
pub fn import_folder(
    folder: &TerraformFolder<'_>,
    options: &ElevatorOptions<'_>,
) -> Result<Imported, ElevatorRefused> {
    report(&folder.name, &folder::read(folder)?, options)
}

fn report(
    name: &str,
    found: &ElevatorFile,
    options: &ElevatorOptions<'_>,
) -> Result<Imported, ElevatorRefused> {
    // what would not be loaded is told by its place in the source, whatever is written
    let rules = as_json(found)?;
    let file = RuleFile::new("statements.json", rules.as_str());
    let loaded = load(&file).map_err(|errors| refused(found, errors))?;
    let known: Vec<RuleSummary> = loaded.rules.rules().collect();
    let people = NamedPeople::new(options.directory, &found.settings);
    let mut rows = statement_rows(name, found, &known, &people);
    let all: Vec<&Value> = { found.statements.iter() }
        .chain(&found.group_statements)
        .collect();
    rows.extend(people.row(name, &all));
    let to = &options.to;
    let mut configuration = vec![file_line(to)];
    match options.sweeps {
        Sweeps::Remove => configuration.push(ConfigurationLine {
            key: "access.sweep.mode",
            value: "\"revoke\"".to_owned(),
            about: SWEEP,
        }),
        Sweeps::Report => {
            let note = RowNote::Elsewhere(LEFT_STANDING);
            rows.push(beside("sweep", name, (1, "nightly removal"), vec![note]));
        }
    }
    if !found.variables.is_empty() {
        let id = (1, "values of variables");
        rows.push(beside("variables", name, id, found.variables.clone()));
    }
    settings(name, found, &mut rows, &mut configuration);
    for (item, (setting, note)) in (1..).zip(unsaid(&found.settings, found.found)) {
        rows.push(beside("defaults", name, (item, setting), vec![note]));
    }
    Ok(Imported {
        text: match to.syntax() {
            StatementsSyntax::Json => rules,
            StatementsSyntax::Toml => as_toml(to.name(), found)?,
        },
        report: ImportReport::new("elevator", known.len(), rows, configuration),
    })
}

/// A row of what stands in no place of the file: the nightly removal, which no setting switches off there, and what
/// counts here or there by itself.
fn beside(
    table: &'static str,
    file: &str,
    (item, id): (usize, &str),
    notes: Vec<RowNote>,
) -> ReportRow {
    let outcomes = notes.iter().map(RowNote::outcome);
    ReportRow {
        table,
        file: file.to_owned(),
        item,
        line: None,
        id: id.to_owned(),
        name: String::new(),
        outcome: outcomes.fold(RowOutcome::Moved, worse),
        rules: Vec::new(),
        notes,
    }
}

/// Each different statement once: what is there twice says nothing the second time.
fn statement_rows(
    name: &str,
    found: &ElevatorFile,
    known: &[RuleSummary],
    people: &NamedPeople<'_>,
) -> Vec<ReportRow> {
    let mut rows = Vec::new();
    let [of_accounts, of_groups] = &found.statement_places;
    for (list, items, places) in [
        ("statements", &found.statements, of_accounts),
        ("group_statements", &found.group_statements, of_groups),
    ] {
        for (place, statement) in items.iter().enumerate() {
            let stands = places.get(place);
            let rule = known.iter().find(|it| it.list == list && it.index == place);
            let notes = match rule {
                Some(_) => {
                    let mut notes = people.notes(statement);
                    notes.extend(differing::notes(statement, items));
                    notes
                }
                None => vec![RowNote::SaysNothing("it is there before")],
            };
            let outcomes = notes.iter().map(RowNote::outcome);
            rows.push(ReportRow {
                table: list,
                file: stands.map_or_else(|| name.to_owned(), |(file, _)| file.clone()),
                item: place + 1,
                line: stands.map(|(_, line)| *line),
                id: rule.map_or_else(String::new, |it| it.id.to_string()),
                name: rule.map_or_else(String::new, |it| text::line(&it.sentence, 4 * NAME_MAX)),
                outcome: outcomes.fold(RowOutcome::Moved, worse),
                rules: rule.map(|it| it.id.to_string()).into_iter().collect(),
                notes,
            });
        }
    }
    rows
}

/// The line that names the file: statements are read under either key, in whichever syntax.
fn file_line(to: &StatementsFile) -> ConfigurationLine {
    let name = to.name().rsplit('/').next().unwrap_or_default();
    let (key, about) = match to.syntax() {
        StatementsSyntax::Json => (
            "access.statements",
            "the file of this import, in place of `access.rules`",
        ),
        StatementsSyntax::Toml => (
            "access.rules",
            "the file of this import; `rules.toml` is read without the line, too",
        ),
    };
    ConfigurationLine {
        key,
        value: quoted(&text::line(name, NAME_MAX)),
        about,
    }
}

/// Errors of statements at the places where these were written.
fn refused(found: &ElevatorFile, errors: Vec<Diagnostic>) -> ElevatorRefused {
    let placed = errors.into_iter().map(|error| {
        let [of_accounts, of_groups] = &found.statement_places;
        let places = match error.list {
            Some("group_statements") => of_groups,
            _ => of_accounts,
        };
        match error.index.and_then(|index| places.get(index)) {
            Some((file, line)) => Diagnostic {
                file: file.clone(),
                position: Position {
                    line: *line,
                    column: 1,
                },
                ..error
            },
            None => error,
        }
    });
    ElevatorRefused::Statements(placed.collect())
}

/// A row for each setting that is there.
fn settings(
    file: &str,
    found: &ElevatorFile,
    rows: &mut Vec<ReportRow>,
    configuration: &mut Vec<ConfigurationLine>,
) {
    for (place, (name, setting)) in found.settings.iter().enumerate() {
        // off is how it is in Hallpass anyhow
        if name == "attribute_sync_enabled" && is_off(setting) {
            continue;
        }
        let (line, mut notes) = converted((name, setting), &found.settings, found.found);
        if name == "attribute_sync_enabled" {
            notes.extend(policy_unsaid(&found.settings));
        }
        if name == FALLBACK && line.is_some() {
            notes.push(RowNote::Narrower(FALLBACK_ASKS_ONLY.into()));
        }
        let is_new = |line: &ConfigurationLine| configuration.iter().all(|it| it.key != line.key);
        configuration.extend(line.filter(is_new));
        let outcomes = notes.iter().map(RowNote::outcome);
        let stands = found.setting_places.get(name);
        rows.push(ReportRow {
            table: "settings",
            file: stands.map_or_else(|| file.to_owned(), |(file, _)| file.clone()),
            item: place + 1,
            line: stands.map(|(_, line)| *line),
            id: text::line(name, NAME_MAX),
            name: String::new(),
            outcome: outcomes.fold(RowOutcome::Moved, worse),
            rules: Vec::new(),
            notes,
        });
    }
}
