//! Evaluates who may assume a role by its trust policy.

use std::collections::BTreeSet;

use super::rule::{doubts, known_keys};
use super::{NamedPolicy, Power, UnreadablePolicy};
use crate::evaluation::{Caller, CallerMatch, Listed};
use crate::glob::Glob;
use crate::language::{Effect, PolicyJson, PolicyType, PrincipalKind, Principals, ScpLanguage};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleTrust {
    /// The trust policy names the caller directly: the caller's own policies do not matter.
    pub direct: Power,
    /// Allowed if the caller's own policies allow it too.
    pub by_own_policies: Power,
    /// Why either result is uncertain.
    pub doubts: BTreeSet<String>,
    /// The services that may assume it, conditions ignored.
    pub services: BTreeSet<String>,
}

/// Reads a trust policy for a caller ARN of the same account.
///
/// # Errors
/// AWS would reject the policy.
pub fn role_trust(policy: &NamedPolicy, caller: &str) -> Result<RoleTrust, UnreadablePolicy> {
    let wrong = |error| UnreadablePolicy {
        name: policy.name.clone(),
        error,
    };
    let source = PolicyJson::new(&policy.text).map_err(wrong)?;
    let document = source.strict(PolicyType::Trust, ScpLanguage::Full);
    let document = document.map_err(wrong)?;
    let known = known_keys(caller);
    let parsed = Caller::parse(caller);
    let mut trust = RoleTrust {
        direct: Power::Never,
        by_own_policies: Power::Never,
        doubts: BTreeSet::new(),
        services: BTreeSet::new(),
    };
    let mut is_denied = false;
    for statement in &document.statements {
        let named = |it: &crate::language::Text<'_>| {
            Glob::new(&it.text.to_ascii_lowercase()).matches("sts:assumerole")
        };
        if statement.actions.items.iter().any(named) == statement.actions.not {
            continue;
        }
        let Some(reasons) = doubts(statement, document.version, &known, &policy.name) else {
            continue;
        };
        let Some(principals) = &statement.principals else {
            continue;
        };
        let is_allow = statement.effect == Effect::Allow;
        let services = principals
            .entries
            .iter()
            .filter(|it| it.kind == PrincipalKind::Service);
        if is_allow && !principals.not {
            trust
                .services
                .extend(services.map(|it| it.text.text.to_string()));
        }
        let matched = matched(principals, parsed.as_ref());
        if matched == CallerMatch::Not {
            continue;
        }
        if !is_allow {
            is_denied |= reasons.is_empty();
            trust.doubts.extend(reasons);
            continue;
        }
        let power = if reasons.is_empty() {
            Power::Surely
        } else {
            Power::Perhaps
        };
        trust.doubts.extend(reasons);
        trust.by_own_policies = trust.by_own_policies.max(power);
        if matched != CallerMatch::Account {
            trust.direct = trust.direct.max(power);
        }
    }
    if is_denied {
        (trust.direct, trust.by_own_policies) = (Power::Never, Power::Never);
    }
    Ok(trust)
}

/// Matches principals with a caller; a caller not excluded by `NotPrincipal` matches as by `*`.
fn matched(principals: &Principals<'_>, caller: Option<&Caller>) -> CallerMatch {
    let Some(caller) = caller else {
        return CallerMatch::Not;
    };
    let listed: Vec<Listed> = principals.entries.iter().map(Listed::new).collect();
    if !principals.not {
        let found = listed.iter().map(|it| it.names(caller)).max();
        return found.unwrap_or(CallerMatch::Not);
    }
    if Listed::leave_out(&listed, caller) {
        CallerMatch::Not
    } else {
        CallerMatch::Everyone
    }
}
