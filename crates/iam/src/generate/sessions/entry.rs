//! The entries of a revocation policy, and the policy they make.

use std::fmt;

use hallpass_base::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::generate::{Draft, DraftStatement, Many};
use crate::language::Effect;

/// The value of a policy that is attached in advance: matches nobody.
pub const PRE_STAGED: &str = "hallpass-none";

pub(super) const USER_ID: &str = "identitystore:UserId";
pub(super) const SESSION: &str = "aws:userid";
pub(super) const SOURCE: &str = "aws:SourceIdentity";
pub(super) const PRINCIPAL: &str = "aws:PrincipalArn";
pub(super) const ISSUED: &str = "aws:TokenIssueTime";

/// By what sessions are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// `identitystore:UserId`
    UserId,
    /// `aws:userid`, the part behind the colon
    Name,
    /// `aws:SourceIdentity`
    Source,
    /// `aws:PrincipalArn` and `aws:TokenIssueTime`
    Role,
}

impl EntryKind {
    /// Every kind, in the order of the policy's statements.
    pub const ALL: [Self; 4] = [Self::UserId, Self::Name, Self::Source, Self::Role];

    /// The word of listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserId => "user-id",
            Self::Name => "name",
            Self::Source => "source",
            Self::Role => "role",
        }
    }

    /// The `Sid` of the statement that holds entries of this kind.
    pub fn sid(self) -> &'static str {
        match self {
            Self::UserId => "RevokeUserId",
            Self::Name => "RevokeName",
            Self::Source => "RevokeSource",
            Self::Role => "RevokeRole",
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One selection of sessions that a policy denies everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RevocationEntry {
    /// Sessions of this Identity Center user.
    UserId {
        /// The id in the identity store.
        value: String,
    },
    /// Sessions with this name; the case counts, so each spelling is an entry.
    Name {
        /// The session name.
        value: String,
    },
    /// Sessions with this source identity, whatever the case.
    Source {
        /// The source identity.
        value: String,
    },
    /// Sessions of a role that were issued before an instant.
    Role {
        /// The role's ARN, as a pattern; `None` when the policy sits on the role itself.
        value: Option<String>,
        /// Sessions issued at this instant or later are let through.
        issued_before: Timestamp,
    },
}

impl RevocationEntry {
    /// By what it selects.
    pub fn kind(&self) -> EntryKind {
        match self {
            Self::UserId { .. } => EntryKind::UserId,
            Self::Name { .. } => EntryKind::Name,
            Self::Source { .. } => EntryKind::Source,
            Self::Role { .. } => EntryKind::Role,
        }
    }

    /// The id, name, source identity or role; `None` for "the role the policy sits on".
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::UserId { value } | Self::Name { value } | Self::Source { value } => Some(value),
            Self::Role { value, .. } => value.as_deref(),
        }
    }

    /// When the last session it can select has ended: nothing new is issued after `revoked`
    /// (or after `issued_before`), and none lasts longer than `max_session`.
    pub fn ends(&self, revoked: Timestamp, max_session: SignedDuration) -> Timestamp {
        let last = match self {
            Self::UserId { .. } | Self::Name { .. } | Self::Source { .. } => revoked,
            Self::Role { issued_before, .. } => *issued_before,
        };
        last.checked_add(max_session).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for RevocationEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value().unwrap_or("(where it is attached)");
        write!(f, "{} {value}", self.kind())?;
        match self {
            Self::Role { issued_before, .. } => write!(f, " issued before {issued_before}"),
            Self::UserId { .. } | Self::Name { .. } | Self::Source { .. } => Ok(()),
        }
    }
}

/// A revocation policy taken apart: what it denies, in order and without repetition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revocations {
    entries: Vec<RevocationEntry>,
    /// Whether kinds without entries keep a statement that matches nobody.
    pub pre_staged: bool,
}

impl Revocations {
    /// Nothing, and nothing attached in advance.
    pub fn new() -> Self {
        Self::default()
    }

    /// The entries: by kind, and within a kind in the order they were added.
    pub fn entries(&self) -> &[RevocationEntry] {
        &self.entries
    }

