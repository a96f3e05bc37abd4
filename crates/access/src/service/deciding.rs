use std::sync::Arc;

use hallpass_audit::Event;
use hallpass_base::{GrantId, RequestId, text::says_something};

use super::{Access, AccessError, Idempotency, RACES_MAX};
use crate::decision_context::{DecisionContext, PressMode};
use crate::grant_press::{EndPress, EndStep};
use crate::records::{Doer, HiddenSubject};
use crate::step::{GrantStep, PressStep};
use crate::{
    ActionRefused, Actor, Approving, Change, CommitError, Directory, Grant, GrantFilter,
    GrantStateKind, Holds, LiveGrantsSeen, LocksSeen, ReadError, Request, Role, TextField,
    break_glass, decide, desired, end, locking, session_revocation, target, text_limits,
};

/// Grants ended per call; more wait for the next.
const REVOKED_AT_ONCE: usize = 1000;
const REVOKED_IN_A_BATCH: u32 = 200;

#[derive(Debug)]
pub struct RevokedMany {
    pub outcomes: Vec<(GrantId, Result<Grant, AccessError>)>,
    pub has_more: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Revoking<'a> {
    /// Reported and recorded.
    pub reason: &'a str,
    /// Also ends outliving sessions, regardless of settings.
    pub end_sessions: bool,
}

impl<'a> From<&'a str> for Revoking<'a> {
    fn from(reason: &'a str) -> Self {
        Self {
            reason,
            end_sessions: false,
        }
    }
}

impl<'a> From<&'a String> for Revoking<'a> {
    fn from(reason: &'a String) -> Self {
        reason.as_str().into()
    }
}

/// Stored but unreadable: must not be reported as not stored.
pub(super) fn unconfirmed(fault: ReadError) -> AccessError {
    CommitError::Unavailable(fault.0).into()
}

pub(super) enum Press<'a> {
    Approve(Approving<'a>),
    Deny(Option<&'a str>),
    Discard,
    BreakGlass { justification: &'a str },
    CloseReview(Option<&'a str>),
}

impl Press<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Approve(_) => "approve",
            Self::Deny(_) => "deny",
            Self::Discard => "discard",
            Self::BreakGlass { .. } => "break-glass",
            Self::CloseReview(_) => "close-review",
        }
    }

    fn ensure_texts(&self) -> Result<(), text_limits::TooLong> {
        match self {
            Self::Approve(approving) => {
                TextField::Comment.ensure(approving.comment.unwrap_or_default())
            }
            Self::Deny(text) | Self::CloseReview(text) => {
                TextField::Reason.ensure(text.unwrap_or_default())
            }
            Self::BreakGlass { justification } => text_limits::ensure_justification(justification),
            Self::Discard => Ok(()),
        }
    }

    pub(super) fn uses_a_right(&self, request: &Request, actor: &Actor) -> bool {
        match self {
            Self::Approve(_) | Self::Deny(_) | Self::BreakGlass { .. } | Self::CloseReview(_) => {
                true
            }
            Self::Discard => !request.requester.is(actor),
        }
    }

    fn step(
        &self,
        request: Request,
        actor: &Actor,
        context: &DecisionContext<'_>,
    ) -> Result<PressStep, ActionRefused> {
        let now = context.step.now;
        match self {
            Self::Approve(approving) => {
                let pending = request.pending(now)?;
                let seen = approving.seen;
                let has_changed = seen.is_some_and(|seen| seen != pending.request().seen());
                // Permission comes first, regardless of the viewed version.
                match decide::approve(pending, actor, approving, context) {
                    Ok(_) | Err(ActionRefused::WarningsUnconfirmed { .. }) if has_changed => {
                        Err(ActionRefused::Changed)
                    }
                    pressed => pressed,
                }
            }
            Self::Deny(reason) => {
                Ok(decide::deny(request.pending(now)?, actor, *reason, context)?.into())
            }
            Self::Discard => Ok(decide::discard(request.pending(now)?, actor, context)?.into()),
            Self::BreakGlass { justification } => {
                break_glass::take(request.pending(now)?, actor, justification, context)
            }
            Self::CloseReview(words) => {
                Ok(break_glass::close(request, actor, *words, context)?.into())
            }
        }
    }
}

pub(super) struct PressFacts {
    pub(super) holds: Holds,
    locks: LocksSeen,
    live_grants: Option<LiveGrantsSeen>,
    mode: PressMode,
}

impl PressFacts {
    pub(super) fn nothing_read() -> Self {
        Self {
            holds: Holds::default(),
            locks: LocksSeen::default(),
            live_grants: None,
            mode: PressMode::Preview,
        }
    }
}

