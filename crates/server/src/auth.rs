//! Who calls: a bearer token becomes a person of today's directory with today's roles.
//!
//! Tokens are stored as SHA-256 of their secret (256 random bits, so no salt or stretching is
//! needed) and looked up by it: nothing secret is compared in Rust.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_lc_rs::digest;
use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use hallpass_access::{AccessError, Actor, Directory, Origin, PressRefused, Role};
use hallpass_model::{Email, Timestamp};
use hallpass_rules::directory::{NotOnePerson, Person};
use serde::{Deserialize, Serialize};

use crate::{App, problem::Failure};

/// What a token allows, on top of what its person may do anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Reading.
    Read,
    /// Asking, releasing, extending.
    Request,
    /// Approving, denying, discarding, revoking.
    Review,
    /// What needs the role of an administrator.
    Admin,
}

impl Scope {
    /// Every scope: what a person's own token has by default.
    pub const ALL: [Self; 4] = [Self::Read, Self::Request, Self::Review, Self::Admin];

    /// The scope's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Request => "request",
            Self::Review => "review",
            Self::Admin => "admin",
        }
    }

    /// The scope of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// A stored token.
#[derive(Clone, Debug)]
pub struct TokenFacts {
    /// Whose it is.
    pub user: Email,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Tokens could not be looked up.
#[derive(Clone, Debug, thiserror::Error)]
#[error("tokens cannot be read: {0}")]
pub struct TokenFault(pub String);

/// Where tokens are.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The token whose secret has this hash (lower-case hex SHA-256).
    async fn token_by_hash(&self, hash: &str) -> Result<Option<TokenFacts>, TokenFault>;
}

/// The stored form of a token's secret.
pub fn hash_secret(secret: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, secret.as_bytes()))
}

/// Who has which role, and how addresses map to people.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Administrators: `group:NAME` or an e-mail.
    pub admins: Vec<String>,
    /// Auditors.
    pub auditors: Vec<String>,
    /// Operators.
    pub operators: Vec<String>,
    /// Domains tried, in order, when nobody has an address; without the `@`.
    pub fallback_domains: Vec<String>,
    /// The access portal, for console links.
    pub portal_url: String,
    /// Region of IAM Identity Center, for CLI profiles.
    pub region: String,
}

impl Identity {
    /// Groups that roles refer to: their members must be read.
    pub fn role_groups(&self) -> BTreeSet<String> {
        [&self.admins, &self.auditors, &self.operators]
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.strip_prefix("group:"))
            .map(str::to_owned)
            .collect()
    }

    /// The person an address belongs to today, with their roles (`access.md` §11.5).
    ///
    /// # Errors
    /// When the address is more than one person's.
    pub fn actor(
        &self,
        email: &Email,
        origin: Origin,
        directory: &Directory,
    ) -> Result<Actor, NotOnePerson> {
        let (person, secondary_domain) = match directory.person_by_email(email) {
            Ok(person) => (Some(person), false),
            Err(NotOnePerson::Ambiguous) => return Err(NotOnePerson::Ambiguous),
            Err(NotOnePerson::None) => match self.by_fallback(email, directory)? {
                Some(person) => (Some(person), true),
                None => (None, false),
            },
        };
        let person = person.filter(|person| person.enabled);
        let roles = [
            (Role::Admin, &self.admins),
            (Role::Auditor, &self.auditors),
            (Role::Operator, &self.operators),
        ];
        Ok(Actor {
            user: person.map(|person| person.user_id.clone()),
            email: person
                .and_then(|person| person.emails.first())
                .unwrap_or(email)
                .clone(),
            name: person
                .map(|person| person.display_name.clone())
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| email.to_string()),
            roles: roles
                .into_iter()
                .filter(|(_, entries)| person.is_some_and(|p| holds(p, entries, directory)))
                .map(|(role, _)| role)
                .collect(),
            origin,
            secondary_domain,
        })
    }

    fn by_fallback<'a>(
        &self,
        email: &Email,
        directory: &'a Directory,
    ) -> Result<Option<&'a Person>, NotOnePerson> {
        for domain in &self.fallback_domains {
            let Ok(other) = Email::new(&format!("{}@{domain}", email.local_part())) else {
                continue;
            };
            match directory.person_by_email(&other) {
                Ok(person) => return Ok(Some(person)),
                Err(NotOnePerson::Ambiguous) => return Err(NotOnePerson::Ambiguous),
                Err(NotOnePerson::None) => {}
            }
        }
        Ok(None)
    }
}

fn holds(person: &Person, entries: &[String], directory: &Directory) -> bool {
    entries
        .iter()
        .any(|entry| match entry.strip_prefix("group:") {
            Some(name) => directory
                .group_by_name(name)
                .and_then(|group| group.members.as_ref())
                .is_some_and(|members| members.contains(&person.user_id)),
            None => Email::new(entry).is_ok_and(|email| person.emails.contains(&email)),
        })
}

/// An authenticated caller.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) scopes: BTreeSet<Scope>,
    pub(crate) expires_at: Timestamp,
}

