use hallpass_base::Timestamp;
use hallpass_findings::events::{EventKey, EventMemory as _, EventRecord, EventState};

use crate::Place;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hour * 3_600).unwrap()
}

fn key(id: &str) -> EventKey {
    EventKey::of_event(id).unwrap()
}

fn record(id: &str, hour: i64, state: EventState) -> EventRecord {
    EventRecord {
        key: key(id),
        source: "s".into(),
        detail_type: "d".into(),
        at: at(hour),
        state,
    }
}

async fn events_are_known_for_as_long_as_is_asked_and_parked_ones_stay(place: Place) {
    let done = || EventState::Handled {
        outcome: "o".into(),
    };
    let (why, body): (String, String) = ("w".into(), "b".into());
    let parked = record(
        "parked",
        1,
        EventState::Parked {
            why: why.clone(),
            body: body.clone(),
        },
    );
    let replayed = record("replayed", 2, EventState::Replayed { why, body });
    {
        let store = place.open().await;
        let all = [
            record("old", 0, done()),
            record("new", 5, done()),
            parked.clone(),
            replayed.clone(),
        ];
        store.remember(&all).await.unwrap();
        store
            .remember(&[record("twice", 0, parked.state.clone())])
            .await
            .unwrap();
        store.remember(&[record("twice", 5, done())]).await.unwrap();
    }
    let store = place.open().await;
    let keys = ["old", "new", "parked", "replayed", "twice", "none"].map(key);
    let known = store.known(&keys, at(3)).await.unwrap();
    assert_eq!(
        known.iter().map(EventKey::as_str).collect::<Vec<_>>(),
        ["new", "parked", "twice"]
    );
    store.forget(at(3)).await.unwrap();
    let known = store.known(&keys, at(0)).await.unwrap();
    assert_eq!(
        known.iter().map(EventKey::as_str).collect::<Vec<_>>(),
        ["new", "parked", "twice"]
    );
    assert_eq!(store.parked(9).await.unwrap(), [parked.clone(), replayed]);
    assert_eq!(store.parked(1).await.unwrap(), [parked]);
}

crate::anywhere!(events_are_known_for_as_long_as_is_asked_and_parked_ones_stay);
