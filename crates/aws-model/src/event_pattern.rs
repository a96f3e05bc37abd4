//! Event patterns of `EventBridge` (Amazon `EventBridge` User Guide, "Creating Amazon `EventBridge`
//! event patterns" and "Comparison operators for use in event patterns").

use std::net::IpAddr;

use serde_json::{Map, Value};

/// Matches an event when every field fits and, with alternatives, one of these.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPattern {
    fields: Vec<(String, WantedValue)>,
    either: Vec<EventPattern>,
}

/// An invalid pattern, with AWS's "Reason" where known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidEventPattern(String);

#[derive(Debug, Clone, PartialEq)]
enum WantedValue {
    Inside(EventPattern),
    /// One matches the value, or one of its elements.
    AnyOf(Vec<FieldComparison>),
}

#[derive(Debug, Clone, PartialEq)]
enum FieldComparison {
    Equals(Value),
    Exists(bool),
    Begins(Caseless),
    Ends(Caseless),
    Same(Caseless),
    Wildcard(Vec<String>),
    Numeric(Vec<(NumberOperator, f64)>),
    Network(IpAddr, u32),
    AnythingBut(Vec<FieldComparison>),
}

#[derive(Debug, Clone, PartialEq)]
struct Caseless {
    text: String,
    ignores_case: bool,
}

type NumberOperator = fn(&f64, &f64) -> bool;

const NUMBER_OPERATORS: [(&str, NumberOperator); 5] = [
    ("=", |one, other| (one - other).abs() < f64::EPSILON),
    ("<", |one, other| one < other),
    ("<=", |one, other| one <= other),
    (">", |one, other| one > other),
    (">=", |one, other| one >= other),
];
const LARGEST: f64 = 5e9;

impl EventPattern {
    /// Parses a pattern as in `PutRule`: the text of a JSON object.
    ///
    /// # Errors
    /// See [`InvalidEventPattern`]. An unsupported pattern is an error, never one that matches
    /// nothing.
    pub fn read(text: &str) -> Result<Self, InvalidEventPattern> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| InvalidEventPattern(format!("Invalid JSON: {error}")))?;
        let Value::Object(fields) = value else {
            return Err(InvalidEventPattern("Filter is not an object".to_owned()));
        };
        Self::of(&fields).map_err(InvalidEventPattern)
    }

    fn of(fields: &Map<String, Value>) -> Result<Self, String> {
        if fields.is_empty() {
            return Err("Empty objects are not allowed".to_owned());
        }
        let mut pattern = Self {
            fields: Vec::new(),
            either: Vec::new(),
        };
        for (name, wanted) in fields {
            match wanted {
                Value::Array(rows) if name == "$or" => pattern.either = alternatives(rows)?,
                Value::Object(inner) => {
                    let inner = WantedValue::Inside(Self::of(inner)?);
                    pattern.fields.push((name.clone(), inner));
                }
                Value::Array(rows) if rows.is_empty() => {
                    return Err("Empty arrays are not allowed".to_owned());
                }
                Value::Array(rows) => {
                    let rows: Result<Vec<_>, _> = rows.iter().map(comparison).collect();
                    pattern
                        .fields
                        .push((name.clone(), WantedValue::AnyOf(rows?)));
                }
                _ => return Err(format!("\"{name}\" must be an object or an array")),
            }
        }
        Ok(pattern)
    }

    /// Whether it matches an event with its envelope (`source`, `detail-type`, `detail`).
    pub fn takes(&self, event: &Value) -> bool {
        self.fits(Some(event))
    }

    fn fits(&self, value: Option<&Value>) -> bool {
        if let Some(Value::Array(rows)) = value {
            return rows.iter().any(|row| self.fits(Some(row)));
        }
        let field = |(name, wanted): &(String, WantedValue)| {
            let found = value.and_then(|it| it.get(name));
            match wanted {
                WantedValue::Inside(pattern) => pattern.fits(found),
                WantedValue::AnyOf(all) => all.iter().any(|it| it.holds_for(found)),
            }
        };
        let one = self.either.is_empty() || self.either.iter().any(|it| it.fits(value));
        one && self.fields.iter().all(field)
    }
}

