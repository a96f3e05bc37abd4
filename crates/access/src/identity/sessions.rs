//! Sessions of signed-in people, and the port that keeps them.
//!
//! A session is found by the SHA-256 of the secret in a cookie, so a copy of the store opens none.

use std::net::IpAddr;

use async_trait::async_trait;
use hallpass_audit::Origin;
use hallpass_base::{Email, Timestamp, UserId};

use crate::identity::{Authentication, Bound, FoundIn, Identifier, Owner, tokens::hash_secret};

/// How a person proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// The demo's picker, on this machine only.
    Persona,
    /// An OpenID Connect provider.
    Oidc {
        /// Its issuer.
        issuer: String,
        /// The person's identifier there.
        subject: String,
        /// The provider's session, for back-channel logout.
        sid: Option<String>,
        /// The raw ID token, which the provider wants to see at logout.
        id_token: Option<String>,
        /// When they signed in there, if it says so (`auth_time`).
        auth_time: Option<Timestamp>,
        /// In which way, if it says so (`acr`).
        acr: Option<String>,
    },
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSession {
    /// Lower-case hex SHA-256 of its secret.
    pub hash: String,
    /// Whose it is, by the address they were found by.
    pub user: Email,
    /// Whose it is. A session from before this was kept is nobody's.
    pub user_id: Option<UserId>,
    /// Whether that was through a fallback e-mail domain.
    pub secondary_domain: bool,
    /// How they signed in.
    pub signed_in: SignedIn,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// When its secret was made.
    pub renewed_at: Timestamp,
    /// When it ends whatever happens.
    pub ends_at: Timestamp,
    /// The browser it began in, as far as that is known.
    pub browsing: Browsing,
    /// What forms of this session carry. It outlives the secret, so that a page that was open
    /// while the secret was replaced still works.
    pub csrf: String,
    /// The hash of the secret before this one.
    pub previous: Option<String>,
    /// The hash of the secret after this one, once there is one.
    pub next: Option<String>,
}

/// Where a session began: what its person can tell it by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Browsing {
    /// The address it came from.
    pub address: Option<IpAddr>,
    /// What the program said that it is. Anybody may say anything.
    pub agent: String,
}

impl WebSession {
    /// What it is called in lists. It says nothing of the secret, and stays when that is replaced.
    pub fn id(&self) -> String {
        let whose = self.user_id.as_ref().map_or("", UserId::as_str);
        let hash = hash_secret(&format!("the name of a session\n{whose}\n{}", self.csrf));
        format!("ses_{}", hash.get(..32).unwrap_or_default())
    }

    /// Whose it is.
    pub fn owner(&self) -> Option<Owner> {
        Some(Owner {
            user: self.user_id.clone()?,
            email: self.user.clone(),
            secondary_domain: self.secondary_domain,
        })
    }

    /// When and how its person signed in, as far as that is proven.
    pub fn authentication(&self) -> Option<Authentication> {
        match &self.signed_in {
            SignedIn::Persona => Some(Authentication {
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

/// Sessions of one person, by the names of [`WebSession::id`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichSessions {
    /// The one of this name.
    One(String),
    /// All but the one of this name.
    AllBut(String),
    /// All of them.
    All,
}

impl WhichSessions {
    /// Whether a session is meant.
    pub fn means(&self, session: &WebSession) -> bool {
        match self {
            Self::One(id) => session.id() == *id,
            Self::AllBut(id) => session.id() != *id,
            Self::All => true,
        }
    }

    /// In the words of the record.
    pub fn words(&self) -> String {
        match self {
            Self::One(id) => id.clone(),
            Self::AllBut(id) => format!("all but {id}"),
            Self::All => "all".to_owned(),
        }
    }
}

/// Where sessions are.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keeps a new session.
    async fn begin(&self, session: &WebSession) -> Result<(), SessionFault>;
    /// The session whose secret has this hash, whether or not it is over.
    async fn by_hash(&self, hash: &str) -> Result<Option<WebSession>, SessionFault>;
    /// Writes `session` in place of `was`, which has the same secret. Nothing happens, and the
    /// answer is `false`, when what is stored is not `was` any more.
    async fn replace(&self, was: &WebSession, session: &WebSession) -> Result<bool, SessionFault>;
    /// Gives a session a new secret: stores `old` in place of `was` and keeps `new` beside it, both
    /// or none. `false` as for [`SessionStore::replace`].
    async fn renew(
        &self,
        was: &WebSession,
        old: &WebSession,
        new: &WebSession,
    ) -> Result<bool, SessionFault>;
    /// Ends one under each secret it has, one that replaced them since it was read among them.
    async fn end(&self, session: &WebSession) -> Result<(), SessionFault>;
    /// Whether a sign-in is somebody's. One that nobody has becomes theirs, with its record; so does
    /// that of a user who is not in the directory any more. What does not fit is on record too, and nothing becomes anybody's
    /// while AWS cannot be asked.
    async fn bind(
        &self,
        sign_in: &Identifier,
        owner: &Owner,
        found: FoundIn<'_>,
        now: Timestamp,
    ) -> Result<Bound, SessionFault>;
    /// What is kept of a person's sessions, those that are over or replaced among them.
    async fn of_user(&self, user: &UserId) -> Result<Vec<WebSession>, SessionFault>;
    /// Ends sessions of the owner's, with a record in the audit log when there are any; how many secrets
    /// that were. A session whose secret is replaced meanwhile ends too.
    async fn end_own(
        &self,
        owner: &Owner,
        which: WhichSessions,
        origin: Origin,
        now: Timestamp,
    ) -> Result<u64, SessionFault>;
    /// Ends those that a provider says are over: of its session `sid`, else of its `subject`, with
    /// a record in the audit log for each person who had some; how many there were.
    async fn end_at_provider(
        &self,
        issuer: &str,
        subject: Option<&str>,
        sid: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, SessionFault>;
    /// Forgets those that ended before `now`.
    async fn prune(&self, now: Timestamp) -> Result<(), SessionFault>;
}

impl SignedIn {
    /// Whether a provider means this by its logout: by its session if it names one, else by person.
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
        // a session whose number there is not known is anybody's of that person
        let same_session = match (session, sid.as_deref()) {
            (None, _) => true,
            (Some(session), Some(sid)) => session == sid,
            (Some(_), None) => who.is_some(),
        };
        let named = who.is_some() || session.is_some();
        named && at == issuer && same_person && same_session
    }
}

/// Sessions could not be read or stored.
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
