use hallpass_access::{Grant, GrantState, LengthLimits, LengthRefused, Preview};
use hallpass_base::{TimeSpan, Timestamp};

use crate::ui::presenter::Presenter;

const COMMON: [u64; 7] = [1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400];
const CHIPS: usize = 9;
pub(super) const MORE: &str = "more-";

#[derive(Clone, Debug)]
pub(super) struct Chip {
    pub(super) value: String,
    pub(super) words: String,
    pub(super) gain: String,
    pub(super) length: TimeSpan,
    pub(super) is_chosen: bool,
    pub(super) is_over: bool,
}

pub(super) fn active(preview: &Preview) -> Option<&Grant> {
    let held = preview.held.as_ref()?;
    Some(&held.grant).filter(|grant| matches!(grant.state, GrantState::Active))
}

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
