//! Who works among the nodes of a store: asking for the lead, keeping it, giving it back
//! ([0102](../../../../docs/decisions/0102-one-node-leads-by-a-row.md)).
//!
//! The store's fence decides what is written. What is here decides earlier, by the monotonic clock, so
//! that a node stops before its time is over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hallpass_host::machine_name;
use hallpass_host::server_store::ServerStore;
use hallpass_model::{Clock, IdSource};
use hallpass_server::SignIn;
use hallpass_store::{Claim, Leader, Leadership, NodeIdentity, Term};
use hallpass_terminal::exit::Failure;
use tokio::time::{Instant, sleep, timeout_at};

/// How long a term lasts unless it is made longer, by the database's clock.
const TERM: Duration = Duration::from_secs(6);
/// How often it is made longer.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// How soon that is tried again when the store does not answer.
const RENEW_AGAIN: Duration = Duration::from_millis(500);
/// So much before its end a term is over for its own node: what was begun then has time to end.
const MARGIN: Duration = Duration::from_millis(1_500);
/// How often nodes that do not lead look whether anybody does.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// This process among the nodes of its store.
pub(crate) struct Lead {
    leadership: Leadership,
    node: NodeIdentity,
    term: Arc<Term>,
    /// Who leads, as it was seen last; nothing while the store does not say.
    seen: Mutex<Option<Leader>>,
}

/// How it stands with the lead.
pub(crate) enum LeadStanding {
    /// This node leads, in this epoch.
    Here(String, u64),
    /// Another node does.
    There(String, u64),
    /// Nobody does, or nobody knows.
    Nobody,
}

