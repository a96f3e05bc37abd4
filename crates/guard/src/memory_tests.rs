#![allow(clippy::unwrap_used, reason = "tests")]

use hallpass_base::{GroupId, Target, UserId};

use super::*;

fn at(seconds: u64) -> Timestamp {
    TimeSpan::seconds(seconds).after(Timestamp::from_second(1_780_000_000).unwrap())
}

fn key(n: u64) -> HoldKey {
    HoldKey {
        user: UserId::new(format!("{n:08x}-0000-4000-8000-000000000000")).unwrap(),
        target: Target::Group {
            group: GroupId::new("00000002-0000-4000-8000-000000000000").unwrap(),
        },
    }
}

fn end(n: u64, rev: u64, until: u64) -> OwnedEnd {
    OwnedEnd {
        key: key(n),
        until: at(until),
        rev,
        grants: Vec::new(),
    }
}

fn store(seq: u64, ends: &[OwnedEnd]) -> EndsCopy {
    EndsCopy {
        source: EndsSource::Store,
        at: None,
        log: None,
        mark: Mark {
            seq,
            hash: format!("hash {seq}"),
        },
        ends: ends.to_vec(),
    }
}

fn file(seq: u64, written: u64, ends: &[OwnedEnd]) -> EndsCopy {
    EndsCopy {
        source: EndsSource::File,
        at: Some(at(written)),
        ..store(seq, ends)
    }
}

fn memory_of(copy: EndsCopy, now: u64) -> GuardMemory {
    let mut memory = GuardMemory::default();
    memory.take(copy, Some(at(now))).unwrap();
    memory
}

fn open(memory: &GuardMemory) -> Vec<(HoldKey, u64)> {
    let open = memory.open();
    open.map(|end| (end.key.clone(), end.rev)).collect()
}

#[test]
fn an_older_copy_is_refused_and_the_one_before_stays() {
    let seen = store(50, &[end(1, 7, 900), end(2, 4, 900)]);
    let newer = |copy: EndsCopy| {
        let mut memory = memory_of(seen.clone(), 100);
        let taken = memory.take(copy, Some(at(200)));
        (taken, open(&memory))
    };
    let kept = vec![(key(1), 7), (key(2), 4)];
    let restored = store(30, &[end(1, 5, 300), end(9, 1, 300)]);
    let older = NotTaken::Older {
        found: 30,
        seen: 50,
    };
    assert_eq!(newer(restored), (Err(older), kept.clone()));
    let other = Mark {
        seq: 50,
        hash: "other".to_owned(),
    };
    let forked = EndsCopy {
        mark: other,
        ..store(50, &[])
    };
    assert_eq!(newer(forked), (Err(NotTaken::Forked), kept.clone()));
    // a restored store ahead of the known position is detected by its revisions
    let overtaken = store(60, &[end(1, 6, 300)]);
    let older = NotTaken::OlderEnd {
        key: key(1),
        found: 6,
        seen: 7,
    };
    assert_eq!(newer(overtaken), (Err(older), kept));
    assert_eq!(newer(store(60, &[end(1, 8, 999)])).1, [(key(1), 8)]);
}

#[test]
fn logs_with_names_are_not_mixed() {
    let named = |log: &str, seq: u64| EndsCopy {
        log: Some(log.to_owned()),
        ..store(seq, &[end(1, seq, 900)])
    };
    let mut memory = memory_of(named("a", 5), 100);
    assert_eq!(
        memory.take(named("b", 9), Some(at(200))),
        Err(NotTaken::Forked)
    );
    assert_eq!(memory.take(named("a", 9), Some(at(200))), Ok(()));
}

