//! What is told of a request's life: in the channel, below the message, directly.

use hallpass_access::{Extending, News, NoticeKind, Settings};
use hallpass_model::TimeSpan;
use hallpass_simulation::Habits;

use crate::fake::Fault;
use crate::test_app::{ACCOUNT, FORM, House, form, until, user};

#[tokio::test]
async fn approvers_are_mentioned_and_those_elsewhere_are_listed() {
    let house = House::new().await;
    house.ask("ana", "Admin").await;
    assert_eq!(
        house.fake.replies(),
        [
            "<@UCAI> <@UDEE> one of you can approve this. Rule: `admin`. Not on Slack: off@corp.example (can use the web)."
        ]
    );
}

#[tokio::test]
async fn without_any_approver_on_slack_the_message_says_so_and_waits() {
    let house = House::new().await;
    for name in ["cai", "dee"] {
        house.fake.desk().users.remove(&user(name));
    }
    let request = house.ask("ana", "Admin").await;
    let said = house.fake.replies().remove(0);
    assert!(
        said.starts_with(
            ":red_circle: No approver of this is on Slack. Not on Slack: cai@corp.example, "
        ),
        "{said}"
    );
    // whoever administers hears directly, once, however often it is told
    let alert = format!(
        ":red_circle: No approver of Admin in payments-prod is on Slack; Ana Example waits. \
         Check `approvers` in rule `admin`. <https://h.example/requests/{}|Open in Hallpass>",
        request.id
    );
    assert_eq!(house.fake.lines("DUEVE"), [alert]);
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
    };
    let again = hallpass_access::Channel::tell(&house.restarted(), &told).await;
    assert_eq!(again, hallpass_access::Delivery::Done);
    assert_eq!(house.fake.lines("DUEVE").len(), 1);
    assert_eq!(house.state(request.id).await, "pending");
}

#[tokio::test]
async fn marks_and_titles_follow_the_state() {
    let house = House::new().await;
    let title = |id| house.head(id).title().to_owned();
    let yellow = |words: &str| format!(":large_yellow_circle: {words} :large_yellow_circle:");
    let request = house.ask("ana", "ReadOnly").await;
    assert_eq!(
        title(request.id),
        yellow("Approved, setting up"),
        "never green before it is there"
    );
    assert_eq!(
        house.fake.replies(),
        ["No approval needed, by rule `read`."]
    );
    house.live(TimeSpan::seconds(30)).await;
    house.tell().await;
    assert_eq!(
        title(request.id),
        ":large_green_circle: Access granted :large_green_circle:"
    );
    assert!(
        house
            .head(request.id)
            .blocks()
            .to_string()
            .contains("*For*\\n2h, ends 22:26 UTC")
    );
    let live = house.fake.replies().pop().unwrap();
    assert!(live.starts_with("Live since 20:26 UTC. <@UANA> <https://portal.example/start|Console>. Ends 22:26 UTC by itself."), "{live}");
    house.live(TimeSpan::seconds(7300)).await;
    house.tell().await;
    assert_eq!(
        title(request.id),
        ":white_circle: Access ended :white_circle:"
    );
    assert_eq!(
        house.fake.lines("C1"),
        [
            "Ended: ReadOnly in payments-prod, Ana Example. Issued credentials may work until 23:26 UTC."
        ]
    );
    let waiting = house.ask("ana", "Admin").await;
    assert_eq!(title(waiting.id), yellow("Access request"));
    house.live(TimeSpan::hours(8)).await;
    house.tell().await;
    assert_eq!(
        title(waiting.id),
        ":white_circle: Request lapsed :white_circle:"
    );
    assert!(house.head(waiting.id).buttons().is_empty());
    assert!(
        house
            .head(waiting.id)
            .blocks()
            .to_string()
            .contains("Lapsed after 8h.")
    );
}

#[tokio::test]
async fn a_grant_that_aws_refuses_is_never_green() {
    let habits = Habits {
        create_fails: Some("No such <principal>".to_owned()),
        ..Habits::default()
    };
    let house = House::with(Settings::default(), habits, |_| {}).await;
    let request = house.ask("ana", "ReadOnly").await;
    house.live(TimeSpan::minutes(15)).await;
    house.tell().await;
    let head = house.head(request.id);
    assert_eq!(head.title(), ":red_circle: Access failed :red_circle:");
    assert!(
        head.versions
            .iter()
            .all(|version| !version.to_string().contains("large_green_circle"))
    );
    let said = house.fake.replies().pop().unwrap();
    assert!(
        said.starts_with("AWS refused: ")
            && said.contains("&lt;principal&gt;. Nothing was granted. Reference "),
        "{said}"
    );
}

