//! A process without free descriptors: an open store works, an export reports the error.

use std::process::{Command, Stdio};

use hallpass_access::{AccessStore, Change, Write};
use hallpass_audit::ExportTarget as _;
use hallpass_store::{FolderTarget, SqlStore};
use hallpass_store_testing::{a_draft, a_grant, a_notice, a_request, account_key, at, wanted};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::tempdir;

const CHILD_FOLDER: &str = "HALLPASS_TEST_NO_DESCRIPTORS";
/// More than the cache holds, to force spilling.
const GRANTS: u64 = 3_000;
const BLOB_BYTES: usize = 8 * 1024 * 1024;

fn allow(descriptors: Option<u64>) {
    let limits = Rlimit {
        current: descriptors,
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limits).unwrap();
}

fn change(n: u64) -> Change {
    Change {
        requests: vec![Write::Insert(a_request(n))],
        grants: vec![Write::Insert(a_grant(n))],
        desired: vec![wanted(&account_key(n, 1), 7_200, n)],
        audit: vec![a_draft(n)],
        notices: vec![a_notice(n)],
        ..Change::default()
    }
}

#[tokio::test]
async fn child_works_without_descriptors() {
    let Ok(folder) = std::env::var(CHILD_FOLDER) else {
        return;
    };
    let folder = std::path::Path::new(&folder);
    let store = SqlStore::open(folder.join("hallpass.db")).unwrap();
    let export = FolderTarget::new(folder.join("audit"));
    let before = getrlimit(Resource::Nofile).current;
    allow(Some(0));
    let failed = std::fs::File::open("/dev/null").unwrap_err();
    assert_eq!(failed.raw_os_error(), Some(24), "there are descriptors");
    for n in 1..=GRANTS {
        store.commit(change(n)).await.unwrap();
    }
    let due = store.grants_due(at(1_000_000), u32::MAX).await.unwrap();
    assert_eq!(due.len() as u64, GRANTS, "sorted");
    let blob = vec![7; BLOB_BYTES];
    store.blob_put("directory", &blob).await.unwrap();
    assert_eq!(store.blob_get("directory").await.unwrap(), Some(blob));
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    let refused = export.put("logs/1.json", b"{}").await.unwrap_err();
    assert!(refused.message.contains("open files"), "{refused:?}");
    allow(before);
    export.put("logs/1.json", b"{}").await.unwrap();
    println!("the child is through");
}

#[test]
fn an_open_store_needs_no_descriptors() {
    let folder = tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "descriptors::child_works_without_descriptors",
            "--nocapture",
        ])
        .env(CHILD_FOLDER, folder.path())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && said.contains("the child is through"),
        "{said}"
    );
}
