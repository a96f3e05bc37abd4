//! Audit records of tokens, sessions and sign-ins, by owners and by operators.

use hallpass_audit::{Draft, Event, Origin};
use hallpass_base::{AuditId, Email, TimeSpan, Timestamp, TokenId, UserId};

use crate::identity::{Owner, WhichSessions};

#[derive(Clone, Copy, Debug)]
pub struct IdentityRecord {
    pub id: AuditId,
    pub at: Timestamp,
}

impl IdentityRecord {
    pub fn token_made(self, owner: &Owner, scopes: &[String], ttl: TimeSpan) -> Draft {
        self.by(Event::TokenCreated, owner.email.as_str(), Origin::Cli)
            .actor_user(&owner.user)
            .unresolved(owner.email.as_str(), &token_words(scopes, ttl))
            .user(&owner.user)
    }

    pub fn token_made_by_operator(self, owner: &Owner, scopes: &[String], ttl: TimeSpan) -> Draft {
        self.by_operator(Event::TokenCreated)
            .unresolved(owner.email.as_str(), &token_words(scopes, ttl))
            .user(&owner.user)
    }

    pub fn token_given_back(self, email: &Email, user: Option<&UserId>, token: TokenId) -> Draft {
        let record = self
            .by(Event::TokenRevoked, email.as_str(), Origin::Cli)
            .why(&token.to_string());
        match user {
            Some(user) => record.actor_user(user).user(user),
            None => record,
        }
    }

    pub fn own_token_revoked(self, owner: &Owner, origin: Origin, token: TokenId) -> Draft {
        self.of_own(Event::TokenRevoked, owner, origin)
            .why(&token.to_string())
    }

    pub fn token_revoked_by_operator(self, token: TokenId) -> Draft {
        self.by_operator(Event::TokenRevoked)
            .why(&token.to_string())
    }

    pub fn own_sessions_ended(self, owner: &Owner, origin: Origin, which: &str) -> Draft {
        self.of_own(Event::SessionsEnded, owner, origin).why(which)
    }

    pub fn sessions_ended_by_operator(self, user: &UserId) -> Draft {
        self.by_operator(Event::SessionsEnded)
            .user(user)
            .why(&WhichSessions::All.words())
    }

    pub fn sessions_ended_by_provider(self, user: &UserId, issuer: &str) -> Draft {
        self.by(Event::SessionsEnded, "hallpass", Origin::System)
            .user(user)
            .why(&format!("signed out at {issuer}"))
    }

    pub fn sign_in_bound(self, owner: &Owner, subject: &str, issuer: &str) -> Draft {
        self.of_sign_in(Event::SignInBound, owner, subject, issuer)
            .actor_user(&owner.user)
    }

    pub fn signed_in_by_link(self, owner: &Owner) -> Draft {
        self.of_own(Event::SignInByLink, owner, Origin::Web)
    }

    pub fn sign_in_refused(self, owner: &Owner, subject: &str, issuer: &str, error: &str) -> Draft {
        self.of_sign_in(Event::SignInRefused, owner, subject, issuer)
            .error(error)
    }

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
