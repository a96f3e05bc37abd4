//! Leader election among the nodes of a store: claim, renew, release.
//!
//! The fence decides writes ([`SqlStore::working`](crate::SqlStore::working)). This module stops a
//! node earlier, by the monotonic clock, before its term ends. The binary and the simulation both
//! use it.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use hallpass_access::ReadError;
use tokio::time::{Instant, sleep, timeout_at};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeIdentity {
    /// Unique per process, also across restarts of a machine.
    pub id: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Grows with every change of leader.
    pub epoch: u64,
    pub node: NodeIdentity,
    /// Whether the term is over without a successor.
    pub is_over: bool,
    /// Remaining term by the database's clock; `None` where terms have no end.
    pub left: Option<Duration>,
}

impl Leader {
    pub fn is_of(&self, node: &str, epoch: u64) -> bool {
        self.epoch == epoch && self.node.id == node
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    Given(u64),
    Taken(Leader),
}

/// This process's term as far as it knows: shared by all workers, so that nothing is written or
/// sent after the term.
#[derive(Debug)]
pub struct Term {
    /// The term's node. A failover that loses commits can issue an epoch twice, so the epoch alone
    /// does not identify the leader.
    node: NodeIdentity,
    held: Mutex<Option<HeldTerm>>,
}

#[derive(Clone, Copy, Debug)]
struct HeldTerm {
    epoch: u64,
    /// By the monotonic clock; `None` where no other process can lead.
    until: Option<Instant>,
}

impl Term {
    pub fn of(node: NodeIdentity) -> Self {
        Self {
            node,
            held: Mutex::default(),
        }
    }

    pub fn node(&self) -> &NodeIdentity {
        &self.node
    }

    pub fn begin(&self, epoch: u64, until: Option<Instant>) {
        self.put(Some(HeldTerm { epoch, until }));
    }

    pub fn end(&self) {
        self.put(None);
    }

    /// Returns the epoch while leading by the monotonic clock.
    pub fn epoch(&self) -> Option<u64> {
        let held = self.held()?;
        let is_over = held.until.is_some_and(|until| until <= Instant::now());
        (!is_over).then_some(held.epoch)
    }

    pub fn until(&self) -> Option<Instant> {
        self.held()?.until
    }

    pub fn holds(&self) -> bool {
        self.epoch().is_some()
    }

