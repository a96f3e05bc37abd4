//! The ports, held to their words by both engines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;

use hallpass_store::conformance::Store;
use hallpass_store::{MemoryStore, SqliteStore};

fn fresh_memory() -> Store {
    Arc::new(MemoryStore::new())
}

fn fresh_sqlite() -> Store {
    Arc::new(SqliteStore::open_in_memory().unwrap())
}

hallpass_store::conformance!(memory, crate::fresh_memory);
hallpass_store::conformance!(sqlite, crate::fresh_sqlite);
