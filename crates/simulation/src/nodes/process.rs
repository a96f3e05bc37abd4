//! One node process: serves, and works while it leads, as the binary's `lead_and_work` does.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use hallpass_access::{Access, Ports};
use hallpass_assignments::{Executor, ExecutorLimits, StoreFault};
use hallpass_base::{Clock, IdSource as _};
use hallpass_store::{Candidate, LeadTimes, NodeIdentity, SqlStore, TermEnd};
use tokio::sync::watch;
use tokio::time::sleep;

use super::Weakness;
use super::arming::armer;
use super::center::{NodeCenter, ObservedCenter};
use super::cluster::{Cluster, ClusterNode};
use super::row::ReachedRow;
use super::running::RunningNode;
use super::tasks::{ProcessEnd, Running, Task, Tasks};
use super::work::{self, TermWork};
use crate::gate::Gated;
use crate::hazard::{Hazard, Port};
use crate::landmarks::Landmark;
use crate::world::rules;
use crate::{Gate, ProcessTime};

struct Process {
    seen: Arc<RunningNode>,
    cluster: Arc<Cluster>,
    term: Tasks,
}

impl Deref for Process {
    type Target = RunningNode;

    fn deref(&self) -> &RunningNode {
        &self.seen
    }
}

impl Process {
    fn start(cluster: &Arc<Cluster>, node: &ClusterNode) -> (Arc<Self>, Running) {
        let mut rng = node.fork();
        let identity = NodeIdentity {
            id: cluster.ids.next(cluster.clock.now()).simple().to_string(),
            name: node.name.clone(),
        };
        let mishaps = cluster.mishaps_of(node);
        let hazard = Hazard::new(
            rng.fork(),
            mishaps,
            &cluster.ledger,
            &identity,
            &cluster.row,
        );
        let row = ReachedRow {
            cluster: Arc::clone(cluster),
            hazard: Arc::clone(&hazard),
        };
        let times = match cluster.weakness {
            Weakness::NoMargin => LeadTimes {
                margin: Duration::ZERO,
                ..LeadTimes::STANDARD
            },
            Weakness::None | Weakness::NoFence | Weakness::NoLastLook => LeadTimes::STANDARD,
        };
        let candidate = Arc::new(Candidate::new(Arc::new(row), identity, times));
        let time = ProcessTime::begun(&node.machine, node.last_reading());
        let process = Arc::new(Self {
            seen: Arc::new(RunningNode {
                access: serving(cluster, &hazard, &candidate, &time),
                hazard: Arc::clone(&hazard),
                candidate,
                time,
                stop: watch::Sender::new(false),
            }),
            cluster: Arc::clone(cluster),
            term: Tasks::default(),
        });
        let beside = Tasks::default();
        beside.fill(vec![
            Box::pin(Arc::clone(&process).follow()) as Task,
            Box::pin(Arc::clone(&process).hear()) as Task,
        ]);
        let running = Running {
            hazard,
            main: Box::pin(Arc::clone(&process).lead_and_work()),
            beside,
            term: process.term.clone(),
            rng: Rng::with_seed(rng.u64(..)),
            timer: None,
        };
        (process, running)
    }

    async fn lead_and_work(self: Arc<Self>) {
        let mut stopping = self.stop.subscribe();
        while !*stopping.borrow() {
            if let Some(epoch) = self.candidate.ask().await {
                self.cluster.note_term(epoch, &self.hazard.node).await;
                let end = self.candidate.during(epoch, self.work()).await;
                self.term.clear();
                self.cluster.note_term_end(&self.hazard, end);
                if end == TermEnd::GivenBack {
                    return;
                }
            }
            tokio::select! {
                biased;
                _ = stopping.changed() => {}
                () = sleep(LeadTimes::STANDARD.look_every) => {}
            }
        }
    }

    /// Runs a term's loops until the process is stopped and each has ended.
    async fn work(&self) {
        let store = match self.cluster.weakness {
            Weakness::NoFence => (*self.cluster.store).clone(),
            Weakness::None | Weakness::NoMargin | Weakness::NoLastLook => {
                self.cluster.store.working(self.candidate.term())
            }
        };
        let gate = Gate::of_node(&self.hazard, true);
        let fault = |text: &str| StoreFault::Unavailable(text.to_owned());
        loop {
            let freed = async { store.free_leases().await.map(drop) };
            if gate.pass_to(Port::Write, freed, fault).await.is_ok() {
                break;
            }
            sleep(LeadTimes::STANDARD.renew_again).await;
        }
        let work = Arc::new(self.workshop(&store, &gate));
        let _: Result<_, _> = work.access.release_future_waits().await;
        self.term.fill(work::loops(&work, &self.stop));
        let mut stopping = self.stop.subscribe();
        drop(stopping.wait_for(|stopping| *stopping).await);
        self.term.join().await;
    }

