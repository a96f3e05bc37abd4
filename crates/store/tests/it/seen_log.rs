//! A database whose log differs from the seen one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{
    AcceptanceWrite, AccessStore as _, Change, Lifted, Lock, RemediationPresses as _, Request,
    RequestState, Write,
};
use hallpass_store::{
    Claim, LeaderRow as _, LogMemory, LostRecords, NodeIdentity, SeenHead, SqlStore, Term,
};
use hallpass_store_testing::{
    a_draft, a_grant, a_lock, a_request, a_sweep, account_key, an_acceptance, approved, at,
    grant_id, person, with_request,
};

use crate::remediations::{a_remediation, phase};

struct Node {
    store: SqlStore,
    memory: Arc<LogMemory>,
}

impl Node {
    fn open(folder: &Path, name: &str) -> Self {
        Self::over(folder, name, "hallpass.db")
    }

    fn over(folder: &Path, name: &str, database: &str) -> Self {
        let memory = LogMemory::in_file(&folder.join(format!("{name}.json")), name);
        let memory = Arc::new(memory.unwrap());
        let store = SqlStore::open(folder.join(database)).unwrap();
        Self {
            store: store.heeding(&memory),
            memory,
        }
    }

    async fn lost(&self) -> Option<LostRecords> {
        self.store.look_at_log(&self.memory).await.unwrap().lost
    }

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

async fn gone_back(folder: &Path, since: u64) -> Node {
    gone_back_by(folder, 2, since).await
}

async fn gone_back_by(folder: &Path, seen: u64, since: u64) -> Node {
    let node = Node::open(folder, "a");
    append(&node.store, 1..=3).await;
    assert_eq!(node.lost().await, None);
    drop(node);
    copied(folder, "hallpass.db", "copy.db");
    let node = Node::open(folder, "a");
    append(&node.store, 4..=3 + seen).await;
    assert_eq!(node.lost().await, None);
    drop(node);
    copied(folder, "copy.db", "hallpass.db");
    if since > 0 {
        let other = SqlStore::open(folder.join("hallpass.db")).unwrap();
        append(&other, 101..=100 + since).await;
    }
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
    // removals and ends continue, but do not repair the loss
    node.store.commit(Change::default()).await.unwrap();
    let ends = working.for_ends();
    ends.blob_put("a", b"2").await.unwrap();
    append(&ends, 201..=220).await;
    assert_eq!(node.lost().await.unwrap().newest.seq, 5);
    assert!(working.blob_put("a", b"3").await.is_err());
}

/// Automatic starts use the write path of ends, but give access.
#[tokio::test]
async fn while_records_are_missing_a_start_that_was_agreed_to_waits() {
    let folder = tempfile::tempdir().unwrap();
    let node = gone_back(folder.path(), 1).await;
    let other = SqlStore::open(folder.path().join("hallpass.db")).unwrap();
    for n in [1, 2] {
        let asked = with_request(Write::Insert(a_request(n)));
        other.commit(asked).await.unwrap();
    }
    let ends = node.working().await.for_ends();
    let into = |n, state| Request {
        state,
        ..a_request(n)
    };
    let started = Change {
        grants: vec![Write::Insert(a_grant(1))],
        ..with_request(Write::Update(into(1, approved(9))))
    };
    let refused = ends.commit(started).await.unwrap_err().to_string();
    assert!(refused.contains("records 4 to 5"), "{refused}");
    assert!(ends.grant(grant_id(1)).await.unwrap().is_none());
    let lapsed = with_request(Write::Update(into(2, RequestState::Expired { at: at(9) })));
    ends.commit(lapsed).await.unwrap();
}

/// A press at a node that does not lead.
#[tokio::test]
async fn while_records_are_missing_a_press_may_only_take_away() {
    let folder = tempfile::tempdir().unwrap();
    let node = gone_back(folder.path(), 1).await;
    let lifted = Lock {
        lifted: Some(Lifted {
            by: person(900),
            at: at(9),
            reason: "found".to_owned(),
        }),
        ..a_lock(2)
    };
    let accepted = an_acceptance(&account_key(9, 1));
    let lock = Change {
        locks: vec![Write::Insert(a_lock(2))],
        ..Change::default()
    };
    let lifting = Change {
        locks: vec![Write::Update(lifted)],
        ..Change::default()
    };
    let accepting = Change {
        accepted: vec![AcceptanceWrite::Insert(accepted)],
        ..Change::default()
    };
    let sweep = Change {
        sweeps: vec![Write::Insert(a_sweep(1))],
        ..Change::default()
    };
    for (what, change, is_taken) in [
        ("a lock", lock, true),
        ("a lock that is lifted", lifting, false),
        ("standing access", accepting, false),
        ("a sweep", sweep, false),
    ] {
        let written = node.store.commit(change).await;
        let said = written.as_ref().map_err(ToString::to_string).err();
        let said = said.unwrap_or_default();
        assert_eq!(said.contains("records 4 to 5"), !is_taken, "{what}: {said}");
        assert_eq!(written.is_ok(), is_taken, "{what}: {said}");
    }
    let it = a_remediation(1, phase(1));
    let pressed = node.store.press_remediation(&it, a_draft(901).into()).await;
    let said = pressed.unwrap_err().to_string();
    assert!(said.contains("records 4 to 5"), "{said}");
}

#[tokio::test]
async fn a_command_that_acts_writes_nothing_while_records_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let node = gone_back(folder.path(), 1).await;
    let plain = SqlStore::open(folder.path().join("hallpass.db")).unwrap();
    let command = plain.acting("c");
    command.blob_put("a", b"1").await.unwrap();
    node.store.tell_lost_records(&node.memory).await.unwrap();
    let refused = command.blob_put("a", b"2").await.unwrap_err().to_string();
    assert!(refused.contains("records 4 to 5"), "{refused}");
    assert!(refused.contains("accept-loss"), "{refused}");
    plain.blob_put("a", b"3").await.unwrap();
}

