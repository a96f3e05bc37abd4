//! Slack is slow, down, limits us, or loses answers: news is late, access is not.

use hallpass_access::Delivery;
use hallpass_model::TimeSpan;

use crate::fake::Fault;
use crate::test_app::{ACCOUNT, FORM, House, form, until};

async fn asked(house: &House, set: &str) {
    let reply = house
        .send(&house.submission("ana", FORM, "", &form(ACCOUNT, set, "why")))
        .await;
    assert_eq!(reply.body, "");
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_message() {
    for fault in [Fault::LostAnswer, Fault::Down] {
        let house = House::new().await;
        asked(&house, "Admin").await;
        house
            .fake
            .fail("chat.postMessage", std::slice::from_ref(&fault));
        let first = house.tell_once().await;
        assert!(matches!(first[0], Delivery::Again { .. }), "{first:?}");
        house.clock.advance(TimeSpan::minutes(2));
        house.tell().await;
        assert_eq!(house.fake.heads().len(), 1, "{fault:?}");
        assert_eq!(house.fake.replies().len(), 1);
        // and the reply below it
        house.fake.fail("chat.postMessage", &[Fault::LostAnswer]);
        house.clock.advance(TimeSpan::minutes(14));
        house.live(TimeSpan::seconds(2)).await;
        let lost = house.tell_once().await;
        assert!(matches!(lost[0], Delivery::Again { .. }), "{lost:?}");
        house.clock.advance(TimeSpan::minutes(2));
        house.tell().await;
        assert_eq!(house.fake.replies().len(), 2);
    }
}

#[tokio::test]
async fn without_leave_to_read_history_it_is_posted_again() {
    let house = House::new().await;
    asked(&house, "Admin").await;
    house.fake.fail("chat.postMessage", &[Fault::LostAnswer]);
    house
        .fake
        .fail("conversations.history", &[Fault::Refused("missing_scope")]);
    house.tell_once().await;
    house.clock.advance(TimeSpan::minutes(2));
    house.tell().await;
    assert_eq!(house.fake.heads().len(), 2);
}

#[tokio::test]
async fn a_restart_between_posting_and_hearing_of_it_makes_no_second_message() {
    let house = House::new().await;
    asked(&house, "Admin").await;
    house.fake.fail("chat.postMessage", &[Fault::LostAnswer]);
    house.tell_once().await;
    let another = house.restarted();
    house.clock.advance(TimeSpan::minutes(2));
    assert_eq!(house.tell_through(&another).await, [Delivery::Done]);
    assert_eq!(house.fake.heads().len(), 1);
}

#[tokio::test]
async fn retry_after_is_honoured_and_ten_minutes_are_enough() {
    let house = House::new().await;
    asked(&house, "Admin").await;
    house.fake.fail("chat.postMessage", &[Fault::Limited(77)]);
    let first = house.tell_once().await;
    assert!(
        matches!(&first[0], Delivery::Again { after, .. } if *after == TimeSpan::seconds(77)),
        "{first:?}"
    );
    house.clock.advance(TimeSpan::seconds(76));
    assert!(house.tell_once().await.is_empty(), "not before");
    house.fake.fail("chat.postMessage", &[Fault::Limited(600)]);
    house.clock.advance(TimeSpan::seconds(2));
    house.tell_once().await;
    house.fake.fail("chat.postMessage", &[Fault::Limited(600)]);
    house.clock.advance(TimeSpan::minutes(11));
    let last = house.tell_once().await;
    assert!(matches!(last[0], Delivery::GaveUp { .. }), "{last:?}");
    assert_eq!(
        house.requests().await[0].state.name(),
        "pending",
        "the state is kept"
    );
    // and the next news shows it
    house.clock.advance(TimeSpan::minutes(4));
    house.live(TimeSpan::seconds(2)).await;
    house.tell().await;
    assert_eq!(house.fake.heads().len(), 1);
}

#[tokio::test]
async fn what_slack_will_never_take_is_given_up_at_once() {
    let house = House::new().await;
    asked(&house, "Admin").await;
    house
        .fake
        .fail("chat.postMessage", &[Fault::Refused("invalid_blocks")]);
    assert!(matches!(
        house.tell_once().await[0],
        Delivery::GaveUp { .. }
    ));
    asked(&house, "Root").await;
    house
        .fake
        .fail("chat.postMessage", &[Fault::Refused("not_in_channel")]);
    assert!(
        matches!(&house.tell_once().await[0], Delivery::Again { after, .. } if *after == TimeSpan::minutes(1))
    );
}

#[tokio::test]
async fn an_outage_of_slack_delays_news_and_nothing_else() {
    let house = House::new().await;
    let request = house.live_grant("ana").await;
    for method in [
        "chat.postMessage",
        "chat.update",
        "users.info",
        "conversations.members",
        "users.lookupByEmail",
        "conversations.open",
        "conversations.history",
        "conversations.replies",
    ] {
        house.fake.fail(method, &vec![Fault::Down; 200]);
    }
    house.live(TimeSpan::seconds(7_300)).await;
    assert_eq!(house.store_grant(&request).await, "ended");
    for delivery in house.tell_once().await {
        assert!(matches!(delivery, Delivery::Again { .. }), "{delivery:?}");
    }
    // a press while Slack cannot say who presses is answered, and does nothing
    let waiting = {
        house.fake.desk().faults.clear();
        house.clock.advance(TimeSpan::minutes(2));
        house.tell().await;
        house.ask("ana", "Admin").await
    };
    house.clock.advance(TimeSpan::minutes(20));
    house.fake.fail("users.info", &[Fault::Down]);
    house
        .send(&house.press(
            "cai",
            "approve",
            &waiting.id.to_string(),
            &house.head(waiting.id),
        ))
        .await;
    let said = until("an answer", || house.fake.whispers("UCAI").pop()).await;
    assert!(
        said.starts_with("That didn't work; nothing changed. Reference "),
        "{said}"
    );
    assert_eq!(house.state(waiting.id).await, "pending");
}

#[tokio::test]
async fn news_told_twice_is_said_once() {
    let house = House::new().await;
    asked(&house, "Admin").await;
    house.tell().await;
    let (posts, request) = (
        house.fake.count("chat.postMessage"),
        house.requests().await.remove(0),
    );
    let told = hallpass_access::NoticeContext {
        number: 1,
        attempts: 3,
        notice: hallpass_access::Notice {
            news: hallpass_access::News::ReviewWanted,
            request: request.id,
            grant: None,
            to: request.decided.notify.clone(),
            at: request.asked_at,
        },
        request,
        grant: None,
    };
    let slack = house.restarted();
    assert_eq!(
        hallpass_access::Channel::tell(&slack, &told).await,
        Delivery::Done
    );
    assert_eq!(house.fake.count("chat.postMessage"), posts);
}
