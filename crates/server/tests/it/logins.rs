//! Command line login: both forms, and failures.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use hallpass_access::identity::{SessionStore as _, WebSession, hash_secret};
use hallpass_base::TimeSpan;
use hallpass_server::SignIn;
use serde_json::{Value, json};

use crate::browser::{Browser, form};
use crate::test_server::{Reply, TestServer, request, run};

const STATE: &str = "5555555555555555555555555555555555555555555555555555555555555555";

fn server() -> TestServer {
    TestServer::with(|app| {
        let sign_in = SignIn::new("https://hallpass.example").with_tries(100_000);
        app.sign_in = std::sync::Arc::new(sign_in);
    })
}

async fn fetch(server: &TestServer, body: Value) -> Reply {
    server
        .call("POST", "/api/v1/login/token", None, Some(&body))
        .await
}

fn fields<'a>(challenge: &'a str, say: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("port", "4567"),
        ("state", STATE),
        ("challenge", challenge),
        ("host", "laptop"),
        ("scope", "read"),
        ("say", say),
    ]
}

async fn code(ana: &mut Browser<'_>, verifier: &str) -> String {
    let challenge = hash_secret(verifier);
    let reply = ana.press("/login/cli", &fields(&challenge, "give")).await;
    let to = reply.leads_to();
    let (origin, query) = to.split_once("/?").unwrap();
    assert_eq!(origin, "http://127.0.0.1:4567");
    let (code, state) = query.split_once("&state=").unwrap();
    assert_eq!(state, STATE);
    code.strip_prefix("code=").unwrap().to_owned()
}

#[test]
fn a_login_through_the_browser_is_confirmed_and_fetched_once() {
    run(async {
        let server = server();
        let challenge = hash_secret("verifier");
        let mut page = fields(&challenge, "");
        page.pop();
        let path = format!("/login/cli?{}", form(&page));
        let away = Browser::new(&server).get(&path).await;
        assert!(
            away.leads_to()
                .starts_with("/signin?next=%2Flogin%2Fcli%3Fport%3D4567")
        );
        let mut ana = Browser::of(&server, "ana").await;
        let shown = ana.get(&path).await;
        assert!(
            shown
                .text()
                .contains("Give the command line on laptop a token for 12 h?")
        );
        let code_shown = hash_secret(&format!("shown\n{challenge}"))[..8].to_uppercase();
        let code_shown = format!("{}-{}", &code_shown[..4], &code_shown[4..]);
        assert!(shown.text().contains(&code_shown), "{}", shown.text());
        let policy = shown.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("form-action 'self' http://127.0.0.1:4567;"),
            "{policy}"
        );
        let code = code(&mut ana, "verifier").await;
        let reply = fetch(&server, json!({"code": code, "verifier": "verifier"})).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        let token = reply.json()["token"].as_str().unwrap().to_owned();
        let me = server.get("/api/v1/me", &token).await.json();
        assert_eq!(
            (&me["email"], &me["scopes"]),
            (&json!("ana@corp.example"), &json!(["read"]))
        );
        let again = fetch(&server, json!({"code": code, "verifier": "verifier"})).await;
        assert_eq!(again.short(), "400 login-expired");
        server.clock.advance(TimeSpan::hours(12));
        assert_eq!(
            server.get("/api/v1/me", &token).await.short(),
            "401 unauthorized"
        );
    });
}

#[test]
fn a_login_whose_token_could_not_be_stored_is_begun_anew() {
    run(async {
        let server = server();
        let mut ana = Browser::of(&server, "ana").await;
        let code = code(&mut ana, "verifier").await;
        let body = json!({"code": code, "verifier": "verifier"});
        server.tokens_broken.store(true, Ordering::SeqCst);
        let reply = fetch(&server, body.clone()).await;
        assert_eq!(reply.short(), "503 unavailable");
        let told = reply.json();
        assert_eq!(
            told["detail"],
            "no token could be made, and this login is used up"
        );
        assert_eq!(told["help"], "start again: `hallpass login`");
        server.tokens_broken.store(false, Ordering::SeqCst);
        assert_eq!(fetch(&server, body).await.short(), "400 login-expired");
    });
}

