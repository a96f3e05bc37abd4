//! `hallpass deny`: say no to a request.

use hallpass_api::{Deny, Request};
use hallpass_model::RequestId;

use crate::client::block_on;
use crate::commands::ApiArgs;
use crate::exit::{Exit, Outcome};
use crate::ids::request_id;
use crate::output;
use crate::tables::{self, Viewpoint};

/// Say no to a request; the requester is told at once
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
    let client = args.api.client()?;
    let body = Deny {
        reason: args.reason.clone(),
    };
    let path = ["requests", &args.id.to_string(), "deny"];
    let request: Request = block_on(client.post(&path, &body))?;
    output::one(args.api.format(), &request, tables::REQUEST_FIELDS, || {
        tables::request(&request, &Viewpoint::here())
    })?;
    Ok(Exit::Ok)
}
