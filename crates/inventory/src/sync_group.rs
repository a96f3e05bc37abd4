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

    /// The group that a table is collected with; `None` where nothing collects it.
    pub fn of(table: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.whole_tables().contains(&table) || it.account_tables().contains(&table))
    }

    /// Its tables that are one slice of the whole organization.
    pub const fn whole_tables(self) -> &'static [&'static str] {
        match self {
            Self::Organizations => &[
                "aws_organizations",
                "aws_organizations_accounts",
                "aws_organizations_organizational_units",
                "aws_organizations_policies",
                "aws_organizations_policy_targets",
                "aws_organizations_delegated_admins",
            ],
            Self::Iam | Self::Contacts => &[],
            Self::IdentityCenter => &[
                "aws_ssoadmin_instances",
                "aws_ssoadmin_permission_sets",
                "aws_ssoadmin_provisioned",
                "aws_ssoadmin_account_assignments",
                "aws_identitystore_users",
                "aws_identitystore_groups",
                "aws_identitystore_group_memberships",
            ],
            Self::Okta => &["okta_users", "okta_groups", "okta_group_members"],
        }
    }

    /// Its tables that are a slice for each account.
    pub const fn account_tables(self) -> &'static [&'static str] {
        match self {
            Self::Organizations => &["aws_regions"],
            Self::Iam => &[
                "aws_iam_users",
                "aws_iam_user_access_keys",
                "aws_iam_credential_reports",
                "aws_iam_mfa_devices",
                "aws_iam_groups",
                "aws_iam_group_members",
                "aws_iam_roles",
                "aws_iam_policies",
                "aws_iam_policy_attachments",
                "aws_iam_account_summary",
            ],
            Self::IdentityCenter => &["aws_account_access_entitlements"],
            Self::Contacts => &["aws_alternate_contacts", "aws_primary_contacts"],
            Self::Okta => &[],
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
