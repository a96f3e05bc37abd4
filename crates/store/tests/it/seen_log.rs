//! A database that has another log than was seen.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{AccessStore as _, Change};
use hallpass_store::{
    Claim, LeaderRow as _, LogMemory, LostRecords, NodeIdentity, SeenHead, SqlStore, Term,
};
use hallpass_store_testing::a_draft;

/// A node with its memory, over a file that stands for a database of many.
struct Node {
    store: SqlStore,
    memory: Arc<LogMemory>,
}

impl Node {
    fn open(folder: &Path, name: &str) -> Self {
        let memory = LogMemory::in_file(&folder.join(format!("{name}.json")), name);
        let memory = Arc::new(memory.unwrap());
        let store = SqlStore::open(folder.join("hallpass.db")).unwrap();
        Self {
            store: store.heeding(&memory),
            memory,
        }
    }

    async fn lost(&self) -> Option<LostRecords> {
        self.store.look_at_log(&self.memory).await.unwrap().lost
    }

    /// The store for what works.
    async fn working(&self) -> SqlStore {
        let node = NodeIdentity {
            id: "n".to_owned(),
            name: "n".to_owned(),
        };
        let leadership = self.store.leadership().await.unwrap();
        let claimed = leadership.claim(&node, Duration::from_hours(1)).await;
        let Claim::Given(epoch) = claimed.unwrap() else {
            panic!("another leads");
        };
        let term = Arc::new(Term::of(node));
        term.begin(epoch, None);
        self.store.working(&term)
    }
}

fn copied(folder: &Path, from: &str, to: &str) {
    for end in ["", "-wal", "-shm"] {
        let (from, to) = (format!("{from}{end}"), format!("{to}{end}"));
        drop(std::fs::remove_file(folder.join(&to)));
        if folder.join(&from).exists() {
            std::fs::copy(folder.join(&from), folder.join(&to)).unwrap();
        }
    }
}

async fn append(store: &SqlStore, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        store.append_record(a_draft(number)).await.unwrap();
    }
}

/// Puts the database back to where it had three records; `seen` more were seen by a node, `since` is
/// what another one wrote over what was put back.
async fn gone_back(folder: &Path, since: u64) -> Node {
    let node = Node::open(folder, "a");
    append(&node.store, 1..=3).await;
    assert_eq!(node.lost().await, None);
    drop(node);
    copied(folder, "hallpass.db", "copy.db");
    let node = Node::open(folder, "a");
    append(&node.store, 4..=5).await;
    assert_eq!(node.lost().await, None);
    drop(node);
    copied(folder, "copy.db", "hallpass.db");
    if since > 0 {
        let other = SqlStore::open(folder.join("hallpass.db")).unwrap();
        append(&other, 101..=100 + since).await;
    }
    // started anew: what was seen is in its file
    Node::open(folder, "a")
}

#[tokio::test]
async fn what_was_seen_and_is_gone_is_missed_also_when_others_wrote_since() {
    for since in [0, 1, 2, 7] {
        let folder = tempfile::tempdir().unwrap();
        let node = gone_back(folder.path(), since).await;
        let lost = node.lost().await.unwrap();
        assert_eq!((lost.kept, lost.newest.seq), (3, 5), "{since}");
        assert_eq!(lost.node, "a");
        // nothing is noted meanwhile: it is missed at the next look, too
        assert!(node.lost().await.is_some(), "{since}");
    }
}

#[tokio::test]
async fn an_ordinary_restart_and_a_log_that_went_on_are_nothing_special() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), "a");
    assert_eq!(node.lost().await, None, "an empty log");
    append(&node.store, 1..=40).await;
    assert_eq!(node.lost().await, None);
    drop(node);
    let other = SqlStore::open(folder.path().join("hallpass.db")).unwrap();
    append(&other, 41..=80).await;
    let node = Node::open(folder.path(), "a");
    assert_eq!(node.memory.newest().unwrap().seq, 40);
    assert_eq!(node.lost().await, None);
    assert_eq!(node.memory.newest().unwrap().seq, 80);
}

#[tokio::test]
async fn nothing_is_given_while_records_are_missing_and_what_takes_away_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let node = gone_back(folder.path(), 1).await;
    let working = node.working().await;
    let refused = working.blob_put("a", b"1").await.unwrap_err().to_string();
    assert!(refused.contains("records 4 to 5"), "{refused}");
    assert!(refused.contains("accept-loss"), "{refused}");
    // what only takes away may be pressed, and what ends goes on: neither makes what is missing be there
    node.store.commit(Change::default()).await.unwrap();
    let ends = working.for_ends();
    ends.blob_put("a", b"2").await.unwrap();
    append(&ends, 201..=220).await;
    assert_eq!(node.lost().await.unwrap().newest.seq, 5);
    assert!(working.blob_put("a", b"3").await.is_err());
}

#[tokio::test]
async fn what_one_node_misses_stops_all_of_them_until_somebody_accepts_it() {
    let folder = tempfile::tempdir().unwrap();
    let node = gone_back(folder.path(), 2).await;
    let other = Node::open(folder.path(), "b");
    assert_eq!(other.lost().await, None, "it has seen less");
    let lost = node.lost().await.unwrap();
    node.store.tell_lost_records(&lost).await.unwrap();
    assert_eq!(other.lost().await.as_ref(), Some(&lost));
    assert!(other.working().await.blob_put("a", b"1").await.is_err());
    // somebody with neither memory
    let accepting = Arc::new(LogMemory::of_process("c"));
    let (accepted, seq) = other
        .store
        .accept_lost_records(&accepting, |_| a_draft(900))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&accepted, seq), (&lost, 6));
    for one in [&node, &other] {
        assert_eq!(one.lost().await, None);
        one.working().await.blob_put("a", b"1").await.unwrap();
        assert_eq!(one.memory.newest().unwrap().seq, 6);
    }
    // told late, it is not missed again
    node.store.tell_lost_records(&lost).await.unwrap();
    assert_eq!(other.lost().await, None);
    let again = other
        .store
        .accept_lost_records(&accepting, |_| a_draft(901));
    assert!(again.await.unwrap().is_none());
    // more is missing than was accepted
    let more = LostRecords {
        newest: SeenHead {
            seq: 9,
            hash: "00".repeat(32),
        },
        ..lost
    };
    node.store.tell_lost_records(&more).await.unwrap();
    assert_eq!(other.lost().await, Some(more));
}

#[tokio::test]
async fn a_memory_that_cannot_be_read_is_an_error_and_not_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    std::fs::write(&path, "[{").unwrap();
    assert!(LogMemory::in_file(&path, "a").is_err());
    // one that cannot be written is that of the process
    let memory = LogMemory::in_file(&folder.path().join("none/a.json"), "a").unwrap();
    let memory = Arc::new(memory);
    let store = SqlStore::open_in_memory().unwrap().heeding(&memory);
    append(&store, 1..=2).await;
    store.look_at_log(&memory).await.unwrap();
    assert_eq!(memory.newest().unwrap().seq, 2);
}

/// What is committed, and noted, while a look reads its snapshot is not in it, and is not missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_during_a_look_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), "a");
    append(&node.store, 1..=1).await;
    let writer = node.working().await;
    let writing = tokio::spawn(async move { append(&writer, 2..=400).await });
    while !writing.is_finished() {
        assert_eq!(node.lost().await, None);
    }
    writing.await.unwrap();
    assert_eq!(node.memory.newest().map(|it| it.seq), Some(400));
}
