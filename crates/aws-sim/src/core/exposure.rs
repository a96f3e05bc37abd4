//! What accounts leave open or close: buckets and their public access, security groups, encryption of new volumes.

use std::collections::BTreeMap;

use crate::base::{Millis, hash};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A bucket.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// Whose it is.
    pub account: String,
    /// Where it is.
    pub region: String,
    /// When it was made.
    pub created: Millis,
    /// How public access to it is blocked, if somebody said so.
    pub blocked: Option<PublicAccess>,
}

/// How public access is blocked: whether each of [`SETTINGS`] is on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublicAccess([bool; 4]);

/// The settings as S3 names them.
const SETTINGS: [&str; 4] = [
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
];

/// A security group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SecurityGroup {
    pub id: String,
    pub name: String,
    pub description: String,
    pub vpc: String,
    pub tags: BTreeMap<String, String>,
    pub rules: Vec<GroupRule>,
    /// Rules that it ever had: ids are made of it.
    pub made: u64,
}

/// A rule of a group: one protocol, one range of ports, one peer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupRule {
    pub id: String,
    pub egress: bool,
    pub protocol: String,
    pub from: i64,
    pub to: i64,
    /// `cidrIpv4`, `cidrIpv6`, `prefixListId` or `group`, and which.
    pub peer: (String, String),
    pub description: Option<String>,
}

/// A flow log of a VPC. It records nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FlowLog {
    pub id: String,
    /// The VPC.
    pub resource: String,
    /// `ACCEPT`, `REJECT` or `ALL`.
    pub traffic: String,
    /// `s3` or `cloud-watch-logs`.
    pub kind: String,
    /// The ARN of the bucket or of the log group.
    pub destination: String,
    /// The name of the log group.
    pub group: Option<String>,
    /// The role that delivers to a log group.
    pub role: Option<String>,
    pub created: Millis,
    pub tags: BTreeMap<String, String>,
    /// The client token that it was made with.
    pub token: Option<String>,
}

/// All of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Exposure {
    /// Buckets by name.
    pub buckets: BTreeMap<String, Bucket>,
    /// How public access to all buckets of an account is blocked.
    pub accounts: BTreeMap<String, PublicAccess>,
    /// Groups, by account and Region in one text.
    pub groups: BTreeMap<String, Vec<SecurityGroup>>,
    /// Where new volumes are encrypted: account and Region.
    pub encrypted: BTreeMap<String, bool>,
    /// Groups that were ever made.
    pub made: u64,
    /// Flow logs, by account and Region in one text.
    #[serde(default)]
    pub flow_logs: BTreeMap<String, Vec<FlowLog>>,
    /// Flow logs that were ever made.
    #[serde(default)]
    pub flow_logs_made: u64,
}

/// An account and a Region as one key.
pub(crate) fn place(account: &str, region: &str) -> String {
    format!("{account} {region}")
}

/// Seventeen hex digits of a text.
pub(crate) fn digits(text: &str) -> String {
    format!("0{:016x}", hash(text))
}

impl PublicAccess {
    /// All of it is blocked.
    pub(crate) const ALL: Self = Self([true; 4]);

    /// Its members as S3 names them.
    pub(crate) fn members(self) -> impl Iterator<Item = (&'static str, bool)> {
        SETTINGS.into_iter().zip(self.0)
    }

    /// From members that are `true`, as XML has them or as JSON has them; others are off.
    pub(crate) fn of(members: &Map<String, Value>) -> Self {
        let is_true =
            |value: &Value| value.as_str() == Some("true") || value.as_bool() == Some(true);
        let on = |name| members.get(name).is_some_and(is_true);
        Self(SETTINGS.map(on))
    }
}
