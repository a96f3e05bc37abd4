//! A two-node simulation drawn from a seed: a phase of faults, then calm, in which everything must
//! complete.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use fastrand::Rng;
use hallpass_access::{AccessStore as _, Grant, GrantFilter, ReadError};
use hallpass_audit::AuditStore as _;
use hallpass_base::{Clock as _, TimeSpan};
use tokio::time::{Instant, sleep};

use super::Weakness;
use super::actions::{Actors, Deed, of_set};
use super::arming;
use super::checks::{TAKEOVER_MAX, Watch, check_end};
use super::cluster::Cluster;
use super::process::run_node;
use super::tasks::Task;
use crate::hazard::{Chances, Planned};
use crate::ledger::Ledger;
use crate::{Broken, CallFaults, Habits, Human};

#[derive(Clone, Copy, Debug)]
pub struct Life {
    seed: u64,
    weakness: Weakness,
    planned: Option<Planned>,
    second: bool,
    arms: bool,
    in_full: bool,
}

pub struct Lived {
    pub seed: u64,
    pub ledger: Arc<Ledger>,
    pub calls: u64,
    /// Simulated duration.
    pub simulated: Duration,
    pub latest_end: Duration,
    pub latest_told: Duration,
}

impl Lived {
    pub fn broken(&self) -> Vec<Broken> {
        self.ledger.broken()
    }
}

/// After this time no session can exist, and enforced ends are disarmed.
const SESSIONS_MAX: Duration = Duration::from_hours(15);
/// Maximum time to complete everything after faults stop.
const CALM_MAX: Duration = Duration::from_mins(80);

impl Life {
    /// Draws faults and user actions from the seed, for two nodes.
    pub const fn drawn(seed: u64) -> Self {
        Self {
            seed,
            weakness: Weakness::None,
            planned: None,
            second: true,
            arms: false,
            in_full: false,
        }
    }

    /// Plans a single mishap at a call of the first node's first process; user actions are always
    /// the same.
    pub const fn planned(planned: Option<Planned>) -> Self {
        Self {
            planned,
            ..Self::drawn(0)
        }
    }

    /// Removes a safeguard.
    #[must_use]
    pub const fn with(self, weakness: Weakness) -> Self {
        Self { weakness, ..self }
    }

    #[must_use]
    pub const fn in_full(self) -> Self {
        Self {
            in_full: true,
            ..self
        }
    }

    #[must_use]
    pub const fn alone(self) -> Self {
        Self {
            second: false,
            ..self
        }
    }

    #[must_use]
    pub const fn armed(self) -> Self {
        Self { arms: true, ..self }
    }

    /// Runs the simulation. Needs a single-threaded runtime with a paused clock.
    ///
    /// # Errors
    /// When the store cannot be made.
    pub async fn live(self) -> Result<Lived, ReadError> {
        let began = Instant::now();
        let mut rng = Rng::with_seed(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let is_drawn = self.seed != 0;
        let habits = habits(&mut rng, is_drawn);
        let chances = if is_drawn {
            chances(&mut rng)
        } else {
            Chances::default()
        };
        let weakness = (self.weakness, chances);
        let cluster = Cluster::new(
            &mut rng,
            (habits, self.arms),
            weakness,
            (self.planned, self.in_full),
        )
        .await?;
        let mut watch = Watch::default();
        let mut calls = 0;
        let mut nodes: Vec<Task> = Vec::new();
        let count = if self.second { 2 } else { 1 };
        for node in cluster.nodes.iter().take(count) {
            let (node, cluster) = (Arc::clone(node), Arc::clone(&cluster));
            nodes.push(Box::pin(run_node(cluster, node)));
        }
        let order = rng.fork();
        let actors = Actors::new(&cluster, rng.fork());
        let script = async {
            calls = if is_drawn {
                storm(&cluster, actors).await
            } else {
                told(&cluster, actors).await
            };
            settle(&cluster, &mut watch, is_drawn).await;
        };
        Box::pin(together(order, script, nodes)).await;
        let standing: Vec<_> = Human::Bo.key("Root").into_iter().collect();
        check_end(&cluster, &standing).await;
        if self.arms {
            arming::check_end(&cluster).await;
        }
        if self.in_full {
            tell_records(&cluster).await;
        }
        Ok(Lived {
            seed: self.seed,
            ledger: Arc::clone(&cluster.ledger),
            calls,
            simulated: began.elapsed(),
            latest_end: watch.latest_end,
            latest_told: watch.latest_told,
        })
    }
}

fn habits(rng: &mut Rng, is_drawn: bool) -> Habits {
    if !is_drawn {
        return Habits {
            write_takes: TimeSpan::seconds(2),
            ..Habits::default()
        };
    }
    let faults = rng.u8(0..3) == 0;
    Habits {
        write_takes: TimeSpan::seconds(rng.u64(0..3)),
        listing_lag: TimeSpan::seconds(rng.u64(0..2)),
        faults: faults.then(|| CallFaults::new(rng.u64(..), rng.u8(2..20))),
        ..Habits::default()
    }
}

/// Draws the fault kinds: each occurs in some simulations only, so that none hides another.
fn chances(rng: &mut Rng) -> Chances {
    let mut one = |most: u32| if rng.bool() { rng.u32(1..=most) } else { 0 };
    Chances {
        fail: one(150),
        lose_answer: one(100),
        kill: one(20),
        pause: one(30),
        pause_unsent: one(300),
    }
}

/// Polls the script and the nodes in a newly drawn order each time, until the script ends.
async fn together(mut order: Rng, script: impl Future<Output = ()>, mut nodes: Vec<Task>) {
    let mut script = pin!(script);
    poll_fn(|cx| {
        let mut turns: Vec<usize> = (0..=nodes.len()).collect();
        order.shuffle(&mut turns);
        for turn in turns {
            match turn.checked_sub(1) {
                None => {
                    if script.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(());
                    }
                }
                Some(nth) => {
                    if let Some(node) = nodes.get_mut(nth) {
                        // a node runs forever
                        let _: Poll<()> = node.as_mut().poll(cx);
                    }
                }
            }
        }
        Poll::Pending
    })
    .await;
}

