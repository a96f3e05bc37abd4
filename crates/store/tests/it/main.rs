//! Tests of the ports with both engines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod copies;
mod credentials;
#[cfg(unix)]
mod descriptors;
mod ends_reader;
mod events;
mod exports;
mod glance;
mod leader;
mod one_file;
mod opening;
mod pci;
mod plans;
#[cfg(unix)]
mod postgres;
mod remediations;
mod same_answers;
mod same_lines;
mod seen_log;
mod standards_visits;
mod tokens;
mod unreadable;
mod unreadable_access;

use std::sync::Arc;

use hallpass_store::{MemoryStore, SqlStore};
use hallpass_store_testing::conformance::Store;
use tempfile::TempDir;

pub(crate) enum Place {
    File(TempDir),
    #[cfg(unix)]
    Postgres(String),
}

impl Place {
    pub(crate) fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn open(&self) -> SqlStore {
        match self {
            Self::File(folder) => SqlStore::open(folder.path().join("hallpass.db")).unwrap(),
            #[cfg(unix)]
            Self::Postgres(url) => SqlStore::open_postgres(postgres::address(url))
                .await
                .unwrap(),
        }
    }

    pub(crate) async fn run(&self, sql: &str) {
        match self {
            Self::File(folder) => rusqlite::Connection::open(folder.path().join("hallpass.db"))
                .unwrap()
                .execute_batch(sql)
                .unwrap(),
            #[cfg(unix)]
            Self::Postgres(url) => {
                let (client, socket) = tokio_postgres::connect(url, tokio_postgres::NoTls)
                    .await
                    .unwrap();
                let socket = tokio::spawn(socket);
                client.batch_execute(sql).await.unwrap();
                drop(client);
                socket.await.unwrap().unwrap();
            }
        }
    }
}

/// Makes a test for files here, and for PostgreSQL beside the suite.
macro_rules! anywhere {
    ($($name:ident),+ $(,)?) => {
        mod on_a_file {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::Place::file()).await;
            })+
        }
        #[cfg(unix)]
        pub(crate) const ANYWHERE: &[crate::postgres::PlaceCase] =
            &[$((stringify!($name), |place| Box::pin($name(place)))),+];
    };
}

pub(crate) use anywhere;

fn fresh_memory() -> (Store, Option<TempDir>) {
    (Arc::new(MemoryStore::new()), None)
}

fn fresh_sqlite() -> (Store, Option<TempDir>) {
    (Arc::new(SqlStore::open_in_memory().unwrap()), None)
}

fn fresh_sqlite_file() -> (Store, Option<TempDir>) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::open(folder.path().join("hallpass.db")).unwrap();
    (Arc::new(store), Some(folder))
}

hallpass_store_testing::conformance!(memory, crate::fresh_memory);
hallpass_store_testing::conformance!(sqlite, crate::fresh_sqlite);
hallpass_store_testing::conformance!(sqlite_file, crate::fresh_sqlite_file);
