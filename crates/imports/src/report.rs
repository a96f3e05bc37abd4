use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

#[derive(Debug, Clone)]
#[must_use = "rules that are not written are not imported"]
pub struct Imported {
    /// TOML in the native form, or TOML or JSON in sso-elevator's form.
    pub text: String,
    pub report: ImportReport,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    pub source: &'static str,
    pub rules: usize,
    pub moved: usize,
    pub differs: usize,
    pub cannot_be_said: usize,
    /// Table by table, in file order.
    pub rows: Vec<ReportRow>,
    pub configuration: Vec<ConfigurationLine>,
}

impl ImportReport {
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportRow {
    pub table: &'static str,
    pub file: String,
    pub item: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    pub id: String,
    pub name: String,
    pub outcome: RowOutcome,
    pub rules: Vec<String>,
    pub notes: Vec<RowNote>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOutcome {
    Moved,
    /// Differs in the cases listed in the notes.
    Differs,
    /// No rule covers it: it grants nothing.
    CannotBeSaid,
}

impl RowOutcome {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Differs => "differs",
            Self::CannotBeSaid => "not converted",
        }
    }
}

pub(crate) fn worse(one: RowOutcome, other: RowOutcome) -> RowOutcome {
    match (one, other) {
        (RowOutcome::CannotBeSaid, _) | (_, RowOutcome::CannotBeSaid) => RowOutcome::CannotBeSaid,
        (RowOutcome::Differs, _) | (_, RowOutcome::Differs) => RowOutcome::Differs,
        (RowOutcome::Moved, RowOutcome::Moved) => RowOutcome::Moved,
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowNote {
    /// The row has no effect.
    SaysNothing(&'static str),
    /// People with several entries could get more time.
    LongestOfAll {
        own: u32,
        longest: u32,
    },
    /// A part is missing in the rules.
    LeftOut {
        what: &'static str,
        id: String,
        why: &'static str,
    },
    Gone {
        what: &'static str,
        id: String,
    },
    /// Before June 2024 one entry with approval requires it for people of both.
    ApprovalOfAnyEntry,
    /// Permission sets are known only by name: the rules may give more than AWS TEAM.
    ByName,
    UnknownAttribute(String),
    Unreadable {
        attribute: &'static str,
        due: &'static str,
    },
    Configuration(&'static str),
    /// Neither rules nor configuration cover it.
    NotSaid(Cow<'static, str>),
    /// The rules give less, or are stricter.
    Narrower(Cow<'static, str>),
    /// Handled elsewhere: by the identity provider, a setting, a person.
    Elsewhere(&'static str),
    /// Differs in some cases, and gives more in some of them.
    Otherwise(Cow<'static, str>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteCode {
    SaysNothing,
    LongestOfAll,
    LeftOut,
    Gone,
    ApprovalOfAnyEntry,
    ByName,
    UnknownAttribute,
    Unreadable,
    Configuration,
    NotSaid,
    Narrower,
    Elsewhere,
    Otherwise,
}

impl RowNote {
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

    /// The best outcome of a row with this note.
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
                "at most {own}h for its targets; users in other entries too could request the longest of \
                 them all (up to {longest}h)"
            ),
            Self::LeftOut { what, id, why } => write!(f, "{what} `{id}` is left out: {why}"),
            Self::Gone { what, id } => write!(
                f,
                "there is no {what} `{id}` any more: the rule names it and nothing comes of it"
            ),
            Self::ApprovalOfAnyEntry => f.write_str(
                "another entry for the same needs an approval, or is a row that is not converted: all users \
                 of this one need one here, in AWS TEAM users of both",
            ),
            Self::ByName => f.write_str(
                "its permission sets match by name: one deleted and created again under the same name is \
                 granted, too, and AWS TEAM does not grant it; use `--facts live` (or an organization file) \
                 to match by ARN",
            ),
            Self::UnknownAttribute(name) => write!(
                f,
                "attribute `{name}` is of no known release, and may change the meaning of the row; \
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigurationLine {
    pub key: &'static str,
    pub value: String,
    pub about: &'static str,
}
