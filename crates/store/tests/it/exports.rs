//! Exports to a folder, and reading them back.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use hallpass_access::{AccessStore, Change};
use hallpass_audit::testing::a_place_for_exports_keeps_its_promises;
use hallpass_audit::{
    AuditStore, BadRecord, ExportError, ExportTarget, FaultKind, HeadSigner, ReadExportError,
    Record, SignFault, Signer, SinkError, SinkErrorKind, Trust, Verified, assure, export_pending,
    publish_head, read_export, verify,
};
use hallpass_store::{FolderTarget, MemoryStore, read_lines};
use hallpass_store_testing::{a_draft, at};
use serde_json::{Map, Value};
use tempfile::tempdir;

async fn a_log(records: u64) -> MemoryStore {
    let store = MemoryStore::new();
    let change = Change {
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

fn signer() -> Signer {
    Signer::from_seed(&[1; 32]).unwrap()
}

async fn read_back(source: &FolderTarget) -> Result<(Verified, usize), BadRecord> {
    let export = read_export(source).await.unwrap();
    let heads = export.evidence.heads.len();
    let checked = assure(export.inputs, &export.evidence, Trust::Nobody);
    checked.map(|(verified, _)| (verified, heads))
}

#[tokio::test]
async fn a_folder_keeps_the_promises_of_places_for_exports() {
    let folder = tempdir().unwrap();
    let target = FolderTarget::new(folder.path().join("audit"));
    a_place_for_exports_keeps_its_promises(&target).await;
}

#[tokio::test]
async fn an_export_reads_back_and_verifies() {
    let folder = tempdir().unwrap();
    let root = folder.path().join("audit");
    let (store, target) = (a_log(3).await, FolderTarget::new(&root));
    export_pending(&store, &target, "logs/prod").await.unwrap();
    let head = publish_head(&store, &target, &signer(), at(9))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(files(&root).len(), 4);
    assert!(
        files(&root)[1].starts_with("logs/prod/2026/01/"),
        "{:?}",
        files(&root)
    );
    let (verified, heads) = read_back(&target).await.unwrap();
    assert_eq!((verified.records, verified.heads, heads), (3, 1, 1));
    assert_eq!((head.seq(), head.at()), (3, at(9)));
    assert_eq!(head.log(), store.log_id().await.unwrap().as_ref());
    assert_eq!(signer().public().check(head.fields()), Ok(()));
    let members: BTreeSet<&str> = head.fields().keys().map(String::as_str).collect();
    let form = ["alg", "at", "hash", "key", "log", "seq", "signature"];
    assert_eq!(members, BTreeSet::from(form));
}

#[tokio::test]
async fn nothing_is_published_before_something_is_exported() {
    let folder = tempdir().unwrap();
    let target = FolderTarget::new(folder.path());
    for store in [MemoryStore::new(), a_log(2).await] {
        let published = publish_head(&store, &target, &signer(), at(9)).await;
        assert_eq!(published.unwrap(), None);
    }
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn a_second_head_of_one_second_is_refused_and_the_first_stays() {
    let folder = tempdir().unwrap();
    let (store, target) = (a_log(3).await, FolderTarget::new(folder.path()));
    export_pending(&store, &target, "").await.unwrap();
    let publish = |key| {
        let (store, target) = (store.clone(), target.clone());
        async move {
            let signer = Signer::from_seed(&[key; 32]).unwrap();
            publish_head(&store, &target, &signer, at(9)).await
        }
    };
    let first = publish(1).await.unwrap();
    assert_eq!(publish(1).await.unwrap(), first);
    let second = publish(2).await.unwrap_err();
    let kind = match &second {
        ExportError::Target(error) => error.kind,
        other => panic!("{other}"),
    };
    assert_eq!(kind, SinkErrorKind::Taken);
    let found = read_export(&target).await.unwrap().evidence.heads;
    assert_eq!(found[0].1, first.unwrap());
}

struct Silent(AtomicUsize);

#[async_trait]
impl HeadSigner for Silent {
    async fn sign_head(&self, _: Map<String, Value>) -> Result<Map<String, Value>, SignFault> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Err(SignFault("the key service does not answer".to_owned()))
    }
}

#[tokio::test]
async fn a_key_service_that_does_not_answer_delays_the_head_and_nothing_else() {
    let folder = tempdir().unwrap();
    let (store, target) = (a_log(3).await, FolderTarget::new(folder.path()));
    export_pending(&store, &target, "").await.unwrap();
    let silent = Silent(AtomicUsize::new(0));
    let published = publish_head(&store, &target, &silent, at(9)).await;
    assert!(
        matches!(published, Err(ExportError::Sign(_))),
        "{published:?}"
    );
    assert_eq!(silent.0.load(Ordering::SeqCst), 1);
    let (verified, heads) = read_back(&target).await.unwrap();
    assert_eq!((verified.records, heads), (3, 0), "records, and no head");
    let published = publish_head(&store, &target, &signer(), at(10)).await;
    assert!(published.unwrap().is_some());
}

#[tokio::test]
async fn a_removed_object_is_missed() {
    let folder = tempdir().unwrap();
    let (store, target) = (a_log(3).await, FolderTarget::new(folder.path()));
    export_pending(&store, &target, "").await.unwrap();
    std::fs::remove_file(folder.path().join(&files(folder.path())[1])).unwrap();
    let fault = read_back(&target).await.unwrap_err();
    assert_eq!((fault.seq, fault.kind), (2, FaultKind::Missing));
}

#[tokio::test]
async fn a_file_of_lines_reads_back() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let records = a_log(2).await.records_from(1, 9).await.unwrap();
    let lines: Vec<_> = records.iter().map(Record::canonical).collect();
    std::fs::write(&path, lines.join("\r\n") + "\r\n").unwrap();
    let inputs = read_lines(&path).unwrap();
    assert!(
        inputs[1].place.ends_with("log.jsonl:2"),
        "{}",
        inputs[1].place
    );
    assert_eq!(verify(inputs, &[]).unwrap().records, 2);
}

struct Failing {
    inner: FolderTarget,
    left: AtomicUsize,
}

#[async_trait]
impl ExportTarget for Failing {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError> {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            return Err(SinkError {
                kind: SinkErrorKind::Unavailable,
                place: key.to_owned(),
                message: "out of reach".to_owned(),
            });
        }
        self.inner.put(key, bytes).await
    }

    fn at_once(&self) -> usize {
        8
    }

    async fn replace(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError> {
        self.inner.replace(key, bytes).await
    }
}

#[tokio::test]
async fn records_wait_in_the_store_until_all_of_a_round_are_stored() {
    let folder = tempdir().unwrap();
    let store = a_log(40).await;
    for fails_at in [0, 1, 17, 39] {
        let failing = Failing {
            inner: FolderTarget::new(folder.path()),
            left: AtomicUsize::new(fails_at),
        };
        let round = export_pending(&store, &failing, "").await;
        assert!(matches!(round, Err(ExportError::Target(_))), "{round:?}");
        assert_eq!(store.exported().await.unwrap(), 0, "fails at {fails_at}");
        // readers now find a shorter log, without a gap
        let there = files(folder.path()).len();
        assert_eq!(there, fails_at, "fails at {fails_at}");
        if there > 0 {
            let read = read_back(&failing.inner).await.unwrap().0;
            assert_eq!((read.first, read.records), (1, there as u64));
        }
    }
    let target = FolderTarget::new(folder.path());
    let report = export_pending(&store, &target, "").await.unwrap();
    assert_eq!((report.written, report.exported), (40, 40));
    assert_eq!(read_back(&target).await.unwrap().0.records, 40);
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

#[tokio::test]
async fn what_cannot_be_read_is_an_error_and_not_a_shorter_log() {
    let folder = tempdir().unwrap();
    let source = FolderTarget::new(folder.path());
    std::fs::create_dir_all(folder.path().join("heads/2026")).unwrap();
    std::fs::write(folder.path().join("heads/2026/x.json"), "{}").unwrap();
    let broken = read_export(&source).await;
    assert!(matches!(broken, Err(ReadExportError::NotAHead { .. })));
    std::fs::remove_dir_all(folder.path().join("heads")).unwrap();
    std::fs::create_dir_all(folder.path().join("witness/w")).unwrap();
    std::fs::write(folder.path().join("witness/w/1.json"), "{}").unwrap();
    let broken = read_export(&source).await;
    assert!(matches!(broken, Err(ReadExportError::NotAStatement { .. })));
}
