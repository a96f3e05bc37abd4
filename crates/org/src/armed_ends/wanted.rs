//! Which ends are to be in force, which are in a hurry, and which denials refuse nobody any more. Pure.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_model::facts;
use hallpass_base::{HoldKey, TimeSpan, Timestamp};

use super::ledger::LOOK_BEFORE;
use super::otherwise::Otherwise;
use super::statement::Denial;
use super::{ArmedEnd, WhyNotArmed};

/// An end that moves is not kept waiting when the one that is in force comes within this.
const NEAR: TimeSpan = TimeSpan::minutes(2);
/// No session lasts longer, and then some: a statement without a row that denies since then refuses nothing any more.
const LITTER_AGE: TimeSpan = TimeSpan::hours(facts::SESSION_HOURS.value as u64 + 1);

/// Whether a denial can refuse nobody any more who got a session before it began.
pub(super) fn is_spent(denial: &Denial, now: Timestamp) -> bool {
    LITTER_AGE.after(denial.from) < now
}

/// What is to be denied, and the ends of which another is in force instead. A permission set that was deleted and made anew
/// under its name has the same role: one denial of a person's role holds for both, from the later end on.
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
        // nobody knows: what is in force stays, and nothing is begun
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

/// People and roles of which several ends are open: the permission set was deleted and made anew.
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

/// How an end is in a hurry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hurry {
    /// It is not in force that should be, or is in force and must not be, or soon must not.
    AtOnce,
    /// It is about to refuse, and is looked at a last time before that.
    BeforeItRefuses,
}

/// Whether an end is in a hurry, and how.
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