#[tokio::test]
async fn reminders_mention_who_is_waited_for_and_say_what_follows() {
    let house = House::new().await;
    house.ask("ana", "Admin").await;
    let mut said = Vec::new();
    for _ in 0..8 {
        house.live(TimeSpan::hours(1)).await;
        house.tell().await;
    }
    said.extend(
        house
            .fake
            .replies()
            .into_iter()
            .filter(|said| said.starts_with("Still waiting")),
    );
    assert_eq!(said, [
        "Still waiting, 15m. Next in 30m. <@UCAI> <@UDEE> off@corp.example",
        "Still waiting, 45m. Next in 1h. <@UCAI> <@UDEE> off@corp.example",
        "Still waiting, 1h 45m. Next in 2h. <@UCAI> <@UDEE> off@corp.example",
        "Still waiting, 3h 45m. Next in 4h. <@UCAI> <@UDEE> off@corp.example",
        "Still waiting, 7h 45m. No more reminders; lapses Fri 04:26 UTC. <@UCAI> <@UDEE> off@corp.example",
    ].map(|line| line.replace("Fri 04:26", &lapse_time())));
}

/// 8 h after the start of the house's clock, as seen from the last reminder.
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
    let house = House::with(settings, Habits::default(), |_| {}).await;
    house.ask("ana", "Admin").await;
    house.clock.advance(TimeSpan::hours(25));
    house.live(TimeSpan::seconds(2)).await;
    house.tell().await;
    let said = house.fake.replies().pop().unwrap();
    assert!(
        said.starts_with("Still waiting, 1d 1h 0m. Next in 1d 1h 0m. <@UCAI>"),
        "{said}"
    );
}

