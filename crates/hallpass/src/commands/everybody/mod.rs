//! Commands to try things out, and for the shell.

pub(crate) mod complete;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod man;
pub(crate) mod sim;
