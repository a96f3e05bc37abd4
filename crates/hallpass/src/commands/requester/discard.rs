//! `hallpass discard`: take a request back.

use hallpass_model::RequestId;
use serde_json::json;

use crate::commands::ApiArgs;
use crate::commands::request_press::press;
use crate::exit::Outcome;
use crate::ids::request_id;

/// Discard a request of yours before it is decided
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass discard req_01934a5b6c7d7e8f90123456789abcde")]
pub(crate) struct Args {
    /// The request
    #[arg(value_name = "REQUEST", value_parser = request_id)]
    id: RequestId,
    #[command(flatten)]
    api: ApiArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    press(&args.api, args.id, "discard", &json!({}))
}