#[test]
fn a_file_that_was_written_before_the_store_was_read_is_stale_and_no_alarm() {
    let mut memory = memory_of(store(50, &[end(1, 1, 900), end(2, 1, 900)]), 100);
    let stale = memory.take(file(50, 90, &[end(1, 1, 900)]), Some(at(110)));
    assert_eq!(stale, Err(NotTaken::Stale));
    assert!(!NotTaken::Stale.is_alarming());
    assert_eq!(memory.age(Some(at(110))), Some(TimeSpan::seconds(10)));
    // written later by a clock ahead of AWS's: ends since then stay
    memory
        .take(file(50, 105, &[end(1, 1, 900)]), Some(at(110)))
        .unwrap();
    assert_eq!(open(&memory), [(key(1), 1), (key(2), 1)]);
    // an advanced log settles it
    memory
        .take(file(51, 106, &[end(1, 1, 900)]), Some(at(111)))
        .unwrap();
    assert_eq!(open(&memory), [(key(1), 1)]);
    // no file is from the future
    memory.take(file(52, 9_999, &[]), Some(at(112))).unwrap();
    assert_eq!(memory.age(Some(at(115))), Some(TimeSpan::seconds(3)));
}

#[test]
fn what_is_settled_is_not_touched_again_until_it_is_wanted_anew() {
    let mut memory = memory_of(store(50, &[end(1, 7, 900), end(2, 4, 900)]), 100);
    memory.settle(&key(1), 7);
    assert_eq!(open(&memory), [(key(2), 4)]);
    memory
        .take(store(51, &[end(1, 7, 900)]), Some(at(101)))
        .unwrap();
    assert_eq!(open(&memory), []);
    memory
        .take(store(52, &[end(1, 8, 999)]), Some(at(102)))
        .unwrap();
    assert_eq!(open(&memory), [(key(1), 8)]);
    memory.settle(&key(1), 8);
    let again = GuardMemory::from_kept(memory.to_keep());
    assert_eq!(open(&again), []);
    assert_eq!(again.copy(), memory.copy());
    let text = serde_json::to_string(&memory.to_keep()).unwrap();
    assert_eq!(
        serde_json::from_str::<Kept>(&text).unwrap(),
        memory.to_keep()
    );
}

#[test]
fn a_restored_store_counts_when_somebody_says_so_and_forgets_nobody() {
    let mut memory = memory_of(store(50, &[end(1, 7, 900), end(2, 4, 900)]), 100);
    let restored = store(30, &[end(1, 5, 300)]);
    memory.take_restored(restored.clone(), Some(at(200)));
    // granted after the backup: unknown to the restored store
    assert_eq!(open(&memory), [(key(1), 5), (key(2), 4)]);
    assert!(memory.is_orphan(&key(2)) && !memory.is_orphan(&key(1)));
    let mut again = GuardMemory::from_kept(memory.to_keep());
    again
        .take(store(31, &[end(1, 5, 300)]), Some(at(201)))
        .unwrap();
    assert!(again.is_orphan(&key(2)));
    again.settle(&key(2), 4);
    assert_eq!(open(&again), [(key(1), 5)]);
    // granted again by the restored server
    again
        .take(store(32, &[end(2, 1, 990)]), Some(at(202)))
        .unwrap();
    assert!(!again.is_orphan(&key(2)));
    assert_eq!(open(&again), [(key(2), 1)]);
}

#[test]
fn a_look_at_one_key_is_believed_as_a_copy_is() {
    let memory = memory_of(store(50, &[end(1, 7, 900)]), 100);
    let look = |source: EndsSource, seq: u64, end: Option<OwnedEnd>| {
        let mark = store(seq, &[]).mark;
        memory.check_newest(source, &key(1), &Newest { mark, end })
    };
    assert_eq!(look(EndsSource::Store, 50, None), Ok(()));
    assert_eq!(look(EndsSource::Store, 51, Some(end(1, 8, 990))), Ok(()));
    assert!(look(EndsSource::Store, 49, None).is_err());
    assert!(look(EndsSource::Store, 51, Some(end(1, 6, 990))).is_err());
    assert_eq!(look(EndsSource::File, 50, None), Err(NotTaken::Stale));
    assert_eq!(look(EndsSource::File, 51, None), Ok(()));
}
