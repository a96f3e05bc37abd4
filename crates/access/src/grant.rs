//! A grant: permission with an end.
//!
//! ```text
//!   scheduled ──► granting ──► active ──► ending ──► ended
//!       │             └──► failed            ▲
//!       └────────────────────────────────────┘   (revoked before anything was sent)
//! ```
//!
//! `granting` becomes `active` on observed presence, `ending` becomes `ended` on observed absence,
//! and nothing else closes them (promise P5).

use hallpass_assignments::{AssignmentRow, Ownership, Verdict};
use hallpass_audit::Event;
use hallpass_model::{
    Email, GrantId, HoldKey, RequestId, TargetNames, TimeSpan, Timestamp, UserId,
};
use hallpass_rules::Principal;

use crate::decide::DecisionContext;
use crate::desired::{desired_for, desired_until, forget_or_keep, inherited, live_until};
use crate::records::{Doer, StepContext};
use crate::step::{Approved, ApprovedGrant, GrantStep};
use crate::{
    Approval, EndOutcome, GrantStateKind, Holds, News, Origin, PendingRequest, Person,
    PressRefused, RequestState,
};

/// Why a grant ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndCause {
    /// Its end came.
    Expired,
    /// Its holder gave it back.
    Released,
    /// Somebody took it away.
    Revoked {
        /// Who took it away.
        by: Email,
        /// Their words.
        reason: String,
    },
    /// Today's rules would refuse it, and the configuration says to end such grants.
    RuleChanged,
    /// Its holder left, or was disabled.
    PrincipalLeft,
    /// Somebody else removed the access.
    Drift,
    /// A guard removed the access at its end, because the server had not.
    Guard {
        /// The guard's name.
        guard: String,
        /// When, by AWS's time.
        removed_at: Timestamp,
    },
}

impl EndCause {
    /// The cause's name in API and storage.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Released => "released",
            Self::Revoked { .. } => "revoked",
            Self::RuleChanged => "rule_changed",
            Self::PrincipalLeft => "principal_left",
            Self::Drift => "drift",
            Self::Guard { .. } => "guard",
        }
    }

    /// The word of the audit log's `reason` (`access.md` §9.1).
    pub fn audit_reason(&self) -> String {
        match self {
            Self::Expired => "scheduled_revocation".to_owned(),
            Self::Released => "released".to_owned(),
            Self::Revoked { reason, .. } => format!("revoked_by: {reason}"),
            Self::RuleChanged => "rule_changed".to_owned(),
            Self::PrincipalLeft => "principal_left".to_owned(),
            Self::Drift => "drift".to_owned(),
            Self::Guard { .. } => "guard".to_owned(),
        }
    }
}

/// Where a grant is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantState {
    /// Stored with its end; nothing was sent yet.
    Scheduled,
    /// Being made.
    Granting,
    /// Seen in Identity Center.
    Active,
    /// Being removed.
    Ending {
        /// Why it ends.
        cause: EndCause,
        /// When the end began.
        since: Timestamp,
    },
    /// Over.
    Ended {
        /// Why it ended.
        cause: EndCause,
        /// When it was seen over.
        at: Timestamp,
        /// Whether this end removed the access.
        removed: bool,
        /// How it went.
        why: EndOutcome,
    },
    /// AWS refused, or nothing came of it.
    Failed {
        /// When absence was confirmed.
        at: Timestamp,
        /// For the requester.
        error: String,
    },
}

impl GrantState {
    /// The state without what it holds.
    pub const fn kind(&self) -> GrantStateKind {
        match self {
            Self::Scheduled => GrantStateKind::Scheduled,
            Self::Granting => GrantStateKind::Granting,
            Self::Active => GrantStateKind::Active,
            Self::Ending { .. } => GrantStateKind::Ending,
            Self::Ended { .. } => GrantStateKind::Ended,
            Self::Failed { .. } => GrantStateKind::Failed,
        }
    }

    /// The state's name in storage, API and pages.
    pub const fn name(&self) -> &'static str {
        self.kind().name()
    }
}

