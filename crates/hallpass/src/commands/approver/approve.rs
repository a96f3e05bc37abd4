//! `hallpass approve`: say yes to a request.

use hallpass_api::Request;
use hallpass_model::RequestId;
use serde_json::json;

use crate::client::block_on;
use crate::commands::ApiArgs;
use crate::exit::{Exit, Outcome};
use crate::ids::request_id;
use crate::output;
use crate::tables::{self, Viewpoint};

/// Say yes to a request
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass requests --role to-review\n  hallpass approve req_01934a5b6c7d7e8f90123456789abcde"
)]
pub(crate) struct Args {
    /// The request
    #[arg(value_name = "REQUEST", value_parser = request_id)]
    id: RequestId,
    #[command(flatten)]
    api: ApiArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let path = ["requests", &args.id.to_string(), "approve"];
    let request: Request = block_on(client.post(&path, &json!({})))?;
    output::one(args.api.format(), &request, tables::REQUEST_FIELDS, || {
        tables::request(&request, &Viewpoint::here())
    })?;
    Ok(Exit::Ok)
}
