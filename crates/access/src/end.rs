//! Ending: a deadline, a hand or a finding begins it; only observed absence, or a reason why
//! something stays, closes it.

use hallpass_assignments::{Absence, AssignmentRow, GuardRemoval, Verdict};
use hallpass_audit::Event;
use hallpass_model::Timestamp;
use hallpass_rules::Directory;

use crate::decide::credentials_until;
use crate::desired::{desired_for, forget_or_keep};
use crate::records::{Doer, StepContext};
use crate::{
    Change, CredentialsAfterEnd, EndCause, EndOutcome, Grant, GrantState, Holds, News, Settings,
    Stuck, Write, guard_removals, session_revocation,
};

/// Begins the end of a grant that still holds.
pub(crate) fn begin(
    grant: &Grant,
    cause: EndCause,
    by: Doer<'_>,
    holds: &Holds,
    step: StepContext<'_>,
) -> Change {
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
        seen_news: seen_before(holds),
        ..grant.clone()
    };
    let found = finding.map(|event| step.of_grant(event, by, &grant));
    let started = step.of_grant(Event::EndStarted, by, &grant).reason(&why);
    Change {
        audit: found.into_iter().chain([started]).collect(),
        desired: desired_for(holds, &grant, step.now).into_iter().collect(),
        grants: vec![Write::Update(grant)],
        ..Change::default()
    }
}

/// An ending grant is looked at again at once: another hold, or what is known already, may settle
/// it without waiting for news.
fn seen_before(holds: &Holds) -> u64 {
    holds
        .row
        .as_ref()
        .map_or(0, |row| row.news.saturating_sub(1))
}

/// How an end was settled.
struct Settled {
    removed: bool,
    why: EndOutcome,
    /// What AWS said last, when the access never came to be.
    error: Option<String>,
}

/// What an end goes by, beside what is stored.
#[derive(Clone, Copy)]
pub(crate) struct EndFacts<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) settings: &'a Settings,
    /// What a guard removed of this key.
    pub(crate) removal: Option<&'a GuardRemoval>,
}

/// What an ending grant makes of what was seen of its assignment.
pub(crate) fn advance(
    grant: &Grant,
    holds: &Holds,
    known: EndFacts<'_>,
    step: StepContext<'_>,
) -> Change {
    let held = holds
        .grants
        .iter()
        .any(|other| other.id != grant.id && other.is_hold());
    let Some(row) = &holds.row else {
        return close(
            grant,
            &Settled {
                removed: false,
                why: EndOutcome::AlreadyAbsent,
                error: None,
            },
            holds,
            known,
            step,
        );
    };
    if held {
        return close(
            grant,
            &Settled {
                removed: false,
                why: EndOutcome::HeldByOtherGrant,
                error: None,
            },
            holds,
            known,
            step,
        );
    }
    if row.desired.until > step.now {
        // two holds ended at the same time, each counting on the other
        let grant = Grant {
            seen_news: row.news,
            ..grant.clone()
        };
        return Change {
            desired: desired_for(holds, &grant, step.now).into_iter().collect(),
            grants: vec![Write::Update(grant)],
            ..Change::default()
        };
    }
    match settled(row) {
        Some(settled) => {
            let removal = guard_removals::removed_by(known.removal, row, grant);
            let (settled, grant) = match removal {
                Some(removal) => (by_guard(settled), told_of(removal, grant)),
                None => (settled, grant.clone()),
            };
            close(&grant, &settled, holds, known, step)
        }
        None => note_refusals(grant, row, step),
    }
}

/// A guard removed it.
fn by_guard(settled: Settled) -> Settled {
    Settled {
        removed: true,
        why: EndOutcome::Guard,
        ..settled
    }
}

/// Where nobody ended it but time, the guard did. What a person or a finding ended stays theirs.
fn told_of(removal: &GuardRemoval, grant: &Grant) -> Grant {
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
    let counts = |at: Timestamp| row.is_fresh(at);
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
        Verdict::Kept { at } if counts(*at) => Some(Settled {
            removed: false,
            why: EndOutcome::Standing,
            error: None,
        }),
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
) -> Change {
    let cause = match &grant.state {
        GrantState::Ending { cause, .. } => cause.clone(),
        GrantState::Scheduled
        | GrantState::Granting
        | GrantState::Active
        | GrantState::Ended { .. }
        | GrantState::Failed { .. } => return Change::default(),
    };
    let reason = cause.audit_reason();
    // AWS counts the life of sessions by its own time
    let (directory, now) = (known.directory, step.elsewhere);
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
    let issued = credentials_until(&grant.names, directory, now).filter(|_| settled.removed);
    let news = News::Ended {
        credentials: match issued {
            _ if outliving.is_some() => CredentialsAfterEnd::Stop,
            Some(until) => CredentialsAfterEnd::WorkUntil(until),
            None => CredentialsAfterEnd::NotSaid,
        },
        error: settled.error.clone(),
    };
    let mut record = step
        .of_grant(Event::EndSucceeded, Doer::Hallpass, &grant)
        .reason(&reason)
        .removed(settled.removed, settled.why.name());
    if let Some(error) = &settled.error {
        record = record.error(error);
    }
    Change {
        audit: vec![record],
        notices: vec![step.told(news, &grant)],
        desired: forget_or_keep(holds, &grant, step.now)
            .into_iter()
            .collect(),
        sessions_to_revoke: outliving.into_iter().collect(),
        grants: vec![Write::Update(grant)],
        ..Change::default()
    }
}

/// Records each refusal of a removal, and the moment it is parked.
fn note_refusals(grant: &Grant, row: &AssignmentRow, step: StepContext<'_>) -> Change {
    let mut grant = Grant {
        seen_news: row.news,
        ..grant.clone()
    };
    let error = row
        .execution
        .last_error
        .clone()
        .unwrap_or_else(|| "AWS gave no reason".to_owned());
    let mut change = Change::default();
    if row.execution.refused_removals > grant.refusals && grant.stuck.is_none() {
        let record = step
            .of_grant(Event::EndFailed, Doer::Hallpass, &grant)
            .error(&error);
        change.audit.push(record);
    }
    grant.refusals = row.execution.refused_removals;
    if let Verdict::Stuck { since, reason } = &row.execution.verdict
        && grant.stuck.is_none()
    {
        change.audit.push(
            step.of_grant(Event::EndStuck, Doer::Hallpass, &grant)
                .error(reason),
        );
        let mut notice = step.told(News::Stuck, &grant);
        // the holder can do nothing about it
        notice.to.clear();
        change.notices.push(notice);
        grant.stuck = Some(Stuck {
            since: *since,
            reason: reason.clone(),
        });
    }
    change.grants.push(Write::Update(grant));
    change
}
