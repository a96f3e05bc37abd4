//! Entitlements of account access manager: IAM roles for users and groups without a permission set,
//! absent from assignment listings (`access.md` §22, R-4; Account Access Manager API Reference,
//! `ListEntitlements`).

use hallpass_base::{AccountId, GroupId, UserId};
use hallpass_rules::Directory;
use serde::{Deserialize, Serialize};

/// The most that a report names, to keep it readable.
const NAMED_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntitledPrincipal {
    User(UserId),
    Group(GroupId),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entitlement {
    /// The ARN of its account access manager application.
    pub application: String,
    pub id: String,
    pub role: String,
    pub account: AccountId,
    pub principal: EntitledPrincipal,
}

impl Entitlement {
    pub fn role_name(&self) -> &str {
        self.role.rsplit('/').next().unwrap_or(&self.role)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonEntitlements {
    pub own: Vec<Entitlement>,
    pub by_group: Vec<Entitlement>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntitlementsEnded {
    pub ended: Vec<Entitlement>,
    pub failed: Vec<(Entitlement, String)>,
    /// Kept: groups share them with others.
    pub by_group: Vec<Entitlement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedEntitlement {
    #[serde(flatten)]
    pub entitlement: Entitlement,
    pub account_name: String,
    pub holder: String,
    /// Whether the previous run lacked it.
    #[serde(default)]
    pub is_new: bool,
}

impl NamedEntitlement {
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

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitlementReport {
    pub of_people: u64,
    pub of_groups: u64,
    pub named: Vec<NamedEntitlement>,
}

impl EntitlementReport {
    pub(crate) fn of(seen: &[Entitlement], earlier: Option<&Self>, directory: &Directory) -> Self {
        let is_person = |it: &&Entitlement| matches!(it.principal, EntitledPrincipal::User(_));
        let of_people = count(seen.iter().filter(is_person).count());
        // New entries are known only against a complete list.
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
