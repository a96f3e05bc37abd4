//! Builds the smaller policy: used actions, then unlogged ones, then denies.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_iam::LoadError;
use hallpass_iam::facts::ActionFacts;
use hallpass_iam::language::Effect;

use super::choose::{ActionGroup, choose};
use super::clause::{Clause, ListedTexts, Scope, statement, written};
use super::cover::{Demand, ReplayAnswer, answer};
use super::observations::{ActionKey, Sight, Sights, Unseen};
use super::seen::CallOutcome;
use super::terms::{
    KeptReason, ProposedStatement, ResourceGrain, ShrinkGrain, ShrinkQuestion, UnseenKept, UsedPart,
};
use crate::unused::{EventActions, event_actions};

/// More resources are not listed singly.
const RESOURCES_MAX: usize = 20;

#[derive(Default)]
struct KeptScope {
    patterns: BTreeSet<String>,
    used: BTreeMap<String, UsedPart>,
    unseen: BTreeMap<Unseen, usize>,
}

pub(super) struct Making<'a> {
    question: &'a ShrinkQuestion<'a>,
    clauses: &'a [Clause],
    covered: Vec<BTreeMap<ActionKey, &'static ActionFacts>>,
    demands: Vec<Demand>,
    sights: Sights,
    kept: Vec<BTreeSet<ActionKey>>,
    /// Kept actions: used ones, then unlogged ones.
    scopes: [BTreeMap<Scope, KeptScope>; 2],
    pub(super) given_up_unseen: BTreeSet<ActionKey>,
}

impl<'a> Making<'a> {
    pub(super) fn new(question: &'a ShrinkQuestion<'a>, clauses: &'a [Clause]) -> Self {
        let covered = clauses.iter().map(|it| match it.effect {
            Effect::Allow => it.covered(),
            Effect::Deny => BTreeMap::new(),
        });
        Self {
            question,
            clauses,
            covered: covered.collect(),
            demands: Vec::new(),
            sights: Sights::new(question.data_events),
            kept: vec![BTreeSet::new(); clauses.len()],
            scopes: [BTreeMap::new(), BTreeMap::new()],
            given_up_unseen: BTreeSet::new(),
        }
    }

    /// Computes the demands of calls and the statements that may have allowed them.
    pub(super) fn look(&mut self, boundary: Option<&[Clause]>) -> Result<(), LoadError> {
        for it in self.question.uses {
            if it.call.outcome() == CallOutcome::Refused {
                continue;
            }
            self.sights.note_unmatched(it);
            let EventActions::All(actions) = event_actions(&it.call.service, &it.call.event) else {
                continue;
            };
            let mut demands = Vec::new();
            for action in actions {
                demands.extend(Demand::of(&it.call, action)?);
            }
            let is_denied = |demand: &Demand| {
                let limit = boundary.map_or(ReplayAnswer::Allowed, |it| answer(demand, it));
                limit.max(answer(demand, self.clauses)) == ReplayAnswer::Denied
            };
            let (denied, allowed): (Vec<Demand>, Vec<Demand>) =
                demands.into_iter().partition(is_denied);
            match (denied.is_empty(), it.call.outcome()) {
                (true, _) => {
                    for demand in &allowed {
                        self.sights.note(demand, it);
                    }
                    self.demands.extend(allowed);
                }
                // Other policies contributed, to an unknown extent.
                (false, CallOutcome::Succeeded) => {
                    for demand in &allowed {
                        self.sights.note_doubtful(demand);
                    }
                }
                (false, _) => {}
            }
        }
        Ok(())
    }

    fn group_of(&self, action: &ActionFacts) -> ActionGroup {
        let grain = self.question.grain;
        ActionGroup {
            service: action.service,
            access: (grain == ShrinkGrain::Level).then_some(action.access),
            name: (grain == ShrinkGrain::Action).then_some(action.name),
        }
    }

