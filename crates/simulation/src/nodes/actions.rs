//! Actions of users and operators, and machine hazards.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use hallpass_access::{
    Access, AccessError, AccessStore as _, Asking, Extending, Force, Grant, GrantFilter,
    HeldAccess, Idempotency, Locking, RequestFilter, RequestStateKind, Wanted,
};
use hallpass_base::TimeSpan;
use tokio::time::timeout;

use super::cluster::Cluster;
use super::running::RunningNode;
use crate::Human::{self, Ana, Bo, Cai, Eve};
use crate::hazard::Port;
use crate::landmarks::Landmark;
use crate::world::ACCOUNT;

/// A user's timeout before trying another node.
const PATIENCE: Duration = Duration::from_secs(3);
const TRIES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Ask,
    Approve,
    Release,
    Extend,
    Revoke,
    Lock,
    Unlock,
    GiveUnrecorded,
    WantSweep,
    CloseAccount,
    Kill,
    Pause,
    Stop,
    CutOff,
    SetClock,
}

impl Deed {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        match rng.u8(0..100) {
            34..42 => Self::Approve,
            42..49 => Self::Release,
            49..54 => Self::Extend,
            54..58 => Self::Revoke,
            58..61 => Self::Lock,
            61..64 => Self::Unlock,
            64..67 => Self::GiveUnrecorded,
            67..72 => Self::WantSweep,
            72..75 => Self::CloseAccount,
            75..80 => Self::Kill,
            80..87 => Self::Pause,
            87..91 => Self::Stop,
            91..96 => Self::CutOff,
            96..98 => Self::SetClock,
            // the remaining draws too
            _ => Self::Ask,
        }
    }
}

pub(super) fn asking(rng: &mut Rng) -> Asking {
    let length = TimeSpan::seconds(rng.u64(2..40));
    match rng.u8(0..8) {
        0 => of_group(length),
        1 | 2 => of_set("Admin", length),
        _ => of_set("ReadOnly", length),
    }
}

fn of_group(length: TimeSpan) -> Asking {
    wanted(
        Wanted::Group {
            group: "oncall".into(),
        },
        length,
    )
}

pub(super) fn of_set(set: &str, length: TimeSpan) -> Asking {
    wanted(
        Wanted::Account {
            account: "payments-prod".into(),
            permission_set: set.into(),
        },
        length,
    )
}

fn wanted(wanted: Wanted, duration: TimeSpan) -> Asking {
    Asking {
        wanted,
        duration,
        reason: "OPS-1: customers cannot pay".into(),
        ticket: None,
        starts_at: None,
        confirmed: Vec::new(),
    }
}

pub(super) struct Actors {
    pub(super) cluster: Arc<Cluster>,
    pub(super) rng: Rng,
    tries: u64,
}

impl Actors {
    pub(super) fn new(cluster: &Arc<Cluster>, rng: Rng) -> Self {
        Self {
            cluster: Arc::clone(cluster),
            rng,
            tries: 0,
        }
    }

    fn any(&mut self) -> Option<Arc<RunningNode>> {
        let running: Vec<_> = self
            .cluster
            .nodes
            .iter()
            .filter_map(|it| it.process())
            .collect();
        self.rng.choice(running)
    }

    fn leader(&self) -> Option<Arc<RunningNode>> {
        let running = self.cluster.nodes.iter().filter_map(|it| it.process());
        running.into_iter().find(|it| it.candidate.holds())
    }

    /// Draws a victim: usually the leader, where faults matter most.
    fn victim(&mut self) -> Option<Arc<RunningNode>> {
        let leads = self.rng.u8(0..4) > 0;
        self.leader().filter(|_| leads).or_else(|| self.any())
    }

    /// Tries one node after the other with one key, as a user's client does.
    async fn press<T>(
        &mut self,
        press: impl AsyncFn(&Access, &Idempotency) -> Result<T, AccessError>,
    ) -> Option<T> {
        self.tries += 1;
        let key = format!("deed-{}", self.tries);
        let key = Idempotency {
            fingerprint: key.clone(),
            key,
        };
        for _ in 0..TRIES {
            let Some(process) = self.any() else { continue };
            match timeout(PATIENCE, press(&process.access, &key)).await {
                Ok(Ok(done)) => return Some(done),
                Ok(Err(AccessError::Refused(_))) => return None,
                Ok(Err(_)) | Err(_) => {}
            }
        }
        None
    }

    pub(super) async fn ask(&mut self, who: Human, wanted: Asking) {
        let actor = who.actor(&self.cluster.directory);
        let asked = self.press(async |access, key| access.ask(&actor, &wanted, Some(key)).await);
        if let Some(outcome) = asked.await {
            self.cluster.ledger.note_acknowledged(outcome.request().id);
        }
    }

