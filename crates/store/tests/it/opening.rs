//! Opening a file: creation, refusals, and that a refusal changes nothing.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use hallpass_access::{
    AccessStore, Change, Grant, GrantFilter, Request, RequestFilter, ViewerScope, Write,
};
use hallpass_audit::{AuditStore, RecordQuery, Words};
use hallpass_store::{BackupError, OpenError, SchemaUse, SqlStore};
use hallpass_store_testing::{
    a_draft, a_grant, a_request, account_key, at, email, grant_states, request_states, user,
};
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
        assert_eq!(store.schema_version().await.unwrap(), 30);
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
async fn a_file_of_the_first_schema_is_brought_up_to_date() {
    let folder = tempdir().unwrap();
    let (newest, path) = (folder.path().join("new.db"), folder.path().join("old.db"));
    drop(SqlStore::open(&newest).unwrap());
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
    let store = SqlStore::open(&path).unwrap();
    assert_eq!(store.schema_version().await.unwrap(), 30);
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    // notices from before a channel's opening are not sent to it
    store.open_channel("mail", at(0)).await.unwrap();
    assert_eq!(store.next_notice("mail").await.unwrap(), None);
}

#[tokio::test]
async fn a_log_that_was_begun_before_has_an_id_from_the_upgrade_on() {
    let folder = tempdir().unwrap();
    let (new, path) = (folder.path().join("new.db"), folder.path().join("old.db"));
    let store = SqlStore::open(&new).unwrap();
    assert_eq!(store.log_id().await.unwrap(), None, "an empty log has none");
    let change = Change {
        audit: vec![a_draft(1), a_draft(2)],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    let given = store.log_id().await.unwrap();
    store.write_as_before(&path).unwrap();
    drop(store);
    // as the previous release left it
    let before = Connection::open(&path).unwrap();
    before
        .execute_batch(
            "DROP TABLE audit_log; DROP TRIGGER audit_begins;
         DROP TABLE sign_ins; DROP TABLE locks;
         DROP INDEX tokens_by_user; ALTER TABLE tokens DROP COLUMN user_id;
         DROP INDEX sessions_by_user_id; ALTER TABLE sessions DROP COLUMN user_id;
         CREATE INDEX sessions_by_user ON sessions (user);
         DELETE FROM schema_migrations WHERE version >= 9;",
        )
        .unwrap();
    drop(before);
    let store = SqlStore::open(&path).unwrap();
    let id = store.log_id().await.unwrap();
    assert!(id.is_some() && id != given, "{id:?}");
    drop(store);
    let store = SqlStore::open(&path).unwrap();
    assert_eq!(store.log_id().await.unwrap(), id);
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
                known: 30,
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

async fn everything(store: &SqlStore) -> String {
    let (ana, newest) = (email(1).to_string(), RecordQuery::default());
    let sight = ViewerScope {
        user: Some(user(1)),
        subjects: (1..=9).collect(),
    };
    let requests = RequestFilter {
        sight: Some(sight.clone()),
        ..RequestFilter::default()
    };
    let grants = GrantFilter {
        sight: Some(sight),
        ..GrantFilter::default()
    };
    let words = Words {
        text: "person1".to_owned(),
        named: [ana].into(),
    };
    let worded = RecordQuery {
        words: Some(words),
        ..newest.clone()
    };
    let parts = [
        format!("{:?}", store.requests(&requests, 99).await),
        format!("{:?}", store.requests(&RequestFilter::default(), 99).await),
        format!("{:?}", store.grants(&grants, 99).await),
        format!("{:?}", store.grants(&GrantFilter::default(), 99).await),
        format!("{:?}", store.grants_due(at(1_000_000), 99).await),
        format!(
            "{:?}",
            store.holds(&account_key(1, 1)).await.unwrap().grants
        ),
        format!("{:?}", store.holder_of(&email(1)).await),
        format!("{:?}", store.subjects(0, 99).await.unwrap().len()),
        format!("{:?}", store.ends(at(100_000)).await),
        format!("{:?}", store.counts(at(0)).await.unwrap().grants),
        format!("{:?}", store.counts(at(0)).await.unwrap().requests),
        format!("{:?}", store.records_found(&newest, 99).await),
        format!("{:?}", store.records_found(&worded, 99).await),
        format!("{:?}", store.head().await),
        format!("{:?}", store.check().await),
    ];
    parts.join("\n")
}

/// Returns a file's triggers: rebuilding a table drops them.
fn triggers(file: &Connection) -> BTreeSet<String> {
    let all = layout(file).into_iter();
    all.filter(|(kind, ..)| kind == "trigger")
        .map(|(_, name, _)| name)
        .collect()
}

fn layout(file: &Connection) -> BTreeSet<(String, String, Option<String>)> {
    file.prepare("SELECT type, name, sql FROM sqlite_schema")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

#[tokio::test]
async fn what_was_stored_before_is_listed_searched_and_counted_after_the_update() {
    let folder = tempdir().unwrap();
    let (new, old) = (folder.path().join("new.db"), folder.path().join("old.db"));
    let store = SqlStore::open(&new).unwrap();
    for (n, state) in (1..).zip(request_states()) {
        let change = Change {
            requests: vec![Write::Insert(Request {
                state,
                ..a_request(n)
            })],
            audit: vec![a_draft(n)],
            ..Change::default()
        };
        store.commit(change).await.unwrap();
    }
    for (n, state) in (1..).zip(grant_states()) {
        let change = Change {
            grants: vec![Write::Insert(Grant {
                state,
                ..a_grant(n)
            })],
            ..Change::default()
        };
        store.commit(change).await.unwrap();
    }
    store.write_as_before(&old).unwrap();
    let before = Connection::open(&old).unwrap();
    let (version, body): (i64, String) = before
        .query_row(
            "SELECT (SELECT max(version) FROM schema_migrations), body FROM grants",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert!(version == 10 && body.starts_with('{'), "{version} {body}");
    let guarded = triggers(&before);
    drop(before);
    let wanted = everything(&store).await;
    for _ in 0..2 {
        let updated = SqlStore::open(&old).unwrap();
        let seen = everything(&updated).await;
        let differing = wanted.lines().zip(seen.lines()).find(|(a, b)| a != b);
        assert!(differing.is_none(), "{differing:#?}");
    }
    let guards = triggers(&Connection::open(&old).unwrap());
    let lost: Vec<_> = guarded.difference(&guards).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(guards, triggers(&Connection::open(&new).unwrap()));
    assert_eq!(
        layout(&Connection::open(&old).unwrap()),
        layout(&Connection::open(&new).unwrap())
    );
    let updated = SqlStore::open(&old).unwrap();
    let change = Change {
        audit: vec![a_draft(500)],
        ..Change::default()
    };
    updated.commit(change).await.unwrap();
    assert_eq!(
        updated.check().await.unwrap().problems,
        Vec::<String>::new()
    );
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

async fn of_an_earlier_release(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("earlier.db");
    let now = SqlStore::open(folder.join("now.db")).unwrap();
    now.append_record(a_draft(1)).await.unwrap();
    now.write_as_before(&path).unwrap();
    path
}

#[tokio::test]
async fn whoever_only_looks_changes_no_schema_of_an_earlier_release() {
    let folder = tempdir().unwrap();
    let path = of_an_earlier_release(folder.path()).await;
    let before = std::fs::read(&path).unwrap();
    let refused = SqlStore::open_for(&path, SchemaUse::OfThisRelease).unwrap_err();
    assert!(
        matches!(
            refused,
            OpenError::Older {
                found: 10,
                known: 30,
                ..
            }
        ),
        "{refused:?}"
    );
    assert!(refused.help().contains("store migrate"));
    let as_it_is = SqlStore::open_for(&path, SchemaUse::AsItIs).unwrap();
    let copy = folder.path().join("copy.db");
    as_it_is.backup(&copy).await.unwrap();
    drop(as_it_is);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let refused = SqlStore::open_for(&copy, SchemaUse::OfThisRelease).unwrap_err();
    assert!(matches!(refused, OpenError::Older { .. }), "{refused:?}");
    drop(SqlStore::open(&path).unwrap());
    SqlStore::open_for(&path, SchemaUse::OfThisRelease).unwrap();
    let fresh = folder.path().join("fresh.db");
    SqlStore::open_for(&fresh, SchemaUse::OfThisRelease).unwrap();
}

#[tokio::test]
async fn a_backup_is_restored_and_stays_as_it_was() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let backup = of_an_earlier_release(folder.path()).await;
    let mut may = std::fs::metadata(&backup).unwrap().permissions();
    may.set_readonly(true);
    std::fs::set_permissions(&backup, may).unwrap();
    let before = std::fs::read(&backup).unwrap();
    SqlStore::restore(&backup, at("restored.db")).unwrap();
    let restored = SqlStore::open(at("restored.db")).unwrap();
    assert_eq!(restored.check().await.unwrap().records, 1);
    assert_eq!(std::fs::read(&backup).unwrap(), before);
    assert!(!at("earlier.db-wal").exists() && !at("restored.db.partial").exists());
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