    fn held(&self) -> Option<HeldTerm> {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, held: Option<HeldTerm>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

#[async_trait]
pub trait LeaderRow: Send + Sync {
    /// Returns whether other processes may lead too. A file has one.
    fn is_shared(&self) -> bool;

    /// Returns the leader; `None` before the first.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn look(&self) -> Result<Option<Leader>, ReadError>;

    /// Makes `node` the leader for `span`, if no node leads or the last term is over. A term ending
    /// later than a new one comes from a clock since set back: it is cut to `span` from now.
    ///
    /// # Errors
    /// When the store does not answer. The next [`look`](Self::look) then finds the leader.
    async fn claim(&self, node: &NodeIdentity, span: Duration) -> Result<Claim, ReadError>;

    /// Extends the term of `node` in `epoch` to `span` from now; `false` when it is over or the
    /// epoch is another node's. Waits for no writer.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn renew(
        &self,
        node: &NodeIdentity,
        epoch: u64,
        span: Duration,
    ) -> Result<bool, ReadError>;

    /// Releases the lead of `node` in `epoch` for an immediate successor. No effect when it is over
    /// or another's.
    ///
    /// # Errors
    /// When the store does not answer; the term then expires.
    async fn give_back(&self, node: &NodeIdentity, epoch: u64) -> Result<(), ReadError>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeadTimes {
    /// Term length by the database's clock. The same for all nodes.
    pub term: Duration,
    pub renew_every: Duration,
    pub renew_again: Duration,
    /// The node stops this long before the term's end, so that started work can finish.
    pub margin: Duration,
    /// How often other nodes check for a leader.
    pub look_every: Duration,
}

impl LeadTimes {
    pub const STANDARD: Self = Self {
        term: Duration::from_secs(6),
        renew_every: Duration::from_secs(2),
        renew_again: Duration::from_millis(500),
        margin: Duration::from_millis(1_500),
        look_every: Duration::from_secs(1),
    };
}

pub struct Candidate {
    row: Arc<dyn LeaderRow>,
    times: LeadTimes,
    term: Arc<Term>,
    seen: Mutex<Option<Leader>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeadStanding {
    Here(String, u64),
    There(String, u64),
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermEnd {
    GivenBack,
    Lost,
}

impl Candidate {
    pub fn new(row: Arc<dyn LeaderRow>, node: NodeIdentity, times: LeadTimes) -> Self {
        Self {
            row,
            times,
            term: Arc::new(Term::of(node)),
            seen: Mutex::default(),
        }
    }

    /// The term that [`SqlStore::working`](crate::SqlStore::working) checks.
    pub fn term(&self) -> &Arc<Term> {
        &self.term
    }

    pub fn node(&self) -> &NodeIdentity {
        self.term.node()
    }

    pub fn is_shared(&self) -> bool {
        self.row.is_shared()
    }

    pub fn holds(&self) -> bool {
        self.term.holds()
    }

    pub fn standing(&self) -> LeadStanding {
        if let Some(epoch) = self.term.epoch() {
            return LeadStanding::Here(self.node().name.clone(), epoch);
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.as_ref() {
            Some(leader) if !leader.is_over && leader.node.id != self.node().id => {
                LeadStanding::There(leader.node.name.clone(), leader.epoch)
            }
            Some(_) | None => LeadStanding::Nobody,
        }
    }

    pub async fn look(&self) {
        match self.seen_now().await {
            Ok(leader) => self.saw(leader),
            Err(error) => drop(self.unknown(&error)),
        }
    }

    /// Claims the lead once; returns the epoch on success.
    pub async fn ask(&self) -> Option<u64> {
        if let Some(epoch) = self.term.epoch() {
            return Some(epoch);
        }
        match self.seen_now().await {
            Ok(Some(leader)) => {
                self.saw(Some(leader));
                return None;
            }
            Ok(None) => {}
            Err(error) => return self.unknown(&error),
        }
        let asked = Instant::now();
        match self.row.claim(self.node(), self.times.term).await {
            Ok(Claim::Given(epoch)) => {
                self.begin(epoch, asked);
                // a late answer may find the term over
                self.holds().then_some(epoch)
            }
            Ok(Claim::Taken(leader)) => {
                self.saw(Some(leader));
                None
            }
            Err(error) => self.unknown(&error),
        }
    }

    async fn seen_now(&self) -> Result<Option<Leader>, ReadError> {
        // an earlier leader of a file, killed or not, has lost it
        let leader = self.row.look().await?.filter(|_| self.row.is_shared());
        let is_of_now = |left: Option<Duration>| left.is_none_or(|left| left <= self.times.term);
        let leads = |it: &Leader| !it.is_over && it.node.id != self.node().id;
        Ok(leader.filter(|it| leads(it) && is_of_now(it.left)))
    }

    /// Works in the term of `epoch` until `working` is done and the lead is released, or until the
    /// lead is lost, which drops `working`.
    pub async fn during(&self, epoch: u64, working: impl Future<Output = ()>) -> TermEnd {
        match select(pin!(self.keep(epoch)), pin!(working)).await {
            Either::Left(((), _)) => TermEnd::Lost,
            Either::Right(((), _)) => {
                self.give_back(epoch).await;
                TermEnd::GivenBack
            }
        }
    }

    /// Renews the lead of `epoch`; returns when it is lost.
    async fn keep(&self, epoch: u64) {
        let mut pause = self.times.renew_every;
        loop {
            let until = self.term.until();
            let next = Instant::now() + pause;
            sleep_until_either(next, until).await;
            if !self.holds() {
                return self.lost("its time is over");
            }
            let asked = Instant::now();
            let renewal = self.row.renew(self.node(), epoch, self.times.term);
            let renewed = match self.term.until() {
                Some(until) => timeout_at(until, renewal).await,
                None => Ok(renewal.await),
            };
            match renewed {
                Ok(Ok(true)) => {
                    self.begin(epoch, asked);
                    pause = self.times.renew_every;
                }
                Ok(Ok(false)) => return self.lost("another node has come"),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the lead could not be kept for longer; it is tried again");
                    pause = self.times.renew_again;
                }
                Err(_) => return self.lost("the database did not answer in time"),
            }
        }
    }

    async fn give_back(&self, epoch: u64) {
        self.term.end();
        match self.row.give_back(self.node(), epoch).await {
            Ok(()) => tracing::info!(epoch, "this node gave the lead back"),
            Err(error) => {
                tracing::warn!(%error, "the lead could not be released; it expires");
            }
        }
    }

    /// Counts from before the call: the database's term ends later than this one.
    fn begin(&self, epoch: u64, asked: Instant) {
        let LeadTimes { term, margin, .. } = self.times;
        let until = self.row.is_shared().then(|| asked + term - margin);
        self.term.begin(epoch, until);
    }

    fn lost(&self, why: &str) {
        self.term.end();
        self.saw(None);
        tracing::warn!("this node leads no more: {why}");
    }

    fn saw(&self, leader: Option<Leader>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = leader;
    }

    fn unknown(&self, error: &ReadError) -> Option<u64> {
        self.saw(None);
        tracing::warn!(%error, "who leads is not known");
        None
    }
}

async fn sleep_until_either(next: Instant, until: Option<Instant>) {
    let next = until.map_or(next, |until| next.min(until));
    sleep(next.saturating_duration_since(Instant::now())).await;
}
