//! A world beside an organization in which Hallpass keeps policies; survives a stop of the keeper.

use std::sync::Arc;

use hallpass_audit::{AuditStore as _, Record};
use hallpass_base::{Clock as _, TimeSpan, Timestamp};
use hallpass_enforcement::PolicyKeeper;
use hallpass_enforcement::testing::{FakeOrganization, GatedOrg};
use hallpass_plans::testing::{Gate, Gated, MemoryPlans};
use hallpass_simulation::{Ids, World};

pub(crate) const ACCOUNT: &str = "111111111111";
pub(crate) const ROLE: &str = "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_ReadOnly_????????????????";

pub(crate) struct Keeping {
    pub(crate) world: World,
    pub(crate) organization: Arc<FakeOrganization>,
    lanes: Arc<MemoryPlans>,
    ids: Arc<Ids>,
}

impl Keeping {
    pub(crate) fn new(world: World, lag: TimeSpan) -> Self {
        let organization = Arc::new(FakeOrganization::new(Arc::clone(&world.clock) as Arc<_>));
        organization.change(|it| it.lag = lag);
        Self {
            world,
            organization,
            lanes: Arc::default(),
            ids: Arc::new(Ids::new(77)),
        }
    }

    pub(crate) fn keeper(&self, holder: &str, gate: &Arc<Gate>) -> PolicyKeeper {
        PolicyKeeper {
            organization: Arc::new(GatedOrg(Arc::clone(&self.organization), Arc::clone(gate))),
            lanes: Arc::new(Gated(Arc::clone(&self.lanes), Arc::clone(gate))),
            clock: Arc::clone(&self.world.clock) as Arc<_>,
            ids: Arc::clone(&self.ids) as Arc<_>,
            holder: holder.to_owned(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    pub(crate) async fn records(&self, event: &str) -> Vec<Record> {
        let all = self.world.store.records_from(1, 100_000).await.unwrap();
        all.into_iter()
            .filter(|record| record.event() == event)
            .collect()
    }
}

pub(crate) async fn each<C: Copy>(all: &[C], lag: u64, play: impl AsyncFn(C, TimeSpan)) {
    for one in all {
        play(*one, TimeSpan::seconds(lag)).await;
    }
}
