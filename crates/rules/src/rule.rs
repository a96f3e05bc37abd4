//! One rule as it was read: who may ask for what, who must review it, and within which limits.

use std::{collections::BTreeSet, fmt, sync::Arc};

use hallpass_model::{AccountId, Email, GroupId, Span};
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::{diagnostic::Position, glob::Glob, hours::Hours};

/// The name of a rule in audit records and explanations. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(Arc<str>);

impl RuleId {
    pub(crate) fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for RuleId {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for RuleId {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl From<RuleId> for String {
    fn from(id: RuleId) -> Self {
        id.0.as_ref().to_owned()
    }
}

/// A group as a rule names it. The sso-elevator form knows ids only; native rules also names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum GroupRef {
    /// By id, compared exactly.
    Id(GroupId),
    /// By display name, compared without ASCII case; kept in lower case.
    Name(String),
}

impl fmt::Display for GroupRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => fmt::Display::fmt(id, f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Accounts as one key of a rule selects them; the entries of a key add up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// Every account.
    Every,
    /// One account.
    Account(AccountId),
    /// Accounts by name (native only).
    AccountName(Glob),
    /// The subtree of an organizational unit by id.
    Ou(String),
    /// The subtree of an organizational unit by path, without the root's name; empty is the root.
    OuPath(String),
}

/// Accounts by tag: the key must be there with one of the values (native only).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TagMatch {
    pub(crate) key: String,
    pub(crate) values: BTreeSet<Glob>,
}

/// Permission sets a rule selects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SetMatch {
    /// Every permission set.
    Every,
    /// One, by exact name.
    Name(String),
    /// Several, by glob (native only).
    Glob(Glob),
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Targets {
    /// Permission sets in accounts. An account must be in every list that is given.
    Accounts {
        accounts: Option<BTreeSet<Place>>,
        ous: Option<BTreeSet<Place>>,
        tags: BTreeSet<TagMatch>,
        sets: BTreeSet<SetMatch>,
    },
    /// Membership of groups.
    Groups(BTreeSet<GroupRef>),
}

/// One of several reviews that must all happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StageRule {
    pub(crate) name: String,
    pub(crate) people: BTreeSet<Email>,
    pub(crate) groups: BTreeSet<GroupRef>,
    pub(crate) quorum: u32,
}

/// A regular expression a reason or ticket must match. Equal when written alike.
#[derive(Clone)]
pub struct TextPattern(Regex);

impl TextPattern {
    pub(crate) fn new(pattern: &str) -> Result<Self, regex::Error> {
        regex::RegexBuilder::new(pattern)
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(REGEX_BYTES_MAX)
            .build()
            .map(Self)
    }

    /// The expression as written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the expression is found in `text`.
    pub fn is_found_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// The largest compiled expression, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

impl PartialEq for TextPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TextPattern {}

impl std::hash::Hash for TextPattern {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.as_str())
    }
}

impl Serialize for TextPattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Everything a rule says. Two rules that say the same count once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Terms {
    /// The name the file gives; rules with different names are different rules.
    pub(crate) given_id: Option<String>,
    pub(crate) targets: Targets,
    pub(crate) approvers: BTreeSet<Email>,
    pub(crate) approver_groups: BTreeSet<GroupRef>,
    pub(crate) stages: Vec<StageRule>,
    pub(crate) allowed_users: BTreeSet<Email>,
    pub(crate) allowed_groups: BTreeSet<GroupRef>,
    pub(crate) allow_self_approval: Option<bool>,
    pub(crate) approval_is_not_required: Option<bool>,
    pub(crate) notify: Option<BTreeSet<Email>>,
    pub(crate) max_duration: Option<Span>,
    pub(crate) min_approvals: u32,
    pub(crate) slack_channel: Option<String>,
    pub(crate) break_glass: Option<BTreeSet<Email>>,
    pub(crate) reason_pattern: Option<TextPattern>,
    pub(crate) ticket_pattern: Option<TextPattern>,
    pub(crate) hours: Option<Hours>,
}

impl Terms {
    pub(crate) fn new(targets: Targets) -> Self {
        Self {
            given_id: None,
            targets,
            approvers: BTreeSet::new(),
            approver_groups: BTreeSet::new(),
            stages: Vec::new(),
            allowed_users: BTreeSet::new(),
            allowed_groups: BTreeSet::new(),
            allow_self_approval: None,
            approval_is_not_required: None,
            notify: None,
            max_duration: None,
            min_approvals: 1,
            slack_channel: None,
            break_glass: None,
            reason_pattern: None,
            ticket_pattern: None,
            hours: None,
        }
    }

    /// Whether everyone may ask.
    pub(crate) fn is_open(&self) -> bool {
        self.allowed_users.is_empty() && self.allowed_groups.is_empty()
    }

    /// Whether there is anything beyond targets, requesters, approvers and flags.
    pub(crate) fn has_limits(&self) -> bool {
        !self.stages.is_empty()
            || self.notify.is_some()
            || self.max_duration.is_some()
            || self.min_approvals > 1
            || self.slack_channel.is_some()
            || self.break_glass.is_some()
            || self.reason_pattern.is_some()
            || self.ticket_pattern.is_some()
    }

    /// People listed by name as approvers, in stages or not.
    pub(crate) fn listed_people(&self) -> impl Iterator<Item = &Email> {
        self.approvers
            .iter()
            .chain(self.stages.iter().flat_map(|stage| &stage.people))
    }

    /// Groups whose members count as approvers, in stages or not.
    pub(crate) fn listed_groups(&self) -> impl Iterator<Item = &GroupRef> {
        self.approver_groups
            .iter()
            .chain(self.stages.iter().flat_map(|stage| &stage.groups))
    }
}

/// A rule with its name and place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) list: &'static str,
    pub(crate) index: usize,
    pub(crate) position: Position,
    pub(crate) terms: Terms,
}
