//! `CreateAccount`: `simulator.md` O-32, O-33, and progress over time.

use hallpass_aws_sim::{Consistency, Speed};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, options};

async fn org(bench: &Bench, operation: &str, input: Value) -> Answer {
    bench
        .call(&format!("organizations:{operation}"), input)
        .await
}

async fn asked(bench: &Bench, name: &str, email: &str) -> String {
    let answer = org(
        bench,
        "CreateAccount",
        json!({ "AccountName": name, "Email": email }),
    )
    .await;
    let status = answer.json()["CreateAccountStatus"].clone();
    assert_eq!(status["State"], "IN_PROGRESS", "{}", answer.text);
    assert!(status.get("AccountId").is_none(), "{status}");
    status["Id"].as_str().unwrap().to_owned()
}

async fn status(bench: &Bench, id: &str) -> Value {
    let input = json!({ "CreateAccountRequestId": id });
    org(bench, "DescribeCreateAccountStatus", input)
        .await
        .json()["CreateAccountStatus"]
        .clone()
}

async fn listed(bench: &Bench, states: Value) -> Vec<String> {
    let input = if states.is_null() {
        json!({})
    } else {
        json!({ "States": states })
    };
    let rows = org(bench, "ListCreateAccountStatus", input).await.json();
    let rows = rows["CreateAccountStatuses"].as_array().unwrap().clone();
    rows.iter()
        .map(|row| row["AccountName"].as_str().unwrap().to_owned())
        .collect()
}

async fn is_listed(bench: &Bench, account: &str) -> bool {
    let mut input = json!({});
    loop {
        let page = org(bench, "ListAccounts", input).await.json();
        let mut rows = page["Accounts"].as_array().unwrap().iter();
        if rows.any(|row| row["Id"] == account) {
            return true;
        }
        match page.get("NextToken") {
            Some(token) => input = json!({ "NextToken": token }),
            None => return false,
        }
    }
}

#[tokio::test]
async fn an_account_is_made_in_a_while_and_shown_a_little_later() {
    let bench = Bench::new(hallpass_aws_sim::Options {
        speed: Some(Speed::Real),
        consistency: Some(Consistency::Typical),
        ..options()
    })
    .await;
    let id = asked(&bench, "new-1", "new-1@example.com").await;
    bench.tick(19_000);
    assert_eq!(status(&bench, &id).await["State"], "IN_PROGRESS");
    assert_eq!(listed(&bench, json!(["IN_PROGRESS"])).await, ["new-1"]);
    bench.tick(72_000);
    let done = status(&bench, &id).await;
    assert_eq!(done["State"], "SUCCEEDED", "{done}");
    assert!(done["CompletedTimestamp"].is_number(), "{done}");
    let account = done["AccountId"].as_str().unwrap();
    bench.tick(5_000);
    assert!(is_listed(&bench, account).await);
    assert!(
        listed(&bench, json!(["IN_PROGRESS", "FAILED"]))
            .await
            .is_empty()
    );
    assert_eq!(listed(&bench, Value::Null).await, ["new-1"]);
    let root = bench.file().organization.root;
    let parents = org(&bench, "ListParents", json!({ "ChildId": account }))
        .await
        .json();
    assert_eq!(parents["Parents"][0]["Id"], root.as_str());
    let held = json!({ "TargetId": account, "Filter": "SERVICE_CONTROL_POLICY" });
    let held = org(&bench, "ListPoliciesForTarget", held).await.json();
    assert_eq!(held["Policies"][0]["Name"], "FullAWSAccess", "{held}");
}

#[tokio::test]
async fn five_are_made_at_once_and_a_sixth_has_to_wait() {
    let bench = Bench::small().await;
    for number in 0..5 {
        asked(&bench, "many", &format!("many-{number}@example.com")).await;
    }
    let sixth = json!({ "AccountName": "many", "Email": "many-5@example.com" });
    let answer = org(&bench, "CreateAccount", sixth.clone()).await;
    assert_eq!(answer.outcome(), "TooManyRequestsException");
    bench.tick(1_000);
    assert_eq!(org(&bench, "CreateAccount", sixth).await.outcome(), "ok");
}

#[tokio::test]
async fn in_mode_hard_two_writes_to_accounts_disturb_each_other() {
    let bench = Bench::new(hallpass_aws_sim::Options {
        consistency: Some(Consistency::Hard),
        ..options()
    })
    .await;
    let input =
        |number: u32| json!({ "AccountName": "a", "Email": format!("a-{number}@example.com") });
    assert_eq!(org(&bench, "CreateAccount", input(1)).await.outcome(), "ok");
    let answer = org(&bench, "CreateAccount", input(2)).await;
    assert_eq!(answer.outcome(), "ConcurrentModificationException");
    bench.tick(200);
    assert_eq!(org(&bench, "CreateAccount", input(2)).await.outcome(), "ok");
}
