//! Reads AWS's record of a denied call with the caller's credentials.

use std::env;

use hallpass_aws::RoleToAssume;
use hallpass_iam::denial::DenialDetails;
use hallpass_org::{ReadCallFailed, ReadCalls, ReadPlace};
use hallpass_terminal::exit::Failure;
use serde_json::{Map, Value};

use crate::host::home_region::home_region;
use crate::host::named_calls::NamedCalls;

/// Page limit; a request has few.
const PAGES_MAX: usize = 50;

/// Details of a denial by authorization id, from the Region of the call [default: the
/// environment's]. Needs `iam:GetRequestAuthorizationDetails`, and credentials of the denied
/// caller's account or organization (IAM Toolbox API Reference,
/// "`GetRequestAuthorizationDetails`").
///
/// # Errors
/// AWS's error: it stores details for at least a day, per Region.
pub async fn denial_details(
    authorization_id: &str,
    region: Option<&String>,
) -> Result<DenialDetails, Failure> {
    let environment = env::var("AWS_REGION").ok().filter(|it| !it.is_empty());
    let region = home_region(region.or(environment.as_ref()))?;
    let calls = NamedCalls::new(region.clone(), RoleToAssume::default(), 1).await?;
    let pages = pages(&calls, authorization_id).await;
    let pages = pages.map_err(|failed| refused(authorization_id, &region, failed))?;
    Ok(DenialDetails::read(authorization_id, &region, &pages))
}

async fn pages(calls: &dyn ReadCalls, id: &str) -> Result<Vec<Value>, ReadCallFailed> {
    let place = ReadPlace::default();
    let mut input = Map::new();
    input.insert("authorizationId".to_owned(), id.into());
    let mut pages = Vec::new();
    for _ in 0..PAGES_MAX {
        let whole = Value::Object(input.clone());
        let asked = calls.call(
            &place,
            ("iam-toolbox", "GetRequestAuthorizationDetails"),
            &whole,
        );
        let (page, next) = asked.await?;
        pages.push(page);
        match next {
            Some(next) => input.extend(next),
            None => break,
        }
    }
    Ok(pages)
}

fn refused(id: &str, region: &str, failed: ReadCallFailed) -> Failure {
    let (code, message) = (failed.code, failed.message);
    let failure = Failure::failed(format!(
        "AWS does not tell of denial `{id}` in {region}: {code}: {message}"
    ));
    match code.as_str() {
        "ResourceNotFoundException" => failure.code("unknown-denial").help(
            "AWS keeps details for a day or more, in the Region where the call was denied: `AWS_REGION` names it, and credentials \
             have to be of the same account or organization",
        ),
        "AccessDeniedException" => failure.help(
            "these credentials need `iam:GetRequestAuthorizationDetails`; `hallpass request --denied` takes the whole message as well",
        ),
        _ => failure,
    }
}
