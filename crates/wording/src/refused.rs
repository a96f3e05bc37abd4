//! Why a press had no effect, where more than one channel says it in the same words.

use hallpass_access::{
    Closed, JUSTIFICATION_CHARACTERS_MAX, JUSTIFICATION_CHARACTERS_MIN, Request,
};
use hallpass_rules::DecisionKind;

use crate::lists;
use crate::names::first_name;
use crate::style::ChannelStyle;

/// Only the holder gives back.
pub const NOT_HOLDER: &str = "Only its holder can do this.";
/// Only the requester breaks the glass.
pub const NOT_REQUESTER: &str = "Only its requester can do this.";
/// Neither the requester, an approver nor an administrator.
pub const NOT_YOURS: &str = "Only the requester, an approver or an administrator can do this.";

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
pub fn not_listed(target: &str, rules: &[String]) -> String {
    let verb = if rules.len() == 1 { "lists" } else { "list" };
    match lists::rules(rules).as_str() {
        "" => format!("You are not an approver for {target}. No rule lists anybody for it."),
        named => format!("You are not an approver for {target}. {named} {verb} who is."),
    }
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
    let number = |n: usize| lists::number(u64::try_from(n).unwrap_or(u64::MAX));
    let has = number(characters);
    if characters < JUSTIFICATION_CHARACTERS_MIN {
        format!("At least {JUSTIFICATION_CHARACTERS_MIN} characters; this has {has}.")
    } else {
        let most = number(JUSTIFICATION_CHARACTERS_MAX);
        format!("At most {most} characters; this has {has}.")
    }
}
