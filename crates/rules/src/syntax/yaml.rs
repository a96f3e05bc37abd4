//! YAML (1.2 core schema) with positions; text keys, limited aliases. A rule file is one document.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::{DEPTH_MAX, Documents, MapEntry, NODES_MAX, Node, Parsed, Value};
use crate::diagnostic::{Diagnostic, FindingCode, Position, shorten};

pub(super) fn parse(text: &str) -> Parsed {
    let mut reader = YamlReader::new(text);
    let root = match reader.document() {
        Ok(root) => Some(root),
        Err(error) => {
            reader.errors.push(*error);
            None
        }
    };
    Parsed {
        root,
        findings: reader.errors,
    }
}

pub(super) fn documents(text: &str) -> Documents {
    let mut reader = YamlReader::new(text);
    let mut roots = Vec::new();
    if let Err(error) = reader.stream(&mut roots) {
        reader.errors.push(*error);
    }
    Documents {
        roots,
        findings: reader.errors,
    }
}

struct YamlReader<'a> {
    text: &'a str,
    events: Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>,
    /// Anchored nodes with their value count and depth.
    anchors: HashMap<usize, (Node, usize, usize)>,
    nodes: usize,
    deepest: usize,
    errors: Vec<Diagnostic>,
}

type ParseResult<T> = Result<T, Box<Diagnostic>>;

