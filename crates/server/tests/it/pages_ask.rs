//! Requesting without script: page texts, kept and submitted fields.

use axum::http::StatusCode;
use serde_json::json;

use crate::pages_visit::{Visit, field, text, to};
use crate::test_server::{TestServer, run};

type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

const TARGET: &str = "/ask?account=111111111111&permission_set=Admin";

#[test]
fn asking_takes_three_pages_and_no_script() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let page = ana.page("/ask").await;
        assert!(
            page.contains("2 accounts. Type to find the one you need."),
            "{page}"
        );
        assert!(page.contains("See approvers") && !page.contains("formmethod"));
        let page = ana.page("/ask?q=pay").await;
        assert!(page.contains("1 of 2 accounts matches “pay”."), "{page}");
        assert!(page.contains("<mark>pay</mark>ments-prod"), "{page}");
        let page = ana.page("/ask?account=111111111111").await;
        assert!(page.contains("Permission set in payments-prod"), "{page}");
        assert!(
            page.contains("1 approval (2 can give it)") && page.contains("No approval"),
            "{page}"
        );
        assert!(
            !page.contains("value=\"Closed\""),
            "only what some rule allows: {page}"
        );
        let page = ana.page(&format!("{TARGET}&for=7200&reason=OPS-1")).await;
        assert!(page.contains("1 of these 2 people must approve"), "{page}");
        assert!(page.contains(">Ask 2 people for 2h</button>"), "{page}");
        assert!(page.contains(">OPS-1</textarea>"), "{page}");
        let fields = [
            ("account", "111111111111"),
            ("permission_set", "Admin"),
            ("for", "7200"),
            ("reason", "OPS-1"),
            ("meant", &field(&page, "meant")),
        ];
        let reply = ana.post("/ask", &fields).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", text(&reply));
        let page = ana.page(&to(&reply)).await;
        assert!(page.contains("Waiting for 1 of cai, dee"), "{page}");
        assert!(
            page.contains("You can’t approve your own request. Cai or dee can."),
            "{page}"
        );
        let again = ana.post("/ask", &fields).await;
        let page = ana.page(&to(&again)).await;
        assert!(page.contains("You requested this at ") && page.contains("This is that request."));
        let page = ana.page(TARGET).await;
        assert!(
            page.contains("Open that request")
                && !page.contains("formmethod=\"post\" name=\"csrf\""),
            "{page}"
        );
    });
}

#[test]
fn labels_say_what_sending_does() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        for (set, label) in [
            ("ReadOnly", ">Get 30m now</button>"),
            ("Admin", ">Ask 2 people for 30m</button>"),
            ("Root", "2 of these 2 people must approve"),
            ("Closed", "does not let you request this now."),
            ("Lonely", ">No one can approve this</button>"),
            ("Lonely", "No one can approve this for you. Rule <code>"),
        ] {
            let page = ana
                .page(&format!("/ask?account=payments-prod&permission_set={set}"))
                .await;
            assert!(page.contains(label), "{set}: {page}");
        }
        let page = ana.page("/ask?kind=group&group=oncall").await;
        assert!(page.contains(">Ask cai for 30m</button>"), "{page}");
    });
}

#[test]
fn what_is_missing_is_said_at_its_field_and_the_rest_is_kept() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let long = "x".repeat(1043);
        let target = [("account", "111111111111"), ("permission_set", "Admin")];
        let rows: [Row<'_>; 6] = [
            (
                &[],
                &[
                    "2 things to fix.",
                    "Choose an account.",
                    "Say in a few words why.",
                ],
            ),
            (
                &[("account", "111111111111"), ("reason", "why")],
                &[
                    "1 thing to fix.",
                    "Choose a permission set.",
                    ">why</textarea>",
                ],
            ),
            (
                &[("kind", "group"), ("reason", "why")],
                &["1 thing to fix.", "Choose a group."],
            ),
            (
                &[target[0], target[1], ("other", "soon"), ("reason", "why")],
                &[
                    "1 thing to fix.",
                    "Write a length like 1h 30m.",
                    "value=\"soon\"",
                ],
            ),
            (
                &[target[0], target[1], ("for", "3600"), ("reason", &long)],
                &[
                    "1 thing to fix.",
                    "At most 1,000 characters; this has 1,043.",
                ],
            ),
            (
                &[target[0], target[1], ("other", "25h"), ("reason", "why")],
                &["1 thing to fix.", "At most 1d", "value=\"25h\""],
            ),
        ];
        for (fields, words) in rows {
            let reply = ana.post("/ask", fields).await;
            let page = text(&reply);
            let status = if fields.contains(&("reason", long.as_str())) {
                StatusCode::BAD_REQUEST
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            assert_eq!(reply.status, status, "{page}");
            for words in words {
                assert!(page.contains(words), "{words}: {page}");
            }
            assert_eq!(
                page.matches(" autofocus").count(),
                2,
                "first error, and the keys: {page}"
            );
        }
    });
}

