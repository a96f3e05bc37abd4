//! Hallpass's share of the time from request to active grant, and of one scan for due work: SQLite
//! with full synchronisation on disk, an Identity Center that answers immediately.
#![allow(clippy::unwrap_used, clippy::panic, reason = "benchmarks")]

use std::sync::Arc;

use divan::{Bencher, counter::ItemsCount};
use hallpass_access::{Asking, RequestOutcome, Wanted};
use hallpass_base::TimeSpan;
use hallpass_simulation::{Habits, Human, World};
use hallpass_store::SqlStore;

fn main() {
    divan::main();
}

fn asking() -> Asking {
    Asking {
        wanted: Wanted::Group {
            group: "oncall".into(),
        },
        duration: TimeSpan::hours(1),
        reason: "benchmark".into(),
        ticket: None,
        starts_at: None,
        confirmed: Vec::new(),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap()
}

fn world(folder: &tempfile::TempDir, live: u64) -> World<SqlStore> {
    let store = Arc::new(SqlStore::open(folder.path().join("bench.db")).unwrap());
    World::over(store, live, Habits::default())
}

#[divan::bench(sample_count = 30, sample_size = 1)]
fn ask_to_active(bencher: Bencher<'_, '_>) {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let world = world(&folder, 1);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        runtime.block_on(async {
            let ana = world.actor(Human::Ana);
            let asked = world.access.ask(&ana, &asking(), None).await.unwrap();
            let RequestOutcome::Approved(_, Some(grant)) = asked else {
                panic!("{asked:?}")
            };
            loop {
                world.tick().await;
                if world
                    .access
                    .grant(&ana, grant.id)
                    .await
                    .unwrap()
                    .state
                    .name()
                    == "active"
                {
                    break;
                }
            }
            world.access.release(&ana, grant.id, None).await.unwrap();
        });
    });
}

/// One round of both loops when nothing is due, with 100 live grants of one key stored.
#[divan::bench(sample_count = 30, sample_size = 10)]
fn a_round_with_nothing_due(bencher: Bencher<'_, '_>) {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let world = world(&folder, 2);
    runtime.block_on(async {
        for _ in 0..100 {
            let ana = world.actor(Human::Ana);
            world.access.ask(&ana, &asking(), None).await.unwrap();
        }
        for _ in 0..20 {
            world.tick().await;
        }
    });
    bencher.bench_local(|| runtime.block_on(world.tick()));
}
