use axum::http::StatusCode;
use hallpass_access::OnCallSource;
use secrecy::SecretString;
use serde_json::json;

use super::{OnCallKind, OnCallSettings, source};
use crate::outside_service::test_service::{Reply, fake, texts, with_edits};

fn settings(kind: OnCallKind, url: &str) -> OnCallSettings {
    OnCallSettings {
        kind,
        url: Some(url.to_owned()),
        token: Some(SecretString::from("t0ken")),
        schedules: match kind {
            OnCallKind::Pagerduty => vec!["P1".to_owned(), "P2".to_owned()],
            OnCallKind::IncidentIo => vec!["S1".to_owned()],
            OnCallKind::PagerdutyIncidents | OnCallKind::SlackUserGroup | OnCallKind::Json => {
                Vec::new()
            }
        },
        escalation_policies: Vec::new(),
        levels: Vec::new(),
        services: match kind {
            OnCallKind::PagerdutyIncidents => vec!["SV1".to_owned()],
            _ => Vec::new(),
        },
        user_group: Some("S1".to_owned()),
    }
}

async fn people(source: &dyn OnCallSource) -> Result<Vec<String>, String> {
    let said = source.on_call().await.map_err(|fault| fault.0)?;
    Ok(said.iter().map(ToString::to_string).collect())
}

fn entry(level: u64, email: &str) -> serde_json::Value {
    json!({"escalation_level": level, "schedule": null, "user": {"id": "PU", "email": email}})
}

fn page(entries: &[serde_json::Value], more: bool) -> (StatusCode, String) {
    let body = json!({"oncalls": entries, "limit": 100, "offset": 0, "more": more});
    (StatusCode::OK, body.to_string())
}

#[tokio::test]
async fn pagerduty_is_asked_for_now_page_by_page_and_for_its_levels() {
    let (fake, url) = fake(vec![
        page(
            &[entry(1, "Ana@Example.com"), entry(2, "bo@example.com")],
            true,
        ),
        page(&[entry(3, "cy@example.com")], false),
    ])
    .await;
    let mut settings = settings(OnCallKind::Pagerduty, &url);
    settings.levels = vec![1, 3];
    let source = source(&settings, None).unwrap();
    assert_eq!(
        people(source.as_ref()).await.unwrap(),
        ["ana@example.com", "cy@example.com"]
    );
    let asked = fake.asked.lock().unwrap();
    let (first, headers) = (&asked[0].uri, &asked[0].headers);
    assert_eq!(first.path(), "/oncalls");
    let query = first.query().unwrap();
    for part in [
        "schedule_ids%5B%5D=P1",
        "schedule_ids%5B%5D=P2",
        "include%5B%5D=users",
        "offset=0",
    ] {
        assert!(query.contains(part), "{query}");
    }
    assert!(asked[1].uri.query().unwrap().contains("offset=100"));
    assert_eq!(headers["authorization"], "Token token=t0ken");
}

#[tokio::test]
async fn incident_io_says_who_is_on_call_at_this_minute_with_overrides() {
    let now = hallpass_base::clock::now();
    let minutes = |n: i64| (now + jiff::SignedDuration::from_mins(n)).to_string();
    let entry = |from, to, email: &str| json!({"start_at": minutes(from), "end_at": minutes(to), "user": {"email": email}});
    let entries = json!({"schedule_entries": {
        "scheduled": [entry(-60, 60, "away@example.com")],
        "final": [
            entry(-60, -1, "before@example.com"),
            entry(-1, 60, "override@example.com"),
            entry(60, 120, "next@example.com"),
            json!({"start_at": minutes(-5), "end_at": minutes(5), "user": null}),
        ],
    }});
    let (fake, url) = fake(vec![(StatusCode::OK, entries.to_string())]).await;
    let source = source(&settings(OnCallKind::IncidentIo, &url), None).unwrap();
    assert_eq!(
        people(source.as_ref()).await.unwrap(),
        ["override@example.com"]
    );
    let asked = fake.asked.lock().unwrap();
    assert_eq!(asked[0].uri.path(), "/v2/schedule_entries");
    assert!(asked[0].uri.query().unwrap().contains("schedule_id=S1"));
    assert_eq!(asked[0].headers["authorization"], "Bearer t0ken");
}

