//! Config's query language (AWS: "Query components for advanced queries") as used by inventories:
//! `SELECT`, a list of properties, `WHERE` with comparisons, `IN`, `BETWEEN`, `AND`, `OR`, `NOT`.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// Maximum nesting of parentheses and `NOT`s.
const DEPTH_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct SelectQuery {
    fields: Vec<String>,
    condition: Option<Condition>,
}

#[derive(Debug)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// True for any matching value at the path.
    Compares(String, Comparison, Value),
    In(String, Vec<Value>),
    Between(String, Value, Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl SelectQuery {
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(String::as_str)
    }

    pub(super) fn fits(&self, item: &Value) -> bool {
        self.condition
            .as_ref()
            .is_none_or(|condition| condition.holds(item))
    }

    /// The selected properties of an item, nested.
    pub(super) fn shown(&self, item: &Value) -> Value {
        let mut tree = Value::Object(Map::new());
        for field in &self.fields {
            let mut at = &mut tree;
            for step in field.split('.') {
                let Value::Object(members) = at else { break };
                at = members
                    .entry(step)
                    .or_insert_with(|| Value::Object(Map::new()));
            }
            // a property selected whole stays whole
            *at = Value::Null;
        }
        project(item, &tree).unwrap_or_else(|| Value::Object(Map::new()))
    }
}

/// The part of a value that a tree of names selects, also in lists.
fn project(value: &Value, tree: &Value) -> Option<Value> {
    let Value::Object(names) = tree else {
        return Some(value.clone());
    };
    match value {
        Value::Object(members) => {
            let found = names.iter().filter_map(|(name, below)| {
                Some((name.clone(), project(members.get(name)?, below)?))
            });
            let found: Map<String, Value> = found.collect();
            (!found.is_empty()).then_some(Value::Object(found))
        }
        Value::Array(rows) => Some(rows.iter().filter_map(|row| project(row, tree)).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

impl Condition {
    fn holds(&self, item: &Value) -> bool {
        let any = |path: &str, fits: &dyn Fn(&Value) -> bool| {
            let steps: Vec<&str> = path.split('.').collect();
            any_at(item, &steps, fits)
        };
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(item)),
            Self::Any(all) => all.iter().any(|one| one.holds(item)),
            Self::Not(inner) => !inner.holds(item),
            Self::Compares(path, how, value) => any(path, &|own| {
                order(own, value).is_some_and(|order| how.fits(order))
            }),
            Self::In(path, values) => any(path, &|own| values.contains(own)),
            Self::Between(path, low, high) => any(path, &|own| {
                order(own, low).is_some_and(Ordering::is_ge)
                    && order(own, high).is_some_and(Ordering::is_le)
            }),
        }
    }
}

impl Comparison {
    fn fits(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
        }
    }
}

/// Whether any value at a path, or any list row, matches.
fn any_at(value: &Value, steps: &[&str], fits: &dyn Fn(&Value) -> bool) -> bool {
    match (value, steps) {
        (Value::Array(rows), _) => rows.iter().any(|row| any_at(row, steps, fits)),
        (_, []) => fits(value),
        (Value::Object(members), [first, rest @ ..]) => members
            .get(*first)
            .is_some_and(|inner| any_at(inner, rest, fits)),
        (_, _) => false,
    }
}

/// Texts compare by letter, numbers as numbers, others never.
fn order(own: &Value, other: &Value) -> Option<Ordering> {
    match (own, other) {
        (Value::String(own), Value::String(other)) => Some(own.cmp(other)),
        (Value::Number(own), Value::Number(other)) => own.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::Bool(own), Value::Bool(other)) => (own == other).then_some(Ordering::Equal),
        _ => None,
    }
}