#[test]
fn a_code_without_its_verifier_or_too_late_brings_nothing() {
    run(async {
        let server = server();
        let mut ana = Browser::of(&server, "ana").await;
        let stolen = code(&mut ana, "verifier").await;
        for verifier in ["other", "verifier"] {
            let reply = fetch(&server, json!({"code": stolen, "verifier": verifier})).await;
            assert_eq!(reply.short(), "400 login-expired");
        }
        let late = code(&mut ana, "verifier").await;
        server.clock.advance(TimeSpan::minutes(10));
        let reply = fetch(&server, json!({"code": late, "verifier": "verifier"})).await;
        assert_eq!(reply.short(), "400 login-expired");
        for body in [
            json!({}),
            json!({"code": "x"}),
            json!({"code": "x", "verifier": "y", "device_code": "z"}),
        ] {
            assert_eq!(fetch(&server, body).await.short(), "400 bad-login");
        }
    });
}

#[test]
fn the_page_leads_to_this_machine_only_and_refusing_gives_nothing() {
    run(async {
        let server = server();
        let mut ana = Browser::of(&server, "ana").await;
        let challenge = hash_secret("v");
        let reply = ana.press("/login/cli", &fields(&challenge, "refuse")).await;
        assert_eq!(
            reply.leads_to(),
            format!("http://127.0.0.1:4567/?error=refused&state={STATE}")
        );
        for (name, value) in [
            ("port", "0"),
            ("port", "99999"),
            ("port", "80@evil.example"),
            ("state", "x"),
            ("state", "&code=evil"),
            ("challenge", ""),
            ("scope", "root"),
        ] {
            let mut wrong = fields(&challenge, "give");
            for field in &mut wrong {
                if field.0 == name {
                    field.1 = value;
                }
            }
            let reply = ana.press("/login/cli", &wrong).await;
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{name}={value}");
        }
        let mut named = fields(&challenge, "");
        named.pop();
        named[3].1 = "<b>your bank</b>";
        let page = ana
            .get(&format!("/login/cli?{}", form(&named)))
            .await
            .text();
        assert!(page.contains("on another machine"), "{page}");
    });
}

async fn begin(server: &TestServer) -> (String, String) {
    let body = json!({"host": "server-1", "scopes": ["read", "request"]});
    let reply = server
        .call("POST", "/api/v1/login/device", None, Some(&body))
        .await;
    let code = reply.json();
    assert_eq!(
        code["verification_url"],
        "https://hallpass.example/login/device"
    );
    assert_eq!(code["expires_in_seconds"], 600);
    let text = |name: &str| code[name].as_str().unwrap().to_owned();
    (text("device_code"), text("user_code"))
}

#[test]
fn a_login_with_a_code_waits_for_its_person() {
    run(async {
        let server = server();
        let (device, short) = begin(&server).await;
        let ask = json!({"device_code": device});
        assert_eq!(
            fetch(&server, ask.clone()).await.short(),
            "400 login-pending"
        );
        let mut ana = Browser::of(&server, "ana").await;
        let page = ana.press("/login/device", &[("code", &short)]).await.text();
        assert!(
            page.contains("Give the command line on server-1 a token for 12 h?"),
            "{page}"
        );
        assert!(page.contains(&short), "{page}");
        assert_eq!(
            fetch(&server, ask.clone()).await.short(),
            "400 login-pending",
            "only looked"
        );
        let patient = json!({"device_code": device, "wait_seconds": 20});
        let (reply, _) = tokio::join!(fetch(&server, patient), async {
            tokio::task::yield_now().await;
            let mut ana = Browser::of(&server, "ana").await;
            ana.press(
                "/login/device",
                &[("code", &short.to_lowercase()), ("say", "give")],
            )
            .await
        });
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        let token = reply.json()["token"].as_str().unwrap().to_owned();
        let me = server.get("/api/v1/me", &token).await.json();
        assert_eq!(me["scopes"], json!(["read", "request"]));
        assert_eq!(
            fetch(&server, ask).await.short(),
            "400 login-expired",
            "given once"
        );
    });
}

