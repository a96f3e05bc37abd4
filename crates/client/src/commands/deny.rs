use crate::api_args::ApiArgs;
use crate::ids::request_id;
use crate::request_press::press;
use hallpass_api::Deny;
use hallpass_terminal::exit::Outcome;

/// Deny a request; the requester is notified immediately
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass deny req_01934a5b6c7d7e8f90123456789abcde \
                  --reason 'use ReadOnly for this'"
)]
pub struct Args {
    /// The request
    #[arg(value_name = "REQUEST", value_parser = request_id)]
    id: String,
    /// Reason for the requester
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    let body = Deny {
        reason: args.reason.clone(),
    };
    press(&args.api, &args.id, "deny", &body)
}
