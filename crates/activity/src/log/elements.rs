//! Reads the elements of a log in bounded memory: one record at a time.
//!
//! Skipped values are only scanned for brackets and quotation marks.

use std::io::{self, Read};
use std::ops::Range;

use super::fault::LogFault;
use super::names::ElementKind;

/// CloudTrail's records are at most 256 KiB, and 1 MiB if an organization chose so.
const ELEMENT_BYTES_MAX: usize = 4 << 20;
/// Bytes per read.
const READ_BYTES: usize = 256 << 10;
/// Deeper nested pages are no log.
const NESTING_MAX: usize = 4;

/// Reads `Records` of trails and `Events` of saved `LookupEvents` pages. Several documents may be
/// concatenated.
pub(crate) fn each_element(
    bytes: impl Read,
    mut each: impl FnMut(&[u8], ElementKind) -> Result<(), LogFault>,
) -> Result<(), LogFault> {
    let mut reader = JsonReader::new(bytes);
    let mut is_log = false;
    loop {
        match reader.peek()? {
            Some(b'{') => is_log |= reader.document(&mut each, NESTING_MAX)?,
            None if is_log => return Ok(()),
            None if reader.taken == 0 => return Err(LogFault::Truncated),
            Some(_) | None => return Err(LogFault::NoLog),
        }
    }
}

struct JsonReader<R> {
    bytes: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    taken: u64,
}

impl<R: Read> JsonReader<R> {
    fn new(bytes: R) -> Self {
        Self {
            bytes,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            taken: 0,
        }
    }

