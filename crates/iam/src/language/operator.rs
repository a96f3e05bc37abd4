//! Condition operators (AWS: "IAM JSON policy elements: Condition operators").

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Test {
    StringEquals,
    StringNotEquals,
    StringEqualsIgnoreCase,
    StringNotEqualsIgnoreCase,
    StringLike,
    StringNotLike,
    NumericEquals,
    NumericNotEquals,
    NumericLessThan,
    NumericLessThanEquals,
    NumericGreaterThan,
    NumericGreaterThanEquals,
    DateEquals,
    DateNotEquals,
    DateLessThan,
    DateLessThanEquals,
    DateGreaterThan,
    DateGreaterThanEquals,
    Bool,
    BinaryEquals,
    IpAddress,
    NotIpAddress,
    ArnEquals,
    ArnLike,
    ArnNotEquals,
    ArnNotLike,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// No set operator.
    One,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operator {
    pub test: Test,
    pub quantifier: Quantifier,
    pub if_exists: bool,
}

const TESTS: [(&str, Test); 27] = [
    ("StringEquals", Test::StringEquals),
    ("StringNotEquals", Test::StringNotEquals),
    ("StringEqualsIgnoreCase", Test::StringEqualsIgnoreCase),
    ("StringNotEqualsIgnoreCase", Test::StringNotEqualsIgnoreCase),
    ("StringLike", Test::StringLike),
    ("StringNotLike", Test::StringNotLike),
    ("NumericEquals", Test::NumericEquals),
    ("NumericNotEquals", Test::NumericNotEquals),
    ("NumericLessThan", Test::NumericLessThan),
    ("NumericLessThanEquals", Test::NumericLessThanEquals),
    ("NumericGreaterThan", Test::NumericGreaterThan),
    ("NumericGreaterThanEquals", Test::NumericGreaterThanEquals),
    ("DateEquals", Test::DateEquals),
    ("DateNotEquals", Test::DateNotEquals),
    ("DateLessThan", Test::DateLessThan),
    ("DateLessThanEquals", Test::DateLessThanEquals),
    ("DateGreaterThan", Test::DateGreaterThan),
    ("DateGreaterThanEquals", Test::DateGreaterThanEquals),
    ("Bool", Test::Bool),
    ("BinaryEquals", Test::BinaryEquals),
    ("IpAddress", Test::IpAddress),
    ("NotIpAddress", Test::NotIpAddress),
    ("ArnEquals", Test::ArnEquals),
    ("ArnLike", Test::ArnLike),
    ("ArnNotEquals", Test::ArnNotEquals),
    ("ArnNotLike", Test::ArnNotLike),
    ("Null", Test::Null),
];

impl Test {
    pub fn name(self) -> &'static str {
        TESTS
            .iter()
            .find(|(_, test)| *test == self)
            .map_or("", |(name, _)| name)
    }

    /// Negated: every listed value must differ.
    pub fn is_negated(self) -> bool {
        matches!(
            self,
            Self::StringNotEquals
                | Self::StringNotEqualsIgnoreCase
                | Self::StringNotLike
                | Self::NumericNotEquals
                | Self::DateNotEquals
                | Self::NotIpAddress
                | Self::ArnNotEquals
                | Self::ArnNotLike
        )
    }

    /// Whether `*` and `?` are wildcards.
    pub fn takes_wildcards(self) -> bool {
        matches!(self, Self::StringLike | Self::StringNotLike) || self.is_arn()
    }

    pub fn is_arn(self) -> bool {
        matches!(
            self,
            Self::ArnEquals | Self::ArnLike | Self::ArnNotEquals | Self::ArnNotLike
        )
    }

    pub fn is_numeric(self) -> bool {
        matches!(
            self,
            Self::NumericEquals
                | Self::NumericNotEquals
                | Self::NumericLessThan
                | Self::NumericLessThanEquals
                | Self::NumericGreaterThan
                | Self::NumericGreaterThanEquals
        )
    }

    pub fn is_date(self) -> bool {
        matches!(
            self,
            Self::DateEquals
                | Self::DateNotEquals
                | Self::DateLessThan
                | Self::DateLessThanEquals
                | Self::DateGreaterThan
                | Self::DateGreaterThanEquals
        )
    }

    pub fn is_address(self) -> bool {
        matches!(self, Self::IpAddress | Self::NotIpAddress)
    }

    pub fn is_string(self) -> bool {
        matches!(
            self,
            Self::StringEquals
                | Self::StringNotEquals
                | Self::StringEqualsIgnoreCase
                | Self::StringNotEqualsIgnoreCase
                | Self::StringLike
                | Self::StringNotLike
        )
    }

    /// Whether policy variables are replaced (`policies.md` §2.3).
    pub fn takes_variables(self) -> bool {
        self.is_string() || self.is_arn() || self == Self::Bool
    }
}

impl Operator {
    /// Case-insensitive. `Null` accepts neither `IfExists` nor a set operator (AWS: "…`IfExists`
    /// condition operators").
    pub fn parse(text: &str) -> Option<Self> {
        let (quantifier, rest) = match text.split_once(':') {
            None => (Quantifier::One, text),
            Some((set, rest)) if set.eq_ignore_ascii_case("ForAllValues") => {
                (Quantifier::All, rest)
            }
            Some((set, rest)) if set.eq_ignore_ascii_case("ForAnyValue") => (Quantifier::Any, rest),
            Some(_) => return None,
        };
        let suffix = rest.len().checked_sub("IfExists".len());
        let (name, if_exists) = match suffix.and_then(|at| rest.split_at_checked(at)) {
            Some((name, end)) if end.eq_ignore_ascii_case("IfExists") => (name, true),
            _ => (rest, false),
        };
        let (_, named) = TESTS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        if *named == Test::Null && (if_exists || quantifier != Quantifier::One) {
            return None;
        }
        Some(Self {
            test: *named,
            quantifier,
            if_exists,
        })
    }

    pub fn name(self) -> String {
        let set = match self.quantifier {
            Quantifier::One => "",
            Quantifier::All => "ForAllValues:",
            Quantifier::Any => "ForAnyValue:",
        };
        let suffix = if self.if_exists { "IfExists" } else { "" };
        format!("{set}{}{suffix}", self.test.name())
    }

    pub fn nearest(text: &str) -> &'static str {
        let rest = text.rsplit(':').next().unwrap_or(text);
        TESTS
            .iter()
            .min_by_key(|(name, _)| strsim::damerau_levenshtein(name, rest))
            .map_or("StringEquals", |(name, _)| name)
    }
}
