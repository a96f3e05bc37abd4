use std::sync::Arc;

use axum::http::StatusCode;
use hallpass_access::{TicketComment, TicketSource};
use hallpass_rules::Assignee;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{TicketKind, TicketSettings, link, source};
use crate::outside_service::test_service::{Asked, Reply, fake};

pub(super) const KINDS: [TicketKind; 5] = [
    TicketKind::Jira,
    TicketKind::ServiceNow,
    TicketKind::Github,
    TicketKind::Linear,
    TicketKind::Json,
];

pub(super) fn settings(kind: TicketKind, url: &str) -> TicketSettings {
    let url = match kind {
        TicketKind::Json => format!("{url}/t/{{ticket}}?team=a"),
        _ => format!("{url}/base"),
    };
    TicketSettings {
        kind,
        url: Some(url),
        user: None,
        token: Some(SecretString::from("t0ken")),
        project: None,
    }
}

pub(super) fn made(settings: &TicketSettings) -> Arc<dyn TicketSource> {
    source(settings).unwrap()
}

pub(super) const fn good_text(kind: TicketKind) -> &'static str {
    match kind {
        TicketKind::Jira | TicketKind::Linear => "OPS-7",
        TicketKind::ServiceNow => "INC0000007",
        TicketKind::Github => "acme/ops#7",
        TicketKind::Json => "T.7:a",
    }
}

fn ok(body: &Value) -> Reply {
    (StatusCode::OK, body.to_string())
}

fn issue_of_jira(key: &str, assignee: &Value) -> Value {
    let fields = json!({
        "status": { "name": "In Progress" },
        "project": { "key": "OPS" },
        "assignee": assignee,
    });
    json!({ "key": key, "fields": fields })
}

fn row(assigned: &str, address: Option<&str>) -> Value {
    let both = |text: &str| json!({ "display_value": text, "value": text });
    let mut row = json!({
        "sys_id": both("0123456789abcdef0123456789abcdef"),
        "number": both("INC0000007"),
        "state": { "display_value": "In Progress", "value": "2" },
        "assigned_to": both(assigned),
    });
    if let Some(address) = address {
        row["assigned_to.email"] = both(address);
    }
    json!({ "result": [row] })
}

fn issue_of_github(logins: &[&str]) -> Value {
    let assignees: Vec<Value> = logins.iter().map(|it| json!({ "login": it })).collect();
    json!({
        "number": 7,
        "state": "open",
        "html_url": "https://github.com/acme/ops/issues/7",
        "assignees": assignees,
    })
}

fn issue_of_linear(assignee: &Value) -> Value {
    json!({ "data": { "issue": {
        "identifier": "OPS-7",
        "url": "https://linear.app/acme/issue/OPS-7",
        "state": { "name": "In Progress" },
        "team": { "key": "OPS" },
        "assignee": assignee,
    } } })
}

fn of_json(assignee: &Value) -> Value {
    json!({ "ticket": {
        "key": "T-7",
        "state": "open",
        "project": "ops",
        "assignee": assignee,
        "url": "javascript:alert(1)",
    } })
}

/// `key|state|project|assignee`, `none`, or the fault.
async fn said(source: &dyn TicketSource, text: &str) -> String {
    let ticket = match source.ticket(text).await {
        Ok(Some(ticket)) => ticket,
        Ok(None) => return "none".to_owned(),
        Err(fault) => return fault.0.replace(", as its documented form has", ""),
    };
    let assignee = match &ticket.assignee {
        Assignee::Nobody => "nobody".to_owned(),
        Assignee::Person(address) => address.to_string(),
        Assignee::WithoutAddress => "hidden".to_owned(),
    };
    format!(
        "{}|{}|{}|{assignee}",
        ticket.key, ticket.state, ticket.project
    )
}

const ANA: &str = "Ana@Example.com";

