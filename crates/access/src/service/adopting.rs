use hallpass_base::{HoldKey, Target, TimeSpan, text::says_something};

use super::already_held::LOOK_MAX;
use super::sweep_people::Meant;
use super::{Access, AccessError, Idempotency, RACES_MAX};
use crate::records::Doer;
use crate::session_revocation::session_length;
use crate::sweep;
use crate::sweep_steps::{self, Adopting};
use crate::target;
use crate::{
    ADOPTED_MAX, Accepted, ActionRefused, Actor, Change, CommitError, Fate, Grant, Holds,
    LeftAlone, Person, StandingRefused, Sweep, SweepItem, TextField, Write,
};

impl Access {
    /// Turns standing access into a grant for `length` from now.
    ///
    /// # Errors
    /// If the actor is no administrator, AWS does not list the access, a grant holds it, or the
    /// holder does not exist.
    pub async fn adopt_standing(
        &self,
        actor: &Actor,
        meant: &Meant,
        length: TimeSpan,
        reason: &str,
        idempotency: Option<&Idempotency>,
    ) -> Result<Grant, AccessError> {
        TextField::Reason.ensure(reason)?;
        self.ensure_admin(actor).await?;
        if let Some(grant) = self.adopted_before(actor, idempotency).await? {
            return Ok(grant);
        }
        let key = self.key_meant(meant)?;
        let mut races = 0;
        loop {
            let (change, grant) = match self.adoption(actor, &key, length, reason).await? {
                Ok(made) => made,
                Err(why) => return Err(self.refuse_standing(actor, &key, "adopt", why).await?),
            };
            let change = Change {
                answer: self.answer_to(actor, grant.request, idempotency),
                ..change
            };
            match self.store_change(change).await {
                Ok(_) => return Ok(grant),
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn adopted_before(
        &self,
        actor: &Actor,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Grant>, AccessError> {
        let Some(answer) = self.earlier(actor, idempotency).await? else {
            return Ok(None);
        };
        let request = self.request_of(&answer).await?;
        match request.and_then(|request| request.grant) {
            Some(id) => Ok(self.ports.store.grant(id).await?),
            None => Ok(None),
        }
    }

    async fn adoption(
        &self,
        actor: &Actor,
        key: &HoldKey,
        length: TimeSpan,
        reason: &str,
    ) -> Result<Result<(Change, Grant), ActionRefused>, AccessError> {
        if let Err(why) = self.step().ensure_agreed() {
            return Ok(Err(why));
        }
        let least = self.settings.duration_min;
        if length < least || length > ADOPTED_MAX {
            let most = ADOPTED_MAX;
            let why = StandingRefused::BadLength { least, most };
            return Ok(Err(why.into()));
        }
        if !says_something(reason) {
            return Ok(Err(ActionRefused::ReasonMissing));
        }
        let is_out_of_reach = match (&key.target, &self.settings.out_of_reach) {
            (Target::Account { account, .. }, Some(out)) => account == out,
            (Target::Account { .. } | Target::Group { .. }, _) => false,
        };
        if is_out_of_reach {
            return Ok(Err(StandingRefused::OutOfReach.into()));
        }
        let Some(holder) = self.enabled(key) else {
            return Ok(Err(StandingRefused::NobodyToHold.into()));
        };
        let seen_at = self.now();
        let holders = self.look(&key.target, LOOK_MAX).await?;
        let holds = self.holds(Some(key)).await?;
        if sweep_steps::not_any_more(&holds, None).is_some() {
            let why = if holds.stood_before() {
                StandingRefused::UnderGrant
            } else {
                StandingRefused::HeldByGrant
            };
            return Ok(Err(why.into()));
        }
        if !holders.contains(&key.user) {
            return Ok(Err(StandingRefused::NotThere.into()));
        }
        let accepted = self.ports.sweeps.accepted_one(key).await?;
        let names = self.names_of(key);
        let (change, grant) = sweep_steps::adopt(
            &Adopting {
                key,
                names: &names,
                holder: &holder,
                length,
                session: session_length(&names, &self.directory()),
                seen_at,
                reason: reason.trim(),
                by: Doer::Person(actor),
                sweep: None,
                accepted: accepted.as_ref(),
                config_hash: self.rules().hash(),
            },
            self.step(),
        );
        Ok(Ok((change, grant)))
    }

    fn enabled(&self, key: &HoldKey) -> Option<Person> {
        let directory = self.directory();
        let is_enabled = target::is_enabled(Some(&key.user), &directory);
        sweep::person(key, &directory).filter(|_| is_enabled)
    }

    pub(super) async fn adopt_item(
        &self,
        run: &Sweep,
        item: &SweepItem,
        holds: &Holds,
        accepted: Option<&Accepted>,
        length: TimeSpan,
    ) -> Result<Change, AccessError> {
        if let Some(why) = sweep_steps::not_any_more(holds, accepted) {
            return Ok(sweep_steps::leave_alone(run, item, why, self.step()));
        }
        let Some(holder) = self.enabled(&item.key) else {
            let why = LeftAlone::NobodyToHold;
            return Ok(sweep_steps::leave_alone(run, item, why, self.step()));
        };
        let seen_at = self.now();
        let holders = self.look(&item.key.target, LOOK_MAX).await?;
        if !holders.contains(&item.key.user) {
            let why = LeftAlone::Gone;
            return Ok(sweep_steps::leave_alone(run, item, why, self.step()));
        }
        let (step, names) = (self.step(), self.names_of(&item.key));
        let (change, grant) = sweep_steps::adopt(
            &Adopting {
                key: &item.key,
                names: &names,
                holder: &holder,
                length,
                session: session_length(&names, &self.directory()),
                seen_at,
                reason: "It existed without a grant; a sweep gave it an end.",
                by: Doer::Hallpass,
                sweep: Some(run),
                accepted: None,
                config_hash: self.rules().hash(),
            },
            step,
        );
        let adopted = SweepItem {
            fate: Fate::Adopted {
                grant: grant.id,
                at: step.now,
                until: grant.ends_at,
            },
            ..item.clone()
        };
        Ok(Change {
            sweep_items: vec![Write::Update(adopted)],
            ..change
        })
    }
}
