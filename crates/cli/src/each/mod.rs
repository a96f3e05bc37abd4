//! `hallpass each`: one operation of any service, in every account and Region (`inventory.md` §5).

mod lines;
mod operation_args;
mod recipes;
mod sink;
mod spool;
mod write;

pub(super) use self::operation_args::{accounts_to_find, regions, selection};

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use hallpass_app::host::home_region::HomeRegionArgs;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::selection_args::AccountArgs;
use hallpass_app::setup::each_account::{MonotonicTime, NOT_THERE, PER_ACCOUNT};
use hallpass_app::setup::member_role::MemberRoleArgs;
use hallpass_aws_model::wire::catalog;
use hallpass_base::AccountId;
use hallpass_plans::fanout::{
    ApiCalls, FailureStage, FanoutError, FanoutSettings, Journal, Leaving, RegionChoice, RunReport,
    Slice,
};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};
use hallpass_terminal::prompt::YesArgs;
use jmespath::Expression;

use self::lines::EmptyPages;
use self::operation_args::AskedOperation;
use self::sink::{ResultForm, Results};
use self::spool::RunFolder;
use self::write::{PlanSink, PlanSpool, WriteCalls};
use super::runs;

/// Call one operation in every account and Region
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass each ec2 DescribeVpcs --query 'Vpcs[].{id: VpcId, cidr: CidrBlock}'
  hallpass each iam ListUsers --ou /Workloads --query 'Users[].UserName' -o csv
  hallpass each --recipe internet-routes --regions eu-west-1,us-east-1
  hallpass each ec2 EnableEbsEncryptionByDefault --ou /Sandbox --write

Recipes: internet-routes, public-enis, open-security-groups, default-vpcs,
unencrypted-volumes, trails, config-recorders, root-summary.")]
pub struct Args {
    /// The service, as the aws CLI calls it: `ec2`, `iam`, `sso-admin`
    #[arg(value_name = "SERVICE", conflicts_with = "recipe")]
    service: Option<String>,
    /// The operation, as the API calls it: `DescribeVpcs`
    #[arg(value_name = "OPERATION", conflicts_with = "recipe")]
    operation: Option<String>,
    /// Use a ready-made recipe instead
    #[arg(long, value_name = "NAME")]
    recipe: Option<String>,
    /// The input of the operation as JSON, or `@FILE`
    #[arg(long, value_name = "JSON")]
    params: Option<String>,
    #[command(flatten)]
    walk: WalkArgs,
    /// A tag of the sessions
    #[arg(long, value_name = "KEY=VALUE")]
    session_tag: Vec<String>,
    /// The source identity of the sessions, visible in `CloudTrail`
    #[arg(long, value_name = "NAME")]
    source_identity: Option<String>,
    /// Projection of each page (`JMESPath`)
    #[arg(long, value_name = "EXPR", value_parser = NonEmptyStringValueParser::new())]
    query: Option<String>,
    /// Also print pages with an empty query result
    #[arg(long)]
    keep_empty: bool,
    /// One line for an account and Region, not one for each page
    #[arg(long)]
    merge: bool,
    /// The columns of CSV and tables, in order [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    columns: Vec<String>,
    /// Write results as they arrive, unordered
    #[arg(long)]
    unordered: bool,
    /// Write failures to this file as JSON lines, not as a table on stderr
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
    /// Resume a run that was stopped or had failures; use the same arguments
    #[arg(long, value_name = "ID")]
    resume: Option<String>,
    /// Where runs are stored until they succeed [default: ~/.local/state/hallpass/each]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
    #[command(flatten)]
    home: HomeRegionArgs,
    /// Seed of the random retry pauses
    #[arg(long, value_name = "N", hide = true)]
    seed: Option<u64>,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of writes.
#[derive(Debug, clap::Args)]
pub struct WriteArgs {
    /// Allow a write: shows the planned calls first, then asks
    #[arg(long)]
    write: bool,
    /// Maximum calls in a plan of `--write`
    #[arg(long, value_name = "N", default_value_t = 50, requires = "write")]
    max_changes: usize,
    #[command(flatten)]
    yes: YesArgs,
}

/// Targets of calls, and their number in flight.
#[derive(Debug, clap::Args)]
pub(super) struct WalkArgs {
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    /// Regions; `enabled`: those on in each account; `all`: the same, and reports disabled ones
    #[arg(
        long,
        value_name = "REGION,...",
        value_delimiter = ',',
        default_value = "enabled"
    )]
    pub(super) regions: Vec<String>,
    #[command(flatten)]
    pub(super) role: MemberRoleArgs,
    #[command(flatten)]
    pub(super) flight: FlightArgs,
}

/// Number of calls in flight.
#[derive(Debug, clap::Args)]
pub(super) struct FlightArgs {
    /// Maximum calls in flight; 8 inside one account
    #[arg(long, short = 'c', value_name = "N", default_value_t = 64, value_parser = concurrency)]
    pub(super) concurrency: usize,
}

