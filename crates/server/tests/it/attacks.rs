//! Attacks through a user's browser, by name.

use std::sync::Arc;

use axum::http::StatusCode;
use hallpass_base::TimeSpan;
use hallpass_server::{PersonaCard, Rates, ServerMode, SignIn};
use serde_json::json;

use crate::browser::{Browser, CSRF, form};
use crate::fake_oidc::FakeOidc;
use crate::routes::routed;
use crate::test_server::{Reply, TestServer, directory_with, run};

const WITHOUT_SESSION: [&str; 5] = [
    "/signin",
    "/signin/first",
    "/signin/oidc/logout",
    "/slack/interactions",
    "/slack/commands",
];

fn forms() -> Vec<String> {
    routed()
        .into_iter()
        .filter_map(|route| route.strip_prefix("POST ").map(str::to_owned))
        .filter(|path| !path.starts_with("/api/") && !WITHOUT_SESSION.contains(&path.as_str()))
        .map(|path| path.replace("{id}", "req_01934a5b6c7d7e8f90123456789abcde"))
        .collect()
}

const KIND: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn is_forged(reply: &Reply) -> bool {
    reply.status == StatusCode::FORBIDDEN
        && reply.text().contains("did not come from a page of yours")
}

#[test]
fn a_form_without_the_token_of_its_session_does_nothing() {
    run(async {
        let server = TestServer::new();
        let mut ana = Browser::of(&server, "ana").await;
        let forms = forms();
        assert!(forms.len() >= 4, "{forms:?}");
        for path in forms {
            for body in [
                String::new(),
                form(&[("csrf", "")]),
                form(&[("csrf", "forged")]),
                form(&[("csrf", &CSRF[1..])]),
                form(&[("CSRF", CSRF)]),
                form(&[("csrf", "forged"), ("csrf", CSRF)]),
            ] {
                let reply = ana.send("POST", &path, &[KIND], body.clone()).await;
                assert!(is_forged(&reply), "{path} {body}: {reply:?}");
            }
        }
        assert!(ana.is_signed_in().await, "not even signed out");
    });
}

#[test]
fn a_form_with_the_token_of_another_session_does_nothing() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut ana = Browser::new(&server);
        oidc.sign_in(&mut ana).await;
        for path in forms() {
            let reply = ana.press(&path, &[]).await;
            assert!(is_forged(&reply), "{path}: {reply:?}");
        }
    });
}

#[test]
fn a_form_sent_by_another_site_does_nothing() {
    run(async {
        let server = TestServer::new();
        let mut ana = Browser::of(&server, "ana").await;
        let body = form(&[("csrf", CSRF)]);
        for path in forms() {
            for (name, value) in [
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
                ("sec-fetch-site", "none"),
                ("origin", "https://evil.example"),
                ("origin", "null"),
            ] {
                let headers = [KIND, ("host", "hallpass.example"), (name, value)];
                let reply = ana.send("POST", &path, &headers, body.clone()).await;
                assert!(is_forged(&reply), "{path} {name}: {value}: {reply:?}");
            }
        }
    });
}

#[test]
fn a_call_of_the_api_with_a_cookie_alone_does_nothing() {
    run(async {
        let server = TestServer::new();
        let request = server.ask("ana/all", "Admin").await;
        let path = format!(
            "/api/v1/requests/{}/discard",
            request["id"].as_str().unwrap()
        );
        let mut ana = Browser::of(&server, "ana").await;
        for headers in [&[][..], &[("x-hallpass-csrf", "forged")]] {
            let reply = ana.send("POST", &path, headers, String::new()).await;
            assert_eq!(reply.short(), "403 forged-call");
        }
        let headers = [("x-hallpass-csrf", CSRF)];
        let reply = ana.send("POST", &path, &headers, String::new()).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    });
}

#[test]
fn a_planted_session_is_not_signed_in_and_ends() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        // the attacker's session, planted in the victim's browser
        let mut attacker = Browser::of(&server, "sam").await;
        let planted = attacker.cookies["hallpass"].clone();
        let mut victim = Browser::new(&server);
        victim
            .cookies
            .insert("hallpass".to_owned(), planted.clone());
        oidc.sign_in(&mut victim).await;
        assert_ne!(victim.cookies["hallpass"], planted);
        assert!(victim.get("/").await.text().contains("ana@corp.example"));
        assert!(!attacker.is_signed_in().await, "the planted one is dead");
        // an invented secret is not adopted either
        let mut other = Browser::new(&server);
        other.cookies.insert("hallpass".to_owned(), "a".repeat(64));
        oidc.sign_in(&mut other).await;
        assert_ne!(other.cookies["hallpass"], "a".repeat(64));
    });
}

