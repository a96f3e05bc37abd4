//! Presses on a grant: who may give it back, take it away or lengthen it now. The press itself and what
//! is shown before it are judged by the same functions.

use hallpass_base::{Timestamp, text::says_something};

use crate::decision_context::DecisionContext;
use crate::{Actor, Approval, EndCause, Grant, GrantState, PressRefused, Role, decide, target};

/// A way to end a grant early.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EndPress<'a> {
    /// Its holder gives it back.
    Release,
    /// An approver of it, or an administrator, takes it away.
    Revoke {
        /// Why it is taken away.
        reason: &'a str,
    },
}

/// What a press to end a grant does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndStep {
    /// The end begins.
    Begins,
    /// The grant is ending already: what is left of that is tried again at once.
    TriedAgain,
}

impl EndPress<'_> {
    /// Whether the actor may, and what comes of it. Whoever may not is told that, whatever the state.
    pub(crate) fn judge(
        &self,
        grant: &Grant,
        actor: &Actor,
        context: &DecisionContext<'_>,
    ) -> Result<EndStep, PressRefused> {
        match self {
            Self::Release if !actor.is_user(&grant.key.user) => {
                return Err(PressRefused::NotHolder);
            }
            Self::Revoke { .. } if actor.secondary_domain => {
                return Err(PressRefused::SecondaryDomain);
            }
            Self::Revoke { .. } if !may_revoke(grant, actor, context) => {
                return Err(PressRefused::NotYours);
            }
            Self::Release | Self::Revoke { .. } => {}
        }
        match &grant.state {
            GrantState::Scheduled | GrantState::Granting | GrantState::Active => {
                Ok(EndStep::Begins)
            }
            GrantState::Ending { .. } => Ok(EndStep::TriedAgain),
            GrantState::Ended { .. } | GrantState::Failed { .. } => {
                Err(decide::grant_over_refusal(&grant.state))
            }
        }
    }

    /// Why the grant then ends: taking it away needs words.
    pub(crate) fn cause(&self, actor: &Actor) -> Result<EndCause, PressRefused> {
        match self {
            Self::Release => Ok(EndCause::Released),
            Self::Revoke { reason } if !says_something(reason.trim()) => {
                Err(PressRefused::ReasonMissing)
            }
            Self::Revoke { reason } => Ok(EndCause::Revoked {
                by: actor.email.clone(),
                reason: reason.trim().to_owned(),
            }),
        }
    }
}

/// Administrators, whom today's rules list, and whoever gave it: taking away is never harder than giving.
fn may_revoke(grant: &Grant, actor: &Actor, context: &DecisionContext<'_>) -> bool {
    let giver = grant.approver_user.as_ref();
    let giver = giver.filter(|_| grant.approval == Approval::Peer);
    actor.is(Role::Admin)
        || giver.is_some_and(|user| actor.is_user(user))
        || is_listed(grant, actor, context)
}

/// Whether today's rules list the actor as an approver of what a grant is for, at whatever hour.
pub(crate) fn is_listed(grant: &Grant, actor: &Actor, context: &DecisionContext<'_>) -> bool {
    let question = target::question(&grant.key.target, &grant.names);
    question.is_some_and(|question| {
        let (who, whose) = (actor.principal(), grant.holder.principal());
        context.permit_to_deny(who, whose, &question).is_ok()
    })
}

/// Refuses to ask for a later end of what is not the actor's, or over.
pub(crate) fn ensure_extendable(
    grant: &Grant,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), PressRefused> {
    if !actor.is_user(&grant.key.user) {
        Err(PressRefused::NotHolder)
    } else if !grant.is_live(now) {
        Err(decide::grant_over_refusal(&grant.state))
    } else {
        Ok(())
    }
}
