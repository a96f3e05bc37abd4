//! Record queries.
//!
//! A store indexes [`mentions`] so that a search does not read the whole log. The index narrows;
//! [`RecordQuery::fits`] decides, the same in every engine.

use std::borrow::Cow;
use std::collections::BTreeSet;

use hallpass_base::UserId;
use serde_json::Value;

use crate::{NOT_APPLICABLE, Record};

const PEOPLE: [&str; 3] = ["requester_email", "approver_email", "actor"];
const TEXTS: [&str; 10] = [
    "account_id",
    "role_name",
    "group_name",
    "group_id",
    "reason",
    "why",
    "error",
    "event",
    "source",
    "approval",
];
const USERS: [&str; 3] = ["sso_user_principal_id", "approver_user_id", "actor_user_id"];
/// Members that hold an identifier, found only as a whole and not indexed by the store.
const IDS: [&str; 4] = [
    "request_id",
    "sso_user_principal_id",
    "approver_user_id",
    "actor_user_id",
];
const OWN_IDS: [&str; 3] = ["id", "access_request_id", "grant_id"];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The search text. Matches any part of a text, case-insensitively, and whole identifiers.
    pub text: String,
    /// Addresses, accounts and other keys that the text resolves to: records hold only those.
    pub named: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordSubject {
    pub request: Option<String>,
    pub grant: Option<String>,
}

/// All conditions must hold; the default matches all records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordQuery {
    pub order: Order,
    /// With a number below this; `None` = up to the newest.
    pub before: Option<u64>,
    /// With a number of at least this.
    pub from: u64,
    /// With one of these events, by name; empty = any.
    pub events: Vec<String>,
    /// Naming one of these users as requester, approver or actor; `None` = any.
    pub naming: Option<BTreeSet<UserId>>,
    /// Naming one of these user ids or addresses in the same way; `None` = any.
    pub people: Option<BTreeSet<String>>,
    /// About one of these accounts, by id; `None` = any.
    pub accounts: Option<BTreeSet<String>>,
    pub about: Option<RecordSubject>,
    pub words: Option<Words>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundRecords {
    pub records: Vec<Record>,
    /// Cursor: the number of the last record examined. `None` at the end.
    pub next: Option<u64>,
}

impl RecordQuery {
    /// Returns the same query, continued after `place`.
    #[must_use]
    pub fn after(mut self, place: u64) -> Self {
        match self.order {
            Order::NewestFirst => self.before = Some(place),
            Order::OldestFirst => self.from = place.saturating_add(1),
        }
        self
    }

    pub fn fits(&self, record: &Record) -> bool {
        let seq = record.seq();
        seq >= self.from
            && self.before.is_none_or(|before| seq < before)
            && (self.events.is_empty() || self.events.iter().any(|event| event == record.event()))
            && self
                .naming
                .as_ref()
                .is_none_or(|users| users.iter().any(|user| names_user(record, user)))
            && self.people.as_ref().is_none_or(|people| {
                let fields = USERS.iter().chain(&PEOPLE);
                let mut texts = fields.filter_map(|field| record.text(field));
                texts.any(|text| people.contains(text))
            })
            && self.accounts.as_ref().is_none_or(|accounts| {
                let account = record.text("account_id");
                account.is_some_and(|account| accounts.contains(account))
            })
            && self.about.as_ref().is_none_or(|about| about.fits(record))
            && self.words.as_ref().is_none_or(|words| words.fit(record))
    }
}

/// Whether a record names the user as requester, approver or actor. Compares user ids: an address
/// may have belonged to another user.
pub fn names_user(record: &Record, user: &UserId) -> bool {
    let mut texts = USERS.into_iter().filter_map(|field| record.text(field));
    texts.any(|text| text == user.as_str())
}

impl RecordSubject {
    fn fits(&self, record: &Record) -> bool {
        let is =
            |field: &str, wanted: Option<&str>| wanted.is_some() && record.text(field) == wanted;
        is("access_request_id", self.request.as_deref()) || is("grant_id", self.grant.as_deref())
    }
}

impl Words {
    fn fit(&self, record: &Record) -> bool {
        let wanted = self.text.trim().to_lowercase();
        let whole = |text: &str| self.named.contains(text) || text.to_lowercase() == wanted;
        let part = |text: &str| self.named.contains(text) || text.to_lowercase().contains(&wanted);
        let member = |field: &&str| record.text(field);
        PEOPLE.iter().chain(&TEXTS).filter_map(member).any(part)
            || IDS.iter().chain(&OWN_IDS).filter_map(member).any(whole)
            || rules(record).iter().any(|rule| part(rule))
    }
}

fn rules(record: &Record) -> Vec<Cow<'_, str>> {
    // without building the members: most records rest on one rule
    if let Some(rules) = record.list("based_on") {
        return rules;
    }
    let rules = record.fields().get("based_on").and_then(Value::as_array);
    let texts = rules.into_iter().flatten().filter_map(Value::as_str);
    texts.map(Cow::Borrowed).collect()
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    /// Found by any part of it.
    Text(String),
    Id(String),
}

impl Mention {
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Id(text) => text,
        }
    }
}

/// Returns every text that finds a record, once each: people, accounts, words, rules, its event.
/// Excludes Hallpass's identifiers.
pub fn mentions(record: &Record) -> BTreeSet<Mention> {
    let texts = PEOPLE
        .into_iter()
        .chain(TEXTS)
        .filter_map(|field| record.text(field));
    let mut found: BTreeSet<Mention> = texts.map(|text| Mention::Text(text.to_owned())).collect();
    found.extend(
        rules(record)
            .into_iter()
            .map(|rule| Mention::Text(rule.into_owned())),
    );
    let ids = IDS.into_iter().filter_map(|field| record.text(field));
    found.extend(ids.map(|id| Mention::Id(id.to_owned())));
    found.retain(|mention| !mention.text().is_empty() && mention.text() != NOT_APPLICABLE);
    found
}
