//! Grants, present and recent, to compare with standing access.

use hallpass_assignments::Ownership;
use hallpass_base::{GrantId, TimeSpan, Timestamp};

use super::{Access, AccessError};
use crate::{Held, ReadError};

/// Grants that began this long before the lookback may still matter.
const SLACK: TimeSpan = TimeSpan::hours(24);
const BATCH: u32 = 256;

impl Access {
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
