//! The next act on an account's policy. Pure.

use hallpass_base::{TimeSpan, Timestamp};

use super::{SessionRevocation, SessionRevocationState};
use crate::account_policy::same_policy;
use crate::ports::{OrganizationFault, PolicyText, refused_words};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct ObservedPolicy {
    pub(super) policy: Option<PolicyText>,
    pub(super) targets: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PolicyAct {
    Create(String),
    Update(String, String),
    Attach(String),
    Detach(String, String),
    Delete(String),
    Rest,
}

/// The next act towards the wanted state. Each may be repeated: policy names are unique, and a
/// repeated attach or detach is refused without effect.
pub(super) fn next(seen: &ObservedPolicy, wanted: Option<&str>, account: &str) -> PolicyAct {
    let attached = seen.targets.iter().any(|target| target == account);
    match (&seen.policy, wanted) {
        (None, Some(content)) => PolicyAct::Create(content.to_owned()),
        (Some(policy), Some(content)) if !same_policy(&policy.content, content) => {
            PolicyAct::Update(policy.row.id.clone(), content.to_owned())
        }
        (Some(policy), Some(_)) if !attached => PolicyAct::Attach(policy.row.id.clone()),
        (None, None) | (Some(_), Some(_)) => PolicyAct::Rest,
        (Some(policy), None) => match seen.targets.first() {
            Some(target) => PolicyAct::Detach(policy.row.id.clone(), target.clone()),
            None => PolicyAct::Delete(policy.row.id.clone()),
        },
    }
}

/// First retry pause; doubles.
const PAUSE_MIN: TimeSpan = TimeSpan::seconds(1);
const PAUSE_MAX: TimeSpan = TimeSpan::seconds(60);
/// Pause after a refusal or lack of space: an operator may fix it.
const PAUSE_REFUSED: TimeSpan = TimeSpan::minutes(5);
/// First recheck of an applied revocation: listings may lag.
const LOOK_SOON: TimeSpan = TimeSpan::minutes(1);
/// Later rechecks: the policy may be removed from outside.
const LOOK_EVERY: TimeSpan = TimeSpan::minutes(10);
/// Attempts before AWS's silence is reported; about four minutes.
pub(super) const PATIENCE: u32 = 8;

pub(super) fn again_at(attempts: u32, now: Timestamp) -> Timestamp {
    let factor = 1_u64 << attempts.saturating_sub(1).min(10);
    let seconds = PAUSE_MIN.as_seconds().saturating_mul(factor);
    TimeSpan::seconds(seconds.min(PAUSE_MAX.as_seconds())).after(now)
}

/// Not after its end.
pub(super) fn after_refusal(revocation: &SessionRevocation, now: Timestamp) -> Timestamp {
    let again = PAUSE_REFUSED.after(now);
    if now < revocation.until {
        again.min(revocation.until)
    } else {
        again
    }
}

pub(super) fn look_at(revocation: &SessionRevocation, now: Timestamp) -> Timestamp {
    let is_new = match revocation.state {
        SessionRevocationState::Applied { at } => at == now,
        SessionRevocationState::Wanted | SessionRevocationState::Gone { .. } => false,
    };
    let pause = if is_new { LOOK_SOON } else { LOOK_EVERY };
    pause.after(now).min(revocation.until)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Already applied.
    Done,
    /// Temporary.
    Passing(String),
    /// Permanent until an operator acts.
    Refused(String),
}

pub(super) fn meaning(fault: OrganizationFault) -> Meaning {
    match fault {
        OrganizationFault::AlreadyThere { .. } | OrganizationFault::NotThere { .. } => {
            Meaning::Done
        }
        OrganizationFault::Throttled { message, .. }
        | OrganizationFault::Conflict { message }
        | OrganizationFault::Unreachable { message } => Meaning::Passing(message),
        OrganizationFault::Refused { code, message } => {
            Meaning::Refused(refused_words(&code, &message))
        }
    }
}
