//! Alert rule states: stored with their messages, and guarded by the state read.

use hallpass_access::Message;
use hallpass_alerts::{AlertCommitError, AlertMessage, AlertRowKey, AlertWrite, MuteStep};
use hallpass_audit::{Draft, Event, Origin};
use hallpass_base::AuditId;

use super::Store;
use crate::{an_alert, an_alert_state, at};

const MAIL: &str = "mail";

fn write(version: u64, message: Option<AlertMessage>) -> AlertWrite {
    let state = hallpass_alerts::AlertState {
        version,
        ..an_alert_state()
    };
    AlertWrite { state, message }
}

fn unmuted(version: u64) -> MuteStep {
    let id = AuditId::new(uuid::Uuid::from_u128(u128::from(version) + 1));
    let record = Draft::new(
        id,
        Event::AlertUnmuted,
        at(20),
        "ops@example.com",
        Origin::Cli,
    );
    let state = write(version, None).state;
    hallpass_alerts::unmute(
        state,
        &AlertRowKey::given("ben"),
        "the caller holds it",
        record,
    )
    .unwrap()
}

async fn told(store: &Store) -> Vec<AlertMessage> {
    let taken = store.take_notices(MAIL, at(900), at(990), 99);
    let messages = taken.await.unwrap().into_iter().map(|it| it.message);
    messages
        .map(|message| match message {
            Message::Alert(alert) => *alert,
            Message::Notice(_) | Message::Digest(_) | Message::Alarm(_) => panic!("only alerts"),
        })
        .collect()
}

pub async fn a_state_and_what_it_tells_are_stored_together(store: Store) {
    store.open_channel(MAIL, at(0)).await.unwrap();
    let rule = an_alert_state().rule;
    assert_eq!(store.alert_state(&rule).await.unwrap(), None);
    store.commit_alert(write(0, None)).await.unwrap();
    assert_eq!(told(&store).await, []);
    store
        .commit_alert(write(1, Some(an_alert())))
        .await
        .unwrap();
    let stored = store.alert_state(&rule).await.unwrap().unwrap();
    assert_eq!(stored, write(2, None).state);
    assert_eq!(store.alert_states().await.unwrap(), [stored]);
    assert_eq!(told(&store).await, [an_alert()]);
}

pub async fn a_state_is_written_over_the_version_that_was_read_and_no_other(store: Store) {
    store.open_channel(MAIL, at(0)).await.unwrap();
    store.commit_alert(write(0, None)).await.unwrap();
    store.commit_alert(write(1, None)).await.unwrap();
    for version in [0, 1, 3] {
        let refused = store.commit_alert(write(version, Some(an_alert()))).await;
        assert!(
            matches!(refused, Err(AlertCommitError::Raced(_))),
            "{version}: {refused:?}"
        );
    }
    assert_eq!(told(&store).await, [], "a refused write reports nothing");
}

pub async fn of_many_who_run_a_rule_one_tells(store: Store) {
    store.open_channel(MAIL, at(0)).await.unwrap();
    let running = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.commit_alert(write(0, Some(an_alert()))).await.is_ok() })
    });
    let mut stored = 0;
    for task in running.collect::<Vec<_>>() {
        stored += u32::from(task.await.unwrap());
    }
    assert_eq!(stored, 1);
    assert_eq!(told(&store).await.len(), 1);
}

pub async fn a_mute_is_stored_with_its_record_or_neither_is(store: Store) {
    let rule = an_alert_state().rule;
    store.commit_alert(write(0, None)).await.unwrap();
    for version in [0, 2] {
        let refused = store.commit_mute(unmuted(version)).await;
        assert!(
            matches!(refused, Err(AlertCommitError::Raced(_))),
            "{version}: {refused:?}"
        );
    }
    assert_eq!(store.records_from(1, 9).await.unwrap().len(), 0);
    store.commit_mute(unmuted(1)).await.unwrap();
    let stored = store.alert_state(&rule).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.mutes.len()), (2, 0));
    let records = store.records_from(1, 9).await.unwrap();
    let [record] = records.as_slice() else {
        panic!("{records:?}")
    };
    assert_eq!(record.event(), "alert.unmuted");
    assert_eq!(record.text("why"), Some("keys/unused [\"ben\"]"));
    assert_eq!(record.text("reason"), Some("the caller holds it"));
}
