//! The table of presses (`access.md` §11.4): role, state, effect.

use std::sync::{Arc, Mutex};

use hallpass_access::AccessStore as _;
use hallpass_base::TimeSpan;
use serde_json::json;

use crate::test_app::{TestApp, rules, until, user};

/// `role state press → state afterwards | what only the presser reads`.
const TABLE: &str = "
ana waiting   approve pending   | You can’t approve your own request. Cai Example, Dee Example or Off Example can.
cai waiting   approve approved  |
sam waiting   approve pending   | You are not an approver for payments-prod / Admin. Rule `admin` lists who is.
eve waiting   approve pending   | You are not an approver for payments-prod / Admin. Rule `admin` lists who is.
ana waiting   deny    pending   | You can’t deny your own request. Cai Example, Dee Example or Off Example can.
cai waiting   deny    pending   | (form)
sam waiting   deny    pending   | You are not an approver for payments-prod / Admin. Rule `admin` lists who is.
ana waiting   discard discarded |
cai waiting   discard discarded |
eve waiting   discard discarded |
sam waiting   discard pending   | Only the requester, an approver or an administrator can do this.
gia waiting   approve pending   | Your Slack account belongs to another workspace, so I can't match you. Cai Example, Dee Example or Off Example can decide.
fox waiting   approve pending   | Your Slack account belongs to another workspace, so I can't match you. Cai Example, Dee Example or Off Example can decide.
two waiting   approve pending   | Your e-mail matches more than one person. An admin must fix that first.
new waiting   approve pending   | No person in Identity Center has your e-mail. Ask platform@corp.example.
ana lapsed    approve pending   | This request expired at 04:26 UTC. Nothing was granted. You can request again.
cai lapsed    approve pending   | This request expired at 04:26 UTC. Nothing was granted. Ana can request again.
cai lapsed    deny    pending   | This request expired at 04:26 UTC. Nothing was granted. Ana can request again.
eve lapsed    discard pending   | This request expired at 04:26 UTC. Nothing was granted. Ana can request again.
sam lapsed    approve pending   | This request expired at 04:26 UTC. Nothing was granted. Ana can request again.
cai denied    approve denied    | Already denied by Dee Example at 20:26 UTC.
sam denied    approve denied    | Already denied by Dee Example at 20:26 UTC.
cai discarded deny    discarded | Already discarded by Ana Example at 20:26 UTC.
ana approved  discard approved  | Already approved by Dee Example at 20:26 UTC.
cai approved  approve approved  | Already approved by Dee Example at 20:26 UTC.
";

