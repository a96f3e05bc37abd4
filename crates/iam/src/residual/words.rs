//! Texts for advice and for the limits of the computation.

use std::collections::BTreeSet;

use hallpass_base::{TimeSpan, Timestamp};
use serde::Serialize;

use super::end::Reckoned;
use super::{Deny, Event, Held, HeldEntitlement, HeldEntitlements, ResidualQuestion};

/// Always listed (`policies.md` §14): no session file covers these.
const OUTSIDE: [&str; 4] = [
    "outside this computation: access keys of IAM users; they have no end, so look for keys and delete them",
    "outside this computation: presigned URLs; each works until its own expiry or the end of the credentials that signed it, whichever comes first",
    "outside this computation: resources left running with their own roles, such as functions and instances",
    "outside this computation: secrets that were read; rotate them",
];
const ENTITLEMENTS_OUTSIDE: &str = "outside this computation: entitlements of Account access manager, roles taken without any assignment; list them before treating access as revoked (`--user`)";
const ENTITLEMENTS_NOT_READ: &str = "outside this computation: entitlements of Account access manager were not read, as the server does not read them (`access.entitlements`); roles held by them are not in this answer";

pub(super) fn advice(
    question: &ResidualQuestion,
    reckoned: &Reckoned,
    latest: Option<Timestamp>,
) -> Vec<String> {
    let mut advice: Vec<String> = Vec::new();
    advice.extend(by_event(question).map(str::to_owned));
    for ring in &reckoned.rings {
        advice.push(format!(
            "the ring {} can be renewed for ever: deny by aws:TokenIssueTime on every role of it, \
             dated after the last entrance is closed, or deny by aws:SourceIdentity",
            ring.join(" -> ")
        ));
    }
    let is_over = latest.is_some_and(|end| end <= question.at);
    match question.deny {
        Deny::None if !is_over && question.event != Event::UserDenied => advice.push(
            "attach a deny for the person (`hallpass people sessions generate`) to end sessions early: \
             a service control policy for member accounts, an IAM policy in the management account"
                .to_owned(),
        ),
        Deny::None => {}
        Deny::Scp => advice.push(
            "a service control policy does nothing in the management account: attach an IAM \
             policy to the roles there"
                .to_owned(),
        ),
        Deny::Iam => advice.push(
            "an IAM policy stops only the roles it is attached to; this counts on every one that \
             is named"
                .to_owned(),
        ),
    }
    if reckoned.account_assumed {
        advice.push(
            "a role without a known account was taken as one of a member account: name accounts, \
             and `management_account`, in the file"
                .to_owned(),
        );
    }
    if !reckoned.not_in_graph.is_empty() {
        advice.push(format!(
            "not in the graph, so taken as unable to assume anything: {}",
            reckoned.not_in_graph.join(", ")
        ));
    }
    if question.graph.is_none() {
        advice.push(
            "no chains were counted: a role that may assume others adds an hour for each step \
             (`--chain`)"
                .to_owned(),
        );
    }
    if let (Held::Listed(_), false) = (&question.held, is_over) {
        advice.push("only the sessions of the file were counted".to_owned());
    }
    advice.extend(OUTSIDE.map(str::to_owned));
    match &question.entitlements {
        HeldEntitlements::NotAsked => advice.push(ENTITLEMENTS_OUTSIDE.to_owned()),
        HeldEntitlements::NotRead => advice.push(ENTITLEMENTS_NOT_READ.to_owned()),
        HeldEntitlements::Read(held) => advice.extend(entitled(held, question)),
    }
    advice
}

/// Advice for entitlement roles: changes to assignments do not end them.
fn entitled(held: &[HeldEntitlement], question: &ResidualQuestion) -> Vec<String> {
    let of = |by_group: bool| {
        let roles = held.iter().filter(|it| it.by_group == by_group);
        let roles: BTreeSet<&str> = roles.map(|it| it.role.as_str()).collect();
        roles.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (own, of_groups) = (of(false), of(true));
    let mut advice = Vec::new();
    if !own.is_empty() {
        advice.push(format!(
            "still held by personal entitlements, and taken again at each sign-in: {own}; delete them \
             (`hallpass revoke --user`, or a lock that ends access)"
        ));
    }
    if !of_groups.is_empty() {
        advice.push(format!(
            "still held by entitlements of groups, and taken again at each sign-in: {of_groups}; take the person \
             out of these groups"
        ));
    }
    let is_denied = question.deny != Deny::None || question.event == Event::UserDenied;
    if is_denied && !held.is_empty() {
        advice.push(
            "a deny for the person ends no session of these roles here: that sessions of entitlements carry the \
             person's id is not known, and the person may choose their name; once nothing gives them again, deny by \
             aws:TokenIssueTime on each of these roles (`--event token-issue-time:ROLE`)"
                .to_owned(),
        );
    }
    advice
}

fn by_event(question: &ResidualQuestion) -> impl Iterator<Item = &'static str> {
    let lines: &[&str] = match &question.event {
        Event::IdpDisabled => &[
            "disable the user in Identity Center, too: no new role sessions from then on",
            "delete the portal session",
        ],
        Event::PortalDeleted => {
            &["disable the user, else the next sign-in opens a new portal session"]
        }
        Event::UserDisabled => &["remove the user's assignments and group memberships, too"],
        Event::AssignmentRemoved => {
            &["look for other ways to the same account: groups, other permission sets"]
        }
        Event::UserDenied => &[
            "roles assumed earlier do not carry the person's id: check which roles could \
             be assumed (`--chain`)",
        ],
        Event::SessionsDenied { .. } => &[
            "a deny by aws:TokenIssueTime lets new sessions work: disable the user, remove the \
             assignment",
        ],
        Event::AttributeChanged => {
            &["sessions keep the attributes they were issued with; the next ones have the new"]
        }
    };
    lines.iter().copied()
}

/// Remaining access, as a number and as text for a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remains {
    pub until: Timestamp,
    /// From now.
    pub seconds: u64,
    pub words: String,
}

/// The worst case for a user who loses a permission set now, with sessions of length `session`
/// (`policies.md` §14, "assignment removed").
///
/// Chained roles add an hour for each step; the text mentions it.
pub fn after_assignment_removed(now: Timestamp, session: TimeSpan) -> Remains {
    let until = session.after(now);
    Remains {
        until,
        seconds: session.as_seconds(),
        words: format!(
            "Someone who took a session just now can act until {} at the latest ({session}), and \
             an hour longer for each role they can assume from it.",
            clock(until, now),
        ),
    }
}

/// The worst case for a user disabled only at the identity provider. The portal session of length
/// `portal` continues and gives new role sessions of length `session` until its end.
pub fn after_sign_in_disabled(now: Timestamp, portal: TimeSpan, session: TimeSpan) -> Remains {
    let door = portal.after(now);
    let until = session.after(door);
    Remains {
        until,
        seconds: TimeSpan::between(now, until).as_seconds(),
        words: format!(
            "Someone who signed in just now can take new sessions until {} and act until {} at \
             the latest, and an hour longer for each role they can assume.",
            clock(door, now),
            clock(until, now),
        ),
    }
}

/// `21:00 UTC`, with the date if it is another day.
fn clock(at: Timestamp, now: Timestamp) -> String {
    let date = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
    let format = if date(at) == date(now) {
        "%H:%M UTC"
    } else {
        "%Y-%m-%d %H:%M UTC"
    };
    at.strftime(format).to_string()
}
