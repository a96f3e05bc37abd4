//! Detects an earlier audit log next to an empty database.
//!
//! A lost or wrong database would start a new log in place of the old one, and an empty file of
//! ends in place of the ends still due.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::config::{EndsPlace, Loaded};
use crate::host::server_store::{ServerStore, StoreAddress};
use hallpass_audit::{AuditStore as _, HEADS_FOLDER};
use hallpass_base::IdSource;
use hallpass_base::clock::SystemClock;
use hallpass_guard::Trust;
use hallpass_terminal::exit::Failure;

use crate::setup::heads::{Means, open_source};
use crate::setup::opening::aws_settings;

/// Refuses a database without audit log if traces of an earlier one exist. Without `store`, opening
/// would create it.
///
/// # Errors
/// Exit 4 with the two remedies; also if unknown.
pub async fn ensure_none(
    loaded: &Loaded,
    store: Option<&ServerStore>,
    ids: &Arc<dyn IdSource>,
) -> Result<(), Failure> {
    if let Some(store) = store {
        let head = store.head().await;
        if head
            .map_err(|error| Failure::failed(error.to_string()))?
            .is_some()
        {
            return Ok(());
        }
    }
    let left = [exported(loaded, ids).await?, ends(loaded)?];
    let left: Vec<String> = left.into_iter().flatten().collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "`{}` has no audit log, and an earlier one is in {}",
        loaded.store()?,
        left.join(" and ")
    ))
    .detail("a new log beside it would be a fork, and ends that are owed would be forgotten")
    .help(
        "put the database back: `hallpass server store restore BACKUP`, or name it in `store.url`. Where there is nothing \
         to restore, move the export aside and start again: `hallpass server store accept-loss` (docs/operations/recover.md)",
    ))
}

pub fn would_be_made(address: &StoreAddress) -> Result<bool, Failure> {
    if !address.may_be_there()? {
        return Ok(true);
    }
    Ok(match address {
        StoreAddress::File(path) => fs::metadata(path).is_ok_and(|it| it.len() == 0),
        StoreAddress::Postgres(_) => false,
    })
}

/// Returns the export if it has records or heads.
pub async fn exported(loaded: &Loaded, ids: &Arc<dyn IdSource>) -> Result<Option<String>, Failure> {
    let Some(export) = loaded.export()? else {
        return Ok(None);
    };
    let means = Means {
        aws: aws_settings(loaded),
        clock: Arc::new(SystemClock),
        ids: Arc::clone(ids),
    };
    let source = open_source(&export.place, &means).await?;
    let records = match export.prefix.as_str() {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    // the file of ends is next to them and is not one
    let is_object = |key: &String| Path::new(key).extension() == Some(OsStr::new("json"));
    for folder in [format!("{HEADS_FOLDER}/"), records] {
        match source.list(&folder, None).await {
            Ok(keys) if keys.iter().any(is_object) => {
                return Ok(Some(format!("the export `{}`", source.name())));
            }
            Ok(_) => {}
            // a bucket outage must not start a second log
            Err(error) => {
                return Err(Failure::failed(format!(
                    "there is no database, and whether an earlier audit log was exported cannot be read: {error}"
                ))
                .help("a bucket needs the permission `s3:ListBucket`; start again when the target answers"));
            }
        }
    }
    Ok(None)
}

/// Returns the file of ends if a log with records wrote it. Bucket objects are not read: the server
/// may have write permission only.
fn ends(loaded: &Loaded) -> Result<Option<String>, Failure> {
    let Some(EndsPlace::File(path)) = loaded.ends_place()? else {
        return Ok(None);
    };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::unseen(path.display(), &error)),
    };
    let name = path.display().to_string();
    let read = hallpass_guard::read(&name, &bytes, Trust::Anyone);
    let is_of_records = read.map_or(!bytes.is_empty(), |copy| copy.mark.seq > 0);
    Ok(is_of_records.then(|| format!("the file of ends `{name}`")))
}

#[cfg(test)]
mod tests {
    use crate::host::random_ids::RandomIds;
    use hallpass_audit::{Draft, Event, Origin};
    use hallpass_base::AuditId;
    use hallpass_terminal::exit::Exit;

    use super::*;

    const HEADER: &str = "{\"form\":\"hallpass-ends\"}\n";

    fn loaded(folder: &Path) -> Loaded {
        let text = "[store]\nurl = \"sqlite:hp.db\"\n[audit.export]\ntarget = \"dir:audit\"\n\
                    [guard]\nends = \"ends/ends.jsonl\"\n";
        Loaded {
            config: crate::config::parse(text, "x").unwrap(),
            folder: folder.to_owned(),
        }
    }

    #[tokio::test]
    async fn no_log_begins_beside_an_earlier_one() {
        let ids: Arc<dyn IdSource> = Arc::new(RandomIds);
        for (file, place) in [
            (None, None),
            (Some("audit/ends.jsonl"), None),
            (Some("hp.db.key"), None),
            (Some("audit/logs/2026/11/29/1-5.json"), Some("the export")),
            (Some("audit/heads/2026/11/29/5.json"), Some("the export")),
            (Some("ends/ends.jsonl"), Some("the file of ends")),
        ] {
            let folder = tempfile::tempdir().unwrap();
            if let Some(file) = file {
                let path = folder.path().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, HEADER).unwrap();
            }
            let loaded = loaded(folder.path());
            let address = loaded.store().unwrap();
            assert!(would_be_made(&address).unwrap());
            let missing = ensure_none(&loaded, None, &ids).await;
            let store = ServerStore::open(folder.path().join("hp.db")).unwrap();
            assert!(!would_be_made(&address).unwrap());
            let empty = ensure_none(&loaded, Some(&store), &ids).await;
            for outcome in [missing, empty] {
                let refused = outcome.err().map(|it| (it.exit(), it.words()));
                match (&refused, place) {
                    (None, None) => {}
                    (Some((Exit::Refused, words)), Some(place)) if words.contains(place) => {}
                    _ => panic!("{file:?}: {refused:?}"),
                }
            }
            let now = hallpass_base::clock::now();
            let id = AuditId::new(ids.next(now));
            let draft = Draft::new(id, Event::LogLossAccepted, now, "a@b.example", Origin::Cli);
            store.append_record(draft).await.unwrap();
            assert!(ensure_none(&loaded, Some(&store), &ids).await.is_ok());
        }
    }
}
