use async_trait::async_trait;
use hallpass_access::{Campaign, CampaignLine, CampaignStore, LineCount, LineFilter, ReadError};
use hallpass_base::CampaignId;

use super::{Gated, read};

#[async_trait]
impl<P: CampaignStore> CampaignStore for Gated<P> {
    async fn campaign(&self, id: CampaignId) -> Result<Option<Campaign>, ReadError> {
        self.gate.pass(self.inner.campaign(id), read).await
    }

    async fn campaigns(&self, limit: u32) -> Result<Vec<Campaign>, ReadError> {
        self.gate.pass(self.inner.campaigns(limit), read).await
    }

    async fn campaign_lines(
        &self,
        id: CampaignId,
        filter: &LineFilter,
        limit: u32,
    ) -> Result<Vec<CampaignLine>, ReadError> {
        let lines = self.inner.campaign_lines(id, filter, limit);
        self.gate.pass(lines, read).await
    }

    async fn campaign_line_counts(&self, id: CampaignId) -> Result<Vec<LineCount>, ReadError> {
        let counts = self.inner.campaign_line_counts(id);
        self.gate.pass(counts, read).await
    }
}
