//! Every call fails or crashes before or after its effect: an event is handled again or has a
//! stored outcome, never lost.

use futures_util::FutureExt as _;
use hallpass_findings::events::{EventKey, HandledEvent};

use crate::world::{MISHAPS, World, body};

fn world() -> World {
    let mut bodies: Vec<(String, String)> = (0..25)
        .map(|it| (format!("m{it}"), body(&format!("e{it}"), "good")))
        .collect();
    bodies.push(("m-twin".to_owned(), body("e3", "good")));
    bodies.push(("m-poison".to_owned(), "no event".to_owned()));
    bodies.push(("m-refused".to_owned(), body("e-refused", "refused")));
    bodies.push(("m-unwanted".to_owned(), body("e-unwanted", "unwanted")));
    let bodies: Vec<(&str, String)> = bodies
        .iter()
        .map(|(id, body)| (id.as_str(), body.clone()))
        .collect();
    let world = World::new(&bodies);
    let refused = HandledEvent::Refused("broken".to_owned());
    world
        .0
        .lock()
        .unwrap()
        .says
        .insert("refused".to_owned(), refused);
    world
}

fn live(world: &World, of: &str) {
    for _ in 0..20 {
        let _ = world.intake(5).round().now_or_never();
        world.pass(61);
    }
    let state = world.0.lock().unwrap();
    assert_eq!(state.queue.len(), 0, "{of}");
    for number in 0..25 {
        let id = format!("e{number}");
        assert!(
            state
                .handled
                .get(&id)
                .is_some_and(|times| (1..=2).contains(times)),
            "{of}: {id}"
        );
        let record = state.memory.get(&EventKey::of_event(&id).unwrap());
        assert!(record.is_some_and(|it| it.parked().is_none()), "{of}: {id}");
    }
    let parked: Vec<_> = state
        .memory
        .values()
        .filter(|it| it.parked().is_some())
        .map(|it| it.key.as_str())
        .collect();
    assert_eq!(parked, ["e-refused", "message:m-poison"], "{of}");
    assert!(
        state
            .memory
            .contains_key(&EventKey::of_event("e-unwanted").unwrap()),
        "{of}"
    );
}

#[test]
fn nothing_is_lost_whatever_call_fails_or_stops_the_process() {
    let whole = world();
    live(&whole, "without a mishap");
    let calls = whole.0.lock().unwrap().calls;
    assert!(calls > 5);
    for mishap in MISHAPS {
        for at in 1..=calls {
            let world = world();
            world.0.lock().unwrap().mishap = Some((at, mishap));
            live(&world, &format!("{mishap:?} at call {at}"));
        }
    }
}
