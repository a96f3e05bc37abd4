//! Options of an approval: a comment, and a shorter duration than requested (`access.md` §3.7).

use std::ops::RangeInclusive;

use hallpass_audit::Draft;
use hallpass_base::{Email, TimeSpan, Timestamp, text::says_something};

use crate::records::with_warnings;
use crate::{ActionRefused, Confirmation, Holds, Request, ReviewedVersion, Settings, TextField};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Approving<'a> {
    /// The version that the approver reviewed. If it is outdated, the approval is refused.
    pub seen: Option<ReviewedVersion>,
    pub comment: Option<&'a str>,
    pub duration: Option<TimeSpan>,
    /// Ids of confirmed warnings.
    pub confirmed: &'a [String],
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ApprovalWords {
    pub(crate) comment: Option<String>,
    pub(crate) shorter: Option<(TimeSpan, TimeSpan)>,
    pub(crate) confirmed: Option<Confirmation>,
    /// Approvers who are out of office; the actor is their delegate.
    pub(crate) in_place_of: Vec<Email>,
}

impl Approving<'_> {
    /// Validates the options. The shortest duration of all approvers applies, so a longer one
    /// changes nothing.
    pub(crate) fn judge(
        &self,
        request: &Request,
        holds: &Holds,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<ApprovalWords, ActionRefused> {
        let comment = self.comment.map(str::trim);
        let comment = comment.filter(|words| says_something(words));
        if let Some(comment) = comment {
            TextField::Comment.ensure(comment)?;
        }
        let possible = possible_lengths(request, holds, settings, now);
        if let Some(duration) = self.duration
            && !possible.contains(&duration)
        {
            let (shortest, longest) = possible.into_inner();
            return Err(ActionRefused::ApprovedLength { shortest, longest });
        }
        let shorter = self.duration.filter(|length| *length < request.duration);
        Ok(ApprovalWords {
            comment: comment.map(str::to_owned),
            shorter: shorter.map(|length| (request.duration, length)),
            confirmed: None,
            in_place_of: Vec::new(),
        })
    }
}

impl ApprovalWords {
    /// Adds the options to the audit record. The comment comes last, so its text cannot pass for
    /// another fact.
    pub(crate) fn record(&self, draft: Draft) -> Draft {
        let draft = with_warnings(draft, self.confirmed.as_ref());
        let shorter = self.shorter;
        let shorter = shorter.map(|(from, to)| format!("shortened from {from} to {to}"));
        let comment = self.comment.as_ref();
        let comment = comment.map(|words| format!("comment: {words}"));
        let names: Vec<&str> = self.in_place_of.iter().map(Email::as_str).collect();
        let delegated = (!names.is_empty()).then(|| format!("as delegate of {}", names.join(", ")));
        let parts = delegated.into_iter().chain(shorter).chain(comment);
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() {
            draft
        } else {
            draft.why(&parts.join("; "))
        }
    }
}

/// At most the requested duration, at least the minimum. An extension must extend.
fn possible_lengths(
    request: &Request,
    holds: &Holds,
    settings: &Settings,
    now: Timestamp,
) -> RangeInclusive<TimeSpan> {
    let asked = request.asked_for();
    let extended = request
        .extends
        .and_then(|id| holds.grants.iter().find(|grant| grant.id == id));
    let adds = extended.map_or(TimeSpan::ZERO, |grant| {
        let left = TimeSpan::between(now, grant.ends_at);
        TimeSpan::minutes(left.as_seconds() / 60 + 1)
    });
    // Something must remain at the start.
    let begun = request.start.as_ref().map_or(TimeSpan::ZERO, |start| {
        let late = TimeSpan::between(start.at.min(now), now);
        TimeSpan::minutes(late.as_seconds().div_ceil(60))
    });
    // Zero is never approved, regardless of the settings.
    let least = settings.duration_min.max(TimeSpan::seconds(1));
    least.max(adds).max(begun).min(asked)..=asked
}

pub(crate) fn offered(
    request: &Request,
    holds: &Holds,
    settings: &Settings,
    now: Timestamp,
) -> Vec<TimeSpan> {
    let possible = possible_lengths(request, holds, settings, now);
    let mut choices = settings.choices(request.duration);
    choices.retain(|length| *length < request.duration && possible.contains(length));
    choices
}
