//! Opening a file: what is made, what is refused, and that a refusal changes nothing.

use std::error::Error;
use std::path::Path;

use hallpass_access::{AccessStore, Change};
use hallpass_audit::AuditStore;
use hallpass_store::testing::{a_draft, at};
use hallpass_store::{OpenError, SqliteStore};
use rusqlite::Connection;
use tempfile::tempdir;

fn refusal(path: &Path) -> OpenError {
    let before = std::fs::read(path).ok();
    let error = SqliteStore::open(path).expect_err("opened what it should refuse");
    assert_eq!(
        std::fs::read(path).ok(),
        before,
        "a refusal changed the file"
    );
    assert!(!error.help().is_empty());
    let told = error.to_string();
    assert!(told.contains(&path.display().to_string()), "{told}");
    error
}

/// A file of ours after `sql` was run on it behind our back.
fn tampered(path: &Path, sql: &str) {
    drop(SqliteStore::open(path).unwrap());
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(sql).unwrap();
    // no log beside the file: what the refusal is shown is all there is
    connection
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
}

#[tokio::test]
async fn a_new_file_has_the_newest_schema_and_is_opened_again() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    for _ in 0..2 {
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(store.path(), path);
        assert_eq!(store.schema_version().await.unwrap(), 10);
        let check = store.check().await.unwrap();
        assert_eq!((check.records, check.problems), (0, vec![]));
    }
}

#[test]
fn many_that_make_open_and_leave_the_same_new_file_at_once_all_open_it() {
    for _ in 0..20 {
        let folder = tempdir().unwrap();
        let path = folder.path().join("hallpass.db");
        std::thread::scope(|scope| {
            // whoever leaves last takes the log away that the next one is about to open
            let again = || (0..5).try_for_each(|_| SqliteStore::open(&path).map(drop));
            let opening: Vec<_> = (0..4).map(|_| scope.spawn(again)).collect();
            for one in opening {
                one.join().unwrap().unwrap();
            }
        });
    }
}

#[tokio::test]
async fn a_file_of_the_first_schema_is_brought_up_to_date() {
    let folder = tempdir().unwrap();
    let (newest, path) = (folder.path().join("new.db"), folder.path().join("old.db"));
    drop(SqliteStore::open(&newest).unwrap());
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../migrations/0001_first_tables.sql"))
        .unwrap();
    old.execute("ATTACH ?1 AS newest", [newest.to_str().unwrap()])
        .unwrap();
    old.execute_batch(
        "PRAGMA application_id = 0x68616c6c;
         CREATE TABLE schema_migrations (
             version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
         INSERT INTO schema_migrations SELECT * FROM newest.schema_migrations WHERE version = 1;
         INSERT INTO notices (due, attempts, body) VALUES ('', 0, '{}');",
    )
    .unwrap();
    drop(old);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.schema_version().await.unwrap(), 10);
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    // what waited for the server's log is not told to channels that came later
    store.open_channel("mail", at(0)).await.unwrap();
    assert_eq!(store.next_notice("mail").await.unwrap(), None);
}

#[tokio::test]
async fn a_log_that_was_begun_before_has_an_id_from_the_upgrade_on() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("old.db");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.log_id().await.unwrap(), None, "an empty log has none");
    let change = Change {
        audit: vec![a_draft(1), a_draft(2)],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    let given = store.log_id().await.unwrap();
    drop(store);
    // as the release before left it
    tampered(
        &path,
        "DROP TABLE audit_log; DROP TRIGGER audit_begins;
         DROP TABLE sign_ins; DROP TABLE locks;
         DROP INDEX tokens_by_user; ALTER TABLE tokens DROP COLUMN user_id;
         DROP INDEX sessions_by_user_id; ALTER TABLE sessions DROP COLUMN user_id;
         CREATE INDEX sessions_by_user ON sessions (user);
         DELETE FROM schema_migrations WHERE version >= 9;",
    );
    let store = SqliteStore::open(&path).unwrap();
    let id = store.log_id().await.unwrap();
    assert!(id.is_some() && id != given, "{id:?}");
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.log_id().await.unwrap(), id);
    // and nobody changes it
    for sql in [
        "UPDATE audit_log SET id = 'log_00000000000000000000000000000000'",
        "DELETE FROM audit_log",
    ] {
        let refused = Connection::open(&path).unwrap().execute_batch(sql);
        assert!(
            refused.unwrap_err().to_string().contains("keeps its id"),
            "{sql}"
        );
    }
    assert_eq!(store.log_id().await.unwrap(), id);
}

#[test]
fn a_later_release_s_file_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    tampered(
        &path,
        "INSERT INTO schema_migrations VALUES (99, 'later', 'x')",
    );
    let error = refusal(&path);
    assert!(
        matches!(
            error,
            OpenError::Newer {
                found: 99,
                known: 10,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn another_form_of_a_migration_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    tampered(&path, "UPDATE schema_migrations SET checksum = 'x'");
    let error = refusal(&path);
    assert!(
        matches!(error, OpenError::Changed { version: 1, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("`first_tables`"), "{error}");
}

#[test]
fn another_program_s_database_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("other.db");
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE requests (id TEXT)")
        .unwrap();
    drop(other);
    assert!(matches!(refusal(&path), OpenError::Foreign { .. }));
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(
        &path,
        "not a database at all, but long enough to be looked at".repeat(99),
    )
    .unwrap();
    let error = refusal(&path);
    assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
    assert!(error.source().is_some());
    assert!(matches!(
        refusal(&folder.path().join("no/such/folder/hallpass.db")),
        OpenError::Unusable { .. }
    ));
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let store = SqliteStore::open(&path).unwrap();
    store.blob_put("a", b"1").await.unwrap();
    store.backup(folder.path().join("copy.db")).await.unwrap();
    for name in ["hallpass.db", "hallpass.db-wal", "copy.db"] {
        let mode = std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
#[cfg(unix)]
fn a_file_with_two_names_is_opened_by_neither_until_one_is_gone() {
    let folder = tempdir().unwrap();
    let (path, twin) = (folder.path().join("a.db"), folder.path().join("b.db"));
    drop(SqliteStore::open(&path).unwrap());
    std::fs::hard_link(&path, &twin).unwrap();
    for name in [&path, &twin] {
        let error = refusal(name);
        assert!(
            matches!(error, OpenError::Linked { names: 2, .. }),
            "{error:?}"
        );
        assert!(error.help().contains("find -samefile"));
    }
    std::fs::remove_file(&twin).unwrap();
    drop(SqliteStore::open(&path).unwrap());
}
