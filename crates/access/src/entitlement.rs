//! Entitlements of account access manager: roles of IAM that people and groups take without a permission set, which no
//! listing of assignments shows (`access.md` §22, R-4; Account Access Manager API Reference, `ListEntitlements`).

use hallpass_base::{AccountId, GroupId, UserId};
use hallpass_rules::Directory;
use serde::{Deserialize, Serialize};

/// How many a report names: a digest of the organization's whole use of them would be read by nobody.
const NAMED_MAX: usize = 1_000;

/// Who has an entitlement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntitledPrincipal {
    /// A person.
    User(UserId),
    /// The members of a group.
    Group(GroupId),
}

/// A role that somebody may take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entitlement {
    /// ARN of the application of account access manager that has it.
    pub application: String,
    /// AWS's id of it there.
    pub id: String,
    /// ARN of the role.
    pub role: String,
    /// The account of the role.
    pub account: AccountId,
    /// Who has it.
    pub principal: EntitledPrincipal,
}

impl Entitlement {
    /// The role's name, without its path.
    pub fn role_name(&self) -> &str {
        self.role.rsplit('/').next().unwrap_or(&self.role)
    }
}

/// What a person may take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonEntitlements {
    /// By entitlements of their own.
    pub own: Vec<Entitlement>,
    /// By those of groups that they are in.
    pub by_group: Vec<Entitlement>,
}

/// What became of the entitlements of a person whose access ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntitlementsEnded {
    /// Those of their own that AWS deleted.
    pub ended: Vec<Entitlement>,
    /// Those of their own that it did not, and why.
    pub failed: Vec<(Entitlement, String)>,
    /// Those of groups, which others have too: they stay.
    pub by_group: Vec<Entitlement>,
}

/// One entitlement, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedEntitlement {
    /// Which.
    #[serde(flatten)]
    pub entitlement: Entitlement,
    /// The account's name, or its id.
    pub account_name: String,
    /// The name of the person or the group, or its id.
    pub holder: String,
    /// Whether the run before did not have it.
    #[serde(default)]
    pub is_new: bool,
}

impl NamedEntitlement {
    /// With the names of today; none of them is new to anybody.
    pub fn of(entitlement: &Entitlement, directory: &Directory) -> Self {
        let account = directory.account(&entitlement.account);
        Self {
            account_name: account.map_or_else(
                || entitlement.account.to_string(),
                |account| account.name.clone(),
            ),
            holder: holder(&entitlement.principal, directory),
            is_new: false,
            entitlement: entitlement.clone(),
        }
    }
}

/// What a run found of entitlements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitlementReport {
    /// Those of people.
    pub of_people: u64,
    /// Those of groups.
    pub of_groups: u64,
    /// The first of them.
    pub named: Vec<NamedEntitlement>,
}

impl EntitlementReport {
    /// What was read, beside what the run before found.
    pub(crate) fn of(seen: &[Entitlement], earlier: Option<&Self>, directory: &Directory) -> Self {
        let is_person = |it: &&Entitlement| matches!(it.principal, EntitledPrincipal::User(_));
        let of_people = count(seen.iter().filter(is_person).count());
        // what is new can be said only beside a whole list
        let before = earlier.filter(|it| count(it.named.len()) == it.of_people + it.of_groups);
        let was_there = |of: &Entitlement| {
            before.is_none_or(|it| it.named.iter().any(|named| named.entitlement == *of))
        };
        let named = seen.iter().take(NAMED_MAX).map(|it| NamedEntitlement {
            is_new: !was_there(it),
            ..NamedEntitlement::of(it, directory)
        });
        Self {
            of_people,
            of_groups: count(seen.len()) - of_people,
            named: named.collect(),
        }
    }

    /// Those that the run before did not have.
    pub fn new_ones(&self) -> impl Iterator<Item = &NamedEntitlement> {
        self.named.iter().filter(|it| it.is_new)
    }
}

fn holder(principal: &EntitledPrincipal, directory: &Directory) -> String {
    match principal {
        EntitledPrincipal::User(user) => match directory.person(user) {
            Some(person) if !person.display_name.is_empty() => person.display_name.clone(),
            Some(person) => person.user_name.clone(),
            None => user.to_string(),
        },
        EntitledPrincipal::Group(group) => match directory.group(group) {
            Some(group) => group.name.clone(),
            None => group.to_string(),
        },
    }
}

fn count(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}