/// Account selection.
#[derive(Debug, clap::Args)]
pub struct SelectionArgs {
    #[command(flatten)]
    which: AccountArgs,
    /// Only the accounts of this file, without reading the organization: ids, or CSV with
    /// `account_id`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["accounts", "ou", "exclude_ou", "tag", "name_glob"])]
    accounts_file: Option<PathBuf>,
    /// Exclude this organizational unit and all below it
    #[arg(long, value_name = "OU")]
    exclude_ou: Vec<String>,
    /// Only names that match: `prod-*`
    #[arg(long, value_name = "GLOB")]
    name_glob: Vec<String>,
}

impl SelectionArgs {
    pub(super) fn words(&self) -> String {
        let file = self.accounts_file.as_ref();
        let file = file.map(|it| format!("those of {}", it.display()));
        let ids = |all: &[AccountId]| {
            let all: Vec<&str> = all.iter().map(AccountId::as_str).collect();
            all.join(",")
        };
        let parts = [
            ("", ids(&self.which.accounts)),
            ("", file.unwrap_or_default()),
            ("below ", self.which.ou.join(",")),
            ("with the tag ", self.which.tag.join(",")),
            ("named ", self.name_glob.join(",")),
            ("without ", ids(&self.which.exclude)),
            ("without those below ", self.exclude_ou.join(",")),
        ];
        let parts = parts.iter().filter(|(_, value)| !value.is_empty());
        let parts: Vec<String> = parts.map(|(how, value)| format!("{how}{value}")).collect();
        let mut words = if parts.is_empty() {
            "all accounts".to_owned()
        } else {
            format!("accounts {}", parts.join(", "))
        };
        if self.which.include_management {
            words.push_str(" and the management account");
        }
        words
    }
}

fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1024) => Ok(count),
        _ => Err("a number from 1 to 1024".to_owned()),
    }
}

pub fn run(args: &Args) -> Outcome {
    let id = match &args.resume {
        Some(id) => id.clone(),
        None => new_id()?,
    };
    let asked = operation_args::understand(args, &id)?;
    let query = asked.query.as_deref().map(lines::compile).transpose()?;
    write::check(&args.write, args.resume.is_some())?;
    runtime()?.block_on(reachable(args, &asked))?;
    let planned = if asked.writes {
        let made = runtime()?.block_on(make_plan(args, &asked));
        Some(write::plan(args, &asked, made)?)
    } else {
        None
    };
    let base = match &args.runs {
        Some(folder) => folder.clone(),
        None => runs::base("each")?,
    };
    let text = asked.text(args.keep_empty);
    let (mut folder, journal) = match &args.resume {
        Some(id) => RunFolder::go_on(&base, id, &text)?,
        None => (RunFolder::begin(&base, &id, &text)?, Journal::default()),
    };
    let mut results = Results::new(ResultForm {
        format: args.output.format(),
        merge: args.merge,
        columns: args.columns.clone(),
    });
    if let Some(planned) = &planned {
        results.await_each(planned.clone());
    }
    let ended = runtime()?.block_on(async {
        let calls = calls(&asked, query, args.keep_empty, planned).await?;
        ask(
            args,
            &asked,
            calls.as_ref(),
            journal,
            (&mut folder, &mut results),
        )
        .await
    });
    let resumed = (!asked.writes).then_some(id.as_str());
    match ended {
        Ok(report) => end(args, resumed, folder, &mut results, report),
        Err(error) => Err(broken_off(args, resumed, folder, &mut results, &error)),
    }
}

/// Checks for hosts in the requested variant, without calls. If Regions are determined later, one
/// host suffices: others fail individually.
async fn reachable(args: &Args, asked: &AskedOperation) -> Result<(), Failure> {
    let calls = write::calls(asked, lines::writer(None, EmptyPages::Dropped)).await;
    let calls = calls.map_err(|error| Failure::failed(error.to_string()))?;
    let (home, service) = (&asked.access.client.region, &asked.operation.service.name);
    let mut needed = vec![("sts", home.as_str())];
    if args.walk.selection.accounts_file.is_none() {
        needed.push(("organizations", home));
    }
    let any = [home.clone()];
    let is_open = matches!(asked.regions, RegionChoice::Enabled)
        || matches!(args.walk.regions.as_slice(), [one] if one == "all");
    let named = match &asked.regions {
        RegionChoice::Named(names) | RegionChoice::Certain(names) if !is_open => names.as_slice(),
        _ => &any,
    };
    let every = catalog().regions(home);
    let has_some = || every.iter().any(|it| calls.no_host(service, it).is_none());
    if !(is_open && has_some()) {
        needed.extend(named.iter().map(|it| (service.as_str(), it.as_str())));
    }
    let none = needed.iter().filter_map(|it| calls.no_host(it.0, it.1));
    hosts_are_there(none.collect())
}

/// Exit 2 with each service and Region without a host.
pub(super) fn hosts_are_there(none: Vec<String>) -> Result<(), Failure> {
    if none.is_empty() {
        return Ok(());
    }
    let failure = Failure::bad_input("cannot resolve the endpoints; nothing was called");
    let failure = none.into_iter().fold(failure, Failure::detail);
    Err(failure
        .code("NoEndpoint")
        .help("`AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT` or the profile select them"))
}

