//! Row 13: crashes before and after every store write. The next process finishes, and every
//! effective write happens exactly once.

use std::sync::Arc;

use hallpass_findings::remediation::Worked;
use hallpass_plans::testing::{Gate, Gated, MemoryPlans, PortMode};

use crate::world::{Disk, World, event, gated_process, process, rules};

mod gated {

    use std::sync::Arc;

    use async_trait::async_trait;
    use hallpass_base::{AccountId, Timestamp};
    use hallpass_findings::remediation::{
        Remediation, RemediationFilter, RemediationId, RemediationStore, RemediationStoreFault,
    };
    use hallpass_plans::testing::Gate;

    pub(crate) struct Stopped(pub(crate) Arc<dyn RemediationStore>, pub(crate) Arc<Gate>);

    fn lost() -> RemediationStoreFault {
        RemediationStoreFault::Unavailable("lost".to_owned())
    }

    #[async_trait]
    impl RemediationStore for Stopped {
        async fn begin_remediation(
            &self,
            new: &Remediation,
        ) -> Result<bool, RemediationStoreFault> {
            let call = self.0.begin_remediation(new);
            self.1.pass(call, || Err(lost())).await
        }

        async fn change_remediation(&self, it: &Remediation) -> Result<(), RemediationStoreFault> {
            let call = self.0.change_remediation(it);
            self.1.pass(call, || Err(lost())).await
        }

        async fn remediation(
            &self,
            id: &RemediationId,
        ) -> Result<Option<Remediation>, RemediationStoreFault> {
            self.0.remediation(id).await
        }

        async fn remediations(
            &self,
            filter: RemediationFilter,
            most: usize,
        ) -> Result<Vec<Remediation>, RemediationStoreFault> {
            self.0.remediations(filter, most).await
        }

        async fn due_remediations(
            &self,
            now: Timestamp,
            most: usize,
        ) -> Result<Vec<Remediation>, RemediationStoreFault> {
            self.0.due_remediations(now, most).await
        }

        async fn acting_since(
            &self,
            rule: &str,
            since: Timestamp,
        ) -> Result<u32, RemediationStoreFault> {
            self.0.acting_since(rule, since).await
        }

        async fn of_resource(
            &self,
            account: &AccountId,
            resource: &str,
            since: Timestamp,
        ) -> Result<Vec<Remediation>, RemediationStoreFault> {
            self.0.of_resource(account, resource, since).await
        }

        async fn paused(&self) -> Result<Option<(String, Timestamp)>, RemediationStoreFault> {
            self.0.paused().await
        }

        async fn set_paused(
            &self,
            paused: Option<(String, Timestamp)>,
        ) -> Result<(), RemediationStoreFault> {
            self.0.set_paused(paused).await
        }

        async fn forget_remediations(
            &self,
            before: Timestamp,
        ) -> Result<(), RemediationStoreFault> {
            self.0.forget_remediations(before).await
        }
    }
}

async fn life(world: &Arc<World>, disk: &Disk, plans: &Arc<MemoryPlans>, gate: &Arc<Gate>) {
    let stopped = Disk {
        remediations: Arc::new(gated::Stopped(
            Arc::clone(&disk.remediations),
            Arc::clone(gate),
        )),
        plans: Arc::new(Gated(Arc::clone(plans), Arc::clone(gate))),
    };
    let server = gated_process(world, &stopped, rules("auto"), gate);
    let work = async {
        use hallpass_findings::events::EventHandler as _;
        server.handler.handle(&[event("org-rem-sg")]).await;
        while let Ok(Worked::Did(..)) = server.worker.work().await {}
        while let Ok(1..) = server.worker.tell().await {}
    };
    tokio::select! {
        biased;
        () = gate.stop() => {}
        () = work => {}
    }
}

#[tokio::test]
async fn row_13_a_stop_anywhere_ends_as_if_there_had_been_none() {
    let mut calls = 1;
    let mut number = 0;
    while number < calls {
        number += 1;
        for mode in PortMode::ALL {
            let (world, mut disk) = (World::new(), Disk::new());
            let plans = Arc::new(MemoryPlans::default());
            disk.plans = Arc::clone(&plans) as _;
            let gate = Gate::new(Some((number, mode)));
            life(&world, &disk, &plans, &gate).await;
            calls = calls.max(gate.calls());
            let next = process(&world, &disk, rules("auto"));
            next.hears(event("org-rem-sg")).await;
            for _ in 0..5 {
                next.works().await;
                world.pass(600);
            }
            let place = format!("call {number}, {mode:?}");
            let it = disk.only().await;
            assert_eq!(it.phase.name(), "changed", "{place}: {it:?}");
            assert_eq!(it.due_at(), None, "{place}");
            assert_eq!(
                world.written("RevokeSecurityGroupIngress").len(),
                1,
                "{place}"
            );
            assert_eq!(world.updates.lock().unwrap().len(), 1, "{place}");
            assert_eq!(plans.changes().len(), 1, "{place}: one audit record");
        }
    }
    assert!(calls > 20, "{calls}");
}
