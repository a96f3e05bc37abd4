use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::organization;

pub(super) fn add_external_ids(
    attributes: &mut Map<String, Value>,
    ids: &[organization::ExternalId],
) {
    if !ids.is_empty() {
        let rows = ids
            .iter()
            .map(|id| json!({ "Issuer": id.issuer, "Id": id.id }))
            .collect();
        attributes.insert("ExternalIds".to_owned(), Value::Array(rows));
    }
}

pub(super) fn user_attributes(row: &organization::User) -> Map<String, Value> {
    let given = row.given_name.clone().unwrap_or_default();
    let family = row.family_name.clone().unwrap_or_default();
    let full = format!("{given} {family}");
    let display = match (&row.display_name, full.trim()) {
        (Some(name), _) => name.clone(),
        (None, "") => row.user_name.clone(),
        (None, full) => full.to_owned(),
    };
    let mut attributes = Map::new();
    attributes.insert("UserName".to_owned(), row.user_name.clone().into());
    let names = [("FamilyName", &family), ("GivenName", &given)];
    let name: BTreeMap<&str, &String> = names
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect();
    if !name.is_empty() {
        attributes.insert("Name".to_owned(), json!(name));
    }
    attributes.insert("DisplayName".to_owned(), display.into());
    if let Some(email) = &row.email {
        let email = json!([{ "Value": email, "Type": "work", "Primary": true }]);
        attributes.insert("Emails".to_owned(), email);
    }
    if let Some(title) = &row.title {
        attributes.insert("Title".to_owned(), title.clone().into());
    }
    add_external_ids(&mut attributes, &row.external_ids);
    attributes.extend(row.attributes.clone());
    attributes
}
