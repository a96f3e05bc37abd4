use std::sync::Arc;

use hallpass_access::identity::Identity;
use hallpass_base::TimeSpan;
use serde_json::json;

use crate::browser::Browser;
use crate::test_server::{TestServer, run, user_id};

fn page(person: &str) -> String {
    format!("/people/{}", user_id(person))
}

fn server() -> TestServer {
    TestServer::with(|app| {
        app.identity = Arc::new(Identity {
            operators: vec!["dee@corp.example".to_owned()],
            ..(*app.identity).clone()
        });
    })
}

const HOW: [(&str, &str); 2] = [("reason", "laptop stolen"), ("held", "goes_on")];

#[test]
fn a_lock_is_set_after_a_page_that_says_what_it_does_and_is_shown_until_it_is_lifted() {
    run(async {
        let server = server();
        let mut eve = Browser::of(&server, "eve").await;
        let mut sam = Browser::of(&server, "sam").await;
        let text = eve.get(&page("sam")).await.text();
        assert!(
            text.contains("Not locked") && text.contains("/lock\""),
            "{text}"
        );
        let form = eve.get(&format!("{}/lock", page("sam"))).await.text();
        assert!(form.contains("Lock sam?") && form.contains("Nothing has happened yet"));
        assert!(
            form.contains("value=\"ends_with_sessions\" checked"),
            "{form}"
        );
        assert!(sam.is_signed_in().await, "looking locks no one");
        let lock = format!("{}/lock", page("sam"));
        let reply = eve.press(&lock, &[("reason", " ")]).await;
        assert_eq!(reply.status.as_u16(), 422);
        assert!(sam.is_signed_in().await, "nor does a lock without a reason");
        assert_eq!(eve.press(&lock, &HOW).await.leads_to(), page("sam"));
        assert!(!sam.is_signed_in().await);
        let text = eve.get(&page("sam")).await.text();
        for shown in [
            "Locked since",
            "laptop stolen",
            "eve@corp.example",
            "Unlock",
        ] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
        for path in ["/access", "/health"] {
            let text = eve.get(path).await.text();
            assert!(text.contains("1 person is locked"), "{path}: {text}");
        }
        assert!(eve.get("/access").await.text().contains(&page("sam")));
        let form = eve.get(&format!("{}/unlock", page("sam"))).await.text();
        assert!(form.contains("Unlock sam?"), "{form}");
        let unlock = format!("{}/unlock", page("sam"));
        let reply = eve.press(&unlock, &[("reason", "")]).await;
        assert_eq!(reply.status.as_u16(), 422);
        let reply = eve.press(&unlock, &[("reason", "found")]).await;
        assert_eq!(reply.leads_to(), page("sam"));
        assert!(eve.get(&page("sam")).await.text().contains("Not locked"));
        for path in ["/access", "/health"] {
            assert!(!eve.get(path).await.text().contains("locked:"), "{path}");
        }
    });
}

#[test]
fn who_may_not_lock_or_lift_sees_why_and_changes_nothing() {
    run(async {
        let server = server();
        for name in ["ana", "cai"] {
            let mut browser = Browser::of(&server, name).await;
            for path in [page("sam"), format!("{}/lock", page("sam"))] {
                assert_eq!(
                    browser.get(&path).await.status.as_u16(),
                    403,
                    "{name} {path}"
                );
            }
            let lock = format!("{}/lock", page("sam"));
            assert_eq!(browser.press(&lock, &HOW).await.status.as_u16(), 403);
        }
        let mut aud = Browser::of(&server, "aud").await;
        let text = aud.get(&page("sam")).await.text();
        assert!(text.contains("An administrator can lock them"), "{text}");
        let reply = aud.press(&format!("{}/lock", page("sam")), &HOW).await;
        assert_eq!(reply.status.as_u16(), 403);
        let mut dee = Browser::of(&server, "dee").await;
        let reply = dee.press(&format!("{}/lock", page("eve")), &HOW).await;
        assert_eq!(reply.status.as_u16(), 403);
        let reply = dee.press(&format!("{}/lock", page("sam")), &HOW).await;
        assert_eq!(reply.leads_to(), page("sam"));
        let text = dee.get(&page("sam")).await.text();
        assert!(text.contains("for administrators and auditors"), "{text}");
        assert!(!text.contains("laptop stolen"), "{text}");
        let lift = [("reason", "found")];
        for name in ["dee", "aud"] {
            let mut browser = Browser::of(&server, name).await;
            let reply = browser
                .press(&format!("{}/unlock", page("sam")), &lift)
                .await;
            assert_eq!(reply.status.as_u16(), 403, "{name}");
        }
        assert!(aud.get(&page("sam")).await.text().contains("laptop stolen"));
        let mut eve = Browser::of(&server, "eve").await;
        let reply = eve.press(&format!("{}/lock", page("eve")), &HOW).await;
        assert_eq!(reply.status.as_u16(), 409);
        assert!(
            reply.text().contains("last administrator"),
            "{}",
            reply.text()
        );
        assert!(eve.is_signed_in().await);
        assert_eq!(eve.get("/people/nobody-at-all").await.status.as_u16(), 404);
    });
}

