//! Which accounts and Regions.

use hallpass_model::AccountId;
use hallpass_org::standards::StandardsScope;

/// Which accounts and Regions are meant.
#[derive(Debug, clap::Args)]
pub(super) struct ScopeArgs {
    /// Only these accounts
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    accounts: Vec<AccountId>,
    /// Not these accounts
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    exclude: Vec<AccountId>,
    /// Only below this organizational unit: an id, or a path as `/Workloads/Production`
    #[arg(long, value_name = "OU")]
    ou: Vec<String>,
    /// Only with this tag
    #[arg(long, value_name = "KEY[=VALUE]")]
    tag: Vec<String>,
    /// The management account, too
    #[arg(long)]
    include_management: bool,
    /// Regions; `enabled`: those on in each account
    #[arg(
        long,
        value_name = "REGION,...",
        value_delimiter = ',',
        default_value = "enabled"
    )]
    regions: Vec<String>,
}

impl ScopeArgs {
    /// As it is asked for.
    pub(super) fn scope(&self) -> StandardsScope {
        let enabled = matches!(self.regions.as_slice(), [one] if one == "enabled");
        StandardsScope {
            accounts: self.accounts.iter().cloned().collect(),
            exclude: self.exclude.iter().cloned().collect(),
            units: self.ou.clone(),
            tags: self.tag.clone(),
            management: self.include_management,
            regions: (!enabled).then(|| self.regions.clone()),
        }
    }
}
