//! Terraform values with their places, and reasons for unknown ones.

use std::collections::BTreeMap;

use hallpass_rules::{FindingCode, Position};
use serde_json::{Map, Number, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HclPlace {
    pub(crate) file: usize,
    pub(crate) spot: HclSpot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HclSpot {
    Offset(usize),
    At(Position),
}

#[derive(Debug, Clone)]
pub(crate) struct HclValue {
    pub(crate) at: HclPlace,
    pub(crate) kind: HclKind,
}

#[derive(Debug, Clone)]
pub(crate) enum HclKind {
    Null,
    Bool(bool),
    /// A whole number has no redundant zeros or signs.
    Number(String),
    Text(String),
    List(Vec<HclValue>),
    /// Distinct values in Terraform's order.
    Set(Vec<HclValue>),
    Map(BTreeMap<String, HclValue>),
    Unknown(Box<EvalProblem>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EvalProblem {
    pub(crate) at: HclPlace,
    pub(crate) code: FindingCode,
    pub(crate) message: String,
    pub(crate) reach: ProblemReach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProblemReach {
    /// Terraform fails too; `try` and `can` catch it.
    Terraform,
    Here,
    Everything,
}

impl EvalProblem {
    pub(crate) fn unknown(at: HclPlace, message: impl Into<String>) -> Self {
        Self::new(at, ProblemReach::Here, message)
    }

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

    /// An exceeded limit.
    pub(crate) fn over(at: HclPlace, code: FindingCode, message: impl Into<String>) -> Self {
        Self {
            code,
            ..Self::new(at, ProblemReach::Everything, message)
        }
    }
}

impl HclKind {
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

    /// # Errors
    /// The value is unknown; its parts may be.
    pub(crate) fn known(self) -> Result<Self, EvalProblem> {
        match self.kind {
            HclKind::Unknown(problem) => Err(*problem),
            kind => Ok(Self { at: self.at, kind }),
        }
    }

    /// # Errors
    /// It is no list or set.
    pub(crate) fn items(self) -> Result<Vec<Self>, EvalProblem> {
        match self.kind {
            HclKind::List(items) | HclKind::Set(items) => Ok(items),
            kind => Err(Self::new(self.at, kind).no("a list")),
        }
    }

    /// # Errors
    /// It is no object.
    pub(crate) fn map(self) -> Result<BTreeMap<String, Self>, EvalProblem> {
        match self.kind {
            HclKind::Map(map) => Ok(map),
            kind => Err(Self::new(self.at, kind).no("an object")),
        }
    }

    /// Converts to text as Terraform does.
    ///
    /// # Errors
    /// There is no conversion, or it depends on Terraform's arithmetic.
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

    /// Accepts booleans, their text, and the text `1` or `0`.
    ///
    /// # Errors
    /// It is another value.
    pub(crate) fn into_flag(self) -> Result<bool, EvalProblem> {
        match self.kind {
            HclKind::Bool(flag) => Ok(flag),
            HclKind::Text(text) if ["true", "1"].contains(&text.as_str()) => Ok(true),
            HclKind::Text(text) if ["false", "0"].contains(&text.as_str()) => Ok(false),
            kind => Err(Self::new(self.at, kind).no("a bool")),
        }
    }

    /// Accepts numbers and their text.
    ///
    /// # Errors
    /// It is no number, or only Terraform can compute with it.
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

    pub(crate) fn no(self, due: &str) -> EvalProblem {
        let at = self.at;
        match self.kind {
            HclKind::Unknown(problem) => *problem,
            kind => EvalProblem::fails(at, format!("{} where {due} is due", kind.name())),
        }
    }

    /// Each value counts one, and so do 16 bytes of text.
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

    /// # Errors
    /// The first unknown part.
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

/// Forms that Terraform may read as a number: `1.5`, `1e3`, `-007`, `inf`.
fn may_be_number(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || "+-._eEpP".contains(c);
    text.trim_start_matches(['+', '-'])
        .eq_ignore_ascii_case("inf")
        || text.contains(|c: char| c.is_ascii_digit()) && text.chars().all(is_part)
}

pub(crate) fn whole(text: &str) -> Option<i128> {
    let number: i128 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
