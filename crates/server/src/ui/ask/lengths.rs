//! The lengths to choose from: from now, or later ends of what is held.

use hallpass_access::{Grant, GrantState, LengthLimits, LengthRefused, Preview};
use hallpass_base::{TimeSpan, Timestamp};

use crate::ui::presenter::Presenter;

/// Lengths that fit most work, of those the settings offer.
const COMMON: [u64; 7] = [1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400];
/// Chips shown at most.
const CHIPS: usize = 9;
/// A chip of the form's that means so much more than is held, not a length from now.
pub(super) const MORE: &str = "more-";

/// A length to choose.
#[derive(Clone, Debug)]
pub(super) struct Chip {
    /// As the form carries it: seconds from now, or `more-` and seconds on top of what is held.
    pub(super) value: String,
    /// `2h`, or the end it comes to.
    pub(super) words: String,
    /// `+1h`, where it lengthens.
    pub(super) gain: String,
    pub(super) length: TimeSpan,
    pub(super) is_chosen: bool,
    pub(super) is_over: bool,
}

/// What the asker has of the target and can make longer.
pub(super) fn active(preview: &Preview) -> Option<&Grant> {
    let held = preview.held.as_ref()?;
    Some(&held.grant).filter(|grant| matches!(grant.state, GrantState::Active))
}

/// Lengths counted from now.
pub(super) fn from_now(choices: &[TimeSpan], limits: &LengthLimits) -> Vec<Chip> {
    let most = limits.longest();
    let mut spans = offered(choices);
    if !spans.contains(&most) && limits.check(most).is_ok() {
        spans.push(most);
        spans.sort();
    }
    let chips = spans.into_iter().map(|span| Chip {
        value: span.as_seconds().to_string(),
        words: span.to_string(),
        gain: String::new(),
        length: span,
        is_over: limits.check(span) == Err(LengthRefused::TooLong),
        is_chosen: false,
    });
    chips.collect()
}

/// Later ends of what is held, each a real gain; the last is as late as the rules allow.
pub(super) fn longer(view: &Presenter, ends_at: Timestamp, limits: &LengthLimits) -> Vec<Chip> {
    let ends = limits.later_ends(ends_at, view.now).into_iter();
    let chips = ends.map(|end| Chip {
        value: if end.is_latest {
            format!("{MORE}most")
        } else {
            format!("{MORE}{}", end.gain.as_seconds())
        },
        words: format!("to {}", view.words(end.length.after(view.now))),
        gain: format!("+{}", end.gain),
        length: end.length,
        is_over: false,
        is_chosen: false,
    });
    chips.collect()
}

/// A few of the lengths the settings offer: all when they are few, else the common ones.
fn offered(choices: &[TimeSpan]) -> Vec<TimeSpan> {
    if choices.len() <= CHIPS {
        return choices.to_vec();
    }
    let common: Vec<TimeSpan> = COMMON
        .into_iter()
        .map(TimeSpan::seconds)
        .filter(|span| choices.contains(span))
        .collect();
    if common.is_empty() {
        choices.iter().copied().take(CHIPS).collect()
    } else {
        common
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_lengths_are_all_offered_and_many_are_thinned() {
        let hours: Vec<TimeSpan> = (1..=3).map(TimeSpan::hours).collect();
        assert_eq!(offered(&hours), hours);
        let half_hours: Vec<TimeSpan> = (1..=16).map(|n| TimeSpan::minutes(30 * n)).collect();
        let seconds: Vec<u64> = offered(&half_hours)
            .iter()
            .map(|span| span.as_seconds())
            .collect();
        assert_eq!(seconds, [1800, 3600, 7200, 14_400, 28_800]);
        let odd: Vec<TimeSpan> = (1..=20).map(|n| TimeSpan::minutes(7 * n)).collect();
        assert_eq!(offered(&odd).len(), CHIPS);
    }
}
