//! Parses text to [`Document`], collecting all problems: the linter shows all, the loader refuses
//! with the first.

use std::borrow::Cow;

use super::document::{
    Condition, Document, Effect, List, PolicyType, PrincipalEntry, PrincipalKind, Principals,
    ScpLanguage, Statement, Text, Version,
};
use super::json::{self, ByteSpan, JsonError, Member, Node, Tree, Value};
use super::operator::Operator;
use super::problem::{Problem, What};
use super::rules;
use crate::error::{LoadError, LoadErrorCode};

/// Parsed JSON, with data to locate positions.
#[derive(Debug, Clone)]
pub struct PolicyJson<'a> {
    text: &'a str,
    tree: Tree<'a>,
}

impl<'a> PolicyJson<'a> {
    /// Applies policy limits. Skips a byte order mark.
    pub fn new(text: &'a str) -> Result<Self, LoadError> {
        if text.len() > super::POLICY_BYTES_MAX {
            let message = "a policy is at most 1 MiB".to_owned();
            return Err(LoadError::new(LoadErrorCode::Limit, message, ""));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let tree = json::read(text, super::POLICY_DEPTH_MAX).map_err(|refused| {
            let (code, message, at) = match refused {
                JsonError::Syntax(what, at) => (LoadErrorCode::Json, what, at),
                JsonError::Depth(at) => (LoadErrorCode::Limit, "nested deeper than 64 levels", at),
            };
            LoadError {
                position: Some(json::line_and_column(text, at)),
                ..LoadError::new(code, message, "")
            }
        })?;
        Ok(Self { text, tree })
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    pub fn root(&self) -> &Node<'a> {
        &self.tree.root
    }

    /// Whether it has a statement object or list, in any case of the element name.
    pub fn is_policy(&self) -> bool {
        let members = self.tree.root.members().unwrap_or(&[]);
        members.iter().any(|member| {
            let node = &member.node;
            let list = node.items().unwrap_or(std::slice::from_ref(node));
            member.key.eq_ignore_ascii_case("Statement")
                && list.iter().all(|it| it.members().is_some())
        })
    }

    pub fn pointer(&self, span: ByteSpan) -> String {
        self.tree.root.pointer_at(span.start)
    }

    pub fn position(&self, span: ByteSpan) -> (usize, usize) {
        json::line_and_column(self.text, span.start)
    }

    /// Omits unreadable parts and reports them as problems, sorted by position.
    pub fn document(
        &self,
        kind: PolicyType,
        language: ScpLanguage,
    ) -> (Document<'_>, Vec<Problem>) {
        let mut problems: Vec<Problem> = self
            .tree
            .repeated
            .iter()
            .map(|span| repeated(*span))
            .collect();
        let document = read(&self.tree.root, &mut problems);
        for statement in &document.statements {
            rules::check(statement, kind, language, &mut problems);
        }
        problems.sort_by_key(|problem| problem.span.start);
        (document, problems)
    }

    pub fn strict(
        &self,
        kind: PolicyType,
        language: ScpLanguage,
    ) -> Result<Document<'_>, LoadError> {
        let (document, problems) = self.document(kind, language);
        match problems.into_iter().next() {
            None => Ok(document),
            Some(problem) => Err(LoadError {
                code: problem.what.code(),
                pointer: self.pointer(problem.span),
                position: Some(self.position(problem.span)),
                message: problem.message,
            }),
        }
    }
}

fn repeated(span: ByteSpan) -> Problem {
    Problem {
        what: What::RepeatedKey,
        message: "this key stands twice in one object".to_owned(),
        span,
    }
}

/// Reads a policy inside a larger JSON text (a batch case). The outer reader reports duplicate
/// keys.
pub(crate) fn embedded<'t>(
    node: &'t Node<'_>,
    kind: PolicyType,
    language: ScpLanguage,
) -> Result<Document<'t>, Problem> {
    let size = node.span.end - node.span.start;
    let limit = |message: &str| Problem {
        what: What::Limit,
        message: message.to_owned(),
        span: node.span,
    };
    if size > super::POLICY_BYTES_MAX {
        return Err(limit("a policy is at most 1 MiB"));
    }
    if node.depth() > super::POLICY_DEPTH_MAX {
        return Err(limit("a policy is at most 64 levels deep"));
    }
    let mut problems = Vec::new();
    let document = read(node, &mut problems);
    for statement in &document.statements {
        rules::check(statement, kind, language, &mut problems);
    }
    match problems.into_iter().min_by_key(|it| it.span.start) {
        None => Ok(document),
        Some(problem) => Err(problem),
    }
}

