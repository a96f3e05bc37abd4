//! Tags of calls to services with case-insensitive keys.

use serde_json::Value;

use super::{
    entities::{Tags, read_tags},
    errors::ApiError,
};

/// Reads tags of IAM or STS (IAM User Guide, "Rules for tagging in IAM and AWS STS": keys are
/// case-insensitive, and the prefix `aws:` is reserved).
///
/// # Errors
/// Keys that differ in case only, and reserved keys, under the service's `code`.
pub(crate) fn given_tags(rows: Option<&Value>, code: &str) -> Result<Tags, ApiError> {
    let tags = read_tags(rows);
    let count = rows.and_then(Value::as_array).map_or(0, Vec::len);
    let mut keys: Vec<String> = tags.keys().map(|it| it.to_lowercase()).collect();
    if keys.iter().any(|it| it.starts_with("aws:")) {
        let text = "Tag keys that begin with aws: are reserved for system use.";
        return Err(ApiError::new(code, text));
    }
    keys.sort();
    keys.dedup();
    if keys.len() < count {
        let text = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        return Err(ApiError::new(code, text));
    }
    Ok(tags)
}

/// Adds tags; replaces keys that differ in case only.
pub(crate) fn put_tags(tags: &mut Tags, given: Tags) {
    tags.retain(|held, _| !given.keys().any(|it| it.eq_ignore_ascii_case(held)));
    tags.extend(given);
}
