//! Slack is slow, down, limiting, or loses answers: notices are late, access is not.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_access::identity::Identity;
use hallpass_access::{Access, Actor, Delivery, Origin};
use hallpass_base::{Email, RequestId, TimeSpan};
use hallpass_channels::slack::{MemoryFault, SlackMemory};
use hallpass_store::{AfterCommit, MemoryStore};

use crate::fake::Fault;
use crate::test_app::{ACCOUNT, FORM, TestApp, form, until};

async fn asked(app: &TestApp, set: &str) {
    let reply = app
        .send(&app.submission("ana", FORM, "", &form(ACCOUNT, set, "why")))
        .await;
    assert_eq!(reply.body, "");
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_message() {
    for fault in [Fault::LostAnswer, Fault::Down] {
        let app = TestApp::new().await;
        asked(&app, "Admin").await;
        app.fake
            .fail("chat.postMessage", std::slice::from_ref(&fault));
        let first = app.tell_once().await;
        assert!(matches!(first[0], Delivery::Again { .. }), "{first:?}");
        app.clock.advance(TimeSpan::minutes(2));
        app.tell().await;
        assert_eq!(app.fake.heads().len(), 1, "{fault:?}");
        assert_eq!(app.fake.replies().len(), 1);
        app.fake.fail("chat.postMessage", &[Fault::LostAnswer]);
        app.clock.advance(TimeSpan::minutes(14));
        app.live(TimeSpan::seconds(2)).await;
        let lost = app.tell_once().await;
        assert!(matches!(lost[0], Delivery::Again { .. }), "{lost:?}");
        app.clock.advance(TimeSpan::minutes(2));
        app.tell().await;
        assert_eq!(app.fake.replies().len(), 2);
    }
}

#[tokio::test]
async fn without_leave_to_read_history_it_is_posted_again() {
    let app = TestApp::new().await;
    asked(&app, "Admin").await;
    app.fake.fail("chat.postMessage", &[Fault::LostAnswer]);
    app.fake
        .fail("conversations.history", &[Fault::Refused("missing_scope")]);
    app.tell_once().await;
    app.clock.advance(TimeSpan::minutes(2));
    app.tell().await;
    assert_eq!(app.fake.heads().len(), 2);
}

#[tokio::test]
async fn a_restart_between_posting_and_hearing_of_it_makes_no_second_message() {
    let app = TestApp::new().await;
    asked(&app, "Admin").await;
    app.fake.fail("chat.postMessage", &[Fault::LostAnswer]);
    app.tell_once().await;
    let another = app.restarted();
    app.clock.advance(TimeSpan::minutes(2));
    assert_eq!(app.tell_through(&another).await, [Delivery::Done]);
    assert_eq!(app.fake.heads().len(), 1);
}

#[tokio::test]
async fn retry_after_is_honoured_and_ten_minutes_are_enough() {
    let app = TestApp::new().await;
    asked(&app, "Admin").await;
    app.fake.fail("chat.postMessage", &[Fault::Limited(77)]);
    let first = app.tell_once().await;
    assert!(
        matches!(&first[0], Delivery::Again { after, .. } if *after == TimeSpan::seconds(77)),
        "{first:?}"
    );
    app.clock.advance(TimeSpan::seconds(76));
    assert!(app.tell_once().await.is_empty(), "not before");
    app.fake.fail("chat.postMessage", &[Fault::Limited(600)]);
    app.clock.advance(TimeSpan::seconds(2));
    app.tell_once().await;
    app.fake.fail("chat.postMessage", &[Fault::Limited(600)]);
    app.clock.advance(TimeSpan::minutes(11));
    let last = app.tell_once().await;
    assert!(matches!(last[0], Delivery::GaveUp { .. }), "{last:?}");
    assert_eq!(
        app.requests().await[0].state.name(),
        "pending",
        "the state is kept"
    );
    app.clock.advance(TimeSpan::minutes(4));
    app.live(TimeSpan::seconds(2)).await;
    app.tell().await;
    assert_eq!(app.fake.heads().len(), 1);
}

#[tokio::test]
async fn a_backlog_is_not_given_up_because_slack_has_just_begun_to_limit_us() {
    let app = TestApp::new().await;
    let limited_once = async || {
        app.clock.advance(TimeSpan::minutes(20));
        app.fake.fail("chat.postMessage", &[Fault::Limited(30)]);
        let told = app.tell_once().await;
        assert!(
            matches!(&told[0], Delivery::Again { after, .. } if *after == TimeSpan::seconds(30)),
            "{told:?}"
        );
    };
    asked(&app, "Admin").await;
    limited_once().await;
    app.clock.advance(TimeSpan::seconds(31));
    app.tell().await;
    assert_eq!(app.fake.heads().len(), 1);
    // a delivery resets it, and old limits do not count
    asked(&app, "Root").await;
    limited_once().await;
    limited_once().await;
    let mut told = Vec::new();
    for _ in 0..2 {
        app.fake.fail("chat.postMessage", &[Fault::Limited(300)]);
        app.clock.advance(TimeSpan::minutes(5));
        told.extend(app.tell_once().await);
    }
    assert!(
        matches!(told[..], [Delivery::Again { .. }, Delivery::GaveUp { .. }]),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_slack_will_never_take_is_given_up_at_once() {
    let app = TestApp::new().await;
    asked(&app, "Admin").await;
    // refused both as drawn and as a line
    let never = vec![Fault::Refused("invalid_blocks"); 2];
    app.fake.fail("chat.postMessage", &never);
    assert!(matches!(app.tell_once().await[0], Delivery::GaveUp { .. }));
    asked(&app, "Root").await;
    app.fake
        .fail("chat.postMessage", &[Fault::Refused("not_in_channel")]);
    assert!(
        matches!(&app.tell_once().await[0], Delivery::Again { after, .. } if *after == TimeSpan::minutes(1))
    );
}

#[tokio::test]
async fn an_outage_of_slack_delays_news_and_nothing_else() {
    let app = TestApp::new().await;
    let request = app.live_grant("ana").await;
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
        app.fake.fail(method, &vec![Fault::Down; 200]);
    }
    app.live(TimeSpan::seconds(7_300)).await;
    assert_eq!(app.store_grant(&request).await, "ended");
    for delivery in app.tell_once().await {
        assert!(matches!(delivery, Delivery::Again { .. }), "{delivery:?}");
    }
    // without a user lookup, a press is answered without effect
    let waiting = {
        app.fake.desk().faults.clear();
        app.clock.advance(TimeSpan::minutes(2));
        app.tell().await;
        app.ask("ana", "Admin").await
    };
    app.clock.advance(TimeSpan::minutes(20));
    app.fake.fail("users.info", &[Fault::Down]);
    app.send(&app.press(
        "cai",
        "approve",
        &waiting.id.to_string(),
        &app.head(waiting.id),
    ))
    .await;
    let said = until("an answer", || app.fake.whispers("UCAI").pop()).await;
    assert!(
        said.starts_with("That didn't work; nothing changed. Reference "),
        "{said}"
    );
    assert_eq!(app.state(waiting.id).await, "pending");
}

#[tokio::test]
async fn news_told_twice_is_said_once() {
    let app = TestApp::new().await;
    asked(&app, "Admin").await;
    app.tell().await;
    let (posts, request) = (
        app.fake.count("chat.postMessage"),
        app.requests().await.remove(0),
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
        used: None,
    };
    let slack = app.restarted();
    assert_eq!(
        hallpass_access::Channel::deliver(&slack, &told).await,
        Delivery::Done
    );
    assert_eq!(app.fake.count("chat.postMessage"), posts);
}

#[tokio::test]
async fn a_read_that_fails_denies_nothing() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let press = app.press(
        "cai",
        "deny",
        &request.id.to_string(),
        &app.head(request.id),
    );
    app.store.fail_reads(1);
    app.send(&press).await;
    let said = until("an answer", || app.fake.whispers("UCAI").pop()).await;
    assert!(
        said.starts_with("That didn't work; nothing changed. Reference "),
        "{said}"
    );
    assert_eq!(app.state(request.id).await, "pending");
}

#[tokio::test]
async fn a_press_that_nobody_confirms_is_not_told_as_undone() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "Admin").await;
    let press = app.approval("cai", request.id);
    app.store.fail_after_commit(AfterCommit::AnswerLost);
    app.send(&press).await;
    let said = until("an answer", || app.fake.whispers("UCAI").pop()).await;
    assert!(
        said.starts_with("It is not known whether that worked"),
        "{said}"
    );
    assert_eq!(app.state(request.id).await, "approved");
}

