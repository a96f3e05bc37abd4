//! Selects the fewest statements such that each call is still allowed, whichever old statement
//! allowed it.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_iam::facts::Access;

use super::clause::Clause;
use super::cover::{Cover, Demand, stands_for};
use super::observations::ActionKey;

/// Actions kept or dropped together. Each action is in one group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ActionGroup {
    pub(super) service: &'static str,
    pub(super) access: Option<Access>,
    pub(super) name: Option<&'static str>,
}

struct Covered<'d> {
    demand: &'d Demand,
    by: BTreeMap<usize, Cover>,
}

/// Selects Allow statements for a group's demands, with the requested ARNs; `None` if an ARN is
/// unknown. `breadth`: each statement's number of actions in the group.
pub(super) fn choose(
    clauses: &[Clause],
    demands: &[&Demand],
    covered: &[BTreeMap<ActionKey, &'static hallpass_iam::facts::ActionFacts>],
    breadth: &dyn Fn(usize) -> usize,
) -> BTreeSet<usize> {
    let mut all: Vec<Covered<'_>> = Vec::new();
    let mut seen = BTreeSet::new();
    for demand in demands.iter().copied().filter(|it| seen.insert(it.key())) {
        let key = (demand.action.service, demand.action.name);
        let about = covered
            .iter()
            .enumerate()
            .filter(|(_, it)| it.contains_key(&key));
        let by = about.filter_map(|(at, _)| {
            let cover = demand.covered_by(clauses.get(at)?);
            (cover != Cover::No).then_some((at, cover))
        });
        all.push(Covered {
            demand,
            by: by.collect(),
        });
    }
    let mut kept: BTreeSet<usize> = all.iter().flat_map(|it| it.by.keys().copied()).collect();
    let mut order: Vec<usize> = kept.iter().copied().collect();
    // The broadest first.
    order.sort_by_key(|at| {
        let is_open = clauses.get(*at).is_some_and(Clause::is_open);
        std::cmp::Reverse((is_open, breadth(*at)))
    });
    for at in order {
        kept.remove(&at);
        if !all.iter().all(|it| it.is_served(clauses, &kept)) {
            kept.insert(at);
        }
    }
    kept
}

impl Covered<'_> {
    /// Whether the kept statements replace every one that may have allowed it.
    fn is_served(&self, clauses: &[Clause], kept: &BTreeSet<usize>) -> bool {
        debug_assert!(
            self.by.keys().all(|at| clauses.get(*at).is_some()),
            "{:?}",
            self.demand
        );
        let with_clause = |at: &usize, by: &Cover| clauses.get(*at).map(|it| (it, *by));
        self.by.iter().all(|(at, by)| {
            let Some(old) = with_clause(at, by) else {
                return false;
            };
            let mut news = self.by.iter().filter(|(at, _)| kept.contains(at));
            news.any(|(at, by)| with_clause(at, by).is_some_and(|new| stands_for(new, old)))
        })
    }
}
