//! Notices of a request's life: in the channel, below the message, directly.

use hallpass_access::{Extending, News, NoticeKind, Settings};
use hallpass_base::TimeSpan;
use hallpass_simulation::Habits;

use crate::fake::Fault;
use crate::test_app::{ACCOUNT, FORM, TestApp, form, until, user};

#[tokio::test]
async fn approvers_are_mentioned_and_those_elsewhere_are_listed() {
    let app = TestApp::new().await;
    app.ask("ana", "Admin").await;
    assert_eq!(
        app.fake.replies(),
        [
            "<@UCAI> <@UDEE> one of you can approve this. Rule: `admin`. Not on Slack: off@corp.example (can use the web)."
        ]
    );
}

#[tokio::test]
async fn without_any_approver_on_slack_the_message_says_so_and_waits() {
    let app = TestApp::new().await;
    for name in ["cai", "dee"] {
        app.fake.desk().users.remove(&user(name));
    }
    let request = app.ask("ana", "Admin").await;
    let said = app.fake.replies().remove(0);
    assert!(
        said.starts_with(
            ":red_circle: No approver of this is on Slack. Not on Slack: cai@corp.example, "
        ),
        "{said}"
    );
    // administrators get it directly, once, despite redelivery
    let alert = format!(
        ":red_circle: No approver of Admin in payments-prod is on Slack; Ana Example waits. \
         Check `approvers` in rule `admin`. <https://h.example/requests/{}|Open in Hallpass>",
        request.id
    );
    assert_eq!(app.fake.lines("DUEVE"), [alert]);
    let told = hallpass_access::NoticeContext {
        number: 1,
        attempts: 2,
        notice: hallpass_access::Notice {
            news: News::ReviewWanted,
            request: request.id,
            grant: None,
            to: request.decided.notify.clone(),
            at: TimeSpan::minutes(1).after(request.asked_at),
        },
        request: request.clone(),
        grant: None,
        used: None,
    };
    let again = hallpass_access::Channel::deliver(&app.restarted(), &told).await;
    assert_eq!(again, hallpass_access::Delivery::Done);
    assert_eq!(app.fake.lines("DUEVE").len(), 1);
    assert_eq!(app.state(request.id).await, "pending");
}

#[tokio::test]
async fn marks_and_titles_follow_the_state() {
    let app = TestApp::new().await;
    let title = |id| app.head(id).title().to_owned();
    let yellow = |words: &str| format!(":large_yellow_circle: {words} :large_yellow_circle:");
    let request = app.ask("ana", "ReadOnly").await;
    assert_eq!(
        title(request.id),
        yellow("Approved, setting up"),
        "never green before it is there"
    );
    assert_eq!(app.fake.replies(), ["No approval needed, by rule `read`."]);
    app.live(TimeSpan::seconds(30)).await;
    app.tell().await;
    assert_eq!(
        title(request.id),
        ":large_green_circle: Access granted :large_green_circle:"
    );
    assert!(
        app.head(request.id)
            .blocks()
            .to_string()
            .contains("*For*\\n2h, ends 22:26 UTC")
    );
    let live = app.fake.replies().pop().unwrap();
    assert!(
        live.starts_with(
            "Live since 20:26 UTC. <@UANA> <https://portal.example/start|Console>. Ends 22:26 UTC \
        automatically."
        ),
        "{live}"
    );
    app.live(TimeSpan::seconds(7300)).await;
    app.tell().await;
    assert_eq!(
        title(request.id),
        ":white_circle: Access ended :white_circle:"
    );
    assert_eq!(
        app.fake.lines("C1"),
        [
            "Ended: ReadOnly in payments-prod, Ana Example. Issued credentials may work until 23:26 UTC."
        ]
    );
    let waiting = app.ask("ana", "Admin").await;
    assert_eq!(title(waiting.id), yellow("Access request"));
    app.live(TimeSpan::hours(8)).await;
    app.tell().await;
    assert_eq!(
        title(waiting.id),
        ":white_circle: Request expired :white_circle:"
    );
    assert!(app.head(waiting.id).buttons().is_empty());
    assert!(
        app.head(waiting.id)
            .blocks()
            .to_string()
            .contains("Expired after 8h.")
    );
}

