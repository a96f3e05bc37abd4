//! Permission sets on page and in API: texts, risks, findings, permissions.

use std::sync::Arc;

use hallpass_access::{Boundary, DirectoryFault, ManagedPolicy, ReferencedPolicy, SetPolicies};
use hallpass_base::{TimeSpan, Timestamp};
use serde_json::json;

use crate::signed_in::{At, server_with, words};
use crate::test_server::{Held, TestServer, asking, no_policies, run};

fn managed(arn: &str) -> ManagedPolicy {
    ManagedPolicy {
        arn: arn.to_owned(),
        name: arn.rsplit('/').next().unwrap().to_owned(),
        document: None,
    }
}

fn read(arn: &str, actions: &[&str]) -> ManagedPolicy {
    let text = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": "*"}]});
    ManagedPolicy {
        document: Some(text.to_string()),
        ..managed(arn)
    }
}

fn holding(change: impl FnOnce(&mut SetPolicies)) -> TestServer {
    let mut found = no_policies(Timestamp::from_second(1_780_000_000).unwrap());
    change(&mut found);
    server_with(|app| app.policies = Arc::new(Held(Ok(Some(found)))))
}

fn inline() -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Objects", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": "arn:aws:s3:::team-*/*"},
        {"Effect": "Allow", "Action": ["iam:PassRole", "ec2:RunInstances"], "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}},
    ]})
    .to_string()
}

