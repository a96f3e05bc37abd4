//! Fresh sign-in for an action: redirects there, and only the returning user may repeat the action.

use std::sync::Arc;

use hallpass_base::TimeSpan;
use hallpass_rules::{RuleFile, load};
use hallpass_server::{PersonaCard, ServerMode};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::fake_oidc::FakeOidc;
use crate::test_server::{TestServer, run};

const RULES: &str = r#"
[[rule]]
id = "fresh"
accounts = ["*"]
permission_sets = ["Admin"]
approvers = ["ana@corp.example", "cai@corp.example"]
fresh_sign_in = "10m"
SIGN_IN_ACR
"#;

async fn rules(server: &TestServer, acr: &str) {
    let text = RULES.replace("SIGN_IN_ACR", acr);
    let rules = load(&RuleFile::new("rules.toml", &text)).unwrap().rules;
    server.access.set_rules(rules, "test").await.unwrap();
}

async fn state(server: &TestServer, request: &Value) -> Value {
    let path = format!("/api/v1/requests/{}", request["id"].as_str().unwrap());
    server.get(&path, "dee/all").await.json()["state"].clone()
}

fn fields(page: &str) -> Vec<(String, String)> {
    let of = |name: &str| {
        let marked = format!("name=\"{name}\" value=\"");
        let (_, rest) = page.split_once(&marked).expect(name);
        (name.to_owned(), rest.split('"').next().unwrap().to_owned())
    };
    vec![of("csrf"), of("seen")]
}

async fn approve(browser: &mut Browser<'_>, request: &Value) -> String {
    let page = format!("/requests/{}", request["id"].as_str().unwrap());
    let text = browser.get(&page).await.text();
    let fields = fields(&text);
    let seen: Vec<(&str, &str)> = fields[1..].iter().map(|(a, b)| (&**a, &**b)).collect();
    let path = format!("{page}/approve");
    let reply = browser.press_with(&path, &seen, &fields[0].1).await;
    assert_eq!(reply.status.as_u16(), 303, "{}", reply.text());
    reply.leads_to()
}

fn demo() -> ServerMode {
    ServerMode::Demo {
        personas: vec![PersonaCard {
            email: "cai@corp.example".to_owned(),
            name: "Cai".to_owned(),
            role: "approves".to_owned(),
            token: "cai/all".to_owned(),
        }],
        aws_endpoint: "http://127.0.0.1:4570".to_owned(),
        program: "hallpass".to_owned(),
    }
}

const HERE: [(&str, &str); 3] = [
    ("content-type", "application/x-www-form-urlencoded"),
    ("host", "127.0.0.1:8080"),
    ("sec-fetch-site", "same-origin"),
];

#[test]
fn in_the_demo_the_way_back_through_the_picker_asks_for_the_press_once_more() {
    run(async {
        let server = TestServer::with(|app| app.mode = Arc::new(demo()));
        rules(&server, "").await;
        let request = server.ask("dee/all", "Admin").await;
        let mut cai = Browser::new(&server);
        let pick = crate::browser::form(&[("persona", "cai@corp.example")]);
        cai.send("POST", "/signin", &HERE, pick).await;
        server.clock.advance(TimeSpan::minutes(30));
        let to = approve(&mut cai, &request).await;
        assert!(to.starts_with("/signin?again=1&within=600&"), "{to}");
        assert_eq!(state(&server, &request).await, "pending");
        let page = cai.get(&to).await.text();
        assert!(page.contains("Sign in again as cai"), "{page}");
        assert!(page.contains("within the last 10m"), "{page}");
        let (_, rest) = page.split_once("name=\"next\" value=\"").unwrap();
        let next = rest.split('"').next().unwrap().replace("&#38;", "&");
        let again = [("persona", "cai@corp.example"), ("next", next.as_str())];
        let again = crate::browser::form(&again);
        let reply = cai.send("POST", "/signin", &HERE, again).await;
        let back = reply.leads_to();
        let id = request["id"].as_str().unwrap();
        assert!(
            back.starts_with(&format!("/requests/{id}?said=signed-in")),
            "{back}"
        );
        let page = cai.get(&back).await.text();
        assert!(
            page.contains("Nothing was pressed while you signed in"),
            "{page}"
        );
        assert_eq!(
            state(&server, &request).await,
            "pending",
            "nothing is replayed"
        );
        let to = approve(&mut cai, &request).await;
        assert!(to.contains("said=approved"), "{to}");
        assert_eq!(state(&server, &request).await, "approved");
    });
}

#[test]
fn a_provider_is_asked_to_ask_anew_and_has_to_say_that_it_did() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        rules(&server, "sign_in_acr = [\"phr\", \"phrh\"]").await;
        let request = server.ask("dee/all", "Admin").await;
        let mut ana = Browser::new(&server);
        oidc.sign_in(&mut ana).await;
        let to = approve(&mut ana, &request).await;
        assert!(
            to.starts_with("/signin?again=1&within=600&acr=phr%20phrh&"),
            "{to}"
        );
        let page = ana.get(&to).await.text();
        assert!(page.contains("Sign in again with Example ID"), "{page}");
        let (_, rest) = page.split_once("href=\"/signin/oidc").unwrap();
        let way = rest
            .split('"')
            .next()
            .unwrap()
            .replace("&#38;", "&")
            .replace("&amp;", "&");
        let way = format!("/signin/oidc{way}");
        let now = server.now().as_second();
        for (change, counts) in [
            (json!({}), false),
            (json!({"auth_time": now - 3_600, "acr": "phr"}), false),
            (json!({"auth_time": now, "acr": "phr"}), true),
        ] {
            let (back, sent) = oidc.leave_by(&mut ana, &way).await;
            assert_eq!(sent["prompt"], "login");
            assert_eq!(sent["max_age"], "0");
            assert_eq!(sent["acr_values"], "phr phrh");
            oidc.world().change = change.clone();
            let reply = ana.get(&back).await;
            if counts {
                let id = request["id"].as_str().unwrap();
                let wanted = format!("/requests/{id}?said=signed-in&about={id}");
                assert_eq!(reply.leads_to(), wanted, "{change}");
            } else {
                assert_eq!(reply.status.as_u16(), 403, "{change}");
                assert!(reply.text().contains("auth_time"), "{}", reply.text());
            }
            assert_eq!(state(&server, &request).await, "pending", "{change}");
        }
        assert!(approve(&mut ana, &request).await.contains("said=approved"));
        assert_eq!(state(&server, &request).await, "approved");
    });
}

#[test]
fn who_asks_anew_to_be_somebody_else_needs_no_word_of_when() {
    run(async {
        let oidc = FakeOidc::start().await;
        let server = oidc.server();
        let mut ana = Browser::new(&server);
        let (back, sent) = oidc.leave_by(&mut ana, "/signin/oidc?again=1&next=/").await;
        assert_eq!(sent["prompt"], "login");
        assert_eq!(ana.get(&back).await.leads_to(), "/");
        assert!(ana.is_signed_in().await);
    });
}
