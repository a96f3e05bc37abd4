//! Removes users from groups by a plan, and undoes it (`inventory.md` W-7).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_access_files::{
    AccountAssignment, GroupMember, LiveGrants, MembershipStepExecutor, ReviewedAccess, review_plan,
};
use hallpass_assignments::{
    CenterFault, IdentityCenter, Missing, OperationKind, OperationStatus, SentOperation, Urgency,
};
use hallpass_base::{GroupId, HoldKey, PermissionSetArn, Target, UserId};
use hallpass_plans::{PlanStep, StepExecutor, StepProbe, Undo, Verify, WriteAnswer};
use serde_json::{Value, json};

use crate::world::{ALICE, FRANK, SECOPS, directory};

#[derive(Default)]
pub(crate) struct Groups(pub(crate) Mutex<(BTreeSet<GroupMember>, BTreeSet<GroupMember>, usize)>);

fn member(key: &HoldKey) -> GroupMember {
    let Target::Group { group } = &key.target else {
        panic!("a membership was expected");
    };
    GroupMember {
        group: group.clone(),
        user: key.user.clone(),
    }
}

#[async_trait]
impl IdentityCenter for Groups {
    async fn holders(&self, target: &Target, _: Urgency) -> Result<Vec<UserId>, CenterFault> {
        let state = self.0.lock().unwrap();
        let of = |it: &&GroupMember| it.hold_key().target == *target;
        Ok(state
            .0
            .iter()
            .filter(of)
            .map(|it| it.user.clone())
            .collect())
    }

    async fn create(&self, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        let mut state = self.0.lock().unwrap();
        state.0.insert(member(key));
        state.2 += 1;
        Ok(SentOperation::Done)
    }

    async fn delete(&self, key: &HoldKey, _: Urgency) -> Result<SentOperation, CenterFault> {
        let mut state = self.0.lock().unwrap();
        state.0.remove(&member(key));
        state.2 += 1;
        Ok(SentOperation::Done)
    }

    async fn held_by(&self, _: &UserId, _: Urgency) -> Result<Vec<Target>, CenterFault> {
        Err(CenterFault::NotSent)
    }

    async fn progress(
        &self,
        _: (OperationKind, &str),
        _: Urgency,
    ) -> Result<OperationStatus, CenterFault> {
        Err(CenterFault::NotSent)
    }

    async fn in_progress(
        &self,
        _: OperationKind,
        _: Urgency,
    ) -> Result<BTreeSet<String>, CenterFault> {
        Err(CenterFault::NotSent)
    }

    async fn missing(&self, _: &HoldKey) -> Result<Option<Missing>, CenterFault> {
        Err(CenterFault::NotSent)
    }
}

#[async_trait]
impl LiveGrants for Groups {
    async fn is_temporary(
        &self,
        _: &PermissionSetArn,
        _: &AccountAssignment,
    ) -> Result<bool, String> {
        Ok(false)
    }

    async fn is_temporary_member(&self, member: &GroupMember) -> Result<bool, String> {
        Ok(self.0.lock().unwrap().1.contains(member))
    }
}

#[tokio::test]
async fn who_leaves_a_group_is_out_of_it_once_and_what_a_grant_gave_stays() {
    let of = |id: &str| GroupMember {
        group: GroupId::new(SECOPS).unwrap(),
        user: UserId::new(id).unwrap(),
    };
    let (frank, alice) = (of(FRANK), of(ALICE));
    let groups = Arc::new(Groups::default());
    {
        let mut state = groups.0.lock().unwrap();
        state.0.extend([frank.clone(), alice.clone()]);
        state.1.insert(alice.clone());
    }
    let executor = MembershipStepExecutor::new(
        Arc::clone(&groups) as Arc<dyn IdentityCenter>,
        Arc::clone(&groups) as Arc<dyn LiveGrants>,
    );
    let removals = [frank.clone(), alice.clone()].map(ReviewedAccess::Membership);
    let draft = review_plan(&removals, "o-1", &directory(), json!({}));
    let [out, held]: &[PlanStep; 2] = draft.steps().try_into().unwrap();
    let seen = executor.probe(out).await.unwrap();
    assert_eq!(seen, StepProbe::Differs { old: json!(frank) });
    assert!(matches!(
        executor.probe(held).await.unwrap(),
        StepProbe::Blocked { .. }
    ));
    let WriteAnswer::Accepted { remote } = executor.act(out, &seen).await else {
        panic!("it was to be sent");
    };
    assert!(matches!(
        executor.verify(out, &remote).await,
        Verify::Done(_)
    ));
    assert_eq!(executor.probe(out).await.unwrap(), StepProbe::Satisfied);
    assert_eq!(groups.0.lock().unwrap().2, 1);
    let Undo::By(back) = executor.undo(out, &Value::Null, &Value::Null) else {
        panic!("it can be taken back");
    };
    let mut again = out.clone();
    (again.kind, again.desired) = back[0].clone();
    let absent = executor.probe(&again).await.unwrap();
    assert_eq!(absent, StepProbe::Absent);
    executor.act(&again, &absent).await;
    assert_eq!(executor.probe(&again).await.unwrap(), StepProbe::Satisfied);
}