/// Answers of a service, and what they mean.
type Form = (Vec<Reply>, &'static str);

pub(super) fn forms(kind: TicketKind) -> Vec<Form> {
    match kind {
        TicketKind::Jira => forms_of_jira(),
        TicketKind::ServiceNow => forms_of_service_now(),
        TicketKind::Github => forms_of_github(),
        TicketKind::Linear => forms_of_linear(),
        TicketKind::Json => forms_of_json(),
    }
}

fn forms_of_jira() -> Vec<Form> {
    let of = |key: &str, assignee: Value| vec![ok(&issue_of_jira(key, &assignee))];
    let other = |fields: Value| vec![ok(&json!({ "key": "OPS-7", "fields": fields }))];
    vec![
        (
            of("OPS-7", json!({ "emailAddress": ANA })),
            "OPS-7|In Progress|OPS|ana@example.com",
        ),
        (of("PAY-3", Value::Null), "PAY-3|In Progress|OPS|nobody"),
        (
            of("OPS-7", json!({ "displayName": "Ana" })),
            "OPS-7|In Progress|OPS|hidden",
        ),
        (of("../x", Value::Null), "the answer has no `key`"),
        (
            other(json!({ "assignee": null })),
            "the answer has no `fields.status.name`",
        ),
        (other(json!({})), "the answer has no `fields.assignee`"),
    ]
}

fn forms_of_service_now() -> Vec<Form> {
    let of = |rows: Value| vec![ok(&json!({ "result": rows }))];
    let other = json!([{ "number": { "display_value": "INC0000008" } }]);
    vec![
        (
            vec![ok(&row("Ana", Some(ANA)))],
            "INC0000007|In Progress|incident|ana@example.com",
        ),
        (
            vec![ok(&row("", Some("")))],
            "INC0000007|In Progress|incident|nobody",
        ),
        (
            vec![ok(&row("Ana", None))],
            "INC0000007|In Progress|incident|hidden",
        ),
        (of(json!([])), "none"),
        (of(json!([{}, {}])), "two tickets have this number"),
        (of(other), "the answer has no `number`"),
        (of(Value::Null), "the answer has no `result`"),
    ]
}

fn forms_of_github() -> Vec<Form> {
    let user = |email: Value| ok(&json!({ "login": "ana", "email": email }));
    let issue = |logins: &[&str]| ok(&issue_of_github(logins));
    let status = |status| vec![(status, String::new())];
    let pull = json!({ "number": 7, "state": "open", "pull_request": {} });
    vec![
        (
            vec![issue(&["ana"]), user(ANA.into())],
            "acme/ops#7|open|acme/ops|ana@example.com",
        ),
        (
            vec![issue(&["ana"]), user(Value::Null)],
            "acme/ops#7|open|acme/ops|hidden",
        ),
        (vec![issue(&["../ana"])], "acme/ops#7|open|acme/ops|hidden"),
        (
            vec![issue(&["ana", "bo"])],
            "acme/ops#7|open|acme/ops|hidden",
        ),
        (vec![issue(&[])], "acme/ops#7|open|acme/ops|nobody"),
        (vec![ok(&pull)], "none"),
        (
            vec![ok(&json!({ "number": 7, "state": "open" }))],
            "the answer has no `assignees`",
        ),
        (status(StatusCode::GONE), "none"),
        (
            status(StatusCode::MOVED_PERMANENTLY),
            "the issue moved: write its new repository",
        ),
    ]
}

fn forms_of_linear() -> Vec<Form> {
    let of = |assignee: Value| vec![ok(&issue_of_linear(&assignee))];
    let error = |status, message: &str, code: &str| {
        let error = json!({ "message": message, "extensions": { "code": code } });
        vec![(
            status,
            json!({ "errors": [error], "data": null }).to_string(),
        )]
    };
    let (good, bad) = (StatusCode::OK, StatusCode::BAD_REQUEST);
    let limited = error(bad, "t0ken is slow", "RATELIMITED");
    let odd = error(good, "t0ken", "t0ken is odd");
    vec![
        (
            of(json!({ "email": ANA })),
            "OPS-7|In Progress|OPS|ana@example.com",
        ),
        (of(Value::Null), "OPS-7|In Progress|OPS|nobody"),
        (of(json!({})), "OPS-7|In Progress|OPS|hidden"),
        (vec![ok(&json!({ "data": { "issue": null } }))], "none"),
        (
            error(good, "Entity not found: Issue", "INPUT_ERROR"),
            "none",
        ),
        (error(bad, "Entity not found: Issue", "INPUT_ERROR"), "none"),
        (limited, "the service answered the error `RATELIMITED`"),
        (odd, "the service answered an error"),
        (
            vec![(bad, "{}".to_owned())],
            "the service answered HTTP 400",
        ),
        (vec![ok(&json!({}))], "the answer has no `data`"),
        (
            vec![ok(&json!({ "data": {} }))],
            "the answer has no `data.issue`",
        ),
        (
            vec![ok(&json!({ "data": { "issue": {} } }))],
            "the answer has no `assignee`",
        ),
    ]
}

fn forms_of_json() -> Vec<Form> {
    let of = |assignee: Value| vec![ok(&of_json(&assignee))];
    let with = |key: Value| vec![ok(&json!({ "ticket": { "assignee": null, "key": key } }))];
    vec![
        (of(ANA.into()), "T-7|open|ops|ana@example.com"),
        (of(Value::Null), "T-7|open|ops|nobody"),
        (of("ana".into()), "the answer has no `ticket.assignee`"),
        (with(Value::Null), "the answer has no `ticket.key`"),
        (with("a\nb".into()), "the answer has no `ticket.key`"),
        (
            with("a".repeat(201).into()),
            "the answer has no `ticket.key`",
        ),
        (vec![ok(&json!([]))], "the answer has no `ticket`"),
    ]
}

#[tokio::test]
async fn tickets_are_read_in_the_form_of_each_service() {
    for kind in KINDS {
        for (answers, wanted) in forms(kind) {
            let calls = answers.len();
            let (fake, url) = fake(answers).await;
            let source = made(&settings(kind, &url));
            assert_eq!(
                said(source.as_ref(), good_text(kind)).await,
                wanted,
                "{kind:?}"
            );
            assert_eq!(fake.asked.lock().unwrap().len(), calls, "{kind:?} {wanted}");
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_of_a_service_is_a_fault_without_secrets() {
    for kind in KINDS {
        for (status, text, wanted) in [
            (StatusCode::NOT_FOUND, "{}", "none"),
            (
                StatusCode::UNAUTHORIZED,
                "",
                "the service answered HTTP 401: check the token",
            ),
            (
                StatusCode::FORBIDDEN,
                "",
                "the service answered HTTP 403: check the token",
            ),
            (
                StatusCode::TOO_MANY_REQUESTS,
                "",
                "the service answered HTTP 429",
            ),
            (StatusCode::BAD_GATEWAY, "", "the service answered HTTP 502"),
            (StatusCode::FOUND, "", "the service answered HTTP 302"),
            (StatusCode::OK, "<html>", "the answer is no JSON"),
        ] {
            if kind == TicketKind::Linear && status == StatusCode::NOT_FOUND {
                continue;
            }
            let (fake, url) = fake(vec![(status, text.to_owned())]).await;
            let source = made(&settings(kind, &url));
            assert_eq!(
                said(source.as_ref(), good_text(kind)).await,
                wanted,
                "{kind:?}"
            );
            assert_eq!(fake.asked.lock().unwrap().len(), 1);
        }
        let (_, url) = fake(vec![(StatusCode::OK, " ".repeat(2 << 20))]).await;
        let large = said(made(&settings(kind, &url)).as_ref(), good_text(kind)).await;
        assert_eq!(large, "the answer is too large");
        let away = made(&settings(kind, "http://127.0.0.1:9"));
        assert_eq!(said(away.as_ref(), good_text(kind)).await, "no connection");
    }
}

/// No keys of this service, but perhaps of another.
const fn others(kind: TicketKind) -> [&'static str; 3] {
    match kind {
        TicketKind::Jira | TicketKind::Linear => ["OPS-", "1PS-7", "OPS-12345678901"],
        TicketKind::ServiceNow => ["OPS-7", "INC", "INCIDENTALLY7"],
        TicketKind::Github => ["7", "acme/ops", "acme/ops#12345678901"],
        TicketKind::Json => ["acme/ops", "-7", "a b"],
    }
}

#[tokio::test]
async fn a_text_that_is_no_key_is_never_sent() {
    let long = format!("OPS-{}", "1".repeat(97));
    let texts = [
        "",
        " ",
        ".",
        "..",
        "../OPS-7",
        "OPS-7/../../x",
        "OPS-7?x=1",
        "OPS-7#x",
        "OPS-7^ORstate=1",
        "INC0000007^ORnumber=INC1",
        "ÖPS-7",
        "OPS-７",
        "OPS-7\n",
        "%2e%2e",
        "OPS-7%2f",
        "-7",
        "OPS-7;x",
        "a\\b",
        "acme/..#7",
        "acme/ops#7/x",
        "acme/ops/x#7",
        "acme#7",
        "{ticket}",
        "A..B",
        "\"}",
        &long,
    ];
    let comment = TicketComment {
        marker: "m".to_owned(),
        words: "w".to_owned(),
    };
    for kind in KINDS {
        let (fake, url) = fake(vec![ok(&json!({}))]).await;
        let source = made(&settings(kind, &url));
        for text in texts.into_iter().chain(others(kind)) {
            assert_eq!(said(source.as_ref(), text).await, "none", "{kind:?} {text}");
            assert_eq!(
                source.comment(text, &comment).await,
                Ok(()),
                "{kind:?} {text}"
            );
        }
        assert!(fake.asked.lock().unwrap().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn each_service_is_called_at_its_address_with_its_token() {
    use TicketKind::{Github, Jira, Json, Linear, ServiceNow};
    for (kind, user, authorization, address) in [
        (
            Jira,
            Some("bot@example.com"),
            "Basic Ym90QGV4YW1wbGUuY29tOnQwa2Vu",
            "GET /base/rest/api/2/issue/OPS-7?fields=status%2Cproject%2Cassignee",
        ),
        (
            Jira,
            None,
            "Bearer t0ken",
            "GET /base/rest/api/2/issue/OPS-7?fields=status%2Cproject%2Cassignee",
        ),
        (
            ServiceNow,
            Some("bot"),
            "Basic Ym90OnQwa2Vu",
            "GET /base/api/now/table/incident?sysparm_query=number%3DINC0000007&",
        ),
        (
            ServiceNow,
            None,
            "Bearer t0ken",
            "GET /base/api/now/table/incident?",
        ),
        (
            Github,
            None,
            "Bearer t0ken",
            "GET /base/repos/acme/ops/issues/7",
        ),
        (Linear, None, "t0ken", "POST /base/graphql"),
        (Json, None, "Bearer t0ken", "GET /t/T.7%3Aa?team=a"),
    ] {
        let (fake, url) = fake(vec![ok(&json!({}))]).await;
        let settings = TicketSettings {
            user: user.map(str::to_owned),
            ..settings(kind, &url)
        };
        said(made(&settings).as_ref(), good_text(kind)).await;
        let asked = fake.asked.lock().unwrap();
        let Asked {
            method,
            uri,
            headers,
            body,
        } = &asked[0];
        assert!(
            format!("{method} {uri}").starts_with(address),
            "{method} {uri}"
        );
        assert_eq!(headers["authorization"], authorization);
        let accept = match kind {
            Github => "application/vnd.github+json",
            _ => "application/json",
        };
        assert_eq!(headers["accept"], accept);
        assert_eq!(
            headers.get("x-github-api-version").is_some(),
            kind == Github
        );
        if kind == Linear {
            let body: Value = serde_json::from_slice(body).unwrap();
            assert_eq!(body["variables"], json!({ "id": "OPS-7" }));
        }
    }
}

#[tokio::test]
async fn a_set_repository_is_the_only_one() {
    for (text, path) in [
        ("7", Some("/base/repos/Acme/ops/issues/7")),
        ("#7", Some("/base/repos/Acme/ops/issues/7")),
        ("acme/OPS#7", Some("/base/repos/Acme/ops/issues/7")),
        ("acme/other#7", None),
    ] {
        let (fake, url) = fake(vec![ok(&issue_of_github(&[]))]).await;
        let settings = TicketSettings {
            project: Some("Acme/ops".to_owned()),
            ..settings(TicketKind::Github, &url)
        };
        let told = said(made(&settings).as_ref(), text).await;
        let asked = fake.asked.lock().unwrap();
        assert_eq!(asked.first().map(|it| it.uri.path()), path);
        let wanted = path.map_or("none", |_| "Acme/ops#7|open|Acme/ops|nobody");
        assert_eq!(told, wanted);
    }
}

#[test]
fn only_links_that_are_safe_to_open_are_kept() {
    let long = format!("https://x.example/{}", "a".repeat(500));
    for (text, kept) in [
        ("https://x.example/browse/OPS-7", true),
        ("http://127.0.0.1:4570/browse/OPS-7", true),
        ("http://x.example/browse/OPS-7", false),
        ("javascript:alert(1)", false),
        ("https://user:secret@x.example/", false),
        ("/browse/OPS-7", false),
        (&long, false),
    ] {
        assert_eq!(link(text).is_some(), kept, "{text}");
    }
}
