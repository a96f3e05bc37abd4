//! Users matched through a fallback domain may request, but have no role in any channel
//! (`access.md` §11.5). Slack is tested in its crate.

use std::sync::{Arc, Mutex};

use hallpass_access::identity::{Identity, NewToken, Owner, TokenScope, TokenStore, hash_secret};
use hallpass_base::TimeSpan;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::fake_oidc::FakeOidc;
use crate::streams::{heard, open};
use crate::test_server::{TestServer, owner, run};

fn server(oidc: &FakeOidc) -> (TestServer, Arc<dyn TokenStore>) {
    let kept: Mutex<Option<Arc<dyn TokenStore>>> = Mutex::default();
    let server = oidc.server_with(
        |_| {},
        |app| {
            app.identity = Arc::new(Identity {
                fallback_domains: vec!["corp.example".to_owned()],
                ..(*app.identity).clone()
            });
            *kept.lock().unwrap() = Some(Arc::clone(&app.tokens));
        },
    );
    let tokens = kept.lock().unwrap().take().unwrap();
    (server, tokens)
}

async fn token(server: &TestServer, tokens: &Arc<dyn TokenStore>, owner: Owner) -> &'static str {
    let secret = "hpt_of_the_fallback_domain";
    let token = NewToken {
        hash: hash_secret(secret),
        owner,
        scopes: TokenScope::ALL.into_iter().collect(),
        created_at: server.now(),
        expires_at: TimeSpan::hours(1).after(server.now()),
        name: String::new(),
    };
    tokens.keep(&token).await.unwrap();
    secret
}

#[test]
fn whoever_is_matched_through_a_fallback_domain_holds_no_role_at_any_door() {
    run(async {
        let oidc = FakeOidc::start().await;
        let (server, tokens) = server(&oidc);
        let request = server.ask("ana/all", "Admin").await;
        let id = request["id"].as_str().unwrap();
        let own = server.get("/api/v1/me", "eve/all").await.json();
        assert_eq!(own["roles"], json!(["admin"]));

        oidc.world().change = json!({"email": "eve@second.example", "sub": "u-eve"});
        let mut web = Browser::new(&server);
        oidc.sign_in(&mut web).await;
        assert!(web.is_signed_in().await);
        let me = web.get("/api/v1/me").await.json();
        assert_eq!(me["user_id"], own["user_id"], "{me}");
        assert_eq!(me["roles"], json!([]), "the session over the API");
        for path in ["/access/cut-off", "/health", "/people/x", "/sweeps"] {
            let reply = web.get(path).await;
            assert!(
                [403, 404].contains(&reply.status.as_u16()),
                "{path}: {reply:?}"
            );
        }
        assert_eq!(
            web.get(&format!("/requests/{id}")).await.status.as_u16(),
            404
        );

        let there = Owner {
            secondary_domain: true,
            ..owner("eve")
        };
        let token = token(&server, &tokens, there).await;
        let me = server.get("/api/v1/me", token).await.json();
        assert_eq!(
            (&me["user_id"], &me["roles"]),
            (&own["user_id"], &json!([]))
        );
        for (path, body) in [
            (format!("/api/v1/requests/{id}/approve"), Value::Null),
            (format!("/api/v1/requests/{id}/discard"), Value::Null),
            (
                "/api/v1/locks".to_owned(),
                json!({"user": "sam@corp.example", "reason": "x"}),
            ),
            ("/api/v1/sweeps".to_owned(), Value::Null),
        ] {
            let reply = server.post(&path, token, &body).await;
            assert!(
                [403, 404].contains(&reply.status.as_u16()),
                "{path}: {reply:?}"
            );
        }
        assert_eq!(
            server.get("/api/v1/locks", token).await.status.as_u16(),
            403
        );

        let (mut theirs, mut full) = (
            open(&server, token, Some("0")).await,
            open(&server, "eve/all", Some("0")).await,
        );
        let asked = |(events, _): (Vec<(u64, Value)>, bool)| {
            let created = |event: &&(u64, Value)| event.1["event"] == "request.created";
            events.iter().filter(created).count()
        };
        assert_eq!(asked(heard(&mut theirs).await), 0);
        assert_eq!(asked(heard(&mut full).await), 1);
        let list = server.get("/api/v1/requests?role=all", token).await.json();
        assert_eq!(list["items"], json!([]), "nor are there others' requests");
    });
}
