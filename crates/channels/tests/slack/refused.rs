//! Slack finally refuses a channel, or a message was deleted: users who must act still get notices,
//! and no other channel is used.

use hallpass_access::identity::Identity;
use hallpass_access::{Actor, Delivery, Directory, Origin, Request};
use hallpass_base::{Email, TimeSpan};
use hallpass_channels::slack::{Drawn, Marks, Scene, Setup, draw};
use hallpass_rules::directory::Snapshot;
use hallpass_store_testing::{a_request, at};
use serde_json::{Value, json};

use crate::fake::{Fault, Message};
use crate::test_app::{ACCOUNT, FORM, RULES, TestApp, form, rules};

const RULED: &str = "C0000000002";
const ANOTHER: &str = "C0000000003";

fn refuses(app: &TestApp, channel: &str, code: &'static str) {
    let mut desk = app.fake.desk();
    desk.refusing.insert(channel.to_owned(), code);
}

async fn asked(app: &TestApp, name: &str, set: &str) -> Request {
    let reply = app
        .send(&app.submission(name, FORM, "", &form(ACCOUNT, set, "why")))
        .await;
    assert_eq!(reply.body, "");
    app.requests().await.remove(0)
}

fn actor(app: &TestApp, name: &str) -> Actor {
    let email = Email::new(&format!("{name}@corp.example")).unwrap();
    let directory = app.access.directory();
    Identity::default()
        .actor(&email, Origin::Web, &directory)
        .unwrap()
}

async fn tell_in_vain(app: &TestApp) {
    let told = app.tell_once().await;
    assert!(!told.is_empty());
    for delivery in told {
        assert!(
            matches!(&delivery, Delivery::Again { after, .. } if *after == TimeSpan::minutes(1)),
            "{delivery:?}"
        );
    }
    app.clock.advance(TimeSpan::seconds(61));
}

fn in_channel(app: &TestApp, channel: &str) -> Vec<Message> {
    let desk = app.fake.desk();
    let found = desk.messages.iter().filter(|it| it.channel == channel);
    found.cloned().collect()
}

#[tokio::test]
async fn people_hear_directly_where_the_channel_of_a_rule_refuses() {
    for code in ["not_in_channel", "channel_not_found", "is_archived"] {
        let app = TestApp::new().await;
        refuses(&app, RULED, code);
        let request = asked(&app, "ana", "Routed").await;
        for _ in 0..3 {
            tell_in_vain(&app).await;
        }
        let link = format!(
            "<https://h.example/requests/{}|Open in Hallpass>",
            request.id
        );
        assert_eq!(
            app.fake.lines("DUANA"),
            [format!(
                "You requested Routed in payments-prod. It waits for approval. {link}"
            )]
        );
        assert_eq!(
            app.fake.lines("DUEVE"),
            [format!(
                ":red_circle: Slack refuses messages to channel `{RULED}` about Routed in payments-prod, which Ana \
                 Example requested: `{code}`. Invite the app to that channel, or correct \
                 `slack_channel` in rule `routed`. Hallpass keeps trying for 8 hours. {link}"
            )]
        );
        assert!(in_channel(&app, "C1").is_empty() && in_channel(&app, RULED).is_empty());
        app.fake.desk().refusing.clear();
        app.tell().await;
        assert_eq!(app.head(request.id).channel, RULED);
        assert_eq!(app.fake.replies().len(), 1);
        assert_eq!(app.fake.lines("DUANA").len(), 1);
        assert_eq!(app.fake.lines("DUEVE").len(), 1);
    }
}

#[tokio::test]
async fn administrators_hear_once_of_a_channel_that_refuses_many_requests() {
    let app = TestApp::new().await;
    refuses(&app, RULED, "is_archived");
    for person in ["ana", "sam"] {
        asked(&app, person, "Routed").await;
        tell_in_vain(&app).await;
    }
    assert_eq!(app.fake.lines("DUEVE").len(), 1);
    refuses(&app, RULED, "not_in_channel");
    tell_in_vain(&app).await;
    asked(&app, "dee", "Routed").await;
    tell_in_vain(&app).await;
    assert_eq!(app.fake.lines("DUEVE").len(), 2);
}

