//! Which records somebody looks for, and what of a record is looked at.
//!
//! A store keeps an index of [`mentions`], so that a search reads what it finds and not the log. The
//! index narrows; [`RecordQuery::fits`] decides, in every engine alike.

use std::borrow::Cow;
use std::collections::BTreeSet;

use hallpass_base::UserId;
use serde_json::Value;

use crate::{NOT_APPLICABLE, Record};

/// Members that name a person by address.
const PEOPLE: [&str; 3] = ["requester_email", "approver_email", "actor"];
/// Members that words are looked for in.
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
/// Members that name a person by user id.
const USERS: [&str; 3] = ["sso_user_principal_id", "approver_user_id", "actor_user_id"];
/// Members that hold an identifier, which is found whole, and of which a store keeps no index of its
/// own.
const IDS: [&str; 4] = [
    "request_id",
    "sso_user_principal_id",
    "approver_user_id",
    "actor_user_id",
];
/// Our own identifiers.
const OWN_IDS: [&str; 3] = ["id", "access_request_id", "grant_id"];

/// In which order records are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

/// Words somebody typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// What was typed. It is found in texts wherever it stands, letters alike in both cases, and in
    /// identifiers when it is the whole of one.
    pub text: String,
    /// Addresses, accounts and the like that it names: records know those by nothing else.
    pub named: BTreeSet<String>,
}

/// What records are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordSubject {
    /// This request, or
    pub request: Option<String>,
    /// this grant.
    pub grant: Option<String>,
}

/// Which records to find. All conditions must hold; the default finds all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// In this order.
    pub order: Order,
    /// With a number below this; `None` = up to the newest.
    pub before: Option<u64>,
    /// With a number of at least this.
    pub from: u64,
    /// With one of these events, by name; empty = any.
    pub events: Vec<String>,
    /// That name one of these people as requester, approver or actor, by user id; `None` = anybody.
    pub naming: Option<BTreeSet<UserId>>,
    /// About a request or a grant.
    pub about: Option<RecordSubject>,
    /// In which these words stand.
    pub words: Option<Words>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundRecords {
    /// Records, in the order asked for.
    pub records: Vec<Record>,
    /// Where to go on: the number of the last record looked at. `None`: nothing is left.
    pub next: Option<u64>,
}

impl RecordQuery {
    /// The same query from where an answer ended.
    #[must_use]
    pub fn after(mut self, place: u64) -> Self {
        match self.order {
            Order::NewestFirst => self.before = Some(place),
            Order::OldestFirst => self.from = place.saturating_add(1),
        }
        self
    }

    /// Whether a record is one of those looked for.
    pub fn fits(&self, record: &Record) -> bool {
        let seq = record.seq();
        seq >= self.from
            && self.before.is_none_or(|before| seq < before)
            && (self.events.is_empty() || self.events.iter().any(|event| event == record.event()))
            && self
                .naming
                .as_ref()
                .is_none_or(|users| users.iter().any(|user| names_user(record, user)))
            && self.about.as_ref().is_none_or(|about| about.fits(record))
            && self.words.as_ref().is_none_or(|words| words.fit(record))
    }
}

/// Whether a record names somebody as requester, approver or actor, by their user id: an address may
/// have been somebody else's.
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

/// The rules a record rests on.
fn rules(record: &Record) -> Vec<Cow<'_, str>> {
    // without building the members: most records rest on one rule
    if let Some(rules) = record.list("based_on") {
        return rules;
    }
    let rules = record.fields().get("based_on").and_then(Value::as_array);
    let texts = rules.into_iter().flatten().filter_map(Value::as_str);
    texts.map(Cow::Borrowed).collect()
}

/// A text that a record holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    /// Found by any part of it.
    Text(String),
    /// Found whole.
    Id(String),
}

impl Mention {
    /// The text.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Id(text) => text,
        }
    }
}

/// Every text by which a record is found, each once: people, accounts, words, rules, its event. Our
/// own identifiers are not among them.
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
