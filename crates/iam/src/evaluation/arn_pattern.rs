//! ARN patterns: six parts matched separately, so that a wildcard in one of the first five
//! never crosses a colon (AWS: "IAM JSON policy elements: Resource").

use super::context::Context;
use super::glob::{self, Glob};
use super::template::{Syntax, Template, split_outside};
use crate::language::split_arn;

/// What a request acts on, made ready for matching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestResource {
    /// The request has no specific resource: `*`.
    All,
    /// An ARN; the offsets of its parts behind the first.
    Arn { text: Box<str>, cuts: [usize; 5] },
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
    /// A value of an ARN operator whose variables bring colons of their own, such as
    /// `${aws:PrincipalArn}`: its parts are known only with the request.
    Whole(Template),
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
                return Self::whole(text, variables);
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

    fn whole(text: &str, variables: Variables) -> Self {
        if variables != Variables::Everywhere {
            return Self::Malformed;
        }
        let syntax = Syntax {
            wildcards: true,
            variables: true,
        };
        match Template::new(text, syntax) {
            Template::Fixed(_) => Self::Malformed,
            open @ Template::Open(_) => Self::Whole(open),
        }
    }

    /// Whether the pattern covers a request's resource; `None` when a variable has no value.
    pub(crate) fn covers(&self, target: &RequestResource, context: &Context) -> Option<bool> {
        match (self, target) {
            (Self::Any, _) => Some(true),
            (Self::Malformed, _) => Some(false),
            (Self::Parts(_) | Self::Whole(_), RequestResource::All) => {
                self.is_resolved(context).then_some(false)
            }
            (Self::Parts(_) | Self::Whole(_), RequestResource::Arn { .. }) => {
                match target.parts() {
                    Some(parts) => self.covers_parts(&parts, context),
                    None => Some(false),
                }
            }
        }
    }

    /// As [`ArnPattern::covers`], for parts.
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
            Self::Whole(template) => template.resolved(context).is_some(),
            Self::Parts(templates) => templates.iter().all(|it| it.resolved(context).is_some()),
        }
    }

    /// The pattern with its variables replaced, where that can be shown.
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

    /// Whether what it covers depends on the request's context.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Any | Self::Malformed => false,
            Self::Whole(_) => true,
            Self::Parts(parts) => parts.iter().any(|it| matches!(it, Template::Open(_))),
        }
    }

    /// Whether a pattern has the shape of an ARN or is `*`; one whose variables have no value
    /// is not held to be of the wrong shape.
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

    pub(crate) fn covers(&self, action: &RequestAction) -> bool {
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
pub(crate) struct RequestAction {
    written: Box<str>,
    lower: Box<str>,
    /// Offset of the name.
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

    /// Whether it takes a role or shapes the session that results.
    pub(crate) fn takes_roles(&self) -> bool {
        let name = self.name();
        self.service() == "sts"
            && (name.starts_with("assumerole")
                || matches!(name, "tagsession" | "setsourceidentity"))
    }

    /// Whether it is an action of IAM that changes something.
    pub(crate) fn writes_iam(&self) -> bool {
        let reads = ["get", "list", "simulate", "generate"];
        self.service() == "iam" && !reads.iter().any(|verb| self.name().starts_with(verb))
    }

    /// As it was given.
    pub(crate) fn written(&self) -> &str {
        &self.written
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
