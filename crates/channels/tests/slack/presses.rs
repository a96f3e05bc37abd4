//! Presses in Slack (`access.md` §11.4). `e2e/channels.py` tests each by role and state.

use std::sync::{Arc, Mutex};

use hallpass_base::TimeSpan;
use serde_json::json;

use crate::test_app::{TestApp, until, user};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn presses_of_nobody_we_know_leave_a_line_without_names() {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(log);
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let (id, head) = (request.id.to_string(), app.head(request.id));
    for (who, code) in [
        ("fox", "foreign-workspace"),
        ("gia", "foreign-workspace"),
        ("new", "unknown-person"),
        ("two", "ambiguous-user"),
    ] {
        lines.0.lock().unwrap().clear();
        app.send(&app.press(who, "approve", &id, &head)).await;
        let line = until("a line", || {
            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            let mut found = text.lines().filter(|line| line.contains("was refused"));
            found.next().map(str::to_owned)
        })
        .await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let fields = &line["fields"];
        assert_eq!(fields["code"], code);
        assert_eq!(fields["action"], "approve");
        assert_eq!(fields["request.id"], id);
        let all = line.to_string();
        assert!(
            !all.contains(&user(who)) && !all.contains("corp.example"),
            "{all}"
        );
    }
}

/// Uses the same words as every other interface; the request continues to wait.
#[tokio::test]
async fn what_cannot_be_known_just_now_is_said_to_the_presser() {
    for (unlisted, words) in [
        (
            true,
            "The directory cannot be read, it was last read at 2026-05-28 20:26:40 UTC (cannot read users: AWS does \
             not answer): no access is given and nothing is decided by what is that old; access can be ended early \
             and revoked.",
        ),
        (
            false,
            "Your account could not be checked in the directory just now: cannot read the user: AWS does not answer; nothing was done.",
        ),
    ] {
        let app = TestApp::new().await;
        let request = app.ask("ana", "Admin").await;
        if unlisted {
            app.silence_aws();
        } else {
            app.clock.advance(TimeSpan::minutes(1));
            app.describe_nobody();
        }
        let press = app.press(
            "cai",
            "approve",
            &request.id.to_string(),
            &app.head(request.id),
        );
        app.send(&press).await;
        let said = until("a refusal", || app.fake.whispers(&user("cai")).pop()).await;
        assert_eq!(said, words);
        assert_eq!(app.state(request.id).await, "pending");
    }
}

#[tokio::test]
async fn a_second_slack_account_of_the_requester_is_the_requester() {
    let app = TestApp::new().await;
    let mut second = app.fake.desk().users["UDEE"].clone();
    second["id"] = json!("UDEETWO");
    app.fake.desk().users.insert("UDEETWO".to_owned(), second);
    let request = app.ask("dee", "Admin").await;
    let mut press = app.press(
        "dee",
        "approve",
        &request.id.to_string(),
        &app.head(request.id),
    );
    press["user"]["id"] = json!("UDEETWO");
    app.send(&press).await;
    let said = until("a refusal", || app.fake.whispers("UDEETWO").pop()).await;
    assert_eq!(
        said,
        "You can’t approve your own request. Cai Example or Off Example can."
    );
    assert_eq!(app.state(request.id).await, "pending");
}

#[tokio::test]
async fn two_people_are_needed_and_progress_is_shown() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Root").await;
    assert!(app.fake.replies()[0].contains("2 of you have to approve this"));
    let press = |who: &str| app.approval(who, request.id);
    app.send(&press("cai")).await;
    until("progress", || {
        app.head(request.id)
            .blocks()
            .to_string()
            .contains("1 of 2: Cai Example.")
            .then_some(())
    })
    .await;
    app.tell().await;
    assert_eq!(
        app.fake.replies().last().unwrap(),
        "1 of 2: Cai Example. One more of <@UDEE> <@UEVE>."
    );
    app.send(&press("cai")).await;
    let said = until("an answer", || app.fake.whispers("UCAI").pop()).await;
    assert_eq!(
        said,
        "You approved this at 20:26 UTC. 1 of 2; Dee Example or Eve Example can give another."
    );
    app.send(&press("eve")).await;
    until("approved", || {
        app.head(request.id)
            .title()
            .contains("Approved, setting up")
            .then_some(())
    })
    .await;
    let footer = app.head(request.id).blocks().to_string();
    assert!(
        footer.contains("Approved by Cai Example, Eve Example"),
        "{footer}"
    );
}

