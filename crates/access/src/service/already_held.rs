//! Checks before a request whether the user already holds the target.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use hallpass_assignments::Ownership;
use hallpass_base::{HoldKey, Target, TimeSpan, Timestamp, UserId};

use super::{Access, AccessError};
use crate::{DirectoryFault, Fate, FieldProblem, Stands, SweepItem, Wanted, target};

/// How long a form waits for AWS before using known data.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);
/// The longest AWS read for a decision.
pub(super) const LOOK_MAX: Duration = Duration::from_secs(10);
/// Cache lifetime of a read: a form checks at every key press.
const LOOK_KEPT: TimeSpan = TimeSpan::seconds(15);
const LOOKS_MAX: usize = 256;
/// Concurrent reads for forms; beyond that, known data is used.
pub(super) const LOOKS_AT_ONCE: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitLimit {
    /// Allows one second for a read.
    Look,
    Known,
}

#[derive(Debug, Default)]
pub(super) struct Looks(BTreeMap<Target, (Timestamp, Vec<UserId>)>);

impl Access {
    pub(super) async fn look(
        &self,
        target: &Target,
        patience: Duration,
    ) -> Result<Vec<UserId>, AccessError> {
        let looked = tokio::time::timeout(patience, self.ports.standing.holders(target)).await;
        match looked {
            Ok(Ok(holders)) => Ok(holders),
            Ok(Err(fault)) => Err(fault.into()),
            Err(_) => Err(AccessError::Directory(DirectoryFault {
                what: target.to_string(),
                message: "no answer in time".to_owned(),
            })),
        }
    }

    /// Whether a user holds a target outside Hallpass: by a read of AWS if time allows, else by the
    /// newest run.
    ///
    /// # Errors
    /// If the store does not answer. An AWS failure is no error: known data is used.
    pub async fn stands(
        &self,
        user: &UserId,
        target: &Target,
        patience: WaitLimit,
    ) -> Result<Option<Stands>, AccessError> {
        let key = HoldKey {
            user: user.clone(),
            target: target.clone(),
        };
        if let Some(known) = self.stands_by_grants(&key).await? {
            return Ok(known);
        }
        let looked = match patience {
            WaitLimit::Look => self.quick_look(target).await,
            WaitLimit::Known => None,
        };
        if let Some((seen_at, holders)) = looked {
            // A grant made during the read appears in AWS before it does here.
            if let Some(known) = self.stands_by_grants(&key).await? {
                return Ok(known);
            }
            return Ok(holders.contains(user).then_some(Stands { seen_at }));
        }
        let Some(newest) = self.ports.sweeps.newest_listing().await? else {
            return Ok(None);
        };
        let item = self.ports.sweeps.sweep_item(newest.id, &key).await?;
        Ok(item.filter(is_there).map(|item| Stands {
            seen_at: item.seen_at,
        }))
    }

    /// # Errors
    /// If the target does not exist.
    pub fn target_of(&self, wanted: &Wanted) -> Result<Target, Vec<FieldProblem>> {
        Ok(target::resolve(wanted, &self.directory())?.target)
    }

    /// Lists a user's unmanaged access, as of the newest run.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn stands_known(
        &self,
        user: &UserId,
    ) -> Result<BTreeMap<Target, Stands>, AccessError> {
        let sweeps = &self.ports.sweeps;
        let Some(newest) = sweeps.newest_listing().await? else {
            return Ok(BTreeMap::new());
        };
        let items = sweeps.sweep_items(newest.id).await?;
        let stands = |item: &SweepItem| Stands {
            seen_at: item.seen_at,
        };
        Ok(items
            .iter()
            .filter(|item| item.key.user == *user && is_there(item))
            .map(|item| (item.key.target.clone(), stands(item)))
            .collect())
    }

    /// `Some(None)` if Hallpass granted the access.
    async fn stands_by_grants(&self, key: &HoldKey) -> Result<Option<Option<Stands>>, AccessError> {
        let holds = self.holds(Some(key)).await?;
        let now = self.now();
        Ok(match &holds.row {
            Some(row) if row.execution.ownership == Ownership::Standing => {
                let seen_at = row.execution.last_present_at.unwrap_or(now);
                Some(Some(Stands { seen_at }))
            }
            None if holds.grants.is_empty() => None,
            Some(_) | None => Some(None),
        })
    }

    /// A read shared with other callers, with a short timeout.
    async fn quick_look(&self, target: &Target) -> Option<(Timestamp, Vec<UserId>)> {
        let now = self.now();
        {
            let mut looks = self
                .aws_looks
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            looks.0.retain(|_, (at, _)| now < LOOK_KEPT.after(*at));
            if let Some(found) = looks.0.get(target) {
                return Some(found.clone());
            }
        }
        let _room = self.look_permits.try_acquire().ok()?;
        let holders = self.look(target, LOOK_PATIENCE).await.ok()?;
        let mut looks = self
            .aws_looks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if looks.0.len() < LOOKS_MAX {
            looks.0.insert(target.clone(), (now, holders.clone()));
        }
        Some((now, holders))
    }
}

/// Whether the item is neither deleted nor a grant since.
const fn is_there(item: &SweepItem) -> bool {
    !matches!(item.fate, Fate::Gone { .. } | Fate::Adopted { .. })
}