struct Walk<'p> {
    problems: &'p mut Vec<Problem>,
}

fn read<'t>(root: &'t Node<'_>, problems: &mut Vec<Problem>) -> Document<'t> {
    let mut document = Document {
        version: Version::V2008,
        version_text: None,
        id: None,
        statements: Vec::new(),
        span: root.span,
    };
    let mut walk = Walk { problems };
    let Some(members) = root.members() else {
        walk.report(What::BadElement, root.span, "a policy is a JSON object");
        return document;
    };
    let mut statements = None;
    for member in members {
        match member.key.as_ref() {
            "Version" => walk.version(member, &mut document),
            "Id" => document.id = walk.text(&member.node, "Id"),
            "Statement" => statements = Some(&member.node),
            key => walk.unknown(key, member.key_span, &["Version", "Id", "Statement"]),
        }
    }
    match statements.map(|node| (node, &node.value)) {
        None => walk.report(What::BadElement, root.span, "Statement is missing"),
        Some((node, Value::Object(_))) => {
            document.statements.extend(walk.statement(0, node));
        }
        Some((node, Value::Array(items))) => {
            if items.is_empty() {
                walk.report(What::BadElement, node.span, "Statement is an empty list");
            }
            for (index, item) in items.iter().enumerate() {
                document.statements.extend(walk.statement(index, item));
            }
        }
        Some((node, _)) => walk.report(
            What::BadElement,
            node.span,
            "Statement is one statement or a list of them",
        ),
    }
    document
}

pub(crate) const STATEMENT_ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

#[derive(Default)]
struct StatementElements<'t> {
    sid: Option<Text<'t>>,
    effect: Option<(Effect, ByteSpan)>,
    effect_seen: bool,
    principals: Vec<Principals<'t>>,
    actions: Vec<List<'t>>,
    resources: Vec<List<'t>>,
    conditions: Vec<Condition<'t>>,
    condition_span: Option<ByteSpan>,
}