#[tokio::test]
async fn approving_with_words_and_for_less_time_asks_for_both_and_says_them() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let press = |who: &str| {
        let id = request.id.to_string();
        app.press(who, "approve_with", &id, &app.head(request.id))
    };
    app.send(&press("sam")).await;
    until("an answer", || app.fake.whispers("USAM").pop()).await;
    assert!(app.fake.desk().views.is_empty());
    app.send(&press("cai")).await;
    let view = until("a window", || app.fake.desk().views.last().cloned())
        .await
        .1;
    assert_eq!(view["callback_id"], "hallpass_approve_submitted");
    let shown = view.to_string();
    assert!(shown.contains("2h, as requested"), "{shown}");
    let values = |length: &str, comment: &str| {
        json!({
            "duration_picker": {"duration_picker_action": {"selected_option": {"value": length}}},
            "provide_reason": {"provided_reason": {"value": comment}},
        })
    };
    let send = async |who: &str, values: &serde_json::Value| {
        let (form, id) = ("hallpass_approve_submitted", request.id.to_string());
        app.send(&app.submission(who, form, &id, values)).await.body
    };
    let long = "a".repeat(1_001);
    let refused = send("cai", &values("3600", &long)).await;
    assert!(
        refused.contains("\"provide_reason\":\"A comment has at most 1000"),
        "{refused}"
    );
    let refused = send("cai", &values("10800", "")).await;
    assert!(
        refused.contains("\"duration_picker\":\"It can be approved for 5m to 2h"),
        "{refused}"
    );
    // the form grants no permission
    let refused = send("sam", &values("3600", "yes")).await;
    assert!(refused.contains("There is no such request"), "{refused}");
    assert_eq!(app.state(request.id).await, "pending");
    assert_eq!(
        send("cai", &values("3600", "<1h> will do & no more")).await,
        ""
    );
    app.tell().await;
    assert_eq!(app.state(request.id).await, "approved");
    assert_eq!(
        app.fake.replies().last().unwrap(),
        "Shortened from 2h to 1h by Cai Example. Cai Example: &lt;1h&gt; will do &amp; no more."
    );
    let head = app.head(request.id).blocks().to_string();
    assert!(head.contains("1h instead of 2h"), "{head}");
}

#[tokio::test]
async fn a_denial_asks_why_and_says_it() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    app.send(&app.press(
        "cai",
        "deny",
        &request.id.to_string(),
        &app.head(request.id),
    ))
    .await;
    let view = until("a window", || app.fake.desk().views.last().cloned())
        .await
        .1;
    assert_eq!(view["callback_id"], "hallpass_deny_submitted");
    assert_eq!(view["private_metadata"], request.id.to_string());
    let why = json!({"provide_reason": {"provided_reason": {"value": "Use <edge> first"}}});
    let reply = app
        .send(&app.submission(
            "cai",
            "hallpass_deny_submitted",
            &request.id.to_string(),
            &why,
        ))
        .await;
    assert_eq!(reply.body, "");
    app.tell().await;
    assert_eq!(app.state(request.id).await, "denied");
    assert_eq!(
        app.fake.replies().last().unwrap(),
        "Cai Example: Use &lt;edge&gt; first"
    );
    let head = app.head(request.id);
    assert_eq!(head.title(), ":red_circle: Access denied :red_circle:");
    assert!(
        head.blocks()
            .to_string()
            .contains("Denied by Cai Example at "),
        "{}",
        head.blocks()
    );
    let other = app.ask("ana", "Admin").await;
    let reply = app
        .send(&app.submission(
            "sam",
            "hallpass_deny_submitted",
            &other.id.to_string(),
            &why,
        ))
        .await;
    assert!(
        reply.body.contains("There is no such request"),
        "{}",
        reply.body
    );
    assert_eq!(app.state(other.id).await, "pending");
}

#[tokio::test]
async fn messages_from_before_are_answered_and_never_read() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let mut old = app.head(request.id);
    for value in ["approve", "discard"] {
        let press = app.press("cai", value, value, &old);
        app.send(&press).await;
        let said = until("an answer", || app.fake.whispers("UCAI").pop()).await;
        assert_eq!(
            said,
            "This message is from before Hallpass. Request again with /access."
        );
        until("buttons go", || {
            app.head(request.id).buttons().is_empty().then_some(())
        })
        .await;
        app.fake.desk().whispers.clear();
        old.versions.truncate(1);
    }
    assert_eq!(app.state(request.id).await, "pending");
    let nonsense = app.press("cai", "approve", "req_nonsense", &old);
    app.send(&nonsense).await;
    let said = until("an answer", || app.fake.whispers("UCAI").pop()).await;
    assert_eq!(said, "There is no such request, or it is not yours to see.");
}

#[tokio::test]
async fn whoever_is_matched_through_a_fallback_domain_holds_no_role_in_slack() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let (id, head) = (request.id.to_string(), app.head(request.id));
    // an administrator by the directory's address, unknown by Slack's
    app.send(&app.press("fay", "discard", &id, &head)).await;
    let told = until("a refusal", || app.fake.whispers(&user("fay")).pop()).await;
    assert_eq!(
        told,
        "Only the requester, an approver or an administrator can do this."
    );
    assert_eq!(app.state(request.id).await, "pending");
    // an administrator whose address Slack knows may press
    app.send(&app.press("eve", "discard", &id, &head)).await;
    let drawn = || Some(()).filter(|()| app.head(request.id).title().contains("discarded"));
    until("the message redrawn", drawn).await;
    assert_eq!(app.state(request.id).await, "discarded");
}
