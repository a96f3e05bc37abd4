//! Copies of a whole store: the same rows and log, and writes continue.

use std::collections::BTreeMap;
use std::path::Path;

use hallpass_audit::AuditStore as _;
#[cfg(unix)]
use hallpass_store::postgres::PostgresAddress;
use hallpass_store::{Copied, CopyError, SqlStore};
use hallpass_store_testing::a_draft;
use rusqlite::Connection;
use rusqlite::types::Value;

/// Tables filled by each store, or meaningless elsewhere.
const ITS_OWN: [&str; 2] = ["leader", "handovers"];

type Rows = Vec<Vec<Value>>;

fn contents(path: &Path) -> (BTreeMap<String, Rows>, Vec<String>) {
    let file = Connection::open(path).unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut found = file.prepare(sql).unwrap();
        let rows = found.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let schema =
        texts("SELECT type || ' ' || coalesce(sql, name) FROM sqlite_schema ORDER BY type, name");
    let tables = texts(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'audit_search_%' ORDER BY name",
    );
    let rows = |table: &String| {
        let what = if table == "audit_search" {
            "rowid"
        } else {
            "*"
        };
        let mut found = file
            .prepare(&format!("SELECT {what} FROM {table} ORDER BY 1, 2"))
            .or_else(|_| file.prepare(&format!("SELECT {what} FROM {table} ORDER BY 1")))
            .unwrap();
        let width = found.column_count();
        let rows = found
            .query_map([], |row| (0..width).map(|column| row.get(column)).collect())
            .unwrap();
        rows.collect::<Result<Rows, _>>().unwrap()
    };
    let tables = tables
        .into_iter()
        .filter(|it| !ITS_OWN.contains(&it.as_str()));
    (
        tables.map(|table| (table.clone(), rows(&table))).collect(),
        schema,
    )
}

#[cfg(unix)]
pub(crate) async fn there_and_back(path: &Path, address: PostgresAddress) {
    let folder = tempfile::tempdir().unwrap();
    let back = folder.path().join("back.db");
    let first = SqlStore::open(path).unwrap();
    let between = SqlStore::open_postgres(address).await.unwrap();
    let last = SqlStore::open(&back).unwrap();
    let there = first.copy_into(&between).await.unwrap();
    let again = between.copy_into(&last).await.unwrap();
    assert_eq!(there, again);
    for store in [&between, &last] {
        let wanted = first.check().await.unwrap();
        assert_eq!(store.check().await.unwrap(), wanted);
    }
    let ((rows, schema), (found, its)) = (contents(path), contents(&back));
    assert_eq!(its, schema, "triggers and indexes are back");
    for (table, wanted) in &rows {
        assert_eq!(found.get(table), Some(wanted), "{table}");
    }
    for store in [&first, &between, &last] {
        store.append_record(a_draft(9_000)).await.unwrap();
    }
    let heads = [
        first.head().await.unwrap(),
        between.head().await.unwrap(),
        last.head().await.unwrap(),
    ];
    assert!(heads.iter().all(|head| *head == heads[0]), "{heads:?}");
}

async fn appended(store: &SqlStore, count: u64) {
    for number in 1..=count {
        store.append_record(a_draft(number)).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_in_another_is_the_same_log_and_rows_of_two_are_never_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (first, second) = (
        SqlStore::open(place("first.db")).unwrap(),
        SqlStore::open(place("second.db")).unwrap(),
    );
    appended(&first, 600).await;
    let Copied { tables, rows, head } = first.copy_into(&second).await.unwrap();
    assert!(tables > 3 && rows > 1_800, "{tables} {rows}");
    assert_eq!(head, first.head().await.unwrap());
    assert_eq!(contents(&place("first.db")), contents(&place("second.db")));
    assert_eq!(second.check().await.unwrap().problems, Vec::<String>::new());
    let log = second.log_id().await.unwrap();
    assert!(log.is_some() && log == first.log_id().await.unwrap());
    let again = first.copy_into(&second).await.unwrap_err();
    assert!(
        matches!(&again, CopyError::NotEmpty { store, .. } if store.ends_with("second.db")),
        "{again}"
    );
    assert_eq!(
        second.head().await.unwrap(),
        head,
        "and nothing was changed"
    );
}

#[tokio::test]
async fn a_copy_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let first = SqlStore::open(place("first.db")).unwrap();
    appended(&first, 3).await;
    let damaged = Connection::open(place("first.db")).unwrap();
    damaged
        .execute_batch("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (only_row = 1)', '') WHERE name = 'audit_head'; PRAGMA writable_schema = RESET;")
        .unwrap();
    damaged
        .execute_batch("DROP TRIGGER IF EXISTS audit_head_moves_forward; INSERT INTO audit_head SELECT 2, seq, hash, time FROM audit_head")
        .unwrap();
    drop(damaged);
    let second = SqlStore::open(place("second.db")).unwrap();
    let (before, _) = contents(&place("second.db"));
    let refused = first.copy_into(&second).await.unwrap_err();
    assert!(matches!(refused, CopyError::Store(_)), "{refused}");
    assert_eq!(contents(&place("second.db")).0, before);
    appended(&second, 1).await;
    let other = Connection::open(place("second.db")).unwrap();
    let error = other.execute_batch("DELETE FROM audit").unwrap_err();
    assert!(error.to_string().contains("append-only"), "{error}");
}

/// Concurrent writes would be missing.
#[tokio::test]
async fn whoever_writes_to_the_source_is_before_the_copy_or_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("from.db");
    let from = SqlStore::open(&path).unwrap();
    let to = SqlStore::open(folder.path().join("to.db")).unwrap();
    let writer = Connection::open(&path).unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; INSERT INTO blobs (key, bytes) VALUES ('late', x'01')")
        .unwrap();
    let mut copying = tokio::spawn({
        let to = to.clone();
        async move { from.copy_into(&to).await }
    });
    let soon = std::time::Duration::from_millis(300);
    let early = tokio::time::timeout(soon, &mut copying).await;
    assert!(early.is_err(), "it waits for who writes: {early:?}");
    writer.execute_batch("COMMIT").unwrap();
    copying.await.unwrap().unwrap();
    assert_eq!(to.blob_get("late").await.unwrap(), Some(vec![1]));
}
