//! Evidence of a report for auditors: every source with its SHA-256 (`inventory.md` H-15).

use hallpass_terminal::exit::Failure;
use serde_json::{Value, json};

use super::reading::RanReport;

pub fn document(ran: &RanReport) -> Value {
    let mut document = json!({
        "as_of": ran.as_of,
        "coverage_from": ran.coverage_from,
        "identity_store_id": ran.people.identity_store_id,
        "warn_days": ran.limits.password.warn_days,
        "expire_days": ran.limits.password.over_days,
        "inactive_warn_days": ran.limits.activity.warn_days,
        "inactive_days": ran.limits.activity.over_days,
        "files_read": ran.logs.files,
        "files_skipped": ran.logs.broken,
        "records_read": ran.logs.count.records,
        "reports": [ran.report],
    });
    if let (Some(digests), Some(members)) = (&ran.digests, document.as_object_mut()) {
        members.insert("digests".to_owned(), json!(digests));
    }
    if let Some(members) = document.as_object_mut() {
        let regions = [
            ("additional_regions", &ran.additional_regions),
            ("missing_regions", &ran.missing_regions),
        ];
        let some = regions.into_iter().filter(|(_, them)| !them.is_empty());
        members.extend(some.map(|(name, them)| (name.to_owned(), json!(them))));
        if ran.is_region_unknown {
            members.insert("regions_unknown".to_owned(), json!(true));
        }
    }
    document
}

/// Returns the evidence, byte-identical for the same run and files. Lists at most `most` sources
/// and counts the rest.
pub fn evidence(ran: &RanReport, params: &Value, most: usize) -> Result<String, Failure> {
    let sources = ran.sources.iter().take(most).map(|(log, sha256)| {
        json!({
            "path": log.path,
            "sha256": sha256,
            "records": log.count.records,
            "events": log.count.wanted,
            "bytes": log.count.bytes,
            "skipped": log.fault.as_ref().map(ToString::to_string),
        })
    });
    let sources: Vec<Value> = sources.collect();
    let mut evidence = json!({
        "tool": "hallpass activity pci report",
        "version": env!("CARGO_PKG_VERSION"),
        "params": params,
        "sources": sources,
        "report": document(ran),
    });
    let left = ran.sources.len().saturating_sub(most);
    if let Some(members) = evidence.as_object_mut()
        && left > 0
    {
        members.insert("sources_not_listed".to_owned(), json!(left));
    }
    Ok(serde_json::to_string_pretty(&evidence).map_err(Failure::bug)? + "\n")
}
