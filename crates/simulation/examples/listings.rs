//! Measures listings and searches over a store made by `past`, log verification speed and disk use:
//! `listings FOLDER [GRANTS] [UNTIL]`, with the arguments used for `past`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a tool for measurements, never shipped"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hallpass_access::{AccessStore as _, GrantFilter};
use hallpass_audit::{AuditStore as _, Input, RecordQuery, Words, verify};
use hallpass_base::{GrantId, RequestId, TimeSpan, Timestamp};
use hallpass_simulation::past::{Organization, Sizes, access, readers, readings};
use hallpass_store::SqlStore;

const CALLS: usize = 20;

struct Taken {
    name: String,
    spans: Vec<Duration>,
    steps: u64,
    slowest: (Duration, &'static str),
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "past".to_owned());
    let grants = arguments
        .next()
        .map_or(Sizes::BUDGET.grants, |text| text.parse().unwrap());
    let until = arguments.next().map_or_else(
        || Timestamp::from_second(1_780_000_000).unwrap(),
        |text| text.parse().unwrap(),
    );
    let sizes = Sizes {
        grants,
        ..Sizes::BUDGET
    };
    let file = Path::new(&folder).join("hallpass.db");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let began = Instant::now();
    let store = Arc::new(SqlStore::open(&file).unwrap());
    println!("opened in {:.1?}", began.elapsed());
    runtime.block_on(read(&store, &sizes, until));
    runtime.block_on(hammered(&store, &sizes, until));
    runtime.block_on(verified(&store));
    let bytes = std::fs::metadata(&file).unwrap().len();
    let counts = runtime.block_on(store.counts(until)).unwrap();
    let stored: u64 = counts.grants.values().sum();
    println!("database: {bytes} bytes, {} a grant", bytes / stored);
}

async fn read(store: &Arc<SqlStore>, sizes: &Sizes, until: Timestamp) {
    let organization = Organization::new(sizes);
    let back = TimeSpan::hours(u64::from(sizes.years) * 8_760 / 2).before(until);
    let newest = store.head().await.unwrap().unwrap().seq;
    let places = (
        RequestId::first_at(back),
        GrantId::first_at(back),
        newest / 2,
    );
    let access = access(store, &organization, until);
    let steps = store.count_steps().unwrap();
    let mut all = Vec::new();
    for (name, reading) in readings(&organization, places) {
        let mut taken = Taken {
            name,
            spans: Vec::new(),
            steps: 0,
            slowest: (Duration::ZERO, ""),
        };
        for (who, actor) in readers(&organization) {
            for _ in 0..CALLS {
                let (began, before) = (Instant::now(), steps.load(Ordering::SeqCst));
                reading.run(&access, &**store, &actor).await;
                let span = began.elapsed();
                taken.spans.push(span);
                let took = (steps.load(Ordering::SeqCst) - before) * 100;
                taken.steps = taken.steps.max(took);
                if span > taken.slowest.0 {
                    taken.slowest = (span, who);
                }
            }
        }
        taken.spans.sort();
        all.push(taken);
    }
    println!("| what | median | p95 | slowest, whose | steps at most |");
    println!("|---|---|---|---|---|");
    for taken in all {
        let at = |part: usize| ms(taken.spans[taken.spans.len() * part / 100]);
        let (slowest, who) = taken.slowest;
        println!(
            "| {} | {:.1} ms | {:.1} ms | {:.1} ms, {who} | {} |",
            taken.name,
            at(50),
            at(95),
            ms(slowest),
            taken.steps
        );
    }
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

/// Measures grant ends and another user's listings while one user runs searches without hits in
/// twenty tabs.
async fn hammered(store: &Arc<SqlStore>, sizes: &Sizes, until: Timestamp) {
    let organization = Organization::new(sizes);
    let access = Arc::new(access(store, &organization, until));
    let people = readers(&organization);
    let (auditor, member) = (people[1].1.clone(), people[4].1.clone());
    for tabs in [0, 20] {
        let tabs: Vec<_> = (0..tabs)
            .map(|_| {
                let (access, store, actor) =
                    (Arc::clone(&access), Arc::clone(store), auditor.clone());
                tokio::spawn(async move {
                    loop {
                        let turn = access.turn(&actor).await;
                        let words = Some(Words {
                            text: "zz".to_owned(),
                            named: BTreeSet::new(),
                        });
                        let query = RecordQuery {
                            words,
                            ..RecordQuery::default()
                        };
                        store.records_found(&query, 50).await.unwrap();
                        drop(turn);
                    }
                })
            })
            .collect();
        let (mut ends, mut lists) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let began = Instant::now();
            store.grants_due(until, 100).await.unwrap();
            ends.push(began.elapsed());
            let began = Instant::now();
            let all = GrantFilter::default();
            access.grants(&member, &all, 50).await.unwrap();
            lists.push(began.elapsed());
        }
        let at = |spans: &mut Vec<Duration>, part: usize| {
            spans.sort();
            ms(spans[spans.len() * part / 100])
        };
        println!(
            "{} tabs of one user searching: due rows are read in {:.1} ms median, {:.1} ms p95; another user \
             lists in {:.1}, {:.1} ms",
            tabs.len(),
            at(&mut ends, 50),
            at(&mut ends, 95),
            at(&mut lists, 50),
            at(&mut lists, 95),
        );
        for tab in tabs {
            tab.abort();
        }
    }
}

/// Verifies a store as `audit verify` does.
async fn verified(store: &SqlStore) {
    let (mut inputs, mut next) = (Vec::new(), 1);
    loop {
        let records = store.records_from(next, 500).await.unwrap();
        let Some(last) = records.last() else { break };
        next = last.seq() + 1;
        inputs.extend(records.iter().map(|record| Input {
            place: format!("record {}", record.seq()),
            named: None,
            bytes: record.canonical().as_bytes().to_vec(),
        }));
    }
    let records = inputs.len();
    let (began, wall) = (on_core(), Instant::now());
    verify(inputs, &[]).unwrap();
    let rate = |span: Duration| records as f64 / span.as_secs_f64();
    println!(
        "{records} records verified at {:.0} a second of a core, {:.0} a second as it was",
        rate(on_core().saturating_sub(began)),
        rate(wall.elapsed())
    );
}

fn on_core() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = text.rsplit_once(") ").unwrap();
    // user and system time, in hundredths of a second
    let ticks = fields.split(' ').skip(11).take(2);
    ticks
        .map(|ticks| Duration::from_millis(10 * ticks.parse::<u64>().unwrap()))
        .sum()
}
