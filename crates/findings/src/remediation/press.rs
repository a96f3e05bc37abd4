//! User actions on remediations: approve, retry, undo.

use hallpass_base::Timestamp;

use crate::remediation::action::ActionKind;
use crate::remediation::item::{Remediation, RemediationPhase, RemediationResult, WorkflowStatus};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PressRefusal {
    #[error("`{0}` does not wait for an approver: it is {1}")]
    NotWaiting(String, &'static str),
    #[error("`{0}` waited until {1}, which is over: it is for people")]
    TooLate(String, Timestamp),
    #[error("`{0}` is only reported: no account is changed for it")]
    OnlyTold(String),
    /// Only the owner of the customer code can undo it.
    #[error("`{0}` called your own code, and only that code can undo it")]
    OwnCode(String),
    #[error("`{0}` has drifted: {1}; nothing is done")]
    Drifted(String, String),
    #[error("`{0}` changed nothing that could be taken back: it is {1}")]
    NothingToUndo(String, &'static str),
}

/// Approves or retries a remediation.
///
/// # Errors
/// It does not wait for a user.
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

/// Denies a remediation: it becomes manual, and the finding gets a note.
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

pub fn may_undo(it: &Remediation) -> Result<(), PressRefusal> {
    if it.action.is_own_code() {
        return Err(PressRefusal::OwnCode(it.id.to_string()));
    }
    match &it.phase {
        RemediationPhase::Finished {
            result: RemediationResult::Changed | RemediationResult::Suppressed,
        } => Ok(()),
        // an earlier try made the change
        RemediationPhase::Finished {
            result: RemediationResult::Unchanged,
        } if it.changed_at.is_some() && it.plan.is_some() => Ok(()),
        // the failure may follow a partial change
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

#[must_use]
pub fn undone(it: Remediation, by: &str, now: Timestamp) -> Remediation {
    let phase = RemediationPhase::Undone {
        at: now,
        by: by.to_owned(),
    };
    it.told(phase, WorkflowStatus::New, now)
}
