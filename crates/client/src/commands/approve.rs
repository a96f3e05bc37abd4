use crate::api_args::ApiArgs;
use crate::confirming::ConfirmArgs;
use crate::ids::request_id;
use crate::request_press::press_confirmed;
use hallpass_api::Approve;
use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Outcome;

/// Approve a request, with a comment or for a shorter time
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass requests --role to-review\n  \
                  hallpass approve req_01934a5b6c7d7e8f90123456789abcde\n  \
                  hallpass approve req_01934a5b6c7d7e8f90123456789abcde --for 1h --comment 'an hour will do'")]
pub struct Args {
    /// The request
    #[arg(value_name = "REQUEST", value_parser = request_id)]
    id: String,
    /// Comment for the requester and the other approvers; this is recorded
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Maximum duration, if shorter than requested: `90m`, `1h30m`, `01:30`
    #[arg(long = "for", value_name = "DURATION")]
    duration: Option<TimeSpan>,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    let body = |confirmed_warnings| Approve {
        comment: args.comment.clone(),
        duration_seconds: args.duration.map(TimeSpan::as_seconds),
        confirmed_warnings,
    };
    press_confirmed(&args.api, &args.confirm, &args.id, "approve", body)
}
