//! The bytes that a signature covers: the terms of a campaign, then its lines, one JSON text in
//! the form of RFC 8785 per row.

use aws_lc_rs::digest;
use hallpass_audit::{RecordError, canonical};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Campaign, CampaignLine};

/// Changes after the signature, or belongs to the store.
const NOT_SIGNED: [&str; 5] = ["state", "at", "signature", "plan", "version"];

/// # Errors
/// If a value has no canonical form, which none of its types has.
pub fn evidence(campaign: &Campaign, lines: &[CampaignLine]) -> Result<Vec<String>, RecordError> {
    let mut rows = Vec::with_capacity(lines.len() + 1);
    let mut terms = object(campaign)?;
    for name in NOT_SIGNED {
        terms.remove(name);
    }
    rows.push(canonical(&terms)?);
    for line in lines {
        let mut line = object(line)?;
        line.remove("version");
        rows.push(canonical(&line)?);
    }
    Ok(rows)
}

/// The SHA-256 of the rows, each with a line feed, in hexadecimal.
pub fn evidence_sha256<'a>(rows: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for row in rows {
        hash.update(row.as_bytes());
        hash.update(b"\n");
    }
    hex::encode(hash.finish())
}

fn object(of: &impl Serialize) -> Result<Map<String, Value>, RecordError> {
    match serde_json::to_value(of) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(RecordError::NotCanonical("not an object".to_owned())),
        Err(error) => Err(RecordError::NotCanonical(error.to_string())),
    }
}