impl Access {
    /// # Errors
    /// If the actor may not, or it is already decided; the refusal is recorded.
    pub async fn approve(
        &self,
        actor: &Actor,
        id: RequestId,
        idempotency: Option<&Idempotency>,
    ) -> Result<Request, AccessError> {
        self.approve_with(actor, id, Approving::default(), idempotency)
            .await
    }

    /// Approves with a comment, a shorter duration, or only the viewed version, which is compared
    /// with the committed state.
    ///
    /// # Errors
    /// As [`Access::approve`]; [`ActionRefused::Changed`] for another version.
    pub async fn approve_with(
        &self,
        actor: &Actor,
        id: RequestId,
        approving: Approving<'_>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Request, AccessError> {
        self.press(actor, id, &Press::Approve(approving), idempotency)
            .await
    }

    /// # Errors
    /// As [`Access::approve`].
    pub async fn deny(
        &self,
        actor: &Actor,
        id: RequestId,
        reason: Option<&str>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Request, AccessError> {
        self.press(actor, id, &Press::Deny(reason), idempotency)
            .await
    }

    /// # Errors
    /// As [`Access::approve`].
    pub async fn discard(
        &self,
        actor: &Actor,
        id: RequestId,
        idempotency: Option<&Idempotency>,
    ) -> Result<Request, AccessError> {
        self.press(actor, id, &Press::Discard, idempotency).await
    }

    /// Takes the requested access immediately, for an hour at most. Notifies approvers and
    /// administrators; an approver closes the review.
    ///
    /// # Errors
    /// If the request is not the actor's, the rules do not allow it, the justification is too
    /// short, or it is decided; the refusal is recorded.
    pub async fn break_glass(
        &self,
        actor: &Actor,
        id: RequestId,
        justification: &str,
        idempotency: Option<&Idempotency>,
    ) -> Result<Request, AccessError> {
        self.press(actor, id, &Press::BreakGlass { justification }, idempotency)
            .await
    }

    /// Closes a break-glass review: a current approver, never the requester. Without approvers in
    /// the rules, an administrator.
    ///
    /// # Errors
    /// If the actor may not, there is no review, or it is closed; the refusal is recorded.
    pub async fn close_review(
        &self,
        actor: &Actor,
        id: RequestId,
        words: Option<&str>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Request, AccessError> {
        self.press(actor, id, &Press::CloseReview(words), idempotency)
            .await
    }

    async fn press(
        &self,
        actor: &Actor,
        id: RequestId,
        press: &Press<'_>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Request, AccessError> {
        press.ensure_texts()?;
        let mut races = 0;
        loop {
            let request = self.ports.store.request(id).await?;
            // After each read: the first action may be this one, sent twice.
            if self.was_answered(actor, id, idempotency).await? {
                break;
            }
            let request = request.ok_or(AccessError::NotFound("request"))?;
            let outcome = match self.judge(actor, press, &request).await? {
                Ok((step, facts)) => {
                    let change = Change {
                        locks_seen: facts.locks,
                        live_grants_seen: facts.live_grants,
                        answer: self.answer_to(actor, id, idempotency),
                        ..step.fold()
                    };
                    self.store_change(change).await
                }
                // Not a refusal of rights: a confirmation is missing.
                Err(why @ ActionRefused::WarningsUnconfirmed { .. }) => return Err(why.into()),
                Err(why) => {
                    // A refusal must not reveal a hidden request.
                    let visible = self.may_see(actor, &request);
                    let record = if visible {
                        self.judged(|it| {
                            let (by, ruled) = (Doer::Person(actor), it.ruled(&request));
                            let record =
                                it.step.of_ruled(Event::ActionRefused, by, &request, &ruled);
                            decide::refused(record, press.name(), &why)
                        })
                    } else {
                        let hidden = HiddenSubject::Request(id);
                        self.step().of_hidden(actor, press.name(), hidden)
                    };
                    self.record(record).await?;
                    return Err(if visible {
                        why.into()
                    } else {
                        AccessError::NotFound("request")
                    });
                }
            };
            match outcome {
                Ok(_) => break,
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
        let pressed = self.ports.store.request(id).await.map_err(unconfirmed)?;
        let mut pressed = pressed.ok_or(AccessError::NotFound("request"))?;
        self.note_lacking(&mut pressed).await;
        Ok(pressed)
    }

    /// Judges with a fresh directory and the actor as AWS has them now.
    async fn judge(
        &self,
        actor: &Actor,
        press: &Press<'_>,
        request: &Request,
    ) -> Result<Result<(PressStep, PressFacts), ActionRefused>, AccessError> {
        let mut facts = self.press_facts(actor, request, PressMode::Now).await?;
        let uses_a_right = press.uses_a_right(request, actor);
        if !uses_a_right {
            let directory = self.directory();
            let tried = self.try_press(press, actor, request, &facts, &directory, None);
            return Ok(tried.map(|step| (step, facts)));
        }
        let (directory, unread) = match self.facts_for(request.looked_for()).await {
            Ok(directory) => (directory, None),
            Err(unread) => (self.directory(), Some(unread)),
        };
        if let Err(why) = self.try_press(press, actor, request, &facts, &directory, unread) {
            return Ok(Err(why));
        }
        let directory = match self.with_actor(actor, directory).await {
            Ok(directory) => directory,
            Err(why) => return Ok(Err(why)),
        };
        let directory = match press {
            Press::Approve(_) | Press::BreakGlass { .. } => {
                let directory = self.with_delegations(directory, &mut facts.locks).await?;
                let read = Box::pin(self.facts_of(request, &directory)).await?;
                let with = read.in_directory(&directory);
                facts.live_grants = read.live_grants;
                Arc::new(with)
            }
            Press::Deny(_) | Press::Discard | Press::CloseReview(_) => directory,
        };
        // The read took time: judge by its result and the present instant.
        match self.try_press(press, actor, request, &facts, &directory, None) {
            Ok(step) => {
                let exported = self.ensure_exported_for(&step).await?;
                Ok(exported.map(|()| (step, facts)))
            }
            Err(why) => Ok(Err(why)),
        }
    }

    pub(super) async fn press_facts(
        &self,
        actor: &Actor,
        request: &Request,
        mode: PressMode,
    ) -> Result<PressFacts, AccessError> {
        Ok(PressFacts {
            mode,
            holds: self.holds(request.key.as_ref()).await?,
            locks: self.locks_of(&locking::concerned(request, actor)).await?,
            live_grants: None,
        })
    }

    /// Judges an action or its preview. `unread`: why the directory is too old to use a right.
    pub(super) fn try_press(
        &self,
        press: &Press<'_>,
        actor: &Actor,
        request: &Request,
        facts: &PressFacts,
        directory: &Directory,
        unread: Option<ActionRefused>,
    ) -> Result<PressStep, ActionRefused> {
        let (rules, step) = (self.rules(), self.step());
        let own = actor.user.as_ref();
        if let Some(lock) = own.and_then(|user| facts.locks.in_force(user, step.now)) {
            return Err(ActionRefused::Locked { since: lock.since });
        }
        let context = DecisionContext {
            mode: facts.mode,
            ..self.context(&rules, directory, &facts.holds, &facts.locks, step)
        };
        let tried = press.step(request.clone(), actor, &context);
        let is_nobody = !target::is_enabled(own, directory);
        let tried = tried.and_then(|step| {
            if is_nobody && press.uses_a_right(request, actor) {
                return Err(ActionRefused::NotInDirectory);
            }
            Ok(step)
        });
        match (tried, unread) {
            // A decided request stays decided, even without a fresh directory.
            (Err(why), Some(_)) if why.is_conflict() => Err(why),
            (_, Some(unread)) => Err(unread),
            (tried, None) => tried,
        }
    }

    pub fn can_end_sessions(&self, grant: &Grant) -> bool {
        session_revocation::is_reached(grant, &self.settings) && !grant.standing
    }

    /// # Errors
    /// If it is not the actor's, or over.
    pub async fn release(
        &self,
        actor: &Actor,
        id: GrantId,
        idempotency: Option<&Idempotency>,
    ) -> Result<Grant, AccessError> {
        self.end_grant(actor, id, idempotency, false, EndPress::Release)
            .await
    }

    /// Revokes a grant: as approver, original approver or administrator, with a reason.
    ///
    /// # Errors
    /// If the actor may not, gives no reason, or it is over.
    pub async fn revoke(
        &self,
        actor: &Actor,
        id: GrantId,
        revoking: impl Into<Revoking<'_>>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Grant, AccessError> {
        let Revoking {
            reason,
            end_sessions,
        } = revoking.into();
        TextField::Reason.ensure(reason)?;
        self.ensure_unlocked(actor).await?;
        let press = EndPress::Revoke { reason };
        self.end_grant(actor, id, idempotency, end_sessions, press)
            .await
    }

    /// Revokes many grants separately, so one failure stops no other. Active grants come first,
    /// then ending ones, whose parked removals are retried. Bounded per call.
    ///
    /// # Errors
    /// If the actor is no administrator or gives no reason, or the store does not answer.
    pub async fn revoke_all(
        &self,
        actor: &Actor,
        filter: &GrantFilter,
        revoking: impl Into<Revoking<'_>>,
    ) -> Result<RevokedMany, AccessError> {
        if !actor.is(Role::Admin) {
            return Err(ActionRefused::NotYours.into());
        }
        let revoking = revoking.into();
        TextField::Reason.ensure(revoking.reason)?;
        if !says_something(revoking.reason) {
            return Err(ActionRefused::ReasonMissing.into());
        }
        let (mut found, mut has_more) = (Vec::new(), false);
        for states in [&GrantStateKind::HOLDING[..], &[GrantStateKind::Ending]] {
            let filter = GrantFilter {
                states: states.to_vec(),
                ..filter.clone()
            };
            has_more |= self.first_of(filter, &mut found).await?;
        }
        let mut outcomes = Vec::with_capacity(found.len());
        for grant in found {
            let outcome = self.revoke(actor, grant.id, revoking, None).await;
            outcomes.push((grant.id, outcome));
        }
        Ok(RevokedMany { outcomes, has_more })
    }

    async fn first_of(
        &self,
        mut filter: GrantFilter,
        found: &mut Vec<Grant>,
    ) -> Result<bool, AccessError> {
        loop {
            let page = self.ports.store.grants(&filter, REVOKED_IN_A_BATCH).await?;
            found.extend(page.rows);
            let is_full = found.len() > REVOKED_AT_ONCE;
            found.truncate(REVOKED_AT_ONCE);
            match page.next {
                _ if is_full => return Ok(true),
                None => return Ok(false),
                next => filter.before = next,
            }
        }
    }

    async fn end_grant(
        &self,
        actor: &Actor,
        id: GrantId,
        idempotency: Option<&Idempotency>,
        end_sessions: bool,
        press: EndPress<'_>,
    ) -> Result<Grant, AccessError> {
        let mut races = 0;
        loop {
            let grant = self.ports.store.grant(id).await?;
            let grant = grant.ok_or(AccessError::NotFound("grant"))?;
            if self.was_answered(actor, grant.request, idempotency).await? {
                break;
            }
            let holds = self.holds(Some(&grant.key)).await?;
            let (rules, directory, step) = (self.rules(), self.directory(), self.step());
            let locks = LocksSeen::default();
            let context = self.context(&rules, &directory, &holds, &locks, step);
            let judged = press.judge(&grant, actor, &context);
            let (does, cause) = match judged.and_then(|does| Ok((does, press.cause(actor)?))) {
                Ok(both) => both,
                Err(why) => return Err(self.refuse(actor, &grant, "end", why).await?),
            };
            let is_ending = does == EndStep::TriedAgain;
            let is_added = end_sessions && !grant.end_sessions;
            let grant = Grant {
                end_sessions: end_sessions || grant.end_sessions,
                ..grant
            };
            let answer = if !is_ending || is_added {
                self.answer_to(actor, grant.request, idempotency)
            } else {
                None
            };
            let ends = if is_ending {
                // Parked, slow, or late in the queue: retry now.
                GrantStep {
                    desired: desired::desired_again(&holds, &grant, &cause, step.now),
                    grants: is_added.then_some(grant).into_iter().collect(),
                    ..GrantStep::default()
                }
            } else {
                end::begin(&grant, cause, Doer::Person(actor), &holds, step)
            };
            let change = Change {
                answer,
                ..ends.fold()
            };
            match self.store_change(change).await {
                Ok(_) => break,
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
        let ended = self.ports.store.grant(id).await.map_err(unconfirmed)?;
        ended.ok_or(AccessError::NotFound("grant"))
    }

    /// Records a refused action and returns the reply, which never reveals a hidden grant.
    pub(super) async fn refuse(
        &self,
        actor: &Actor,
        grant: &Grant,
        press: &str,
        why: ActionRefused,
    ) -> Result<AccessError, AccessError> {
        let visible = self.may_see_grant(actor, grant);
        let step = self.step();
        let record = if visible {
            let record = step.of_grant(Event::ActionRefused, Doer::Person(actor), grant);
            decide::refused(record, press, &why)
        } else {
            step.of_hidden(actor, press, HiddenSubject::Grant(grant.id))
        };
        self.record(record).await?;
        Ok(if visible {
            why.into()
        } else {
            AccessError::NotFound("grant")
        })
    }
}
