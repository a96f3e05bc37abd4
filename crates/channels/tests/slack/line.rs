//! AWS waits in a request's message; and alarms, sent once.

use hallpass_access::{
    AccessStore, Alarm, AlarmContext, AlarmKind, AlarmState, Change, Channel, Delivery,
    DesiredAssignment,
};
use hallpass_assignments::EndPriority;
use hallpass_base::TimeSpan;
use hallpass_channels::slack::ToldOfLine;
use hallpass_store_testing::account_key;

use crate::fake::Message;
use crate::test_app::TestApp;

async fn others(app: &TestApp, from: u64, count: u64) {
    let asked_at = TimeSpan::minutes(2).before(app.now());
    let desires = (from..from + count).map(|n| DesiredAssignment::Until {
        key: account_key(n, n),
        rev: None,
        until: TimeSpan::hours(9).after(app.now()),
        asked_at,
        haste: EndPriority::Ordinary,
    });
    let change = Change {
        desired: desires.collect(),
        ..Change::default()
    };
    app.store.commit(change).await.unwrap();
}

#[tokio::test]
async fn a_grant_in_line_is_told_how_long_and_its_message_is_edited_when_that_changes() {
    let app = TestApp::new().await;
    let request = app.ask("ana", "ReadOnly").await;
    let footer = || app.head(request.id).blocks().to_string();
    assert!(footer().contains("Approved, setting up"), "{}", footer());
    assert!(!footer().contains("set up before it"), "{}", footer());
    let mut before = 0;
    for (count, wanted) in [
        (400, "400 others are set up before it: up to 2 min"),
        (400, "801 others are set up before it: up to 5 min"),
    ] {
        others(&app, before, count).await;
        before += count;
        let edits = app.fake.count("chat.update");
        let mut told = ToldOfLine::default();
        app.slack.tell_line(&mut told).await;
        assert!(footer().contains(wanted), "{wanted}: {}", footer());
        assert_eq!(app.fake.count("chat.update"), edits + 1);
        // one more changes no step, and a new process edits nothing
        others(&app, 10_000 + before, 1).await;
        app.slack.tell_line(&mut told).await;
        assert_eq!(app.fake.count("chat.update"), edits + 1);
    }
}

#[tokio::test]
async fn an_alarm_is_posted_when_it_begins_and_when_it_is_over_once_each() {
    let app = TestApp::new().await;
    let now = app.now();
    let told = |state| AlarmContext {
        number: 3,
        alarm: Alarm {
            alarm: AlarmKind::Guard,
            state,
            since: now,
            at: now,
            text: "`g` last reported 11m ago <!channel>.".to_owned(),
        },
        attempts: 0,
    };
    for state in [AlarmState::Begun, AlarmState::Over] {
        for slack in [app.slack.clone(), app.restarted()] {
            assert_eq!(slack.deliver_alarm(&told(state)).await, Delivery::Done);
        }
    }
    let desk = app.fake.desk();
    let texts: Vec<&str> = desk.messages.iter().map(Message::text).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts[0].starts_with(":red_circle: A guard needs attention."),
        "{texts:?}"
    );
    assert!(
        texts[1].starts_with(":large_green_circle: Over: A guard needs"),
        "{texts:?}"
    );
    assert!(!texts[0].contains("<!channel>"), "{texts:?}");
}