/// Permission with an end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that was observed or said; none excludes another"
)]
pub struct Grant {
    /// Ours.
    pub id: GrantId,
    /// The request it was made from.
    pub request: RequestId,
    /// Who holds it.
    pub holder: Person,
    /// What it is counted under.
    pub key: HoldKey,
    /// The target's names when it was asked for.
    pub names: TargetNames,
    /// For how long it was asked.
    pub duration: TimeSpan,
    /// Why it was asked for.
    pub reason: String,
    /// The door the request came in by.
    pub origin: Origin,
    /// Who said yes, by the address of then.
    pub approver: Email,
    /// Who said yes; `None` in grants from before this was kept, and where nobody was asked.
    pub approver_user: Option<UserId>,
    /// In which capacity.
    pub approval: Approval,
    /// The rules it rests on.
    pub based_on: Vec<String>,
    /// Hash of the rules then in force.
    pub config_hash: String,
    /// Whether the requester was matched through a fallback e-mail domain.
    pub secondary_domain: bool,
    /// When it was approved and its end stored.
    pub scheduled_at: Timestamp,
    /// When the access was seen.
    pub granted_at: Option<Timestamp>,
    /// When it ends. Provisional until the access was seen.
    pub ends_at: Timestamp,
    /// Whether the access was there before; such a grant removes nothing.
    pub standing: bool,
    /// Whether its holder was told that it ends soon.
    pub warned: bool,
    /// How many refusals of its removal were recorded.
    pub refusals: u32,
    /// Since when its removal is parked, and what AWS says.
    pub stuck: Option<Stuck>,
    /// Whether whoever took it away said to end its sessions too; once it is over, whether they are
    /// ended.
    pub end_sessions: bool,
    /// AWS's id of the operation that made it.
    pub aws_request: Option<String>,
    /// The newest news of its assignment that was acted on.
    pub seen_news: u64,
    /// Where it is.
    pub state: GrantState,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

/// A removal that AWS refuses for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// When the removal was parked.
    pub since: Timestamp,
    /// What AWS says.
    pub reason: String,
}

/// Grants of at least this length are announced before they end (`access.md` §9.6).
pub(crate) const WARN_FROM: TimeSpan = TimeSpan::hours(1);
/// How long before the end.
pub(crate) const WARN_BEFORE: TimeSpan = TimeSpan::minutes(15);

impl Grant {
    /// Whether it keeps its access wanted.
    pub fn is_hold(&self) -> bool {
        match self.state {
            GrantState::Scheduled | GrantState::Granting | GrantState::Active => true,
            GrantState::Ending { .. } | GrantState::Ended { .. } | GrantState::Failed { .. } => {
                false
            }
        }
    }

    /// Whether it keeps its access wanted, and its end has not come.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.is_hold() && now < self.ends_at
    }

    /// When it was, or is, to end: its end, or the moment an earlier end began. What is later than
    /// this is late.
    pub fn due_to_end(&self) -> Timestamp {
        match self.state {
            GrantState::Ending { since, .. } => since.min(self.ends_at),
            GrantState::Scheduled
            | GrantState::Granting
            | GrantState::Active
            | GrantState::Ended { .. }
            | GrantState::Failed { .. } => self.ends_at,
        }
    }

    /// Whether nothing happens to it any more.
    pub fn is_over(&self) -> bool {
        matches!(
            self.state,
            GrantState::Ended { .. } | GrantState::Failed { .. }
        )
    }

    /// When time alone does something to it.
    pub fn due(&self) -> Option<Timestamp> {
        match self.state {
            GrantState::Active if self.is_to_be_warned() => {
                Some(WARN_BEFORE.before(self.ends_at).min(self.ends_at))
            }
            GrantState::Scheduled | GrantState::Granting | GrantState::Active => Some(self.ends_at),
            GrantState::Ending { .. } | GrantState::Ended { .. } | GrantState::Failed { .. } => {
                None
            }
        }
    }

    /// Whether its holder is still to be told that it ends soon.
    pub(crate) fn is_to_be_warned(&self) -> bool {
        let length = TimeSpan::between(self.granted_at.unwrap_or(self.scheduled_at), self.ends_at);
        // what stood before does not end with it
        !self.warned && !self.standing && length >= WARN_FROM
    }
}

