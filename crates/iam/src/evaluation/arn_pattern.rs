//! ARN patterns: six parts matched separately, so that a wildcard in one of the first five
//! never crosses a colon (AWS: "IAM JSON policy elements: Resource").

use super::context::Context;
use super::glob::Glob;
use super::template::{Syntax, Template, split_outside};
use crate::language::split_arn;

/// What a request acts on, made ready for matching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The request has no specific resource: `*`.
    All,
    /// An ARN; the offsets of its parts behind the first.
    Arn { text: Box<str>, cuts: [usize; 5] },
}

impl Target {
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

    /// The text as given.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::All => "*",
            Self::Arn { text, .. } => text,
        }
    }

    /// The six parts; `None` for `*`.
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

/// A text of a policy that names ARNs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArnPattern {
    /// `*`, also in six parts: everything, a request without a resource included.
    Any,
    /// Neither an ARN nor `*`: matches nothing.
    Malformed,
    /// The six parts.
    Parts(Box<[Template; 6]>),
}

/// Where variables are replaced in an ARN of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variables {
    /// Nowhere: version 2008.
    Nowhere,
    /// Behind the fifth colon: `Resource` and `NotResource`.
    InRest,
    /// Everywhere: values of ARN operators.
    Everywhere,
}

impl ArnPattern {
    pub(crate) fn new(text: &str, variables: Variables) -> Self {
        if text == "*" {
            return Self::Any;
        }
        let outside = variables != Variables::Nowhere;
        let mut parts = split_outside(text, outside, 6);
        if parts.len() < 6 {
            if !text.ends_with('*') {
                return Self::Malformed;
            }
            parts.resize(6, "*");
        }
        if parts.iter().all(|part| is_stars(part)) {
            return Self::Any;
        }
        let syntax = |variables| Syntax {
            wildcards: true,
            variables,
        };
        let everywhere = variables == Variables::Everywhere;
        let template = |(at, part): (usize, &&str)| {
            let behind = at == 5;
            Template::new(part, syntax(if behind { outside } else { everywhere }))
        };
        let templates: Vec<Template> = parts.iter().enumerate().map(template).collect();
        templates
            .try_into()
            .map_or(Self::Malformed, |parts| Self::Parts(Box::new(parts)))
    }

    /// Whether the pattern covers a request's resource; `None` when a variable has no value.
    pub(crate) fn covers(&self, target: &Target, context: &Context) -> Option<bool> {
        match (self, target) {
            (Self::Any, _) => Some(true),
            (Self::Malformed, _) => Some(false),
            (Self::Parts(_), Target::All) => self.is_resolved(context).then_some(false),
            (Self::Parts(_), Target::Arn { .. }) => match target.parts() {
                Some(parts) => self.covers_parts(&parts, context),
                None => Some(false),
            },
        }
    }

    /// As [`ArnPattern::covers`], for parts.
    pub(crate) fn covers_parts(&self, parts: &[&str; 6], context: &Context) -> Option<bool> {
        let templates = match self {
            Self::Any => return Some(true),
            Self::Malformed => return Some(false),
            Self::Parts(templates) => templates,
        };
        let mut covered = true;
        for (template, part) in templates.iter().zip(parts) {
            // an open template is asked even when another part differs already: whether its
            // variables have values decides about the statement as a whole
            if covered || matches!(template, Template::Open(_)) {
                covered &= template.matches(part, context)?;
            }
        }
        Some(covered)
    }

    fn is_resolved(&self, context: &Context) -> bool {
        match self {
            Self::Any | Self::Malformed => true,
            Self::Parts(templates) => templates.iter().all(|it| it.resolved(context).is_some()),
        }
    }

    /// The pattern with its variables replaced, where that can be shown.
    pub(crate) fn resolved(&self, context: &Context) -> Option<String> {
        match self {
            Self::Any => Some("*".to_owned()),
            Self::Malformed => None,
            Self::Parts(templates) => {
                let parts: Option<Vec<String>> =
                    templates.iter().map(|it| it.resolved(context)).collect();
                Some(parts?.join(":"))
            }
        }
    }

    /// Whether a pattern has the shape of an ARN or is `*`.
    pub(crate) fn is_well_formed(&self) -> bool {
        *self != Self::Malformed
    }
}

fn is_stars(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte == b'*')
}

/// An action or an action pattern of a policy, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ActionPattern {
    /// A service without wildcards, and a pattern for the name.
    Of { service: Box<str>, name: Glob },
    /// A pattern over the whole.
    Whole(Glob),
}

impl ActionPattern {
    pub(crate) fn new(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        match text.split_once(':') {
            Some((service, name)) if !service.contains(['*', '?']) => Self::Of {
                service: service.into(),
                name: Glob::new(name),
            },
            _ => Self::Whole(Glob::new(&text)),
        }
    }

    pub(crate) fn covers(&self, action: &Action) -> bool {
        match self {
            Self::Of { service, name } => {
                **service == *action.service() && name.matches(action.name())
            }
            Self::Whole(glob) => glob.matches(&action.lower),
        }
    }
}

/// The action of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    lower: Box<str>,
    /// Offset of the name.
    name: usize,
}

impl Action {
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
            lower: text.to_ascii_lowercase().into(),
            name: service.len() + 1,
        })
    }

    /// The whole in lower case.
    pub(crate) fn lower(&self) -> &str {
        &self.lower
    }

    /// The service in lower case.
    pub(crate) fn service(&self) -> &str {
        self.lower.get(..self.name - 1).unwrap_or("")
    }

    /// The name in lower case.
    pub(crate) fn name(&self) -> &str {
        self.lower.get(self.name..).unwrap_or("")
    }
}
