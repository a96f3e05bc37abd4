//! Objects of trails and of callers. Writes enter the state log, so that their events are durable;
//! the objects are in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{NAMESPACE, own};
use crate::core::{
    bus::{BusEvent, put_event},
    call::{ObjectAnswer, Output},
    context::{Context, HandlerResult},
    digests::sha256_hex,
    errors::ApiError,
    instants::written,
    objects::{KeyPage, ListedKeys, StoredObject},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("HeadBucket", Reads(head_bucket)),
    ("GetBucketLocation", Reads(location)),
    ("ListObjects", Reads(list)),
    ("ListObjectsV2", Reads(list_second)),
    ("GetObject", Reads(get)),
    ("HeadObject", Reads(head)),
    ("PutObject", Writes(put)),
    ("DeleteObject", Writes(delete)),
];

/// Maximum and default rows of a page (AWS S3 API, "`ListObjectsV2`").
const PAGE_ROWS: usize = 1_000;

fn head_bucket(context: &Context<'_>) -> HandlerResult {
    let region = own(context)?.region.clone();
    Ok(answer(
        200,
        vec![("x-amz-bucket-region".to_owned(), region)],
        Arc::from([]),
    ))
}

fn location(context: &Context<'_>) -> HandlerResult {
    let region = match own(context)?.region.as_str() {
        "us-east-1" => "",
        region => region,
    };
    Ok(Output::Xml(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint xmlns=\"{NAMESPACE}\">{region}</LocationConstraint>"
    )))
}

fn page<'a>(context: &'a Context<'_>, after: &str) -> Result<(KeyPage<'a>, usize), ApiError> {
    own(context)?;
    let rows_max = match context.optional("MaxKeys").map(str::parse::<usize>) {
        None => PAGE_ROWS,
        Some(Ok(rows)) => rows.min(PAGE_ROWS),
        Some(Err(_)) => {
            let text = "Provided max-keys not an integer or within integer range";
            return Err(ApiError::new("InvalidArgument", text));
        }
    };
    let wanted = ListedKeys {
        prefix: context.text("Prefix"),
        delimiter: context.text("Delimiter"),
        after,
        rows_max,
    };
    let objects = &context.state.deliveries.objects;
    Ok((objects.list(context.text("Bucket"), wanted), rows_max))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let marker = context.text("Marker");
    let (page, rows_max) = page(context, marker)?;
    let mut head = format!("<Marker>{}</Marker>", escaped(marker));
    // AWS returns it only with a delimiter
    if let Some(last) = page
        .last
        .as_ref()
        .filter(|_| !context.text("Delimiter").is_empty())
    {
        let _ = write!(head, "<NextMarker>{}</NextMarker>", escaped(last));
    }
    Ok(listed(context, &page, rows_max, &head))
}

fn list_second(context: &Context<'_>) -> HandlerResult {
    let after = match context.optional("ContinuationToken") {
        Some(token) => {
            let known = STANDARD.decode(token).ok();
            known
                .and_then(|it| String::from_utf8(it).ok())
                .ok_or_else(|| {
                    let text = "The continuation token provided is incorrect";
                    ApiError::new("InvalidArgument", text)
                })?
        }
        None => context.text("StartAfter").to_owned(),
    };
    let (page, rows_max) = page(context, &after)?;
    let rows = page.objects.len() + page.prefixes.len();
    let mut head = format!("<KeyCount>{rows}</KeyCount>");
    if let Some(last) = &page.last {
        let token = STANDARD.encode(last);
        let _ = write!(
            head,
            "<NextContinuationToken>{token}</NextContinuationToken>"
        );
    }
    Ok(listed(context, &page, rows_max, &head))
}

