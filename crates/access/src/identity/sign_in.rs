//! Binds provider sign-ins to users of the directory.

use hallpass_base::UserId;
use hallpass_rules::Directory;

/// Issuer and subject identify a person permanently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    pub issuer: String,
    pub subject: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Bound to the user, now or before.
    Theirs,
    Anothers,
    /// The user has another sign-in at this provider.
    TheyHaveAnother,
    /// Unbound, and the owner of the address could not be verified: it stays unbound.
    NotAsked,
}

#[derive(Clone, Copy, Debug)]
pub struct FoundIn<'a> {
    pub people: &'a Directory,
    /// The user was just verified at AWS. Otherwise the address may belong to another user by now,
    /// and the sign-in would be bound wrongly forever.
    pub is_asked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInClaim {
    Theirs,
    /// Unbound, or its user left the directory: the sign-in is bound.
    Free,
    Anothers,
    /// Unbound, but the user has another sign-in at this provider.
    TheyHaveAnother,
}

impl SignInClaim {
    /// Checks the claim of `user` on `subject`, among sign-ins of one provider that have either.
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
        for (near, expected) in [
            (vec![], SignInClaim::Free),
            (vec![("s", 1)], SignInClaim::Theirs),
            (vec![("s", 1), ("t", 1)], SignInClaim::Theirs),
            (vec![("s", 2)], SignInClaim::Anothers),
            (vec![("s", 2), ("t", 1)], SignInClaim::Anothers),
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
