use futures_util::FutureExt as _;
use hallpass_findings::events::{
    EventMemory as _, EventRecord, EventState, HandledEvent, IntakeFault,
};

use hallpass_base::{Clock as _, TimeSpan};

use crate::world::{World, body};

#[test]
fn an_event_that_comes_again_within_a_day_is_deleted_without_work() {
    let world = World::new(&[("m1", body("e1", "good")), ("m2", body("e1", "good"))]);
    let intake = world.intake(5);
    let round = intake.round().now_or_never().unwrap().unwrap();
    assert_eq!((round.received, round.handled, round.repeated), (2, 2, 0));
    for (hours, handled) in [(1, 1), (22, 1), (26, 2)] {
        world.pass(hours * 3_600);
        intake.forget().now_or_never().unwrap().unwrap();
        let again = World::new(&[("m3", body("e1", "good"))]);
        let message = again.0.lock().unwrap().queue.remove(0);
        world.0.lock().unwrap().queue.push(message);
        intake.round().now_or_never().unwrap().unwrap();
        let state = world.0.lock().unwrap();
        assert_eq!(
            (state.queue.len(), state.handled["e1"]),
            (0, handled),
            "{hours}"
        );
    }
}

#[test]
fn a_round_says_how_far_behind_it_is() {
    let of = |id: &str, time: &str| {
        body(id, "good").replacen('{', &format!("{{\"time\":\"{time}\","), 1)
    };
    let begin = World::new(&[]).now();
    let ago = |seconds| TimeSpan::seconds(seconds).before(begin).to_string();
    for (messages, lag) in [
        (vec![], None),
        (vec![("m1", body("e1", "good"))], None),
        (
            vec![
                ("m1", of("e1", &ago(5))),
                ("m2", of("e2", &ago(90))),
                ("m3", body("e3", "good")),
            ],
            Some(90),
        ),
        // a fast sender clock
        (vec![("m1", of("e1", "2999-01-01T00:00:00Z"))], Some(0)),
    ] {
        let world = World::new(&messages);
        let round = world.intake(5).round().now_or_never().unwrap().unwrap();
        assert_eq!(round.lag.map(TimeSpan::as_seconds), lag, "{messages:?}");
    }
}

#[test]
fn what_cannot_be_done_now_comes_again_and_is_parked_in_the_end() {
    let world = World::new(&[("m1", body("e1", "later")), ("m2", body("e2", "good"))]);
    let later = HandledEvent::Again("too many requests".to_owned());
    world
        .0
        .lock()
        .unwrap()
        .says
        .insert("later".to_owned(), later);
    let intake = world.intake(3);
    for expected in [1, 1, 0] {
        intake.round().now_or_never().unwrap().unwrap();
        assert_eq!(world.0.lock().unwrap().queue.len(), expected);
        world.pass(31);
    }
    let parked = world.parked(9).now_or_never().unwrap().unwrap();
    let [record] = parked.as_slice() else {
        panic!("{parked:?}")
    };
    assert_eq!(
        record.parked(),
        Some(("too many requests", body("e1", "later").as_str()))
    );
    assert_eq!(
        (record.source.as_str(), record.detail_type.as_str()),
        ("test", "later")
    );
}

#[test]
fn a_parked_event_that_is_sent_again_is_handled() {
    let world = World::new(&[("m1", body("e1", "good"))]);
    let record = EventRecord {
        key: hallpass_findings::events::EventKey::of_event("e1").unwrap(),
        source: String::new(),
        detail_type: String::new(),
        at: "2026-03-02T10:00:00Z".parse().unwrap(),
        state: EventState::Parked {
            why: "w".to_owned(),
            body: "b".to_owned(),
        },
    };
    let replayed = EventState::Replayed {
        why: "w".to_owned(),
        body: "b".to_owned(),
    };
    for (state, handled) in [(record.state.clone(), 0), (replayed, 1)] {
        let world = World(std::sync::Arc::clone(&world.0));
        let record = EventRecord {
            state,
            ..record.clone()
        };
        world.remember(&[record]).now_or_never().unwrap().unwrap();
        let message = World::new(&[("m1", body("e1", "good"))])
            .0
            .lock()
            .unwrap()
            .queue
            .remove(0);
        world.0.lock().unwrap().queue = vec![message];
        world.intake(5).round().now_or_never().unwrap().unwrap();
        assert_eq!(
            world
                .0
                .lock()
                .unwrap()
                .handled
                .get("e1")
                .copied()
                .unwrap_or_default(),
            handled
        );
    }
}

#[tokio::test]
async fn messages_stay_hidden_while_they_are_handled() {
    let world = World::new(&[("m1", body("e1", "good"))]);
    world.0.lock().unwrap().slow = 3;
    let round = world.intake(5).round().await.unwrap();
    assert_eq!(round.handled, 1);
    assert_eq!(world.0.lock().unwrap().hidden, 3);
}

#[test]
fn a_fault_of_the_queue_or_the_memory_is_said() {
    for (at, of_queue) in [(1, true), (3, false)] {
        let world = World::new(&[("m1", body("e1", "good"))]);
        world.0.lock().unwrap().mishap = Some((at, crate::world::Mishap::FailBefore));
        let error = world.intake(5).round().now_or_never().unwrap().unwrap_err();
        assert_eq!(matches!(error, IntakeFault::Queue(_)), of_queue, "{error}");
    }
}

#[test]
fn an_empty_queue_is_an_empty_round() {
    let round = World::new(&[])
        .intake(5)
        .round()
        .now_or_never()
        .unwrap()
        .unwrap();
    assert_eq!(round, hallpass_findings::events::EventRound::default());
}
