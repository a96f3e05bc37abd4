//! JSON parser with positions.
//!
//! Reports duplicate keys instead of overwriting, keeps number text, and limits nesting (otherwise
//! RFC 8259, lone surrogates are refused).

use std::borrow::Cow;
use std::collections::HashSet;

/// Half-open range of byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ByteSpan {
    pub start: usize,
    pub end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    pub value: Value<'a>,
    pub span: ByteSpan,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    /// As written.
    Number(&'a str),
    /// Unescaped.
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    /// In written order, including duplicates.
    Object(Vec<Member<'a>>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Unescaped.
    pub key: Cow<'a, str>,
    /// Includes quotes.
    pub key_span: ByteSpan,
    pub node: Node<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree<'a> {
    pub root: Node<'a>,
    /// Positions of duplicate keys.
    pub repeated: Vec<ByteSpan>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonError {
    /// Problem and offset.
    Syntax(&'static str, usize),
    /// Too deeply nested: the value's offset.
    Depth(usize),
}

impl<'a> Node<'a> {
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn members(&self) -> Option<&[Member<'a>]> {
        match &self.value {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    pub fn items(&self) -> Option<&[Node<'a>]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        let member = self.members()?.iter().find(|member| member.key == key)?;
        Some(&member.node)
    }

    /// Nesting levels, including this one.
    pub fn depth(&self) -> usize {
        match &self.value {
            Value::Array(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Value::Object(members) => {
                1 + members.iter().map(|it| it.node.depth()).max().unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// JSON pointer (RFC 6901) of the value or key at this offset, relative to this value.
    pub fn pointer_at(&self, offset: usize) -> String {
        let mut pointer = String::new();
        let mut node = self;
        while node.span.start != offset {
            let next = match &node.value {
                Value::Array(items) => items
                    .iter()
                    .enumerate()
                    .find(|(_, item)| item.span.start <= offset && offset < item.span.end)
                    .map(|(index, item)| (Cow::Owned(index.to_string()), false, item)),
                Value::Object(members) => members
                    .iter()
                    .find(|it| it.key_span.start <= offset && offset < it.node.span.end)
                    .map(|it| (escaped(&it.key), offset < it.node.span.start, &it.node)),
                _ => None,
            };
            let Some((step, ends, below)) = next else {
                break;
            };
            pointer.push('/');
            pointer.push_str(&step);
            if ends {
                break;
            }
            node = below;
        }
        pointer
    }
}

pub fn escaped(key: &str) -> Cow<'_, str> {
    if key.contains(['~', '/']) {
        Cow::Owned(key.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(key)
    }
}

/// From 1; columns count characters.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let begin = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(begin..).unwrap_or("").chars().count() + 1;
    (line, column)
}

/// `limit` is the maximum nesting.
pub fn read(text: &str, limit: usize) -> Result<Tree<'_>, JsonError> {
    let mut reader = JsonReader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        limit,
        repeated: Vec::new(),
    };
    reader.blanks();
    let root = reader.value(0)?;
    reader.blanks();
    if reader.at < reader.bytes.len() {
        return Err(JsonError::Syntax(
            "something follows the JSON value",
            reader.at,
        ));
    }
    Ok(Tree {
        root,
        repeated: reader.repeated,
    })
}

struct JsonReader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limit: usize,
    repeated: Vec<ByteSpan>,
}

impl<'a> JsonReader<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn wrong<T>(&self, what: &'static str) -> Result<T, JsonError> {
        let what = if self.at >= self.bytes.len() {
            "the text ends too early"
        } else {
            what
        };
        Err(JsonError::Syntax(what, self.at))
    }

    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or("")
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{' | b'[') if depth >= self.limit => return Err(JsonError::Depth(start)),
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return self.wrong("a JSON value is expected here"),
        };
        let end = self.at;
        Ok(Node {
            value,
            span: ByteSpan { start, end },
        })
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        if self.slice(self.at, self.at + word.len()) == word {
            self.at += word.len();
            Ok(value)
        } else {
            self.wrong("a JSON value is expected here")
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.blanks();
            items.push(self.value(depth + 1)?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                _ => return self.wrong("expected , or ] in a list"),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.at += 1;
        let mut members: Vec<Member<'a>> = Vec::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return self.wrong("expected a key in double quotes");
            }
            let start = self.at;
            let key = self.string()?;
            let key_span = ByteSpan {
                start,
                end: self.at,
            };
            self.blanks();
            if self.peek() != Some(b':') {
                return self.wrong("expected : behind a key");
            }
            self.at += 1;
            self.blanks();
            let node = self.value(depth + 1)?;
            members.push(Member {
                key,
                key_span,
                node,
            });
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    self.note_repeated(&members);
                    return Ok(Value::Object(members));
                }
                _ => return self.wrong("expected , or } in an object"),
            }
        }
    }

    fn note_repeated(&mut self, members: &[Member<'a>]) {
        if members.len() <= 12 {
            for (index, member) in members.iter().enumerate() {
                let earlier = members.iter().take(index);
                if earlier.into_iter().any(|it| it.key == member.key) {
                    self.repeated.push(member.key_span);
                }
            }
            return;
        }
        let mut seen = HashSet::with_capacity(members.len());
        for member in members {
            if !seen.insert(member.key.as_ref()) {
                self.repeated.push(member.key_span);
            }
        }
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > start
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.wrong("a number has no leading zeros");
            }
        } else if !self.digits() {
            return self.wrong("a digit is expected here");
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !self.digits() {
                return self.wrong("a digit is expected here");
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.digits() {
                return self.wrong("a digit is expected here");
            }
        }
        Ok(self.slice(start, self.at))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut clean = start;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let rest = self.slice(clean, self.at);
                    self.at += 1;
                    return Ok(match owned {
                        None => Cow::Borrowed(rest),
                        Some(mut text) => {
                            text.push_str(rest);
                            Cow::Owned(text)
                        }
                    });
                }
                Some(b'\\') => {
                    let text = owned.get_or_insert_default();
                    text.push_str(self.text.get(clean..self.at).unwrap_or(""));
                    let character = self.escape()?;
                    owned.get_or_insert_default().push(character);
                    clean = self.at;
                }
                Some(0..=0x1f) => return self.wrong("a control character in a string"),
                Some(_) => self.at += 1,
                None => return self.wrong("a string is not closed"),
            }
        }
    }

    /// Starts at the backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return self.wrong("an unknown escape in a string"),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits()?;
        let point = if (0xd800..0xdc00).contains(&first) {
            if self.slice(self.at, self.at + 2) != "\\u" {
                return self.wrong("half of a surrogate pair");
            }
            self.at += 2;
            let second = self.four_digits()?;
            if !(0xdc00..0xe000).contains(&second) {
                return self.wrong("half of a surrogate pair");
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        match char::from_u32(point) {
            Some(character) => Ok(character),
            None => self.wrong("half of a surrogate pair"),
        }
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let digits = self.slice(self.at, self.at + 4);
        let all = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u32::from_str_radix(digits, 16) {
            Ok(value) if all => {
                self.at += 4;
                Ok(value)
            }
            _ => self.wrong("four hexadecimal digits are expected here"),
        }
    }
}
