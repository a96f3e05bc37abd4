//! Ends a grant, by deadline, person or finding (drift, departure, rule change). It closes only
//! once the access was seen removed, or the reason that it stays is known.

use hallpass_assignments::{Absence, AssignmentRow, GuardRemoval, Verdict};
use hallpass_audit::{Draft, Event};
use hallpass_base::Timestamp;
use hallpass_rules::Directory;

use crate::desired::{desired_for, forget_or_keep};
use crate::grant::NO_NEWS_SEEN;
use crate::records::{Doer, StepContext};
use crate::step::GrantStep;
use crate::{
    ArmedEndStatus, CredentialsAfterEnd, EndCause, EndOutcome, Grant, GrantState, Holds, News,
    Settings, Stuck, guard_removals, session_revocation,
};

pub(crate) fn begin(
    grant: &Grant,
    cause: EndCause,
    by: Doer<'_>,
    holds: &Holds,
    step: StepContext<'_>,
) -> GrantStep {
    let (grant, records) = ending_grant(grant, cause, by, step);
    GrantStep {
        records,
        desired: desired_for(holds, &grant, step.now),
        ..GrantStep::of(grant)
    }
}

pub(crate) fn ending_grant(
    grant: &Grant,
    cause: EndCause,
    by: Doer<'_>,
    step: StepContext<'_>,
) -> (Grant, Vec<Draft>) {
    let why = cause.audit_reason();
    let finding = match cause {
        EndCause::Drift => Some(Event::DriftMissing),
        EndCause::PrincipalLeft => Some(Event::DriftPrincipalLeft),
        EndCause::RuleChanged => Some(Event::DriftRuleChanged),
        EndCause::Expired
        | EndCause::Released
        | EndCause::Revoked { .. }
        | EndCause::Guard { .. } => None,
    };
    let grant = Grant {
        state: GrantState::Ending {
            cause,
            since: step.now,
        },
        // Another hold or known state may settle it without news.
        seen_news: NO_NEWS_SEEN,
        ..grant.clone()
    };
    let found = finding.map(|event| step.of_grant(event, by, &grant));
    let started = step.of_grant(Event::EndStarted, by, &grant).reason(&why);
    let records = found.into_iter().chain([started]).collect();
    (grant, records)
}

struct Settled {
    removed: bool,
    why: EndOutcome,
    /// AWS's last error, if the access was never created.
    error: Option<String>,
}

