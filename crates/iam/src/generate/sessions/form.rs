//! Where a policy that ends sessions is used.

use hallpass_aws_model::facts;

/// Where a revocation policy is used (`policies.md` §12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationForm {
    /// A service control policy: member accounts.
    Scp,
    /// A policy on the role itself: the management account, where service control policies have
    /// no effect.
    Iam,
    /// The inline policy of a permission set: its roles cannot be edited directly.
    PermissionSet,
}

impl RevocationForm {
    /// Most characters of one policy, and whether blanks count (`policies.md` §5).
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
