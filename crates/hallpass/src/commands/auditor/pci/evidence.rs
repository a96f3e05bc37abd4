//! What a report was made of, for whoever checks it later: every source with its SHA-256 (`inventory.md` H-15).

use std::path::Path;

use hallpass_store::{Existing, write_private};
use serde_json::{Value, json};

use super::args::ReadArgs;
use super::reading::RanReport;
use super::shown::document;
use crate::exit::Failure;

/// Writes the evidence; the same run over the same files gives the same bytes.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(path: &Path, args: &ReadArgs, ran: &RanReport) -> Result<(), Failure> {
    let sources = ran.sources.iter().map(|(log, sha256)| {
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
    let evidence = json!({
        "tool": "hallpass pci report",
        "version": env!("CARGO_PKG_VERSION"),
        "params": args.words(ran.as_of, ran.limits),
        "sources": sources,
        "report": document(ran),
    });
    let text = serde_json::to_string_pretty(&evidence).map_err(Failure::bug)? + "\n";
    let written = write_private(path, text.as_bytes(), Existing::Replaced);
    written.map_err(|error| Failure::unwritable(path.display(), &error))
}
