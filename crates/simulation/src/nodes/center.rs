//! Identity Center as reached by one process: with the last look before each write, and each write
//! checked against the leader row.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::{DirectoryFault, StandingListing, StandingScope, StandingSource};
use hallpass_assignments::{
    CenterFault, IdentityCenter, Missing, OperationKind, OperationStatus, SentOperation, Urgency,
};
use hallpass_base::{Clock as _, GroupId, HoldKey, Target, UserId};
use hallpass_store::Candidate;
use tokio::time::sleep;

use super::Weakness;
use crate::gate::Gated;
use crate::hazard::Hazard;
use crate::landmarks::Landmark;
use crate::ledger::{Ledger, NodeWrite};
use crate::{Center, Wall};

pub(super) struct ObservedCenter {
    pub(super) way: Arc<Gated<NodeCenter>>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) center: Arc<Center>,
    pub(super) clock: Arc<Wall>,
}

impl ObservedCenter {
    async fn hear(
        &self,
        key: &HoldKey,
        call: impl Future<Output = Result<SentOperation, CenterFault>>,
    ) -> Result<SentOperation, CenterFault> {
        let before = self.ledger.is_uncertain(key);
        self.ledger.note_uncertain(key);
        self.ledger.note_sent(key);
        let sent = call.await;
        // while calls fail randomly, a status answer may be lost too
        let is_faultless = self.center.habits().faults.is_none();
        if !before && is_faultless && !matches!(sent, Err(CenterFault::Unreachable { .. })) {
            self.ledger.note_certain(key);
        }
        sent
    }
}

#[async_trait]
impl IdentityCenter for ObservedCenter {
    async fn holders(&self, target: &Target, urgency: Urgency) -> Result<Vec<UserId>, CenterFault> {
        let began = self.clock.now();
        let found = IdentityCenter::holders(self.way.as_ref(), target, urgency).await?;
        self.ledger.note_look(began, |key| key.target == *target);
        Ok(found)
    }

    async fn held_by(&self, user: &UserId, urgency: Urgency) -> Result<Vec<Target>, CenterFault> {
        let began = self.clock.now();
        let found = self.way.held_by(user, urgency).await?;
        self.ledger.note_look(began, |key| key.user == *user);
        Ok(found)
    }

    async fn create(&self, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        self.hear(key, self.way.create(key)).await
    }

    async fn delete(&self, key: &HoldKey, urgency: Urgency) -> Result<SentOperation, CenterFault> {
        self.hear(key, self.way.delete(key, urgency)).await
    }

    async fn in_progress(
        &self,
        kind: OperationKind,
        urgency: Urgency,
    ) -> Result<BTreeSet<String>, CenterFault> {
        self.way.in_progress(kind, urgency).await
    }

    async fn progress(
        &self,
        operation: (OperationKind, &str),
        urgency: Urgency,
    ) -> Result<OperationStatus, CenterFault> {
        self.way.progress(operation, urgency).await
    }

    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault> {
        self.way.missing(key).await
    }
}

pub(super) struct NodeCenter {
    pub(super) center: Arc<Center>,
    pub(super) clock: Arc<Wall>,
    pub(super) candidate: Arc<Candidate>,
    pub(super) hazard: Arc<Hazard>,
    pub(super) weakness: Weakness,
}

impl NodeCenter {
    /// Takes the last look, as in `Aws::guard_writes`. After that the request arrives even if its
    /// sender is killed or paused.
    async fn send(
        &self,
        kind: OperationKind,
        key: &HoldKey,
        urgency: Urgency,
    ) -> Result<SentOperation, CenterFault> {
        let epoch = self.candidate.term().epoch();
        if epoch.is_none() && self.weakness != Weakness::NoLastLook {
            self.hazard.ledger.reached.note(Landmark::LastLookRefused);
            return Err(CenterFault::NotSent);
        }
        let was_unsent = self.hazard.unsent().await;
        let now = self.clock.now();
        let request = RequestOnItsWay {
            write: NodeWrite {
                sent_at: now,
                at: now,
                node: self.hazard.node.name.clone(),
                epoch: epoch.unwrap_or_default(),
                kind,
                key: key.clone(),
                was_unsent,
            },
            urgency,
            way: self.hazard.way(),
            center: Arc::clone(&self.center),
            clock: Arc::clone(&self.clock),
            hazard: Arc::clone(&self.hazard),
        };
        match tokio::spawn(request.arrive()).await {
            Ok(sent) => sent,
            Err(error) => Err(CenterFault::Unreachable {
                message: error.to_string(),
            }),
        }
    }
}

struct RequestOnItsWay {
    write: NodeWrite,
    urgency: Urgency,
    way: Duration,
    center: Arc<Center>,
    clock: Arc<Wall>,
    hazard: Arc<Hazard>,
}

impl RequestOnItsWay {
    /// Delivers the write and checks it against the leader row. A refused write does not count.
    async fn arrive(mut self) -> Result<SentOperation, CenterFault> {
        sleep(self.way).await;
        self.write.at = self.clock.now();
        let ledger = Arc::clone(&self.hazard.ledger);
        if !self.hazard.truly_leads_in(self.write.epoch).await {
            if self.write.was_unsent {
                ledger.reached.note(Landmark::SentLate);
            } else {
                let seen = format!("{:?}", self.write);
                ledger.note_broken("only_the_leader_writes_to_aws", seen);
            }
        }
        let key = &self.write.key;
        let sent = match self.write.kind {
            OperationKind::Create => self.center.create(key).await,
            OperationKind::Delete => self.center.delete(key, self.urgency).await,
        };
        if matches!(sent, Ok(_) | Err(CenterFault::Unreachable { .. })) {
            ledger.note_write(self.write);
        }
        sent
    }
}

#[async_trait]
impl IdentityCenter for NodeCenter {
    async fn holders(&self, target: &Target, urgency: Urgency) -> Result<Vec<UserId>, CenterFault> {
        IdentityCenter::holders(self.center.as_ref(), target, urgency).await
    }

    async fn held_by(&self, user: &UserId, urgency: Urgency) -> Result<Vec<Target>, CenterFault> {
        self.center.held_by(user, urgency).await
    }

    async fn create(&self, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        self.send(OperationKind::Create, key, Urgency::Grant).await
    }

    async fn delete(&self, key: &HoldKey, urgency: Urgency) -> Result<SentOperation, CenterFault> {
        self.send(OperationKind::Delete, key, urgency).await
    }

    async fn in_progress(
        &self,
        kind: OperationKind,
        urgency: Urgency,
    ) -> Result<BTreeSet<String>, CenterFault> {
        self.center.in_progress(kind, urgency).await
    }

    async fn progress(
        &self,
        operation: (OperationKind, &str),
        urgency: Urgency,
    ) -> Result<OperationStatus, CenterFault> {
        self.center.progress(operation, urgency).await
    }

    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault> {
        self.center.missing(key).await
    }
}

#[async_trait]
impl StandingSource for NodeCenter {
    async fn read(&self, scope: &StandingScope) -> StandingListing {
        self.center.read(scope).await
    }

    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, DirectoryFault> {
        StandingSource::holders(self.center.as_ref(), target).await
    }

    async fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, DirectoryFault> {
        self.center.groups_of(user).await
    }
}
