//! Opening a file: creation, refusals, and that a refusal changes nothing.

use std::error::Error;
use std::path::Path;

use hallpass_audit::AuditStore as _;
use hallpass_store::{BackupError, OpenError, SqlStore};
use hallpass_store_testing::a_draft;
use rusqlite::Connection;
use tempfile::tempdir;

fn refusal(path: &Path) -> OpenError {
    let before = std::fs::read(path).ok();
    let error = SqlStore::open(path).expect_err("opened an invalid database");
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

fn tampered(path: &Path, sql: &str) {
    drop(SqlStore::open(path).unwrap());
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(sql).unwrap();
    // without a log beside it, so that the refusal reads only this file
    connection
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
}

#[tokio::test]
async fn a_new_file_has_the_newest_schema_and_is_opened_again() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    for _ in 0..2 {
        let store = SqlStore::open(&path).unwrap();
        assert_eq!(store.name(), path.display().to_string());
        assert_eq!(store.schema_version().await.unwrap(), 1);
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
            // the last process to leave deletes the log that the next one is about to open
            let again = || (0..5).try_for_each(|_| SqlStore::open(&path).map(drop));
            let opening: Vec<_> = (0..4).map(|_| scope.spawn(again)).collect();
            for one in opening {
                one.join().unwrap().unwrap();
            }
        });
    }
}

#[tokio::test]
async fn a_log_has_an_id_from_its_first_record_on_and_keeps_it() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let store = SqlStore::open(&path).unwrap();
    assert_eq!(store.log_id().await.unwrap(), None);
    store.append_record(a_draft(1)).await.unwrap();
    let id = store.log_id().await.unwrap();
    assert!(id.is_some());
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
            OpenError::OtherVersion {
                found: 99,
                known: 1,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn an_earlier_schema_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    tampered(&path, "UPDATE schema_migrations SET version = 0");
    let error = refusal(&path);
    assert!(
        matches!(error, OpenError::OtherVersion { found: 0, .. }),
        "{error:?}"
    );
}

#[test]
fn another_form_of_the_schema_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    tampered(&path, "UPDATE schema_migrations SET checksum = 'x'");
    let error = refusal(&path);
    assert!(
        matches!(error, OpenError::OtherForm { version: 1, .. }),
        "{error:?}"
    );
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
        "not a database at all, but long enough to be opened".repeat(99),
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
    let store = SqlStore::open(&path).unwrap();
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
    drop(SqlStore::open(&path).unwrap());
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
    drop(SqlStore::open(&path).unwrap());
}

#[tokio::test]
async fn a_backup_is_restored_and_stays_as_it_was() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let backup = at("backup.db");
    let store = SqlStore::open(at("hallpass.db")).unwrap();
    store.append_record(a_draft(1)).await.unwrap();
    store.backup(&backup).await.unwrap();
    let mut may = std::fs::metadata(&backup).unwrap().permissions();
    may.set_readonly(true);
    std::fs::set_permissions(&backup, may).unwrap();
    let before = std::fs::read(&backup).unwrap();
    SqlStore::restore(&backup, at("restored.db")).unwrap();
    let restored = SqlStore::open(at("restored.db")).unwrap();
    assert_eq!(restored.check().await.unwrap().records, 1);
    assert_eq!(std::fs::read(&backup).unwrap(), before);
    assert!(!at("backup.db-wal").exists() && !at("restored.db.partial").exists());
    // a copy made while open has its newest records in a companion file
    restored.append_record(a_draft(2)).await.unwrap();
    for end in ["", "-wal"] {
        std::fs::copy(
            at(&format!("restored.db{end}")),
            at(&format!("copied.db{end}")),
        )
        .unwrap();
    }
    SqlStore::restore(at("copied.db"), at("whole.db")).unwrap();
    let whole = SqlStore::open(at("whole.db")).unwrap();
    assert_eq!(whole.check().await.unwrap().records, 2);
    std::fs::write(
        at("text"),
        "no database, and longer than the header of one would be".repeat(9),
    )
    .unwrap();
    assert!(SqlStore::restore(at("text"), at("none.db")).is_err());
    assert!(!at("none.db").exists() && !at("none.db.partial").exists());
}

/// `SQLite` applies any write-ahead log with the file's name.
#[tokio::test]
async fn nothing_is_put_beside_what_is_left_of_another_database() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let store = SqlStore::open(at("hallpass.db")).unwrap();
    store.backup(at("backup.db")).await.unwrap();
    for end in ["-wal", "-shm", "-journal"] {
        let left = at(&format!("to.db{end}"));
        std::fs::write(&left, "x").unwrap();
        for refused in [
            SqlStore::restore(at("backup.db"), at("to.db")).unwrap_err(),
            store.backup(at("to.db")).await.unwrap_err(),
            SqlStore::refuse_taken(at("to.db")).unwrap_err(),
        ] {
            assert!(
                matches!(&refused, BackupError::LeftOver(found) if *found == left),
                "{refused:?}"
            );
            assert!(refused.help().is_some());
        }
        assert!(!at("to.db").exists());
        std::fs::remove_file(&left).unwrap();
    }
    SqlStore::restore(at("backup.db"), at("to.db")).unwrap();
}
