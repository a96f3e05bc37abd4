//! The simulated services of tickets, and their page.

use hallpass_aws_sim::Options;
use serde_json::{Value, json};

use crate::bench::{Bench, options};
use crate::portal::plain_client;

const ISSUE: &str = "/_tickets/jira/rest/api/2/issue/OPS-101";

async fn sent(call: reqwest::RequestBuilder) -> (u16, String, Value) {
    let answer = call.send().await.unwrap();
    let (status, later) = (
        answer.status().as_u16(),
        answer.headers().get("retry-after"),
    );
    let later = later.map(|it| it.to_str().unwrap().to_owned());
    let text = answer.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, later.unwrap_or_default(), body)
}

async fn get(bench: &Bench, path: &str) -> (u16, String, Value) {
    let call = plain_client().get(format!("http://{}{path}", bench.address));
    sent(call.header("authorization", "Bearer simulated")).await
}

#[tokio::test]
async fn all_but_json_need_a_token_and_have_other_paths_missing() {
    let bench = Bench::small().await;
    for (path, without, with) in [
        (ISSUE, 401, 200),
        ("/_tickets/jira/rest/api/2/issue/OPS-1", 401, 404),
        ("/_tickets/jira/rest/api/3/issue/OPS-101", 401, 404),
        (
            "/_tickets/service_now/api/now/table/incident?sysparm_query=number=INC1",
            401,
            200,
        ),
        ("/_tickets/github/repos/acme/ops/issues/1", 401, 404),
        ("/_tickets/github/users/ines-moreau", 401, 404),
        ("/_tickets/linear/graphql", 401, 400),
        ("/_tickets/json/OPS-101", 404, 404),
        ("/_tickets/redmine/issues/1", 404, 404),
        ("/_tickets/jira/browse/OPS-101", 303, 303),
        ("/_tickets/service_now/nav_to.do?uri=incident.do", 303, 303),
    ] {
        let call = plain_client().get(format!("http://{}{path}", bench.address));
        assert_eq!(sent(call).await.0, without, "{path}");
        assert_eq!(get(&bench, path).await.0, with, "{path}");
    }
}

#[tokio::test]
async fn faults_of_aws_do_not_hit_them_and_their_own_do() {
    let bench = Bench::small().await;
    bench
        .fault(json!({ "kind": "error", "code": "any", "http": 500 }))
        .await;
    assert_eq!(get(&bench, ISSUE).await.0, 200);
    let own = json!({ "service": "tickets", "operation": "jira" });
    bench
        .fault(json!({ "kind": "throttle", "rate": 0.001, "burst": 1, "match": own }))
        .await;
    assert_eq!(get(&bench, ISSUE).await.0, 200);
    let (status, later, _) = get(&bench, ISSUE).await;
    assert_eq!((status, later.as_str()), (429, "1"));
}

#[tokio::test]
async fn the_page_shows_and_changes_what_the_services_answer() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(folder.path().join("state"));
    let with_log = || Options {
        state: state.clone(),
        ..options()
    };
    let bench = Bench::new(with_log()).await;
    let page = format!("http://{}/_sim/tickets", bench.address);
    let form = |text: &'static str| plain_client().post(&page).body(text);
    let changed = "service=jira&key=OPS-101&state=Closed&assignee=";
    assert_eq!(sent(form(changed)).await.0, 200);
    let elsewhere = form(changed).header("origin", "https://elsewhere.example");
    assert_eq!(sent(elsewhere).await.0, 403);
    assert_eq!(sent(form("service=jira&key=OPS-9&state=Open")).await.0, 400);
    assert_eq!(sent(form("service=jira&key=OPS-101&state=+")).await.0, 400);
    let comments = format!("http://{}{ISSUE}/comment", bench.address);
    let comment = plain_client()
        .post(comments)
        .body(r#"{"body":"<b>began</b>"}"#);
    assert_eq!(
        sent(comment.header("authorization", "Basic eDp5")).await.0,
        201
    );
    let (_, _, shown) = sent(plain_client().get(&page)).await;
    let shown = shown.as_str().unwrap();
    assert!(shown.contains("value=\"Closed\""), "{shown}");
    assert!(
        shown.contains("<pre>&#60;b&#62;began&#60;/b&#62;</pre>"),
        "{shown}"
    );
    drop(bench);
    let again = Bench::new(with_log()).await;
    let (_, _, issue) = get(&again, ISSUE).await;
    assert_eq!(issue["fields"]["status"]["name"], "Closed");
    assert_eq!(issue["fields"]["assignee"], Value::Null);
    let (_, _, written) = get(&again, &format!("{ISSUE}/comment")).await;
    assert_eq!(written["comments"][0]["body"], "<b>began</b>");
}

#[tokio::test]
async fn a_loaded_ticket_replaces_that_of_its_service_and_key() {
    let bench = Bench::small().await;
    let ticket = |service: &str| json!({ "service": service, "key": "OPS-101", "state": "Open", "project": "OPS" });
    let part = json!({ "tickets": [ticket("jira"), ticket("linear")] });
    let (status, said) = bench.control("POST", "/load?merge=1", part).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(bench.file().tickets.len(), 4);
    let (_, _, issue) = get(&bench, ISSUE).await;
    assert_eq!(issue["fields"]["status"]["name"], "Open");
    let unknown = json!({ "tickets": [ticket("redmine")] });
    let (status, _) = bench.control("POST", "/load?merge=1", unknown).await;
    assert_eq!(status, 400);
}
