mod cache;
mod enrich;
mod insight;
mod show;
mod template;

use std::sync::Arc;

use hallpass_app::config::Loaded;
use hallpass_app::setup::opening::aws_settings;
use hallpass_aws::FindingClient;
use hallpass_base::clock::SystemClock;
use hallpass_findings::CallRefusal;
use hallpass_terminal::exit::{Failure, Outcome};

/// Add the account's name, OU, tags and contact to Security Hub findings
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass org findings enrich --backfill --since 30d
  hallpass org findings enrich --backfill --since 30d --apply
  hallpass org findings show 111122223333
  hallpass org findings cache drop 111122223333
  hallpass org findings template
  hallpass org findings insight create --group-by SeverityLabel --where Owner=team-shop --apply")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Enrich(enrich::Args),
    Show(show::Args),
    Cache(CacheArgs),
    Insight(InsightArgs),
    Template(template::Args),
}

/// Drop the server's cache of accounts
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org findings cache drop 111122223333")]
struct CacheArgs {
    #[command(subcommand)]
    command: CacheCommand,
}

#[derive(Debug, clap::Subcommand)]
enum CacheCommand {
    Drop(cache::Args),
}

/// Create saved groupings of findings
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass org findings insight create --group-by SeverityLabel --where Owner=team-shop --apply")]
struct InsightArgs {
    #[command(subcommand)]
    command: InsightCommand,
}

#[derive(Debug, clap::Subcommand)]
enum InsightCommand {
    Create(insight::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Enrich(args) => enrich::run(args),
        Command::Show(args) => show::run(args),
        Command::Cache(CacheArgs {
            command: CacheCommand::Drop(args),
        }) => cache::run(args),
        Command::Template(args) => template::run(args),
        Command::Insight(InsightArgs {
            command: InsightCommand::Create(args),
        }) => insight::run(args),
    }
}

async fn client(loaded: &Loaded) -> Result<Arc<FindingClient>, Failure> {
    let client = FindingClient::new(
        aws_settings(loaded),
        fastrand::u64(..),
        Arc::new(SystemClock),
    )
    .await;
    let client = client.map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    Ok(Arc::new(client))
}

fn refused(refusal: &CallRefusal) -> Failure {
    let failure = Failure::failed(format!("{}: {}", refusal.operation, refusal.code))
        .detail(refusal.message.clone());
    failure.help("the guide on finding enrichment has the permissions that are needed")
}
