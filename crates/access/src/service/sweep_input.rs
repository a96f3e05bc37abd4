//! What standing access is compared with: grants, present and recent, and the places of a plan.

use std::collections::BTreeMap;
use std::time::Duration;

use hallpass_assignments::Ownership;
use hallpass_base::{GrantId, HoldKey, TimeSpan, Timestamp};
use hallpass_rules::Directory;

use super::{Access, AccessError};
use crate::sweep_steps::Fresh;
use crate::{
    Accepted, DirectoryFault, Held, ReadError, StandingListing, StandingScope, SweepSettings,
};

/// Grants that began this long before the lookback may still matter.
const SLACK: TimeSpan = TimeSpan::hours(24);
const BATCH: u32 = 256;

/// The longest repeated read of a plan's places.
const PLAN_LOOK_MAX: Duration = Duration::from_secs(25);

/// The places of a plan, read just now.
pub(super) struct PlacesRead {
    listing: StandingListing,
    held: Held,
    accepted: BTreeMap<HoldKey, Accepted>,
}

impl PlacesRead {
    pub(super) fn fresh<'a>(
        &'a self,
        directory: &'a Directory,
        settings: &'a SweepSettings,
    ) -> Fresh<'a> {
        Fresh {
            listing: &self.listing,
            held: &self.held,
            accepted: &self.accepted,
            directory,
            settings,
        }
    }
}

impl Access {
    pub(super) async fn read_places(
        &self,
        scope: &StandingScope,
    ) -> Result<PlacesRead, AccessError> {
        let since = self.now();
        let reading = self.ports.standing.read(scope);
        let listing = tokio::time::timeout(PLAN_LOOK_MAX, reading).await;
        let listing = listing.map_err(|_| {
            AccessError::Directory(DirectoryFault {
                what: "the access of the plan".to_owned(),
                message: "it takes too long; try again".to_owned(),
            })
        })?;
        let held = self.held(since).await?;
        let accepted = self.ports.sweeps.accepted().await?.into_iter();
        Ok(PlacesRead {
            listing,
            held,
            accepted: accepted.map(|it| (it.key.clone(), it)).collect(),
        })
    }

    /// Returns present grants and those since `since`, and access recently found standing by
    /// grants.
    pub(super) async fn held(&self, since: Timestamp) -> Result<Held, AccessError> {
        let mut held = Held::default();
        let now = self.now();
        let rows = self.ports.assignments.assignments().await;
        let rows = rows.map_err(|fault| ReadError(fault.to_string()))?;
        for row in rows {
            match row.execution.ownership {
                Ownership::Standing if row.desired.until > now => {
                    held.found_standing.insert(row.key.clone(), now);
                    held.under_grant.insert(row.key);
                }
                // Its grant is over, but the access stays.
                Ownership::Standing => {}
                Ownership::Ours | Ownership::Undecided => {
                    held.ours.insert(row.key);
                }
            }
        }
        for grant in self.live_grants().await? {
            let is_known = held.under_grant.contains(&grant.key);
            // The grant of standing access is over: Hallpass holds nothing.
            let is_over = grant.standing && !grant.is_hold();
            if !is_known && !is_over {
                held.ours.insert(grant.key);
            }
        }
        let oldest = SLACK.before(crate::PREEXISTING_FOR.before(now));
        for grant in (self.ports.store.grants_unread(GrantId::first_at(oldest))).await? {
            match grant.key {
                // The grant's finding is unreadable: its access is neither removed nor adopted.
                Some(key) if held.under_grant.contains(&key) => {}
                Some(key) => {
                    held.ours.insert(key);
                }
                None => held.unread.push(grant),
            }
        }
        self.past_grants(since, oldest, &mut held).await?;
        Ok(held)
    }

    /// Grants since `since` count as Hallpass's regardless of their outcome; recent ones also show
    /// standing access.
    async fn past_grants(
        &self,
        since: Timestamp,
        oldest: Timestamp,
        held: &mut Held,
    ) -> Result<(), AccessError> {
        let mut filter = crate::GrantFilter::default();
        loop {
            let page = self.ports.store.grants(&filter, BATCH).await?;
            for grant in page.rows {
                if grant.scheduled_at < oldest {
                    return Ok(());
                }
                if grant.standing {
                    let at = grant.granted_at.unwrap_or(grant.scheduled_at);
                    let known = held.found_standing.entry(grant.key).or_insert(at);
                    *known = at.max(*known);
                } else if grant.scheduled_at >= since {
                    held.ours.insert(grant.key);
                }
            }
            if page.next.is_none() {
                return Ok(());
            }
            filter.before = page.next;
        }
    }
}
