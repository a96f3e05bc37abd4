//! Builders of valid values, which tests modify.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "test values are written by hand; a wrong one should fail loudly"
)]

pub mod conformance;

mod alerts;
mod campaigns;
mod digests;
mod group_assignments;
mod owned;
mod standing_double;

use std::collections::BTreeSet;

use hallpass_access::identity::TokenSource;
use hallpass_access::{
    Absence, Accepted, Approval, Change, Confirmation, DecidedKind, DecisionKind,
    DesiredAssignment, Digest, DigestKind, DigestNews, Drift, EndCause, EndOutcome, Fate, Grant,
    GrantState, HeldAccess, ItemChange, ItemKind, ItemSight, LeftOut, Lock, News, Notice, Origin,
    Person, Reminders, Request, RequestState, RulingAtAsking, StoredAnswer, Sweep, SweepItem,
    SweepMode, SweepReach, SweepReport, SweepState, Trigger, Wanted, Write,
};
use hallpass_assignments::{AssignmentRow, EndPriority, Lease, Operation, OperationKind, Proof};
use hallpass_audit::{Draft, Event};
use hallpass_base::{
    AccountId, AuditId, Email, GrantId, GroupId, HoldKey, PermissionSetArn, RequestId, SweepId,
    Target, TargetNames, TimeSpan, Timestamp, TokenId, UserId,
};
use uuid::Uuid;

pub use alerts::{a_blocked_alert, an_alert, an_alert_state};
pub use campaigns::{a_campaign, a_campaign_line, an_answered_line, campaign_id};
pub use digests::digests;
pub use group_assignments::a_group_assignment;
pub use owned::own_one;
pub use standing_double::StandingDouble;

use hallpass_store::TokenRow;

/// `seconds` after the start of 5 January 2026, UTC.
pub fn at(seconds: u64) -> Timestamp {
    TimeSpan::seconds(seconds).after(Timestamp::from_second(1_767_571_200).unwrap())
}

/// A UUID v7 (RFC 9562) of the instant [`at`]`(n)`; larger for larger `n`.
pub fn uuid(n: u64) -> Uuid {
    let millisecond = u128::try_from(at(n).as_millisecond()).unwrap();
    Uuid::from_u128(millisecond << 80 | 7 << 76 | 1 << 63 | u128::from(n))
}

pub fn request_id(n: u64) -> RequestId {
    RequestId::new(uuid(n))
}

pub fn grant_id(n: u64) -> GrantId {
    GrantId::new(uuid(n))
}

pub fn user(n: u64) -> UserId {
    UserId::new(format!("{n:08x}-0000-4000-8000-000000000000")).unwrap()
}

pub fn email(n: u64) -> Email {
    Email::new(&format!("person{n}@example.com")).unwrap()
}

pub fn person(n: u64) -> Person {
    Person {
        user: user(n),
        email: email(n),
        name: format!("Person {n}"),
    }
}

pub fn account(n: u64) -> AccountId {
    AccountId::new(format!("{n:012}")).unwrap()
}

pub fn account_key(person: u64, account_number: u64) -> HoldKey {
    HoldKey {
        user: user(person),
        target: Target::Account {
            account: account(account_number),
            permission_set: a_permission_set(),
        },
    }
}

fn a_permission_set() -> PermissionSetArn {
    PermissionSetArn::new("arn:aws:sso:::permissionSet/ssoins-0000000000000001/ps-0000000000000001")
        .unwrap()
}

pub fn group_key(person: u64, group: u64) -> HoldKey {
    HoldKey {
        user: user(person),
        target: Target::Group {
            group: group_id(group),
        },
    }
}

pub fn group_id(n: u64) -> GroupId {
    GroupId::new(format!("{n:08x}-0000-4000-8000-000000000001")).unwrap()
}

fn names() -> TargetNames {
    TargetNames::Account {
        account: "payments-prod".to_owned(),
        permission_set: "ReadOnly".to_owned(),
    }
}

pub fn a_request(n: u64) -> Request {
    Request {
        id: request_id(n),
        requester: person(n),
        wanted: Wanted::Account {
            account: "payments-prod".to_owned(),
            permission_set: "ReadOnly".to_owned(),
        },
        key: Some(account_key(n, 1)),
        names: names(),
        duration: TimeSpan::hours(2),
        shortened: None,
        reason: "the queue is stuck".to_owned(),
        ticket: None,
        origin: Origin::Web,
        secondary_domain: false,
        asked_at: at(n),
        expires_at: Some(at(n + 28_800)),
        start: None,
        extends: None,
        asked_with: vec![request_id(n + 500)],
        decided: RulingAtAsking {
            kind: DecidedKind::Rules(DecisionKind::RequiresApproval),
            approvers: vec![email(900)],
            approver_users: vec![user(900)],
            notify: Vec::new(),
            based_on: vec!["prod".to_owned()],
            config_hash: "abc".to_owned(),
            approvals_needed: 1,
            on_call: Vec::new(),
            tickets: Vec::new(),
            exceptions: Vec::new(),
        },
        reviews: Vec::new(),
        confirmed: vec![Confirmation {
            by: email(n),
            user: Some(user(n)),
            at: at(n),
            texts: vec!["Card data. Do not copy rows out.".to_owned()],
        }],
        reminders: Reminders {
            sent: 0,
            next_at: Some(at(n + 900)),
        },
        grant: None,
        after_review: None,
        state: RequestState::Pending,
        outstanding: None,
        version: 0,
    }
}

