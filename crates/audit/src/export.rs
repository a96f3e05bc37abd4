//! Exports records in the object layout that existing queries partition by: at least once, with the
//! same bytes. Publishes signed heads beside them.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hallpass_base::Timestamp;

use crate::statement::WITNESS;
use crate::{
    AuditStore, ExportTarget, Head, HeadSigner, PublishedHead, Record, SignFault, SinkError,
    SinkErrorKind, StoreFault,
};

/// Records written per round; bounds memory, not the export.
const EXPORT_BATCH: u32 = 500;
/// At least this many records are written in parallel. Fewer are written in order, so that a
/// concurrent reader, or a restart, finds a log without a gap.
const BACKLOG: usize = 64;
pub const HEADS_FOLDER: &str = "heads";

/// An export round that did not finish. Written objects stay; the next round retries the rest.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("cannot read the log to export")]
    Store(#[from] StoreFault),
    #[error("cannot write to the export target")]
    Target(#[from] SinkError),
    #[error("cannot sign the head")]
    Sign(#[from] SignFault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportReport {
    pub written: u64,
    pub exported: u64,
}

/// Returns `<prefix>/<YYYY>/<MM>/<DD>/<uuid>.json`, without a leading slash.
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

/// Returns `heads/<YYYY>/<MM>/<DD>/<HHMMSS>Z.json`, outside the prefix.
pub fn head_key(at: Timestamp) -> String {
    format!("{HEADS_FOLDER}/{}.json", at.strftime("%Y/%m/%d/%H%M%SZ"))
}

/// The kind of an exported object, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    Record,
    Head,
    Statement,
    Other,
}

impl ObjectKind {
    /// Classifies a key relative to the export's root or to any folder above it.
    pub fn of(key: &str) -> Self {
        let Some(path) = key.strip_suffix(".json") else {
            return Self::Other;
        };
        let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
        match folders
            .split('/')
            .find(|name| matches!(*name, HEADS_FOLDER | WITNESS))
        {
            Some(HEADS_FOLDER) => Self::Head,
            Some(_) => Self::Statement,
            None => Self::Record,
        }
    }
}

/// Writes every record not exported yet. After an error the next call resumes there.
pub async fn export_pending(
    store: &dyn AuditStore,
    target: &dyn ExportTarget,
    prefix: &str,
) -> Result<ExportReport, ExportError> {
    let mut exported = store.exported().await?;
    let mut written = 0;
    loop {
        let records = store
            .records_from(exported.saturating_add(1), EXPORT_BATCH)
            .await?;
        let Some(last) = records.last().map(Record::seq) else {
            return Ok(ExportReport { written, exported });
        };
        let many = records.len();
        let width = if many < BACKLOG { 1 } else { target.at_once() };
        let puts = records.into_iter().map(|record| async move {
            let key = object_key(prefix, &record);
            target.put(&key, record.canonical().as_bytes()).await
        });
        // INVARIANT: the mark moves only after all of them are written, in any order
        stream::iter(puts)
            .buffer_unordered(width.max(1))
            .try_collect::<Vec<()>>()
            .await?;
        written += many as u64;
        // CRASH: after a stop here, the next round writes the same bytes to the same keys.
        store.set_exported(last).await?;
        exported = last;
    }
}

/// Publishes the signed end of the exported chain, so that a later truncation or fork is
/// detectable. `None` while nothing is exported.
///
/// # Errors
/// A second head within the same second is [`Taken`](SinkErrorKind::Taken).
pub async fn publish_head(
    store: &dyn AuditStore,
    target: &dyn ExportTarget,
    signer: &dyn HeadSigner,
    now: Timestamp,
) -> Result<Option<PublishedHead>, ExportError> {
    let exported = store.exported().await?;
    let record = store.records_from(exported, 1).await?.into_iter().next();
    let (Some(record), Some(log)) = (record, store.log_id().await?) else {
        return Ok(None);
    };
    if record.seq() != exported {
        return Ok(None);
    }
    let end = Head {
        seq: record.seq(),
        hash: record.hash().to_owned(),
        time: now,
    };
    let fields = signer
        .sign_head(PublishedHead::unsigned(&end, &log))
        .await?;
    let key = head_key(now);
    let no_head = |message: String| SinkError {
        kind: SinkErrorKind::Refused,
        place: key.clone(),
        message,
    };
    let bytes = crate::canonical(&fields).map_err(|error| no_head(error.to_string()))?;
    let head = PublishedHead::from_fields(fields).map_err(|error| no_head(error.to_string()))?;
    target.put(&key, bytes.as_bytes()).await?;
    Ok(Some(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_apart_by_their_folders() {
        for (key, kind) in [
            ("logs/2026/01/05/0198.json", ObjectKind::Record),
            ("2026/01/05/0198.json", ObjectKind::Record),
            ("0198.json", ObjectKind::Record),
            ("heads/2026/01/05/000000Z.json", ObjectKind::Head),
            ("a/heads/2026/01/05/000000Z.json", ObjectKind::Head),
            ("witness/somebody/12.json", ObjectKind::Statement),
            ("witness/heads/12.json", ObjectKind::Statement),
            ("heads.json", ObjectKind::Record),
            ("ends.jsonl", ObjectKind::Other),
            ("logs/2026/01/05/0198.json.17-0.partial", ObjectKind::Other),
        ] {
            assert_eq!(ObjectKind::of(key), kind, "{key}");
        }
    }
}
