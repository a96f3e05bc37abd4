//! A snapshot as one JSON document, from a file (`inventory.md` T-20).

use std::fs;
use std::path::Path;

use hallpass_activity::ActivityManifest;
use hallpass_base::text;
use hallpass_inventory::{
    HoldingGrant, Imported, Slice, SliceKey, SliceOutcome, Snapshot, SnapshotId, SnapshotRecord,
    import,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::failure::QueryFailure;

pub(crate) struct Document {
    imported: Imported,
    pub(crate) now: Option<Timestamp>,
    pub(crate) grants: Vec<HoldingGrant>,
}

/// Reads a document.
///
/// # Errors
/// Names the table, row and column.
pub(crate) fn read(path: &Path) -> Result<Document, QueryFailure> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|it| QueryFailure::unreadable(shown, it))?;
    let text = text::decoded(&bytes)
        .map_err(|error| QueryFailure::bad_input(format!("`{}` {error}", path.display())))?;
    let document: Value = serde_json::from_str(text)
        .map_err(|it| QueryFailure::bad_input(format!("`{}` is no JSON: {it}", path.display())))?;
    let imported = import(&document).map_err(|error| {
        let message = format!("`{}` cannot be used: {error}", path.display());
        QueryFailure::bad_input(message).code("E_IMPORT")
    })?;
    Ok(Document {
        now: imported.now,
        grants: grants(&document)?,
        imported,
    })
}

/// Reads the grants beside the tables: `"grants": [{"grant_id", "expires_at"}]`.
fn grants(document: &Value) -> Result<Vec<HoldingGrant>, QueryFailure> {
    let listed = document.get("grants").and_then(Value::as_array);
    let grant = |(index, grant): (usize, &Value)| {
        let member = |name| grant.get(name).and_then(Value::as_str);
        let found = member("grant_id").zip(member("expires_at").and_then(|it| it.parse().ok()));
        found
            .map(|(id, expires_at)| HoldingGrant {
                id: id.to_owned(),
                expires_at,
            })
            .ok_or_else(|| {
                let message =
                    format!("grant {index}: `grant_id` and `expires_at` (RFC 3339) are wanted");
                QueryFailure::bad_input(message).code("E_IMPORT")
            })
    };
    listed
        .into_iter()
        .flatten()
        .enumerate()
        .map(grant)
        .collect()
}

impl Document {
    /// Refuses activity rows: the activity table belongs to no snapshot, and is built from logs.
    pub(crate) fn refuse_activity(&self, path: &Path) -> Result<(), QueryFailure> {
        let table = ActivityManifest::TABLE;
        if !self.imported.rows.contains_key(table) {
            return Ok(());
        }
        let message = format!(
            "`{}` has `{table}`, which is no part of a snapshot",
            path.display()
        );
        let failure = QueryFailure::bad_input(message).code("E_IMPORT");
        Err(failure.help("`hallpass activity ingest` makes it; `hallpass query --data` takes the document as it is"))
    }

    pub(crate) fn snapshot(&self, at: Timestamp, random: u32) -> Snapshot {
        let slices = self.imported.rows.iter().map(|(name, rows)| Slice {
            key: SliceKey::whole(name),
            started: at,
            finished: Some(at),
            outcome: SliceOutcome::Ok {
                row_count: rows.len() as u64,
            },
        });
        Snapshot {
            record: SnapshotRecord {
                id: SnapshotId::new(at, random),
                started: at,
                finished: at,
                host: "import".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                slices: slices.collect(),
            },
            rows: self.imported.rows.clone(),
        }
    }
}
