//! The arguments by which somebody names what access is asked for.

/// `--account A --permission-set P` or `--group G`.
#[derive(Debug, clap::Args)]
pub(crate) struct TargetArgs {
    /// Account: its id, or its name when only one has it
    #[arg(
        long,
        value_name = "ACCOUNT",
        required_unless_present = "group",
        conflicts_with = "group",
        requires = "permission_set"
    )]
    pub(crate) account: Option<String>,
    /// Permission set, by name
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "group",
        conflicts_with = "group",
        requires = "account"
    )]
    pub(crate) permission_set: Option<String>,
    /// Group instead of an account: its id or name
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
}
