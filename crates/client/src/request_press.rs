use hallpass_api::Request;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;
use serde::Serialize;

use crate::api_args::ApiArgs;
use crate::client::block_on;
use crate::confirming::ConfirmArgs;
use crate::tables::{self, Viewpoint};

pub fn press(api: &ApiArgs, id: &str, press: &str, body: &impl Serialize) -> Outcome {
    let client = api.client()?;
    let path = ["requests", id, press];
    let request: Request = block_on(client.post(&path, body))?;
    print(api, &request)
}

pub fn press_confirmed<B: Serialize>(
    api: &ApiArgs,
    confirm: &ConfirmArgs,
    id: &str,
    press: &str,
    body: impl Fn(Vec<String>) -> B,
) -> Outcome {
    let client = api.client()?;
    let path = ["requests", id, press];
    let request: Request = block_on(confirm.post(&client, &path, body))?;
    print(api, &request)
}

pub fn print(api: &ApiArgs, request: &Request) -> Outcome {
    output::one(api.format(), request, tables::REQUEST_FIELDS, || {
        tables::request(request, &Viewpoint::here())
    })?;
    Ok(Exit::Ok)
}
