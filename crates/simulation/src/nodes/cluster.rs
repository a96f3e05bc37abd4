//! Multi-node state that survives processes (store, AWS, machine clocks), and the nodes whose
//! processes start and stop.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use hallpass_access::{
    AccessStore as _, ArmedEndSettings, ArmedEndsMode, Grant, GrantFilter, GrantState, ReadError,
    Settings, SweepMode, SweepSettings, SweepState, SweepStore as _,
};
use hallpass_assignments::{AssignmentStore as _, OperationKind};
use hallpass_audit::AuditStore as _;
use hallpass_base::{Clock as _, HoldKey, TimeSpan, Timestamp};
use hallpass_enforcement::armed_ends::ArmedEndStore as _;
use hallpass_enforcement::testing::FakeOrganization;
use hallpass_store::{Leadership, NodeIdentity, SqlStore, TermEnd};
use tokio::time::Instant;

use super::running::RunningNode;
use crate::hazard::{Chances, Hazard, Planned, Port};
use crate::landmarks::Landmark;
use crate::ledger::Ledger;
use crate::world::{ACCOUNT, Human, organization, start};
use crate::{Center, Habits, Ids, Machine, SimulatedDirectory, Wall};

/// A safeguard removed from the product, to show that the promises depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weakness {
    #[default]
    None,
    /// The epoch check of each write transaction.
    NoFence,
    /// The margin before the end of a term in which the node stops working.
    NoMargin,
    /// The last look before a write to AWS.
    NoLastLook,
}

pub(super) struct ClusterNode {
    pub(super) name: String,
    pub(super) machine: Arc<Machine>,
    state: Mutex<NodeState>,
}

struct NodeState {
    rng: Rng,
    process: Option<Arc<RunningNode>>,
    last_reading: Option<Timestamp>,
    planned: Option<Planned>,
    down_for: Duration,
}

impl ClusterNode {
    fn state(&self) -> MutexGuard<'_, NodeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fork(&self) -> Rng {
        self.state().rng.fork()
    }

    pub(super) fn last_reading(&self) -> Option<Timestamp> {
        self.state().last_reading
    }

    pub(super) fn process(&self) -> Option<Arc<RunningNode>> {
        self.state().process.clone()
    }

    pub(super) fn comes(&self, process: &Arc<RunningNode>) {
        self.state().process = Some(Arc::clone(process));
    }

    /// Ends the process and notes its last time reading; returns the downtime.
    pub(super) fn goes(&self, last_reading: Option<Timestamp>) -> Duration {
        let mut state = self.state();
        state.last_reading = last_reading;
        state.process = None;
        state.down_for
    }

    /// Sets the downtime between later processes.
    pub(super) fn stays_down_for(&self, span: Duration) {
        self.state().down_for = span;
    }
}

/// The last term, hidden from the nodes.
#[derive(Default)]
struct Terms {
    node: Option<String>,
    given_back_at: Option<Instant>,
    began_at: Option<Instant>,
}

pub struct Cluster {
    pub store: Arc<SqlStore>,
    pub center: Arc<Center>,
    /// True time, used by AWS and the database.
    pub clock: Arc<Wall>,
    pub ledger: Arc<Ledger>,
    pub(super) row: Leadership,
    pub(super) directory: Arc<SimulatedDirectory>,
    pub(super) ids: Arc<Ids>,
    pub(super) organization: Arc<FakeOrganization>,
    pub(super) settings: Settings,
    pub(super) weakness: Weakness,
    pub(super) nodes: Vec<Arc<ClusterNode>>,
    chances: Mutex<Chances>,
    /// Loop interval in milliseconds.
    look_again: AtomicU64,
    terms: Mutex<Terms>,
    late_policy_at: Mutex<Option<Timestamp>>,
}

const DOWN_MAX_MS: u64 = 8_000;

