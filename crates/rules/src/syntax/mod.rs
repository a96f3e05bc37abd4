//! Texts read into one tree in which every value knows its place: JSON, TOML, YAML and HCL.

mod characters;
mod hcl;
mod json;
mod toml;
mod yaml;

pub use characters::hidden;
pub use hcl::{Literal, literal_settings, modules_of_the_original};

use crate::diagnostic::{Diagnostic, FindingCode, Position};

/// The longest text that is read, in bytes.
pub const SOURCE_BYTES_MAX: usize = 1 << 20;

/// The deepest nesting that is read.
pub(crate) const DEPTH_MAX: usize = 64;

/// The most values a text may hold, references spelled out; 16 bytes of text count as a value.
const NODES_MAX: usize = 200_000;

/// How a text is written. What it says (native rules or the sso-elevator form) shows in its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// JSON.
    Json,
    /// TOML.
    Toml,
    /// YAML.
    Yaml,
    /// HCL, as in a `.tf` or `.tfvars` file.
    Hcl,
}

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub position: Position,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number or a date, as written.
    Number(String),
    /// A text.
    Text(String),
    /// Values in their order.
    List(Vec<Node>),
    /// Keys with values, in the order of the text.
    Map(Vec<MapEntry>),
}

/// A key of a map with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct MapEntry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub position: Position,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The value of a key, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                None
            }
        }
    }

    /// The text, where this is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The type as a reader of the file would call it.
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

    /// The value as it may be repeated in a message.
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

/// What came out of a text: as much of the tree as could be read, and what is to be said of it.
///
/// In HCL the root may hold a key several times, once for each module.
pub struct Parsed {
    /// The tree.
    pub root: Option<Node>,
    /// What is wrong, and what is odd.
    pub findings: Vec<Diagnostic>,
}

impl Parsed {
    /// Whether the text could be read whole.
    pub fn is_whole(&self) -> bool {
        !self.findings.iter().any(Diagnostic::is_error)
    }
}

/// Reads `text` as `syntax`. Never panics; on a broken text `root` may hold its beginning.
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

/// Every document of a text: several in YAML, one else.
pub struct Documents {
    /// The documents, as far as they could be read.
    pub roots: Vec<Node>,
    /// What is wrong with the text.
    pub findings: Vec<Diagnostic>,
}

/// Reads all documents of `text`, which is no rule file and may be longer than one. HCL is not read this
/// way: see [`resources`]. Never panics.
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

/// Positions of byte offsets in a text.
pub(crate) struct Lines<'a> {
    pub(crate) text: &'a str,
    starts: Vec<usize>,
    /// How many characters come before each [`MARKED_EVERY`] bytes: a line may be as long as the text, and hold a value
    /// at each byte.
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

    /// How many characters come before an offset.
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

/// How many characters begin in these bytes.
fn characters(bytes: &[u8]) -> usize {
    // RFC 3629: what goes on with a character has the bits 10 before all others
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
