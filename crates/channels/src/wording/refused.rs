//! Why a press had no effect, where more than one channel says it in the same words.

use hallpass_access::{
    Closed, JUSTIFICATION_CHARACTERS_MAX, JUSTIFICATION_CHARACTERS_MIN, PressRefused, Request,
    at_most,
};
use hallpass_base::UserId;
use hallpass_rules::{DecisionKind, PressRefusedByRules, RuleId, RuleNames};

use crate::wording::lists::any_of;
use crate::wording::names::{capital, first_name, sentence};
use crate::wording::style::ChannelStyle;

/// What somebody tried to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriedPress {
    /// To say yes.
    Approve,
    /// To say no.
    Deny,
    /// To close a break-glass review.
    CloseReview,
    /// Anything else.
    Other,
}

/// What a refusal is told with.
#[derive(Clone, Copy, Debug)]
pub struct RefusedFacts<'a> {
    /// The request that was pressed.
    pub request: &'a Request,
    /// What was tried.
    pub tried: TriedPress,
    /// Who pressed, by the directory; none when that is not known.
    pub presser: Option<&'a UserId>,
    /// What is asked for, as the channel writes it.
    pub target: &'a str,
    /// Who could still say yes by today's rules, as the channel writes them.
    pub deciders: &'a [String],
}

impl RefusedFacts<'_> {
    fn is_own(&self) -> bool {
        self.presser == Some(&self.request.requester.user)
    }
}

fn closed_for(found: &Closed, facts: &RefusedFacts<'_>, style: &impl ChannelStyle) -> String {
    let request = facts.request;
    let name = style.name(&request.requester.name);
    let again = if facts.is_own() {
        "You"
    } else {
        first_name(&name)
    };
    closed(request, found, again, style)
}

/// Why a press on a request had no effect, to whoever pressed. Every channel says it in these words;
/// a link to follow is the channel's.
pub fn words(why: &PressRefused, facts: &RefusedFacts<'_>, style: &impl ChannelStyle) -> String {
    let request = facts.request;
    match why {
        PressRefused::Closed(found) => closed_for(found, facts, style),
        PressRefused::Rules(PressRefusedByRules::NotOpen { .. })
            if facts.tried == TriedPress::CloseReview =>
        {
            "The rules changed since. Today nobody approves this; an admin closes the review."
                .to_owned()
        }
        PressRefused::Rules(PressRefusedByRules::NotOpen { kind, .. }) => {
            rules_changed(request, *kind, style)
        }
        PressRefused::Rules(
            PressRefusedByRules::NotListed { .. } | PressRefusedByRules::OwnRequest { .. },
        ) if facts.is_own() => own(facts),
        PressRefused::Rules(PressRefusedByRules::NotListed {
            rules, left_out_by, ..
        }) => no_approver(facts.target, rules, left_out_by),
        PressRefused::Rules(PressRefusedByRules::OwnRequest { .. }) => {
            "Nobody approves their own request here.".to_owned()
        }
        PressRefused::AlreadyReviewed { given, needed } => {
            reviewed(facts, (*given, *needed), style)
        }
        PressRefused::GrantOver { state } if facts.tried == TriedPress::Approve => {
            format!("The access it would extend is {state} already. Nothing was granted.")
        }
        PressRefused::Justification { characters } => justification(*characters),
        PressRefused::NotInDirectory
        | PressRefused::NoLongerFits(_)
        | PressRefused::SignInAgain { .. }
        | PressRefused::OutsideApprovalHours { .. }
        | PressRefused::WarningsUnconfirmed { .. }
        | PressRefused::Changed
        | PressRefused::SecondaryDomain
        | PressRefused::Locked { .. }
        | PressRefused::RequesterLocked { .. }
        | PressRefused::OwnLock
        | PressRefused::LastAdministrator
        | PressRefused::LockIsOver
        | PressRefused::SharedAddress
        | PressRefused::NotYours
        | PressRefused::NotAnApprover
        | PressRefused::Remediation(_)
        | PressRefused::RuleChanged { .. }
        | PressRefused::NotHolder
        | PressRefused::GrantOver { .. }
        | PressRefused::ReasonMissing
        | PressRefused::NotRequester
        | PressRefused::BreakGlassNotAllowed { .. }
        | PressRefused::ApprovedLength { .. }
        | PressRefused::LongText { .. }
        | PressRefused::OverQuota(_)
        | PressRefused::StorageFull
        | PressRefused::StartRefused
        | PressRefused::NoReview
        | PressRefused::OwnReview
        | PressRefused::Standing(_)
        | PressRefused::ClocksDisagree(_)
        | PressRefused::DirectoryUnread { .. }
        | PressRefused::PersonUnchecked { .. }
        | PressRefused::ExportBehind { .. }
        | PressRefused::EndNotArmed { .. } => plainly(why, style),
    }
}

