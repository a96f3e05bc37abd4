//! What was called under a permission set, event by event: with the resources that each event named.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use hallpass_base::Timestamp;

use crate::log::{LogFault, ReadCount, each_text, record_text};
use crate::table::{ActivityRecord, PrincipalKind, row_of};

/// Parts of the codes of errors that mean a right was missing.
const REFUSALS: [&str; 4] = ["AccessDenied", "Unauthorized", "Forbidden", "NotAuthorized"];

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallOutcome {
    /// It was done.
    Succeeded,
    /// It failed for another reason than a missing permission; it may have needed one all the same.
    Failed,
    /// It was refused for a missing permission.
    Refused,
}

/// Calls that are counted together: same place, person and action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeenCall {
    /// The account that was called.
    pub account_id: String,
    /// The Region; `global` where the log has none.
    pub region: String,
    /// The person who called, as the activity table names them.
    pub person: String,
    /// The service, without `.amazonaws.com`.
    pub service: String,
    /// The event's name.
    pub event: String,
    /// Why it was not done.
    pub error_code: Option<String>,
    /// The ARNs that every one of these events named; `None` where they are not known.
    pub resources: Option<BTreeSet<String>>,
}

/// Calls that are one, and how many there were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenUse {
    /// The call.
    pub call: SeenCall,
    /// How many events.
    pub events: u64,
    /// The last.
    pub last: Timestamp,
}

impl SeenCall {
    /// What came of it.
    pub fn outcome(&self) -> CallOutcome {
        match self.error_code.as_deref() {
            None | Some("") => CallOutcome::Succeeded,
            Some(code) if REFUSALS.iter().any(|it| code.contains(it)) => CallOutcome::Refused,
            Some(_) => CallOutcome::Failed,
        }
    }
}

/// Whose calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UseOf {
    /// Of people in sessions of a permission set.
    PermissionSet(String),
    /// Of sessions of a role of this name.
    Role(String),
}

/// Which records of a log are looked for.
#[derive(Clone, Debug)]
pub struct UsesWanted {
    /// Whose calls count.
    pub of: UseOf,
    /// From when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Where; everywhere where there is none.
    pub account: Option<String>,
}

/// What logs say of uses. Order, repetition and parts change nothing.
#[derive(Clone, Debug, Default)]
pub struct SeenFold {
    calls: BTreeMap<SeenCall, (BTreeSet<u64>, Timestamp)>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Services and names of all events, whoever made them.
    names: BTreeSet<(String, String)>,
}

impl SeenFold {
    /// Reads a file into it; a broken one changes nothing.
    ///
    /// # Errors
    /// The file is broken.
    pub fn read(&mut self, bytes: impl Read, wanted: &UsesWanted) -> Result<ReadCount, LogFault> {
        let mut of_file = Self::default();
        let count = each_text(bytes, |text, kind| {
            let text = record_text(text, kind)?;
            of_file.add(&serde_json::from_str(&text)?, wanted);
            Ok(())
        })?;
        self.merge(of_file);
        Ok(count)
    }

    /// The instants of the first and the last record of anybody.
    pub fn reach(&self) -> Option<(Timestamp, Timestamp)> {
        self.first.zip(self.last)
    }

    /// Services and names of all events, whoever made them.
    pub fn names(&self) -> &BTreeSet<(String, String)> {
        &self.names
    }

    /// The uses.
    pub fn uses(self) -> Vec<SeenUse> {
        let each = self
            .calls
            .into_iter()
            .map(|(call, (events, last))| SeenUse {
                call,
                events: events.len() as u64,
                last,
            });
        each.collect()
    }

    fn merge(&mut self, other: Self) {
        for (call, (events, last)) in other.calls {
            self.note(call, events, last);
        }
        self.names.extend(other.names);
        self.first = other.first.into_iter().chain(self.first).min();
        self.last = other.last.into_iter().chain(self.last).max();
    }

    fn note(&mut self, call: SeenCall, mut events: BTreeSet<u64>, last: Timestamp) {
        match self.calls.entry(call) {
            Entry::Vacant(entry) => {
                entry.insert((events, last));
            }
            Entry::Occupied(mut entry) => {
                let (known, at) = entry.get_mut();
                if events.len() > known.len() {
                    std::mem::swap(known, &mut events);
                }
                known.extend(events);
                *at = last.max(*at);
            }
        }
    }

    fn add(&mut self, record: &ActivityRecord<'_>, wanted: &UsesWanted) {
        let at = record.event_time;
        self.first = self.first.into_iter().chain([at]).min();
        self.last = self.last.into_iter().chain([at]).max();
        // what others did says nothing of these people, but which kinds of events the log has
        if at < wanted.since || at > wanted.until {
            return;
        }
        let named = record
            .resources
            .iter()
            .map(|it| it.arn.as_deref().map(str::to_owned));
        let named: Option<BTreeSet<String>> = named.collect();
        let resources = named.filter(|it| !it.is_empty());
        let Ok((key, facts)) = row_of(record) else {
            return;
        };
        self.names.insert((key.service.clone(), key.action.clone()));
        let who = &key.principal;
        let is_theirs = match &wanted.of {
            UseOf::PermissionSet(name) => {
                who.kind == PrincipalKind::Person && who.permission_set.as_ref() == Some(name)
            }
            UseOf::Role(name) => who.role.as_ref() == Some(name),
        };
        let is_there = wanted
            .account
            .as_ref()
            .is_none_or(|it| *it == key.account_id);
        if !is_theirs || !is_there {
            return;
        }
        let call = SeenCall {
            account_id: key.account_id,
            region: key.region,
            person: key.principal.name,
            service: key.service,
            event: key.action,
            error_code: key.error_code,
            resources,
        };
        self.note(call, facts.events, facts.last_seen);
    }
}
