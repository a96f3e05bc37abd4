//! Sessions of signed-in people: a secret in a cookie, everything else on the server.
//!
//! The cookie holds 256 random bits; the store holds their SHA-256, so a copy of the store opens no
//! session. A session ends when it was idle too long, at its absolute limit, at sign-out, or when
//! an administrator ends it. A new sign-in always makes a new secret (no session fixation), and
//! a secret in use is replaced every so often; the one before works a minute longer, for calls that
//! were under way.

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

/// The longest name of a program that is kept.
const AGENT_CHARACTERS_MAX: usize = 200;

/// The browser of a call.
fn browsing_of(app: &App, extensions: &Extensions, headers: &HeaderMap) -> Browsing {
    let agent = headers.get(header::USER_AGENT);
    let agent = agent.map(|it| String::from_utf8_lossy(it.as_bytes()));
    Browsing {
        address: app.sign_in.proxies.shown(extensions, headers),
        agent: text::line(&agent.unwrap_or_default(), AGENT_CHARACTERS_MAX),
    }
}

/// A session that was used, or a token that was made, further ahead of now than this is not
/// believed.
pub(crate) const AHEAD_MAX: TimeSpan = TimeSpan::minutes(1);

/// How often a secret is replaced at most while something goes on.
const REPLACED_MAX: usize = 8;

/// How long a replaced secret goes on working, for calls that were under way.
const GRACE: TimeSpan = TimeSpan::minutes(1);

/// A session together with the secret it was found by.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) session: WebSession,
}

impl Live {
    /// The token that forms of this session carry. Whoever cannot read our pages does not know it.
    pub(crate) fn csrf(&self) -> String {
        self.session.csrf.clone()
    }

    /// Whether a form carries this session's token.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        let csrf = self.session.csrf.as_bytes();
        constant_time::verify_slices_are_equal(csrf, token.as_bytes()).is_ok()
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

/// The session with this hash, or the one its secret was replaced by, while it is live: for what
/// goes on longer than a call.
///
/// # Errors
/// When the store does not answer.
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

/// The live session of a call, if it has one.
///
/// # Errors
/// When the store does not answer.
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

/// Whether a page makes this call with nobody at it: for parts of it that follow what happens, and for
/// the stream of what happens. A session rests meanwhile.
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

/// Whether this is what a session is now: its secret was not replaced, and it is not over.
pub(crate) fn is_current(session: &WebSession, settings: &SessionSettings, now: Timestamp) -> bool {
    session.next.is_none() && is_live(session, settings, now)
}

fn is_live(session: &WebSession, settings: &SessionSettings, now: Timestamp) -> bool {
    // by a clock that ran ahead: nobody can say how long ago that was
    let is_from_future = [session.began_at, session.seen_at, session.renewed_at]
        .into_iter()
        .any(|at| at > AHEAD_MAX.after(now));
    !is_from_future
        && now < session.ends_at
        && now < settings.idle.after(session.seen_at)
        && !session.csrf.is_empty()
        && session.user_id.is_some()
}

/// Replaces secrets that were in use for long. The call itself goes on with the one it came with.
pub(crate) async fn renewing(State(app): State<App>, request: Request, next: Next) -> Response {
    let name = app.session_settings.cookie_name();
    // what is not counted must not read the store for whoever made a cookie up
    let is_page = crate::uncounted::is_counted(request.uri().path());
    let is_used = is_page && !is_by_itself(request.headers());
    let has_one = is_used && cookie(request.headers(), name).is_some();
    let renewed = if has_one {
        // a store that does not answer is the handler's to tell
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

/// Begins a session and says which cookie to set. A session that the browser brought along ends:
/// whoever planted it must not share the new one (session fixation).
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn begin(
    app: &App,
    (extensions, headers): (&Extensions, &HeaderMap),
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

/// Ends the session of a call and says which cookie to unset.
///
/// # Errors
/// When the store does not answer: the person must not believe that they signed out.
pub(crate) async fn end(app: &App, live: &Live) -> Result<HeaderValue, ProblemResponse> {
    forget(app, &live.session).await?;
    set_cookie(&app.session_settings, "", TimeSpan::ZERO)
}

/// Ends a session under each secret it has.
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
    // Lax: links from mail and Slack arrive signed in; forms of other sites do not
    let text =
        format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).map_err(|error| ProblemResponse::unavailable(&error))
}

/// 256 random bits as text.
///
/// # Errors
/// When the system has no randomness.
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
