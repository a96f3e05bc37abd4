use std::collections::BTreeMap;
use std::path::Path;

use hallpass_terminal::exit::Failure;
use serde::Deserialize;
use serde_json::Value;

use super::companion_rows::{self, CompanionRows};

#[derive(Debug)]
pub struct SetOfSnapshot {
    pub name: String,
    pub documents: Vec<String>,
    pub boundary: Vec<String>,
    pub missing: Vec<String>,
    pub settings: SetSettings,
}

#[derive(Clone, Debug, Deserialize)]
pub struct SetSettings {
    pub description: Option<String>,
    pub session_duration: Option<String>,
    pub relay_state: Option<String>,
    pub ps_tags: Value,
    pub boundary: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct SetRow {
    #[serde(flatten)]
    settings: SetSettings,
    permission_set_name: String,
    managed_policies: Value,
    customer_policies: Value,
    inline_policy: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct PolicyRow {
    policy_arn: String,
    document: Value,
}

#[derive(Debug)]
pub struct SetsOfSnapshot {
    pub sets: Vec<SetOfSnapshot>,
    /// Set if all sets and policies are present. Otherwise a policy of the same name may differ in
    /// an unread account.
    pub is_whole: bool,
}

pub fn sets(folder: &Path, name: Option<&str>) -> Result<SetsOfSnapshot, Failure> {
    let mut parameters = Vec::new();
    let mut sql = "SELECT permission_set_name, description, session_duration, relay_state, ps_tags, boundary, \
                   managed_policies, customer_policies, inline_policy FROM aws_ssoadmin_permission_sets"
        .to_owned();
    if let Some(name) = name {
        sql.push_str(" WHERE permission_set_name = $name");
        parameters.push(("name".to_owned(), name.to_owned()));
    }
    sql.push_str(" ORDER BY 1");
    let CompanionRows { rows, is_whole } =
        companion_rows::rows::<SetRow>(folder, &sql, &parameters)?;
    if let (Some(name), true) = (name, rows.is_empty()) {
        let message = format!("the newest snapshot has no permission set `{name}`");
        return Err(Failure::bad_input(message).help("`hallpass query 'SELECT permission_set_name FROM aws_ssoadmin_permission_sets'` lists them"));
    }
    let needs_policies = rows
        .iter()
        .any(|it| !references(it).is_empty() || boundary_of(it).is_some());
    let (policies, has_policies) = if needs_policies {
        policies(folder)?
    } else {
        (BTreeMap::new(), true)
    };
    let sets = rows.into_iter().map(|row| with_documents(row, &policies));
    Ok(SetsOfSnapshot {
        sets: sets.collect(),
        is_whole: is_whole && has_policies,
    })
}

/// Returns policy documents by ARN without the account (`policy/path/name`), AWS managed ones by
/// full ARN; and whether every account is complete.
fn policies(folder: &Path) -> Result<(BTreeMap<String, Vec<String>>, bool), Failure> {
    // an ARN is the same policy in every account
    let sql = "SELECT policy_arn, max(document)::jsonb AS document FROM aws_iam_policies GROUP BY policy_arn ORDER BY 1";
    let CompanionRows { rows, is_whole } = companion_rows::rows::<PolicyRow>(folder, sql, &[])?;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        let name = row
            .policy_arn
            .split(':')
            .nth(5)
            .unwrap_or_default()
            .to_owned();
        let is_aws = row.policy_arn.split(':').nth(4) == Some("aws");
        let key = if is_aws { row.policy_arn } else { name };
        let text = row.document.to_string();
        let texts = found.entry(key).or_default();
        // accounts may differ under one name: each variant is allowed somewhere
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    Ok((found, is_whole))
}

fn references(row: &SetRow) -> Vec<String> {
    let each = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let text = |it: &Value, name: &str| it.get(name).and_then(Value::as_str).map(str::to_owned);
    let managed = each(&row.managed_policies);
    let managed = managed.iter().filter_map(|it| text(it, "Arn"));
    let customer = each(&row.customer_policies);
    let customer = customer.iter().filter_map(|it| {
        let path = text(it, "Path").unwrap_or_else(|| "/".to_owned());
        Some(format!("policy{path}{}", text(it, "Name")?))
    });
    managed.chain(customer).collect()
}

fn boundary_of(row: &SetRow) -> Option<String> {
    let boundary = row.settings.boundary.as_ref()?;
    let text = |it: &Value, name: &str| it.get(name).and_then(Value::as_str).map(str::to_owned);
    let own = boundary.get("CustomerManagedPolicyReference");
    let own = own.and_then(|it| {
        let path = text(it, "Path").unwrap_or_else(|| "/".to_owned());
        Some(format!("policy{path}{}", text(it, "Name")?))
    });
    text(boundary, "ManagedPolicyArn").or(own)
}

fn with_documents(row: SetRow, policies: &BTreeMap<String, Vec<String>>) -> SetOfSnapshot {
    let mut set = SetOfSnapshot {
        name: row.permission_set_name.clone(),
        documents: Vec::new(),
        boundary: Vec::new(),
        missing: Vec::new(),
        settings: row.settings.clone(),
    };
    for reference in references(&row) {
        match policies.get(&reference) {
            Some(texts) => set.documents.extend(texts.iter().cloned()),
            None => set.missing.push(reference),
        }
    }
    if let Some(reference) = boundary_of(&row) {
        match policies.get(&reference) {
            Some(texts) => set.boundary.extend(texts.iter().cloned()),
            None => set.missing.push(reference),
        }
    }
    set.documents
        .extend(row.inline_policy.map(|it| it.to_string()));
    set
}
