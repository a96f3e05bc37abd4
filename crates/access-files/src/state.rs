//! What stands in Identity Center, as far as files speak of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use hallpass_aws_model::facts;
use hallpass_base::{
    AccountId, GroupId, HoldKey, PermissionSetArn, PermissionSetName, Target, UserId,
};
use hallpass_iam::language::same_policy;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who an assignment is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "lowercase")]
pub enum PrincipalRef {
    /// All members of a group.
    Group(GroupId),
    /// One person.
    User(UserId),
}

impl PrincipalRef {
    /// The id.
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

/// A permission set for somebody in an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountAssignment {
    /// The permission set's name.
    pub permission_set: PermissionSetName,
    /// The account.
    pub account: AccountId,
    /// Who has it.
    pub principal: PrincipalRef,
}

/// A policy of each account, named by path and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CustomerPolicy {
    /// The path, `/` where nothing else is said.
    pub path: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for CustomerPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path, self.name)
    }
}

/// What a set allows at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionsBoundary {
    /// What an AWS managed policy allows, by its ARN.
    Managed(String),
    /// What a policy of the account allows.
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

/// Everything a permission set says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PermissionSetContent {
    /// The description; AWS cannot take one away, so a file without one leaves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How long its sessions last, in seconds.
    pub session_seconds: u64,
    /// Where its sessions begin in the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_state: Option<String>,
    /// ARNs of AWS managed policies.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub managed_policies: BTreeSet<String>,
    /// Policies of the accounts.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub customer_managed_policies: BTreeSet<CustomerPolicy>,
    /// Its own policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline_policy: Option<Value>,
    /// What it allows at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<PermissionsBoundary>,
    /// Its tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl PermissionSetContent {
    /// Whether both say the same; the form of the inline policy does not matter.
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

/// What AWS is asked for in one call about a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetPart {
    /// Description, length of sessions, relay state.
    Texts,
    /// AWS managed policies.
    Managed,
    /// Policies of the accounts.
    Customer,
    /// The policy of its own.
    Inline,
    /// The permissions boundary.
    Boundary,
    /// The tags.
    Tags,
}

impl SetPart {
    /// All of a set.
    pub const ALL: [Self; 6] = [
        Self::Texts,
        Self::Managed,
        Self::Customer,
        Self::Inline,
        Self::Boundary,
        Self::Tags,
    ];
}

/// A permission set as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSet {
    /// Its ARN.
    pub arn: PermissionSetArn,
    /// What it says.
    pub content: PermissionSetContent,
    /// The accounts that have its role.
    pub accounts: BTreeSet<AccountId>,
    /// Those of them whose role is of an earlier form of the set.
    pub outdated: BTreeSet<AccountId>,
}

/// Identity Center as it was seen, without what Hallpass gave for a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAccess {
    /// The sets that were looked at.
    pub sets: BTreeMap<PermissionSetName, SeenSet>,
    /// Their assignments.
    pub assignments: BTreeSet<AccountAssignment>,
    /// Assignments that Hallpass gave for a time, and takes away itself.
    pub temporary: BTreeSet<AccountAssignment>,
}

impl SeenAccess {
    /// The same, of some sets only.
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

/// A length of sessions as AWS writes it, `PT8H`.
pub fn iso_duration(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    let mut text = "PT".to_owned();
    for (count, unit) in [(hours, 'H'), (minutes, 'M'), (rest, 'S')] {
        if count > 0 {
            // writing to a `String` cannot fail
            let _ = write!(text, "{count}{unit}");
        }
    }
    text
}

/// The seconds of a length of sessions, where it has the form and lies between 1 and 12 hours.
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

/// A person in a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupMember {
    /// The group.
    pub group: GroupId,
    /// The person.
    pub user: UserId,
}

impl GroupMember {
    /// What grants call it.
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