pub fn approved(n: u64) -> RequestState {
    RequestState::Approved {
        by: email(900),
        at: at(n),
        approval: Approval::Peer,
        comment: None,
    }
}

pub fn a_grant(n: u64) -> Grant {
    Grant {
        id: grant_id(n),
        request: request_id(n),
        holder: person(n),
        key: account_key(n, 1),
        names: names(),
        duration: TimeSpan::hours(2),
        reason: "the queue is stuck".to_owned(),
        origin: Origin::Web,
        approver: email(900),
        approver_user: Some(user(900)),
        approval: Approval::Peer,
        based_on: vec!["prod".to_owned()],
        lengthened_by: BTreeSet::new(),
        config_hash: "abc".to_owned(),
        holder_groups: None,
        secondary_domain: false,
        scheduled_at: at(n),
        granted_at: None,
        ends_at: at(n + 7_200),
        longest_session: None,
        standing: false,
        warned: false,
        refusals: 0,
        stuck: None,
        end_sessions: false,
        armed_ends: hallpass_access::ArmedEnds::Off,
        never_armed: None,
        aws_request: None,
        seen_news: 0,
        state: GrantState::Scheduled,
        version: 0,
    }
}

pub fn ending(n: u64) -> GrantState {
    GrantState::Ending {
        cause: EndCause::Expired,
        since: at(n),
    }
}

pub fn ended(n: u64) -> GrantState {
    GrantState::Ended {
        cause: EndCause::Expired,
        at: at(n),
        removed: true,
        why: EndOutcome::Removed,
    }
}

pub fn request_states() -> Vec<RequestState> {
    vec![
        RequestState::Pending,
        approved(5),
        RequestState::Denied {
            by: email(2),
            at: at(5),
            reason: Some("not today".to_owned()),
        },
        RequestState::Discarded {
            by: email(1),
            at: at(5),
        },
        RequestState::Expired { at: at(5) },
        RequestState::Rejected {
            at: at(5),
            code: "duration_too_long".to_owned(),
            detail: "at most 24h".to_owned(),
        },
    ]
}

pub fn grant_states() -> Vec<GrantState> {
    let causes = [
        EndCause::Expired,
        EndCause::Released,
        EndCause::Revoked {
            by: email(2),
            reason: "incident".to_owned(),
        },
        EndCause::RuleChanged,
        EndCause::PrincipalLeft,
        EndCause::Drift,
    ];
    let mut states = vec![
        GrantState::Scheduled,
        GrantState::Granting,
        GrantState::Active,
    ];
    for cause in causes {
        states.push(GrantState::Ending {
            cause: cause.clone(),
            since: at(5),
        });
        states.push(GrantState::Ended {
            cause,
            at: at(5),
            removed: true,
            why: EndOutcome::Removed,
        });
    }
    states.push(GrantState::Failed {
        at: at(5),
        error: "denied".to_owned(),
    });
    states
}

pub fn a_draft(n: u64) -> Draft {
    let id = AuditId::new(uuid(n));
    Draft::new(
        id,
        Event::RequestCreated,
        at(n),
        "person1@example.com",
        Origin::Web,
    )
    .about(request_id(n), None)
}

pub fn a_notice(n: u64) -> Notice {
    Notice {
        news: News::ReviewWanted,
        request: request_id(n),
        grant: None,
        to: vec![email(900)],
        at: at(n),
    }
}

pub fn sweep_id(n: u64) -> SweepId {
    SweepId::new(uuid(n))
}

pub fn a_sweep(n: u64) -> Sweep {
    Sweep {
        id: sweep_id(n),
        trigger: Trigger::Check,
        mode: SweepMode::Report,
        reach: SweepReach::Rules,
        begun_at: at(n),
        report: None,
        consent: None,
        state: SweepState::Running,
        version: 0,
    }
}

pub fn a_report(n: u64) -> SweepReport {
    SweepReport {
        began: at(n),
        ended: at(n + 1),
        pairs_read: 1,
        groups_read: 0,
        seen: 0,
        ours: 0,
        accepted: 0,
        under_grant: 0,
        preexisting: 0,
        unknown: 0,
        reviews_overdue: 0,
        new: 0,
        changed: 0,
        gone: 0,
        gone_items: Vec::new(),
        to_act: 0,
        group_assignments: 0,
        entitlements: None,
        unread: 0,
        unread_places: Vec::new(),
        left_out: vec![LeftOut::Entitlements],
        drift: Drift::default(),
    }
}

