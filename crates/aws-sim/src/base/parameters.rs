//! What the JSON paths for people read and answer: the control API and the simulated Slack's own.

use axum::{Json, body::Bytes, extract::Query};
use serde_json::Value;

use crate::base::refusal::Refusal;

/// The parameters of an address, in order.
pub type Parameters = Query<Vec<(String, String)>>;

/// JSON, or why not.
pub type JsonAnswer = Result<Json<Value>, Refusal>;

/// The value of a query parameter.
pub fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// Refuses parameters that are not known.
///
/// # Errors
/// The first of them is named.
pub fn check_parameters(parameters: &[(String, String)], known: &[&str]) -> Result<(), Refusal> {
    match parameters
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        Some((name, _)) => Err(Refusal::bad(name, "unknown parameter")),
        None => Ok(()),
    }
}

/// The JSON of a body.
///
/// # Errors
/// It is not JSON.
pub fn read_json(body: &Bytes) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad("", &format!("not JSON: {error}")))
}
