//! Texts about grants: ends, AWS refusals, remaining credentials.

use hallpass_access::{
    Approval, ArmedEndStatus, CredentialsAfterEnd, EndOutcome, Grant, GrantState, LostAccess,
    MovingEnd, Origin, Request, RequestState, RuleNames, UnmovedEnd,
};
use hallpass_base::{Email, Timestamp};

use crate::wording::names;
use crate::wording::style::ChannelStyle;

/// For a grant over standing access.
pub const STAYS: &str = "Held before, not through Hallpass, which will not end it.";

pub fn ends(grant: &Grant, style: &impl ChannelStyle) -> String {
    ends_or_stays(grant.standing, &style.instant(grant.ends_at))
}

/// States a grant's formatted end, or that standing access stays.
pub fn ends_or_stays(stood_before: bool, ends: &str) -> String {
    if stood_before {
        format!(
            "It was held before, not through Hallpass, so Hallpass will not end it; the grant's own \
             time is over at {ends}."
        )
    } else {
        format!("Ends {ends} automatically.")
    }
}

/// States an approved later end not yet seen at AWS. `to` is formatted for the reader.
pub fn extending(to: &str, moving: &MovingEnd<'_>, style: &impl ChannelStyle) -> String {
    let refuses = may(moving.may, "refuse");
    match moving.why {
        None => format!("Being extended to {to}: AWS does not have that end yet."),
        Some(why) => format!(
            "Approved until {to}, but AWS {refuses} it from the earlier end on: {}. This is tried again.",
            unstopped(why, style)
        ),
    }
}

/// Describes AWS's enforcement of an end; empty while unknown.
pub fn armed_end(
    armed: &ArmedEndStatus,
    now: Timestamp,
    style: &impl ChannelStyle,
) -> Option<String> {
    match armed {
        ArmedEndStatus::Waiting { .. } => None,
        ArmedEndStatus::Armed { until, .. } if *until <= now => {
            Some(refuses_since(&style.instant(*until)))
        }
        ArmedEndStatus::Armed { until, .. } => Some(format!(
            "AWS itself refuses it after {}, even without Hallpass",
            style.instant(*until)
        )),
        ArmedEndStatus::NotArmed { why, .. } => Some(format!(
            "AWS does not enforce its expiry: {}. Hallpass still ends it",
            unstopped(why, style)
        )),
    }
}

pub fn refuses_since(at: &str) -> String {
    format!("AWS itself refuses it since {at}")
}

/// States that AWS ended access: it refused from an armed instant, `shown` formatted, and access
/// was removed afterwards.
pub fn ended_by_aws(from: Timestamp, gone: Timestamp, shown: &str) -> Option<String> {
    (from < gone).then(|| format!("AWS itself refused it from {shown} on, before it was removed."))
}

/// States the reader's ended access, which AWS denies since and which is offered again. `at` is
/// formatted.
pub fn ended_so_denied(permission_set: &str, account: &str, at: &str) -> String {
    format!(
        "Your access to {permission_set} in {account} ended at {at}, and AWS has refused it since: request it again."
    )
}

pub fn ended_besides(permission_set: &str, account: &str, at: &str) -> String {
    format!(
        "Your access to {permission_set} in {account} ended at {at}. It does not allow the call, or you may not \
         request it today."
    )
}

fn may(may: bool, verb: &str) -> String {
    if may {
        format!("may {verb}")
    } else {
        format!("{verb}s")
    }
}

pub fn not_extended(unmoved: Option<&UnmovedEnd>, style: &impl ChannelStyle) -> String {
    match unmoved {
        None => "AWS still refuses it from the earlier end on. This is tried again.".to_owned(),
        Some(UnmovedEnd {
            until,
            may: true,
            why,
        }) => format!(
            "AWS may still refuse it after {}, and this could not be checked: {}. This is tried again.",
            style.instant(*until),
            unstopped(why, style)
        ),
        Some(UnmovedEnd { until, why, .. }) => format!(
            "AWS still refuses it after {}: {}. This is tried again.",
            style.instant(*until),
            unstopped(why, style)
        ),
    }
}