#[test]
fn a_refused_or_forgotten_login_brings_nothing() {
    run(async {
        let server = server();
        let mut ana = Browser::of(&server, "ana").await;
        let (device, short) = begin(&server).await;
        ana.press("/login/device", &[("code", &short), ("say", "refuse")])
            .await;
        let reply = fetch(&server, json!({"device_code": device})).await;
        assert_eq!(reply.short(), "403 login-refused");
        let (device, short) = begin(&server).await;
        server.clock.advance(TimeSpan::minutes(10));
        let page = ana
            .press("/login/device", &[("code", &short), ("say", "give")])
            .await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        let reply = fetch(&server, json!({"device_code": device})).await;
        assert_eq!(reply.short(), "400 login-expired");
    });
}

/// Changes of the session between confirmation and token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    Renewed,
    AnotherEnds,
    SignedOut,
}

impl Meanwhile {
    async fn happens(self, server: &TestServer, ana: &mut Browser<'_>) {
        let hash = hash_secret(&ana.cookies["hallpass"]);
        let kept = server.sessions.by_hash(&hash).await.unwrap();
        let another = WebSession {
            hash: hash_secret("another"),
            csrf: "another".to_owned(),
            ..kept.unwrap()
        };
        match self {
            Self::Nothing => assert!(ana.is_signed_in().await),
            Self::Renewed => {
                let before = ana.cookies.clone();
                server.clock.advance(TimeSpan::minutes(6));
                assert!(ana.is_signed_in().await);
                assert_ne!(ana.cookies, before);
                server.clock.advance(TimeSpan::minutes(2));
                server.sessions.prune(server.now()).await.unwrap();
            }
            Self::AnotherEnds => {
                server.sessions.begin(&another).await.unwrap();
                server.sessions.end(&another).await.unwrap();
            }
            Self::SignedOut => {
                ana.press("/signout", &[]).await;
                assert!(!ana.is_signed_in().await);
                server.sessions.begin(&another).await.unwrap();
            }
        }
    }
}

#[test]
fn a_confirmed_login_counts_no_longer_than_the_session_that_confirmed_it() {
    run(async {
        for (meanwhile, expected) in [
            (Meanwhile::Nothing, "200"),
            (Meanwhile::Renewed, "200"),
            (Meanwhile::AnotherEnds, "200"),
            (Meanwhile::SignedOut, "403 login-refused"),
        ] {
            let server = server();
            let mut ana = Browser::of(&server, "ana").await;
            server.clock.advance(TimeSpan::minutes(55));
            let code = code(&mut ana, "v").await;
            let (device, short) = begin(&server).await;
            let yes = [("code", short.as_str()), ("say", "give")];
            ana.press("/login/device", &yes).await;
            meanwhile.happens(&server, &mut ana).await;
            for body in [
                json!({"code": code, "verifier": "v"}),
                json!({"device_code": device}),
            ] {
                let reply = fetch(&server, body).await;
                assert_eq!(reply.short(), expected, "{meanwhile:?}: {reply:?}");
                let told = reply.json();
                let words = "the session in which the login was confirmed is over";
                assert_eq!(told["detail"] == words, expected != "200", "{told}");
            }
        }
    });
}

#[test]
fn codes_cannot_be_guessed() {
    run(async {
        let server = server();
        let (device, short) = begin(&server).await;
        let mut sam = Browser::of(&server, "sam").await;
        for _ in 0..10 {
            let reply = sam
                .press("/login/device", &[("code", "BBBB-BBBB"), ("say", "give")])
                .await;
            assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        }
        let reply = sam
            .press("/login/device", &[("code", &short), ("say", "give")])
            .await;
        assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
        let reply = fetch(&server, json!({"device_code": device})).await;
        assert_eq!(reply.short(), "400 login-pending");
    });
}

