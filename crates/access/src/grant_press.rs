//! Actions on a grant: end early, revoke, extend. The action and its preview share the same checks.

use hallpass_base::{Timestamp, text::says_something};

use crate::decision_context::DecisionContext;
use crate::{ActionRefused, Actor, Approval, EndCause, Grant, GrantState, Role, decide, target};

#[derive(Clone, Copy, Debug)]
pub(crate) enum EndPress<'a> {
    Release,
    Revoke { reason: &'a str },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndStep {
    Begins,
    /// The grant is already ending: the rest is retried immediately.
    TriedAgain,
}

impl EndPress<'_> {
    /// Checks permission first, so unauthorized users learn nothing about the state.
    pub(crate) fn judge(
        &self,
        grant: &Grant,
        actor: &Actor,
        context: &DecisionContext<'_>,
    ) -> Result<EndStep, ActionRefused> {
        match self {
            Self::Release if !actor.is_user(&grant.key.user) => {
                return Err(ActionRefused::NotHolder);
            }
            Self::Revoke { .. } if actor.secondary_domain => {
                return Err(ActionRefused::SecondaryDomain);
            }
            Self::Revoke { .. } if !may_revoke(grant, actor, context) => {
                return Err(ActionRefused::NotYours);
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

    /// Revocation needs a reason.
    pub(crate) fn cause(&self, actor: &Actor) -> Result<EndCause, ActionRefused> {
        match self {
            Self::Release => Ok(EndCause::Released),
            Self::Revoke { reason } if !says_something(reason.trim()) => {
                Err(ActionRefused::ReasonMissing)
            }
            Self::Revoke { reason } => Ok(EndCause::Revoked {
                by: actor.email.clone(),
                reason: reason.trim().to_owned(),
            }),
        }
    }
}

/// Administrators, approvers under today's rules, and the original approver: revoking is never
/// harder than granting.
fn may_revoke(grant: &Grant, actor: &Actor, context: &DecisionContext<'_>) -> bool {
    let giver = grant.approver_user.as_ref();
    let giver = giver.filter(|_| grant.approval == Approval::Peer);
    actor.is(Role::Admin)
        || giver.is_some_and(|user| actor.is_user(user))
        || is_listed(grant, actor, context)
}

/// Ignores approval hours.
pub(crate) fn is_listed(grant: &Grant, actor: &Actor, context: &DecisionContext<'_>) -> bool {
    let question = target::question(&grant.key.target, &grant.names);
    question.is_some_and(|question| {
        let (who, whose) = (actor.principal(), grant.holder.principal());
        context.permit_to_deny(who, whose, &question).is_ok()
    })
}

pub(crate) fn ensure_extendable(
    grant: &Grant,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), ActionRefused> {
    if !actor.is_user(&grant.key.user) {
        Err(ActionRefused::NotHolder)
    } else if !grant.is_live(now) {
        Err(decide::grant_over_refusal(&grant.state))
    } else {
        Ok(())
    }
}