pub fn ended(
    grant: &Grant,
    credentials: CredentialsAfterEnd,
    error: Option<&str>,
    style: &impl ChannelStyle,
) -> String {
    let target = names::target(&grant.names, style);
    let holder = style.name(&grant.holder.name);
    let mut all = vec![format!("Ended: {target}, {holder}.")];
    all.extend(what_is_left(grant, error, style));
    all.extend(issued_credentials(credentials, style));
    all.join(" ")
}

fn what_is_left(grant: &Grant, error: Option<&str>, style: &impl ChannelStyle) -> Option<String> {
    let GrantState::Ended { why, .. } = &grant.state else {
        return None;
    };
    match why {
        EndOutcome::Standing => Some("The access existed before it and stays.".to_owned()),
        EndOutcome::HeldByOtherGrant => Some("Another grant still holds it.".to_owned()),
        EndOutcome::NeverCreated => Some(match error {
            Some(error) => format!("It was never set up: {}.", unstopped(error, style)),
            None => "It was never set up.".to_owned(),
        }),
        EndOutcome::Removed
        | EndOutcome::Guard
        | EndOutcome::AlreadyAbsent
        | EndOutcome::PrincipalGone
        | EndOutcome::AccountGone => None,
    }
}

pub const fn without_us(why: EndOutcome) -> &'static str {
    match why {
        EndOutcome::Removed => "removed",
        EndOutcome::Guard => "the guard removed it",
        EndOutcome::AlreadyAbsent => "it was already gone",
        EndOutcome::NeverCreated => "it was never set up",
        EndOutcome::PrincipalGone => "the person left, so it was removed",
        EndOutcome::AccountGone => "the account was closed, so it was removed",
        EndOutcome::Standing => "the access existed before it and stays",
        EndOutcome::HeldByOtherGrant => "another grant still holds it",
    }
}

pub(crate) fn issued_credentials(
    credentials: CredentialsAfterEnd,
    style: &impl ChannelStyle,
) -> Option<String> {
    credentials_after("Issued credentials", credentials, style)
}

/// States the fate of credentials after the access; `whose` begins the sentence.
pub fn credentials_after(
    whose: &str,
    after: CredentialsAfterEnd,
    style: &impl ChannelStyle,
) -> Option<String> {
    match after {
        CredentialsAfterEnd::NotSaid => None,
        CredentialsAfterEnd::Stop => Some(format!("{whose} stop within minutes.")),
        CredentialsAfterEnd::WorkUntil(until) => Some(work_until(whose, &style.instant(until))),
    }
}

pub fn work_until(whose: &str, until: &str) -> String {
    format!("{whose} may work until {until}.")
}

pub const YOUR_CREDENTIALS: &str = "Credentials you already hold";

pub const CREDENTIALS_BEFORE: &str = "Credentials taken before then";

pub fn refused_by_aws(grant: Option<&Grant>, style: &impl ChannelStyle) -> String {
    match grant.map(|grant| &grant.state) {
        Some(GrantState::Failed { error, .. }) => not_created(error, style),
        _ => not_created("no reason was given", style),
    }
}

pub fn not_created(error: &str, style: &impl ChannelStyle) -> String {
    let error = unstopped(error, style);
    format!("AWS refused: {error}. Nothing was granted.")
}

pub fn not_deleted(reason: &str, style: &impl ChannelStyle) -> String {
    let reason = unstopped(reason, style);
    format!("AWS refuses to delete this: {reason}. Tried every hour.")
}

/// Describes lost access, below a heading. `at` is the formatted time of detection.
pub fn lost(how: &LostAccess, at: &str, style: &impl ChannelStyle) -> String {
    match how {
        LostAccess::RemovedElsewhere => {
            format!("Someone removed this access outside Hallpass at {at}.")
        }
        LostAccess::NotSetUpAgain { reason } => format!(
            "It was removed, and could not be set up again: {}.",
            unstopped(reason, style)
        ),
    }
}

/// Removes AWS's final full stop: the sentence has one.
pub(crate) fn unstopped(text: &str, style: &impl ChannelStyle) -> String {
    style.quoted(text).trim_end_matches('.').to_owned()
}

