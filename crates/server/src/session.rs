//! Web sessions: a secret in a cookie, all else on the server.
//!
//! The cookie has 256 random bits and the store their SHA-256, so a copy of the store opens no
//! session. A session ends when idle too long, at its absolute limit, at sign-out, or by an
//! administrator. Each sign-in creates a new secret (no session fixation). Secrets are rotated; the
//! old one works a minute longer for running calls.

use aws_lc_rs::{constant_time, rand};
use axum::{
    extract::{Request, State},
    http::{Extensions, HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use hallpass_access::identity::{Browsing, Owner, SignedIn, WebSession, hash_secret};
use hallpass_base::{TimeSpan, Timestamp, text};

use crate::{App, SessionSettings, problem::ProblemResponse};

const AGENT_CHARACTERS_MAX: usize = 200;

fn browsing_of(app: &App, extensions: &Extensions, headers: &HeaderMap) -> Browsing {
    let agent = headers.get(header::USER_AGENT);
    let agent = agent.map(|it| String::from_utf8_lossy(it.as_bytes()));
    Browsing {
        address: app.sign_in.proxies.shown(extensions, headers),
        agent: text::line(&agent.unwrap_or_default(), AGENT_CHARACTERS_MAX),
    }
}

/// Sessions and tokens with times further in the future are invalid.
pub(crate) const AHEAD_MAX: TimeSpan = TimeSpan::minutes(1);

const REPLACED_MAX: usize = 8;

const GRACE: TimeSpan = TimeSpan::minutes(1);

#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) session: WebSession,
}

impl Live {
    /// CSRF token for forms. Unknown to sites that cannot read Hallpass pages.
    pub(crate) fn csrf(&self) -> String {
        self.session.csrf.clone()
    }

    pub(crate) fn accepts(&self, token: &str) -> bool {
        let csrf = self.session.csrf.as_bytes();
        constant_time::verify_slices_are_equal(csrf, token.as_bytes()).is_ok()
    }
}

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

pub(crate) async fn still(app: &App, hash: &str) -> Result<Option<Live>, ProblemResponse> {
    let settings = &app.session_settings;
    let mut hash = hash.to_owned();
    for _ in 0..REPLACED_MAX {
        let found = app.sessions.by_hash(&hash).await;
        let found = found.map_err(|fault| ProblemResponse::unavailable(&fault))?;
        let Some(session) = found else {
            return Ok(None);
        };
        let Some(next) = session.next.clone() else {
            let is_live = is_live(&session, settings, app.clock.now());
            return Ok(is_live.then_some(Live { session }));
        };
        hash = next;
    }
    Ok(None)
}

pub(crate) async fn of(app: &App, headers: &HeaderMap) -> Result<Option<Live>, ProblemResponse> {
    let Some(mut session) = stored(app, headers).await? else {
        return Ok(None);
    };
    let now = app.clock.now();
    let is_due = TimeSpan::minutes(1).after(session.seen_at) < now && session.next.is_none();
    if is_due && !is_by_itself(headers) {
        let was = session.clone();
        session.seen_at = now;
        app.sessions
            .replace(&was, &session)
            .await
            .map_err(|fault| ProblemResponse::unavailable(&fault))?;
    }
    Ok(Some(Live { session }))
}

/// Returns whether the page made the call without user action, for live updates and the event
/// stream. Such calls do not reset the idle time.
pub(crate) fn is_by_itself(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    headers.contains_key("x-hallpass-part") || accept.is_some_and(|it| it == "text/event-stream")
}

async fn stored(app: &App, headers: &HeaderMap) -> Result<Option<WebSession>, ProblemResponse> {
    let settings = &app.session_settings;
    let Some(secret) = cookie(headers, settings.cookie_name()) else {
        return Ok(None);
    };
    let found = app
        .sessions
        .by_hash(&hash_secret(secret))
        .await
        .map_err(|fault| ProblemResponse::unavailable(&fault))?;
    let now = app.clock.now();
    let live = found.filter(|session| is_live(session, settings, now));
    if live.is_some() {
        app.rates.remember(secret);
    }
    Ok(live)
}

pub(crate) fn is_current(session: &WebSession, settings: &SessionSettings, now: Timestamp) -> bool {
    session.next.is_none() && is_live(session, settings, now)
}

fn is_live(session: &WebSession, settings: &SessionSettings, now: Timestamp) -> bool {
    // written by a fast clock, so its age is unknown
    let is_from_future = [session.began_at, session.seen_at, session.renewed_at]
        .into_iter()
        .any(|at| at > AHEAD_MAX.after(now));
    !is_from_future
        && now < session.ends_at
        && now < settings.idle.after(session.seen_at)
        && !session.csrf.is_empty()
        && session.user_id.is_some()
}

pub(crate) async fn renewing(State(app): State<App>, request: Request, next: Next) -> Response {
    let name = app.session_settings.cookie_name();
    // uncounted calls must not read the store for forged cookies
    let is_page = app.limits_rate(request.uri().path());
    let is_used = is_page && !is_by_itself(request.headers());
    let has_one = is_used && cookie(request.headers(), name).is_some();
    let renewed = if has_one {
        renew(&app, request.headers()).await.ok().flatten()
    } else {
        None
    };
    let mut response = next.run(request).await;
    let decided = response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .any(|value| value.as_bytes().starts_with(format!("{name}=").as_bytes()));
    if let Some(cookie) = renewed.filter(|_| !decided) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

async fn renew(app: &App, headers: &HeaderMap) -> Result<Option<HeaderValue>, ProblemResponse> {
    let (settings, now) = (&app.session_settings, app.clock.now());
    let due = stored(app, headers).await?.filter(|session| {
        session.next.is_none() && settings.renew.after(session.renewed_at) <= now
    });
    let Some(was) = due else {
        return Ok(None);
    };
    let secret = new_secret()?;
    let new = WebSession {
        hash: hash_secret(&secret),
        seen_at: now,
        renewed_at: now,
        previous: Some(was.hash.clone()),
        ..was.clone()
    };
    let old = WebSession {
        ends_at: was.ends_at.min(GRACE.after(now)),
        next: Some(new.hash.clone()),
        previous: None,
        ..was.clone()
    };
    let done = app
        .sessions
        .renew(&was, &old, &new)
        .await
        .map_err(|fault| ProblemResponse::unavailable(&fault))?;
    if !done {
        return Ok(None);
    }
    app.rates.remember(&secret);
    let left = TimeSpan::between(now, was.ends_at);
    set_cookie(settings, &secret, left).map(Some)
}

/// Starts a session; returns its cookie. Ends a session that the browser already had, so that a
/// planted one is not shared (session fixation).
pub(crate) async fn begin(
    app: &App,
    extensions: &Extensions,
    headers: &HeaderMap,
    owner: Owner,
    signed_in: SignedIn,
) -> Result<HeaderValue, ProblemResponse> {
    if let Some(before) = stored(app, headers).await? {
        forget(app, &before).await?;
    }
    let (settings, now) = (&app.session_settings, app.clock.now());
    let secret = new_secret()?;
    let session = WebSession {
        hash: hash_secret(&secret),
        user: owner.email,
        user_id: Some(owner.user),
        secondary_domain: owner.secondary_domain,
        signed_in,
        began_at: now,
        seen_at: now,
        renewed_at: now,
        ends_at: settings.absolute.after(now),
        browsing: browsing_of(app, extensions, headers),
        csrf: new_secret()?,
        previous: None,
        next: None,
    };
    app.sessions
        .begin(&session)
        .await
        .map_err(|fault| ProblemResponse::unavailable(&fault))?;
    app.rates.remember(&secret);
    set_cookie(settings, &secret, settings.absolute)
}

/// Ends the session; returns the cookie to unset. A store failure is an error, because the user
/// must not believe they signed out.
pub(crate) async fn end(app: &App, live: &Live) -> Result<HeaderValue, ProblemResponse> {
    forget(app, &live.session).await?;
    set_cookie(&app.session_settings, "", TimeSpan::ZERO)
}

async fn forget(app: &App, session: &WebSession) -> Result<(), ProblemResponse> {
    let ended = app.sessions.end(session).await;
    ended.map_err(|fault| ProblemResponse::unavailable(&fault))
}

fn set_cookie(
    settings: &SessionSettings,
    secret: &str,
    lasts: TimeSpan,
) -> Result<HeaderValue, ProblemResponse> {
    let name = settings.cookie_name();
    let secure = if settings.secure { "; Secure" } else { "" };
    let seconds = lasts.as_seconds();
    // Lax: links from mail and Slack are signed in; forms of other sites are not
    let text =
        format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).map_err(|error| ProblemResponse::unavailable(&error))
}

pub(crate) fn new_secret() -> Result<String, ProblemResponse> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|error| ProblemResponse::unavailable(&error))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use hallpass_base::Email;

    use super::*;

    #[test]
    fn a_session_is_live_until_idle_or_over() {
        let settings = SessionSettings::default();
        let start = Timestamp::from_second(1_780_000_000).unwrap();
        let at = |hours: u64| TimeSpan::hours(hours).after(start);
        let session = |seen: u64| WebSession {
            hash: String::new(),
            user: Email::new("ana@corp.example").unwrap(),
            user_id: Some("00000001-0000-0000-0000-000000000000".parse().unwrap()),
            secondary_domain: false,
            signed_in: SignedIn::Persona,
            began_at: start,
            seen_at: at(seen),
            renewed_at: start,
            ends_at: at(24),
            browsing: Browsing::default(),
            csrf: "c".to_owned(),
            previous: None,
            next: None,
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
        let early = TimeSpan::minutes(2).before(start);
        assert!(!is_live(&session(0), &settings, early), "from the future");
        assert!(is_live(
            &session(0),
            &settings,
            TimeSpan::seconds(59).before(start)
        ));
        assert!(
            !is_live(&session(2), &settings, at(1)),
            "seen in the future"
        );
        let without_form_token = WebSession {
            csrf: String::new(),
            ..session(0)
        };
        assert!(!is_live(&without_form_token, &settings, start));
        let by_address_alone = WebSession {
            user_id: None,
            ..session(0)
        };
        assert!(!is_live(&by_address_alone, &settings, start), "nobody's");
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
