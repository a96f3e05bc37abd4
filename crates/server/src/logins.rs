//! Logins of the command line: what a person confirmed in the browser, until the command line
//! fetches its token.
//!
//! Two forms. On a machine with a browser, a one-time code comes back over loopback and counts
//! together with a verifier that never left the command line. Elsewhere, the command line shows a
//! short code, the person types it in a browser, and the command line asks until they did. Codes
//! live in this process, as hashes, for ten minutes and one use.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::{constant_time, rand};
use hallpass_identity::{Owner, TokenScope, hash_secret};
use hallpass_model::{TimeSpan, Timestamp, UserId};
use serde::Deserialize;
use tokio::sync::{Notify, Semaphore};

use crate::{problem::ProblemResponse, session::new_secret};

/// How long a code lives.
pub(crate) const LASTS: TimeSpan = TimeSpan::minutes(10);
/// How long a token of the command line lives.
pub(crate) const TOKEN_LASTS: TimeSpan = TimeSpan::hours(12);
/// Codes at a time at most.
const CODES_MAX: usize = 10_000;
/// Command lines that wait for an answer at a time at most: each holds a connection, and none has
/// said who it is. Others are told at once that there is none yet.
const WAITING_MAX: usize = 64;
/// Wrong short codes a person may type in a minute.
const GUESSES_MAX: u32 = 10;
/// Letters of short codes: no vowels, so no words; none that look alike.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Letters in a short code: 34 bits.
const CODE_LETTERS: usize = 8;

/// What a login is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginRequest {
    /// The machine it says it comes from. Anybody may say anything.
    pub(crate) host: String,
    /// What its token may do.
    pub(crate) scopes: BTreeSet<TokenScope>,
}

/// Where a login without a browser was begun, as the server saw it: what a person can hold against
/// where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    /// The address it came from, if the server knows it.
    pub(crate) address: Option<IpAddr>,
    /// What program it says it is. Anybody may say anything.
    pub(crate) agent: String,
    pub(crate) at: Timestamp,
}

/// A login that waits for its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WaitingLogin {
    pub(crate) wish: LoginRequest,
    pub(crate) begun: Begun,
}

/// A login somebody said yes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) owner: Owner,
    pub(crate) wish: LoginRequest,
}

struct HandoverCode {
    given: Given,
    challenge: String,
    at: Timestamp,
}

#[derive(Clone)]
enum LoginAnswer {
    Waiting,
    Yes(Owner),
    No,
}

struct Device {
    /// Of the short code.
    short: String,
    waiting: WaitingLogin,
    answer: LoginAnswer,
}

impl Device {
    fn at(&self) -> Timestamp {
        self.waiting.begun.at
    }
}

/// What the command line is told when it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LoginPoll {
    /// Nobody has answered yet.
    Waiting,
    /// Here is what was given. It is given once.
    Given(Given),
    /// Somebody said no.
    Refused,
    /// Unknown, used or too old.
    Gone,
}

/// What somebody says to a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Say {
    /// Let it have a token.
    Give,
    /// Let it have none.
    Refuse,
}

/// A short code was wrong, or there were too many wrong ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotACode {
    Unknown,
    TooMany,
}

#[derive(Default)]
struct All {
    codes: HashMap<String, HandoverCode>,
    devices: HashMap<String, Device>,
    guesses: HashMap<String, (Timestamp, u32)>,
}

/// The logins of command lines that are under way.
pub(crate) struct Logins {
    all: Mutex<All>,
    answered: Notify,
    waiting: Semaphore,
}

impl Default for Logins {
    fn default() -> Self {
        Self {
            all: Mutex::default(),
            answered: Notify::new(),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }
}

impl Logins {
    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody said yes in the browser: the code for the command line's loopback address.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn give(
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
        let mut all = self.all();
        make_room(&mut all.codes, now, |code| code.at);
        all.codes.insert(hash_secret(&secret), code);
        Ok(secret)
    }

    /// What a code from loopback stands for. A wrong verifier uses it up.
    pub(crate) fn redeem(&self, code: &str, verifier: &str, now: Timestamp) -> Option<Given> {
        let code = self.all().codes.remove(&hash_secret(code))?;
        let challenge = hash_secret(verifier);
        constant_time::verify_slices_are_equal(challenge.as_bytes(), code.challenge.as_bytes())
            .ok()?;
        LASTS.covers(code.at, now).then_some(code.given)
    }

