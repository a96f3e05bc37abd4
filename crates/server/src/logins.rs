//! Command line logins, from confirmation in the browser until the command line fetches its token.
//!
//! With a local browser, a one-time code returns over loopback and needs a verifier known only to
//! the command line. Otherwise the command line prints a short code, the user types it in a
//! browser, and the command line polls. Codes are stored as hashes for all nodes, for ten minutes
//! and one use. A confirmation is valid only while its session is.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::{constant_time, rand};
use hallpass_access::identity::{HandoverFault, Owner, TokenScope, hash_secret};
use hallpass_base::{TimeSpan, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore};

use crate::{
    handovers::{Handovers, Kept},
    problem::ProblemResponse,
    session::new_secret,
};

pub(crate) const LASTS: TimeSpan = TimeSpan::minutes(10);
pub(crate) const TOKEN_LASTS: TimeSpan = TimeSpan::hours(12);
const CODE: &str = "login-code";
const DEVICE: &str = "login-device";
const SHORT: &str = "login-short";
/// Poll interval for answers given on another node.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);
/// Maximum number of long polls: each holds an anonymous connection. Further ones are answered
/// immediately.
const WAITING_MAX: usize = 64;
const GUESSES_MAX: u32 = 10;
/// Short code alphabet: no vowels, so no words; no similar letters.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LETTERS: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoginRequest {
    /// Host name; untrusted.
    pub(crate) host: String,
    pub(crate) scopes: BTreeSet<TokenScope>,
}

/// Origin of a device login as seen by the server, for the user to compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) address: Option<IpAddr>,
    /// User agent; untrusted.
    pub(crate) agent: String,
    pub(crate) at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WaitingLogin {
    pub(crate) wish: LoginRequest,
    pub(crate) begun: Begun,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Confirmer {
    pub(crate) owner: Owner,
    /// `WebSession::id`, which survives secret rotation: the hash of a rotated secret may be
    /// deleted before the command line polls.
    pub(crate) session: String,
}

/// A confirmed login. Earlier releases stored an owner instead of `by`: those rows are unreadable,
/// count as expired, and exist only for ten minutes after an update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) by: Confirmer,
    pub(crate) wish: LoginRequest,
}

#[derive(Serialize, Deserialize)]
struct HandoverCode {
    given: Given,
    challenge: String,
    at: Timestamp,
}

/// An earlier release's confirmation has only an owner, and is refused as in [`Given`].
#[derive(Clone, Serialize, Deserialize)]
enum LoginAnswer {
    Waiting,
    Yes(Confirmer),
    No,
}

#[derive(Clone, Serialize, Deserialize)]
struct Device {
    waiting: WaitingLogin,
    answer: LoginAnswer,
}

