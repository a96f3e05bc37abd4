use crate::api_args::ApiArgs;
use crate::ids::request_id;
use crate::request_press::press;
use hallpass_api::CloseReview;
use hallpass_terminal::exit::Outcome;

/// Close the review of a user's break-glass access
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass requests --open-reviews\n  \
                  hallpass requests close-review req_01934a5b6c7d7e8f90123456789abcde \\\n      \
                  --reason 'looked at every call; right so'")]
pub struct Args {
    /// The break-glass request
    #[arg(value_name = "REQUEST", value_parser = request_id)]
    id: String,
    /// Your findings; this is recorded and sent to the requester
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    let body = CloseReview {
        reason: args.reason.clone(),
    };
    press(&args.api, &args.id, "close-review", &body)
}