    /// Makes the objects rebuilt for each term.
    fn workshop(&self, store: &SqlStore, gate: &Arc<Gate>) -> TermWork {
        let inner = Arc::new(store.clone());
        let gated = Gated::new(Arc::clone(&inner), Arc::clone(gate));
        let access = Arc::new(self.access.over(Ports {
            store: gated.clone(),
            assignments: gated.clone(),
            sweeps: gated.clone(),
            group_sync: gated.clone(),
            ..self.access.ports().clone()
        }));
        let center = NodeCenter {
            center: Arc::clone(&self.cluster.center),
            clock: Arc::clone(&self.cluster.clock),
            candidate: Arc::clone(&self.candidate),
            hazard: Arc::clone(&self.hazard),
            weakness: self.cluster.weakness,
        };
        let executor = Executor::new(
            gated.clone(),
            Arc::new(ObservedCenter {
                way: Gated::new(Arc::new(center), Arc::clone(gate)),
                ledger: Arc::clone(&self.cluster.ledger),
                center: Arc::clone(&self.cluster.center),
                clock: Arc::clone(&self.cluster.clock),
            }),
            Arc::clone(&self.time) as Arc<dyn Clock>,
            self.cluster.ids.clone(),
            ExecutorLimits::default(),
            access.pace(),
        );
        let arms = self.cluster.arms();
        let armer = arms.then(|| armer(&self.cluster, &self.seen, &inner));
        TermWork {
            access,
            armer,
            executor: Arc::new(executor),
            store: gated,
            clock: Arc::clone(&self.time) as Arc<dyn Clock>,
            hazard: Arc::clone(&self.hazard),
            cluster: Arc::clone(&self.cluster),
            time: Arc::clone(&self.time),
            news: Arc::default(),
        }
    }

    /// Follows the writes of other nodes.
    async fn follow(self: Arc<Self>) {
        loop {
            if let Ok(Some(seq)) = self.cluster.newest_record(&self.hazard).await {
                self.access.heard_of(seq);
            }
            sleep(self.cluster.look_again()).await;
        }
    }

    async fn hear(self: Arc<Self>) {
        loop {
            self.hazard.going_on().await;
            self.time.hear();
            sleep(self.cluster.look_again()).await;
        }
    }
}

pub(super) async fn run_node(cluster: Arc<Cluster>, node: Arc<ClusterNode>) {
    loop {
        let (process, running) = Process::start(&cluster, &node);
        node.comes(&process.seen);
        let end = running.await;
        let led = process.candidate.holds();
        let now = cluster.clock.now();
        cluster
            .ledger
            .tell(format!("{now} {} {end:?}, led: {led}", node.name));
        if end == ProcessEnd::Killed && led {
            cluster.ledger.reached.note(Landmark::LeaderKilled);
        }
        let down_for = node.goes(process.time.last_reading());
        sleep(down_for).await;
    }
}

fn serving(
    cluster: &Cluster,
    hazard: &Arc<Hazard>,
    candidate: &Arc<Candidate>,
    time: &Arc<ProcessTime>,
) -> Arc<Access> {
    let gate = Gate::of_node(hazard, false);
    let store = Gated::new(Arc::clone(&cluster.store), Arc::clone(&gate));
    let center = NodeCenter {
        center: Arc::clone(&cluster.center),
        clock: Arc::clone(&cluster.clock),
        candidate: Arc::clone(candidate),
        hazard: Arc::clone(hazard),
        weakness: cluster.weakness,
    };
    let ports = Ports {
        store: store.clone(),
        assignments: store.clone(),
        sweeps: store.clone(),
        campaigns: store.clone(),
        group_sync: store,
        standing: Gated::new(Arc::new(center), Arc::clone(&gate)),
        directory: Gated::new(Arc::clone(&cluster.directory), gate),
        clock: Arc::clone(time) as Arc<dyn Clock>,
        ids: cluster.ids.clone(),
    };
    let access = Access::new(ports, cluster.settings.clone(), rules());
    Arc::new(access.with_home_region(cluster.center.silence()))
}