impl Device {
    fn at(&self) -> Timestamp {
        self.waiting.begun.at
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LoginPoll {
    Waiting,
    Given(Given),
    Refused,
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Say {
    Give,
    Refuse,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotACode {
    Unknown,
    TooMany,
    Unread(HandoverFault),
}

impl From<HandoverFault> for NotACode {
    fn from(fault: HandoverFault) -> Self {
        Self::Unread(fault)
    }
}

pub(crate) struct Logins {
    handovers: Handovers,
    guesses: Mutex<HashMap<String, (Timestamp, u32)>>,
    answered: Notify,
    waiting: Semaphore,
}

impl Logins {
    pub(crate) fn over(handovers: Handovers) -> Self {
        Self {
            handovers,
            guesses: Mutex::default(),
            answered: Notify::new(),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }

    fn guesses(&self) -> MutexGuard<'_, HashMap<String, (Timestamp, u32)>> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn give(
        &self,
        given: Given,
        challenge: &str,
        now: Timestamp,
    ) -> Result<String, ProblemResponse> {
        let secret = new_secret()?;
        let code = HandoverCode {
            given,
            challenge: challenge.to_owned(),
            at: now,
        };
        let key = hash_secret(&secret);
        self.keep(CODE, &key, &code, now).await?;
        Ok(secret)
    }

    async fn keep(
        &self,
        kind: &str,
        key: &str,
        value: &impl Serialize,
        now: Timestamp,
    ) -> Result<(), ProblemResponse> {
        let kept = self.handovers.keep(kind, key, value, LASTS.after(now));
        kept.await
            .map_err(|error| ProblemResponse::unavailable(&error))
    }

    pub(crate) async fn redeem(
        &self,
        code: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Result<Option<Given>, HandoverFault> {
        let key = hash_secret(code);
        let Some(kept) = self.handovers.find::<HandoverCode>(CODE, &key).await? else {
            return Ok(None);
        };
        if !self.handovers.take(CODE, &key, &kept).await? {
            return Ok(None);
        }
        let (code, challenge) = (kept.value, hash_secret(verifier));
        let is_theirs =
            constant_time::verify_slices_are_equal(challenge.as_bytes(), code.challenge.as_bytes());
        let counts = is_theirs.is_ok() && LASTS.covers(code.at, now);
        Ok(counts.then_some(code.given))
    }

    pub(crate) async fn begin(
        &self,
        wish: LoginRequest,
        begun: Begun,
    ) -> Result<(String, String), ProblemResponse> {
        let (secret, short) = (new_secret()?, short_code()?);
        let device = Device {
            answer: LoginAnswer::Waiting,
            waiting: WaitingLogin { wish, begun },
        };
        let (now, key) = (device.at(), hash_secret(&secret));
        self.keep(DEVICE, &key, &device, now).await?;
        self.keep(SHORT, &hash_secret(&short), &key, now).await?;
        Ok((secret, shown(&short)))
    }

    pub(crate) async fn look(
        &self,
        typed: &str,
        who: &UserId,
        now: Timestamp,
    ) -> Result<WaitingLogin, NotACode> {
        let (_, device) = self.find(typed, who, now).await?;
        Ok(device.value.waiting)
    }

    pub(crate) async fn answer(
        &self,
        typed: &str,
        who: &Confirmer,
        say: Say,
        now: Timestamp,
    ) -> Result<WaitingLogin, NotACode> {
        let (key, device) = self.find(typed, &who.owner.user, now).await?;
        let answered = Device {
            answer: match say {
                Say::Give => LoginAnswer::Yes(who.clone()),
                Say::Refuse => LoginAnswer::No,
            },
            ..device.value.clone()
        };
        let change = self.handovers.change(DEVICE, &key, &device, &answered);
        if !change.await? {
            return Err(NotACode::Unknown);
        }
        self.answered.notify_waiters();
        Ok(answered.waiting)
    }

    pub(crate) async fn ask(
        &self,
        secret: &str,
        now: Timestamp,
    ) -> Result<LoginPoll, HandoverFault> {
        let key = hash_secret(secret);
        let Some(device) = self.handovers.find::<Device>(DEVICE, &key).await? else {
            return Ok(LoginPoll::Gone);
        };
        let is_over = !LASTS.covers(device.value.at(), now);
        if !is_over && matches!(device.value.answer, LoginAnswer::Waiting) {
            return Ok(LoginPoll::Waiting);
        }
        if !self.handovers.take(DEVICE, &key, &device).await? {
            return Ok(LoginPoll::Gone);
        }
        let Device { waiting, answer } = device.value;
        Ok(match answer {
            _ if is_over => LoginPoll::Gone,
            LoginAnswer::Yes(by) => LoginPoll::Given(Given {
                by,
                wish: waiting.wish,
            }),
            LoginAnswer::No => LoginPoll::Refused,
            LoginAnswer::Waiting => LoginPoll::Gone,
        })
    }

    async fn find(
        &self,
        typed: &str,
        who: &UserId,
        now: Timestamp,
    ) -> Result<(String, Kept<Device>), NotACode> {
        let found = self.guesses().get(who.as_str()).copied();
        let (since, wrong) = found
            .filter(|(since, _)| TimeSpan::minutes(1).covers(*since, now))
            .unwrap_or((now, 0));
        if wrong >= GUESSES_MAX {
            return Err(NotACode::TooMany);
        }
        let short = hash_secret(&letters(typed));
        if let Some(key) = self.handovers.find::<String>(SHORT, &short).await? {
            let device = self.handovers.find::<Device>(DEVICE, &key.value).await?;
            let waits = |it: &Kept<Device>| {
                matches!(it.value.answer, LoginAnswer::Waiting) && LASTS.covers(it.value.at(), now)
            };
            if let Some(device) = device.filter(waits) {
                return Ok((key.value, device));
            }
        }
        let mut guesses = self.guesses();
        guesses.retain(|_, (since, _)| TimeSpan::minutes(1).covers(*since, now));
        guesses.insert(who.as_str().to_owned(), (since, wrong + 1));
        Err(NotACode::Unknown)
    }

    pub(crate) async fn ask_patiently(
        &self,
        secret: &str,
        now: Timestamp,
        patience: std::time::Duration,
    ) -> Result<LoginPoll, HandoverFault> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return self.ask(secret, now).await;
        };
        let until = tokio::time::Instant::now() + patience;
        loop {
            let answered = self.answered.notified();
            let asked = self.ask(secret, now).await?;
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if asked != LoginPoll::Waiting || left.is_zero() {
                return Ok(asked);
            }
            // after an answer or timeout check again; another node may have the answer
            let _ = tokio::time::timeout(left.min(LOOK_EVERY), answered).await;
        }
    }
}

fn letters(typed: &str) -> String {
    typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(2 * CODE_LETTERS)
        .map(|letter| letter.to_ascii_uppercase())
        .collect()
}

fn short_code() -> Result<String, ProblemResponse> {
    let mut code = String::new();
    while code.len() < CODE_LETTERS {
        let mut byte = [0_u8; 1];
        rand::fill(&mut byte).map_err(|error| ProblemResponse::unavailable(&error))?;
        // 240 is a multiple of 20, so letters are uniform
        let [byte] = byte;
        if byte < 240 {
            let letter = LETTERS.get(usize::from(byte) % LETTERS.len());
            code.extend(letter.map(|letter| char::from(*letter)));
        }
    }
    Ok(code)
}

pub(crate) fn shown(code: &str) -> String {
    let code = letters(code);
    let (first, second) = code.split_at_checked(code.len() / 2).unwrap_or((&code, ""));
    format!("{first}-{second}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        Timestamp::from_second(1_780_000_000).unwrap()
    }

    fn ana() -> Owner {
        Owner {
            user: "00000001-0000-0000-0000-000000000000".parse().unwrap(),
            email: "ana@corp.example".parse().unwrap(),
            secondary_domain: false,
        }
    }

    fn by_ana() -> Confirmer {
        Confirmer {
            owner: ana(),
            session: "ses_1".to_owned(),
        }
    }

    fn wish() -> LoginRequest {
        LoginRequest {
            host: "laptop".to_owned(),
            scopes: BTreeSet::from([TokenScope::Read]),
        }
    }

    fn begun() -> Begun {
        Begun {
            address: Some([203, 0, 113, 9].into()),
            agent: "hallpass/1".to_owned(),
            at: start(),
        }
    }

    fn waiting() -> WaitingLogin {
        WaitingLogin {
            wish: wish(),
            begun: begun(),
        }
    }

    #[tokio::test]
    async fn a_code_counts_once_with_its_verifier_and_in_time() {
        let logins = Logins::over(Handovers::default());
        let given = Given {
            by: by_ana(),
            wish: wish(),
        };
        let challenge = hash_secret("v");
        let give = async || {
            let code = logins.give(given.clone(), &challenge, start());
            code.await.unwrap()
        };
        let redeem = async |code: &str, verifier: &str, now: Timestamp| {
            // another node shares only the store
            let elsewhere = Logins::over(logins.handovers.clone());
            elsewhere.redeem(code, verifier, now).await.unwrap()
        };
        let code = give().await;
        assert_eq!(redeem(&code, "v", start()).await, Some(given.clone()));
        assert_eq!(redeem(&code, "v", start()).await, None);
        let code = give().await;
        assert_eq!(redeem(&code, "w", start()).await, None);
        assert_eq!(redeem(&code, "v", start()).await, None);
        let code = give().await;
        assert_eq!(redeem(&code, "v", LASTS.after(start())).await, None);
    }

    #[tokio::test]
    async fn a_short_code_is_answered_once_and_fetched_once() {
        let logins = Logins::over(Handovers::default());
        let (secret, short) = logins.begin(wish(), begun()).await.unwrap();
        assert_eq!(
            logins.ask(&secret, start()).await.unwrap(),
            LoginPoll::Waiting
        );
        let typed = short.to_lowercase().replace('-', " ");
        assert_eq!(
            logins.look(&typed, &ana().user, start()).await,
            Ok(waiting())
        );
        assert_eq!(
            logins.answer(&typed, &by_ana(), Say::Give, start()).await,
            Ok(waiting())
        );
        let again = logins.answer(&typed, &by_ana(), Say::Give, start()).await;
        assert_eq!(again, Err(NotACode::Unknown));
        let given = LoginPoll::Given(Given {
            by: by_ana(),
            wish: wish(),
        });
        assert_eq!(logins.ask(&secret, start()).await.unwrap(), given);
        assert_eq!(logins.ask(&secret, start()).await.unwrap(), LoginPoll::Gone);
        let (secret, short) = logins.begin(wish(), begun()).await.unwrap();
        let who = by_ana();
        let refused = logins.answer(&short, &who, Say::Refuse, start());
        refused.await.unwrap();
        assert_eq!(
            logins.ask(&secret, start()).await.unwrap(),
            LoginPoll::Refused
        );
        let (secret, short) = logins.begin(wish(), begun()).await.unwrap();
        let late = LASTS.after(start());
        let answered = logins.answer(&short, &by_ana(), Say::Give, late).await;
        assert_eq!(answered, Err(NotACode::Unknown));
        assert_eq!(logins.ask(&secret, late).await.unwrap(), LoginPoll::Gone);
    }

    #[tokio::test]
    async fn what_an_older_release_was_told_is_begun_anew() {
        let logins = Logins::over(Handovers::default());
        let code = serde_json::json!({"given": {"owner": ana(), "wish": wish()},
            "challenge": hash_secret("v"), "at": start()});
        let key = hash_secret("code");
        let kept = logins.keep(CODE, &key, &code, start()).await;
        kept.unwrap();
        let redeemed = logins.redeem("code", "v", start()).await;
        assert_eq!(redeemed, Ok(None));
        for (answer, expected) in [
            (serde_json::json!({"Yes": ana()}), LoginPoll::Gone),
            (serde_json::json!("Waiting"), LoginPoll::Waiting),
        ] {
            let device = serde_json::json!({"waiting": waiting(), "answer": answer});
            let key = hash_secret("device");
            let kept = logins.keep(DEVICE, &key, &device, start()).await;
            kept.unwrap();
            assert_eq!(logins.ask("device", start()).await, Ok(expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn few_wait_at_a_time_and_the_others_are_told_at_once() {
        let logins = std::sync::Arc::new(Logins::over(Handovers::default()));
        let (secret, short) = logins.begin(wish(), begun()).await.unwrap();
        let patience = std::time::Duration::from_secs(20);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..WAITING_MAX {
            let (logins, secret) = (std::sync::Arc::clone(&logins), secret.clone());
            tasks.spawn(async move {
                let asked = logins.ask_patiently(&secret, start(), patience);
                asked.await.unwrap()
            });
        }
        while logins.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let before = tokio::time::Instant::now();
        let one_more = logins.ask_patiently(&secret, start(), patience);
        let one_more = one_more.await.unwrap();
        assert_eq!(
            (one_more, before.elapsed()),
            (LoginPoll::Waiting, std::time::Duration::ZERO)
        );
        let who = by_ana();
        let answered = logins.answer(&short, &who, Say::Give, start());
        answered.await.unwrap();
        let mut given = 0;
        while let Some(asked) = tasks.join_next().await {
            given += usize::from(matches!(asked.unwrap(), LoginPoll::Given(_)));
        }
        assert_eq!(given, 1, "and it is given once");
        assert_eq!(logins.waiting.available_permits(), WAITING_MAX);
    }

    #[tokio::test]
    async fn guesses_are_counted() {
        let logins = Logins::over(Handovers::default());
        let (_, short) = logins.begin(wish(), begun()).await.unwrap();
        for _ in 0..GUESSES_MAX {
            let guessed = logins.look("AAAA-AAAA", &ana().user, start()).await;
            assert_eq!(guessed, Err(NotACode::Unknown));
        }
        let right = logins.look(&short, &ana().user, start()).await;
        assert_eq!(right, Err(NotACode::TooMany));
        let later = TimeSpan::minutes(1).after(start());
        assert!(logins.look(&short, &ana().user, later).await.is_ok());
    }
}
