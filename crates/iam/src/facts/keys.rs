use serde::Serialize;

use super::template::{self, LetterCase};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Includes the prefix; variable parts are `${…}`: `aws:ResourceTag/${TagKey}`.
    pub name: &'static str,
    pub value: ValueType,
    /// A list, which needs a set operator.
    pub multi_valued: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum ValueType {
    String,
    Bool,
    Numeric,
    Date,
    Arn,
    IpAddress,
    Binary,
}

impl Key {
    pub fn is(&self, name: &str) -> bool {
        key_matches(self.name, name)
    }
}

impl ValueType {
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

/// Exact names precede variable ones.
pub(super) fn find_key<'a>(keys: &'a [Key], name: &str) -> Option<&'a Key> {
    let plain = keys.iter().find(|key| key.name.eq_ignore_ascii_case(name));
    plain.or_else(|| keys.iter().find(|key| key.is(name)))
}

/// Each `${…}` in `pattern` matches one or more characters.
pub(super) fn key_matches(pattern: &str, name: &str) -> bool {
    template::fits(pattern, name, 1, LetterCase::Ignored)
}