#[test]
fn a_choice_that_changed_after_the_button_was_made_is_shown_again() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let meant = field(&ana.page(&format!("{TARGET}&for=1800")).await, "meant");
        let fields = [
            ("account", "111111111111"),
            ("permission_set", "Admin"),
            ("for", "14400"),
            ("reason", "why"),
            ("meant", meant.as_str()),
        ];
        let reply = ana.post("/ask", &fields).await;
        let page = text(&reply);
        assert_eq!(reply.status, StatusCode::CONFLICT, "{page}");
        assert!(page.contains("so nothing was sent") && page.contains(">Ask 2 people for 4h<"));
        let list = server.get("/api/v1/requests", "ana/all").await;
        assert_eq!(list.json()["items"], json!([]));
    });
}

#[test]
fn what_needs_nobody_is_had_at_once() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let fields = [
            ("account", "111111111111"),
            ("permission_set", "ReadOnly"),
            ("other", "1h30m"),
            ("reason", "look"),
        ];
        let reply = ana.post("/ask", &fields).await;
        assert_eq!(to(&reply), "/", "{}", text(&reply));
        let page = ana.page("/").await;
        assert!(page.contains("1 being set up."), "{page}");
        assert!(
            page.contains("Your time starts when AWS confirms, not before."),
            "{page}"
        );
        assert!(
            !page.contains("Open console"),
            "not before AWS confirms: {page}"
        );
        let grants = server.get("/api/v1/grants", "ana/all").await.json();
        assert_eq!(grants["items"][0]["duration_seconds"], 5400);
    });
}

#[test]
fn signed_out_people_come_back_to_where_they_were() {
    run(async {
        let server = TestServer::new();
        let request = axum::http::Request::get("/ask?account=1")
            .body(axum::body::Body::empty())
            .unwrap();
        let reply = server.send(request).await;
        assert_eq!(to(&reply), "/signin?next=%2Fask%3Faccount%3D1");
    });
}

#[test]
fn a_form_sent_after_the_session_ended_comes_back_with_its_choices() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        server.clock.advance(hallpass_base::TimeSpan::hours(25));
        let rows: [Row; 3] = [
            (
                &[
                    ("account", "111111111111"),
                    ("permission_set", "Admin & more"),
                    ("for", "7200"),
                    ("reason", "our secret"),
                    ("ticket", "OPS-1"),
                    ("meant", "x"),
                ],
                &["/ask?account=111111111111&permission_set=Admin+%26+more&for=7200"],
            ),
            (
                &[("group", "oncall"), ("reason", "our secret")],
                &["/ask?group=oncall"],
            ),
            (&[("reason", "our secret")], &["/ask"]),
        ];
        for (fields, next) in rows {
            let way = to(&ana.post("/ask", fields).await);
            let (_, encoded) = way.split_once("/signin?next=").unwrap();
            let found = form_urlencoded::parse(format!("n={encoded}").as_bytes())
                .map(|(_, value)| value.into_owned())
                .collect::<String>();
            assert_eq!(found, next[0]);
        }
        let way = to(&ana.post("/access/cut-off", &[("user", "sam")]).await);
        assert_eq!(way, "/signin?next=%2F", "other forms have no page");
        let long = "x".repeat(300);
        let way = to(&ana.post("/ask", &[("account", &long)]).await);
        assert_eq!(way, "/signin?next=%2Fask");
    });
}

#[test]
fn a_line_s_end_is_one_character_as_at_every_door() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let written = format!("OPS-1{}", "\nfour".repeat(199));
        assert_eq!(written.len(), 1_000, "as many as there may be");
        let sent = written.replace('\n', "\r\n");
        let fields = [
            ("account", "111111111111"),
            ("permission_set", "Admin"),
            ("for", "7200"),
            ("reason", sent.as_str()),
        ];
        let reply = ana.post("/ask", &fields).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", text(&reply));
        let all = server.get("/api/v1/requests", "ana/all").await.json();
        assert_eq!(all["items"][0]["reason"], written);
    });
}

#[test]
fn a_start_that_is_none_has_the_focus() {
    run(async {
        let server = TestServer::new();
        let ana = Visit::of(&server, "ana").await;
        let fields = [
            ("account", "111111111111"),
            ("permission_set", "Admin"),
            ("for", "3600"),
            ("starts", "soon"),
            ("reason", "OPS-1"),
        ];
        let page = text(&ana.post("/ask", &fields).await);
        let error = "Choose a day and a time, or leave it empty.";
        assert!(page.contains(error), "{page}");
        let (_, rest) = page.split_once("name=\"starts\"").unwrap();
        let (input, _) = rest.split_once('>').unwrap();
        assert!(input.contains(" autofocus"), "{input}");
    });
}
