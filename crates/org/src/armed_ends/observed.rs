//! What is seen of an account's policies, what they should say, and the next write on the way there. Pure.

use std::collections::BTreeSet;

use hallpass_model::{HoldKey, Timestamp};

use super::foreign::NotOurs;
use super::statement::{Denial, Parts, text};
use super::wanted::is_spent;
use super::{ArmedEnd, POLICIES_MAX, UnseenWrite};
use crate::policy_probe::same_policy;
use crate::ports::PolicyRow;

/// A policy of ours that is attached to its account.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SeenPolicy {
    pub(super) id: String,
    pub(super) content: String,
    pub(super) parts: Parts,
}

/// What is seen of an account.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Observed {
    /// Ours, by number.
    pub(super) ours: [Option<SeenPolicy>; POLICIES_MAX],
    /// Every policy that is attached.
    pub(super) attached: Vec<PolicyRow>,
}

impl Observed {
    /// Everything that is denied.
    pub(super) fn denials(&self) -> BTreeSet<Denial> {
        let ours = self.ours.iter().flatten();
        ours.flat_map(|policy| policy.parts.denials.iter().cloned())
            .collect()
    }

    /// Whether some policy of ours has a statement that is not.
    pub(super) fn has_foreign(&self) -> bool {
        let mut ours = self.ours.iter().flatten();
        ours.any(|policy| !policy.parts.foreign.is_empty())
    }

    /// By policy: what is denied there in our own form to people about whom nothing is known, and may still refuse somebody
    /// from what `is_spent` says on. A store that was put back to an earlier state does not know what was armed since, and
    /// another installation may write into the same policies: neither is taken away.
    pub(super) fn unknown(
        &self,
        known: &BTreeSet<Denial>,
        is_spent: impl Fn(&Denial) -> bool,
    ) -> [BTreeSet<Denial>; POLICIES_MAX] {
        let is_unknown = |denial: &&Denial| {
            !is_spent(denial) && !known.iter().any(|it| it.is_about_same(denial))
        };
        self.ours.each_ref().map(|policy| {
            let denials = policy.iter().flat_map(|policy| &policy.parts.denials);
            denials.filter(is_unknown).cloned().collect()
        })
    }

    fn place_of(&self, denial: &Denial) -> Option<usize> {
        self.ours.iter().position(|policy| {
            policy.as_ref().is_some_and(|policy| {
                let mut denials = policy.parts.denials.iter();
                denials.any(|it| it.is_about_same(denial))
            })
        })
    }
}

/// What an account's policies should say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fitted {
    /// By number: what is denied there.
    denials: [BTreeSet<Denial>; POLICIES_MAX],
    /// Those that are not begun because of a statement of somebody else.
    pub(super) beside_foreign: Vec<HoldKey>,
}

/// What an account's policies say that is not ours, where these are its ends.
pub(super) fn not_ours(seen: &Observed, ends: &[ArmedEnd], now: Timestamp) -> NotOurs {
    let known = ends.iter().filter_map(|end| Denial::of(end, now)).collect();
    let unknown = seen.unknown(&known, |denial| is_spent(denial, now));
    let ours = seen.ours.iter().flatten();
    NotOurs {
        statements: ours.map(|policy| policy.parts.foreign.len()).sum(),
        people: unknown.iter().map(BTreeSet::len).sum(),
    }
}

/// How much of an account is ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    /// Policies.
    pub(super) policies: usize,
    /// Characters in each.
    pub(super) characters: usize,
}

/// Fits ends into policies, beside what is of nobody we know: what is in force stays where it is, and never gives way to
/// what is new.
pub(super) fn fit(
    seen: &Observed,
    (ends, unknown): (&[(&ArmedEnd, Denial)], [BTreeSet<Denial>; POLICIES_MAX]),
    allowance: Allowance,
) -> Fitted {
    let mut fitted = Fitted {
        denials: unknown,
        ..Fitted::default()
    };
    let mut ordered: Vec<_> = ends
        .iter()
        .map(|(end, denial)| (seen.place_of(denial), *end, denial))
        .collect();
    ordered.sort_by_key(|(place, end, _)| (place.is_none(), end.asked_at, end.key.to_string()));
    for (place, end, denial) in ordered {
        if place.is_none() && seen.has_foreign() {
            fitted.beside_foreign.push(end.key.clone());
            continue;
        }
        let allowed = allowance.policies.min(POLICIES_MAX);
        for number in place.into_iter().chain(0..allowed) {
            let policy = seen.ours.get(number).and_then(Option::as_ref);
            let foreign = policy.map_or(&[][..], |policy| &policy.parts.foreign);
            let Some(denials) = fitted.denials.get_mut(number) else {
                continue;
            };
            let is_new = denials.insert(denial.clone());
            // AWS took what stands there: nothing gives way because it would take less today
            let standing = policy.map_or(0, |policy| policy.content.len());
            let room = allowance.characters.max(standing);
            let fits = text(foreign, denials).is_some_and(|it| it.len() <= room);
            if fits {
                break;
            }
            // what finds no room anywhere is left out, and seen not to be in force
            if is_new {
                denials.remove(denial);
            }
        }
    }
    fitted
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Make the policy of this number and attach it.
    Make { number: usize, content: String },
    /// Put this text into the policy of this id.
    Update { id: String, content: String },
    /// Detach and delete the policy of this id.
    Remove { id: String },
}

/// The next write; `None` when all is as wanted. What begins to be denied goes before what is no longer, so that nothing
/// is out of force while it moves between two policies. Each may be repeated.
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

/// From when on AWS may refuse once this is written, of each end of which that is not stored yet.
pub(super) fn begun(
    wanted: &[(&ArmedEnd, Denial)],
    fitted: &Fitted,
    denied: &BTreeSet<Denial>,
) -> Vec<(HoldKey, Timestamp)> {
    let is_new = |denial: &Denial| fitted.has(denial) && !denied.contains(denial);
    let written = wanted.iter().filter(|(_, denial)| is_new(denial));
    let from = written.map(|(end, denial)| {
        let stands = earliest(denial, denied);
        (end, stands.map_or(denial.from, |at| at.min(denial.from)))
    });
    from.filter(|(end, from)| end.refuses_from().is_none_or(|known| *from < known))
        .map(|(end, from)| (end.key.clone(), from))
        .collect()
}

/// From when on a person is denied a role, whatever was wanted.
fn earliest(of: &Denial, denied: &BTreeSet<Denial>) -> Option<Timestamp> {
    let about = denied.iter().filter(|it| it.is_about_same(of));
    about.map(|it| it.from).min()
}

/// AWS refused what was to be written: what may be in force is what was seen before it.
pub(super) fn as_seen(ends: &mut [ArmedEnd], denied: &BTreeSet<Denial>, now: Timestamp) {
    for end in ends {
        let stands = Denial::of(end, now).and_then(|of| earliest(&of, denied));
        let stands = stands.filter(|from| end.armed_until() != Some(*from));
        let is_told = end.unseen.is_some_and(|it| it.is_told);
        end.unseen = stands.map(|from| UnseenWrite { from, is_told });
    }
}

impl Fitted {
    /// Whether it should be denied somewhere.
    fn has(&self, denial: &Denial) -> bool {
        self.denials.iter().any(|it| it.contains(denial))
    }

    /// Everything that should be denied.
    #[cfg(test)]
    pub(super) fn all(&self) -> BTreeSet<Denial> {
        self.denials.iter().flatten().cloned().collect()
    }
}
