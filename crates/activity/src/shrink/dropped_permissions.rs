//! Describes dropped permissions, in the words of permission set pages, and their risks.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_iam::facts::{Access, ActionFacts};
use hallpass_iam::language::Effect;
use hallpass_iam::summary::{Risk, RiskKind, Summary, allowed_actions, summarize};
use hallpass_iam::{LoadError, PolicyType};
use serde::Serialize;

use super::clause::{ListedTexts, Scope, document, shortened, statement};

/// Least harmful first.
const LEVELS: [Access; 5] = [
    Access::List,
    Access::Read,
    Access::Tagging,
    Access::Write,
    Access::Permissions,
];

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GivenUpService {
    pub service: &'static str,
    pub before: usize,
    pub after: usize,
    pub writes: usize,
    /// Empty if everything is kept.
    pub words: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LevelChange {
    pub access: Access,
    pub before: usize,
    pub after: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GivenUpRisk {
    pub kind: RiskKind,
    pub why: String,
    pub before: usize,
    pub after: usize,
}

type ActionsByService = BTreeMap<&'static str, BTreeMap<&'static str, &'static ActionFacts>>;

/// Compares services and access levels of two policies.
///
/// # Errors
/// A policy cannot be read.
pub(super) fn changes(
    old: &str,
    new: Option<&str>,
) -> Result<(Vec<GivenUpService>, Vec<LevelChange>), LoadError> {
    let before = by_service(allowed_actions(&[old])?);
    let after = by_service(allowed_actions(new.as_slice())?);
    let mut services = Vec::new();
    for (service, allowed) in &before {
        let kept = after.get(service);
        let is_kept = |name: &str| kept.is_some_and(|it| it.contains_key(name));
        let lost: Vec<&'static ActionFacts> = allowed
            .values()
            .copied()
            .filter(|it| !is_kept(it.name))
            .collect();
        let writes = lost.iter().filter(|it| changes_something(it)).count();
        services.push(GivenUpService {
            service,
            before: allowed.len(),
            after: allowed.len() - lost.len(),
            writes,
            words: words(service, &lost)?,
        });
    }
    let count = |of: &ActionsByService, level: Access| {
        let all = of.values().flat_map(BTreeMap::values);
        all.filter(|it| it.access == level).count()
    };
    let levels = LEVELS.map(|access| LevelChange {
        access,
        before: count(&before, access),
        after: count(&after, access),
    });
    Ok((services, levels.to_vec()))
}

fn changes_something(action: &ActionFacts) -> bool {
    !matches!(action.access, Access::List | Access::Read)
}

fn by_service(actions: Vec<&'static ActionFacts>) -> ActionsByService {
    let mut all = ActionsByService::new();
    for action in actions {
        all.entry(action.service)
            .or_default()
            .insert(action.name, action);
    }
    all
}

fn words(service: &'static str, lost: &[&'static ActionFacts]) -> Result<Vec<String>, LoadError> {
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let listed = |items: Vec<String>| ListedTexts { not: false, items };
    let scope = Scope {
        resources: listed(vec!["*".to_owned()]),
        conditions: Vec::new(),
    };
    let names: BTreeSet<&'static str> = lost.iter().map(|it| it.name).collect();
    let patterns = listed(shortened(service, &names, |_| true));
    let text = document(&[statement("", Effect::Allow, &patterns, &scope)]).to_string();
    let summary = summarize(&text, PolicyType::Identity)?;
    if summary.lines.is_empty() {
        // Too many patterns for words.
        return Ok(vec![format!("{} actions", lost.len())]);
    }
    Ok(summary.lines.into_iter().map(|it| it.words).collect())
}

/// Returns risks that disappear or shrink; `None` if a policy is too long to describe.
///
/// # Errors
/// A policy cannot be read.
pub(super) fn risks(old: &str, new: Option<&str>) -> Result<Option<Vec<GivenUpRisk>>, LoadError> {
    let before = summarize(old, PolicyType::Identity)?;
    let after = new
        .map(|it| summarize(it, PolicyType::Identity))
        .transpose()?;
    let is_whole = before.is_whole && after.as_ref().is_none_or(|it| it.is_whole);
    let left = |risk: &Risk| {
        let risks = after.iter().flat_map(|it: &Summary| &it.risks);
        let same = risks.filter(|it| it.kind == risk.kind && it.why == risk.why);
        same.map(size).sum::<usize>()
    };
    let changed = before.risks.iter().filter_map(|risk| {
        let (before, after) = (size(risk), left(risk));
        (after < before).then(|| GivenUpRisk {
            kind: risk.kind,
            why: risk.why.clone(),
            before,
            after,
        })
    });
    Ok(is_whole.then(|| changed.collect()))
}

fn size(risk: &Risk) -> usize {
    risk.actions.len() + risk.more
}