#[tokio::test]
async fn an_end_is_announced_to_its_holder_where_the_channel_refuses() {
    let app = TestApp::new().await;
    refuses(&app, RULED, "is_archived");
    let request = asked(&app, "ana", "Routed").await;
    let cai = actor(&app, "cai");
    app.access.approve(&cai, request.id, None).await.unwrap();
    app.live(TimeSpan::seconds(106 * 60)).await;
    tell_in_vain(&app).await;
    let direct = in_channel(&app, "DUANA");
    let ends = direct.iter().find(|it| it.text().contains(" ends in "));
    assert_eq!(ends.unwrap().buttons(), ["extend", "release"]);
    let said = app.fake.lines("DUANA");
    assert!(said.iter().any(|it| it.contains(" is live. ")), "{said:?}");
}

#[tokio::test]
async fn a_channel_that_the_rule_does_not_name_any_more_is_left() {
    let app = TestApp::new().await;
    refuses(&app, RULED, "channel_not_found");
    let request = asked(&app, "ana", "Routed").await;
    tell_in_vain(&app).await;
    let text = RULES.replace(RULED, ANOTHER);
    app.access.set_rules(rules(&text), "test").await.unwrap();
    app.tell().await;
    assert_eq!(app.head(request.id).channel, ANOTHER);
    assert_eq!(app.fake.replies().len(), 1);
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_stays_where_it_was_posted() {
    let app = TestApp::new().await;
    let request = asked(&app, "ana", "Routed").await;
    app.fake.fail("chat.postMessage", &[Fault::LostAnswer]);
    app.tell_once().await;
    let text = RULES.replace(RULED, ANOTHER);
    app.access.set_rules(rules(&text), "test").await.unwrap();
    app.clock.advance(TimeSpan::minutes(2));
    app.tell().await;
    assert!(in_channel(&app, ANOTHER).is_empty());
    let heads = in_channel(&app, RULED);
    let heads = heads.iter().filter(|it| it.thread.is_none());
    assert_eq!(heads.count(), 1);
    assert_eq!(app.head(request.id).channel, RULED);
}

fn typed(words: &str) -> Value {
    json!({"provide_reason": {"provided_reason": {"value": words}}})
}

async fn breaks_the_glass(app: &TestApp, request: &Request) {
    let (id, why) = (
        request.id.to_string(),
        typed("The site is down, no one answers"),
    );
    let reply = app
        .send(&app.submission("ana", "hallpass_break_glass_submitted", &id, &why))
        .await;
    assert_eq!(reply.body, "");
}

#[tokio::test]
async fn administrators_hear_of_broken_glass_where_the_channel_refuses() {
    let app = TestApp::new().await;
    refuses(&app, "C1", "not_in_channel");
    let request = asked(&app, "ana", "Glass").await;
    tell_in_vain(&app).await;
    breaks_the_glass(&app, &request).await;
    for _ in 0..2 {
        tell_in_vain(&app).await;
    }
    let said = app.fake.lines("DUEVE");
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("or correct `slack.channel`. "), "{said:?}");
    let story = "◆ Break-glass: Ana Example took Glass in payments-prod for 1h. ";
    assert!(said[1].starts_with(story), "{said:?}");
}

#[tokio::test]
async fn news_goes_on_below_a_message_that_cannot_be_changed() {
    for code in ["cant_update_message", "edit_window_closed"] {
        let app = TestApp::new().await;
        let request = app.ask("ana", "Admin").await;
        app.fake
            .fail("chat.update", &vec![Fault::Refused(code); 50]);
        let cai = actor(&app, "cai");
        app.access.approve(&cai, request.id, None).await.unwrap();
        app.live(TimeSpan::seconds(20)).await;
        app.tell().await;
        let replies = app.fake.replies();
        let is_live = replies.iter().any(|said| said.starts_with("Live since "));
        assert!(is_live, "{replies:?}");
        // an immutable message is not retried for every notice
        assert_eq!(app.fake.count("chat.update"), 1);
    }
}

