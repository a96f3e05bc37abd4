//! Access, Rules and Health: permissions and forms.

use axum::http::{StatusCode, header};
use hallpass_access::{
    AccessStore as _, Change, Grant, GrantFilter, GroupSyncRule, GroupSyncSettings, ManagedGroup,
    ManualMembers, Settings, Write, group_named,
};
use hallpass_base::{GrantId, HoldKey, TimeSpan};
use serde_json::json;
use uuid::Uuid;

use crate::signed_in::{At, server, text, to_be_picked, words};
use crate::test_server::{TestServer, asking, directory_with, run};

const ALL: &str = "/all";

async fn live(server: &TestServer) -> Vec<Grant> {
    let filter = GrantFilter::default();
    server.store.grants(&filter, 1_000).await.unwrap().rows
}

#[test]
fn rows_are_those_one_may_see() {
    run(async {
        let server = server();
        server.ask(&format!("ana{ALL}"), "ReadOnly").await;
        server.ask(&format!("dee{ALL}"), "ReadOnly").await;
        for (person, sees) in [
            ("ana", vec!["ana@corp.example"]),
            ("sam", vec![]),
            ("aud", vec!["ana@corp.example", "dee@corp.example"]),
            ("eve", vec!["ana@corp.example", "dee@corp.example"]),
        ] {
            let at = At::new(&server, person).await;
            for by in ["account", "person", "set"] {
                let page = at.page(&format!("/access?by={by}")).await;
                for holder in ["ana@corp.example", "dee@corp.example"] {
                    let main = words(&page);
                    assert_eq!(
                        main.contains(holder),
                        sees.contains(&holder),
                        "{person} {by} {main}"
                    );
                }
                // only users who may revoke see the link
                assert_eq!(page.contains("/revoke"), person == "eve", "{person} {by}");
            }
        }
        let aud = At::new(&server, "aud").await;
        assert!(words(&aud.page("/access?q=DEE").await).contains("1 of 2 match “DEE”."));
        assert!(words(&aud.page("/access?q=zzz").await).contains("Nothing matches “zzz”"));
        assert!(words(&aud.page("/access?by=group").await).contains("Nothing here"));
    });
}

#[test]
fn pages_hold_two_hundred_rows() {
    run(async {
        let server = server();
        server.ask(&format!("ana{ALL}"), "ReadOnly").await;
        let one = live(&server).await.remove(0);
        let grants = (0_u128..250).map(|n| {
            let place = one.key.target.clone();
            let user = format!("{n:08}-1111-0000-0000-000000000000")
                .parse()
                .unwrap();
            Write::Insert(Grant {
                id: GrantId::new(Uuid::from_u128(
                    0x0190_0000_0000_7000_8000_0000_0000_0000 + n,
                )),
                key: HoldKey {
                    user,
                    target: place,
                },
                ..one.clone()
            })
        });
        let change = Change {
            grants: grants.collect(),
            ..Change::default()
        };
        server.store.commit(change).await.unwrap();
        let aud = At::new(&server, "aud").await;
        let first = aud.page("/access?by=account").await;
        assert_eq!(first.matches("role=\"rowheader\"").count(), 50);
        let said = words(&first);
        assert!(
            said.contains("50 of 251 shown") && said.contains("201 more rows follow"),
            "{said}"
        );
        let second = aud.page("/access?by=account&skip=250").await;
        assert_eq!(second.matches("role=\"rowheader\"").count(), 1);
    });
}

#[test]
fn words_of_people_are_text() {
    run(async {
        let server = server();
        let mut wish = asking("ReadOnly");
        let evil = "<script>alert(1)</script>\u{202e}\"><img src=x onerror=alert(1)>";
        wish["reason"] = json!(evil);
        let reply = server
            .post("/api/v1/requests", &format!("ana{ALL}"), &wish)
            .await;
        assert!(reply.status.is_success(), "{reply:?}");
        let grant = live(&server).await.remove(0).id;
        let eve = At::new(&server, "eve").await;
        let searched = form_urlencoded::byte_serialize(evil.as_bytes()).collect::<String>();
        for path in [
            "/access".to_owned(),
            "/access?by=person".to_owned(),
            format!("/access?q={searched}"),
            format!("/access/cut-off?user={searched}"),
            "/access/cut-off?user=ana@corp.example".to_owned(),
            format!("/grants/{grant}/revoke?from={searched}"),
            "/audit?record=1".to_owned(),
            format!("/audit?q={searched}&event={searched}&from={searched}"),
            format!("/rules?q={searched}"),
            format!("/rules/explain?user={searched}&account={searched}&permission_set={searched}"),
            "/health".to_owned(),
        ] {
            let page = eve.page(&path).await;
            assert!(!page.contains("<script>alert"), "{path}");
            assert!(!page.contains("<img"), "{path}");
            let main = page.split_once("<main").unwrap().1;
            let typed_in = path.contains(&searched);
            assert!(typed_in || !main.contains('\u{202e}'), "{path}");
        }
    });
}