    pub(super) fn keep_used(&mut self) {
        let demands = std::mem::take(&mut self.demands);
        let mut groups: BTreeMap<ActionGroup, Vec<&Demand>> = BTreeMap::new();
        for demand in &demands {
            if !self.sights.unmatched.contains(demand.action.service) {
                let group = self.group_of(demand.action);
                groups.entry(group).or_default().push(demand);
            }
        }
        for (group, demands) in groups {
            let of_group = |at: usize| {
                let all = self.covered.get(at).into_iter().flatten();
                let here = all.filter(|(_, it)| self.group_of(it) == group);
                here.map(|(key, _)| *key).collect::<BTreeSet<ActionKey>>()
            };
            let breadth = |at: usize| of_group(at).len();
            let chosen = choose(self.clauses, &demands, &self.covered, &breadth);
            let resources = self.narrowed(&demands);
            let chosen: Vec<_> = chosen.into_iter().map(|at| (at, of_group(at))).collect();
            for (at, keys) in chosen {
                self.keep_group(at, &group, &keys, resources.as_ref());
            }
        }
    }

    fn keep_group(
        &mut self,
        at: usize,
        group: &ActionGroup,
        keys: &BTreeSet<ActionKey>,
        resources: Option<&BTreeSet<String>>,
    ) {
        let Some(clause) = self.clauses.get(at) else {
            return;
        };
        let names: BTreeSet<&'static str> = keys.iter().map(|(_, name)| *name).collect();
        let patterns = match (group.access, group.name) {
            (_, Some(name)) => vec![format!("{}:{name}", group.service)],
            (Some(_), None) => clause.patterns(group.service, &names),
            (None, None) => clause.of_service(group.service),
        };
        let mut scope = clause.scope.clone();
        if let Some(arns) = resources.filter(|_| clause.is_everywhere()) {
            scope.resources = ListedTexts {
                not: false,
                items: arns.iter().cloned().collect(),
            };
        }
        if let Some(kept) = self.kept.get_mut(at) {
            kept.extend(keys);
        }
        let part = self.part(group);
        let [used, _] = &mut self.scopes;
        let kept = used.entry(scope).or_default();
        kept.patterns.extend(patterns);
        kept.used.extend(part.map(|it| (it.what.clone(), it)));
    }

    fn part(&self, group: &ActionGroup) -> Option<UsedPart> {
        let what = match (group.access, group.name) {
            (_, Some(name)) => format!("{}:{name}", group.service),
            (Some(access), None) => format!("{} {}", group.service, access.as_str()),
            (None, None) => group.service.to_owned(),
        };
        let in_group = |(service, name): &ActionKey| {
            let action = hallpass_iam::facts::action(&format!("{service}:{name}"));
            action.is_some_and(|it| self.group_of(it) == *group)
        };
        let used = self.sights.used.iter().filter(|(key, _)| in_group(key));
        let used: Vec<_> = used.map(|(_, it)| it).collect();
        let people: BTreeSet<&String> = used.iter().flat_map(|it| &it.people).collect();
        Some(UsedPart {
            what,
            people: people.len(),
            events: used.iter().map(|it| it.events).sum(),
            last: used.iter().map(|it| it.last).max()?,
        })
    }

    /// Returns the resources of a group; `None` if one is unknown or there are too many.
    fn narrowed(&self, demands: &[&Demand]) -> Option<BTreeSet<String>> {
        if self.question.grain != ShrinkGrain::Action {
            return None;
        }
        let each = demands.iter().map(|it| {
            let arn = it.resource.as_deref()?;
            match self.question.resources {
                ResourceGrain::Any => None,
                ResourceGrain::Exact => Some(verbatim(arn)),
                ResourceGrain::Prefix => Some(beside(arn)),
            }
        });
        let all: Option<BTreeSet<String>> = each.collect();
        all.filter(|it| it.len() <= RESOURCES_MAX)
    }

    pub(super) fn keep_unseen(&mut self) {
        for (at, clause) in self.clauses.iter().enumerate() {
            if clause.effect == Effect::Deny {
                continue;
            }
            let mut by_service: BTreeMap<&'static str, BTreeMap<&'static str, Unseen>> =
                BTreeMap::new();
            for (key, action) in self.covered.get(at).into_iter().flatten() {
                let Sight::NotVisible(why) = self.sights.of(action) else {
                    continue;
                };
                if self.kept.get(at).is_some_and(|it| it.contains(key))
                    || self.is_elsewhere(at, key)
                {
                    continue;
                }
                if self.is_unseen_kept(*key, why) {
                    by_service.entry(key.0).or_default().insert(key.1, why);
                } else {
                    self.given_up_unseen.insert(*key);
                }
            }
            let mut patterns = Vec::new();
            let mut unseen: BTreeMap<Unseen, usize> = BTreeMap::new();
            for (service, names) in by_service {
                for why in names.values() {
                    *unseen.entry(*why).or_default() += 1;
                }
                if self.sights.unmatched.contains(service) {
                    patterns.extend(clause.of_service(service));
                } else {
                    patterns.extend(clause.patterns(service, &names.into_keys().collect()));
                }
            }
            if self.question.unseen == UnseenKept::All {
                let unknown = clause.unknown();
                if !unknown.is_empty() {
                    *unseen.entry(Unseen::NotKnown).or_default() += unknown.len();
                }
                patterns.extend(unknown);
            }
            let [_, not_visible] = &mut self.scopes;
            if !patterns.is_empty() {
                let kept = not_visible.entry(clause.scope.clone()).or_default();
                kept.patterns.extend(patterns);
                for (why, count) in unseen {
                    *kept.unseen.entry(why).or_default() += count;
                }
            }
        }
    }

