//! Records leave the store in the object layout that existing queries partition by, at least
//! once, as the same bytes; heads are published beside them.

use hallpass_model::Timestamp;

use crate::{AuditStore, ExportTarget, Head, Record, SinkError, StoreFault};

/// Records written per round; bounds memory, not the export.
const EXPORT_BATCH: u32 = 500;

/// An export round that did not finish. What was written stays; the rest is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store did not answer.
    #[error("cannot read the log to export")]
    Store(#[from] StoreFault),
    /// The target did not take an object.
    #[error("cannot write to the export target")]
    Target(#[from] SinkError),
}

/// What a round did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportReport {
    /// Records written.
    pub written: u64,
    /// Number of the last exported record.
    pub exported: u64,
}

/// The object's key: `<prefix>/<YYYY>/<MM>/<DD>/<uuid>.json`, no leading slash whatever the prefix.
pub fn object_key(prefix: &str, record: &Record) -> String {
    let prefix = prefix.trim_matches('/');
    let (year, month, day) = record
        .day()
        .unwrap_or_else(|| ("1970".to_owned(), "01".to_owned(), "01".to_owned()));
    let name = format!("{year}/{month}/{day}/{}.json", record.id().uuid());
    if prefix.is_empty() {
        name
    } else {
        format!("{prefix}/{name}")
    }
}

/// The key of a published head: `heads/<YYYY>/<MM>/<DD>/<HHMMSS>Z.json`, outside the prefix.
pub fn head_key(at: Timestamp) -> String {
    format!("heads/{}.json", at.strftime("%Y/%m/%d/%H%M%SZ"))
}

/// Writes every record that is not exported yet.
///
/// # Errors
/// When the store or the target fails; the next call goes on where this one stopped.
pub async fn export_pending(
    store: &dyn AuditStore,
    target: &dyn ExportTarget,
    prefix: &str,
) -> Result<ExportReport, ExportError> {
    let mut exported = store.exported().await?;
    let mut written = 0;
    loop {
        let records = store.records_from(exported + 1, EXPORT_BATCH).await?;
        let Some(last) = records.last().map(Record::seq) else {
            return Ok(ExportReport { written, exported });
        };
        for record in &records {
            target
                .put(&object_key(prefix, record), record.canonical().as_bytes())
                .await?;
            written += 1;
        }
        // CRASH: stopping here writes the same bytes to the same keys again.
        store.set_exported(last).await?;
        exported = last;
    }
}

/// Publishes the end of the exported chain, so that a later cut can be seen.
///
/// # Errors
/// When the store or the target fails.
pub async fn publish_head(
    store: &dyn AuditStore,
    target: &dyn ExportTarget,
    now: Timestamp,
) -> Result<Option<Head>, ExportError> {
    let exported = store.exported().await?;
    let Some(record) = store
        .records_from(exported, 1)
        .await?
        .into_iter()
        .find(|r| r.seq() == exported)
    else {
        return Ok(None);
    };
    let head = Head {
        seq: record.seq(),
        hash: record.hash().to_owned(),
        time: now,
    };
    let bytes = serde_json::to_vec(&head).map_err(|error| SinkError {
        place: head_key(now),
        message: error.to_string(),
    })?;
    target.put(&head_key(now), &bytes).await?;
    Ok(Some(head))
}
