//! Alarms: reported at begin and end once, despite several or repeated observers.

use hallpass_access::{Alarm, AlarmKind, AlarmState, Message};

use super::Store;
use crate::at;

const MAIL: &str = "mail";

fn alarm(kind: AlarmKind, state: AlarmState, second: u64) -> Alarm {
    Alarm {
        alarm: kind,
        state,
        since: at(1),
        at: at(second),
        text: format!("{kind} at {second}"),
    }
}

async fn told(store: &Store) -> Vec<Alarm> {
    let taken = store
        .take_notices(MAIL, at(900), at(990), 99)
        .await
        .unwrap();
    taken
        .into_iter()
        .map(|waiting| match waiting.message {
            Message::Alarm(alarm) => alarm,
            Message::Notice(_) | Message::Digest(_) | Message::Alert(_) => {
                panic!("expected an alarm")
            }
        })
        .collect()
}

pub async fn an_alarm_is_told_when_it_begins_and_when_it_is_over(store: Store) {
    store.open_channel(MAIL, at(0)).await.unwrap();
    let (guard, clocks) = (AlarmKind::Guard, AlarmKind::ClocksDisagree);
    let begun = alarm(guard, AlarmState::Begun, 1);
    let over = alarm(guard, AlarmState::Over, 5);
    let other = alarm(clocks, AlarmState::Begun, 3);
    assert!(!store.note_alarm(over.clone()).await.unwrap());
    assert!(store.note_alarm(begun.clone()).await.unwrap());
    assert!(!store.note_alarm(begun.clone()).await.unwrap());
    let later = alarm(guard, AlarmState::Begun, 2);
    assert!(
        !store.note_alarm(later).await.unwrap(),
        "it is open already"
    );
    assert!(store.note_alarm(other.clone()).await.unwrap());
    let mut standing = store.alarms().await.unwrap();
    standing.sort_by_key(|alarm| alarm.alarm);
    assert_eq!(standing, [other.clone(), begun.clone()]);
    assert!(store.note_alarm(over.clone()).await.unwrap());
    assert!(!store.note_alarm(over.clone()).await.unwrap());
    assert_eq!(
        store.alarms().await.unwrap().as_slice(),
        std::slice::from_ref(&other)
    );
    let again = alarm(guard, AlarmState::Begun, 8);
    assert!(store.note_alarm(again.clone()).await.unwrap());
    assert_eq!(told(&store).await, [begun, other, over, again]);
}

/// Two concurrent observers, as a server and an accidental second one.
pub async fn of_many_who_note_an_alarm_one_tells_it(store: Store) {
    store.open_channel(MAIL, at(0)).await.unwrap();
    let noting = (0..8).map(|second| {
        let store = store.clone();
        tokio::spawn(async move {
            let begun = alarm(AlarmKind::EndsOverdue, AlarmState::Begun, second);
            store.note_alarm(begun).await.unwrap()
        })
    });
    let mut changed = 0;
    for task in noting.collect::<Vec<_>>() {
        changed += u32::from(task.await.unwrap());
    }
    assert_eq!(changed, 1);
    assert_eq!(told(&store).await.len(), 1);
}
