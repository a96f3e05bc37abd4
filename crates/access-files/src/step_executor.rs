use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hallpass_assignments::{CenterFault, OperationKind, OperationStatus, SentOperation};
use hallpass_base::{PermissionSetArn, PermissionSetName};
use hallpass_plans::{
    Class, Effect, PlanStep, StepError, StepExecutor, StepProbe, Undo, Verify, WriteAnswer,
};
use serde_json::{Value, json};

use crate::ports::{GivenAccess, LiveGrants, PermissionSetAdmin};
use crate::probe::probe_set;
use crate::state::{AccountAssignment, PermissionSetContent, SetPart};
use crate::steps::{AccessAction, DELETE_MADE, SetAction};

/// Replaces the operation id of a synchronous write that is still to be verified.
const READ_BACK: &str = "read-back";

pub struct AccessStepExecutor {
    center: Arc<dyn PermissionSetAdmin>,
    grants: Arc<dyn LiveGrants>,
    given: Arc<dyn GivenAccess>,
    /// Cached ARNs. A set can be deleted and created again under another ARN.
    arns: Mutex<BTreeMap<PermissionSetName, PermissionSetArn>>,
}

impl AccessStepExecutor {
    pub fn new(
        center: Arc<dyn PermissionSetAdmin>,
        grants: Arc<dyn LiveGrants>,
        given: Arc<dyn GivenAccess>,
    ) -> Self {
        Self {
            center,
            grants,
            given,
            arns: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<PermissionSetName, PermissionSetArn>> {
        self.arns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn arn(&self, name: &PermissionSetName) -> Result<Option<PermissionSetArn>, StepError> {
        if let Some(arn) = self.known().get(name) {
            return Ok(Some(arn.clone()));
        }
        let all = self.center.sets().await.map_err(setback)?;
        let arn = all.get(name).cloned();
        *self.known() = all;
        Ok(arn)
    }

    async fn part(
        &self,
        name: &PermissionSetName,
        action: &SetAction,
    ) -> Result<Option<(PermissionSetArn, PermissionSetContent)>, StepError> {
        let parts: Vec<_> = action.part().into_iter().collect();
        // Tries again if the set was recreated since its ARN was cached.
        for _ in 0..2 {
            let Some(arn) = self.arn(name).await? else {
                return Ok(None);
            };
            match self.center.content(&arn, &parts).await {
                Ok(Some(content)) => return Ok(Some((arn, content))),
                Ok(None) => self.known().remove(name),
                Err(fault) => return Err(setback(fault)),
            };
        }
        Ok(None)
    }

    async fn look(&self, action: &AccessAction) -> Result<StepProbe, StepError> {
        match action {
            AccessAction::Set {
                permission_set,
                action: SetAction::Provision { edited },
            } => self.look_provision(permission_set, *edited).await,
            AccessAction::Set {
                permission_set,
                action,
            } => {
                let found = self.part(permission_set, action).await?;
                Ok(probe_set(
                    action,
                    found.as_ref().map(|(_, content)| content),
                ))
            }
            AccessAction::Assign(it) => self.look_assignment(it, OperationKind::Create).await,
            AccessAction::Unassign(it) => self.look_assignment(it, OperationKind::Delete).await,
        }
    }

    /// Listings of outdated roles may lag behind an edit, so an edited set is always provisioned.
    async fn look_provision(
        &self,
        set: &PermissionSetName,
        edited: bool,
    ) -> Result<StepProbe, StepError> {
        let Some(arn) = self.arn(set).await? else {
            return Ok(StepProbe::Satisfied);
        };
        let accounts = if edited {
            self.center.provisioned(&arn).await
        } else {
            self.center.outdated(&arn).await
        };
        Ok(if accounts.map_err(setback)?.is_empty() {
            StepProbe::Satisfied
        } else {
            StepProbe::Absent
        })
    }

    async fn look_assignment(
        &self,
        it: &AccountAssignment,
        kind: OperationKind,
    ) -> Result<StepProbe, StepError> {
        let Some(arn) = self.arn(&it.permission_set).await? else {
            return Ok(match kind {
                OperationKind::Create => StepProbe::Absent,
                OperationKind::Delete => StepProbe::Satisfied,
            });
        };
        let is_temporary = self.grants.is_temporary(&arn, it).await;
        if is_temporary.map_err(|why| StepError::failed("store", &why))? {
            let reason = "this access is temporary, and Hallpass ends it".to_owned();
            return Ok(StepProbe::Blocked { reason });
        }
        let holders = self.center.principals(&it.account, &arn).await;
        let is_there = holders.map_err(setback)?.contains(&it.principal);
        Ok(match (kind, is_there) {
            (OperationKind::Create, true) | (OperationKind::Delete, false) => StepProbe::Satisfied,
            (OperationKind::Create, false) => StepProbe::Absent,
            (OperationKind::Delete, true) => StepProbe::Differs { old: json!(it) },
        })
    }

    async fn is_as_made(&self, set: &PermissionSetName) -> Result<(), StepError> {
        let Some(arn) = self.arn(set).await? else {
            return Ok(());
        };
        let parts = [
            SetPart::Managed,
            SetPart::Customer,
            SetPart::Inline,
            SetPart::Boundary,
        ];
        let found = self.center.content(&arn, &parts).await.map_err(setback)?;
        let is_bare = found.is_none_or(|it| {
            it.managed_policies.is_empty()
                && it.customer_managed_policies.is_empty()
                && it.inline_policy.is_none()
                && it.permissions_boundary.is_none()
        });
        if is_bare {
            return Ok(());
        }
        let text = format!("permission set `{set}` got a policy after it was created; it stays");
        Err(StepError::failed("drifted", &text))
    }

    async fn write_set(
        &self,
        set: &PermissionSetName,
        action: &SetAction,
    ) -> Result<WriteAnswer, StepError> {
        if let SetAction::Create { .. } = action {
            let arn = self.center.create_set(set, action).await.map_err(setback)?;
            self.known().insert(set.clone(), arn);
            return Ok(read_back());
        }
        let Some(arn) = self.arn(set).await? else {
            return Err(StepError::failed(
                "missing",
                &format!("there is no permission set `{set}`"),
            ));
        };
        if let SetAction::Provision { .. } = action {
            // A running operation may have begun before the edit, so it is only awaited.
            let remote = self.center.provision(&arn).await.map_err(setback)?;
            return Ok(WriteAnswer::Accepted { remote });
        }
        match self.center.change_set(&arn, action).await {
            // The next read decides (`inventory.md` A-8).
            Ok(()) | Err(CenterFault::NotFound { .. }) => Ok(read_back()),
            Err(fault) => Err(setback(fault)),
        }
    }

    async fn write_assignment(
        &self,
        it: &AccountAssignment,
        kind: OperationKind,
    ) -> Result<WriteAnswer, StepError> {
        let Some(arn) = self.arn(&it.permission_set).await? else {
            let text = format!("permission set `{}` is not seen yet", it.permission_set);
            return Err(StepError::later(Class::Throttle, text));
        };
        if kind == OperationKind::Create {
            // CRASH: recorded but not sent is safe: the next read finds the earlier state.
            let noted = self.given.note_assignment(&arn, it).await;
            noted.map_err(|why| StepError::later(Class::Throttle, why))?;
        }
        match self.center.send(kind, &arn, it).await {
            Ok(SentOperation::InProgress { operation_id }) => Ok(WriteAnswer::Accepted {
                remote: operation_id,
            }),
            Ok(SentOperation::Done) => Ok(read_back()),
            Err(CenterFault::NotFound { .. }) if kind == OperationKind::Delete => Ok(read_back()),
            Err(fault @ CenterFault::Conflict { .. }) => {
                let running = self.center.running(kind, &arn, it).await;
                match running.map_err(setback)? {
                    Some(remote) => Ok(WriteAnswer::Accepted { remote }),
                    None => match self.look_assignment(it, kind).await? {
                        StepProbe::Satisfied => Ok(read_back()),
                        _ => Err(setback(fault)),
                    },
                }
            }
            Err(fault) => Err(setback(fault)),
        }
    }

    async fn status(
        &self,
        action: &AccessAction,
        remote: &str,
    ) -> Result<OperationStatus, StepError> {
        if remote == READ_BACK {
            return Ok(OperationStatus::Succeeded);
        }
        let answer = match action {
            AccessAction::Set { .. } => self.center.provisioning(remote).await,
            AccessAction::Assign(_) => self.center.progress(OperationKind::Create, remote).await,
            AccessAction::Unassign(_) => self.center.progress(OperationKind::Delete, remote).await,
        };
        answer.map_err(setback)
    }

    async fn result(
        &self,
        action: &AccessAction,
        status: OperationStatus,
    ) -> Result<Verify, StepError> {
        let is_provision = matches!(
            action,
            AccessAction::Set {
                action: SetAction::Provision { .. },
                ..
            }
        );
        let seen = if is_provision {
            // The status confirms it; listings need not.
            StepProbe::Satisfied
        } else {
            self.look(action).await?
        };
        Ok(match (status, seen) {
            (OperationStatus::InProgress, _) => Verify::Running,
            (OperationStatus::Failed { reason }, _) if is_provision => {
                Verify::Setback(StepError::failed("FAILED", &reason))
            }
            (OperationStatus::Unknown, _) if is_provision => Verify::Setback(StepError::failed(
                "unknown",
                "AWS does not know the provisioning any more",
            )),
            // The wanted state counts, regardless of AWS's answer (`inventory.md` A-8).
            (_, StepProbe::Satisfied) => Verify::Done(Effect {
                new: json!(action),
                requests: Vec::new(),
            }),
            (OperationStatus::Failed { reason }, _) => {
                Verify::Setback(StepError::failed("FAILED", &reason))
            }
            // Listings lag behind.
            (OperationStatus::Succeeded | OperationStatus::Unknown, _) => Verify::Running,
        })
    }
}

pub(crate) fn read_back() -> WriteAnswer {
    WriteAnswer::Accepted {
        remote: READ_BACK.to_owned(),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used in `map_err` everywhere"
)]
pub(crate) fn setback(fault: CenterFault) -> StepError {
    let why = fault.to_string();
    match fault {
        CenterFault::Throttled { .. }
        | CenterFault::NotSent
        | CenterFault::Full { .. }
        | CenterFault::KeyUnusable { .. }
        | CenterFault::Unreachable { .. } => StepError::later(Class::Throttle, why),
        CenterFault::Conflict { .. } => StepError::later(Class::Conflict, why),
        CenterFault::NotFound { .. } => StepError::failed("ResourceNotFoundException", &why),
        CenterFault::Refused { .. } => StepError::failed("refused", &why),
    }
}

#[async_trait]
impl StepExecutor for AccessStepExecutor {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.look(&step.wish::<AccessAction>()?).await
    }

    async fn act(&self, step: &PlanStep, _: &StepProbe) -> WriteAnswer {
        let sent = async {
            match step.wish::<AccessAction>()? {
                AccessAction::Set {
                    permission_set,
                    action,
                } => {
                    if step.kind == DELETE_MADE {
                        self.is_as_made(&permission_set).await?;
                    }
                    self.write_set(&permission_set, &action).await
                }
                AccessAction::Assign(it) => self.write_assignment(&it, OperationKind::Create).await,
                AccessAction::Unassign(it) => {
                    self.write_assignment(&it, OperationKind::Delete).await
                }
            }
        };
        sent.await.unwrap_or_else(WriteAnswer::Setback)
    }

    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify {
        let asked = async {
            let action = step.wish::<AccessAction>()?;
            match self.status(&action, remote).await? {
                OperationStatus::InProgress => Ok(Verify::Running),
                status => self.result(&action, status).await,
            }
        };
        asked.await.unwrap_or_else(Verify::Setback)
    }

    fn undo(&self, step: &PlanStep, old: &Value, _: &Value) -> Undo {
        match step.wish::<AccessAction>() {
            Ok(
                made @ AccessAction::Set {
                    action: SetAction::Create { .. },
                    ..
                },
            ) => match undo(made, old) {
                Undo::By(back) => {
                    let back = back.into_iter();
                    Undo::By(
                        back.map(|(_, wish)| (DELETE_MADE.to_owned(), wish))
                            .collect(),
                    )
                }
                other @ Undo::Not(_) => other,
            },
            Ok(action) => undo(action, old),
            Err(_) => Undo::Not("the step cannot be read".to_owned()),
        }
    }
}

fn undo(action: AccessAction, old: &Value) -> Undo {
    let back = match action {
        AccessAction::Assign(it) => AccessAction::Unassign(it),
        AccessAction::Unassign(it) => AccessAction::Assign(it),
        AccessAction::Set {
            permission_set,
            action,
        } => match undo_set(action, old) {
            Ok(action) => AccessAction::Set {
                permission_set,
                action,
            },
            Err(why) => return Undo::Not(why.to_owned()),
        },
    };
    Undo::By(vec![(back.kind().to_owned(), json!(back))])
}

fn undo_set(action: SetAction, old: &Value) -> Result<SetAction, &'static str> {
    const UNREADABLE: &str = "what stood there before cannot be read";
    Ok(match action {
        SetAction::Create { .. } => SetAction::Delete,
        SetAction::Delete => return Err("a deleted permission set comes back by its file"),
        SetAction::Update { .. } => {
            let mut old = old.clone();
            if let Value::Object(members) = &mut old {
                members.insert("write".to_owned(), json!("update"));
            }
            serde_json::from_value(old).map_err(|_| UNREADABLE)?
        }
        SetAction::AttachManaged { arn } => SetAction::DetachManaged { arn },
        SetAction::DetachManaged { arn } => SetAction::AttachManaged { arn },
        SetAction::AttachCustomer { policy } => SetAction::DetachCustomer { policy },
        SetAction::DetachCustomer { policy } => SetAction::AttachCustomer { policy },
        SetAction::PutInline { .. } | SetAction::DeleteInline if old.is_null() => {
            SetAction::DeleteInline
        }
        SetAction::PutInline { .. } | SetAction::DeleteInline => SetAction::PutInline {
            policy: old.clone(),
        },
        SetAction::PutBoundary { .. } | SetAction::DeleteBoundary if old.is_null() => {
            SetAction::DeleteBoundary
        }
        SetAction::PutBoundary { .. } | SetAction::DeleteBoundary => SetAction::PutBoundary {
            boundary: serde_json::from_value(old.clone()).map_err(|_| UNREADABLE)?,
        },
        SetAction::Tag { key, .. } | SetAction::Untag { key } => match old.as_str() {
            Some(value) => SetAction::Tag {
                key,
                value: value.to_owned(),
            },
            None => SetAction::Untag { key },
        },
        // Undo runs in reverse order, so this would run before the edits are reverted.
        SetAction::Provision { .. } => {
            return Err("roles follow when the earlier file is applied, which provisions the set");
        }
    })
}
