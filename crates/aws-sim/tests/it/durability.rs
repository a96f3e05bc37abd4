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

#[tokio::test]
async fn everything_answered_is_there_after_a_crash() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.log");
    let bench = open(&path).await;
    let mara = bench.user("mara.lindqvist");
    let made = bench
        .call("sso:CreatePermissionSet", json!({ "Name": "Fresh" }))
        .await
        .json();
    assert_eq!(
        bench
            .settle("Create", &bench.row("payments-prod", "PowerUser", &mara))
            .await
            .0,
        "SUCCEEDED"
    );
    bench
        .mutate(
            json!({ "add_member": { "group": "oncall", "user": "mara.lindqvist@example.com" } }),
        )
        .await;
    bench
        .fault(json!({ "kind": "stuck_in_progress", "seconds": 600 }))
        .await;
    let flying = bench
        .call(
            "sso:CreateAccountAssignment",
            bench.row("orders-prod", "PowerUser", &mara),
        )
        .await
        .json();
    let id = flying["AccountAssignmentCreationStatus"]["RequestId"].clone();
    let role = format!(
        "arn:aws:iam::{}:role/OrganizationAccountAccessRole",
        bench.account("payments-dev")
    );
    let form = format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=me");
    let text = bench.query(&bench.signer, &form).await.text;
    let (_, before) = bench
        .control("GET", "/state?full=1&assignments=1", Value::Null)
        .await;
    let file = bench.file();
    drop(bench);

    // a record that was cut off by the crash was never answered
    fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"{\"Call\":{\"call\"")
        .unwrap();
    let bench = open(&path).await;
    let (_, after) = bench
        .control("GET", "/state?full=1&assignments=1", Value::Null)
        .await;
    for key in ["organization", "assignments", "in_flight", "seed"] {
        assert_eq!(before[key], after[key], "{key}");
    }
    let without_clock = |mut file: hallpass_aws_sim::OrganizationFile| {
        file.clock = None;
        file
    };
    assert_eq!(without_clock(file), without_clock(bench.file()));
    assert_eq!(
        before["clock"]["offset_seconds"],
        after["clock"]["offset_seconds"]
    );
    let described = bench
        .call(
            "sso:DescribePermissionSet",
            json!({ "PermissionSetArn": made["PermissionSet"]["PermissionSetArn"] }),
        )
        .await;
    assert_eq!(described.json()["PermissionSet"], made["PermissionSet"]);
    let part = |name: &str| {
        text.split(&format!("<{name}>"))
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap()
            .to_owned()
    };
    let session = Signer {
        key: part("AccessKeyId"),
        secret: part("SecretAccessKey"),
        token: Some(part("SessionToken")),
        ..bench.signer.clone()
    };
    assert_eq!(
        bench
            .query(&session, "Action=GetCallerIdentity")
            .await
            .outcome(),
        "ok"
    );
    bench.advance(700.0).await;
    let status = json!({ "AccountAssignmentCreationRequestId": id });
    let answer = bench
        .call("sso:DescribeAccountAssignmentCreationStatus", status)
        .await
        .json();
    assert_eq!(
        answer["AccountAssignmentCreationStatus"]["Status"],
        "SUCCEEDED"
    );
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
        0,
        "the reset survives too"
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
