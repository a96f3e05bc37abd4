//! This process among the nodes of its store
//! ([0102](../../../../docs/decisions/0102-elect-a-leader-with-a-database-row.md)): identity and metrics.
//! [`Candidate`] acquires and keeps the lead.

use std::ops::Deref;
use std::sync::Arc;

use hallpass_app::host::server_store::ServerStore;
use hallpass_base::{Clock, IdSource};
use hallpass_server::SignIn;
use hallpass_store::{Candidate, LeadStanding, LeadTimes, NodeIdentity};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::machine_name;

pub(crate) struct Lead(Candidate);

impl Deref for Lead {
    type Target = Candidate;

    fn deref(&self) -> &Candidate {
        &self.0
    }
}

impl Lead {
    /// A process that may lead; with a file store it leads immediately. `address` distinguishes
    /// nodes of one machine.
    pub(crate) async fn open(
        store: &ServerStore,
        (clock, ids): (&dyn Clock, &dyn IdSource),
        address: &str,
    ) -> Result<Arc<Self>, Failure> {
        let leadership = store.leadership().await;
        let name = machine_name::node(address);
        let row = leadership.map_err(|error| Failure::failed(error.to_string()))?;
        let node = NodeIdentity {
            id: ids.next(clock.now()).simple().to_string(),
            name,
        };
        let lead = Self(Candidate::new(Arc::new(row), node, LeadTimes::STANDARD));
        if !lead.is_shared() {
            // a file store has only one process
            lead.ask().await;
        }
        Ok(Arc::new(lead))
    }

    pub(crate) fn working(&self, store: &ServerStore) -> ServerStore {
        store.working(self.term())
    }

    /// Shares sign-ins in progress, if other nodes may exist: alone, it writes nothing for
    /// strangers.
    pub(super) fn share(&self, sign_in: &SignIn, store: &ServerStore) {
        if self.is_shared() {
            sign_in.keep_in(Arc::new(store.clone()));
        }
    }

    pub(crate) fn shared_name(&self) -> Option<String> {
        self.is_shared().then(|| self.node().name.clone())
    }

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
}

#[cfg(test)]
mod tests {
    use hallpass_access::AccessStore as _;
    use hallpass_app::host::random_ids::RandomIds;
    use hallpass_base::clock::SystemClock;

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
        }
    }
}
