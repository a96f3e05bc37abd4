//! `rules fmt`: canonical TOML with every comment and the same meaning.

mod parts;
mod write;

use thiserror::Error;

use crate::diagnostic::Diagnostic;
use crate::syntax::{self, Node, Syntax, Value};

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormatRefused {
    #[error("the text is not read: {} errors", .0.len())]
    Broken(Vec<Diagnostic>),
    /// The output would differ in meaning or lack a comment.
    #[error("the canonical form would say something else (this is a bug)")]
    Unfaithful,
}

/// Formats a TOML file: one space around `=` and before a trailing comment, one empty line before
/// each table, lists on one line up to 100 characters, longer or already spread ones with one entry
/// per line. Keeps all order. `file` names the file in errors.
///
/// # Errors
/// The text is not TOML that the rule parser accepts.
pub fn canonical_toml(file: &str, text: &str) -> Result<String, FormatRefused> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = parsed(file, text)?;
    let rows = parts::read(text).ok_or(FormatRefused::Unfaithful)?;
    let written = write::file(&rows);
    let again = parsed(file, &written).map_err(|_| FormatRefused::Unfaithful)?;
    let read_again = parts::read(&written).ok_or(FormatRefused::Unfaithful)?;
    // INVARIANT: formatting never loses a word or a rule
    if same(&root, &again) && parts::comments(&rows) == parts::comments(&read_again) {
        Ok(written)
    } else {
        Err(FormatRefused::Unfaithful)
    }
}

fn parsed(file: &str, text: &str) -> Result<Node, FormatRefused> {
    let parsed = syntax::parse(text, Syntax::Toml);
    let mut errors = parsed.findings;
    if text.len() <= syntax::SOURCE_BYTES_MAX {
        errors.extend(syntax::hidden(text));
    }
    errors.retain(Diagnostic::is_error);
    match parsed.root {
        Some(root) if errors.is_empty() => Ok(root),
        _ => {
            for error in &mut errors {
                file.clone_into(&mut error.file);
            }
            errors.sort_by_key(|error| error.position);
            Err(FormatRefused::Broken(errors))
        }
    }
}

fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::List(ones), Value::List(others)) => {
            ones.len() == others.len() && ones.iter().zip(others).all(|(one, it)| same(one, it))
        }
        (Value::Map(ones), Value::Map(others)) => {
            ones.len() == others.len() && { ones.iter().zip(others) }
                .all(|(one, it)| one.key == it.key && same(&one.value, &it.value))
        }
        (one, other) => one == other,
    }
}