#[tokio::test]
async fn a_user_group_of_slack_is_its_active_members() {
    let user = |email: Option<&str>, deleted: bool| {
        let profile = email.map_or(json!({}), |email| json!({ "email": email }));
        let user = json!({"id": "U", "deleted": deleted, "profile": profile});
        (
            StatusCode::OK,
            json!({"ok": true, "user": user}).to_string(),
        )
    };
    let members = (
        StatusCode::OK,
        json!({"ok": true, "users": ["U1", "U2"]}).to_string(),
    );
    let refused = json!({"ok": false, "error": "missing_scope", "needed": "usergroups:read"});
    for (answers, said) in [
        (
            vec![
                members.clone(),
                user(Some("ana@example.com"), false),
                user(None, true),
            ],
            Ok(vec!["ana@example.com".to_owned()]),
        ),
        (vec![members, user(None, false)], Err("users:read.email")),
        (
            vec![(StatusCode::OK, refused.to_string())],
            Err("usergroups:read"),
        ),
        (
            vec![(StatusCode::OK, json!({"ok": true}).to_string())],
            Err("no `users`"),
        ),
        (
            vec![(
                StatusCode::OK,
                json!({"ok": true, "users": ["U1", 2]}).to_string(),
            )],
            Err("no `users`"),
        ),
    ] {
        let (_, url) = fake(answers).await;
        let token = SecretString::from("xoxb");
        let settings = settings(OnCallKind::SlackUserGroup, "https://unused.example");
        let source = source(&settings, Some((&url, &token))).unwrap();
        match (people(source.as_ref()).await, said) {
            (Ok(found), Ok(wanted)) => assert_eq!(found, wanted),
            (Err(why), Err(wanted)) => assert!(why.contains(wanted), "{why}"),
            (found, _) => panic!("{found:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_not_an_answer_is_a_fault_and_never_a_shorter_list() {
    let ok = |body: serde_json::Value| (StatusCode::OK, body.to_string());
    let many: Vec<String> = (0..101).map(|n| format!("p{n}@example.com")).collect();
    for (answer, said) in [
        (ok(json!({"on_call": []})), Ok(vec![])),
        (
            ok(json!({"on_call": ["Ana@example.com"]})),
            Ok(vec!["ana@example.com"]),
        ),
        (
            ok(json!({"on_call": ["ana@example.com", "bo"]})),
            Err("no valid e-mail"),
        ),
        (
            ok(json!({"on_call": [{"email": "ana@example.com"}]})),
            Err("no `email`"),
        ),
        (
            ok(json!({"on_call": "ana@example.com"})),
            Err("no `on_call`"),
        ),
        (ok(json!([])), Err("no `on_call`")),
        (ok(json!({"on_call": many})), Err("more than 100")),
        ((StatusCode::OK, "<html>".to_owned()), Err("no JSON")),
        ((StatusCode::OK, " ".repeat(2 << 20)), Err("too large")),
        (
            (StatusCode::TOO_MANY_REQUESTS, String::new()),
            Err("HTTP 429"),
        ),
        ((StatusCode::UNAUTHORIZED, String::new()), Err("HTTP 401")),
        (
            (StatusCode::FOUND, json!({"on_call": []}).to_string()),
            Err("HTTP 302"),
        ),
    ] {
        let (_, url) = fake(vec![answer]).await;
        let source = source(
            &settings(OnCallKind::Json, &format!("{url}/x?team=a")),
            None,
        )
        .unwrap();
        match (people(source.as_ref()).await, said) {
            (Ok(found), Ok(wanted)) => assert_eq!(found, wanted),
            (Err(why), Err(wanted)) => {
                assert!(why.contains(wanted), "{why}");
                assert!(
                    !why.contains("t0ken") && !why.contains("127.0.0.1"),
                    "{why}"
                );
            }
            (found, wanted) => panic!("{found:?}, not {wanted:?}"),
        }
    }
    let (_, url) = fake(vec![page(&[json!({"user": {"email": "a@b.c"}})], false)]).await;
    let no_level = source(&settings(OnCallKind::Pagerduty, &url), None).unwrap();
    assert!(
        people(no_level.as_ref())
            .await
            .unwrap_err()
            .contains("escalation_level")
    );
}

#[tokio::test]
async fn people_with_an_open_incident_are_its_assignees() {
    let incident = |people: &[&str]| {
        let assigned = people
            .iter()
            .map(|it| json!({"at": "", "assignee": {"email": it}}));
        json!({"status": "triggered", "assignments": assigned.collect::<Vec<_>>()})
    };
    let page = |incidents: &[serde_json::Value], more: bool| {
        let body = json!({"incidents": incidents, "limit": 100, "offset": 0, "more": more});
        (StatusCode::OK, body.to_string())
    };
    let two = [
        incident(&["ana@x.example", "bo@x.example"]),
        incident(&["ana@x.example"]),
    ];
    for (answers, expected) in [
        (vec![page(&[], false)], Ok(vec![])),
        (
            vec![page(&two, false)],
            Ok(vec!["ana@x.example", "bo@x.example"]),
        ),
        (
            vec![
                page(&two, true),
                page(&[incident(&["cy@x.example"])], false),
            ],
            Ok(vec!["ana@x.example", "bo@x.example", "cy@x.example"]),
        ),
        (
            vec![page(&[json!({"status": "triggered"})], false)],
            Err("assignments"),
        ),
        (
            vec![page(
                &[json!({"assignments": [{"assignee": {"id": "P1"}}]})],
                false,
            )],
            Err("email"),
        ),
        (
            vec![(StatusCode::OK, "{\"incidents\": []}".to_owned())],
            Err("more"),
        ),
        (vec![page(&two, true)], Err("too many pages")),
        (
            vec![(StatusCode::TOO_MANY_REQUESTS, String::new())],
            Err("429"),
        ),
    ] {
        let (fake, url) = fake(answers.clone()).await;
        let source = source(&settings(OnCallKind::PagerdutyIncidents, &url), None).unwrap();
        let found = people(source.as_ref()).await;
        match (expected, found) {
            (Ok(expected), Ok(found)) => assert_eq!(found, expected, "{answers:?}"),
            (Err(why), Err(found)) => assert!(found.contains(why), "{found}"),
            (expected, found) => panic!("{expected:?}, {found:?}"),
        }
        let asked = fake.asked.lock().unwrap();
        let query = asked[0].uri.query().unwrap();
        for part in [
            "statuses%5B%5D=triggered",
            "statuses%5B%5D=acknowledged",
            "service_ids%5B%5D=SV1",
            "date_range=all",
        ] {
            assert!(query.contains(part), "{query}");
        }
    }
}

fn answers_with_ana(kind: OnCallKind) -> Vec<Reply> {
    let ok = |body: serde_json::Value| (StatusCode::OK, body.to_string());
    let user = json!({"email": "Ana@example.com"});
    match kind {
        OnCallKind::Pagerduty => vec![page(&[entry(1, "Ana@example.com")], false)],
        OnCallKind::PagerdutyIncidents => vec![ok(json!({"incidents": [
            {"status": "triggered", "assignments": [{"assignee": user}]}], "more": false}))],
        OnCallKind::IncidentIo => vec![ok(json!({"schedule_entries": {"final": [
            {"start_at": "2000-01-01T00:00:00Z", "end_at": "2100-01-01T00:00:00Z", "user": user}]}}))],
        OnCallKind::SlackUserGroup => vec![
            ok(json!({"ok": true, "users": ["U1"]})),
            ok(json!({"ok": true, "user": {"id": "U1", "deleted": false, "profile": user}})),
        ],
        OnCallKind::Json => vec![ok(json!({"on_call": ["Ana@example.com"]}))],
    }
}

#[tokio::test]
async fn of_an_edited_answer_only_who_it_names_is_on_call() {
    for kind in [
        OnCallKind::Pagerduty,
        OnCallKind::PagerdutyIncidents,
        OnCallKind::IncidentIo,
        OnCallKind::SlackUserGroup,
        OnCallKind::Json,
    ] {
        let sample = answers_with_ana(kind);
        let (mut read, mut refused) = (0, 0);
        for answers in with_edits(&sample) {
            let (_, url) = fake(answers.clone()).await;
            let token = SecretString::from("xoxb");
            let source = source(&settings(kind, &url), Some((&url, &token))).unwrap();
            let Ok(people) = people(source.as_ref()).await else {
                refused += 1;
                continue;
            };
            read += 1;
            let texts = texts(&answers);
            assert!(
                people.iter().all(|it| texts.contains(it)),
                "{people:?}, {answers:?}"
            );
        }
        assert!(
            read > 0 && refused > 0,
            "{kind:?}: {read} read, {refused} refused"
        );
    }
}
