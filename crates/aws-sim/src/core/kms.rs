//! Keys of AWS KMS: what is known of them. There is no key material: nothing is encrypted here.

use std::collections::BTreeMap;

use crate::base::Millis;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::document::Document;

/// The only kind of key that rotates by itself (AWS KMS Developer Guide, "Rotate AWS KMS keys").
pub(crate) const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";

/// How far a key is from its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SimKeyState {
    /// It can be used.
    #[default]
    Enabled,
    /// It cannot, until it is enabled.
    Disabled,
    /// It is deleted at that instant.
    PendingDeletion(Millis),
}

/// How a key rotates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyRotation {
    /// Days from one rotation to the next.
    pub days: i64,
    /// Since when.
    pub since: Millis,
}

/// A key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimKey {
    pub account: String,
    pub region: String,
    pub id: String,
    pub description: String,
    pub created: Millis,
    /// `KeySpec`
    pub spec: String,
    /// `KeyUsage`
    pub usage: String,
    pub state: SimKeyState,
    pub policy: Document,
    pub rotation: Option<KeyRotation>,
    pub tags: BTreeMap<String, String>,
}

impl SimKey {
    /// Its ARN.
    pub(crate) fn arn(&self) -> String {
        let (region, account, id) = (&self.region, &self.account, &self.id);
        format!("arn:aws:kms:{region}:{account}:key/{id}")
    }
}

/// The policy of a key that is made without one: whoever IAM of the account lets (AWS KMS Developer Guide, "Default key
/// policy").
pub(crate) fn default_policy(account: &str) -> String {
    json!({ "Version": "2012-10-17", "Id": "key-default-1", "Statement": [{
        "Sid": "Enable IAM User Permissions", "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{account}:root") }, "Action": "kms:*", "Resource": "*",
    }] })
    .to_string()
}

/// The key of an account in a Region, by id or ARN.
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
