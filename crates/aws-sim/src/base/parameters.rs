//! Parameters and JSON of the control API and the simulated Slack's own paths.

use axum::{Json, body::Bytes, extract::Query};
use serde_json::Value;

use crate::base::refusal::Refusal;

pub type Parameters = Query<Vec<(String, String)>>;

pub type JsonAnswer = Result<Json<Value>, Refusal>;

pub fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// Refuses unknown parameters.
///
/// # Errors
/// Names the first one.
pub fn check_parameters(parameters: &[(String, String)], known: &[&str]) -> Result<(), Refusal> {
    match parameters
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        Some((name, _)) => Err(Refusal::bad(name, "unknown parameter")),
        None => Ok(()),
    }
}

pub fn read_json(body: &Bytes) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad("", &format!("not JSON: {error}")))
}
