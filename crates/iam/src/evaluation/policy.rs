use super::arn_pattern::ActionPattern;
use super::caller::{CallerMatch, Listed};
use super::condition::Condition;
use super::request::Request;
use super::resource_pattern::ResourcePattern;
use crate::error::LoadError;
use crate::language::{self, Document, Effect, List, PolicyJson, PolicyType, ScpLanguage, Version};

/// Compiled; cheap to share, thread-safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    name: Option<Box<str>>,
    statements: Box<[Statement]>,
}

impl Policy {
    pub fn parse(text: &str, kind: PolicyType) -> Result<Self, LoadError> {
        Self::parse_with(text, kind, ScpLanguage::Full)
    }

    pub fn parse_with(
        text: &str,
        kind: PolicyType,
        language: ScpLanguage,
    ) -> Result<Self, LoadError> {
        let source = PolicyJson::new(text)?;
        Ok(Self::compile(&source.strict(kind, language)?))
    }

    pub fn compile(document: &Document<'_>) -> Self {
        let statements = document.statements.iter();
        Self {
            name: None,
            statements: statements
                .map(|it| Statement::new(it, document.version))
                .collect(),
        }
    }

    /// Sets the name for explanations.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into().into_boxed_str());
        self
    }

    /// Concatenates statements under this name, for a resource with a second policy.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        let statements = self.statements.iter().chain(&other.statements);
        Self {
            name: self.name.clone(),
            statements: statements.cloned().collect(),
        }
    }

    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    pub fn allows(&self) -> bool {
        self.statements.iter().any(|it| it.effect == Effect::Allow)
    }

    pub fn len(&self) -> usize {
        self.statements.len()
    }

    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    principals: Option<Principals>,
    not_action: bool,
    actions: Box<[ActionPattern]>,
    resources: Option<Resources>,
    pub(crate) conditions: Box<[Condition]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Principals {
    not: bool,
    listed: Box<[Listed]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Resources {
    not: bool,
    patterns: Box<[ResourcePattern]>,
}

impl Statement {
    fn new(written: &language::Statement<'_>, version: Version) -> Self {
        let variables = version == Version::V2012;
        let patterns = |list: &List<'_>| {
            let texts = list.items.iter();
            texts
                .map(|item| ResourcePattern::new(&item.text, variables))
                .collect()
        };
        Self {
            sid: written.sid.as_ref().map(|sid| sid.text.as_ref().into()),
            effect: written.effect,
            principals: written.principals.as_ref().map(|it| Principals {
                not: it.not,
                listed: it.entries.iter().map(Listed::new).collect(),
            }),
            not_action: written.actions.not,
            actions: written
                .actions
                .items
                .iter()
                .map(|item| ActionPattern::new(&item.text))
                .collect(),
            resources: written.resources.as_ref().map(|list| Resources {
                not: list.not,
                patterns: patterns(list),
            }),
            conditions: written
                .conditions
                .iter()
                .map(|it| Condition::new(it, version))
                .collect(),
        }
    }

    pub(crate) fn covers_action(&self, request: &Request) -> bool {
        let listed = self.actions.iter().any(|it| it.covers(&request.action));
        listed != self.not_action
    }

    /// Without `Resource`, as in trust policies, covers the attached resource. A `NotResource` with
    /// an unresolved variable voids the statement.
    pub(crate) fn covers_resource(&self, request: &Request) -> bool {
        let Some(Resources { not, patterns }) = &self.resources else {
            return true;
        };
        let mut answers = patterns
            .iter()
            .map(|it| it.covers(&request.resource, &request.context));
        if *not {
            answers.all(|answer| answer == Some(false))
        } else {
            answers.any(|answer| answer == Some(true))
        }
    }

    pub(crate) fn has_open_resources(&self) -> bool {
        let resources = self.resources.iter();
        resources
            .flat_map(|it| &it.patterns)
            .any(ResourcePattern::is_open)
    }

    /// How it matches the caller; `None` without principals, as in identity policies.
    /// `NotPrincipal` matches all not exempted ([`Listed::leave_out`]); a caller with a permissions
    /// boundary is never exempt (AWS: "AWS JSON policy elements: `NotPrincipal`"). `*` with a
    /// pattern of `aws:PrincipalArn` is as direct as an exact name (AWS: "AWS JSON policy elements:
    /// Principal").
    pub(crate) fn names(&self, request: &Request, boundary: bool) -> Option<CallerMatch> {
        let principals = self.principals.as_ref()?;
        if principals.not {
            let is_left_out = !boundary && Listed::leave_out(&principals.listed, &request.caller);
            return Some(if is_left_out {
                CallerMatch::Not
            } else {
                CallerMatch::Exactly
            });
        }
        let best = principals
            .listed
            .iter()
            .map(|listed| listed.names(&request.caller))
            .max()
            .unwrap_or(CallerMatch::Not);
        Some(match best {
            CallerMatch::Everyone if self.tells_principals_apart() => CallerMatch::Exactly,
            best => best,
        })
    }

    fn tells_principals_apart(&self) -> bool {
        let mut conditions = self.conditions.iter();
        self.effect == Effect::Allow && conditions.any(Condition::is_principal_pattern)
    }

    pub(crate) fn conditions_hold(&self, request: &Request) -> bool {
        self.conditions.iter().all(|it| it.holds(&request.context))
    }

    /// `None` if it does not apply.
    pub(crate) fn applies(&self, request: &Request, boundary: bool) -> Option<CallerMatch> {
        if !self.covers_action(request) {
            return None;
        }
        let named = self
            .names(request, boundary)
            .unwrap_or(CallerMatch::Exactly);
        (named != CallerMatch::Not
            && self.covers_resource(request)
            && self.conditions_hold(request))
        .then_some(named)
    }
}
