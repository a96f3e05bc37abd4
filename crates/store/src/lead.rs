//! Who works among the nodes of a store: asking for the lead, keeping it, giving it back.
//!
//! The fence decides what is written ([`SqlStore::working`](crate::SqlStore::working)). What is here decides
//! earlier, by the monotonic clock, so that a node stops before its time is over. The binary and the
//! simulation lead by this.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use hallpass_access::ReadError;
use tokio::time::{Instant, sleep, timeout_at};

/// A process that may lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeIdentity {
    /// Tells this process from every other, also from an earlier one of the same machine.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// Who leads, or led last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Grows with every change of hands.
    pub epoch: u64,
    /// The node.
    pub node: NodeIdentity,
    /// Whether the term is over and nobody has come since.
    pub is_over: bool,
    /// How long the term lasts still, by the database's clock; none where terms have no end.
    pub left: Option<Duration>,
}

impl Leader {
    /// Whether it is the node with this id, in this epoch.
    pub fn is_of(&self, node: &str, epoch: u64) -> bool {
        self.epoch == epoch && self.node.id == node
    }
}

/// What came of asking for the lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is this node's, with this epoch.
    Given(u64),
    /// Another has it.
    Taken(Leader),
}

/// The term of this process, as far as it knows: shared by all that works, so that nothing is written or
/// sent for a term that is over.
#[derive(Debug)]
pub struct Term {
    /// Whose it is. A database that failed over to a replica without its last commits gives an epoch a
    /// second time: the epoch alone does not tell who leads in it.
    node: NodeIdentity,
    held: Mutex<Option<HeldTerm>>,
}

#[derive(Clone, Copy, Debug)]
struct HeldTerm {
    epoch: u64,
    /// By the monotonic clock; none where no other process can come.
    until: Option<Instant>,
}

impl Term {
    /// Of a node that does not lead yet.
    pub fn of(node: NodeIdentity) -> Self {
        Self {
            node,
            held: Mutex::default(),
        }
    }

    /// Whose it is.
    pub fn node(&self) -> &NodeIdentity {
        &self.node
    }

    /// This process leads from now on.
    pub fn begin(&self, epoch: u64, until: Option<Instant>) {
        self.put(Some(HeldTerm { epoch, until }));
    }

    /// It leads no more.
    pub fn end(&self) {
        self.put(None);
    }

    /// Its epoch, while it leads: a term that is over by the monotonic clock is over.
    pub fn epoch(&self) -> Option<u64> {
        let held = self.held()?;
        let is_over = held.until.is_some_and(|until| until <= Instant::now());
        (!is_over).then_some(held.epoch)
    }

    /// When it is over by the monotonic clock, if it ever is.
    pub fn until(&self) -> Option<Instant> {
        self.held()?.until
    }

    /// Whether this process leads now.
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

/// The row that says who leads.
#[async_trait]
pub trait LeaderRow: Send + Sync {
    /// Whether other processes may lead too. A file has one.
    fn is_shared(&self) -> bool;

    /// Who leads; `None` before anybody did.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn look(&self) -> Result<Option<Leader>, ReadError>;

    /// Makes `node` the leader for `span`, if nobody is or the term before is over. A term that ends later than
    /// one which begins now is of a clock that was set back since: it is cut to `span` from now.
    ///
    /// # Errors
    /// When the store does not answer. Who leads is then known by the next [`look`](Self::look).
    async fn claim(&self, node: &NodeIdentity, span: Duration) -> Result<Claim, ReadError>;

    /// Makes the term of `node` in `epoch` last for `span` from now on; `false` when it is over, or when another
    /// node has that epoch. Waits for no writer.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn renew(
        &self,
        node: &NodeIdentity,
        epoch: u64,
        span: Duration,
    ) -> Result<bool, ReadError>;

    /// Gives the lead of `node` in `epoch` back, so that another has it at once. Nothing happens when it is
    /// over, or another's.
    ///
    /// # Errors
    /// When the store does not answer; the term then runs out by itself.
    async fn give_back(&self, node: &NodeIdentity, epoch: u64) -> Result<(), ReadError>;
}

