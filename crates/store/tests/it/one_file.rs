//! One file: durability, two processes, checks and copies.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{
    AcceptanceWrite, AccessStore, Change, CommitError, Grant, Request, RequestFilter, Sweep,
    SweepState, SweepStore, Write,
};
use hallpass_assignments::AssignmentStore;
use hallpass_audit::AuditStore;
use hallpass_store::{BackupError, SqlStore};
use hallpass_store_testing::conformance::Store;
use hallpass_store_testing::{
    a_digest, a_draft, a_grant, a_notice, a_request, a_sweep, a_sweep_item, a_token, account_key,
    an_acceptance, an_answer, approved, at, ending, grant_id, request_id, sweep_id, user, wanted,
    wanted_at_once,
};
use rusqlite::{Connection, TransactionBehavior};
use tempfile::tempdir;

fn whole(n: u64) -> Change {
    Change {
        locks: Vec::new(),
        absences: Vec::new(),
        campaigns: Vec::new(),
        campaign_lines: Vec::new(),
        credentials_ended: Vec::new(),
        locks_seen: hallpass_access::LocksSeen::default(),
        live_grants_seen: None,
        sessions_to_revoke: Vec::new(),
        armed_ends: Vec::new(),
        requests: vec![Write::Insert(a_request(n))],
        grants: vec![Write::Insert(a_grant(n))],
        desired: vec![wanted(&account_key(n, 1), 7_200, n)],
        audit: vec![a_draft(n)],
        notices: vec![a_notice(n)],
        sweeps: vec![Write::Insert(Sweep {
            state: SweepState::Done { at: at(n) },
            ..a_sweep(n)
        })],
        sweep_items: vec![Write::Insert(a_sweep_item(n, &account_key(n, 1)))],
        accepted: vec![AcceptanceWrite::Insert(an_acceptance(&account_key(n, 1)))],
        group_assignments: Vec::new(),
        group_sync_items: Vec::new(),
        group_sync_run: None,
        digests: vec![a_digest(n)],
        answer: Some(an_answer(n, &format!("key {n}"))),
        quotas: Vec::new(),
    }
}

async fn assert_whole(store: &SqlStore, n: u64) {
    assert_eq!(
        store.request(request_id(n)).await.unwrap(),
        Some(a_request(n))
    );
    assert_eq!(store.grant(grant_id(n)).await.unwrap(), Some(a_grant(n)));
    assert!(
        store
            .assignment(&account_key(n, 1))
            .await
            .unwrap()
            .is_some()
    );
    let key = account_key(n, 1);
    let item = store.sweep_item(sweep_id(n), &key).await.unwrap();
    assert_eq!(item, Some(a_sweep_item(n, &key)));
    assert!(store.sweep(sweep_id(n)).await.unwrap().is_some());
    assert!(store.accepted_one(&key).await.unwrap().is_some());
    assert!(
        store
            .answer(&user(1), &format!("key {n}"))
            .await
            .unwrap()
            .is_some()
    );
}

