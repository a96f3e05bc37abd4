//! Shared flags to select accounts and Regions (`organization.md` P-14).

use hallpass_base::AccountId;
use hallpass_org::ReadCalls;
use hallpass_org::control_tower::governed_regions;
use hallpass_org::standards::StandardsScope;
use hallpass_terminal::exit::Failure;

use crate::host::suggestions::check_regions;

/// Account selection.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AccountArgs {
    /// Only these accounts
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    pub accounts: Vec<AccountId>,
    /// Only below this organizational unit: an id, or a path as `/Workloads/Production`
    #[arg(long, value_name = "OU")]
    pub ou: Vec<String>,
    /// Only in the named units, not below them
    #[arg(long, requires = "ou")]
    pub ou_direct: bool,
    /// Only with this tag
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub tag: Vec<String>,
    /// Not these accounts
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    pub exclude: Vec<AccountId>,
    /// Include the management account
    #[arg(long)]
    pub include_management: bool,
}

/// Account and Region selection.
#[derive(Clone, Debug, clap::Args)]
pub struct TargetSelectionArgs {
    #[command(flatten)]
    accounts: AccountArgs,
    /// Regions; `enabled`: those enabled in each account; `governed`: those of Control Tower
    #[arg(long, value_name = "REGION,...")]
    #[arg(value_delimiter = ',', default_value = "enabled")]
    regions: Vec<String>,
}

impl TargetSelectionArgs {
    pub fn is_part(&self) -> bool {
        let args = &self.accounts;
        let named = !args.accounts.is_empty() || !args.exclude.is_empty();
        named || !args.ou.is_empty() || !args.tag.is_empty()
    }

    pub async fn scope(&self, calls: &dyn ReadCalls) -> Result<StandardsScope, Failure> {
        let args = &self.accounts;
        let regions = match self.regions.as_slice() {
            [one] if one == "enabled" => None,
            [one] if one == "governed" => Some(governed(calls).await?),
            named => {
                let words = ["enabled", "governed"];
                if let Some(word) = named.iter().find(|it| words.contains(&it.as_str())) {
                    let message = format!("`{word}` stands alone, not beside other Regions");
                    return Err(Failure::bad_input(message).at("--regions"));
                }
                check_regions("--regions", named)?;
                Some(named.to_vec())
            }
        };
        Ok(StandardsScope {
            accounts: args.accounts.iter().cloned().collect(),
            exclude: args.exclude.iter().cloned().collect(),
            units: args.ou.clone(),
            direct: args.ou_direct,
            tags: args.tag.clone(),
            management: args.include_management,
            regions,
        })
    }
}

async fn governed(calls: &dyn ReadCalls) -> Result<Vec<String>, Failure> {
    let found = governed_regions(calls).await.map_err(|why| {
        let message = format!(
            "Control Tower cannot be read: {}: {}",
            why.action, why.reason
        );
        Failure::failed(message).at("--regions governed")
    })?;
    found.ok_or_else(|| {
        let message = "there is no landing zone of Control Tower in this Region";
        Failure::bad_input(message)
            .at("--regions governed")
            .help("set `aws.region` to its home Region, or name the Regions")
    })
}
