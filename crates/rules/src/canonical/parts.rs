//! The tokens of a TOML text: keys, values, comments and empty lines in order.

use toml_parser::Source;
use toml_parser::parser::{Event, EventKind, parse_document};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WrittenRow {
    Empty,
    Comment(String),
    Head(String, Option<String>),
    Entry(WrittenEntry),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenEntry {
    pub(super) key: Option<String>,
    pub(super) value: WrittenValue,
    pub(super) comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WrittenValue {
    Scalar(String),
    List(List),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List {
    pub(super) brackets: Brackets,
    pub(super) rows: Vec<WrittenRow>,
    pub(super) is_spread: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brackets {
    Array,
    Table,
}

pub(super) fn read(text: &str) -> Option<Vec<WrittenRow>> {
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let (mut events, mut errors) = (Vec::new(), Vec::new());
    parse_document(&tokens, &mut events, &mut errors);
    if !errors.is_empty() {
        return None;
    }
    let mut reader = PartReader {
        text,
        events: events.into_iter(),
    };
    reader.rows(None).map(|list| list.0)
}

/// Nesting is bounded, because the text was parsed as TOML before.
struct PartReader<'a> {
    text: &'a str,
    events: std::vec::IntoIter<Event>,
}

impl PartReader<'_> {
    fn raw(&self, event: &Event) -> Option<&str> {
        self.text.get(event.span().start()..event.span().end())
    }

    fn rows(&mut self, until: Option<EventKind>) -> Option<(Vec<WrittenRow>, bool)> {
        let mut rows = Vec::new();
        let mut line_ends = usize::from(until.is_none());
        let mut is_spread = false;
        loop {
            let Some(event) = self.events.next() else {
                return until.is_none().then_some((rows, is_spread));
            };
            match event.kind() {
                kind if Some(kind) == until => return Some((rows, is_spread)),
                EventKind::Whitespace | EventKind::ValueSep => {}
                EventKind::Newline => {
                    is_spread = true;
                    line_ends += 1;
                    if line_ends == 2 {
                        rows.push(WrittenRow::Empty);
                    }
                }
                EventKind::Comment => {
                    is_spread = true;
                    let comment = self.raw(&event)?.trim_end().to_owned();
                    if line_ends > 0 || !comments_on(&mut rows, &comment) {
                        rows.push(WrittenRow::Comment(comment));
                    }
                    line_ends = 0;
                }
                kind => {
                    let (comments, row) = self.row(kind, &event)?;
                    is_spread |= !comments.is_empty();
                    rows.extend(comments.into_iter().map(WrittenRow::Comment));
                    rows.push(row);
                    line_ends = 0;
                }
            }
        }
    }

    /// Reads a row, and comments inside its key, which multi-line tables may have.
    fn row(&mut self, kind: EventKind, event: &Event) -> Option<(Vec<String>, WrittenRow)> {
        let mut comments = Vec::new();
        let row = match kind {
            EventKind::StdTableOpen => {
                let name = self.key(None, EventKind::StdTableClose, &mut comments)?;
                WrittenRow::Head(format!("[{name}]"), None)
            }
            EventKind::ArrayTableOpen => {
                let name = self.key(None, EventKind::ArrayTableClose, &mut comments)?;
                WrittenRow::Head(format!("[[{name}]]"), None)
            }
            EventKind::SimpleKey => {
                let key = self.key(Some(event), EventKind::KeyValSep, &mut comments)?;
                let value = loop {
                    let event = self.events.next()?;
                    if !self.is_between(&event, &mut comments)? {
                        break event;
                    }
                };
                self.entry(Some(key), &value)?
            }
            _ => self.entry(None, event)?,
        };
        Some((comments, row))
    }

    fn is_between(&self, event: &Event, comments: &mut Vec<String>) -> Option<bool> {
        match event.kind() {
            EventKind::Whitespace | EventKind::Newline => Some(true),
            EventKind::Comment => {
                comments.push(self.raw(event)?.trim_end().to_owned());
                Some(true)
            }
            _ => Some(false),
        }
    }

    fn entry(&mut self, key: Option<String>, event: &Event) -> Option<WrittenRow> {
        let value = match event.kind() {
            EventKind::Scalar => WrittenValue::Scalar(scalar(self.raw(event)?)),
            EventKind::ArrayOpen => self.list(Brackets::Array, EventKind::ArrayClose)?,
            EventKind::InlineTableOpen => {
                self.list(Brackets::Table, EventKind::InlineTableClose)?
            }
            _ => return None,
        };
        Some(WrittenRow::Entry(WrittenEntry {
            key,
            value,
            comment: None,
        }))
    }

    fn list(&mut self, brackets: Brackets, until: EventKind) -> Option<WrittenValue> {
        let (rows, is_spread) = self.rows(Some(until))?;
        let has_any = rows.iter().any(|row| *row != WrittenRow::Empty);
        Some(WrittenValue::List(List {
            brackets,
            is_spread: is_spread && has_any,
            rows,
        }))
    }

    fn key(
        &mut self,
        first: Option<&Event>,
        until: EventKind,
        comments: &mut Vec<String>,
    ) -> Option<String> {
        let mut parts = Vec::new();
        if let Some(first) = first {
            parts.push(key_part(self.raw(first)?));
        }
        loop {
            let event = self.events.next()?;
            match event.kind() {
                kind if kind == until => return Some(parts.join(".")),
                EventKind::SimpleKey => parts.push(key_part(self.raw(&event)?)),
                EventKind::KeySep => {}
                _ if self.is_between(&event, comments)? => {}
                _ => return None,
            }
        }
    }
}

fn comments_on(rows: &mut [WrittenRow], comment: &str) -> bool {
    let behind = match rows.last_mut() {
        Some(WrittenRow::Head(_, behind)) => behind,
        Some(WrittenRow::Entry(entry)) => &mut entry.comment,
        Some(WrittenRow::Empty | WrittenRow::Comment(_)) | None => return false,
    };
    if behind.is_some() {
        return false;
    }
    *behind = Some(comment.to_owned());
    true
}

fn key_part(raw: &str) -> String {
    let inner = raw.strip_prefix(['"', '\'']);
    let inner = inner.and_then(|rest| rest.strip_suffix(['"', '\'']));
    let is_bare = |key: &&str| {
        !key.is_empty()
            && key
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
    };
    inner.filter(is_bare).unwrap_or(raw).to_owned()
}

/// Normalizes a value: double-quoted strings, unless they need escapes.
fn scalar(raw: &str) -> String {
    let inner = raw.strip_prefix('\'').and_then(|it| it.strip_suffix('\''));
    match inner {
        Some(inner) if !inner.contains(['"', '\\', '\'']) => format!("\"{inner}\""),
        Some(_) | None => raw.to_owned(),
    }
}

pub(super) fn comments(rows: &[WrittenRow]) -> Vec<&str> {
    let mut all = Vec::new();
    for row in rows {
        match row {
            WrittenRow::Empty => {}
            WrittenRow::Comment(comment) => all.push(comment.as_str()),
            WrittenRow::Head(_, comment) => all.extend(comment.as_deref()),
            WrittenRow::Entry(entry) => {
                if let WrittenValue::List(list) = &entry.value {
                    all.extend(comments(&list.rows));
                }
                all.extend(entry.comment.as_deref());
            }
        }
    }
    all
}
