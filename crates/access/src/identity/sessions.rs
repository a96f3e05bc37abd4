//! Sessions of signed-in people, and their port.
//!
//! A session is found by the SHA-256 of its cookie's secret, so a copy of the store opens none.

use std::net::IpAddr;

use async_trait::async_trait;
use hallpass_audit::Origin;
use hallpass_base::{Email, Timestamp, UserId};

use crate::identity::{Authentication, Bound, FoundIn, Identifier, Owner, tokens::hash_secret};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    Persona,
    /// By a one-time link, before a provider was configured.
    Link,
    Oidc {
        issuer: String,
        subject: String,
        /// The provider's session, for back-channel logout.
        sid: Option<String>,
        /// The raw ID token, required by the provider at logout.
        id_token: Option<String>,
        auth_time: Option<Timestamp>,
        acr: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSession {
    /// Lower-case hex SHA-256 of its secret.
    pub hash: String,
    pub user: Email,
    /// `None` for sessions from before ids were stored; they belong to no one.
    pub user_id: Option<UserId>,
    pub secondary_domain: bool,
    pub signed_in: SignedIn,
    pub began_at: Timestamp,
    pub seen_at: Timestamp,
    pub renewed_at: Timestamp,
    /// Absolute end.
    pub ends_at: Timestamp,
    pub browsing: Browsing,
    /// CSRF token of forms. It survives secret renewal, so that open pages keep working.
    pub csrf: String,
    pub previous: Option<String>,
    pub next: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Browsing {
    pub address: Option<IpAddr>,
    /// User agent; unverified.
    pub agent: String,
}

impl WebSession {
    /// Id in lists. Does not reveal the secret, and survives renewal.
    pub fn id(&self) -> String {
        let whose = self.user_id.as_ref().map_or("", UserId::as_str);
        let hash = hash_secret(&format!("the name of a session\n{whose}\n{}", self.csrf));
        format!("ses_{}", hash.get(..32).unwrap_or_default())
    }

    pub fn owner(&self) -> Option<Owner> {
        Some(Owner {
            user: self.user_id.clone()?,
            email: self.user.clone(),
            secondary_domain: self.secondary_domain,
        })
    }

    /// `None` if the sign-in is not proven.
    pub fn authentication(&self) -> Option<Authentication> {
        match &self.signed_in {
            SignedIn::Persona | SignedIn::Link => Some(Authentication {
                at: self.began_at,
                acr: None,
            }),
            SignedIn::Oidc { auth_time, acr, .. } => Some(Authentication {
                at: (*auth_time)?,
                acr: acr.clone(),
            }),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichSessions {
    One(String),
    AllBut(String),
    All,
}

impl WhichSessions {
    pub fn means(&self, session: &WebSession) -> bool {
        match self {
            Self::One(id) => session.id() == *id,
            Self::AllBut(id) => session.id() != *id,
            Self::All => true,
        }
    }

    pub fn words(&self) -> String {
        match self {
            Self::One(id) => id.clone(),
            Self::AllBut(id) => format!("all but {id}"),
            Self::All => "all".to_owned(),
        }
    }
}

#[async_trait]
pub trait SessionStore: Send + Sync {
    async fn begin(&self, session: &WebSession) -> Result<(), SessionFault>;
    /// Finds a session by the hash of its secret, also if ended.
    async fn by_hash(&self, hash: &str) -> Result<Option<WebSession>, SessionFault>;
    /// Replaces `was` with `session`, which has the same secret. Returns `false`, without effect,
    /// if the stored session differs from `was`.
    async fn replace(&self, was: &WebSession, session: &WebSession) -> Result<bool, SessionFault>;
    /// Renews the secret: replaces `was` with `old` and adds `new`, atomically. `false` as for
    /// [`SessionStore::replace`].
    async fn renew(
        &self,
        was: &WebSession,
        old: &WebSession,
        new: &WebSession,
    ) -> Result<bool, SessionFault>;
    /// Ends a session under each of its secrets, including newer ones.
    async fn end(&self, session: &WebSession) -> Result<(), SessionFault>;
    /// Binds a sign-in to a user if it is unbound or its user has left the directory. A mismatch is
    /// recorded too. Nothing is bound while AWS cannot be queried.
    async fn bind(
        &self,
        sign_in: &Identifier,
        owner: &Owner,
        found: FoundIn<'_>,
        now: Timestamp,
    ) -> Result<Bound, SessionFault>;
    async fn of_user(&self, user: &UserId) -> Result<Vec<WebSession>, SessionFault>;
    /// Ends the owner's sessions, with an audit record if any existed; returns the number of
    /// secrets. A session renewed concurrently ends too.
    async fn end_own(
        &self,
        owner: &Owner,
        which: WhichSessions,
        origin: Origin,
        now: Timestamp,
    ) -> Result<u64, SessionFault>;
    /// Ends sessions at a provider's logout: by its session `sid`, else by `subject`, with an audit
    /// record per affected user. Returns their number.
    async fn end_at_provider(
        &self,
        issuer: &str,
        subject: Option<&str>,
        sid: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, SessionFault>;
    /// Deletes sessions that ended before `now`.
    async fn prune(&self, now: Timestamp) -> Result<(), SessionFault>;
}

impl SignedIn {
    pub fn is_meant(&self, at: &str, who: Option<&str>, session: Option<&str>) -> bool {
        let Self::Oidc {
            issuer,
            subject,
            sid,
            ..
        } = self
        else {
            return false;
        };
        let same_person = who.is_none_or(|who| who == subject);
        // a session without a known `sid` matches any logout of its user
        let same_session = match (session, sid.as_deref()) {
            (None, _) => true,
            (Some(session), Some(sid)) => session == sid,
            (Some(_), None) => who.is_some(),
        };
        let named = who.is_some() || session.is_some();
        named && at == issuer && same_person && same_session
    }
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("sessions cannot be reached: {0}")]
pub struct SessionFault(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_ends_the_sessions_it_names() {
        let signed_in = SignedIn::Oidc {
            issuer: "https://id".to_owned(),
            subject: "u1".to_owned(),
            sid: Some("s1".to_owned()),
            id_token: None,
            auth_time: None,
            acr: None,
        };
        for (at, who, session, meant) in [
            ("https://id", Some("u1"), None, true),
            ("https://id", None, Some("s1"), true),
            ("https://id", Some("u1"), Some("s1"), true),
            ("https://id", Some("u1"), Some("s2"), false),
            ("https://id", Some("u2"), Some("s1"), false),
            ("https://id", None, None, false),
            ("https://other", Some("u1"), None, false),
        ] {
            let found = signed_in.is_meant(at, who, session);
            assert_eq!(found, meant, "{at} {who:?} {session:?}");
        }
        assert!(!SignedIn::Persona.is_meant("https://id", Some("u1"), None));
    }

    #[test]
    fn of_a_session_whose_sid_is_not_known_the_person_says_whether_it_ends() {
        let signed_in = SignedIn::Oidc {
            issuer: "https://id".to_owned(),
            subject: "u1".to_owned(),
            sid: None,
            id_token: None,
            auth_time: None,
            acr: None,
        };
        for (at, who, session, meant) in [
            ("https://id", Some("u1"), Some("s1"), true),
            ("https://id", Some("u1"), None, true),
            ("https://id", Some("u2"), Some("s1"), false),
            ("https://id", None, Some("s1"), false),
            ("https://other", Some("u1"), Some("s1"), false),
        ] {
            let found = signed_in.is_meant(at, who, session);
            assert_eq!(found, meant, "{at} {who:?} {session:?}");
        }
    }
}
