//! Proves the result by replaying every call that was not refused.
//!
//! Logs lack conditions and often resources. So the claim is: whatever these were, if an old
//! statement allowed the call, a new one does, and no new Deny applies.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use hallpass_iam::LoadError;
use hallpass_iam::language::Effect;
use serde::Serialize;

use super::clause::{Clause, ConditionText, ListedTexts};
use super::cover::{Cover, Demand, ReplayAnswer, answer, stands_for};
use super::seen::{CallOutcome, SeenUse};
use crate::unused::{EventActions, event_actions};

/// Verdicts on replayed calls, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayVerdict {
    NeedsNothing,
    /// Allowed wherever the old policy allowed it.
    Holds,
    /// It failed before authorization: the old policy does not allow it.
    NeverAsked,
    /// Another policy, or an earlier version, allowed it.
    NotAllowedBefore,
    /// Its needs are unknown, or depend on unlogged facts.
    NotJudged,
    WouldBreak,
}

impl ReplayVerdict {
    pub const fn name(self) -> &'static str {
        match self {
            Self::NeedsNothing => "needs_nothing",
            Self::Holds => "holds",
            Self::NeverAsked => "never_asked",
            Self::NotAllowedBefore => "not_allowed_before",
            Self::NotJudged => "not_judged",
            Self::WouldBreak => "would_break",
        }
    }

    pub const fn is_well(self) -> bool {
        matches!(self, Self::NeedsNothing | Self::Holds | Self::NeverAsked)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplayedCalls {
    pub service: String,
    pub event: String,
    pub verdict: ReplayVerdict,
    /// `None` if the needed action is unknown.
    pub old: Option<ReplayAnswer>,
    pub new: Option<ReplayAnswer>,
    pub events: u64,
    pub people: BTreeSet<String>,
    pub last: Timestamp,
    /// The reason, for bad results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShrinkProof {
    pub calls: Vec<ReplayedCalls>,
    pub succeeded: u64,
    /// Replayed events with a failure other than a missing permission.
    pub failed: u64,
    /// Refused events: no use of a permission.
    pub refused: u64,
    pub people: usize,
}

impl ShrinkProof {
    pub fn is_whole(&self) -> bool {
        self.calls.iter().all(|it| it.verdict.is_well())
    }

    pub fn events(&self, verdict: ReplayVerdict) -> u64 {
        let of_it = self.calls.iter().filter(|it| it.verdict == verdict);
        of_it.map(|it| it.events).sum()
    }
}

pub(super) struct Replay<'a> {
    pub(super) old: &'a [Clause],
    pub(super) boundary: Option<&'a [Clause]>,
    pub(super) new: &'a [Clause],
}

#[derive(Clone, Copy)]
struct Judged {
    verdict: ReplayVerdict,
    old: Option<ReplayAnswer>,
    new: Option<ReplayAnswer>,
    why: Option<&'static str>,
}

impl Judged {
    const fn without_answer(verdict: ReplayVerdict, why: Option<&'static str>) -> Self {
        Self {
            verdict,
            old: None,
            new: None,
            why,
        }
    }
}

const NO_ACTION: &str = "no action is known that this event needs";
const NOT_OURS: &str = "the policies do not allow it: another one did, or they were others then";
const NOT_TOLD: &str = "it depends on a condition or a resource that the log does not tell";
const DENIED_ANEW: &str = "the new policy denies what the old ones do not";

