//! Whether a rule wants AWS to enforce ends by its own clock.

use serde::Serialize;

/// What a rule says of ends that AWS enforces (`access.md` §21, A-3). The later one is the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndArming {
    /// Where it can be done; elsewhere the access is given all the same.
    Preferred,
    /// Always: without it there is no access.
    Required,
}

impl EndArming {
    /// Every value.
    pub(crate) const ALL: [Self; 2] = [Self::Preferred, Self::Required];

    /// The word of rule files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preferred => "preferred",
            Self::Required => "required",
        }
    }
}