#[tokio::test]
async fn what_one_node_misses_stops_all_of_them_until_somebody_accepts_it() {
    let folder = tempfile::tempdir().unwrap();
    let node = gone_back(folder.path(), 2).await;
    let other = Node::open(folder.path(), "b");
    assert_eq!(other.lost().await, None, "it has seen less");
    let lost = node.lost().await.unwrap();
    node.store.tell_lost_records(&node.memory).await.unwrap();
    assert_eq!(other.lost().await.as_ref(), Some(&lost));
    assert!(other.working().await.blob_put("a", b"1").await.is_err());
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
    node.store.tell_lost_records(&node.memory).await.unwrap();
    assert_eq!(other.lost().await, None);
    let again = other
        .store
        .accept_lost_records(&accepting, |_| a_draft(901));
    assert!(again.await.unwrap().is_none());
    // more is missing than was accepted: a node that saw it comes back
    let (seq, hash) = (9, "00".repeat(32));
    let file = folder.path().join("d.json");
    std::fs::write(file, format!(r#"{{"database":null,"log":null,"accepted":[],"heads":[{{"seq":{seq},"hash":"{hash}"}}]}}"#)).unwrap();
    let late = Node::open(folder.path(), "d");
    late.store.tell_lost_records(&late.memory).await.unwrap();
    let more = LostRecords {
        kept: 0,
        newest: SeenHead { seq, hash },
        node: "d".to_owned(),
    };
    assert_eq!(other.lost().await, Some(more));
}

/// The log reuses numbers: a second loss among them is separate.
#[tokio::test]
async fn what_is_lost_after_a_loss_was_accepted_is_missed_again() {
    for (lost, later) in [(2, 0), (2, 1), (2, 2), (60, 1), (60, 20), (60, 56)] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let node = gone_back_by(folder, lost, 0).await;
        let other = Node::open(folder, "b");
        assert_eq!(other.lost().await, None, "it has seen less");
        let accepted = node
            .store
            .accept_lost_records(&node.memory, |_| a_draft(900));
        assert_eq!(accepted.await.unwrap().unwrap().1, 4);
        for it in [&node, &other] {
            assert_eq!(it.lost().await, None);
        }
        drop((node, other));
        copied(folder, "hallpass.db", "copy.db");
        for number in 1..=later {
            let (node, other) = (Node::open(folder, "a"), Node::open(folder, "b"));
            append(&node.store, 300 + number..=300 + number).await;
            assert_eq!((node.lost().await, other.lost().await), (None, None));
        }
        copied(folder, "copy.db", "hallpass.db");
        for name in ["a", "b"] {
            let found = Node::open(folder, name).lost().await;
            let newest = found.map(|found| found.newest.seq);
            let wanted = Some(4 + later).filter(|_| later > 0);
            assert_eq!(newest, wanted, "{name} {lost} {later}");
        }
    }
}

/// Assigning another database is an operator's choice, its loss is not.
#[tokio::test]
async fn another_database_with_another_log_lacks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(gone_back(folder, 0).await);
    for records in [2, 4] {
        std::fs::copy(folder.join("a.json"), folder.join("c.json")).unwrap();
        let node = Node::over(folder, "c", "other.db");
        assert_eq!(node.lost().await, None);
        append(&node.store, records - 1..=records).await;
        assert_eq!(node.lost().await, None);
        assert_eq!(node.memory.newest().unwrap().seq, records);
    }
    copied(folder, "copy.db", "replica.db");
    let replica = Node::over(folder, "a", "replica.db");
    assert_eq!(replica.lost().await.unwrap().kept, 3);
    for begun in [0, 9] {
        for end in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(
                folder.join(format!("hallpass.db{end}")),
            ));
        }
        let anew = SqlStore::open(folder.join("hallpass.db")).unwrap();
        append(&anew, 501..=500 + begun).await;
        let node = Node::open(folder, "a");
        let lost = node.lost().await.unwrap();
        assert_eq!((lost.kept, lost.newest.seq), (0, 5), "{begun}");
    }
}