impl Walk<'_> {
    fn report(&mut self, what: What, span: ByteSpan, message: impl Into<String>) {
        self.problems.push(Problem {
            what,
            message: message.into(),
            span,
        });
    }

    fn unknown(&mut self, key: &str, span: ByteSpan, known: &[&str]) {
        let nearest = known
            .iter()
            .min_by_key(|name| strsim::damerau_levenshtein(name, key))
            .filter(|name| strsim::damerau_levenshtein(name, key) <= 4);
        let message = match nearest {
            Some(name) if name.eq_ignore_ascii_case(key) => {
                format!("element names are case-sensitive: write {name}")
            }
            Some(name) => format!("there is no element {key}; did you mean {name}?"),
            None => format!("there is no element {key} here"),
        };
        self.report(What::UnknownElement, span, message);
    }

    fn version<'t>(&mut self, member: &'t Member<'_>, document: &mut Document<'t>) {
        document.version_text = self.text(&member.node, "Version");
        match member.node.as_str() {
            Some("2012-10-17") => document.version = Version::V2012,
            Some("2008-10-17") | None => {}
            Some(other) => self.report(
                What::Version,
                member.node.span,
                format!("there is no version {other}; write 2012-10-17"),
            ),
        }
    }

    fn text<'t>(&mut self, node: &'t Node<'_>, element: &str) -> Option<Text<'t>> {
        let text = node.as_str().map(|text| Text {
            text: Cow::Borrowed(text),
            span: node.span,
        });
        if text.is_none() {
            self.report(
                What::BadElement,
                node.span,
                format!("{element} is a text in double quotes"),
            );
        }
        text
    }

    fn statement<'t>(&mut self, index: usize, node: &'t Node<'_>) -> Option<Statement<'t>> {
        let Some(members) = node.members() else {
            self.report(What::BadElement, node.span, "a statement is a JSON object");
            return None;
        };
        let mut found = StatementElements::default();
        for member in members {
            self.element(member, &mut found);
        }
        // `effect` is already reported as unknown
        let other_case = |member: &Member<'_>| member.key.eq_ignore_ascii_case("Effect");
        if !found.effect_seen && !members.iter().any(other_case) {
            self.report(What::Effect, node.span, "Effect is missing: Allow or Deny");
        }
        let actions = self.one_of(found.actions, node.span, "Action", "NotAction");
        if actions.is_none() {
            self.pair_none(members, node.span, ["Action", "NotAction"]);
        }
        let resources = self.one_of(found.resources, node.span, "Resource", "NotResource");
        if let [first, second, ..] = found.principals.as_slice() {
            let span = ByteSpan::max_start(first.key_span, second.key_span);
            let message = "Principal and NotPrincipal exclude each other";
            self.report(What::PairBoth, span, message);
        }
        let (effect, effect_span) = found.effect?;
        Some(Statement {
            index,
            span: node.span,
            sid: found.sid,
            effect,
            effect_span,
            principals: found.principals.into_iter().next(),
            actions: actions?,
            resources,
            conditions: found.conditions,
            condition_span: found.condition_span,
        })
    }

    /// A pair without either element. An unreadable element has its own problem.
    fn pair_none(&mut self, members: &[Member<'_>], span: ByteSpan, pair: [&str; 2]) {
        if !members.iter().any(|it| pair.contains(&it.key.as_ref())) {
            let [first, second] = pair;
            self.report(
                What::PairNone,
                span,
                format!("a statement needs {first} or {second}"),
            );
        }
    }

    fn one_of<'t>(
        &mut self,
        lists: Vec<List<'t>>,
        span: ByteSpan,
        plain: &str,
        negated: &str,
    ) -> Option<List<'t>> {
        if lists.iter().any(|list| list.not) && lists.iter().any(|list| !list.not) {
            let message = format!("{plain} and {negated} exclude each other");
            self.report(What::PairBoth, span, message);
        }
        lists.into_iter().next()
    }

    fn element<'t>(&mut self, member: &'t Member<'_>, found: &mut StatementElements<'t>) {
        let node = &member.node;
        match member.key.as_ref() {
            "Sid" => found.sid = self.text(node, "Sid"),
            "Effect" => {
                found.effect_seen = true;
                match node.as_str() {
                    Some("Allow") => found.effect = Some((Effect::Allow, node.span)),
                    Some("Deny") => found.effect = Some((Effect::Deny, node.span)),
                    _ => self.report(
                        What::Effect,
                        node.span,
                        "Effect is Allow or Deny, so written",
                    ),
                }
            }
            "Principal" => found.principals.extend(self.principals(member, false)),
            "NotPrincipal" => found.principals.extend(self.principals(member, true)),
            "Action" => found.actions.extend(self.list(member, false)),
            "NotAction" => found.actions.extend(self.list(member, true)),
            "Resource" => found.resources.extend(self.list(member, false)),
            "NotResource" => found.resources.extend(self.list(member, true)),
            "Condition" => {
                found.condition_span = Some(node.span);
                found.conditions = self.conditions(node);
            }
            key => self.unknown(key, member.key_span, &STATEMENT_ELEMENTS),
        }
    }

    fn list<'t>(&mut self, member: &'t Member<'_>, not: bool) -> Option<List<'t>> {
        let node = &member.node;
        let items = self.texts(node, &member.key)?;
        Some(List {
            not,
            items,
            scalar: matches!(node.value, Value::String(_)),
            key_span: member.key_span,
            span: node.span,
        })
    }

    /// One text, or a non-empty list.
    fn texts<'t>(&mut self, node: &'t Node<'_>, element: &str) -> Option<Vec<Text<'t>>> {
        match &node.value {
            Value::String(_) => Some(self.text(node, element).into_iter().collect()),
            Value::Array(items) if !items.is_empty() => {
                items.iter().map(|item| self.text(item, element)).collect()
            }
            _ => {
                let message = format!("{element} is a text or a list of at least one");
                self.report(What::BadElement, node.span, message);
                None
            }
        }
    }

    fn principals<'t>(&mut self, member: &'t Member<'_>, not: bool) -> Option<Principals<'t>> {
        let node = &member.node;
        let mut entries = Vec::new();
        match &node.value {
            Value::String(text) if text == "*" => entries.push(PrincipalEntry {
                kind: PrincipalKind::Everyone,
                text: self.text(node, "Principal")?,
            }),
            Value::Object(kinds) if !kinds.is_empty() => {
                for it in kinds {
                    let kind = match it.key.as_ref() {
                        "AWS" => PrincipalKind::Aws,
                        "Service" => PrincipalKind::Service,
                        "Federated" => PrincipalKind::Federated,
                        "CanonicalUser" => PrincipalKind::CanonicalUser,
                        key => {
                            let known = ["AWS", "Service", "Federated", "CanonicalUser"];
                            self.unknown(key, it.key_span, &known);
                            continue;
                        }
                    };
                    let texts = self.texts(&it.node, &it.key).unwrap_or_default();
                    entries.extend(texts.into_iter().map(|text| PrincipalEntry { kind, text }));
                }
            }
            _ => {
                let message = "a principal is \"*\" or an object such as {\"AWS\": …}";
                self.report(What::BadElement, node.span, message);
                return None;
            }
        }
        for entry in &entries {
            let everyone = matches!(entry.kind, PrincipalKind::Everyone | PrincipalKind::Aws)
                && entry.text.text == "*";
            if !everyone && entry.text.text.contains(['*', '?']) {
                let message = "no wildcards inside a principal; list each, or use \"*\" with \
                               a condition on aws:PrincipalArn";
                self.report(What::PrincipalWildcard, entry.text.span, message);
            }
        }
        Some(Principals {
            not,
            entries,
            key_span: member.key_span,
            span: node.span,
        })
    }

    fn conditions<'t>(&mut self, node: &'t Node<'_>) -> Vec<Condition<'t>> {
        let Some(operators) = node.members() else {
            let message = "Condition is an object of operators";
            self.report(What::BadElement, node.span, message);
            return Vec::new();
        };
        let mut conditions = Vec::new();
        for member in operators {
            let Some(operator) = Operator::parse(&member.key) else {
                let nearest = Operator::nearest(&member.key);
                let message = format!(
                    "there is no operator {}; did you mean {nearest}?",
                    member.key
                );
                self.report(What::Operator, member.key_span, message);
                continue;
            };
            let Some(keys) = member.node.members() else {
                let message = "an operator holds an object of condition keys";
                self.report(What::BadElement, member.node.span, message);
                continue;
            };
            for it in keys {
                let Some(values) = self.values(&it.node) else {
                    continue;
                };
                conditions.push(Condition {
                    operator,
                    operator_text: Text {
                        text: Cow::Borrowed(&member.key),
                        span: member.key_span,
                    },
                    key: Text {
                        text: Cow::Borrowed(&it.key),
                        span: it.key_span,
                    },
                    values,
                    scalar: it.node.items().is_none(),
                    span: it.node.span,
                });
            }
        }
        conditions
    }

    /// An empty list is legal.
    fn values<'t>(&mut self, node: &'t Node<'_>) -> Option<Vec<Text<'t>>> {
        let nodes = match &node.value {
            Value::Array(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        nodes
            .iter()
            .map(|item| {
                let text = scalar_text(item);
                if text.is_none() {
                    let message = "a condition value is a text, a number or a boolean";
                    self.report(What::BadElement, item.span, message);
                }
                text.map(|text| Text {
                    text,
                    span: item.span,
                })
            })
            .collect()
    }
}

pub(crate) fn scalar_text<'t>(node: &'t Node<'_>) -> Option<Cow<'t, str>> {
    match &node.value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(text) => Some(Cow::Borrowed(text)),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        _ => None,
    }
}

impl ByteSpan {
    fn max_start(first: Self, second: Self) -> Self {
        if first.start >= second.start {
            first
        } else {
            second
        }
    }
}
