//! Finding records in the log.

use hallpass_access::Change;
use hallpass_audit::{Record, RecordQuery};

use super::Store;
use crate::testing::a_draft;

/// A query for numbers `from..before` with one text of each list.
fn query(from: u64, before: Option<u64>, events: &[&str], with: &[&[&str]]) -> RecordQuery {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    RecordQuery {
        before,
        from,
        events: texts(events),
        with: with.iter().map(|any| texts(any)).collect(),
    }
}

pub async fn records_are_found_newest_first(store: Store) {
    let change = Change {
        audit: (1..=6).map(a_draft).collect(),
        ..Change::default()
    };
    let all = store.commit(change).await.unwrap();
    let event = all[0].event();
    let (id, upper) = (
        all[2].id().to_string(),
        all[2].id().to_string().to_uppercase(),
    );
    let (id, upper) = (id.as_str(), upper.as_str());
    let rows: [(RecordQuery, u32, &[u64]); 12] = [
        (query(0, None, &[], &[]), 9, &[6, 5, 4, 3, 2, 1]),
        (query(0, None, &[], &[]), 2, &[6, 5]),
        (query(0, None, &[], &[]), 0, &[]),
        (query(0, Some(4), &[], &[]), 9, &[3, 2, 1]),
        (query(2, Some(4), &[], &[]), 9, &[3, 2]),
        (query(0, Some(1), &[], &[]), 9, &[]),
        (query(0, None, &[event], &[]), 1, &[6]),
        (query(0, None, &["extend"], &[]), 9, &[]),
        (query(0, None, &[], &[&["no%such_text", upper]]), 9, &[3]),
        (query(0, None, &[], &[&[id], &[event]]), 9, &[3]),
        (query(0, None, &[], &[&[id], &["no such text"]]), 9, &[]),
        (query(0, None, &[], &[&[]]), 9, &[]),
    ];
    for (query, limit, expected) in rows {
        let found = store.records_found(&query, limit).await.unwrap();
        let found: Vec<u64> = found.iter().map(Record::seq).collect();
        assert_eq!(found, expected, "{query:?}");
    }
}
