//! Table of gate cases: no unauthorized call opens or reveals anything.

use std::time::Duration;

use hallpass_channels::slack::{Signed, sign};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::test_app::{ACCOUNT, FORM, TestApp, form, secret, until, user};

const SECRET: &str = "zebra-of-the-wish";

async fn waiting(app: &TestApp) -> hallpass_access::Request {
    let sent = app.submission("ana", FORM, "", &form(ACCOUNT, "Admin", SECRET));
    assert_eq!(app.send(&sent).await.status, 200);
    for _ in 0..1_000 {
        if let Some(request) = app.requests().await.pop() {
            app.tell().await;
            return app.request(request.id).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the request never came");
}

fn calls(app: &TestApp, who: &str, request: &hallpass_access::Request) -> Vec<(String, Value)> {
    let (id, head) = (request.id.to_string(), app.head(request.id));
    let mut suggestion = app.submission(who, FORM, "", &json!({}));
    suggestion["type"] = json!("block_suggestion");
    suggestion["action_id"] = json!("selected_account");
    suggestion["value"] = json!("");
    let typed = form(ACCOUNT, "Root", "let me in");
    let mut calls = vec![
        ("asking".to_owned(), app.submission(who, FORM, "", &typed)),
        ("choices".to_owned(), suggestion),
    ];
    for action in [
        "approve",
        "deny",
        "discard",
        "break_glass",
        "release",
        "extend",
    ] {
        calls.push((action.to_owned(), app.press(who, action, &id, &head)));
    }
    for callback in [
        "request_for_access",
        "request_for_group_membership",
        "hallpass_my_access",
    ] {
        calls.push((callback.to_owned(), app.shortcut(who, callback)));
    }
    for callback in ["hallpass_deny_submitted", "hallpass_break_glass_submitted"] {
        let sent = app.submission(who, callback, &id, &json!({}));
        calls.push((callback.to_owned(), sent));
    }
    calls
}

#[tokio::test]
async fn nothing_unsigned_or_out_of_its_window_opens_anything() {
    let app = TestApp::new().await;
    let request = waiting(&app).await;
    let asked = app.fake.desk().calls.len();
    let now = app.now().as_second();
    let other = SecretString::from("another secret");
    let rows: [(&str, Option<&SecretString>, i64, bool); 6] = [
        ("not signed", None, 0, true),
        ("with another secret", Some(&other), 0, true),
        ("another body", Some(&secret()), 0, false),
        ("301 s ago", Some(&secret()), -301, true),
        ("301 s ahead", Some(&secret()), 301, true),
        ("a year ago", Some(&secret()), -31_536_000, true),
    ];
    // the most powerful users: an approver and the requester
    for who in ["cai", "ana"] {
        for (call, payload) in calls(&app, who, &request) {
            let (body, _, _) = app.signed(&payload);
            for (how, key, off, is_whole) in rows {
                let at = now + off;
                let content = if is_whole {
                    body.clone()
                } else {
                    [&body[..], b"&"].concat()
                };
                let signature = key.map(|key| sign(key, at, &content));
                let at = at.to_string();
                let signed = Signed {
                    timestamp: Some(&at),
                    signature: signature.as_deref(),
                };
                let reply = app.slack.call(&signed, &body).await;
                assert_eq!(
                    (reply.status, reply.body.as_str()),
                    (401, ""),
                    "{call} {how}"
                );
            }
        }
    }
    assert_eq!(app.requests().await.len(), 1);
    assert_eq!(app.state(request.id).await, "pending");
    assert_eq!(app.fake.desk().calls.len(), asked, "nothing was looked up");
}

#[tokio::test]
async fn without_a_secret_no_call_opens_anything() {
    let app = TestApp::new().await;
    let request = waiting(&app).await;
    let slack = app.without_a_secret();
    assert!(app.slack.knows_calls() && !slack.knows_calls());
    let at = app.now().as_second().to_string();
    for (call, payload) in calls(&app, "cai", &request) {
        let (body, _, _) = app.signed(&payload);
        for key in [SecretString::from(""), secret()] {
            let signature = sign(&key, app.now().as_second(), &body);
            let signed = Signed {
                timestamp: Some(&at),
                signature: Some(&signature),
            };
            assert_eq!(slack.call(&signed, &body).await.status, 401, "{call}");
        }
    }
    assert_eq!(app.state(request.id).await, "pending");
}

#[tokio::test]
async fn whoever_is_nobody_here_changes_nothing_and_is_told_nothing() {
    let app = TestApp::new().await;
    let request = waiting(&app).await;
    // of another workspace with an approver's address; without an address; not in the directory;
    // two people
    for who in ["fox", "gia", "new", "two"] {
        for (call, payload) in calls(&app, who, &request) {
            let before = heard(&app, who).len();
            let reply = app.send(&payload).await;
            assert_eq!(reply.status, 200, "{who} {call}");
            assert!(!reply.body.contains(SECRET), "{who} {call}: {}", reply.body);
            assert!(
                !reply.body.contains(ACCOUNT),
                "{who} {call}: {}",
                reply.body
            );
            // forms and choices are answered in the reply itself
            if reply.body.is_empty() {
                let told = until("an answer", || {
                    let all = heard(&app, who);
                    (all.len() > before).then_some(all)
                });
                for words in &told.await[before..] {
                    assert!(!words.contains(SECRET), "{who} {call}: {words}");
                    assert!(!words.contains("payments-prod"), "{who} {call}: {words}");
                }
            }
        }
        assert_eq!(app.requests().await.len(), 1, "{who}");
        assert_eq!(app.state(request.id).await, "pending", "{who}");
    }
}

fn heard(app: &TestApp, who: &str) -> Vec<String> {
    let mut heard = app.fake.whispers(&user(who));
    let desk = app.fake.desk();
    heard.extend(desk.views.iter().map(|(_, view)| view.to_string()));
    heard
}
