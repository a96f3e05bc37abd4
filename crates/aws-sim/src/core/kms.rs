//! KMS key metadata. No key material: nothing is encrypted.

use std::collections::BTreeMap;

use crate::base::Millis;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::document::Document;

/// The only key type with automatic rotation (AWS KMS Developer Guide, "Rotate AWS KMS keys").
pub(crate) const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SimKeyState {
    #[default]
    Enabled,
    Disabled,
    PendingDeletion(Millis),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyRotation {
    pub days: i64,
    pub since: Millis,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimKey {
    pub account: String,
    pub region: String,
    pub id: String,
    pub description: String,
    pub created: Millis,
    pub spec: String,
    pub usage: String,
    pub state: SimKeyState,
    pub policy: Document,
    pub rotation: Option<KeyRotation>,
    pub tags: BTreeMap<String, String>,
}

impl SimKey {
    pub(crate) fn arn(&self) -> String {
        let (region, account, id) = (&self.region, &self.account, &self.id);
        format!("arn:aws:kms:{region}:{account}:key/{id}")
    }
}

/// Admits all principals that the account's IAM allows (AWS KMS Developer Guide, "Default key
/// policy").
pub(crate) fn default_policy(account: &str) -> String {
    json!({ "Version": "2012-10-17", "Id": "key-default-1", "Statement": [{
        "Sid": "Enable IAM User Permissions", "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{account}:root") }, "Action": "kms:*", "Resource": "*",
    }] })
    .to_string()
}

pub(crate) fn find<'a>(
    keys: &'a BTreeMap<String, SimKey>,
    account: &str,
    named: &str,
) -> Option<&'a SimKey> {
    let id = named.rsplit('/').next().unwrap_or_default();
    let key = keys.get(id)?;
    let is_named = id == named || key.arn() == named;
    (key.account == account && is_named).then_some(key)
}
