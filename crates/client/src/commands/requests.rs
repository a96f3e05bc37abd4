use crate::api_args::ApiArgs;
use crate::client::block_on;
use crate::listing_args::ListingArgs;
use crate::tables::{self, Viewpoint};
use clap::ValueEnum;
use hallpass_api::Request;
use hallpass_terminal::exit::{Exit, Outcome};

use super::discard;
use crate::commands::close_review;

/// List requests: yours, those you may review, or all
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  hallpass requests
  hallpass requests --role to-review
  hallpass requests --open-reviews
  hallpass requests --role all --state denied --from 2026-11-01 --output csv
  hallpass requests discard req_01934a5b6c7d7e8f90123456789abcde"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only requests in this state
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<RequestStateArg>,
    /// Which requests
    #[arg(long, value_enum, value_name = "ROLE", default_value = "mine")]
    role: RequestRoleArg,
    /// Only those whose break-glass review you may close or follow
    #[arg(long, conflicts_with = "role")]
    open_reviews: bool,
    /// Requester: id, e-mail or name, or part
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Account: id or name, or part
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
    Discard(discard::Args),
    CloseReview(close_review::Args),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RequestStateArg {
    Pending,
    Approved,
    Denied,
    Discarded,
    Expired,
    Rejected,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RequestRoleArg {
    /// Your own
    Mine,
    /// Those that wait for your decision
    ToReview,
    /// All visible ones
    All,
}

pub fn name(choice: &impl ValueEnum) -> String {
    choice
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        None => list(args),
        Some(Command::Discard(args)) => discard::run(args),
        Some(Command::CloseReview(args)) => close_review::run(args),
    }
}

fn list(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let mut query = if args.open_reviews {
        vec![("review", "open".to_owned())]
    } else {
        vec![("role", name(&args.role))]
    };
    query.extend(args.state.as_ref().map(|state| ("state", name(state))));
    query.extend(args.user.clone().map(|user| ("user", user)));
    query.extend(args.account.clone().map(|account| ("account", account)));
    query.extend(args.only.query());
    let found = block_on(client.list::<Request>(&["requests"], &query, args.limit))?;
    args.api
        .print_listing(&found, tables::REQUEST_FIELDS, |requests| {
            tables::requests(requests, &Viewpoint::here())
        })?;
    Ok(Exit::Ok)
}
