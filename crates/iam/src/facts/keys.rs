//! Condition keys, and what their values are.

use serde::Serialize;

use super::template::{self, LetterCase};

/// One condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Key {
    /// With its prefix; a variable part is written `${…}`: `aws:ResourceTag/${TagKey}`.
    pub name: &'static str,
    /// Type of its value, or of each of its values.
    pub value: ValueType,
    /// Whether it holds a list, so that a set operator is needed.
    pub multi_valued: bool,
}

/// Types of condition values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum ValueType {
    /// Text.
    String,
    /// True or false.
    Bool,
    /// A number.
    Numeric,
    /// An instant.
    Date,
    /// An Amazon Resource Name.
    Arn,
    /// An address or a range.
    IpAddress,
    /// Bytes.
    Binary,
}

impl Key {
    /// Whether the name, in any case, is this key.
    pub fn is(&self, name: &str) -> bool {
        key_matches(self.name, name)
    }
}

impl ValueType {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Bool => "Bool",
            Self::Numeric => "Numeric",
            Self::Date => "Date",
            Self::Arn => "Arn",
            Self::IpAddress => "IpAddress",
            Self::Binary => "Binary",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "String" => Self::String,
            "Bool" => Self::Bool,
            "Numeric" => Self::Numeric,
            "Date" => Self::Date,
            "Arn" => Self::Arn,
            "IpAddress" => Self::IpAddress,
            "Binary" => Self::Binary,
            _ => return None,
        })
    }
}

/// The key of that name; a plain name before one with a variable part.
pub(super) fn find_key<'a>(keys: &'a [Key], name: &str) -> Option<&'a Key> {
    let plain = keys.iter().find(|key| key.name.eq_ignore_ascii_case(name));
    plain.or_else(|| keys.iter().find(|key| key.is(name)))
}

/// Whether `name` is the key `pattern`, whose `${…}` stand for one character or more each.
pub(super) fn key_matches(pattern: &str, name: &str) -> bool {
    template::fits(pattern, name, 1, LetterCase::Ignored)
}