/// Parses a query. `compares`: whether `>` and similar are allowed, which is undocumented.
///
/// # Errors
/// The problem and its place.
pub(super) fn parse(text: &str, compares: bool) -> Result<SelectQuery, String> {
    let mut reader = QueryReader {
        tokens: tokens(text)?,
        at: 0,
        compares,
    };
    reader.word("SELECT")?;
    let mut fields = vec![reader.path()?];
    while reader.takes(&Token::Sign(",")) {
        fields.push(reader.path()?);
    }
    let condition = if reader.is_word("WHERE") {
        Some(reader.any(0)?)
    } else {
        None
    };
    match reader.tokens.get(reader.at) {
        None => Ok(SelectQuery { fields, condition }),
        Some((_, Token::Word(word)))
            if ["GROUP", "ORDER"].contains(&word.to_uppercase().as_str()) =>
        {
            Err(format!("{} BY is not simulated", word.to_uppercase()))
        }
        Some(_) => Err(reader.wrong("the end")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Literal(Value),
    Sign(&'static str),
}

const SIGNS: &[&str] = &[">=", "<=", ",", "(", ")", "=", ">", "<"];

/// Tokens with their place, from 1.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let place = text.len() - rest.len() + 1;
        let (token, length) = if first == '\'' {
            quoted(rest).ok_or_else(|| format!("the text at {place} does not end"))?
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Token::Sign(sign), sign.len())
        } else {
            let is_part = |letter: char| letter.is_alphanumeric() || "._-".contains(letter);
            let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
            let (word, _) = rest.split_at_checked(end).unwrap_or_default();
            if word.is_empty() {
                return Err(format!("unexpected `{first}` at {place}"));
            }
            let number = serde_json::from_str::<Value>(word).ok();
            let token = number.map_or_else(|| Token::Word(word.to_owned()), Token::Literal);
            (token, end)
        };
        found.push((place, token));
        rest = rest
            .split_at_checked(length)
            .unwrap_or_default()
            .1
            .trim_start();
    }
    Ok(found)
}

/// A quoted text, where two quotes mean one, and its length.
fn quoted(rest: &str) -> Option<(Token, usize)> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '\'' {
            text.push(letter);
        } else if letters.next_if(|(_, next)| *next == '\'').is_some() {
            text.push('\'');
        } else {
            return Some((Token::Literal(text.into()), at + 1));
        }
    }
    None
}

struct QueryReader {
    tokens: Vec<(usize, Token)>,
    at: usize,
    compares: bool,
}

impl QueryReader {
    fn wrong(&self, expected: &str) -> String {
        match self.tokens.get(self.at) {
            Some((place, Token::Word(word))) => format!("`{word}` at {place}, expected {expected}"),
            Some((place, _)) => format!("at {place}, expected {expected}"),
            None => format!("at the end, expected {expected}"),
        }
    }

    fn takes(&mut self, token: &Token) -> bool {
        let found = self
            .tokens
            .get(self.at)
            .is_some_and(|(_, one)| one == token);
        self.at += usize::from(found);
        found
    }

    fn is_word(&mut self, wanted: &str) -> bool {
        let next = self.tokens.get(self.at);
        let found =
            matches!(next, Some((_, Token::Word(word))) if word.eq_ignore_ascii_case(wanted));
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, wanted: &str) -> Result<(), String> {
        let wrong = self.wrong(wanted);
        self.is_word(wanted).then_some(()).ok_or(wrong)
    }

    fn sign(&mut self, wanted: &'static str) -> Result<(), String> {
        let wrong = self.wrong(wanted);
        self.takes(&Token::Sign(wanted)).then_some(()).ok_or(wrong)
    }

    fn path(&mut self) -> Result<String, String> {
        const KEYWORDS: [&str; 8] = [
            "SELECT", "WHERE", "AND", "OR", "NOT", "IN", "BETWEEN", "FROM",
        ];
        match self.tokens.get(self.at) {
            Some((_, Token::Word(word))) if !KEYWORDS.contains(&word.to_uppercase().as_str()) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.wrong("a property")),
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.tokens.get(self.at) {
            Some((_, Token::Literal(value))) => {
                let value = value.clone();
                self.at += 1;
                Ok(value)
            }
            _ => Err(self.wrong("a value")),
        }
    }

    fn any(&mut self, depth: usize) -> Result<Condition, String> {
        let mut all = vec![self.all(depth)?];
        while self.is_word("OR") {
            all.push(self.all(depth)?);
        }
        Ok(Condition::Any(all))
    }

    fn all(&mut self, depth: usize) -> Result<Condition, String> {
        let mut all = vec![self.one(depth)?];
        while self.is_word("AND") {
            all.push(self.one(depth)?);
        }
        Ok(Condition::All(all))
    }

