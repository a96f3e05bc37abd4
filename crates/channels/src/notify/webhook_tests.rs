use hallpass_access::{Alarm, AlarmKind, AlarmState};
use hallpass_store_testing::{
    a_blocked_alert, a_digest, a_grant, a_notice, a_report, a_request, a_sweep, an_alert, at,
};

use super::*;

struct Fixed(Timestamp);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn settings() -> WebhookSettings {
    WebhookSettings {
        name: "tickets".to_owned(),
        url: "https://example.com/hook?key=hunter2".to_owned().into(),
        secret: "0123456789abcdef".to_owned().into(),
        events: vec!["*".to_owned()],
        public_url: "https://hallpass.example.com/".to_owned(),
    }
}

fn webhook(settings: &WebhookSettings) -> Result<Webhook, WebhookSettingsError> {
    Webhook::new(settings, Arc::new(Fixed(at(0))))
}

fn told() -> NoticeContext {
    NoticeContext {
        number: 17,
        notice: a_notice(1),
        attempts: 0,
        request: a_request(1),
        grant: Some(a_grant(1)),
        used: None,
    }
}

#[test]
fn the_body_is_that_of_version_1() {
    let told = told();
    let id = delivery_id(&told);
    assert_eq!(id, format!("{}-17", told.request.id));
    let body = body(&told, &id, "https://hallpass.example.com");
    let (request, grant) = (told.request.id, a_grant(1).id);
    let wanted = json!({
        "version": 1,
        "id": id,
        "news": "review_wanted",
        "time": "2026-01-05T00:00:01Z",
        "text": "Person 1 requests ReadOnly in payments-prod, 2h.",
        "to": ["person900@example.com"],
        "url": format!("https://hallpass.example.com/requests/{request}"),
        "request": {
            "id": request.to_string(),
            "state": "pending",
            "requester": { "email": "person1@example.com", "name": "Person 1" },
            "target": {
                "kind": "account",
                "account": "000000000001",
                "account_name": "payments-prod",
                "permission_set": "ReadOnly",
            },
            "duration_seconds": 7_200,
            "shortened_from_seconds": null,
            "comment": null,
            "reason": "the queue is stuck",
            "ticket": null,
            "asked_at": "2026-01-05T00:00:01Z",
            "expires_at": "2026-01-05T08:00:01Z",
            "extends": null,
            "approvers": ["person900@example.com"],
            "approvals_needed": 1,
            "approved_by": [],
            "rules": ["prod"],
        },
        "grant": {
            "id": grant.to_string(),
            "state": "scheduled",
            "holder": { "email": "person1@example.com", "name": "Person 1" },
            "target": {
                "kind": "account",
                "account": "000000000001",
                "account_name": "payments-prod",
                "permission_set": "ReadOnly",
            },
            "approver": "person900@example.com",
            "granted_at": null,
            "ends_at": "2026-01-05T02:00:01Z",
        },
    });
    assert_eq!(body, wanted);
}

#[test]
fn the_body_of_a_digest_names_its_sweep_and_no_request() {
    let told = DigestContext {
        number: 18,
        digest: a_digest(1),
        attempts: 0,
        sweep: Sweep {
            report: Some(a_report(1)),
            ..a_sweep(1)
        },
    };
    let body = digest_body(&told, "id", "https://hallpass.example.com");
    let sweep = told.sweep.id;
    assert_eq!(body["version"], 1);
    assert_eq!(body["news"], "sweep_found");
    assert_eq!(body["text"], "digest 1");
    assert_eq!(body["request"], Value::Null);
    assert_eq!(body["grant"], Value::Null);
    assert_eq!(
        body["url"],
        format!("https://hallpass.example.com/sweeps/{sweep}")
    );
    assert_eq!(body["sweep"]["id"], sweep.to_string());
    assert_eq!(body["sweep"]["mode"], told.sweep.mode.name());
    let report = a_report(1);
    assert_eq!(body["sweep"]["counts"]["seen"], report.seen);
    assert_eq!(body["sweep"]["counts"]["unread"], report.unread);
}

fn alarm(state: AlarmState) -> AlarmContext {
    AlarmContext {
        number: 19,
        alarm: Alarm {
            alarm: AlarmKind::Guard,
            state,
            since: at(5),
            at: at(130),
            text: "`g` last reported 11m ago.".to_owned(),
        },
        attempts: 0,
    }
}

#[test]
fn the_body_of_an_alarm_says_what_stands_since_when_and_names_no_request() {
    for state in [AlarmState::Begun, AlarmState::Over] {
        let body = alarm_body(&alarm(state), "id", "https://hallpass.example.com");
        assert_eq!(body["version"], 1);
        assert_eq!(body["news"], "alarm");
        assert_eq!(body["request"], Value::Null);
        assert_eq!(body["url"], "https://hallpass.example.com/health");
        let wanted = json!({
            "kind": "guard", "state": state.name(), "since": at(5).to_string(),
        });
        assert_eq!(body["alarm"], wanted);
    }
}

