use serde::Serialize;

/// AWS-enforced expiry (`access.md` §21, A-3). The later variant is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndArming {
    /// Where possible; otherwise access is granted without it.
    Preferred,
    /// Without it access is denied.
    Required,
}

impl EndArming {
    pub(crate) const ALL: [Self; 2] = [Self::Preferred, Self::Required];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Preferred => "preferred",
            Self::Required => "required",
        }
    }
}
