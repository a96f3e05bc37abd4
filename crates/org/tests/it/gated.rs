//! In-memory calls through a gate, and a runner.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_enforcement::OrganizationFault;
use hallpass_org::{
    Operation, ReadAnswer, ReadCallFailed, ReadCalls, ReadPlace, SendAnswer, ServiceCalls,
};
use hallpass_plans::testing::{Gate, Gated, Hourglass, MemoryPlans, ports};
use hallpass_plans::{PlanReport, Runner, RunnerIdentity, StepExecutor};
use serde_json::Value;

pub(crate) trait FakeCalls: Send + Sync {
    fn read(&self, place: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer;

    fn write(&self, place: &ReadPlace, operation: Operation, input: &Value) -> SendAnswer;
}

pub(crate) struct GatedCalls<T>(pub(crate) Arc<T>, pub(crate) Arc<Gate>);

impl<T> GatedCalls<T> {
    pub(crate) fn through(fake: &Arc<T>, gate: &Arc<Gate>) -> Self {
        Self(Arc::clone(fake), Arc::clone(gate))
    }

    pub(crate) fn calm(fake: &Arc<T>) -> Self {
        Self::through(fake, &Gate::new(None))
    }
}

#[async_trait]
impl<T: FakeCalls> ReadCalls for GatedCalls<T> {
    async fn call(&self, place: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer {
        let lost = || {
            Err(ReadCallFailed {
                code: "NoAnswer".to_owned(),
                message: "no answer".to_owned(),
                passing: true,
            })
        };
        let call = async { self.0.read(place, operation, input) };
        self.1.pass(call, lost).await
    }
}

#[async_trait]
impl<T: FakeCalls> ServiceCalls for GatedCalls<T> {
    async fn send(&self, place: &ReadPlace, operation: Operation, input: &Value) -> SendAnswer {
        let lost = || {
            let message = "no answer".to_owned();
            Err(OrganizationFault::Unreachable { message })
        };
        let call = async { self.0.write(place, operation, input) };
        self.1.pass(call, lost).await
    }
}

pub(crate) fn read_failed(code: &str, message: &str) -> ReadCallFailed {
    ReadCallFailed {
        code: code.to_owned(),
        message: message.to_owned(),
        passing: false,
    }
}

pub(crate) fn runner(
    plans: &Arc<MemoryPlans>,
    hands: impl StepExecutor + 'static,
    clock: &Arc<Hourglass>,
    holder: &str,
    gate: &Arc<Gate>,
) -> Runner {
    Runner::new(
        ports(
            Arc::new(Gated(Arc::clone(plans), Arc::clone(gate))),
            Arc::new(hands),
            clock,
        ),
        RunnerIdentity {
            holder: holder.into(),
            actor: "arn:aws:iam::111111111111:user/admin".into(),
        },
    )
}

pub(crate) async fn carried(
    runner: &Runner,
    draft: hallpass_plans::PlanDraft,
    applies: bool,
) -> Option<PlanReport> {
    let plan = runner.look(draft).await.ok()?.plan;
    if !applies {
        return Some(PlanReport::planned(&plan));
    }
    runner.apply(&plan.id, &crate::bench::patient()).await.ok()
}
