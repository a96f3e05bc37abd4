//! Groups of tables for `hallpass sync --only`.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncGroup {
    Organizations,
    Iam,
    IdentityCenter,
    Okta,
    /// Alternate contacts of each account.
    Contacts,
}

impl SyncGroup {
    pub const ALL: [Self; 5] = [
        Self::Organizations,
        Self::Iam,
        Self::IdentityCenter,
        Self::Okta,
        Self::Contacts,
    ];

    /// True if collected only by explicit name: sensitive data, extra permissions, and low API
    /// quotas.
    pub const fn is_by_name_only(self) -> bool {
        matches!(self, Self::Contacts)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Organizations => "organizations",
            Self::Iam => "iam",
            Self::IdentityCenter => "identity-center",
            Self::Okta => "okta",
            Self::Contacts => "contacts",
        }
    }
}

impl fmt::Display for SyncGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SyncGroup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|it| it.name() == text);
        found.ok_or_else(|| "one of organizations, iam, identity-center, okta, contacts".to_owned())
    }
}