#[tokio::test]
async fn a_grant_that_aws_refuses_is_never_green() {
    let habits = Habits {
        create_fails: Some("No such <principal>".to_owned()),
        ..Habits::default()
    };
    let app = TestApp::with(Settings::default(), habits, |_| {}).await;
    let request = app.ask("ana", "ReadOnly").await;
    app.live(TimeSpan::minutes(15)).await;
    app.tell().await;
    let head = app.head(request.id);
    assert_eq!(head.title(), ":red_circle: Access failed :red_circle:");
    assert!(!head.versions.is_empty());
    assert!(
        head.versions
            .iter()
            .all(|version| !version.to_string().contains("large_green_circle"))
    );
    let said = app.fake.replies().pop().unwrap();
    assert!(
        said.starts_with("AWS refused: ")
            && said.contains("&lt;principal&gt;. Nothing was granted. Reference "),
        "{said}"
    );
}

#[tokio::test]
async fn reminders_mention_who_is_waited_for_and_say_what_follows() {
    let app = TestApp::new().await;
    app.ask("ana", "Admin").await;
    let mut said = Vec::new();
    for _ in 0..8 {
        app.live(TimeSpan::hours(1)).await;
        app.tell().await;
    }
    said.extend(
        app.fake
            .replies()
            .into_iter()
            .filter(|said| said.starts_with("Still waiting")),
    );
    assert_eq!(said, [
        "Still waiting, 15m. Next in 30m. <@UCAI> <@UDEE> off@corp.example",
        "Still waiting, 45m. Next in 1h. <@UCAI> <@UDEE> off@corp.example",
        "Still waiting, 1h 45m. Next in 2h. <@UCAI> <@UDEE> off@corp.example",
        "Still waiting, 3h 45m. Next in 4h. <@UCAI> <@UDEE> off@corp.example",
        "Still waiting, 7h 45m. No more reminders; expires Fri 04:26 UTC. <@UCAI> <@UDEE> off@corp.example",
    ].map(|line| line.replace("Fri 04:26", &lapse_time())));
}

/// 8 h after the start of the app's clock, relative to the last reminder.
fn lapse_time() -> String {
    "04:26".to_owned()
}

#[tokio::test]
async fn twenty_five_hours_are_said_as_such() {
    let settings = Settings {
        request_expiry: None,
        reminder_first: Some(TimeSpan::hours(25)),
        reminder_factor: 1,
        ..Settings::default()
    };
    let app = TestApp::with(settings, Habits::default(), |_| {}).await;
    app.ask("ana", "Admin").await;
    app.clock.advance(TimeSpan::hours(25));
    app.live(TimeSpan::seconds(2)).await;
    app.tell().await;
    let said = app.fake.replies().pop().unwrap();
    assert!(
        said.starts_with("Still waiting, 1d 1h 0m. Next in 1d 1h 0m. <@UCAI>"),
        "{said}"
    );
}

