//! Requests of S3 and S3 Control, which have no table here: buckets stand in the path, and what is asked of them in
//! the query string.

use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::{core::service::SimService, services};

/// Where S3 Control has the public access of accounts.
const OF_ACCOUNTS: &str = "/v20180820/configuration/publicAccessBlock";
const PUBLIC_ACCESS: &str = "publicAccessBlock";
/// The members of a configuration; no other elements are read.
const SETTINGS: [&str; 4] = [
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
];

/// The text of the first element of that name.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = body.split_once(&format!("<{name}>"))?;
    Some(after.split_once("</")?.0.trim())
}

fn configuration(body: &[u8]) -> Value {
    let body = String::from_utf8_lossy(body);
    if !body.contains("PublicAccessBlockConfiguration") {
        return Value::Null;
    }
    let members = SETTINGS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), json!(element(&body, name)?))));
    Value::Object(members.collect())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// A request of S3: the service, the operation, its input.
pub(super) type BucketRequest = (&'static SimService, &'static str, Value);

/// Recognises a request of these operations.
pub(super) fn recognise(
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
    scope: Option<&str>,
) -> Option<BucketRequest> {
    let (service, _) = services::of_xml_root(scope.filter(|it| *it == "s3")?)?;
    let mut input = Map::new();
    let is_public_access = query.split('&').any(|part| {
        let name = part.split('=').next();
        name == Some(PUBLIC_ACCESS)
    });
    let operation = if path == OF_ACCOUNTS {
        let account = header(headers, "x-amz-account-id");
        input.insert("AccountId".to_owned(), account.into());
        match method {
            "GET" => "GetAccountPublicAccessBlock",
            "PUT" => "PutAccountPublicAccessBlock",
            "DELETE" => "DeleteAccountPublicAccessBlock",
            _ => return None,
        }
    } else {
        let bucket = path.trim_matches('/');
        if bucket.is_empty() || bucket.contains('/') {
            return None;
        }
        input.insert("Bucket".to_owned(), bucket.into());
        match (method, is_public_access) {
            ("PUT", false) if query.is_empty() => "CreateBucket",
            ("GET", true) => "GetPublicAccessBlock",
            ("PUT", true) => "PutPublicAccessBlock",
            ("DELETE", true) => "DeletePublicAccessBlock",
            _ => return None,
        }
    };
    let owner = header(headers, "x-amz-expected-bucket-owner");
    if !owner.is_empty() {
        input.insert("ExpectedBucketOwner".to_owned(), owner.into());
    }
    if method == "PUT" && operation != "CreateBucket" {
        let wanted = configuration(body);
        input.insert("PublicAccessBlockConfiguration".to_owned(), wanted);
    }
    Some((service, operation, Value::Object(input)))
}
