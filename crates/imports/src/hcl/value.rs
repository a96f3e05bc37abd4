//! Values of Terraform with the places they come from, and why one is not known.

use std::collections::BTreeMap;

use hallpass_rules::{FindingCode, Position};
use serde_json::{Map, Number, Value};

/// Where something stands: the file by its number, and the place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HclPlace {
    /// The file, in the order in which they were read.
    pub(crate) file: usize,
    /// Where in it.
    pub(crate) spot: HclSpot,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HclSpot {
    /// Bytes from its beginning.
    Offset(usize),
    /// A line and column.
    At(Position),
}

/// A value, and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct HclValue {
    /// Where it was written.
    pub(crate) at: HclPlace,
    /// What it is.
    pub(crate) kind: HclKind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum HclKind {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number; a whole one without leading zeros or signs that say nothing.
    Number(String),
    /// A text.
    Text(String),
    /// Values in their order.
    List(Vec<HclValue>),
    /// Different values in Terraform's order.
    Set(Vec<HclValue>),
    /// Values by key.
    Map(BTreeMap<String, HclValue>),
    /// One that only Terraform knows.
    Unknown(Box<EvalProblem>),
}

/// Why an expression has no value here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EvalProblem {
    /// Where.
    pub(crate) at: HclPlace,
    /// What the report calls it.
    pub(crate) code: FindingCode,
    /// What is wrong.
    pub(crate) message: String,
    /// Whose fault it is.
    pub(crate) reach: ProblemReach,
}

/// How far a problem reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProblemReach {
    /// Terraform would fail here, too, which `try` and `can` ask.
    Terraform,
    /// Terraform may know better.
    Here,
    /// Nothing further is evaluated.
    Everything,
}

impl EvalProblem {
    /// Something that only Terraform knows.
    pub(crate) fn unknown(at: HclPlace, message: impl Into<String>) -> Self {
        Self::new(at, ProblemReach::Here, message)
    }

    /// Something at which Terraform fails.
    pub(crate) fn fails(at: HclPlace, message: impl Into<String>) -> Self {
        Self::new(at, ProblemReach::Terraform, message)
    }

    fn new(at: HclPlace, reach: ProblemReach, message: impl Into<String>) -> Self {
        Self {
            at,
            code: FindingCode::ComputedValue,
            message: message.into(),
            reach,
        }
    }

    /// A limit that was met.
    pub(crate) fn over(at: HclPlace, code: FindingCode, message: impl Into<String>) -> Self {
        Self {
            code,
            ..Self::new(at, ProblemReach::Everything, message)
        }
    }
}

impl HclKind {
    /// The type as Terraform calls it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Map(_) => "an object",
            Self::Unknown(_) => "a value that only Terraform knows",
        }
    }
}

impl HclValue {
    pub(crate) const fn new(at: HclPlace, kind: HclKind) -> Self {
        Self { at, kind }
    }

    pub(crate) fn text(at: HclPlace, text: impl Into<String>) -> Self {
        Self::new(at, HclKind::Text(text.into()))
    }

    /// Itself, where it is known; what it holds may not be.
    ///
    /// # Errors
    /// Why it is not known.
    pub(crate) fn known(self) -> Result<Self, EvalProblem> {
        match self.kind {
            HclKind::Unknown(problem) => Err(*problem),
            kind => Ok(Self { at: self.at, kind }),
        }
    }

