//! Presses, commands and shortcuts (`simulator.md` K-4 to K-7).

use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::app::{Pair, plain};

const MARA: &str = "mara.lindqvist@example.com";
const TOMASZ: &str = "tomasz.wilk@example.com";

fn buttons() -> Value {
    json!([
        { "type": "section", "block_id": "content", "text": { "type": "mrkdwn", "text": "*x*" } },
        { "type": "actions", "block_id": "buttons", "elements": [
            { "type": "button", "action_id": "approve", "text": plain("Approve"),
              "style": "primary", "value": "req_1" },
            { "type": "button", "action_id": "discard", "text": plain("Discard"), "value": "req_1",
              "confirm": { "title": plain("Sure?"), "text": plain("It goes"),
                           "confirm": plain("Yes"), "deny": plain("No") } },
        ] },
    ])
}

fn signed(secret: &str, timestamp: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(tag))
}

#[tokio::test]
async fn deliveries_can_be_doubled_aged_forged_and_replayed() {
    let pair = Pair::new().await;
    let ts = pair.posted(buttons()).await;
    let press = |deliver: Value| {
        json!({ "user": TOMASZ, "click": { "message_ts": ts, "action_id": "approve" },
                "deliver": deliver })
    };
    let said = pair
        .act(press(json!({ "times": 2, "age_seconds": 400 })))
        .await;
    let got = pair.got();
    assert_eq!((got.len(), &got[0].body), (2, &got[1].body));
    assert_eq!(got[0].signature, got[1].signature);
    let age = pair.wall().as_second() - got[0].timestamp.parse::<i64>().unwrap();
    assert_eq!(age, 400);
    pair.act(press(json!({ "bad_signature": true }))).await;
    let got_bad = pair.got();
    let secret = pair.simulator.slack().unwrap().signing_secret;
    assert_ne!(
        got_bad[0].signature,
        signed(&secret, &got_bad[0].timestamp, &got_bad[0].body)
    );
    pair.act(json!({ "replay": said["act"] })).await;
    let again = pair.got();
    assert_eq!(
        (&again[0].body, &again[0].signature),
        (&got[0].body, &got[0].signature)
    );
}

#[tokio::test]
async fn people_reach_only_what_they_see() {
    let pair = Pair::new().await;
    let ts = pair.posted(buttons()).await;
    let hidden = json!({ "channel": "C0ACCESS", "user": "U0MARA", "text": "psst",
                         "blocks": buttons() });
    let hidden = pair.ok("chat.postEphemeral", hidden).await["message_ts"].clone();
    let direct = json!({ "channel": "U0MARA", "text": "to you", "blocks": buttons() });
    let direct = pair.ok("chat.postMessage", direct).await["ts"].clone();
    let file = pair.file();
    let slack = file.slack.unwrap();
    let members = slack["channels"][0]["members"].as_array().unwrap();
    let users = slack["users"].as_array().unwrap();
    let outside = users
        .iter()
        .find(|user| !members.contains(&user["id"]))
        .unwrap();
    let click = |who: &Value, ts: &Value, action: &str| json!({ "user": who, "click": { "message_ts": ts, "action_id": action } });
    let (mara, tomasz, ts) = (json!(MARA), json!(TOMASZ), json!(ts));
    let table = [
        (click(&mara, &ts, "approve"), 200),
        (click(&mara, &hidden, "approve"), 200),
        (click(&mara, &direct, "approve"), 200),
        (click(&tomasz, &hidden, "approve"), 404),
        (click(&tomasz, &direct, "approve"), 404),
        (click(&outside["email"], &ts, "approve"), 404),
        (click(&tomasz, &ts, "release"), 404),
        (click(&json!("nobody@example.com"), &ts, "approve"), 404),
        (json!({ "user": MARA }), 400),
        (
            json!({ "user": MARA, "shortcut": "x", "command": "/y" }),
            400,
        ),
        (json!({ "user": MARA, "clack": {} }), 400),
        (
            json!({ "user": outside["email"], "command": "/x", "channel": "C0ACCESS" }),
            404,
        ),
    ];
    for (body, status) in table {
        let (found, said) = pair.post("act", body.clone()).await;
        assert_eq!(found, status, "{body}: {said}");
    }
}

#[tokio::test]
async fn a_declined_confirmation_tells_nobody() {
    let pair = Pair::new().await;
    let ts = pair.posted(buttons()).await;
    let click = |confirm: bool| {
        json!({ "user": MARA, "click": { "message_ts": ts, "action_id": "discard",
                                         "confirm": confirm } })
    };
    let said = pair.act(click(false)).await;
    assert_eq!(said["declined"]["title"]["text"], "Sure?");
    assert!(pair.got().is_empty());
    pair.act(click(true)).await;
    assert_eq!(pair.heard()["actions"][0]["action_id"], "discard");
}