fn listed(context: &Context<'_>, page: &KeyPage<'_>, rows_max: usize, head: &str) -> Output {
    let mut rows = String::new();
    for (key, object) in &page.objects {
        let (key, modified, tag) = (escaped(key), written(object.modified), tag(object));
        let bytes = object.bytes.len();
        let _ = write!(
            rows,
            "<Contents><Key>{key}</Key><LastModified>{modified}</LastModified><ETag>&quot;{tag}&quot;</ETag>\
             <Size>{bytes}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        );
    }
    for prefix in &page.prefixes {
        let prefix = escaped(prefix);
        let _ = write!(
            rows,
            "<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>"
        );
    }
    let (bucket, prefix) = (context.text("Bucket"), escaped(context.text("Prefix")));
    let delimiter = match context.text("Delimiter") {
        "" => String::new(),
        delimiter => format!("<Delimiter>{}</Delimiter>", escaped(delimiter)),
    };
    let is_cut = page.last.is_some();
    Output::Xml(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"{NAMESPACE}\"><Name>{bucket}</Name>\
         <Prefix>{prefix}</Prefix>{delimiter}<MaxKeys>{rows_max}</MaxKeys><IsTruncated>{is_cut}</IsTruncated>{head}{rows}\
         </ListBucketResult>"
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The `ETag`; AWS's is usually an MD5, without guarantee.
fn tag(object: &StoredObject) -> String {
    let mut digits = sha256_hex(&object.bytes);
    digits.truncate(32);
    digits
}

fn found<'a>(context: &'a Context<'_>) -> Result<&'a StoredObject, ApiError> {
    own(context)?;
    let (bucket, key) = (context.text("Bucket"), context.text("Key"));
    let object = context.state.deliveries.objects.get(bucket, key);
    object
        .ok_or_else(|| ApiError::new("NoSuchKey", "The specified key does not exist.").status(404))
}

fn headers(object: &StoredObject) -> Vec<(String, String)> {
    let at = Timestamp::from_millisecond(object.modified).unwrap_or_default();
    let modified = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let said = object.metadata.iter();
    let said = said.map(|(name, value)| (format!("x-amz-meta-{name}"), value.clone()));
    let own = [
        ("last-modified".to_owned(), modified),
        ("etag".to_owned(), format!("\"{}\"", tag(object))),
        ("accept-ranges".to_owned(), "bytes".to_owned()),
    ];
    own.into_iter().chain(said).collect()
}

fn answer(http: u16, headers: Vec<(String, String)>, bytes: Arc<[u8]>) -> Output {
    Output::Object(Box::new(ObjectAnswer {
        http,
        headers,
        bytes,
    }))
}

/// `GetObject`, optionally of a range.
fn get(context: &Context<'_>) -> HandlerResult {
    let object = found(context)?;
    let wanted = context.optional("IfMatch").map(|it| it.trim_matches('"'));
    if wanted.is_some_and(|wanted| wanted != "*" && wanted != tag(object)) {
        let text = "At least one of the pre-conditions you specified did not hold";
        return Err(ApiError::new("PreconditionFailed", text).status(412));
    }
    let mut headers = headers(object);
    let Some((from, to)) = context.optional("Range").and_then(range) else {
        return Ok(answer(200, headers, Arc::clone(&object.bytes)));
    };
    let length = object.bytes.len();
    let end = to.map_or(length, |to| to.saturating_add(1).min(length));
    let Some(part) = object.bytes.get(from..end).filter(|it| !it.is_empty()) else {
        let text = "The requested range is not satisfiable";
        return Err(ApiError::new("InvalidRange", text).status(416));
    };
    let place = format!("bytes {from}-{}/{length}", end - 1);
    headers.push(("content-range".to_owned(), place));
    Ok(answer(206, headers, part.into()))
}

/// `bytes=1-2` or `bytes=1-`; ignores other forms, like an unknown unit (RFC 9110).
fn range(text: &str) -> Option<(usize, Option<usize>)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let to = match to {
        "" => None,
        to => Some(to.parse().ok()?),
    };
    Some((from.parse().ok()?, to))
}

fn head(context: &Context<'_>) -> HandlerResult {
    let object = found(context)?;
    // sends the length of the omitted body
    Ok(answer(200, headers(object), Arc::clone(&object.bytes)))
}

fn put(context: &mut Context<'_>) -> HandlerResult {
    let home = own(context)?;
    let bus = (home.account.clone(), home.region.clone());
    let body = STANDARD.decode(context.text("Body"));
    let body = body.map_err(|_| ApiError::new("IncompleteBody", "The body is not whole."))?;
    let said = context
        .call
        .input
        .get("Metadata")
        .and_then(Value::as_object);
    let metadata: BTreeMap<String, String> = said
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    let object = StoredObject {
        bytes: body.into(),
        modified: context.now,
        metadata,
    };
    context.write(Window::Immediate);
    let (etag, size) = (tag(&object), object.bytes.len());
    let (bucket, key) = (
        context.text("Bucket").to_owned(),
        context.text("Key").to_owned(),
    );
    context.state.deliveries.objects.put(&bucket, &key, object);
    // every bucket notifies EventBridge (Amazon S3 User Guide, "EventBridge event message
    // structure")
    let requester = context.caller.account.clone();
    let event = BusEvent {
        source: "aws.s3",
        detail_type: "Object Created",
        resources: vec![format!("arn:aws:s3:::{bucket}")],
        detail: json!({
            "version": "0", "bucket": { "name": bucket },
            "object": { "key": key, "size": size, "etag": etag }, "requester": requester, "reason": "PutObject",
        }),
    };
    put_event(context.state, &BTreeSet::from([bus]), &event);
    let tag = ("etag".to_owned(), format!("\"{etag}\""));
    Ok(answer(200, vec![tag], Arc::from([])))
}

/// `DeleteObject`: idempotent.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    own(context)?;
    context.write(Window::Immediate);
    let (bucket, key) = (context.text("Bucket"), context.text("Key"));
    context.state.deliveries.objects.remove(bucket, key);
    Ok(answer(204, Vec::new(), Arc::from([])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_or_passed_over() {
        for (text, wanted) in [
            ("bytes=0-3", Some((0, Some(3)))),
            ("bytes=5-", Some((5, None))),
            ("bytes=-5", None),
            ("lines=1-2", None),
            ("bytes=a-b", None),
        ] {
            assert_eq!(range(text), wanted, "{text}");
        }
    }
}
