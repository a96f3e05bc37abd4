//! Where a sweep looks, and what it read there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hallpass_base::{AccountId, GroupId, HoldKey, PermissionSetArn, Target, Timestamp};
use hallpass_rules::{Directory, Rules, SetBits};
use serde::{Deserialize, Serialize};

use super::SweepReach;
use crate::Entitlement;

/// What a sweep does not look at, and says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum LeftOut {
    /// Accounts that are not active: AWS changes nothing in them.
    InactiveAccounts {
        /// How many.
        count: u64,
    },
    /// The management account, which a delegated administrator cannot change.
    ManagementAccount {
        /// Its id.
        account: AccountId,
    },
    /// Entitlements of account access manager: access that no listing of assignments shows.
    Entitlements,
    /// Groups whose members follow attributes of people, which has a comparison of its own.
    SyncedGroups {
        /// How many.
        count: u64,
    },
    /// Every group: one whose members follow attributes is not found by the name that the configuration has, and may be
    /// any of them.
    AllGroups {
        /// How many.
        count: u64,
    },
}

/// Where a sweep looks: pairs of account and permission set, and groups.
#[derive(Clone, Debug, Default)]
pub struct StandingScope {
    /// Every permission set, in the directory's order.
    sets: Vec<PermissionSetArn>,
    places: HashMap<PermissionSetArn, usize>,
    accounts: Vec<(AccountId, SetBits)>,
    account_places: HashMap<AccountId, usize>,
    groups: BTreeSet<GroupId>,
    left_out: Vec<LeftOut>,
}

impl StandingScope {
    /// The scope of a sweep. Accounts that are not active, and the one that AWS does not let us
    /// change, are left out.
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

    /// The same without these groups, as something else sees to their members.
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

    /// The same without groups: one of them is seen to by something else, and nobody knows which.
    #[must_use]
    pub fn without_any_group(mut self) -> Self {
        let count = u64::try_from(self.groups.len()).unwrap_or(u64::MAX);
        self.groups.clear();
        if count > 0 {
            self.left_out.push(LeftOut::AllGroups { count });
        }
        self
    }

    /// Nothing but these targets.
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

    /// The accounts that have pairs in scope.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        let with_pairs = self.accounts.iter().filter(|(_, bits)| !bits.is_empty());
        with_pairs.map(|(account, _)| account)
    }

    /// The permission sets that are in scope in some account.
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

    /// Whether a pair is in scope.
    pub fn covers(&self, account: &AccountId, set: &PermissionSetArn) -> bool {
        let account = self.account_places.get(account);
        let bits = account.and_then(|place| self.accounts.get(*place));
        let place = self.places.get(set);
        bits.zip(place)
            .is_some_and(|((_, bits), place)| bits.contains(*place))
    }

    /// Whether a target is in scope.
    pub fn contains(&self, target: &Target) -> bool {
        match target {
            Target::Account {
                account,
                permission_set,
            } => self.covers(account, permission_set),
            Target::Group { group } => self.groups.contains(group),
        }
    }

    /// The groups in scope.
    pub fn groups(&self) -> &BTreeSet<GroupId> {
        &self.groups
    }

    /// What is left out of it.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.accounts().next().is_none()
    }
}

/// Something that could not be read (promise P9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// What could not be listed.
    #[serde(flatten)]
    pub what: UnreadPlace,
    /// What AWS said.
    pub error: String,
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "unread", rename_all = "snake_case")]
pub enum UnreadPlace {
    /// Which permission sets are in an account.
    Account {
        /// The account.
        account: AccountId,
    },
    /// Which accounts a permission set is in.
    PermissionSet {
        /// The permission set.
        permission_set: PermissionSetArn,
    },
    /// Who has a permission set in an account.
    Pair {
        /// The account.
        account: AccountId,
        /// The permission set.
        permission_set: PermissionSetArn,
    },
    /// Who is a member of a group.
    Group {
        /// The group.
        group: GroupId,
    },
    /// Which entitlements of account access manager there are.
    Entitlements {
        /// Of which account; none where not even the application could be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<AccountId>,
    },
}

/// What was read: every direct assignment of a user, and every member of a group, in scope.
#[derive(Clone, Debug, Default)]
pub struct StandingListing {
    /// When reading began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Who holds what, with the instant at which the listing that shows it began.
    pub seen: BTreeMap<HoldKey, Timestamp>,
    /// Pairs whose assignments were read.
    pub pairs_read: u64,
    /// Groups whose members were read.
    pub groups_read: u64,
    /// Assignments of groups in these pairs: told apart, and not touched.
    pub group_assignments: u64,
    /// The pairs that have some.
    pub of_groups: BTreeSet<(AccountId, PermissionSetArn)>,
    /// Entitlements of account access manager in the accounts of the scope; `None` where nobody looked.
    pub entitlements: Option<Vec<Entitlement>>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// What there is in accounts.
#[derive(Clone, Debug, Default)]
pub struct EntitlementListing {
    /// Each entitlement once.
    pub seen: Vec<Entitlement>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// What a listing did not read, to ask many times.
#[derive(Clone, Debug, Default)]
pub struct NotRead<'a> {
    accounts: BTreeSet<&'a AccountId>,
    sets: BTreeSet<&'a PermissionSetArn>,
    pairs: BTreeSet<(&'a AccountId, &'a PermissionSetArn)>,
    groups: BTreeSet<&'a GroupId>,
}

impl StandingListing {
    /// What of it could not be read.
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
                // no assignment is hidden by it
                UnreadPlace::Entitlements { .. } => {}
            }
        }
        found
    }

    /// Whether nothing at all could be read, though there was something to read.
    pub fn is_blind(&self) -> bool {
        self.pairs_read == 0 && self.groups_read == 0 && !self.unread.is_empty()
    }
}

impl NotRead<'_> {
    /// Whether a target was not read.
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
