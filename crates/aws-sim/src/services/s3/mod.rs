//! S3: buckets with objects, and public access blocks of buckets and accounts. No table.

mod objects;

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    OperationHandler::{Reads, Writes},
    ServiceDescriptor,
};
use crate::core::{
    call::{Output, input_text},
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    exposure::{Bucket, PublicAccess},
    instants::written,
    issue::unique_id,
    service::{BucketSharing, CallRates, PolicyFacts, RequestForm, ScopeRegions, SimService},
    windows::Window,
};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        name: "S3",
        signing_name: "s3",
        page_rows: 1_000,
        requests: RequestForm::XmlRoot("ListBuckets"),
        scope: ScopeRegions::Regional,
        rates: CallRates::one(BucketSharing::Account, 100.0, 100.0),
        errors: ErrorForms {
            throttled: || ApiError::new("SlowDown", "Please reduce your request rate.").status(503),
            internal: |text| ApiError::new("InternalError", text),
            ..errors::QUERY
        },
        policies: Some(PolicyFacts {
            other_actions: &[
                ("ListBuckets", "ListAllMyBuckets"),
                ("ListObjects", "ListBucket"),
                ("ListObjectsV2", "ListBucket"),
                ("HeadBucket", "ListBucket"),
                ("HeadObject", "GetObject"),
                ("GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
                ("PutPublicAccessBlock", "PutBucketPublicAccessBlock"),
                ("DeletePublicAccessBlock", "PutBucketPublicAccessBlock"),
                (
                    "DeleteAccountPublicAccessBlock",
                    "PutAccountPublicAccessBlock",
                ),
            ],
            resources: |_, _, _, input| {
                let bucket = input_text(input, "Bucket");
                let key = input_text(input, "Key").map(|key| format!("/{key}"));
                let key = key.unwrap_or_default();
                let arn = bucket.map(|name| format!("arn:aws:s3:::{name}{key}"));
                arn.into_iter().collect()
            },
            ..PolicyFacts::BY_NAME
        }),
        secrets: &["Body"],
        names_origin: false,
    },
    begin: |call| call.admit(),
    operations: &[
        &[
            ("ListBuckets", Reads(|call| Ok(Output::Xml(buckets(call))))),
            ("CreateBucket", Writes(create)),
            ("GetPublicAccessBlock", Reads(get)),
            ("PutPublicAccessBlock", Writes(put)),
            ("DeletePublicAccessBlock", Writes(delete)),
            ("GetAccountPublicAccessBlock", Reads(get_of_account)),
            ("PutAccountPublicAccessBlock", Writes(put_of_account)),
            ("DeleteAccountPublicAccessBlock", Writes(delete_of_account)),
        ],
        objects::OPERATIONS,
    ],
};

fn buckets(context: &Context<'_>) -> String {
    let account = &context.caller.account;
    let owner = unique_id(context.state.seed, "", account);
    let mut rows = String::new();
    let all = context.state.exposure.buckets.iter();
    for (name, bucket) in all.filter(|(_, it)| *account == *it.account) {
        let made = written(bucket.created);
        let region = &bucket.region;
        let _ = write!(
            rows,
            "<Bucket><Name>{name}</Name><CreationDate>{made}</CreationDate>\
             <BucketRegion>{region}</BucketRegion></Bucket>"
        );
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListAllMyBucketsResult \
         xmlns=\"{NAMESPACE}\"><Owner><ID>{owner}</ID></Owner>\
         <Buckets>{rows}</Buckets></ListAllMyBucketsResult>"
    )
}

