//! Plans `LookupEvents` passes (`inventory.md` H-7): a call takes one condition, so each event name
//! is a pass per Region, continued from its last end.

use std::collections::BTreeSet;

use hallpass_aws_model::facts;
use hallpass_base::{TimeSpan, Timestamp};

use super::events::PciRules;
use super::lookup::LookupPass;
use super::state::PciState;

/// How far back events can be looked up.
const REACH: TimeSpan = TimeSpan::hours(facts::LOOKUP_DAYS.value as u64 * 24);
/// Events appear some minutes late, and unordered.
const OVERLAP: TimeSpan = TimeSpan::hours(2);

impl LookupPass {
    /// Returns passes from their last ends; none if `as_of` is too old.
    pub fn plan(
        rules: &PciRules,
        regions: &BTreeSet<String>,
        earlier: Option<&PciState>,
        as_of: Timestamp,
        now: Timestamp,
    ) -> Vec<Self> {
        let oldest = REACH.before(now);
        if as_of <= oldest {
            return Vec::new();
        }
        let pass = |region: &String, name: &str| {
            let reached = earlier.and_then(|it| it.looked_up_until(region, name, rules));
            Self {
                region: region.clone(),
                name: name.to_owned(),
                from: reached.map_or(oldest, |at| OVERLAP.before(at).max(oldest)),
                until: as_of,
            }
        };
        let names = rules.event_names();
        let of_region = |region| names.iter().map(move |name| pass(region, name));
        regions.iter().flat_map(of_region).collect()
    }

    /// Returns since when all events are known once these passes complete: the earlier coverage if
    /// all passes continue it, else the start of a new name's or Region's pass.
    pub fn coverage(
        passes: &[Self],
        rules: &PciRules,
        earlier: Option<&PciState>,
    ) -> Option<Timestamp> {
        let known = earlier.and_then(|it| Some((it, it.coverage_from?)));
        let reach = |pass: &Self| match known {
            Some((state, from)) if pass.goes_on(state, rules) => from.min(pass.from),
            Some(_) | None => pass.from,
        };
        passes.iter().map(reach).max()
    }

