//! What to do next about an account's policy. Pure: what is seen and what is wanted in, one act out.

use hallpass_base::{TimeSpan, Timestamp};

use super::{SessionRevocation, SessionRevocationState};
use crate::policy_probe::same_policy;
use crate::ports::{OrganizationFault, PolicyText, refused_words};

/// What is seen of an account's policy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ObservedPolicy {
    /// The policy, when there is one.
    pub(super) policy: Option<PolicyText>,
    /// What it is attached to.
    pub(super) targets: Vec<String>,
}

/// One act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PolicyAct {
    /// Make the policy, with this text.
    Create(String),
    /// Put this text into the policy of this id.
    Update(String, String),
    /// Attach the policy of this id to its account.
    Attach(String),
    /// Detach the policy of this id from there.
    Detach(String, String),
    /// Delete the policy of this id.
    Delete(String),
    /// All is as wanted.
    Rest,
}

/// The next act on the way from what is seen to what is wanted. Each may be repeated: names of
/// policies are unique, and attaching or detaching twice is refused without harm.
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

/// The first pause after a try that came to nothing; each is twice the one before.
const PAUSE_MIN: TimeSpan = TimeSpan::seconds(1);
/// The longest pause between attempts.
const PAUSE_MAX: TimeSpan = TimeSpan::seconds(60);
/// The pause after what AWS refuses, or what has no room: somebody may make room.
const PAUSE_REFUSED: TimeSpan = TimeSpan::minutes(5);
/// An applied revocation is looked at again so soon: listings may have shown what was before.
const LOOK_SOON: TimeSpan = TimeSpan::minutes(1);
/// And so often from then on: somebody may have taken the policy away.
const LOOK_EVERY: TimeSpan = TimeSpan::minutes(10);
/// Tries after which people are told that AWS does not answer; about four minutes.
pub(super) const PATIENCE: u32 = 8;

/// When to try again after `attempts` tries.
pub(super) fn again_at(attempts: u32, now: Timestamp) -> Timestamp {
    let factor = 1_u64 << attempts.saturating_sub(1).min(10);
    let seconds = PAUSE_MIN.as_seconds().saturating_mul(factor);
    TimeSpan::seconds(seconds.min(PAUSE_MAX.as_seconds())).after(now)
}

/// When to try again after a refusal; not later than its time is over.
pub(super) fn after_refusal(revocation: &SessionRevocation, now: Timestamp) -> Timestamp {
    let again = PAUSE_REFUSED.after(now);
    if now < revocation.until {
        again.min(revocation.until)
    } else {
        again
    }
}

/// When an applied revocation is looked at again.
pub(super) fn look_at(revocation: &SessionRevocation, now: Timestamp) -> Timestamp {
    let is_new = match revocation.state {
        SessionRevocationState::Applied { at } => at == now,
        SessionRevocationState::Wanted | SessionRevocationState::Gone { .. } => false,
    };
    let pause = if is_new { LOOK_SOON } else { LOOK_EVERY };
    pause.after(now).min(revocation.until)
}

/// What a fault means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It was so already.
    Done,
    /// It may go well later.
    Passing(String),
    /// It will not, unless somebody does something.
    Refused(String),
}

/// What a fault of a write or a look means.
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
