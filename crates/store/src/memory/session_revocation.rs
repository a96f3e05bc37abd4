//! Sessions that outlive grants, in memory.

use async_trait::async_trait;
use hallpass_access::Message;
use hallpass_base::GrantId;
use hallpass_enforcement::session_revocation::{
    SessionRevocation, SessionRevocationChange, SessionRevocationStore,
};
use hallpass_plans::StoreFault;

use super::MemoryStore;
use crate::fault::StorageFault;
use crate::steps::{notice_of_revocation, wrong_version};

#[async_trait]
impl SessionRevocationStore for MemoryStore {
    async fn open_session_revocations(&self) -> Result<Vec<SessionRevocation>, StoreFault> {
        let state = self.state();
        Ok(state
            .session_revocations
            .values()
            .filter(|it| it.is_open())
            .cloned()
            .collect())
    }

    async fn session_revocation(
        &self,
        grant: GrantId,
    ) -> Result<Option<SessionRevocation>, StoreFault> {
        Ok(self.state().session_revocations.get(&grant).cloned())
    }

    async fn settle_session_revocations(
        &self,
        change: SessionRevocationChange,
    ) -> Result<(), StoreFault> {
        let mut state = self.state();
        for revocation in &change.revocations {
            let stored = state.session_revocations.get(&revocation.grant);
            if stored.is_none_or(|stored| stored.version != revocation.version) {
                let fault: StorageFault = wrong_version(&format!("cut of {}", revocation.grant));
                return Err(fault.into());
            }
        }
        state.append(change.records)?;
        for revocation in &change.revocations {
            let version = revocation.version + 1;
            let next = SessionRevocation {
                version,
                ..revocation.clone()
            };
            state.session_revocations.insert(revocation.grant, next);
        }
        for told in &change.news {
            state.post(Message::Notice(notice_of_revocation(told)));
        }
        Ok(())
    }
}