impl Replay<'_> {
    /// # Errors
    /// A call cannot become a request.
    pub(super) fn prove(&self, uses: &[SeenUse]) -> Result<ShrinkProof, LoadError> {
        let mut proof = ShrinkProof::default();
        let mut people: BTreeSet<&str> = BTreeSet::new();
        let mut calls: BTreeMap<(&str, &str, ReplayVerdict), ReplayedCalls> = BTreeMap::new();
        for it in uses {
            match it.call.outcome() {
                CallOutcome::Refused => {
                    proof.refused += it.events;
                    continue;
                }
                CallOutcome::Succeeded => proof.succeeded += it.events,
                CallOutcome::Failed => proof.failed += it.events,
            }
            people.insert(&it.call.person);
            let judged = self.judge(it)?;
            let key = (
                it.call.service.as_str(),
                it.call.event.as_str(),
                judged.verdict,
            );
            let row = calls.entry(key).or_insert_with(|| ReplayedCalls {
                service: it.call.service.clone(),
                event: it.call.event.clone(),
                verdict: judged.verdict,
                old: judged.old,
                new: judged.new,
                events: 0,
                people: BTreeSet::new(),
                last: it.last,
                why: judged.why,
            });
            row.old = row.old.max(judged.old);
            row.new = row.new.max(judged.new);
            row.events += it.events;
            row.people.insert(it.call.person.clone());
            row.last = row.last.max(it.last);
        }
        proof.people = people.len();
        proof.calls = calls.into_values().collect();
        Ok(proof)
    }

    fn judge(&self, it: &SeenUse) -> Result<Judged, LoadError> {
        let outcome = it.call.outcome();
        let actions = match event_actions(&it.call.service, &it.call.event) {
            EventActions::Nothing => {
                return Ok(Judged::without_answer(ReplayVerdict::NeedsNothing, None));
            }
            EventActions::Unknown => {
                return Ok(Judged::without_answer(
                    ReplayVerdict::NotJudged,
                    Some(NO_ACTION),
                ));
            }
            EventActions::All(actions) => actions,
        };
        let mut worst = Judged::without_answer(ReplayVerdict::Holds, None);
        for action in actions {
            for demand in Demand::of(&it.call, action)? {
                let judged = self.judge_demand(&demand, outcome);
                if judged.verdict >= worst.verdict {
                    worst = judged;
                }
            }
        }
        Ok(worst)
    }

    fn judge_demand(&self, demand: &Demand, outcome: CallOutcome) -> Judged {
        let mut old = answer(demand, self.old);
        if let Some(boundary) = self.boundary {
            old = old.max(answer(demand, boundary));
        }
        let new = self
            .boundary
            .map_or(ReplayAnswer::Allowed, |it| answer(demand, it));
        let new = new.max(answer(demand, self.new));
        let judged = |verdict, why| Judged {
            verdict,
            old: Some(old),
            new: Some(new),
            why,
        };
        if old == ReplayAnswer::Denied {
            return match outcome {
                CallOutcome::Failed => judged(ReplayVerdict::NeverAsked, None),
                _ => judged(ReplayVerdict::NotAllowedBefore, Some(NOT_OURS)),
            };
        }
        let denies_anew = self.new.iter().any(|it| {
            it.effect == Effect::Deny
                && demand.covered_by(it) != Cover::No
                && !self.old.iter().any(|other| is_same(it, other))
        });
        if denies_anew {
            return judged(ReplayVerdict::WouldBreak, Some(DENIED_ANEW));
        }
        if holds(demand, self.old, self.new) {
            judged(ReplayVerdict::Holds, None)
        } else if self.new.iter().any(|it| allows_some(demand, it)) {
            judged(ReplayVerdict::NotJudged, Some(NOT_TOLD))
        } else {
            judged(ReplayVerdict::WouldBreak, None)
        }
    }
}

fn allows_some(demand: &Demand, clause: &Clause) -> bool {
    clause.effect == Effect::Allow && demand.covered_by(clause) != Cover::No
}

/// Whether a new statement replaces each old one that may have allowed it.
fn holds(demand: &Demand, old: &[Clause], new: &[Clause]) -> bool {
    let covers = |clauses: &'_ [Clause]| -> Vec<(usize, Cover)> {
        let each = clauses.iter().enumerate();
        let each = each.filter(|(_, it)| it.effect == Effect::Allow);
        let each = each.map(|(at, it)| (at, demand.covered_by(it)));
        each.filter(|(_, cover)| *cover != Cover::No).collect()
    };
    let news = covers(new);
    covers(old).into_iter().all(|(at, by_old)| {
        news.iter()
            .any(|(by, by_new)| match (new.get(*by), old.get(at)) {
                (Some(one), Some(other)) => stands_for((one, *by_new), (other, by_old)),
                _ => false,
            })
    })
}

fn is_same(one: &Clause, other: &Clause) -> bool {
    fn parts(it: &Clause) -> (&ListedTexts, &ListedTexts, BTreeSet<&ConditionText>) {
        let conditions = it.scope.conditions.iter().collect();
        (&it.actions, &it.scope.resources, conditions)
    }
    one.effect == other.effect && parts(one) == parts(other)
}