impl Caller {
    /// Refuses a call the token does not allow.
    pub(crate) fn allow(&self, any_of: &[Scope]) -> Result<&Actor, Failure> {
        if any_of.iter().any(|scope| self.scopes.contains(scope)) {
            Ok(&self.actor)
        } else {
            Err(missing(any_of))
        }
    }
}

impl Caller {
    pub(crate) fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// The caller as one who changes things: an administrator only with the scope for it, so that
    /// a token made for reviews does no more than an approver may.
    pub(crate) fn acting(&self) -> Actor {
        let mut actor = self.actor.clone();
        if !self.has(Scope::Admin) {
            actor.roles.remove(&Role::Admin);
        }
        actor
    }

    /// The failure of [`Caller::acting`], when the scope that is missing explains it.
    pub(crate) fn lacking(&self, error: AccessError) -> Failure {
        let was_admin = self.actor.is(Role::Admin) && !self.has(Scope::Admin);
        match error {
            AccessError::NotFound(_) | AccessError::Refused(PressRefused::NotYours)
                if was_admin =>
            {
                missing(&[Scope::Admin])
            }
            error => error.into(),
        }
    }
}

fn missing(any_of: &[Scope]) -> Failure {
    let names: Vec<&str> = any_of.iter().map(|scope| scope.name()).collect();
    let needed = names.join(" or ");
    Failure::forbidden(
        "missing-scope",
        format!("this token lacks the scope `{needed}`"),
    )
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let secret = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| secret.trim())
            .filter(|secret| !secret.is_empty())
            .ok_or_else(|| Failure::unauthorized("no bearer token was sent"))?;
        let facts = app
            .tokens
            .token_by_hash(&hash_secret(secret))
            .await
            .map_err(|fault| Failure::unavailable(&fault))?
            // unknown, expired and revoked are one answer: it tells a thief nothing
            .filter(|facts| facts.revoked_at.is_none() && app.clock.now() < facts.expires_at)
            .ok_or_else(|| Failure::unauthorized("the token is unknown, revoked or expired"))?;
        let origin = match parts
            .headers
            .get("x-hallpass-client")
            .map(axum::http::HeaderValue::as_bytes)
        {
            Some(b"cli") => Origin::Cli,
            _ => Origin::Api,
        };
        let directory = app.access.directory();
        let actor = app
            .identity
            .actor(&facts.user, origin, &directory)
            .map_err(|_| {
                Failure::forbidden(
                    "ambiguous-user",
                    "more than one person of the directory has your e-mail",
                )
            })?;
        Ok(Self {
            actor,
            scopes: facts.scopes,
            expires_at: facts.expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use hallpass_rules::directory::{Group, Snapshot};

    use super::*;

    fn person(n: u8, emails: &[&str], enabled: bool) -> Person {
        Person {
            user_id: format!("0000000{n}-0000-0000-0000-000000000000")
                .parse()
                .unwrap(),
            user_name: format!("person{n}"),
            display_name: String::new(),
            emails: emails
                .iter()
                .map(|email| Email::new(email).unwrap())
                .collect(),
            enabled,
        }
    }

    fn directory() -> Directory {
        let people = vec![
            person(1, &["ana@corp.example", "shared@corp.example"], true),
            person(2, &["Shared@Corp.example"], true),
            person(3, &["gone@corp.example"], false),
            person(4, &["shared@other.example", "dee@other.example"], true),
        ];
        let admins = Group {
            id: "99999999-8888-7777-6666-555555555555".parse().unwrap(),
            name: "admins".into(),
            members: people
                .iter()
                .take(1)
                .map(|person| Some(person.user_id.clone()))
                .collect(),
        };
        Directory::new(Snapshot {
            people,
            groups: vec![admins],
            ..Snapshot::default()
        })
    }

    /// `access.md` §11.5 and §16.22, as rows: address, who it is, through a fallback domain or not.
    #[test]
    fn an_address_is_one_person_or_nobody() {
        let identity = Identity {
            admins: vec!["group:admins".into()],
            fallback_domains: vec!["other.example".into()],
            ..Identity::default()
        };
        let rows = [
            ("ANA@corp.example", Ok((Some('1'), false))),
            ("shared@corp.example", Err(NotOnePerson::Ambiguous)),
            ("gone@corp.example", Ok((None, false))),
            ("nobody@corp.example", Ok((None, false))),
            ("dee@corp.example", Ok((Some('4'), true))),
        ];
        for (address, expected) in rows {
            let email = Email::new(address).unwrap();
            let found = identity.actor(&email, Origin::Api, &directory());
            let seen = found.map(|actor| {
                let number = actor.user.and_then(|user| user.as_str().chars().nth(7));
                (number, actor.secondary_domain)
            });
            assert_eq!(seen, expected, "{address}");
        }
        let ana = Email::new("ana@corp.example").unwrap();
        let actor = identity.actor(&ana, Origin::Api, &directory()).unwrap();
        assert!(actor.is(Role::Admin) && !actor.is(Role::Auditor));
    }
}
