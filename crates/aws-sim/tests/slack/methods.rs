//! The Web API (`simulator.md` K-1): errors, scopes, rates, pages, faults (K-9).

use hallpass_aws_sim::Options;
use serde_json::{Value, json};

use super::app::{Pair, options, plain};

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
async fn messages_have_growing_timestamps_and_keep_their_history() {
    let pair = Pair::new().await;
    let first = pair.posted(json!([{ "type": "divider" }])).await;
    let second = pair.posted(json!([{ "type": "divider" }])).await;
    assert!(second > first);
    let update = json!({ "channel": "C0ACCESS", "ts": first, "text": "new" });
    let said = pair.ok("chat.update", update).await;
    assert_eq!(
        said["message"]["blocks"][0]["type"], "divider",
        "blocks not given stay"
    );
    let reply = json!({ "channel": "C0ACCESS", "text": "in thread", "thread_ts": first });
    let reply = pair.ok("chat.postMessage", reply).await;
    assert_eq!(reply["message"]["thread_ts"], json!(first));
    let history = pair
        .ok("conversations.history", json!({ "channel": "C0ACCESS" }))
        .await;
    let found: Vec<&Value> = history["messages"].as_array().unwrap().iter().collect();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["ts"], json!(second));
    let thread = json!({ "channel": "C0ACCESS", "ts": first });
    let thread = pair.ok("conversations.replies", thread).await;
    let texts: Vec<&str> = thread["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["text"].as_str())
        .collect();
    assert_eq!(texts, ["new", "in thread"]);
    let rows = pair
        .get(&format!("messages?channel=C0ACCESS&since={second}"))
        .await;
    assert_eq!(rows["messages"].as_array().unwrap().len(), 1);
    let rows = pair.get("messages").await;
    assert_eq!(rows["messages"][0]["versions"].as_array().unwrap().len(), 2);
    pair.ok("chat.delete", json!({ "channel": "C0ACCESS", "ts": first }))
        .await;
    pair.post("reset", json!({})).await;
    assert_eq!(pair.get("messages").await["messages"], json!([]));
}

#[tokio::test]
async fn people_are_as_the_file_has_them() {
    let pair = Pair::new().await;
    let guest = pair.ok("users.info", json!({ "user": "U0GUEST" })).await["user"].clone();
    assert_eq!(guest["is_restricted"], true);
    assert_eq!(guest["is_stranger"], true);
    assert!(guest["profile"].get("email").is_none());
    let mara = pair
        .ok(
            "users.lookupByEmail",
            json!({ "email": "Mara.Lindqvist@Example.com" }),
        )
        .await;
    assert_eq!(mara["user"]["id"], "U0MARA");
    assert_eq!(mara["user"]["tz"], "Europe/Stockholm");
    assert_eq!(mara["user"]["tz_offset"], 3_600);
    let file = pair.file();
    let slack = file.slack.unwrap();
    let on_slack: Vec<&str> = slack["users"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["email"].as_str())
        .collect();
    let absent: Vec<_> = file
        .identity_center
        .users
        .iter()
        .filter(|user| !on_slack.contains(&user.user_name.as_str()))
        .collect();
    assert_eq!(absent.len(), 1, "one approver is not on Slack");
    let members = slack["channels"][0]["members"].as_array().unwrap();
    assert_eq!(members.len() + 1, slack["users"].as_array().unwrap().len());
}