async fn problems(path: &Path) -> Vec<String> {
    let store = SqlStore::open(path).unwrap();
    store.check().await.unwrap().problems
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let store = SqlStore::open(&path).unwrap();
    store.commit(whole(1)).await.unwrap();
    store.set_exported(1).await.unwrap();
    store.blob_put("directory", b"{}").await.unwrap();
    store.token_insert(&a_token(2), a_draft(2)).await.unwrap();
    let (head, rows) = (
        store.head().await.unwrap(),
        store.assignments().await.unwrap(),
    );
    drop(store);
    let store = SqlStore::open(&path).unwrap();
    assert_whole(&store, 1).await;
    assert_eq!(store.head().await.unwrap(), head);
    assert_eq!(store.assignments().await.unwrap(), rows);
    assert_eq!(store.exported().await.unwrap(), 1);
    assert_eq!(
        store.blob_get("directory").await.unwrap(),
        Some(b"{}".to_vec())
    );
    assert_eq!(store.tokens().await.unwrap(), [a_token(2)]);
    assert_eq!(store.commit(whole(3)).await.unwrap()[0].seq(), 3);
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handles_on_one_file_race_as_two_writers_do() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let stores: [Store; 2] = [
        Arc::new(SqlStore::open(&path).unwrap()),
        Arc::new(SqlStore::open(&path).unwrap()),
    ];
    stores[0].commit(whole(1)).await.unwrap();
    let writers: Vec<_> = (2..22_usize)
        .map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move {
                let number = u64::try_from(n).unwrap();
                let decided = Request {
                    state: approved(number),
                    ..a_request(1)
                };
                let decision = Change {
                    requests: vec![Write::Update(decided)],
                    ..Change::default()
                };
                let decided = store.commit(decision).await;
                store.commit(whole(number)).await.unwrap();
                decided
            })
        })
        .collect();
    let mut winners = 0;
    for writer in writers {
        match writer.await.unwrap() {
            Ok(_) => winners += 1,
            Err(CommitError::Raced(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(winners, 1);
    for store in &stores {
        assert_eq!(store.head().await.unwrap().unwrap().seq, 21);
    }
    assert_eq!(problems(&path).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_transaction_that_was_not_committed_leaves_nothing() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let store = SqlStore::open(&path).unwrap();
    store.commit(whole(1)).await.unwrap();
    let mut other = Connection::open(&path).unwrap();
    let transaction = other
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    transaction
        .execute_batch("DELETE FROM requests; DELETE FROM assignments; DELETE FROM deliveries")
        .unwrap();
    assert_whole(&store, 1).await;
    drop(transaction);
    assert_whole(&store, 1).await;
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
}

#[tokio::test]
async fn a_writer_that_cannot_have_the_file_is_told_so() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let store = SqlStore::open(&path).unwrap();
    let mut other = Connection::open(&path).unwrap();
    let transaction = other
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    let outcome = store.commit(whole(1)).await;
    assert!(
        matches!(outcome, Err(CommitError::Unavailable(_))),
        "{outcome:?}"
    );
    drop(transaction);
    store.commit(whole(1)).await.unwrap();
    assert_whole(&store, 1).await;
}

const CHILD_FILE: &str = "HALLPASS_TEST_COMMIT_UNTIL_KILLED";

#[tokio::test]
async fn child_commits_until_it_is_killed() {
    let Ok(path) = std::env::var(CHILD_FILE) else {
        return;
    };
    let store = SqlStore::open(path).unwrap();
    for n in 1.. {
        store.commit(whole(n)).await.unwrap();
        println!("committed {n}");
    }
}

#[tokio::test]
async fn a_killed_process_leaves_whole_changes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "one_file::child_commits_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD_FILE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines
            .map_while(Result::ok)
            .filter_map(|line| Some(line.split_once("committed ")?.1.parse::<u64>().unwrap()))
            .nth(20 * round);
        child.kill().unwrap();
        child.wait().unwrap();
        let told = told.expect("the child printed nothing");

        let store = SqlStore::open(&path).unwrap();
        let head = store.head().await.unwrap().unwrap();
        assert!(
            head.seq >= told,
            "{told} were reported, {} are there",
            head.seq
        );
        for n in 1..=head.seq {
            assert_whole(&store, n).await;
        }
        let all = store
            .requests(&RequestFilter::default(), 100_000)
            .await
            .unwrap();
        assert_eq!(all.rows.len() as u64, head.seq, "half a change is there");
        assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
        drop(store);
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn a_check_finds_what_was_changed_behind_our_back() {
    for (sql, found) in [
        ("UPDATE requests SET body = x'007b7d'", "requests: req_"),
        ("UPDATE grants SET body = x'01ff'", "grants: grn_"),
        (
            "UPDATE assignments SET body = 'x'",
            "assignments: 00000001-",
        ),
        (
            "UPDATE audit_head SET hash = 'x'",
            "audit: the stored head is record 3",
        ),
        (
            "DROP TRIGGER audit_is_not_changed;
             UPDATE audit SET body = unhex(replace(hex(body), hex('person1'), hex('person2')))
             WHERE seq = 2",
            "audit: record 2 was changed",
        ),
        (
            "PRAGMA foreign_keys = OFF; DROP TRIGGER audit_is_not_removed;
             DELETE FROM audit WHERE seq = 2",
            "audit: record 2 is missing",
        ),
        (
            "PRAGMA foreign_keys = OFF; DROP TRIGGER audit_is_not_removed;
             DELETE FROM audit WHERE seq = 3",
            "the log ends with record 2",
        ),
        (
            "DELETE FROM audit_mentions WHERE seq = 2",
            "audit: record 2 is not found by `person1@example.com`",
        ),
        (
            "UPDATE state_counts SET count = 9 WHERE kind = 'request' AND state = 'pending'",
            "requests in state `pending` are not as many as were counted",
        ),
    ] {
        let folder = tempdir().unwrap();
        let path = folder.path().join("hallpass.db");
        let store = SqlStore::open(&path).unwrap();
        for n in 1..=3 {
            store.commit(whole(n)).await.unwrap();
        }
        drop(store);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let problems = problems(&path).await;
        assert!(
            problems.iter().any(|it| it.contains(found)),
            "{sql}: {problems:?}"
        );
    }
}

/// Other due work continues despite an unreadable row.
#[tokio::test]
async fn a_row_that_cannot_be_read_stops_no_other() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let store = SqlStore::open(&path).unwrap();
    for n in 1..=3 {
        store.commit(whole(n)).await.unwrap();
    }
    let far = at(10_000_000);
    let due = |store: SqlStore| async move {
        let requests = store.requests_due(far, 100).await.unwrap();
        let grants = store.grants_due(far, 100).await.unwrap();
        (requests.len(), grants.len())
    };
    let all = due(store.clone()).await;
    assert!(all.1 >= 3, "{all:?}");
    let spoil = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    spoil("UPDATE grants SET body = x'01ff' WHERE id = (SELECT min(id) FROM grants)");
    spoil(
        "UPDATE requests SET body = x'007b7d' WHERE id = (SELECT min(id) FROM requests WHERE due IS NOT NULL)",
    );
    let left = due(store).await;
    assert_eq!(left, (all.0.saturating_sub(1), all.1 - 1));
}

#[tokio::test]
async fn the_log_in_the_file_is_append_only() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    SqlStore::open(&path)
        .unwrap()
        .commit(whole(1))
        .await
        .unwrap();
    let other = Connection::open(&path).unwrap();
    for sql in ["DELETE FROM audit", "UPDATE audit SET body = x''"] {
        let error = other.execute_batch(sql).unwrap_err();
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_one_whole_instant() {
    let folder = tempdir().unwrap();
    let store = SqlStore::open(folder.path().join("hallpass.db")).unwrap();
    for n in 1..=20 {
        store.commit(whole(n)).await.unwrap();
    }
    let copy = folder.path().join("copy.db");
    let busy = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 21..=60 {
                store.commit(whole(n)).await.unwrap();
            }
        }
    });
    store.backup(&copy).await.unwrap();
    busy.await.unwrap();
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("copy"))
        .collect();
    assert_eq!(names, ["copy.db"]);
    let copied = SqlStore::open(&copy).unwrap();
    let head = copied.head().await.unwrap().unwrap();
    assert!((20..=60).contains(&head.seq));
    let all = copied
        .requests(&RequestFilter::default(), 99)
        .await
        .unwrap();
    assert_eq!(all.rows.len() as u64, head.seq);
    let ids = (
        copied.log_id().await.unwrap(),
        store.log_id().await.unwrap(),
    );
    assert!(ids.0.is_some() && ids.0 == ids.1, "{ids:?}");
    assert_eq!(copied.check().await.unwrap().problems, Vec::<String>::new());
    let again = store.backup(&copy).await;
    assert!(matches!(again, Err(BackupError::Exists(_))), "{again:?}");
}