/// How long nodes lead, and when they look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeadTimes {
    /// How long a term lasts unless it is made longer, by the database's clock. The same for all nodes.
    pub term: Duration,
    /// How often it is made longer.
    pub renew_every: Duration,
    /// How soon that is tried again when the store does not answer.
    pub renew_again: Duration,
    /// So much before its end a term is over for its own node: what was begun then has time to end.
    pub margin: Duration,
    /// How often nodes that do not lead look whether anybody does.
    pub look_every: Duration,
}

impl LeadTimes {
    /// Those of every server.
    pub const STANDARD: Self = Self {
        term: Duration::from_secs(6),
        renew_every: Duration::from_secs(2),
        renew_again: Duration::from_millis(500),
        margin: Duration::from_millis(1_500),
        look_every: Duration::from_secs(1),
    };
}

/// A process among the nodes of its store: it may lead.
pub struct Candidate {
    row: Arc<dyn LeaderRow>,
    times: LeadTimes,
    term: Arc<Term>,
    /// Who leads, as it was seen last; nothing while the store does not say.
    seen: Mutex<Option<Leader>>,
}

/// How it stands with the lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeadStanding {
    /// This node leads, in this epoch.
    Here(String, u64),
    /// Another node does.
    There(String, u64),
    /// Nobody does, or nobody knows.
    Nobody,
}

/// How a term came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermEnd {
    /// Everything was done, and another may lead.
    GivenBack,
    /// The lead was lost: nothing more may be done for it.
    Lost,
}

impl Candidate {
    /// A process that may lead; it does not yet.
    pub fn new(row: Arc<dyn LeaderRow>, node: NodeIdentity, times: LeadTimes) -> Self {
        Self {
            row,
            times,
            term: Arc::new(Term::of(node)),
            seen: Mutex::default(),
        }
    }

    /// Its term: what [`SqlStore::working`](crate::SqlStore::working) asks.
    pub fn term(&self) -> &Arc<Term> {
        &self.term
    }

    /// Who it is.
    pub fn node(&self) -> &NodeIdentity {
        self.term.node()
    }

    /// Whether other processes may lead too.
    pub fn is_shared(&self) -> bool {
        self.row.is_shared()
    }

    /// Whether this node leads now.
    pub fn holds(&self) -> bool {
        self.term.holds()
    }

    /// How it stands.
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

    /// Looks who leads, and asks for nothing.
    pub async fn look(&self) {
        match self.seen_now().await {
            Ok(leader) => self.saw(leader),
            Err(error) => drop(self.unknown(&error)),
        }
    }

    /// Asks for the lead once; the epoch, if it is this node's now.
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
                // where it could not be counted in time it is over already
                self.holds().then_some(epoch)
            }
            Ok(Claim::Taken(leader)) => {
                self.saw(Some(leader));
                None
            }
            Err(error) => self.unknown(&error),
        }
    }

    /// Another node that leads now.
    async fn seen_now(&self) -> Result<Option<Leader>, ReadError> {
        // whoever led over a file before, killed or not, has it no more
        let leader = self.row.look().await?.filter(|_| self.row.is_shared());
        let is_of_now = |left: Option<Duration>| left.is_none_or(|left| left <= self.times.term);
        let leads = |it: &Leader| !it.is_over && it.node.id != self.node().id;
        Ok(leader.filter(|it| leads(it) && is_of_now(it.left)))
    }

    /// Works for the term of `epoch`: until `working` is done, and the lead is given back, or until the lead is
    /// lost. Then `working` is dropped where it stands.
    pub async fn during(&self, epoch: u64, working: impl Future<Output = ()>) -> TermEnd {
        match select(pin!(self.keep(epoch)), pin!(working)).await {
            Either::Left(((), _)) => TermEnd::Lost,
            Either::Right(((), _)) => {
                self.give_back(epoch).await;
                TermEnd::GivenBack
            }
        }
    }

    /// Keeps the lead of `epoch`; returns when it is lost.
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
                tracing::warn!(%error, "the lead could not be given back; its time runs out");
            }
        }
    }

    /// Counted from before the database was asked: by its clock the term lasts longer than here.
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
