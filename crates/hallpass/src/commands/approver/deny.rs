//! `hallpass deny`: say no to a request.

use hallpass_api::Deny;
use hallpass_model::RequestId;

use crate::commands::ApiArgs;
use crate::commands::request_press::press;
use crate::exit::Outcome;
use crate::ids::request_id;

/// Deny a request; the requester is told at once
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass deny req_01934a5b6c7d7e8f90123456789abcde \
                  --reason 'use ReadOnly for this'"
)]
pub(crate) struct Args {
    /// The request
    #[arg(value_name = "REQUEST", value_parser = request_id)]
    id: RequestId,
    /// Words for the requester
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let body = Deny {
        reason: args.reason.clone(),
    };
    press(&args.api, args.id, "deny", &body)
}
