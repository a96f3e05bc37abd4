//! The state log: answered changes survive any crash.

use std::{fs, io::Write as _, path::Path, sync::Arc};

use hallpass_aws_sim::{
    Consistency, LoadError, Options, Simulator, Speed, organization::DEFAULT_SEED,
};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::bench::{Bench, Signer, options};

async fn open(path: &Path) -> Bench {
    Bench::new(Options {
        state: Some(path.to_owned()),
        ..options()
    })
    .await
}

struct Before {
    shown: Value,
    set: Value,
    request: Value,
    session: Signer,
}

async fn live(bench: &Bench) -> Before {
    let mara = bench.user("mara.lindqvist");
    let made = bench
        .call("sso:CreatePermissionSet", json!({ "Name": "Fresh" }))
        .await
        .json();
    let row = bench.row("payments-prod", "PowerUser", &mara);
    assert_eq!(bench.settle("Create", &row).await.0, "SUCCEEDED");
    let change =
        json!({ "add_member": { "group": "oncall", "user": "mara.lindqvist@example.com" } });
    bench.mutate(change).await;
    bench
        .fault(json!({ "kind": "stuck_in_progress", "seconds": 600 }))
        .await;
    let row = bench.row("orders-prod", "PowerUser", &mara);
    let flying = bench.call("sso:CreateAccountAssignment", row).await.json();
    let account = bench.account("payments-dev");
    let role = format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole");
    let session = bench.assume(&bench.signer, &role, "").await;
    Before {
        shown: bench
            .control("GET", "/state?full=1&assignments=1", Value::Null)
            .await
            .1,
        set: made["PermissionSet"].clone(),
        request: flying["AccountAssignmentCreationStatus"]["RequestId"].clone(),
        session,
    }
}

#[tokio::test]
async fn everything_answered_is_there_after_a_crash() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.log");
    let bench = open(&path).await;
    let mut before = live(&bench).await;
    drop(bench);

    // an incomplete last record was never answered
    let mut log = fs::OpenOptions::new().append(true).open(&path).unwrap();
    log.write_all(b"{\"Call\":{\"call\"").unwrap();
    let bench = open(&path).await;
    let (_, mut after) = bench
        .control("GET", "/state?full=1&assignments=1", Value::Null)
        .await;
    for shown in [&mut before.shown, &mut after] {
        shown["file"]["clock"] = Value::Null;
    }
    for key in ["organization", "assignments", "in_flight", "seed", "file"] {
        assert_eq!(before.shown[key], after[key], "{key}");
    }
    assert_eq!(
        before.shown["clock"]["offset_seconds"],
        after["clock"]["offset_seconds"]
    );
    let describe = json!({ "PermissionSetArn": before.set["PermissionSetArn"] });
    let described = bench.call("sso:DescribePermissionSet", describe).await;
    assert_eq!(described.json()["PermissionSet"], before.set);
    let who = bench
        .query(&before.session, "Action=GetCallerIdentity")
        .await;
    assert_eq!(who.outcome(), "ok");
    bench.advance(700.0).await;
    assert_eq!(bench.creation(&before.request).await, "SUCCEEDED");
}

#[tokio::test]
async fn a_reset_survives_too() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.log");
    let bench = open(&path).await;
    live(&bench).await;
    bench.advance(700.0).await;
    drop(bench);
    let bench = open(&path).await;
    assert_eq!(bench.count("orders-prod", "PowerUser").await, 1);
    let (status, _) = bench.control("POST", "/reset", Value::Null).await;
    assert_eq!(
        (status, bench.count("orders-prod", "PowerUser").await),
        (200, 0)
    );
    drop(bench);
    assert_eq!(
        open(&path).await.count("payments-prod", "PowerUser").await,
        0
    );
}

#[tokio::test]
async fn options_hold_after_a_restart() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.log");
    drop(open(&path).await);
    let other = |seed: u64| Options {
        state: Some(path.clone()),
        seed: Some(seed),
        speed: Some(Speed::Instant),
        consistency: Some(Consistency::Hard),
        behaviour: vec![("delete_orphan".to_owned(), "succeed".to_owned())],
        frozen_clock: true,
        ..options()
    };
    let (seed, clock) = (
        options().organization.seed.unwrap_or(DEFAULT_SEED),
        Arc::new(Stopped),
    );
    let refused = Simulator::new(other(seed + 1), clock);
    assert!(matches!(refused, Err(LoadError::Organization(_))));
    let bench = Bench::new(other(seed)).await;
    let (_, state) = bench.control("GET", "/state?full=1", Value::Null).await;
    for (pointer, value) in [
        ("/file/speed", json!("instant")),
        ("/file/consistency", json!("hard")),
        ("/behaviour/delete_orphan", json!("succeed")),
        ("/clock/frozen", json!(true)),
    ] {
        assert_eq!(state.pointer(pointer), Some(&value), "{pointer}");
    }
    bench.tick(60_000);
    let (_, later) = bench.control("GET", "/state", Value::Null).await;
    assert_eq!(state["clock"]["now"], later["clock"]["now"]);
}

/// A wall clock set back must not date changes.
#[tokio::test]
async fn a_clock_that_is_put_back_changes_nothing_of_before() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.log");
    let bench = open(&path).await;
    bench.tick(60_000);
    bench.call("sso:ListInstances", json!({})).await;
    bench.tick(-60_000);
    let made = bench
        .call("sso:CreatePermissionSet", json!({ "Name": "Fresh" }))
        .await
        .json();
    drop(bench);
    let describe = json!({ "PermissionSetArn": made["PermissionSet"]["PermissionSetArn"] });
    let described = open(&path)
        .await
        .call("sso:DescribePermissionSet", describe)
        .await;
    assert_eq!(described.json()["PermissionSet"], made["PermissionSet"]);
}

#[tokio::test]
async fn what_is_not_a_log_is_not_overwritten() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("precious.txt");
    fs::write(&path, "not a log\n").unwrap();
    let clock: Arc<dyn hallpass_base::Clock> = Arc::new(Stopped);
    let made = Simulator::new(
        Options {
            state: Some(path.clone()),
            ..options()
        },
        clock,
    );
    assert!(matches!(made, Err(LoadError::State { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "not a log\n");
}

struct Stopped;

impl hallpass_base::Clock for Stopped {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}
