//! Leader work: all automatic writes, for one term.

use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{Access, Ports};
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::loops::log_watch::DatabaseTrouble;
use hallpass_app::loops::traced_rows::TracedRows;
use hallpass_app::setup::waiting::rest;
use hallpass_assignments::{Executor, ExecutorLimits};
use hallpass_aws::Aws;
use hallpass_base::{Clock, IdSource};
use hallpass_enforcement::PolicyKeeper;
use hallpass_enforcement::armed_ends::{EndArmer, EndArmerSettings, ForeignStatements, HomeRegion};
use hallpass_enforcement::session_revocation::SessionRevoker;
use hallpass_store::{LeadTimes, TermEnd};
use tokio::{sync::watch, task::JoinSet};

use super::lead::Lead;
use super::{Composed, alarms, region, stuck_leader};

/// Limit for loops to finish while another node may wait: with the last export, at most the time to
/// replace a killed leader.
const LOOPS_STOP_WITHIN: Duration = Duration::from_secs(5);
const EXPORTS_LAST_WITHIN: Duration = Duration::from_secs(3);

/// Rebuilt for each leader term.
pub(super) struct Workshop {
    pub(super) store: Arc<ServerStore>,
    pub(super) aws: Arc<Aws>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    pub(super) foreign: Arc<ForeignStatements>,
}

/// Maintains account policies in the plans' lane: one writer to Organizations.
#[derive(Clone)]
pub(super) struct PolicyKeepers {
    pub(super) revoker: Arc<SessionRevoker>,
    pub(super) armer: Arc<EndArmer>,
}

impl Workshop {
    /// From here writes to AWS require the lead.
    pub(super) fn new(
        lead: &Arc<Lead>,
        store: &ServerStore,
        aws: &Arc<Aws>,
        clock: &Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        let may_write = Arc::clone(lead);
        aws.guard_writes(Arc::new(move || may_write.holds()));
        Self {
            store: Arc::new(lead.working(store)),
            aws: Arc::clone(aws),
            clock: Arc::clone(clock),
            ids,
            foreign: Arc::default(),
        }
    }

    /// A version for missing log records: may write, but only to end access.
    fn for_ends(&self) -> Self {
        Self {
            store: Arc::new(self.store.for_ends()),
            aws: Arc::clone(&self.aws),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            foreign: Arc::clone(&self.foreign),
        }
    }

    pub(super) fn journey(&self, serving: &Access) -> Arc<Access> {
        let store = &self.store;
        Arc::new(serving.over(Ports {
            store: Arc::clone(store) as Arc<dyn hallpass_access::AccessStore>,
            assignments: Arc::clone(store) as Arc<dyn hallpass_assignments::AssignmentStore>,
            sweeps: Arc::clone(store) as Arc<dyn hallpass_access::SweepStore>,
            group_sync: Arc::clone(store) as Arc<dyn hallpass_access::GroupSyncStore>,
            ..serving.ports().clone()
        }))
    }

    pub(super) fn executor(&self, access: &Access) -> Executor {
        Executor::new(
            Arc::new(TracedRows(Arc::clone(&self.store))),
            Arc::clone(&self.aws) as Arc<dyn hallpass_assignments::IdentityCenter>,
            Arc::clone(&self.clock),
            Arc::clone(&self.ids),
            ExecutorLimits::default(),
            access.pace(),
        )
    }

    pub(super) fn policy_keepers(&self, access: &Access) -> PolicyKeepers {
        let draw = self.ids.next(self.clock.now()).simple();
        let holder = format!("server {} ({draw})", std::process::id());
        let keeper = |holder: String| PolicyKeeper {
            organization: Arc::clone(&self.aws) as Arc<dyn hallpass_enforcement::Organization>,
            lanes: self.store.clone(),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            holder,
        };
        let revoker = SessionRevoker::new(keeper(holder.clone()), self.store.clone());
        let wanted = access.settings().armed_ends;
        let armer = EndArmer::new(
            keeper(format!("{holder}, armed ends")),
            Arc::clone(&self.aws) as Arc<dyn hallpass_enforcement::armed_ends::OtherAccess>,
            self.store.clone(),
            EndArmerSettings {
                is_on: wanted.mode.is_on(),
                policies: wanted.policies,
                characters: hallpass_enforcement::account_policy::CHARACTERS,
            },
        );
        let armer = armer.telling(Arc::clone(&self.foreign));
        let armer = match access.settings().home_region_lost_after {
            Some(after) => {
                armer.with_home_region(Arc::clone(&self.aws) as Arc<dyn HomeRegion>, after)
            }
            None => armer,
        };
        PolicyKeepers {
            revoker: Arc::new(revoker),
            armer: Arc::new(armer),
        }
    }
}

struct TermLoops {
    tasks: JoinSet<()>,
    last: JoinSet<()>,
    stop: watch::Sender<bool>,
    finish: watch::Sender<bool>,
}

impl TermLoops {
    fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            last: JoinSet::new(),
            stop: watch::Sender::new(false),
            finish: watch::Sender::new(false),
        }
    }

    async fn shutdown(&mut self) {
        // CRASH: stopping in the middle of a step is survivable by design
        self.tasks.shutdown().await;
        self.last.shutdown().await;
    }
}

