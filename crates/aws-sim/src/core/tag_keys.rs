//! Tags that a call gives, where a service takes their keys without regard to case.

use serde_json::Value;

use super::{
    entities::{Tags, read_tags},
    errors::ApiError,
};

/// The tags of a call to IAM or STS (IAM User Guide, "Rules for tagging in IAM and AWS STS": keys are told apart without regard
/// to case, and those that begin with `aws:` are AWS's own).
///
/// # Errors
/// Two keys that differ in case only, and a key of AWS's own, under the service's `code`.
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

/// Adds tags; one whose key is there in another case takes the place of that one.
pub(crate) fn put_tags(tags: &mut Tags, given: Tags) {
    tags.retain(|held, _| !given.keys().any(|it| it.eq_ignore_ascii_case(held)));
    tags.extend(given);
}