    /// The items of a list or set.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn items(self) -> Result<Vec<Self>, EvalProblem> {
        match self.kind {
            HclKind::List(items) | HclKind::Set(items) => Ok(items),
            kind => Err(Self::new(self.at, kind).no("a list")),
        }
    }

    /// The values by key of an object.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn map(self) -> Result<BTreeMap<String, Self>, EvalProblem> {
        match self.kind {
            HclKind::Map(map) => Ok(map),
            kind => Err(Self::new(self.at, kind).no("an object")),
        }
    }

    /// The text that Terraform makes of it.
    ///
    /// # Errors
    /// When it makes none, or one that depends on its arithmetic.
    pub(crate) fn into_text(self) -> Result<String, EvalProblem> {
        match self.kind {
            HclKind::Text(text) => Ok(text),
            HclKind::Bool(flag) => Ok(flag.to_string()),
            HclKind::Number(number) if whole(&number).is_some() => Ok(number),
            HclKind::Number(_) => Err(EvalProblem::unknown(
                self.at,
                "a number with a fraction as a text, which only Terraform writes",
            )),
            kind => Err(Self::new(self.at, kind).no("a string")),
        }
    }

    /// Yes or no; also as the words, or as the text `1` or `0`.
    ///
    /// # Errors
    /// When it is neither.
    pub(crate) fn into_flag(self) -> Result<bool, EvalProblem> {
        match self.kind {
            HclKind::Bool(flag) => Ok(flag),
            HclKind::Text(text) if ["true", "1"].contains(&text.as_str()) => Ok(true),
            HclKind::Text(text) if ["false", "0"].contains(&text.as_str()) => Ok(false),
            kind => Err(Self::new(self.at, kind).no("a bool")),
        }
    }

    /// A whole number; also as a text.
    ///
    /// # Errors
    /// When it is no number, or one with which only Terraform computes.
    pub(crate) fn into_whole(self) -> Result<i128, EvalProblem> {
        const DUE: &str = "a whole number";
        let found = match &self.kind {
            HclKind::Number(text) => whole(text),
            HclKind::Text(text) if may_be_number(text) => whole(text),
            _ => return Err(self.no(DUE)),
        };
        let message =
            "a number that is not whole, or written otherwise, with which only Terraform computes";
        found.ok_or_else(|| EvalProblem::unknown(self.at, message))
    }

    /// That something else was due.
    pub(crate) fn no(self, due: &str) -> EvalProblem {
        let at = self.at;
        match self.kind {
            HclKind::Unknown(problem) => *problem,
            kind => EvalProblem::fails(at, format!("{} where {due} is due", kind.name())),
        }
    }

    /// How much it is: each value, and 16 bytes of text as one.
    pub(crate) fn size(&self) -> usize {
        match &self.kind {
            HclKind::Null | HclKind::Bool(_) | HclKind::Number(_) | HclKind::Unknown(_) => 1,
            HclKind::Text(text) => 1 + text.len() / 16,
            HclKind::List(items) | HclKind::Set(items) => {
                1 + items.iter().map(Self::size).sum::<usize>()
            }
            HclKind::Map(map) => {
                let entry = |(key, value): (&String, &Self)| key.len() / 16 + value.size();
                1 + map.iter().map(entry).sum::<usize>()
            }
        }
    }

    /// As JSON.
    ///
    /// # Errors
    /// The first thing in it that is not known.
    pub(crate) fn json(&self) -> Result<Value, EvalProblem> {
        Ok(match &self.kind {
            HclKind::Null => Value::Null,
            HclKind::Bool(flag) => Value::Bool(*flag),
            HclKind::Number(text) => {
                Value::Number(text.parse::<Number>().map_err(|_| {
                    EvalProblem::unknown(self.at, "a number that JSON does not have")
                })?)
            }
            HclKind::Text(text) => Value::String(text.clone()),
            HclKind::List(items) | HclKind::Set(items) => {
                Value::Array(items.iter().map(Self::json).collect::<Result<_, _>>()?)
            }
            HclKind::Map(map) => {
                let mut object = Map::new();
                for (key, value) in map {
                    object.insert(key.clone(), value.json()?);
                }
                Value::Object(object)
            }
            HclKind::Unknown(problem) => return Err(problem.as_ref().clone()),
        })
    }
}

/// Whether Terraform may read a text as a number: `1.5`, `1e3`, `-007`, `inf`. What else people write is none.
fn may_be_number(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || "+-._eEpP".contains(c);
    text.trim_start_matches(['+', '-'])
        .eq_ignore_ascii_case("inf")
        || text.contains(|c: char| c.is_ascii_digit()) && text.chars().all(is_part)
}

/// A whole number as Terraform writes it.
pub(crate) fn whole(text: &str) -> Option<i128> {
    let number: i128 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
