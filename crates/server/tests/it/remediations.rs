//! Remediations on pages and in the API: permissions, decisions, records.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_access::{AccessStore as _, HeldAccess, Lock, Person, RemediationSource, Write};
use hallpass_audit::AuditStore as _;
use hallpass_base::{AccountId, Email, TimeSpan, Timestamp};
use hallpass_findings::remediation::{
    AccountStanding, AccountStandings, Remediation, RemediationId, RemediationPhase,
    RemediationStore as _, RuleFile,
};
use hallpass_findings::remediation_testing::FoundStandings;
use hallpass_store::SqlStore;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::test_server::{Reply, TestServer, request, run, user_id};

const ID: &str = "rm-3f0c9a5b7d1e2f46";
const PAGE: &str = "/remediations/rm-3f0c9a5b7d1e2f46";
const OF_API: &str = "/api/v1/remediations/rm-3f0c9a5b7d1e2f46";
const RULES: &str = "
rules:
  - {id: buckets, match: {controls: [S3.8]}, action: s3-bucket-block, mode: approve}
approvers:
  - {people: [ana@corp.example], match: {ou: [Prod]}}
  - {people: [\"group:auditors\"], match: {accounts: [\"555555555555\"]}}
";

struct Places(
    Mutex<Result<AccountStanding, String>>,
    Mutex<Option<(u32, Meanwhile)>>,
);

enum Meanwhile {
    Locked(SqlStore, Box<Lock>),
    NobodyKnows,
}

impl Places {
    fn due(&self) -> Option<Meanwhile> {
        let mut then = self.1.lock().unwrap();
        let (after, what) = then.take()?;
        if after == 0 {
            return Some(what);
        }
        *then = Some((after - 1, what));
        None
    }
}

#[async_trait]
impl AccountStandings for Places {
    async fn standing(&self, _: &AccountId) -> Result<AccountStanding, String> {
        match self.due() {
            None => {}
            Some(Meanwhile::NobodyKnows) => *self.0.lock().unwrap() = Err("throttled".to_owned()),
            Some(Meanwhile::Locked(store, lock)) => {
                let change = hallpass_access::Change {
                    locks: vec![Write::Insert(*lock)],
                    ..hallpass_access::Change::default()
                };
                store.commit(change).await.unwrap();
            }
        }
        self.0.lock().unwrap().clone()
    }
}

fn lock_of_ana(now: Timestamp) -> Box<Lock> {
    let person = |name: &str| Person {
        user: user_id(name).parse().unwrap(),
        email: Email::new(&format!("{name}@corp.example")).unwrap(),
        name: name.to_owned(),
    };
    Box::new(Lock {
        person: person("ana"),
        since: now,
        until: None,
        by: person("eve"),
        reason: "the laptop is stolen".to_owned(),
        held: HeldAccess::GoesOn,
        lifted: None,
        version: 0,
    })
}

struct World {
    server: TestServer,
    store: SqlStore,
    rules: Arc<Mutex<Arc<RuleFile>>>,
    places: Arc<Places>,
    standings: Arc<FoundStandings>,
}

#[expect(clippy::unnecessary_wraps, reason = "what the place answers")]
fn in_unit(unit: &str) -> Result<AccountStanding, String> {
    Ok(AccountStanding::Member {
        unit: unit.to_owned(),
        management: false,
    })
}

fn waiting(account: &str) -> Remediation {
    serde_json::from_value(json!({
        "id": ID, "rule": "buckets", "action": "s3-bucket-block", "params": null, "mode": "approve",
        "deviation": {
            "source": "aws.securityhub",
            "finding": {"product": "arn:p", "id": "arn:f", "region": "eu-west-1"},
            "account": account, "region": "eu-west-1", "resource": "arn:aws:s3:::shop<b>", "resource_type": "AwsS3Bucket",
            "tags": {}, "control": "S3.8", "standards": [], "types": [], "severity": "HIGH", "config_rule": "",
            "updated_at": "2026-03-02T10:00:00Z", "settled": null, "written_by": null,
        },
        "decided_at": "2026-05-28T20:00:00Z", "acts_at": null,
        "phase": {"is": "waiting", "until": "2026-05-28T22:00:00Z", "why": "rule `buckets` requires an \
                                                                            approval"},
        "generation": 0, "plan": null, "changed_at": null, "write_back": null, "approved_by": null, "version": 0,
    }))
    .unwrap()
}

async fn world(account: &str) -> World {
    let store = SqlStore::open_in_memory().unwrap();
    let mut it = waiting(account);
    it.params = RuleFile::read(RULES).unwrap().rules[0].params.clone();
    assert!(store.begin_remediation(&it).await.unwrap());
    let rules = Arc::new(Mutex::new(Arc::new(RuleFile::read(RULES).unwrap())));
    let places = Arc::new(Places(Mutex::new(in_unit("Prod")), Mutex::default()));
    let standings = Arc::new(FoundStandings::default());
    let now = Arc::clone(&rules);
    let source = RemediationSource {
        kept: Arc::new(store.clone()),
        rules: Arc::new(move || Arc::clone(&now.lock().unwrap())),
        accounts: places.clone(),
        standings: standings.clone(),
    };
    let server = TestServer::remediating(source, Arc::new(store.clone()));
    World {
        server,
        store,
        rules,
        places,
        standings,
    }
}

impl World {
    async fn phase(&self) -> RemediationPhase {
        let id = RemediationId::read(ID).unwrap();
        self.store.remediation(&id).await.unwrap().unwrap().phase
    }

    async fn recorded(&self) -> Vec<[String; 3]> {
        let records = self.store.records_from(1, 500).await.unwrap();
        records
            .iter()
            .map(|it| {
                let text = |name: &str| it.text(name).unwrap_or_default().to_owned();
                [it.event().to_owned(), text("actor"), text("why")]
            })
            .collect()
    }
}

#[test]
fn the_page_is_for_those_who_read_all_and_for_whom_the_rules_name() {
    run(async {
        let world = world("444444444444").await;
        for (person, sees, decides) in [
            ("eve", true, false),
            ("aud", true, false),
            ("ana", true, true),
            ("sam", false, false),
        ] {
            let mut browser = Browser::of(&world.server, person).await;
            let list = browser.get("/remediations").await;
            let one = browser.get(PAGE).await;
            if !sees {
                assert_eq!(list.status.as_u16(), 403, "{person}");
                assert_eq!(one.status.as_u16(), 403, "{person}");
                assert!(
                    !browser
                        .get("/")
                        .await
                        .text()
                        .contains("href=\"/remediations\"")
                );
                continue;
            }
            let (list, one) = (list.text(), one.text());
            for shown in [
                "Block public access to the bucket",
                "shop&#60;b&#62;",
                "Waits for approval",
            ] {
                assert!(list.contains(shown), "{person}: {shown}: {list}");
            }
            for shown in ["S3.8", "444444444444", "Ana@corp.example", "rule `buckets`"] {
                let found = one.to_lowercase().contains(&shown.to_lowercase());
                assert!(found, "{person}: {shown}: {one}");
            }
            let press = format!("href=\"{PAGE}/approve\"");
            assert_eq!(list.contains(&press), decides, "{person}");
            assert_eq!(one.contains(&press), decides, "{person}");
            let counted = "<span>Remediations</span><b class=\"count\">1<";
            assert_eq!(list.contains(counted), decides, "{person}");
            let form = browser.get(&format!("{PAGE}/approve")).await;
            assert_eq!(form.status.as_u16(), if decides { 200 } else { 403 });
        }
    });
}

#[test]
fn a_yes_to_what_somebody_suppressed_meanwhile_does_nothing() {
    run(async {
        let world = world("444444444444").await;
        let why = "its workflow status is SUPPRESSED";
        *world.standings.over.lock().unwrap() = Some(why.to_owned());
        let mut ana = Browser::of(&world.server, "ana").await;
        let reply = ana
            .press(&format!("{PAGE}/approve"), &[("reason", "")])
            .await;
        assert_eq!(reply.status.as_u16(), 409);
        let said = reply.text();
        assert!(said.contains("has drifted") && said.contains(why), "{said}");
        let phase = world.phase().await;
        assert!(
            matches!(&phase, RemediationPhase::Drifted { reason } if reason == why),
            "{phase:?}"
        );
        assert!(world.recorded().await.is_empty());
        let page = ana.get(PAGE).await.text();
        assert!(page.contains("Drifted") && page.contains(why), "{page}");
    });
}

#[test]
fn a_yes_is_recorded_with_what_is_done_and_is_given_once() {
    run(async {
        let world = world("444444444444").await;
        let approve = format!("{PAGE}/approve");
        for person in ["eve", "aud", "sam"] {
            let mut other = Browser::of(&world.server, person).await;
            let reply = other.press(&approve, &[("reason", "")]).await;
            assert_eq!(reply.status.as_u16(), 403, "{person}");
        }
        assert!(world.recorded().await.is_empty());
        let mut ana = Browser::of(&world.server, "ana").await;
        let form = ana.get(&approve).await.text();
        assert!(form.contains("Let this happen?"), "{form}");
        let reply = ana
            .press(&approve, &[("reason", "seen with the owner")])
            .await;
        assert_eq!(reply.leads_to(), format!("{PAGE}?said=approved"));
        assert!(matches!(
            world.phase().await,
            RemediationPhase::Pending { .. }
        ));
        let said = "s3-bucket-block of arn:aws:s3:::shop<b> in 444444444444: seen with the owner";
        assert_eq!(
            world.recorded().await,
            [[
                "remediation.approved".to_owned(),
                "ana@corp.example".to_owned(),
                format!("{ID}: {said}")
            ]]
        );
        let again = ana.press(&approve, &[("reason", "")]).await;
        assert_eq!(again.status.as_u16(), 409);
        assert!(again.text().contains("does not wait"), "{}", again.text());
        assert_eq!(world.recorded().await.len(), 1);
        let page = ana.get(PAGE).await.text();
        assert!(
            page.contains("Under way") && page.contains("Approved by"),
            "{page}"
        );
    });
}

#[test]
fn a_no_needs_a_reason_and_leaves_it_to_people() {
    run(async {
        let world = world("444444444444").await;
        let decline = format!("{PAGE}/decline");
        let mut ana = Browser::of(&world.server, "ana").await;
        let reply = ana.press(&decline, &[("reason", "  ")]).await;
        assert_eq!(reply.status.as_u16(), 422);
        let reply = ana.press(&decline, &[("reason", "a website")]).await;
        assert_eq!(reply.leads_to(), format!("{PAGE}?said=declined"));
        let RemediationPhase::Manual { reason } = world.phase().await else {
            panic!("{:?}", world.phase().await)
        };
        assert_eq!(reason, "ana@corp.example declined it: a website");
        assert_eq!(world.recorded().await[0][0], "remediation.declined");
    });
}

type Change = fn(&World);

#[test]
fn authority_is_of_the_moment_of_the_press() {
    run(async {
        let changes: [(&str, &str, Change); 6] = [
            ("later than it waited", "409 not-waiting", |world| {
                world.server.clock.advance(TimeSpan::hours(2));
            }),
            ("her OU", "404 not-found", |world| {
                *world.places.0.lock().unwrap() = in_unit("Dev");
            }),
            ("not of the organization", "404 not-found", |world| {
                *world.places.0.lock().unwrap() = Ok(AccountStanding::Outside);
            }),
            ("its place is unknown", "503 unavailable", |world| {
                *world.places.0.lock().unwrap() = Err("throttled".to_owned());
            }),
            ("the rule is gone", "409 rule-changed", |world| {
                let mut file = RuleFile::read(RULES).unwrap();
                file.rules.clear();
                *world.rules.lock().unwrap() = Arc::new(file);
            }),
            (
                "the rule does something else",
                "409 rule-changed",
                |world| {
                    let text = RULES.replace("s3-bucket-block", "s3-account-block");
                    *world.rules.lock().unwrap() = Arc::new(RuleFile::read(&text).unwrap());
                },
            ),
        ];
        for (what, status, change) in changes {
            let world = world("444444444444").await;
            change(&world);
            let reply = world
                .server
                .post(&format!("{OF_API}/approve"), "ana/all", &json!({}))
                .await;
            assert_eq!(reply.short(), status, "{what}");
            assert!(
                matches!(world.phase().await, RemediationPhase::Waiting { .. }),
                "{what}"
            );
            assert!(world.recorded().await.is_empty(), "{what}");
        }
    });
}

/// A new exception or rule prevents approval of a waiting remediation.
#[test]
fn what_the_rules_in_force_leave_alone_is_not_approved() {
    run(async {
        let exception =
            "exceptions:\n  - {account: '444444444444', then: ignore, reason: a website}\n";
        let excepted = format!("{RULES}{exception}");
        let left_alone = RULES.replace("mode: approve", "mode: approve, unless: {ou: [Prod]}");
        let observed = RULES.replace("mode: approve", "mode: observe");
        for text in [excepted, left_alone, observed] {
            let world = world("444444444444").await;
            *world.rules.lock().unwrap() = Arc::new(RuleFile::read(&text).unwrap());
            let press = format!("{OF_API}/approve");
            let reply = world.server.post(&press, "ana/all", &json!({})).await;
            assert_eq!(reply.short(), "409 not-waiting", "{text}");
            assert!(
                matches!(world.phase().await, RemediationPhase::Drifted { .. }),
                "{text}"
            );
        }
    });
}

#[test]
fn without_an_entry_administrators_decide_and_each_entry_has_its_own_accounts() {
    run(async {
        for (account, unit, who) in [
            ("444444444444", "Dev", "eve/all"),
            ("555555555555", "Dev", "aud/all"),
            ("555555555555", "Prod", "ana/all"),
        ] {
            let world = world(account).await;
            *world.places.0.lock().unwrap() = in_unit(unit);
            for other in ["eve/all", "aud/all", "ana/all", "sam/all"] {
                let shown = world.server.get(OF_API, other).await.json();
                let may = shown["may_decide"] == Value::Bool(true);
                let also = account == "555555555555" && unit == "Prod" && other == "aud/all";
                assert_eq!(
                    may,
                    other == who || also,
                    "{account} {unit} {other}: {shown}"
                );
            }
            let path = format!("{OF_API}/decline");
            let reply = world
                .server
                .post(&path, who, &json!({"reason": "wanted"}))
                .await;
            assert_eq!(reply.status.as_u16(), 200, "{}", reply.short());
            assert_eq!(reply.json()["state"], "manual");
        }
    });
}

#[test]
fn the_list_of_the_api_has_filters_and_unknown_ids_are_not_there() {
    run(async {
        let world = world("444444444444").await;
        let list = world
            .server
            .get("/api/v1/remediations?state=backlog", "aud/all");
        let list = list.await.json();
        assert_eq!(list["items"][0]["id"], ID, "{list}");
        assert_eq!(list["items"][0]["waits_until"], "2026-05-28T22:00:00Z");
        assert_eq!(list["items"][0]["approvers"], "ana@corp.example");
        for (path, status) in [
            ("/api/v1/remediations?state=open", 400),
            ("/api/v1/remediations/rm-0000000000000000", 404),
            ("/api/v1/remediations/x", 404),
        ] {
            let reply = world.server.get(path, "aud/all").await;
            assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.short());
        }
        let reply = world.server.get("/api/v1/remediations", "sam/all").await;
        assert_eq!(reply.status.as_u16(), 403);
        let plain = TestServer::new();
        let reply = plain.get("/api/v1/remediations", "aud/all").await;
        assert_eq!(reply.json()["items"], json!([]));
        let reply = plain.get("/api/v1/remediations", "sam/all").await;
        assert_eq!(reply.status.as_u16(), 403);
    });
}

async fn observed(world: &World, count: u32) {
    for number in 0..count {
        let mut it = serde_json::to_value(waiting("444444444444")).unwrap();
        it["id"] = json!(format!("rm-{number:016x}"));
        it["mode"] = json!("observe");
        it["phase"] = json!({"is": "observed"});
        let (minute, second) = (number / 60, number % 60);
        it["decided_at"] = json!(format!("2026-05-28T20:{:02}:{second:02}Z", minute + 1));
        let it = serde_json::from_value(it).unwrap();
        assert!(world.store.begin_remediation(&it).await.unwrap());
    }
}

#[test]
fn what_waits_is_shown_however_much_is_observed_after_it() {
    run(async {
        let world = world("444444444444").await;
        observed(&world, 250).await;
        let mut ana = Browser::of(&world.server, "ana").await;
        let page = ana.get("/remediations").await.text();
        assert!(page.contains("1 waits for approval"), "{page}");
        assert!(page.contains(&format!("href=\"{PAGE}/approve\"")), "{page}");
        assert!(page.contains("These are the newest"), "{page}");
        let (mut seen, mut path) = (Vec::new(), "/api/v1/remediations?limit=100".to_owned());
        loop {
            let list = world.server.get(&path, "ana/all").await.json();
            let items = list["items"].as_array().unwrap();
            assert!(items.len() <= 100, "{}", items.len());
            seen.extend(items.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
            let Some(next) = list["next"].as_str() else {
                break;
            };
            path = format!("/api/v1/remediations?limit=100&cursor={next}");
        }
        assert_eq!((seen.len(), seen.last().unwrap().as_str()), (251, ID));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 251, "each once");
        let bad = world.server.get("/api/v1/remediations?cursor=x", "ana/all");
        assert_eq!(bad.await.short(), "400 bad-parameter");
    });
}

#[test]
fn a_lock_stops_a_press_that_is_under_way() {
    run(async {
        for (verb, body) in [
            ("approve", json!({})),
            ("decline", json!({"reason": "wanted"})),
        ] {
            let world = world("444444444444").await;
            let lock = lock_of_ana(world.server.now());
            // locked between the permission check and the read
            let then = Meanwhile::Locked(world.store.clone(), lock);
            *world.places.1.lock().unwrap() = Some((1, then));
            let path = format!("{OF_API}/{verb}");
            let reply = world.server.post(&path, "ana/all", &body).await;
            assert_eq!(reply.short(), "403 locked", "{verb}");
            assert!(matches!(
                world.phase().await,
                RemediationPhase::Waiting { .. }
            ));
            assert!(world.recorded().await.is_empty(), "{verb}");
        }
    });
}

#[test]
fn what_is_decided_is_answered_though_nobody_knows_who_else_could_have() {
    run(async {
        for (verb, body, state) in [
            ("approve", json!({}), "pending"),
            ("decline", json!({"reason": "wanted"}), "manual"),
        ] {
            let world = world("444444444444").await;
            *world.places.1.lock().unwrap() = Some((2, Meanwhile::NobodyKnows));
            let path = format!("{OF_API}/{verb}");
            let reply = world.server.post(&path, "ana/all", &body).await;
            assert_eq!(reply.short(), "200", "{verb}: {reply:?}");
            let told = reply.json();
            assert_eq!(told["state"], state, "{told}");
            assert_eq!(told["approvers"], Value::Null, "{told}");
        }
    });
}

async fn keyed(world: &World, verb: &str, body: &Value) -> Reply {
    let path = format!("{OF_API}/{verb}");
    let headers = [("idempotency-key", "k")];
    let sent = request("POST", &path, Some("ana/all"), &headers, Some(body));
    world.server.send(sent).await
}

#[test]
fn the_same_press_with_one_key_is_one_press() {
    run(async {
        for (verb, body, other) in [
            ("approve", json!({}), json!({"comment": "seen"})),
            (
                "decline",
                json!({"reason": "wanted"}),
                json!({"reason": "a website"}),
            ),
        ] {
            let world = world("444444444444").await;
            for _ in 0..3 {
                let reply = keyed(&world, verb, &body).await;
                assert_eq!(reply.short(), "200", "{verb}: {reply:?}");
            }
            assert_eq!(world.recorded().await.len(), 1, "{verb}");
            let reused = keyed(&world, verb, &other).await;
            assert_eq!(reused.short(), "422 idempotency-key-reused", "{verb}");
        }
    });
}

#[test]
fn where_administrators_decide_a_token_wants_their_scope() {
    run(async {
        for (verb, body) in [
            ("approve", json!({})),
            ("decline", json!({"reason": "wanted"})),
        ] {
            let world = world("444444444444").await;
            *world.places.0.lock().unwrap() = in_unit("Dev");
            let path = format!("{OF_API}/{verb}");
            let reply = world.server.post(&path, "eve/review", &body).await;
            assert_eq!(reply.short(), "403 missing-scope", "{verb}");
            let said = reply.json()["detail"].clone();
            assert_eq!(said, "this token lacks the scope `admin`");
            let reply = world.server.post(&path, "sam/review", &body).await;
            assert_eq!(reply.short(), "403 not-an-approver", "{verb}");
            assert!(world.recorded().await.is_empty(), "{verb}");
            let reply = world.server.post(&path, "eve/all", &body).await;
            assert_eq!(reply.short(), "200", "{verb}");
        }
    });
}
