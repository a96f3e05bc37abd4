//! From what a file holds to a rule file, and lines of the configuration.

use hallpass_model::text;
use hallpass_rules::{RuleFile, load};
use serde_json::{Value, json};

use super::file::{ElevatorFile, ElevatorRefused};
use super::settings::{converted, policy_unsaid};
use super::source::read;
use crate::report::{
    ConfigurationLine, ImportReport, Imported, ReportRow, RowNote, RowOutcome, worse,
};
use crate::rule_text::NAME_MAX;
use crate::terraform::Setting;

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

/// The statements of a file as a rule file of the same form, in JSON, and its settings as lines of the
/// configuration. Refuses what would not be loaded, so that nothing is half imported.
///
/// # Errors
/// When the file is not whole, or holds no statements.
pub fn import(name: &str, text: &str, sweeps: Sweeps) -> Result<Imported, ElevatorRefused> {
    let found = read(name, text)?;
    let rules = statements(&found)?;
    let file = RuleFile::new("statements.json", rules.as_str());
    let loaded = load(&file).map_err(ElevatorRefused::Statements)?;
    let mut rows: Vec<ReportRow> = Vec::new();
    // each different statement once: what is there twice says nothing the second time
    let known: Vec<_> = loaded.rules.rules().collect();
    for (list, items) in [
        ("statements", &found.statements),
        ("group_statements", &found.group_statements),
    ] {
        for place in 0..items.len() {
            let rule = known.iter().find(|it| it.list == list && it.index == place);
            let notes = match rule {
                Some(_) => Vec::new(),
                None => vec![RowNote::SaysNothing("it is there before")],
            };
            rows.push(ReportRow {
                table: list,
                file: name.to_owned(),
                item: place + 1,
                line: None,
                id: rule.map_or_else(String::new, |it| it.id.to_string()),
                name: rule.map_or_else(String::new, |it| text::line(&it.sentence, 4 * NAME_MAX)),
                outcome: RowOutcome::Moved,
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
    if sweeps == Sweeps::Remove {
        configuration.push(ConfigurationLine {
            key: "access.sweep.mode",
            value: "\"revoke\"".to_owned(),
            about: SWEEP,
        });
    }
    settings(name, &found, &mut rows, &mut configuration);
    Ok(Imported {
        text: rules,
        report: ImportReport::new("elevator", known.len(), rows, configuration),
    })
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
        let is_off = matches!(setting, Setting::Is(Value::Bool(false)))
            || matches!(setting, Setting::Is(Value::String(text)) if text.eq_ignore_ascii_case("false"));
        if name == "attribute_sync_enabled" && is_off {
            continue;
        }
        let (line, mut notes) = converted((name, setting), &found.settings, found.found);
        if name == "attribute_sync_enabled" {
            notes.extend(policy_unsaid(&found.settings));
        }
        let is_new = |line: &ConfigurationLine| configuration.iter().all(|it| it.key != line.key);
        configuration.extend(line.filter(is_new));
        let outcomes = notes.iter().map(RowNote::outcome);
        rows.push(ReportRow {
            table: "settings",
            file: file.to_owned(),
            item: place + 1,
            line: None,
            id: text::line(name, NAME_MAX),
            name: String::new(),
            outcome: outcomes.fold(RowOutcome::Moved, worse),
            rules: Vec::new(),
            notes,
        });
    }
}
