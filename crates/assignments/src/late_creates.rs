//! Creates that AWS did not answer, and may carry out after the removal of what another made ([`UnansweredCreate`]).

use hallpass_base::{TimeSpan, Timestamp};

use crate::{AbsenceConfidence, AssignmentRow, Execution, UnansweredCreate, Verdict};

/// How long after it was missed such a create may take effect.
const LATE_FOR: TimeSpan = TimeSpan::minutes(1);
/// How long listings are expected to lag behind a removal, where more than that may be the reason.
const LAG_EXPECTED: TimeSpan = TimeSpan::seconds(5);

impl Execution {
    /// A create was sent that AWS did not answer. Where what became of an earlier one is not known either, what is removed
    /// later may be what that one made.
    pub(crate) fn note_unanswered_create(&mut self, at: Timestamp) {
        let is_one_of_several = self.absence_confidence == AbsenceConfidence::LostCreate
            || self.unanswered_create.is_some();
        self.unanswered_create = Some(UnansweredCreate {
            at,
            is_one_of_several,
        });
    }
}

/// Until when a create may still take effect that AWS did not answer, and that another was sent after: the removal that
/// ended well may have found what the later one made.
fn late_create_until(execution: &Execution) -> Option<Timestamp> {
    let unanswered = execution
        .unanswered_create
        .filter(|it| it.is_one_of_several);
    unanswered.map(|it| LATE_FOR.after(it.at))
}

/// Whether no look has begun yet from when on it would not take effect any more.
pub(crate) fn awaits_late_create(execution: &Execution) -> bool {
    let until = late_create_until(execution);
    until.is_some_and(|until| execution.observation.at().is_none_or(|at| at < until))
}

impl AssignmentRow {
    /// Whether a create of ours that AWS did not answer may have taken effect since the last look, or may still, though what
    /// was sent after it was removed.
    pub fn awaits_late_create(&self) -> bool {
        awaits_late_create(&self.execution)
    }

    /// Whether it was said of the newest hold, some time, that nothing of it is left.
    pub(crate) fn is_seen_gone(&self) -> bool {
        match self.execution.verdict {
            Verdict::Absent { at, .. } | Verdict::Refused { at, .. } => {
                self.is_since_newest_hold(at)
            }
            Verdict::Working
            | Verdict::Present { .. }
            | Verdict::Kept { .. }
            | Verdict::Lost { .. }
            | Verdict::Stuck { .. } => {
                let again = self.execution.removed_again_at;
                again.is_some_and(|at| self.is_since_newest_hold(at))
            }
        }
    }
}

/// Whether what is listed after a removal of ours may be more than a listing that lags: a create whose answer was lost,
/// and that took effect after that removal.
pub(crate) fn may_be_lost_create(execution: &Execution, now: Timestamp) -> bool {
    lost_create_shows_at(execution).is_some_and(|at| now >= at)
}

/// From when on it may; `None` where no create is missed.
pub(crate) fn lost_create_shows_at(execution: &Execution) -> Option<Timestamp> {
    // a removal that AWS refused since says that listings lag
    let deleted = execution.deleted_at.filter(|_| {
        execution.refused_removals == 0
            && (late_create_until(execution).is_some()
                || execution.absence_confidence == AbsenceConfidence::LostCreate)
    });
    deleted.map(|at| LAG_EXPECTED.after(at))
}