/// Slack state during whose write another server handles a press.
struct Overtaken {
    store: Arc<MemoryStore>,
    access: Arc<Access>,
    next: Mutex<Option<(Actor, RequestId)>>,
}

#[async_trait]
impl SlackMemory for Overtaken {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, MemoryFault> {
        Ok(self.store.blob_get(key).await.unwrap())
    }

    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), MemoryFault> {
        self.store.blob_put(key, bytes).await.unwrap();
        if key.starts_with("slack/request/") {
            let next = self.next.lock().unwrap().take();
            if let Some((actor, id)) = next {
                self.access.approve(&actor, id, None).await.unwrap();
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_was_drawn_of_a_state_that_is_over_is_drawn_again() {
    let mut app = TestApp::new().await;
    let request = app.ask("ana", "Root").await;
    let address = Email::new("dee@corp.example").unwrap();
    let directory = app.access.directory();
    let dee = Identity::default().actor(&address, Origin::Web, &directory);
    app.slack = app.remembering(Arc::new(Overtaken {
        store: Arc::clone(&app.store),
        access: Arc::clone(&app.access),
        next: Mutex::new(Some((dee.unwrap(), request.id))),
    }));
    app.send(&app.approval("cai", request.id)).await;
    until("the newest state", || {
        let buttons = app.head(request.id).buttons();
        (!buttons.iter().any(|it| it == "approve")).then_some(())
    })
    .await;
    assert_eq!(app.state(request.id).await, "approved");
}