#[test]
fn cookies_are_for_this_host_over_tls_and_not_for_scripts() {
    run(async {
        for (secure, prefix) in [(true, "__Host-"), (false, "")] {
            let oidc = FakeOidc::start().await;
            let server = oidc.server_with(|_| {}, |app| app.session_settings.secure = secure);
            let mut ana = Browser::new(&server);
            oidc.sign_in(&mut ana).await;
            let names: Vec<&str> = ana
                .set
                .iter()
                .map(|text| text.split('=').next().unwrap())
                .collect();
            assert!(
                names.contains(&format!("{prefix}hallpass").as_str()),
                "{names:?}"
            );
            for text in &ana.set {
                assert!(text.starts_with(&format!("{prefix}hallpass")), "{text}");
                assert!(text.contains("; Path=/;"), "{text}");
                assert!(text.contains("; HttpOnly"), "{text}");
                assert!(text.contains("; SameSite=Lax"), "{text}");
                assert!(!text.contains("Domain"), "{text}");
                assert_eq!(text.contains("; Secure"), secure, "{text}");
            }
        }
    });
}

#[test]
fn next_leads_nowhere_else() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        for next in [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: b=c",
            "\\\\evil.example",
        ] {
            let mut ana = Browser::new(&server);
            let back = oidc.leave(&mut ana, next).await;
            assert_eq!(ana.get(&back).await.leads_to(), "/", "{next:?}");
            let path = format!("/signin?{}", form(&[("next", next)]));
            assert_eq!(ana.get(&path).await.leads_to(), "/", "{next:?}");
            let page = Browser::new(&server).get(&path).await.text();
            assert!(!page.contains("evil.example"), "{page}");
        }
    });
}