#[test]
fn a_page_says_what_a_set_allows() {
    run(async {
        let server = holding(|found| {
            found.session = TimeSpan::hours(8);
            found.inline = Some(inline());
            found.managed = vec![managed("arn:aws:iam::aws:policy/ReadOnlyAccess")];
            found.referenced = vec![ReferencedPolicy {
                name: "own".to_owned(),
                path: "/team/".to_owned(),
            }];
            found.boundary = Some(Boundary::Managed(managed(
                "arn:aws:iam::aws:policy/PowerUserAccess",
            )));
        });
        let page = At::new(&server, "ana")
            .await
            .page("/permission-sets/Admin")
            .await;
        let said = words(&page);
        for part in [
            "Allows Reads and writes objects in S3 buckets named team-* .",
            "Denies Everything in every service outside eu-west-1 .",
            "Risk: Can gain more permissions by Inline policy",
            "Starts a machine that runs as any role that may be passed.",
            "iam:PassRole , ec2:RunInstances",
            "Risk: Can take data out by ReadOnlyAccess",
            "Allowed only on some resources or under conditions.",
            "Kept by AWS",
            "Each account keeps a policy of this name",
            "Permissions boundary: nothing beyond it is allowed",
            "Credentials issued just before the end work up to 8h longer.",
            "an hour longer for each role assumed from it",
            "1 policy was not read",
            "PASSROLE_STAR",
            "The current policy",
        ] {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
        assert!(!said.contains("by PowerUserAccess"), "{said}");
    });
}

async fn card(server: &TestServer) -> String {
    server.ask("ana/all", "Admin").await;
    words(&At::new(server, "cai").await.page("/reviews").await)
}

#[test]
fn cards_of_reviews_say_the_risks_that_the_page_says() {
    run(async {
        let fault = DirectoryFault {
            what: "the inline policy of the permission set".to_owned(),
            message: "not authorized".to_owned(),
        };
        for (server, line) in [
            (
                holding(|found| {
                    found.inline = Some(inline());
                    found.managed = vec![managed("arn:aws:iam::aws:policy/ReadOnlyAccess")];
                }),
                "Risks Can gain more permissions, can take data out, can change who has access.",
            ),
            (
                holding(|found| {
                    found.managed = vec![managed("arn:aws:iam::aws:policy/NobodyKnowsThis")];
                }),
                "Risks Not known: not all of its policies were read.",
            ),
            (holding(|_| {}), "Risks None: it allows nothing."),
            (
                server_with(|app| app.policies = Arc::new(Held(Err(fault)))),
                "Risks Not known: its policies could not be read just now.",
            ),
        ] {
            let said = card(&server).await;
            assert!(said.contains(line), "{line:?} is not in {said}");
            let page = At::new(&server, "cai").await;
            let page = words(&page.page("/permission-sets/Admin").await);
            for title in [
                "Can gain more permissions",
                "Can take data out",
                "Can change who has access",
            ] {
                let on_card = said.to_lowercase().contains(&title.to_lowercase());
                assert_eq!(
                    page.contains(&format!("Risk: {title}")),
                    on_card,
                    "{title}: {page}"
                );
            }
        }
    });
}

#[test]
fn what_is_missing_is_said() {
    run(async {
        let none = holding(|_| {});
        let page = At::new(&none, "ana")
            .await
            .page("/permission-sets/Admin")
            .await;
        assert!(words(&page).contains("it allows nothing"), "{page}");

        let fault = DirectoryFault {
            what: "the inline policy of the permission set".to_owned(),
            message: "not authorized: <b>x</b>".to_owned(),
        };
        let server = server_with(|app| app.policies = Arc::new(Held(Err(fault))));
        let page = At::new(&server, "ana")
            .await
            .page("/permission-sets/Admin")
            .await;
        let said = words(&page);
        assert!(said.contains("could not be read from AWS"), "{said}");
        assert!(said.contains("Credentials issued just before the end work up to 1h longer."));
        assert!(
            !said.contains("Risky actions") && !page.contains("<b>x</b>"),
            "{said}"
        );
        let reply = server.get("/api/v1/permission-sets/Admin", "ana/all").await;
        assert_eq!(reply.short(), "503 aws-unavailable");

        let gone = server_with(|app| app.policies = Arc::new(Held(Ok(None))));
        let page = At::new(&gone, "ana")
            .await
            .page("/permission-sets/Admin")
            .await;
        assert!(words(&page).contains("AWS has no such permission set any more"));
        let reply = gone.get("/api/v1/permission-sets/Admin", "ana/all").await;
        assert_eq!(reply.short(), "404 not-found");
    });
}

#[test]
fn texts_of_policies_are_text() {
    run(async {
        let evil = "<script>alert(1)</script>\u{202e}\"><img src=x onerror=alert(1)>`";
        for text in [
            json!({"Version": "2012-10-17", "Statement": [{"Sid": evil, "Effect": "Allow",
                "Action": [evil, "s3:GetObject"], "Resource": [evil, "*"],
                "Condition": {"StringLike": {evil: [evil]}, evil: {"a": "b"}}}]})
            .to_string(),
            evil.to_owned(),
        ] {
            let server = holding(|found| {
                found.inline = Some(text);
                found.managed = vec![managed(&format!("arn:aws:iam::aws:policy/{evil}"))];
                found.referenced = vec![ReferencedPolicy {
                    name: evil.to_owned(),
                    path: evil.to_owned(),
                }];
            });
            let page = At::new(&server, "ana")
                .await
                .page("/permission-sets/Admin")
                .await;
            let main = page.split_once("<main").unwrap().1;
            assert!(
                !main.contains("<script") && !main.contains("<img"),
                "{main}"
            );
            assert!(!main.contains('\u{202e}'));
        }
    });
}

#[test]
fn who_may_ask_or_decide_may_look() {
    run(async {
        let server = holding(|_| {});
        let path = "/permission-sets/Closed";
        for (person, status) in [
            ("ana", 404),
            ("cai", 404),
            ("sam", 404),
            ("aud", 200),
            ("eve", 200),
        ] {
            let reply = At::new(&server, person).await.get(path).await;
            assert_eq!(reply.status.as_u16(), status, "{person}");
        }
        let wish = asking("Closed");
        let refused = server.post("/api/v1/requests", "ana/all", &wish).await;
        assert_eq!(refused.short(), "422 RequesterNotAllowed");
        let own = server
            .get("/api/v1/permission-sets/Closed", "ana/all")
            .await;
        assert_eq!(own.status.as_u16(), 404, "{own:?}");
        server.ask("eve/all", "Closed").await;
        for (person, status) in [("ana", 404), ("cai", 200), ("sam", 404)] {
            let reply = At::new(&server, person).await.get(path).await;
            assert_eq!(reply.status.as_u16(), status, "{person}");
        }
        let nothing = At::new(&server, "eve")
            .await
            .get("/permission-sets/Nothing")
            .await;
        assert_eq!(nothing.status.as_u16(), 404);
    });
}

#[test]
fn pages_that_name_a_set_lead_to_it_and_say_what_stays() {
    run(async {
        let server = holding(|_| {});
        let asked = server.ask("ana/all", "Admin").await;
        let request = format!("/requests/{}", asked["id"].as_str().unwrap());
        let rows = [
            ("cai", "/reviews"),
            ("cai", request.as_str()),
            ("ana", request.as_str()),
            (
                "ana",
                "/rules/explain?account=payments-prod&permission_set=Admin",
            ),
            ("aud", "/rules"),
        ];
        for (person, path) in rows {
            let page = At::new(&server, person).await.page(path).await;
            assert!(
                page.contains("href=\"/permission-sets/Admin\""),
                "{person} {path}"
            );
            let said = words(&page);
            let wanted = if path == "/rules" {
                "how long credentials issued just before the end of access work on"
            } else {
                "Credentials issued just before the end work up to 1h longer."
            };
            assert!(said.contains(wanted), "{person} {path} {said}");
        }
        let path = "/ask?account=payments-prod&permission_set=Admin&for=3600";
        let page = At::new(&server, "sam").await.page(path).await;
        assert!(page.contains("href=\"/permission-sets/Admin\""), "{page}");
    });
}

#[test]
fn programs_get_the_same() {
    run(async {
        let server = holding(|found| {
            found.session = TimeSpan::hours(2);
            found.inline = Some(inline());
        });
        let body = server
            .get("/api/v1/permission-sets/Admin", "ana/all")
            .await
            .json();
        assert_eq!(body["session_seconds"], 7200);
        let policy = &body["policies"][0];
        assert_eq!(policy["kind"], "inline");
        assert_eq!(policy["is_whole"], true);
        assert_eq!(
            policy["lines"][0],
            json!({"effect": "allow", "words": "Reads and writes objects in S3 buckets named `team-*`",
                "actions": ["s3:GetObject", "s3:PutObject"]})
        );
        assert_eq!(policy["risks"][0]["kind"], "escalation");
        let codes: Vec<_> = policy["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["code"])
            .collect();
        assert!(codes.contains(&&json!("PASSROLE_STAR")), "{codes:?}");
    });
}

/// AWS managed policies are described, without findings to fix.
#[test]
fn texts_that_aws_keeps_are_put_in_words() {
    run(async {
        let server = holding(|found| {
            let arn = "arn:aws:iam::aws:policy/SomeNewPolicy";
            found.managed = vec![read(arn, &["sqs:PurgeQueue", "iam:PassRole"])];
            let arn = "arn:aws:iam::aws:policy/SomeBoundary";
            found.boundary = Some(Boundary::Managed(read(arn, &["sqs:*"])));
        });
        let set = server.get("/api/v1/permission-sets/Admin", "ana/all").await;
        let set = set.json();
        let policy = &set["policies"][0];
        assert_eq!(policy["kind"], "aws-managed", "{set}");
        assert_eq!(policy["is_whole"], true);
        assert!(policy["document"].as_str().unwrap().contains("PurgeQueue"));
        assert_eq!(policy["not_read"], json!(null));
        assert_eq!(policy["findings"], json!([]), "AWS's to fix");
        assert_eq!(set["policies"][1]["is_boundary"], true);
        let page = At::new(&server, "ana").await;
        let said = words(&page.page("/permission-sets/Admin").await);
        assert!(said.contains("Kept by AWS"), "{said}");
        assert!(!said.contains("Findings of the linter"), "{said}");
        assert!(!said.contains("was not read"), "{said}");
    });
}

/// Unparsed policies are never called harmless, and known facts are still listed.
#[test]
fn a_text_that_is_not_understood_is_not_called_harmless() {
    run(async {
        const HARMLESS: &str = "nothing here gains permissions";
        let many: Vec<String> = (0..601).map(|n| format!("s3:Get{n}*")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (name, says_risk) in [("ReadOnlyAccess", true), ("SomeNewPolicy", false)] {
            let server = holding(|found| {
                let arn = format!("arn:aws:iam::aws:policy/{name}");
                found.managed = vec![read(&arn, &many)];
            });
            let page = At::new(&server, "ana").await;
            let said = words(&page.page("/permission-sets/Admin").await);
            assert!(!said.contains(HARMLESS), "{name}: {said}");
            let risk = said.contains("Risk: Can take data out");
            assert_eq!(risk, says_risk, "{name}: {said}");
            assert_eq!(said.contains("None is known, and not all"), !says_risk);
        }
    });
}
