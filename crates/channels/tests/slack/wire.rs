//! The entry point: authentication and duplicates.

use hallpass_base::TimeSpan;
use hallpass_channels::slack::Signed;
use serde_json::json;

use crate::test_app::{TestApp, until};

#[tokio::test]
async fn what_is_not_signed_by_slack_is_not_looked_at() {
    let app = TestApp::new().await;
    let (body, at, signature) = app.signed(&app.shortcut("ana", "request_for_access"));
    let forged = signature.replace('a', "b");
    let old = (app.now().as_second() - 301).to_string();
    for signed in [
        Signed::default(),
        Signed {
            timestamp: Some(&at),
            signature: None,
        },
        Signed {
            timestamp: Some(&at),
            signature: Some(&forged),
        },
        Signed {
            timestamp: Some(&old),
            signature: Some(&signature),
        },
        Signed {
            timestamp: Some("soon"),
            signature: Some(&signature),
        },
    ] {
        let reply = app.slack.call(&signed, &body).await;
        assert_eq!((reply.status, reply.body.as_str()), (401, ""));
    }
    assert_eq!(app.fake.desk().calls.len(), 0);
    // Slack's availability check
    assert_eq!(
        app.slack
            .call(&Signed::default(), b"ssl_check=1&token=x")
            .await
            .status,
        200
    );
    let body = b"nonsense=1";
    let signature =
        hallpass_channels::slack::sign(&crate::test_app::secret(), app.now().as_second(), body);
    let reply = app
        .slack
        .call(
            &Signed {
                timestamp: Some(&at),
                signature: Some(&signature),
            },
            body,
        )
        .await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn a_replay_is_handled_once_and_answered_alike() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let press = app.press(
        "sam",
        "approve",
        &request.id.to_string(),
        &app.head(request.id),
    );
    let (body, at, signature) = app.signed(&press);
    let upper = signature.to_uppercase().replace("V0=", "v0=");
    for signature in [&signature, &signature, &upper] {
        let signed = Signed {
            timestamp: Some(&at),
            signature: Some(signature),
        };
        assert_eq!(app.slack.call(&signed, &body).await.status, 200);
    }
    until("an answer", || {
        (!app.fake.whispers("USAM").is_empty()).then_some(())
    })
    .await;
    app.send(&app.shortcut("ana", "request_for_access")).await;
    until("a window", || app.fake.desk().views.last().cloned()).await;
    assert_eq!(app.fake.whispers("USAM").len(), 1);
    // too old after the window
    app.clock.advance(TimeSpan::seconds(301));
    let signed = Signed {
        timestamp: Some(&at),
        signature: Some(&signature),
    };
    assert_eq!(app.slack.call(&signed, &body).await.status, 401);
}

#[tokio::test]
async fn a_repeated_form_gets_the_same_answer() {
    let app = TestApp::new().await;
    let sent = app.submission("ana", crate::test_app::FORM, "", &json!({}));
    let (body, at, signature) = app.signed(&sent);
    let signed = Signed {
        timestamp: Some(&at),
        signature: Some(&signature),
    };
    let (first, second) = tokio::join!(
        app.slack.call(&signed, &body),
        app.slack.call(&signed, &body)
    );
    assert!(
        first.body.contains("errors") && first == second,
        "{first:?}"
    );
}

#[tokio::test]
async fn a_hundred_presses_in_a_second_are_all_answered() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let head = app.head(request.id);
    let presses: Vec<_> = (0..100)
        .map(|_| app.press("sam", "approve", &request.id.to_string(), &head))
        .collect();
    let replies = futures_util::future::join_all(presses.iter().map(|press| app.send(press))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    until("all are notified", || {
        (app.fake.whispers("USAM").len() == 100).then_some(())
    })
    .await;
}
