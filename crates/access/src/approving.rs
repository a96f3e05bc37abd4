//! What an approver may say with a yes: a comment, and a shorter time than was asked for (`access.md` §3.7).

use std::ops::RangeInclusive;

use hallpass_audit::Draft;
use hallpass_base::{TimeSpan, Timestamp, text::says_something};

use crate::records::with_warnings;
use crate::{Confirmation, Holds, PressRefused, Request, ReviewedVersion, Settings, TextField};

/// How somebody approves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Approving<'a> {
    /// What they looked at, where they say so: nothing is done when the request is another by now.
    pub seen: Option<ReviewedVersion>,
    /// Words for whoever asked and for the other approvers.
    pub comment: Option<&'a str>,
    /// For this long at most, where that is less than was asked for.
    pub duration: Option<TimeSpan>,
    /// The ids of warnings that were read and are confirmed.
    pub confirmed: &'a [String],
}

/// What an approval says, once it was judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ApprovalWords {
    pub(crate) comment: Option<String>,
    /// From what to what it makes the request shorter.
    pub(crate) shorter: Option<(TimeSpan, TimeSpan)>,
    /// Which warnings it confirms.
    pub(crate) confirmed: Option<Confirmation>,
}

impl Approving<'_> {
    /// What is said, where it can be said of this request. The shortest time that any approver said
    /// holds, so that one who says a longer one than another changes nothing.
    pub(crate) fn judge(
        &self,
        request: &Request,
        holds: &Holds,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<ApprovalWords, PressRefused> {
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
            return Err(PressRefused::ApprovedLength { shortest, longest });
        }
        let shorter = self.duration.filter(|length| *length < request.duration);
        Ok(ApprovalWords {
            comment: comment.map(str::to_owned),
            shorter: shorter.map(|length| (request.duration, length)),
            confirmed: None,
        })
    }
}

impl ApprovalWords {
    /// Adds what was said to the record of the press. The comment comes last: nothing in it can be taken
    /// for another fact.
    pub(crate) fn record(&self, draft: Draft) -> Draft {
        let draft = with_warnings(draft, self.confirmed.as_ref());
        let shorter = self.shorter;
        let shorter = shorter.map(|(from, to)| format!("shortened from {from} to {to}"));
        let comment = self.comment.as_ref();
        let comment = comment.map(|words| format!("comment: {words}"));
        let parts: Vec<String> = shorter.into_iter().chain(comment).collect();
        if parts.is_empty() {
            draft
        } else {
            draft.why(&parts.join("; "))
        }
    }
}

/// The lengths somebody may approve: up to what was asked for, and no shorter than the least there is;
/// an extension lengthens something.
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
    // where the start is over, something is left
    let begun = request.start.as_ref().map_or(TimeSpan::ZERO, |start| {
        let late = TimeSpan::between(start.at.min(now), now);
        TimeSpan::minutes(late.as_seconds().div_ceil(60))
    });
    // no time at all is never approved, whatever the settings allow
    let least = settings.duration_min.max(TimeSpan::seconds(1));
    least.max(adds).max(begun).min(asked)..=asked
}

/// The shorter lengths that are offered to whoever approves a request.
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