/// A yes becomes a grant with an end, or moves the end of the one it extends. Nothing is sent
/// here: the end, what is desired and the records commit first (promise P1).
pub(crate) fn approved(
    pending: PendingRequest,
    by: Principal<'_>,
    approval: Approval,
    actor: Doer<'_>,
    context: &DecisionContext<'_>,
) -> Result<Approved, PressRefused> {
    // INVARIANT: every grant and every later end is made here, by a time that may be counted from
    context.step.ensure_agreed()?;
    match pending.request().extends {
        Some(extended) => lengthen(pending, extended, by, approval, actor, context),
        None => Ok(schedule(pending, by, approval, actor, context)),
    }
}

fn schedule(
    pending: PendingRequest,
    by: Principal<'_>,
    approval: Approval,
    actor: Doer<'_>,
    context: &DecisionContext<'_>,
) -> Approved {
    let (now, step, holds) = (context.step.now, context.step, context.holds);
    let key = pending.key().clone();
    let mut request = pending.into_state(RequestState::Approved {
        by: by.email.clone(),
        at: now,
        approval,
        comment: None,
    });
    let grant = Grant {
        id: step.grant_id(),
        request: request.id,
        holder: request.requester.clone(),
        key: key.clone(),
        names: request.names.clone(),
        duration: request.duration,
        reason: request.reason.clone(),
        origin: request.origin,
        approver: by.email.clone(),
        approver_user: by.user.cloned(),
        approval,
        based_on: request.decided.based_on.clone(),
        config_hash: request.decided.config_hash.clone(),
        secondary_domain: request.secondary_domain,
        scheduled_at: now,
        granted_at: None,
        ends_at: request.duration.after(now),
        standing: false,
        warned: false,
        refusals: 0,
        stuck: None,
        end_sessions: false,
        aws_request: None,
        seen_news: inherited(holds, now).map_or(0, |row| row.verdict_rev),
        state: GrantState::Scheduled,
        version: 0,
    };
    request.grant = Some(grant.id);
    let until = live_until(holds, &grant).unwrap_or(grant.ends_at);
    let to = vec![request.requester.email.clone()];
    Approved {
        records: [
            step.of_request(Event::RequestApproved, actor, &request)
                .approved_by(by.email, by.user, approval),
            step.of_grant(Event::GrantRequested, actor, &grant),
        ],
        notice: step.notice(News::Approved, &request, to),
        desired: desired_until(holds, &key, until, now),
        request,
        grant: ApprovedGrant::New(grant),
    }
}

fn lengthen(
    pending: PendingRequest,
    extended: GrantId,
    by: Principal<'_>,
    approval: Approval,
    actor: Doer<'_>,
    context: &DecisionContext<'_>,
) -> Result<Approved, PressRefused> {
    let (now, step) = (context.step.now, context.step);
    let found = context
        .holds
        .grants
        .iter()
        .find(|grant| grant.id == extended);
    let Some(grant) = found.filter(|grant| grant.is_live(now)) else {
        let state = found.map_or("ended", |grant| grant.state.name());
        return Err(PressRefused::GrantOver { state });
    };
    let mut request = pending.into_state(RequestState::Approved {
        by: by.email.clone(),
        at: now,
        approval,
        comment: None,
    });
    request.grant = Some(extended);
    let ends_at = request.duration.after(now).max(grant.ends_at);
    let grant = Grant {
        ends_at,
        warned: false,
        ..grant.clone()
    };
    Ok(Approved {
        records: [
            step.of_request(Event::RequestApproved, actor, &request)
                .approved_by(by.email, by.user, approval),
            step.of_grant(Event::Extend, actor, &grant),
        ],
        notice: step.notice_to_holder(News::Extended, &grant),
        desired: desired_for(context.holds, &grant, now)
            .into_iter()
            .collect(),
        request,
        grant: ApprovedGrant::Extended(grant),
    })
}

