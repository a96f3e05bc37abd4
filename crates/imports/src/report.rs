//! What became of every row of another tool's tables.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

/// Rules that were made, and what is to be known of them.
#[derive(Debug, Clone)]
#[must_use = "rules that are not written are not imported"]
pub struct Imported {
    /// The rule file: TOML in the native form, or TOML or JSON in the form of sso-elevator.
    pub text: String,
    /// What became of what.
    pub report: ImportReport,
}

/// What became of every row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// The tool, as the command names it.
    pub source: &'static str,
    /// How many rules were made.
    pub rules: usize,
    /// How many rows mean the same as before.
    pub moved: usize,
    /// How many mean something else in some cases.
    pub differs: usize,
    /// How many have no rules.
    pub cannot_be_said: usize,
    /// The rows, table by table, in the order of the files.
    pub rows: Vec<ReportRow>,
    /// What stands in `hallpass.toml` instead of in rules.
    pub configuration: Vec<ConfigurationLine>,
}

impl ImportReport {
    /// Counts the rows.
    pub(crate) fn new(
        source: &'static str,
        rules: usize,
        rows: Vec<ReportRow>,
        configuration: Vec<ConfigurationLine>,
    ) -> Self {
        let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
        Self {
            source,
            rules,
            moved: count(RowOutcome::Moved),
            differs: count(RowOutcome::Differs),
            cannot_be_said: count(RowOutcome::CannotBeSaid),
            rows,
            configuration,
        }
    }
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportRow {
    /// The table.
    pub table: &'static str,
    /// The file it stands in.
    pub file: String,
    /// Its place in that file, from 1.
    pub item: usize,
    /// The line it begins at, where the file is one that people write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What became of it.
    pub outcome: RowOutcome,
    /// The rules that say it.
    pub rules: Vec<String>,
    /// What is to be known of it.
    pub notes: Vec<RowNote>,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOutcome {
    /// Rules say the same.
    Moved,
    /// Rules say something else in the cases that the notes tell.
    Differs,
    /// No rule says it: nobody gets anything by it.
    CannotBeSaid,
}

impl RowOutcome {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Differs => "differs",
            Self::CannotBeSaid => "cannot be said",
        }
    }
}

/// The worse of two.
pub(crate) fn worse(one: RowOutcome, other: RowOutcome) -> RowOutcome {
    match (one, other) {
        (RowOutcome::CannotBeSaid, _) | (_, RowOutcome::CannotBeSaid) => RowOutcome::CannotBeSaid,
        (RowOutcome::Differs, _) | (_, RowOutcome::Differs) => RowOutcome::Differs,
        (RowOutcome::Moved, RowOutcome::Moved) => RowOutcome::Moved,
    }
}

