//! Sweep status for Health and metrics, without user names.

use hallpass_base::{SweepId, Timestamp};

use super::{Access, AccessError};
use crate::{Fate, SweepMode, SweepState};

const LOOKED_BACK: u32 = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepStatus {
    pub mode: SweepMode,
    pub looked_at: Option<Timestamp>,
    pub items: [(&'static str, u64); 5],
    pub unread: u64,
    pub waiting: Option<SweepId>,
    pub failed: Option<String>,
    pub at_work: u64,
    pub stuck: u64,
    pub next_at: Option<Timestamp>,
}

impl Access {
    /// # Errors
    /// If the store does not answer.
    pub async fn sweep_status(&self) -> Result<SweepStatus, AccessError> {
        let sweeps = &self.ports.sweeps;
        let newest = sweeps.newest_listing().await?;
        let report = newest.as_ref().and_then(|sweep| sweep.report.as_ref());
        let recent = sweeps.sweeps(None, LOOKED_BACK).await?;
        let looked: Vec<&crate::Sweep> = recent
            .iter()
            .filter(|run| run.state != SweepState::Queued)
            .collect();
        let open = sweeps.open_sweep_items().await?;
        let count = |wanted: fn(&Fate) -> bool| {
            let found = open.iter().filter(|item| wanted(&item.fate)).count();
            u64::try_from(found).unwrap_or(u64::MAX)
        };
        let number = |of: fn(&crate::SweepReport) -> u64| report.map_or(0, of);
        Ok(SweepStatus {
            mode: self.settings.sweep.mode,
            looked_at: report.map(|report| report.began),
            items: [
                ("unknown", number(|report| report.unknown)),
                ("preexisting", number(|report| report.preexisting)),
                ("under_grant", number(|report| report.under_grant)),
                ("accepted", number(|report| report.accepted)),
                ("review_overdue", number(|report| report.reviews_overdue)),
            ],
            unread: number(|report| report.unread),
            waiting: recent
                .iter()
                .find(|run| run.state.is_waiting())
                .map(|run| run.id),
            failed: looked.first().and_then(|run| match &run.state {
                SweepState::Failed { error, .. } => Some(error.clone()),
                _ => None,
            }),
            at_work: count(Fate::is_at_work),
            stuck: count(|fate| matches!(fate, Fate::Stuck { .. })),
            next_at: self.next_sweep().await?.map(|(at, _)| at),
        })
    }
}
