//! A policy statement for shrinking: its text in the 2012 language, and an engine form without
//! conditions that logs lack.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hallpass_base::Glob;
use hallpass_iam::facts::{self, ActionFacts, actions_matching};
use hallpass_iam::language::{Document, Effect, List, PolicyJson, Statement, Version};
use hallpass_iam::{LoadError, Policy, PolicyType, ScpLanguage};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The only condition key in every log record.
const TOLD_KEY: &str = "aws:RequestedRegion";

/// Operator, key, values.
pub(super) type ConditionText = (String, String, Vec<String>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListedTexts {
    pub(super) not: bool,
    pub(super) items: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    pub(super) resources: ListedTexts,
    pub(super) conditions: Vec<ConditionText>,
}

#[derive(Clone, Debug)]
pub(super) struct Clause {
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    pub(super) actions: ListedTexts,
    pub(super) scope: Scope,
    /// Conditions that logs lack.
    pub(super) open: Vec<ConditionText>,
    /// As an Allow, with only logged conditions.
    pub(super) told: Arc<Policy>,
    pub(super) anywhere: Arc<Policy>,
}

/// # Errors
/// It is no identity policy.
pub(super) fn read(text: &str) -> Result<Vec<Clause>, LoadError> {
    let source = PolicyJson::new(text)?;
    let document: Document<'_> = source.strict(PolicyType::Identity, ScpLanguage::Full)?;
    let statements = document.statements.iter();
    statements.map(|it| of(it, document.version)).collect()
}

fn of(statement: &Statement<'_>, version: Version) -> Result<Clause, LoadError> {
    let resources = statement.resources.as_ref();
    let scope = Scope {
        resources: resources.map_or_else(everything, |it| listed(it, version)),
        conditions: statement
            .conditions
            .iter()
            .map(|it| {
                let values = it.values.iter().map(|it| in_2012(&it.text, version));
                let operator = it.operator_text.text.to_string();
                (operator, it.key.text.to_string(), values.collect())
            })
            .collect(),
    };
    // Action patterns have no variables in any version.
    let actions = listed(&statement.actions, Version::V2012);
    let sid = statement.sid.as_ref().map(|it| it.text.to_string());
    Clause::new(sid, statement.effect, actions, scope)
}

fn everything() -> ListedTexts {
    ListedTexts {
        not: false,
        items: vec!["*".to_owned()],
    }
}

fn listed(list: &List<'_>, version: Version) -> ListedTexts {
    ListedTexts {
        not: list.not,
        items: list
            .items
            .iter()
            .map(|it| in_2012(&it.text, version))
            .collect(),
    }
}

/// In the older language `${` is text.
fn in_2012(text: &str, version: Version) -> String {
    match version {
        Version::V2008 => text.replace("${", "${$}{"),
        Version::V2012 => text.to_owned(),
    }
}

impl Clause {
    pub(super) fn new(
        sid: Option<String>,
        effect: Effect,
        actions: ListedTexts,
        scope: Scope,
    ) -> Result<Self, LoadError> {
        let is_told = |it: &&ConditionText| {
            it.1.eq_ignore_ascii_case(TOLD_KEY) && !it.2.iter().any(|it| it.contains("${"))
        };
        let (told, open): (Vec<&ConditionText>, Vec<&ConditionText>) =
            scope.conditions.iter().partition(is_told);
        let told: Vec<ConditionText> = told.into_iter().cloned().collect();
        let open = open.into_iter().cloned().collect();
        let compiled = |resources: &ListedTexts| {
            let scope = Scope {
                resources: resources.clone(),
                conditions: told.clone(),
            };
            let text = document(&[statement("", Effect::Allow, &actions, &scope)]);
            Policy::parse(&text.to_string(), PolicyType::Identity).map(Arc::new)
        };
        Ok(Self {
            told: compiled(&scope.resources)?,
            anywhere: compiled(&everything())?,
            sid,
            effect,
            actions,
            scope,
            open,
        })
    }

    pub(super) fn covered(&self) -> BTreeMap<(&'static str, &'static str), &'static ActionFacts> {
        let listed = self
            .actions
            .items
            .iter()
            .flat_map(|it| actions_matching(it));
        let listed = listed.map(|it| ((it.service, it.name), it));
        if !self.actions.not {
            return listed.collect();
        }
        let left_out: BTreeSet<(&str, &str)> = listed.map(|(key, _)| key).collect();
        let all = actions_matching("*").map(|it| ((it.service, it.name), it));
        all.filter(|(key, _)| !left_out.contains(key)).collect()
    }

    pub(super) fn unknown(&self) -> Vec<String> {
        let written = self.actions.items.iter().filter(|_| !self.actions.not);
        let unknown = written.filter(|it| actions_matching(it).next().is_none());
        unknown.cloned().collect()
    }

    pub(super) fn is_everywhere(&self) -> bool {
        let ListedTexts { not, items } = &self.scope.resources;
        !not && items.iter().any(|it| it == "*")
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_everywhere() && self.scope.conditions.is_empty()
    }

    /// Whether it depends on the caller.
    pub(super) fn has_variables(&self) -> bool {
        self.scope
            .resources
            .items
            .iter()
            .any(|it| it.contains("${"))
    }

    /// Returns patterns for some actions of one service that match nothing outside the statement.
    pub(super) fn patterns(&self, service: &str, some: &BTreeSet<&'static str>) -> Vec<String> {
        shortened(service, some, |start| self.takes_names(service, start))
    }

    /// Returns its patterns for a service, which may match actions newer than the catalogue.
    pub(super) fn of_service(&self, service: &str) -> Vec<String> {
        if self.takes_names(service, "") {
            return vec![format!("{service}:*")];
        }
        if self.actions.not {
            let covered = self.covered();
            let names = covered.keys().filter(|(of, _)| *of == service);
            return self.patterns(service, &names.map(|(_, name)| *name).collect());
        }
        let items = self.actions.items.iter();
        let parts = items.filter_map(|it| it.split_once(':'));
        let here = parts.filter(|(prefix, _)| fits(prefix, service));
        let mut patterns: Vec<String> = here.map(|(_, name)| format!("{service}:{name}")).collect();
        patterns.sort_unstable();
        patterns.dedup();
        patterns
    }

    /// Whether it includes all actions with this prefix, known or not.
    fn takes_names(&self, service: &str, start: &str) -> bool {
        let split = |it: &str| match it.split_once(':') {
            Some((prefix, name)) => (prefix.to_owned(), name.to_owned()),
            None => (it.to_owned(), "*".to_owned()),
        };
        let mut parts = self.actions.items.iter().map(|it| split(it));
        if self.actions.not {
            return !parts.any(|(prefix, _)| fits(&prefix, service));
        }
        parts.any(|(prefix, name)| {
            let head = name.strip_suffix('*').filter(|it| !it.contains(['*', '?']));
            let begins = head.is_some_and(|it| {
                let given = start.get(..it.len());
                given.is_some_and(|given| given.eq_ignore_ascii_case(it))
            });
            begins && fits(&prefix, service)
        })
    }
}

