use hallpass_aws_model::facts;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationForm {
    /// A service control policy: member accounts.
    Scp,
    /// A policy on the role: for the management account, where service control policies have no
    /// effect.
    Iam,
    /// The inline policy of a permission set: its roles are not directly editable.
    PermissionSet,
}

impl RevocationForm {
    /// Character limit, and whether blanks count (`policies.md` §5).
    pub(super) fn limit(self) -> (usize, &'static str) {
        match self {
            Self::Scp => (facts::SCP_CHARACTERS.count(), "a service control policy"),
            Self::Iam => (facts::MANAGED_POLICY_CHARACTERS.count(), "a managed policy"),
            Self::PermissionSet => (
                facts::ROLE_POLICY_CHARACTERS.count(),
                "the inline policy of a permission set",
            ),
        }
    }
}
