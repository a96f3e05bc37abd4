//! Own web sessions and API tokens: listed and ended by their user only.

use hallpass_access::identity::hash_secret;
use hallpass_base::TimeSpan;
use serde_json::{Value, json};

use crate::browser::{Browser, CSRF};
use crate::fake_oidc::FakeOidc;
use crate::test_server::{TestServer, run, token_id};

async fn another<'a>(oidc: &FakeOidc, server: &'a TestServer, agent: &str) -> Browser<'a> {
    let mut browser = Browser::new(server);
    browser.agent = agent.to_owned();
    oidc.sign_in(&mut browser).await;
    browser
}

async fn csrf(browser: &mut Browser<'_>) -> String {
    let text = browser.get("/sign-ins").await.text();
    let (_, rest) = text.split_once("name=\"csrf\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

async fn press(browser: &mut Browser<'_>, path: &str) -> String {
    let csrf = csrf(browser).await;
    let reply = browser.press_with(path, &[], &csrf).await;
    assert_eq!(reply.status.as_u16(), 303, "{path}: {}", reply.text());
    reply.leads_to()
}

async fn listed(server: &TestServer, token: &str) -> Vec<Value> {
    let list = server.get("/api/v1/me/sessions", token).await.json();
    list["items"].as_array().unwrap().clone()
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1";

#[test]
fn one_sees_ones_own_sessions_with_this_one_marked_and_no_secret() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut here = another(&oidc, &server, FIREFOX).await;
        let there = another(&oidc, &server, PHONE).await;
        let mut sams = Browser::of(&server, "sam").await;
        let page = here.get("/sign-ins").await.text();
        for shown in [
            "Firefox on Linux",
            "Safari on iPhone",
            "127.0.0.1",
            "This one",
        ] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        assert_eq!(page.matches("This one").count(), 1);
        for secret in [&here.cookies["hallpass"], &there.cookies["hallpass"]] {
            for text in [secret.clone(), hash_secret(secret)] {
                assert!(!page.contains(&text), "a secret is shown");
            }
        }
        let sams = sams.get("/sign-ins").await.text();
        assert!(!sams.contains("Firefox"), "another user's: {sams}");
        let rows = listed(&server, "ana/read").await;
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert!(rows.iter().all(|row| row["is_this"] == false));
        assert_eq!(rows.iter().filter(|row| row["browser"] == PHONE).count(), 1);
    });
}

#[test]
fn a_session_that_its_person_ends_is_over_at_once_and_the_others_go_on() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut here = another(&oidc, &server, FIREFOX).await;
        let mut there = another(&oidc, &server, PHONE).await;
        let mut sams = Browser::of(&server, "sam").await;
        let rows = listed(&server, "ana/read").await;
        let phone = rows.iter().find(|row| row["browser"] == PHONE).unwrap();
        let path = format!("/sign-ins/sessions/{}/end", phone["id"].as_str().unwrap());
        let reply = sams.press(&path, &[]).await;
        assert_eq!(reply.status.as_u16(), 404, "nothing of others is reached");
        assert!(there.is_signed_in().await);
        assert_eq!(press(&mut here, &path).await, "/sign-ins?ended=session");
        assert!(!there.is_signed_in().await);
        assert!(here.is_signed_in().await);
    });
}

#[test]
fn signing_out_everywhere_else_ends_also_a_session_whose_secret_was_just_replaced() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut here = another(&oidc, &server, FIREFOX).await;
        let mut there = another(&oidc, &server, PHONE).await;
        server.clock.advance(TimeSpan::hours(2));
        let before = there.clone();
        let sams = Browser::of(&server, "sam").await;
        assert!(there.is_signed_in().await);
        assert_ne!(before.cookies["hallpass"], there.cookies["hallpass"]);
        let to = press(&mut here, "/sign-ins/end-others").await;
        assert_eq!(to, "/sign-ins?ended=others&count=1");
        for mut thief in [before, there] {
            assert!(!thief.is_signed_in().await);
        }
        assert!(here.is_signed_in().await, "this one stays");
        assert!(sams.clone().is_signed_in().await, "and all other users'");
        assert_eq!(listed(&server, "ana/read").await.len(), 1);
    });
}

