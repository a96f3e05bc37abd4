use std::str::FromStr;

pub const DEFAULT_UPDATED_BY: &str = "Hallpass enrichment";

/// Handling of another author's note (`organization.md` E-8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotePolicy {
    /// Do not write ours.
    #[default]
    Keep,
    /// Append ours if both fit.
    Append,
    Replace,
}

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrichSettings {
    pub notes: NotePolicy,
    pub updated_by: String,
    /// Tags to prefer within the limit.
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
