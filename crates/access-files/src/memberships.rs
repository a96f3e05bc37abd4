use std::sync::Arc;

use async_trait::async_trait;
use hallpass_assignments::{CenterFault, IdentityCenter, Urgency};
use hallpass_plans::{
    Effect, PlanStep, StepError, StepExecutor, StepProbe, Undo, Verify, WriteAnswer,
};
use serde_json::{Value, json};

use crate::ports::LiveGrants;
use crate::state::GroupMember;
use crate::step_executor::{read_back, setback};

pub(crate) const LEAVE: &str = "access.leave_group";
const JOIN: &str = "access.join_group";

pub fn is_membership_step(kind: &str) -> bool {
    [LEAVE, JOIN].contains(&kind)
}

pub struct MembershipStepExecutor {
    center: Arc<dyn IdentityCenter>,
    grants: Arc<dyn LiveGrants>,
}

impl MembershipStepExecutor {
    pub fn new(center: Arc<dyn IdentityCenter>, grants: Arc<dyn LiveGrants>) -> Self {
        Self { center, grants }
    }

    async fn look(&self, kind: &str, member: &GroupMember) -> Result<StepProbe, StepError> {
        let is_temporary = self.grants.is_temporary_member(member).await;
        if is_temporary.map_err(|why| StepError::failed("store", &why))? {
            let reason = "this membership is temporary, and Hallpass ends it".to_owned();
            return Ok(StepProbe::Blocked { reason });
        }
        let target = member.hold_key().target;
        let holders = match self.center.holders(&target, Urgency::Background).await {
            Ok(holders) => holders,
            // A deleted group has no members.
            Err(CenterFault::NotFound { .. }) => {
                return Ok(if kind == LEAVE {
                    StepProbe::Satisfied
                } else {
                    StepProbe::Absent
                });
            }
            Err(fault) => return Err(setback(fault)),
        };
        let is_there = holders.contains(&member.user);
        Ok(match (kind == LEAVE, is_there) {
            (true, false) | (false, true) => StepProbe::Satisfied,
            (true, true) => StepProbe::Differs { old: json!(member) },
            (false, false) => StepProbe::Absent,
        })
    }
}

#[async_trait]
impl StepExecutor for MembershipStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.look(&step.kind, &step.wish::<GroupMember>()?).await
    }

    async fn act(&self, step: &PlanStep, _: &StepProbe) -> WriteAnswer {
        let sent = async {
            let key = step.wish::<GroupMember>()?.hold_key();
            let sent = if step.kind == LEAVE {
                self.center.delete(&key, Urgency::Background).await
            } else {
                self.center.create(&key).await
            };
            match sent {
                // The next read decides.
                Ok(_) | Err(CenterFault::Conflict { .. }) => Ok(read_back()),
                Err(CenterFault::NotFound { .. }) if step.kind == LEAVE => Ok(read_back()),
                // A deleted group cannot be joined.
                Err(fault) => Err(setback(fault)),
            }
        };
        sent.await.unwrap_or_else(WriteAnswer::Setback)
    }

    async fn verify(&self, step: &PlanStep, _: &str) -> Verify {
        let looked = async { self.look(&step.kind, &step.wish::<GroupMember>()?).await };
        match looked.await {
            Ok(StepProbe::Satisfied) => Verify::Done(Effect {
                new: step.desired.clone(),
                requests: Vec::new(),
            }),
            Ok(_) => Verify::Running,
            Err(error) => Verify::Setback(error),
        }
    }

    fn undo(&self, step: &PlanStep, _: &Value, _: &Value) -> Undo {
        let back = if step.kind == LEAVE { JOIN } else { LEAVE };
        Undo::By(vec![(back.to_owned(), step.desired.clone())])
    }
}
