//! Rust files of crates, parsed once for all syntax checks.

use crate::sources::is_generated;

pub(crate) fn crate_of(path: &str) -> Option<&str> {
    let (name, inside) = path.strip_prefix("crates/")?.split_once('/')?;
    inside.starts_with("src/").then_some(name)
}

/// A handwritten Rust file of `crates/NAME/src`.
pub(crate) struct ParsedFile<'a> {
    pub(crate) path: &'a str,
    pub(crate) name: &'a str,
    pub(crate) content: syn::File,
}

impl<'a> ParsedFile<'a> {
    /// Parses a file; `None` for files elsewhere, generated or unparsable, which the compiler
    /// reports.
    pub(crate) fn of(path: &'a str, text: &str) -> Option<Self> {
        let name = crate_of(path).filter(|_| !is_generated(text))?;
        let content = syn::parse_file(text).ok()?;
        Some(Self {
            path,
            name,
            content,
        })
    }
}
