//! PostgreSQL's JSON operators `->`, `->>`, `#>`, `#>>`, `@>`, `?` and functions, over JSON text
//! (`inventory.md` U-2).

mod document;
mod functions;
mod operators;

#[cfg(test)]
pub(super) use document::{Step, get};
pub(crate) use functions::functions;
pub(crate) use operators::JsonOperators;
