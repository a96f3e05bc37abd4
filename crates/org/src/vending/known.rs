//! Accounts as a process has seen them: one listing serves a whole run, and who was made in it is remembered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::lock::Mutex as Turn;
use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_plans::StepError;

use super::listed::KnownAccount;
use super::ports::AccountAdmin;
use crate::ports::OrganizationFault;
use crate::step_executor::setback;

/// How old a listing may be in which nobody looks for what was made meanwhile. That an address is taken is AWS's to
/// say; nothing is written by such a look alone.
const RUN_AGE_MAX: TimeSpan = TimeSpan::minutes(10);
/// How old one may be in which something is expected that may be new.
const NOW_AGE_MAX: TimeSpan = TimeSpan::seconds(5);

/// How new a listing has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingAge {
    /// Of this run.
    Run,
    /// Of now: something is looked for that the last one may not have.
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

/// Accounts by their address in lower case.
pub type AccountListing = Arc<BTreeMap<String, KnownAccount>>;

fn by_address(accounts: impl IntoIterator<Item = KnownAccount>) -> AccountListing {
    let rows = accounts.into_iter();
    Arc::new(
        rows.map(|row| (row.email.to_ascii_lowercase(), row))
            .collect(),
    )
}

/// What is known of accounts.
pub struct SeenAccounts {
    admin: Arc<dyn AccountAdmin>,
    clock: Arc<dyn Clock>,
    /// The last listing, and when it was asked for; whoever finds none lists while others wait for it.
    listed: Turn<Option<(Timestamp, AccountListing)>>,
    /// Accounts that steps of this process have seen made, by address in lower case: listings may not show them yet.
    made: Mutex<BTreeMap<String, String>>,
}

impl SeenAccounts {
    /// One that has listed nothing yet.
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

    /// An account was seen made.
    pub(super) fn note_made(&self, email: &str, account: &str) {
        let key = email.to_ascii_lowercase();
        self.made().insert(key, account.to_owned());
    }

    /// Takes over a listing that was read elsewhere, from that time on.
    pub async fn seed(&self, at: Timestamp, accounts: impl IntoIterator<Item = KnownAccount>) {
        *self.listed.lock().await = Some((at, by_address(accounts)));
    }

    /// All accounts.
    ///
    /// # Errors
    /// When AWS does not say.
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

    /// The account of an address in a listing.
    pub(super) async fn listed(
        &self,
        email: &str,
        age: ListingAge,
    ) -> Result<Option<KnownAccount>, StepError> {
        let all = self.all(age).await.map_err(setback)?;
        Ok(all.get(&email.to_ascii_lowercase()).cloned())
    }

    /// The id of the account of an address.
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
