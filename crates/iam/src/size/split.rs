//! Splits a policy into parts that each fit and together decide like the whole (`policies.md` §5).
//!
//! Statements at one attachment point are joined by "or", so a whole statement may move to any
//! part. A statement that is too long alone is split by a list whose entries are also joined by
//! "or": `Action`, `Resource`, and the values of a positive operator in a Deny. The lists of `Not…`
//! elements, of negated operators and of `ForAllValues` are never split: their entries are joined
//! by "and".

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{AttachmentPoint, measure};
use crate::error::{LoadError, LoadErrorCode};
use crate::language::{Operator, PolicyJson, Quantifier, ScpLanguage, Test};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotSplit {
    #[error("the policy cannot be read: {0}")]
    Unreadable(LoadError),
    /// A statement is too long and has no list that may be split.
    #[error("{statement} is longer than {limit} and has no list that may be split")]
    Whole {
        /// `Sid` or number of the statement.
        statement: String,
        limit: usize,
    },
}

/// Splits a policy into minified parts within the limit, in the order of its statements as far as
/// possible. Returns one part if it fits.
///
/// # Errors
/// The policy cannot be read, or a statement cannot be made to fit.
pub fn split(
    text: &str,
    place: AttachmentPoint,
    limit: Option<usize>,
) -> Result<Vec<String>, CannotSplit> {
    let source = PolicyJson::new(text).map_err(CannotSplit::Unreadable)?;
    let read = source.strict(place.kind(), ScpLanguage::Full);
    read.map_err(CannotSplit::Unreadable)?;
    let mut policy: Map<String, Value> =
        serde_json::from_str(source.text()).map_err(|it| not_a_policy(&it.to_string()))?;
    let statements = match policy.get_mut("Statement").map(Value::take) {
        Some(Value::Array(list)) => list,
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Err(not_a_policy("Statement is missing")),
    };
    let sids = statements.iter().filter_map(|it| it.get("Sid")?.as_str());
    let mut taken: HashSet<String> = sids.map(str::to_owned).collect();
    let splitter = Splitter {
        policy,
        place,
        limit,
    };
    let mut pieces = Vec::new();
    for (at, statement) in statements.into_iter().enumerate() {
        pieces.extend(splitter.pieces(statement, at, &mut taken)?);
    }
    Ok(splitter.pack(pieces))
}

fn not_a_policy(why: &str) -> CannotSplit {
    CannotSplit::Unreadable(LoadError::new(LoadErrorCode::Json, why, ""))
}

struct Splitter {
    policy: Map<String, Value>,
    place: AttachmentPoint,
    limit: Option<usize>,
}

impl Splitter {
    fn policy(&self, statements: &[Value]) -> String {
        let mut policy = self.policy.clone();
        policy.insert("Statement".to_owned(), json!(statements));
        Value::Object(policy).to_string()
    }

    fn fits(&self, statements: &[Value]) -> bool {
        let size = measure(&self.policy(statements), self.place, self.limit);
        size.used <= size.limit
    }

    fn pieces(
        &self,
        statement: Value,
        at: usize,
        taken: &mut HashSet<String>,
    ) -> Result<Vec<Value>, CannotSplit> {
        if self.fits(std::slice::from_ref(&statement)) {
            return Ok(vec![statement]);
        }
        let mut pieces = self.cut(statement, at)?;
        number(&mut pieces, taken);
        Ok(pieces)
    }

    fn cut(&self, statement: Value, at: usize) -> Result<Vec<Value>, CannotSplit> {
        // reserves space for the number after the Sid
        let mut named = statement.clone();
        if let Some(Value::String(sid)) = named.get_mut("Sid") {
            sid.push_str("000");
        }
        if self.fits(std::slice::from_ref(&named)) {
            return Ok(vec![statement]);
        }
        let lists = lists(&statement);
        let Some((pointer, values)) = lists
            .into_iter()
            .max_by_key(|(_, values)| values.iter().map(|it| it.to_string().len()).sum::<usize>())
        else {
            return Err(self.whole(&statement, at));
        };
        let with = |values: &[Value], base: &Value| {
            let mut piece = base.clone();
            if let Some(slot) = piece.pointer_mut(&pointer) {
                *slot = match values {
                    [one] => one.clone(),
                    _ => json!(values),
                };
            }
            piece
        };
        // the most values that fit; one if another list must be split too
        let (mut few, mut many) = (1, values.len());
        while many - few > 1 {
            let middle = usize::midpoint(few, many);
            let some = values.get(..middle).unwrap_or(&values);
            if self.fits(&[with(some, &named)]) {
                few = middle;
            } else {
                many = middle;
            }
        }
        let (first, rest) = values.split_at_checked(few).unwrap_or((&values, &[]));
        let mut pieces = self.cut(with(first, &statement), at)?;
        if !rest.is_empty() {
            pieces.extend(self.cut(with(rest, &statement), at)?);
        }
        Ok(pieces)
    }

    fn whole(&self, statement: &Value, at: usize) -> CannotSplit {
        let sid = statement.get("Sid").and_then(Value::as_str);
        CannotSplit::Whole {
            statement: match sid {
                Some(sid) => format!("statement `{sid}`"),
                None => format!("statement {}", at + 1),
            },
            limit: measure("", self.place, self.limit).limit,
        }
    }

    fn pack(&self, pieces: Vec<Value>) -> Vec<String> {
        let mut parts: Vec<Vec<Value>> = Vec::new();
        for piece in pieces {
            let room = parts.iter_mut().find_map(|part| {
                part.push(piece.clone());
                if self.fits(part) {
                    return Some(());
                }
                part.pop();
                None
            });
            if room.is_none() {
                parts.push(vec![piece]);
            }
        }
        parts.iter().map(|part| self.policy(part)).collect()
    }
}

fn number(pieces: &mut [Value], taken: &mut HashSet<String>) {
    let mut numbers = 1_usize..;
    for piece in pieces {
        if let Some(Value::String(sid)) = piece.get_mut("Sid") {
            let mut named = numbers.by_ref().map(|n| format!("{sid}{n}"));
            if let Some(free) = named.find(|it| !taken.contains(it)) {
                taken.insert(free.clone());
                *sid = free;
            }
        }
    }
}

/// The lists of a statement whose entries are joined by "or", with their pointers.
fn lists(statement: &Value) -> Vec<(String, Vec<Value>)> {
    let list = |pointer: String| {
        let values = statement.pointer(&pointer)?.as_array()?;
        (values.len() > 1).then(|| (pointer, values.clone()))
    };
    let mut lists: Vec<_> = ["/Action", "/Resource"]
        .into_iter()
        .filter_map(|it| list(it.to_owned()))
        .collect();
    if statement.get("Effect").and_then(Value::as_str) != Some("Deny") {
        return lists;
    }
    let conditions = statement.get("Condition").and_then(Value::as_object);
    for (name, keys) in conditions.into_iter().flatten() {
        let ored = Operator::parse(name).is_some_and(|it| {
            !it.test.is_negated() && it.test != Test::Null && it.quantifier != Quantifier::All
        });
        let keys = keys.as_object().filter(|_| ored);
        for key in keys.into_iter().flat_map(Map::keys) {
            let (name, key) = (escaped(name), escaped(key));
            lists.extend(list(format!("/Condition/{name}/{key}")));
        }
    }
    lists
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