    /// Begins a login without a browser: the command line's code, and the short one to type.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn begin(
        &self,
        wish: LoginRequest,
        begun: Begun,
    ) -> Result<(String, String), ProblemResponse> {
        let (secret, short) = (new_secret()?, short_code()?);
        let device = Device {
            short: hash_secret(&short),
            answer: LoginAnswer::Waiting,
            waiting: WaitingLogin { wish, begun },
        };
        let now = device.at();
        let mut all = self.all();
        make_room(&mut all.devices, now, Device::at);
        all.devices.insert(hash_secret(&secret), device);
        Ok((secret, shown(&short)))
    }

    /// What a short code is about.
    ///
    /// # Errors
    /// When it is none, or its reader typed too many that were none.
    pub(crate) fn look(
        &self,
        typed: &str,
        who: &UserId,
        now: Timestamp,
    ) -> Result<WaitingLogin, NotACode> {
        let mut all = self.all();
        find(&mut all, typed, who, now).map(|device| device.waiting.clone())
    }

    /// Somebody's answer to a short code.
    ///
    /// # Errors
    /// As [`Logins::look`].
    pub(crate) fn answer(
        &self,
        typed: &str,
        who: &Owner,
        say: Say,
        now: Timestamp,
    ) -> Result<WaitingLogin, NotACode> {
        let mut all = self.all();
        let device = find(&mut all, typed, &who.user, now)?;
        device.answer = match say {
            Say::Give => LoginAnswer::Yes(who.clone()),
            Say::Refuse => LoginAnswer::No,
        };
        let waiting = device.waiting.clone();
        drop(all);
        self.answered.notify_waiters();
        Ok(waiting)
    }

    /// What became of a login without a browser.
    pub(crate) fn ask(&self, secret: &str, now: Timestamp) -> LoginPoll {
        let key = hash_secret(secret);
        let mut all = self.all();
        let Some(device) = all.devices.get(&key) else {
            return LoginPoll::Gone;
        };
        let is_over = !LASTS.covers(device.at(), now);
        let (answer, wish) = (device.answer.clone(), device.waiting.wish.clone());
        if !is_over && matches!(answer, LoginAnswer::Waiting) {
            return LoginPoll::Waiting;
        }
        all.devices.remove(&key);
        match answer {
            _ if is_over => LoginPoll::Gone,
            LoginAnswer::Yes(owner) => LoginPoll::Given(Given { owner, wish }),
            LoginAnswer::No => LoginPoll::Refused,
            LoginAnswer::Waiting => LoginPoll::Gone,
        }
    }

    /// As [`Logins::ask`], but waits for an answer a while.
    pub(crate) async fn ask_patiently(
        &self,
        secret: &str,
        now: Timestamp,
        patience: std::time::Duration,
    ) -> LoginPoll {
        let Ok(_place) = self.waiting.try_acquire() else {
            return self.ask(secret, now);
        };
        let until = tokio::time::Instant::now() + patience;
        loop {
            let answered = self.answered.notified();
            let asked = self.ask(secret, now);
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if asked != LoginPoll::Waiting || left.is_zero() {
                return asked;
            }
            // an answer, somebody else's answer, or the end of patience: look again
            let _ = tokio::time::timeout(left, answered).await;
        }
    }
}

/// Forgets what is over, and the oldest when that is not enough.
fn make_room<T>(all: &mut HashMap<String, T>, now: Timestamp, at: impl Fn(&T) -> Timestamp) {
    if all.len() < CODES_MAX {
        return;
    }
    all.retain(|_, one| LASTS.covers(at(one), now));
    if all.len() >= CODES_MAX {
        let oldest = all.iter().min_by_key(|(_, one)| at(one));
        if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
            all.remove(&oldest);
        }
    }
}

fn find<'a>(
    all: &'a mut All,
    typed: &str,
    who: &UserId,
    now: Timestamp,
) -> Result<&'a mut Device, NotACode> {
    let (since, wrong) = all
        .guesses
        .get(who.as_str())
        .copied()
        .filter(|(since, _)| TimeSpan::minutes(1).covers(*since, now))
        .unwrap_or((now, 0));
    if wrong >= GUESSES_MAX {
        return Err(NotACode::TooMany);
    }
    let short = hash_secret(&letters(typed));
    let found = all.devices.values_mut().find(|device| {
        let waits = matches!(device.answer, LoginAnswer::Waiting) && LASTS.covers(device.at(), now);
        waits && device.short == short
    });
    if found.is_none() {
        let guesses = &mut all.guesses;
        guesses.retain(|_, (since, _)| TimeSpan::minutes(1).covers(*since, now));
        guesses.insert(who.as_str().to_owned(), (since, wrong + 1));
    }
    found.ok_or(NotACode::Unknown)
}

