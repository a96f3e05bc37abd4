//! Calls inside member accounts, with a session for each remediation (`organization.md` R-5).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hallpass_aws::{AwsClientSettings, OrganizationCalls, RoleToAssume, is_passing};
use hallpass_base::{AccountId, Clock};
use hallpass_enforcement::OrganizationFault;
use hallpass_findings::remediation::{
    MemberAnswer, MemberCalls, MemberFault, MemberFaultKind, MemberOperation, MemberPlace,
    MemberSession,
};
use hallpass_inventory::SliceFailure;
use hallpass_inventory::collect::CallPlace;
use serde_json::Value;

/// STS's shortest session.
const SESSION_SECONDS: u32 = 900;
const AT_ONCE: usize = 4;
const KEPT: usize = 32;

pub struct MemberSessions {
    client: AwsClientSettings,
    role: RoleToAssume,
    clock: Arc<dyn Clock>,
    open: Mutex<BTreeMap<(AccountId, MemberSession), Arc<OrganizationCalls>>>,
}

impl MemberSessions {
    pub fn new(
        client: AwsClientSettings,
        name: String,
        external_id: Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            client,
            role: RoleToAssume {
                name,
                external_id,
                session_seconds: Some(SESSION_SECONDS),
                ..RoleToAssume::default()
            },
            clock,
            open: Mutex::default(),
        }
    }

    fn kept(
        &self,
    ) -> std::sync::MutexGuard<'_, BTreeMap<(AccountId, MemberSession), Arc<OrganizationCalls>>>
    {
        // every change is complete
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn calls(&self, place: &MemberPlace) -> Result<Arc<OrganizationCalls>, MemberFault> {
        let key = (place.account.clone(), place.session.clone());
        if let Some(found) = self.kept().get(&key) {
            return Ok(Arc::clone(found));
        }
        let role = RoleToAssume {
            session_name: place.session.name.clone(),
            session_policy: Some(place.session.policy.clone()),
            ..self.role.clone()
        };
        let seed = fastrand::u64(..);
        let made = OrganizationCalls::new(
            self.client.clone(),
            role,
            AT_ONCE,
            seed,
            Arc::clone(&self.clock),
        );
        let made = made.await.map_err(|message| MemberFault {
            kind: MemberFaultKind::Refused,
            code: "NoClient".to_owned(),
            message,
        })?;
        let made = Arc::new(made);
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&made));
        Ok(made)
    }

    fn drop_session(&self, place: &MemberPlace) {
        let key = (place.account.clone(), place.session.clone());
        self.kept().remove(&key);
    }

    fn fault(&self, place: &MemberPlace, failure: SliceFailure) -> MemberFault {
        let passing = is_passing(&failure);
        let entering = failure.stage == "assume_role";
        if entering {
            self.drop_session(place);
        }
        let kind = match (passing, entering) {
            (true, _) => MemberFaultKind::Passing,
            (false, true) => MemberFaultKind::NotEntered,
            (false, false) => MemberFaultKind::Refused,
        };
        let mut message = failure.message;
        if kind == MemberFaultKind::NotEntered {
            let (account, role) = (&place.account, &self.role.name);
            message = format!(
                "role `{role}` of account {account} (arn:aws:iam::{account}:role/{role}) cannot be assumed: {message}; \
                 its trust policy has to let us assume it, with the external id"
            );
        }
        MemberFault {
            kind,
            code: failure.code,
            message,
        }
    }
}

#[async_trait]
impl MemberCalls for MemberSessions {
    async fn read(
        &self,
        place: &MemberPlace,
        operation: MemberOperation,
        input: &Value,
    ) -> Result<MemberAnswer, MemberFault> {
        let calls = self.calls(place).await?;
        let at = CallPlace::Inside(place.account.clone());
        let found = calls.call_in(&at, Some(&place.region), operation, input);
        let page = found.await.map_err(|failure| self.fault(place, failure))?;
        Ok((page.answer, page.next))
    }

    async fn send(
        &self,
        place: &MemberPlace,
        operation: MemberOperation,
        input: &Value,
    ) -> Result<Value, MemberFault> {
        let calls = self.calls(place).await?;
        let at = CallPlace::Inside(place.account.clone());
        let sent = calls
            .send_in(&at, Some(&place.region), operation, input)
            .await;
        sent.map_err(|fault| {
            let (kind, code, message) = match fault {
                OrganizationFault::Throttled { message, .. } => {
                    (MemberFaultKind::Passing, "Throttled".to_owned(), message)
                }
                OrganizationFault::Unreachable { message } => {
                    (MemberFaultKind::Passing, "NoAnswer".to_owned(), message)
                }
                OrganizationFault::Conflict { message } => {
                    (MemberFaultKind::Conflict, "Conflict".to_owned(), message)
                }
                OrganizationFault::AlreadyThere { message } => {
                    (MemberFaultKind::Passing, "AlreadyThere".to_owned(), message)
                }
                OrganizationFault::NotThere { message } => {
                    (MemberFaultKind::Passing, "NotThere".to_owned(), message)
                }
                OrganizationFault::Refused { code, message } => {
                    (MemberFaultKind::Refused, code, message)
                }
            };
            MemberFault {
                kind,
                code,
                message,
            }
        })
    }
}