#[test]
fn taking_away_needs_a_reason_and_authority() {
    run(async {
        let server = server();
        server.ask(&format!("ana{ALL}"), "ReadOnly").await;
        let id = live(&server).await.remove(0).id;
        let path = format!("/grants/{id}/revoke");
        let eve = At::new(&server, "eve").await;
        assert!(words(&eve.page(&path).await).contains("Revoke ana’s access now?"));
        let reply = eve.post(&path, &[("reason", "  ")]).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(words(&text(&reply)).contains("Say in a few words why."));
        let long = "x".repeat(1_043);
        let reply = eve.post(&path, &[("reason", &long)]).await;
        assert!(words(&text(&reply)).contains("At most 1,000 characters; this has 1,043."));
        let reply = eve.post_bare(&path, &[("reason", "incident")]).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "a forged form");
        // unauthorized users do not learn that it exists; readers have no form
        let sam = At::new(&server, "sam").await;
        assert_eq!(sam.get(&path).await.status, StatusCode::NOT_FOUND);
        assert_eq!(
            sam.post(&path, &[("reason", "x")]).await.status,
            StatusCode::NOT_FOUND
        );
        let aud = At::new(&server, "aud").await;
        assert!(!aud.page(&path).await.contains("<textarea"));
        assert_eq!(
            aud.post(&path, &[("reason", "x")]).await.status,
            StatusCode::FORBIDDEN
        );
        assert!(live(&server).await[0].is_hold());
        let fields = [("reason", "incident 7"), ("from", "//evil.example")];
        let reply = eve.post(&path, &fields).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER);
        let to = reply.headers[header::LOCATION].to_str().unwrap();
        assert!(to.starts_with("/requests/req_"), "{to}");
        assert!(!live(&server).await[0].is_hold());
        assert!(words(&eve.page(&path).await).contains("This access is ending already"));
    });
}

#[test]
fn after_taking_away_one_is_where_one_was() {
    run(async {
        let server = server();
        server.ask(&format!("ana{ALL}"), "ReadOnly").await;
        let id = live(&server).await.remove(0).id;
        let eve = At::new(&server, "eve").await;
        let rows = eve.page("/access?by=person&q=ana").await;
        let from = "%2Faccess%3Fby%3Dperson%26q%3Dana";
        let link = format!("/grants/{id}/revoke?from={from}");
        assert!(rows.contains(&format!("href=\"{link}\" data-sheet")));
        let page = eve.page(&link).await;
        assert!(page.contains("name=\"from\" value=\"/access?by=person&#38;q=ana\""));
        assert!(page.contains("href=\"/access?by=person&#38;q=ana\" data-close"));
        assert!(page.contains("id=\"sheet\"") && page.contains("id=\"sheet-h\""));
        let fields = [
            ("reason", "incident 7"),
            ("from", "/access?by=person&q=ana"),
        ];
        let reply = eve.post(&format!("/grants/{id}/revoke"), &fields).await;
        let to = reply.headers[header::LOCATION].to_str().unwrap();
        let said = format!("/access?by=person&q=ana&said=revoked&about={id}");
        assert_eq!(to, said);
        assert!(
            eve.page(to)
                .await
                .contains("Revoked: payments-prod / ReadOnly.")
        );
    });
}

