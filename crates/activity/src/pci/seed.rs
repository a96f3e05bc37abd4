//! Lists people over a limit in an established exchange format (`inventory.md` H-15).

use serde_json::{Value, json};

use super::report::{PciAlertKind, PciReport};

/// One record per kind and person over a limit. Excludes warnings: consumers may act on everyone
/// listed.
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
