//! Tests that SQLite answers listings and searches by index ranges, never table scans.

use super::{
    SqlStore, access, assignments, finding, grants, outbox, plans, queue_columns, quotas, requests,
};
use crate::database::TransactionMode;

fn is_range(line: &str) -> bool {
    line.starts_with("SEARCH ") && line.contains(" USING ")
}

fn every_range() -> Vec<&'static str> {
    let mut all = Vec::new();
    all.extend(requests::RANGES);
    all.extend(grants::RANGES);
    all.extend(finding::RANGES.as_flattened());
    all.extend(plans::RANGES);
    all
}

#[test]
fn every_piece_of_a_listing_is_one_range_of_an_index_in_its_order() {
    let store = SqlStore::open_in_memory().unwrap();
    let mut connection = store.reader.lock().unwrap();
    let tx = connection.begin(TransactionMode::Read).unwrap();
    let mut wrong = Vec::new();
    for sql in every_range() {
        let lines = tx.plan_of(sql).unwrap();
        if lines.is_empty() || !lines.iter().all(|line| is_range(line)) {
            wrong.push(format!("{sql}: {lines:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rows_that_are_not_shown_are_not_read() {
    let store = SqlStore::open_in_memory().unwrap();
    let mut connection = store.reader.lock().unwrap();
    let tx = connection.begin(TransactionMode::Read).unwrap();
    for sql in requests::RANGES.iter().chain(&grants::RANGES) {
        if *sql == requests::BY_REVIEWER {
            continue;
        }
        let lines = tx.plan_of(sql).unwrap();
        let is_covered = lines.iter().all(|line| line.contains("COVERING INDEX"));
        assert!(!lines.is_empty() && is_covered, "{sql}: {lines:?}");
    }
}

/// Thousands may be queued that are not due, unwanted or leased. Only operations in flight, ten at
/// most, are read from the table.
#[test]
fn who_is_first_in_line_is_found_without_reading_rows() {
    let store = SqlStore::open_in_memory().unwrap();
    let mut connection = store.reader.lock().unwrap();
    let tx = connection.begin(TransactionMode::Read).unwrap();
    let counts = [assignments::GRANTS_WAITING, assignments::GRANTS_BEFORE].map(str::to_owned);
    for sql in queue_columns::searches().iter().chain(&counts) {
        let lines = tx.plan_of(sql).unwrap();
        let of_rows = lines.iter().filter(|line| line.contains(" USING "));
        let mut of_rows = of_rows.filter(|line| !line.contains("assignments_outstanding"));
        let first = of_rows.next().unwrap();
        assert!(first.contains("COVERING INDEX"), "{sql}: {lines:#?}");
        // also whether a removal waits in the lane, by a range of a separate index
        let is_range =
            |line: &String| line.contains("COVERING INDEX") || line.starts_with("SEARCH other ");
        assert!(of_rows.all(is_range), "{sql}: {lines:#?}");
    }
}

/// However many wait of one person, turns are found in indexes, and only taken bodies are read.
#[test]
fn what_is_taken_by_turns_is_found_without_reading_other_rows() {
    let store = SqlStore::open_in_memory().unwrap();
    let mut connection = store.reader.lock().unwrap();
    let tx = connection.begin(TransactionMode::Read).unwrap();
    for (sql, rows) in [
        (
            access::GRANTS_DUE,
            "SEARCH grants USING INDEX sqlite_autoindex",
        ),
        (
            access::REQUESTS_DUE,
            "SEARCH requests USING INDEX sqlite_autoindex",
        ),
        (outbox::DUE, "SEARCH notices USING INTEGER PRIMARY KEY"),
        (
            access::PENDING_REQUEST,
            "SEARCH requests USING INDEX requests_pending_once",
        ),
    ] {
        let lines = tx.plan_of(sql).unwrap();
        let read = lines
            .iter()
            .filter(|line| line.contains(" USING ") && !line.contains("COVERING"));
        let read: Vec<&String> = read.filter(|line| !line.contains("B-TREE")).collect();
        assert!(
            matches!(read.as_slice(), [one] if one.starts_with(rows)),
            "{sql}: {lines:#?}"
        );
        let scans = lines.iter().filter(|line| line.starts_with("SCAN "));
        let scans = scans.filter(|line| !line.contains("COVERING INDEX grants_with_news"));
        let is_found = |line: &String| {
            ["found", "due_now", "(subquery"]
                .iter()
                .any(|it| line.contains(it))
        };
        assert!(scans.into_iter().all(is_found), "{sql}: {lines:#?}");
    }
}

#[test]
fn a_scan_would_be_seen() {
    let store = SqlStore::open_in_memory().unwrap();
    let mut connection = store.reader.lock().unwrap();
    let tx = connection.begin(TransactionMode::Read).unwrap();
    for sql in [
        "SELECT body FROM grants WHERE state = 'ended' OR body = x'00'",
        "SELECT id FROM grants WHERE holder = 1 ORDER BY ends_at",
        "SELECT seq FROM audit WHERE body LIKE '%x%'",
    ] {
        let lines = tx.plan_of(sql).unwrap();
        assert!(!lines.iter().all(|line| is_range(line)), "{sql}: {lines:?}");
    }
}

/// Quota counts on each write are index ranges of one person.
#[test]
fn quotas_are_counted_in_an_index() {
    let store = SqlStore::open_in_memory().unwrap();
    let mut connection = store.reader.lock().unwrap();
    let tx = connection.begin(TransactionMode::Read).unwrap();
    for sql in [quotas::WAITING, quotas::HOLDS, quotas::KEYS] {
        let mut lines = tx.plan_of(sql).unwrap();
        lines.retain(|line| !line.contains(" found"));
        assert!(
            !lines.is_empty() && lines.iter().all(|line| is_range(line)),
            "{sql}: {lines:?}"
        );
    }
}
