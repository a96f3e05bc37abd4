//! ARN operator values: six parts compared separately, so that a wildcard in the first five never
//! crosses a colon (AWS: "IAM JSON policy elements: Condition operators"). Also a request's
//! resource and action.

use super::context::Context;
use super::template::{Syntax, Template, split_outside};
use crate::glob::{self, Glob};
use crate::language::{self, split_arn};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestResource {
    /// No specific resource: `*`.
    All,
    Arn {
        text: Box<str>,
        cuts: [usize; 5],
    },
}

impl RequestResource {
    /// `*` or an ARN of six parts.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let parts = split_arn(text)?;
        let [prefix, partition, service, ..] = parts;
        if prefix != "arn" || partition.is_empty() || service.is_empty() {
            return None;
        }
        let mut cuts = [0; 5];
        let mut at = 0;
        for (cut, part) in cuts.iter_mut().zip(parts) {
            at += part.len() + 1;
            *cut = at;
        }
        let text = text.into();
        Some(Self::Arn { text, cuts })
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::All => "*",
            Self::Arn { text, .. } => text,
        }
    }

    /// `None` for `*`.
    pub(crate) fn parts(&self) -> Option<[&str; 6]> {
        match self {
            Self::All => None,
            Self::Arn { text, cuts } => {
                let mut parts = [""; 6];
                let starts = std::iter::once(0).chain(cuts.iter().copied());
                let ends = cuts.iter().map(|cut| cut - 1).chain([text.len()]);
                for (part, (start, end)) in parts.iter_mut().zip(starts.zip(ends)) {
                    *part = text.get(start..end).unwrap_or("");
                }
                Some(parts)
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArnPattern {
    /// `*`: every ARN.
    Any,
    /// Matches nothing.
    Malformed,
    Parts(Box<[Template; 6]>),
    /// Variables may add colons, e.g. `${aws:PrincipalArn}`: parts depend on the request.
    Whole(Template),
}

impl ArnPattern {
    /// `variables`: whether the policy version supports them.
    pub(crate) fn new(text: &str, variables: bool) -> Self {
        if text == "*" {
            return Self::Any;
        }
        let syntax = Syntax {
            wildcards: true,
            variables,
        };
        let mut parts = split_outside(text, variables, 6);
        if parts.len() < 6 {
            if !text.ends_with('*') {
                return match Template::new(text, syntax) {
                    Template::Fixed(_) => Self::Malformed,
                    open @ Template::Open(_) => Self::Whole(open),
                };
            }
            parts.resize(6, "*");
        }
        let templates = parts.iter().map(|part| Template::new(part, syntax));
        let templates: Vec<Template> = templates.collect();
        templates
            .try_into()
            .map_or(Self::Malformed, |parts| Self::Parts(Box::new(parts)))
    }

    /// `None` if a variable has no value.
    pub(crate) fn covers_parts(&self, parts: &[&str; 6], context: &Context) -> Option<bool> {
        let templates = match self {
            Self::Any => return Some(true),
            Self::Malformed => return Some(false),
            Self::Parts(templates) => templates,
            Self::Whole(template) => {
                let pieces = template.filled(context)?;
                let listed = glob::split(&pieces, ':', 6);
                let mut both = listed.iter().zip(parts);
                return Some(listed.len() == 6 && both.all(|(it, part)| glob::covers(it, part)));
            }
        };
        let mut covered = true;
        for (template, part) in templates.iter().zip(parts) {
            // evaluate open templates even after a mismatch: a variable without a value affects the
            // whole statement
            if covered || matches!(template, Template::Open(_)) {
                covered &= template.matches(part, context)?;
            }
        }
        Some(covered)
    }

    pub(crate) fn resolved(&self, context: &Context) -> Option<String> {
        match self {
            Self::Any => Some("*".to_owned()),
            Self::Malformed => None,
            Self::Whole(template) => template.resolved(context),
            Self::Parts(templates) => {
                let parts: Option<Vec<String>> =
                    templates.iter().map(|it| it.resolved(context)).collect();
                Some(parts?.join(":"))
            }
        }
    }

    /// Whether it is `*` or has ARN form; unresolved variables do not count as malformed.
    pub(crate) fn is_well_formed(&self, context: &Context) -> bool {
        match self {
            Self::Any | Self::Parts(_) => true,
            Self::Malformed => false,
            Self::Whole(template) => template
                .filled(context)
                .is_none_or(|pieces| glob::split(&pieces, ':', 6).len() == 6),
        }
    }
}

/// Lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ActionPattern {
    /// `*`, also as `*:*`.
    Any,
    Of {
        service: Box<str>,
        name: Glob,
    },
}

impl ActionPattern {
    pub(crate) fn new(text: &str) -> Self {
        if language::is_any_action(text) {
            return Self::Any;
        }
        let text = text.to_ascii_lowercase();
        // without a colon there is no action name
        let (service, name) = text.split_once(':').unwrap_or((&text, ""));
        Self::Of {
            service: service.into(),
            name: Glob::new(name),
        }
    }

    pub(crate) fn covers(&self, action: &RequestAction) -> bool {
        match self {
            Self::Any => true,
            Self::Of { service, name } => {
                **service == *action.service() && name.matches(action.name())
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestAction {
    written: Box<str>,
    lower: Box<str>,
    name: usize,
}

impl RequestAction {
    /// `service:Name`, without wildcards.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (service, name) = text.split_once(':')?;
        let plain = |part: &str, more: &[u8]| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
        };
        (plain(service, b"-") && plain(name, b"-_")).then(|| Self {
            written: text.into(),
            lower: text.to_ascii_lowercase().into(),
            name: service.len() + 1,
        })
    }

    pub(crate) fn takes_roles(&self) -> bool {
        let name = self.name();
        self.service() == "sts"
            && (name.starts_with("assumerole")
                || matches!(name, "tagsession" | "setsourceidentity"))
    }

    pub(crate) fn writes_iam(&self) -> bool {
        let reads = ["get", "list", "simulate", "generate"];
        self.service() == "iam" && !reads.iter().any(|verb| self.name().starts_with(verb))
    }

    pub(crate) fn written(&self) -> &str {
        &self.written
    }

    pub(crate) fn lower(&self) -> &str {
        &self.lower
    }

    pub(crate) fn service(&self) -> &str {
        self.lower.get(..self.name - 1).unwrap_or("")
    }

    pub(crate) fn name(&self) -> &str {
        self.lower.get(self.name..).unwrap_or("")
    }
}
