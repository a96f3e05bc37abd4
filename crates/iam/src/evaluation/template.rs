//! Patterns with policy variables (AWS: "IAM policy elements: Variables and tags").

use std::borrow::Cow;

use super::context::Context;
use crate::glob::{self, Glob, GlobPiece};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Template {
    Fixed(Glob),
    Open(Box<[TemplatePart]>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TemplatePart {
    Piece(GlobPiece<'static>),
    Variable {
        key: Box<str>,
        default: Option<Box<str>>,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Syntax {
    pub(crate) wildcards: bool,
    pub(crate) variables: bool,
}

impl Template {
    pub(crate) fn new(text: &str, syntax: Syntax) -> Self {
        let mut parts = Vec::new();
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if syntax.variables
                && let Some((inside, behind)) = variable(rest)
            {
                rest = behind;
                if matches!(inside, "*" | "?" | "$") {
                    plain.push_str(inside);
                    continue;
                }
                glob::flush(&mut pieces, &mut plain);
                parts.extend(pieces.drain(..).map(TemplatePart::Piece));
                parts.push(TemplatePart::variable(inside));
                continue;
            }
            if syntax.wildcards {
                glob::push(&mut pieces, &mut plain, character);
            } else {
                plain.push(character);
            }
            rest = rest.get(character.len_utf8()..).unwrap_or("");
        }
        glob::flush(&mut pieces, &mut plain);
        if parts.is_empty() {
            return Self::Fixed(Glob::from_pieces(pieces));
        }
        parts.extend(pieces.into_iter().map(TemplatePart::Piece));
        Self::Open(parts.into_boxed_slice())
    }

    /// `None` if a variable has no value.
    pub(crate) fn matches(&self, text: &str, context: &Context) -> Option<bool> {
        match self {
            Self::Fixed(glob) => Some(glob.matches(text)),
            Self::Open(parts) => Some(glob::covers(&pieces(parts, context)?, text)),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    pub(crate) fn fixed_matches(&self, text: &str) -> bool {
        matches!(self, Self::Fixed(glob) if glob.matches(text))
    }

    /// Pieces with variables replaced; `None` if unresolved, or for a pattern without variables,
    /// where [`Template::matches`] is faster.
    pub(crate) fn filled<'a>(&'a self, context: &'a Context) -> Option<Vec<GlobPiece<'a>>> {
        match self {
            Self::Fixed(_) => None,
            Self::Open(parts) => pieces(parts, context),
        }
    }

    /// Text with variables replaced; `None` if unresolved. Wildcards stay.
    pub(crate) fn resolved(&self, context: &Context) -> Option<String> {
        let parts = match self {
            Self::Fixed(glob) => return Some(glob.written()),
            Self::Open(parts) => pieces(parts, context)?,
        };
        Some(written(&parts))
    }
}

impl TemplatePart {
    fn variable(inside: &str) -> Self {
        let (key, default) = match inside.split_once(", '") {
            Some((key, quoted)) if quoted.ends_with('\'') => {
                (key, quoted.strip_suffix('\'').map(Into::into))
            }
            _ => (inside, None),
        };
        Self::Variable {
            key: key.to_lowercase().into(),
            default,
        }
    }
}

/// Content of a leading `${…}`, and the rest.
pub(crate) fn variable(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("${")?.split_once('}')
}

/// Splits at colons, except inside `${…}` when `variables`.
pub(crate) fn split_outside(text: &str, variables: bool, parts: usize) -> Vec<&str> {
    let mut found = Vec::with_capacity(parts);
    let (mut begin, mut at) = (0, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if variables && let Some((_, behind)) = variable(rest) {
            at = text.len() - behind.len();
            continue;
        }
        let Some(first) = rest.chars().next() else {
            break;
        };
        if first == ':' && found.len() + 1 < parts {
            found.push(text.get(begin..at).unwrap_or(""));
            begin = at + 1;
        }
        at += first.len_utf8();
    }
    found.push(text.get(begin..).unwrap_or(""));
    found
}

fn pieces<'a>(parts: &'a [TemplatePart], context: &'a Context) -> Option<Vec<GlobPiece<'a>>> {
    parts
        .iter()
        .map(|part| match part {
            TemplatePart::Piece(piece) => Some(match piece {
                GlobPiece::Text(text) => GlobPiece::Text(Cow::Borrowed(text)),
                GlobPiece::One => GlobPiece::One,
                GlobPiece::Many => GlobPiece::Many,
            }),
            TemplatePart::Variable { key, default } => context
                .variable(key, default.as_deref())
                .map(|value| GlobPiece::Text(Cow::Borrowed(value))),
        })
        .collect()
}

fn written(pieces: &[GlobPiece<'_>]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            GlobPiece::Text(text) => text.as_ref(),
            GlobPiece::One => "?",
            GlobPiece::Many => "*",
        })
        .collect()
}

impl Glob {
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::Exact(text) => text.to_string(),
            Self::Prefix(text) => format!("{text}*"),
            Self::Pieces(pieces) => written(pieces),
        }
    }
}
