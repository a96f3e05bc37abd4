//! JSON (RFC 8259) with positions; duplicate keys are errors.

use std::str::Chars;

use super::{DEPTH_MAX, MapEntry, Node, Parsed, Value};
use crate::diagnostic::{Diagnostic, FindingCode, Position};

/// Parses JSON. For truncated text, `root` has the complete members of the outermost object, so
/// that a broken case can be named.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parser = Parser {
        rest: text.trim_start_matches('\u{feff}').chars(),
        position: Position { line: 1, column: 1 },
        depth: 0,
        errors: Vec::new(),
        begun: None,
    };
    let root = parser.document();
    let Parser {
        mut errors, begun, ..
    } = parser;
    let root = match root {
        Ok(root) => Some(root),
        Err(error) => {
            errors.push(*error);
            begun
        }
    };
    Parsed {
        root,
        findings: errors,
    }
}

struct Parser<'a> {
    rest: Chars<'a>,
    position: Position,
    depth: usize,
    errors: Vec<Diagnostic>,
    begun: Option<Node>,
}

type ParseResult<T> = Result<T, Box<Diagnostic>>;

impl Parser<'_> {
    fn document(&mut self) -> ParseResult<Node> {
        let root = self.value()?;
        self.blanks();
        match self.peek() {
            None => Ok(root),
            Some(c) => {
                self.begun = Some(root);
                Err(self.unexpected(Some(c), "the end of the text"))
            }
        }
    }

    fn value(&mut self) -> ParseResult<Node> {
        self.blanks();
        let position = self.position;
        let value = match self.peek() {
            Some('{') => self.nested(Self::object)?,
            Some('[') => self.nested(Self::list)?,
            Some('"') => Value::Text(self.string()?),
            Some('-' | '0'..='9') => Value::Number(self.number()?),
            Some('a'..='z') => self.word()?,
            other => return Err(self.unexpected(other, "a value")),
        };
        Ok(Node { position, value })
    }

    fn nested(&mut self, read: fn(&mut Self) -> ParseResult<Value>) -> ParseResult<Value> {
        if self.depth >= DEPTH_MAX {
            let message = format!("values are nested deeper than {DEPTH_MAX}");
            return Err(Box::new(Diagnostic::error(
                FindingCode::TooDeep,
                self.position,
                message,
            )));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> ParseResult<Value> {
        let start = self.position;
        self.advance();
        let mut entries: Vec<MapEntry> = Vec::new();
        match self.members(&mut entries) {
            Ok(()) => Ok(Value::Map(entries)),
            Err(error) => {
                if self.depth == 1 {
                    self.begun = Some(Node {
                        position: start,
                        value: Value::Map(entries),
                    });
                }
                Err(error)
            }
        }
    }

    fn members(&mut self, entries: &mut Vec<MapEntry>) -> ParseResult<()> {
        self.blanks();
        if self.peek() == Some('}') {
            self.advance();
            return Ok(());
        }
        let mut seen = std::collections::HashSet::new();
        loop {
            self.blanks();
            let position = self.position;
            if self.peek() != Some('"') {
                return Err(self.unexpected(self.peek(), "a key in double quotes"));
            }
            let key = self.string()?;
            self.blanks();
            self.expect(':')?;
            let value = self.value()?;
            if seen.insert(key.clone()) {
                entries.push(MapEntry {
                    key,
                    position,
                    value,
                });
            } else {
                self.errors.push(
                    Diagnostic::error(
                        FindingCode::DuplicateKey,
                        position,
                        format!("`{}` is given twice", crate::diagnostic::shorten(&key)),
                    )
                    .field(&key)
                    .help("keep one of the two"),
                );
            }
            self.blanks();
            match self.peek() {
                Some(',') => self.advance(),
                Some('}') => {
                    self.advance();
                    return Ok(());
                }
                other => return Err(self.unexpected(other, "`,` or `}`")),
            }
        }
    }

    fn list(&mut self) -> ParseResult<Value> {
        self.advance();
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(']') {
            self.advance();
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value()?);
            self.blanks();
            match self.peek() {
                Some(',') => self.advance(),
                Some(']') => {
                    self.advance();
                    return Ok(Value::List(items));
                }
                other => return Err(self.unexpected(other, "`,` or `]`")),
            }
        }
    }

    fn string(&mut self) -> ParseResult<String> {
        self.advance();
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.advance();
                    return Ok(text);
                }
                Some('\\') => {
                    self.advance();
                    text.push(self.escape()?);
                }
                Some(c) if c >= ' ' => {
                    text.push(c);
                    self.advance();
                }
                other => return Err(self.unexpected(other, "`\"` at the end of the string")),
            }
        }
    }

    fn escape(&mut self) -> ParseResult<char> {
        let c = match self.peek() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                self.advance();
                return self.unicode();
            }
            other => return Err(self.unexpected(other, "an escape (`\\n`, `\\u00e9` …)")),
        };
        self.advance();
        Ok(c)
    }

    fn unicode(&mut self) -> ParseResult<char> {
        let first = self.four_hex()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            self.expect('\\')?;
            self.expect('u')?;
            let second = self.four_hex()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.unexpected(self.peek(), "the second half of a surrogate pair"));
            }
            0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code)
            .ok_or_else(|| self.unexpected(self.peek(), "the first half of a surrogate pair"))
    }

    fn four_hex(&mut self) -> ParseResult<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return Err(self.unexpected(self.peek(), "four hex digits"));
            };
            code = code * 16 + digit;
            self.advance();
        }
        Ok(code)
    }

    fn number(&mut self) -> ParseResult<String> {
        let mut text = String::new();
        if self.peek() == Some('-') {
            self.take(&mut text);
        }
        if self.peek() == Some('0') {
            self.take(&mut text);
            if let Some(c @ '0'..='9') = self.peek() {
                let error = self.unexpected(Some(c), "the end of the number");
                return Err(Box::new(error.help(
                    "a number has no leading zeros; an account id stands in quotes",
                )));
            }
        } else {
            self.digits(&mut text)?;
        }
        if self.peek() == Some('.') {
            self.take(&mut text);
            self.digits(&mut text)?;
        }
        if let Some('e' | 'E') = self.peek() {
            self.take(&mut text);
            if let Some('+' | '-') = self.peek() {
                self.take(&mut text);
            }
            self.digits(&mut text)?;
        }
        Ok(text)
    }

    fn digits(&mut self, text: &mut String) -> ParseResult<()> {
        if !matches!(self.peek(), Some('0'..='9')) {
            return Err(self.unexpected(self.peek(), "a digit"));
        }
        while let Some('0'..='9') = self.peek() {
            self.take(text);
        }
        Ok(())
    }

    fn word(&mut self) -> ParseResult<Value> {
        let position = self.position;
        let mut word = String::new();
        while let Some('a'..='z') = self.peek() {
            self.take(&mut word);
        }
        match word.as_str() {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => {
                let message = format!("`{}` is not a value", crate::diagnostic::shorten(&word));
                let error = Diagnostic::error(FindingCode::BadSyntax, position, message);
                Err(Box::new(error.help("text stands in double quotes")))
            }
        }
    }

    fn expect(&mut self, wanted: char) -> ParseResult<()> {
        match self.peek() {
            Some(c) if c == wanted => {
                self.advance();
                Ok(())
            }
            other => Err(self.unexpected(other, &format!("`{wanted}`"))),
        }
    }

    fn unexpected(&self, found: Option<char>, wanted: &str) -> Box<Diagnostic> {
        let found = match found {
            None => "the text ends".to_owned(),
            Some(c) => format!("`{}` stands", c.escape_debug()),
        };
        let message = format!("{found} where {wanted} is due");
        Box::new(Diagnostic::error(
            FindingCode::BadSyntax,
            self.position,
            message,
        ))
    }

    fn blanks(&mut self) {
        while let Some(' ' | '\t' | '\r' | '\n') = self.peek() {
            self.advance();
        }
    }

    fn take(&mut self, text: &mut String) {
        text.extend(self.peek());
        self.advance();
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn advance(&mut self) {
        match self.rest.next() {
            Some('\n') => {
                self.position.line = self.position.line.saturating_add(1);
                self.position.column = 1;
            }
            Some(_) => self.position.column = self.position.column.saturating_add(1),
            None => {}
        }
    }
}