/// What somebody typed, without the dash, in whatever case.
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
        // 240 is a multiple of 20: every letter is equally likely
        let [byte] = byte;
        if byte < 240 {
            let letter = LETTERS.get(usize::from(byte) % LETTERS.len());
            code.extend(letter.map(|letter| char::from(*letter)));
        }
    }
    Ok(code)
}

/// A short code in two halves.
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

    #[test]
    fn a_code_counts_once_with_its_verifier_and_in_time() {
        let logins = Logins::default();
        let given = Given {
            owner: ana(),
            wish: wish(),
        };
        let give = || {
            logins
                .give(given.clone(), &hash_secret("v"), start())
                .unwrap()
        };
        let code = give();
        assert_eq!(logins.redeem(&code, "v", start()), Some(given.clone()));
        assert_eq!(logins.redeem(&code, "v", start()), None);
        let code = give();
        assert_eq!(logins.redeem(&code, "w", start()), None);
        assert_eq!(logins.redeem(&code, "v", start()), None);
        let code = give();
        assert_eq!(logins.redeem(&code, "v", LASTS.after(start())), None);
    }

    #[test]
    fn a_short_code_is_answered_once_and_fetched_once() {
        let logins = Logins::default();
        let (secret, short) = logins.begin(wish(), begun()).unwrap();
        assert_eq!(logins.ask(&secret, start()), LoginPoll::Waiting);
        let typed = short.to_lowercase().replace('-', " ");
        assert_eq!(logins.look(&typed, &ana().user, start()), Ok(waiting()));
        assert_eq!(
            logins.answer(&typed, &ana(), Say::Give, start()),
            Ok(waiting())
        );
        let again = logins.answer(&typed, &ana(), Say::Give, start());
        assert_eq!(again, Err(NotACode::Unknown));
        let given = LoginPoll::Given(Given {
            owner: ana(),
            wish: wish(),
        });
        assert_eq!(logins.ask(&secret, start()), given);
        assert_eq!(logins.ask(&secret, start()), LoginPoll::Gone);
        let (secret, short) = logins.begin(wish(), begun()).unwrap();
        logins.answer(&short, &ana(), Say::Refuse, start()).unwrap();
        assert_eq!(logins.ask(&secret, start()), LoginPoll::Refused);
        let (secret, short) = logins.begin(wish(), begun()).unwrap();
        let late = LASTS.after(start());
        let answered = logins.answer(&short, &ana(), Say::Give, late);
        assert_eq!(answered, Err(NotACode::Unknown));
        assert_eq!(logins.ask(&secret, late), LoginPoll::Gone);
    }

    #[tokio::test(start_paused = true)]
    async fn few_wait_at_a_time_and_the_others_are_told_at_once() {
        let logins = std::sync::Arc::new(Logins::default());
        let (secret, short) = logins.begin(wish(), begun()).unwrap();
        let patience = std::time::Duration::from_secs(20);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..WAITING_MAX {
            let (logins, secret) = (std::sync::Arc::clone(&logins), secret.clone());
            tasks.spawn(async move { logins.ask_patiently(&secret, start(), patience).await });
        }
        while logins.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let before = tokio::time::Instant::now();
        let one_more = logins.ask_patiently(&secret, start(), patience).await;
        assert_eq!(
            (one_more, before.elapsed()),
            (LoginPoll::Waiting, std::time::Duration::ZERO)
        );
        logins.answer(&short, &ana(), Say::Give, start()).unwrap();
        let mut given = 0;
        while let Some(asked) = tasks.join_next().await {
            given += usize::from(matches!(asked.unwrap(), LoginPoll::Given(_)));
        }
        assert_eq!(given, 1, "and it is given once");
        assert_eq!(logins.waiting.available_permits(), WAITING_MAX);
    }

    #[test]
    fn guesses_are_counted() {
        let logins = Logins::default();
        let (_, short) = logins.begin(wish(), begun()).unwrap();
        for _ in 0..GUESSES_MAX {
            let guessed = logins.look("AAAA-AAAA", &ana().user, start());
            assert_eq!(guessed, Err(NotACode::Unknown));
        }
        let right = logins.look(&short, &ana().user, start());
        assert_eq!(right, Err(NotACode::TooMany));
        let later = TimeSpan::minutes(1).after(start());
        assert!(logins.look(&short, &ana().user, later).is_ok());
    }
}