fn alternatives(rows: &[Value]) -> Result<Vec<EventPattern>, String> {
    if rows.len() < 2 {
        return Err("There must have at least 2 Objects in $or relationship.".to_owned());
    }
    let read = |row: &Value| match row {
        Value::Object(fields) => EventPattern::of(fields),
        _ => Err("Only JSON object is allowed in array of $or relationship.".to_owned()),
    };
    rows.iter().map(read).collect()
}

fn comparison(row: &Value) -> Result<FieldComparison, String> {
    let Value::Object(members) = row else {
        return match row {
            Value::Array(_) => {
                Err("Match value must be String, number, true, false, or null".to_owned())
            }
            plain => Ok(FieldComparison::Equals(plain.clone())),
        };
    };
    let mut members = members.iter();
    let (Some((name, operand)), None) = (members.next(), members.next()) else {
        return Err("Only one key allowed in match expression".to_owned());
    };
    let text = || match operand.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("{name} match pattern must be a string")),
    };
    Ok(match name.as_str() {
        "exists" => {
            let wanted = operand.as_bool();
            let wanted = wanted.ok_or("exists match pattern must be either true or false.")?;
            FieldComparison::Exists(wanted)
        }
        "prefix" => FieldComparison::Begins(caseless(name, operand)?),
        "suffix" => FieldComparison::Ends(caseless(name, operand)?),
        "equals-ignore-case" => FieldComparison::Same(Caseless {
            text: text()?,
            ignores_case: true,
        }),
        "wildcard" => FieldComparison::Wildcard(wildcard(&text()?)?),
        "numeric" => FieldComparison::Numeric(numeric(operand)?),
        "cidr" => {
            let (address, bits) = network(&text()?)?;
            FieldComparison::Network(address, bits)
        }
        "anything-but" => FieldComparison::AnythingBut(anything_but(operand)?),
        other => return Err(format!("Unrecognized match type {other}")),
    })
}

fn caseless(name: &str, operand: &Value) -> Result<Caseless, String> {
    let inner = operand.get("equals-ignore-case");
    let text = inner.unwrap_or(operand).as_str();
    let text = text.ok_or_else(|| format!("{name} match pattern must be a string"))?;
    Ok(Caseless {
        text: text.to_owned(),
        ignores_case: inner.is_some(),
    })
}

fn anything_but(operand: &Value) -> Result<Vec<FieldComparison>, String> {
    let several = |value: &Value| match value {
        Value::Array(rows) => rows.clone(),
        one => vec![one.clone()],
    };
    let rows = match operand {
        Value::Object(members) => {
            let mut rows = Vec::new();
            for (name, texts) in members {
                if !["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(&name.as_str())
                {
                    return Err(format!("Unsupported anything-but pattern: {name}"));
                }
                let made = several(texts).into_iter().map(|text| {
                    let made = Map::from_iter([(name.clone(), text)]);
                    Value::Object(made)
                });
                rows.extend(made);
            }
            rows
        }
        Value::Bool(_) | Value::Null => {
            return Err(
                "Value of anything-but must be an array or single string/number value.".to_owned(),
            );
        }
        plain => several(plain),
    };
    if rows.is_empty() {
        return Err("Empty arrays are not allowed".to_owned());
    }
    rows.iter().map(comparison).collect()
}

/// `*` matches anything, `\*` and `\\` match themselves.
fn wildcard(text: &str) -> Result<Vec<String>, String> {
    let (mut parts, mut part, mut after_star) = (Vec::new(), String::new(), false);
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '*' if after_star => {
                return Err("Consecutive wildcard characters".to_owned());
            }
            '*' => parts.push(std::mem::take(&mut part)),
            '\\' => match rest.next() {
                Some(escaped @ ('*' | '\\')) => part.push(escaped),
                _ => return Err("Invalid escape character".to_owned()),
            },
            other => part.push(other),
        }
        after_star = letter == '*';
    }
    parts.push(part);
    Ok(parts)
}