#[tokio::test]
async fn reminders_of_a_deleted_message_are_said_in_the_channel() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let gone = Fault::Refused("thread_not_found");
    app.fake.fail("chat.postMessage", &[gone]);
    app.live(TimeSpan::minutes(16)).await;
    app.tell().await;
    let about = format!(
        "Admin in payments-prod, Ana Example <https://h.example/requests/{}|Open in Hallpass>",
        request.id
    );
    let first =
        format!("Still waiting, 15m. Next in 30m. <@UCAI> <@UDEE> off@corp.example\n{about}");
    assert_eq!(app.fake.lines("C1"), [first]);
    app.live(TimeSpan::minutes(30)).await;
    app.tell().await;
    let said = app.fake.lines("C1");
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].starts_with("Still waiting, 45m. "), "{said:?}");
    // notices without required action stay silent
    let cai = actor(&app, "cai");
    app.access.approve(&cai, request.id, None).await.unwrap();
    app.live(TimeSpan::seconds(20)).await;
    app.tell().await;
    assert_eq!(app.fake.lines("C1").len(), 2);
    assert_eq!(app.fake.replies().len(), 1);
}

#[tokio::test]
async fn broken_glass_is_told_in_the_channel_where_its_message_was_deleted() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Glass").await;
    app.fake.desk().messages.clear();
    breaks_the_glass(&app, &request).await;
    app.tell().await;
    let told = || {
        let all = in_channel(&app, "C1");
        assert_eq!(all.len(), 1, "{all:?}");
        all.into_iter().next().unwrap()
    };
    assert_eq!(told().thread, None);
    assert_eq!(told().buttons(), ["close_review"]);
    let said = told().text().to_owned();
    assert!(
        said.starts_with("◆ Break-glass: ")
            && said.ends_with("<@UCAI> <@UDEE> one of you closes the review."),
        "{said}"
    );
    let id = request.id.to_string();
    let closing = app.submission(
        "cai",
        "hallpass_close_review_submitted",
        &id,
        &typed("Fine."),
    );
    assert_eq!(app.send(&closing).await.body, "");
    app.tell().await;
    assert!(told().buttons().is_empty());
}

#[tokio::test]
async fn a_line_stands_in_for_a_message_that_slack_does_not_take() {
    let app = TestApp::new().await;
    let request = asked(&app, "ana", "Admin").await;
    app.fake
        .fail("chat.postMessage", &[Fault::Refused("invalid_blocks")]);
    app.tell().await;
    let line = |title: &str| {
        format!(
            "{title}: Ana Example, Admin in payments-prod <https://h.example/requests/{}|Open in Hallpass>",
            request.id
        )
    };
    assert_eq!(app.head(request.id).text(), line("Access request"));
    assert_eq!(app.fake.replies().len(), 1);
    app.fake
        .fail("chat.update", &[Fault::Refused("invalid_blocks")]);
    let cai = actor(&app, "cai");
    app.access.approve(&cai, request.id, None).await.unwrap();
    app.live(TimeSpan::seconds(20)).await;
    app.tell().await;
    assert_eq!(app.head(request.id).text(), line("Access granted"));
    assert_eq!(app.head(request.id).versions.len(), 2);
}

fn drawn(request: &Request) -> Drawn {
    let setup = Setup {
        channel: "C1".to_owned(),
        dm_outside_channel: true,
        announce_end: true,
        marks: Marks::default(),
        account_notes: [].into(),
        contact: "platform@corp.example".to_owned(),
        public_url: "https://h.example".to_owned(),
        portal_url: "https://portal.example/start".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
    };
    draw(&Scene {
        request,
        grant: None,
        requester: None,
        directory: &Directory::new(Snapshot::default()),
        setup: &setup,
        now: at(10),
        place: None,
        region_lost: None,
        armed: None,
    })
}

#[test]
fn a_long_name_is_cut() {
    let mut request = a_request(1);
    request.requester.name = "<&>".repeat(1_000);
    let drawn = drawn(&request);
    let blocks = serde_json::to_value(&drawn.blocks).unwrap();
    for field in blocks[1]["fields"].as_array().unwrap() {
        let text = field["text"].as_str().unwrap();
        assert!(text.chars().count() <= 2_000, "{text}");
    }
    assert!(drawn.text.chars().count() <= 3_000, "{}", drawn.text);
}