impl Composed {
    /// Works whenever this node leads, until the server stops; `served` signals the last response.
    pub(super) async fn lead_and_work(
        &self,
        mut stopping: watch::Receiver<bool>,
        served: watch::Receiver<bool>,
    ) {
        let mut writes = true;
        while !*stopping.borrow() {
            // a node that gave up the lead for failed writes waits until they work
            if !writes {
                self.lead.look().await;
                writes = tokio::select! {
                    able = self.workshop.store.can_write() => able.is_ok(),
                    _ = stopping.wait_for(|stopping| *stopping) => return,
                };
            }
            if writes
                && self.log.may_lead()
                && let Some(epoch) = self.lead.ask().await
            {
                tracing::info!(epoch, "this node leads");
                writes = self.work(epoch, &mut stopping, served.clone()).await;
            }
            rest(&mut stopping, LeadTimes::STANDARD.look_every).await;
        }
    }

    /// Works for the term of `epoch`; returns whether it could write.
    async fn work(
        &self,
        epoch: u64,
        stopping: &mut watch::Receiver<bool>,
        served: watch::Receiver<bool>,
    ) -> bool {
        let (mut loops, mut writes) = (TermLoops::new(), true);
        let working = async {
            tokio::select! {
                () = Box::pin(self.run_term(&mut loops, stopping, served)) => {}
                why = stuck_leader::to_write(|| self.workshop.store.can_write()), if self.lead.is_shared() => {
                    tracing::error!(why, "this node leads and could write nothing for a minute: it gives the lead back");
                    writes = false;
                }
            }
            if !writes {
                loops.shutdown().await;
            }
        };
        match self.lead.during(epoch, working).await {
            TermEnd::GivenBack => {}
            TermEnd::Lost => loops.shutdown().await,
        }
        alarms::quiet();
        self.app.status.exports_no_more();
        writes
    }

    async fn run_term(
        &self,
        loops: &mut TermLoops,
        stopping: &mut watch::Receiver<bool>,
        served: watch::Receiver<bool>,
    ) {
        // with a replaced database, nodes that saw more report first
        self.log.settle().await;
        let mut trouble = self.log.trouble();
        let found = trouble.borrow_and_update().clone();
        match found {
            Some(DatabaseTrouble::LaterSchema(_)) => return,
            Some(DatabaseTrouble::Lost(_)) => {
                self.begin_to_end(&mut loops.tasks, &loops.stop).await;
            }
            None => {
                self.begin(&mut loops.tasks, &loops.stop).await;
                self.spawn_export(&mut loops.last, &loops.finish);
            }
        }
        tokio::select! {
            // an error means the server ended
            _ = stopping.wait_for(|stopping| *stopping) => {}
            // without a known loss the channel never changes
            Ok(()) = trouble.changed() => return loops.shutdown().await,
        }
        loops.stop.send_replace(true);
        self.finish((&mut loops.tasks, &mut loops.last), &loops.finish, served)
            .await;
    }

    /// Waits for stopped loops, then for the last export.
    async fn finish(
        &self,
        (tasks, last): (&mut JoinSet<()>, &mut JoinSet<()>),
        finish: &watch::Sender<bool>,
        mut served: watch::Receiver<bool>,
    ) {
        if self.lead.is_shared() {
            // another node waits for the lead, and exports later actions of users served here
            super::join(tasks, LOOPS_STOP_WITHIN).await;
            finish.send_replace(true);
            return super::join(last, EXPORTS_LAST_WITHIN).await;
        }
        super::join(tasks, super::SHUTDOWN_MAX).await;
        drop(served.wait_for(|served| *served).await);
        // last, so that the export and its head include everything
        finish.send_replace(true);
        super::join(last, super::SHUTDOWN_MAX).await;
    }

    async fn begin(&self, tasks: &mut JoinSet<()>, stop: &watch::Sender<bool>) {
        self.take_over(&self.workshop, &self.work).await;
        self.spawn_loops(tasks, stop);
    }

    /// Starts loops allowed while records are missing.
    async fn begin_to_end(&self, tasks: &mut JoinSet<()>, stop: &watch::Sender<bool>) {
        let workshop = self.workshop.for_ends();
        let journey = workshop.journey(&self.access);
        self.take_over(&workshop, &journey).await;
        self.spawn_ends(tasks, stop, &workshop, &journey);
    }

    async fn take_over(&self, workshop: &Workshop, journey: &Access) {
        // no other process works on this store: earlier leases are void
        let mut stopping = self.stop.subscribe();
        while let Err(error) = workshop.store.free_leases().await {
            tracing::warn!(error = %error, "leases could not be freed; it is tried again");
            // a stopping server does not wait for its store
            if !rest(&mut stopping, LeadTimes::STANDARD.renew_again).await {
                return;
            }
        }
        // a single node still has its startup state
        if self.lead.is_shared() {
            let (aws, store) = (&workshop.aws, workshop.store.as_ref());
            let ask = || Box::pin(aws.ask_center());
            region::take_over(&aws.center_silence(), store, ask, &mut stopping).await;
        }
        // an earlier leader may have leased notifications with a fast clock
        if let Err(error) = journey.release_future_waits().await {
            tracing::warn!(error = %error, "work that an earlier process postponed waits for its turn");
        }
        // apply guard removals before sending anything
        journey.apply_guard_removals().await;
        self.pulse.beat();
    }
}