/// Overwrites an index page, like a broken disk.
#[tokio::test]
async fn a_damaged_database_is_not_copied() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let store = SqlStore::open(&path).unwrap();
    for n in 1..=20 {
        store.commit(whole(n)).await.unwrap();
    }
    let good = folder.path().join("good.db");
    store.backup(&good).await.unwrap();
    assert_eq!(store.damage().await.unwrap(), Vec::<String>::new());
    drop(store);
    let page: i64 = Connection::open(&path)
        .unwrap()
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'requests_listed'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let place = u64::try_from((page - 1) * 4_096).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xff; 4_096], place).unwrap();
    let store = SqlStore::open(&path).unwrap();
    assert!(!store.damage().await.unwrap().is_empty());
    let copy = folder.path().join("copy.db");
    let copied = store.backup(&copy).await;
    assert!(
        matches!(copied, Err(BackupError::Malformed(_))),
        "{copied:?}"
    );
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("copy") || name.starts_with("good"))
        .collect();
    left.sort();
    assert_eq!(left, ["good.db"]);
}

const FULL_FOLDER: &str = "HALLPASS_TEST_FULL_FOLDER";

/// Runs its child on a separate 16 MiB file system, where permitted.
#[cfg(target_os = "linux")]
#[test]
fn access_ends_when_callers_have_filled_the_disk() {
    let folder = tempdir().unwrap();
    let in_namespace = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-Urm", "sh", "-c", script, "sh"]);
        command.arg(folder.path());
        command
    };
    let mount = "mount -t tmpfs -o size=16m none \"$1\"";
    let is_possible = in_namespace(mount).output();
    if !is_possible.is_ok_and(|it| it.status.success()) {
        eprintln!("skipped: this system gives no file system to a test");
        return;
    }
    let ran = in_namespace(&format!("{mount} && shift && exec \"$@\""))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "one_file::child_fills_the_disk", "--nocapture"])
        .env(FULL_FOLDER, folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(told.contains("ended on a full disk"), "{told}");
}

