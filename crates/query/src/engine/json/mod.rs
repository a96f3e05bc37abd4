//! JSON as PostgreSQL asks of it: `->`, `->>`, `#>`, `#>>`, `@>`, `?` and their functions, over text
//! that is JSON (`inventory.md` U-2).

mod document;
mod functions;
mod operators;

#[cfg(test)]
pub(super) use document::{Step, get};
pub(crate) use functions::functions;
pub(crate) use operators::JsonOperators;
