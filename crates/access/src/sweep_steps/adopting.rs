//! Adopts standing access as a grant with an end.

use std::collections::BTreeSet;

use hallpass_audit::{Event, Origin};
use hallpass_base::{HoldKey, Target, TargetNames, TimeSpan, Timestamp};
use hallpass_rules::Principal;

use crate::records::{Doer, StepContext};
use crate::{
    AcceptanceWrite, Accepted, Approval, ArmedEnds, Change, DecidedKind, DesiredAssignment, Grant,
    GrantState, News, Person, Reminders, Request, RequestState, RulingAtAsking, Sweep, Wanted,
    Write,
};

pub(crate) struct Adopting<'a> {
    pub(crate) key: &'a HoldKey,
    pub(crate) names: &'a TargetNames,
    pub(crate) holder: &'a Person,
    pub(crate) length: TimeSpan,
    pub(crate) session: Option<TimeSpan>,
    pub(crate) seen_at: Timestamp,
    pub(crate) reason: &'a str,
    pub(crate) by: Doer<'a>,
    pub(crate) sweep: Option<&'a Sweep>,
    /// The acceptance, which ends.
    pub(crate) accepted: Option<&'a Accepted>,
    pub(crate) config_hash: &'a str,
}

/// Creates the request, the grant and the desired row in one commit, which sets the end.
pub(crate) fn adopt(adopting: &Adopting<'_>, step: StepContext<'_>) -> (Change, Grant) {
    let (approver, origin) = match adopting.by {
        Doer::Person(actor) => (actor.principal(), actor.origin),
        // As with a rule without approval: records the holder.
        Doer::Hallpass => (adopting.holder.principal(), Origin::System),
    };
    let request = request(adopting, approver, origin, step);
    let grant = grant(&request, adopting, approver, step);
    let request = Request {
        grant: Some(grant.id),
        ..request
    };
    let mut record = step
        .of_grant(Event::StandingAdopted, adopting.by, &grant)
        .decided("Adopted", &[], adopting.config_hash);
    if let Some(sweep) = adopting.sweep {
        record = record.swept(sweep.id, sweep.mode.name());
    }
    let withdrawn = adopting.accepted.map(|accepted| {
        step.of_standing(
            Event::StandingWithdrawn,
            adopting.by,
            &accepted.key,
            &accepted.names,
        )
        .why("adopted")
    });
    let change = Change {
        audit: withdrawn.into_iter().chain([record]).collect(),
        notices: vec![step.notice_to_holder(News::Adopted, &grant)],
        // INVARIANT: this change is refused if a row exists, so nothing is adopted twice.
        desired: vec![DesiredAssignment::Adopt {
            key: grant.key.clone(),
            until: grant.ends_at,
            seen_at: adopting.seen_at,
        }],
        accepted: adopting
            .accepted
            .map(|accepted| AcceptanceWrite::Withdraw(accepted.clone()))
            .into_iter()
            .collect(),
        requests: vec![Write::Insert(request)],
        grants: vec![Write::Insert(grant.clone())],
        ..Change::default()
    };
    (change, grant)
}

fn request(
    adopting: &Adopting<'_>,
    approver: Principal<'_>,
    origin: Origin,
    step: StepContext<'_>,
) -> Request {
    let wanted = match (&adopting.key.target, adopting.names) {
        (Target::Account { account, .. }, TargetNames::Account { permission_set, .. }) => {
            Wanted::Account {
                account: account.to_string(),
                permission_set: permission_set.clone(),
            }
        }
        (Target::Account { account, .. }, TargetNames::Group { group }) => Wanted::Account {
            account: account.to_string(),
            permission_set: group.clone(),
        },
        (Target::Group { group }, _) => Wanted::Group {
            group: group.to_string(),
        },
    };
    Request {
        id: step.request_id(),
        requester: adopting.holder.clone(),
        wanted,
        key: Some(adopting.key.clone()),
        names: adopting.names.clone(),
        duration: adopting.length,
        shortened: None,
        asked_with: Vec::new(),
        reason: adopting.reason.to_owned(),
        ticket: None,
        origin,
        secondary_domain: false,
        asked_at: step.now,
        expires_at: None,
        start: None,
        extends: None,
        decided: RulingAtAsking {
            kind: DecidedKind::Adopted,
            approvers: Vec::new(),
            approver_users: Vec::new(),
            notify: Vec::new(),
            based_on: Vec::new(),
            config_hash: adopting.config_hash.to_owned(),
            approvals_needed: 0,
            on_call: Vec::new(),
            tickets: Vec::new(),
            exceptions: Vec::new(),
        },
        reviews: Vec::new(),
        confirmed: Vec::new(),
        reminders: Reminders {
            sent: 0,
            next_at: None,
        },
        grant: None,
        after_review: None,
        state: RequestState::Approved {
            by: approver.email.clone(),
            at: step.now,
            approval: Approval::Adopted,
            comment: None,
        },
        outstanding: None,
        version: 0,
    }
}

fn grant(
    request: &Request,
    adopting: &Adopting<'_>,
    approver: Principal<'_>,
    step: StepContext<'_>,
) -> Grant {
    Grant {
        id: step.grant_id(),
        request: request.id,
        holder: adopting.holder.clone(),
        key: adopting.key.clone(),
        names: adopting.names.clone(),
        duration: adopting.length,
        reason: request.reason.clone(),
        origin: request.origin,
        approver: approver.email.clone(),
        approver_user: approver.user.cloned(),
        approval: Approval::Adopted,
        based_on: Vec::new(),
        lengthened_by: BTreeSet::new(),
        config_hash: request.decided.config_hash.clone(),
        holder_groups: None,
        secondary_domain: false,
        scheduled_at: step.now,
        // Seen in a listing; counted from now.
        granted_at: Some(step.now),
        ends_at: adopting.length.after(step.now),
        longest_session: adopting.session,
        standing: false,
        warned: false,
        refusals: 0,
        stuck: None,
        end_sessions: false,
        // The access already exists, so nothing waits.
        armed_ends: ArmedEnds::Off,
        never_armed: None,
        aws_request: None,
        seen_news: 0,
        state: GrantState::Active,
        version: 0,
    }
}
