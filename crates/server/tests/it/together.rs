//! Batch requests, over HTTP and on the pages; and decisions on several requests.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::pages_visit::{Visit, field, text, to};
use crate::test_server::{TestServer, run};

const BATCH: &str = "/api/v1/requests/batch";
const TWO: &str = "/ask?also=111111111111/ReadOnly+111111111111/Admin&for=3600";

pub(crate) fn body(sets: &[&str]) -> Value {
    let target = |set: &&str| match *set {
        "oncall" => json!({"group": "oncall"}),
        set => json!({"account": "payments-prod", "permission_set": set}),
    };
    let targets: Vec<Value> = sets.iter().map(target).collect();
    json!({"targets": targets, "duration_seconds": 3600, "reason": "OPS-1"})
}

#[test]
fn a_call_asks_for_all_of_them_or_for_none() {
    run(async {
        let server = TestServer::new();
        let asked = server
            .post(BATCH, "ana/all", &body(&["ReadOnly", "Admin", "oncall"]))
            .await;
        assert_eq!(asked.status, StatusCode::CREATED);
        let items = asked.json()["items"].clone();
        let items = items.as_array().unwrap();
        let states: Vec<_> = items.iter().map(|item| item["state"].clone()).collect();
        assert_eq!(states, ["approved", "pending", "pending"]);
        for item in items {
            assert_eq!(item["asked_with"].as_array().unwrap().len(), 2, "{item}");
        }
        // waiting requests are found again; granted ones are granted once more
        let again = server
            .post(BATCH, "ana/all", &body(&["Admin", "oncall"]))
            .await;
        assert_eq!(again.status, StatusCode::OK);
        assert_eq!(again.json()["items"][0]["already_pending"], true);
        assert_eq!(again.json()["items"][0]["id"], items[1]["id"]);
    });
}

#[test]
fn what_is_wrong_is_said_of_each_at_its_place() {
    run(async {
        let server = TestServer::new();
        let refused = server
            .post(BATCH, "ana/all", &body(&["ReadOnly", "Nothing", "Closed"]))
            .await;
        assert_eq!(refused.short(), "422 targets-refused");
        let problem = refused.json();
        let places: Vec<_> = problem["errors"].as_array().unwrap().iter().collect();
        let places: Vec<_> = places.iter().map(|it| it["field"].clone()).collect();
        assert_eq!(
            places,
            ["targets[1].permission_set", "targets[2]"],
            "{problem}"
        );
        let listed = server
            .get("/api/v1/requests?role=mine", "ana/all")
            .await
            .json();
        let states = listed["items"].as_array().unwrap().iter();
        let states: Vec<_> = states.map(|it| it["state"].clone()).collect();
        assert_eq!(states, ["rejected", "rejected"], "nothing else was stored");
        for (bad, code) in [
            (body(&[]), "400 bad-target-count"),
            (body(&["ReadOnly"; 21]), "400 bad-target-count"),
            (
                json!({"targets": vec![json!({}); 2_500], "duration_seconds": 60, "reason": "r",
                    "confirmed_warnings": vec![""; 5_000]}),
                "400 bad-target-count",
            ),
            (
                json!({"targets": [{"account": "x"}], "duration_seconds": 60, "reason": "r"}),
                "400 bad-target",
            ),
            (
                json!({"targets": [{"group": "oncall", "reason": "own"}], "duration_seconds": 60, "reason": "r"}),
                "400 bad-body",
            ),
        ] {
            assert_eq!(server.post(BATCH, "ana/all", &bad).await.short(), code);
        }
    });
}

#[test]
fn the_form_gathers_targets_and_sends_them_together() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let one = "account=111111111111&permission_set=ReadOnly&for=3600";
        let page = ana.page(&format!("/ask?{one}")).await;
        assert!(page.contains(">Add another</button>"), "{page}");
        let page = ana.page(&format!("/ask?{one}&add=1")).await;
        let also = field(&page, "also");
        assert_eq!(also, "111111111111/ReadOnly");
        assert!(!page.contains("value=\"111111111111\" checked"), "{page}");
        assert!(page.contains(">Get this for 1h</button>"), "{page}");
        let page = ana
            .page(&format!(
                "/ask?also={also}&account=111111111111&permission_set=Admin&for=3600"
            ))
            .await;
        assert!(page.contains(">Request both, 1h each</button>"), "{page}");
        assert!(page.contains("1 approval (2 can give it)"), "{page}");
        let fields = [
            ("also", also.as_str()),
            ("account", "111111111111"),
            ("permission_set", "Admin"),
            ("for", "3600"),
            ("reason", "OPS-1"),
            ("meant", &field(&page, "meant")),
        ];
        let sent = ana.post("/ask", &fields).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", text(&sent));
        let page = ana.page(&to(&sent)).await;
        assert!(
            page.contains("payments-prod / Admin"),
            "what has to wait is shown"
        );
        assert!(page.contains("Together with"), "{page}");
        assert!(page.contains(">payments-prod / ReadOnly</a>"), "{page}");
    });
}

