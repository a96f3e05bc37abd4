//! From what a file holds to a rule file, and lines of the configuration.

use hallpass_model::text;
use hallpass_rules::{Diagnostic, Position, RuleFile, load};
use serde_json::json;

use super::differing;
use super::file::{ElevatorFile, ElevatorRefused};
use super::folder::{self, TerraformFolder, is_configuration};
use super::settings::{converted, is_off, policy_unsaid};
use super::source::read;
use crate::dynamodb::SourceFile;
use crate::report::{
    ConfigurationLine, ImportReport, Imported, ReportRow, RowNote, RowOutcome, worse,
};
use crate::rule_text::NAME_MAX;

/// What the sweep is to do about access that nobody recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sweeps {
    /// It reports, as Hallpass does unless told otherwise.
    #[default]
    Report,
    /// It removes, as the nightly sweep of sso-elevator does.
    Remove,
}

const SWEEP: &str = "sso-elevator removes each night what it did not grant; Hallpass reports it (`access.sweep.mode`)";

const LEFT_STANDING: &str = "each night sso-elevator ends the access that it did not grant; Hallpass reports it and ends none of \
                             it, unless `access.sweep.mode` is `revoke` (`--keep-sweep` writes that)";

/// The statements of a file as a rule file of the same form, in JSON, and its settings as lines of the
/// configuration. Refuses what would not be loaded, so that nothing is half imported.
///
/// # Errors
/// When the file is not whole, or holds no statements.
pub fn import(name: &str, text: &str, sweeps: Sweeps) -> Result<Imported, ElevatorRefused> {
    if is_configuration(name) {
        let file = SourceFile {
            name: name.to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        let folder = TerraformFolder {
            name: name.to_owned(),
            files: vec![file],
            values: Vec::new(),
            read: &|_| Err("is not read: give the folder".to_owned()),
        };
        return import_folder(&folder, sweeps);
    }
    report(name, &read(name, text)?, sweeps)
}

/// As [`import`], of a folder of Terraform with the values of its variables.
///
/// # Errors
/// When one of its files is not whole, a statement is one that only Terraform can compute, or there are
/// none.
pub fn import_folder(
    folder: &TerraformFolder<'_>,
    sweeps: Sweeps,
) -> Result<Imported, ElevatorRefused> {
    report(&folder.name, &folder::read(folder)?, sweeps)
}

fn report(name: &str, found: &ElevatorFile, sweeps: Sweeps) -> Result<Imported, ElevatorRefused> {
    let rules = statements(found)?;
    let file = RuleFile::new("statements.json", rules.as_str());
    let loaded = load(&file).map_err(|errors| refused(found, errors))?;
    let mut rows: Vec<ReportRow> = Vec::new();
    // each different statement once: what is there twice says nothing the second time
    let known: Vec<_> = loaded.rules.rules().collect();
    let [of_accounts, of_groups] = &found.statement_places;
    for (list, items, places) in [
        ("statements", &found.statements, of_accounts),
        ("group_statements", &found.group_statements, of_groups),
    ] {
        for place in 0..items.len() {
            let stands = places.get(place);
            let rule = known.iter().find(|it| it.list == list && it.index == place);
            let notes = match (rule, items.get(place)) {
                (Some(_), Some(statement)) => differing::notes(statement, items),
                (Some(_), None) => Vec::new(),
                (None, _) => vec![RowNote::SaysNothing("it is there before")],
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
    let mut configuration = vec![ConfigurationLine {
        key: "access.statements",
        value: "\"statements.json\"".to_owned(),
        about: "the file of this import, in place of `access.rules`",
    }];
    match sweeps {
        Sweeps::Remove => configuration.push(ConfigurationLine {
            key: "access.sweep.mode",
            value: "\"revoke\"".to_owned(),
            about: SWEEP,
        }),
        Sweeps::Report => rows.push(left_standing(name)),
    }
    settings(name, found, &mut rows, &mut configuration);
    Ok(Imported {
        text: rules,
        report: ImportReport::new("elevator", known.len(), rows, configuration),
    })
}

/// The row of the nightly removal, which no setting switches off there.
fn left_standing(file: &str) -> ReportRow {
    let note = RowNote::Elsewhere(LEFT_STANDING);
    ReportRow {
        table: "sweep",
        file: file.to_owned(),
        item: 1,
        line: None,
        id: "nightly removal".to_owned(),
        name: String::new(),
        outcome: note.outcome(),
        rules: Vec::new(),
        notes: vec![note],
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

fn statements(found: &ElevatorFile) -> Result<String, ElevatorRefused> {
    let rules = json!({
        "statements": found.statements,
        "group_statements": found.group_statements,
    });
    let text = serde_json::to_string_pretty(&rules);
    let mut text = text.map_err(|error| ElevatorRefused::NotJson(error.to_string()))?;
    text.push('\n');
    Ok(text)
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
