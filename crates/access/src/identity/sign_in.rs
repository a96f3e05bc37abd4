//! Sign-ins at providers: whose one is, when a user of the directory comes with it.

use hallpass_base::UserId;
use hallpass_rules::Directory;

/// A sign-in at a provider: issuer and subject tell people apart there, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// The provider.
    pub issuer: String,
    /// The person's identifier there.
    pub subject: String,
}

/// Whether a sign-in is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It is theirs, from now on or since before.
    Theirs,
    /// It belongs to another user of the directory.
    Anothers,
    /// They have another one of this provider.
    TheyHaveAnother,
    /// It is nobody's, and whose the address is could not be asked: it becomes nobody's either.
    NotAsked,
}

/// Where the person of an address was found.
#[derive(Clone, Copy, Debug)]
pub struct FoundIn<'a> {
    /// The newest directory.
    pub people: &'a Directory,
    /// Whether AWS was asked about the person just now. Without that the address may be somebody else's by now, who would
    /// be bound to this person for ever.
    pub is_asked: bool,
}

/// Whose a sign-in at a provider is, when a user of the directory comes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInClaim {
    /// Theirs, as before.
    Theirs,
    /// Nobody's, or of somebody who is gone from the directory: it becomes theirs.
    Free,
    /// Another user's of the directory.
    Anothers,
    /// Nobody's, but they have another one at this provider.
    TheyHaveAnother,
}

impl SignInClaim {
    /// The claim of `user` on `subject`, among the sign-ins of one provider that have either.
    pub fn of(user: &UserId, subject: &str, near: &[(&str, &UserId)], people: &Directory) -> Self {
        let known = near.iter().find(|(other, _)| *other == subject);
        let is_free = known.is_none_or(|(_, owner)| people.person(owner).is_none());
        if known.is_some_and(|(_, owner)| *owner == user) {
            Self::Theirs
        } else if !is_free {
            Self::Anothers
        } else if near.iter().any(|(other, _)| *other != subject) {
            Self::TheyHaveAnother
        } else {
            Self::Free
        }
    }
}

#[cfg(test)]
mod tests {
    use hallpass_rules::directory::{Person, Snapshot};

    use super::*;

    fn user(n: u8) -> UserId {
        let id = format!("0000000{n}-0000-4000-8000-000000000000");
        id.parse().unwrap()
    }

    #[test]
    fn a_sign_in_belongs_to_one_user_and_a_user_has_one() {
        let people = Directory::new(Snapshot {
            people: [1, 2]
                .map(|n| Person {
                    user_id: user(n),
                    user_name: n.to_string(),
                    display_name: String::new(),
                    emails: Vec::new(),
                    enabled: true,
                    attributes: hallpass_rules::PersonAttributes::default(),
                })
                .into(),
            ..Snapshot::default()
        });
        // who comes with `s`, and whose the provider's sign-ins were before
        for (near, expected) in [
            (vec![], SignInClaim::Free),
            (vec![("s", 1)], SignInClaim::Theirs),
            (vec![("s", 1), ("t", 1)], SignInClaim::Theirs),
            (vec![("s", 2)], SignInClaim::Anothers),
            (vec![("s", 2), ("t", 1)], SignInClaim::Anothers),
            // the third is gone from the directory
            (vec![("s", 3)], SignInClaim::Free),
            (vec![("s", 3), ("t", 1)], SignInClaim::TheyHaveAnother),
            (vec![("t", 1)], SignInClaim::TheyHaveAnother),
        ] {
            let users: Vec<_> = near.iter().map(|(it, n)| (*it, user(*n))).collect();
            let rows: Vec<_> = users.iter().map(|(it, user)| (*it, user)).collect();
            let found = SignInClaim::of(&user(1), "s", &rows, &people);
            assert_eq!(found, expected, "{near:?}");
        }
    }
}
