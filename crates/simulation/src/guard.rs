//! A guard beside a world: a separate process over the same store and Identity Center, with its own
//! gate. The test controls its view.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_access::AccessStore;
use hallpass_assignments::{
    AssignmentStore, CenterFault, IdentityCenter, Missing, OperationKind, OperationStatus,
    SentOperation, Urgency,
};
use hallpass_audit::{AuditStore, Record};
use hallpass_base::{Clock, HoldKey, IdSource, Target, TimeSpan, Timestamp, UserId};
use hallpass_guard::{
    AwsTime, Center as GuardCenter, Ends, EndsCopy, EndsFault, EndsSource, Guard, GuardLimits,
    Journal, JournalFault, Kept, KeptStore, Newest, Ports,
};

use crate::gate::Gated;
use crate::journals::lock;
use crate::{Center, Gate, GatePlan, Ids, Papers, Wall, World};

#[derive(Clone, Debug)]
pub enum GuardView {
    Live,
    Nothing,
    Before(EndsCopy),
}

struct Window<S> {
    store: Arc<S>,
    view: Mutex<GuardView>,
}

fn blind() -> EndsFault {
    EndsFault::Unreadable {
        place: "the store".to_owned(),
        message: "simulated".to_owned(),
    }
}

impl<S: AssignmentStore + AuditStore> Window<S> {
    async fn live(&self) -> Result<EndsCopy, EndsFault> {
        // reads the log first: the claimed age is then never too new
        let head = self.store.head().await.map_err(|_| blind())?;
        let ends = self.store.owned_ends().await.map_err(|_| blind())?;
        Ok(EndsCopy::of_store(head.as_ref(), ends))
    }
}

#[async_trait]
impl<S: AssignmentStore + AuditStore> Ends for Window<S> {
    fn source(&self) -> EndsSource {
        EndsSource::Store
    }

    async fn read(&self) -> Result<EndsCopy, EndsFault> {
        let view = lock(&self.view).clone();
        match view {
            GuardView::Live => self.live().await,
            GuardView::Nothing => Err(blind()),
            GuardView::Before(copy) => Ok(copy),
        }
    }
}

/// Identity Center without any call that grants.
struct RemoveOnly(Arc<Center>);

#[async_trait]
impl GuardCenter for RemoveOnly {
    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, CenterFault> {
        self.0.holders(target, Urgency::End).await
    }

    async fn remove(&self, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        self.0.delete(key, Urgency::End).await
    }

    async fn status(&self, request: &str) -> Result<OperationStatus, CenterFault> {
        let kind = OperationKind::Delete;
        self.0.progress((kind, request), Urgency::End).await
    }

    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault> {
        self.0.missing(key).await
    }
}

struct Time(Arc<Wall>);

impl AwsTime for Time {
    fn now(&self) -> Option<Timestamp> {
        Some(self.0.now())
    }

    fn wall_ahead_seconds(&self) -> Option<i64> {
        Some(0)
    }
}

/// A guard and the state that survives it.
pub struct GuardBeside<S> {
    pub guard: Guard,
    pub gate: Arc<Gate>,
    pub papers: Arc<Papers>,
    beside: Beside<S>,
}

impl<S: AccessStore + AssignmentStore + AuditStore + 'static> GuardBeside<S> {
    /// Starts a guard beside a world; its first process has `plan`. The world's server reads its
    /// journal.
    pub async fn new(
        world: &World<S>,
        name: &str,
        bound: TimeSpan,
        plan: Option<GatePlan>,
    ) -> Self {
        let papers = Arc::new(Papers::default());
        world.journals.add(Arc::clone(&papers));
        let seed = name.bytes().map(u64::from).sum();
        let beside = Beside {
            name: name.to_owned(),
            bound,
            window: Arc::new(Window {
                store: Arc::clone(&world.store),
                view: Mutex::new(GuardView::Live),
            }),
            center: Arc::new(RemoveOnly(Arc::clone(&world.center))),
            time: Arc::new(Time(Arc::clone(&world.clock))),
            ids: Arc::new(Ids::new(seed)),
            papers,
        };
        beside.start(Gate::new(plan)).await
    }

    pub async fn restart(self) -> Self {
        self.beside.start(Gate::new(None)).await
    }

    pub fn show(&self, view: GuardView) {
        *lock(&self.beside.window.view) = view;
    }

    pub async fn copy(&self) -> Option<EndsCopy> {
        self.beside.window.live().await.ok()
    }

    /// Runs one round as the binary does; `false` when the gate stops the guard.
    pub async fn tick(&self) -> bool {
        let round = async {
            self.guard.tick().await;
            self.guard.write_waiting().await;
            self.guard.keep().await;
        };
        tokio::select! {
            biased;
            () = self.gate.stop() => false,
            () = round => true,
        }
    }
}

