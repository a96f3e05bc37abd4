//! What a row learns from the outcome of a step. Pure, like the plan.

use hallpass_model::{Span, Timestamp};

use crate::plan::{
    DRIFT_CHECK, FAILED_GAP, LOSS_GAP, is_overdue, is_unsettled, lags_behind_delete,
};
use crate::{
    Absence, CenterFault, Doubt, GivingUp, Missing, Operation, OperationKind, Ownership, Progress,
    Row, Sent, Sight, Verdict,
};

/// The longest pause between attempts that are worth making.
const PAUSE_MAX_SECONDS: u64 = 60;
/// The pause between attempts on a removal that AWS refuses for good.
const STUCK_PAUSE: Span = Span::hours(1);
/// The longest pause between questions for the status of a running operation.
const POLL_PAUSE_MAX_SECONDS: u64 = 5;
/// The same, once nobody waits for it any more.
const ABANDONED_POLL_PAUSE: Span = Span::seconds(30);

/// The pause between looks for what must go, could not be removed and is not listed either.
const UNLISTED_PAUSE: Span = Span::seconds(2);

/// How long a listing without it may be acted on after a pause.
const ABSENCE_KEPT: Span = Span::seconds(90);

/// What came of a step.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A listing that began at `at` was read to its end.
    Looked {
        /// When the listing began.
        at: Timestamp,
        /// Whether it was in it.
        present: bool,
    },
    /// The operation was sent and answered.
    Sent(Sent),
    /// The status of the operation in flight.
    Polled(Progress),
    /// What the directory says of the person and the account.
    Asked(Option<Missing>),
    /// The call for the step failed.
    Failed(CenterFault),
    /// Nothing was sent: another operation holds the lane, or too many are outstanding.
    Busy,
    /// Nothing had to be sent.
    Settled(Verdict),
}

impl Row {
    /// The row with the intent of an operation, to be stored before it is sent.
    #[must_use]
    pub fn begin(mut self, kind: OperationKind, now: Timestamp) -> Self {
        let execution = &mut self.execution;
        if kind == OperationKind::Create {
            // INVARIANT: a create is never sent while ownership is undecided (`access.md` §8.3).
            execution.ownership = Ownership::Ours;
            execution.created_at = None;
            execution.deleted_at = None;
        }
        execution.operation = Some(Operation {
            kind,
            started_at: now,
            request: None,
            polls: 0,
        });
        execution.sight = Sight::Unseen;
        if !matches!(execution.verdict, Verdict::Stuck { .. }) {
            execution.verdict = Verdict::Working;
        }
        self
    }

    /// The row after a step, given the row before the step's intent was stored.
    #[must_use]
    pub fn learn(mut self, before: &Self, outcome: Outcome, now: Timestamp) -> Self {
        match outcome {
            Outcome::Looked { at, present: true } => self.saw_it(at, now),
            Outcome::Looked { at, present: false } => self.missed_it(at, now),
            Outcome::Sent(sent) => self.sent(sent, now),
            Outcome::Polled(progress) => self.polled(progress, now),
            Outcome::Asked(missing) => self.asked(missing, now),
            Outcome::Failed(fault) => self.failed(before, fault, now),
            Outcome::Busy => self.execution.due = Span::seconds(1).after(now),
            Outcome::Settled(verdict) => {
                self.execution.due = match verdict {
                    Verdict::Stuck { .. } => STUCK_PAUSE.after(now),
                    _ => DRIFT_CHECK.after(now),
                };
                self.execution.verdict = verdict;
            }
        }
        self
    }

    fn saw_it(&mut self, at: Timestamp, now: Timestamp) {
        let wanted = self.is_wanted(now);
        let execution = &mut self.execution;
        execution.sight = Sight::Present { at };
        execution.last_present_at = Some(at);
        if execution.refused_removals == 0 {
            execution.last_error = None;
        }
        execution.due = now;
        if execution
            .operation
            .as_ref()
            .is_some_and(|op| op.request.is_none() || wanted)
        {
            execution.operation = None;
        }
        if !wanted {
            // listings may lag behind a finished removal: look again, but not in a busy loop
            if execution.deleted_at.is_some() {
                self.execution.due = self.pause(now);
            }
            return;
        }
        if lags_behind_delete(execution, now) {
            return;
        }
        execution.attempts = 0;
        execution.doubt = Doubt::Settled;
        if execution.ownership == Ownership::Undecided {
            execution.ownership = Ownership::Standing;
        }
        execution.verdict = Verdict::Present { at };
        execution.due = DRIFT_CHECK.after(now).min(self.desired.until);
    }

