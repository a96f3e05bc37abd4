//! Sessions that outlive grants, in memory.

use async_trait::async_trait;
use hallpass_access::Message;
use hallpass_audit::Draft;
use hallpass_model::GrantId;
use hallpass_org::session_revocation::{Cut, CutNews, CutStore};
use hallpass_runner::StoreFault;

use super::MemoryStore;
use crate::fault::StorageFault;
use crate::steps::{notice_of_cut, wrong_version};

#[async_trait]
impl CutStore for MemoryStore {
    async fn open_cuts(&self) -> Result<Vec<Cut>, StoreFault> {
        let state = self.state();
        Ok(state
            .cuts
            .values()
            .filter(|it| it.is_open())
            .cloned()
            .collect())
    }

    async fn cut(&self, grant: GrantId) -> Result<Option<Cut>, StoreFault> {
        Ok(self.state().cuts.get(&grant).cloned())
    }

    async fn settle_cuts(
        &self,
        cuts: &[Cut],
        records: Vec<Draft>,
        news: Vec<CutNews>,
    ) -> Result<(), StoreFault> {
        let mut state = self.state();
        for cut in cuts {
            let stored = state.cuts.get(&cut.grant);
            if stored.is_none_or(|stored| stored.version != cut.version) {
                let fault: StorageFault = wrong_version(&format!("cut of {}", cut.grant));
                return Err(fault.into());
            }
        }
        state.append(records)?;
        for cut in cuts {
            let version = cut.version + 1;
            let next = Cut {
                version,
                ..cut.clone()
            };
            state.cuts.insert(cut.grant, next);
        }
        for told in &news {
            state.outbox.post(Message::Notice(notice_of_cut(told)));
        }
        Ok(())
    }
}
