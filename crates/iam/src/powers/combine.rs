//! Combines statements into one decision per action.

use std::collections::BTreeSet;

use super::rule::{PowerRule, Scope, lower_name, opened};
use super::{FoundPower, Power, Powers};
use crate::facts::{self, ActionFacts};
use crate::lint::works_on;
use crate::pattern::{is_any_resource, resource_covers, resource_overlaps};

struct Asked<'a> {
    action: &'a ActionFacts,
    name: String,
    within: Option<&'a str>,
    partition: &'a str,
}

pub(super) fn weigh(powers: &Powers, action: &ActionFacts, within: Option<&str>) -> FoundPower {
    let asked = Asked {
        action,
        name: lower_name(action),
        within,
        partition: &powers.partition,
    };
    let denies: Vec<&PowerRule> = powers
        .denies
        .iter()
        .filter(|it| it.takes(&asked.name))
        .collect();
    let limits = powers.limits.as_ref();
    let limits = limits.map(|all| all.iter().filter(|it| it.takes(&asked.name)));
    let limits: Option<Vec<&PowerRule>> = limits.map(Iterator::collect);
    let mut found = FoundPower::none();
    for rule in powers.allows.iter().filter(|it| it.takes(&asked.name)) {
        for pattern in rule.patterns() {
            let one = asked.place(rule, &pattern, &denies, limits.as_deref());
            found.power = found.power.max(one.power);
            found.everywhere |= one.everywhere;
            found.doubts.extend(one.doubts);
        }
    }
    if found.power == Power::Surely {
        found.doubts.clear();
    }
    found
}

impl Asked<'_> {
    /// Evaluates one `Resource` of one allow statement.
    fn place(
        &self,
        rule: &PowerRule,
        pattern: &str,
        denies: &[&PowerRule],
        limits: Option<&[&PowerRule]>,
    ) -> FoundPower {
        let is_any = is_any_resource(pattern);
        let is_strange = !is_any && !works_on(self.action, pattern);
        if is_strange && !self.may_be_its(pattern) {
            return FoundPower::none();
        }
        let meets = match self.within {
            Some(within) if !is_any && !resource_overlaps(pattern, within) => {
                return FoundPower::none();
            }
            Some(within) if is_any || resource_covers(pattern, within) => vec![within.to_owned()],
            _ if is_any => self.everything(),
            _ => vec![pattern.to_owned()],
        };
        if let Scope::But(all) = &rule.scope
            && meets.iter().all(|meet| covered(all, meet))
        {
            return FoundPower::none();
        }
        let sure = |it: &&&PowerRule| it.doubts.is_empty();
        let is_gone = |meet: &String| denies.iter().filter(sure).any(|it| takes_away(it, meet));
        if meets.iter().all(is_gone) {
            return FoundPower::none();
        }
        let mut doubts = rule.doubts.clone();
        if is_strange {
            let (service, name) = (self.action.service, self.action.name);
            doubts.insert(format!("`{pattern}` being a resource of {service}:{name}"));
        }
        let reaching = denies
            .iter()
            .filter(|deny| meets.iter().any(|it| reaches(deny, it)));
        let mut is_denied_somewhere = false;
        for deny in reaching {
            is_denied_somewhere = true;
            doubts.extend(deny.doubts.iter().cloned());
        }
        let mut is_open = is_any && matches!(rule.scope, Scope::Of(_));
        if let Some(limits) = limits {
            let Some((by_limits, is_wide)) = limited(limits, &meets) else {
                return FoundPower::none();
            };
            doubts.extend(by_limits);
            is_open &= is_wide;
        }
        let is_sure = doubts.is_empty();
        FoundPower {
            power: if is_sure {
                Power::Surely
            } else {
                Power::Perhaps
            },
            everywhere: is_sure && is_open && !is_denied_somewhere,
            doubts,
        }
    }

    /// Checks if the action may work on resources of a pattern missing from AWS's reference. The
    /// reference omits types (`policies.md` C-6), but not their owner.
    fn may_be_its(&self, pattern: &str) -> bool {
        let service = self.action.service;
        let types = facts::service(service).map_or(&[][..], |it| it.resource_types());
        !facts::has_all_types(self.action)
            && (resource_overlaps(pattern, &format!("arn:*:{service}:*:*:*"))
                || types.iter().any(|it| it.overlaps(pattern)))
    }

    fn everything(&self) -> Vec<String> {
        let star = || vec!["*".to_owned()];
        let [used] = self.action.resource_types.as_slice() else {
            return star();
        };
        let kind = facts::service(self.action.service).and_then(|it| it.resource_type(used.name));
        match kind {
            Some(kind) if used.required && !kind.arns.is_empty() => {
                let arns = kind.arns.iter();
                arns.map(|it| opened(&it.as_str().replace("${Partition}", self.partition)))
                    .collect()
            }
            _ => star(),
        }
    }
}

/// Applies boundaries to resources: the doubts, and whether all remain. `None` if nothing remains.
fn limited(limits: &[&PowerRule], meets: &[String]) -> Option<(BTreeSet<String>, bool)> {
    let reaching = limits
        .iter()
        .filter(|it| meets.iter().any(|meet| reaches(it, meet)));
    let mut reaching = reaching.peekable();
    reaching.peek()?;
    let mut doubts = BTreeSet::new();
    let (mut is_sure, mut is_wide) = (false, false);
    for limit in reaching {
        is_sure |= limit.doubts.is_empty();
        let takes_all = meets.iter().all(|it| takes_away(limit, it));
        is_wide |= limit.doubts.is_empty() && takes_all;
        doubts.extend(limit.doubts.iter().cloned());
    }
    if is_sure {
        doubts.clear();
    }
    Some((doubts, is_wide))
}

fn takes_away(rule: &PowerRule, meet: &str) -> bool {
    match &rule.scope {
        Scope::Of(all) => covered(all, meet),
        Scope::But(all) if meet == "*" => all.is_empty(),
        Scope::But(all) => !all.iter().any(|it| resource_overlaps(it, meet)),
    }
}

fn reaches(rule: &PowerRule, meet: &str) -> bool {
    match &rule.scope {
        Scope::Of(all) => all
            .iter()
            .any(|it| is_any_resource(it) || meet == "*" || resource_overlaps(it, meet)),
        Scope::But(all) => !covered(all, meet),
    }
}

fn covered(all: &[String], meet: &str) -> bool {
    all.iter().any(|it| resource_covers(it, meet))
}
