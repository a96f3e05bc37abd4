//! The state log: what was answered survives, whatever happens to the process.

use std::{fs, io::Write as _, path::Path};

use hallpass_aws_sim::Options;
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

/// What a life before the crash leaves behind.
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

    // a record that was cut off by the crash was never answered
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
async fn what_is_not_a_log_is_not_overwritten() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("precious.txt");
    fs::write(&path, "not a log\n").unwrap();
    let clock: std::sync::Arc<dyn hallpass_model::Clock> = std::sync::Arc::new(Stopped);
    let made = hallpass_aws_sim::Simulator::new(
        Options {
            state: Some(path.clone()),
            ..options()
        },
        clock,
    );
    assert!(matches!(
        made,
        Err(hallpass_aws_sim::LoadError::State { .. })
    ));
    assert_eq!(fs::read_to_string(&path).unwrap(), "not a log\n");
}

struct Stopped;

impl hallpass_model::Clock for Stopped {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}
