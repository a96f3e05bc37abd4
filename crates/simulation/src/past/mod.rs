//! A past for measurements: years of requests, decisions, grants and ends of thousands of people,
//! repeatable by seed and stored through the normal commit. Its log verifies, and states match the
//! log.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "made by hand for measurements and tests, never shipped; a wrong value should fail loudly"
)]

mod journeys;
mod organization;
mod outcomes;
mod reading;
mod records;
mod rng;

use std::collections::BTreeMap;

use hallpass_access::{AccessStore, Change, CommitError, DesiredAssignment, Grant, Request, Write};
use hallpass_audit::Draft;
use hallpass_base::{TimeSpan, Timestamp};

pub use organization::{Organization, Team};
pub use reading::{Reading, access, readers, readings, rules};

use journeys::Journeys;
use rng::Rng;

const BATCH: usize = 2_000;

#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub grants: u32,
    pub people: u32,
    /// Teams, each with five accounts and four leads.
    pub teams: u32,
    pub years: u32,
    /// Grants not ended: their access does not exist yet.
    pub live: u32,
    pub pending: u32,
}

impl Sizes {
    /// The size for which budgets are stated.
    pub const BUDGET: Self = Self {
        grants: 100_000,
        people: 2_000,
        teams: 50,
        years: 3,
        live: 200,
        pending: 150,
    };

    #[must_use]
    pub const fn small(grants: u32) -> Self {
        Self {
            grants,
            people: 200,
            teams: 5,
            years: 2,
            live: 12,
            pending: 12,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub requests: u64,
    pub grants: u64,
    pub records: u64,
}

struct Journey {
    request: Request,
    grant: Option<Grant>,
    desire: Option<DesiredAssignment>,
    drafts: Vec<(Timestamp, Draft)>,
}

struct Writer<'a, S> {
    store: &'a S,
    waiting: BTreeMap<(Timestamp, u64), Draft>,
    count: u64,
    change: Change,
    written: Written,
}

impl<S: AccessStore> Writer<'_, S> {
    async fn take(&mut self, journey: Journey) -> Result<(), CommitError> {
        self.record_until(journey.request.asked_at).await?;
        for (at, draft) in journey.drafts {
            self.waiting.insert((at, self.count), draft);
            self.count += 1;
        }
        self.written.requests += 1;
        self.written.grants += u64::from(journey.grant.is_some());
        self.change.requests.push(Write::Insert(journey.request));
        self.change
            .grants
            .extend(journey.grant.into_iter().map(Write::Insert));
        self.change.desired.extend(journey.desire);
        Ok(())
    }

    async fn record_until(&mut self, now: Timestamp) -> Result<(), CommitError> {
        while let Some(first) = self.waiting.first_entry() {
            if first.key().0 >= now {
                break;
            }
            self.change.audit.push(first.remove());
            if self.change.audit.len() >= BATCH {
                self.commit().await?;
            }
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), CommitError> {
        let change = std::mem::take(&mut self.change);
        if !change.is_empty() {
            self.written.records += self.store.commit(change).await?.len() as u64;
        }
        Ok(())
    }
}

/// Writes a past that ends at `until` into an empty store.
///
/// # Errors
/// When the store refuses a commit.
pub async fn write<S: AccessStore>(
    store: &S,
    organization: &Organization,
    sizes: &Sizes,
    until: Timestamp,
    seed: u64,
) -> Result<Written, CommitError> {
    let dice = Rng::new(seed);
    let mut journeys = Journeys::new(organization, sizes, until, dice);
    let mut writer = Writer {
        store,
        waiting: BTreeMap::new(),
        count: 0,
        change: Change::default(),
        written: Written::default(),
    };
    while let Some(journey) = journeys.next() {
        writer.take(journey).await?;
    }
    writer
        .record_until(TimeSpan::hours(24).after(until))
        .await?;
    writer.commit().await?;
    Ok(writer.written)
}
