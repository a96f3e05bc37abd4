//! What is known of the organization, on every node: the one that leads reads it from AWS and stores it,
//! the others take it from the store. So however many nodes there are, AWS is asked by one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::{DirectoryAhead, DirectoryFault, DirectorySource};
use hallpass_aws::Inventory;
use hallpass_host::server_store::ServerStore;
use hallpass_model::{Clock, TimeSpan, UserId};
use hallpass_rules::{Directory, NamedFacts};
use hallpass_setup::sources::{cached_snapshot, cached_snapshot_taken};

use super::lead::Lead;

/// The directory of a node.
pub(super) struct SharedDirectory {
    inventory: Arc<Inventory>,
    store: ServerStore,
    clock: Arc<dyn Clock>,
    lead: Arc<Lead>,
}

impl SharedDirectory {
    pub(super) fn new(
        inventory: &Arc<Inventory>,
        store: &ServerStore,
        clock: &Arc<dyn Clock>,
        lead: &Arc<Lead>,
    ) -> Arc<Self> {
        Arc::new(Self {
            inventory: Arc::clone(inventory),
            store: store.clone(),
            clock: Arc::clone(clock),
            lead: Arc::clone(lead),
        })
    }

    /// Takes over what another node read since; whether it had.
    pub(super) async fn follow(&self) -> bool {
        let Some(taken) = cached_snapshot_taken(&self.store).await else {
            return false;
        };
        let known = self.inventory.current().taken_at();
        if known.is_some_and(|known| known >= taken) {
            return false;
        }
        let Some(snapshot) = cached_snapshot(&self.store).await else {
            return false;
        };
        let age = TimeSpan::between(taken, self.clock.now());
        self.inventory
            .adopt(snapshot, Duration::from_secs(age.as_seconds()));
        true
    }
}

#[async_trait]
impl DirectorySource for SharedDirectory {
    fn current(&self) -> Arc<Directory> {
        self.inventory.current()
    }

    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        if self.lead.holds() {
            return self.inventory.refresh().await;
        }
        if self.follow().await {
            return Ok(self.current());
        }
        Err(DirectoryFault {
            what: "the organization".to_owned(),
            message: "the node that leads has not read it again yet".to_owned(),
        })
    }

    /// One user is asked about by whichever node they press on: their rights are those of this moment.
    async fn refresh_person(&self, user: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        self.inventory.refresh_person(user).await
    }

    /// Whichever node is asked reads for its own callers: nobody else has use for it.
    async fn read_ahead(&self, named: &NamedFacts) {
        self.inventory.read_ahead(named).await;
    }

    fn ahead(&self, named: &NamedFacts) -> DirectoryAhead {
        self.inventory.ahead(named)
    }
}