    fn missed_it(&mut self, at: Timestamp, now: Timestamp) {
        let (wanted, was_seen, overdue) =
            (self.is_wanted(now), self.was_seen(), is_overdue(self, now));
        let execution = &mut self.execution;
        let since = match execution.sight {
            Sight::Absent { since, .. } => since,
            Sight::Present { .. } | Sight::Unseen => at,
        };
        execution.sight = Sight::Absent { since, at };
        execution.due = now;
        match execution.operation.take() {
            Some(operation) if operation.request.is_some() => execution.operation = Some(operation),
            Some(operation) if operation.kind == OperationKind::Create => {
                execution.doubt = Doubt::LostCreate;
                execution.sight = Sight::Absent { since: at, at };
            }
            // whether this removal was carried out is unknown: what it removes may still be hidden
            Some(_) if is_unsettled(execution, at) => {}
            Some(_) => execution.deleted_at = Some(at),
            None => {}
        }
        if wanted && overdue {
            self.give_up(
                now,
                "Identity Center did not confirm the access within 5 minutes",
            );
            return;
        }
        let execution = &mut self.execution;
        if wanted && was_seen {
            let gap_ends = LOSS_GAP.after(since);
            if at >= gap_ends {
                execution.verdict = Verdict::Lost { at };
            } else {
                execution.due = gap_ends;
            }
        } else if wanted && execution.created_at.is_some() {
            self.execution.due = self.pause(now);
        } else if !wanted {
            self.execution.due = self.next_look(since, at, now);
        }
    }

    /// When to look again for what should be gone and was not listed at `at`.
    fn next_look(&self, since: Timestamp, at: Timestamp, now: Timestamp) -> Timestamp {
        let execution = &self.execution;
        let refused = execution.refused_removals > 0;
        // its removal was refused, and listings prove nothing yet: look again in a while
        let next = if refused && is_unsettled(execution, at) {
            UNLISTED_PAUSE.after(now)
        } else {
            now
        };
        match execution.doubt {
            Doubt::FailedCreate => FAILED_GAP.after(since).max(next),
            Doubt::LostCreate if refused || execution.deleted_at.is_some() => {
                LOSS_GAP.after(since).max(next)
            }
            Doubt::Settled | Doubt::LostCreate => next,
        }
    }

    fn sent(&mut self, sent: Sent, now: Timestamp) {
        let execution = &mut self.execution;
        match sent {
            Sent::InProgress { request } => {
                execution.aws_request = Some(request.clone());
                if let Some(operation) = &mut execution.operation {
                    operation.request = Some(request);
                }
                execution.due = Span::seconds(1).after(now);
            }
            Sent::Done => self.finished(now),
        }
    }

    fn finished(&mut self, now: Timestamp) {
        let execution = &mut self.execution;
        match execution.operation.take().map(|operation| operation.kind) {
            Some(OperationKind::Create) => execution.created_at = Some(now),
            Some(OperationKind::Delete) => execution.deleted_at = Some(now),
            None => {}
        }
        execution.sight = Sight::Unseen;
        execution.attempts = 0;
        execution.due = now;
    }

    fn polled(&mut self, progress: Progress, now: Timestamp) {
        let abandoned = self.gave_up();
        let execution = &mut self.execution;
        match progress {
            Progress::InProgress => {
                execution.attempts = 0;
                if let Some(operation) = &mut execution.operation {
                    operation.polls = operation.polls.saturating_add(1);
                    let pause = u64::from(operation.polls).clamp(1, POLL_PAUSE_MAX_SECONDS);
                    execution.due = if abandoned {
                        ABANDONED_POLL_PAUSE.after(now)
                    } else {
                        Span::seconds(pause).after(now)
                    };
                }
            }
            Progress::Succeeded => self.finished(now),
            Progress::Failed { reason } => self.ended_badly(reason, now),
            Progress::Unknown => {
                if execution
                    .operation
                    .take()
                    .is_some_and(|op| op.kind == OperationKind::Create)
                {
                    execution.doubt = Doubt::LostCreate;
                }
                execution.sight = Sight::Unseen;
                execution.due = now;
            }
        }
    }

    fn ended_badly(&mut self, reason: String, now: Timestamp) {
        let kind = self
            .execution
            .operation
            .take()
            .map(|operation| operation.kind);
        self.execution.sight = Sight::Unseen;
        if kind == Some(OperationKind::Create) {
            self.execution.doubt = Doubt::FailedCreate;
            self.give_up(now, &reason);
        } else {
            self.removal_refused(reason, now);
        }
    }

