use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::{DEPTH_MAX, Lines, MapEntry, NODES_MAX, Node, Parsed, Value};
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
    let mut findings: Vec<Diagnostic> = errors
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
    let mut reader = TomlReader { lines, nodes: 0 };
    let read = reader.entries(table.get_ref(), 0);
    take_apart(table.into_inner());
    let root = match read {
        Ok(entries) => Some(Node {
            position: Position { line: 1, column: 1 },
            value: Value::Map(entries),
        }),
        Err(error) => {
            findings.push(*error);
            None
        }
    };
    Parsed { root, findings }
}

/// Drops a table level by level: dots and brackets may nest thousands, and recursive drops could
/// overflow the stack.
fn take_apart(table: DeTable<'_>) {
    let mut left = vec![DeValue::Table(table)];
    while let Some(value) = left.pop() {
        match value {
            DeValue::Table(table) => left.extend(table.into_iter().map(|(_, it)| it.into_inner())),
            DeValue::Array(items) => left.extend(items.into_iter().map(Spanned::into_inner)),
            _ => {}
        }
    }
}

/// Finds a line whose dots could nest tables too deep for the recursive parser.
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
    nodes: usize,
}

type ReadResult<T> = Result<T, Box<Diagnostic>>;

impl TomlReader<'_> {
    fn entries(&mut self, table: &DeTable<'_>, depth: usize) -> ReadResult<Vec<MapEntry>> {
        let mut entries = Vec::with_capacity(table.len());
        for (key, value) in table {
            entries.push(MapEntry {
                key: key.get_ref().to_string(),
                position: self.lines.position(key.span().start),
                value: self.node(value, depth)?,
            });
        }
        entries.sort_by_key(|entry| entry.position);
        Ok(entries)
    }

    fn node(&mut self, value: &Spanned<DeValue<'_>>, depth: usize) -> ReadResult<Node> {
        let position = self.lines.position(value.span().start);
        self.nodes += 1;
        let (code, message) = if depth >= DEPTH_MAX {
            let message = format!("values are nested deeper than {DEPTH_MAX}");
            (FindingCode::TooDeep, message)
        } else if self.nodes > NODES_MAX {
            let message = format!("the text holds more than {NODES_MAX} values");
            (FindingCode::TooLarge, message)
        } else {
            let value = self.value(value.get_ref(), depth)?;
            return Ok(Node { position, value });
        };
        Err(Box::new(Diagnostic::error(code, position, message)))
    }

    fn value(&mut self, value: &DeValue<'_>, depth: usize) -> ReadResult<Value> {
        Ok(match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) if number.radix() == 10 => {
                Value::Number(number.as_str().to_owned())
            }
            DeValue::Integer(number) => Value::Number(number.to_string()),
            DeValue::Float(number) => Value::Number(number.as_str().to_owned()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(instant) => Value::Number(instant.to_string()),
            DeValue::Array(items) => {
                let mut read = Vec::with_capacity(items.len());
                for item in items {
                    read.push(self.node(item, depth + 1)?);
                }
                Value::List(read)
            }
            DeValue::Table(table) => Value::Map(self.entries(table, depth + 1)?),
        })
    }
}
