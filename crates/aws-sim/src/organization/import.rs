//! Converts the `PascalCase` tree form into an organization file.

use hallpass_base::account_state;
use serde_json::{Map, Value, json};

pub(super) fn is_tree(file: &Value) -> bool {
    file.pointer("/organization/Id").is_some()
}

pub(super) fn convert(tree: &Value) -> Value {
    let root = text(tree.get("root"));
    let ous = list(tree, "ous");
    let path = |id: &str| path(ous, id, &root);
    let converted: Vec<Value> = ous
        .iter()
        .map(|ou| {
            let mut row = Map::new();
            row.insert("id".to_owned(), text(ou.get("Id")).into());
            row.insert("name".to_owned(), text(ou.get("Name")).into());
            if let Some(parent) = path(&text(ou.get("ParentId"))) {
                row.insert("parent".to_owned(), parent.into());
            }
            Value::Object(row)
        })
        .collect();
    let accounts: Vec<Value> = list(tree, "accounts")
        .iter()
        .map(|row| account(row, &path))
        .collect();
    json!({
        "version": 1,
        "organization": {
            "id": text(tree.pointer("/organization/Id")),
            "root": root,
            "management_account": text(tree.pointer("/organization/ManagementAccountId")),
        },
        "ous": converted,
        "accounts": accounts,
    })
}

fn account(row: &Value, path: &dyn Fn(&str) -> Option<String>) -> Value {
    let mut account = Map::new();
    for (from, to) in [("Id", "id"), ("Name", "name"), ("Email", "email")] {
        account.insert(to.to_owned(), text(row.get(from)).into());
    }
    account.insert("ou".to_owned(), path(&text(row.get("ParentId"))).into());
    if let Some(state) = account_state(|it| row.get(it)?.as_str()) {
        account.insert("state".to_owned(), state.into());
    }
    if let Some(method) = row.get("JoinedMethod").and_then(Value::as_str) {
        account.insert("joined_method".to_owned(), method.into());
    }
    if let Some(tags) = row.get("Tags").filter(|tags| tags.is_object()) {
        account.insert("tags".to_owned(), tags.clone());
    }
    Value::Object(account)
}

fn path(ous: &[Value], id: &str, root: &str) -> Option<String> {
    let mut names = Vec::new();
    let mut at = id.to_owned();
    while at != root && names.len() <= ous.len() {
        let ou = ous.iter().find(|ou| text(ou.get("Id")) == at)?;
        names.push(text(ou.get("Name")));
        at = text(ou.get("ParentId"));
    }
    names.reverse();
    (!names.is_empty()).then(|| names.join("/"))
}

fn list<'a>(tree: &'a Value, key: &str) -> &'a [Value] {
    tree.get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}
