//! The cost of a list or search call does not grow with the past. Tests count database steps, never
//! time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hallpass_audit::{AuditStore, Input, verify};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_simulation::past::{Organization, Sizes, access, readers, readings, write};
use hallpass_store::SqlStore;

const SEED: u64 = 7;
const LOOKED_AT: usize = 200;
const STEPS_FEW: u64 = 8_000;
const STEPS_OF_PIECES: u64 = 80_000;

fn now() -> Timestamp {
    Timestamp::from_second(1_780_000_000).unwrap()
}

async fn steps(grants: u32) -> Vec<(String, u64)> {
    // a small scan limit, so that a short past exceeds it
    let store = SqlStore::open_in_memory().unwrap().looking_at(LOOKED_AT);
    let store = Arc::new(store);
    let sizes = Sizes::small(grants);
    let organization = Organization::new(&sizes);
    let written = write(&*store, &organization, &sizes, now(), SEED)
        .await
        .unwrap();
    assert!(written.grants >= u64::from(grants) * 9 / 10, "{written:?}");
    // a sixth of the way from the end of each listing
    let back = TimeSpan::hours(u64::from(sizes.years) * 8_760 / 6).before(now());
    let places = (
        hallpass_base::RequestId::first_at(back),
        hallpass_base::GrantId::first_at(back),
        written.records / 2,
    );
    let access = access(&store, &organization, now());
    let counter: Arc<AtomicU64> = store.count_steps().unwrap();
    let mut found = Vec::new();
    for (who, actor) in readers(&organization) {
        for (name, reading) in readings(&organization, places) {
            // the first call fills the caches of people and subjects
            reading.run(&access, &*store, &actor).await;
            let before = counter.load(Ordering::SeqCst);
            reading.run(&access, &*store, &actor).await;
            let steps = (counter.load(Ordering::SeqCst) - before) * 100;
            found.push((format!("{who}: {name}"), steps));
        }
    }
    found
}

/// Reads pieces of several indexes side by side: their number grows with the past up to a bound
/// that a short past does not reach.
fn has_pieces(name: &str) -> bool {
    name.contains("words") || name.starts_with("approver of a team")
}

#[tokio::test]
async fn four_times_the_past_costs_no_more() {
    let (short, long) = (steps(500).await, steps(2_000).await);
    let mut wrong = Vec::new();
    for ((name, short), (_, long)) in short.iter().zip(&long) {
        let most = if has_pieces(name) {
            STEPS_OF_PIECES
        } else {
            (short * 2).max(STEPS_FEW)
        };
        if *long > most {
            wrong.push(format!("{name}: {short} steps, then {long}"));
        }
    }
    assert!(wrong.is_empty(), "seed {SEED}: {wrong:#?}");
    assert!(short.iter().any(|(_, steps)| *steps > 1_000), "{short:?}");
}

#[tokio::test]
async fn a_past_is_the_same_for_the_same_seed_and_its_log_verifies() {
    let mut heads = Vec::new();
    for seed in [SEED, SEED, SEED + 1] {
        let store = SqlStore::open_in_memory().unwrap();
        let sizes = Sizes::small(400);
        let organization = Organization::new(&sizes);
        let written = write(&store, &organization, &sizes, now(), seed)
            .await
            .unwrap();
        let records = store.records_from(1, u32::MAX).await.unwrap();
        assert_eq!(records.len() as u64, written.records);
        let inputs = records.iter().map(|record| Input {
            place: record.seq().to_string(),
            named: None,
            bytes: record.canonical().as_bytes().to_vec(),
        });
        let verified = verify(inputs, &[]).unwrap();
        assert_eq!(verified.records, written.records);
        assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
        heads.push(store.head().await.unwrap().unwrap().hash);
    }
    assert_eq!(heads[0], heads[1]);
    assert_ne!(heads[0], heads[2]);
}
