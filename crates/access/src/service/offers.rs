//! Available actions, computed by the same steps without storing anything. Buttons match the result
//! of pressing them.

use hallpass_base::TimeSpan;

use super::deciding::{Press, PressFacts};
use super::{Access, AccessError};
use crate::approving;
use crate::decide;
use crate::decision_context::PressMode;
use crate::grant_press::{self, EndPress, EndStep};
use crate::{ActionRefused, Actor, Approving, Grant, Request};

/// The result of each action on a request, with its sign-in and text requirements.
#[derive(Clone, Debug)]
pub struct Presses {
    pub approve: Result<(), ActionRefused>,
    pub shorter: Vec<TimeSpan>,
    pub deny: Result<(), ActionRefused>,
    pub discard: Result<(), ActionRefused>,
    pub glass: BreakGlassOffers,
}

#[derive(Clone, Debug)]
pub struct BreakGlassOffers {
    pub break_glass: Result<(), ActionRefused>,
    pub close_review: Result<(), ActionRefused>,
}

#[derive(Clone, Debug)]
pub struct GrantPresses {
    pub release: Result<(), ActionRefused>,
    /// Needs a reason. For an ending grant: only if AWS refuses its removal.
    pub revoke: Result<(), ActionRefused>,
    pub extend: Result<(), ActionRefused>,
}

pub struct GrantOffers<'a> {
    access: &'a Access,
    actor: &'a Actor,
    unlocked: Result<(), ActionRefused>,
}

impl Access {
    /// # Errors
    /// If the store does not answer.
    pub async fn presses(&self, actor: &Actor, request: &Request) -> Result<Presses, AccessError> {
        let facts = self.press_facts(actor, request, PressMode::Preview).await?;
        let offer = async |press: Press<'_>| self.offer(&press, actor, request, &facts).await;
        let (settings, now) = (self.settings(), self.step().now);
        let approve = offer(Press::Approve(Approving::default())).await?;
        let shorter = match &approve {
            Ok(()) => approving::offered(request, &facts.holds, settings, now),
            Err(_) => Vec::new(),
        };
        Ok(Presses {
            approve,
            shorter,
            deny: offer(Press::Deny(None)).await?,
            discard: offer(Press::Discard).await?,
            glass: BreakGlassOffers {
                break_glass: offer(Press::BreakGlass { justification: "" }).await?,
                close_review: offer(Press::CloseReview(None)).await?,
            },
        })
    }

    /// Only the break-glass part of [`Access::presses`], for lists.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn break_glass_offers(
        &self,
        actor: &Actor,
        request: &Request,
    ) -> Result<BreakGlassOffers, AccessError> {
        let is_possible = request.requester.is(actor) || request.has_open_review();
        let facts = if is_possible {
            self.press_facts(actor, request, PressMode::Preview).await?
        } else {
            PressFacts::nothing_read()
        };
        let offer = async |press: Press<'_>| self.offer(&press, actor, request, &facts).await;
        Ok(BreakGlassOffers {
            break_glass: offer(Press::BreakGlass { justification: "" }).await?,
            close_review: offer(Press::CloseReview(None)).await?,
        })
    }

    /// Judges by known data, without AWS.
    async fn offer(
        &self,
        press: &Press<'_>,
        actor: &Actor,
        request: &Request,
        facts: &PressFacts,
    ) -> Result<Result<(), ActionRefused>, AccessError> {
        let directory = self.directory();
        let unread = if press.uses_a_right(request, actor) {
            self.ensure_fresh(&directory, self.step()).err()
        } else {
            None
        };
        match self.try_press(press, actor, request, facts, &directory, unread) {
            Ok(step) => Ok(self.ensure_exported_for(&step).await?),
            Err(why) => Ok(Err(why)),
        }
    }

    /// # Errors
    /// If the store does not answer.
    pub async fn grant_offers<'a>(
        &'a self,
        actor: &'a Actor,
    ) -> Result<GrantOffers<'a>, AccessError> {
        let unlocked = match self.ensure_unlocked(actor).await {
            Err(AccessError::Refused(why)) => Err(why),
            Err(error) => return Err(error),
            Ok(()) => Ok(()),
        };
        Ok(GrantOffers {
            access: self,
            actor,
            unlocked,
        })
    }
}

impl GrantOffers<'_> {
    pub fn on(&self, grant: &Grant) -> GrantPresses {
        self.access.judged(|context| {
            let (actor, unlocked) = (self.actor, || self.unlocked.clone());
            let is_worth_another_try = |press: &EndPress<'_>| match press {
                EndPress::Revoke { .. } => grant.stuck.is_some(),
                EndPress::Release => false,
            };
            let end = |press: EndPress<'_>| match press.judge(grant, actor, context)? {
                EndStep::TriedAgain if !is_worth_another_try(&press) => {
                    Err(decide::grant_over_refusal(&grant.state))
                }
                EndStep::Begins | EndStep::TriedAgain => Ok(()),
            };
            GrantPresses {
                release: end(EndPress::Release),
                revoke: unlocked().and_then(|()| end(EndPress::Revoke { reason: "" })),
                extend: unlocked()
                    .and_then(|()| grant_press::ensure_extendable(grant, actor, context.step.now)),
            }
        })
    }
}