#[tokio::test]
async fn a_memory_that_cannot_be_read_is_an_error_and_not_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    std::fs::write(&path, "[{").unwrap();
    assert!(LogMemory::in_file(&path, "a").is_err());
    assert!(LogMemory::try_file(&path).is_err());
    // a server starts over, stores that, and leaves the old file for inspection
    let memory = LogMemory::anew_in_file(&path, "a");
    assert_eq!(memory.unkept(), None);
    assert!(LogMemory::in_file(&path, "a").is_ok() && LogMemory::try_file(&path).is_ok());
    let aside = std::fs::read(folder.path().join("a.json.unread"));
    assert_eq!(aside.unwrap(), b"[{");
    let memory = LogMemory::in_file(&folder.path().join("none/a.json"), "a").unwrap();
    let unkept = memory.unkept().unwrap();
    assert!(unkept.contains("none/a.json"), "{unkept}");
    let memory = Arc::new(memory);
    let store = SqlStore::open_in_memory().unwrap().heeding(&memory);
    append(&store, 1..=2).await;
    store.look_at_log(&memory).await.unwrap();
    assert_eq!(memory.newest().unwrap().seq, 2);
    assert!(memory.unkept().is_some());
    std::fs::create_dir(folder.path().join("none")).unwrap();
    append(&store, 3..=3).await;
    store.look_at_log(&memory).await.unwrap();
    assert_eq!(memory.unkept(), None);
    let anew = LogMemory::in_file(&folder.path().join("none/a.json"), "a").unwrap();
    assert_eq!(anew.newest().unwrap().seq, 3);
}

/// Unsynced content may be an empty file after a power loss.
#[tokio::test]
async fn a_loss_of_power_takes_a_second_of_what_was_seen() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), "a");
    append(&node.store, 1..=1).await;
    assert_eq!(node.lost().await, None);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for number in 2..=3 {
        append(&node.store, number..=number).await;
        assert_eq!(node.lost().await, None);
    }
    drop(node);
    std::fs::write(folder.path().join("a.json"), "").unwrap();
    let node = Node::open(folder.path(), "a");
    let newest = node.memory.newest().unwrap().seq;
    assert!((2..=3).contains(&newest), "{newest}");
    assert_eq!(node.lost().await, None);
    // deleting the file deletes the memory
    drop(node);
    std::fs::remove_file(folder.path().join("a.json")).unwrap();
    assert_eq!(Node::open(folder.path(), "a").memory.newest(), None);
}

/// A commit noted while a check reads its snapshot is not missing.
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