#[test]
fn logging_out_revokes_the_token() {
    run(async {
        let server = server();
        let mut ana = Browser::of(&server, "ana").await;
        let code = code(&mut ana, "v").await;
        let reply = fetch(&server, json!({"code": code, "verifier": "v"})).await;
        let token = reply.json()["token"].as_str().unwrap().to_owned();
        let reply = server.post("/api/v1/logout", &token, &Value::Null).await;
        assert_eq!(reply.json(), json!({"revoked": true}));
        assert_eq!(
            server.get("/api/v1/me", &token).await.short(),
            "401 unauthorized"
        );
    });
}

/// A fast clock created it, so its expiry would be wrong too.
#[test]
fn a_token_from_the_future_does_not_count() {
    run(async {
        let server = server();
        server.made_ahead("ana/all", TimeSpan::minutes(1));
        server.made_ahead("cai/all", TimeSpan::minutes(2));
        let me = async |token| server.get("/api/v1/me", token).await.short();
        assert_eq!(me("ana/all").await, "200", "clocks differ a little");
        assert_eq!(me("cai/all").await, "401 unauthorized");
    });
}

async fn begin_at(server: &TestServer, peer: &str, agent: &str, body: Value) -> (String, String) {
    let mut request = request(
        "POST",
        "/api/v1/login/device",
        None,
        &[("user-agent", agent)],
        Some(&body),
    );
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    let code = server.send(request).await.json();
    let text = |name: &str| code[name].as_str().unwrap().to_owned();
    (text("device_code"), text("user_code"))
}

#[test]
fn the_page_says_where_a_login_with_a_code_was_begun_and_how_long_ago() {
    run(async {
        let server = server();
        let agent = "curl/8  <b>evil</b>";
        let (_, short) = begin_at(
            &server,
            "203.0.113.9:4000",
            agent,
            json!({"host": "laptop"}),
        )
        .await;
        server.clock.advance(TimeSpan::minutes(3));
        let mut ana = Browser::of(&server, "ana").await;
        ana.peer = "198.51.100.2:5000".parse().unwrap();
        let page = ana.press("/login/device", &[("code", &short)]).await.text();
        assert!(page.contains("It was begun 3 minutes ago ("), "{page}");
        assert!(
            page.contains("from 203.0.113.9, by a program that calls itself curl/8 "),
            "{page}"
        );
        assert!(
            page.contains("You are at another address, 198.51.100.2."),
            "{page}"
        );
        assert!(
            !page.contains("evil <b>") && !page.contains('\u{202e}'),
            "{page}"
        );
        let (_, short) = begin_at(&server, "198.51.100.2:9", "x", json!({})).await;
        let page = ana.press("/login/device", &[("code", &short)]).await.text();
        assert!(page.contains("You are at the same address."), "{page}");
    });
}

#[test]
fn a_link_never_brings_a_code() {
    run(async {
        let server = server();
        let (device, short) = begin(&server).await;
        let mut ana = Browser::of(&server, "ana").await;
        for path in ["/login/device?code=", "/login/device?say=give&code="] {
            let page = ana.get(&format!("{path}{short}")).await.text();
            assert!(!page.contains(&short), "{page}");
            assert!(page.contains("name=\"code\" value=\"\""), "{page}");
        }
        let reply = fetch(&server, json!({"device_code": device})).await;
        assert_eq!(reply.short(), "400 login-pending");
    });
}

#[test]
fn a_login_with_a_code_may_only_read_unless_it_asks_for_more_and_the_page_says_so() {
    run(async {
        let server = server();
        for (asked, given) in [
            (json!({}), json!(["read"])),
            (json!({"scopes": []}), json!(["read"])),
            (
                json!({"scopes": ["review", "read"]}),
                json!(["read", "review"]),
            ),
        ] {
            let (device, short) = begin_at(&server, "203.0.113.9:1", "x", asked).await;
            let mut ana = Browser::of(&server, "ana").await;
            let page = ana.press("/login/device", &[("code", &short)]).await.text();
            let names: Vec<&str> = given
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            let words = format!("this of what you may do: {}.", names.join(", "));
            assert!(page.contains(&words), "{page}");
            ana.press("/login/device", &[("code", &short), ("say", "give")])
                .await;
            let reply = fetch(&server, json!({"device_code": device})).await;
            assert_eq!(reply.json()["scopes"], given);
        }
    });
}