#[tokio::test]
async fn child_fills_the_disk() {
    let Ok(folder) = std::env::var(FULL_FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let others = folder.join("others");
    std::fs::write(&others, vec![1; 5 * 1024 * 1024]).unwrap();
    let store = SqlStore::open(folder.join("hallpass.db")).unwrap();
    let store = store.reserving(4 * 1024 * 1024, Duration::ZERO);
    let mut filled = 0;
    let full = loop {
        match store.commit(whole(filled + 1)).await {
            Ok(_) => filled += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, CommitError::Full(_)), "{full:?}");
    assert!(
        store.can_write().await.is_err(),
        "it is ready and writes nothing"
    );
    for n in 1..=50 {
        let row = store.assignment(&account_key(n, 1)).await.unwrap().unwrap();
        let revoked = Change {
            grants: vec![Write::Update(Grant {
                state: ending(n),
                ..a_grant(n)
            })],
            desired: vec![wanted_at_once(&row, n)],
            audit: vec![a_draft(1_000_000 + n)],
            ..Change::default()
        };
        store.commit(revoked).await.unwrap();
        let refused = store.commit(whole(filled + 1)).await;
        assert!(matches!(refused, Err(CommitError::Full(_))), "{refused:?}");
    }
    std::fs::remove_file(&others).unwrap();
    store.commit(whole(filled + 1)).await.unwrap();
    store.can_write().await.unwrap();
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    println!("ended on a full disk");
}

#[tokio::test]
async fn two_processes_do_not_take_the_same_notice() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let stores = [0, 1].map(|_| SqlStore::open(&path).unwrap());
    for store in &stores {
        store.open_channel("mail", at(0)).await.unwrap();
    }
    for n in 1..=20 {
        stores[0].commit(whole(n)).await.unwrap();
    }
    let tasks = stores.map(|store| {
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let taken = store.take_notices("mail", at(1), at(90), 1).await.unwrap();
                let Some(told) = taken.first() else {
                    return mine;
                };
                mine.push(told.number);
                store.notice_delivered("mail", told.number).await.unwrap();
            }
        })
    });
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.unwrap());
    }
    taken.sort_unstable();
    let once = taken.len();
    taken.dedup();
    assert_eq!((once, taken.len()), (40, 40));
    let left: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM notices", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}
