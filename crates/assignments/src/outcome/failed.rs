use std::time::Duration;

use hallpass_base::{TimeSpan, Timestamp};

use super::is_still_good;
use crate::pace::later;
use crate::plan::is_overdue;
use crate::{AssignmentRow, CenterFault, Observation, OperationKind, Ownership};

const UNANSWERED_PAUSE: TimeSpan = TimeSpan::seconds(1);
/// The longest pause of a removal behind another operation on its account and permission set.
const BEHIND_PAUSE_MAX: TimeSpan = TimeSpan::seconds(4);
/// The longest pause of an operation whose poll was refused.
const UNREAD_PAUSE_MAX: TimeSpan = TimeSpan::seconds(2);
/// How long a create is retried for a target unknown to AWS: a new one may not have propagated.
const UNKNOWN_TARGET_LIMIT: TimeSpan = TimeSpan::seconds(3);
const FULL_PAUSE: Duration = Duration::from_millis(250);

impl AssignmentRow {
    pub(super) fn send_failed(&mut self, before: &Self, fault: CenterFault, now: Timestamp) {
        let Some(kind) = self.execution.operation.as_ref().map(|it| it.kind) else {
            return;
        };
        self.note_failure(&fault, now);
        match (kind, fault) {
            // Unknown answer: the intent stays, and the next step reads.
            (_, CenterFault::Unreachable { .. } | CenterFault::KeyUnusable { .. }) => {
                self.execution.due = UNANSWERED_PAUSE.after(now);
            }
            (
                _,
                fault @ (CenterFault::Throttled { .. }
                | CenterFault::NotSent
                | CenterFault::Full { .. }),
            ) => {
                self.not_sent(before, kind);
                self.execution.trying_since = None;
                // Another read would use the scarce request.
                if is_still_good(before.execution.observation, now) {
                    self.execution.observation = before.execution.observation;
                }
                let is_full = matches!(fault, CenterFault::Full { .. });
                self.execution.due = if is_full { later(now, FULL_PAUSE) } else { now };
            }
            // It may wait for a create from before a restart with a lost answer, which then takes
            // effect.
            (OperationKind::Delete, CenterFault::Conflict { .. }) => {
                self.not_sent(before, kind);
                self.execution.due = self.pause(now).min(BEHIND_PAUSE_MAX.after(now));
            }
            (OperationKind::Create, CenterFault::Conflict { .. }) => {
                self.not_sent(before, kind);
                self.execution.due = self.pause(now);
            }
            (OperationKind::Create, CenterFault::Refused { reason }) => {
                self.not_sent(before, OperationKind::Create);
                self.give_up(now, &reason);
            }
            (OperationKind::Create, CenterFault::NotFound { what }) => {
                self.not_sent(before, OperationKind::Create);
                self.give_up(now, &format!("{what} does not exist"));
            }
            (
                OperationKind::Delete,
                CenterFault::Refused { reason } | CenterFault::NotFound { what: reason },
            ) => {
                self.not_sent(before, OperationKind::Delete);
                self.removal_refused(reason, now);
            }
        }
        self.give_up_in_time(now);
    }

    pub(super) fn read_failed(&mut self, fault: &CenterFault, now: Timestamp) {
        self.note_failure(fault, now);
        self.execution.due = match fault {
            CenterFault::Unreachable { .. } | CenterFault::KeyUnusable { .. } => {
                UNANSWERED_PAUSE.after(now)
            }
            // Rate limits are not the row's fault: it keeps its place.
            CenterFault::Throttled { .. } | CenterFault::NotSent | CenterFault::Full { .. } => now,
            CenterFault::Conflict { .. }
            | CenterFault::Refused { .. }
            | CenterFault::NotFound { .. } => {
                let pause = self.pause(now);
                // An operation in flight keeps its slot, and others wait behind it.
                match self.execution.operation {
                    Some(_) => pause.min(UNREAD_PAUSE_MAX.after(now)),
                    None => pause,
                }
            }
        };
        self.give_up_unknown_target(fault, now);
        self.give_up_in_time(now);
    }

    /// Gives up an unsent create for an account, permission set or group that AWS does not know: it
    /// was deleted since the request.
    fn give_up_unknown_target(&mut self, fault: &CenterFault, now: Timestamp) {
        let CenterFault::NotFound { what } = fault else {
            return;
        };
        let since = self.execution.trying_since;
        let is_over = since.is_some_and(|since| now >= UNKNOWN_TARGET_LIMIT.after(since));
        if self.execution.ownership == Ownership::Undecided
            && self.execution.operation.is_none()
            && self.is_wanted(now)
            && is_over
        {
            self.give_up(now, &format!("{what} does not exist"));
        }
    }

    fn note_failure(&mut self, fault: &CenterFault, now: Timestamp) {
        self.execution.last_error = Some(fault.to_string());
        self.note_try(now);
    }

    /// Gives up if AWS accepted nothing for too long. Possibly accepted operations are checked
    /// first.
    fn give_up_in_time(&mut self, now: Timestamp) {
        if self.execution.operation.is_none() && self.is_wanted(now) && is_overdue(self, now) {
            self.give_up(
                now,
                "Identity Center did not accept the request within 5 minutes",
            );
        }
    }

    fn not_sent(&mut self, before: &Self, kind: OperationKind) {
        self.execution.operation = None;
        self.execution.observation = Observation::Unseen;
        self.execution.unanswered_create = before.execution.unanswered_create;
        if kind == OperationKind::Create && before.execution.ownership == Ownership::Undecided {
            self.execution.ownership = Ownership::Undecided;
        }
    }
}
