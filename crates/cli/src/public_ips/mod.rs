//! `hallpass org public-ips`: lists an organization's public addresses as AWS Config recorded them
//! (`inventory.md` §6).

mod aggregator;
mod diff;
mod each_account;
mod everywhere;
mod render;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::str::FromStr as _;

use clap::ValueEnum;
use hallpass_app::host::home_region::RegionArgs;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::snapshots_at::SnapshotsAt;
use hallpass_aws::{AccountsToFind, AwsClientSettings, FanoutAccess};
use hallpass_base::AccountId;
use hallpass_inventory::addresses::{
    AddressKind, AddressReport, AddressSighting, NEVER_FOUND, UncoveredPlace, merged,
};
use hallpass_plans::fanout::{Management, Selection};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use jiff::Timestamp;

use self::everywhere::Everywhere;
use super::each::{WalkArgs, accounts_to_find, new_id, regions, selection};

/// List public addresses of all accounts from AWS Config
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  hallpass org public-ips --aggregator organization --region eu-west-1
  hallpass org public-ips --ou /Workloads --regions eu-west-1 --verify -o csv
  hallpass org public-ips --aggregator organization -o targets > targets.txt
  hallpass org public-ips --aggregator organization --save addresses/
  hallpass org public-ips --aggregator organization --save s3://acme-inventory/addresses
  hallpass org public-ips diff addresses/monday.json addresses/tuesday.json

Without `--aggregator`, Config of each account and Region is queried."
)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Query this aggregator, in the account of the credentials
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = [
            "accounts", "accounts_file", "ou", "tag", "name_glob", "exclude", "include_management", "regions",
        ]
    )]
    aggregator: Option<String>,
    #[command(flatten)]
    walk: WalkArgs,
    /// Address kinds: eni, secondary, eip, ipv6, instance [default: all]
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', value_parser = AddressKind::from_str)]
    kinds: Vec<AddressKind>,
    /// Also query EC2 in each account, and show differences
    #[arg(long)]
    verify: bool,
    /// Save the whole report in this folder, or below `s3://bucket/prefix`, for `org public-ips
    /// diff`
    #[arg(long, value_name = "PLACE")]
    save: Option<SnapshotsAt>,
    #[command(flatten)]
    home: RegionArgs,
    /// Time of the report [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = hallpass_base::time::instant)]
    as_of: Option<Timestamp>,
    /// Output format [default: table on a terminal, jsonl otherwise]
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT")]
    output: Option<AddressFormat>,
}

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AddressFormat {
    /// For people; fits the terminal
    Table,
    /// The whole report, including uncovered places
    Json,
    /// One address per line, as JSON
    Jsonl,
    /// Comma-separated values with a header (RFC 4180)
    Csv,
    /// Unique bare addresses, for a scanner
    Targets,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Diff(diff::Args),
}

#[derive(Default)]
struct FoundSightings {
    sightings: Vec<AddressSighting>,
    left_out: usize,
    uncovered: Vec<UncoveredPlace>,
    names: BTreeMap<AccountId, String>,
}

pub fn run(args: &Args) -> Outcome {
    if let Some(Verb::Diff(args)) = &args.verb {
        return diff::run(args);
    }
    if let Some(SnapshotsAt::Folder(folder)) = &args.save {
        fs::create_dir_all(folder).map_err(|it| Failure::unwritable(folder.display(), &it))?;
    }
    let kinds = kinds(args)?;
    let home = args.home.known()?;
    let everywhere = everywhere(args, &home)?;
    let runtime = runtime()?;
    let report = runtime.block_on(look(args, &home, kinds, &everywhere))?;
    let saved = args.save.as_ref();
    let saved = saved.map_or(Ok(()), |at| runtime.block_on(render::save(&report, at)));
    // print the report even if saving failed
    render::show(&report, args.output)?;
    render::tell(&report);
    saved?;
    let unverified = report.verification.as_ref();
    let unverified = unverified.is_some_and(|it| !it.unverified.is_empty());
    Ok(if report.uncovered.is_empty() && !unverified {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

fn kinds(args: &Args) -> Result<BTreeSet<AddressKind>, Failure> {
    let mut kinds: BTreeSet<AddressKind> = args.kinds.iter().copied().collect();
    if kinds.is_empty() {
        kinds.extend(AddressKind::ALL);
    }
    let compared = [AddressKind::Eni, AddressKind::Secondary, AddressKind::Eip];
    if args.verify && !compared.iter().all(|it| kinds.contains(it)) {
        let failure = Failure::bad_input("`--verify` compares all addresses of IPv4");
        return Err(failure.help("it goes with the kinds eni, secondary and eip, or with all"));
    }
    Ok(kinds)
}

/// Returns the accounts and Regions to query one by one: the selected ones, and with an aggregator
/// all that it may cover.
fn everywhere(args: &Args, home: &str) -> Result<Everywhere, Failure> {
    let mut chosen = selection(&args.walk.selection);
    let mut accounts = accounts_to_find(&args.walk.selection)?;
    if args.aggregator.is_some() {
        chosen = Selection {
            management: Management::Included,
            ..Selection::default()
        };
        accounts = AccountsToFind::default();
    }
    let id = new_id()?;
    Ok(Everywhere {
        access: FanoutAccess {
            client: AwsClientSettings::new(home.to_owned()),
            accounts,
            role: args.walk.role.to_assume(format!("hallpass-{id}")),
        },
        selection: chosen,
        regions: regions(&args.walk.regions, "config", home)?,
        concurrency: args.walk.flight.concurrency,
    })
}

async fn look(
    args: &Args,
    home: &str,
    kinds: BTreeSet<AddressKind>,
    everywhere: &Everywhere,
) -> Result<AddressReport, Failure> {
    let as_of = args.as_of.unwrap_or_else(hallpass_base::clock::now);
    let (scope, found) = if let Some(name) = &args.aggregator {
        let scope = format!("aggregator {name} in {home}");
        (scope, aggregator::look(args, name, home, &kinds).await?)
    } else {
        let (accounts, regions) = (args.walk.selection.words(), args.walk.regions.join(","));
        let scope = format!("Config of {accounts}; Regions {regions}");
        let mut found = each_account::look(everywhere, &kinds).await?;
        if !found.sightings.is_empty() {
            found.names = aggregator::names(args, home).await;
        }
        (scope, found)
    };
    let addresses = merged(found.sightings);
    let verification = if args.verify {
        Some(verify::look(everywhere, &addresses).await?)
    } else {
        None
    };
    Ok(AddressReport {
        as_of,
        scope,
        kinds,
        addresses,
        uncovered: found.uncovered,
        left_out: found.left_out,
        verification,
        never_found: NEVER_FOUND.to_owned(),
        account_names: found.names,
    })
}
