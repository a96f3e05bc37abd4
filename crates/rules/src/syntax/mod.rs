//! Parses JSON, TOML, YAML and HCL into one tree with positions.

mod characters;
mod hcl;
mod json;
mod toml;
mod yaml;

pub use characters::hidden;
pub use hcl::{Literal, literal_settings, modules_of_the_original};

use crate::diagnostic::{Diagnostic, FindingCode, Position};

pub const SOURCE_BYTES_MAX: usize = 1 << 20;

pub(crate) const DEPTH_MAX: usize = 64;

/// Limit of values with references expanded; 16 bytes of text count as a value.
const NODES_MAX: usize = 200_000;

/// File syntax. The form (native or sso-elevator) follows from the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    Json,
    Toml,
    Yaml,
    Hcl,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub position: Position,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<MapEntry>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct MapEntry {
    pub key: String,
    pub position: Position,
    pub value: Node,
}

impl Node {
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                None
            }
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        }
    }

    pub fn shown(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.clone(),
            Value::Text(text) => text.clone(),
            Value::List(items) => {
                let shown: Vec<String> = items.iter().take(8).map(Node::shown).collect();
                format!("[{}]", shown.join(", "))
            }
            Value::Map(_) => "{…}".to_owned(),
        }
    }
}

/// The parsed tree, possibly partial, with findings.
///
/// In HCL the root may repeat a key, once per module.
pub struct Parsed {
    pub root: Option<Node>,
    pub findings: Vec<Diagnostic>,
}

impl Parsed {
    pub fn is_whole(&self) -> bool {
        !self.findings.iter().any(Diagnostic::is_error)
    }
}

/// Parses `text`. Never panics; for broken text `root` may be partial.
pub fn parse(text: &str, syntax: Syntax) -> Parsed {
    if text.len() > SOURCE_BYTES_MAX {
        let error = Diagnostic::error(
            FindingCode::TooLarge,
            Position { line: 1, column: 1 },
            format!(
                "the text has {} bytes; at most {SOURCE_BYTES_MAX} are read",
                text.len()
            ),
        );
        return Parsed {
            root: None,
            findings: vec![error],
        };
    }
    match syntax {
        Syntax::Json => json::parse(text),
        Syntax::Toml => toml::parse(text),
        Syntax::Yaml => yaml::parse(text),
        Syntax::Hcl => hcl::parse(text),
    }
}

/// All documents: several in YAML, else one.
pub struct Documents {
    pub roots: Vec<Node>,
    pub findings: Vec<Diagnostic>,
}

/// Parses all documents of a text that is not a rule file and may be longer. For HCL see
/// [`resources`]. Never panics.
pub fn documents(text: &str, syntax: Syntax) -> Documents {
    let parsed = match syntax {
        Syntax::Yaml => return yaml::documents(text),
        Syntax::Json => json::parse(text),
        Syntax::Toml => toml::parse(text),
        Syntax::Hcl => hcl::parse(text),
    };
    Documents {
        roots: parsed.root.into_iter().collect(),
        findings: parsed.findings,
    }
}

pub(crate) struct Lines<'a> {
    pub(crate) text: &'a str,
    starts: Vec<usize>,
    /// Character counts at every [`MARKED_EVERY`] bytes, because a line may be as long as the text.
    marks: Vec<usize>,
}

const MARKED_EVERY: usize = 256;

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0)
            .chain(
                text.bytes()
                    .enumerate()
                    .filter(|(_, b)| *b == b'\n')
                    .map(|(i, _)| i + 1),
            )
            .collect();
        let mut marks = vec![0];
        let mut before = 0;
        for chunk in text.as_bytes().chunks(MARKED_EVERY) {
            before += characters(chunk);
            marks.push(before);
        }
        Self {
            text,
            starts,
            marks,
        }
    }

    fn before(&self, offset: usize) -> usize {
        let bytes = self.text.as_bytes();
        let offset = offset.min(bytes.len());
        let place = offset / MARKED_EVERY;
        let rest = bytes.get(place * MARKED_EVERY..offset);
        self.marks.get(place).copied().unwrap_or(0) + rest.map_or(0, characters)
    }

    pub(crate) fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self
            .starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(0);
        let before = self.before(offset).saturating_sub(self.before(start));
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(before + 1).unwrap_or(u32::MAX),
        }
    }
}

fn characters(bytes: &[u8]) -> usize {
    // RFC 3629: continuation bytes start with the bits 10
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_the_characters_of_its_line_however_long_that_is() {
        let long = "aé€𝄞 ".repeat(100);
        for text in ["", "\n", "é", &long, &format!("{long}\n{long}\n\n{long}")] {
            let lines = Lines::new(text);
            let ends = text.char_indices().map(|(at, _)| at);
            for offset in ends.chain([text.len()]) {
                let before = text.get(..offset).unwrap();
                let column = before
                    .rsplit('\n')
                    .next()
                    .map_or(0, |it| it.chars().count())
                    + 1;
                let line = before.matches('\n').count() + 1;
                let found = lines.position(offset);
                let found = (found.line as usize, found.column as usize);
                assert_eq!(found, (line, column), "{offset} of {}", text.len());
            }
        }
    }
}
