//! States of rules of alerts: stored with what they tell, and over what was read.

use hallpass_access::Message;
use hallpass_alerts::{AlertCommitError, AlertMessage, AlertWrite};

use super::Store;
use crate::testing::{an_alert, an_alert_state, at};

const MAIL: &str = "mail";

fn write(version: u64, message: Option<AlertMessage>) -> AlertWrite {
    let state = hallpass_alerts::AlertState {
        version,
        ..an_alert_state()
    };
    AlertWrite { state, message }
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
    assert_eq!(told(&store).await, [], "nothing of a refused write is told");
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
