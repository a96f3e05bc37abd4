//! What people may have been given beside what Hallpass gave them: ends that AWS enforces are looked at again, so that nobody
//! is refused what they rightly hold (`access.md` §21, A-4). It says where to look, and never what to do.

use std::collections::BTreeSet;

use hallpass_base::{AccountId, HoldKey, PermissionSetArn, Target, UserId};

use crate::StandingListing;

/// What was given by somebody else, or in another way, as far as it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenOtherwise {
    /// Permission sets that groups have in accounts: whoever is in one of them may have it so.
    pub to_groups: BTreeSet<(AccountId, PermissionSetArn)>,
    /// What people have themselves. Of what Hallpass gave nothing follows: an assignment is somebody else's where ours is gone.
    pub to_people: BTreeSet<HoldKey>,
    /// People who came into a group.
    pub members: BTreeSet<UserId>,
}

impl GivenOtherwise {
    /// What a listing shows.
    pub fn of_listing(listing: &StandingListing) -> Self {
        let mut given = Self {
            to_groups: listing.of_groups.clone(),
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

    /// Both.
    pub fn extend(&mut self, other: Self) {
        self.to_groups.extend(other.to_groups);
        self.to_people.extend(other.to_people);
        self.members.extend(other.members);
    }

    /// Whether nothing was given to anybody.
    pub fn is_empty(&self) -> bool {
        self.to_groups.is_empty() && self.to_people.is_empty() && self.members.is_empty()
    }

    /// Whether this person may have this in another way by it, where what we gave is `gone`.
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

/// When AWS shows what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownBy {
    /// It was seen there.
    Now,
    /// It was asked for, or may be shown by one listing and not yet by another.
    Soon,
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let group = GivenOtherwise {
            to_groups: BTreeSet::from([(account(1), set.clone())]),
            ..GivenOtherwise::default()
        };
        let own = GivenOtherwise {
            to_people: BTreeSet::from([key(1, 1)]),
            ..GivenOtherwise::default()
        };
        let member = GivenOtherwise {
            members: BTreeSet::from([user(1)]),
            ..GivenOtherwise::default()
        };
        let table = [
            (&group, key(1, 1), false, true, "whoever is in the group"),
            (&group, key(2, 1), false, true, "and nobody says who is"),
            (&group, key(1, 2), false, false, "another account"),
            (&own, key(1, 1), false, false, "what we gave ourselves"),
            (&own, key(1, 1), true, true, "given when ours was gone"),
            (&own, key(2, 1), true, false, "somebody else"),
            (&member, key(1, 2), false, true, "whatever the group has"),
            (&member, key(2, 2), true, false, "who did not come into it"),
            (&member, in_group.clone(), false, false, "a membership"),
        ];
        for (given, key, gone, expected, row) in table {
            assert_eq!(given.is_about(&key, gone), expected, "{row}");
        }
        assert!(GivenOtherwise::default().is_empty() && !member.is_empty());
        let mut listing = StandingListing {
            of_groups: group.to_groups.clone(),
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
        assert_eq!(GivenOtherwise::of_listing(&listing), all);
    }
}