impl Cluster {
    pub(super) async fn new(
        rng: &mut Rng,
        (habits, arms): (Habits, bool),
        (weakness, chances): (Weakness, Chances),
        (planned, is_told_in_full): (Option<Planned>, bool),
    ) -> Result<Arc<Self>, ReadError> {
        let clock = Arc::new(Wall::going(start()));
        let opened = SqlStore::open_shared_in_memory(clock.clone());
        let store = opened.map_err(|error| ReadError(error.to_string()))?;
        let nodes = ["a", "b"].into_iter().zip([planned, None]);
        let nodes = nodes.map(|(name, planned)| {
            Arc::new(ClusterNode {
                name: name.to_owned(),
                machine: Machine::new(Arc::clone(&clock)),
                state: Mutex::new(NodeState {
                    rng: rng.fork(),
                    process: None,
                    last_reading: None,
                    planned,
                    down_for: Duration::from_millis(rng.u64(500..DOWN_MAX_MS)),
                }),
            })
        });
        let settings = Settings {
            duration_min: TimeSpan::seconds(1),
            admins: vec![Human::Eve.email()],
            sweep: SweepSettings {
                mode: SweepMode::Revoke,
                check_every: TimeSpan::hours(48),
                ..SweepSettings::default()
            },
            armed_ends: ArmedEndSettings {
                mode: if arms {
                    ArmedEndsMode::Preferred
                } else {
                    ArmedEndsMode::Off
                },
                ..ArmedEndSettings::default()
            },
            ..Settings::default()
        };
        Ok(Arc::new(Self {
            row: store.leadership().await?,
            store: Arc::new(store),
            center: Arc::new(Center::new(Arc::clone(&clock), habits)),
            directory: Arc::new(SimulatedDirectory::new(
                Arc::clone(&clock),
                organization(start()),
            )),
            organization: Arc::new(FakeOrganization::new(clock.clone())),
            nodes: nodes.collect(),
            ids: Arc::new(Ids::new(rng.u64(..))),
            clock,
            ledger: Arc::new(Ledger::told_in_full(is_told_in_full)),
            settings,
            weakness,
            chances: Mutex::new(chances),
            look_again: AtomicU64::new(1_000),
            terms: Mutex::default(),
            late_policy_at: Mutex::default(),
        }))
    }

    pub(super) fn arms(&self) -> bool {
        self.settings.armed_ends.mode.is_on()
    }

    fn late_policy(&self) -> MutexGuard<'_, Option<Timestamp>> {
        let at = self.late_policy_at.lock();
        at.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_late_policy(&self) {
        *self.late_policy() = Some(self.clock.now());
    }

    pub(super) fn late_policy_at(&self) -> Option<Timestamp> {
        *self.late_policy()
    }

    fn terms(&self) -> MutexGuard<'_, Terms> {
        self.terms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chances(&self) -> MutexGuard<'_, Chances> {
        self.chances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mishaps_of(&self, node: &ClusterNode) -> (Chances, Option<Planned>) {
        (*self.chances(), node.state().planned.take())
    }

    pub(super) fn look_again(&self) -> Duration {
        Duration::from_millis(self.look_again.load(Ordering::SeqCst))
    }

    pub(super) fn looks_every(&self, span: Duration) {
        let milliseconds = u64::try_from(span.as_millis()).unwrap_or(1_000);
        self.look_again.store(milliseconds, Ordering::SeqCst);
    }

    pub(super) fn calm(&self) {
        *self.chances() = Chances::default();
        for node in &self.nodes {
            node.machine.set_wall(0);
            node.state().planned = None;
            if let Some(process) = node.process() {
                process.hazard.calm();
            }
        }
        self.center.change_habits(|habits| habits.faults = None);
        self.center.reopen_account(ACCOUNT);
    }

    /// Returns whether some node works: it leads, is not hindered and can reach the store.
    pub(super) async fn works(&self) -> bool {
        for node in &self.nodes {
            if let Some(process) = node.process()
                && process.candidate.holds()
                && process.hazard.truly_leads().await
            {
                return true;
            }
        }
        false
    }