/// Something to be known of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowNote {
    /// It says nothing, and so do no rules.
    SaysNothing(&'static str),
    /// People of several entries could have more time.
    LongestOfAll {
        /// The hours of this entry.
        own: u32,
        /// The most hours of any entry.
        longest: u32,
    },
    /// Part of it is not in the rules.
    LeftOut {
        /// What it is.
        what: &'static str,
        /// Its id.
        id: String,
        /// Why.
        why: &'static str,
    },
    /// It names something that the organization does not have.
    Gone {
        /// What it is.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// In releases before June 2024 an entry for the same that needs an approval counts for people of both.
    ApprovalOfAnyEntry,
    /// Its permission sets are known by their names alone: the rules may give more than AWS TEAM does.
    ByName,
    /// An attribute that no release has that is known here.
    UnknownAttribute(String),
    /// An attribute is missing, or its value cannot be read.
    Unreadable {
        /// The attribute.
        attribute: &'static str,
        /// What is due.
        due: &'static str,
    },
    /// It is said in the configuration, or needs a look there.
    Configuration(&'static str),
    /// Neither rules nor the configuration say it.
    NotSaid(Cow<'static, str>),
    /// The rules give less than there, or are stricter.
    Narrower(Cow<'static, str>),
    /// Something else sees to it: the identity provider, a setting, a person.
    Elsewhere(&'static str),
    /// It means something else here in some cases, and more in some of them.
    Otherwise(Cow<'static, str>),
}

/// The kind of a note, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteCode {
    /// See [`RowNote::SaysNothing`].
    SaysNothing,
    /// See [`RowNote::LongestOfAll`].
    LongestOfAll,
    /// See [`RowNote::LeftOut`].
    LeftOut,
    /// See [`RowNote::Gone`].
    Gone,
    /// See [`RowNote::ApprovalOfAnyEntry`].
    ApprovalOfAnyEntry,
    /// See [`RowNote::ByName`].
    ByName,
    /// See [`RowNote::UnknownAttribute`].
    UnknownAttribute,
    /// See [`RowNote::Unreadable`].
    Unreadable,
    /// See [`RowNote::Configuration`].
    Configuration,
    /// See [`RowNote::NotSaid`].
    NotSaid,
    /// See [`RowNote::Narrower`].
    Narrower,
    /// See [`RowNote::Elsewhere`].
    Elsewhere,
    /// See [`RowNote::Otherwise`].
    Otherwise,
}

impl RowNote {
    /// Its kind.
    pub const fn code(&self) -> NoteCode {
        match self {
            Self::SaysNothing(_) => NoteCode::SaysNothing,
            Self::LongestOfAll { .. } => NoteCode::LongestOfAll,
            Self::LeftOut { .. } => NoteCode::LeftOut,
            Self::Gone { .. } => NoteCode::Gone,
            Self::ApprovalOfAnyEntry => NoteCode::ApprovalOfAnyEntry,
            Self::ByName => NoteCode::ByName,
            Self::UnknownAttribute(_) => NoteCode::UnknownAttribute,
            Self::Unreadable { .. } => NoteCode::Unreadable,
            Self::Configuration(_) => NoteCode::Configuration,
            Self::NotSaid(_) => NoteCode::NotSaid,
            Self::Narrower(_) => NoteCode::Narrower,
            Self::Elsewhere(_) => NoteCode::Elsewhere,
            Self::Otherwise(_) => NoteCode::Otherwise,
        }
    }

    /// What a row with this note is at best.
    pub(crate) const fn outcome(&self) -> RowOutcome {
        match self {
            Self::SaysNothing(_) | Self::Configuration(_) => RowOutcome::Moved,
            Self::LongestOfAll { .. }
            | Self::LeftOut { .. }
            | Self::Gone { .. }
            | Self::Narrower(_)
            | Self::Elsewhere(_)
            | Self::Otherwise(_)
            | Self::ApprovalOfAnyEntry
            | Self::ByName => RowOutcome::Differs,
            Self::UnknownAttribute(_) | Self::Unreadable { .. } | Self::NotSaid(_) => {
                RowOutcome::CannotBeSaid
            }
        }
    }
}

impl fmt::Display for RowNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SaysNothing(what) => write!(f, "it says nothing: {what}"),
            Self::LongestOfAll { own, longest } => write!(
                f,
                "at most {own}h for what it names; people who are in other entries too could ask for the \
                 longest of them all (up to {longest}h)"
            ),
            Self::LeftOut { what, id, why } => write!(f, "{what} `{id}` is left out: {why}"),
            Self::Gone { what, id } => write!(
                f,
                "there is no {what} `{id}` any more: the rule names it and nothing comes of it"
            ),
            Self::ApprovalOfAnyEntry => f.write_str(
                "another entry for the same needs an approval, or is a row that cannot be said: everybody of this \
                 one needs one here, in AWS TEAM people of both",
            ),
            Self::ByName => f.write_str(
                "its permission sets are meant by name: one that was deleted and made anew under the same name would be \
                 given, too, and AWS TEAM does not give it; give `--facts live` (or an organization file) to go by ARN",
            ),
            Self::UnknownAttribute(name) => write!(
                f,
                "attribute `{name}` is of no release that is known here, and may change what the row means; \
                 write the rule by hand"
            ),
            Self::Unreadable { attribute, due } => write!(
                f,
                "`{attribute}` is missing or not {due}; correct it in AWS TEAM and export again, or write \
                 the rule by hand"
            ),
            Self::Configuration(what) | Self::Elsewhere(what) => f.write_str(what),
            Self::NotSaid(what) | Self::Narrower(what) | Self::Otherwise(what) => f.write_str(what),
        }
    }
}

impl Serialize for RowNote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut note = serializer.serialize_struct("RowNote", 2)?;
        note.serialize_field("code", &self.code())?;
        note.serialize_field("message", &self.to_string())?;
        note.end()
    }
}

/// A key of `hallpass.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigurationLine {
    /// The key, with its table: `access.request_expiry`.
    pub key: &'static str,
    /// The value, as TOML.
    pub value: String,
    /// What it stands for there.
    pub about: &'static str,
}
