use hallpass_base::{HoldKey, Timestamp};
use hallpass_rules::{Ask, Directory, PressRefusedByRules, RuleId};

use super::{Access, AccessError, WaitLimit};
use crate::preview::{self, HeldGrant, Obstacles, Preview};
use crate::refused_request::RequestRefused;
use crate::target::LookedFor;
use crate::{ActionRefused, Actor, FieldProblem, Grant, Wanted, target};

impl Access {
    /// Previews a request for any duration ([`Preview::asking`]). Uses known data, and at most a
    /// second of AWS reads for unmanaged access. [`Access::ask`] decides again.
    ///
    /// # Errors
    /// If the store does not answer; inside, unknown names.
    pub async fn preview(
        &self,
        actor: &Actor,
        wanted: &Wanted,
    ) -> Result<Result<Preview, Vec<FieldProblem>>, AccessError> {
        self.preview_at(actor, wanted, None).await
    }

    pub async fn preview_at(
        &self,
        actor: &Actor,
        wanted: &Wanted,
        starts_at: Option<Timestamp>,
    ) -> Result<Result<Preview, Vec<FieldProblem>>, AccessError> {
        let (rules, directory, step) = (self.rules(), self.directory(), self.step());
        let (who, settings) = (actor.principal(), &self.settings);
        let wanted = LookedFor::Named(wanted);
        let judged = preview::judge(
            wanted, who, &rules, &directory, settings, step.now, starts_at,
        );
        let (Some(resolved), Some(decision)) = (&judged.resolved, &judged.decision) else {
            return Ok(Err(judged.problems));
        };
        let (target, names) = (resolved.target.clone(), resolved.names.clone());
        let question = target::question(&target, &names);
        let opens_at =
            question.filter(|_| preview::by_rules(decision) == Err(RequestRefused::NotAllowed));
        let later = starts_at.filter(|at| *at > step.now);
        let opens_at = opens_at.and_then(|question| {
            preview::opens_at(later.unwrap_or(step.now), |at| {
                let decision = rules.decide(who, &question, &directory, at);
                preview::by_rules(&decision.of_start()).is_ok()
            })
        });
        let lists_asker = target::question(&target, &names)
            .map(|question| self.listing_oneself(actor, &question))
            .unwrap_or_default();
        let obstacles = Obstacles {
            to_asking: self.obstacle_to_asking(actor, &directory).await?,
            to_granting: self.export_behind().await?,
        };
        let key = actor.user.clone().map(|user| HoldKey {
            user,
            target: target.clone(),
        });
        let (mut waiting, mut held, mut stands) = (None, None, None);
        if let Some(key) = &key {
            waiting = self.pending_for(key, None, later).await?;
            held = Box::pin(self.held_grant(key)).await?;
            stands = self.stands(&key.user, &key.target, WaitLimit::Look).await?;
        }
        Ok(Ok(Preview {
            decision: decision.clone(),
            target,
            names,
            lists_asker,
            waiting,
            held,
            stands,
            starts_at: later,
            opens_at,
            judged,
            obstacles,
        }))
    }

    async fn obstacle_to_asking(
        &self,
        actor: &Actor,
        directory: &Directory,
    ) -> Result<Option<ActionRefused>, AccessError> {
        let step = self.step();
        match self.ensure_unlocked(actor).await {
            Err(AccessError::Refused(why)) => return Ok(Some(why)),
            unlocked => unlocked?,
        }
        let known = actor.user.as_ref().ok_or(ActionRefused::NotInDirectory);
        let fresh = self.ensure_fresh(directory, step);
        Ok(fresh
            .and(known.map(drop))
            .and_then(|()| step.ensure_agreed())
            .err())
    }

    async fn held_grant(&self, key: &HoldKey) -> Result<Option<HeldGrant>, AccessError> {
        let (holds, now) = (self.holds(Some(key)).await?, self.now());
        let live = holds.grants.into_iter().filter(|grant| grant.is_live(now));
        let Some(stored) = live.max_by_key(|grant: &Grant| grant.id) else {
            return Ok(None);
        };
        let stored = Box::new(stored);
        let waiting = self.pending_for(key, Some(stored.id), None).await?;
        Ok(Some(HeldGrant {
            grant: Box::pin(self.as_told((*stored).clone())).await?,
            stored,
            waiting,
        }))
    }

    /// Rules that list the requester as approver.
    fn listing_oneself(&self, actor: &Actor, question: &Ask<'_>) -> Vec<RuleId> {
        let who = actor.principal();
        match self.judged(|context| context.permit_to_deny(who, who, question)) {
            Err(PressRefusedByRules::OwnRequest { rules }) => rules,
            Err(PressRefusedByRules::NotListed { .. } | PressRefusedByRules::NotOpen { .. })
            | Ok(_) => Vec::new(),
        }
    }
}
