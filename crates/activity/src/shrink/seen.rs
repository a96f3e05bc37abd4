use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use hallpass_base::Timestamp;

use crate::log::{LogFault, ReadCount, each_text, record_text};
use crate::table::{ActivityRecord, PrincipalKind, row_of};

/// Parts of error codes that mean a missing permission.
const REFUSALS: [&str; 4] = ["AccessDenied", "Unauthorized", "Forbidden", "NotAuthorized"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallOutcome {
    Succeeded,
    /// Failed for another reason; it may have needed a permission anyway.
    Failed,
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeenCall {
    pub account_id: String,
    /// `global` if the log has none.
    pub region: String,
    pub person: String,
    /// Without `.amazonaws.com`.
    pub service: String,
    pub event: String,
    pub error_code: Option<String>,
    /// ARNs named by every event; `None` if unknown.
    pub resources: Option<BTreeSet<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenUse {
    pub call: SeenCall,
    pub events: u64,
    pub last: Timestamp,
}

impl SeenCall {
    pub fn outcome(&self) -> CallOutcome {
        match self.error_code.as_deref() {
            None | Some("") => CallOutcome::Succeeded,
            Some(code) if REFUSALS.iter().any(|it| code.contains(it)) => CallOutcome::Refused,
            Some(_) => CallOutcome::Failed,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UseOf {
    PermissionSet(String),
    Role(String),
}

#[derive(Clone, Debug)]
pub struct UsesWanted {
    pub of: UseOf,
    pub since: Timestamp,
    pub until: Timestamp,
    /// `None` selects all accounts.
    pub account: Option<String>,
}

/// Uses from logs. Order and repetition do not matter.
#[derive(Clone, Debug, Default)]
pub struct SeenFold {
    calls: BTreeMap<SeenCall, (BTreeSet<u64>, Timestamp)>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    names: BTreeSet<(String, String)>,
}

impl SeenFold {
    /// A broken file changes nothing.
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

    pub fn reach(&self) -> Option<(Timestamp, Timestamp)> {
        self.first.zip(self.last)
    }

    pub fn names(&self) -> &BTreeSet<(String, String)> {
        &self.names
    }

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
        // Other callers only show which kinds of events the log has.
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