#[test]
fn cutting_off_is_confirmed_by_name() {
    run(async {
        let server = server();
        server.ask(&format!("ana{ALL}"), "ReadOnly").await;
        server.ask(&format!("ana{ALL}"), "Admin").await;
        server.ask(&format!("dee{ALL}"), "ReadOnly").await;
        let eve = At::new(&server, "eve").await;
        let found = words(&eve.page("/access/cut-off?user=an").await);
        assert!(found.contains("ana@corp.example"), "{found}");
        let plan = words(&eve.page("/access/cut-off?user=ana@corp.example").await);
        for line in [
            "1 waiting request is discarded",
            "1 temporary grant ends now",
            "Issued credentials may work until",
            "Standing access stays",
            "ana is locked until another administrator unlocks them",
            "Type ana to continue",
        ] {
            assert!(plan.contains(line), "{line}: {plan}");
        }
        let path = "/access/cut-off";
        let user = ("user", "ana@corp.example");
        let reason = ("reason", "laptop stolen");
        for confirm in ["", "dee", "an", "ana@"] {
            let reply = eve.post(path, &[user, reason, ("confirm", confirm)]).await;
            assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{confirm}");
            let said = words(&text(&reply));
            assert!(said.contains("Nothing has happened."), "{said}");
        }
        let reply = eve.post(path, &[user, ("confirm", "ana")]).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "no reason");
        let tick = "name=\"end_sessions\" value=\"1\"";
        assert!(text(&reply).contains(&format!("{tick}>")), "nothing ticked");
        let ticked = [user, reason, ("end_sessions", "1"), ("confirm", "anna")];
        let again = text(&eve.post(path, &ticked).await);
        assert!(again.contains(&format!("{tick} checked>")), "{again}");
        for person in ["ana", "sam", "aud"] {
            let at = At::new(&server, person).await;
            let reply = at.post(path, &[user, reason, ("confirm", "ana")]).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{person}");
        }
        let held = live(&server).await;
        assert!(!held.is_empty() && held.iter().all(Grant::is_hold));
        let reply = eve.post(path, &[user, reason, ("confirm", "ana")]).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", text(&reply));
        let to = reply.headers[header::LOCATION].to_str().unwrap().to_owned();
        let outcome = words(&eve.page(&to).await);
        assert!(
            outcome.contains("1 of 1 grant to go.") && outcome.contains("AWS is removing it"),
            "{outcome}"
        );
        for grant in live(&server).await {
            let is_hers = grant.holder.email.as_str() == "ana@corp.example";
            assert_eq!(grant.is_hold(), !is_hers);
        }
        let pending = server
            .get("/api/v1/requests?state=pending&role=all", "eve/all")
            .await;
        assert_eq!(pending.json()["items"], json!([]));
    });
}

/// The last administrator cannot be locked.
#[test]
fn of_the_last_administrator_cutting_off_does_not_say_that_they_are_locked() {
    run(async {
        let server = server();
        for person in ["eve", "ana"] {
            server.ask(&format!("{person}{ALL}"), "ReadOnly").await;
        }
        let eve = At::new(&server, "eve").await;
        let cut_off = async |user: &str| {
            let confirm = user.split('@').next().unwrap();
            let fields = [
                ("user", user),
                ("reason", "laptop stolen"),
                ("confirm", confirm),
            ];
            let plan = words(&eve.page(&format!("/access/cut-off?user={user}")).await);
            let reply = eve.post("/access/cut-off", &fields).await;
            assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", text(&reply));
            let to = reply.headers[header::LOCATION].to_str().unwrap().to_owned();
            let outcome = words(&eve.page(&to).await);
            (plan, outcome, to)
        };
        let (plan, outcome, _) = cut_off("eve@corp.example").await;
        for page in [&plan, &outcome] {
            for line in [
                "eve is not locked",
                "the last unlocked administrator",
                "Tokens and web sessions continue",
                "Sign-ins and tokens",
                "hallpass people lock --force",
            ] {
                assert!(page.contains(line), "{line}: {page}");
            }
            assert!(!page.contains("locked until"), "{page}");
        }
        let (plan, outcome, to) = cut_off("ana@corp.example").await;
        assert!(
            plan.contains("ana is locked until another administrator"),
            "{plan}"
        );
        assert!(outcome.contains("ana stays locked until"), "{outcome}");
        let lifted = json!({"user": "ana@corp.example", "reason": "new laptop"});
        let lifted = server.post("/api/v1/locks/lift", "eve/all", &lifted).await;
        assert_eq!(lifted.short(), "200");
        let outcome = words(&eve.page(&to).await);
        assert!(outcome.contains("ana is not locked"), "{outcome}");
    });
}

