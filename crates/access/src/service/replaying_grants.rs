//! Live grants held against rules that are not in force: which of them these would end.

use std::sync::Arc;

use hallpass_base::time::utc_seconds;
use hallpass_rules::{Directory, Rules};

use super::Access;
use super::turns::WorkTurn;
use crate::other_rules::{UnderOtherRules, under};
use crate::{Actor, Grant, GrantFilter, GrantStateKind, ReadError};

/// Grants read at once.
const BATCH: u32 = 256;
/// Grants that one call looks at, the newest ones.
const LOOKED_AT_MAX: usize = 5_000;
/// Grants that one call tells; the rest is counted.
const TOLD_MAX: usize = 500;

/// A live grant of which other rules would make something else.
#[derive(Clone, Debug)]
pub struct ReplayedGrant {
    /// The grant.
    pub grant: Grant,
    /// What becomes of it once they are in force.
    pub outcome: UnderOtherRules,
}

/// What came of holding the live grants against other rules.
#[derive(Clone, Debug, Default)]
pub struct ReplayedGrants {
    /// How many grants were looked at: those that are live and not ending.
    pub looked_at: usize,
    /// Whether there are older ones, which were not.
    pub more: bool,
    /// How many end.
    pub ends: usize,
    /// How many stay and are reported.
    pub reported: usize,
    /// Of how many that cannot be told.
    pub unread: usize,
    /// The first 500: those that end, then those that are reported, then those of which it cannot be told; the newest first
    /// of each.
    pub rows: Vec<ReplayedGrant>,
}

/// Grants of one outcome.
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

/// The same of each outcome.
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
    /// Holds live grants, the newest first, against rules that are not in force, by the directory that is given: as the next
    /// comparison would once they are. Waits for the actor's turn to read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn replayed_grants(
        &self,
        (actor, turn): (&Actor, &WorkTurn),
        others: &Rules,
        directory: &Arc<Directory>,
    ) -> Result<ReplayedGrants, ReadError> {
        let on_rule_change = self.settings.on_rule_change;
        // by what is that old no comparison ends anything
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
