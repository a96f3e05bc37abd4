use std::fmt::Write as _;
use std::ops::Range;

use super::forms::{self, Bytes};
use super::{DEPTH_MAX, tag, words};

pub(super) fn unpack(packed: &[u8]) -> Option<String> {
    let mut reader = Unpacker {
        bytes: Bytes(packed),
        out: String::with_capacity(packed.len() * 4),
        seen: Vec::new(),
    };
    let first = reader.bytes.byte()?;
    reader.value(first, DEPTH_MAX)?;
    reader.bytes.0.is_empty().then_some(reader.out)
}

struct Unpacker<'a> {
    bytes: Bytes<'a>,
    out: String,
    /// Positions in `out` of texts that may repeat, with quotes.
    seen: Vec<Range<usize>>,
}

impl Unpacker<'_> {
    fn value(&mut self, kind: u8, depth: u32) -> Option<()> {
        match kind {
            tag::NULL => self.out.push_str("null"),
            tag::FALSE => self.out.push_str("false"),
            tag::TRUE => self.out.push_str("true"),
            tag::NUMBER => {
                let number = self.bytes.signed()?;
                // writing to a String cannot fail
                let _ = write!(self.out, "{number}");
            }
            tag::NUMERAL => {
                let count = self.bytes.count()?;
                let numeral = str::from_utf8(self.bytes.take(count)?).ok()?;
                self.out.push_str(numeral);
            }
            tag::ARRAY => return self.array(depth.checked_sub(1)?),
            tag::OBJECT => return self.object(depth.checked_sub(1)?),
            kind => return self.string(kind),
        }
        Some(())
    }

    fn array(&mut self, depth: u32) -> Option<()> {
        self.out.push('[');
        let mut is_first = true;
        loop {
            let kind = self.bytes.byte()?;
            if kind == tag::END {
                self.out.push(']');
                return Some(());
            }
            if !std::mem::replace(&mut is_first, false) {
                self.out.push(',');
            }
            self.value(kind, depth)?;
        }
    }

    fn object(&mut self, depth: u32) -> Option<()> {
        self.out.push('{');
        let mut is_first = true;
        loop {
            let kind = self.bytes.byte()?;
            if kind == tag::END {
                self.out.push('}');
                return Some(());
            }
            if !std::mem::replace(&mut is_first, false) {
                self.out.push(',');
            }
            self.string(kind)?;
            self.out.push(':');
            let kind = self.bytes.byte()?;
            self.value(kind, depth)?;
        }
    }

    fn string(&mut self, kind: u8) -> Option<()> {
        match kind {
            tag::WORD.. => self.word(usize::from(kind - tag::WORD)),
            tag::RARE_WORD => {
                let number = self.bytes.count()?;
                self.word(number)
            }
            tag::AGAIN => {
                let place = self.bytes.count()?;
                let range = self.seen.get(place)?.clone();
                self.out.extend_from_within(range);
                Some(())
            }
            kind => self.new_text(kind),
        }
    }

    fn word(&mut self, number: usize) -> Option<()> {
        let word = words::word(number)?;
        self.out.push('"');
        self.out.push_str(word);
        self.out.push('"');
        Some(())
    }

    fn new_text(&mut self, kind: u8) -> Option<()> {
        let from = self.out.len();
        self.out.push('"');
        if kind == tag::TEXT {
            let count = self.bytes.count()?;
            let text = str::from_utf8(self.bytes.take(count)?).ok()?;
            put_escaped(&mut self.out, text);
        } else {
            forms::take(kind, &mut self.bytes, &mut self.out)?;
        }
        self.out.push('"');
        self.seen.push(from..self.out.len());
        Some(())
    }
}

fn put_escaped(out: &mut String, text: &str) {
    let needs = |c: char| matches!(c, '"' | '\\' | '\0'..='\u{1f}');
    let mut rest = text;
    while let Some(place) = rest.find(needs) {
        let (before, after) = rest.split_at(place);
        out.push_str(before);
        let mut letters = after.chars();
        match letters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\t') => out.push_str("\\t"),
            Some('\n') => out.push_str("\\n"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\r') => out.push_str("\\r"),
            // writing to a String cannot fail
            Some(other) => drop(write!(out, "\\u{:04x}", u32::from(other))),
            None => {}
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
}
