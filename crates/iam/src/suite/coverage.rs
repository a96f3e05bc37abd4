//! Counts the statements that decided in a run.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::evaluation::{Decision, Explanation, Layers, Policy};
use crate::language::Effect;

#[derive(Debug, Clone, Default)]
pub struct Coverage {
    statements: BTreeMap<(String, usize), (Option<String>, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementCoverage {
    pub policy: String,
    pub index: usize,
    pub sid: Option<String>,
    /// Requests the statement denied, or allowed as the first of its layer.
    pub decided: u64,
}

impl Coverage {
    pub(super) fn expect(&mut self, layers: &Layers) {
        let shared = layers.scps.iter().chain(&layers.rcps).flatten();
        let own = layers.resource.iter().chain(&layers.boundary);
        let own = own.chain(&layers.session).chain(&layers.identity);
        for policy in shared.chain(own) {
            self.expect_policy(policy);
        }
    }

    fn expect_policy(&mut self, policy: &Policy) {
        let Some(name) = policy.name() else {
            return;
        };
        for (index, statement) in policy.statements().iter().enumerate() {
            let sid = statement.sid.as_deref().map(str::to_owned);
            let key = (name.to_owned(), index);
            self.statements.entry(key).or_insert((sid, 0));
        }
    }

    pub(super) fn count(&mut self, explanation: &Explanation) {
        let mut decided: Vec<(String, usize)> = Vec::new();
        if explanation.decision == Decision::ExplicitlyDenied {
            let by = explanation.decided_by.as_ref();
            decided.extend(by.and_then(|it| Some((it.policy.clone()?, it.index?))));
        }
        if explanation.decision == Decision::Allowed {
            let mut layers = BTreeSet::new();
            for it in &explanation.statements {
                let allows = it.applies && it.effect == Effect::Allow;
                if allows && layers.insert((it.layer, it.level)) {
                    decided.push((it.policy.clone(), it.index));
                }
            }
        }
        for key in decided {
            if let Some((_, times)) = self.statements.get_mut(&key) {
                *times += 1;
            }
        }
    }

    pub fn statements(&self) -> Vec<StatementCoverage> {
        let statements = self.statements.iter();
        statements
            .map(|((policy, index), (sid, decided))| StatementCoverage {
                policy: policy.clone(),
                index: *index,
                sid: sid.clone(),
                decided: *decided,
            })
            .collect()
    }

    /// Share of statements that decided, in whole per cent.
    pub fn percent(&self) -> usize {
        let all = self.statements.len();
        let decided = self.statements.values().filter(|(_, times)| *times > 0);
        (decided.count() * 100).checked_div(all).unwrap_or(100)
    }
}
