//! Order, defaults and omissions on pages.

use axum::http::StatusCode;
use hallpass_access::{AccessStore as _, Grant, GrantFilter};
use hallpass_base::TimeSpan;
use hallpass_rules::{RuleFile, load};
use serde_json::json;

use crate::extending::seen_at_aws;
use crate::pages_visit::{Visit, field, text, to};
use crate::test_server::{TestServer, asking, run};

async fn rules_become(server: &TestServer, text: &str) {
    let rules = load(&RuleFile::new("rules.toml", text)).unwrap().rules;
    server.access.set_rules(rules, "test").await.unwrap();
}

fn order(page: &str, marks: &[&str]) -> Vec<usize> {
    let places = marks.iter().map(|mark| page.find(mark));
    let places: Vec<_> = places
        .map(|at| at.unwrap_or_else(|| panic!("{marks:?}: {page}")))
        .collect();
    places
}

#[test]
fn what_one_asked_for_lately_comes_first_and_then_what_is_guarded_least() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let sets = "/ask?account=111111111111";
        let guarded = ["value=\"ReadOnly\"", "value=\"Admin\"", "value=\"Root\""];
        let page = ana.page(sets).await;
        assert!(order(&page, &guarded).is_sorted(), "{page}");
        assert!(!page.contains("recently requested"), "{page}");
        let alone = ana.page("/ask").await;
        let names = ["value=\"111111111111\"", "value=\"222222222222\""];
        let first = order(&alone, &names);
        server.ask("ana/all", "Root").await;
        let page = ana.page(sets).await;
        let lately = ["value=\"Root\"", "value=\"ReadOnly\"", "value=\"Admin\""];
        assert!(order(&page, &lately).is_sorted(), "{page}");
        let page = ana.page("/ask").await;
        assert_eq!(page.matches("recently requested").count(), 1, "{page}");
        let now = order(&page, &names);
        assert!(
            now[0] < now[1] && !first.is_empty(),
            "the one asked for is first"
        );
    });
}

#[test]
fn a_length_in_an_address_may_be_written_as_people_do() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let target = "/ask?account=payments-prod&permission_set=ReadOnly";
        for (wanted, expected) in [
            ("1h", ">Get 1h now</button>"),
            ("3600", ">Get 1h now</button>"),
            ("45m", ">Get 45m now</button>"),
            ("soon", "Write a length like 1h 30m."),
            ("more-60", ">Get 30m now</button>"),
        ] {
            let page = ana.page(&format!("{target}&for={wanted}")).await;
            assert!(page.contains(expected), "{wanted}: {page}");
        }
    });
}

pub(crate) async fn held(server: &TestServer) -> Grant {
    let reply = server
        .post("/api/v1/requests", "ana/all", &asking("ReadOnly"))
        .await;
    assert_eq!(reply.short(), "201", "{reply:?}");
    seen_at_aws(server).await;
    let found = server.store.grants(&GrantFilter::default(), 10).await;
    found.unwrap().rows.remove(0)
}

#[test]
fn extending_offers_later_ends_that_are_worth_asking_for() {
    run(async {
        let server = TestServer::new();
        let grant = held(&server).await;
        let ana = Visit::of(&server, "ana").await;
        let target = "/ask?account=111111111111&permission_set=ReadOnly";
        server.clock.advance(TimeSpan::minutes(2));
        let page = ana.page(target).await;
        for gain in ["+30m", "+1h", "+2h", "+4h", "+8h"] {
            assert!(
                page.contains(&format!("class=\"gain\">{gain}<")),
                "{gain}: {page}"
            );
        }
        assert!(
            !page.contains("value=\"3600\""),
            "no length that adds minutes: {page}"
        );
        let page = ana.page(&format!("{target}&for=more-3600")).await;
        let meant = field(&page, "meant");
        server.clock.advance(TimeSpan::minutes(7));
        let fields = [
            ("account", "111111111111"),
            ("permission_set", "ReadOnly"),
            ("for", "more-3600"),
            ("reason", "still at it"),
            ("meant", &meant),
        ];
        let reply = ana.post("/ask", &fields).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", text(&reply));
        assert_eq!(to(&reply), "/");
        let mine = server.get("/api/v1/requests", "ana/all").await;
        let newest = mine.json()["items"][0].clone();
        assert!(newest["extends"].is_string(), "{newest}");
        let asked = TimeSpan::seconds(newest["duration_seconds"].as_u64().unwrap());
        let gained = TimeSpan::between(grant.ends_at, asked.after(server.now()));
        assert!(
            gained >= TimeSpan::hours(1) && gained < TimeSpan::minutes(61),
            "{gained}"
        );
    });
}

