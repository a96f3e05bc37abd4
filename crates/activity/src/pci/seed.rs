//! Who is over a limit, in the form that other programs have taken it in (`inventory.md` H-15).

use serde_json::{Value, json};

use super::report::{PciAlertKind, PciReport};

/// A record for each kind of those who are over a limit, none for nobody. Warnings are not in it: what takes it in
/// may act on everybody it names.
pub fn seed(report: &PciReport) -> Value {
    let kinds = [
        ("PasswordChangeRequired", PciAlertKind::PasswordExpired),
        ("InactiveUsers", PciAlertKind::Inactive),
    ];
    let records = kinds.into_iter().filter_map(|(event, kind)| {
        let alerts = report.alerts.iter().filter(|it| it.kind == kind);
        let names: Vec<&str> = alerts.map(|it| it.user_name.as_str()).collect();
        (!names.is_empty()).then(|| json!({"eventName": event, "userList": names}))
    });
    json!({"Records": records.collect::<Vec<Value>>()})
}