impl<'a> YamlReader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            events: Parser::new_from_str(text),
            anchors: HashMap::new(),
            nodes: 0,
            deepest: 0,
            errors: vec![],
        }
    }

    fn next(&mut self) -> ParseResult<Option<(Event<'a>, Position)>> {
        match self.events.next() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, position(&span)))),
            Some(Err(error)) => {
                let position = at(error.marker().line(), error.marker().col());
                Err(Box::new(Diagnostic::error(
                    FindingCode::BadSyntax,
                    position,
                    shorten(&error.info()),
                )))
            }
        }
    }

    fn document(&mut self) -> ParseResult<Node> {
        let mut root = None;
        while let Some((event, position)) = self.next()? {
            if is_between(&event, position)? {
                continue;
            }
            if root.is_some() {
                let help = "keep one document to a file";
                return Err(refused(position, "a second document in the text", help));
            }
            root = Some(self.node(event, position, 0)?);
        }
        Ok(root.unwrap_or(Node {
            position: at(1, 0),
            value: Value::Map(Vec::new()),
        }))
    }

    fn stream(&mut self, roots: &mut Vec<Node>) -> ParseResult<()> {
        while let Some((event, position)) = self.next()? {
            if !is_between(&event, position)? {
                self.anchors.clear();
                roots.push(self.node(event, position, 0)?);
            }
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, position: Position, depth: usize) -> ParseResult<Node> {
        ensure_shallow(depth, position)?;
        let before = self.nodes;
        let outside = std::mem::replace(&mut self.deepest, depth);
        self.count(1, position)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let text = text.into_owned();
                self.tag(tag.as_deref(), "str", position)?;
                // long texts weigh more, to limit their multiplication by aliases
                self.count(text.len() / 16, position)?;
                let plain = style == ScalarStyle::Plain && tag.is_none();
                (
                    if plain {
                        resolve(text)
                    } else {
                        Value::Text(text)
                    },
                    anchor,
                )
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), "seq", position)?;
                (self.list(depth)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), "map", position)?;
                (self.map(depth)?, anchor)
            }
            Event::Alias(id) => {
                let node = self.alias(id, position, depth)?;
                self.deepest = self.deepest.max(outside);
                return Ok(node);
            }
            _ => return Err(broken(position)),
        };
        let node = Node { position, value };
        if anchor != 0 {
            let (size, height) = (self.nodes - before, self.deepest - depth);
            self.anchors.insert(anchor, (node.clone(), size, height));
        }
        self.deepest = self.deepest.max(outside);
        Ok(node)
    }

    /// Refuses all but redundant tags. An unquoted entry like `!*-prod` is a tag on an empty value.
    fn tag(&self, tag: Option<&Tag>, accepted: &str, position: Position) -> ParseResult<()> {
        match tag {
            Some(tag) if !tag.is_yaml_core_schema_tag(accepted) => {
                let written = tag.original();
                let position = self.before(position, &written);
                let written = shorten(&written);
                let message = format!("`{written}` is a tag in YAML, and tags are not read");
                let help = format!("put it in quotes if it is text: `\"{written}\"`");
                Err(refused(position, &message, &help))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn before(&self, value: Position, tag: &str) -> Position {
        let row = usize::try_from(value.line).unwrap_or(usize::MAX);
        let column = usize::try_from(value.column).unwrap_or(usize::MAX);
        let line = self
            .text
            .lines()
            .nth(row.saturating_sub(1))
            .unwrap_or_default();
        let before: String = line.chars().take(column.saturating_sub(1)).collect();
        let column = before.rfind(tag).and_then(|at| before.get(..at));
        let column = column.and_then(|before| u32::try_from(before.chars().count() + 1).ok());
        Position {
            line: value.line,
            column: column.unwrap_or(value.column),
        }
    }

    fn alias(&mut self, id: usize, position: Position, depth: usize) -> ParseResult<Node> {
        let Some((node, size, height)) = self.anchors.get(&id) else {
            let message = "an alias to something that is not complete yet";
            return Err(Box::new(Diagnostic::error(
                FindingCode::BadSyntax,
                position,
                message,
            )));
        };
        self.deepest = depth + height;
        ensure_shallow(self.deepest, position)?;
        let (value, size) = (node.value.clone(), *size);
        self.count(size, position)?;
        Ok(Node { position, value })
    }

    fn count(&mut self, nodes: usize, position: Position) -> ParseResult<()> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            let message = format!("the text holds more than {NODES_MAX} values");
            return Err(Box::new(Diagnostic::error(
                FindingCode::TooLarge,
                position,
                message,
            )));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> ParseResult<Value> {
        let mut items = Vec::new();
        while let Some((event, position)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.node(event, position, depth + 1)?);
        }
        Ok(Value::List(items))
    }

    fn map(&mut self, depth: usize) -> ParseResult<Value> {
        let mut entries: Vec<MapEntry> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some((event, position)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let Event::Scalar(key, style, _, tag) = event else {
                let help = "write the key as text";
                return Err(refused(position, "a key that is not text", help));
            };
            self.tag(tag.as_deref(), "str", position)?;
            if key == "<<" && style == ScalarStyle::Plain {
                let help = "write the keys out; an alias stands for a whole value";
                return Err(refused(position, "merge keys are not read", help));
            }
            let Some((event, value_position)) = self.next()? else {
                return Err(broken(position));
            };
            let value = self.node(event, value_position, depth + 1)?;
            if seen.insert(key.to_string()) {
                entries.push(MapEntry {
                    key: key.into_owned(),
                    position,
                    value,
                });
            } else {
                let message = format!("`{}` is given twice", shorten(&key));
                self.errors.push(
                    Diagnostic::error(FindingCode::DuplicateKey, position, message)
                        .field(&key)
                        .help("keep one of the two"),
                );
            }
        }
        Ok(Value::Map(entries))
    }
}

fn ensure_shallow(depth: usize, position: Position) -> ParseResult<()> {
    if depth < DEPTH_MAX {
        return Ok(());
    }
    let message = format!("values are nested deeper than {DEPTH_MAX}");
    Err(Box::new(Diagnostic::error(
        FindingCode::TooDeep,
        position,
        message,
    )))
}

fn is_between(event: &Event<'_>, position: Position) -> ParseResult<bool> {
    match event {
        Event::DocumentStart(_, Some(version)) if (version.major, version.minor) != (1, 2) => {
            let message = format!("YAML {}.{}", version.major, version.minor);
            let help = "YAML 1.2 is read: drop the directive";
            Err(refused(position, &message, help))
        }
        Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd | Event::StreamEnd => {
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn refused(position: Position, message: &str, help: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(FindingCode::BadSyntax, position, message).help(help))
}

fn broken(position: Position) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(
        FindingCode::BadSyntax,
        position,
        "the text breaks off",
    ))
}

fn position(span: &Span) -> Position {
    at(span.start.line(), span.start.col())
}

/// The parser counts lines from 1 and columns from 0.
fn at(line: usize, column: usize) -> Position {
    Position {
        line: u32::try_from(line.max(1)).unwrap_or(u32::MAX),
        column: u32::try_from(column + 1).unwrap_or(u32::MAX),
    }
}

/// Resolves a plain scalar by the core schema.
fn resolve(text: String) -> Value {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(&text) => Value::Number(text),
        _ => Value::Text(text),
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let radix = |prefix, radix| {
        text.strip_prefix(prefix)
            .is_some_and(|rest: &str| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    let word =
        matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN");
    let begins = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let digits = unsigned.contains(|c: char| c.is_ascii_digit());
    word || radix("0o", 8) || radix("0x", 16) || (begins && digits && text.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_one_by_one() {
        for (text, count, errors) in [
            ("a: 1\n---\nb: 2\n---\n- c\n", 3, 0),
            ("", 0, 0),
            ("---\n---\n", 2, 0),
            ("a: &x 1\n---\nb: *x\n", 1, 1),
            ("a: 1\n---\nb: 1\nb: 2\n", 2, 1),
            ("a: 1\n---\nb: [\n", 1, 1),
        ] {
            let read = documents(text);
            assert_eq!(
                (read.roots.len(), read.findings.len()),
                (count, errors),
                "{text} {:?}",
                read.findings
            );
        }
        assert!(
            !parse("a: 1\n---\nb: 2\n").is_whole(),
            "a rule file is one document"
        );
    }
}
