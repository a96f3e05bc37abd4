//! What a person could press now: the very steps of pressing, taken without storing anything. Who is
//! shown buttons by this is shown none that would be refused an instant later.

use hallpass_base::TimeSpan;

use super::pressing::{Press, PressFacts};
use super::{Access, AccessError};
use crate::approving;
use crate::decide;
use crate::decision_context::PressMode;
use crate::grant_press::{self, EndPress, EndStep};
use crate::{Actor, Approving, Grant, PressRefused, Request};

/// What would come of each press on a request, with the sign-in and the words that the way to it asks
/// for.
#[derive(Clone, Debug)]
pub struct Presses {
    /// Saying yes.
    pub approve: Result<(), PressRefused>,
    /// The lengths it could be approved for that are shorter than it is.
    pub shorter: Vec<TimeSpan>,
    /// Saying no.
    pub deny: Result<(), PressRefused>,
    /// Withdrawing it.
    pub discard: Result<(), PressRefused>,
    /// Taking it without waiting, and looking at that afterwards.
    pub glass: BreakGlassOffers,
}

/// What would come of the presses of break-glass.
#[derive(Clone, Debug)]
pub struct BreakGlassOffers {
    /// Taking it at once.
    pub break_glass: Result<(), PressRefused>,
    /// Closing the review.
    pub close_review: Result<(), PressRefused>,
}

/// What would come of each press on a grant.
#[derive(Clone, Debug)]
pub struct GrantPresses {
    /// Giving it back.
    pub release: Result<(), PressRefused>,
    /// Taking it away, with a reason. Of a grant that is ending: only where AWS refuses its removal.
    pub revoke: Result<(), PressRefused>,
    /// Asking for a later end.
    pub extend: Result<(), PressRefused>,
}

/// What somebody could press on grants. What is to be read for it is read once.
pub struct GrantOffers<'a> {
    access: &'a Access,
    actor: &'a Actor,
    unlocked: Result<(), PressRefused>,
}

impl Access {
    /// What the actor could press on a request they see.
    ///
    /// # Errors
    /// When the store does not answer.
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

    /// Of [`Access::presses`] those of break-glass alone: for lists, most of whose requests have none.
    ///
    /// # Errors
    /// When the store does not answer.
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

    /// What would come of a press, by what is known without asking AWS.
    async fn offer(
        &self,
        press: &Press<'_>,
        actor: &Actor,
        request: &Request,
        facts: &PressFacts,
    ) -> Result<Result<(), PressRefused>, AccessError> {
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

    /// What the actor could press on grants they see.
    ///
    /// # Errors
    /// When the store does not answer.
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
    /// What could be pressed on one of them.
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
