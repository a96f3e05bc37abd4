//! Permission sets for a denied call: page and API.

use std::sync::Arc;

use hallpass_access::{
    AccessStore as _, ArmedEnds, Change, EndCause, EndOutcome, Grant, GrantFilter, GrantState,
    ManagedPolicy, SetPolicies, Write,
};
use hallpass_base::{TimeSpan, Timestamp};
use serde_json::{Value, json};

use crate::signed_in::{At, server_with, text, words};
use crate::test_server::{Held, Reply, TestServer, no_policies, run};

fn holding(change: impl FnOnce(&mut SetPolicies)) -> TestServer {
    let mut found = no_policies(Timestamp::from_second(1_780_000_000).unwrap());
    change(&mut found);
    server_with(|app| app.policies = Arc::new(Held(Ok(Some(found)))))
}

fn allowing(actions: &[&str]) -> TestServer {
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": "*"}]});
    holding(|found| found.inline = Some(document.to_string()))
}

fn denial(action: &str, because: &str) -> String {
    format!(
        "An error occurred (AccessDenied) when calling the operation: User: \
         arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Reader_0123456789abcdef/ana is not authorized to perform: \
         {action} on resource: \"arn:aws:sqs:eu-west-1:111111111111:orders\" {because}"
    )
}

const NO_POLICY: &str = "because no identity-based policy allows the action";

async fn asked(server: &TestServer, message: &str) -> Reply {
    let body = json!({"message": message});
    server.post("/api/v1/denials", "ana/all", &body).await
}