    /// Whether nobody is cut off.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether an entry is there.
    pub fn contains(&self, entry: &RevocationEntry) -> bool {
        self.entries.contains(entry)
    }

    /// Adds an entry; `false` when it was there already.
    pub fn add(&mut self, entry: RevocationEntry) -> bool {
        if self.contains(&entry) {
            return false;
        }
        self.entries.push(entry);
        // stable: the order within a kind stays
        self.entries.sort_by_key(|it| (it.kind(), issued(it)));
        true
    }

    /// Removes an entry; `false` when it was not there.
    pub fn remove(&mut self, entry: &RevocationEntry) -> bool {
        let before = self.entries.len();
        self.entries.retain(|it| it != entry);
        self.entries.len() < before
    }

    /// The policy; `None` when it would have no statement, that is: detach it.
    pub fn draft(&self) -> Option<Draft> {
        let mut statements = Vec::new();
        for kind in EntryKind::ALL {
            let of_kind: Vec<&RevocationEntry> =
                self.entries.iter().filter(|it| it.kind() == kind).collect();
            match kind {
                EntryKind::UserId | EntryKind::Name | EntryKind::Source => {
                    let values: Vec<&str> = of_kind.iter().filter_map(|it| it.value()).collect();
                    if !values.is_empty() {
                        statements.push(by_value(kind, &values));
                    } else if self.pre_staged {
                        statements.push(by_value(kind, &[PRE_STAGED]));
                    }
                }
                EntryKind::Role => statements.extend(by_role(&of_kind)),
            }
        }
        (!statements.is_empty()).then_some(Draft { statements })
    }

    /// The canonical text on one line, without the line's end; `None` when nothing is left.
    pub fn json(&self) -> Option<String> {
        self.draft().map(|draft| draft.json())
    }
}

fn issued(entry: &RevocationEntry) -> Option<Timestamp> {
    match entry {
        RevocationEntry::UserId { .. }
        | RevocationEntry::Name { .. }
        | RevocationEntry::Source { .. } => None,
        RevocationEntry::Role { issued_before, .. } => Some(*issued_before),
    }
}

fn deny(sid: impl Into<String>) -> DraftStatement {
    DraftStatement::new(sid, Effect::Deny, Many::one("*"))
}

fn by_value(kind: EntryKind, values: &[&str]) -> DraftStatement {
    let statement = deny(kind.sid());
    let values = values.iter().copied();
    match kind {
        EntryKind::UserId => statement.when("StringEquals", USER_ID, Many::list(values)),
        EntryKind::Name => {
            let patterns = values.map(|name| format!("*:{name}"));
            statement.when("StringLike", SESSION, Many::list(patterns))
        }
        EntryKind::Source => statement.when("StringEqualsIgnoreCase", SOURCE, Many::list(values)),
        // roles have two keys; see `by_role`
        EntryKind::Role => statement.when("ArnLike", PRINCIPAL, Many::list(values)),
    }
}

/// One statement for each instant, and one more for entries without a role; numbered from the
/// second on, since a `Sid` is unique.
fn by_role(entries: &[&RevocationEntry]) -> Vec<DraftStatement> {
    let mut groups: Vec<(Timestamp, bool, Vec<&str>)> = Vec::new();
    for entry in entries {
        let (Some(instant), value) = (issued(entry), entry.value()) else {
            continue;
        };
        let group = groups
            .iter_mut()
            .find(|(at, with_role, _)| *at == instant && *with_role == value.is_some());
        match group {
            Some((_, _, roles)) => roles.extend(value),
            None => groups.push((instant, value.is_some(), value.into_iter().collect())),
        }
    }
    let numbered = groups.into_iter().enumerate();
    numbered
        .map(|(index, (instant, _, roles))| {
            let sid = EntryKind::Role.sid();
            let statement = match index {
                0 => deny(sid),
                _ => deny(format!("{sid}{}", index + 1)),
            };
            let statement = if roles.is_empty() {
                statement
            } else {
                statement.when("ArnLike", PRINCIPAL, Many::list(roles))
            };
            statement.when("DateLessThan", ISSUED, Many::one(instant.to_string()))
        })
        .collect()
}
