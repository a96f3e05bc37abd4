//! Exports to a folder, and reading them back.

use std::path::Path;

use hallpass_access::{AccessStore, Change};
use hallpass_audit::{
    AuditStore, ExportTarget, FaultKind, Record, export_pending, publish_head, verify,
};
use hallpass_store::testing::{a_draft, at};
use hallpass_store::{FolderTarget, MemoryStore, ReadExportError, read_export};
use tempfile::tempdir;

async fn a_log(records: u64) -> MemoryStore {
    let store = MemoryStore::new();
    let change = Change {
        // a day apart, so that there are several folders
        audit: (1..=records).map(|n| a_draft(n * 86_400)).collect(),
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    store
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(folder).unwrap();
                found.push(below.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn an_export_reads_back_and_verifies() {
    let folder = tempdir().unwrap();
    let root = folder.path().join("audit");
    let (store, target) = (a_log(3).await, FolderTarget::new(&root));
    export_pending(&store, &target, "logs/prod").await.unwrap();
    publish_head(&store, &target, at(9)).await.unwrap();
    assert_eq!(files(&root).len(), 4);
    assert!(
        files(&root)[1].starts_with("logs/prod/2026/01/"),
        "{:?}",
        files(&root)
    );
    let (inputs, heads) = read_export(&root).unwrap();
    assert_eq!((inputs.len(), heads.len()), (3, 1));
    assert_eq!(heads[0].seq, 3);
    let verified = verify(inputs, &heads).unwrap();
    assert_eq!((verified.records, verified.heads), (3, 1));
}

#[tokio::test]
async fn a_removed_object_is_missed() {
    let folder = tempdir().unwrap();
    let (store, target) = (a_log(3).await, FolderTarget::new(folder.path()));
    export_pending(&store, &target, "").await.unwrap();
    std::fs::remove_file(folder.path().join(&files(folder.path())[1])).unwrap();
    let (inputs, heads) = read_export(folder.path()).unwrap();
    let fault = verify(inputs, &heads).unwrap_err();
    assert_eq!((fault.seq, fault.kind), (2, FaultKind::Missing));
}

#[tokio::test]
async fn a_file_of_lines_reads_back() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let records = a_log(2).await.records_from(1, 9).await.unwrap();
    let lines: Vec<_> = records.iter().map(Record::canonical).collect();
    std::fs::write(&path, lines.join("\r\n") + "\r\n").unwrap();
    let (inputs, heads) = read_export(&path).unwrap();
    assert!(heads.is_empty());
    assert!(
        inputs[1].place.ends_with("log.jsonl:2"),
        "{}",
        inputs[1].place
    );
    assert_eq!(verify(inputs, &heads).unwrap().records, 2);
}

#[tokio::test]
async fn an_object_is_replaced_whole() {
    let folder = tempdir().unwrap();
    let target = FolderTarget::new(folder.path());
    target.put("a/b.json", b"long before").await.unwrap();
    target.put("a/b.json", b"after").await.unwrap();
    assert_eq!(
        std::fs::read(folder.path().join("a/b.json")).unwrap(),
        b"after"
    );
    assert_eq!(files(folder.path()), ["a/b.json"]);
}

#[tokio::test]
async fn keys_that_leave_the_folder_are_refused() {
    let folder = tempdir().unwrap();
    let root = folder.path().join("audit");
    let target = FolderTarget::new(&root);
    for key in ["../x.json", "a/../../x.json", "/tmp/x.json", "", "a/", ".."] {
        let outcome = target.put(key, b"x").await;
        assert!(outcome.is_err(), "`{key}` was written");
    }
    assert!(!root.exists());
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("audit"), "a file").unwrap();
    let target = FolderTarget::new(folder.path().join("audit"));
    let error = target.put("a/b.json", b"x").await.unwrap_err();
    assert!(error.place.ends_with("audit/a/b.json"), "{error}");
}

#[test]
fn what_cannot_be_read_is_an_error_and_not_a_shorter_log() {
    let folder = tempdir().unwrap();
    let absent = read_export(&folder.path().join("absent"));
    assert!(matches!(absent, Err(ReadExportError::Unreadable { .. })));
    std::fs::create_dir_all(folder.path().join("heads/2026")).unwrap();
    std::fs::write(folder.path().join("heads/2026/x.json"), "{}").unwrap();
    let broken = read_export(folder.path());
    assert!(matches!(broken, Err(ReadExportError::NotAHead { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_one_object_do_not_mix() {
    let folder = tempdir().unwrap();
    let target = FolderTarget::new(folder.path());
    let writers: Vec<_> = (0..20)
        .map(|n: u8| {
            let target = target.clone();
            tokio::spawn(async move { target.put("a.json", &vec![n; 100_000]).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
        let bytes = std::fs::read(folder.path().join("a.json")).unwrap();
        assert_eq!(bytes.len(), 100_000);
        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
    }
    assert_eq!(files(folder.path()), ["a.json"]);
}