#[tokio::test]
async fn whoever_is_not_in_the_channel_hears_directly_and_nobody_else() {
    let app = TestApp::new().await;
    app.ask("ana", "Admin").await;
    assert!(
        app.fake.lines("DUANA").is_empty(),
        "a member on the fifth page is a member"
    );
    let request = app.ask("sam", "Admin").await;
    assert_eq!(
        app.fake.lines("DUSAM"),
        [format!(
            "You requested Admin in payments-prod. It waits for approval. <https://h.example/requests/{}|Open in \
             Hallpass>",
            request.id
        )]
    );
    app.send(&app.press(
        "cai",
        "approve",
        &request.id.to_string(),
        &app.head(request.id),
    ))
    .await;
    until("approved", || {
        app.head(request.id).buttons().is_empty().then_some(())
    })
    .await;
    app.live(TimeSpan::seconds(20)).await;
    app.tell().await;
    let told = app.fake.lines("DUSAM");
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[2].starts_with("Admin in payments-prod is live. Ends "),
        "{told:?}"
    );
    let quiet = TestApp::with(Settings::default(), Habits::default(), |setup| {
        setup.dm_outside_channel = false;
        setup.announce_end = false;
    })
    .await;
    let request = quiet.live_grant("sam").await;
    quiet
        .send(&quiet.press(
            "sam",
            "release",
            &request.id.to_string(),
            &quiet.head(request.id),
        ))
        .await;
    until("given back", || {
        (!quiet.fake.whispers("USAM").is_empty()).then_some(())
    })
    .await;
    quiet.live(TimeSpan::seconds(30)).await;
    quiet.tell().await;
    assert!(quiet.fake.lines("DUSAM").is_empty() && quiet.fake.lines("C1").is_empty());
}

#[tokio::test]
async fn an_end_is_announced_to_its_holder_with_two_buttons() {
    let app = TestApp::new().await;
    let request = app.live_grant("ana").await;
    app.live(TimeSpan::seconds(105 * 60)).await;
    app.tell().await;
    let message = app
        .fake
        .desk()
        .messages
        .iter()
        .find(|message| message.channel == "DUANA")
        .cloned()
        .unwrap();
    assert_eq!(
        message.text(),
        "ReadOnly in payments-prod ends in 15m, at 22:26 UTC."
    );
    assert_eq!(message.buttons(), ["extend", "release"]);
    app.send(&app.press("ana", "release", &request.id.to_string(), &message))
        .await;
    let said = until("it is given back", || {
        let desk = app.fake.desk();
        let message = desk
            .messages
            .iter()
            .find(|message| message.channel == "DUANA")
            .unwrap();
        (message.versions.len() > 1).then(|| message.text().to_owned())
    })
    .await;
    assert_eq!(
        said,
        "Ended early: payments-prod / ReadOnly. Credentials you already hold may work until 23:12 UTC."
    );
    let grant = app.store_grant(&request).await;
    assert_eq!(grant, "ending");
}

#[tokio::test]
async fn what_is_refused_is_told_by_kind_when_it_came_from_slack() {
    let app = TestApp::new().await;
    let reply = app
        .send(&app.submission("ana", FORM, "", &form(ACCOUNT, "Lonely", "why")))
        .await;
    assert!(reply.body.contains("errors"));
    app.tell().await;
    let wrong = app
        .send(&app.submission("ana", FORM, "", &form(ACCOUNT, "Nothing", "why")))
        .await;
    assert!(wrong.body.contains("errors"));
    app.tell().await;
    let heads = app.fake.heads();
    if NEWS_OF_REFUSALS {
        assert_eq!(
            heads.len(),
            1,
            "a mistyped form is between the form and its author"
        );
        assert_eq!(heads[0].title(), ":red_circle: Access request :red_circle:");
        assert!(heads[0].buttons().is_empty());
        assert!(
            app.fake.replies()[0].starts_with("No one can approve"),
            "{:?}",
            app.fake.replies()
        );
    }
}

const NEWS_OF_REFUSALS: bool = matches!(NoticeKind::Rejected, NoticeKind::Rejected);

#[tokio::test]
async fn a_rule_may_name_another_channel() {
    let app = TestApp::new().await;
    app.ask("ana", "Routed").await;
    assert!(app.fake.heads().is_empty());
    let desk = app.fake.desk();
    assert!(desk.messages.iter().all(|message| message.channel != "C1"));
    assert!(
        desk.messages
            .iter()
            .any(|message| message.channel == "C0000000002" && message.thread.is_none())
    );
}