/// The refusal as it stands in an answer, as a sentence.
pub fn plainly(why: &PressRefused, style: &impl ChannelStyle) -> String {
    sentence(&style.quoted(&why.to_string()))
}

fn reviewed(
    facts: &RefusedFacts<'_>,
    (given, needed): (u32, u32),
    style: &impl ChannelStyle,
) -> String {
    let mut reviews = facts.request.reviews.iter();
    let mine = reviews.find(|it| it.user.is_some() && it.user.as_ref() == facts.presser);
    let at = mine.map(|review| format!(" at {}", style.instant(review.at)));
    format!(
        "You approved this{}. {given} of {needed}; {} can give another.",
        at.unwrap_or_default(),
        any_of(facts.deciders)
    )
}

fn own(facts: &RefusedFacts<'_>) -> String {
    let verb = if facts.tried == TriedPress::Deny {
        "deny"
    } else {
        "approve"
    };
    if facts.deciders.is_empty() {
        return format!("You can’t {verb} your own request, and today nobody else can.");
    }
    let can = capital(&any_of(facts.deciders));
    format!("You can’t {verb} your own request. {can} can.")
}

/// Somebody, or time, was first. `again` is who can ask again, at the beginning of a sentence.
pub fn closed(
    request: &Request,
    closed: &Closed,
    again: &str,
    style: &impl ChannelStyle,
) -> String {
    if closed.how == "expired" {
        // it may have been found only later
        let at = style.instant(request.expires_at.unwrap_or(closed.at));
        return format!("This request lapsed at {at}. Nothing was granted. {again} can ask again.");
    }
    let at = style.instant(closed.at);
    let by = closed
        .by
        .as_ref()
        .map(|by| format!(" by {}", style.person(by)));
    format!("Already {}{} at {at}.", closed.how, by.unwrap_or_default())
}

/// The rules list others for it. `target` as the channel writes it.
pub fn not_listed(target: &str, rules: &RuleNames) -> String {
    if rules.is_empty() {
        return format!("You are not an approver for {target}. No rule lists anybody for it.");
    }
    let (first, verb) = (rules.first(), rules.verb("lists", "list"));
    format!("You are not an approver for {target}. {first} {verb} who is.")
}

/// They are no approver, perhaps because rules leave them out.
fn no_approver(target: &str, rules: &[RuleId], left_out_by: &[RuleId]) -> String {
    let out = RuleNames::of(left_out_by);
    if out.is_empty() {
        return not_listed(target, &RuleNames::of(rules));
    }
    let (first, verb) = (out.first(), out.verb("leaves", "leave"));
    format!("You are not an approver for {target}. {first} {verb} you out of its approvers.")
}

/// Today's rules are others than those it was asked under.
pub fn rules_changed(request: &Request, today: DecisionKind, style: &impl ChannelStyle) -> String {
    let name = style.name(&request.requester.name);
    let today = if today == DecisionKind::NoApprovers {
        "nobody can approve this"
    } else {
        "nobody may have this"
    };
    let until = request
        .expires_at
        .map(|at| format!(" until {}", style.instant(at)));
    format!(
        "The rules changed since {} asked. Today {today}; the request stays open{}.",
        first_name(&name),
        until.unwrap_or_default()
    )
}

/// A justification of another length than the rules want.
pub fn justification(characters: usize) -> String {
    if characters < JUSTIFICATION_CHARACTERS_MIN {
        format!("At least {JUSTIFICATION_CHARACTERS_MIN} characters; this has {characters}.")
    } else {
        at_most(JUSTIFICATION_CHARACTERS_MAX, characters)
    }
}
