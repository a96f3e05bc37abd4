//! The scope of a sweep, and its listing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use hallpass_base::{AccountId, GroupId, HoldKey, PermissionSetArn, Target, Timestamp};
use hallpass_rules::{Directory, Rules, SetBits};
use serde::{Deserialize, Serialize};

use super::SweepReach;
use crate::Entitlement;

/// Exclusions of a sweep, which it reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum LeftOut {
    /// Inactive accounts, where AWS changes nothing.
    InactiveAccounts { count: u64 },
    /// A delegated administrator cannot change the management account.
    ManagementAccount { account: AccountId },
    /// Account access manager's entitlements, absent from assignment listings.
    Entitlements,
    /// Attribute-based groups, which are compared separately.
    SyncedGroups { count: u64 },
    /// A configured attribute-based group was not found by name and may be any group.
    AllGroups { count: u64 },
}

#[derive(Clone, Debug, Default)]
pub struct StandingScope {
    /// In the directory's order.
    sets: Vec<PermissionSetArn>,
    places: HashMap<PermissionSetArn, usize>,
    accounts: Vec<(AccountId, SetBits)>,
    account_places: HashMap<AccountId, usize>,
    groups: BTreeSet<GroupId>,
    left_out: Vec<LeftOut>,
}

impl StandingScope {
    /// Excludes inactive accounts, and the one that Hallpass cannot change.
    pub fn new(
        reach: SweepReach,
        rules: &Rules,
        directory: &Directory,
        out_of_reach: Option<&AccountId>,
    ) -> Self {
        let mut scope = Self::of_sets(directory);
        match reach {
            SweepReach::Rules => {
                let covered = rules.reach(directory);
                for account in covered.accounts() {
                    if let Some(bits) = covered.sets_in(account) {
                        scope.add(account, bits.clone());
                    }
                }
                scope.groups.clone_from(covered.groups());
            }
            SweepReach::All => {
                let every = SetBits::of(directory, |_, _| true);
                let active = directory.accounts().iter().filter(|it| it.active);
                for account in active {
                    scope.add(&account.id, every.clone());
                }
                let groups = directory.groups().iter();
                scope.groups = groups.map(|group| group.id.clone()).collect();
            }
        }
        if let Some(account) = out_of_reach
            && scope.remove(account)
        {
            let account = account.clone();
            scope.left_out.push(LeftOut::ManagementAccount { account });
        }
        let inactive = directory.accounts().iter().filter(|it| !it.active).count();
        if inactive > 0 {
            let count = u64::try_from(inactive).unwrap_or(u64::MAX);
            scope.left_out.push(LeftOut::InactiveAccounts { count });
        }
        scope.left_out.push(LeftOut::Entitlements);
        scope
    }

    /// Excludes groups with separate management.
    #[must_use]
    pub fn without_groups<'a>(mut self, groups: impl IntoIterator<Item = &'a GroupId>) -> Self {
        let before = self.groups.len();
        for group in groups {
            self.groups.remove(group);
        }
        let count = u64::try_from(before - self.groups.len()).unwrap_or(u64::MAX);
        if count > 0 {
            self.left_out.push(LeftOut::SyncedGroups { count });
        }
        self
    }

    /// Excludes all groups: one has separate management but is unknown.
    #[must_use]
    pub fn without_any_group(mut self) -> Self {
        let count = u64::try_from(self.groups.len()).unwrap_or(u64::MAX);
        self.groups.clear();
        if count > 0 {
            self.left_out.push(LeftOut::AllGroups { count });
        }
        self
    }

    pub fn of_targets<'a>(
        targets: impl IntoIterator<Item = &'a Target>,
        directory: &Directory,
    ) -> Self {
        let mut scope = Self::of_sets(directory);
        for target in targets {
            match target {
                Target::Account {
                    account,
                    permission_set,
                } => {
                    let wanted = scope.places.get(permission_set).copied();
                    let bits = SetBits::of(directory, |place, _| Some(place) == wanted);
                    scope.add(account, bits);
                }
                Target::Group { group } => {
                    scope.groups.insert(group.clone());
                }
            }
        }
        scope
    }

    fn of_sets(directory: &Directory) -> Self {
        let sets: Vec<PermissionSetArn> = directory
            .permission_sets()
            .iter()
            .map(|set| set.arn.clone())
            .collect();
        let places = sets.iter().cloned().zip(0..).collect();
        Self {
            sets,
            places,
            ..Self::default()
        }
    }

    fn add(&mut self, account: &AccountId, bits: SetBits) {
        let place = self.account_places.get(account);
        if let Some((_, known)) = place.and_then(|place| self.accounts.get_mut(*place)) {
            known.add(&bits);
        } else {
            let place = self.accounts.len();
            self.account_places.insert(account.clone(), place);
            self.accounts.push((account.clone(), bits));
        }
    }

    fn remove(&mut self, account: &AccountId) -> bool {
        let Some(place) = self.account_places.get(account).copied() else {
            return false;
        };
        let nothing = self.accounts.get_mut(place);
        if let Some((_, bits)) = nothing {
            *bits = SetBits::default();
        }
        true
    }

    pub fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        let with_pairs = self.accounts.iter().filter(|(_, bits)| !bits.is_empty());
        with_pairs.map(|(account, _)| account)
    }

    pub fn permission_sets(&self) -> Vec<&PermissionSetArn> {
        let mut all: Option<SetBits> = None;
        let with_pairs = self.accounts.iter().filter(|(_, bits)| !bits.is_empty());
        for (_, bits) in with_pairs {
            match &mut all {
                Some(all) => all.add(bits),
                None => all = Some(bits.clone()),
            }
        }
        let all = all.unwrap_or_default();
        all.places()
            .filter_map(|place| self.sets.get(place))
            .collect()
    }

    pub fn covers(&self, account: &AccountId, set: &PermissionSetArn) -> bool {
        let account = self.account_places.get(account);
        let bits = account.and_then(|place| self.accounts.get(*place));
        let place = self.places.get(set);
        bits.zip(place)
            .is_some_and(|((_, bits), place)| bits.contains(*place))
    }

    pub fn contains(&self, target: &Target) -> bool {
        match target {
            Target::Account {
                account,
                permission_set,
            } => self.covers(account, permission_set),
            Target::Group { group } => self.groups.contains(group),
        }
    }

    pub fn groups(&self) -> &BTreeSet<GroupId> {
        &self.groups
    }

    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.accounts().next().is_none()
    }
}