#[tokio::test]
async fn a_webhook_that_names_its_events_hears_of_alarms_only_when_it_names_them() {
    let of = |event: &str| WebhookSettings {
        url: "http://127.0.0.1:9/hook".to_owned().into(),
        events: vec![event.to_owned()],
        ..settings()
    };
    let deaf = webhook(&of("granted")).unwrap();
    assert_eq!(
        deaf.deliver_alarm(&alarm(AlarmState::Begun)).await,
        Delivery::Done
    );
    for event in ["alarm", "*"] {
        let hook = webhook(&of(event)).unwrap();
        let delivery = hook.deliver_alarm(&alarm(AlarmState::Over)).await;
        assert!(matches!(delivery, Delivery::Again { .. }), "{delivery:?}");
    }
}

#[tokio::test]
async fn a_webhook_that_names_its_events_hears_of_sweeps_only_when_it_names_them() {
    let told = DigestContext {
        number: 18,
        digest: a_digest(1),
        attempts: 0,
        sweep: a_sweep(1),
    };
    let of = |event: &str| WebhookSettings {
        url: "http://127.0.0.1:9/hook".to_owned().into(),
        events: vec![event.to_owned()],
        ..settings()
    };
    let deaf = webhook(&of("granted")).unwrap();
    assert_eq!(deaf.deliver_digest(&told).await, Delivery::Done);
    for event in ["sweep_found", "*"] {
        let hook = webhook(&of(event)).unwrap();
        let delivery = hook.deliver_digest(&told).await;
        assert!(matches!(delivery, Delivery::Again { .. }), "{delivery:?}");
    }
}

type Judged = Box<dyn Fn(&Delivery) -> bool>;

#[test]
fn answers_are_judged() {
    let later = |seconds| {
        let after = TimeSpan::seconds(seconds);
        move |delivery: &Delivery| matches!(delivery, Delivery::Again { after: found, .. } if *found == after)
    };
    let done = |delivery: &Delivery| *delivery == Delivery::Done;
    let over = |delivery: &Delivery| matches!(delivery, Delivery::GaveUp { .. });
    let rows: Vec<(u16, &str, Judged)> = vec![
        (200, "", Box::new(done)),
        (204, "", Box::new(done)),
        (301, "", Box::new(over)),
        (400, "", Box::new(over)),
        (404, "9", Box::new(over)),
        (408, "", Box::new(later(0))),
        (429, "30", Box::new(later(30))),
        (429, "soon", Box::new(later(0))),
        (429, "99999999", Box::new(later(3_600))),
        (500, "", Box::new(later(0))),
        (503, "Mon, 05 Jan 2026 00:00:45 GMT", Box::new(later(45))),
        (503, "Sun, 04 Jan 2026 00:00:45 GMT", Box::new(later(0))),
    ];
    for (status, pause, fits) in rows {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, pause.parse().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        let delivery = webhook(&settings()).unwrap().judge(status, &headers, at(0));
        assert!(fits(&delivery), "{status} {pause}: {delivery:?}");
    }
}

#[tokio::test]
async fn after_410_nothing_is_called_and_other_news_are_none_of_its_business() {
    let hook = webhook(&settings()).unwrap();
    let over = hook.judge(StatusCode::GONE, &HeaderMap::new(), at(0));
    assert!(matches!(over, Delivery::GaveUp { .. }));
    assert!(matches!(
        hook.deliver(&told()).await,
        Delivery::GaveUp { .. }
    ));
    let picky = WebhookSettings {
        events: vec!["granted".to_owned(), "ended".to_owned()],
        ..settings()
    };
    assert_eq!(
        webhook(&picky).unwrap().deliver(&told()).await,
        Delivery::Done
    );
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let url = |text: &str| WebhookSettings {
        url: text.to_owned().into(),
        ..settings()
    };
    for (key, settings) in [
        ("url", url("http://example.com/")),
        ("url", url("http://localhost.example.com/")),
        ("url", url("ftp://127.0.0.1/")),
        ("url", url("example.com")),
        (
            "name",
            WebhookSettings {
                name: "a b".to_owned(),
                ..settings()
            },
        ),
        (
            "name",
            WebhookSettings {
                name: String::new(),
                ..settings()
            },
        ),
        (
            "secret",
            WebhookSettings {
                secret: "short".to_owned().into(),
                ..settings()
            },
        ),
        (
            "events",
            WebhookSettings {
                events: vec!["grantd".to_owned()],
                ..settings()
            },
        ),
    ] {
        let error = webhook(&settings).err().unwrap();
        assert_eq!(error.key, key, "{error}");
        assert!(!error.to_string().contains("short"), "{error}");
    }
    for text in [
        "https://example.com/",
        "http://127.0.0.1:9/",
        "http://[::1]/",
        "http://localhost/",
    ] {
        assert!(webhook(&url(text)).is_ok(), "{text}");
    }
}

async fn one_call(listener: tokio::net::TcpListener) -> Vec<u8> {
    one_call_answered(listener, "200 OK", "").await
}

