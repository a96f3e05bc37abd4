//! Creates without an answer, which AWS may execute after another create's removal
//! ([`UnansweredCreate`]).

use hallpass_base::{TimeSpan, Timestamp};

use crate::{AbsenceConfidence, AssignmentRow, Execution, UnansweredCreate, Verdict};

/// How long after its detection such a create may take effect.
const LATE_FOR: TimeSpan = TimeSpan::minutes(1);
/// The expected listing lag after a removal, if there may be another cause.
const LAG_EXPECTED: TimeSpan = TimeSpan::seconds(5);

impl Execution {
    /// Records a create without an answer. If an earlier one is also unknown, a later removal may
    /// have removed that one's access.
    pub(crate) fn note_unanswered_create(&mut self, at: Timestamp) {
        let is_one_of_several = self.absence_confidence == AbsenceConfidence::LostCreate
            || self.unanswered_create.is_some();
        self.unanswered_create = Some(UnansweredCreate {
            at,
            is_one_of_several,
        });
    }
}

/// Returns until when an unanswered create may take effect after a later one: a removal may have
/// found only the later one's access.
fn late_create_until(execution: &Execution) -> Option<Timestamp> {
    let unanswered = execution
        .unanswered_create
        .filter(|it| it.is_one_of_several);
    unanswered.map(|it| LATE_FOR.after(it.at))
}

/// Whether no read has begun after that time.
pub(crate) fn awaits_late_create(execution: &Execution) -> bool {
    let until = late_create_until(execution);
    until.is_some_and(|until| execution.observation.at().is_none_or(|at| at < until))
}

impl AssignmentRow {
    /// Whether an unanswered create may have taken effect since the last read, or still may.
    pub fn awaits_late_create(&self) -> bool {
        awaits_late_create(&self.execution)
    }

    /// Whether the newest hold was ever reported removed.
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

/// Whether a listing after a removal may show a late create instead of lag.
pub(crate) fn may_be_lost_create(execution: &Execution, now: Timestamp) -> bool {
    lost_create_shows_at(execution).is_some_and(|at| now >= at)
}

pub(crate) fn lost_create_shows_at(execution: &Execution) -> Option<Timestamp> {
    // A later refused removal shows that listings lag.
    let deleted = execution.deleted_at.filter(|_| {
        execution.refused_removals == 0
            && (late_create_until(execution).is_some()
                || execution.absence_confidence == AbsenceConfidence::LostCreate)
    });
    deleted.map(|at| LAG_EXPECTED.after(at))
}
