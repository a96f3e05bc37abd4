//! Statements reduced to the parts that are the same in every request of a role.

use std::collections::{BTreeSet, HashMap};

use super::{NamedPolicy, UnreadablePolicy};
use crate::evaluation::{Caller, Condition, Context, split_outside};
use crate::facts::{ActionFacts, actions_matching};
use crate::glob::Glob;
use crate::language::{Effect, PolicyJson, PolicyType, ScpLanguage, Statement, Version};

/// Keys that are the same in every request of a role, or always absent (AWS: "AWS global condition
/// context keys").
const FIXED: [&str; 5] = [
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principaltype",
    "aws:principalisawsservice",
    "aws:username",
];

#[derive(Debug, Clone)]
pub(super) enum Scope {
    Of(Vec<String>),
    But(Vec<String>),
}

#[derive(Debug, Clone)]
pub(super) struct PowerRule {
    not_action: bool,
    written: Vec<String>,
    actions: ActionPatterns,
    pub(super) scope: Scope,
    /// Conditions whose result is unknown; empty if the statement always applies.
    pub(super) doubts: BTreeSet<String>,
}

/// Action patterns indexed by service: AWS's own policies have over a thousand of them.
#[derive(Debug, Clone, Default)]
struct ActionPatterns {
    by_service: HashMap<String, Vec<Glob>>,
    /// Patterns with a wildcard in the service.
    of_any: Vec<Glob>,
}

impl ActionPatterns {
    fn new(written: &[String]) -> Self {
        let mut found = Self::default();
        for text in written {
            let text = text.to_ascii_lowercase();
            let glob = Glob::new(&text);
            match text.split_once(':') {
                Some((service, _)) if !service.contains(['*', '?']) => {
                    let of_service = found.by_service.entry(service.to_owned());
                    of_service.or_default().push(glob);
                }
                _ => found.of_any.push(glob),
            }
        }
        found
    }

    fn matches(&self, name: &str) -> bool {
        let service = name.split_once(':').map_or(name, |(service, _)| service);
        let of_service = self.by_service.get(service);
        let of_service = of_service.into_iter().flatten();
        of_service.chain(&self.of_any).any(|it| it.matches(name))
    }
}

/// The statements of a policy that can apply.
pub(super) struct PowerRules {
    pub(super) allows: Vec<PowerRule>,
    pub(super) denies: Vec<PowerRule>,
}

pub(super) fn known_keys(role: &str) -> Context {
    let mut known = Context::new()
        .with("aws:PrincipalArn", role)
        .with("aws:PrincipalType", "AssumedRole")
        .with("aws:PrincipalIsAWSService", "false");
    let account = Caller::parse(role).and_then(|it| it.account().map(str::to_owned));
    if let Some(account) = account {
        known = known.with("aws:PrincipalAccount", account);
    }
    known
}

/// `service:name` in lower case, the form patterns are compared with.
pub(super) fn lower_name(action: &ActionFacts) -> String {
    format!("{}:{}", action.service, action.name).to_ascii_lowercase()
}

pub(super) fn read(policy: &NamedPolicy, known: &Context) -> Result<PowerRules, UnreadablePolicy> {
    let wrong = |error| UnreadablePolicy {
        name: policy.name.clone(),
        error,
    };
    let source = PolicyJson::new(&policy.text).map_err(wrong)?;
    let document = source.strict(PolicyType::Identity, ScpLanguage::Full);
    let document = document.map_err(wrong)?;
    let mut rules = PowerRules {
        allows: Vec::new(),
        denies: Vec::new(),
    };
    for statement in &document.statements {
        let Some(doubts) = doubts(statement, document.version, known, &policy.name) else {
            continue;
        };
        let Some(rule) = PowerRule::new(statement, document.version, doubts, &policy.name) else {
            continue;
        };
        match statement.effect {
            Effect::Allow => rules.allows.push(rule),
            Effect::Deny => rules.denies.push(rule),
        }
    }
    Ok(rules)
}

/// Returns the conditions that decide; `None` if one never holds. `known` has keys with the same
/// value in every request.
pub(super) fn doubts(
    statement: &Statement<'_>,
    version: Version,
    known: &Context,
    policy: &str,
) -> Option<BTreeSet<String>> {
    let mut doubts = BTreeSet::new();
    for written in &statement.conditions {
        let key = written.key.text.to_ascii_lowercase();
        let has_variable = written.values.iter().any(|it| it.text.contains("${"));
        let is_known = FIXED.contains(&key.as_str()) || known.lower(&key).is_some();
        if is_known && !has_variable {
            if !Condition::new(written, version).holds(known) {
                return None;
            }
        } else {
            doubts.insert(format!("{} in `{policy}`", written.key.text));
        }
    }
    Some(doubts)
}

