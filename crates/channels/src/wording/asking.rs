//! Texts of a request's preview: approvers, or the refusal.

use hallpass_access::{
    Approval, Preview, RequestRefused, RequestRefusedFacts, RequestVerdict, RuleNames, by_rules,
};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_rules::Decision;

/// Explains a refusal by rules. `target` is the requester's view of it, `contact` the person for
/// rule changes; `instant` formats a time for the reader.
pub fn refused(
    why: &RequestRefused,
    preview: &Preview,
    target: &str,
    contact: &str,
    instant: impl Fn(Timestamp) -> String,
) -> String {
    let listing = preview.lists_asker.as_slice();
    let of_decision = RequestRefusedFacts::of_decision(Some(&preview.decision), target, contact);
    why.words(&RequestRefusedFacts {
        rules: match (why, listing) {
            (RequestRefused::NoApprover, [_, ..]) => RuleNames::of(listing),
            _ => of_decision.rules,
        },
        lists_asker: !listing.is_empty(),
        starts: preview.starts_at.map(&instant),
        opens: preview.opens_at.map(&instant),
        ..of_decision
    })
}

/// Summarizes the approval: "No approval needed", "2 approvals (3 can give them)",
/// "2 approvals, in 2 stages".
/// `approvers` could approve, `needed` must; with stages not any of them.
pub fn verdict(
    verdict: RequestVerdict,
    (needed, stages): (u32, usize),
    approvers: usize,
) -> String {
    match verdict {
        RequestVerdict::Granted(Approval::Own) => "You may approve this yourself".to_owned(),
        RequestVerdict::Granted(_) => "No approval needed".to_owned(),
        RequestVerdict::BreakGlassOnly => "Break-glass only".to_owned(),
        RequestVerdict::Waits if stages > 1 => format!("{needed} approvals, in {stages} stages"),
        RequestVerdict::Waits if needed == 1 => format!("1 approval ({approvers} can give it)"),
        RequestVerdict::Waits => format!("{needed} approvals ({approvers} can give them)"),
    }
}

pub fn verdict_of(decision: &Decision) -> Option<String> {
    let found = by_rules(decision).ok()?;
    let takes = (decision.approvals_needed, decision.stages.len());
    Some(verdict(found, takes, decision.approvers.len()))
}

/// Explains an immediate grant by its rules: ``No approval needed, by rule `read`.``
pub fn granted_at_once(approval: Approval, rules: &RuleNames) -> String {
    let rules = rules.within();
    match approval {
        Approval::Own => format!("You approve this yourself, as {rules} allows."),
        Approval::NotRequired | Approval::Peer | Approval::BreakGlass | Approval::Adopted => {
            format!("No approval needed, by {rules}.")
        }
    }
}

pub fn outliving(session: TimeSpan) -> String {
    format!(
        "This set issues {session} sessions. Credentials taken just before the end can outlive it by \
         up to {session}."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_takes_is_said_in_a_few_words() {
        for (found, takes, approvers, words) in [
            (
                RequestVerdict::Granted(Approval::NotRequired),
                (0, 0),
                0,
                "No approval needed",
            ),
            (
                RequestVerdict::Granted(Approval::Own),
                (0, 0),
                0,
                "You may approve this yourself",
            ),
            (
                RequestVerdict::BreakGlassOnly,
                (0, 0),
                0,
                "Break-glass only",
            ),
            (
                RequestVerdict::Waits,
                (1, 0),
                1,
                "1 approval (1 can give it)",
            ),
            (
                RequestVerdict::Waits,
                (2, 1),
                3,
                "2 approvals (3 can give them)",
            ),
            (RequestVerdict::Waits, (2, 2), 3, "2 approvals, in 2 stages"),
        ] {
            assert_eq!(verdict(found, takes, approvers), words);
        }
    }
}