    fn removal_refused(&mut self, reason: String, now: Timestamp) {
        self.execution.refused_removals = self.execution.refused_removals.saturating_add(1);
        self.execution.gone = None;
        self.execution.last_error = Some(reason);
        self.execution.due = if matches!(self.execution.verdict, Verdict::Stuck { .. }) {
            STUCK_PAUSE.after(now)
        } else if self.execution.refused_removals == 1 {
            // "not found" often means that it is gone: look at once
            now
        } else {
            self.pause(now)
        };
    }

    fn asked(&mut self, missing: Option<Missing>, now: Timestamp) {
        let execution = &mut self.execution;
        execution.gone = missing.map(|missing| match missing {
            Missing::Principal => Absence::PrincipalGone,
            Missing::Account => Absence::AccountGone,
        });
        if execution.gone.is_none() {
            // it exists after all: go on as before, and ask again after five more refusals
            execution.refused_removals = 1;
        }
        execution.due = now;
    }

    fn failed(&mut self, before: &Self, fault: CenterFault, now: Timestamp) {
        let kind = match &self.execution.operation {
            Some(operation) if operation.request.is_none() => Some(operation.kind),
            _ => None,
        };
        self.execution.last_error = Some(fault.to_string());
        match (kind, fault) {
            // the answer is unknown: the intent stays, and the next step looks
            (_, CenterFault::Unreachable { .. }) | (None, _) => {
                self.execution.due = self.pause(now);
            }
            (Some(kind), CenterFault::Throttled { .. }) => {
                self.not_sent(before, kind);
                // where requests are scarce, looking again would spend the one that was to act
                if is_still_good(before.execution.sight, now) {
                    self.execution.sight = before.execution.sight;
                }
                self.execution.due = self.pause(now);
            }
            (Some(kind), CenterFault::Conflict { .. }) => {
                self.not_sent(before, kind);
                self.execution.due = self.pause(now);
            }
            (Some(OperationKind::Create), CenterFault::Refused { reason }) => {
                self.not_sent(before, OperationKind::Create);
                self.give_up(now, &reason);
            }
            (Some(OperationKind::Create), CenterFault::NotFound { what }) => {
                self.not_sent(before, OperationKind::Create);
                self.give_up(now, &format!("{what} does not exist"));
            }
            (
                Some(OperationKind::Delete),
                CenterFault::Refused { reason } | CenterFault::NotFound { what: reason },
            ) => {
                self.not_sent(before, OperationKind::Delete);
                self.removal_refused(reason, now);
            }
        }
        if self.execution.operation.is_none() && self.is_wanted(now) && is_overdue(self, now) {
            self.give_up(
                now,
                "Identity Center did not accept the request within 5 minutes",
            );
        }
    }

    /// AWS answered that it did not take the operation: as if it had never been begun.
    fn not_sent(&mut self, before: &Self, kind: OperationKind) {
        self.execution.operation = None;
        self.execution.sight = Sight::Unseen;
        if kind == OperationKind::Create && before.execution.ownership == Ownership::Undecided {
            self.execution.ownership = Ownership::Undecided;
        }
    }

    fn give_up(&mut self, now: Timestamp, reason: &str) {
        // never before the newest hold, or it would not count for it
        let at = now.max(self.desired.asked_at);
        self.execution.giving_up = Some(GivingUp {
            reason: reason.to_owned(),
            at,
        });
        self.execution.due = now;
    }

    /// One second doubling to sixty; the executor adds jitter, for it has a source of it.
    fn pause(&mut self, now: Timestamp) -> Timestamp {
        let pause = 1_u64
            .checked_shl(self.execution.attempts)
            .unwrap_or(PAUSE_MAX_SECONDS);
        self.execution.attempts = self.execution.attempts.saturating_add(1);
        Span::seconds(pause.clamp(1, PAUSE_MAX_SECONDS)).after(now)
    }
}

/// Whether a listing may still be acted on after a pause: presence until it is removed; absence
/// only briefly, for somebody else may give the access meanwhile, and then it is theirs.
fn is_still_good(sight: Sight, now: Timestamp) -> bool {
    match sight {
        Sight::Unseen => false,
        Sight::Present { .. } => true,
        Sight::Absent { at, .. } => now < ABSENCE_KEPT.after(at),
    }
}
