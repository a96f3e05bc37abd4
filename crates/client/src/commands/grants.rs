use crate::api_args::ApiArgs;
use crate::client::block_on;
use crate::ids::account_id;
use crate::listing_args::ListingArgs;
use crate::tables::{self, Viewpoint};
use clap::ValueEnum;
use hallpass_api::Grant;
use hallpass_terminal::exit::{Exit, Outcome};

use super::requests::name;
use super::{extend, release};
use crate::commands::revoke;

/// List grants, and extend, release or revoke one
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  hallpass grants --state live
  hallpass grants --user ana@acme.example --output json
  hallpass grants --account payments-prod
  hallpass grants extend req_01934a5b6c7d7e8f90123456789abcde --for 1h --reason 'still at it'"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only grants in this state; `live`: all unfinished ones
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<GrantStateArg>,
    /// Only this user's grants (e-mail)
    #[arg(long, value_name = "E-MAIL")]
    user: Option<String>,
    /// Only in this account: its id, or its name
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    #[command(flatten)]
    only: ListingArgs,
    /// At most this many, newest first
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Extend(extend::Args),
    Release(release::Args),
    Revoke(revoke::Args),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GrantStateArg {
    Scheduled,
    Granting,
    Active,
    Ending,
    Ended,
    Failed,
    Live,
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        None => list(args),
        Some(Command::Extend(args)) => extend::run(args),
        Some(Command::Release(args)) => release::run(args),
        Some(Command::Revoke(args)) => revoke::run(args),
    }
}

fn list(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let mut query = Vec::new();
    query.extend(args.state.as_ref().map(|state| ("state", name(state))));
    query.extend(args.user.clone().map(|user| ("user", user)));
    query.extend(args.only.query());
    let found = block_on(async {
        if let Some(account) = &args.account {
            query.push(("account", account_id(&client, account).await?.to_string()));
        }
        client.list::<Grant>(&["grants"], &query, args.limit).await
    })?;
    args.api
        .print_listing(&found, tables::GRANT_FIELDS, |grants| {
            tables::grants(grants, &Viewpoint::here())
        })?;
    Ok(Exit::Ok)
}
