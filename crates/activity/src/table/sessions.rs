//! Sessions of permission sets on a day, by account, as text that is read without an engine
//! (`inventory.md` H-27). The first line has the log's extent and the position of each account's
//! line, so a reader needs only one account's.

use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::principal::PrincipalKind;
use super::row::{ActivityKey, ActivityTotals};
use super::rows::ActivityRows;

const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionDayError {
    #[error("it is no day of sessions: {0}")]
    Unreadable(String),
    #[error("it has version {0}; this release reads version {VERSION}")]
    Version(u32),
}

/// The log's extent in an account on a day, and the position of its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReach {
    /// The first event of any user.
    pub first: Timestamp,
    pub last: Timestamp,
    /// Counted from the end of the first line.
    pub at: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDayHead {
    version: u32,
    /// In UTC.
    pub day: Date,
    pub accounts: BTreeMap<String, AccountReach>,
}

impl SessionDayHead {
    /// # Errors
    /// It is invalid, or of another release.
    pub fn read(line: &str) -> Result<Self, SessionDayError> {
        let head: Self = serde_json::from_str(line).map_err(|it| unreadable(&it))?;
        if head.version == VERSION {
            Ok(head)
        } else {
            Err(SessionDayError::Version(head.version))
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionAccount {
    pub sessions: Vec<SessionOfDay>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOfDay {
    /// The session name, which identifies the person.
    pub person: String,
    pub user_id: Option<String>,
    pub permission_set: String,
    pub started: Option<Timestamp>,
    pub calls: Vec<SessionCall>,
}

impl SessionOfDay {
    /// Matches the id if logged, else the possible session names, ignoring case.
    pub(crate) fn is_of(&self, user_id: &str, names: &[String]) -> bool {
        match &self.user_id {
            Some(id) => id == user_id,
            None => names.iter().any(|it| it.eq_ignore_ascii_case(&self.person)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionCall {
    pub service: String,
    pub action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    pub is_write: Option<bool>,
    pub count: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
}

/// Person, user id, permission set, start.
type SessionKey = (String, Option<String>, String, Option<Timestamp>);
/// Service, action, error code.
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
        // Merges Regions: an event is in one Region.
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

/// Builds a day of sessions from sorted rows, with one account in memory at a time.
pub struct SessionDayMaking {
    head: SessionDayHead,
    open: Option<AccountOfDay>,
    length: u64,
}

impl SessionDayMaking {
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

    /// Adds a row; returns the previous account's line when another begins.
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

    /// Returns the first line, which precedes the accounts, and the last account's line.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn finish(mut self) -> Result<(String, Option<String>), SessionDayError> {
        let last = self.ended()?;
        let head = serde_json::to_string(&self.head).map_err(|it| unreadable(&it))?;
        Ok((head + "\n", last))
    }
}

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

/// # Errors
/// It is invalid.
pub fn account_in(line: &str) -> Result<SessionAccount, SessionDayError> {
    serde_json::from_str(line).map_err(|it| unreadable(&it))
}

fn unreadable(error: &serde_json::Error) -> SessionDayError {
    SessionDayError::Unreadable(error.to_string())
}
