//! Which accounts are behind which side of a boundary, and thanks to which attached policy.
//!
//! A side is covered when every call with that end outside is denied while the same call inside
//! goes through. Where the call inside is denied as well, the denial proves nothing.

use std::sync::Arc;

use serde::Serialize;

use super::probes::{self, CALLS, CallEnd, Route, STRANGE_NETWORKS};
use super::tree::{Guardrails, Tree, TreeAccount};
use crate::error::LoadError;
use crate::evaluation::{Decision, Layer, Layers, Policy, Request, decide, explain};

/// Accounts that are tried as the other end of a call inside, at most.
const TWINS_MAX: usize = 500;

/// What holds for one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountCoverage {
    /// The account's id.
    pub account: String,
    /// Its name.
    pub name: String,
    /// Its place, as in `aws:PrincipalOrgPaths`.
    pub path: String,
    /// Its people reach trusted resources only.
    pub resource: SideCoverage,
    /// Its resources are reached by trusted identities only.
    pub identity: SideCoverage,
    /// It is used from expected networks only.
    pub network: SideCoverage,
}

/// What holds for one side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SideCoverage {
    /// Every call from or to the outside is denied.
    pub covered: bool,
    /// What denies them.
    pub by: Vec<CoveringPolicy>,
    /// The calls that go through.
    pub open: Vec<String>,
    /// Why nothing could be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// A policy and where it is attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoveringPolicy {
    /// Its name; `None` when a level allows nothing.
    pub policy: Option<String>,
    /// `scp` or `rcp`.
    pub layer: Layer,
    /// The root, OU or account.
    pub target: String,
}

/// The management account is not held by guardrails.
const MANAGEMENT: &str = "guardrails do not reach the management account";
/// The twin of a call is denied, too.
const DENIED_INSIDE: &str = "calls inside are denied as well, so nothing is shown";

/// Surveys every account.
///
/// # Errors
/// Only when a probe of ours cannot be read, which is a mistake of ours.
pub fn coverage(tree: &Tree, rails: &Guardrails) -> Result<Vec<AccountCoverage>, LoadError> {
    let (identity, resource) = probes::open_ends()?;
    let survey = Survey {
        tree,
        rails,
        identity,
        resource,
        outside: CallEnd::outside(tree),
    };
    let accounts = tree.accounts().iter();
    accounts.map(|account| survey.account(account)).collect()
}

