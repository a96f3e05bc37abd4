//! Requests of S3 and S3 Control, without tables: bucket in the path, operation in the query
//! string.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::{chunks, parsed::RequestParts, rest::decoded};
use crate::{
    core::{errors::ApiError, service::SimService},
    services,
};

/// S3 Control's path for an account's public access block.
const OF_ACCOUNTS: &str = "/v20180820/configuration/publicAccessBlock";
const PUBLIC_ACCESS: &str = "publicAccessBlock";
/// The configuration's members; other elements are ignored.
const SETTINGS: [&str; 4] = [
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
];

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

/// The service, the operation, its input or an input error.
pub(super) type BucketRequest = (&'static SimService, &'static str, Result<Value, ApiError>);

const LISTING: [(&str, &str); 9] = [
    ("list-type", ""),
    ("fetch-owner", ""),
    ("encoding-type", ""),
    ("prefix", "Prefix"),
    ("delimiter", "Delimiter"),
    ("marker", "Marker"),
    ("start-after", "StartAfter"),
    ("continuation-token", "ContinuationToken"),
    ("max-keys", "MaxKeys"),
];

pub(super) fn recognise(parts: &RequestParts<'_>) -> Option<BucketRequest> {
    let (service, _) = services::of_xml_root(parts.scope.filter(|it| *it == "s3")?)?;
    let body = chunks::content(parts.headers, parts.body);
    let content = body.as_deref().unwrap_or_default();
    let mut input = Map::new();
    let operation = if parts.path == OF_ACCOUNTS {
        let account = header(parts.headers, "x-amz-account-id");
        input.insert("AccountId".to_owned(), account.into());
        of_account(parts.method)?
    } else {
        let (bucket, key) = parts
            .path
            .trim_start_matches('/')
            .split_once('/')
            .unwrap_or((parts.path.trim_start_matches('/'), ""));
        if bucket.is_empty() {
            return None;
        }
        input.insert("Bucket".to_owned(), bucket.into());
        let query: Vec<(String, String)> = form_urlencoded::parse(parts.query.as_bytes())
            .into_owned()
            .collect();
        if key.is_empty() {
            of_bucket(parts.method, &query, &mut input)?
        } else {
            input.insert("Key".to_owned(), decoded(key).into());
            of_object(parts.method, &query, parts.headers, content, &mut input)?
        }
    };
    let owner = header(parts.headers, "x-amz-expected-bucket-owner");
    if !owner.is_empty() {
        input.insert("ExpectedBucketOwner".to_owned(), owner.into());
    }
    if operation.ends_with("PublicAccessBlock") && parts.method == "PUT" {
        let wanted = configuration(content);
        input.insert("PublicAccessBlockConfiguration".to_owned(), wanted);
    }
    let input = body.map(|_| Value::Object(input));
    Some((service, operation, input))
}

fn of_account(method: &str) -> Option<&'static str> {
    Some(match method {
        "GET" => "GetAccountPublicAccessBlock",
        "PUT" => "PutAccountPublicAccessBlock",
        "DELETE" => "DeleteAccountPublicAccessBlock",
        _ => return None,
    })
}

fn of_bucket(
    method: &str,
    query: &[(String, String)],
    input: &mut Map<String, Value>,
) -> Option<&'static str> {
    let has = |name: &str| query.iter().any(|(key, _)| key == name);
    Some(match method {
        "HEAD" if query.is_empty() => "HeadBucket",
        "PUT" if query.is_empty() => "CreateBucket",
        "GET" if has(PUBLIC_ACCESS) => "GetPublicAccessBlock",
        "PUT" if has(PUBLIC_ACCESS) => "PutPublicAccessBlock",
        "DELETE" if has(PUBLIC_ACCESS) => "DeletePublicAccessBlock",
        "GET" if has("location") => "GetBucketLocation",
        "GET" => {
            for (name, value) in query {
                let (_, member) = LISTING.iter().find(|(known, _)| known == name)?;
                if !member.is_empty() {
                    input.insert((*member).to_owned(), value.as_str().into());
                }
            }
            let is_second = query.iter().any(|it| it.0 == "list-type" && it.1 == "2");
            if is_second {
                "ListObjectsV2"
            } else {
                "ListObjects"
            }
        }
        _ => return None,
    })
}

fn of_object(
    method: &str,
    query: &[(String, String)],
    headers: &HeaderMap,
    body: &[u8],
    input: &mut Map<String, Value>,
) -> Option<&'static str> {
    // SDKs add it as an operation name
    if query.iter().any(|(name, _)| name != "x-id") {
        return None;
    }
    Some(match method {
        "GET" => {
            let range = header(headers, "range");
            if !range.is_empty() {
                input.insert("Range".to_owned(), range.into());
            }
            let wanted = header(headers, "if-match");
            if !wanted.is_empty() {
                input.insert("IfMatch".to_owned(), wanted.into());
            }
            "GetObject"
        }
        "HEAD" => "HeadObject",
        "DELETE" => "DeleteObject",
        "PUT" if header(headers, "x-amz-copy-source").is_empty() => {
            let said = headers.iter().filter_map(|(name, value)| {
                let name = name.as_str().strip_prefix("x-amz-meta-")?;
                Some((name.to_owned(), json!(value.to_str().ok()?)))
            });
            input.insert("Metadata".to_owned(), Value::Object(said.collect()));
            input.insert("Body".to_owned(), STANDARD.encode(body).into());
            "PutObject"
        }
        _ => return None,
    })
}