    /// Whether an earlier run covers these events up to the start of this pass.
    fn goes_on(&self, earlier: &PciState, rules: &PciRules) -> bool {
        let reached = earlier.known_until(&self.region, &self.name, rules);
        reached.is_some_and(|at| self.from <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pci::PciFold;
    use crate::pci::covered::CoveredLog;
    use crate::pci::people::PeopleList;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn kept(rules: &PciRules, regions: &BTreeSet<String>, as_of: Timestamp) -> PciState {
        let passes = LookupPass::plan(rules, regions, None, as_of, as_of);
        let fold = PciFold::new(rules.clone(), as_of);
        let people = PeopleList {
            identity_store_id: rules.identity_store_id.clone(),
            people: Vec::new(),
        };
        let coverage = LookupPass::coverage(&passes, rules, None);
        let state = PciState::after(&fold, Some(&people), coverage).unwrap();
        PciState::read(&state.with_lookups(&passes).text().unwrap()).unwrap()
    }

    #[test]
    fn h_7_each_name_goes_on_from_where_it_reached() {
        let mut rules = PciRules::of_store("d-1");
        let home = BTreeSet::from(["eu-west-1".to_owned()]);
        let before = at("2026-10-01T12:00:00Z");
        let state = kept(&rules, &home, before);
        // A new name, and a new Region.
        rules
            .password_events
            .push("sso-directory.amazonaws.com:ResetPassword".parse().unwrap());
        let both = BTreeSet::from(["eu-west-1".to_owned(), "us-east-1".to_owned()]);
        let now = at("2026-10-08T12:00:00Z");
        let passes = LookupPass::plan(&rules, &both, Some(&state), now, now);
        let from = |region: &str, name: &str| {
            let found = passes
                .iter()
                .filter(|it| (it.region.as_str(), it.name.as_str()) == (region, name));
            let found: Vec<String> = found.map(|it| it.from.to_string()).collect();
            found.join(" ")
        };
        let oldest = "2026-07-10T12:00:00Z";
        for (region, name, wanted) in [
            ("eu-west-1", "Authenticate", "2026-10-01T10:00:00Z"),
            ("eu-west-1", "UpdatePassword", "2026-10-01T10:00:00Z"),
            // Two services share the name: one pass finds both.
            ("eu-west-1", "CreateUser", "2026-10-01T10:00:00Z"),
            ("eu-west-1", "ResetPassword", oldest),
            ("us-east-1", "Authenticate", oldest),
            ("eu-west-1", "GetObject", ""),
        ] {
            assert_eq!(from(region, name), wanted, "{name} in {region}");
        }
        assert!(!passes.is_empty() && passes.iter().all(|it| it.until == now));
        // The latest start limits the coverage.
        assert_eq!(
            LookupPass::coverage(&passes, &rules, Some(&state)),
            Some(at(oldest))
        );
        let known: Vec<LookupPass> = passes
            .into_iter()
            .filter(|it| it.from != at(oldest))
            .collect();
        let first_run = Some(at("2026-07-03T12:00:00Z"));
        assert_eq!(
            LookupPass::coverage(&known, &rules, Some(&state)),
            first_run
        );
    }

    #[test]
    fn h_8_runs_that_meet_reach_back_to_the_first() {
        let rules = PciRules::of_store("d-1");
        let home = BTreeSet::from(["eu-west-1".to_owned()]);
        let first = at("2026-06-01T12:00:00Z");
        let state = kept(&rules, &home, first);
        let joined = |now: &str| {
            let passes = LookupPass::plan(&rules, &home, Some(&state), at(now), at(now));
            LookupPass::coverage(&passes, &rules, Some(&state)).map(|it| it.to_string())
        };
        let since_march = Some("2026-03-03T12:00:00Z".to_owned());
        assert_eq!(joined("2026-06-02T12:00:00Z"), since_march);
        assert_eq!(
            joined("2026-08-30T12:00:00Z"),
            since_march,
            "on the last day"
        );
        // Half a year later there is a gap.
        assert_eq!(
            joined("2026-12-01T12:00:00Z"),
            Some("2026-09-02T12:00:00Z".to_owned())
        );
    }

    #[test]
    fn h_8_a_region_that_files_were_not_read_of_is_not_known_since_their_coverage() {
        let rules = PciRules::of_store("d-1");
        let people = PeopleList {
            identity_store_id: "d-1".to_owned(),
            people: Vec::new(),
        };
        let since = Some(at("2025-06-01T00:00:00Z"));
        let before = at("2026-06-01T12:00:00Z");
        let fold = PciFold::new(rules.clone(), before);
        let state = PciState::after(&fold, Some(&people), since).unwrap();
        let now = at("2026-06-02T12:00:00Z");
        let coverage = |state: &PciState, regions: &[&str]| {
            let regions = regions.iter().map(|it| (*it).to_owned()).collect();
            let passes = LookupPass::plan(&rules, &regions, Some(state), now, now);
            LookupPass::coverage(&passes, &rules, Some(state))
        };
        let read = CoveredLog {
            regions: BTreeSet::from(["eu-west-1".to_owned()]),
            ..CoveredLog::of(&rules)
        };
        let of_files = state.clone().with_covered(read);
        let oldest = Some(at("2026-03-04T12:00:00Z"));
        assert_eq!(coverage(&of_files, &["eu-west-1"]), since);
        assert_eq!(coverage(&of_files, &["eu-west-1", "us-east-1"]), oldest);
        // An earlier release stored no extent.
        assert_eq!(coverage(&state, &["eu-west-1"]), oldest);
    }

    #[test]
    fn what_lies_before_all_that_is_kept_is_not_asked_for() {
        let rules = PciRules::of_store("d-1");
        let home = BTreeSet::from(["eu-west-1".to_owned()]);
        let (as_of, now) = (at("2025-09-01T00:00:00Z"), at("2026-09-01T00:00:00Z"));
        assert_eq!(LookupPass::plan(&rules, &home, None, as_of, now), []);
        assert_eq!(LookupPass::coverage(&[], &rules, None), None);
    }
}