#[tokio::test]
async fn members_come_in_pages_and_direct_messages_open_once() {
    let pair = Pair::new().await;
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let body = json!({ "channel": "C0ACCESS", "limit": 25, "cursor": cursor });
        let said = pair.ok("conversations.members", body).await;
        found.extend(said["members"].as_array().unwrap().clone());
        cursor = said["response_metadata"]["next_cursor"]
            .as_str()
            .unwrap()
            .to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    let slack = pair.file().slack.unwrap();
    let members = slack["channels"][0]["members"].as_array().unwrap().len();
    assert_eq!(found.len(), members + 1, "all users and the app");
    let open = json!({ "users": "U0MARA" });
    let first = pair.ok("conversations.open", open.clone()).await;
    let again = pair.ok("conversations.open", open).await;
    assert_eq!(first["channel"]["id"], again["channel"]["id"]);
    assert_eq!(
        (&first["already_open"], &again["already_open"]),
        (&json!(false), &json!(true))
    );
    let said = pair
        .ok(
            "chat.postMessage",
            json!({ "channel": "U0MARA", "text": "hi" }),
        )
        .await;
    assert_eq!(said["channel"], first["channel"]["id"]);
    let info = pair
        .ok("conversations.info", json!({ "channel": "C0ACCESS" }))
        .await;
    assert_eq!(
        (
            &info["channel"]["is_member"],
            &info["channel"]["is_private"]
        ),
        (&json!(true), &json!(false))
    );
}

#[tokio::test]
async fn calls_over_the_rate_wait_as_long_as_they_are_told() {
    let options = Options {
        throttle: true,
        ..options()
    };
    let pair = Pair::with(options).await;
    let form = "application/x-www-form-urlencoded";
    let body = "token=xoxb-sim&channel=C0ACCESS&text=x";
    for _ in 0..5 {
        assert_eq!(pair.raw("chat.postMessage", form, body).await.0, 200);
    }
    let (status, wait, said) = pair.raw("chat.postMessage", form, body).await;
    assert_eq!((status, wait.as_deref()), (429, Some("1")));
    assert_eq!(said["error"], "ratelimited");
    let named = "token=xoxb-sim&channel=%23access&text=x";
    assert_eq!(pair.raw("chat.postMessage", form, named).await.0, 429);
    // rates are per conversation
    let other = "token=xoxb-sim&channel=U0MARA&text=x";
    assert_eq!(pair.raw("chat.postMessage", form, other).await.0, 200);
    pair.control("advance", json!({ "seconds": 1 })).await;
    assert_eq!(pair.raw("chat.postMessage", form, body).await.0, 200);
    assert_eq!(pair.raw("chat.postMessage", form, body).await.0, 429);
}

#[tokio::test]
async fn faults_answer_in_place_of_slack() {
    let pair = Pair::new().await;
    let form = "application/x-www-form-urlencoded";
    let body = "token=xoxb-sim&channel=C0ACCESS&text=x";
    // fault, status, Retry-After, error; 0: the connection breaks
    let table = [
        (
            json!({ "method": "chat.*", "error": "ratelimited", "retry_after": 7 }),
            429,
            Some("7"),
            "ratelimited",
        ),
        (
            json!({ "method": "chat.postMessage", "error": "channel_not_found" }),
            200,
            None,
            "channel_not_found",
        ),
        (
            json!({ "error": "internal_error" }),
            200,
            None,
            "internal_error",
        ),
        (
            json!({ "method": "chat.postMessage", "http": 503 }),
            503,
            None,
            "internal_error",
        ),
        (
            json!({ "method": "views.open", "error": "internal_error" }),
            200,
            None,
            "",
        ),
    ];
    for (mut fault, status, wait, error) in table {
        fault["kind"] = json!("slack_error");
        fault["count"] = json!(1);
        pair.control("faults", fault.clone()).await;
        let (found, waits, said) = pair.raw("chat.postMessage", form, body).await;
        let named = said["error"].as_str().unwrap_or_default();
        assert_eq!(
            (found, waits.as_deref(), named),
            (status, wait, error),
            "{fault}"
        );
    }
    let before = pair.get("messages").await["messages"]
        .as_array()
        .unwrap()
        .len();
    pair.control(
        "faults",
        json!({ "kind": "drop_after_effect", "count": 1,
        "match": { "service": "slack", "operation": "chat.postMessage" } }),
    )
    .await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/_slack/api/chat.postMessage", pair.address);
    let request = client.post(url).header("content-type", form).body(body);
    assert!(request.send().await.is_err(), "the reply is lost");
    let after = pair.get("messages").await["messages"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(after, before + 1, "the message is there");
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
