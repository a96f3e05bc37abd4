//! Shared texts for presses without effect.

use hallpass_access::{
    ActionRefused, Closed, JUSTIFICATION_CHARACTERS_MAX, JUSTIFICATION_CHARACTERS_MIN, Request,
    at_most,
};
use hallpass_base::UserId;
use hallpass_rules::{DecisionKind, PressRefusedByRules, RuleId, RuleNames};

use crate::wording::lists::any_of;
use crate::wording::names::{capital, first_name, sentence};
use crate::wording::style::ChannelStyle;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriedPress {
    Approve,
    Deny,
    CloseReview,
    Other,
}

#[derive(Clone, Copy, Debug)]
pub struct RefusedFacts<'a> {
    pub request: &'a Request,
    pub tried: TriedPress,
    /// `None` if unknown.
    pub presser: Option<&'a UserId>,
    pub target: &'a str,
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

/// Explains a press without effect to the presser, equally in every channel; links are the
/// channel's.
pub fn words(why: &ActionRefused, facts: &RefusedFacts<'_>, style: &impl ChannelStyle) -> String {
    let request = facts.request;
    match why {
        ActionRefused::Closed(found) => closed_for(found, facts, style),
        ActionRefused::Rules(PressRefusedByRules::NotOpen { .. })
            if facts.tried == TriedPress::CloseReview =>
        {
            "The rules changed since. Today no one approves this; an admin closes the review."
                .to_owned()
        }
        ActionRefused::Rules(PressRefusedByRules::NotOpen { kind, .. }) => {
            rules_changed(request, *kind, style)
        }
        ActionRefused::Rules(
            PressRefusedByRules::NotListed { .. } | PressRefusedByRules::OwnRequest { .. },
        ) if facts.is_own() => own(facts),
        ActionRefused::Rules(PressRefusedByRules::NotListed {
            rules, left_out_by, ..
        }) => no_approver(facts.target, rules, left_out_by),
        ActionRefused::Rules(PressRefusedByRules::OwnRequest { .. }) => {
            "No one approves their own request here.".to_owned()
        }
        ActionRefused::AlreadyReviewed { given, needed } => {
            reviewed(facts, (*given, *needed), style)
        }
        ActionRefused::GrantOver { state } if facts.tried == TriedPress::Approve => {
            format!("The access it would extend is {state} already. Nothing was granted.")
        }
        ActionRefused::Justification { characters } => justification(*characters),
        ActionRefused::NotInDirectory
        | ActionRefused::NoLongerFits(_)
        | ActionRefused::SignInAgain { .. }
        | ActionRefused::OutsideApprovalHours { .. }
        | ActionRefused::WarningsUnconfirmed { .. }
        | ActionRefused::Changed
        | ActionRefused::SecondaryDomain
        | ActionRefused::Locked { .. }
        | ActionRefused::RequesterLocked { .. }
        | ActionRefused::OwnLock
        | ActionRefused::LastAdministrator
        | ActionRefused::LockIsOver
        | ActionRefused::Absence(_)
        | ActionRefused::Campaign(_)
        | ActionRefused::SharedAddress
        | ActionRefused::NotYours
        | ActionRefused::NotAnApprover
        | ActionRefused::Remediation(_)
        | ActionRefused::RuleChanged { .. }
        | ActionRefused::NotHolder
        | ActionRefused::GrantOver { .. }
        | ActionRefused::ReasonMissing
        | ActionRefused::NotRequester
        | ActionRefused::BreakGlassNotAllowed { .. }
        | ActionRefused::ApprovedLength { .. }
        | ActionRefused::LongText { .. }
        | ActionRefused::OverQuota(_)
        | ActionRefused::StorageFull
        | ActionRefused::StartRefused
        | ActionRefused::NoReview
        | ActionRefused::OwnReview
        | ActionRefused::Standing(_)
        | ActionRefused::ClocksDisagree(_)
        | ActionRefused::DirectoryUnread { .. }
        | ActionRefused::PersonUnchecked { .. }
        | ActionRefused::ExportBehind { .. }
        | ActionRefused::EndNotArmed { .. } => plainly(why, style),
    }
}

pub fn plainly(why: &ActionRefused, style: &impl ChannelStyle) -> String {
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
        return format!("You can’t {verb} your own request, and today no one else can.");
    }
    let can = capital(&any_of(facts.deciders));
    format!("You can’t {verb} your own request. {can} can.")
}

/// Explains a lost race or expiry. `again` begins a sentence and names the next requester.
pub fn closed(
    request: &Request,
    closed: &Closed,
    again: &str,
    style: &impl ChannelStyle,
) -> String {
    if closed.how == "expired" {
        // the expiry may have been detected later
        let at = style.instant(request.expires_at.unwrap_or(closed.at));
        return format!(
            "This request expired at {at}. Nothing was granted. {again} can request again."
        );
    }
    let at = style.instant(closed.at);
    let by = closed
        .by
        .as_ref()
        .map(|by| format!(" by {}", style.person(by)));
    format!("Already {}{} at {at}.", closed.how, by.unwrap_or_default())
}

/// Formats a refusal because rules list others. `target` is formatted.
pub fn not_listed(target: &str, rules: &RuleNames) -> String {
    if rules.is_empty() {
        return format!("You are not an approver for {target}. No rule lists approvers for it.");
    }
    let (first, verb) = (rules.first(), rules.verb("lists", "list"));
    format!("You are not an approver for {target}. {first} {verb} who is.")
}

fn no_approver(target: &str, rules: &[RuleId], left_out_by: &[RuleId]) -> String {
    let out = RuleNames::of(left_out_by);
    if out.is_empty() {
        return not_listed(target, &RuleNames::of(rules));
    }
    let (first, verb) = (out.first(), out.verb("leaves", "leave"));
    format!("You are not an approver for {target}. {first} {verb} you out of its approvers.")
}

pub fn rules_changed(request: &Request, today: DecisionKind, style: &impl ChannelStyle) -> String {
    let name = style.name(&request.requester.name);
    let today = if today == DecisionKind::NoApprovers {
        "no one can approve this"
    } else {
        "no one may have this"
    };
    let until = request
        .expires_at
        .map(|at| format!(" until {}", style.instant(at)));
    format!(
        "The rules changed since {} requested it. Today {today}; the request stays open{}.",
        first_name(&name),
        until.unwrap_or_default()
    )
}

pub fn justification(characters: usize) -> String {
    if characters < JUSTIFICATION_CHARACTERS_MIN {
        format!("At least {JUSTIFICATION_CHARACTERS_MIN} characters; this has {characters}.")
    } else {
        at_most(JUSTIFICATION_CHARACTERS_MAX, characters)
    }
}
