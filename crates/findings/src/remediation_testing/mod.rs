//! In-memory remediations that behave like stored ones.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hallpass_base::{AccountId, Timestamp};

use crate::remediation::Deviation;
use crate::remediation::{Remediation, RemediationId};
use crate::remediation::{RemediationFilter, RemediationStore, RemediationStoreFault};
use crate::remediation::{Standing, Standings};

/// Reports deviations as unchanged, unless a test sets `over`.
#[derive(Debug, Default)]
pub struct FoundStandings {
    pub over: Mutex<Option<String>>,
}

#[async_trait]
impl Standings for FoundStandings {
    async fn standings(&self, rows: &[Deviation]) -> Vec<Result<Standing, String>> {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let stands = |it: &Deviation| match over.as_ref() {
            Some(why) => Standing::Over(why.clone()),
            None => Standing::Open(Box::new(it.clone())),
        };
        rows.iter().map(|it| Ok(stands(it))).collect()
    }
}

#[derive(Debug, Default)]
pub struct MemoryRemediations {
    rows: Mutex<BTreeMap<RemediationId, Remediation>>,
    paused: Mutex<Option<(String, Timestamp)>>,
}

impl MemoryRemediations {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<RemediationId, Remediation>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sorted(
        &self,
        fits: impl Fn(&Remediation) -> bool,
        by: impl Fn(&Remediation) -> Timestamp,
    ) -> Vec<Remediation> {
        let rows = self.rows();
        let mut found: Vec<Remediation> = rows.values().filter(|it| fits(it)).cloned().collect();
        found.sort_by_key(|it| (by(it), it.id.clone()));
        found
    }
}

#[async_trait]
impl RemediationStore for MemoryRemediations {
    async fn begin_remediation(&self, new: &Remediation) -> Result<bool, RemediationStoreFault> {
        let mut rows = self.rows();
        let is_new = !rows.contains_key(&new.id);
        if is_new {
            rows.insert(new.id.clone(), new.clone());
        }
        Ok(is_new)
    }

    async fn change_remediation(&self, it: &Remediation) -> Result<(), RemediationStoreFault> {
        let mut rows = self.rows();
        match rows.get_mut(&it.id) {
            Some(stored) if stored.version == it.version => {
                *stored = it.clone();
                stored.version += 1;
                Ok(())
            }
            _ => Err(RemediationStoreFault::Raced(it.id.clone())),
        }
    }

    async fn remediation(
        &self,
        id: &RemediationId,
    ) -> Result<Option<Remediation>, RemediationStoreFault> {
        Ok(self.rows().get(id).cloned())
    }

    async fn remediations(
        &self,
        filter: RemediationFilter,
        most: usize,
    ) -> Result<Vec<Remediation>, RemediationStoreFault> {
        let mut found = self.sorted(|it| filter.takes(&it.phase), |it| it.decided_at);
        found.reverse();
        found.truncate(most);
        Ok(found)
    }

    async fn due_remediations(
        &self,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Remediation>, RemediationStoreFault> {
        let is_due = |it: &Remediation| it.due_at().is_some_and(|at| at <= now);
        let found = self.sorted(is_due, |it| it.due_at().unwrap_or(now));
        let mut turns: BTreeMap<AccountId, usize> = BTreeMap::new();
        let mut by_turn: Vec<(usize, Remediation)> = Vec::with_capacity(found.len());
        for it in found {
            let turn = turns.entry(it.deviation.account.clone()).or_default();
            *turn += 1;
            by_turn.push((*turn, it));
        }
        by_turn.sort_by_key(|(turn, _)| *turn);
        by_turn.truncate(most);
        Ok(by_turn.into_iter().map(|(_, it)| it).collect())
    }

    async fn acting_since(
        &self,
        rule: &str,
        since: Timestamp,
    ) -> Result<u32, RemediationStoreFault> {
        let acts = |it: &Remediation| it.rule == rule && it.acts_at.is_some_and(|at| at > since);
        let found = self.sorted(acts, |it| it.decided_at).len();
        Ok(u32::try_from(found).unwrap_or(u32::MAX))
    }

    async fn of_resource(
        &self,
        account: &AccountId,
        resource: &str,
        since: Timestamp,
    ) -> Result<Vec<Remediation>, RemediationStoreFault> {
        let fits = |it: &Remediation| {
            it.deviation.account == *account
                && it.deviation.resource == resource
                && it.moved_at() > since
        };
        let mut found = self.sorted(fits, |it| it.decided_at);
        found.reverse();
        Ok(found)
    }

    async fn paused(&self) -> Result<Option<(String, Timestamp)>, RemediationStoreFault> {
        let paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(paused.clone())
    }

    async fn set_paused(
        &self,
        paused: Option<(String, Timestamp)>,
    ) -> Result<(), RemediationStoreFault> {
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = paused;
        Ok(())
    }

    async fn forget_remediations(&self, before: Timestamp) -> Result<(), RemediationStoreFault> {
        let stays = |it: &Remediation| {
            let is_open = it.due_at().is_some() || RemediationFilter::Backlog.takes(&it.phase);
            it.moved_at() >= before || is_open
        };
        self.rows().retain(|_, it| stays(it));
        Ok(())
    }
}
