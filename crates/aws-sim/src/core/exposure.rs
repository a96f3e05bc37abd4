//! Public exposure settings: buckets, security groups, encryption of new volumes.

use std::collections::BTreeMap;

use crate::base::{Millis, hash};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub account: String,
    pub region: String,
    pub created: Millis,
    pub blocked: Option<PublicAccess>,
}

/// Whether each of [`SETTINGS`] is on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublicAccess([bool; 4]);

/// The settings as S3 names them.
const SETTINGS: [&str; 4] = [
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
];

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SecurityGroup {
    pub id: String,
    pub name: String,
    pub description: String,
    pub vpc: String,
    pub tags: BTreeMap<String, String>,
    pub rules: Vec<GroupRule>,
    pub made: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupRule {
    pub id: String,
    pub egress: bool,
    pub protocol: String,
    pub from: i64,
    pub to: i64,
    /// `cidrIpv4`, `cidrIpv6`, `prefixListId` or `group`, and its value.
    pub peer: (String, String),
    pub description: Option<String>,
}

/// A flow log of a VPC. It records nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FlowLog {
    pub id: String,
    pub resource: String,
    /// `ACCEPT`, `REJECT` or `ALL`.
    pub traffic: String,
    /// `s3` or `cloud-watch-logs`.
    pub kind: String,
    pub destination: String,
    pub group: Option<String>,
    pub role: Option<String>,
    pub created: Millis,
    pub tags: BTreeMap<String, String>,
    pub token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Exposure {
    pub buckets: BTreeMap<String, Bucket>,
    pub accounts: BTreeMap<String, PublicAccess>,
    /// By account and Region in one text.
    pub groups: BTreeMap<String, Vec<SecurityGroup>>,
    /// Default volume encryption by account and Region.
    pub encrypted: BTreeMap<String, bool>,
    pub made: u64,
    #[serde(default)]
    pub flow_logs: BTreeMap<String, Vec<FlowLog>>,
    #[serde(default)]
    pub flow_logs_made: u64,
}

pub(crate) fn place(account: &str, region: &str) -> String {
    format!("{account} {region}")
}

/// Seventeen hex digits derived from a text.
pub(crate) fn digits(text: &str) -> String {
    format!("0{:016x}", hash(text))
}

impl PublicAccess {
    pub(crate) const ALL: Self = Self([true; 4]);

    pub(crate) fn members(self) -> impl Iterator<Item = (&'static str, bool)> {
        SETTINGS.into_iter().zip(self.0)
    }

    /// Reads members that are `true`, in XML or JSON form; others are off.
    pub(crate) fn of(members: &Map<String, Value>) -> Self {
        let is_true =
            |value: &Value| value.as_str() == Some("true") || value.as_bool() == Some(true);
        let on = |name| members.get(name).is_some_and(is_true);
        Self(SETTINGS.map(on))
    }
}