struct Survey<'a> {
    tree: &'a Tree,
    rails: &'a Guardrails,
    identity: Arc<Policy>,
    resource: Arc<Policy>,
    outside: [(&'static str, CallEnd); 2],
}

/// A call with its words.
type ProbeCall = (String, Request);

impl Survey<'_> {
    fn account(&self, account: &TreeAccount) -> Result<AccountCoverage, LoadError> {
        let unreached = || SideCoverage {
            note: Some(MANAGEMENT),
            ..SideCoverage::default()
        };
        let (resource, identity, network) = if account.is_management {
            (unreached(), unreached(), unreached())
        } else {
            (
                self.resource(account)?,
                self.identity(account)?,
                self.network(account)?,
            )
        };
        Ok(AccountCoverage {
            account: account.id.clone(),
            name: account.name.clone(),
            path: self.tree.path(account),
            resource,
            identity,
            network,
        })
    }

    fn layers(&self) -> Layers {
        Layers {
            identity: vec![Arc::clone(&self.identity)],
            resource: Some(Arc::clone(&self.resource)),
            ..Layers::default()
        }
    }

    /// Our principal, somebody else's resource: only our service control policies have a say.
    fn resource(&self, account: &TreeAccount) -> Result<SideCoverage, LoadError> {
        let layers = Layers {
            scps: self.rails.scps(account),
            ..self.layers()
        };
        let own = CallEnd::inside(self.tree, account);
        self.far_end(
            account,
            &layers,
            "on a resource of",
            |call, other, route| probes::request(call, &own, other, route),
        )
    }

    /// Somebody else's principal, our resource: only our resource control policies have a say.
    fn identity(&self, account: &TreeAccount) -> Result<SideCoverage, LoadError> {
        let layers = Layers {
            rcps: self.rails.rcps(account),
            ..self.layers()
        };
        let own = CallEnd::inside(self.tree, account);
        self.far_end(account, &layers, "by", |call, other, route| {
            probes::request(call, other, &own, route)
        })
    }

    /// Calls whose far end is outside, on the first route on which the far end may be inside.
    fn far_end(
        &self,
        account: &TreeAccount,
        layers: &Layers,
        words: &str,
        make: impl Fn((&str, &str), &CallEnd, Route) -> Result<Request, LoadError>,
    ) -> Result<SideCoverage, LoadError> {
        for route in [Route::Address("8.8.8.8"), Route::Forwarded] {
            if !self.goes_inside(account, layers, |other| make(CALLS[0], other, route))? {
                continue;
            }
            let mut outside = Vec::new();
            for (who, end) in &self.outside {
                for call in CALLS {
                    let request = make(call, end, route)?;
                    outside.push((format!("{} {words} {who}", call.0), request));
                }
            }
            return Ok(verdict(account, layers, &outside));
        }
        Ok(SideCoverage {
            note: Some(DENIED_INSIDE),
            ..SideCoverage::default()
        })
    }

    /// Whether the call goes through with some account of the tree at its far end, itself first.
    fn goes_inside(
        &self,
        account: &TreeAccount,
        layers: &Layers,
        make: impl Fn(&CallEnd) -> Result<Request, LoadError>,
    ) -> Result<bool, LoadError> {
        let others = self.tree.accounts().iter().take(TWINS_MAX);
        for other in std::iter::once(account).chain(others) {
            let request = make(&CallEnd::inside(self.tree, other))?;
            if decide(layers, &request) == Decision::Allowed {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Our principal, our resource, a network that nobody expects.
    fn network(&self, account: &TreeAccount) -> Result<SideCoverage, LoadError> {
        let layers = Layers {
            scps: self.rails.scps(account),
            rcps: self.rails.rcps(account),
            ..self.layers()
        };
        let own = CallEnd::inside(self.tree, account);
        // a boundary by accounts may leave this one out: any owner inside will do
        let owners = std::iter::once(account).chain(self.tree.accounts().iter().take(TWINS_MAX));
        for owner in owners {
            let owner = CallEnd::inside(self.tree, owner);
            let forwarded = probes::request(CALLS[0], &own, &owner, Route::Forwarded)?;
            if decide(&layers, &forwarded) != Decision::Allowed {
                continue;
            }
            let mut outside = Vec::new();
            for (network, route) in STRANGE_NETWORKS {
                for call in CALLS {
                    let request = probes::request(call, &own, &owner, route)?;
                    outside.push((format!("{} from {network}", call.0), request));
                }
            }
            return Ok(verdict(account, &layers, &outside));
        }
        Ok(SideCoverage {
            note: Some(DENIED_INSIDE),
            ..SideCoverage::default()
        })
    }
}

fn verdict(account: &TreeAccount, layers: &Layers, outside: &[ProbeCall]) -> SideCoverage {
    let mut side = SideCoverage::default();
    for (words, request) in outside {
        let explanation = explain(layers, request);
        if explanation.decision == Decision::Allowed {
            side.open.push(words.clone());
            continue;
        }
        let by = explanation.decided_by.map(|decider| {
            let target = decider.level.and_then(|level| account.levels.get(level));
            CoveringPolicy {
                policy: decider.policy,
                layer: decider.layer,
                target: target.cloned().unwrap_or_default(),
            }
        });
        if let Some(by) = by.filter(|by| !side.by.contains(by)) {
            side.by.push(by);
        }
    }
    side.covered = side.open.is_empty();
    side
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
