//! Temporary uncertainty: disagreeing clocks, unreadable directory, unverifiable user. The same
//! text in every channel.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use hallpass_base::{Clocks, Disagreement, TimeSpan};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::pages_visit::{Visit, text};
use crate::test_server::{TestServer, asking, run};

const BEHIND: Disagreement = Disagreement::Apart {
    between: Clocks::WallAws,
    by: SignedDuration::from_mins(-15),
};

fn unread(server: &TestServer) {
    server.known.lists.store(false, Ordering::SeqCst);
    server.clock.advance(TimeSpan::minutes(16));
}

/// A server with an uncertainty, its code and retry delay.
async fn unsure(what: &str) -> (TestServer, String, &'static str, &'static str, String) {
    let server = TestServer::new();
    let asked = server.ask("ana/all", "Admin").await;
    let id = asked["id"].as_str().unwrap().to_owned();
    let read_at = server.now().strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    server.clock.advance(TimeSpan::minutes(4));
    let (code, after, words) = match what {
        "clocks" => {
            server.clock.disagrees(Some(BEHIND));
            let words = "no access is given while clocks disagree: the server's clock is 15m behind \
                         AWS's; access that exists still ends, and can be ended early and revoked";
            ("clocks-disagree", "30", words.to_owned())
        }
        "directory" => {
            unread(&server);
            let words = format!(
                "the directory cannot be read, it was last read at {read_at} (cannot read users: AWS \
                 does not answer): no access is given and nothing is decided by what is that old; \
                 access can be ended early and revoked"
            );
            ("organization-unread", "30", words)
        }
        _ => {
            server.known.describes.store(false, Ordering::SeqCst);
            let words = "your account could not be checked in the directory just now: cannot read the \
                         user: AWS does not answer; nothing was done";
            ("person-unchecked", "5", words.to_owned())
        }
    };
    (server, id, code, after, words)
}

#[test]
fn the_api_answers_503_with_code_words_help_and_when_to_try_again() {
    run(async {
        for what in ["clocks", "directory", "person"] {
            let (server, id, code, after, words) = unsure(what).await;
            for (path, body, token) in [
                (
                    format!("/api/v1/requests/{id}/approve"),
                    json!(null),
                    "cai/all",
                ),
                ("/api/v1/requests".to_owned(), asking("ReadOnly"), "ana/all"),
            ] {
                let reply = server.post(&path, token, &body).await;
                assert_eq!(
                    reply.short(),
                    format!("503 {code}"),
                    "{what} {path}: {reply:?}"
                );
                assert!(reply.is_problem(), "{reply:?}");
                assert_eq!(reply.headers["retry-after"], after, "{what}");
                assert_eq!(
                    reply.json()["detail"],
                    Value::from(words.as_str()),
                    "{what}"
                );
                assert!(reply.json()["help"].is_string(), "{what}");
            }
            let stored = server
                .get(&format!("/api/v1/requests/{id}"), "ana/all")
                .await;
            assert_eq!(stored.json()["state"], "pending", "{what}");
            let log = server.get("/api/v1/audit", "aud/all").await.json();
            let refused = log["items"].as_array().unwrap().iter();
            let refused: Vec<_> = refused
                .filter(|record| record["event"] == "press.refused")
                .map(|record| record["error"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(refused, [format!("{code}: {words}")], "{what}");
        }
    });
}

#[test]
fn pages_say_it_before_the_press_and_after_it() {
    run(async {
        for what in ["clocks", "directory", "person"] {
            let (server, id, _, _, words) = unsure(what).await;
            let cai = Visit::of(&server, "cai").await;
            let capital = format!("{}{}.", words[..1].to_uppercase(), &words[1..]);
            let html = |text: &str| text.replace('\'', "&#39;");
            let path = format!("/requests/{id}/approve");
            let before = text(&cai.get(&format!("/requests/{id}")).await);
            let offers = before.contains(&format!("action=\"{path}\""));
            assert_eq!(offers, what == "person", "{what}: {before}");
            let start = match what {
                "directory" => "The directory cannot be read, it was last read at 2026-",
                _ => capital.as_str(),
            };
            assert_eq!(
                before.contains(&html(start)),
                what != "person",
                "{what}: {before}"
            );
            let reply = cai.post(&path, &[("seen", "0")]).await;
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{what}");
            let page = text(&reply);
            assert!(page.contains(&html(&capital)), "{what}: {page}");
        }
    });
}