/// A stopped guard.
struct Beside<S> {
    name: String,
    bound: TimeSpan,
    window: Arc<Window<S>>,
    center: Arc<RemoveOnly>,
    time: Arc<Time>,
    ids: Arc<Ids>,
    papers: Arc<Papers>,
}

impl<S: AccessStore + AssignmentStore + AuditStore + 'static> Beside<S> {
    async fn start(self, gate: Arc<Gate>) -> GuardBeside<S> {
        let papers = Gated::new(Arc::clone(&self.papers), Arc::clone(&gate));
        let ports = Ports {
            ends: vec![Gated::new(Arc::clone(&self.window), Arc::clone(&gate))],
            center: Gated::new(Arc::clone(&self.center), Arc::clone(&gate)),
            journal: papers.clone(),
            memory: papers,
            time: Arc::clone(&self.time) as Arc<dyn AwsTime>,
            ids: Arc::clone(&self.ids) as Arc<dyn IdSource>,
        };
        let limits = GuardLimits {
            name: self.name.clone(),
            bound: self.bound,
            outstanding: 10,
        };
        // the first reads are the guard's own: a plan that stops it there applies immediately
        let started = tokio::select! {
            biased;
            () = gate.stop() => None,
            guard = Guard::start(ports.clone(), limits.clone()) => Some(guard),
        };
        match started {
            Some(guard) => GuardBeside {
                guard,
                gate,
                papers: Arc::clone(&self.papers),
                beside: self,
            },
            None => Box::pin(self.start(Gate::new(None))).await,
        }
    }
}

fn lost(text: &str) -> CenterFault {
    CenterFault::Unreachable {
        message: text.to_owned(),
    }
}

fn unwritten(text: &str) -> JournalFault {
    JournalFault {
        place: "papers".to_owned(),
        message: text.to_owned(),
    }
}

fn unread(text: &str) -> EndsFault {
    EndsFault::Unreadable {
        place: "the store".to_owned(),
        message: text.to_owned(),
    }
}

#[async_trait]
impl<P: Ends> Ends for Gated<P> {
    fn source(&self) -> EndsSource {
        self.inner.source()
    }

    async fn read(&self) -> Result<EndsCopy, EndsFault> {
        self.gate.pass(self.inner.read(), unread).await
    }

    async fn newest(&self, key: &HoldKey) -> Result<Newest, EndsFault> {
        self.gate.pass(self.inner.newest(key), unread).await
    }
}

#[async_trait]
impl<P: GuardCenter> GuardCenter for Gated<P> {
    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, CenterFault> {
        self.gate.pass(self.inner.holders(target), lost).await
    }

    async fn remove(&self, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        self.gate.pass(self.inner.remove(key), lost).await
    }

    async fn status(&self, request: &str) -> Result<OperationStatus, CenterFault> {
        self.gate.pass(self.inner.status(request), lost).await
    }

    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault> {
        self.gate
            .pass(GuardCenter::missing(self.inner.as_ref(), key), lost)
            .await
    }
}

#[async_trait]
impl<P: Journal> Journal for Gated<P> {
    async fn records(&self) -> Result<Vec<Record>, JournalFault> {
        self.gate.pass(self.inner.records(), unwritten).await
    }

    async fn last(&self) -> Result<Option<Record>, JournalFault> {
        self.gate.pass(self.inner.last(), unwritten).await
    }

    async fn append(&self, record: &Record) -> Result<(), JournalFault> {
        self.gate.pass(self.inner.append(record), unwritten).await
    }
}

#[async_trait]
impl<P: KeptStore> KeptStore for Gated<P> {
    async fn load(&self) -> Result<Kept, JournalFault> {
        self.gate.pass(self.inner.load(), unwritten).await
    }

    async fn keep(&self, kept: &Kept) -> Result<(), JournalFault> {
        self.gate.pass(self.inner.keep(kept), unwritten).await
    }
}