#[tokio::test]
async fn every_message_deleted_leaves_requests_decidable() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    app.fake.desk().messages.clear();
    let dee = hallpass_access::identity::Identity::default()
        .actor(
            &"dee@corp.example".parse().unwrap(),
            hallpass_access::Origin::Api,
            &app.access.directory(),
        )
        .unwrap();
    app.access.approve(&dee, request.id, None).await.unwrap();
    app.live(TimeSpan::seconds(20)).await;
    app.tell().await;
    assert_eq!(app.state(request.id).await, "approved");
    assert_eq!(
        app.fake.desk().messages.len(),
        0,
        "what people deleted stays deleted"
    );
}

#[tokio::test]
async fn a_draw_that_finds_nothing_new_is_not_sent() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    app.fake.fail("chat.update", &[Fault::Refused("too_often")]);
    for _ in 0..3 {
        app.send(&app.press(
            "sam",
            "approve",
            &request.id.to_string(),
            &app.head(request.id),
        ))
        .await;
        until("an answer", || {
            (!app.fake.whispers("USAM").is_empty()).then_some(())
        })
        .await;
        app.fake.desk().whispers.clear();
    }
    assert_eq!(app.fake.count("chat.update"), 0);
}

#[tokio::test]
async fn five_hundred_newer_messages_hide_nothing() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    {
        let mut desk = app.fake.desk();
        let like = desk.messages[0].clone();
        for n in 0..500 {
            let mut newer = like.clone();
            newer.ts = format!("1780000001.{n:06}");
            newer.metadata = serde_json::Value::Null;
            desk.messages.push(newer);
        }
    }
    app.live_coarsely(TimeSpan::hours(8)).await;
    app.tell().await;
    assert_eq!(
        app.head(request.id).title(),
        ":white_circle: Request expired :white_circle:"
    );
    assert_eq!(
        app.fake.count("conversations.history"),
        0,
        "the message is remembered, not looked for"
    );
}

#[tokio::test]
async fn an_extension_approved_elsewhere_is_shown_on_its_own_message() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let actor = |name: &str| {
        let email = format!("{name}@corp.example").parse().unwrap();
        let identity = hallpass_access::identity::Identity::default();
        identity
            .actor(
                &email,
                hallpass_access::Origin::Web,
                &app.access.directory(),
            )
            .unwrap()
    };
    app.access
        .approve(&actor("cai"), request.id, None)
        .await
        .unwrap();
    app.live(TimeSpan::seconds(20)).await;
    app.tell().await;
    let grant = app.request(request.id).await.grant.unwrap();
    app.access
        .extend(
            &actor("ana"),
            grant,
            Extending::by(TimeSpan::hours(4)),
            None,
        )
        .await
        .unwrap();
    app.tell().await;
    let extension = app.requests().await.remove(0);
    assert_eq!(app.head(extension.id).buttons().len(), 4);
    app.access
        .approve(&actor("dee"), extension.id, None)
        .await
        .unwrap();
    app.tell().await;
    assert!(
        app.head(extension.id).title().contains("Access granted"),
        "{}",
        app.head(extension.id).title()
    );
    assert!(
        app.head(request.id)
            .blocks()
            .to_string()
            .contains("ends 00:27 UTC")
            || app
                .head(request.id)
                .blocks()
                .to_string()
                .contains("ends Fri 00:27 UTC"),
        "{}",
        app.head(request.id).blocks()
    );
    app.access
        .release(&actor("ana"), grant, None)
        .await
        .unwrap();
    app.live(TimeSpan::seconds(30)).await;
    app.tell().await;
    for id in [request.id, extension.id] {
        assert_eq!(
            app.head(id).title(),
            ":white_circle: Access ended :white_circle:"
        );
    }
}

#[tokio::test]
async fn scopes_that_are_missing_cost_comfort_only() {
    let app = TestApp::new().await;
    for method in [
        "users.lookupByEmail",
        "conversations.members",
        "conversations.open",
    ] {
        app.fake
            .fail(method, &vec![Fault::Refused("missing_scope"); 50]);
    }
    let request = app.ask("sam", "Admin").await;
    assert!(app.head(request.id).title().contains("Access request"));
    assert!(app.fake.replies()[0].contains("No approver of this is on Slack"));
}
