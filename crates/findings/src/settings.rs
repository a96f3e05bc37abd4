//! How findings are enriched.

use std::str::FromStr;

/// Who our notes say they are by, unless the configuration says otherwise.
pub const DEFAULT_UPDATED_BY: &str = "Hallpass enrichment";

/// What is done with a note that somebody else wrote (`organization.md` E-8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotePolicy {
    /// It stays, and ours is not written.
    #[default]
    Keep,
    /// Ours follows it, where both fit.
    Append,
    /// Ours takes its place.
    Replace,
}

/// Text that is no policy of notes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of `keep`, `append`, `replace`")]
pub struct UnknownNotePolicy(String);

impl FromStr for NotePolicy {
    type Err = UnknownNotePolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "keep" => Ok(Self::Keep),
            "append" => Ok(Self::Append),
            "replace" => Ok(Self::Replace),
            _ => Err(UnknownNotePolicy(text.to_owned())),
        }
    }
}

/// How findings are enriched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrichSettings {
    /// What is done with notes of others.
    pub notes: NotePolicy,
    /// Who our notes say they are by.
    pub updated_by: String,
    /// Tags that come first where there is not room for all.
    pub tag_priority: Vec<String>,
}

impl Default for EnrichSettings {
    fn default() -> Self {
        Self {
            notes: NotePolicy::default(),
            updated_by: DEFAULT_UPDATED_BY.to_owned(),
            tag_priority: Vec::new(),
        }
    }
}