impl Settled {
    fn untouched(why: EndOutcome) -> Self {
        Self {
            removed: false,
            why,
            error: None,
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct EndFacts<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) settings: &'a Settings,
    pub(crate) removal: Option<&'a GuardRemoval>,
    pub(crate) armed: Option<&'a ArmedEndStatus>,
}

pub(crate) fn advance(
    grant: &Grant,
    holds: &Holds,
    known: EndFacts<'_>,
    step: StepContext<'_>,
) -> GrantStep {
    let held = holds
        .grants
        .iter()
        .any(|other| other.id != grant.id && other.is_hold());
    let Some(row) = &holds.row else {
        let settled = Settled::untouched(EndOutcome::AlreadyAbsent);
        return close(grant, &settled, holds, known, step);
    };
    if held {
        let settled = Settled::untouched(EndOutcome::HeldByOtherGrant);
        return close(grant, &settled, holds, known, step);
    }
    if row.desired.until > step.now {
        // Two holds ended together, each counting on the other; or a fast clock requested the end.
        // The known state may be final, so it is processed again.
        let grant = Grant {
            seen_news: NO_NEWS_SEEN,
            ..grant.clone()
        };
        return GrantStep {
            desired: desired_for(holds, &grant, step.now),
            ..GrantStep::of(grant)
        };
    }
    match settled(row) {
        Some(settled) => {
            let removal = guard_removals::removed_by(known.removal, row, grant);
            let (settled, grant) = match removal {
                Some(removal) => (by_guard(settled), ended_by(removal, grant)),
                None => (settled, grant.clone()),
            };
            close(&grant, &settled, holds, known, step)
        }
        None => note_refusals(grant, row, step),
    }
}

fn by_guard(settled: Settled) -> Settled {
    Settled {
        removed: true,
        why: EndOutcome::Guard,
        ..settled
    }
}

/// A guard is the cause only if time ended the grant, not a person or finding.
fn ended_by(removal: &GuardRemoval, grant: &Grant) -> Grant {
    let state = match &grant.state {
        GrantState::Ending {
            cause: EndCause::Expired | EndCause::Drift,
            since,
        } => GrantState::Ending {
            cause: guard_removals::cause(removal),
            since: *since,
        },
        GrantState::Ending { .. }
        | GrantState::Scheduled
        | GrantState::Granting
        | GrantState::Active
        | GrantState::Ended { .. }
        | GrantState::Failed { .. } => grant.state.clone(),
    };
    Grant {
        state,
        ..grant.clone()
    }
}

fn settled(row: &AssignmentRow) -> Option<Settled> {
    if row.execution.operation.is_some() {
        return None;
    }
    let counts = |at: Timestamp| row.is_since_newest_hold(at);
    match &row.execution.verdict {
        Verdict::Absent { at, why } if counts(*at) => Some(Settled {
            removed: *why == Absence::Removed,
            why: (*why).into(),
            error: row
                .execution
                .last_error
                .clone()
                .filter(|_| *why == Absence::NeverCreated),
        }),
        Verdict::Kept { at } if counts(*at) => Some(Settled::untouched(EndOutcome::Standing)),
        Verdict::Refused { at, reason } if counts(*at) => Some(Settled {
            removed: false,
            why: EndOutcome::NeverCreated,
            error: Some(reason.clone()),
        }),
        Verdict::Absent { .. }
        | Verdict::Kept { .. }
        | Verdict::Refused { .. }
        | Verdict::Working
        | Verdict::Present { .. }
        | Verdict::Lost { .. }
        | Verdict::Stuck { .. } => None,
    }
}

fn close(
    grant: &Grant,
    settled: &Settled,
    holds: &Holds,
    known: EndFacts<'_>,
    step: StepContext<'_>,
) -> GrantStep {
    let cause = match &grant.state {
        GrantState::Ending { cause, .. } => cause.clone(),
        GrantState::Scheduled
        | GrantState::Granting
        | GrantState::Active
        | GrantState::Ended { .. }
        | GrantState::Failed { .. } => return GrantStep::default(),
    };
    let reason = cause.audit_reason();
    // AWS counts session lifetimes by its own clock.
    let (directory, now) = (known.directory, step.aws_now);
    let outliving = session_revocation::of(grant, settled.why, directory, known.settings, now);
    let grant = Grant {
        state: GrantState::Ended {
            cause,
            at: step.now,
            removed: settled.removed,
            why: settled.why,
        },
        stuck: None,
        end_sessions: outliving.is_some(),
        ..grant.clone()
    };
    let issued = session_revocation::last_credentials_until(&grant, directory, now)
        .filter(|_| settled.removed);
    let unarmed = match issued {
        _ if outliving.is_some() => CredentialsAfterEnd::Stop,
        Some(until) => CredentialsAfterEnd::WorkUntil(until),
        None => CredentialsAfterEnd::NotSaid,
    };
    let news = News::Ended {
        credentials: ArmedEndStatus::credentials_after(known.armed, unarmed, now),
        error: settled.error.clone(),
    };
    let mut record = step
        .of_grant(Event::EndSucceeded, Doer::Hallpass, &grant)
        .reason(&reason)
        .removed(settled.removed, settled.why.name());
    if let Some(error) = &settled.error {
        record = record.error(error);
    }
    GrantStep {
        records: vec![record],
        notices: vec![step.notice_to_holder(news, &grant)],
        desired: forget_or_keep(holds, &grant, step.now),
        sessions: outliving,
        grants: vec![grant],
    }
}

/// Records each refused removal, and when it is parked.
fn note_refusals(grant: &Grant, row: &AssignmentRow, step: StepContext<'_>) -> GrantStep {
    let by = Doer::Hallpass;
    let newly_stuck = match &row.execution.verdict {
        Verdict::Stuck { since, reason } if grant.stuck.is_none() => Some(Stuck {
            since: *since,
            reason: reason.clone(),
        }),
        Verdict::Stuck { .. }
        | Verdict::Working
        | Verdict::Present { .. }
        | Verdict::Absent { .. }
        | Verdict::Kept { .. }
        | Verdict::Refused { .. }
        | Verdict::Lost { .. } => None,
    };
    let is_refused_anew = row.execution.refused_removals > grant.refusals && grant.stuck.is_none();
    let failed = is_refused_anew.then(|| {
        let error = row.execution.last_error.as_deref();
        step.of_grant(Event::EndFailed, by, grant)
            .error(error.unwrap_or("AWS gave no reason"))
    });
    let parked = newly_stuck.as_ref().map(|stuck| {
        let record = step.of_grant(Event::EndStuck, by, grant);
        record.error(&stuck.reason)
    });
    // Not to the holder, who cannot fix it.
    let notice = newly_stuck
        .is_some()
        .then(|| step.notice_to_operators(News::Stuck, grant));
    GrantStep {
        records: failed.into_iter().chain(parked).collect(),
        notices: notice.into_iter().collect(),
        ..GrantStep::of(Grant {
            seen_news: row.verdict_rev,
            refusals: row.execution.refused_removals,
            stuck: newly_stuck.or_else(|| grant.stuck.clone()),
            ..grant.clone()
        })
    }
}

#[cfg(test)]
#[path = "end_tests.rs"]
mod tests;
