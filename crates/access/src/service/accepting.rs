use hallpass_audit::{Draft, Event};
use hallpass_base::{HoldKey, Timestamp, text::says_something};

use super::deciding::unconfirmed;
use super::sweep_people::Meant;
use super::{Access, AccessError, RACES_MAX};
use crate::records::{Doer, StepContext};
use crate::{
    AcceptanceWrite, Accepted, ActionRefused, Actor, Change, CommitError, StandingRefused,
    TextField, sweep, sweep_steps,
};

impl Access {
    /// Accepts standing access, found or not. A repeat replaces the reason.
    ///
    /// # Errors
    /// If the actor is no administrator, gives no reason, or names an unknown user or target.
    pub async fn accept_standing(
        &self,
        actor: &Actor,
        meant: &Meant,
        reason: &str,
        review_at: Option<Timestamp>,
    ) -> Result<Accepted, AccessError> {
        TextField::Reason.ensure(reason)?;
        self.ensure_admin(actor).await?;
        let key = self.key_meant(meant)?;
        let reason = reason.trim();
        let refused = match review_at {
            _ if !says_something(reason) => Some(ActionRefused::ReasonMissing),
            Some(at) if at <= self.now() => Some(StandingRefused::ReviewInThePast.into()),
            Some(_) | None => None,
        };
        if let Some(why) = refused {
            return Err(self.refuse_standing(actor, &key, "accept", why).await?);
        }
        let mut races = 0;
        loop {
            let stored = self.ports.sweeps.accepted_one(&key).await?;
            let Some(called_off) = self.call_off(&key).await? else {
                let why = StandingRefused::BeingRemoved.into();
                return Err(self.refuse_standing(actor, &key, "accept", why).await?);
            };
            if let Some(stored) = &stored
                && called_off.is_empty()
                && stored.reason == reason
                && stored.review_at == review_at
            {
                return Ok(stored.clone());
            }
            let step = self.step();
            let accepted = Accepted {
                key: key.clone(),
                names: self.names_of(&key),
                holder: sweep::person(&key, &self.directory()),
                reason: reason.to_owned(),
                by: actor.email.clone(),
                at: step.now,
                review_at,
                version: stored.as_ref().map_or(0, |stored| stored.version),
            };
            let write = match stored {
                Some(_) => AcceptanceWrite::Update(accepted.clone()),
                None => AcceptanceWrite::Insert(accepted.clone()),
            };
            let mut change = called_off;
            change.audit.push(accepted_record(actor, &accepted, step));
            change.accepted.push(write);
            match self.store_change(change).await {
                Ok(_) => {
                    let stored = self.ports.sweeps.accepted_one(&key).await;
                    let stored = stored.map_err(unconfirmed)?;
                    return stored.ok_or(AccessError::NotFound("standing access"));
                }
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Cancels a pending sweep removal of accepted access; `None` if already requested from AWS.
    async fn call_off(&self, key: &HoldKey) -> Result<Option<Change>, AccessError> {
        let open = self.ports.sweeps.open_sweep_items().await?;
        let Some(item) = open.into_iter().find(|item| item.key == *key) else {
            return Ok(Some(Change::default()));
        };
        let holds = self.holds(Some(key)).await?;
        let run = self.ports.sweeps.sweep(item.sweep).await?;
        let run = run.ok_or(AccessError::NotFound("sweep"))?;
        Ok(sweep_steps::call_off(&run, &item, &holds, self.step()))
    }

    /// Withdraws an acceptance: the next run reports the access as unknown.
    ///
    /// # Errors
    /// If the actor is no administrator, or there is no acceptance.
    pub async fn withdraw_standing(
        &self,
        actor: &Actor,
        meant: &Meant,
        reason: &str,
    ) -> Result<Accepted, AccessError> {
        TextField::Reason.ensure(reason)?;
        self.ensure_admin(actor).await?;
        let key = self.key_meant(meant)?;
        let mut races = 0;
        loop {
            let Some(stored) = self.ports.sweeps.accepted_one(&key).await? else {
                let why = self.not_accepted(&key);
                return Err(self.refuse_standing(actor, &key, "withdraw", why).await?);
            };
            let record = self
                .step()
                .of_standing(
                    Event::StandingWithdrawn,
                    Doer::Person(actor),
                    &key,
                    &stored.names,
                )
                .reason(reason.trim());
            let change = Change {
                audit: vec![record],
                accepted: vec![AcceptanceWrite::Withdraw(stored.clone())],
                ..Change::default()
            };
            match self.store_change(change).await {
                Ok(_) => return Ok(stored),
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn not_accepted(&self, key: &HoldKey) -> ActionRefused {
        let directory = self.directory();
        let mut patterns = self.settings.sweep.standing.iter();
        let pattern = patterns.find(|pattern| pattern.covers(key, &directory));
        match pattern {
            Some(pattern) => StandingRefused::AcceptedByPattern {
                pattern: pattern.to_string(),
            },
            None => StandingRefused::NotAccepted,
        }
        .into()
    }
}

fn accepted_record(actor: &Actor, accepted: &Accepted, step: StepContext<'_>) -> Draft {
    let (event, by) = (Event::StandingAccepted, Doer::Person(actor));
    let record = step
        .of_standing(event, by, &accepted.key, &accepted.names)
        .reason(&accepted.reason);
    match accepted.review_at {
        Some(at) => record.why(&format!("review at {at}")),
        None => record,
    }
}
