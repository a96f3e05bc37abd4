//! Tokens, sessions and sign-ins: whose a sign-in is, and what the log says of what people do with their
//! own and operators with anybody's.

use hallpass_audit::{Draft, Event, Origin};
use hallpass_model::{AuditId, Email, TimeSpan, Timestamp, TokenId, UserId};

use crate::{Directory, Owner};

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

/// A record that is about to be written about somebody's tokens, sessions or sign-ins.
#[derive(Clone, Copy, Debug)]
pub struct IdentityRecord {
    /// Its id.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
}

impl IdentityRecord {
    /// Somebody made a token for themselves, when the command line signed them in.
    pub fn token_made(self, owner: &Owner, scopes: &[String], ttl: TimeSpan) -> Draft {
        self.by(Event::TokenCreated, owner.email.as_str(), Origin::Cli)
            .actor_user(&owner.user)
            .unresolved(owner.email.as_str(), &token_words(scopes, ttl))
            .user(&owner.user)
    }

    /// An operator made a token for somebody.
    pub fn token_made_by_operator(self, owner: &Owner, scopes: &[String], ttl: TimeSpan) -> Draft {
        self.by_operator(Event::TokenCreated)
            .unresolved(owner.email.as_str(), &token_words(scopes, ttl))
            .user(&owner.user)
    }

    /// The command line gave its token back. Tokens from before user ids were kept have none.
    pub fn token_given_back(self, email: &Email, user: Option<&UserId>, token: TokenId) -> Draft {
        let record = self
            .by(Event::TokenRevoked, email.as_str(), Origin::Cli)
            .why(&token.to_string());
        match user {
            Some(user) => record.actor_user(user).user(user),
            None => record,
        }
    }

    /// Somebody revoked a token of their own.
    pub fn own_token_revoked(self, owner: &Owner, origin: Origin, token: TokenId) -> Draft {
        self.of_own(Event::TokenRevoked, owner, origin)
            .why(&token.to_string())
    }

    /// An operator revoked a token.
    pub fn token_revoked_by_operator(self, token: TokenId) -> Draft {
        self.by_operator(Event::TokenRevoked)
            .why(&token.to_string())
    }

    /// Somebody ended sessions of their own; `which` says which.
    pub fn own_sessions_ended(self, owner: &Owner, origin: Origin, which: &str) -> Draft {
        self.of_own(Event::SessionsEnded, owner, origin).why(which)
    }

    /// A sign-in became somebody's.
    pub fn sign_in_bound(self, owner: &Owner, subject: &str, issuer: &str) -> Draft {
        self.of_sign_in(Event::SignInBound, owner, subject, issuer)
            .actor_user(&owner.user)
    }

    /// Somebody came with a sign-in that is not theirs.
    pub fn sign_in_refused(self, owner: &Owner, subject: &str, issuer: &str, error: &str) -> Draft {
        self.of_sign_in(Event::SignInRefused, owner, subject, issuer)
            .error(error)
    }

    /// An operator made a sign-in nobody's again.
    pub fn sign_in_forgotten(self, user: &UserId, subject: &str, issuer: &str) -> Draft {
        self.by_operator(Event::SignInForgotten)
            .user(user)
            .why(&sign_in_words(subject, issuer))
    }

    fn by(self, event: Event, who: &str, origin: Origin) -> Draft {
        Draft::new(self.id, event, self.at, who, origin)
    }

    fn by_operator(self, event: Event) -> Draft {
        self.by(event, "operator", Origin::Cli)
    }

    fn of_own(self, event: Event, owner: &Owner, origin: Origin) -> Draft {
        self.by(event, owner.email.as_str(), origin)
            .actor_user(&owner.user)
            .user(&owner.user)
    }

    fn of_sign_in(self, event: Event, owner: &Owner, subject: &str, issuer: &str) -> Draft {
        self.by(event, owner.email.as_str(), Origin::Web)
            .person(&owner.user, &owner.email)
            .why(&sign_in_words(subject, issuer))
    }
}

fn token_words(scopes: &[String], ttl: TimeSpan) -> String {
    format!("{} for {ttl}", scopes.join(" "))
}

fn sign_in_words(subject: &str, issuer: &str) -> String {
    format!("{subject} at {issuer}")
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
