//! Observed and wanted account policies, and the next write between them. Pure.

use std::collections::BTreeSet;

use hallpass_base::{HoldKey, Timestamp};

use super::foreign::NotOurs;
use super::statement::{Denial, Parts, earliest, text};
use super::wanted::is_spent;
use super::{ArmedEnd, POLICIES_MAX, UnseenWrite};
use crate::account_policy::same_policy;
use crate::ports::PolicyRow;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct SeenPolicy {
    pub(super) id: String,
    pub(super) content: String,
    pub(super) parts: Parts,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Observed {
    pub(super) ours: [Option<SeenPolicy>; POLICIES_MAX],
    pub(super) attached: Vec<PolicyRow>,
}

impl Observed {
    pub(super) fn denials(&self) -> BTreeSet<Denial> {
        let ours = self.ours.iter().flatten();
        ours.flat_map(|policy| policy.parts.denials.iter().cloned())
            .collect()
    }

    pub(super) fn has_foreign(&self) -> bool {
        let mut ours = self.ours.iter().flatten();
        ours.any(|policy| !policy.parts.foreign.is_empty())
    }

    /// Per policy: denials in Hallpass's form of unknown people that may still have an effect
    /// (`is_spent`). They are kept: an older store backup does not know later ends, and another
    /// installation may write into the same policies.
    pub(super) fn unknown(
        &self,
        known: &BTreeSet<Denial>,
        is_spent: impl Fn(&Denial) -> bool,
    ) -> [BTreeSet<Denial>; POLICIES_MAX] {
        self.ours.each_ref().map(|policy| {
            let denials = policy.iter().flat_map(|policy| &policy.parts.denials);
            unknown(denials, known, &is_spent)
        })
    }

    pub(super) fn place_of(&self, denial: &Denial) -> Option<usize> {
        let place = |is_it: &dyn Fn(&Denial) -> bool| {
            self.ours.iter().position(|policy| {
                let mut denials = policy.iter().flat_map(|policy| &policy.parts.denials);
                denials.any(is_it)
            })
        };
        place(&|it| it == denial).or_else(|| place(&|it| it.is_about_same(denial)))
    }
}

pub(super) fn unknown<'a>(
    denials: impl IntoIterator<Item = &'a Denial>,
    known: &BTreeSet<Denial>,
    is_spent: impl Fn(&Denial) -> bool,
) -> BTreeSet<Denial> {
    let is_unknown =
        |it: &&Denial| !is_spent(it) && !known.iter().any(|known| known.is_about_same(it));
    denials.into_iter().filter(is_unknown).cloned().collect()
}

pub(super) fn not_ours(seen: &Observed, ends: &[ArmedEnd], now: Timestamp) -> NotOurs {
    let known = ends.iter().filter_map(|end| Denial::of(end, now)).collect();
    let unknown = seen.unknown(&known, |denial| is_spent(denial, now));
    let ours = seen.ours.iter().flatten();
    NotOurs {
        statements: ours.map(|policy| policy.parts.foreign.len()).sum(),
        people: unknown.iter().map(BTreeSet::len).sum(),
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fitted {
    pub(super) denials: [BTreeSet<Denial>; POLICIES_MAX],
    pub(super) beside_foreign: Vec<HoldKey>,
}

impl Fitted {
    pub(super) fn of(&self, denial: &Denial) -> Option<&Denial> {
        let mut all = self.denials.iter().flatten();
        all.find(|it| it.is_about_same(denial))
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> BTreeSet<Denial> {
        self.denials.iter().flatten().cloned().collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Make { number: usize, content: String },
    Update { id: String, content: String },
    Remove { id: String },
}

/// The next write; `None` when policies match. Additions come before removals, so that a denial
/// stays in force while it moves between policies. Each write may be repeated.
pub(super) fn next(seen: &Observed, fitted: &Fitted) -> Option<Act> {
    let mut acts: Vec<(bool, Act)> = Vec::new();
    let denied = seen.denials();
    for (number, (policy, denials)) in seen.ours.iter().zip(&fitted.denials).enumerate() {
        let foreign = policy
            .as_ref()
            .map_or(&[][..], |policy| &policy.parts.foreign);
        let act = match (policy, text(foreign, denials)) {
            (None, None) => continue,
            (None, Some(content)) => Act::Make { number, content },
            (Some(policy), Some(content)) if same_policy(&policy.content, &content) => continue,
            (Some(policy), Some(content)) => Act::Update {
                id: policy.id.clone(),
                content,
            },
            (Some(policy), None) => Act::Remove {
                id: policy.id.clone(),
            },
        };
        let only_takes = denials.iter().all(|denial| denied.contains(denial));
        acts.push((only_takes, act));
    }
    acts.sort_by_key(|(only_takes, _)| *only_takes);
    acts.into_iter().next().map(|(_, act)| act)
}

/// The instants from which AWS may deny after this write, for ends that do not store them yet.
pub(super) fn begun(
    wanted: &[(&ArmedEnd, Denial)],
    fitted: &Fitted,
    denied: &BTreeSet<Denial>,
    now: Timestamp,
) -> Vec<(HoldKey, Timestamp)> {
    let written = wanted.iter().filter_map(|(end, denial)| {
        let put = fitted.of(denial).filter(|put| !denied.contains(put))?;
        let stands = earliest(denial, denied);
        // a stored but missing denial does not count: the process that removed it may have stopped
        let known = match stands {
            Some(_) => end.refuses_from(),
            None => end.unseen.map(|it| it.from),
        };
        Some((end, known, stands.map_or(put.from, |at| at.min(put.from))))
    });
    // a past denial is already in force, at any past instant
    let is_news = |known: Timestamp, from: Timestamp| from < known && now < known;
    let news = written.filter(|(_, known, from)| known.is_none_or(|it| is_news(it, *from)));
    news.map(|(end, _, from)| (end.key.clone(), from)).collect()
}

/// After a refused write, the last observation counts.
pub(super) fn as_seen(ends: &mut [ArmedEnd], denied: &BTreeSet<Denial>, now: Timestamp) {
    for end in ends {
        let stands = Denial::of(end, now).and_then(|of| earliest(&of, denied));
        let is_known = |from: Timestamp| {
            let refuses_already = |until| until <= now && from <= now;
            { end.armed_until() }.is_some_and(|until| until == from || refuses_already(until))
        };
        let stands = stands.filter(|from| !is_known(*from));
        let is_told = end.unseen.is_some_and(|it| it.is_told);
        end.unseen = stands.map(|from| UnseenWrite { from, is_told });
    }
}
