//! What people did in sessions of permission sets on a day, account by account, as text that is read without an engine
//! (`inventory.md` H-27): the first line says how far the log goes in each account and where its line is, so that
//! who asks for one account reads no other.

use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::principal::PrincipalKind;
use super::row::{ActivityKey, ActivityTotals};
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

/// Person, their id, permission set, when it began.
type SessionKey = (String, Option<String>, String, Option<Timestamp>);
/// Service, action, why it was not done.
type CallKey = (String, String, Option<String>);
type SessionCalls = BTreeMap<CallKey, ActivityTotals>;

struct AccountOfDay {
    id: String,
    reach: (Timestamp, Timestamp),
    sessions: BTreeMap<SessionKey, SessionCalls>,
}

impl AccountOfDay {
    fn add(&mut self, key: &ActivityKey, totals: &ActivityTotals) {
        let (first, last) = self.reach;
        self.reach = (first.min(totals.first_seen), last.max(totals.last_seen));
        let who = &key.principal;
        let (Some(set), PrincipalKind::Person) = (&who.permission_set, who.kind) else {
            return;
        };
        let session = (
            who.name.clone(),
            who.user_id.clone(),
            set.clone(),
            who.session_started,
        );
        let call = (
            key.service.clone(),
            key.action.clone(),
            key.error_code.clone(),
        );
        let calls = self.sessions.entry(session).or_default();
        // the same in several Regions is one: an event is in one Region
        match calls.get_mut(&call) {
            Some(before) => before.join(totals.clone()),
            None => {
                calls.insert(call, totals.clone());
            }
        }
    }

    fn sessions(self) -> SessionAccount {
        let sessions = self.sessions.into_iter().map(|(session, calls)| {
            let (person, user_id, permission_set, started) = session;
            SessionOfDay {
                person,
                user_id,
                permission_set,
                started,
                calls: calls.into_iter().map(call_of).collect(),
            }
        });
        SessionAccount {
            sessions: sessions.collect(),
        }
    }
}

fn call_of(((service, action, error_code), totals): (CallKey, ActivityTotals)) -> SessionCall {
    SessionCall {
        service,
        action,
        error_code,
        is_write: totals.is_write,
        count: totals.events,
        first: totals.first_seen,
        last: totals.last_seen,
        resources: totals.resources.iter().map(str::to_owned).collect(),
    }
}

/// A day of sessions in the making: rows come in the order of their keys, and of one account at a time the sessions of
/// people are in memory.
pub struct SessionDayMaking {
    head: SessionDayHead,
    open: Option<AccountOfDay>,
    length: u64,
}

impl SessionDayMaking {
    /// An empty day.
    pub fn new(day: Date) -> Self {
        let head = SessionDayHead {
            version: VERSION,
            day,
            accounts: BTreeMap::new(),
        };
        Self {
            head,
            open: None,
            length: 0,
        }
    }

    /// Takes a row; the line of the account before, with its end, where another one begins here.
    ///
    /// # Errors
    /// The line cannot be written (this is a bug).
    pub fn add(
        &mut self,
        key: &ActivityKey,
        totals: &ActivityTotals,
    ) -> Result<Option<String>, SessionDayError> {
        let mut ended = None;
        if self.open.as_ref().is_none_or(|it| it.id != key.account_id) {
            ended = self.ended()?;
        }
        let account = self.open.get_or_insert_with(|| AccountOfDay {
            id: key.account_id.clone(),
            reach: (totals.first_seen, totals.last_seen),
            sessions: BTreeMap::new(),
        });
        account.add(key, totals);
        Ok(ended)
    }

    fn ended(&mut self) -> Result<Option<String>, SessionDayError> {
        let Some(mut account) = self.open.take() else {
            return Ok(None);
        };
        let (id, (first, last)) = (std::mem::take(&mut account.id), account.reach);
        let line = serde_json::to_string(&account.sessions()).map_err(|it| unreadable(&it))?;
        let reach = AccountReach {
            first,
            last,
            at: self.length,
            bytes: line.len() as u64,
        };
        self.head.accounts.insert(id, reach);
        self.length += line.len() as u64 + 1;
        Ok(Some(line + "\n"))
    }

    /// The first line, which goes before those of accounts, and the line of the last account; each with its end.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn finish(mut self) -> Result<(String, Option<String>), SessionDayError> {
        let last = self.ended()?;
        let head = serde_json::to_string(&self.head).map_err(|it| unreadable(&it))?;
        Ok((head + "\n", last))
    }
}

/// The text of a day, of all of its rows.
///
/// # Errors
/// It cannot be written (this is a bug).
pub fn session_day(day: Date, rows: &ActivityRows) -> Result<String, SessionDayError> {
    let mut making = SessionDayMaking::new(day);
    let mut lines = String::new();
    for (key, facts) in rows.iter() {
        lines.extend(making.add(key, &facts.totals())?);
    }
    let (head, last) = making.finish()?;
    lines.extend(last);
    Ok(head + &lines)
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
