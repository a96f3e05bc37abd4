//! Access review campaigns in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use hallpass_access::{
    Campaign, CampaignLine, CampaignStore, LineCount, LineFilter, ReadError, Write,
};
use hallpass_base::CampaignId;

use super::MemoryStore;
use crate::fault::StorageFault;
use crate::steps::{exists_already, wrong_version};

#[derive(Clone, Debug, Default)]
pub(super) struct Campaigns {
    campaigns: BTreeMap<CampaignId, Campaign>,
    lines: BTreeMap<(CampaignId, u32), CampaignLine>,
}

impl Campaigns {
    pub(super) fn staged(
        &self,
        campaigns: Vec<Write<Campaign>>,
        lines: Vec<Write<CampaignLine>>,
    ) -> Result<Self, StorageFault> {
        let mut staged = Self::default();
        for write in campaigns {
            staged.campaign(self, write)?;
        }
        for write in lines {
            staged.line(self, write)?;
        }
        Ok(staged)
    }

    pub(super) fn extend(&mut self, staged: Self) {
        self.campaigns.extend(staged.campaigns);
        self.lines.extend(staged.lines);
    }

    fn campaign(&mut self, base: &Self, write: Write<Campaign>) -> Result<(), StorageFault> {
        let (Write::Insert(row) | Write::Update(row)) = &write;
        let what = format!("campaign {}", row.id);
        let stored = base.campaigns.get(&row.id).map(|it| it.version);
        let next = match write {
            Write::Insert(_) if stored.is_some() => return Err(exists_already(&what)),
            Write::Insert(row) => row,
            Write::Update(row) if stored != Some(row.version) => return Err(wrong_version(&what)),
            Write::Update(row) => Campaign {
                version: row.version + 1,
                ..row
            },
        };
        self.campaigns.insert(next.id, next);
        Ok(())
    }

    fn line(&mut self, base: &Self, write: Write<CampaignLine>) -> Result<(), StorageFault> {
        let (Write::Insert(row) | Write::Update(row)) = &write;
        let name = (row.campaign, row.number);
        let what = format!("line {} of campaign {}", row.number, row.campaign);
        let stored = base.lines.get(&name).map(|it| it.version);
        let campaign = self.campaigns.get(&row.campaign);
        let campaign = campaign.or_else(|| base.campaigns.get(&row.campaign));
        let is_open = campaign.is_some_and(Campaign::is_open);
        let next = match write {
            Write::Insert(_) if stored.is_some() => return Err(exists_already(&what)),
            Write::Insert(row) => row,
            Write::Update(row) if stored != Some(row.version) || !is_open => {
                return Err(wrong_version(&what));
            }
            Write::Update(row) => CampaignLine {
                version: row.version + 1,
                ..row
            },
        };
        self.lines.insert(name, next);
        Ok(())
    }
}

#[async_trait]
impl CampaignStore for MemoryStore {
    async fn campaign(&self, id: CampaignId) -> Result<Option<Campaign>, ReadError> {
        Ok(self.state().campaigns.campaigns.get(&id).cloned())
    }

    async fn campaigns(&self, limit: u32) -> Result<Vec<Campaign>, ReadError> {
        let state = self.state();
        let newest_first = state.campaigns.campaigns.values().rev();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(newest_first.take(limit).cloned().collect())
    }

    async fn campaign_lines(
        &self,
        id: CampaignId,
        filter: &LineFilter,
        limit: u32,
    ) -> Result<Vec<CampaignLine>, ReadError> {
        let state = self.state();
        let lines = state.campaigns.lines.range((id, 0)..=(id, u32::MAX));
        let lines = lines.map(|(_, line)| line).filter(|it| filter.fits(it));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(lines.take(limit).cloned().collect())
    }

    async fn campaign_line_counts(&self, id: CampaignId) -> Result<Vec<LineCount>, ReadError> {
        let state = self.state();
        let mut counts = BTreeMap::new();
        for line in state.campaigns.lines.range((id, 0)..=(id, u32::MAX)) {
            let (_, line) = line;
            let answer = line.answer.as_ref().map(|it| it.answer);
            *counts
                .entry((line.reviewer.user.clone(), answer))
                .or_insert(0) += 1;
        }
        let counts = counts.into_iter();
        let counts = counts.map(|((reviewer, answer), lines)| LineCount {
            reviewer,
            answer,
            lines,
        });
        Ok(counts.collect())
    }
}