impl PowerRule {
    /// Returns `None` for a statement that never applies to a role.
    fn new(
        statement: &Statement<'_>,
        version: Version,
        mut doubts: BTreeSet<String>,
        policy: &str,
    ) -> Option<Self> {
        let texts = |list: &crate::language::List<'_>| -> Vec<String> {
            list.items.iter().map(|it| it.text.to_string()).collect()
        };
        let written = texts(&statement.actions);
        let actions = ActionPatterns::new(&written);
        let mut scope = match &statement.resources {
            None => Scope::Of(vec!["*".to_owned()]),
            Some(list) if list.not => Scope::But(texts(list)),
            Some(list) => Scope::Of(texts(list)),
        };
        if version == Version::V2012 {
            match &mut scope {
                Scope::Of(all) => all.retain(|it| !names_user(it)),
                Scope::But(all) if all.iter().any(|it| is_null_for_roles(it)) => return None,
                Scope::But(_) => {}
            }
            let (Scope::Of(all) | Scope::But(all)) = &scope;
            let open = all.iter().filter(|it| it.contains("${"));
            doubts.extend(open.map(|it| format!("{it} in `{policy}`")));
            match &mut scope {
                Scope::Of(all) => all.iter_mut().for_each(|it| *it = opened(it)),
                // the excluded part may be smaller than the pattern
                Scope::But(all) => all.retain(|it| !it.contains("${")),
            }
        }
        Some(Self {
            not_action: statement.actions.not,
            written,
            actions,
            scope,
            doubts,
        })
    }

    pub(super) fn takes(&self, name: &str) -> bool {
        let is_everything = |it: &String| it == "*";
        let listed = self.written.iter().any(is_everything) || self.actions.matches(name);
        listed != self.not_action
    }

    pub(super) fn patterns(&self) -> Vec<String> {
        match &self.scope {
            Scope::Of(all) => all.clone(),
            Scope::But(_) => vec!["*".to_owned()],
        }
    }

    pub(super) fn known_actions(&self) -> Vec<&'static ActionFacts> {
        if self.not_action {
            let all = actions_matching("*");
            return all.filter(|it| self.takes(&lower_name(it))).collect();
        }
        let all = self.written.iter().flat_map(|it| actions_matching(it));
        all.collect()
    }

    pub(super) fn unknown_actions(&self) -> Vec<String> {
        if self.not_action {
            return Vec::new();
        }
        let strange = self
            .written
            .iter()
            .filter(|it| actions_matching(it).next().is_none());
        strange.cloned().collect()
    }
}

/// A role has no user name: a `Resource` with it matches nothing.
fn names_user(text: &str) -> bool {
    text.to_ascii_lowercase().contains("${aws:username}")
}

/// Checks if a `NotResource` leaves nothing of its statement: variables are replaced only after the
/// fifth colon.
fn is_null_for_roles(text: &str) -> bool {
    let parts = split_outside(text, true, 6);
    parts.get(5).is_some_and(|it| names_user(it))
}

/// Replaces each variable with `*`.
pub(super) fn opened(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, inside)) = rest.split_once("${") {
        out.push_str(before);
        out.push('*');
        rest = inside.split_once('}').map_or("", |(_, after)| after);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_found_by_service_and_by_wildcards_of_it() {
        let written = [
            "s3:Get*",
            "SQS:*",
            "iam:?etRole",
            "*:Describe*",
            "ec?:Run*",
            "lambda",
        ];
        let patterns = ActionPatterns::new(&written.map(str::to_owned));
        for (name, expected) in [
            ("s3:getobject", true),
            ("s3:putobject", false),
            ("s3-outposts:getobject", false),
            ("sqs:purgequeue", true),
            ("iam:getrole", true),
            ("iam:setrole", true),
            ("iam:getroles", false),
            ("rds:describedbinstances", true),
            ("ec2:runinstances", true),
            ("ecr:runinstances", true),
            ("lambda:invokefunction", false),
            ("lambda", true),
        ] {
            assert_eq!(patterns.matches(name), expected, "{name}");
        }
    }
}
