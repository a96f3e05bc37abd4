//! Finds and names every kind of tampering in the specification.

use hallpass_audit::{Draft, Event, FaultKind, Head, Input, Origin, Record, seal, verify};
use hallpass_base::{AuditId, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_445_900 + second).unwrap()
}

fn draft(n: u64, note: &str) -> Draft {
    let id = AuditId::new(Uuid::from_u128(u128::from(n)));
    Draft::new(
        id,
        Event::ConfigLoaded,
        at(i64::try_from(n).unwrap()),
        "hallpass",
        Origin::System,
    )
    .why(note)
}

fn extend(chain: &mut Vec<Record>, to: u64, note: &str) {
    while (chain.len() as u64) < to {
        let previous = chain.last().map(head_of);
        chain.push(seal(draft(chain.len() as u64 + 1, note), previous.as_ref()).unwrap());
    }
}

fn chain(length: u64) -> Vec<Record> {
    let mut records = Vec::new();
    extend(&mut records, length, "as it was");
    records
}

fn head_of(record: &Record) -> Head {
    Head {
        seq: record.seq(),
        hash: record.hash().to_owned(),
        time: at(0),
    }
}

fn objects(records: &[Record]) -> Vec<Input> {
    records
        .iter()
        .map(|record| Input {
            place: format!("{}.json", record.id().uuid()),
            named: Some(record.id().uuid().to_string()),
            bytes: record.canonical().as_bytes().to_vec(),
        })
        .collect()
}

fn lines(records: &[Record]) -> Vec<Input> {
    objects(records)
        .into_iter()
        .map(|input| Input {
            named: None,
            ..input
        })
        .collect()
}

fn found(inputs: Vec<Input>, heads: &[Head]) -> Option<(u64, FaultKind)> {
    verify(inputs, heads)
        .err()
        .map(|fault| (fault.seq, fault.kind))
}

#[test]
fn an_untouched_export_verifies() {
    let records = chain(9);
    let heads = [head_of(&records[4]), head_of(&records[8])];
    for inputs in [objects(&records), lines(&records)] {
        let verified = verify(inputs, &heads).unwrap();
        assert_eq!(
            (verified.records, verified.first, verified.heads),
            (9, 1, 2)
        );
        assert_eq!(verified.head, Some((9, records[8].hash().to_owned())));
    }
    assert_eq!(verify(Vec::new(), &[]).unwrap().records, 0);
}

#[test]
fn an_export_that_begins_later_is_checked_from_there() {
    let records = chain(9);
    assert_eq!(verify(objects(&records[3..]), &[]).unwrap().first, 4);
}

/// More than one batch, so that cores and batches are both used.
#[test]
fn a_long_log_is_checked_whole_and_in_its_order() {
    let records = chain(2_100);
    let whole = lines(&records);
    assert_eq!(verify(whole.clone(), &[]).unwrap().records, 2_100);
    for place in [0, 1_200, 2_047, 2_048, 2_098] {
        let mut swapped = whole.clone();
        swapped.swap(place, place + 1);
        let lower = place as u64 + 1;
        let reordered = Some((lower, FaultKind::Reordered));
        assert_eq!(found(swapped, &[]), reordered, "{place}");
        let mut changed = whole.clone();
        let text = String::from_utf8(changed[place].bytes.clone()).unwrap();
        changed[place].bytes = text.replace("as it was", "as it is").into_bytes();
        let fault = Some((lower, FaultKind::Changed));
        assert_eq!(found(changed, &[]), fault, "{place}");
    }
}

#[test]
fn each_way_of_tampering_is_named() {
    let records = chain(9);
    let heads = [head_of(&records[8])];
    let whole = || objects(&records);

    let mut deleted = whole();
    deleted.remove(3);
    assert_eq!(found(deleted, &heads), Some((4, FaultKind::Missing)));

    let mut swapped = whole();
    let third = swapped[2].bytes.clone();
    swapped[2].bytes = swapped[5].bytes.clone();
    swapped[5].bytes = third;
    assert_eq!(found(swapped, &heads), Some((3, FaultKind::Reordered)));

    let mut swapped_lines = lines(&records);
    swapped_lines.swap(2, 5);
    assert_eq!(
        found(swapped_lines, &heads).map(|f| f.1),
        Some(FaultKind::Reordered)
    );

    let mut truncated = whole();
    truncated.truncate(6);
    assert_eq!(found(truncated, &heads), Some((7, FaultKind::Missing)));

    let mut forged = records[..6].to_vec();
    extend(&mut forged, 9, "as it never was");
    assert_eq!(
        found(objects(&forged), &heads),
        Some((9, FaultKind::Forked))
    );

    let mut tail = whole();
    let stranger = Head {
        seq: 9,
        hash: "f".repeat(64),
        time: at(0),
    };
    tail.extend(objects(&[
        seal(draft(10, "forged"), Some(&stranger)).unwrap()
    ]));
    assert_eq!(found(tail, &heads), Some((10, FaultKind::Forked)));

    let mut fork = whole();
    let other = seal(draft(99, "second truth"), Some(&head_of(&records[3]))).unwrap();
    fork.extend(objects(&[other]));
    assert_eq!(found(fork, &heads), Some((5, FaultKind::Forked)));
}

proptest! {
    #[test]
    fn any_flipped_byte_of_any_record_is_found(which in 0_usize..9, position in 0_usize..4000, bit in 0_u8..8) {
        let records = chain(9);
        let mut inputs = objects(&records);
        let position = position % inputs[which].bytes.len();
        inputs[which].bytes[position] ^= 1 << bit;
        let fault = verify(inputs, &[head_of(&records[8])]).expect_err("a flipped bit went unseen");
        prop_assert_eq!(fault.kind, FaultKind::Changed);
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let input = Input { place: "x".into(), named: None, bytes };
        prop_assert!(verify([input], &[]).is_err());
    }
}
