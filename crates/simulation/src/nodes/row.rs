use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::ReadError;
use hallpass_store::{Claim, Leader, LeaderRow, NodeIdentity};

use super::cluster::Cluster;
use crate::hazard::{Hazard, Port};
use crate::landmarks::Landmark;

pub(super) struct ReachedRow {
    pub(super) cluster: Arc<Cluster>,
    pub(super) hazard: Arc<Hazard>,
}

impl ReachedRow {
    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        let fault = |text: &str| ReadError(text.to_owned());
        self.hazard.pass((Port::Lead, true), call, fault).await
    }
}

#[async_trait]
impl LeaderRow for ReachedRow {
    fn is_shared(&self) -> bool {
        self.cluster.row.is_shared()
    }

    async fn look(&self) -> Result<Option<Leader>, ReadError> {
        self.pass(self.cluster.row.look()).await
    }

    async fn claim(&self, node: &NodeIdentity, span: Duration) -> Result<Claim, ReadError> {
        let claim = async {
            let claimed = self.cluster.row.claim(node, span).await?;
            if matches!(claimed, Claim::Given(_)) {
                self.cluster.note_claim();
            }
            Ok(claimed)
        };
        let claimed = self.pass(claim).await?;
        if matches!(claimed, Claim::Taken(_)) {
            self.hazard.ledger.reached.note(Landmark::ClaimedByTwo);
        }
        Ok(claimed)
    }

    async fn renew(
        &self,
        node: &NodeIdentity,
        epoch: u64,
        span: Duration,
    ) -> Result<bool, ReadError> {
        self.pass(self.cluster.row.renew(node, epoch, span)).await
    }

    async fn give_back(&self, node: &NodeIdentity, epoch: u64) -> Result<(), ReadError> {
        self.pass(self.cluster.row.give_back(node, epoch)).await
    }
}
