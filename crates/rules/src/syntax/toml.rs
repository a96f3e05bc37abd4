//! TOML with positions.

use ::toml::de::{DeTable, DeValue};

use super::{DEPTH_MAX, Lines, MapEntry, Node, Parsed, Value};
use crate::diagnostic::{Diagnostic, FindingCode, Position, shorten};

pub(super) fn parse(text: &str) -> Parsed {
    let lines = Lines::new(text);
    if let Some(position) = too_many_dots(text) {
        let message = format!("keys are nested deeper than {DEPTH_MAX}");
        return Parsed {
            root: None,
            findings: vec![Diagnostic::error(FindingCode::TooDeep, position, message)],
        };
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let errors = errors
        .iter()
        .map(|error| {
            let position = lines.position(error.span().map_or(0, |span| span.start));
            let message = error.message();
            let code = if message.contains("duplicate key") {
                FindingCode::DuplicateKey
            } else {
                FindingCode::BadSyntax
            };
            Diagnostic::error(code, position, shorten(message))
        })
        .collect();
    let reader = TomlReader { lines };
    let entries = reader.entries(table.get_ref());
    let root = Node {
        position: Position { line: 1, column: 1 },
        value: Value::Map(entries),
    };
    Parsed {
        root: Some(root),
        findings: errors,
    }
}

/// A line whose dots could nest tables without end: the parser would follow them.
fn too_many_dots(text: &str) -> Option<Position> {
    text.lines().zip(1..).find_map(|(line, number)| {
        let key = line.split('=').next().unwrap_or_default();
        let quoted = key.trim_start().starts_with(['#', '"', '\'']);
        (!quoted && key.matches('.').count() > DEPTH_MAX).then_some(Position {
            line: number,
            column: 1,
        })
    })
}

struct TomlReader<'a> {
    lines: Lines<'a>,
}

impl TomlReader<'_> {
    fn entries(&self, table: &DeTable<'_>) -> Vec<MapEntry> {
        let mut entries: Vec<MapEntry> = table
            .iter()
            .map(|(key, value)| MapEntry {
                key: key.get_ref().to_string(),
                position: self.lines.position(key.span().start),
                value: self.node(value.get_ref(), value.span().start),
            })
            .collect();
        entries.sort_by_key(|entry| entry.position);
        entries
    }

    fn node(&self, value: &DeValue<'_>, offset: usize) -> Node {
        let value = match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) if number.radix() == 10 => {
                Value::Number(number.as_str().to_owned())
            }
            DeValue::Integer(number) => Value::Number(number.to_string()),
            DeValue::Float(number) => Value::Number(number.as_str().to_owned()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(instant) => Value::Number(instant.to_string()),
            DeValue::Array(items) => Value::List(
                items
                    .iter()
                    .map(|item| self.node(item.get_ref(), item.span().start))
                    .collect(),
            ),
            DeValue::Table(table) => Value::Map(self.entries(table)),
        };
        Node {
            position: self.lines.position(offset),
            value,
        }
    }
}
