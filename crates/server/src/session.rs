//! Sessions of signed-in people: a secret in a cookie, everything else on the server.
//!
//! The cookie holds 256 random bits; the store holds their SHA-256, so a copy of the store opens no
//! session. A session ends when it was idle too long, at its absolute limit, at sign-out, or when
//! an administrator ends it. A new sign-in always makes a new secret (no session fixation), and
//! a secret in use is replaced every so often.

use async_trait::async_trait;
use aws_lc_rs::{constant_time, rand};
use axum::http::{HeaderMap, HeaderValue, header};
use hallpass_model::{Email, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{App, auth::hash_secret, problem::Failure};

/// How a person proved who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
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
    },
}

/// One session, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Lower-case hex SHA-256 of its secret.
    pub hash: String,
    /// Whose it is.
    pub user: Email,
    /// How they signed in.
    pub signed_in: SignedIn,
    /// When.
    pub began_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// When its secret was made.
    pub renewed_at: Timestamp,
    /// When it ends whatever happens.
    pub ends_at: Timestamp,
}

/// Where sessions are.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keeps a new session.
    async fn begin(&self, session: &Session) -> Result<(), SessionFault>;
    /// The session whose secret has this hash, whether or not it is over.
    async fn by_hash(&self, hash: &str) -> Result<Option<Session>, SessionFault>;
    /// Replaces the session stored under `hash` (its secret, or when it was seen). Nothing happens
    /// when it is gone.
    async fn replace(&self, hash: &str, session: &Session) -> Result<(), SessionFault>;
    /// Ends one.
    async fn end(&self, hash: &str) -> Result<(), SessionFault>;
    /// Ends every session of a person; how many there were.
    async fn end_all(&self, user: &Email) -> Result<u64, SessionFault>;
    /// Forgets those that ended before `now`.
    async fn prune(&self, now: Timestamp) -> Result<(), SessionFault>;
}

/// Sessions could not be read or stored.
#[derive(Clone, Debug, thiserror::Error)]
#[error("sessions cannot be reached: {0}")]
pub struct SessionFault(pub String);

/// Limits of sessions.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// How long one may rest.
    pub idle: Span,
    /// How long one may last.
    pub absolute: Span,
    /// How often its secret is replaced.
    pub renew: Span,
    /// Whether people reach us over TLS only, so that the cookie may be bound to it.
    pub secure: bool,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            idle: Span::hours(8),
            absolute: Span::hours(24),
            renew: Span::hours(1),
            secure: false,
        }
    }
}

impl SessionSettings {
    /// The cookie's name. `__Host-` makes browsers insist on TLS, this host and the root path.
    const fn cookie_name(&self) -> &'static str {
        if self.secure {
            "__Host-hallpass"
        } else {
            "hallpass"
        }
    }
}

/// A session together with the secret it was found by.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) session: Session,
    secret: String,
}

impl Live {
    /// The token that forms of this session carry. Derived, so nothing more is stored; whoever
    /// does not know the cookie cannot make it.
    pub(crate) fn csrf(&self) -> String {
        hash_secret(&format!("csrf\n{}", self.secret))
    }

    /// Whether a form carries this session's token.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        constant_time::verify_slices_are_equal(self.csrf().as_bytes(), token.as_bytes()).is_ok()
    }
}

/// A cookie of a call, by name.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// The live session of a call, if it has one.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn of(app: &App, headers: &HeaderMap) -> Result<Option<Live>, Failure> {
    let settings = &app.session_settings;
    let Some(secret) = cookie(headers, settings.cookie_name()) else {
        return Ok(None);
    };
    let hash = hash_secret(secret);
    let found = app
        .sessions
        .by_hash(&hash)
        .await
        .map_err(|fault| Failure::unavailable(&fault))?;
    let now = app.clock.now();
    let Some(mut session) = found.filter(|session| is_live(session, settings, now)) else {
        return Ok(None);
    };
    if Span::minutes(1).after(session.seen_at) < now {
        session.seen_at = now;
        app.sessions
            .replace(&hash, &session)
            .await
            .map_err(|fault| Failure::unavailable(&fault))?;
    }
    let secret = secret.to_owned();
    Ok(Some(Live { session, secret }))
}

fn is_live(session: &Session, settings: &SessionSettings, now: Timestamp) -> bool {
    now < session.ends_at && now < settings.idle.after(session.seen_at)
}

/// Begins a session and says which cookie to set.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn begin(
    app: &App,
    user: Email,
    signed_in: SignedIn,
) -> Result<HeaderValue, Failure> {
    let (settings, now) = (&app.session_settings, app.clock.now());
    let secret = new_secret()?;
    let session = Session {
        hash: hash_secret(&secret),
        user,
        signed_in,
        began_at: now,
        seen_at: now,
        renewed_at: now,
        ends_at: settings.absolute.after(now),
    };
    app.sessions
        .begin(&session)
        .await
        .map_err(|fault| Failure::unavailable(&fault))?;
    set_cookie(settings, &secret, settings.absolute)
}

/// Ends the session of a call and says which cookie to unset.
///
/// # Errors
/// When the store does not answer: the person must not believe that they signed out.
pub(crate) async fn end(app: &App, live: &Live) -> Result<HeaderValue, Failure> {
    app.sessions
        .end(&live.session.hash)
        .await
        .map_err(|fault| Failure::unavailable(&fault))?;
    set_cookie(&app.session_settings, "", Span::ZERO)
}

fn set_cookie(
    settings: &SessionSettings,
    secret: &str,
    lasts: Span,
) -> Result<HeaderValue, Failure> {
    let name = settings.cookie_name();
    let secure = if settings.secure { "; Secure" } else { "" };
    let seconds = lasts.as_seconds();
    // Lax: links from mail and Slack arrive signed in; forms of other sites do not
    let text =
        format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).map_err(|error| Failure::unavailable(&error))
}

/// 256 random bits as text.
///
/// # Errors
/// When the system has no randomness.
pub(crate) fn new_secret() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|error| Failure::unavailable(&error))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_live_until_idle_or_over() {
        let settings = SessionSettings::default();
        let start = Timestamp::from_second(1_780_000_000).unwrap();
        let at = |hours: u64| Span::hours(hours).after(start);
        let session = |seen: u64| Session {
            hash: String::new(),
            user: Email::new("ana@corp.example").unwrap(),
            signed_in: SignedIn::Persona,
            began_at: start,
            seen_at: at(seen),
            renewed_at: start,
            ends_at: at(24),
        };
        for (seen, now, live) in [
            (0, 0, true),
            (0, 7, true),
            (0, 8, false),
            (7, 14, true),
            (20, 23, true),
            (20, 24, false),
        ] {
            assert_eq!(
                is_live(&session(seen), &settings, at(now)),
                live,
                "{seen} {now}"
            );
        }
    }

    #[test]
    fn cookies_are_found_by_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("a=1; xhallpass=2; hallpass=3"),
        );
        assert_eq!(cookie(&headers, "hallpass"), Some("3"));
        assert_eq!(cookie(&headers, "hall"), None);
    }
}
