//! Which tables are collected together: what `hallpass sync --only` names.

use std::fmt;
use std::str::FromStr;

/// Tables that are collected together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncGroup {
    /// The organization, its accounts and their Regions.
    Organizations,
    /// IAM of each account.
    Iam,
    /// Permission sets, who is assigned what, and the directory.
    IdentityCenter,
    /// The directory of Okta.
    Okta,
    /// Whom AWS writes to about each account.
    Contacts,
}

impl SyncGroup {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Organizations,
        Self::Iam,
        Self::IdentityCenter,
        Self::Okta,
        Self::Contacts,
    ];

    /// Whether it is read only where somebody names it: it holds what others are not to have without need, takes
    /// permissions that no other group does, and calls that a service allows few of.
    pub const fn is_by_name_only(self) -> bool {
        matches!(self, Self::Contacts)
    }

    /// Its name on the command line.
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
