//! Duration and lead time limits, with the rules that set them.

use hallpass_base::TimeSpan;

use super::{Ready, decide::Evaluation, sign_in::OverLimit};
use crate::rule::RuleId;

impl Evaluation<'_> {
    /// Returns the maximum duration and its first rule. Of rules that prefer the longest, one
    /// suffices; rules of unread applicability never loosen.
    pub(super) fn shortest(&self) -> Option<(RuleId, TimeSpan)> {
        let of = |preferring: bool| {
            self.limited().filter_map(move |ready| {
                let terms = ready.terms();
                let max = terms.max_duration?;
                let picked = terms.prefer_longest_duration == preferring;
                picked.then(|| (ready, (ready.rule.id.clone(), max)))
            })
        };
        let preferring = |holding: bool| {
            let picked = of(true).filter(move |(ready, _)| self.holds(ready) == holding);
            picked.map(|(_, found)| found)
        };
        let longest = preferring(false)
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .or_else(|| preferring(true).min_by_key(|(_, max)| *max));
        let others = of(false).map(|(_, found)| found);
        others.chain(longest).min_by_key(|(_, max)| *max)
    }

    /// Shortens only if every duration-limiting rule does.
    pub(super) fn over_limit(&self) -> OverLimit {
        let mut limiting = self
            .limited()
            .filter(|ready| ready.terms().max_duration.is_some())
            .peekable();
        let is_limited = limiting.peek().is_some();
        if is_limited && limiting.all(|it| it.terms().shorten_to_max_duration == Some(true)) {
            OverLimit::Shorten
        } else {
            OverLimit::Refuse
        }
    }

    pub(super) fn limiting_duration(&self, longest: TimeSpan) -> Vec<RuleId> {
        // among rules that prefer the longest, only the longest count
        let outdone = |ready: &Ready| {
            let preferring = |it: &&Ready| it.terms().prefer_longest_duration && !self.holds(it);
            let mut others = self.limited().filter(preferring);
            preferring(&ready) && others.any(|it| it.terms().max_duration > Some(longest))
        };
        let saying = self
            .limited()
            .filter(|it| it.terms().max_duration == Some(longest));
        let saying = saying.filter(|it| !outdone(it));
        saying.map(|it| it.rule.id.clone()).collect()
    }

    pub(super) fn lead_time(&self) -> Option<(TimeSpan, Vec<RuleId>)> {
        let of = |ready: &Ready| ready.terms().max_lead_time;
        let lead = self.limited().filter_map(of).min()?;
        let saying = self.limited().filter(|it| of(it) == Some(lead));
        Some((lead, saying.map(|it| it.rule.id.clone()).collect()))
    }
}