#[test]
fn a_lock_for_some_days_says_until_when_and_ends_by_itself() {
    run(async {
        let server = server();
        let mut eve = Browser::of(&server, "eve").await;
        let how = [("reason", "on leave"), ("held", "ends"), ("lasts", "1d")];
        let lock = format!("{}/lock", page("sam"));
        assert_eq!(eve.press(&lock, &how).await.leads_to(), page("sam"));
        let locks = server.get("/api/v1/locks", "aud/all").await.json();
        let until = TimeSpan::hours(24).after(server.now());
        assert_eq!(locks["items"][0]["until"], json!(until));
        server.clock.advance(TimeSpan::hours(25));
        let mut eve = Browser::of(&server, "eve").await;
        assert!(eve.get(&page("sam")).await.text().contains("Not locked"));
    });
}

#[test]
fn over_the_api_force_counts_with_a_token_of_the_servers_machine_only() {
    run(async {
        let server = server();
        let force =
            json!({"user": "eve@corp.example", "reason": "the account is stolen", "force": true});
        let reply = server.post("/api/v1/locks", "eve/all", &force).await;
        assert_eq!(
            reply.short(),
            "409 last-administrator",
            "a token of a sign-in"
        );
        server.made_on_the_servers_machine("eve/all");
        let plain = json!({"user": "eve@corp.example", "reason": "the account is stolen"});
        let reply = server.post("/api/v1/locks", "eve/all", &plain).await;
        assert_eq!(reply.short(), "409 last-administrator", "it needs force");
        let reply = server.post("/api/v1/locks", "eve/all", &force).await;
        assert_eq!(reply.short(), "200", "{reply:?}");
    });
}

#[test]
fn auditors_see_all_about_a_person_and_operators_only_who_it_is() {
    run(async {
        let server = server();
        server.ask("ana/all", "ReadOnly").await;
        let pending = server.ask("ana/all", "Admin").await;
        let path = format!("/api/v1/requests/{}/deny", pending["id"].as_str().unwrap());
        let denied = server
            .post(&path, "cai/all", &json!({"reason": "not now"}))
            .await;
        assert_eq!(denied.short(), "200", "{denied:?}");
        let text = Browser::of(&server, "aud")
            .await
            .get(&page("ana"))
            .await
            .text();
        for shown in [
            "1 direct, 0 through groups",
            "payments-prod / ReadOnly",
            "payments-prod / Admin",
            "not now",
            "Not signed in at any browser.",
        ] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
        let text = Browser::of(&server, "aud")
            .await
            .get(&page("cai"))
            .await
            .text();
        assert!(text.contains("Denied") && text.contains("ana"), "{text}");
        assert!(text.contains("No access is known"), "{text}");
        let text = Browser::of(&server, "dee")
            .await
            .get(&page("ana"))
            .await
            .text();
        assert!(text.contains("ana@corp.example"), "{text}");
        assert!(
            !text.contains("Access now") && !text.contains("not now"),
            "{text}"
        );
    });
}

#[test]
fn people_are_listed_without_any_report() {
    run(async {
        let server = server();
        server.ask("ana/all", "ReadOnly").await;
        let mut aud = Browser::of(&server, "aud").await;
        let text = aud.get("/people?q=ana").await.text();
        for shown in ["not checked yet", "1 temporary", "pci.source", &page("ana")] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
        let text = aud.get("/people?state=disabled").await.text();
        assert!(text.contains("No one matches"), "{text}");
        let text = Browser::of(&server, "dee")
            .await
            .get("/people")
            .await
            .text();
        assert!(
            text.contains(&page("ana")) && !text.contains("1 temporary"),
            "{text}"
        );
    });
}

#[test]
fn trends_count_requests_and_grants() {
    run(async {
        let empty = server();
        let mut aud = Browser::of(&empty, "aud").await;
        let text = aud.get("/reports/trends").await.text();
        assert!(text.contains("Requests of a week appear here."), "{text}");
        let server = server();
        let mut aud = Browser::of(&server, "aud").await;
        server.ask("ana/all", "ReadOnly").await;
        server.ask("ana/all", "Admin").await;
        let text = aud.get("/reports/trends").await.text();
        assert!(
            text.contains("2 requests in twelve weeks, 1 approved"),
            "{text}"
        );
        assert!(text.contains("1 person"), "{text}");
    });
}
