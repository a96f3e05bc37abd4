//! Selects ends to enforce, urgent ends, and spent denials. Pure.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_model::facts;
use hallpass_base::{HoldKey, TimeSpan, Timestamp};

use super::ledger::LOOK_BEFORE;
use super::other_access::Otherwise;
use super::statement::Denial;
use super::{ArmedEnd, WhyNotArmed};

/// A moved end is urgent if the old one takes effect within this.
const NEAR: TimeSpan = TimeSpan::minutes(2);
/// Longer than any session: an older denial without a row has no effect.
const LITTER_AGE: TimeSpan = TimeSpan::hours(facts::SESSION_HOURS.value as u64 + 1);

pub(super) fn is_spent(denial: &Denial, now: Timestamp) -> bool {
    LITTER_AGE.after(denial.from) < now
}

/// The wanted denials, and ends replaced by another end. A recreated permission set has the same
/// role: one denial of a user's role covers both, from the later end on.
pub(super) fn wanted<'a>(
    ends: &'a [ArmedEnd],
    otherwise: &BTreeMap<HoldKey, Otherwise>,
    denied: &BTreeSet<Denial>,
    now: Timestamp,
) -> (Vec<(&'a ArmedEnd, Denial)>, BTreeSet<HoldKey>) {
    let mut roles: BTreeMap<(String, String), Vec<(&ArmedEnd, Denial)>> = BTreeMap::new();
    for end in ends.iter().filter(|end| end.is_wanted(now)) {
        if let Some(denial) = Denial::of(end, now) {
            let role = (denial.user.clone(), denial.role.clone());
            roles.entry(role).or_default().push((end, denial));
        }
    }
    let is_held = |(end, _): &(&ArmedEnd, Denial)| match otherwise.get(&end.key) {
        Some(Otherwise::Not(why)) => why.why == WhyNotArmed::HeldOtherwise,
        Some(Otherwise::Unknown(_) | Otherwise::Unanswered(_) | Otherwise::Lost(_)) | None => false,
    };
    let may_be = |end: &ArmedEnd, denial: &Denial| match otherwise.get(&end.key) {
        None | Some(Otherwise::Lost(_)) => true,
        Some(Otherwise::Not(_)) => false,
        // unknown: keep existing denials, start none
        Some(Otherwise::Unknown(_) | Otherwise::Unanswered(_)) => {
            denied.iter().any(|it| it.is_about_same(denial))
        }
    };
    let (mut wanted, mut joined) = (Vec::new(), BTreeSet::new());
    for mut of_role in roles.into_values() {
        of_role.sort_by_key(|(end, denial)| (denial.from, end.key.to_string()));
        let is_held = of_role.iter().any(is_held);
        let Some((end, denial)) = of_role.pop() else {
            continue;
        };
        joined.extend(of_role.into_iter().map(|(end, _)| end.key.clone()));
        if !is_held && may_be(end, &denial) {
            wanted.push((end, denial));
        }
    }
    (wanted, joined)
}

/// Users and roles with several open ends: the permission set was recreated.
pub(super) fn shared_roles(ends: &[ArmedEnd], now: Timestamp) -> BTreeSet<(String, String)> {
    let (mut all, mut shared) = (BTreeSet::new(), BTreeSet::new());
    for denial in ends.iter().filter_map(|end| Denial::of(end, now)) {
        let role = (denial.user, denial.role);
        if !all.insert(role.clone()) {
            shared.insert(role);
        }
    }
    shared
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hurry {
    /// Not in force but needed, or in force and harmful now or soon.
    AtOnce,
    BeforeItRefuses,
}

pub(super) fn hurry(end: &ArmedEnd, now: Timestamp) -> Option<Hurry> {
    let until = end.refuses_from()?;
    let is_earlier = end.ends_at <= now && end.instant(now) < until;
    let is_close = until <= NEAR.after(now) && end.instant(now) > until;
    if is_earlier || is_close || end.watched_every(now).is_some() {
        return Some(Hurry::AtOnce);
    }
    let is_last_look = now < until && until <= LOOK_BEFORE.after(now);
    is_last_look.then_some(Hurry::BeforeItRefuses)
}
