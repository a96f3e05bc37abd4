//! Wildcard matching without backtracking blow-up: `*` is any run, `?` exactly one character.
//!
//! Retries only the last `*`, and searches for the text after it, so `a*a*…*b` against a long text
//! stays linear.

use std::borrow::Cow;

use memchr::memmem;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GlobPiece<'a> {
    Text(Cow<'a, str>),
    /// `?`
    One,
    /// `*`
    Many,
}

pub(crate) fn covers(pieces: &[GlobPiece<'_>], text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut piece, mut at) = (0, 0);
    // after the last `*`: the next piece, and its earliest position
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let ahead = match pieces.get(piece) {
            Some(GlobPiece::Many) => {
                if piece + 1 == pieces.len() {
                    return true;
                }
                retry = Some((piece + 1, at));
                Some(at)
            }
            Some(GlobPiece::One) => character(bytes, at).map(|length| at + length),
            Some(GlobPiece::Text(wanted)) => {
                let rest = bytes.get(at..).unwrap_or_default();
                rest.starts_with(wanted.as_bytes())
                    .then(|| at + wanted.len())
            }
            None if at == bytes.len() => return true,
            None => None,
        };
        if let Some(next) = ahead {
            piece += 1;
            at = next;
            continue;
        }
        let Some((follows, from)) = retry else {
            return false;
        };
        let Some(next) = again(pieces.get(follows), bytes, from) else {
            return false;
        };
        retry = Some((follows, next));
        piece = follows;
        at = next;
    }
}

fn again(follows: Option<&GlobPiece<'_>>, bytes: &[u8], from: usize) -> Option<usize> {
    let next = from + character(bytes, from)?;
    match follows {
        Some(GlobPiece::Text(wanted)) => {
            let rest = bytes.get(next..)?;
            memmem::find(rest, wanted.as_bytes()).map(|found| next + found)
        }
        _ => Some(next),
    }
}

fn character(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at).map(|first| match first {
        0..=0x7f => 1,
        0x80..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    })
}

pub(crate) fn pieces(text: &str) -> Vec<GlobPiece<'static>> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    for character in text.chars() {
        push(&mut pieces, &mut plain, character);
    }
    flush(&mut pieces, &mut plain);
    pieces
}

pub(crate) fn push(pieces: &mut Vec<GlobPiece<'static>>, plain: &mut String, character: char) {
    match character {
        '*' => {
            flush(pieces, plain);
            if pieces.last() != Some(&GlobPiece::Many) {
                pieces.push(GlobPiece::Many);
            }
        }
        '?' => {
            flush(pieces, plain);
            pieces.push(GlobPiece::One);
        }
        other => plain.push(other),
    }
}

pub(crate) fn flush(pieces: &mut Vec<GlobPiece<'static>>, plain: &mut String) {
    if !plain.is_empty() {
        pieces.push(GlobPiece::Text(Cow::Owned(std::mem::take(plain))));
    }
}

pub(crate) fn split<'a>(
    pieces: &'a [GlobPiece<'_>],
    at: char,
    parts: usize,
) -> Vec<Vec<GlobPiece<'a>>> {
    let mut done = Vec::with_capacity(parts);
    let mut current = Vec::new();
    for piece in pieces {
        let mut rest = match piece {
            GlobPiece::Text(text) => text.as_ref(),
            GlobPiece::One => {
                current.push(GlobPiece::One);
                continue;
            }
            GlobPiece::Many => {
                current.push(GlobPiece::Many);
                continue;
            }
        };
        while done.len() + 1 < parts
            && let Some((before, behind)) = rest.split_once(at)
        {
            current.push(GlobPiece::Text(Cow::Borrowed(before)));
            done.push(std::mem::take(&mut current));
            rest = behind;
        }
        current.push(GlobPiece::Text(Cow::Borrowed(rest)));
    }
    done.push(current);
    done
}

/// A compiled pattern; common forms are special cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Glob {
    /// `*`
    Any,
    Exact(Box<str>),
    /// Ends in its only `*`.
    Prefix(Box<str>),
    Pieces(Box<[GlobPiece<'static>]>),
}

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        Self::from_pieces(pieces(text))
    }

    pub(crate) fn from_pieces(pieces: Vec<GlobPiece<'static>>) -> Self {
        match pieces.as_slice() {
            [] => Self::Exact(Box::default()),
            [GlobPiece::Many] => Self::Any,
            [GlobPiece::Text(text)] => Self::Exact(text.as_ref().into()),
            [GlobPiece::Text(text), GlobPiece::Many] => Self::Prefix(text.as_ref().into()),
            _ => Self::Pieces(pieces.into_boxed_slice()),
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(wanted) => **wanted == *text,
            Self::Prefix(prefix) => text.starts_with(&**prefix),
            Self::Pieces(pieces) => covers(pieces, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn wildcards() {
        let rows = [
            ("*", "", true),
            ("a*", "a", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("?", "é", true),
            ("?", "ab", false),
            ("??", "é", false),
            ("*b", "bbbbb", true),
            ("*é?", "aéé", true),
            ("a?c*e", "abcdde", true),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "ab", false),
            ("**", "anything", true),
            ("", "", true),
            ("", "x", false),
            ("*?", "", false),
            ("*?x", "éx", true),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(
                Glob::new(pattern).matches(text),
                expected,
                "{pattern} against {text}"
            );
        }
    }
}