fn numeric(operand: &Value) -> Result<Vec<(NumberOperator, f64)>, String> {
    let rows = operand.as_array().map(Vec::as_slice).unwrap_or_default();
    let (pairs, rest) = rows.as_chunks::<2>();
    if pairs.is_empty() || pairs.len() > 2 || !rest.is_empty() {
        return Err("Value of numeric must be one or two operators with a number each".to_owned());
    }
    let read = |[operator, number]: &[Value; 2]| {
        let operator = operator.as_str().unwrap_or_default();
        let mut known = NUMBER_OPERATORS.iter();
        let known = known.find(|(name, _)| *name == operator);
        let (_, known) =
            known.ok_or_else(|| format!("Unrecognized numeric range operator: {operator}"))?;
        let number = number.as_f64().filter(|it| it.abs() <= LARGEST);
        let number = number.ok_or("Numeric values must be between -5.0E9 and 5.0E9")?;
        Ok((*known, number))
    };
    pairs.iter().map(read).collect()
}

fn network(text: &str) -> Result<(IpAddr, u32), String> {
    let refusal = || format!("Malformed CIDR, one '/' required: {text}");
    let (address, bits) = text.split_once('/').ok_or_else(refusal)?;
    let address: IpAddr = address.parse().map_err(|_| refusal())?;
    let bits: u32 = bits.parse().map_err(|_| refusal())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    if bits > most {
        Err(refusal())
    } else {
        Ok((address, bits))
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(it) => u128::from(it.to_bits()) << 96,
        IpAddr::V6(it) => it.to_bits(),
    }
}

impl Caseless {
    fn folded(&self, text: &str) -> (String, String) {
        if self.ignores_case {
            return (self.text.to_lowercase(), text.to_lowercase());
        }
        (self.text.clone(), text.to_owned())
    }
}

impl FieldComparison {
    fn holds_for(&self, value: Option<&Value>) -> bool {
        if let Self::Exists(wanted) = self {
            // an object is not a value: `exists` is for leaves
            return value.is_some_and(|it| !it.is_object()) == *wanted;
        }
        match value {
            Some(Value::Array(rows)) => rows.iter().any(|row| self.holds_for(Some(row))),
            Some(Value::Object(_)) | None => false,
            Some(value) => self.is_met_by(value),
        }
    }

    fn is_met_by(&self, value: &Value) -> bool {
        let text = value.as_str();
        let caseless = |wanted: &Caseless, test: fn(&str, &str) -> bool| {
            text.is_some_and(|text| {
                let (wanted, text) = wanted.folded(text);
                test(&text, &wanted)
            })
        };
        match self {
            Self::Exists(wanted) => *wanted,
            Self::Equals(wanted) => value == wanted,
            Self::Begins(wanted) => caseless(wanted, |text, begin| text.starts_with(begin)),
            Self::Ends(wanted) => caseless(wanted, |text, end| text.ends_with(end)),
            Self::Same(wanted) => caseless(wanted, |text, other| text == other),
            Self::Wildcard(parts) => text.is_some_and(|text| has_parts(parts, text)),
            Self::Numeric(all) => {
                let number = value.as_f64();
                number.is_some_and(|it| all.iter().all(|(operator, than)| operator(&it, than)))
            }
            Self::Network(network, bits) => {
                let address = text.and_then(|it| it.parse::<IpAddr>().ok());
                let outside = 128_u32.saturating_sub(*bits);
                let begin = |it: IpAddr| number(it).checked_shr(outside).unwrap_or(0);
                address.is_some_and(|it| {
                    it.is_ipv4() == network.is_ipv4() && begin(it) == begin(*network)
                })
            }
            Self::AnythingBut(all) => !all.iter().any(|it| it.is_met_by(value)),
        }
    }
}

fn has_parts(parts: &[String], text: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return false;
    };
    let Some(mut left) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    let Some((last, middle)) = rest.split_last() else {
        return left.is_empty();
    };
    for part in middle {
        let Some((_, after)) = left.split_once(part.as_str()) else {
            return false;
        };
        left = after;
    }
    left.ends_with(last.as_str())
}
