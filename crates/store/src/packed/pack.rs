//! Packs JSON text in one pass.

use std::borrow::Cow;
use std::collections::HashMap;

use super::forms::{self, put_number, put_signed};
use super::{DEPTH_MAX, PACKED, tag, words};

/// Packs a text; `None` when its JSON differs from Hallpass's format.
pub(super) fn pack(text: &str) -> Option<Vec<u8>> {
    let mut packer = Packer {
        text,
        place: 0,
        out: Vec::with_capacity(text.len() / 2),
        seen: HashMap::new(),
    };
    packer.out.push(PACKED);
    packer.value(DEPTH_MAX)?;
    (packer.place == text.len()).then_some(packer.out)
}

struct Packer<'a> {
    text: &'a str,
    place: usize,
    out: Vec<u8>,
    /// Numbers of earlier texts, as written in JSON.
    seen: HashMap<&'a str, u64>,
}

impl<'a> Packer<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.place).copied()
    }

    fn is_next(&mut self, wanted: u8) -> bool {
        let is_next = self.peek() == Some(wanted);
        self.place += usize::from(is_next);
        is_next
    }

    fn word(&mut self, word: &str, tag: u8) -> Option<()> {
        self.text.get(self.place..)?.starts_with(word).then(|| {
            self.place += word.len();
            self.out.push(tag);
        })
    }

    fn value(&mut self, depth: u32) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.array(depth.checked_sub(1)?),
            b't' => self.word("true", tag::TRUE),
            b'f' => self.word("false", tag::FALSE),
            b'n' => self.word("null", tag::NULL),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: u32) -> Option<()> {
        self.place += 1;
        self.out.push(tag::OBJECT);
        if !self.is_next(b'}') {
            loop {
                self.string()?;
                if !self.is_next(b':') {
                    return None;
                }
                self.value(depth)?;
                if !self.is_next(b',') {
                    break;
                }
            }
            if !self.is_next(b'}') {
                return None;
            }
        }
        self.out.push(tag::END);
        Some(())
    }

    fn array(&mut self, depth: u32) -> Option<()> {
        self.place += 1;
        self.out.push(tag::ARRAY);
        if !self.is_next(b']') {
            loop {
                self.value(depth)?;
                if !self.is_next(b',') {
                    break;
                }
            }
            if !self.is_next(b']') {
                return None;
            }
        }
        self.out.push(tag::END);
        Some(())
    }

    /// A number: unpacking detects other notations.
    fn number(&mut self) -> Option<()> {
        let rest = self.text.get(self.place..)?;
        let end = rest
            .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .unwrap_or(rest.len());
        let numeral = rest.get(..end).filter(|text| !text.is_empty())?;
        self.place += end;
        if let Ok(number) = numeral.parse::<i64>() {
            self.out.push(tag::NUMBER);
            put_signed(&mut self.out, number);
        } else {
            self.out.push(tag::NUMERAL);
            self.put_text(numeral);
        }
        Some(())
    }

    fn put_text(&mut self, text: &str) {
        put_number(&mut self.out, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self) -> Option<()> {
        if !self.is_next(b'"') {
            return None;
        }
        let from = self.place;
        let mut is_escaped = false;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    is_escaped = true;
                    self.place += 2;
                }
                _ => self.place += 1,
            }
        }
        let written = self.text.get(from..self.place)?;
        self.place += 1;
        let said: Cow<'_, str> = if is_escaped {
            let literal = self.text.get(from - 1..self.place)?;
            Cow::Owned(serde_json::from_str(literal).ok()?)
        } else {
            Cow::Borrowed(written)
        };
        self.put_string(written, &said);
        Some(())
    }

    fn put_string(&mut self, written: &'a str, said: &str) {
        if let Some(number) = words::number(said) {
            match u8::try_from(number) {
                Ok(number) if number < tag::WORD => self.out.push(tag::WORD | number),
                _ => {
                    self.out.push(tag::RARE_WORD);
                    put_number(&mut self.out, number as u64);
                }
            }
            return;
        }
        if let Some(number) = self.seen.get(written) {
            let number = *number;
            self.out.push(tag::AGAIN);
            put_number(&mut self.out, number);
            return;
        }
        self.seen.insert(written, self.seen.len() as u64);
        if !forms::put(&mut self.out, said) {
            self.out.push(tag::TEXT);
            self.put_text(said);
        }
    }
}
