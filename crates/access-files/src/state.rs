use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use hallpass_aws_model::facts;
use hallpass_base::{
    AccountId, GroupId, HoldKey, PermissionSetArn, PermissionSetName, Target, UserId,
};
use hallpass_iam::language::same_policy;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "lowercase")]
pub enum PrincipalRef {
    Group(GroupId),
    User(UserId),
}

impl PrincipalRef {
    pub fn id(&self) -> &str {
        match self {
            Self::Group(id) => id.as_str(),
            Self::User(id) => id.as_str(),
        }
    }
}

impl fmt::Display for PrincipalRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(id) => write!(f, "group {id}"),
            Self::User(id) => write!(f, "user {id}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountAssignment {
    pub permission_set: PermissionSetName,
    pub account: AccountId,
    pub principal: PrincipalRef,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CustomerPolicy {
    /// `/` by default.
    pub path: String,
    pub name: String,
}

impl fmt::Display for CustomerPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path, self.name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionsBoundary {
    Managed(String),
    Customer(CustomerPolicy),
}

impl fmt::Display for PermissionsBoundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Managed(arn) => f.write_str(crate::managed_policies::written(arn)),
            Self::Customer(policy) => policy.fmt(f),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PermissionSetContent {
    /// AWS cannot remove a description, so a file without one keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub session_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_state: Option<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub managed_policies: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub customer_managed_policies: BTreeSet<CustomerPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline_policy: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<PermissionsBoundary>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl PermissionSetContent {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let without = |it: &Self| Self {
            inline_policy: None,
            ..it.clone()
        };
        let is_same_policy = match (&self.inline_policy, &other.inline_policy) {
            (Some(one), Some(other)) => same_policy(one, other),
            (one, other) => one == other,
        };
        is_same_policy && without(self) == without(other)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetPart {
    Texts,
    Managed,
    Customer,
    Inline,
    Boundary,
    Tags,
}

impl SetPart {
    pub const ALL: [Self; 6] = [
        Self::Texts,
        Self::Managed,
        Self::Customer,
        Self::Inline,
        Self::Boundary,
        Self::Tags,
    ];
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSet {
    pub arn: PermissionSetArn,
    pub content: PermissionSetContent,
    pub accounts: BTreeSet<AccountId>,
    pub outdated: BTreeSet<AccountId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAccess {
    pub sets: BTreeMap<PermissionSetName, SeenSet>,
    pub assignments: BTreeSet<AccountAssignment>,
    /// Assignments that grants hold, and that Hallpass removes.
    pub temporary: BTreeSet<AccountAssignment>,
}

impl SeenAccess {
    #[must_use]
    pub fn of_sets(&self, names: &BTreeSet<PermissionSetName>) -> Self {
        let is_of = |it: &&AccountAssignment| names.contains(&it.permission_set);
        let sets = self.sets.iter().filter(|(name, _)| names.contains(*name));
        Self {
            sets: sets
                .map(|(name, set)| (name.clone(), set.clone()))
                .collect(),
            assignments: self.assignments.iter().filter(is_of).cloned().collect(),
            temporary: self.temporary.iter().filter(is_of).cloned().collect(),
        }
    }
}

/// Formats a session length as AWS does, `PT8H`.
pub fn iso_duration(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    let mut text = "PT".to_owned();
    for (count, unit) in [(hours, 'H'), (minutes, 'M'), (rest, 'S')] {
        if count > 0 {
            let _ = write!(text, "{count}{unit}");
        }
    }
    text
}

/// Parses a session length in seconds, between 1 and 12 hours.
pub(crate) fn session_seconds(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix("PT")?;
    let (mut seconds, mut units) = (0_u64, "HMS");
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .filter(|it| *it > 0)?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit = after.chars().next()?;
        let (_, smaller) = units.split_once(unit)?;
        let worth = match unit {
            'H' => 3600,
            'M' => 60,
            _ => 1,
        };
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(worth)?)?;
        units = smaller;
        rest = after.get(1..)?;
    }
    let least = u64::from(facts::PERMISSION_SET_SESSION_SECONDS_LEAST.value);
    let most = u64::from(facts::PERMISSION_SET_SESSION_SECONDS_MOST.value);
    (least..=most).contains(&seconds).then_some(seconds)
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupMember {
    pub group: GroupId,
    pub user: UserId,
}

impl GroupMember {
    pub fn hold_key(&self) -> HoldKey {
        HoldKey {
            user: self.user.clone(),
            target: Target::Group {
                group: self.group.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_sessions() {
        let table = [
            ("PT1H", Some(3600)),
            ("PT12H", Some(43_200)),
            ("PT1H30M", Some(5400)),
            ("PT90M", Some(5400)),
            ("PT3600S", Some(3600)),
            ("PT59M", None),
            ("PT12H1S", None),
            ("PT", None),
            ("4h", None),
            ("PT1M1H", None),
            ("PTH", None),
            ("PT99999999999999999999H", None),
        ];
        for (text, expected) in table {
            assert_eq!(session_seconds(text), expected, "{text}");
        }
        assert_eq!(iso_duration(5400), "PT1H30M");
        assert_eq!(session_seconds(&iso_duration(43_199)), Some(43_199));
    }
}
