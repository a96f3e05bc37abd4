//! Finding records in the log; its id; what waits to be exported.

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

pub async fn a_log_has_an_id_from_its_first_record_on(store: Store) {
    assert_eq!(store.log_id().await.unwrap(), None);
    let commit = async |n: u64| {
        let change = Change {
            audit: vec![a_draft(n)],
            ..Change::default()
        };
        store.commit(change).await.unwrap();
        store.log_id().await.unwrap()
    };
    let id = commit(1).await;
    assert!(id.is_some());
    assert_eq!(commit(2).await, id, "the same ever after");
}

pub async fn the_oldest_record_that_waits_for_the_export_is_known(store: Store) {
    assert_eq!(store.oldest_unexported().await.unwrap(), None);
    let change = Change {
        audit: (1..=3).map(a_draft).collect(),
        ..Change::default()
    };
    let records = store.commit(change).await.unwrap();
    for (exported, oldest) in [(0, Some(0)), (1, Some(1)), (2, Some(2)), (3, None)] {
        store.set_exported(exported).await.unwrap();
        let expected = oldest.map(|index: usize| records[index].at().unwrap());
        let found = store.oldest_unexported().await.unwrap();
        assert_eq!(found, expected, "exported up to {exported}");
    }
}
