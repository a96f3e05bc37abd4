//! What people did in sessions of permission sets on a day, account by account, as text that is read without an engine
//! (`inventory.md` H-27): the first line says how far the log goes in each account and where its line is, so that
//! who asks for one account reads no other.

use std::collections::BTreeMap;

use hallpass_model::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::principal::PrincipalKind;
use super::row::{ActivityFacts, ActivityKey};
use super::rows::ActivityRows;

/// The only form there is so far.
const VERSION: u32 = 1;

/// Why the text of a day of sessions cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionDayError {
    /// It is not in the form that this release writes.
    #[error("it is no day of sessions: {0}")]
    Unreadable(String),
    /// Another release wrote it.
    #[error("it has version {0}; this release reads version {VERSION}")]
    Version(u32),
}

/// How far the log goes in an account on a day, and where its sessions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReach {
    /// Its first event, whoever's.
    pub first: Timestamp,
    /// Its last.
    pub last: Timestamp,
    /// Where its line begins, counted from the end of the first line.
    pub at: u64,
    /// How long it is.
    pub bytes: u64,
}

/// The first line of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDayHead {
    version: u32,
    /// Which day, in UTC.
    pub day: Date,
    /// The accounts of which the log has anything.
    pub accounts: BTreeMap<String, AccountReach>,
}

impl SessionDayHead {
    /// Reads a first line.
    ///
    /// # Errors
    /// It is none, or of another release.
    pub fn read(line: &str) -> Result<Self, SessionDayError> {
        let head: Self = serde_json::from_str(line).map_err(|it| unreadable(&it))?;
        if head.version == VERSION {
            Ok(head)
        } else {
            Err(SessionDayError::Version(head.version))
        }
    }
}

/// The sessions of an account on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionAccount {
    /// In the order of people.
    pub sessions: Vec<SessionOfDay>,
}

/// What somebody did in a session of a permission set on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOfDay {
    /// The name of the session, which is the person's.
    pub person: String,
    /// Their id, where the log has it.
    pub user_id: Option<String>,
    /// The permission set.
    pub permission_set: String,
    /// When the session began, where the log says it.
    pub started: Option<Timestamp>,
    /// What they called, by service and action.
    pub calls: Vec<SessionCall>,
}

impl SessionOfDay {
    /// Whether it is somebody's: by their id where the log has one, else by the names that a session of theirs may have,
    /// whatever the case.
    pub(crate) fn is_of(&self, user_id: &str, names: &[String]) -> bool {
        match &self.user_id {
            Some(id) => id == user_id,
            None => names.iter().any(|it| it.eq_ignore_ascii_case(&self.person)),
        }
    }
}

/// Calls of one action with one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionCall {
    /// The service.
    pub service: String,
    /// The event's name.
    pub action: String,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Whether it writes.
    pub is_write: Option<bool>,
    /// How often.
    pub count: u64,
    /// First.
    pub first: Timestamp,
    /// Last.
    pub last: Timestamp,
    /// ARNs of some of what it was done to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
}

type SessionKey<'a> = (&'a str, Option<&'a str>, &'a str, Option<Timestamp>);
type CallKey<'a> = (&'a str, &'a str, Option<&'a str>);
type SessionCalls<'a> = BTreeMap<CallKey<'a>, ActivityFacts>;

#[derive(Default)]
struct AccountOfDay<'a> {
    reach: Option<(Timestamp, Timestamp)>,
    sessions: BTreeMap<SessionKey<'a>, SessionCalls<'a>>,
}

impl<'a> AccountOfDay<'a> {
    fn add(&mut self, key: &'a ActivityKey, facts: &ActivityFacts) {
        self.reach = Some(match self.reach {
            None => (facts.first_seen, facts.last_seen),
            Some((first, last)) => (first.min(facts.first_seen), last.max(facts.last_seen)),
        });
        let who = &key.principal;
        let Some(set) = who.permission_set.as_deref() else {
            return;
        };
        if who.kind != PrincipalKind::Person {
            return;
        }
        let session = (
            who.name.as_str(),
            who.user_id.as_deref(),
            set,
            who.session_started,
        );
        let call = (
            key.service.as_str(),
            key.action.as_str(),
            key.error_code.as_deref(),
        );
        let calls = self.sessions.entry(session).or_default();
        // the same in several Regions is one
        match calls.get_mut(&call) {
            Some(before) => before.join(facts.clone()),
            None => {
                calls.insert(call, facts.clone());
            }
        }
    }

    fn sessions(&self) -> SessionAccount {
        let sessions = self.sessions.iter().map(|(session, calls)| {
            let (person, user_id, permission_set, started) = session;
            SessionOfDay {
                person: (*person).to_owned(),
                user_id: user_id.map(str::to_owned),
                permission_set: (*permission_set).to_owned(),
                started: *started,
                calls: calls
                    .iter()
                    .map(|(call, facts)| call_of(*call, facts))
                    .collect(),
            }
        });
        SessionAccount {
            sessions: sessions.collect(),
        }
    }
}

fn call_of((service, action, error_code): CallKey<'_>, facts: &ActivityFacts) -> SessionCall {
    SessionCall {
        service: service.to_owned(),
        action: action.to_owned(),
        error_code: error_code.map(str::to_owned),
        is_write: facts.is_write,
        count: facts.count(),
        first: facts.first_seen,
        last: facts.last_seen,
        resources: facts.resources.iter().map(str::to_owned).collect(),
    }
}

/// The text of a day, of all of its rows.
///
/// # Errors
/// It cannot be written (this is a bug).
pub fn session_day(day: Date, rows: &ActivityRows) -> Result<String, SessionDayError> {
    let mut accounts: BTreeMap<&str, AccountOfDay<'_>> = BTreeMap::new();
    for (key, facts) in rows.iter() {
        accounts.entry(&key.account_id).or_default().add(key, facts);
    }
    let mut lines = String::new();
    let mut head = SessionDayHead {
        version: VERSION,
        day,
        accounts: BTreeMap::new(),
    };
    for (id, account) in accounts {
        let Some((first, last)) = account.reach else {
            continue;
        };
        let line = serde_json::to_string(&account.sessions()).map_err(|it| unreadable(&it))?;
        let reach = AccountReach {
            first,
            last,
            at: lines.len() as u64,
            bytes: line.len() as u64,
        };
        head.accounts.insert(id.to_owned(), reach);
        lines.push_str(&line);
        lines.push('\n');
    }
    let head = serde_json::to_string(&head).map_err(|it| unreadable(&it))?;
    Ok(format!("{head}\n{lines}"))
}

/// Reads the line of an account.
///
/// # Errors
/// It is none.
pub fn account_in(line: &str) -> Result<SessionAccount, SessionDayError> {
    serde_json::from_str(line).map_err(|it| unreadable(&it))
}

fn unreadable(error: &serde_json::Error) -> SessionDayError {
    SessionDayError::Unreadable(error.to_string())
}
