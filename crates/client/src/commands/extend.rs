use crate::api_args::ApiArgs;
use crate::client::block_on;
use crate::confirming::ConfirmArgs;
use crate::ids::GrantRef;
use hallpass_api::{Extend, Request};
use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Outcome;

use super::request::{WaitArgs, see_through};

/// Request more time for your access; this is a new request
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Request more time for your access; this is a new request\n\nThe new length counts \
                  from its approval. Without an answer the access ends as before.",
    after_help = "Example:\n  hallpass extend grn_01934a5b6c7d7e8f90123456789abcde --for 1h --wait"
)]
pub struct Args {
    /// The grant, or its request
    #[arg(value_name = "GRANT")]
    id: GrantRef,
    /// The new length, counted from its approval: `90m`, `1h30m`, `01:30`
    #[arg(long = "for", value_name = "DURATION")]
    duration: TimeSpan,
    /// Why [default: the grant's reason]
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// A ticket, if a rule requires one [default: that of the grant's request]
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let body = |confirmed_warnings| Extend {
        duration_seconds: args.duration.as_seconds(),
        reason: args.reason.clone(),
        ticket: args.ticket.clone(),
        confirmed_warnings,
    };
    block_on(async {
        let id = args.id.resolve(&client).await?;
        let path = ["grants", &id, "extend"];
        let request: Request = args.confirm.post(&client, &path, body).await?;
        see_through(&client, request, &args.wait, args.api.format()).await
    })
}
