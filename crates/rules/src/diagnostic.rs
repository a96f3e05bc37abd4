//! What is wrong with a rule file, where, and what to write instead.

use std::fmt;

use serde::{Serialize, Serializer};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is not loaded.
    Error,
    /// The file is loaded, yet probably does not say what was meant.
    Warning,
    /// Nothing is known to be wrong: what it depends on was not read.
    Note,
}

impl Severity {
    /// It in a word.
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
        /// The stable name of a finding (`access.md` §1.4 and ours).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingCode {
            $($(#[$doc])* $name,)*
        }

        impl FindingCode {
            /// The code as printed.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// A required key is absent.
    MissingField = "missing-field",
    /// `ResourceType` is neither `Account` nor `OU`.
    BadResourceType = "bad-resource-type",
    /// An account, organizational unit or group is not in an accepted form.
    BadResource = "bad-resource",
    /// A permission set name is outside its alphabet or length.
    BadPermissionSet = "bad-permission-set",
    /// Not an e-mail address that can belong to a person.
    BadEmail = "bad-email",
    /// A flag is none of the accepted forms.
    BadFlag = "bad-flag",
    /// A value of another type than the field holds.
    BadType = "bad-type",
    /// A key that no table knows.
    UnknownField = "unknown-field",
    /// Not `hh:mm`, minutes over 59, or no time at all.
    BadDuration = "bad-duration",
    /// A number outside its bounds.
    BadNumber = "bad-number",
    /// A rule id outside `[a-z0-9-]{1,64}`.
    BadId = "bad-id",
    /// Not a Slack channel id.
    BadChannel = "bad-channel",
    /// Two rules of one name.
    DuplicateId = "duplicate-id",
    /// A key given twice in one object.
    DuplicateKey = "duplicate-key",
    /// A path that names more than one organizational unit.
    AmbiguousOu = "ambiguous-ou",
    /// A regular expression or glob that cannot be read.
    BadPattern = "bad-pattern",
    /// A text that people could not read, or not to its end.
    BadText = "bad-text",
    /// Allowed hours that cannot be read.
    BadHours = "bad-hours",
    /// A stage that cannot be read.
    BadStage = "bad-stage",
    /// A `[[test]]` that cannot be read.
    BadTest = "bad-test",
    /// A decision case that contradicts itself.
    BadCase = "bad-case",
    /// A decision case without rules to decide by.
    MissingRules = "missing-rules",
    /// The text is not in the syntax it is read as.
    BadSyntax = "bad-syntax",
    /// The text is not UTF-8.
    BadEncoding = "bad-encoding",
    /// A character that a reader of the file does not see.
    BadCharacter = "bad-character",
    /// The text is longer than is read.
    TooLarge = "too-large",
    /// Values nested deeper than is read.
    TooDeep = "too-deep",
    /// A value that only Terraform could tell.
    ComputedValue = "computed-value",
    /// No rule in the file; only a warning where a list says that it is meant to be empty.
    NoRules = "no-rules",
    /// Warning: rules of more than one module in a file.
    SeveralModules = "several-modules",
    /// Warning: a rule that can match nothing.
    DeadStatement = "dead-statement",
    /// Warning: an exclusion that leaves nothing out.
    DeadExclusion = "dead-exclusion",
    /// Warning: an entry that has no effect beside another one.
    RedundantEntry = "redundant-entry",
    /// Warning: a tag of accounts that is named like a key of a rule.
    TagLikeKey = "tag-like-key",
    /// Warning: nobody can ever approve what the rule covers.
    NobodyCanApprove = "nobody-can-approve",
    /// Warning: nobody can ever ask by a rule: it leaves out everybody whom it lets ask.
    NobodyCanAsk = "nobody-can-ask",
    /// Warning: people may ask by a rule that only their manager approves, and have none.
    NoManager = "no-manager",
    /// Warning: the only approver cannot get what they approve.
    SoleApprover = "sole-approver",
    /// Warning: a `false` flag overrides a `true` one.
    SelfDeniedBy = "self-denied-by",
    /// Warning: a flag written as text.
    CoercedFlag = "coerced-flag",
    /// Warning: an address written with a name around it.
    DisplayName = "display-name",
    /// Warning: a setting of the original that is not a rule.
    IgnoredSetting = "ignored-setting",
    /// Warning: a rule lets everyone ask for all that another lets only some people ask for.
    EveryoneMayAsk = "everyone-may-ask",
    /// Warning: people may join a group whose members hold a role or approve.
    GroupGivesRights = "group-gives-rights",
    /// Warning: an empty list of those who may ask, which means nobody in native rules and
    /// everyone in the sso-elevator form.
    EmptyList = "empty-list",
    /// Warning: a person the directory does not hold, or holds disabled.
    UnknownPerson = "unknown-person",
    /// Warning: an organizational unit the directory does not hold.
    UnknownOu = "unknown-ou",
    /// Warning: a group whose members could not be read.
    UnreadGroup = "unread-group",
    /// Warning: accounts whose tags could not be read, while a rule names tags.
    UnreadTags = "unread-tags",
    /// Note: an attribute of people that was not read, while a rule names it.
    UnreadAttribute = "unread-attribute",
    /// A group that rules offer, and whose members follow attributes of people.
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

/// A place in a text: line and column count from 1, columns in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One finding about a rule file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether it keeps the file from being loaded.
    pub severity: Severity,
    /// Its stable name.
    pub code: FindingCode,
    /// The file, as it was named when it was read.
    pub file: String,
    /// Where in the file.
    #[serde(flatten)]
    pub position: Position,
    /// The list it is in: `statements`, `group_statements`, `rule`, `test`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<&'static str>,
    /// The place in that list, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// The key it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The value it is about, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// The longest value repeated in a finding, in characters.
const VALUE_SHOWN: usize = 80;

impl Diagnostic {
    /// A finding at `position`; the reader adds where in the lists it is.
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

    /// The finding as an error.
    #[must_use]
    pub(crate) fn into_error(mut self) -> Self {
        self.severity = Severity::Error;
        self
    }

    /// The finding as a note.
    #[must_use]
    pub(crate) fn into_note(mut self) -> Self {
        self.severity = Severity::Note;
        self
    }

    /// Whether it keeps the file from being loaded.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `text` cut to what a message can carry.
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

/// The known key nearest to `key`, if one is near enough to be what was meant.
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

/// The known key that another one is almost: it differs in case, underscores, or one letter (two in
/// long keys).
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

/// The known name nearest to `name`, if one is nearer than other names usually are. Names are
/// compared without case, and only those that begin alike.
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

/// Edits between two short texts (Levenshtein); long ones are compared by their beginning.
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
