//! Which statements a run ever needed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::evaluation::{Decision, Explanation, Layers, Policy};
use crate::language::Effect;

/// How often each statement of each policy decided.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    statements: BTreeMap<(String, usize), (Option<String>, u64)>,
}

/// One statement and how often it decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementCoverage {
    /// The policy's name.
    pub policy: String,
    /// The statement's place, from 0.
    pub index: usize,
    /// The statement's `Sid`.
    pub sid: Option<String>,
    /// How many requests it decided: denied them, or was the first of its layer to allow one
    /// that went through.
    pub decided: u64,
}

impl Coverage {
    /// Every statement that may decide is known from the start, so that those that never do are
    /// found.
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

    /// Every statement, by policy and place.
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

    /// The share of statements that decided at least once, in whole per cent.
    pub fn percent(&self) -> usize {
        let all = self.statements.len();
        let decided = self.statements.values().filter(|(_, times)| *times > 0);
        (decided.count() * 100).checked_div(all).unwrap_or(100)
    }
}