#[test]
fn one_sees_ones_own_tokens_without_secrets_and_revokes_them() {
    run(async {
        let server = TestServer::new();
        let mut ana = Browser::of(&server, "ana").await;
        let page = ana.get("/sign-ins").await.text();
        let id = |secret: &str| token_id(&hash_secret(secret)).to_string();
        assert!(page.contains(&id("ana/read")) && page.contains(&id("ana/all")));
        assert!(!page.contains(&id("ana/revoked")) && !page.contains(&id("ana/expired")));
        assert!(!page.contains(&id("sam/read")), "another user's");
        for secret in ["ana/read", "ana/all"] {
            assert!(!page.contains(secret) && !page.contains(&hash_secret(secret)));
        }
        let path = |secret: &str| format!("/sign-ins/tokens/{}/revoke", id(secret));
        let reply = ana.press(&path("sam/read"), &[]).await;
        assert_eq!(reply.status.as_u16(), 404, "another user's");
        assert_eq!(server.get("/api/v1/me", "sam/read").await.short(), "200");
        assert_eq!(server.get("/api/v1/me", "ana/read").await.short(), "200");
        let reply = ana.press(&path("ana/read"), &[]).await;
        assert_eq!(reply.leads_to(), "/sign-ins?ended=token");
        let me = server.get("/api/v1/me", "ana/read").await;
        assert_eq!(me.short(), "401 unauthorized");
        assert_eq!(server.get("/api/v1/me", "ana/all").await.short(), "200");
    });
}

#[test]
fn over_the_api_one_ends_what_is_ones_own_and_nothing_else() {
    run(async {
        let server = TestServer::new();
        let mut ana = Browser::of(&server, "ana").await;
        let mut sam = Browser::of(&server, "sam").await;
        let rows = server.get("/api/v1/me/tokens", "ana/request").await;
        assert_eq!(rows.short(), "403 missing-scope");
        let rows = server.get("/api/v1/me/tokens", "ana/all").await.json();
        let this: Vec<&Value> = rows["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["is_this"] == true)
            .collect();
        assert_eq!(this.len(), 1, "{rows}");
        assert_eq!(this[0]["used_at"], json!(server.now()), "its use is noted");
        let end = |id: &str| format!("/api/v1/me/tokens/{id}/revoke");
        let id = |secret: &str| token_id(&hash_secret(secret)).to_string();
        let (sams, own) = (end(&id("sam/read")), end(&id("ana/read")));
        let others = server.post(&sams, "ana/all", &Value::Null).await;
        assert_eq!(others.short(), "404 not-found");
        for _ in 0..2 {
            let own = server.post(&own, "ana/request", &Value::Null).await;
            assert_eq!(own.json(), json!({"revoked": true}));
        }
        let void = server.get("/api/v1/me", "ana/read").await;
        assert_eq!(void.short(), "401 unauthorized");

        let sams = listed(&server, "sam/all").await;
        let end = format!(
            "/api/v1/me/sessions/{}/end",
            sams[0]["id"].as_str().unwrap()
        );
        let others = server.post(&end, "ana/all", &Value::Null).await;
        assert_eq!(others.short(), "404 not-found");
        let headers = [("x-hallpass-csrf", CSRF)];
        let path = "/api/v1/me/sessions/end-others";
        let reply = ana.send("POST", path, &headers, String::new()).await;
        assert_eq!(reply.json(), json!({"ended": 0}), "{reply:?}");
        assert!(ana.is_signed_in().await);
        let reply = server.post(path, "ana/all", &Value::Null).await;
        assert_eq!(reply.json(), json!({"ended": 1}), "a token has no session");
        assert!(!ana.is_signed_in().await);
        assert!(sam.is_signed_in().await);
    });
}
