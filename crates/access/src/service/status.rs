//! How sweeps are, for Health and metrics: numbers, and nobody's name.

use hallpass_base::{SweepId, Timestamp};

use super::{Access, AccessError};
use crate::{Fate, SweepMode, SweepState};

/// Runs looked back at for the last one and its outcome.
const LOOKED_BACK: u32 = 10;

/// How sweeps are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepStatus {
    /// The mode in force.
    pub mode: SweepMode,
    /// When the newest run that looked did so.
    pub looked_at: Option<Timestamp>,
    /// What it found, by kind.
    pub items: [(&'static str, u64); 5],
    /// What it could not read.
    pub unread: u64,
    /// A run that waits for an administrator.
    pub waiting: Option<SweepId>,
    /// Why the newest run failed, when it did.
    pub failed: Option<String>,
    /// Items that are being removed or adopted.
    pub at_work: u64,
    /// Items whose removal AWS refuses.
    pub stuck: u64,
    /// When the next run is due.
    pub next_at: Option<Timestamp>,
}

impl Access {
    /// How sweeps are.
    ///
    /// # Errors
    /// When the store does not answer.
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