#[test]
fn what_opens_later_says_when_and_a_reason_is_asked_for_in_the_rules_words() {
    run(async {
        let server = TestServer::new();
        let opens = TimeSpan::hours(3).after(server.now());
        let rule = format!(
            r#"
[[rule]]
id = "day-work"
accounts = ["*"]
permission_sets = ["ReadOnly"]
approval_is_not_required = true
reason_pattern = '^OPS-\d+'
reason_hint = "Begin with the ticket, as in OPS-12."

[rule.hours]
from = "{}"
to = "{}"
time_zone = "UTC"
"#,
            opens.strftime("%H:%M"),
            TimeSpan::hours(1).after(opens).strftime("%H:%M"),
        );
        rules_become(&server, &rule).await;
        let ana = Visit::of(&server, "ana").await;
        let target = "/ask?account=111111111111&permission_set=ReadOnly";
        let page = ana.page(target).await;
        let shown = opens
            .in_tz("Europe/Stockholm")
            .unwrap()
            .strftime("%H:%M")
            .to_string();
        let says = "lets you request this from ";
        assert!(
            page.contains(says) && page.contains(&shown) && page.contains("Not open now"),
            "{says}: {page}"
        );
        server.clock.advance(TimeSpan::minutes(185));
        let page = ana.page(target).await;
        assert!(page.contains(">Get 30m now</button>"), "{page}");
        let hint = ": Begin with the ticket, as in OPS-12.";
        assert!(page.contains(hint) && !page.contains("^OPS"), "{page}");
        let mut wish = asking("ReadOnly");
        wish["reason"] = json!("look at the queue");
        let reply = server.post("/api/v1/requests", "ana/all", &wish).await;
        assert_eq!(reply.short(), "422 reason-pattern", "{reply:?}");
        assert!(reply.text().contains(hint), "{reply:?}");
    });
}

#[test]
fn who_may_break_the_glass_is_told_before_sending() {
    run(async {
        let server = TestServer::new();
        let rule = |glass: &str| {
            format!(
                "[[rule]]\naccounts = [\"*\"]\npermission_sets = [\"ReadOnly\"]\n\
                 approvers = [\"cai@corp.example\"]\nbreak_glass = [{glass}]\n"
            )
        };
        let ana = Visit::of(&server, "ana").await;
        for (glass, told) in [
            ("\"ana@corp.example\"", true),
            ("\"dee@corp.example\"", false),
        ] {
            rules_become(&server, &rule(glass)).await;
            let page = ana
                .page("/ask?account=111111111111&permission_set=ReadOnly")
                .await;
            assert_eq!(page.contains("you may break the glass"), told, "{page}");
        }
    });
}

#[test]
fn everything_is_one_table_in_the_order_one_wants_and_a_file() {
    run(async {
        let server = TestServer::new();
        for (who, set) in [("dee", "ReadOnly"), ("ana", "ReadOnly")] {
            server.ask(&format!("{who}/all"), set).await;
            server.clock.advance(TimeSpan::minutes(1));
        }
        let aud = Visit::of(&server, "aud").await;
        let page = aud.page("/access").await;
        assert_eq!(page.matches("<table").count(), 1, "{page}");
        let people = ["ana@corp.example", "dee@corp.example"];
        for (sort, expected) in [("person", true), ("ends", false)] {
            let page = aud.page(&format!("/access?sort={sort}")).await;
            assert_eq!(
                order(&page, &people).is_sorted(),
                expected,
                "{sort}: {page}"
            );
            assert_eq!(page.matches("aria-sort").count(), 1, "{sort}");
        }
        let file = aud.get("/access.csv?q=dee").await;
        assert_eq!(
            file.headers["content-type"],
            "text/csv; charset=utf-8; header=present"
        );
        let text = file.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].starts_with("person,email,user_id,account,account_id,permission_set"));
        assert!(
            lines[1].contains("dee@corp.example") && lines[1].contains(",ReadOnly,"),
            "{text}"
        );
        let sam = Visit::of(&server, "sam").await;
        assert_eq!(sam.get("/access.csv").await.text().lines().count(), 1);
    });
}

#[test]
fn many_reviews_are_lines_that_can_be_searched() {
    run(async {
        let server = TestServer::new();
        let cai = Visit::of(&server, "cai").await;
        let mut wish = asking("Admin");
        for (n, who) in ["ana", "dee", "eve", "sam"].iter().enumerate() {
            for set in ["Admin", "Root"] {
                wish["permission_set"] = json!(set);
                wish["reason"] = json!(format!("OPS-{n} look at the queue"));
                server
                    .post("/api/v1/requests", &format!("{who}/all"), &wish)
                    .await;
            }
        }
        let few = cai.page("/reviews").await;
        assert!(
            few.contains("data-waiting") && !few.contains("reviews dense"),
            "{few}"
        );
        wish["permission_set"] = json!(null);
        let group = json!({"group": "oncall", "duration_seconds": 3600, "reason": "on call"});
        for who in ["ana", "dee"] {
            server
                .post("/api/v1/requests", &format!("{who}/all"), &group)
                .await;
        }
        let many = cai.page("/reviews").await;
        assert!(
            many.contains("reviews dense") && many.contains("role=\"search\""),
            "{many}"
        );
        let counted = format!("<title>({}) Reviews", many.matches("data-waiting").count());
        assert!(many.contains(&counted), "{many}");
        let found = cai.page("/reviews?q=dee+admin").await;
        assert_eq!(found.matches("data-waiting").count(), 1, "{found}");
        assert!(
            found.contains("1 of ") && found.contains("data-live=\"/reviews?q=dee%20admin\""),
            "{found}"
        );
    });
}

#[test]
fn an_address_that_is_not_understood_is_answered_by_a_page() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        for (path, status) in [
            ("/access?skip=minus", 400),
            ("/access?by=weekday", 400),
            ("/no/such/place", 404),
        ] {
            let reply = ana.get(path).await;
            assert_eq!(reply.status.as_u16(), status, "{path}");
            let page = reply.text();
            assert!(
                page.contains("<!doctype html>") || status == 404,
                "{path}: {page}"
            );
            assert!(!page.contains("Failed to deserialize"), "{path}: {page}");
        }
    });
}
