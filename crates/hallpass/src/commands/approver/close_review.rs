//! `hallpass close-review`: close the review of a break-glass grant.

use hallpass_api::{CloseReview, Request};
use hallpass_model::RequestId;

use crate::client::block_on;
use crate::commands::ApiArgs;
use crate::exit::{Exit, Outcome};
use crate::ids::request_id;
use crate::output;
use crate::tables::{self, Viewpoint};

/// Close the review of somebody's break-glass access
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass requests --open-reviews\n  \
                  hallpass close-review req_01934a5b6c7d7e8f90123456789abcde \\\n      \
                  --reason 'looked at every call; right so'")]
pub(crate) struct Args {
    /// The request for which the glass was broken
    #[arg(value_name = "REQUEST", value_parser = request_id)]
    id: RequestId,
    /// What you found; this is recorded and the requester is told
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let body = CloseReview {
        reason: args.reason.clone(),
    };
    let path = ["requests", &args.id.to_string(), "close-review"];
    let request: Request = block_on(client.post(&path, &body))?;
    output::one(args.api.format(), &request, tables::REQUEST_FIELDS, || {
        tables::request(&request, &Viewpoint::here())
    })?;
    Ok(Exit::Ok)
}
