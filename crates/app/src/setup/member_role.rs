//! The role to assume in each account.

use hallpass_aws::RoleToAssume;

/// The role to assume in each account.
#[derive(Debug, clap::Args)]
pub struct MemberRoleArgs {
    /// The role to assume in each account
    #[arg(
        long,
        value_name = "NAME",
        default_value = "OrganizationAccountAccessRole"
    )]
    pub role: String,
    /// Intermediate roles, each assumed with the previous one
    #[arg(long, value_name = "ARN,...", value_delimiter = ',')]
    pub via: Vec<String>,
    /// The external id that the role requires
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
}

impl MemberRoleArgs {
    pub fn to_assume(&self, session_name: String) -> RoleToAssume {
        RoleToAssume {
            name: self.role.clone(),
            via: self.via.clone(),
            external_id: self.external_id.clone(),
            session_name,
            ..RoleToAssume::default()
        }
    }
}
