//! Arguments that name the target of a request.

/// `--account A --permission-set P` or `--group G`.
#[derive(Debug, clap::Args)]
pub struct TargetArgs {
    /// Account: its id, or its name when only one has it
    #[arg(long, value_name = "ACCOUNT")]
    #[arg(required_unless_present = "group", conflicts_with = "group")]
    #[arg(requires = "permission_set")]
    pub account: Option<String>,
    /// Permission set, by name
    #[arg(long, value_name = "NAME")]
    #[arg(required_unless_present = "group", conflicts_with = "group")]
    #[arg(requires = "account")]
    pub permission_set: Option<String>,
    /// Group instead of an account: its id or name
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
}