async fn storm(cluster: &Arc<Cluster>, mut actors: Actors) -> u64 {
    let _: Result<_, _> = cluster
        .store
        .open_channel(super::work::CHANNEL, cluster.clock.now())
        .await;
    let deeds = actors.rng.u8(6..30);
    let mut watch = Watch::default();
    let doing = async {
        for _ in 0..deeds {
            let pause = actors.rng.u64(10..5_000);
            sleep(Duration::from_millis(pause)).await;
            let deed = Deed::draw(&mut actors.rng);
            let now = cluster.clock.now();
            cluster.ledger.tell(format!("{now} {deed:?}"));
            actors.act(deed).await;
        }
    };
    tokio::select! {
        biased;
        () = watch.over(cluster) => {}
        () = doing => {}
    }
    0
}

/// Runs fixed user actions, for one mishap at each call: request, approval, early end, expiry.
async fn told(cluster: &Arc<Cluster>, mut actors: Actors) -> u64 {
    let _: Result<_, _> = cluster
        .store
        .open_channel(super::work::CHANNEL, cluster.clock.now())
        .await;
    let mut watch = Watch::default();
    let doing = async {
        sleep(Duration::from_millis(1_500)).await;
        actors
            .ask(Human::Ana, of_set("ReadOnly", TimeSpan::seconds(8)))
            .await;
        actors
            .ask(Human::Bo, of_set("Admin", TimeSpan::seconds(30)))
            .await;
        actors.act(Deed::Approve).await;
        actors.act(Deed::GiveUnrecorded).await;
        sleep(Duration::from_secs(2)).await;
        actors.act(Deed::WantSweep).await;
        sleep(Duration::from_secs(4)).await;
        actors.act(Deed::Release).await;
        sleep(Duration::from_secs(8)).await;
    };
    tokio::select! {
        biased;
        () = watch.over(cluster) => {}
        () = doing => {}
    }
    // without mishaps, this is the original process
    let first = cluster.nodes.first().and_then(|node| node.process());
    first.map_or(0, |process| process.hazard.calls())
}

/// Stops faults; everything must complete.
async fn settle(cluster: &Arc<Cluster>, watch: &mut Watch, is_drawn: bool) {
    cluster.calm();
    let now = cluster.clock.now();
    cluster.ledger.tell(format!("{now} calm"));
    for node in &cluster.nodes {
        node.stays_down_for(Duration::from_millis(500));
    }
    // ends requested by the last deed complete
    sleep(Duration::from_millis(1)).await;
    let calm = Instant::now();
    let mut step = Duration::from_millis(500);
    let mut is_over = false;
    while !is_over && calm.elapsed() < CALM_MAX {
        let works = cluster.works().await;
        // processes started after the faults see none; a term with hindered renewals may still end
        if !works && calm.elapsed() < TAKEOVER_MAX {
            watch.calm_from = None;
        }
        if works && watch.calm_from.is_none() {
            watch.calm_from = Some(cluster.clock.now());
        }
        watch.look(cluster).await;
        is_over = is_all_over(cluster).await;
        if calm.elapsed() > Duration::from_secs(100) {
            step = Duration::from_secs(20);
            cluster.looks_every(step);
        }
        sleep(step).await;
    }
    // longer than the rest of a leader row and than a notice's reservation
    cluster.looks_every(Duration::from_secs(10));
    let rest = if is_drawn { 200 } else { 100 };
    sleep(Duration::from_secs(rest)).await;
    if cluster.arms() {
        outlast(cluster).await;
    }
}

/// Waits until no session can exist and nothing is armed.
async fn outlast(cluster: &Arc<Cluster>) {
    let began = Instant::now();
    let step = Duration::from_mins(2);
    cluster.looks_every(step);
    while !arming::rests(cluster).await && began.elapsed() < SESSIONS_MAX {
        sleep(step).await;
    }
}

async fn tell_records(cluster: &Arc<Cluster>) {
    for record in cluster
        .store
        .records_from(1, 10_000)
        .await
        .unwrap_or_default()
    {
        cluster.ledger.tell(record.canonical().to_owned());
    }
    for (at, kind, key) in cluster.center.writes_at() {
        cluster
            .ledger
            .tell(format!("{at} AWS took a {kind:?} of {key}"));
    }
}

async fn is_all_over(cluster: &Arc<Cluster>) -> bool {
    let all = cluster.store.grants(&GrantFilter::default(), 1_000).await;
    all.is_ok_and(|page| page.rows.iter().all(Grant::is_over))
}
