//! Rust files of crates, parsed once for all checks that look at more than their text.

use crate::sources::is_generated;

/// The crate whose sources a file is of.
pub(crate) fn crate_of(path: &str) -> Option<&str> {
    let (name, inside) = path.strip_prefix("crates/")?.split_once('/')?;
    inside.starts_with("src/").then_some(name)
}

/// One Rust file of `crates/NAME/src` that people write.
pub(crate) struct ParsedFile<'a> {
    /// Its path from the root of the tree.
    pub(crate) path: &'a str,
    /// The crate's folder.
    pub(crate) name: &'a str,
    /// What is in it.
    pub(crate) content: syn::File,
}

impl<'a> ParsedFile<'a> {
    /// Parses it; none of what is elsewhere or generated, and of what does not parse, which compiling tells.
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