    async fn approve(&mut self) {
        let filter = RequestFilter {
            state: Some(RequestStateKind::Pending),
            ..RequestFilter::default()
        };
        let waiting = self.cluster.store.requests(&filter, 10).await;
        let waiting = waiting.map(|page| page.rows).unwrap_or_default();
        let cai = Cai.actor(&self.cluster.directory);
        for request in waiting {
            let approved =
                self.press(async |access, key| access.approve(&cai, request.id, Some(key)).await);
            approved.await;
        }
    }

    async fn live(&mut self) -> Option<(Human, Grant)> {
        let all = self
            .cluster
            .store
            .grants(&GrantFilter::default(), 1_000)
            .await;
        let live: Vec<Grant> = all.ok()?.rows.into_iter().filter(Grant::is_hold).collect();
        let grant = self.rng.choice(live)?;
        let who = Human::ALL
            .into_iter()
            .find(|it| it.name() == grant.holder.name)?;
        Some((who, grant))
    }

    async fn release(&mut self) {
        let Some((who, grant)) = self.live().await else {
            return;
        };
        let actor = who.actor(&self.cluster.directory);
        self.press(async |access, key| access.release(&actor, grant.id, Some(key)).await)
            .await;
    }

    async fn extend(&mut self) {
        let Some((who, grant)) = self.live().await else {
            return;
        };
        let actor = who.actor(&self.cluster.directory);
        let longer = TimeSpan::seconds(self.rng.u64(5..50));
        self.press(async |access, key| {
            let longer = Extending::by(longer);
            access.extend(&actor, grant.id, longer, Some(key)).await
        })
        .await;
    }

    async fn revoke(&mut self) {
        let Some((_, grant)) = self.live().await else {
            return;
        };
        let eve = Eve.actor(&self.cluster.directory);
        self.press(async |access, key| access.revoke(&eve, grant.id, "stop", Some(key)).await)
            .await;
    }

    async fn lock(&mut self, who: Human, locks: bool) {
        let eve = Eve.actor(&self.cluster.directory);
        let Some(user) = who.actor(&self.cluster.directory).user else {
            return;
        };
        let holds = self.live().await.is_some_and(|(holder, _)| holder == who);
        let pressed = self
            .press(async |access, _| {
                if !locks {
                    return access.unlock(&eve, &user, "found").await.map(drop);
                }
                let locking = Locking {
                    reason: "a laptop was stolen",
                    until: None,
                    held: HeldAccess::Ends,
                    force: Force::No,
                };
                access.lock(&eve, &user, locking).await.map(drop)
            })
            .await;
        if locks && holds && pressed.is_some() {
            self.cluster.ledger.reached.note(Landmark::LockedWhileHeld);
        }
    }

    async fn want_sweep(&mut self) {
        let eve = Eve.actor(&self.cluster.directory);
        self.press(async |access, _| access.want_sweep(&eve).await)
            .await;
    }

    fn cut_off(&mut self) {
        let Some(process) = self.victim() else { return };
        let span = Duration::from_millis(self.rng.u64(500..14_000));
        let port = match self.rng.u8(0..3) {
            0 => Port::Aws,
            1 => Port::Write,
            _ => Port::Lead,
        };
        process.hazard.cut_off(port, span);
    }

    fn set_clock(&mut self) {
        let by = match self.rng.u8(0..3) {
            0 => 0,
            1 => self.rng.i64(-30..30),
            _ => self.rng.i64(-600..600),
        };
        let Some(node) = self.rng.choice(&self.cluster.nodes) else {
            return;
        };
        node.machine.set_wall(by);
        if by != 0 {
            self.cluster.ledger.relax();
        }
        if by.abs() > 60 {
            self.cluster.ledger.reached.note(Landmark::ClocksApart);
        }
    }

    pub(super) async fn act(&mut self, deed: Deed) {
        let who = if self.rng.u8(0..3) == 0 { Bo } else { Ana };
        match deed {
            Deed::Ask => {
                let wanted = asking(&mut self.rng);
                self.ask(who, wanted).await;
            }
            Deed::Approve => self.approve().await,
            Deed::Release => self.release().await,
            Deed::Extend => self.extend().await,
            Deed::Revoke => self.revoke().await,
            Deed::Lock => self.lock(who, true).await,
            Deed::Unlock => self.lock(who, false).await,
            Deed::GiveUnrecorded => {
                if let Some(key) = Bo.key("Root") {
                    self.cluster.center.give(&key);
                }
            }
            Deed::WantSweep => self.want_sweep().await,
            Deed::CloseAccount => {
                self.cluster.ledger.relax();
                self.cluster.center.close_account(ACCOUNT);
            }
            Deed::Kill => {
                if let Some(process) = self.victim() {
                    process.hazard.kill();
                }
            }
            Deed::Pause => {
                if let Some(process) = self.victim() {
                    let span = self.rng.u64(300..14_000);
                    process.hazard.pause(Duration::from_millis(span));
                }
            }
            Deed::Stop => {
                if let Some(process) = self.victim() {
                    process.stop.send_replace(true);
                }
            }
            Deed::CutOff => self.cut_off(),
            Deed::SetClock => self.set_clock(),
        }
    }
}
