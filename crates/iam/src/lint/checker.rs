//! Shared state of checks: policy, action facts, findings.

use std::slice::from_ref;

use super::codes::{LintCode, Severity};
use super::finding::{LintFinding, Options, Region};
use super::patch::PatchOperation;
use crate::facts::{self, ActionFacts};
use crate::language::json::{ByteSpan, line_and_column};
use crate::language::{
    Condition, Document, Effect, List, PolicyJson, PolicyType, Statement, Text, is_any_action,
};

/// Finding limit per policy; the rest waits for the next run.
const TOLD_MAX: usize = 1_000;

pub(super) struct DraftFinding {
    rule: LintCode,
    severity: Severity,
    span: ByteSpan,
    message: String,
    fix: Option<Vec<PatchOperation>>,
}

impl DraftFinding {
    pub(super) fn as_bad_as(&mut self, severity: Severity) -> &mut Self {
        self.severity = severity;
        self
    }

    pub(super) fn fix(&mut self, fix: Option<Vec<PatchOperation>>) -> &mut Self {
        self.fix = fix;
        self
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `*`, also as `*:*`
    Everything,
    /// `s3:*`
    Service,
    Pattern,
    Plain,
    Broken,
}

/// An entry with matching known actions; none for [`Shape::Everything`].
pub(super) struct ActionEntry<'a> {
    pub(super) text: &'a Text<'a>,
    pub(super) shape: Shape,
    pub(super) known: Vec<&'static ActionFacts>,
}

impl<'a> ActionEntry<'a> {
    fn new(text: &'a Text<'a>) -> Self {
        let shape = shape(&text.text);
        let known = match shape {
            Shape::Everything | Shape::Broken => Vec::new(),
            Shape::Plain => facts::action(&text.text).into_iter().collect(),
            Shape::Service | Shape::Pattern => facts::actions_matching(&text.text).collect(),
        };
        Self { text, shape, known }
    }

    pub(super) fn service(&self) -> String {
        let prefix = self.text.text.split(':').next().unwrap_or("");
        prefix.to_ascii_lowercase()
    }
}

fn shape(text: &str) -> Shape {
    if is_any_action(text) {
        return Shape::Everything;
    }
    let Some((prefix, name)) = text.split_once(':') else {
        return Shape::Broken;
    };
    let prefix_is_good = !prefix.is_empty()
        && prefix
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let name_is_good = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "*?-_:".contains(c));
    match (prefix_is_good && name_is_good, name) {
        (false, _) => Shape::Broken,
        (true, "*") => Shape::Service,
        (true, _) if name.contains(['*', '?']) => Shape::Pattern,
        (true, _) => Shape::Plain,
    }
}

pub(super) struct StatementFacts<'a> {
    pub(super) statement: &'a Statement<'a>,
    pub(super) entries: Vec<ActionEntry<'a>>,
}

impl StatementFacts<'_> {
    pub(super) fn is_allow(&self) -> bool {
        self.statement.effect == Effect::Allow
    }

    /// Whether it uses `Action`, not `NotAction`.
    pub(super) fn lists_actions(&self) -> bool {
        !self.statement.actions.not
    }

    /// `None` for `NotResource` or neither.
    pub(super) fn resources(&self) -> Option<&List<'_>> {
        self.statement.resources.as_ref().filter(|list| !list.not)
    }

    pub(super) fn on_everything(&self) -> bool {
        let star = match &self.statement.resources {
            None => true,
            Some(list) => list.not || list.items.iter().any(|item| is_star(&item.text)),
        };
        star && !self.conditions().iter().any(limits_resource)
    }

    pub(super) fn conditions(&self) -> &[Condition<'_>] {
        &self.statement.conditions
    }
}

pub(super) fn is_star(resource: &str) -> bool {
    crate::pattern::resource_covers(resource, "*")
}

fn limits_resource(condition: &Condition<'_>) -> bool {
    let key = condition.key.text.to_ascii_lowercase();
    let tells = key.contains("resourcetag/")
        || key.contains("requesttag/")
        || key.starts_with("aws:resource")
        || key.ends_with(":cluster")
        || key.ends_with("arn") && !key.starts_with("aws:principal");
    tells && !condition.operator.if_exists && condition.operator.test != crate::language::Test::Null
}

pub(super) struct Checker<'a> {
    pub(super) source: &'a PolicyJson<'a>,
    pub(super) document: &'a Document<'a>,
    pub(super) options: &'a Options,
    pub(super) parts: Vec<StatementFacts<'a>>,
    told: Vec<DraftFinding>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        source: &'a PolicyJson<'a>,
        document: &'a Document<'a>,
        options: &'a Options,
    ) -> Self {
        let parts = document
            .statements
            .iter()
            .map(|statement| StatementFacts {
                statement,
                entries: statement
                    .actions
                    .items
                    .iter()
                    .map(ActionEntry::new)
                    .collect(),
            })
            .collect();
        Self {
            source,
            document,
            options,
            parts,
            told: Vec::new(),
        }
    }

    /// Moves the statements out, so that checks can report during iteration.
    pub(super) fn each(&mut self, mut check: impl FnMut(&mut Self, &StatementFacts<'a>)) {
        let parts = std::mem::take(&mut self.parts);
        for part in &parts {
            check(self, part);
        }
        self.parts = parts;
    }

    pub(super) fn kind(&self) -> PolicyType {
        self.options.kind
    }

    /// Whether an Allow of this policy type grants; in others it only permits another policy's
    /// grant.
    pub(super) fn grants(&self) -> bool {
        matches!(
            self.kind(),
            PolicyType::Identity | PolicyType::Resource | PolicyType::Trust
        )
    }

    pub(super) fn report(
        &mut self,
        rule: LintCode,
        span: ByteSpan,
        message: impl Into<String>,
    ) -> &mut DraftFinding {
        let told = DraftFinding {
            rule,
            severity: rule.about().severity,
            span,
            message: message.into(),
            fix: None,
        };
        // one more than the limit, so that a result remains
        self.told.truncate(TOLD_MAX);
        self.told.push(told);
        let last = self.told.len() - 1;
        #[allow(clippy::indexing_slicing, reason = "one was just pushed")]
        &mut self.told[last]
    }

    pub(super) fn has_told(&self, rule: LintCode, span: ByteSpan) -> bool {
        self.told
            .iter()
            .any(|it| it.rule == rule && it.span == span)
    }

    pub(super) fn pointer(&self, span: ByteSpan) -> String {
        self.source.pointer(span)
    }

    pub(super) fn findings(self) -> Vec<LintFinding> {
        let source = self.source;
        let statements = source.root().get("Statement");
        // from the tree: the document lacks invalid statements
        let statements = statements.map_or(&[][..], |it| it.items().unwrap_or(from_ref(it)));
        let finding = |it: DraftFinding| {
            let sid = statements
                .iter()
                .find(|node| node.span.start <= it.span.start && it.span.end <= node.span.end)
                .and_then(|node| node.get("Sid")?.as_str().map(str::to_owned));
            let (line, column) = source.position(it.span);
            let (end_line, end_column) = line_and_column(source.text(), it.span.end);
            LintFinding {
                code: it.rule,
                severity: it.severity,
                pointer: source.pointer(it.span),
                sid,
                message: it.message,
                fix: it.fix,
                region: Region {
                    line,
                    column,
                    end_line,
                    end_column,
                },
            }
        };
        self.told.into_iter().take(TOLD_MAX).map(finding).collect()
    }
}