pub fn a_sweep_item(n: u64, key: &HoldKey) -> SweepItem {
    SweepItem {
        sweep: sweep_id(n),
        key: key.clone(),
        names: names(),
        holder: Some(person(9)),
        kind: ItemKind::Unknown,
        change: ItemChange::New,
        sight: ItemSight::Seen,
        seen_at: at(n),
        first_seen: at(n),
        unaccepted_since: Some(at(n)),
        unaccepted_runs: 1,
        fate: Fate::Reported,
        version: 0,
    }
}

pub fn an_acceptance(key: &HoldKey) -> Accepted {
    Accepted {
        key: key.clone(),
        names: names(),
        holder: Some(person(9)),
        reason: "the nightly export".to_owned(),
        by: email(900),
        at: at(5),
        review_at: Some(at(86_400)),
        version: 0,
    }
}

pub fn a_digest(n: u64) -> Digest {
    Digest {
        digest: DigestKind::SweepFound,
        sweep: sweep_id(n),
        at: at(n),
        news: DigestNews::Text(format!("digest {n}")),
    }
}

pub fn a_lock(n: u64) -> Lock {
    Lock {
        person: person(n),
        since: at(n),
        until: None,
        by: person(900),
        reason: "a laptop was stolen".to_owned(),
        held: HeldAccess::GoesOn,
        lifted: None,
        version: 0,
    }
}

/// Out of office from 1 to 1,000 + `n`, with a delegate.
pub fn an_absence(n: u64) -> Absence {
    Absence {
        person: person(n),
        since: at(1),
        until: at(1_000 + n),
        delegate: Some(person(800)),
        set_by: person(n),
        version: 0,
    }
}

pub fn an_answer(n: u64, key: &str) -> StoredAnswer {
    StoredAnswer {
        actor: user(1),
        key: key.to_owned(),
        fingerprint: format!("fingerprint {n}"),
        request: Some(request_id(n)),
        until: at(n + 86_400),
    }
}

pub fn a_token(n: u64) -> TokenRow {
    TokenRow {
        id: TokenId::new(uuid(n)),
        hash: format!("{n:064x}"),
        user: email(1),
        user_id: Some(user(1)),
        secondary_domain: false,
        scopes: vec!["read".to_owned()],
        created_at: at(n),
        expires_at: at(n + 86_400),
        revoked_at: None,
        name: format!("token {n}"),
        source: TokenSource::SignIn,
        used_at: None,
    }
}

pub fn a_lease(token: &str, until: u64) -> Lease {
    Lease {
        token: token.to_owned(),
        until: at(until),
    }
}

pub fn wanted(key: &HoldKey, until: u64, asked: u64) -> DesiredAssignment {
    DesiredAssignment::Until {
        key: key.clone(),
        rev: None,
        until: at(until),
        asked_at: at(asked),
        haste: EndPriority::Ordinary,
    }
}

pub fn wanted_instead(row: &AssignmentRow, until: u64, asked: u64) -> DesiredAssignment {
    DesiredAssignment::Until {
        key: row.key.clone(),
        rev: Some(row.desired.rev),
        until: at(until),
        asked_at: at(asked),
        haste: EndPriority::Ordinary,
    }
}

/// A desire to remove the row before every deadline.
pub fn wanted_at_once(row: &AssignmentRow, until: u64) -> DesiredAssignment {
    DesiredAssignment::Until {
        key: row.key.clone(),
        rev: Some(row.desired.rev),
        until: at(until),
        asked_at: row.desired.asked_at,
        haste: EndPriority::AtOnce,
    }
}

/// A desire to remove the row.
pub fn forgotten(row: &AssignmentRow) -> DesiredAssignment {
    DesiredAssignment::Forget {
        key: row.key.clone(),
        rev: row.desired.rev,
    }
}

#[must_use]
pub fn in_flight(row: &AssignmentRow, kind: OperationKind, since: u64) -> AssignmentRow {
    let mut row = row.clone();
    row.execution.operation = Some(Operation {
        kind,
        started_at: at(since),
        operation_id: None,
        polls: 0,
        proof: Proof::Listing,
        over_at: None,
    });
    row
}

pub fn with_request(write: Write<Request>) -> Change {
    Change {
        requests: vec![write],
        ..Change::default()
    }
}

pub fn with_grant(write: Write<Grant>) -> Change {
    Change {
        grants: vec![write],
        ..Change::default()
    }
}

pub fn with_desired(desire: DesiredAssignment) -> Change {
    Change {
        desired: vec![desire],
        ..Change::default()
    }
}