    fn one(&mut self, depth: usize) -> Result<Condition, String> {
        if depth > DEPTH_MAX {
            return Err("the condition is nested too deeply".to_owned());
        }
        if self.is_word("NOT") {
            return Ok(Condition::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.takes(&Token::Sign("(")) {
            let inner = self.any(depth + 1)?;
            self.sign(")")?;
            return Ok(inner);
        }
        let path = self.path()?;
        let negated = self.is_word("NOT");
        let found = self.predicate(path, negated)?;
        Ok(if negated {
            Condition::Not(Box::new(found))
        } else {
            found
        })
    }

    fn predicate(&mut self, path: String, negated: bool) -> Result<Condition, String> {
        if self.is_word("IN") {
            self.sign("(")?;
            let mut values = vec![self.value()?];
            while self.takes(&Token::Sign(",")) {
                values.push(self.value()?);
            }
            self.sign(")")?;
            return Ok(Condition::In(path, values));
        }
        if self.is_word("BETWEEN") {
            let low = self.value()?;
            self.word("AND")?;
            return Ok(Condition::Between(path, low, self.value()?));
        }
        if negated {
            return Err(self.wrong("IN or BETWEEN"));
        }
        if self.takes(&Token::Sign("=")) {
            return Ok(Condition::Compares(path, Comparison::Equal, self.value()?));
        }
        let others = [
            (">=", Comparison::GreaterOrEqual),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
        ];
        for (sign, how) in others {
            if self.compares && self.takes(&Token::Sign(sign)) {
                return Ok(Condition::Compares(path, how, self.value()?));
            }
        }
        Err(self.wrong("a comparison"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROWS: &str = "
        yes SELECT a
        yes SELECT a WHERE a = 'x'
        no  SELECT a WHERE a = 'y'
        yes SELECT a WHERE a IN ('y', 'x') AND n = 3
        no  SELECT a WHERE a NOT IN ('y', 'x')
        yes SELECT a WHERE list.ip > '0.0.0.0'
        no  SELECT a WHERE list.none > '0.0.0.0'
        yes SELECT a WHERE list.ip BETWEEN '1.0.0.0' AND '1.9.9.9' OR a = 'y'
        yes select a where not (a = 'y' or n = 4) and it = 'don''t'
        no  SELECT a WHERE NOT list.ip = '2.2.2.2'
        yes SELECT a WHERE n >= 3 AND n <= 3 AND NOT n > 3
        -   SELECT
        -   SELECT a,
        -   SELECT a FROM b
        -   SELECT a WHERE
        -   SELECT a WHERE a LIKE 'x'
        -   SELECT a WHERE a = 'x
        -   SELECT a WHERE a = x
        -   SELECT a WHERE (a = 'x'
        -   SELECT a WHERE a IN ()
        -   SELECT a WHERE a = 'x' ORDER BY a
        -   DELETE a
        -   SELECT a; DROP
    ";

    #[test]
    fn queries() {
        let item = json!({ "a": "x", "n": 3, "it": "don't",
            "list": [{ "ip": "1.2.3.4" }, { "ip": "2.2.2.2" }] });
        let mut wrong = Vec::new();
        for line in ROWS.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (expected, query) = line.split_once(' ').unwrap();
            let found = match parse(query.trim(), true) {
                Ok(query) if query.fits(&item) => "yes",
                Ok(_) => "no",
                Err(_) => "-",
            };
            if found != expected {
                wrong.push(format!("{line}: {found}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(parse("SELECT a WHERE a > 'x'", false).is_err());
        assert!(parse(&format!("SELECT a WHERE {}", "(".repeat(10_000)), true).is_err());
    }

    #[test]
    fn what_is_selected_is_nested_as_it_was() {
        let item = json!({ "a": "x", "c": { "d": { "e": 1, "f": 2 }, "l": [{ "g": 1, "h": 2 }, { "h": 3 }] } });
        let query = parse("SELECT c.d.e, a, c.l.g, lost.one", true).unwrap();
        let expected = json!({ "c": { "d": { "e": 1 }, "l": [{ "g": 1 }] }, "a": "x" });
        assert_eq!(query.shown(&item), expected);
        let names: Vec<&str> = query.fields().collect();
        assert_eq!(names, ["c.d.e", "a", "c.l.g", "lost.one"]);
        let whole = parse("SELECT c.l, c.l.g", true).unwrap();
        assert_eq!(whole.shown(&item)["c"]["l"][0]["h"], 2);
    }
}
