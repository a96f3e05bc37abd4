//! Access to alert rules: viewing findings and muting rows (`inventory.md` R-8).

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_alerts::{
    AlertCommitError, AlertRowKey, AlertRuleId, AlertState, AlertStore, AlertWrite, HappeningRule,
    Mute, MuteStep, NoSuchRow, mute, unmute,
};
use hallpass_audit::Event;
use hallpass_base::Timestamp;

use super::{Access, AccessError, RACES_MAX};
use crate::records::Doer;
use crate::{ActionRefused, Actor, CommitError, ReadError, Role, TextField};

#[derive(Clone, Copy, Debug)]
pub struct Muting<'a> {
    pub key: &'a AlertRowKey,
    pub until: Timestamp,
    /// Recorded.
    pub reason: &'a str,
}

pub(super) struct NoAlerts;

#[async_trait]
impl AlertStore for NoAlerts {
    async fn alert_states(&self) -> Result<Vec<AlertState>, AlertCommitError> {
        Ok(Vec::new())
    }

    async fn alert_state(&self, _: &AlertRuleId) -> Result<Option<AlertState>, AlertCommitError> {
        Ok(None)
    }

    async fn commit_alert(&self, _: AlertWrite) -> Result<(), AlertCommitError> {
        Err(no_alerts())
    }

    async fn commit_mute(&self, _: MuteStep) -> Result<(), AlertCommitError> {
        Err(no_alerts())
    }
}

fn no_alerts() -> AlertCommitError {
    AlertCommitError::Unavailable("states of alerts are not kept here".to_owned())
}

fn unread(error: &AlertCommitError) -> AccessError {
    AccessError::Read(ReadError(error.to_string()))
}

impl Access {
    /// Stores what `write` makes of the rule's state; again if it changed meanwhile.
    pub(super) async fn store_alert(
        &self,
        rule: &HappeningRule,
        write: impl Fn(Option<AlertState>, Timestamp) -> Option<AlertWrite>,
    ) -> Result<(), AccessError> {
        for _ in 0..RACES_MAX {
            let state = self.alerts.alert_state(&rule.id).await;
            let state = state.map_err(|error| unread(&error))?;
            let Some(write) = write(state, self.now()) else {
                return Ok(());
            };
            match self.alerts.commit_alert(write).await {
                Err(AlertCommitError::Raced(_)) => {}
                done => return done.map_err(|error| unread(&error)),
            }
        }
        Ok(())
    }

    #[must_use]
    pub fn with_alerts(mut self, alerts: Arc<dyn AlertStore>) -> Self {
        self.alerts = alerts;
        self
    }

    /// Administrators, auditors and operators.
    pub fn sees_alerts(&self, actor: &Actor) -> bool {
        actor.reads_all() || actor.is(Role::Operator)
    }

    /// Administrators and operators.
    pub fn may_mute_alerts(&self, actor: &Actor) -> bool {
        actor.is(Role::Admin) || actor.is(Role::Operator)
    }

    pub async fn alerts(&self, actor: &Actor) -> Result<Vec<AlertState>, AccessError> {
        if !self.sees_alerts(actor) {
            return Err(ActionRefused::NotYours.into());
        }
        let states = self.alerts.alert_states().await;
        states.map_err(|error| unread(&error))
    }

    /// # Errors
    /// As [`alerts`](Access::alerts), and for an unknown rule.
    pub async fn alert(
        &self,
        actor: &Actor,
        rule: &AlertRuleId,
    ) -> Result<AlertState, AccessError> {
        if !self.sees_alerts(actor) {
            return Err(ActionRefused::NotYours.into());
        }
        let state = self.alerts.alert_state(rule).await;
        let state = state.map_err(|error| unread(&error))?;
        state.ok_or(AccessError::NotFound("rule"))
    }

    /// Mutes a row until an instant, replacing an earlier mute.
    ///
    /// # Errors
    /// If the actor may not, gives no reason, the row is unknown, or the store does not answer.
    pub async fn mute_alert(
        &self,
        actor: &Actor,
        rule: &AlertRuleId,
        muting: Muting<'_>,
    ) -> Result<AlertState, AccessError> {
        let step = |state: AlertState| {
            let record = self.step().of_alert(Event::AlertMuted, Doer::Person(actor));
            let mute_of_row = Mute {
                key: muting.key.clone(),
                until: muting.until,
                by: actor.email.to_string(),
                reason: muting.reason.trim().to_owned(),
                at: self.now(),
            };
            mute(state, mute_of_row, record)
        };
        self.change_mutes(actor, rule, muting.reason, step).await
    }

    /// # Errors
    /// As [`mute_alert`](Access::mute_alert), and for a row that is not muted.
    pub async fn unmute_alert(
        &self,
        actor: &Actor,
        rule: &AlertRuleId,
        key: &AlertRowKey,
        reason: &str,
    ) -> Result<AlertState, AccessError> {
        let step = |state: AlertState| {
            let record = self
                .step()
                .of_alert(Event::AlertUnmuted, Doer::Person(actor));
            unmute(state, key, reason.trim(), record)
        };
        self.change_mutes(actor, rule, reason, step).await
    }

    async fn change_mutes(
        &self,
        actor: &Actor,
        rule: &AlertRuleId,
        reason: &str,
        step: impl Fn(AlertState) -> Result<MuteStep, NoSuchRow>,
    ) -> Result<AlertState, AccessError> {
        TextField::Reason.ensure(reason)?;
        if !self.may_mute_alerts(actor) {
            return Err(ActionRefused::NotYours.into());
        }
        self.ensure_unlocked(actor).await?;
        if reason.trim().is_empty() {
            return Err(ActionRefused::ReasonMissing.into());
        }
        let mut races = 0;
        loop {
            let state = self.alert(actor, rule).await?;
            let step = step(state).map_err(|NoSuchRow| AccessError::NotFound("row"))?;
            let changed = step.state.clone();
            match self.alerts.commit_mute(step).await {
                Ok(()) => return Ok(changed),
                Err(AlertCommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(AlertCommitError::Raced(why)) => return Err(CommitError::Raced(why).into()),
                Err(AlertCommitError::Unavailable(why)) => {
                    return Err(CommitError::Unavailable(why).into());
                }
            }
        }
    }
}
