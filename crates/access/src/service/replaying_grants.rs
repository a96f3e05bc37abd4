//! Finds live grants that other rules would end.

use std::sync::Arc;

use hallpass_base::time::utc_seconds;
use hallpass_rules::{Directory, Rules};

use super::Access;
use super::per_user_read_lock::WorkTurn;
use crate::other_rules::{UnderOtherRules, under};
use crate::{Actor, Grant, GrantFilter, GrantStateKind, ReadError};

const BATCH: u32 = 256;
/// Grants examined per call, the newest.
const LOOKED_AT_MAX: usize = 5_000;
/// Grants listed per call; others are counted.
const TOLD_MAX: usize = 500;

#[derive(Clone, Debug)]
pub struct ReplayedGrant {
    pub grant: Grant,
    pub outcome: UnderOtherRules,
}

#[derive(Clone, Debug, Default)]
pub struct ReplayedGrants {
    /// Excludes grants that are ending.
    pub looked_at: usize,
    /// Whether older grants were not examined.
    pub more: bool,
    pub ends: usize,
    pub reported: usize,
    pub unread: usize,
    /// The first 500: ended, then reported, then undecidable; newest first in each group.
    pub rows: Vec<ReplayedGrant>,
}

#[derive(Default)]
struct Counted {
    count: usize,
    first: Vec<ReplayedGrant>,
}

impl Counted {
    fn add(&mut self, row: ReplayedGrant) {
        self.count += 1;
        if self.first.len() < TOLD_MAX {
            self.first.push(row);
        }
    }
}

#[derive(Default)]
struct Sorted {
    ends: Counted,
    reported: Counted,
    unread: Counted,
}

impl Sorted {
    fn add(&mut self, grant: Grant, outcome: UnderOtherRules) {
        let of_its_kind = match outcome {
            UnderOtherRules::Ends { .. } => &mut self.ends,
            UnderOtherRules::Reported { .. } => &mut self.reported,
            UnderOtherRules::Unread { .. } => &mut self.unread,
        };
        of_its_kind.add(ReplayedGrant { grant, outcome });
    }

    fn told(self, looked_at: usize, more: bool) -> ReplayedGrants {
        let Self {
            ends,
            reported,
            unread,
        } = self;
        let rows = { ends.first.into_iter() }
            .chain(reported.first)
            .chain(unread.first);
        ReplayedGrants {
            looked_at,
            more,
            ends: ends.count,
            reported: reported.count,
            unread: unread.count,
            rows: rows.take(TOLD_MAX).collect(),
        }
    }
}

impl Access {
    /// Judges live grants, newest first, by rules that are not in force. Waits for the actor's
    /// turn.
    ///
    /// # Errors
    /// If the store does not answer.
    pub(super) async fn replayed_grants(
        &self,
        actor: &Actor,
        turn: &WorkTurn,
        others: &Rules,
        directory: &Arc<Directory>,
    ) -> Result<ReplayedGrants, ReadError> {
        let on_rule_change = self.settings.on_rule_change;
        // A stale directory ends nothing.
        let is_fresh = self.ensure_fresh(directory, self.step()).is_ok();
        let mut filter = GrantFilter {
            states: GrantStateKind::HOLDING.to_vec(),
            ..GrantFilter::default()
        };
        let (mut sorted, mut looked_at) = (Sorted::default(), 0);
        loop {
            let reading = self.turn(actor).await;
            let page = self.ports.store.grants(&filter, BATCH).await?;
            drop(reading);
            let (today, others) = (self.rules(), others.clone());
            let directory = Arc::clone(directory);
            looked_at += page.rows.len();
            let judged = turn.run(move |cancel| {
                let goes_on = |_: &Grant| !cancel.is_cancelled();
                for grant in page.rows.into_iter().take_while(goes_on) {
                    let outcome = if is_fresh {
                        under(&grant, &others, &today, &directory, on_rule_change)
                    } else {
                        Some(nobody_knows(&directory))
                    };
                    if let Some(outcome) = outcome {
                        sorted.add(grant, outcome);
                    }
                }
                sorted
            });
            sorted = judged.await?;
            match page.next {
                None => return Ok(sorted.told(looked_at, false)),
                Some(_) if looked_at >= LOOKED_AT_MAX => return Ok(sorted.told(looked_at, true)),
                Some(next) => filter.before = Some(next),
            }
        }
    }
}

fn nobody_knows(directory: &Directory) -> UnderOtherRules {
    let read = match directory.taken_at() {
        Some(at) => format!("was last read at {}, too long ago", utc_seconds(at)),
        None => "was never read".to_owned(),
    };
    UnderOtherRules::Unread {
        what: [format!("the organization {read}")].into(),
    }
}
