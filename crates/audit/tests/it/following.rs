use hallpass_audit::{Alarm, AlarmKind, FaultKind, Followed};

use crate::world::{World, signer};

#[test]
fn what_does_not_come_next_is_named_and_the_place_stays() {
    let mut world = World::new();
    world.grow(5);
    let mut place = Followed::at(2, world.records[1].hash().to_owned());
    assert_eq!((place.seq(), place.hash()), (2, world.records[1].hash()));
    for (next, seq, kind) in [
        (5, 3, FaultKind::Missing),
        (4, 3, FaultKind::Missing),
        (2, 2, FaultKind::Reordered),
        (1, 1, FaultKind::Reordered),
    ] {
        let fault = place.step(&world.records[next - 1]).unwrap_err();
        assert_eq!((fault.seq, fault.kind), (seq, kind), "record {next}");
        assert_eq!((place.seq(), place.hash()), (2, world.records[1].hash()));
    }
    let fault = place.step(&world.rewrite(1).records[2]).unwrap_err();
    assert_eq!((fault.seq, fault.kind), (3, FaultKind::Forked));
    for record in &world.records[2..] {
        place.step(record).unwrap();
        assert_eq!((place.seq(), place.hash()), (record.seq(), record.hash()));
    }
}

#[test]
fn an_alarm_says_what_and_which_record_and_a_signer_nothing() {
    let alarm = Alarm {
        kind: AlarmKind::Fork,
        seq: 7,
        detail: "two records follow it".to_owned(),
    };
    let said = alarm.to_string();
    assert_eq!(
        said,
        format!(
            "{}: record 7: two records follow it",
            AlarmKind::Fork.name()
        )
    );
    let shown = format!("{:?}", signer(1));
    assert!(shown.starts_with("Signer"), "{shown}");
    assert!(
        !shown.contains("[1, 1") && !shown.contains("0101"),
        "{shown}"
    );
}
