//! The one-time link of the first administrator, and the page that it opens.

use std::sync::Arc;

use axum::http::StatusCode;
use hallpass_access::identity::{FirstSignIn, OwnHandovers};
use hallpass_base::TimeSpan;
use hallpass_server::{SetupPart, SignIn};

use crate::browser::Browser;
use crate::test_server::{TestServer, owner, run};

pub(crate) fn parts() -> Vec<SetupPart> {
    let part = |name, configured: Option<&str>| SetupPart {
        name,
        without: "No one can sign in.",
        configured: configured.map(str::to_owned),
        lines: "[oidc]\nissuer = \"https://id.example\"",
        document: "how-to/sign-in.md",
        probe: None,
    };
    vec![
        part("Sign-in provider", None),
        part("Rules", Some("rules.toml")),
    ]
}

fn server(links: &Arc<OwnHandovers>) -> TestServer {
    TestServer::with(|app| {
        let sign_in = SignIn::default();
        sign_in.keep_in(links.clone());
        app.sign_in = Arc::new(sign_in);
    })
}

async fn link(server: &TestServer, links: &OwnHandovers, name: &str, code: &str) -> String {
    let owner = owner(name);
    let kept = FirstSignIn::keep(links, &owner, code, server.now()).await;
    kept.unwrap();
    format!("/signin/first?code={code}")
}

#[test]
fn a_link_signs_its_administrator_in_once_and_leads_to_set_up() {
    run(async {
        let links = Arc::<OwnHandovers>::default();
        let server = server(&links);
        let way = link(&server, &links, "eve", "secret").await;
        let mut eve = Browser::new(&server);
        // opening the link does not use it up
        for _ in 0..2 {
            let page = eve.get(&way).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.text());
            assert!(page.text().contains("Sign in as"));
            assert!(!eve.is_signed_in().await);
        }
        let reply = eve.press("/signin/first", &[("code", "secret")]).await;
        assert_eq!(reply.leads_to(), "/setup", "{}", reply.text());
        assert!(eve.is_signed_in().await);
        let page = eve.get("/setup").await.text();
        assert!(page.contains("1 of 2 parts are set up"), "{page}");
        assert!(
            page.contains("issuer = ") && page.contains("rules.toml"),
            "{page}"
        );
        let mut other = Browser::new(&server);
        let reply = other.press("/signin/first", &[("code", "secret")]).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert!(
            reply.text().contains("This link was used"),
            "{}",
            reply.text()
        );
        assert!(!other.is_signed_in().await);
    });
}

#[test]
fn no_other_link_signs_anyone_in() {
    run(async {
        let links = Arc::<OwnHandovers>::default();
        let server = server(&links);
        link(&server, &links, "ana", "of a person").await;
        link(&server, &links, "eve", "old").await;
        server.clock.advance(TimeSpan::minutes(10));
        link(&server, &links, "ana", "of a person").await;
        for (code, words) in [
            ("guessed", "This link was used"),
            ("old", "older than 10 minutes"),
            ("of a person", "not an administrator"),
        ] {
            let mut browser = Browser::new(&server);
            let reply = browser.press("/signin/first", &[("code", code)]).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{code}");
            assert!(reply.text().contains(words), "{code}: {}", reply.text());
            assert!(!browser.is_signed_in().await, "{code}");
        }
    });
}