#[tokio::test]
async fn every_row_of_the_table_of_presses_holds() {
    let mut wrong = Vec::new();
    for row in TABLE.lines().filter(|row| !row.is_empty()) {
        let (left, said) = row.split_once('|').unwrap();
        let words: Vec<&str> = left.split_whitespace().collect();
        let [who, state, press, after] = words[..] else {
            panic!("{row}")
        };
        let found = played(who, state, press).await;
        let wanted = (after.to_owned(), said.trim().to_owned());
        if found != wanted {
            wrong.push(format!("{row}\n  found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn played(who: &str, state: &str, press: &str) -> (String, String) {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let id = request.id;
    let identity = hallpass_access::identity::Identity::default();
    let actor = |name: &str| {
        let email = format!("{name}@corp.example").parse().unwrap();
        identity
            .actor(
                &email,
                hallpass_access::Origin::Api,
                &app.access.directory(),
            )
            .unwrap()
    };
    match state {
        "lapsed" => app.clock.advance(TimeSpan::seconds(8 * 3600 + 1)),
        "denied" => drop(
            app.access
                .deny(&actor("dee"), id, None, None)
                .await
                .unwrap(),
        ),
        "discarded" => drop(app.access.discard(&actor("ana"), id, None).await.unwrap()),
        "approved" => drop(app.access.approve(&actor("dee"), id, None).await.unwrap()),
        _ => {}
    }
    let head = app.head(id);
    let (drawn, windows) = (head.versions.len(), app.fake.desk().views.len());
    app.send(&app.press(who, press, &id.to_string(), &head))
        .await;
    until("an effect", || {
        let whispered = !app.fake.whispers(&user(who)).is_empty();
        let redrawn = app.head(id).versions.len() > drawn;
        let opened = app.fake.desk().views.len() > windows;
        (whispered || redrawn || opened).then_some(())
    })
    .await;
    if state != "waiting" {
        until("the message is redrawn", || {
            (app.head(id).buttons().is_empty()).then_some(())
        })
        .await;
    }
    let opened = app.fake.desk().views.len() > windows;
    let said = app.fake.whispers(&user(who)).pop();
    let said = said.unwrap_or_else(|| {
        if opened {
            "(form)".to_owned()
        } else {
            String::new()
        }
    });
    (app.state(id).await.to_owned(), said)
}

#[tokio::test]
async fn every_refused_press_is_on_record() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let head = app.head(request.id);
    for (who, action) in [("sam", "discard"), ("sam", "deny"), ("ana", "approve")] {
        app.send(&app.press(who, action, &request.id.to_string(), &head))
            .await;
        until("an answer", || {
            (!app.fake.whispers(&user(who)).is_empty()).then_some(())
        })
        .await;
        app.fake.desk().whispers.clear();
    }
    let records = hallpass_audit::AuditStore::records_from(app.store.as_ref(), 1, 100)
        .await
        .unwrap();
    let refused: Vec<String> = records
        .iter()
        .map(hallpass_audit::Record::fields)
        .filter(|fields| fields["event"] == "press.refused")
        .map(|fields| {
            format!(
                "{} {} {}",
                fields["actor"].as_str().unwrap(),
                fields["why"].as_str().unwrap(),
                fields["source"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        refused,
        [
            "sam@corp.example discard slack",
            "sam@corp.example deny slack",
            "ana@corp.example approve slack",
        ]
    );
}

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

#[tokio::test]
async fn a_grants_presses_by_others_are_refused_on_record_and_late_ones_are_told() {
    let app = TestApp::new().await;
    let request = app.live_grant("ana").await;
    let head = app.head(request.id);
    let value = request.id.to_string();
    let press = async |who: &str, action: &str| {
        app.send(&app.press(who, action, &value, &head)).await;
        let said = until("an answer", || app.fake.whispers(&user(who)).pop()).await;
        app.fake.desk().whispers.clear();
        said
    };
    let no_such = "There is no such request, or it is not yours to see.";
    assert_eq!(press("sam", "release").await, no_such);
    assert_eq!(press("sam", "extend").await, no_such);
    let records = hallpass_audit::AuditStore::records_from(app.store.as_ref(), 1, 100)
        .await
        .unwrap();
    let refused = records.iter().map(hallpass_audit::Record::fields);
    let refused = refused.filter(|fields| fields["event"] == "press.refused");
    assert_eq!(refused.count(), 2);
    assert!(press("ana", "release").await.starts_with("Ended early: "));
    app.live(TimeSpan::seconds(60)).await;
    assert_eq!(
        press("ana", "extend").await,
        "This access is ended already."
    );
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
async fn whoever_is_matched_through_the_second_domain_asks_and_decides_nothing() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Fays").await;
    for action in ["approve", "deny", "discard"] {
        app.send(&app.press(
            "fay",
            action,
            &request.id.to_string(),
            &app.head(request.id),
        ))
        .await;
        let said = until("a refusal", || app.fake.whispers("UFAY").pop()).await;
        assert_eq!(
            said,
            "You were matched through the second mail domain; that is enough to request, not to decide."
        );
        app.fake.desk().whispers.clear();
    }
    assert_eq!(app.state(request.id).await, "pending");
    let own = app.ask("fay", "Admin").await;
    let content = app.head(own.id).blocks()[1].to_string();
    assert!(
        content.contains("Matched through the second mail domain (fay@second.example)"),
        "{content}"
    );
    app.send(&app.press("fay", "discard", &own.id.to_string(), &app.head(own.id)))
        .await;
    until("discarded", || {
        app.head(own.id).buttons().is_empty().then_some(())
    })
    .await;
    assert_eq!(app.state(own.id).await, "discarded");
}

#[tokio::test]
async fn fifty_approvals_at_once_make_one_grant() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let head = app.head(request.id);
    let presses: Vec<_> = (0..50)
        .map(|n| {
            app.press(
                if n % 2 == 0 { "cai" } else { "dee" },
                "approve",
                &request.id.to_string(),
                &head,
            )
        })
        .collect();
    let all = presses.iter().map(|press| app.send(press));
    for reply in futures_util::future::join_all(all).await {
        assert_eq!(reply.status, 200);
    }
    let polite = until("49 answers", || {
        let all = [app.fake.whispers("UCAI"), app.fake.whispers("UDEE")].concat();
        (all.len() == 49).then_some(all)
    })
    .await;
    assert!(
        polite
            .iter()
            .all(|said| said.starts_with("Already approved by ")),
        "{polite:?}"
    );
    let grants = app
        .store
        .grants(&hallpass_access::GrantFilter::default(), 100)
        .await
        .unwrap();
    assert_eq!(grants.rows.len(), 1);
}

#[tokio::test]
async fn rules_that_changed_since_decide() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let without_cai = crate::test_app::RULES.replace(
        "\"cai@corp.example\", \"dee@corp.example\", \"off@corp.example\"",
        "\"dee@corp.example\"",
    );
    app.access
        .set_rules(rules(&without_cai), "test")
        .await
        .unwrap();
    let press = |who: &str| app.approval(who, request.id);
    app.send(&press("cai")).await;
    let said = until("a refusal", || app.fake.whispers("UCAI").pop()).await;
    assert_eq!(
        said,
        "You are not an approver for payments-prod / Admin. Rule `admin` lists who is."
    );
    let none = rules(
        r#"{"statements": [{"ResourceType": "Account", "Resource": "222222222222", "PermissionSet": "Admin", "Approvers": "dee@corp.example"}]}"#,
    );
    app.access.set_rules(none, "test").await.unwrap();
    app.send(&press("dee")).await;
    let said = until("a refusal", || app.fake.whispers("UDEE").pop()).await;
    assert!(
        said.starts_with(
            "The rules changed since Ana requested it. Today no one may have this; the request \
        stays open \
        until "
        ),
        "{said}"
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
