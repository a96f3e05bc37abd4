//! Access given outside Hallpass: enforced ends are checked again, so that rightful access is not
//! denied (`access.md` §21, A-4). It names keys to check, never an action.

use std::collections::BTreeSet;

use hallpass_base::{AccountId, HoldKey, PermissionSetArn, Target, UserId};

use crate::StandingListing;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalAccess {
    /// Permission sets of groups in accounts: any member may have access.
    pub to_groups: BTreeSet<(AccountId, PermissionSetArn)>,
    /// Direct access of users. Grants count only once their assignment is deleted.
    pub to_people: BTreeSet<HoldKey>,
    /// Users added to a group.
    pub members: BTreeSet<UserId>,
}

impl ExternalAccess {
    pub fn of_listing(listing: &StandingListing) -> Self {
        let mut given = Self {
            to_groups: listing
                .group_assignments
                .iter()
                .map(|it| (it.account.clone(), it.permission_set.clone()))
                .collect(),
            ..Self::default()
        };
        for key in listing.seen.keys() {
            match &key.target {
                Target::Account { .. } => drop(given.to_people.insert(key.clone())),
                Target::Group { .. } => drop(given.members.insert(key.user.clone())),
            }
        }
        given
    }

    pub fn extend(&mut self, other: Self) {
        self.to_groups.extend(other.to_groups);
        self.to_people.extend(other.to_people);
        self.members.extend(other.members);
    }

    pub fn is_empty(&self) -> bool {
        self.to_groups.is_empty() && self.to_people.is_empty() && self.members.is_empty()
    }

    /// Whether the user may have this access from elsewhere, if the grant's access is `gone`.
    pub fn is_about(&self, key: &HoldKey, gone: bool) -> bool {
        let Target::Account {
            account,
            permission_set,
        } = &key.target
        else {
            return false;
        };
        let pair = (account.clone(), permission_set.clone());
        self.members.contains(&key.user)
            || self.to_groups.contains(&pair)
            || gone && self.to_people.contains(key)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownBy {
    Now,
    /// Requested, or visible in only some listings.
    Soon,
}

#[cfg(test)]
mod tests {
    use hallpass_base::GroupId;

    use super::*;
    use crate::GroupAssignmentKey;

    fn assigned(access: &ExternalAccess) -> BTreeSet<GroupAssignmentKey> {
        let group: GroupId = "00000000-0000-0000-0000-000000000008".parse().unwrap();
        let key = |(account, permission_set): &(AccountId, PermissionSetArn)| GroupAssignmentKey {
            account: account.clone(),
            permission_set: permission_set.clone(),
            group: group.clone(),
        };
        access.to_groups.iter().map(key).collect()
    }

    #[test]
    fn an_end_is_looked_at_for_what_may_give_its_person_the_same() {
        let account = |n: u64| -> AccountId { format!("{n:012}").parse().unwrap() };
        let set: PermissionSetArn =
            "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0000000000000001"
                .parse()
                .unwrap();
        let user = |n: u32| -> UserId {
            format!("{n:08}-0000-0000-0000-000000000000")
                .parse()
                .unwrap()
        };
        let key = |who: u32, at: u64| HoldKey {
            user: user(who),
            target: Target::Account {
                account: account(at),
                permission_set: set.clone(),
            },
        };
        let in_group = HoldKey {
            user: user(1),
            target: Target::Group {
                group: "00000000-0000-0000-0000-000000000009".parse().unwrap(),
            },
        };
        let group = ExternalAccess {
            to_groups: BTreeSet::from([(account(1), set.clone())]),
            ..ExternalAccess::default()
        };
        let own = ExternalAccess {
            to_people: BTreeSet::from([key(1, 1)]),
            ..ExternalAccess::default()
        };
        let member = ExternalAccess {
            members: BTreeSet::from([user(1)]),
            ..ExternalAccess::default()
        };
        let table = [
            (&group, key(1, 1), false, true, "a member of the group"),
            (&group, key(2, 1), false, true, "members are unknown"),
            (&group, key(1, 2), false, false, "another account"),
            (&own, key(1, 1), false, false, "what we gave ourselves"),
            (&own, key(1, 1), true, true, "given when ours was gone"),
            (&own, key(2, 1), true, false, "another user"),
            (&member, key(1, 2), false, true, "whatever the group has"),
            (&member, key(2, 2), true, false, "who did not come into it"),
            (&member, in_group.clone(), false, false, "a membership"),
        ];
        for (given, key, gone, expected, row) in table {
            assert_eq!(given.is_about(&key, gone), expected, "{row}");
        }
        assert!(ExternalAccess::default().is_empty() && !member.is_empty());
        let mut listing = StandingListing {
            group_assignments: assigned(&group),
            ..StandingListing::default()
        };
        for key in [key(1, 1), in_group] {
            listing
                .seen
                .insert(key, hallpass_base::Timestamp::UNIX_EPOCH);
        }
        let mut all = group;
        all.extend(own);
        all.extend(member);
        assert_eq!(ExternalAccess::of_listing(&listing), all);
    }
}