/// A failed read (promise P9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    #[serde(flatten)]
    pub what: UnreadPlace,
    pub error: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "unread", rename_all = "snake_case")]
pub enum UnreadPlace {
    Account {
        account: AccountId,
    },
    PermissionSet {
        permission_set: PermissionSetArn,
    },
    Pair {
        account: AccountId,
        permission_set: PermissionSetArn,
    },
    Group {
        group: GroupId,
    },
    Entitlements {
        /// `None` if not even the application was readable.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<AccountId>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupAssignmentKey {
    pub account: AccountId,
    pub permission_set: PermissionSetArn,
    pub group: GroupId,
}

impl GroupAssignmentKey {
    pub fn target(&self) -> Target {
        Target::Account {
            account: self.account.clone(),
            permission_set: self.permission_set.clone(),
        }
    }
}

impl fmt::Display for GroupAssignmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            account,
            permission_set,
            group,
        } = self;
        write!(f, "{account} {permission_set} {group}")
    }
}

#[derive(Clone, Debug, Default)]
pub struct StandingListing {
    pub began: Timestamp,
    pub ended: Timestamp,
    /// Holdings, with the start of the listing that shows each.
    pub seen: BTreeMap<HoldKey, Timestamp>,
    pub pairs_read: u64,
    pub groups_read: u64,
    /// Never acted on.
    pub group_assignments: BTreeSet<GroupAssignmentKey>,
    /// `None` if not read.
    pub entitlements: Option<Vec<Entitlement>>,
    pub unread: Vec<Unread>,
}

#[derive(Clone, Debug, Default)]
pub struct EntitlementListing {
    pub seen: Vec<Entitlement>,
    pub unread: Vec<Unread>,
}

#[derive(Clone, Debug, Default)]
pub struct NotRead<'a> {
    accounts: BTreeSet<&'a AccountId>,
    sets: BTreeSet<&'a PermissionSetArn>,
    pairs: BTreeSet<(&'a AccountId, &'a PermissionSetArn)>,
    groups: BTreeSet<&'a GroupId>,
}

impl StandingListing {
    pub fn not_read(&self) -> NotRead<'_> {
        let mut found = NotRead::default();
        for unread in &self.unread {
            match &unread.what {
                UnreadPlace::Account { account } => {
                    found.accounts.insert(account);
                }
                UnreadPlace::PermissionSet { permission_set } => {
                    found.sets.insert(permission_set);
                }
                UnreadPlace::Pair {
                    account,
                    permission_set,
                } => {
                    found.pairs.insert((account, permission_set));
                }
                UnreadPlace::Group { group } => {
                    found.groups.insert(group);
                }
                // Hides no assignment.
                UnreadPlace::Entitlements { .. } => {}
            }
        }
        found
    }

    /// Whether nothing was readable, though the scope is not empty.
    pub fn is_blind(&self) -> bool {
        self.pairs_read == 0 && self.groups_read == 0 && !self.unread.is_empty()
    }
}

impl NotRead<'_> {
    pub fn contains(&self, target: &Target) -> bool {
        match target {
            Target::Account {
                account,
                permission_set,
            } => {
                self.accounts.contains(account)
                    || self.sets.contains(permission_set)
                    || self.pairs.contains(&(account, permission_set))
            }
            Target::Group { group } => self.groups.contains(group),
        }
    }
}
