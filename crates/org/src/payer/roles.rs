//! Reads roles with their policies by `GetAccountAuthorizationDetails`.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_model::policy_text;
use hallpass_iam::powers::{NamedPolicy, RolePolicies};
use serde_json::{Value, json};

use super::facts::PayerRole;
use crate::reading::{Operation, ReadFact, Reader, UnreadFact, text, unread};

pub(super) const DETAILS: Operation = ("iam", "GetAccountAuthorizationDetails");
const A_PAGE: u32 = 1_000;

/// An unreadable policy makes only its roles unread.
pub(super) async fn read_roles(reader: &Reader<'_>) -> ReadFact<Vec<PayerRole>> {
    let input = json!({ "Filter": ["Role"], "MaxItems": A_PAGE });
    let roles = reader.list(DETAILS, input, "RoleDetailList").await?;
    let input = json!({ "Filter": ["LocalManagedPolicy", "AWSManagedPolicy"], "MaxItems": A_PAGE });
    let listed = reader.list(DETAILS, input, "Policies").await?;
    let mut managed = ManagedPolicies(BTreeMap::new());
    for policy in &listed {
        let versions = policy.get("PolicyVersionList").and_then(Value::as_array);
        let is_default = |it: &&Value| it.get("IsDefaultVersion") == Some(&Value::Bool(true));
        let version = versions.and_then(|all| all.iter().find(is_default));
        if let Some(document) = version.and_then(|it| it.get("Document")?.as_str()) {
            let arn = text(policy, "/Arn").to_owned();
            managed.0.insert(arn, Ok(policy_text(document)));
        }
    }
    managed.complete(reader, &roles).await;
    Ok(roles.iter().map(|it| managed.role(it)).collect())
}

struct ManagedPolicies(BTreeMap<String, ReadFact<String>>);

impl ManagedPolicies {
    /// Reads policies missing in the listing.
    async fn complete(&mut self, reader: &Reader<'_>, roles: &[Value]) {
        let attached = roles.iter().flat_map(attached_arns);
        let missing: BTreeSet<String> = attached.filter(|it| !self.0.contains_key(it)).collect();
        for arn in missing {
            let found = default_version(reader, &arn).await;
            self.0.insert(arn, found);
        }
    }

    fn named(&self, arn: &str) -> ReadFact<NamedPolicy> {
        let found = self.0.get(arn).cloned();
        let found = found.unwrap_or_else(|| Err(unread(DETAILS, format!("no policy `{arn}`"))));
        found.map(|text| NamedPolicy {
            name: arn.rsplit('/').next().unwrap_or(arn).to_owned(),
            text,
        })
    }

    fn role(&self, row: &Value) -> PayerRole {
        let arn = text(row, "/Arn").to_owned();
        let name = text(row, "/RoleName").to_owned();
        let trust = NamedPolicy {
            name: format!("trust of {name}"),
            text: policy_text(text(row, "/AssumeRolePolicyDocument")),
        };
        PayerRole {
            policies: self.policies(row, &arn),
            arn,
            name,
            trust,
        }
    }

    fn policies(&self, row: &Value, arn: &str) -> ReadFact<RolePolicies> {
        let inline = row.get("RolePolicyList").and_then(Value::as_array);
        let inline = inline.into_iter().flatten().map(|it| NamedPolicy {
            name: text(it, "/PolicyName").to_owned(),
            text: policy_text(text(it, "/PolicyDocument")),
        });
        let mut identity: Vec<NamedPolicy> = inline.collect();
        for attached in arns_of(row, "AttachedManagedPolicies") {
            identity.push(self.named(&attached)?);
        }
        let boundary = boundary_of(row).map(|it| self.named(&it)).transpose()?;
        Ok(RolePolicies {
            arn: arn.to_owned(),
            identity,
            boundary,
        })
    }
}

fn arns_of(row: &Value, list: &str) -> Vec<String> {
    let all = row.get(list).and_then(Value::as_array);
    let all = all.into_iter().flatten();
    all.map(|it| text(it, "/PolicyArn").to_owned()).collect()
}

fn boundary_of(row: &Value) -> Option<String> {
    let arn = text(row, "/PermissionsBoundary/PermissionsBoundaryArn");
    (!arn.is_empty()).then(|| arn.to_owned())
}

fn attached_arns(row: &Value) -> Vec<String> {
    let mut all = arns_of(row, "AttachedManagedPolicies");
    all.extend(boundary_of(row));
    all
}

async fn default_version(reader: &Reader<'_>, arn: &str) -> ReadFact<String> {
    let policy = ("iam", "GetPolicy");
    let found = reader.one(policy, json!({ "PolicyArn": arn })).await?;
    let version = text(&found, "/Policy/DefaultVersionId");
    let operation = ("iam", "GetPolicyVersion");
    let input = json!({ "PolicyArn": arn, "VersionId": version });
    let found = reader.one(operation, input).await?;
    let document = found.pointer("/PolicyVersion/Document");
    let document = document.and_then(Value::as_str);
    let document: Result<&str, UnreadFact> =
        document.ok_or_else(|| unread(operation, "no document in the answer"));
    document.map(policy_text)
}