/// Prints the end of a run, and whether it can be resumed: never a write, which has a result or a
/// failure for each planned call.
fn end(
    args: &Args,
    resumed: Option<&str>,
    folder: RunFolder,
    results: &mut Results,
    mut report: RunReport,
) -> Outcome {
    let missing = results.failures().iter().find(|it| {
        resumed.is_some()
            && it.stage == FailureStage::Accounts
            && NOT_THERE.contains(&it.code.as_str())
    });
    if let Some(failure) = missing {
        folder.forget();
        return Err(Failure::bad_input(failure.message.clone()));
    }
    report.totals.failed += results.close();
    let shown = results.end();
    let told = results.tell(args.errors.as_ref(), &report);
    if let Err(failure) = shown.and(told) {
        point_to_results(resumed, &folder);
        return Err(failure);
    }
    if report.totals.failed == 0 && !report.is_stopped && !report.is_unlisted {
        folder.forget();
        return Ok(Exit::Ok);
    }
    if let Some(id) = resumed {
        drop(folder);
        output::say(&format!(
            "hint: the same command with `--resume {id}` reads only the missing parts"
        ));
    } else {
        folder.forget();
    }
    Ok(Exit::Failed)
}

/// Ends a run whose results cannot be stored or written. A write still reports calls not made or
/// with unknown effect.
fn broken_off(
    args: &Args,
    resumed: Option<&str>,
    folder: RunFolder,
    results: &mut Results,
    error: &FanoutError,
) -> Failure {
    let failure = match error {
        FanoutError::UnknownAccounts(_) => {
            folder.forget();
            return Failure::bad_input(error.to_string());
        }
        FanoutError::Sink(reason) => Failure::stdout(reason),
        FanoutError::Spool(reason) => Failure::failed(error.to_string()).detail(reason.to_string()),
    };
    if resumed.is_none() {
        results.close();
        let _ = results.end();
        if let Err(further) = results.tell_failures(args.errors.as_ref()) {
            output::say(&further.words());
        }
        point_to_results(resumed, &folder);
    }
    failure
}

/// Stored results of a write that could not be printed, although it cannot be resumed.
fn point_to_results(resumed: Option<&str>, folder: &RunFolder) {
    if resumed.is_none() {
        let path = folder.results();
        output::say(&format!("hint: the answers are in {}", path.display()));
    }
}

async fn calls(
    asked: &AskedOperation,
    query: Option<Expression<'static>>,
    keep_empty: bool,
    planned: Option<BTreeSet<Slice>>,
) -> Result<Box<dyn ApiCalls>, FanoutError> {
    // a write's line shows that it was done, even with an empty query result
    let empty = if keep_empty || planned.is_some() {
        EmptyPages::Kept
    } else {
        EmptyPages::Dropped
    };
    let calls = write::calls(asked, lines::writer(query, empty)).await?;
    Ok(match planned {
        Some(planned) => Box::new(WriteCalls::acting(calls, planned)),
        None => Box::new(calls),
    })
}

fn settings(args: &Args, asked: &AskedOperation, journal: Journal) -> FanoutSettings {
    FanoutSettings {
        concurrency: args.walk.flight.concurrency,
        per_account: PER_ACCOUNT,
        selection: asked.selection.clone(),
        regions: asked.regions.clone(),
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..)),
        regions_known: journal.regions,
        done: journal.done,
    }
}

async fn make_plan(
    args: &Args,
    asked: &AskedOperation,
) -> Result<(WriteCalls, PlanSink), FanoutError> {
    let calls = write::calls(asked, lines::writer(None, EmptyPages::Dropped)).await?;
    let (calls, mut sink) = (WriteCalls::planning(calls), PlanSink::default());
    let settings = settings(args, asked, Journal::default());
    let (time, never) = (MonotonicTime::begin(), std::future::pending());
    hallpass_plans::fanout::run(
        settings,
        Leaving::AtOnce,
        &calls,
        &time,
        &mut PlanSpool,
        &mut sink,
        never,
    )
    .await?;
    Ok((calls, sink))
}

async fn ask(
    args: &Args,
    asked: &AskedOperation,
    calls: &dyn ApiCalls,
    journal: Journal,
    (folder, results): (&mut RunFolder, &mut Results),
) -> Result<RunReport, FanoutError> {
    let settings = settings(args, asked, journal);
    // writes cannot be resumed: their results must not wait for a hanging call
    let leaving = if args.unordered || asked.writes {
        Leaving::AtOnce
    } else {
        Leaving::InOrder
    };
    let stop = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let time = MonotonicTime::begin();
    hallpass_plans::fanout::run(settings, leaving, calls, &time, folder, results, stop).await
}

pub(super) fn new_id() -> Result<String, Failure> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(Failure::bug)?;
    Ok(hex::encode(bytes))
}
