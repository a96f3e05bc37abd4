//! A parsed policy with text positions.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::json::ByteSpan;
use super::operator::Operator;

/// Determines allowed and required elements (`policies.md` §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyType {
    /// Of a user, group, role or permission set.
    Identity,
    Resource,
    /// A role's trust policy: a resource policy without `Resource`.
    Trust,
    Scp,
    Rcp,
    Boundary,
    /// Passed at session creation.
    Session,
}

impl PolicyType {
    pub const ALL: [(&'static str, Self); 7] = [
        ("identity", Self::Identity),
        ("resource", Self::Resource),
        ("trust", Self::Trust),
        ("scp", Self::Scp),
        ("rcp", Self::Rcp),
        ("boundary", Self::Boundary),
        ("session", Self::Session),
    ];

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ScpLanguage {
    /// The whole policy language, since 2025.
    #[default]
    Full,
    /// Earlier: an Allow has only `Action` and `"Resource": "*"`; wildcards only at the end.
    Classic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `2008-10-17`, the default: `${…}` is literal text.
    V2008,
    /// `2012-10-17`: policy variables are replaced.
    V2012,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    Allow,
    /// Overrides any Allow.
    Deny,
}

impl Effect {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// Text and position, including quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a> {
    /// Unescaped.
    pub text: Cow<'a, str>,
    pub span: ByteSpan,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<'a> {
    pub version: Version,
    pub version_text: Option<Text<'a>>,
    pub id: Option<Text<'a>>,
    /// Readable statements, in order.
    pub statements: Vec<Statement<'a>>,
    pub span: ByteSpan,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// From 0.
    pub index: usize,
    pub span: ByteSpan,
    pub sid: Option<Text<'a>>,
    pub effect: Effect,
    pub effect_span: ByteSpan,
    pub principals: Option<Principals<'a>>,
    pub actions: List<'a>,
    pub resources: Option<List<'a>>,
    /// One per operator and key, in written order.
    pub conditions: Vec<Condition<'a>>,
    pub condition_span: Option<ByteSpan>,
}

/// `Action`, `NotAction`, `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<'a> {
    /// The `Not…` form.
    pub not: bool,
    pub items: Vec<Text<'a>>,
    /// A single text instead of a list.
    pub scalar: bool,
    pub key_span: ByteSpan,
    pub span: ByteSpan,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principals<'a> {
    pub not: bool,
    /// A plain `"*"` is one entry of kind [`PrincipalKind::Everyone`].
    pub entries: Vec<PrincipalEntry<'a>>,
    pub key_span: ByteSpan,
    pub span: ByteSpan,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalEntry<'a> {
    pub kind: PrincipalKind,
    pub text: Text<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// `"Principal": "*"`
    Everyone,
    Aws,
    Service,
    Federated,
    CanonicalUser,
}

/// One operator and key with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition<'a> {
    pub operator: Operator,
    /// As written, at its key.
    pub operator_text: Text<'a>,
    pub key: Text<'a>,
    /// Numbers and booleans as JSON text.
    pub values: Vec<Text<'a>>,
    /// A single value instead of a list.
    pub scalar: bool,
    pub span: ByteSpan,
}
