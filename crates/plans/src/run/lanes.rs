//! Leases lanes in the store, so that processes do not share them.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use hallpass_base::{TimeSpan, Timestamp};

use super::{RunError, Runner};
use crate::plan::PlanId;
use crate::ports::{LaneClaim, LeaseAnswer};

const RENEW_AFTER: TimeSpan = TimeSpan::seconds(10);
const LANE_PAUSE: Duration = Duration::from_secs(1);
/// Interval at which a waiting step checks whether its plan still runs.
const STEP_PATIENCE: Duration = Duration::from_secs(10);

impl Runner {
    pub(super) async fn take(&self, lane: &str, patience: Duration) -> Result<(), RunError> {
        let mut waited = Duration::ZERO;
        loop {
            match self.lease(lane).await {
                Err(RunError::Held { .. }) if waited < patience => {
                    self.ports.nap.sleep(LANE_PAUSE).await;
                    waited += LANE_PAUSE;
                }
                answer => {
                    if answer.is_ok() {
                        *self.inside().entry(lane.to_owned()).or_default() += 1;
                    }
                    return answer;
                }
            }
        }
    }

    /// Takes a lane for a step. Waits as long as the holder renews it, unless waiting is disabled;
    /// meanwhile keeps the plan lease and checks for an abort.
    pub(super) async fn take_for_step(
        &self,
        plan: &PlanId,
        lane: &str,
        patience: Duration,
    ) -> Result<(), RunError> {
        let step = patience.min(STEP_PATIENCE);
        let (mut waited, mut held_until) = (Duration::ZERO, None);
        loop {
            let (lane, by, until) = match self.take(lane, step).await {
                Err(RunError::Held { lane, by, until }) => (lane, by, until),
                answer => return answer,
            };
            let is_renewed = held_until.replace(until).is_some_and(|it| it != until);
            waited = if is_renewed { step } else { waited + step };
            if waited >= patience || self.is_aborted(plan).await? {
                return Err(RunError::Held { lane, by, until });
            }
            self.renew(&format!("plan:{plan}")).await?;
        }
    }

    async fn is_aborted(&self, plan: &PlanId) -> Result<bool, RunError> {
        let saved = self.ports.store.plan(plan).await?;
        Ok(saved.is_none_or(|it| it.aborted))
    }

    async fn lease(&self, lane: &str) -> Result<(), RunError> {
        let now = self.ports.clock.now();
        let claim = LaneClaim::usual(&self.keeper.holder, now);
        match self.ports.store.lease(lane, claim).await? {
            LeaseAnswer::Ours => {
                self.renewals().insert(lane.to_owned(), now);
                Ok(())
            }
            LeaseAnswer::Held { by, until } => Err(RunError::Held {
                lane: lane.to_owned(),
                by,
                until,
            }),
        }
    }

    /// Ensures that the lease is long enough for a write.
    pub(super) async fn renew(&self, lane: &str) -> Result<(), RunError> {
        let taken = self.renewals().get(lane).copied();
        if taken.is_some_and(|at| self.ports.clock.now() < RENEW_AFTER.after(at)) {
            return Ok(());
        }
        self.lease(lane).await
    }

    pub(super) async fn give_back(&self, lane: &str) -> Result<(), RunError> {
        if !self.is_last_out(lane) {
            return Ok(());
        }
        self.renewals().remove(lane);
        Ok(self.ports.store.unlease(lane, &self.keeper.holder).await?)
    }

    fn is_last_out(&self, lane: &str) -> bool {
        let mut inside = self.inside();
        let left = inside.get(lane).map_or(0, |it| it.saturating_sub(1));
        if left == 0 {
            inside.remove(lane);
        } else {
            inside.insert(lane.to_owned(), left);
        }
        left == 0
    }

    fn inside(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        // every change of the map is atomic
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renewals(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        // every change of the map is atomic
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
