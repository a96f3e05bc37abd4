//! A guard's external view of the database, in any state of the server.

use std::path::Path;

use hallpass_access::{Change, Write};
use hallpass_assignments::OwnedEnd;
use hallpass_audit::AuditStore;
use hallpass_store::{EndsReader, SqlStore};
use hallpass_store_testing::{a_grant, account_key, at, grant_id, own_one};
use rusqlite::{Connection, TransactionBehavior};
use tempfile::tempdir;

async fn with_one_end(path: &Path) -> SqlStore {
    let store = SqlStore::open(path).unwrap();
    let grant = Change {
        grants: vec![Write::Insert(a_grant(1))],
        ..Change::default()
    };
    own_one(&store, grant).await;
    store
}

fn the_end() -> OwnedEnd {
    OwnedEnd {
        key: account_key(1, 1),
        until: at(7_200),
        rev: 1,
        grants: vec![grant_id(1)],
    }
}

#[tokio::test]
async fn it_reads_what_the_server_committed() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let store = with_one_end(&path).await;
    let reader = EndsReader::new(&path);
    let (head, ends) = reader.read().unwrap();
    assert_eq!(head, store.head().await.unwrap());
    assert_eq!(ends, [the_end()]);
    assert_eq!(reader.one(&account_key(1, 1)).unwrap().1, Some(the_end()));
    assert_eq!(reader.one(&account_key(2, 1)).unwrap().1, None);
}

#[tokio::test]
async fn it_reads_while_a_change_hangs_and_after_the_server_was_killed_or_stopped() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let store = with_one_end(&path).await;
    let reader = EndsReader::new(&path);
    // a writer that stopped in the middle of its transaction
    let mut writer = Connection::open(&path).unwrap();
    let hanging = writer
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    hanging.execute("DELETE FROM assignments", []).unwrap();
    assert_eq!(reader.read().unwrap().1, [the_end()]);
    // a copy of a killed process's files: the database with its log
    let killed = folder.path().join("killed.db");
    for ending in ["", "-wal", "-shm"] {
        let from = format!("{}{ending}", path.display());
        std::fs::copy(from, format!("{}{ending}", killed.display())).unwrap();
    }
    assert_eq!(EndsReader::new(&killed).read().unwrap().1, [the_end()]);
    drop(hanging);
    drop(writer);
    drop(store);
    let tidy = !folder.path().join("hallpass.db-wal").exists();
    assert!(tidy, "a server that stops leaves no log");
    assert_eq!(reader.read().unwrap().1, [the_end()]);
    SqlStore::open(&path).unwrap();
    assert_eq!(reader.read().unwrap().1, [the_end()]);
}

#[tokio::test]
async fn a_database_that_is_gone_locked_or_of_another_program_is_an_error() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let reader = EndsReader::new(&path);
    assert!(reader.read().is_err());
    assert!(!path.exists(), "reading made a file");
    drop(with_one_end(&path).await);
    let holder = Connection::open(&path).unwrap();
    holder
        .execute_batch("PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE;")
        .unwrap();
    let began = std::time::Instant::now();
    let locked = reader.read().unwrap_err().to_string();
    assert!(locked.contains("locked"), "{locked}");
    assert!(began.elapsed().as_secs() < 10);
    drop(holder);
    assert_eq!(reader.read().unwrap().1, [the_end()]);
    let moved = folder.path().join("elsewhere.db");
    std::fs::rename(&path, &moved).unwrap();
    assert!(reader.read().is_err());
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE t (x)").unwrap();
    let error = reader.read().unwrap_err().to_string();
    assert!(error.contains("not a database of this program"), "{error}");
}

#[tokio::test]
async fn it_never_writes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    drop(with_one_end(&path).await);
    let before = std::fs::read(&path).unwrap();
    let reader = EndsReader::new(&path);
    for _ in 0..3 {
        reader.read().unwrap();
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}
