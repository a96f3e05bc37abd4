use std::fmt;

use hallpass_base::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::generate::{Draft, DraftStatement, Many};
use crate::language::Effect;

/// Placeholder value of a pre-attached policy: never matches.
pub const PRE_STAGED: &str = "hallpass-none";

pub(super) const USER_ID: &str = "identitystore:UserId";
pub(super) const SESSION: &str = "aws:userid";
pub(super) const SOURCE: &str = "aws:SourceIdentity";
pub(super) const PRINCIPAL: &str = "aws:PrincipalArn";
pub(super) const ISSUED: &str = "aws:TokenIssueTime";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// `identitystore:UserId`
    UserId,
    /// `aws:userid`, the part after the colon
    Name,
    /// `aws:SourceIdentity`
    Source,
    /// `aws:PrincipalArn` and `aws:TokenIssueTime`
    Role,
}

impl EntryKind {
    /// In statement order.
    pub const ALL: [Self; 4] = [Self::UserId, Self::Name, Self::Source, Self::Role];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserId => "user-id",
            Self::Name => "name",
            Self::Source => "source",
            Self::Role => "role",
        }
    }

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

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RevocationEntry {
    UserId {
        value: String,
    },
    /// Case-sensitive, so each spelling is an entry.
    Name {
        value: String,
    },
    /// Case-insensitive.
    Source {
        value: String,
    },
    /// Sessions of a role issued before an instant.
    Role {
        /// ARN pattern; `None` if the policy is on the role.
        value: Option<String>,
        /// Exclusive.
        issued_before: Timestamp,
    },
}

impl RevocationEntry {
    pub fn kind(&self) -> EntryKind {
        match self {
            Self::UserId { .. } => EntryKind::UserId,
            Self::Name { .. } => EntryKind::Name,
            Self::Source { .. } => EntryKind::Source,
            Self::Role { .. } => EntryKind::Role,
        }
    }

    /// The id, name, source identity or role; `None` for the role with the policy.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::UserId { value } | Self::Name { value } | Self::Source { value } => Some(value),
            Self::Role { value, .. } => value.as_deref(),
        }
    }

    /// End of the last matching session: none is issued after `revoked` (or `issued_before`), or
    /// lasts longer than `max_session`.
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

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revocations {
    entries: Vec<RevocationEntry>,
    /// Whether unused kinds keep a placeholder statement.
    pub pre_staged: bool,
}

impl Revocations {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn entries(&self) -> &[RevocationEntry] {
        &self.entries
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn contains(&self, entry: &RevocationEntry) -> bool {
        self.entries.contains(entry)
    }

    /// `false` if already present.
    pub fn add(&mut self, entry: RevocationEntry) -> bool {
        if self.contains(&entry) {
            return false;
        }
        self.entries.push(entry);
        // stable: keeps the order within a kind
        self.entries.sort_by_key(|it| (it.kind(), issued(it)));
        true
    }

    /// `false` if missing.
    pub fn remove(&mut self, entry: &RevocationEntry) -> bool {
        let before = self.entries.len();
        self.entries.retain(|it| it != entry);
        self.entries.len() < before
    }

    /// `None` without statements: detach the policy.
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

    /// Canonical, one line, no newline; `None` if empty.
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

/// One statement per instant, plus one for entries without a role; numbered from the second, since
/// a `Sid` is unique.
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
