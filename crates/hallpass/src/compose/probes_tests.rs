//! Readiness without its data.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::future::pending;
use std::sync::atomic::AtomicUsize;

use super::*;

#[test]
fn what_cannot_be_counted_is_as_it_was() {
    let last = LastCounted::default();
    assert_eq!(last.now(None), None);
    // count, and whether ends are late
    for (counted, is_late) in [
        (Some(0), false),
        (None, false),
        (Some(3), true),
        (None, true),
        (None, true),
        (Some(0), false),
        (None, false),
    ] {
        let found = last.now(counted).unwrap();
        assert_eq!(found.is_err(), is_late, "{counted:?} {found:?}");
    }
}

/// A probe with scripted reads: row counts or errors; later reads never finish.
fn rows(answers: &'static [Result<usize, &'static str>]) -> (RowsProbe, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let probe = RowsProbe::of(Box::new(move || {
        let answer = answers.get(counter.fetch_add(1, Ordering::Relaxed));
        Box::pin(async move {
            match answer {
                Some(answer) => answer.map(names).map_err(str::to_owned),
                None => pending().await,
            }
        })
    }));
    (probe, asked)
}

fn names(rows: usize) -> Vec<String> {
    (0..rows).map(|at| format!("grants: grn_{at}")).collect()
}

#[tokio::test(start_paused = true)]
async fn rows_that_were_not_given_out_are_not_said_to_be_whole() {
    let (probe, asked) = rows(&[Err("no connection"), Ok(0), Err("no connection"), Ok(2)]);
    let (unknown, whole) = (
        Err(health::ROWS_COULD_NOT_BE_LOOKED_AT.to_owned()),
        Ok(health::ROWS_CAN_BE_READ.to_owned()),
    );
    assert_eq!(probe.probe().await.works, unknown);
    tokio::time::advance(RowsProbe::FAILED_AGAIN).await;
    assert_eq!(probe.probe().await.works, whole);
    assert_eq!(probe.probe().await.works, whole);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    tokio::time::advance(RowsProbe::READ_EVERY).await;
    assert_eq!(probe.probe().await.works, whole);
    tokio::time::advance(RowsProbe::FAILED_AGAIN).await;
    let found = probe.probe().await.works;
    assert_eq!(found, Err(health::rows_cannot_be_read(2)));
    assert_eq!(probe.named(), names(2));
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn rows_are_read_once_at_a_time_whoever_hangs_up() {
    let (probe, asked) = rows(&[Ok(1)]);
    let found = Err(health::rows_cannot_be_read(1));
    assert_eq!(probe.probe().await.works, found);
    // the second read never ends: callers time out or get the last result
    for _ in 0..3 {
        tokio::time::advance(RowsProbe::READ_EVERY).await;
        let hung_up = tokio::time::timeout(Duration::from_millis(1), probe.probe());
        drop(hung_up.await);
        assert_eq!(probe.probe().await.works, found);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    let (probe, _) = rows(&[]);
    let works = probe.probe().await.works;
    assert_eq!(works, Ok(health::ROWS_NOT_YET_READ.to_owned()));
}