    fn fill(&mut self) -> Result<bool, LogFault> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < READ_BYTES {
            if self.end > ELEMENT_BYTES_MAX {
                return Err(LogFault::TooLarge {
                    bytes_max: ELEMENT_BYTES_MAX,
                });
            }
            self.buffer.resize(self.end + 2 * READ_BYTES, 0);
        }
        loop {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.bytes.read(room) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.end += read.min(room.len());
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LogFault::of(&error)),
            }
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, LogFault> {
        loop {
            let unread = self.buffer.get(self.start..self.end).unwrap_or_default();
            let is_solid = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            if let Some(at) = unread.iter().position(is_solid) {
                let byte = unread.get(at).copied();
                self.take(at);
                return Ok(byte);
            }
            self.take(self.end - self.start);
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    fn take(&mut self, count: usize) {
        self.start += count;
        self.taken += count as u64;
    }

    fn one_of(&mut self, wanted: &[u8]) -> Result<u8, LogFault> {
        match self.peek()? {
            Some(byte) if wanted.contains(&byte) => {
                self.take(1);
                Ok(byte)
            }
            Some(_) => Err(LogFault::NoJson { at: self.taken }),
            None => Err(LogFault::Truncated),
        }
    }

    /// Returns whether an object has elements, directly or in pages.
    fn document(
        &mut self,
        each: &mut impl FnMut(&[u8], ElementKind) -> Result<(), LogFault>,
        nesting: usize,
    ) -> Result<bool, LogFault> {
        let mut is_log = false;
        self.one_of(b"{")?;
        if self.peek()? == Some(b'}') {
            self.take(1);
            return Ok(false);
        }
        loop {
            if self.peek()? != Some(b'"') {
                return Err(self.unexpected());
            }
            let key = self.value()?;
            let key = self.buffer.get(key).unwrap_or_default();
            let list = match key {
                b"\"Records\"" => Some(Some(ElementKind::Record)),
                b"\"Events\"" => Some(Some(ElementKind::LookupEvent)),
                b"\"pages\"" if nesting > 0 => Some(None),
                _ => None,
            };
            self.one_of(b":")?;
            match list {
                Some(kind) if self.peek()? == Some(b'[') => {
                    is_log |= kind.is_some();
                    is_log |= self.list(kind, each, nesting)?;
                }
                Some(_) | None => self.skip()?,
            }
            if self.one_of(b",}")? == b'}' {
                return Ok(is_log);
            }
        }
    }

    fn list(
        &mut self,
        kind: Option<ElementKind>,
        each: &mut impl FnMut(&[u8], ElementKind) -> Result<(), LogFault>,
        nesting: usize,
    ) -> Result<bool, LogFault> {
        // An empty list of pages is a valid log.
        let mut is_log = true;
        self.one_of(b"[")?;
        if self.peek()? == Some(b']') {
            self.take(1);
            return Ok(is_log);
        }
        loop {
            match kind {
                Some(kind) => {
                    if self.peek()? != Some(b'{') {
                        return Err(self.unexpected());
                    }
                    let value = self.value()?;
                    each(self.buffer.get(value).unwrap_or_default(), kind)?;
                }
                None => is_log &= self.document(each, nesting - 1)?,
            }
            if self.one_of(b",]")? == b']' {
                return Ok(is_log);
            }
        }
    }

    fn unexpected(&self) -> LogFault {
        if self.start == self.end {
            LogFault::Truncated
        } else {
            LogFault::NoJson { at: self.taken }
        }
    }

    /// Returns a whole value, buffered until the next call.
    fn value(&mut self) -> Result<Range<usize>, LogFault> {
        self.peek()?.ok_or(LogFault::Truncated)?;
        let (mut scan, mut at) = (ValueScan::default(), 0);
        loop {
            let unread = self.buffer.get(self.start..self.end).unwrap_or_default();
            if let Some(length) = scan.advance(unread, &mut at) {
                let value = self.start..self.start + length;
                self.take(length);
                return Ok(value);
            }
            if !self.fill()? {
                return Err(LogFault::Truncated);
            }
        }
    }

    /// Skips a value of any size.
    fn skip(&mut self) -> Result<(), LogFault> {
        self.peek()?.ok_or(LogFault::Truncated)?;
        let (mut scan, mut at) = (ValueScan::default(), 0);
        loop {
            let unread = self.buffer.get(self.start..self.end).unwrap_or_default();
            if let Some(length) = scan.advance(unread, &mut at) {
                self.take(length);
                return Ok(());
            }
            let seen = unread.len();
            self.take(seen);
            at -= seen;
            if !self.fill()? {
                return Err(LogFault::Truncated);
            }
        }
    }
}

/// Finds the end of a value by quotation marks and brackets.
#[derive(Default)]
struct ValueScan {
    depth: u64,
    in_text: bool,
    in_scalar: bool,
}

impl ValueScan {
    /// Continues at `at`; returns the value's length once it ends. `at` may exceed the bytes after
    /// a trailing backslash.
    fn advance(&mut self, bytes: &[u8], at: &mut usize) -> Option<usize> {
        while let Some(rest) = bytes.get(*at..).filter(|it| !it.is_empty()) {
            if self.in_text {
                let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                    *at = bytes.len();
                    return None;
                };
                if rest.get(found) == Some(&b'\\') {
                    *at += found + 2;
                    continue;
                }
                self.in_text = false;
                *at += found + 1;
                if self.depth == 0 {
                    return Some(*at);
                }
                continue;
            }
            let Some(found) = rest.iter().position(|byte| self.matters(*byte)) else {
                self.in_scalar |= self.depth == 0;
                *at = bytes.len();
                return None;
            };
            match rest.get(found) {
                Some(b'"') if !self.in_scalar => self.in_text = true,
                Some(b'{' | b'[') if !self.in_scalar => self.depth += 1,
                Some(b'}' | b']') if self.depth > 1 => self.depth -= 1,
                Some(b'}' | b']') if self.depth == 1 => return Some(*at + found + 1),
                // A number or word ends before the next token.
                Some(_) | None => return Some(*at + found),
            }
            *at += found + 1;
        }
        None
    }

    fn matters(&self, byte: u8) -> bool {
        let is_bracket = matches!(byte, b'"' | b'{' | b'}' | b'[' | b']');
        is_bracket || (self.depth == 0 && matches!(byte, b',' | b' ' | b'\n' | b'\r' | b'\t'))
    }
}
