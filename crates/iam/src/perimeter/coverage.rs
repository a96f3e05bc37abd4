//! Accounts behind each side of a boundary, with the enforcing policy.
//!
//! A side is covered if every call with that end outside is denied and the same call inside is
//! allowed. If the inside call is also denied, nothing is proved.

use std::sync::Arc;

use serde::Serialize;

use super::probes::{self, CALLS, CallEnd, Route, STRANGE_NETWORKS};
use super::tree::{Guardrails, Tree, TreeAccount};
use crate::error::LoadError;
use crate::evaluation::{Decision, Layer, Layers, Policy, Request, decide, explain};

/// Limit of accounts tried as the inside end.
const TWINS_MAX: usize = 500;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountCoverage {
    pub account: String,
    pub name: String,
    /// As in `aws:PrincipalOrgPaths`.
    pub path: String,
    /// Its users reach only trusted resources.
    pub resource: SideCoverage,
    /// Only trusted identities reach its resources.
    pub identity: SideCoverage,
    /// Used only from expected networks.
    pub network: SideCoverage,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SideCoverage {
    /// All outside calls are denied.
    pub covered: bool,
    pub by: Vec<CoveringPolicy>,
    /// Allowed outside calls.
    pub open: Vec<String>,
    /// Why there is no proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoveringPolicy {
    /// `None` if a level allows nothing.
    pub policy: Option<String>,
    /// `scp` or `rcp`.
    pub layer: Layer,
    pub target: String,
}

/// Guardrails do not apply there.
const MANAGEMENT: &str = "guardrails do not reach the management account";
/// The inside call is denied, too.
const DENIED_INSIDE: &str = "calls inside are denied as well, so nothing is shown";

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

/// A call with its description.
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

    /// Our principal, foreign resource: only our service control policies decide.
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

    /// Foreign principal, our resource: only our resource control policies decide.
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

    /// Calls with an outside far end, on the first route that allows an inside one.
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

    /// Whether the call is allowed for some account of the tree, itself first.
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

    /// Our principal and resource, an unexpected network.
    fn network(&self, account: &TreeAccount) -> Result<SideCoverage, LoadError> {
        let layers = Layers {
            scps: self.rails.scps(account),
            rcps: self.rails.rcps(account),
            ..self.layers()
        };
        let own = CallEnd::inside(self.tree, account);
        // an account boundary may exclude this one: use any inside owner
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
