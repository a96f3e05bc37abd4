//! The executor of all step kinds, with the request ids of their writes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hallpass_access_files::{
    AccessStepExecutor, MembershipStepExecutor, is_access_step, is_membership_step,
};
use hallpass_aws::with_request_ids;
use hallpass_findings::remediation::{RemediationStepExecutor, is_remediation_step};
use hallpass_org::OrgStepExecutor;
use hallpass_org::delegation::{DelegationStepExecutor, is_delegation_step};
use hallpass_org::enrolment::{EnrolmentStepExecutor, is_enrolment_step};
use hallpass_org::insights::{ChannelStepExecutor, is_channel_step};
use hallpass_org::pci::{
    PeopleStepExecutor, ProviderStepExecutor, is_people_step, is_provider_step,
};
use hallpass_org::standards::{StandardsStepExecutor, is_standards_step};
use hallpass_org::vending::{UserStepExecutor, VendingStepExecutor, is_user_step, is_vending_step};
use hallpass_plans::{
    JudgedState, PartDone, PlanStep, SentBefore, StepError, StepExecutor, StepId, StepPart,
    StepProbe, Undo, Verify, WriteAnswer,
};
use serde_json::Value;

pub(super) struct EveryStep {
    pub(super) org: OrgStepExecutor,
    pub(super) vending: VendingStepExecutor,
    pub(super) users: UserStepExecutor,
    pub(super) delegation: DelegationStepExecutor,
    pub(super) standards: StandardsStepExecutor,
    pub(super) enrolment: EnrolmentStepExecutor,
    pub(super) remediation: RemediationStepExecutor,
    pub(super) access: Arc<AccessStepExecutor>,
    pub(super) memberships: MembershipStepExecutor,
    pub(super) people: PeopleStepExecutor,
    pub(super) providers: ProviderStepExecutor,
    pub(super) channels: ChannelStepExecutor,
    pub(super) requests: StepRequests,
}

/// Request ids of writes until the step's result is known; lost when the process stops.
#[derive(Default)]
pub(super) struct StepRequests(Mutex<BTreeMap<StepId, Vec<String>>>);

impl StepRequests {
    fn all(&self) -> MutexGuard<'_, BTreeMap<StepId, Vec<String>>> {
        // every change is complete
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, step: &StepId, ids: Vec<String>) {
        self.all().entry(step.clone()).or_default().extend(ids);
    }

    fn take(&self, step: &StepId) -> Vec<String> {
        self.all().remove(step).unwrap_or_default()
    }
}

impl EveryStep {
    fn of(&self, step: &PlanStep) -> &dyn StepExecutor {
        if is_access_step(&step.kind) {
            self.access.as_ref()
        } else if is_vending_step(&step.kind) {
            &self.vending
        } else if is_user_step(&step.kind) {
            &self.users
        } else if is_delegation_step(&step.kind) {
            &self.delegation
        } else if is_standards_step(&step.kind) {
            &self.standards
        } else if is_enrolment_step(&step.kind) {
            &self.enrolment
        } else if is_remediation_step(&step.kind) {
            &self.remediation
        } else if is_membership_step(&step.kind) {
            &self.memberships
        } else if is_people_step(&step.kind) {
            &self.people
        } else if is_provider_step(&step.kind) {
            &self.providers
        } else if is_channel_step(&step.kind) {
            &self.channels
        } else {
            &self.org
        }
    }
}

#[async_trait]
impl StepExecutor for EveryStep {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.of(step).probe(step).await
    }

    async fn look_again(&self, step: &PlanStep, sent: &SentBefore) -> Result<StepProbe, StepError> {
        self.of(step).look_again(step, sent).await
    }

    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer {
        let (mut answer, ids) = with_request_ids(self.of(step).act(step, seen)).await;
        self.requests.note(&step.id, ids);
        if let WriteAnswer::Done(effect) = &mut answer {
            effect.requests.extend(self.requests.take(&step.id));
        }
        answer
    }

    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify {
        let mut answer = self.of(step).verify(step, remote).await;
        if let Verify::Done(effect) = &mut answer {
            effect.requests.extend(self.requests.take(&step.id));
        }
        answer
    }

    fn is_half_done(&self, step: &PlanStep, before: &Value, now: &StepProbe) -> bool {
        self.of(step).is_half_done(step, before, now)
    }

    fn kept_before(&self, step: &PlanStep, before: Value) -> Value {
        self.of(step).kept_before(step, before)
    }

    async fn done_in_part(&self, step: &PlanStep, before: &Value) -> Option<PartDone> {
        self.of(step).done_in_part(step, before).await
    }

    fn has_parts(&self, step: &PlanStep) -> bool {
        self.of(step).has_parts(step)
    }

    fn without_changed_parts(&self, step: &PlanStep, judged: JudgedState<'_>) -> Option<StepPart> {
        self.of(step).without_changed_parts(step, judged)
    }

    fn undo(&self, step: &PlanStep, old: &Value, new: &Value) -> Undo {
        self.of(step).undo(step, old, new)
    }
}