#[test]
fn one_is_taken_out_again() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let page = ana.page(&format!("{TWO}&drop=111111111111/ReadOnly")).await;
        assert_eq!(field(&page, "also"), "111111111111/Admin");
        let page = ana
            .page(
                "/ask?also=111111111111/Admin&account=111111111111&permission_set=ReadOnly\
                 &drop=111111111111/ReadOnly",
            )
            .await;
        assert_eq!(field(&page, "also"), "111111111111/Admin");
        assert!(!page.contains("payments-prod / ReadOnly"), "{page}");
        let page = ana
            .page("/ask?also=111111111111/Admin&drop=111111111111/Admin")
            .await;
        assert!(
            page.contains("Choose an account and a permission set"),
            "{page}"
        );
    });
}

#[test]
fn one_that_cannot_be_sent_stops_all_and_says_why() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let carried = "111111111111/ReadOnly 111111111111/Closed 111111111111/Nothing";
        let page = ana
            .page(&format!("/ask?also={}&for=3600", carried.replace(' ', "+")))
            .await;
        assert!(
            page.contains("2 of these 3 cannot be sent like this."),
            "{page}"
        );
        assert!(
            page.contains("does not let you request this now."),
            "{page}"
        );
        assert!(
            page.contains("There is no permission set <code>Nothing</code>."),
            "{page}"
        );
        assert!(!page.contains("formmethod"), "there is nothing to press");
        let sent = ana
            .post(
                "/ask",
                &[("also", carried), ("for", "3600"), ("reason", "OPS-1")],
            )
            .await;
        assert_eq!(sent.status, StatusCode::UNPROCESSABLE_ENTITY);
        let page = text(&sent);
        assert!(
            page.contains("2 of these 3 cannot be requested, so nothing was sent."),
            "{page}"
        );
        assert!(page.contains(">OPS-1</textarea>"), "{page}");
        let home = ana.page("/").await;
        assert!(!home.contains("payments-prod / ReadOnly"), "{home}");
    });
}

#[test]
fn what_one_has_or_gets_is_not_asked_for_with_others() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        server.ask("ana/all", "ReadOnly").await;
        let page = ana.page(TWO).await;
        assert!(page.contains("This is being set up for you now."), "{page}");
        assert!(
            page.contains("1 of these 2 cannot be sent like this."),
            "{page}"
        );
    });
}

#[test]
fn a_choice_that_changed_after_the_button_was_made_sends_nothing() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let page = ana.page(TWO).await;
        let fields = [
            ("also", "111111111111/ReadOnly"),
            ("for", "3600"),
            ("reason", "OPS-1"),
            ("meant", &field(&page, "meant")),
        ];
        let sent = ana.post("/ask", &fields).await;
        assert_eq!(sent.status, StatusCode::CONFLICT);
    });
}

#[test]
fn one_page_approves_what_was_asked_for_together() {
    run(async {
        let server = TestServer::new();
        let asked = server
            .post(BATCH, "ana/all", &body(&["Admin", "Root", "oncall"]))
            .await
            .json();
        let alone = server.ask("dee/all", "Admin").await;
        let cai = Visit::of(&server, "cai").await;
        let page = cai.page("/reviews").await;
        assert_eq!(page.matches(">Approve all 3…</a>").count(), 1, "{page}");
        assert!(page.contains("<dt>Together</dt>"), "{page}");
        let (_, link) = page.split_once("href=\"/reviews/several").unwrap();
        let link = link.split('"').next().unwrap().replace("&#38;", "&");
        let confirm = cai.page(&format!("/reviews/several{link}")).await;
        assert!(
            confirm.contains(">Approve 3 requests</button>"),
            "{confirm}"
        );
        let page = decide(&cai, &confirm, &[]).await;
        assert!(page.contains("<h1>You decided 3 requests</h1>"), "{page}");
        assert!(page.contains("first of 2"), "two are needed: {page}");
        let items = asked["items"].as_array().unwrap().iter();
        let ids = items.map(|it| it["id"].as_str().unwrap().to_owned());
        let mut ids: Vec<String> = ids.collect();
        ids.push(alone["id"].as_str().unwrap().to_owned());
        let wanted = ["approved", "pending", "approved", "pending"];
        assert_eq!(states(&server, &ids).await, wanted, "no one approved Dee's");
    });
}

