//! Configuration policies in the administrator's home Region.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::hub::SECURITY_HUB;
use crate::reading::{ReadFact, Reader, text};

pub(super) async fn held(reader: &Reader<'_>) -> ReadFact<BTreeMap<String, String>> {
    let operation = (SECURITY_HUB, "ListConfigurationPolicyAssociations");
    let name = "ConfigurationPolicyAssociationSummaries";
    let rows = reader.list(operation, json!({}), name).await?;
    let own = rows
        .iter()
        .filter(|it| text(it, "/AssociationType") != "INHERITED");
    let pair = |it: &Value| {
        let policy = text(it, "/ConfigurationPolicyId").to_owned();
        (text(it, "/TargetId").to_owned(), policy)
    };
    Ok(own.map(pair).collect())
}

pub(super) async fn names(reader: &Reader<'_>) -> ReadFact<BTreeMap<String, String>> {
    let operation = (SECURITY_HUB, "ListConfigurationPolicies");
    let name = "ConfigurationPolicySummaries";
    let rows = reader.list(operation, json!({}), name).await?;
    let pair = |it: &Value| (text(it, "/Id").to_owned(), text(it, "/Name").to_owned());
    Ok(rows.iter().map(pair).collect())
}
