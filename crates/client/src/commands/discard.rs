use crate::api_args::ApiArgs;
use crate::ids::request_id;
use crate::request_press::press;
use hallpass_terminal::exit::Outcome;
use serde_json::json;

/// Discard your request before it is decided
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass discard req_01934a5b6c7d7e8f90123456789abcde")]
pub struct Args {
    /// The request
    #[arg(value_name = "REQUEST", value_parser = request_id)]
    id: String,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    press(&args.api, &args.id, "discard", &json!({}))
}
