mod channels;
mod health;
mod list;

use std::collections::BTreeSet;

use hallpass_app::host::home_region::home_region;
use hallpass_app::host::named_calls::NamedCalls;
use hallpass_aws::RoleToAssume;
use hallpass_base::AccountId;
use hallpass_org::insights::{InsightRange, InsightScope, UnitsNotFound, unit_ids};
use hallpass_org::{ReadPlace, UnreadFact, read_all};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;
use serde_json::json;

const CONCURRENCY: usize = 4;

/// List DevOps Guru insights of all accounts, and set notifications
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass org insights list --since 1d
  hallpass org insights list --ou /Workloads --severity high --regions eu-west-1,us-east-1
  hallpass org insights health --regions enabled
  hallpass org insights channels org-delegate.yaml --ou /Workloads")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::Args),
    Health(health::Args),
    Channels(Box<channels::Args>),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => list::run(args),
        Command::Health(args) => health::run(args),
        Command::Channels(args) => channels::run(args),
    }
}

/// Accounts, Regions and time of insights.
#[derive(Debug, clap::Args)]
struct InsightArgs {
    /// Only these accounts
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    account: Vec<AccountId>,
    /// Only below these units: an id, or a path as `/Workloads/Production`
    #[arg(long, value_name = "OU,...", value_delimiter = ',')]
    ou: Vec<String>,
    /// Exclude the units below them
    #[arg(long, requires = "ou")]
    ou_direct: bool,
    /// Regions; `enabled`: those enabled in your account [default: that of the environment]
    #[arg(long, value_name = "REGION,...", value_delimiter = ',')]
    regions: Vec<String>,
    /// Period: 12h, 1d, 1w, 1m or FROM..TO; at most 180 days
    #[arg(long, value_name = "TIME", default_value = "1w")]
    since: String,
}

struct InsightQuestion {
    calls: NamedCalls,
    scope: InsightScope,
    range: InsightRange,
}

impl InsightArgs {
    async fn question(&self) -> Result<InsightQuestion, Failure> {
        let range = InsightRange::read(&self.since, hallpass_base::clock::now())
            .map_err(|error| Failure::bad_input(error.to_string()).at("--since"))?;
        let environment = std::env::var("AWS_REGION").ok().filter(|it| !it.is_empty());
        let home = home_region(environment.as_ref())?;
        let calls = NamedCalls::new(home.clone(), RoleToAssume::default(), CONCURRENCY).await?;
        let regions = match self.regions.as_slice() {
            [] => vec![home],
            [one] if one == "enabled" => enabled(&calls).await?,
            some => {
                let known = some.iter().map(|it| home_region(Some(it)));
                let known = known.collect::<Result<BTreeSet<_>, _>>()?;
                known.into_iter().collect()
            }
        };
        let units = unit_ids(&calls, &self.ou)
            .await
            .map_err(|error| match &error {
                UnitsNotFound::Unread(_) => Failure::failed(error.to_string()),
                UnitsNotFound::NoPath(_) | UnitsNotFound::Form(_) => {
                    Failure::bad_input(error.to_string()).at("--ou")
                }
            })?;
        Ok(InsightQuestion {
            calls,
            scope: InsightScope {
                regions,
                accounts: self.account.clone(),
                units,
                is_direct: self.ou_direct,
            },
            range,
        })
    }
}

async fn enabled(calls: &NamedCalls) -> Result<Vec<String>, Failure> {
    let input =
        json!({ "RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"], "MaxResults": 50 });
    let place = ReadPlace::default();
    let listing = ("account", "ListRegions");
    let rows = read_all(calls, place, listing, input, "Regions").await;
    let rows = rows.map_err(|it| {
        Failure::failed(format!("`{}`: {}", it.action, it.reason))
            .help("name the Regions: `--regions eu-west-1,us-east-1`")
    })?;
    let names = rows.iter().filter_map(|it| it.get("RegionName")?.as_str());
    Ok(names.map(str::to_owned).collect())
}

fn tell_unread(unread: &[(String, UnreadFact)]) {
    for (region, fact) in unread {
        let UnreadFact { action, reason, .. } = fact;
        output::say(&match region.as_str() {
            "" => format!("not read: {action}: {reason}"),
            region => format!("not read in {region}: {action}: {reason}"),
        });
    }
}
