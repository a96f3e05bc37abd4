//! Diagnostics of a rule file: problem, position and fix.

use std::fmt;

use serde::{Serialize, Serializer};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    /// The file loads, but probably has an unintended meaning.
    Warning,
    /// Depends on unread facts.
    Note,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable code of a finding (`access.md` §1.4 and Hallpass's own).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingCode {
            $($(#[$doc])* $name,)*
        }

        impl FindingCode {
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    MissingField = "missing-field",
    BadResourceType = "bad-resource-type",
    BadResource = "bad-resource",
    BadPermissionSet = "bad-permission-set",
    BadEmail = "bad-email",
    BadFlag = "bad-flag",
    BadType = "bad-type",
    UnknownField = "unknown-field",
    /// Not `hh:mm`, minutes over 59, or zero.
    BadDuration = "bad-duration",
    BadNumber = "bad-number",
    BadId = "bad-id",
    BadChannel = "bad-channel",
    DuplicateId = "duplicate-id",
    DuplicateKey = "duplicate-key",
    AmbiguousOu = "ambiguous-ou",
    BadPattern = "bad-pattern",
    BadText = "bad-text",
    BadHours = "bad-hours",
    BadStage = "bad-stage",
    BadTest = "bad-test",
    BadCase = "bad-case",
    MissingRules = "missing-rules",
    BadSyntax = "bad-syntax",
    BadEncoding = "bad-encoding",
    BadCharacter = "bad-character",
    TooLarge = "too-large",
    TooDeep = "too-deep",
    /// A value that only Terraform can compute.
    ComputedValue = "computed-value",
    /// No rule in the file; a warning if a list is explicitly empty.
    NoRules = "no-rules",
    /// Warning: rules of more than one module in a file.
    SeveralModules = "several-modules",
    DeadStatement = "dead-statement",
    DeadExclusion = "dead-exclusion",
    /// Warning: an entry without effect next to another.
    RedundantEntry = "redundant-entry",
    /// Warning: an account tag named like a rule key.
    TagLikeKey = "tag-like-key",
    NobodyCanApprove = "nobody-can-approve",
    /// Warning: a rule excludes all its requesters.
    NobodyCanAsk = "nobody-can-ask",
    /// Warning: requesters without the manager who must approve.
    NoManager = "no-manager",
    /// Warning: the only approver cannot request it.
    SoleApprover = "sole-approver",
    /// Warning: a pattern for the reason or ticket without words that say what to write.
    PatternWithoutHint = "pattern-without-hint",
    /// Warning: a `false` flag overrides a `true` one.
    SelfDeniedBy = "self-denied-by",
    CoercedFlag = "coerced-flag",
    DisplayName = "display-name",
    /// Warning: a non-rule setting of the original tool.
    IgnoredSetting = "ignored-setting",
    /// Warning: a rule for everyone covers all that another rule restricts.
    EveryoneMayAsk = "everyone-may-ask",
    /// Warning: requesters may join a group that holds a role or approves.
    GroupGivesRights = "group-gives-rights",
    /// Warning: an empty requester list, which means no one in native rules and everyone in the
    /// sso-elevator form.
    EmptyList = "empty-list",
    /// Warning: a user missing or disabled in the directory.
    UnknownPerson = "unknown-person",
    UnknownOu = "unknown-ou",
    UnreadGroup = "unread-group",
    /// Warning: unread tags that a rule uses.
    UnreadTags = "unread-tags",
    /// Note: an unread user attribute that a rule uses.
    UnreadAttribute = "unread-attribute",
    /// A requestable group that attribute-based membership manages.
    GroupOwnedTwice = "group-owned-twice",
}

impl Serialize for FindingCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Line and column from 1, columns in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: FindingCode,
    pub file: String,
    #[serde(flatten)]
    pub position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

const VALUE_SHOWN: usize = 80;

impl Diagnostic {
    pub(crate) fn new(
        severity: Severity,
        code: FindingCode,
        position: Position,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code,
            file: String::new(),
            position,
            list: None,
            index: None,
            field: None,
            value: None,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn error(code: FindingCode, position: Position, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, position, message)
    }

    pub(crate) fn warning(
        code: FindingCode,
        position: Position,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Warning, code, position, message)
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub(crate) fn field(mut self, field: &str) -> Self {
        self.field = Some(shorten(field));
        self
    }

    #[must_use]
    pub(crate) fn value(mut self, value: &str) -> Self {
        self.value = Some(shorten(value));
        self
    }

    #[must_use]
    pub(crate) fn at(mut self, list: &'static str, index: usize) -> Self {
        self.list = Some(list);
        self.index = Some(index);
        self
    }

    #[must_use]
    pub(crate) fn into_error(mut self) -> Self {
        self.severity = Severity::Error;
        self
    }

    #[must_use]
    pub(crate) fn into_note(mut self) -> Self {
        self.severity = Severity::Note;
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

pub(crate) fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().take(VALUE_SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for Diagnostic {
    /// `file:line:column: error[code]: list[index].field: message` and a line of help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.name();
        write!(
            f,
            "{}:{}: {severity}[{}]: ",
            self.file, self.position, self.code
        )?;
        match (self.list, self.index, &self.field) {
            (Some(list), Some(index), Some(field)) => write!(f, "{list}[{index}].{field}: ")?,
            (Some(list), Some(index), None) => write!(f, "{list}[{index}]: ")?,
            (_, _, Some(field)) => write!(f, "{field}: ")?,
            _ => {}
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

pub fn nearest<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = key.to_lowercase().replace(['_', '-'], "");
    known
        .into_iter()
        .map(|candidate| {
            let other = candidate.to_lowercase().replace(['_', '-'], "");
            (distance(&folded, &other), candidate)
        })
        .filter(|(distance, candidate)| *distance <= 2.max(candidate.len() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns a similar known key: differs in case, underscores, or one letter (two in long keys).
pub(crate) fn nearest_key<'a>(
    key: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let fold = |key: &str| key.to_lowercase().replace(['_', '-'], "");
    let folded = fold(key);
    known
        .into_iter()
        .filter(|candidate| *candidate != key)
        .map(|candidate| (distance(&folded, &fold(candidate)), candidate))
        .filter(|(edits, candidate)| *edits <= 1 + usize::from(candidate.len() > 8))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns a clearly similar known name, ignoring case, with the same first letter.
pub(crate) fn nearest_name<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let name = name.to_lowercase();
    let edits_max = (name.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .filter(|other| other.len().abs_diff(name.len()) <= edits_max * 4)
        .filter_map(|other| {
            let folded = other.to_lowercase();
            let begins_alike = folded.chars().next() == name.chars().next();
            let edits = begins_alike.then(|| distance(&name, &folded))?;
            (edits <= edits_max).then_some((edits, other))
        })
        .min()
        .map(|(_, other)| other)
}

/// Levenshtein distance; compares only the start of long texts.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(from != *to))
                .min(left + 1)
                .min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
#[path = "diagnostic_tests.rs"]
mod tests;