#[test]
fn the_page_explains_as_the_api_does() {
    run(async {
        let server = server();
        let aud = At::new(&server, "aud").await;
        for (person, target, says) in [
            (
                "ana",
                "account=payments-prod&permission_set=ReadOnly",
                "Granted immediately: no approval needed",
            ),
            (
                "ana",
                "account=payments-prod&permission_set=Admin",
                "Needs approval: 1 of cai, dee.",
            ),
            (
                "cai",
                "account=payments-prod&permission_set=Admin",
                "Needs approval: 1 of dee.",
            ),
            (
                "ana",
                "account=payments-prod&permission_set=Root",
                "Needs approval: 2 of cai, dee.",
            ),
            (
                "ana",
                "account=payments-prod&permission_set=Closed",
                "ana may not request it",
            ),
            (
                "ana",
                "account=payments-prod&permission_set=Lonely",
                "No one can approve this for ana",
            ),
            ("ana", "group=oncall", "Needs approval: 1 of cai."),
        ] {
            let query = format!("user={person}@corp.example&{target}");
            let api = server
                .get(&format!("/api/v1/rules/explain?{query}"), "aud/all")
                .await;
            let api = api.json();
            let page = words(&aud.page(&format!("/rules/explain?{query}")).await);
            assert!(page.contains(says), "{query}: {page}");
            for rule in api["because"].as_array().unwrap() {
                assert!(
                    page.contains(rule.as_str().unwrap()),
                    "{query} {rule}: {page}"
                );
            }
            let granted = ["ApprovalNotRequired", "SelfApproval"];
            let decision = api["decision"].as_str().unwrap();
            assert_eq!(
                page.contains("Granted immediately"),
                granted.contains(&decision),
                "{query}"
            );
            assert!(page.contains("hallpass rules explain --user"), "{page}");
        }
        let unknown = aud
            .page("/rules/explain?account=nowhere&permission_set=Admin")
            .await;
        assert!(words(&unknown).contains("nowhere"), "{}", words(&unknown));
    });
}

/// Page and command line explain attribute-based groups with the same text.
#[test]
fn a_case_tells_memberships_by_attributes() {
    run(async {
        let organization = |now| {
            directory_with(now, |people| {
                for (name, department) in [("aud", "Audit"), ("ana", "Audit"), ("cai", "Shops")] {
                    let person = people.iter_mut().find(|it| it["user_name"] == name);
                    person.unwrap()["attributes"] = json!({ "department": department });
                }
            })
        };
        let wanted = ["audit".to_owned()];
        let rule = GroupSyncRule::read(1, [("department", wanted.as_slice())]).unwrap();
        let follow = |settings: &mut Settings| {
            settings.group_sync = Some(GroupSyncSettings {
                groups: vec![ManagedGroup {
                    group: group_named("auditors").unwrap(),
                    rules: vec![rule],
                }],
                manual: ManualMembers::Warn,
                every: TimeSpan::hours(1),
                max_removals: 5,
                max_removals_percent: 20,
            });
        };
        let server = TestServer::set(organization, follow, to_be_picked);
        let eve = At::new(&server, "eve").await;
        for (person, says) in [
            (
                "aud",
                Some("auditors: a member by rule 1: department audit"),
            ),
            (
                "ana",
                Some("auditors: no member yet, and to be one by rule 1: department audit"),
            ),
            ("cai", None),
        ] {
            let query =
                format!("user={person}@corp.example&account=payments-prod&permission_set=Admin");
            let api = server
                .get(&format!("/api/v1/rules/explain?{query}"), "eve/all")
                .await;
            let because = &api.json()["explanation"]["memberships"][0]["because"];
            let page = eve.page(&format!("/rules/explain?{query}")).await;
            assert_eq!(page.contains("by-attributes"), says.is_some(), "{person}");
            let said = words(&page);
            let Some(says) = says else {
                continue;
            };
            assert!(said.contains("Groups by attributes"), "{said}");
            assert!(said.contains(says), "{person}: {said}");
            assert!(says.ends_with(because.as_str().unwrap()), "{because}");
        }
    });
}

