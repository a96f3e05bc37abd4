//! Converts an sso-elevator file to a rule file and configuration lines.

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

/// The sweep's action on unmanaged access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sweeps {
    #[default]
    Report,
    Remove,
}

#[derive(Debug, Clone, Default)]
pub struct ElevatorOptions<'a> {
    pub sweeps: Sweeps,
    pub to: StatementsFile,
    pub directory: Option<&'a Directory>,
}

const SWEEP: &str = "sso-elevator removes access each night that it did not grant; Hallpass reports it \
                     (`access.sweep.mode`)";

const LEFT_STANDING: &str = "each night sso-elevator ends the access that it did not grant; Hallpass reports it and ends none of \
                             it, unless `access.sweep.mode` is `revoke` (`--keep-sweep` writes that)";

/// Converts the statements to a rule file of the same form, and the settings to configuration
/// lines. Refuses anything that would not load, so that no import is partial.
///
/// # Errors
/// The file is incomplete, or has no statements.
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

/// Like [`import`], for a Terraform folder with its variable values.
///
/// # Errors
/// A file is incomplete, a statement needs Terraform to compute, or there are none.
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

/// A row without a position in the file: the nightly removal, which has no off switch there, and
/// defaults of either product.
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

/// Each distinct statement once; duplicates have no effect.
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

fn settings(
    file: &str,
    found: &ElevatorFile,
    rows: &mut Vec<ReportRow>,
    configuration: &mut Vec<ConfigurationLine>,
) {
    for (place, (name, setting)) in found.settings.iter().enumerate() {
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
