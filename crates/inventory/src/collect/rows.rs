//! Converts API documents to table rows.

use crate::{ColumnMembers, InventoryColumn, table};
use serde_json::{Map, Value};

use crate::collect::documents::{member, policy, text};

/// A row from the document's columns, preceded by `more`.
pub(crate) fn row(name: &str, document: &Value, more: Value) -> Value {
    let columns = table(name).map_or(&[][..], |it| it.columns);
    let taken = columns
        .iter()
        .filter_map(|it| Some((it.name.to_owned(), taken(it, document)?)));
    let mut row: Map<String, Value> = taken.collect();
    if let Value::Object(more) = more {
        row.extend(more);
    }
    Value::Object(row)
}

fn taken(column: &InventoryColumn, document: &Value) -> Option<Value> {
    match column.members {
        ColumnMembers::Computed => None,
        ColumnMembers::One(path) => {
            let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
            let mut steps = above.split('/').filter(|it| !it.is_empty());
            let place = steps.try_fold(document, |at, step| at.get(step));
            Some(place.map_or(Value::Null, |it| member(it, name)))
        }
        ColumnMembers::Document(name) => {
            let found = text(document, name).map(policy);
            Some(found.unwrap_or_default())
        }
        ColumnMembers::Every(names) => {
            let all = names.iter().map(|it| member(document, it));
            let all: Vec<Value> = all.filter(|it| !it.is_null()).collect();
            Some(if all.is_empty() {
                Value::Null
            } else {
                Value::Array(all)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_has_what_its_table_takes_and_what_is_told_goes_before_it() {
        let document = json!({
            "id": "00u1",
            "status": "",
            "statusChanged": "2026-11-20T00:00:00Z",
            "type": { "id": "oty1" },
            "credentials": "none",
            "unknown": 1,
        });
        let row = row("okta_users", &document, json!({ "id": "00u2" }));
        assert_eq!(row.get("id"), Some(&json!("00u2")));
        assert_eq!(row.get("status"), Some(&Value::Null));
        assert_eq!(
            row.get("status_changed"),
            Some(&json!("2026-11-20T00:00:00Z"))
        );
        assert_eq!(row.get("type_id"), Some(&json!("oty1")));
        assert_eq!(row.get("provider_type"), Some(&Value::Null));
        assert_eq!(row.get("unknown"), None);
        assert_eq!(row.get("cq_id"), None);
    }

    #[test]
    fn a_policy_that_comes_as_text_is_json() {
        let policy = |document: Value| {
            let row = row("aws_iam_delegation_requests", &document, json!({}));
            row.get("permission_policy").cloned()
        };
        let text = r#"{"Statement":[],"Note":"%2A"}"#;
        let found = policy(json!({ "PermissionPolicy": text }));
        assert_eq!(found, Some(json!({ "Statement": [], "Note": "%2A" })));
        let broken = policy(json!({ "PermissionPolicy": "no JSON" }));
        assert_eq!(broken, Some(json!("no JSON")));
        assert_eq!(policy(json!({})), Some(Value::Null));
    }

    #[test]
    fn lines_are_a_list_of_those_that_there_are() {
        let lines = |document: Value| row("aws_primary_contacts", &document, json!({}));
        let some = lines(json!({ "AddressLine1": "A", "AddressLine2": "", "AddressLine3": "C" }));
        assert_eq!(some.get("address_lines"), Some(&json!(["A", "C"])));
        let none = lines(json!({}));
        assert_eq!(none.get("address_lines"), Some(&Value::Null));
    }
}
