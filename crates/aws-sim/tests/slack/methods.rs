//! The Web API (`simulator.md` K-1): errors, scopes, rates, pages, faults (K-9).

use serde_json::{Value, json};

use super::app::{Pair, plain};

type Row = (&'static str, Value, &'static str);

fn errors_of_access(app: &str) -> Vec<Row> {
    vec![
        ("auth.test", json!({ "token": "" }), "not_authed"),
        (
            "auth.test",
            json!({ "token": "xoxb-other" }),
            "invalid_auth",
        ),
        (
            "auth.test",
            json!({ "token": app }),
            "not_allowed_token_type",
        ),
        ("apps.connections.open", json!({}), "not_allowed_token_type"),
        ("chat.nothing", json!({}), "unknown_method"),
        ("reactions.add", json!({}), "missing_scope"),
    ]
}

fn errors_of_chat(ts: &str) -> Vec<Row> {
    let many = vec![json!({ "type": "section", "text": plain(&"x".repeat(2_900)) }); 5];
    let said = |more: Value| {
        let mut said = json!({ "channel": "C0ACCESS", "text": "x" });
        said.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        said
    };
    let long = "x".repeat(4_001);
    let post = "chat.postMessage";
    vec![
        (post, json!({ "text": "x" }), "invalid_arguments"),
        (post, json!({ "channel": "C0ACCESS" }), "no_text"),
        (
            post,
            said(json!({ "channel": "C0NONE" })),
            "channel_not_found",
        ),
        (
            post,
            said(json!({ "blocks": "[" })),
            "invalid_blocks_format",
        ),
        (
            post,
            said(json!({ "attachments": vec![json!({}); 101] })),
            "too_many_attachments",
        ),
        (post, said(json!({ "blocks": many })), "msg_blocks_too_long"),
        (
            post,
            said(json!({ "thread_ts": "1.000100" })),
            "thread_not_found",
        ),
        (
            "chat.update",
            said(json!({ "ts": "1.000100" })),
            "message_not_found",
        ),
        (
            "chat.update",
            said(json!({ "ts": ts, "text": long })),
            "msg_too_long",
        ),
        (
            "chat.postEphemeral",
            said(json!({ "user": "U0NOBODY" })),
            "user_not_in_channel",
        ),
        (
            "chat.delete",
            said(json!({ "ts": "1.000100" })),
            "message_not_found",
        ),
        (
            "chat.getPermalink",
            said(json!({ "message_ts": "1.000100" })),
            "message_not_found",
        ),
    ]
}

fn errors_of_the_rest() -> Vec<Row> {
    let members = "conversations.members";
    let here = "C0ACCESS";
    vec![
        (
            "users.info",
            json!({ "user": "U0NOBODY" }),
            "user_not_found",
        ),
        (
            "users.lookupByEmail",
            json!({ "email": "no@example.com" }),
            "users_not_found",
        ),
        (members, json!({ "channel": "C0NONE" }), "channel_not_found"),
        (
            members,
            json!({ "channel": here, "cursor": "zzz" }),
            "invalid_cursor",
        ),
        (
            members,
            json!({ "channel": here, "limit": 1001 }),
            "invalid_limit",
        ),
        (
            "conversations.open",
            json!({ "users": "U0NOBODY" }),
            "user_not_found",
        ),
        (
            "conversations.info",
            json!({ "channel": "C0NONE" }),
            "channel_not_found",
        ),
        (
            "views.update",
            json!({ "view_id": "V1", "view": {} }),
            "invalid_arguments",
        ),
        (
            "views.open",
            json!({ "trigger_id": "1" }),
            "invalid_arguments",
        ),
    ]
}

#[tokio::test]
async fn every_error_has_its_name() {
    let pair = Pair::new().await;
    let ts = pair.posted(json!([{ "type": "divider" }])).await;
    let app = pair.simulator.slack().unwrap().app_token;
    let table = [
        errors_of_access(&app),
        errors_of_chat(&ts),
        errors_of_the_rest(),
    ];
    let mut wrong = Vec::new();
    for (method, body, error) in table.concat() {
        let said = pair.api(method, body).await;
        if said["error"] != error || said["ok"] != false {
            wrong.push(format!("{method} {error}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let said = pair.api("reactions.add", json!({})).await;
    assert_eq!(said["needed"], "reactions:write");
    assert!(said["provided"].as_str().unwrap().contains("chat:write"));
}

#[tokio::test]
async fn bodies_may_be_forms_json_and_queries() {
    let pair = Pair::new().await;
    let token = pair.simulator.slack().unwrap().bot_token;
    let form = "application/x-www-form-urlencoded";
    let table = [
        (
            form,
            format!("token={token}&channel=C0ACCESS&text=a+b%21"),
            "ok",
        ),
        (
            form,
            format!("token={token}&channel=C0ACCESS&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D"),
            "ok",
        ),
        (
            "application/json; charset=utf-8",
            "{}".to_owned(),
            "not_authed",
        ),
        ("application/json", "{".to_owned(), "invalid_json"),
        ("application/json", "[]".to_owned(), "json_not_object"),
        ("text/plain", "x".to_owned(), "invalid_post_type"),
    ];
    for (kind, body, error) in table {
        let (status, _, said) = pair.raw("chat.postMessage", kind, &body).await;
        let found = said["error"].as_str().unwrap_or("ok");
        assert_eq!((status, found), (200, error), "{kind} {body}");
    }
    let said = pair.get("api/users.info?user=U0MARA&token=xoxb-sim").await;
    assert_eq!(
        said["user"]["profile"]["email"],
        "mara.lindqvist@example.com"
    );
}

#[tokio::test]
async fn faults_of_aws_leave_slack_alone() {
    let pair = Pair::new().await;
    pair.control(
        "faults",
        json!({ "kind": "error", "code": "InternalFailure", "http": 500 }),
    )
    .await;
    pair.ok("auth.test", json!({})).await;
}

#[tokio::test]
async fn metadata_is_told_to_those_who_ask() {
    let pair = Pair::new().await;
    let metadata = json!({ "event_type": "request", "event_payload": { "id": "req_1" } });
    let body = json!({ "channel": "C0ACCESS", "text": "x", "metadata": metadata });
    pair.ok("chat.postMessage", body).await;
    let asked = json!({ "channel": "C0ACCESS", "include_all_metadata": true });
    let asked = pair.ok("conversations.history", asked).await;
    assert_eq!(asked["messages"][0]["metadata"], metadata);
    let not = pair
        .ok("conversations.history", json!({ "channel": "C0ACCESS" }))
        .await;
    assert!(not["messages"][0].get("metadata").is_none());
    let wrong = json!({ "channel": "C0ACCESS", "text": "x", "metadata": { "event": "x" } });
    let wrong = pair.api("chat.postMessage", wrong).await;
    assert_eq!(wrong["error"], "invalid_metadata_format");
}