#[test]
fn pages_cannot_be_framed_nor_load_or_send_elsewhere() {
    run(async {
        let server = TestServer::new();
        let mut ana = Browser::of(&server, "ana").await;
        let exact = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        for path in ["/", "/signin", "/nowhere", "/login/device", "/api/v1/me"] {
            let reply = ana.get(path).await;
            for (name, value) in [
                ("content-security-policy", exact),
                ("x-frame-options", "DENY"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
                ("cache-control", "no-store"),
            ] {
                assert_eq!(reply.headers[name], value, "{path}");
            }
            assert!(reply.headers.contains_key("permissions-policy"));
            assert!(!reply.headers.contains_key("strict-transport-security"));
        }
    });
}

#[test]
fn tls_is_insisted_on_where_there_is_tls() {
    run(async {
        let server = TestServer::with(|app| app.session_settings.secure = true);
        let reply = Browser::new(&server).get("/signin").await;
        let policy = &reply.headers["strict-transport-security"];
        assert_eq!(policy, "max-age=31536000");
    });
}

#[test]
fn sign_in_and_codes_are_tried_ten_times_a_minute_and_address() {
    run(async {
        let server = TestServer::new();
        for (method, path) in [
            ("GET", "/signin/oidc"),
            ("POST", "/login/device"),
            ("POST", "/api/v1/login/device"),
        ] {
            let mut one = Browser::new(&server);
            let mut statuses = Vec::new();
            for number in 0..12 {
                let token = format!("Bearer made-up-{number}");
                // neither another token nor a forged address is a new source
                let headers = [
                    ("authorization", token.as_str()),
                    ("x-forwarded-for", &token[7..]),
                ];
                let reply = one.send(method, path, &headers, String::new()).await;
                statuses.push(reply.status.as_u16());
                if reply.status == StatusCode::TOO_MANY_REQUESTS {
                    assert_eq!(reply.headers["retry-after"], "6");
                }
            }
            let limited = statuses.iter().filter(|status| **status == 429).count();
            assert_eq!(limited, 2, "{path}: {statuses:?}");
            let mut other = Browser::new(&server);
            other.peer = ([10, 0, 0, 9], 1).into();
            let reply = other.send(method, path, &[], String::new()).await;
            assert_ne!(reply.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        }
    });
}

/// A client at the same address sends calls, opens sign-in pages, and exhausts the address's
/// attempts.
#[test]
fn a_neighbor_behind_the_same_address_locks_no_session_out() {
    run(async {
        let server = TestServer::with(|app| app.rates = Arc::new(Rates::new(1, 30)));
        let mut ana = Browser::of(&server, "ana").await;
        assert_eq!(ana.get("/ask").await.status, StatusCode::OK);
        let mut neighbor = Browser::new(&server);
        let pages = [
            "/signin",
            "/signin/oidc",
            "/login/device",
            "/login/cli",
            "/signin/oidc/callback",
        ];
        for page in pages.iter().cycle().take(100) {
            neighbor.get(page).await;
        }
        let refused = neighbor.get("/signin").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        for number in 0..11 {
            assert_eq!(ana.get("/login/device").await.status, StatusCode::OK);
            let body = form(&[("csrf", CSRF), ("code", "BCDF-GHJK")]);
            let reply = ana.send("POST", "/login/device", &[KIND], body).await;
            let limited = reply.status == StatusCode::TOO_MANY_REQUESTS;
            assert_eq!(limited, number == 10, "{number}: {}", reply.status);
        }
        let mut dee = Browser::of(&server, "dee").await;
        assert_eq!(dee.get("/ask").await.status, StatusCode::OK);
    });
}

#[test]
fn behind_a_named_proxy_each_of_its_callers_counts() {
    run(async {
        let proxies = hallpass_server::Proxies::parse(&["127.0.0.1".to_owned()]).unwrap();
        let sign_in = SignIn::default().with_proxies(proxies);
        let server = TestServer::with(|app| app.sign_in = Arc::new(sign_in));
        let mut proxy = Browser::new(&server);
        for caller in ["1.1.1.1", "2.2.2.2"] {
            for number in 0..11 {
                let headers = [("x-forwarded-for", caller)];
                let path = "/signin/oidc";
                let reply = proxy.send("GET", path, &headers, String::new()).await;
                let limited = reply.status == StatusCode::TOO_MANY_REQUESTS;
                assert_eq!(limited, number == 10, "{caller} {number}");
            }
        }
    });
}

fn demo() -> ServerMode {
    ServerMode::Demo {
        personas: vec![PersonaCard {
            email: "ana@corp.example".to_owned(),
            name: "Ana".to_owned(),
            role: "asks".to_owned(),
            token: "ana/all".to_owned(),
        }],
        aws_endpoint: "http://127.0.0.1:4570".to_owned(),
        program: "hallpass".to_owned(),
    }
}

#[test]
fn the_demos_picker_is_for_this_machine_only() {
    run(async {
        let server = TestServer::with(|app| app.mode = Arc::new(demo()));
        for (peer, host, site, status) in [
            ([127, 0, 0, 1], "127.0.0.1:8080", "same-origin", 303),
            ([127, 0, 0, 1], "localhost:8080", "same-origin", 303),
            ([10, 0, 0, 9], "127.0.0.1:8080", "same-origin", 403),
            ([127, 0, 0, 1], "evil.example", "same-origin", 403),
            ([127, 0, 0, 1], "127.0.0.1:8080", "cross-site", 403),
        ] {
            let mut browser = Browser::new(&server);
            browser.peer = (peer, 1).into();
            let headers = [KIND, ("host", host), ("sec-fetch-site", site)];
            let body = form(&[("persona", "ana@corp.example")]);
            let reply = browser.send("POST", "/signin", &headers, body).await;
            assert_eq!(reply.status.as_u16(), status, "{peer:?} {host} {site}");
            let path = "/demo/token/ana@corp.example";
            let token = browser
                .send("GET", path, &headers[1..2], String::new())
                .await;
            let given = peer == [127, 0, 0, 1] && host != "evil.example";
            assert_eq!(token.status.as_u16() == 200, given, "{peer:?} {host}");
        }
    });
}

#[test]
fn a_real_server_has_no_picker() {
    run(async {
        let server = TestServer::new();
        let mut browser = Browser::new(&server);
        let headers = [
            KIND,
            ("host", "127.0.0.1:8080"),
            ("sec-fetch-site", "same-origin"),
        ];
        let body = form(&[("persona", "ana@corp.example")]);
        let reply = browser.send("POST", "/signin", &headers, body).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        let path = "/demo/token/ana@corp.example";
        let reply = browser
            .send("GET", path, &headers[1..], String::new())
            .await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        assert!(!browser.get("/signin").await.text().contains("persona"));
    });
}

#[test]
fn who_is_disabled_loses_their_rights_at_once() {
    run(async {
        let server = TestServer::new();
        let mut eve = Browser::of(&server, "eve").await;
        assert!(eve.is_signed_in().await);
        let changed = directory_with(server.now(), |people| people[5]["enabled"] = json!(false));
        server.directory_becomes(changed);
        let reply = eve.get("/").await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert!(
            reply
                .text()
                .contains("Your account is not in the directory")
        );
        assert_eq!(eve.get("/api/v1/me").await.short(), "403 not-in-directory");
        // sign-out is allowed for all, and would end the session
        for path in forms().into_iter().filter(|path| path != "/signout") {
            let reply = eve.press(&path, &[]).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
        }
        // another user with the same address changes nothing
        let twin = directory_with(server.now(), |people| {
            people[0]["emails"] = json!(["ana@corp.example", "eve@corp.example"]);
        });
        server.directory_becomes(twin);
        assert!(eve.is_signed_in().await);
        server.directory_becomes(directory_with(server.now(), |_| {}));
        assert!(eve.is_signed_in().await);
    });
}

async fn guess(sam: &mut Browser<'_>, method: &str, path: &str, id: &str) -> (u16, String, String) {
    let path = path.replace("{id}", id);
    let is_api = path.starts_with("/api/");
    let body = match (method, is_api) {
        ("GET", _) => String::new(),
        (_, true) if path.ends_with("/extend") => r#"{"duration_seconds": 60}"#.to_owned(),
        (_, true) if path.ends_with("/deny") || path.ends_with("/revoke") => {
            r#"{"reason": "x"}"#.to_owned()
        }
        (_, true) => String::new(),
        (_, false) => form(&[("csrf", CSRF), ("reason", "x"), ("version", "1")]),
    };
    let kind = if is_api {
        ("content-type", "application/json")
    } else {
        KIND
    };
    let headers = [kind, ("x-hallpass-csrf", CSRF)];
    let reply = sam.send(method, &path, &headers, body).await;
    let text = reply.text().replace(id, "ID");
    let length = regex::Regex::new(r"/events\?after=\d+").unwrap();
    let text = length.replace(&text, "/events");
    let reference = reply.headers["x-request-id"].to_str().unwrap();
    let told = text.replace(reference, "REFERENCE");
    (reply.status.as_u16(), reply.leads_to(), told)
}

/// Other users' ids answer like ids that do not exist.
#[test]
fn guessing_ids_of_others_tells_nothing() {
    run(async {
        let server = TestServer::new();
        let request = server.ask("ana/all", "Admin").await;
        let granted = server.ask("ana/all", "ReadOnly").await;
        let ids = [&request["id"], &granted["id"], &granted["grant_id"]];
        let mut sam = Browser::of(&server, "sam").await;
        let routes = routed();
        let guessed = routes.iter().filter(|route| route.contains("{id}"));
        for (method, path) in guessed.filter_map(|route| route.split_once(' ')) {
            for id in ids.map(|id| id.as_str().unwrap()) {
                let unknown = format!("{}01934a5b6c7d7e8f90123456789abcde", &id[..4]);
                let told = guess(&mut sam, method, path, id).await;
                let told_of_unknown = guess(&mut sam, method, path, &unknown).await;
                assert_eq!(told, told_of_unknown, "{method} {path} {id}");
                assert!(told.0 >= 400, "{method} {path} {id}: {told:?}");
            }
        }
    });
}

#[test]
fn what_does_not_exist_is_a_page_for_browsers_and_a_problem_for_programs() {
    run(async {
        let server = TestServer::new();
        let mut browser = Browser::new(&server);
        for (path, accept, is_page) in [
            ("/nowhere", "text/html,application/xhtml+xml", true),
            ("/nowhere", "*/*", false),
            ("/nowhere", "application/json", false),
            ("/api/v1/nowhere", "text/html", false),
            ("/api", "text/html", false),
        ] {
            let request = axum::http::Request::get(path)
                .header("accept", accept)
                .body(axum::body::Body::empty())
                .unwrap();
            let reply = browser.server.send(request).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND);
            let kind = reply.headers["content-type"].to_str().unwrap();
            assert_eq!(kind.starts_with("text/html"), is_page, "{path} {accept}");
            assert_eq!(reply.is_problem(), !is_page, "{path} {accept}");
        }
        assert!(!browser.is_signed_in().await);
    });
}

#[test]
fn a_page_that_nobody_looks_at_keeps_no_session_alive() {
    run(async {
        let server = TestServer::new();
        for (person, call) in [
            ("ana", ("x-hallpass-part", "mine")),
            ("cai", ("accept", "text/event-stream")),
        ] {
            let mut page = Browser::of(&server, person).await;
            let secret = page.cookies.clone();
            for _ in 0..7 {
                server.clock.advance(TimeSpan::hours(1));
                let reply = page.send("GET", "/", &[call], String::new()).await;
                assert_eq!(reply.status, StatusCode::OK, "{call:?}");
            }
            assert_eq!(page.cookies, secret, "{call:?}");
            server.clock.advance(TimeSpan::hours(1));
            assert!(!page.is_signed_in().await, "{call:?}");
        }
    });
}

#[test]
fn a_secret_in_use_is_replaced_and_the_old_one_works_a_minute_longer() {
    run(async {
        let server = TestServer::new();
        let mut ana = Browser::of(&server, "ana").await;
        let first = ana.clone();
        server.clock.advance(TimeSpan::minutes(59));
        assert!(ana.is_signed_in().await);
        assert_eq!(ana.cookies, first.cookies, "not yet");
        server.clock.advance(TimeSpan::minutes(2));
        let mut parallel = first.clone();
        assert!(ana.is_signed_in().await);
        assert_ne!(ana.cookies, first.cookies, "replaced");
        assert!(parallel.is_signed_in().await, "the old one still works");
        assert_eq!(parallel.cookies, first.cookies, "and is not replaced twice");
        let reply = ana.press("/theme", &[]).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER);
        server.clock.advance(TimeSpan::minutes(1));
        assert!(!first.clone().is_signed_in().await, "and then no more");
        assert!(ana.is_signed_in().await);
        for _ in 0..4 {
            server.clock.advance(TimeSpan::hours(5));
            assert!(ana.is_signed_in().await);
        }
        server.clock.advance(TimeSpan::hours(3));
        assert!(!ana.is_signed_in().await);
    });
}