impl Lead {
    /// A process that may lead; it does not yet. `address` tells nodes of one machine apart.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn open(
        store: &ServerStore,
        (clock, ids): (&dyn Clock, &dyn IdSource),
        address: &str,
    ) -> Result<Arc<Self>, Failure> {
        let leadership = store.leadership().await;
        let machine = machine_name::host();
        let name = match address.rsplit_once(':') {
            Some((_, port)) => format!("{machine}:{port}"),
            None => machine,
        };
        let lead = Self {
            leadership: leadership.map_err(|error| Failure::failed(error.to_string()))?,
            node: NodeIdentity {
                id: ids.next(clock.now()).simple().to_string(),
                name,
            },
            term: Arc::default(),
            seen: Mutex::default(),
        };
        if !lead.leadership.is_shared() {
            // who has a file has it alone: there is nothing to wait for
            lead.ask().await;
        }
        Ok(Arc::new(lead))
    }

    /// The store for what works because this node leads.
    pub(crate) fn working(&self, store: &ServerStore) -> ServerStore {
        store.working(&self.term)
    }

    /// Keeps sign-ins and logins under way where other nodes find them, if there may be others: one that
    /// is alone writes nothing for strangers.
    pub(super) fn share(&self, sign_in: &SignIn, store: &ServerStore) {
        if self.leadership.is_shared() {
            sign_in.keep_in(Arc::new(store.clone()));
        }
    }

    /// Whether this node leads now.
    pub(crate) fn holds(&self) -> bool {
        self.term.holds()
    }

    /// What people call this node, where there may be others.
    pub(crate) fn shared_name(&self) -> Option<String> {
        let is_shared = self.leadership.is_shared();
        is_shared.then(|| self.node.name.clone())
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> LeadStanding {
        if let Some(epoch) = self.term.epoch() {
            return LeadStanding::Here(self.node.name.clone(), epoch);
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.as_ref() {
            Some(leader) if !leader.is_over && leader.node.id != self.node.id => {
                LeadStanding::There(leader.node.name.clone(), leader.epoch)
            }
            Some(_) | None => LeadStanding::Nobody,
        }
    }

    /// What `/metrics` says of it.
    #[expect(clippy::cast_precision_loss, reason = "a counter far below 2^52")]
    pub(super) fn measure(&self) {
        let (leads, epoch) = match self.standing() {
            LeadStanding::Here(_, epoch) => (1.0, epoch),
            LeadStanding::There(_, epoch) => (0.0, epoch),
            LeadStanding::Nobody => (0.0, 0),
        };
        metrics::gauge!("hallpass_leader").set(leads);
        metrics::gauge!("hallpass_leader_epoch").set(epoch as f64);
    }

    /// Asks for the lead once; the epoch, if it is this node's now.
    pub(super) async fn ask(&self) -> Option<u64> {
        if let Some(epoch) = self.term.epoch() {
            return Some(epoch);
        }
        let leader = match self.leadership.look().await {
            // whoever led over a file before, killed or not, has it no more
            Ok(leader) => leader.filter(|_| self.leadership.is_shared()),
            Err(error) => return self.unknown(&error),
        };
        if let Some(leader) = leader.filter(|it| !it.is_over && it.node.id != self.node.id) {
            self.saw(Some(leader));
            return None;
        }
        let asked = Instant::now();
        match self.leadership.claim(&self.node, TERM).await {
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

    /// Keeps the lead of `epoch`; returns when it is lost.
    pub(super) async fn keep(&self, epoch: u64) {
        let mut pause = RENEW_EVERY;
        loop {
            let until = self.term.until();
            let next = Instant::now() + pause;
            sleep_until_either(next, until).await;
            if !self.holds() {
                return self.lost("its time is over");
            }
            let asked = Instant::now();
            let renewal = self.leadership.renew(epoch, TERM);
            let renewed = match self.term.until() {
                Some(until) => timeout_at(until, renewal).await,
                None => Ok(renewal.await),
            };
            match renewed {
                Ok(Ok(true)) => {
                    self.begin(epoch, asked);
                    pause = RENEW_EVERY;
                }
                Ok(Ok(false)) => return self.lost("another node has come"),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the lead could not be kept for longer; it is tried again");
                    pause = RENEW_AGAIN;
                }
                Err(_) => return self.lost("the database did not answer in time"),
            }
        }
    }

    /// Gives the lead of `epoch` back.
    pub(super) async fn give_back(&self, epoch: u64) {
        self.term.end();
        match self.leadership.give_back(epoch).await {
            Ok(()) => tracing::info!(epoch, "this node gave the lead back"),
            Err(error) => {
                tracing::warn!(%error, "the lead could not be given back; its time runs out");
            }
        }
    }

    /// Counted from before the database was asked: by its clock the term lasts longer than here.
    fn begin(&self, epoch: u64, asked: Instant) {
        let until = self.leadership.is_shared().then(|| asked + TERM - MARGIN);
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

    fn unknown(&self, error: &hallpass_access::ReadError) -> Option<u64> {
        self.saw(None);
        tracing::warn!(%error, "who leads is not known");
        None
    }
}

async fn sleep_until_either(next: Instant, until: Option<Instant>) {
    let next = until.map_or(next, |until| next.min(until));
    sleep(next.saturating_duration_since(Instant::now())).await;
}

#[cfg(test)]
mod tests {
    use hallpass_access::AccessStore as _;
    use hallpass_clock::SystemClock;
    use hallpass_host::random_ids::RandomIds;

    use super::*;

    #[tokio::test]
    async fn whoever_opens_a_file_leads_at_once_also_after_one_that_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hallpass.db");
        for epoch in 1..=3 {
            let store = ServerStore::open(&path).unwrap();
            let lead = Lead::open(&store, (&SystemClock, &RandomIds), "127.0.0.1:1");
            let lead = lead.await.unwrap();
            let LeadStanding::Here(name, found) = lead.standing() else {
                panic!("it does not lead");
            };
            assert!(name.ends_with(":1"), "{name}");
            assert_eq!((found, lead.ask().await), (epoch, Some(epoch)));
            let working = lead.working(&store);
            working.open_channel("a", SystemClock.now()).await.unwrap();
            // killed: nothing is given back
        }
    }
}