/// The minimum number of actions for a prefix pattern.
const SHORTENED_MIN: usize = 3;

/// Shortens actions to patterns that match no other known action; `takes` says whether all names
/// with a prefix are allowed, known or not.
pub(super) fn shortened(
    service: &str,
    some: &BTreeSet<&'static str>,
    takes: impl Fn(&str) -> bool,
) -> Vec<String> {
    let known = facts::service(service).map_or(&[][..], |it| it.actions());
    if some.len() == known.len() && takes("") {
        return vec![format!("{service}:*")];
    }
    let mut left: BTreeSet<&'static str> = some.clone();
    let mut patterns = Vec::new();
    let is_whole = |start: &str| {
        let mut begins = known.iter().filter(|it| it.name.starts_with(start));
        begins.clone().count() >= SHORTENED_MIN
            && begins.all(|it| some.contains(it.name))
            && takes(start)
    };
    for name in some {
        let start = words_of(name).find(|it| is_whole(it));
        if let Some(start) = start.filter(|_| left.contains(name)) {
            left.retain(|it| !it.starts_with(start));
            patterns.push(format!("{service}:{start}*"));
        }
    }
    patterns.extend(left.iter().map(|it| format!("{service}:{it}")));
    patterns.sort_unstable();
    patterns
}

/// Whether a wildcard prefix matches a service.
fn fits(prefix: &str, service: &str) -> bool {
    Glob::new(prefix).matches(service)
}

/// `Describe`, `DescribeVpc` and `DescribeVpcPeering` of `DescribeVpcPeeringConnections`.
fn words_of(name: &str) -> impl Iterator<Item = &str> {
    let begins = name.char_indices().skip(1);
    let begins = begins.filter(|(_, it)| it.is_ascii_uppercase());
    begins.filter_map(|(at, _)| name.get(..at))
}

fn one_or_many<'a>(texts: impl IntoIterator<Item = &'a String>) -> Value {
    let texts: Vec<&String> = texts.into_iter().collect();
    match texts.as_slice() {
        [only] => json!(only),
        many => json!(many),
    }
}

pub(super) fn statement(sid: &str, effect: Effect, actions: &ListedTexts, scope: &Scope) -> Value {
    let mut all = Map::new();
    if !sid.is_empty() {
        all.insert("Sid".to_owned(), json!(sid));
    }
    all.insert("Effect".to_owned(), json!(effect.as_str()));
    let name = |of: &str, not: bool| format!("{}{of}", if not { "Not" } else { "" });
    all.insert(name("Action", actions.not), one_or_many(&actions.items));
    let resources = &scope.resources;
    all.insert(
        name("Resource", resources.not),
        one_or_many(&resources.items),
    );
    if !scope.conditions.is_empty() {
        let mut by_operator: Map<String, Value> = Map::new();
        for (operator, key, values) in &scope.conditions {
            let of_operator = by_operator
                .entry(operator.clone())
                .or_insert_with(|| json!({}));
            if let Some(keys) = of_operator.as_object_mut() {
                keys.insert(key.clone(), one_or_many(values));
            }
        }
        all.insert("Condition".to_owned(), Value::Object(by_operator));
    }
    Value::Object(all)
}

pub(super) fn written(clause: &Clause) -> Value {
    statement("", clause.effect, &clause.actions, &clause.scope)
}

pub(super) fn document(statements: &[Value]) -> Value {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Whole<'a> {
        version: &'static str,
        statement: &'a [Value],
    }
    let whole = Whole {
        version: "2012-10-17",
        statement: statements,
    };
    // Texts, lists and objects always serialize.
    serde_json::to_value(whole).unwrap_or_default()
}
