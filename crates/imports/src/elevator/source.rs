use hallpass_rules::syntax::{self, Value as NodeValue};
use hallpass_rules::{Diagnostic, RuleFile, Syntax, load};
use serde_json::Value;

use super::file::{ElevatorFile, ElevatorRefused, is_list};
use super::first::{as_list, is_first};
use super::plan;
use super::settings::SettingsPlace;
use crate::strict_json::Strict;
use crate::terraform::{Setting, is_plan, value};

/// Reads a file: HCL in `.tf`, `.tfvars` and `.hcl`, else JSON; a plan is recognized by its form.
///
/// # Errors
/// The file is incomplete, or would not load as rules.
pub(super) fn read(name: &str, text: &str) -> Result<ElevatorFile, ElevatorRefused> {
    let file = RuleFile::new(name, text);
    if file.syntax == Syntax::Json {
        let whole = serde_json::from_str::<Strict>(text);
        let Strict(whole) = whole.map_err(|error| ElevatorRefused::NotJson(error.to_string()))?;
        if is_plan(&whole) {
            return plan::read(&whole);
        }
        checked(&file, Some(&whole), Vec::new())?;
        return of_json(whole);
    }
    let parsed = syntax::parse(text, file.syntax);
    let root = parsed.root.as_ref().map(value);
    checked(&file, root.as_ref(), parsed.findings)?;
    let modules = syntax::modules_of_the_original(text);
    if file.syntax == Syntax::Hcl && modules.len() > 1 {
        return Err(ElevatorRefused::Several(modules));
    }
    let mut found = ElevatorFile {
        found: if name.ends_with(".tfvars") {
            SettingsPlace::Among
        } else {
            SettingsPlace::OfModule
        },
        ..ElevatorFile::default()
    };
    let entries = match parsed.root.map(|root| root.value) {
        Some(NodeValue::Map(entries)) => entries,
        _ => Vec::new(),
    };
    for entry in &entries {
        found.take_list(&entry.key, list_of(&entry.key, value(&entry.value))?);
    }
    if file.syntax == Syntax::Hcl {
        for (name, literal) in syntax::literal_settings(text) {
            let setting = Setting::from(&literal);
            found.settings.insert(name, setting);
        }
    } else {
        for entry in entries.iter().filter(|entry| !is_list(&entry.key)) {
            let setting = Setting::Is(value(&entry.value));
            found.settings.insert(entry.key.clone(), setting);
        }
    }
    Ok(found)
}

/// Refuses statements that would not load, with source positions. First-release objects are checked
/// after conversion: no server loads them.
fn checked(
    file: &RuleFile,
    root: Option<&Value>,
    findings: Vec<Diagnostic>,
) -> Result<(), ElevatorRefused> {
    let entries = root.and_then(Value::as_object);
    let mut entries = entries.into_iter().flatten();
    if !entries.any(|(key, value)| is_list(key) && is_first(value)) {
        return load(file).map(drop).map_err(ElevatorRefused::Statements);
    }
    let errors = { syntax::hidden(&file.text).into_iter() }
        .chain(findings)
        .filter(Diagnostic::is_error)
        .map(|error| Diagnostic {
            file: file.name.clone(),
            ..error
        });
    let errors: Vec<Diagnostic> = errors.collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ElevatorRefused::Statements(errors))
    }
}

fn list_of(key: &str, value: Value) -> Result<Value, ElevatorRefused> {
    if is_list(key) {
        as_list(key, value).map_err(ElevatorRefused::FirstRelease)
    } else {
        Ok(value)
    }
}

fn of_json(whole: Value) -> Result<ElevatorFile, ElevatorRefused> {
    let mut found = ElevatorFile {
        found: SettingsPlace::Among,
        ..ElevatorFile::default()
    };
    match whole {
        Value::Array(_) => found.take_list("statements", whole),
        Value::Object(entries) => {
            for (key, entry) in entries {
                if is_list(&key) {
                    found.take_list(&key, list_of(&key, entry)?);
                } else {
                    found.settings.insert(key, Setting::Is(entry));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(found)
}