#[test]
fn rules_are_listed_with_their_source_and_refusals() {
    run(async {
        let server = server();
        let now = hallpass_base::Timestamp::from_second(1_780_000_000).unwrap();
        server
            .desk
            .rules_loaded("server.json", crate::test_server::RULES, now);
        let aud = At::new(&server, "aud").await;
        let page = aud.page("/rules").await;
        let said = words(&page);
        assert!(said.contains("6 rules from server.json"), "{said}");
        assert!(said.contains("Source, line"), "{said}");
        assert_eq!(page.matches("role=\"rowheader\"").count(), 6);
        assert!(words(&aud.page("/rules?q=zzz").await).contains("No rule matches “zzz”"));
        server
            .desk
            .rules_refused(now, vec!["server.json:3:1: <b>wrong</b>".to_owned()]);
        let page = aud.page("/rules").await;
        assert!(words(&page).contains("The rule file was refused at"));
        assert!(!page.contains("<b>wrong</b>"));
        let ana = At::new(&server, "ana").await;
        let page = ana.page("/rules").await;
        assert!(!page.contains("All rules") && !page.contains("refused at"));
    });
}

#[test]
fn health_says_whether_every_end_is_on_time() {
    run(async {
        let server = server();
        let eve = At::new(&server, "eve").await;
        let page = words(&eve.page("/health").await);
        assert!(
            page.contains("Every grant that should have ended has ended"),
            "{page}"
        );
        server.ask(&format!("ana{ALL}"), "ReadOnly").await;
        server.clock.advance(TimeSpan::hours(2));
        let eve = At::new(&server, "eve").await;
        let page = words(&eve.page("/health").await);
        assert!(page.contains("1 grant is past its end"), "{page}");
        assert!(
            page.contains("payments-prod / ReadOnly") && page.contains("Late by 1h"),
            "{page}"
        );
    });
}

#[test]
fn home_shows_every_request_that_waits() {
    run(async {
        let server = server();
        server.ask(&format!("ana{ALL}"), "Admin").await;
        for _ in 0..8 {
            server.ask(&format!("ana{ALL}"), "ReadOnly").await;
            for grant in live(&server).await {
                let path = format!("/api/v1/grants/{}/release", grant.id);
                server.post(&path, &format!("ana{ALL}"), &json!({})).await;
            }
        }
        let page = At::new(&server, "ana").await.page("/").await;
        let rows = page.split("id=\"req-h\"").nth(1).unwrap();
        let first = words(rows.split("<tbody").nth(1).unwrap());
        let at = first.find("payments-prod / Admin").unwrap_or(usize::MAX);
        let other = first.find("ReadOnly").unwrap_or(0);
        assert!(at < other, "{first}");
        let cai = At::new(&server, "cai").await.page("/").await;
        assert!(
            words(&cai).contains("1 request waits for your answer. Review"),
            "{cai}"
        );
        assert!(!words(&page).contains("for your answer"), "{page}");
    });
}

#[test]
fn rules_are_in_columns_and_permission_sets_are_found_by_name() {
    run(async {
        let server = server();
        let aud = At::new(&server, "aud").await;
        let page = aud.page("/rules").await;
        for column in ["Covers", "Requesters", "Approvers", "Limits"] {
            assert!(
                page.contains(&format!("data-l=\"{column}\"")),
                "{column}: {page}"
            );
        }
        let sets = |page: &str| words(page.split("id=\"set-rows\"").nth(1).unwrap());
        let all = sets(&page);
        assert!(
            all.contains("ReadOnly up to") && all.contains("Admin up to"),
            "{all}"
        );
        let some = sets(&aud.page("/rules?set=readon").await);
        assert!(
            some.contains("ReadOnly up to") && !some.contains("Admin up to"),
            "{some}"
        );
        let none = sets(&aud.page("/rules?set=zzz").await);
        assert!(none.contains("No permission set matches “zzz”"), "{none}");
        let ana = At::new(&server, "ana").await.page("/rules").await;
        assert!(
            !ana.contains("set-rows") && !ana.contains("rule-rows"),
            "{ana}"
        );
    });
}

#[test]
fn who_lost_a_session_is_told_so_and_nobody_else() {
    run(async {
        let server = server();
        let said = "You were signed out. Sign in and your text is still here.";
        let fresh = server.call("GET", "/signin", None, None).await;
        assert!(!text(&fresh).contains(said));
        let ana = At::new(&server, "ana").await;
        let page = ana.page("/").await;
        assert!(!page.contains(said));
        server.clock.advance(TimeSpan::hours(24 * 60));
        let reply = ana.get("/ask").await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER);
        let after = text(&ana.get("/signin?next=%2Fask").await);
        assert!(after.contains(said), "{after}");
    });
}
