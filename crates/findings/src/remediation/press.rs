//! What people do about remediations: approve, have tried again, take back.

use hallpass_base::Timestamp;

use crate::remediation::action::ActionKind;
use crate::remediation::item::{Remediation, RemediationPhase, RemediationResult, WorkflowStatus};

/// Why a press is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PressRefusal {
    /// It does not wait for anybody.
    #[error("`{0}` does not wait for anybody: it is {1}")]
    NotWaiting(String, &'static str),
    /// The time to answer is over; what becomes of it is being written.
    #[error("`{0}` waited until {1}, which is over: it is for people")]
    TooLate(String, Timestamp),
    /// There is nothing that we could do about it.
    #[error("`{0}` is told to people and nothing else: no account is changed for it")]
    OnlyTold(String),
    /// Only whoever owns the code knows what it did.
    #[error("`{0}` called code of your own, which alone can take back what it did")]
    OwnCode(String),
    /// It is not as it was when it was decided.
    #[error("`{0}` has drifted: {1}; nothing is done")]
    Drifted(String, String),
    /// Nothing was changed that could be taken back.
    #[error("`{0}` changed nothing that could be taken back: it is {1}")]
    NothingToUndo(String, &'static str),
}

/// Somebody approves it, or has it tried again: it is done next.
///
/// # Errors
/// It waits for nobody.
pub fn approved(
    mut it: Remediation,
    by: &str,
    now: Timestamp,
) -> Result<Remediation, PressRefusal> {
    match &it.phase {
        RemediationPhase::Waiting { until, .. } if *until <= now => {
            return Err(PressRefusal::TooLate(it.id.to_string(), *until));
        }
        RemediationPhase::Waiting { .. } | RemediationPhase::Manual { .. } => {}
        RemediationPhase::Observed
        | RemediationPhase::Pending { .. }
        | RemediationPhase::Finished { .. }
        | RemediationPhase::Drifted { .. }
        | RemediationPhase::Undone { .. } => {
            return Err(PressRefusal::NotWaiting(it.id.to_string(), it.phase.name()));
        }
    }
    if it.action == ActionKind::Notify
        || !it.action.leaves_accounts_alone() && it.deviation.is_of_guard_duty()
    {
        return Err(PressRefusal::OnlyTold(it.id.to_string()));
    }
    it.approved_by = Some(by.to_owned());
    it.acts_at = Some(now);
    it.write_back = None;
    if it.action == ActionKind::Suppress {
        return Ok(it.suppressed(now));
    }
    it.generation += 1;
    it.phase = RemediationPhase::Pending {
        from: now,
        failed: 0,
    };
    Ok(it)
}

/// Somebody says no: it is for people, and the finding says so.
///
/// # Errors
/// It does not wait for an approval.
pub fn declined(
    it: Remediation,
    by: &str,
    reason: &str,
    now: Timestamp,
) -> Result<Remediation, PressRefusal> {
    if !matches!(it.phase, RemediationPhase::Waiting { .. }) {
        return Err(PressRefusal::NotWaiting(it.id.to_string(), it.phase.name()));
    }
    let reason = format!("{by} declined it: {reason}");
    let phase = RemediationPhase::Manual { reason };
    Ok(it.told(phase, WorkflowStatus::Notified, now))
}

/// Whether there is something to take back.
///
/// # Errors
/// There is not.
pub fn may_undo(it: &Remediation) -> Result<(), PressRefusal> {
    if it.action.is_own_code() {
        return Err(PressRefusal::OwnCode(it.id.to_string()));
    }
    match &it.phase {
        RemediationPhase::Finished {
            result: RemediationResult::Changed | RemediationResult::Suppressed,
        } => Ok(()),
        // an earlier try changed what this one found done
        RemediationPhase::Finished {
            result: RemediationResult::Unchanged,
        } if it.changed_at.is_some() && it.plan.is_some() => Ok(()),
        // a failure may come after a part of it
        RemediationPhase::Manual { .. } | RemediationPhase::Drifted { .. } if it.plan.is_some() => {
            Ok(())
        }
        RemediationPhase::Observed
        | RemediationPhase::Waiting { .. }
        | RemediationPhase::Pending { .. }
        | RemediationPhase::Finished { .. }
        | RemediationPhase::Manual { .. }
        | RemediationPhase::Drifted { .. }
        | RemediationPhase::Undone { .. } => Err(PressRefusal::NothingToUndo(
            it.id.to_string(),
            it.phase.name(),
        )),
    }
}

/// It was taken back: the finding is open again.
#[must_use]
pub fn undone(it: Remediation, by: &str, now: Timestamp) -> Remediation {
    let phase = RemediationPhase::Undone {
        at: now,
        by: by.to_owned(),
    };
    it.told(phase, WorkflowStatus::New, now)
}
