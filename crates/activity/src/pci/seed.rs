//! Who is over a limit, in the form that other programs have taken it in (`inventory.md` H-15).

use serde_json::{Value, json};

use super::report::{PciAlertKind, PciReport};

/// How a list of names is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedForm {
    /// As a list.
    List,
    /// As one text that is a list in Python.
    PythonText,
}

/// A record for each kind of those who are over a limit, none for nobody. Warnings are not in it: what takes it in
/// may act on everybody it names.
pub fn seed(report: &PciReport, form: SeedForm) -> Value {
    let kinds = [
        ("PasswordChangeRequired", PciAlertKind::PasswordExpired),
        ("InactiveUsers", PciAlertKind::Inactive),
    ];
    let records = kinds.into_iter().filter_map(|(event, kind)| {
        let alerts = report.alerts.iter().filter(|it| it.kind == kind);
        let names: Vec<&str> = alerts.map(|it| it.user_name.as_str()).collect();
        let list = match form {
            _ if names.is_empty() => return None,
            SeedForm::List => json!(names),
            SeedForm::PythonText => Value::String(python(&names)),
        };
        Some(json!({"eventName": event, "userList": list}))
    });
    json!({"Records": records.collect::<Vec<Value>>()})
}

/// A list of texts as Python prints it.
fn python(names: &[&str]) -> String {
    let texts: Vec<String> = names.iter().map(|it| python_text(it)).collect();
    format!("[{}]", texts.join(", "))
}

fn python_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut said = String::from(quote);
    for c in text.chars() {
        if c == quote || c == '\\' {
            said.push('\\');
        }
        if c.is_control() {
            said.extend(format!("\\x{:02x}", u32::from(c)).chars());
        } else {
            said.push(c);
        }
    }
    said.push(quote);
    said
}
