//! Whether somebody holds something already, for those who are about to ask for it.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use hallpass_assignments::Ownership;
use hallpass_base::{HoldKey, Target, TimeSpan, Timestamp, UserId};

use super::{Access, AccessError};
use crate::{DirectoryFault, Fate, FieldProblem, Stands, SweepItem, Wanted, target};

/// How long somebody waits for a look at AWS before what is known has to do.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);
/// How long a look that a decision rests on may take.
pub(super) const LOOK_MAX: Duration = Duration::from_secs(10);
/// A look is good for so long: a form is looked at again with every key somebody types.
const LOOK_KEPT: TimeSpan = TimeSpan::seconds(15);
/// Looks remembered at most.
const LOOKS_MAX: usize = 256;
/// Looks for forms at the same time; beyond, what is known has to do.
pub(super) const LOOKS_AT_ONCE: usize = 4;

/// Whether AWS is asked, or what is known has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// There is a second for a look.
    Look,
    /// There is none.
    Known,
}

/// Looks of the last seconds.
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

    /// Whether a person holds a target already, not through Hallpass: what a form says before they
    /// ask. By a look at AWS where there is time for one, else by what the newest run found.
    ///
    /// # Errors
    /// When the store does not answer. That AWS does not is no error: then what is known counts.
    pub async fn stands(
        &self,
        user: &UserId,
        target: &Target,
        patience: Patience,
    ) -> Result<Option<Stands>, AccessError> {
        let key = HoldKey {
            user: user.clone(),
            target: target.clone(),
        };
        if let Some(known) = self.stands_by_grants(&key).await? {
            return Ok(known);
        }
        let looked = match patience {
            Patience::Look => self.quick_look(target).await,
            Patience::Known => None,
        };
        if let Some((seen_at, holders)) = looked {
            // a grant made while we looked shows up in AWS before it does here
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

    /// What somebody means, as their callers name it.
    ///
    /// # Errors
    /// When what is named does not exist.
    pub fn target_of(&self, wanted: &Wanted) -> Result<Target, Vec<FieldProblem>> {
        Ok(target::resolve(wanted, &self.directory())?.target)
    }

    /// Everything a person holds without Hallpass, as the newest run found it.
    ///
    /// # Errors
    /// When the store does not answer.
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

    /// What Hallpass itself knows of a key: `Some(None)` when it gave the access.
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

    /// A look for somebody who waits: shared with others, given up soon.
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

/// Whether what a run found is not gone or a grant since.
const fn is_there(item: &SweepItem) -> bool {
    !matches!(item.fate, Fate::Gone { .. } | Fate::Adopted { .. })
}