    /// Returns since when some process could lead without a term having begun. A stopping process
    /// no longer claims.
    pub(super) fn could_work_since(&self) -> Option<Instant> {
        let processes = self.nodes.iter().filter_map(|node| node.process());
        let asking = processes.filter(|process| !*process.stop.borrow());
        let since = { asking }.filter_map(|process| process.hazard.unhindered_since());
        let since = since.min()?;
        let began_at = self.terms().began_at;
        Some(began_at.map_or(since, |began_at| began_at.max(since)))
    }

    pub(super) async fn newest_record(&self, hazard: &Hazard) -> Result<Option<u64>, ReadError> {
        let head = async {
            let head = self.store.head().await;
            head.map_err(|error| ReadError(error.to_string()))
        };
        let fault = |text: &str| ReadError(text.to_owned());
        let head = hazard.pass((Port::Read, false), head, fault).await?;
        Ok(head.map(|head| head.seq))
    }

    /// Notes a successful claim: no other node can lead before that term ends, even if the
    /// claimant's answer is late.
    pub(super) fn note_claim(&self) {
        self.terms().began_at = Some(Instant::now());
    }

    /// Notes a new term and the operations in progress.
    pub(super) async fn note_term(&self, epoch: u64, node: &NodeIdentity) {
        self.ledger.mix(i64::try_from(epoch).unwrap_or(0));
        let now = self.clock.now();
        self.ledger
            .tell(format!("{now} {} leads in {epoch}", node.name));
        let reached = &self.ledger.reached;
        let (is_takeover, handed_over) = {
            let mut terms = self.terms();
            let before = terms.node.replace(node.name.clone());
            let other = before.is_some_and(|before| before != node.name);
            let given = terms.given_back_at.take();
            let soon = given.is_some_and(|at| at.elapsed() < Duration::from_secs(2));
            (other && given.is_none(), other && soon)
        };
        if handed_over {
            reached.note(Landmark::HandedOver);
        }
        for row in self.store.assignments().await.unwrap_or_default() {
            let Some(operation) = row.in_flight() else {
                continue;
            };
            if operation.operation_id.is_none() {
                self.ledger.note_uncertain(&row.key);
            }
            if !is_takeover {
                continue;
            }
            reached.note(match operation.kind {
                OperationKind::Create => Landmark::TakeoverInCreate,
                OperationKind::Delete => Landmark::TakeoverInDelete,
            });
            if operation.operation_id.is_none() {
                reached.note(Landmark::TakeoverAfterLostAnswer);
            }
        }
        if !is_takeover {
            return;
        }
        let all = self.store.grants(&GrantFilter::default(), 1_000).await;
        let open = self.store.open_armed_ends().await.unwrap_or_default();
        let arming = { open.iter() }.filter(|end| end.armed_until().is_none());
        let arming: BTreeSet<&HoldKey> = arming.map(|end| &end.key).collect();
        let waits = |it: &Grant| it.state == GrantState::Scheduled && arming.contains(&it.key);
        if { all.iter() }.any(|page| page.rows.iter().any(waits)) {
            reached.note(Landmark::TakeoverInArming);
        }
        let overdue =
            |it: &Grant| !it.is_over() && TimeSpan::seconds(1).after(it.due_to_end()) < now;
        if all.is_ok_and(|page| page.rows.iter().any(overdue)) {
            reached.note(Landmark::OverdueEnd);
        }
        let sweeps = self.store.open_sweeps().await.unwrap_or_default();
        if sweeps
            .iter()
            .any(|sweep| sweep.state == SweepState::Running)
        {
            reached.note(Landmark::TakeoverInSweep);
        }
    }

    pub(super) fn keys_with_lost_answers(&self) -> BTreeSet<HoldKey> {
        self.ledger.uncertain()
    }

    pub(super) fn note_term_end(&self, hazard: &Hazard, end: TermEnd) {
        match end {
            TermEnd::GivenBack => self.terms().given_back_at = Some(Instant::now()),
            TermEnd::Lost if hazard.has_just_gone_on() => {
                self.ledger.reached.note(Landmark::LeaderOversleeps);
            }
            TermEnd::Lost => {}
        }
    }
}