/// Submits the form of the page of several.
async fn decide(visit: &Visit<'_>, page: &str, more: &[(&str, &str)]) -> String {
    let fields = ["do", "picks", "others"].map(|name| (name, field(page, name)));
    let fields = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .chain(more.iter().copied());
    visit
        .press("/reviews/several", &fields.collect::<Vec<_>>())
        .await
}

async fn states(server: &TestServer, ids: &[String]) -> Vec<String> {
    let mut states = Vec::new();
    for id in ids {
        let shown = server
            .get(&format!("/api/v1/requests/{id}"), "aud/all")
            .await;
        states.push(shown.json()["state"].as_str().unwrap().to_owned());
    }
    states
}

#[test]
fn of_several_each_is_judged_alone_and_each_refusal_is_told() {
    run(async {
        let server = TestServer::new();
        let mut ids = Vec::new();
        for (who, set) in [
            ("ana/all", "Admin"),
            ("cai/all", "Admin"),
            ("eve/all", "Lonely"),
            ("ana/all", "Root"),
            ("eve/all", "Admin"),
            ("dee/all", "Admin"),
        ] {
            let asked = server.ask(who, set).await;
            ids.push(asked["id"].as_str().unwrap().to_owned());
        }
        let [good, own, foreign, changed, denied, late] = &ids[..] else {
            panic!("{ids:?}")
        };
        let press = |id: &str, what: &str| format!("/api/v1/requests/{id}/{what}");
        server
            .post(&press(changed, "approve"), "dee/all", &json!({}))
            .await;
        server
            .post(&press(denied, "deny"), "dee/all", &json!({}))
            .await;
        let picks: Vec<String> = ids.iter().map(|id| format!("{id}:0")).collect();
        let cai = Visit::of(&server, "cai").await;
        let path = format!("/reviews/several?do=approve&pick={}", picks.join("&pick="));
        let confirm = cai.page(&path).await;
        assert!(
            confirm.contains("<h1>Approve 2 requests?</h1>"),
            "{confirm}"
        );
        assert_eq!(field(&confirm, "picks"), format!("{good}:0 {late}:0"));
        server
            .post(&press(late, "discard"), "dee/all", &json!({}))
            .await;
        // a form that claims all of them
        let all = picks.join(" ");
        let page = cai
            .press("/reviews/several", &[("do", "approve"), ("picks", &all)])
            .await;
        assert!(page.contains("<h1>You decided 1 request</h1>"), "{page}");
        for told in [
            "You approved 1h for ana",
            "You can’t approve your own request.",
            "this changed after you opened it. Dee",
            "Already denied by dee",
            "Already discarded by dee",
        ] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(!page.contains("Lonely"), "cai may not see it: {page}");
        let wanted = [
            "approved",
            "pending",
            "pending",
            "pending",
            "denied",
            "discarded",
        ];
        assert_eq!(states(&server, &ids).await, wanted);
        for id in [own, foreign] {
            let deny = [("do", "deny"), ("picks", &*format!("{id}:0"))];
            cai.press("/reviews/several", &deny).await;
            let state = states(&server, std::slice::from_ref(id)).await;
            assert_eq!(state, ["pending"], "no one decides this without authority");
        }
    });
}

#[test]
fn several_are_denied_with_one_reason() {
    run(async {
        let server = TestServer::new();
        let mut ids = Vec::new();
        for (who, set) in [("ana/all", "Admin"), ("eve/all", "Root")] {
            let asked = server.ask(who, set).await;
            ids.push(asked["id"].as_str().unwrap().to_owned());
        }
        let cai = Visit::of(&server, "cai").await;
        let page = cai.page("/reviews").await;
        for id in &ids {
            assert!(
                page.contains(&format!("name=\"pick\" id=\"{id}:0\"")),
                "{page}"
            );
        }
        let path = format!(
            "/reviews/several?do=deny&pick={}%3A0&pick={}%3A0",
            ids[0], ids[1]
        );
        let confirm = cai.page(&path).await;
        assert!(confirm.contains(">Deny 2 requests</button>"), "{confirm}");
        let page = decide(&cai, &confirm, &[("words", "use the tool")]).await;
        assert_eq!(page.matches("was notified.").count(), 2, "{page}");
        assert_eq!(states(&server, &ids).await, ["denied", "denied"]);
        let path = format!("/api/v1/requests/{}", ids[1]);
        let shown = server.get(&path, "aud/all").await.json();
        assert_eq!(shown["detail"], "use the tool", "{shown}");
        let none = cai.get("/reviews/several?do=deny").await;
        assert_eq!(to(&none), "/reviews", "nothing was selected");
    });
}
