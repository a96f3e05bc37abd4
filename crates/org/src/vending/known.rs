//! Caches accounts: one listing serves a run, and created accounts are remembered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::lock::Mutex as Turn;
use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::StepError;

use super::listed::KnownAccount;
use super::ports::AccountAdmin;
use crate::steps::setback;

/// Cache age for looks that need no new accounts. AWS reports used addresses; such a look alone
/// causes no write.
const RUN_AGE_MAX: TimeSpan = TimeSpan::minutes(10);
/// Cache age for looks that may need a new account.
const NOW_AGE_MAX: TimeSpan = TimeSpan::seconds(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingAge {
    Run,
    Now,
}

impl ListingAge {
    const fn max(self) -> TimeSpan {
        match self {
            Self::Run => RUN_AGE_MAX,
            Self::Now => NOW_AGE_MAX,
        }
    }
}

pub type AccountListing = Arc<BTreeMap<String, KnownAccount>>;

fn by_address(accounts: impl IntoIterator<Item = KnownAccount>) -> AccountListing {
    let rows = accounts.into_iter();
    Arc::new(
        rows.map(|row| (row.email.to_ascii_lowercase(), row))
            .collect(),
    )
}

pub struct SeenAccounts {
    admin: Arc<dyn AccountAdmin>,
    clock: Arc<dyn Clock>,
    /// The last listing with its request time; concurrent callers wait for one listing.
    listed: Turn<Option<(Timestamp, AccountListing)>>,
    /// Accounts created by this process, by lower-case address: listings lag.
    made: Mutex<BTreeMap<String, String>>,
}

impl SeenAccounts {
    pub fn new(admin: Arc<dyn AccountAdmin>, clock: Arc<dyn Clock>) -> Self {
        Self {
            admin,
            clock,
            listed: Turn::default(),
            made: Mutex::default(),
        }
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // every change of the map is whole
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_made(&self, email: &str, account: &str) {
        let key = email.to_ascii_lowercase();
        self.made().insert(key, account.to_owned());
    }

    /// Adds a listing from elsewhere.
    pub async fn seed(&self, at: Timestamp, accounts: impl IntoIterator<Item = KnownAccount>) {
        *self.listed.lock().await = Some((at, by_address(accounts)));
    }

    /// # Errors
    /// AWS does not respond.
    pub async fn all(&self, age: ListingAge) -> Result<AccountListing, OrganizationFault> {
        let mut listed = self.listed.lock().await;
        let now = self.clock.now();
        let kept = listed.as_ref();
        if let Some((_, all)) = kept.filter(|(at, _)| now < age.max().after(*at)) {
            return Ok(Arc::clone(all));
        }
        let all = by_address(self.admin.accounts().await?);
        *listed = Some((now, Arc::clone(&all)));
        Ok(all)
    }

    pub(super) async fn listed(
        &self,
        email: &str,
        age: ListingAge,
    ) -> Result<Option<KnownAccount>, StepError> {
        let all = self.all(age).await.map_err(setback)?;
        Ok(all.get(&email.to_ascii_lowercase()).cloned())
    }

    pub(super) async fn id_of(
        &self,
        email: &str,
        age: ListingAge,
    ) -> Result<Option<String>, StepError> {
        let made = self.made().get(&email.to_ascii_lowercase()).cloned();
        match made {
            Some(id) => Ok(Some(id)),
            None => Ok(self.listed(email, age).await?.map(|it| it.id)),
        }
    }
}
