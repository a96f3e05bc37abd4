//! What a person could press now: the very steps of pressing, taken without storing anything. A
//! page that shows buttons by this shows none that would be refused an instant later.

use super::{Access, AccessError};
use crate::decide::{self, DecisionContext};
use crate::{Actor, Change, Grant, PendingRequest, PressRefused, Request, lock};

type PressResult = Result<Change, PressRefused>;

/// What would come of each press on a request.
#[derive(Clone, Debug)]
pub struct Presses {
    /// Saying yes.
    pub approve: Result<(), PressRefused>,
    /// Saying no.
    pub deny: Result<(), PressRefused>,
    /// Withdrawing it.
    pub discard: Result<(), PressRefused>,
}

/// What would come of each way to end a grant early.
#[derive(Clone, Debug)]
pub struct Endings {
    /// Giving it back.
    pub release: Result<(), PressRefused>,
    /// Taking it away, with a reason.
    pub revoke: Result<(), PressRefused>,
}

impl Access {
    /// What the actor could press on a request they see.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn presses(&self, actor: &Actor, request: &Request) -> Result<Presses, AccessError> {
        let holds = self.holds(request.key.as_ref()).await?;
        let (rules, directory) = (self.rules(), self.directory());
        let locks = self.locks_of(&lock::concerned(request, actor)).await?;
        let context = DecisionContext {
            rules: &rules,
            directory: &directory,
            holds: &holds,
            settings: &self.settings,
            locks: &locks,
            step: self.step(),
        };
        let try_press = |press: fn(PendingRequest, &Actor, &DecisionContext<'_>) -> PressResult| {
            let pending = request.clone().pending(context.step.now)?;
            press(pending, actor, &context).map(drop)
        };
        let own = request.requester.is(actor);
        let fresh = self.ensure_fresh(&directory, context.step.now);
        let by_fresh = |tried: Result<(), PressRefused>| match tried {
            Err(why) if why.is_conflict() => Err(why),
            tried => fresh.clone().and(tried),
        };
        let discard = try_press(decide::discard);
        Ok(Presses {
            // how somebody has signed in is asked when they press, and leads them to sign in anew
            approve: match by_fresh(try_press(decide::approve)) {
                Err(PressRefused::SignInAgain { .. }) => Ok(()),
                tried => tried,
            },
            deny: by_fresh(try_press(|pending, actor, context| {
                decide::deny(pending, actor, None, context)
            })),
            discard: if own { discard } else { by_fresh(discard) },
        })
    }

    /// How the actor could end a grant they see.
    pub fn endings(&self, actor: &Actor, grant: &Grant) -> Endings {
        let over = || {
            if grant.is_hold() {
                Ok(())
            } else {
                Err(decide::over(&grant.state))
            }
        };
        Endings {
            release: if actor.user.as_ref() == Some(&grant.key.user) {
                over()
            } else {
                Err(PressRefused::NotHolder)
            },
            revoke: if self.may_revoke(actor, grant) {
                over()
            } else {
                Err(PressRefused::NotYours)
            },
        }
    }
}