#[tokio::test]
async fn whoever_is_not_in_the_channel_hears_directly_and_nobody_else() {
    let house = House::new().await;
    house.ask("ana", "Admin").await;
    assert!(
        house.fake.lines("DUANA").is_empty(),
        "a member on the fifth page is a member"
    );
    let request = house.ask("sam", "Admin").await;
    assert_eq!(
        house.fake.lines("DUSAM"),
        [format!(
            "You asked for Admin in payments-prod. It waits for approval. <https://h.example/requests/{}|Open in Hallpass>",
            request.id
        )]
    );
    house
        .send(&house.press(
            "cai",
            "approve",
            &request.id.to_string(),
            &house.head(request.id),
        ))
        .await;
    until("approved", || {
        house.head(request.id).buttons().is_empty().then_some(())
    })
    .await;
    house.live(TimeSpan::seconds(20)).await;
    house.tell().await;
    let told = house.fake.lines("DUSAM");
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[2].starts_with("Admin in payments-prod is live. Ends "),
        "{told:?}"
    );
    let quiet = House::with(Settings::default(), Habits::default(), |setup| {
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
    let house = House::new().await;
    let request = house.live_grant("ana").await;
    house.live(TimeSpan::seconds(105 * 60)).await;
    house.tell().await;
    let message = house
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
    house
        .send(&house.press("ana", "release", &request.id.to_string(), &message))
        .await;
    let said = until("it is given back", || {
        let desk = house.fake.desk();
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
        "Given back: payments-prod / ReadOnly. Credentials you already hold may work until 23:12 UTC."
    );
    let grant = house.store_grant(&request).await;
    assert_eq!(grant, "ending");
}

#[tokio::test]
async fn what_is_refused_is_told_by_kind_when_it_came_from_slack() {
    let house = House::new().await;
    let reply = house
        .send(&house.submission("ana", FORM, "", &form(ACCOUNT, "Lonely", "why")))
        .await;
    assert!(reply.body.contains("errors"));
    house.tell().await;
    let wrong = house
        .send(&house.submission("ana", FORM, "", &form(ACCOUNT, "Nothing", "why")))
        .await;
    assert!(wrong.body.contains("errors"));
    house.tell().await;
    let heads = house.fake.heads();
    if NEWS_OF_REFUSALS {
        assert_eq!(
            heads.len(),
            1,
            "a mistyped form is between the form and its author"
        );
        assert_eq!(heads[0].title(), ":red_circle: Access request :red_circle:");
        assert!(heads[0].buttons().is_empty());
        assert!(
            house.fake.replies()[0].starts_with("Nobody can approve"),
            "{:?}",
            house.fake.replies()
        );
    }
}

/// Whether the journey tells of refusals.
const NEWS_OF_REFUSALS: bool = matches!(NoticeKind::Rejected, NoticeKind::Rejected);

#[tokio::test]
async fn a_rule_may_name_another_channel() {
    let house = House::new().await;
    house.ask("ana", "Routed").await;
    assert!(house.fake.heads().is_empty());
    let desk = house.fake.desk();
    assert!(desk.messages.iter().all(|message| message.channel != "C1"));
    assert!(
        desk.messages
            .iter()
            .any(|message| message.channel == "C0000000002" && message.thread.is_none())
    );
}

#[tokio::test]
async fn every_message_deleted_leaves_requests_decidable() {
    let house = House::new().await;
    let request = house.ask("ana", "Admin").await;
    house.fake.desk().messages.clear();
    let dee = hallpass_access::Identity::default()
        .actor(
            &"dee@corp.example".parse().unwrap(),
            hallpass_access::Origin::Api,
            &house.access.directory(),
        )
        .unwrap();
    house.access.approve(&dee, request.id, None).await.unwrap();
    house.live(TimeSpan::seconds(20)).await;
    house.tell().await;
    assert_eq!(house.state(request.id).await, "approved");
    assert_eq!(
        house.fake.desk().messages.len(),
        0,
        "what people deleted stays deleted"
    );
}

#[tokio::test]
async fn a_draw_that_finds_nothing_new_is_not_sent() {
    let house = House::new().await;
    let request = house.ask("ana", "Admin").await;
    house
        .fake
        .fail("chat.update", &[Fault::Refused("too_often")]);
    for _ in 0..3 {
        house
            .send(&house.press(
                "sam",
                "approve",
                &request.id.to_string(),
                &house.head(request.id),
            ))
            .await;
        until("an answer", || {
            (!house.fake.whispers("USAM").is_empty()).then_some(())
        })
        .await;
        house.fake.desk().whispers.clear();
    }
    assert_eq!(house.fake.count("chat.update"), 0);
}

#[tokio::test]
async fn five_hundred_newer_messages_hide_nothing() {
    let house = House::new().await;
    let request = house.ask("ana", "Admin").await;
    {
        let mut desk = house.fake.desk();
        let like = desk.messages[0].clone();
        for n in 0..500 {
            let mut newer = like.clone();
            newer.ts = format!("1780000001.{n:06}");
            newer.metadata = serde_json::Value::Null;
            desk.messages.push(newer);
        }
    }
    house.live_coarsely(TimeSpan::hours(8)).await;
    house.tell().await;
    assert_eq!(
        house.head(request.id).title(),
        ":white_circle: Request lapsed :white_circle:"
    );
    assert_eq!(
        house.fake.count("conversations.history"),
        0,
        "the message is remembered, not looked for"
    );
}

#[tokio::test]
async fn an_extension_approved_elsewhere_is_shown_on_its_own_message() {
    let house = House::new().await;
    let request = house.ask("ana", "Admin").await;
    let actor = |name: &str| {
        let email = format!("{name}@corp.example").parse().unwrap();
        let identity = hallpass_access::Identity::default();
        identity
            .actor(
                &email,
                hallpass_access::Origin::Web,
                &house.access.directory(),
            )
            .unwrap()
    };
    house
        .access
        .approve(&actor("cai"), request.id, None)
        .await
        .unwrap();
    house.live(TimeSpan::seconds(20)).await;
    house.tell().await;
    let grant = house.request(request.id).await.grant.unwrap();
    house
        .access
        .extend(
            &actor("ana"),
            grant,
            Extending::by(TimeSpan::hours(4)),
            None,
        )
        .await
        .unwrap();
    house.tell().await;
    let extension = house.requests().await.remove(0);
    assert_eq!(house.head(extension.id).buttons().len(), 3);
    house
        .access
        .approve(&actor("dee"), extension.id, None)
        .await
        .unwrap();
    house.tell().await;
    assert!(
        house.head(extension.id).title().contains("Access granted"),
        "{}",
        house.head(extension.id).title()
    );
    assert!(
        house
            .head(request.id)
            .blocks()
            .to_string()
            .contains("ends 00:27 UTC")
            || house
                .head(request.id)
                .blocks()
                .to_string()
                .contains("ends Fri 00:27 UTC"),
        "{}",
        house.head(request.id).blocks()
    );
}

#[tokio::test]
async fn scopes_that_are_missing_cost_comfort_only() {
    let house = House::new().await;
    for method in [
        "users.lookupByEmail",
        "conversations.members",
        "conversations.open",
    ] {
        house
            .fake
            .fail(method, &vec![Fault::Refused("missing_scope"); 50]);
    }
    let request = house.ask("sam", "Admin").await;
    assert!(house.head(request.id).title().contains("Access request"));
    assert!(house.fake.replies()[0].contains("No approver of this is on Slack"));
}