#[tokio::test]
async fn commands_go_to_their_own_path_and_their_answer_is_a_message() {
    let pair = Pair::new().await;
    pair.says(
        200,
        &json!({ "text": "only you", "response_type": "ephemeral" }),
    );
    let command = |text: &str| json!({ "user": MARA, "command": "/access", "text": text });
    let said = pair.act(command("a & <!channel>")).await;
    let got = pair.got();
    assert_eq!(got[0].path, "/slack/commands");
    let table = [
        ("command", "/access"),
        ("text", "a &amp; &lt;!channel&gt;"),
        ("user_id", "U0MARA"),
        ("user_name", "mara.lindqvist"),
        ("channel_id", "C0ACCESS"),
        ("channel_name", "access"),
        ("team_id", "T0EXAMPLE"),
        ("api_app_id", "A0HALLPASS"),
    ];
    for (name, value) in table {
        assert_eq!(got[0].field(name), value, "{name}");
    }
    let messages = said["screen"]["messages"].as_array().unwrap();
    assert_eq!(messages.last().unwrap()["text"], "only you");
    assert_eq!(messages.last().unwrap()["only_for"], "U0MARA");
    pair.says(
        200,
        &json!({ "text": "all", "response_type": "in_channel" }),
    );
    let said = pair.act(command("")).await;
    let messages = said["screen"]["messages"].as_array().unwrap();
    assert_eq!(messages.last().unwrap()["only_for"], Value::Null);
}

#[tokio::test]
async fn silence_and_errors_are_seen() {
    let pair = Pair::new().await;
    let command = json!({ "user": MARA, "command": "/access" });
    pair.says(500, &Value::Null);
    let said = pair.act(command.clone()).await;
    assert_eq!(
        said["seen"],
        "/access failed with the error “dispatch_failed (http 500)”"
    );
    pair.says_late(200, String::new(), Duration::from_secs(5));
    let said = pair.act(command).await;
    assert_eq!(said["delivered"][0]["late"], true);
    assert_eq!(
        said["seen"],
        "/access failed with the error “operation_timeout”"
    );
    assert_eq!(pair.got().len(), 2);
    pair.simulator
        .set_slack_request_url("http://127.0.0.1:1/slack/interactions");
    let said = pair
        .act(json!({ "user": MARA, "shortcut": "request_for_access" }))
        .await;
    assert_eq!(said["seen"], "Hallpass did not respond. Try again.");
    assert!(said["delivered"][0]["error"].is_string());
}

#[tokio::test]
async fn a_response_url_answers_five_times_in_half_an_hour() {
    let pair = Pair::new().await;
    let ts = pair.posted(buttons()).await;
    let click = json!({ "user": TOMASZ, "click": { "message_ts": ts, "action_id": "approve" } });
    pair.act(click.clone()).await;
    let url = pair.heard()["response_url"].clone();
    let answers = [
        (json!({ "text": "you may not" }), 200),
        (json!({ "text": "new", "replace_original": true }), 200),
        (json!({ "text": "all", "response_type": "in_channel" }), 200),
        (json!({}), 400),
        (json!({ "delete_original": true }), 200),
        (json!({ "text": "fifth" }), 200),
        (json!({ "text": "sixth" }), 404),
    ];
    for (body, status) in answers {
        let (found, text) = pair.respond(&url, body.clone()).await;
        assert_eq!(found, status, "{body}: {text}");
        assert!(status != 404 || text == "expired_url", "{text}");
    }
    let messages = pair.get("messages").await;
    let rows = messages["messages"].as_array().unwrap();
    assert_eq!(rows[0]["deleted"], true);
    assert_eq!(rows[0]["versions"][1]["text"], "new");
    assert_eq!(rows[0]["versions"][1]["by"], "response");
    assert_eq!(rows[1]["only_for"], "U0TOMASZ");
    assert_eq!(rows[2]["only_for"], Value::Null);
    let ts = pair.posted(buttons()).await;
    pair.act(json!({ "user": TOMASZ, "click": { "message_ts": ts, "action_id": "approve" } }))
        .await;
    let url = pair.heard()["response_url"].clone();
    pair.control("advance", json!({ "seconds": 1801 })).await;
    assert_eq!(pair.respond(&url, json!({ "text": "late" })).await.0, 404);
}

#[tokio::test]
async fn what_people_typed_is_flagged_when_it_comes_back_unescaped() {
    let pair = Pair::new().await;
    pair.act(
        json!({ "user": MARA, "command": "/access", "text": "help <!channel> & <@U0TOMASZ>" }),
    )
    .await;
    let table = [
        ("help &lt;!channel&gt; &amp; &lt;@U0TOMASZ&gt;", 0),
        ("<@U0TOMASZ> will help", 1),
        ("help <!channel> & all", 2),
    ];
    for (text, flags) in table {
        pair.ok(
            "chat.postMessage",
            json!({ "channel": "C0ACCESS", "text": text }),
        )
        .await;
        let rows = pair.get("messages").await;
        let last = rows["messages"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(
            last["flags"].as_array().unwrap().len(),
            flags,
            "{text}: {last}"
        );
    }
}