/// `CreateBucket`: names are global.
fn create(context: &mut Context<'_>) -> HandlerResult {
    let name = context.text("Bucket").to_owned();
    let account = context.caller.account.clone();
    if let Some(taken) = context.state.exposure.buckets.get(&name) {
        let own = taken.account == account;
        let (code, text) = if own {
            let text = "Your previous request to create the named bucket succeeded and you already own it.";
            ("BucketAlreadyOwnedByYou", text)
        } else {
            let text = "The requested bucket name is not available.";
            ("BucketAlreadyExists", text)
        };
        return Err(ApiError::new(code, text).status(409));
    }
    let bucket = Bucket {
        account,
        region: context.call.region.clone(),
        created: context.now,
        // AWS: "Blocking public access to your Amazon S3 storage": on for new buckets since April
        // 2023
        blocked: Some(PublicAccess::ALL),
    };
    context.state.exposure.buckets.insert(name, bucket);
    context.write(Window::Immediate);
    Ok(Output::Xml(String::new()))
}

/// The named bucket, if the caller owns it.
fn own<'a>(context: &'a Context<'_>) -> Result<&'a Bucket, ApiError> {
    let name = context.text("Bucket");
    let found = context.state.exposure.buckets.get(name).ok_or_else(|| {
        ApiError::new("NoSuchBucket", "The specified bucket does not exist").status(404)
    })?;
    let expected = context.optional("ExpectedBucketOwner");
    let is_own = *context.caller.account == *found.account;
    if !is_own || expected.is_some_and(|it| it != found.account) {
        return Err(ApiError::denied("AccessDenied", "Access Denied").status(403));
    }
    Ok(found)
}

fn shown(blocked: Option<PublicAccess>) -> HandlerResult {
    let blocked = blocked.ok_or_else(|| {
        let text = "The public access block configuration was not found";
        ApiError::new("NoSuchPublicAccessBlockConfiguration", text).status(404)
    })?;
    let mut rows = String::new();
    for (name, on) in blocked.members() {
        let _ = write!(rows, "<{name}>{on}</{name}>");
    }
    Ok(Output::Xml(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PublicAccessBlockConfiguration \
         xmlns=\"{NAMESPACE}\">{rows}</PublicAccessBlockConfiguration>"
    )))
}

fn get(context: &Context<'_>) -> HandlerResult {
    shown(own(context)?.blocked)
}

fn wanted(context: &Context<'_>) -> Result<PublicAccess, ApiError> {
    let found = context.call.input.get("PublicAccessBlockConfiguration");
    let members = found.and_then(Value::as_object).ok_or_else(|| {
        let text = "The XML you provided was not well-formed or did not validate against our published schema";
        ApiError::new("MalformedXML", text)
    })?;
    Ok(PublicAccess::of(members))
}

fn set(context: &mut Context<'_>, blocked: Option<PublicAccess>) -> HandlerResult {
    own(context)?;
    let name = context.text("Bucket");
    if let Some(bucket) = context.state.exposure.buckets.get_mut(name) {
        bucket.blocked = blocked;
    }
    context.write(Window::Immediate);
    Ok(Output::Xml(String::new()))
}

fn put(context: &mut Context<'_>) -> HandlerResult {
    let wanted = wanted(context)?;
    set(context, Some(wanted))
}

fn delete(context: &mut Context<'_>) -> HandlerResult {
    set(context, None)
}

/// The account in an S3 Control call must be the caller's.
fn own_account(context: &Context<'_>) -> Result<String, ApiError> {
    let account = context.caller.account.clone();
    if context.optional("AccountId") == Some(account.as_str()) {
        return Ok(account);
    }
    Err(ApiError::denied("AccessDenied", "Access Denied").status(403))
}

fn get_of_account(context: &Context<'_>) -> HandlerResult {
    let account = own_account(context)?;
    shown(context.state.exposure.accounts.get(&account).copied())
}

fn put_of_account(context: &mut Context<'_>) -> HandlerResult {
    let (account, wanted) = (own_account(context)?, wanted(context)?);
    context.state.exposure.accounts.insert(account, wanted);
    context.write(Window::Immediate);
    Ok(Output::Xml(String::new()))
}

fn delete_of_account(context: &mut Context<'_>) -> HandlerResult {
    let account = own_account(context)?;
    context.state.exposure.accounts.remove(&account);
    context.write(Window::Immediate);
    Ok(Output::Xml(String::new()))
}