/// Lists counted approvals: `1 of 2: Priya Raman.`
pub fn progress(request: &Request, style: &impl ChannelStyle) -> String {
    let given = request.reviewers();
    let names: Vec<String> = given.iter().map(|it| style.person(&it.by)).collect();
    let (given, needed) = request.approvals();
    if names.is_empty() {
        return format!("{given} of {needed}.");
    }
    format!("{given} of {needed}: {}.", names.join(", "))
}

pub const START_HINT: &str =
    "Empty: as soon as it is approved. Otherwise the rules are checked again at the start.";

/// States approval, approvers and start; `None` if not approved or already started.
pub fn agreed(request: &Request, style: &impl ChannelStyle) -> Option<String> {
    let agreed = request.agreed_start()?;
    let starts = style.instant(request.start.as_ref()?.at);
    let how = match agreed.approval {
        Approval::NotRequired | Approval::Own => "No approval needed".to_owned(),
        Approval::Peer | Approval::BreakGlass | Approval::Adopted => {
            format!("Approved by {}", style.person(&agreed.by))
        }
    };
    Some(format!("{how}; starts {starts}"))
}

pub fn said_with_approval(request: &Request, style: &impl ChannelStyle) -> Option<String> {
    let shortened = shortened(request, style).map(|words| format!("{words}."));
    let comment = request.newest_comment();
    let comment =
        comment.map(|(by, words)| format!("{}: {}.", style.person(by), unstopped(words, style)));
    let parts: Vec<String> = shortened.into_iter().chain(comment).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// "Shortened from 2h to 1h by Priya Raman", if approvers shortened it.
pub fn shortened(request: &Request, style: &impl ChannelStyle) -> Option<String> {
    let shortened = request.shortened.as_ref()?;
    let by = style.person(&shortened.by);
    let (from, to) = (shortened.from, request.duration);
    Some(format!("Shortened from {from} to {to} by {by}"))
}

/// Names the approvers or the rule; empty without approval.
pub fn how_approved(request: &Request, style: &impl ChannelStyle) -> String {
    let rules = RuleNames::of(&request.decided.based_on).within();
    let RequestState::Approved { by, approval, .. } = &request.state else {
        return String::new();
    };
    match approval {
        Approval::NotRequired => format!("No approval needed, by {rules}."),
        Approval::Own => format!("Approved by the requester, as {rules} allows."),
        Approval::BreakGlass => {
            let closing = request.after_review.as_ref();
            let closing = closing.and_then(|review| review.closed.as_ref());
            let review = closing.map_or_else(
                || "review open".to_owned(),
                |closing| format!("review closed by {}", style.person(&closing.by)),
            );
            format!("◆ Break-glass by {}, {review}", style.person(by))
        }
        Approval::Adopted => {
            format!(
                "Given an end by {}; it existed before",
                adopter(request, by, style)
            )
        }
        Approval::Peer => {
            let given = request.reviewers();
            let reviews = given.iter().map(|it| &it.by).filter(|it| *it != by);
            let names: Vec<String> = reviews.chain([by]).map(|by| style.person(by)).collect();
            format!("Approved by {}", names.join(", "))
        }
    }
}

/// Names the approvers or the reason for none, within a sentence; `person` formats a name.
pub fn approved_by(grant: &Grant, person: impl FnOnce(&Email) -> String) -> String {
    match grant.approval {
        Approval::NotRequired => "no approval needed".to_owned(),
        Approval::Own => "approved by the requester".to_owned(),
        Approval::BreakGlass => "break-glass".to_owned(),
        Approval::Adopted if grant.origin == Origin::System => "a sweep gave it an end".to_owned(),
        Approval::Adopted => format!("{} gave it an end", person(&grant.approver)),
        Approval::Peer => format!("approved by {}", person(&grant.approver)),
    }
}

pub(crate) fn adopter(request: &Request, by: &Email, style: &impl ChannelStyle) -> String {
    if request.origin == Origin::System {
        "a sweep".to_owned()
    } else {
        style.person(by)
    }
}