#[test]
fn the_smallest_set_is_named_with_what_else_it_allows() {
    run(async {
        let server = allowing(&["sqs:SendMessage", "sqs:PurgeQueue", "s3:GetObject"]);
        let reply = asked(&server, &denial("sqs:PurgeQueue", NO_POLICY)).await;
        let found = reply.json();
        assert_eq!(found["account"]["name"], "payments-prod", "{found}");
        assert_eq!(found["denial"]["action"], "sqs:PurgeQueue");
        assert_eq!(found["denial"]["reason"]["policy"], "identity");
        assert_eq!(found["other_actions"], 2);
        assert_eq!(found["other_services"], json!({"s3": 1, "sqs": 1}));
        assert_eq!(found["conditions"], json!([]));
        let offers = server
            .get("/api/v1/catalog?account=payments-prod", "ana/all")
            .await
            .json();
        let mut offered: Vec<_> = offers["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["permission_set"].clone())
            .collect();
        let others = found["alternatives"].as_array().unwrap().iter();
        let mut named: Vec<_> = others
            .map(|it| it["permission_set"].clone())
            .chain([found["permission_set"].clone()])
            .collect();
        offered.sort_by_key(ToString::to_string);
        named.sort_by_key(ToString::to_string);
        assert_eq!(named, offered);
        // the denied role's set is not offered again, although its policies may have changed
        let denied = denial("sqs:PurgeQueue", NO_POLICY)
            .replace("AWSReservedSSO_Reader_", "AWSReservedSSO_ReadOnly_");
        let found = asked(&server, &denied).await.json().to_string();
        assert!(offers.to_string().contains("\"ReadOnly\""), "{offers}");
        assert!(!found.contains("\"ReadOnly\""), "{found}");
    });
}

#[test]
fn what_no_permission_set_helps_with_is_said() {
    run(async {
        let server = allowing(&["s3:*"]);
        let scp = "with an explicit deny in a service control policy";
        let elsewhere = denial("sqs:PurgeQueue", NO_POLICY).replace("111111111111", "999999999999");
        for (message, status, code) in [
            ("it does not work".to_owned(), 400, "no-denial"),
            ("x".repeat(16_001), 400, "no-denial"),
            (denial("sqs:PurgeQueue", scp), 422, "beyond-permission-sets"),
            (denial("sqs:PurgeQueue", NO_POLICY), 422, "no-fitting-set"),
            (elsewhere, 422, "no-fitting-set"),
        ] {
            let reply = asked(&server, &message).await;
            assert_eq!(
                (reply.status.as_u16(), reply.code().as_str()),
                (status, code),
                "{message:.80}"
            );
            assert!(reply.is_problem());
        }
        let server = holding(|found| {
            found.managed = vec![ManagedPolicy {
                arn: "arn:aws:iam::aws:policy/Unread".to_owned(),
                name: "Unread".to_owned(),
                document: None,
            }];
        });
        let problem = asked(&server, &denial("sqs:PurgeQueue", NO_POLICY))
            .await
            .json();
        assert_eq!(problem["code"], "no-fitting-set");
        assert_eq!(problem["errors"][0]["code"], "not-judged", "{problem}");
        let ana = At::new(&server, "ana").await;
        let message = denial("sqs:PurgeQueue", NO_POLICY);
        let page = text(&ana.post("/denied", &[("message", &message)]).await);
        let why = "The text of its policy <code>Unread</code> is not read.";
        assert!(page.contains(why), "{page}");
    });
}

#[test]
fn the_page_leads_to_the_form_that_asks_for_it() {
    run(async {
        let server = allowing(&["sqs:PurgeQueue", "s3:GetObject"]);
        let ana = At::new(&server, "ana").await;
        assert!(ana.page("/ask").await.contains("href=\"/denied\""));
        let empty = words(&ana.page("/denied").await);
        assert!(empty.contains("Find the permission set"), "{empty}");
        let message = denial("sqs:PurgeQueue", NO_POLICY);
        let reply = ana.post("/denied", &[("message", &message)]).await;
        let page = text(&reply);
        assert_eq!(reply.status, 200);
        for part in [
            "href=\"/ask?kind=account&#38;account=111111111111&#38;permission_set=",
            "It also allows 1 other action.",
            "no identity-based policy allows it",
            "arn:aws:sqs:eu-west-1:111111111111:orders",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let hostile = "</textarea><script>alert(1)</script>";
        let reply = ana.post("/denied", &[("message", hostile)]).await;
        let page = text(&reply);
        assert_eq!(reply.status, 400);
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(
            words(&page).contains("The text does not name the denied action and its principal."),
            "{page}"
        );
        let reply = ana.post_bare("/denied", &[("message", &message)]).await;
        assert_eq!(reply.status, 403);
    });
}

/// Conditions use the message's data; every denied action must be allowed.
#[test]
fn what_is_known_of_the_call_decides() {
    run(async {
        let document = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["sqs:PurgeQueue", "sqs:SendMessage"], "Resource": "*",
             "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]});
        let server = holding(|found| found.inline = Some(document.to_string()));
        let purging = denial("sqs:PurgeQueue", NO_POLICY);
        let sent = |keys: Value, actions: Value| {
            let body = json!({"message": purging.clone(), "context": keys, "actions": actions});
            let server = &server;
            async move { server.post("/api/v1/denials", "ana/all", &body).await }
        };
        let open = sent(json!({}), json!([])).await.json();
        assert_eq!(
            open["conditions"],
            json!(["aws:SourceIp in `Inline policy`"])
        );
        let inside = json!({"aws:SourceIp": ["10.1.2.3"]});
        let sure = sent(inside.clone(), json!([])).await.json();
        assert_eq!(sure["conditions"], json!([]), "{sure}");
        let outside = json!({"aws:SourceIp": ["203.0.113.7"]});
        let refused = sent(outside.clone(), json!([])).await;
        assert_eq!(refused.short(), "422 no-fitting-set");
        let part = |action: &str, keys: Value| json!({"message": denial(action, NO_POLICY), "context": keys});
        let both = json!([
            part("sqs:PurgeQueue", json!({})),
            part("sqs:SendMessage", json!({}))
        ]);
        let found = sent(inside.clone(), both).await.json();
        assert_eq!(found["other_actions"], 0, "{found}");
        for actions in [
            json!([
                part("sqs:PurgeQueue", json!({})),
                part("sqs:TagQueue", json!({}))
            ]),
            json!([
                part("sqs:PurgeQueue", json!({})),
                part("sqs:SendMessage", outside)
            ]),
        ] {
            let refused = sent(inside.clone(), actions).await;
            assert_eq!(refused.short(), "422 no-fitting-set");
        }
        let many = json!(vec![part("sqs:PurgeQueue", json!({})); 21]);
        assert_eq!(sent(json!({}), many).await.short(), "400 no-denial");
    });
}

async fn ended(server: &TestServer, set: &str) {
    server.ask("ana/all", set).await;
    let now = server.now();
    for state in [
        GrantState::Granting,
        GrantState::Active,
        GrantState::Ending {
            cause: EndCause::Released,
            since: now,
        },
        GrantState::Ended {
            cause: EndCause::Released,
            at: now,
            removed: true,
            why: EndOutcome::Removed,
        },
    ] {
        let found = server.store.grants(&GrantFilter::default(), 10).await;
        let step = Grant {
            state,
            granted_at: Some(now),
            armed_ends: ArmedEnds::Preferred,
            ..found.unwrap().rows.remove(0)
        };
        let change = Change {
            grants: vec![Write::Update(step)],
            ..Change::default()
        };
        server.store.commit(change).await.unwrap();
    }
}

/// A denial by enforced expiry proposes the ended set.
#[test]
fn whose_own_access_ended_is_led_to_asking_again() {
    run(async {
        let by_policy = "with an explicit deny in a service control policy";
        let of_role = |set: &str| {
            denial("sqs:PurgeQueue", by_policy)
                .replace("AWSReservedSSO_Reader_", &format!("AWSReservedSSO_{set}_"))
        };
        let server = allowing(&["sqs:PurgeQueue", "s3:GetObject"]);
        ended(&server, "ReadOnly").await;
        let at = server.now();
        server.clock.advance(TimeSpan::minutes(5));
        let found = asked(&server, &of_role("ReadOnly")).await.json();
        assert_eq!(found["permission_set"], "ReadOnly", "{found}");
        assert_eq!(found["account"]["id"], "111111111111");
        let told = json!({"permission_set": "ReadOnly", "at": at.to_string()});
        assert_eq!(found["ended"], told);
        assert_eq!(found["other_actions"], 1);
        for (token, set) in [("ana/all", "Admin"), ("sam/all", "ReadOnly")] {
            let body = json!({"message": of_role(set)});
            let refused = server.post("/api/v1/denials", token, &body).await;
            assert_eq!(refused.short(), "422 beyond-permission-sets", "{token}");
        }
        let ana = At::new(&server, "ana").await;
        let reply = ana
            .post("/denied", &[("message", &of_role("ReadOnly"))])
            .await;
        let page = words(&text(&reply));
        for part in [
            "Your access to ReadOnly in payments-prod ended at",
            "request it again",
            "Your ended access",
            "Request ReadOnly",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let server = holding(|found| {
            found.managed = vec![ManagedPolicy {
                arn: "arn:aws:iam::aws:policy/Unread".to_owned(),
                name: "Unread".to_owned(),
                document: None,
            }];
        });
        ended(&server, "ReadOnly").await;
        let found = asked(&server, &of_role("ReadOnly")).await.json();
        assert_eq!(found["permission_set"], "ReadOnly", "{found}");
        let ana = At::new(&server, "ana").await;
        let reply = ana
            .post("/denied", &[("message", &of_role("ReadOnly"))])
            .await;
        let page = words(&text(&reply));
        assert!(
            page.contains("Request ReadOnly") && !page.contains("allows nothing else"),
            "{page}"
        );
    });
}
