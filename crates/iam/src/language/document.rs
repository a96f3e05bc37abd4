//! A policy as written: its elements, each with the place it was read from.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::json::ByteSpan;
use super::operator::Operator;

/// What a policy is for; decides which elements it may and must have (`policies.md` §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyType {
    /// Attached to a user, a group, a role or a permission set.
    Identity,
    /// Attached to a resource.
    Resource,
    /// The trust policy of a role: a resource policy without `Resource`.
    Trust,
    /// A service control policy.
    Scp,
    /// A resource control policy.
    Rcp,
    /// A permissions boundary.
    Boundary,
    /// Passed when a session is made.
    Session,
}

impl PolicyType {
    /// Every kind, as the command line names them.
    pub const ALL: [(&'static str, Self); 7] = [
        ("identity", Self::Identity),
        ("resource", Self::Resource),
        ("trust", Self::Trust),
        ("scp", Self::Scp),
        ("rcp", Self::Rcp),
        ("boundary", Self::Boundary),
        ("session", Self::Session),
    ];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }
}

impl fmt::Display for PolicyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PolicyType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, kind)| *kind)
            .ok_or_else(|| format!("'{text}' is no type of policy"))
    }
}

/// The language level of service control policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ScpLanguage {
    /// The whole policy language, as since 2025.
    #[default]
    Full,
    /// Before: an Allow has `Action` and `"Resource": "*"` only, wildcards stand at the end.
    Classic,
}

/// The language version of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `2008-10-17`, also when none is given: `${…}` is literal text.
    V2008,
    /// `2012-10-17`: policy variables are replaced.
    V2012,
}

/// Whether a statement grants or takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Takes away, whatever grants.
    Deny,
}

impl Effect {
    /// The word of the policy language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// A text of a policy and its place, quotes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a> {
    /// The text, escapes resolved.
    pub text: Cow<'a, str>,
    /// Where it stands.
    pub span: ByteSpan,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<'a> {
    /// The language version in force.
    pub version: Version,
    /// The `Version` element, when there is one.
    pub version_text: Option<Text<'a>>,
    /// The `Id` element.
    pub id: Option<Text<'a>>,
    /// The statements that could be read, in order.
    pub statements: Vec<Statement<'a>>,
    /// The place of the whole.
    pub span: ByteSpan,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// Its place in the list, from 0.
    pub index: usize,
    /// The place of the statement.
    pub span: ByteSpan,
    /// The `Sid`.
    pub sid: Option<Text<'a>>,
    /// The `Effect`.
    pub effect: Effect,
    /// The place of the effect's value.
    pub effect_span: ByteSpan,
    /// `Principal` or `NotPrincipal`.
    pub principals: Option<Principals<'a>>,
    /// `Action` or `NotAction`.
    pub actions: List<'a>,
    /// `Resource` or `NotResource`.
    pub resources: Option<List<'a>>,
    /// The conditions, one for each operator and key, in the order written.
    pub conditions: Vec<Condition<'a>>,
    /// The place of the `Condition` element's value.
    pub condition_span: Option<ByteSpan>,
}

/// `Action`, `NotAction`, `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<'a> {
    /// Whether it is the `Not…` form.
    pub not: bool,
    /// The listed texts.
    pub items: Vec<Text<'a>>,
    /// Whether it was written as one text instead of a list.
    pub scalar: bool,
    /// The place of the element's name.
    pub key_span: ByteSpan,
    /// The place of the value.
    pub span: ByteSpan,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principals<'a> {
    /// Whether it is `NotPrincipal`.
    pub not: bool,
    /// The entries; the text `"*"` alone is one entry of kind [`PrincipalKind::Everyone`].
    pub entries: Vec<PrincipalEntry<'a>>,
    /// The place of the element's name.
    pub key_span: ByteSpan,
    /// The place of the value.
    pub span: ByteSpan,
}

/// One listed principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalEntry<'a> {
    /// Under which key it is listed.
    pub kind: PrincipalKind,
    /// The principal.
    pub text: Text<'a>,
}

/// The key a principal is listed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// `"Principal": "*"`
    Everyone,
    /// `AWS`
    Aws,
    /// `Service`
    Service,
    /// `Federated`
    Federated,
    /// `CanonicalUser`
    CanonicalUser,
}

/// One operator and key of a condition block, with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition<'a> {
    /// The operator.
    pub operator: Operator,
    /// The operator as written; the place is that of its key.
    pub operator_text: Text<'a>,
    /// The condition key as written.
    pub key: Text<'a>,
    /// The values, numbers and booleans as their JSON text.
    pub values: Vec<Text<'a>>,
    /// Whether the value was written alone instead of in a list.
    pub scalar: bool,
    /// The place of the value or list.
    pub span: ByteSpan,
}