async fn one_call_answered(listener: tokio::net::TcpListener, status: &str, text: &str) -> Vec<u8> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut came = Vec::new();
    loop {
        let mut some = [0; 4096];
        let read = stream.read(&mut some).await.unwrap();
        assert!(read > 0, "the call broke off");
        came.extend_from_slice(&some[..read]);
        let head = came.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(head) = head else {
            continue;
        };
        let asked = String::from_utf8_lossy(&came[..head]).to_lowercase();
        let length = asked.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if came.len() >= head + 4 + length {
            let length = text.len();
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close");
            let answer = format!("{head}\r\n\r\n{text}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            return came;
        }
    }
}

#[tokio::test]
async fn code_that_is_called_answers_within_bounds() {
    let long = "x".repeat(5_000);
    let later = |why: &str, is_later| {
        let why = why.to_owned();
        Err(CodeCallFailed { is_later, why })
    };
    for (status, text, expected) in [
        ("200 OK", "isolated\u{1b}", Ok((200, "isolated".to_owned()))),
        ("202 Accepted", long.as_str(), Ok((202, "x".repeat(2_000)))),
        ("503 Busy", "", later("the receiver answered 503", true)),
        ("410 Gone", "", later("the receiver answered 410", false)),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let hook = webhook(&WebhookSettings {
            url: url.into(),
            events: vec!["remediation".to_owned()],
            ..settings()
        });
        let hook = hook.unwrap();
        let body = json!({ "id": "token" });
        let call = hook.call_code("token", &body);
        let (answer, came) = tokio::join!(call, one_call_answered(listener, status, text));
        assert_eq!(answer, expected, "{status}");
        let came = String::from_utf8(came).unwrap().to_lowercase();
        assert!(
            came.contains("hallpass-delivery: token") && came.contains("hallpass-signature: t=")
        );
        assert_eq!(hook.deliver(&told()).await, Delivery::Done);
    }
}

#[tokio::test]
async fn what_a_webhook_sends_hides_nothing_and_is_signed_as_it_is_sent() {
    let hostile = "\u{202e}dlrow\u{1b}[31m\r\nX-Evil: 1\u{e0041}\u{200b}\0 end";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let hook = webhook(&WebhookSettings {
        url: url.into(),
        ..settings()
    });
    let mut told = told();
    told.request.reason = hostile.to_owned();
    told.request.requester.name = hostile.to_owned();
    told.request.ticket = Some(hostile.to_owned());
    let hook = hook.unwrap();
    let (delivery, came) = tokio::join!(hook.deliver(&told), one_call(listener));
    assert_eq!(delivery, Delivery::Done);
    let came = String::from_utf8(came).unwrap();
    let (head, sent) = came.split_once("\r\n\r\n").unwrap();
    assert!(!head.to_lowercase().contains("x-evil"), "{head}");
    assert!(hallpass_base::text::is_plain(sent), "{sent:?}");
    let body: Value = serde_json::from_str(sent).unwrap();
    let said = "dlrow [31m X-Evil: 1 end requests ReadOnly in payments-prod, 2h.";
    assert_eq!(body["text"], said);
    let wanted = "␦dlrow␦[31m\r\nX-Evil: 1␦␦␦ end";
    for text in [&body["request"]["reason"], &body["request"]["ticket"]] {
        assert_eq!(text, wanted);
    }
    assert_eq!(body["request"]["requester"]["name"], wanted);
    let signature = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("hallpass-signature")
            .then_some(value)
    });
    let secret = settings().secret;
    let secret = secret.expose_secret().as_bytes();
    let window = signature::REPLAY_WINDOW;
    let checked = signature::verify(secret, signature.unwrap(), sent.as_bytes(), at(0), window);
    assert_eq!(checked, Ok(()));
}

#[tokio::test]
async fn the_body_of_an_alert_has_the_rows_and_their_words() {
    let told = AlertContext {
        number: 21,
        alert: an_alert(),
        attempts: 0,
    };
    let body = alert_body(&told, "id", "https://hallpass.example.com");
    assert_eq!(
        (&body["news"], &body["request"]),
        (&json!("alert"), &Value::Null)
    );
    assert!(
        body["text"]
            .as_str()
            .unwrap()
            .contains("New: ana has a key"),
        "{body}"
    );
    let alert = &body["alert"];
    assert_eq!(
        (&alert["rule"], &alert["severity"]),
        (&json!("keys/unused"), &json!("high"))
    );
    let new = &alert["news"]["rows"]["new"];
    assert_eq!(new["count"], 1);
    assert_eq!(new["rows"][0]["values"], json!({"user_name": "ana"}));
    let blocked = AlertContext {
        alert: a_blocked_alert(),
        ..told.clone()
    };
    let body = alert_body(&blocked, "id", "");
    assert_eq!(
        body["alert"]["news"]["blocked"]["why"]["by"],
        "partial_data"
    );
    let of = |event: &str| WebhookSettings {
        url: "http://127.0.0.1:9/hook".to_owned().into(),
        events: vec![event.to_owned()],
        ..settings()
    };
    let deaf = webhook(&of("alarm")).unwrap().deliver_alert(&told).await;
    assert_eq!(deaf, Delivery::Done);
    let heard = webhook(&of("alert")).unwrap().deliver_alert(&told).await;
    assert!(matches!(heard, Delivery::Again { .. }), "{heard:?}");
}