/// What a grant on its way makes of what was seen of its assignment.
pub(crate) fn advance(grant: &Grant, holds: &Holds, step: StepContext<'_>) -> GrantStep {
    let Some(row) = &holds.row else {
        return GrantStep::default();
    };
    let grant = Grant {
        seen_news: row.verdict_rev,
        aws_request: row
            .execution
            .aws_request
            .clone()
            .or_else(|| grant.aws_request.clone()),
        ..grant.clone()
    };
    let counts = |at: Timestamp| at >= grant.scheduled_at;
    match &row.execution.verdict {
        Verdict::Present { at } if counts(*at) => activate(grant, row, holds, step),
        Verdict::Refused { at, reason } if counts(*at) => fail(grant, reason, holds, step),
        Verdict::Present { .. }
        | Verdict::Refused { .. }
        | Verdict::Working
        | Verdict::Absent { .. }
        | Verdict::Kept { .. }
        | Verdict::Lost { .. }
        | Verdict::Stuck { .. } => {
            let was_sent = row.execution.ownership != Ownership::Undecided;
            let state = if was_sent {
                GrantState::Granting
            } else {
                grant.state.clone()
            };
            GrantStep::of(Grant { state, ..grant })
        }
    }
}

/// A grant takes this long at most for its end to count from when the access was seen
/// (`access.md` §8.6).
const SLOW_AFTER: TimeSpan = TimeSpan::minutes(5);

/// The value of [`Grant::seen_news`] in a state that no news was acted on yet: what is known already
/// counts as new, so that the next tick takes the step after this one.
pub(crate) const NO_NEWS_SEEN: u64 = 0;

/// The first of the two steps of a grant that was sent and answered between two ticks.
fn enter_granting(grant: Grant) -> GrantStep {
    GrantStep::of(Grant {
        seen_news: NO_NEWS_SEEN,
        state: GrantState::Granting,
        ..grant
    })
}

fn activate(grant: Grant, row: &AssignmentRow, holds: &Holds, step: StepContext<'_>) -> GrantStep {
    if grant.state == GrantState::Scheduled {
        return enter_granting(grant);
    }
    // an instant that may be wrong moves no end, and is none to count from later
    let honest = step.disagreement.is_none();
    let quick = honest && TimeSpan::between(grant.scheduled_at, step.now) <= SLOW_AFTER;
    let from_now = grant.duration.after(step.now);
    let grant = Grant {
        state: GrantState::Active,
        granted_at: Some(if honest { step.now } else { grant.scheduled_at }),
        standing: row.execution.ownership == Ownership::Standing,
        ends_at: if quick {
            from_now.max(grant.ends_at)
        } else {
            grant.ends_at
        },
        ..grant
    };
    let mut record = step
        .of_grant(Event::GrantSucceeded, Doer::Hallpass, &grant)
        .secondary_domain(grant.secondary_domain);
    if grant.standing {
        record = record.why("standing");
    }
    GrantStep {
        records: vec![record],
        notices: vec![step.notice_to_holder(News::Granted, &grant)],
        desired: desired_for(holds, &grant, step.now),
        ..GrantStep::of(grant)
    }
}

fn fail(grant: Grant, reason: &str, holds: &Holds, step: StepContext<'_>) -> GrantStep {
    if grant.state == GrantState::Scheduled {
        return enter_granting(grant);
    }
    let grant = Grant {
        state: GrantState::Failed {
            at: step.now,
            error: reason.to_owned(),
        },
        ..grant
    };
    GrantStep {
        records: vec![
            step.of_grant(Event::GrantFailed, Doer::Hallpass, &grant)
                .error(reason),
        ],
        notices: vec![step.notice_to_holder(News::Failed, &grant)],
        desired: forget_or_keep(holds, &grant, step.now),
        ..GrantStep::of(grant)
    }
}