#[test]
fn signing_out_ends_both_secrets() {
    run(async {
        for old_signs_out in [false, true] {
            let server = TestServer::new();
            let mut ana = Browser::of(&server, "ana").await;
            let mut old = ana.clone();
            server.clock.advance(TimeSpan::minutes(61));
            assert!(ana.is_signed_in().await);
            let (who, other) = if old_signs_out {
                (&mut old, &mut ana)
            } else {
                (&mut ana, &mut old)
            };
            let reply = who.press("/signout", &[]).await;
            assert_eq!(reply.leads_to(), "/signin");
            assert!(!other.is_signed_in().await);
        }
    });
}

#[test]
fn a_session_that_an_administrator_ended_is_over() {
    run(async {
        let server = TestServer::new();
        let mut ana = Browser::of(&server, "ana").await;
        assert_eq!(server.sessions_end("ana").await, 1);
        assert!(!ana.is_signed_in().await);
        assert_eq!(ana.get("/api/v1/me").await.short(), "401 unauthorized");
    });
}

#[test]
fn who_is_nobody_any_more_can_sign_out_and_nothing_else() {
    run(async {
        let server = TestServer::new();
        let mut ana = Browser::of(&server, "ana").await;
        server.directory_becomes(directory_with(server.now(), |people| {
            people[0]["enabled"] = json!(false);
        }));
        let reply = ana.get("/").await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        let page = reply.text();
        assert!(page.contains("action=\"/signout\""), "{page}");
        assert!(page.contains(&format!("value=\"{CSRF}\"")));
        let theme = ana.press("/theme", &[]).await;
        assert_eq!(theme.status, StatusCode::FORBIDDEN);
        let headers = [("sec-fetch-site", "cross-site")];
        let forged = ana.send("POST", "/signout", &headers, String::new()).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        let reply = ana.press("/signout", &[]).await;
        assert_eq!(reply.leads_to(), "/signin");
        assert!(ana.cookies.is_empty(), "{:?}", ana.cookies);
        let reply = ana.get("/").await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER);
    });
}
