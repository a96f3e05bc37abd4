//! Condition blocks (`policies.md` §2.4): one operator, one key at a time.

use std::cmp::Ordering;

use serde_json::Value;

use super::glob::{arn, covers, six, six_cover};
use super::text::{Context, base64, compare, date, fold, in_range, number};
use super::variable::{Part, fill};
use super::{many, text_of};

pub(super) struct Operator {
    pub(super) set: &'static str,
    pub(super) base: &'static str,
    pub(super) negated: bool,
    pub(super) if_exists: bool,
}

const OPERATORS: &[(&str, &str)] = &[
    ("stringequals", "stringequals"),
    ("stringnotequals", "!stringequals"),
    ("stringequalsignorecase", "ignorecase"),
    ("stringnotequalsignorecase", "!ignorecase"),
    ("stringlike", "stringlike"),
    ("stringnotlike", "!stringlike"),
    ("numericequals", "number="),
    ("numericnotequals", "!number="),
    ("numericlessthan", "number<"),
    ("numericlessthanequals", "number<="),
    ("numericgreaterthan", "number>"),
    ("numericgreaterthanequals", "number>="),
    ("dateequals", "date="),
    ("datenotequals", "!date="),
    ("datelessthan", "date<"),
    ("datelessthanequals", "date<="),
    ("dategreaterthan", "date>"),
    ("dategreaterthanequals", "date>="),
    ("bool", "bool"),
    ("binaryequals", "binary"),
    ("ipaddress", "ip"),
    ("notipaddress", "!ip"),
    ("arnequals", "arn"),
    ("arnlike", "arn"),
    ("arnnotequals", "!arn"),
    ("arnnotlike", "!arn"),
    ("null", "null"),
];

pub(super) fn operator(name: &str) -> Option<Operator> {
    let lower = name.to_ascii_lowercase();
    let (set, rest) = match lower.split_once(':') {
        Some(("forallvalues", rest)) => ("all", rest),
        Some(("foranyvalue", rest)) => ("any", rest),
        Some(_) => return None,
        None => ("", lower.as_str()),
    };
    let (rest, if_exists) = match rest.strip_suffix("ifexists") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let (_, base) = OPERATORS.iter().find(|(name, _)| *name == rest)?;
    if *base == "null" && (if_exists || !set.is_empty()) {
        return None;
    }
    let negated = base.starts_with('!');
    Some(Operator {
        set,
        base: base.trim_start_matches('!'),
        negated,
        if_exists,
    })
}

pub(super) fn holds(statement: &Value, modern: bool, context: &Context) -> bool {
    let Some(block) = statement.get("Condition").and_then(Value::as_object) else {
        return true;
    };
    block.iter().all(|(name, keys)| {
        let operator = operator(name).unwrap();
        keys.as_object().unwrap().iter().all(|(key, values)| {
            let values: Vec<String> = many(values).into_iter().filter_map(text_of).collect();
            one(&operator, key, &values, modern, context)
        })
    })
}

fn one(operator: &Operator, key: &str, wanted: &[String], modern: bool, context: &Context) -> bool {
    let found = context.get(key);
    if operator.base == "null" {
        let absent = if found.is_none() { "true" } else { "false" };
        return wanted
            .iter()
            .any(|value| value.to_ascii_lowercase() == absent);
    }
    let satisfies = |value: &str| satisfies(operator, value, wanted, modern, context);
    match (operator.set, found) {
        ("all", None) => true,
        ("any", None) => false,
        (_, None) => operator.negated || operator.if_exists,
        ("all", Some(found)) => found.texts.iter().all(|value| satisfies(value)),
        ("any", Some(found)) => found.texts.iter().any(|value| satisfies(value)),
        (_, Some(found)) => !found.many && satisfies(&found.texts[0]),
    }
}

fn satisfies(
    operator: &Operator,
    value: &str,
    wanted: &[String],
    modern: bool,
    context: &Context,
) -> bool {
    let mut results = wanted
        .iter()
        .map(|want| equal(operator.base, want, value, modern, context));
    if operator.negated {
        results.all(|result| result == Some(false))
    } else {
        results.any(|result| result == Some(true))
    }
}

/// Compares one listed value with one request value; `None` if either has the wrong type.
fn equal(base: &str, want: &str, value: &str, modern: bool, context: &Context) -> Option<bool> {
    let ordered = |order: Ordering| match &base[base.len() - 2..] {
        "<=" => order != Ordering::Greater,
        ">=" => order != Ordering::Less,
        other => match &other[1..] {
            "<" => order == Ordering::Less,
            ">" => order == Ordering::Greater,
            _ => order == Ordering::Equal,
        },
    };
    if base.starts_with("number") {
        return Some(ordered(compare(&number(value)?, &number(want)?)));
    }
    if base.starts_with("date") {
        return Some(ordered(date(value)?.cmp(&date(want)?)));
    }
    match base {
        "ip" => return in_range(want, value),
        "binary" => return Some(base64(want)? == base64(value)?),
        _ => {}
    }
    if base == "arn" {
        return equal_arn(want, value, modern, context);
    }
    let Some(filled) = fill(want, modern, context) else {
        return Some(false);
    };
    let plain = plain(&filled);
    match base {
        "stringequals" => Some(plain == value),
        "ignorecase" => Some(fold(&plain) == fold(value)),
        "stringlike" => Some(covers(&filled, &value.chars().collect::<Vec<_>>())),
        "bool" => Some(boolean(&plain)? == boolean(value)?),
        other => panic!("no operator {other}"),
    }
}

/// Compares ARNs (`policies.md` §2.3: a variable may be anywhere in the value). Splits the value at
/// its own colons, so that a variable's value stays in its part, unless only the variables' colons
/// make it an ARN.
fn equal_arn(want: &str, value: &str, modern: bool, context: &Context) -> Option<bool> {
    let value = arn(value)?;
    let mut pieces = cut(want, modern);
    if pieces.len() < 6 && want.ends_with('*') {
        pieces.resize(6, "*".to_owned());
    }
    if pieces.len() == 6 {
        let filled: Option<Vec<_>> = pieces
            .iter()
            .map(|piece| fill(piece, modern, context))
            .collect();
        return Some(filled.is_some_and(|patterns| six_cover(&patterns, &value)));
    }
    if !(modern && want.contains("${") && want.contains('}')) {
        return None;
    }
    match fill(want, modern, context) {
        None => Some(false),
        Some(filled) => Some(six_cover(&six(&filled)?, &value)),
    }
}

fn cut(text: &str, modern: bool) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let variable = (modern && rest.starts_with("${"))
            .then(|| rest.find('}'))
            .flatten();
        let length = variable.map_or(first.len_utf8(), |end| end + 1);
        if first == ':' && pieces.len() < 6 {
            pieces.push(String::new());
        } else {
            pieces.last_mut().unwrap().push_str(&rest[..length]);
        }
        rest = &rest[length..];
    }
    pieces
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn plain(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| match part {
            Part::Char(c) => *c,
            Part::Any => '*',
            Part::One => '?',
        })
        .collect()
}
