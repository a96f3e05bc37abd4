//! The ports, held to their words by both engines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[cfg(unix)]
mod descriptors;
mod ends_reader;
mod events;
mod exports;
mod one_file;
mod opening;
mod pci;
mod plans;
mod remediations;
mod same_answers;
mod same_lines;
mod standards_visits;
mod tokens;

use std::sync::Arc;

use hallpass_store::{MemoryStore, SqliteStore};
use hallpass_store_testing::conformance::Store;
use tempfile::TempDir;

fn fresh_memory() -> (Store, Option<TempDir>) {
    (Arc::new(MemoryStore::new()), None)
}

fn fresh_sqlite() -> (Store, Option<TempDir>) {
    (Arc::new(SqliteStore::open_in_memory().unwrap()), None)
}

fn fresh_sqlite_file() -> (Store, Option<TempDir>) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("hallpass.db")).unwrap();
    (Arc::new(store), Some(folder))
}

hallpass_store_testing::conformance!(memory, crate::fresh_memory);
hallpass_store_testing::conformance!(sqlite, crate::fresh_sqlite);
hallpass_store_testing::conformance!(sqlite_file, crate::fresh_sqlite_file);