    /// Whether an unlimited statement also has the action and keeps it for all.
    fn is_elsewhere(&self, at: usize, key: &ActionKey) -> bool {
        let is_open = self.clauses.get(at).is_some_and(Clause::is_open);
        let mut others = self.clauses.iter().enumerate().zip(&self.covered);
        others.any(|((by, clause), covered)| {
            let is_first = by < at || (by > at && !is_open);
            is_first && clause.is_open() && covered.contains_key(key)
        })
    }

    fn is_unseen_kept(&self, (service, name): ActionKey, why: Unseen) -> bool {
        match self.question.unseen {
            UnseenKept::All => true,
            UnseenKept::OfUsedServices => {
                // `iam:PassRole`: used by calls of other services.
                let is_passed = name.starts_with("Pass") && self.sights.has_changes();
                why == Unseen::NotMatched || is_passed || self.sights.is_used(service)
            }
            UnseenKept::None => why == Unseen::NotMatched,
        }
    }

    pub(super) fn statements(&self) -> Vec<ProposedStatement> {
        let mut sids = BTreeSet::new();
        let mut all = Vec::new();
        let [used, not_visible] = &self.scopes;
        let scopes = used.iter().map(|it| (it, "Used"));
        let scopes = scopes.chain(not_visible.iter().map(|it| (it, "NotVisible")));
        for ((scope, kept), name) in scopes {
            let actions = ListedTexts {
                not: false,
                items: kept.patterns.iter().cloned().collect(),
            };
            let sid = unique(name, &mut sids);
            all.push(ProposedStatement {
                statement: statement(&sid, Effect::Allow, &actions, scope),
                because: match name {
                    "Used" => KeptReason::Used(kept.used.values().cloned().collect()),
                    _ => KeptReason::NotVisible(kept.unseen.clone()),
                },
                sid,
            });
        }
        let denies = self.clauses.iter().filter(|it| it.effect == Effect::Deny);
        let mut written_already = Vec::new();
        for clause in denies {
            let text = written(clause);
            if !written_already.contains(&text) {
                let sid = unique(clause.sid.as_deref().unwrap_or("Deny"), &mut sids);
                all.push(ProposedStatement {
                    statement: statement(&sid, Effect::Deny, &clause.actions, &clause.scope),
                    because: KeptReason::Denies,
                    sid,
                });
                written_already.push(text);
            }
        }
        all
    }
}

fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbers = (2..).map(|number| format!("{name}{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbers);
    let free = names.find(|it| !taken.contains(it)).unwrap_or_default();
    taken.insert(free.clone());
    free
}

/// Escapes wildcards in an ARN.
fn verbatim(arn: &str) -> String {
    arn.replace('$', "${$}")
        .replace('*', "${*}")
        .replace('?', "${?}")
}

/// Generalizes an ARN over account, Region and the last name part.
fn beside(arn: &str) -> String {
    let parts: Vec<String> = arn.splitn(6, ':').map(verbatim).collect();
    let [scheme, partition, service, region, account, name] = parts.as_slice() else {
        return verbatim(arn);
    };
    let any = |part: &str| if part.is_empty() { "" } else { "*" };
    let name = match name.rsplit_once(['/', ':']) {
        Some((start, last)) => {
            let end = name.len() - last.len();
            format!("{}*", name.get(..end).unwrap_or(start))
        }
        None => name.clone(),
    };
    format!(
        "{scheme}:{partition}:{service}:{}:{}:{name}",
        any(region),
        any(account)
    )
}
