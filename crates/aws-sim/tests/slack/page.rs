//! The page contains nothing executable.

use serde_json::{Value, json};

use super::app::{Pair, modal};

async fn page(pair: &Pair, query: &str) -> (String, String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/_slack/?{query}", pair.address);
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    (policy.to_owned(), answer.text().await.unwrap())
}

#[tokio::test]
async fn nothing_runs_that_is_not_a_file_of_ours() {
    let pair = Pair::new().await;
    let evil = "<script>alert(1)</script> \" onload=\"x";
    let text = json!({ "channel": "C0ACCESS", "text": evil });
    pair.ok("chat.postMessage", text).await;
    let section = json!([{ "type": "header", "text": { "type": "plain_text", "text": evil } },
                         { "type": "section", "fields": [{ "type": "mrkdwn", "text": evil }] }]);
    pair.posted(section).await;
    let (policy, html) = page(&pair, "as=U0MARA&channel=C0ACCESS").await;
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(
        !html.contains("<script>") && !html.contains("onload=\"x"),
        "{html}"
    );
    assert!(html.contains("&lt;script&gt;"));
    assert!(html.contains("Nothing here reaches Slack"));
    let (_, html) = page(&pair, "as=%22%3E%3Cscript%3E&channel=%22%3E%3Cscript%3E").await;
    assert!(!html.contains("\"><script>"));
}

#[tokio::test]
async fn everybody_sees_their_own_slack() {
    let pair = Pair::new().await;
    let said = json!({ "channel": "C0ACCESS", "user": "U0MARA", "text": "for Mara only" });
    pair.ok("chat.postEphemeral", said).await;
    let direct = json!({ "channel": "U0MARA", "text": "a direct message" });
    let direct = pair.ok("chat.postMessage", direct).await["channel"].clone();
    pair.opened(modal()).await;
    let direct = direct.as_str().unwrap();
    let table = [
        ("as=U0MARA".to_owned(), "for Mara only", "a direct message"),
        (
            "as=U0MARA".to_owned(),
            "id=\"modal\"",
            "no app is connected",
        ),
        (
            format!("as=U0MARA&channel={direct}"),
            "a direct message",
            "for Mara only",
        ),
        (
            format!("as=U0TOMASZ&channel={direct}"),
            "No messages here yet",
            "a direct message",
        ),
        ("as=U0TOMASZ".to_owned(), "Tomasz Wilk", "id=\"modal\""),
    ];
    for (query, shows, hides) in table {
        let (_, html) = page(&pair, &query).await;
        assert!(html.contains(shows), "{query} shows no {shows}");
        assert!(!html.contains(hides), "{query} shows {hides}");
    }
}

#[tokio::test]
async fn parts_come_only_when_something_is_new() {
    let pair = Pair::new().await;
    let first = pair.get("parts?as=U0MARA").await;
    let mark = first["seen"].as_str().unwrap().to_owned();
    let again = pair.get(&format!("parts?as=U0MARA&seen={mark}")).await;
    assert_eq!(again, Value::Null);
    pair.ok(
        "chat.postMessage",
        json!({ "channel": "C0ACCESS", "text": "news" }),
    )
    .await;
    let then = pair.get(&format!("parts?as=U0MARA&seen={mark}")).await;
    assert!(then["talk"].as_str().unwrap().contains("news"));
}

#[tokio::test]
async fn acts_must_be_json_so_that_other_sites_cannot_send_them() {
    let pair = Pair::new().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/_slack/act", pair.address);
    let body = json!({ "user": "U0MARA", "shortcut": "x" }).to_string();
    let answer = client
        .post(url)
        .header("content-type", "text/plain")
        .body(body);
    assert_eq!(answer.send().await.unwrap().status(), 415);
    assert!(pair.got().is_empty());
}
