//! Places denials in the policies of an account. Pure.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{TimeSpan, Timestamp};

use super::observed::{Fitted, Observed};
use super::statement::{Denial, text};
use super::{ArmedEnd, POLICIES_MAX};

/// Margin to be past by AWS's clock too.
const SURELY_PAST: TimeSpan = TimeSpan::minutes(1);

#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    pub(super) policies: usize,
    pub(super) characters: usize,
}

/// Fits ends into policies, next to unknown people's statements. Denials in force stay in place and
/// never yield to new ones; a moved instant without space keeps its old value. Past instants of a
/// role are joined into one statement only if space is short: each join costs a write.
pub(super) fn fit(
    seen: &Observed,
    (ends, unknown): (&[(&ArmedEnd, Denial)], [BTreeSet<Denial>; POLICIES_MAX]),
    allowance: Allowance,
    now: Timestamp,
) -> Fitted {
    let fitted = |common| {
        let begin = Fitted {
            denials: unknown.clone(),
            ..Fitted::default()
        };
        let mut fitting = Fitting {
            seen,
            ends,
            allowance,
            now,
            common,
            fitted: begin,
            has_room: true,
        };
        fitting.all();
        fitting
    };
    let plain = fitted(None);
    if plain.has_room {
        plain.fitted
    } else {
        fitted(Some(surely_past(now))).fitted
    }
}

fn surely_past(now: Timestamp) -> Timestamp {
    let seconds = SURELY_PAST.before(now).as_second();
    let minute = seconds - seconds.rem_euclid(60);
    Timestamp::from_second(minute).unwrap_or(Timestamp::MIN)
}

struct Fitting<'a> {
    seen: &'a Observed,
    ends: &'a [(&'a ArmedEnd, Denial)],
    allowance: Allowance,
    now: Timestamp,
    common: Option<Timestamp>,
    fitted: Fitted,
    has_room: bool,
}

impl Fitting<'_> {
    fn all(&mut self) {
        self.keep_what_stands();
        self.join_what_stands();
        let placed = self.ends.iter().map(|(end, denial)| {
            let place = self.seen.place_of(denial);
            (place, *end, denial)
        });
        let mut ordered: Vec<_> = placed.collect();
        ordered.sort_by_key(|(place, end, _)| (place.is_none(), end.asked_at, end.key.to_string()));
        for (place, end, denial) in ordered {
            if self.stays(end, denial) {
                continue;
            }
            if place.is_none() && self.seen.has_foreign() {
                self.fitted.beside_foreign.push(end.key.clone());
                continue;
            }
            self.put(place, end, denial);
        }
    }

    fn keep_what_stands(&mut self) {
        for (policy, denials) in self.seen.ours.iter().zip(&mut self.fitted.denials) {
            let standing = policy.iter().flat_map(|policy| &policy.parts.denials);
            let is_wanted = |it: &&Denial| self.ends.iter().any(|(_, of)| of.is_about_same(it));
            denials.extend(standing.filter(is_wanted).cloned());
        }
    }

    fn join_what_stands(&mut self) {
        let Some(common) = self.common else {
            return;
        };
        for number in 0..POLICIES_MAX {
            let mut roles: BTreeMap<String, BTreeSet<Timestamp>> = BTreeMap::new();
            for past in self.joinable(number, common) {
                roles.entry(past.role).or_default().insert(past.from);
            }
            for (role, _) in roles.into_iter().filter(|(_, instants)| instants.len() > 1) {
                if let Some(joined) = self.joined(number, &role, common)
                    && let Some(denials) = self.fitted.denials.get_mut(number)
                {
                    *denials = joined;
                }
            }
        }
    }

    fn joinable(&self, number: usize, common: Timestamp) -> Vec<Denial> {
        let is_past = |it: &&Denial| {
            let mut ends = self.ends.iter();
            it.from <= common && ends.any(|(end, of)| end.is_past(self.now) && of.is_about_same(it))
        };
        let denials = self.fitted.denials.get(number);
        let past = denials.into_iter().flatten().filter(is_past);
        past.cloned().collect()
    }

    fn joined(&self, number: usize, role: &str, common: Timestamp) -> Option<BTreeSet<Denial>> {
        let past = self.joinable(number, common);
        let past: BTreeSet<Denial> = past.into_iter().filter(|it| it.role == role).collect();
        if past.is_empty() {
            return None;
        }
        let denials = self.fitted.denials.get(number)?;
        let rest = denials.difference(&past).cloned();
        let joined = past.iter().map(|it| Denial {
            from: common,
            ..it.clone()
        });
        Some(rest.chain(joined).collect())
    }

    /// True if the existing denial already covers the wanted one; then only it is kept.
    fn stays(&mut self, end: &ArmedEnd, denial: &Denial) -> bool {
        let all = || self.fitted.denials.iter().enumerate();
        let find = |is_it: &dyn Fn(&Denial) -> bool| {
            all().find_map(|(number, denials)| {
                let found = denials.iter().find(|it| is_it(it))?;
                Some((number, found.clone()))
            })
        };
        let found =
            find(&|it| it == denial).or_else(|| find(&|it| denial.is_met_by(it, end, self.now)));
        let Some((number, found)) = found else {
            return false;
        };
        self.take(denial);
        if let Some(denials) = self.fitted.denials.get_mut(number) {
            denials.insert(found);
        }
        true
    }

    /// Removes a person's existing denial of a role.
    fn take(&mut self, denial: &Denial) {
        for denials in &mut self.fitted.denials {
            denials.retain(|it| !it.is_about_same(denial));
        }
    }

    fn put(&mut self, place: Option<usize>, end: &ArmedEnd, denial: &Denial) {
        let before = self.fitted.denials.clone();
        let stands = self.fitted.of(denial).map(|it| it.from);
        self.take(denial);
        let allowed = self.allowance.policies.min(POLICIES_MAX);
        for number in place.into_iter().chain(0..allowed) {
            let fits = self.ways(number, end, denial);
            let fits = fits.into_iter().find(|it| self.fits(number, it));
            if let (Some(fits), Some(denials)) = (fits, self.fitted.denials.get_mut(number)) {
                *denials = fits;
                return;
            }
        }
        self.has_room = false;
        // the rest of an earlier hold would deny the current one
        let is_left = stands.is_some_and(|from| from < end.asked_at);
        if !is_left {
            self.fitted.denials = before;
        }
    }

    /// Alternative texts of a policy: with past denials at the joint instant, if any.
    fn ways(&self, number: usize, end: &ArmedEnd, denial: &Denial) -> Vec<BTreeSet<Denial>> {
        let Some(denials) = self.fitted.denials.get(number) else {
            return Vec::new();
        };
        let with = |mut denials: BTreeSet<Denial>, from: Timestamp| {
            denials.insert(Denial {
                from,
                ..denial.clone()
            });
            denials
        };
        let common = self.common.filter(|_| end.is_past(self.now));
        let joined = common.and_then(|common| {
            let joined = self.joined(number, &denial.role, common)?;
            Some(with(joined, common))
        });
        let own = with(denials.clone(), denial.from);
        joined.into_iter().chain([own]).collect()
    }

    fn fits(&self, number: usize, denials: &BTreeSet<Denial>) -> bool {
        let policy = self.seen.ours.get(number).and_then(Option::as_ref);
        let foreign = policy.map_or(&[][..], |policy| &policy.parts.foreign);
        // AWS accepted the existing text: nothing is dropped because the limit is lower now
        let standing = policy.map_or(0, |policy| policy.content.len());
        let room = self.allowance.characters.max(standing);
        text(foreign, denials).is_none_or(|it| it.len() <= room)
    }
}
