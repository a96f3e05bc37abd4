//! Countersigned heads and alarms: each attempt to present another history.

use hallpass_audit::{
    AlarmKind, ExportLocation, KnownKeys, LogId, LookError, PublishedHead, WitnessMemory,
    WitnessWatch, head_key, look,
};
use hallpass_base::{TimeSpan, Timestamp};

use crate::world::{World, keys, minutes, server, signer};

struct Witness {
    memory: WitnessMemory,
    watch: WitnessWatch,
    known: KnownKeys,
}

impl Witness {
    fn new(now: Timestamp) -> Self {
        Self::from(WitnessMemory::first_look(now))
    }

    fn from(memory: WitnessMemory) -> Self {
        Self {
            watch: WitnessWatch::new(memory.clone()),
            known: KnownKeys::default(),
            memory,
        }
    }

    fn restart(&mut self) {
        let text = self.memory.text().unwrap();
        *self = Self::from(WitnessMemory::parse(&text).unwrap());
    }

    async fn look(
        &mut self,
        world: &World,
        now: Timestamp,
    ) -> (Vec<u64>, Option<(AlarmKind, u64)>) {
        let place = ExportLocation {
            source: world,
            prefix: "logs",
        };
        match look(place, &mut self.watch, &mut self.known, &keys(), now).await {
            Ok(concluded) => {
                self.memory = self.watch.memory().clone();
                let signed = concluded.countersign.iter().map(PublishedHead::seq);
                let alarm = concluded.alarm.map(|alarm| (alarm.kind, alarm.seq));
                (signed.collect(), alarm)
            }
            Err(LookError::Alarm(alarm)) => {
                self.restart();
                (Vec::new(), Some((alarm.kind, alarm.seq)))
            }
            Err(LookError::Unread(error)) => panic!("{error}"),
        }
    }
}

async fn seen() -> (World, Witness) {
    let mut world = World::new();
    world.grow(6).publish(minutes(6));
    let mut witness = Witness::new(minutes(7));
    assert_eq!(witness.look(&world, minutes(7)).await, (vec![6], None));
    world.grow(12).publish(minutes(60));
    assert_eq!(witness.look(&world, minutes(61)).await, (vec![12], None));
    (world, witness)
}

#[tokio::test]
async fn heads_that_continue_are_countersigned_once_also_over_restarts() {
    let (mut world, mut witness) = seen().await;
    assert_eq!(witness.look(&world, minutes(62)).await, (vec![], None));
    witness.restart();
    assert_eq!(witness.look(&world, minutes(63)).await, (vec![], None));
    world
        .grow(20)
        .publish(minutes(120))
        .grow(25)
        .publish(minutes(180))
        .grow(27);
    witness.restart();
    assert_eq!(
        witness.look(&world, minutes(181)).await,
        (vec![20, 25], None)
    );
    world.grow(27).publish(minutes(240)).publish(minutes(300));
    assert_eq!(witness.look(&world, minutes(301)).await, (vec![27], None));
}

#[tokio::test]
async fn a_head_of_records_that_were_seen_before_it_is_borne_out() {
    let (mut world, mut witness) = seen().await;
    world.grow(30);
    assert_eq!(witness.look(&world, minutes(90)).await, (vec![], None));
    let between = world.head_by(20, minutes(120), &server());
    world.put_head(&between);
    assert_eq!(witness.look(&world, minutes(121)).await, (vec![20], None));
}

#[tokio::test]
async fn a_first_look_says_from_where_it_vouches_and_signs_the_newest_head() {
    let mut world = World::new();
    world
        .grow(3)
        .publish(minutes(3))
        .grow(9)
        .publish(minutes(9));
    let mut whole = Witness::new(minutes(10));
    assert_eq!(whole.look(&world, minutes(10)).await, (vec![9], None));
    assert_eq!(whole.memory.first, Some(1));
    for seq in 1..=4 {
        let key = world.key_of(seq);
        world.objects.remove(&key);
    }
    let mut late = Witness::new(minutes(10));
    assert_eq!(late.look(&world, minutes(10)).await, (vec![9], None));
    assert_eq!(late.memory.first, Some(5));
}

#[tokio::test]
async fn unsigned_heads_of_before_are_followed_and_not_countersigned() {
    let mut world = World::new();
    world.grow(5).publish_unsigned(minutes(5));
    let mut witness = Witness::new(minutes(6));
    assert_eq!(witness.look(&world, minutes(6)).await, (vec![], None));
    world.grow(8).publish(minutes(60));
    assert_eq!(witness.look(&world, minutes(61)).await, (vec![8], None));
    // after signed heads, an unsigned one is refused
    world.grow(9).publish_unsigned(minutes(120));
    let found = witness.look(&world, minutes(121)).await;
    assert_eq!(found, (vec![], Some((AlarmKind::Forged, 9))));
}

#[tokio::test]
async fn an_operator_with_store_and_key_cannot_give_it_another_history() {
    let (world, witness) = seen().await;
    for from in [1, 4, 12] {
        let mut copy = Witness::from(witness.memory.clone());
        let found = copy.look(&world.rewrite(from), minutes(70)).await;
        assert_eq!(found, (vec![], Some((AlarmKind::Fork, 12))), "{from}");
    }
    let mut other = world.rewrite(11);
    for key in world
        .heads()
        .into_iter()
        .map(|(key, _)| key)
        .chain([world.key_of(12)])
    {
        other
            .objects
            .insert(key.clone(), world.objects[&key].clone());
    }
    other.grow(15).publish(minutes(120));
    let mut copy = Witness::from(witness.memory.clone());
    let found = copy.look(&other, minutes(121)).await;
    assert_eq!(found, (vec![], Some((AlarmKind::Fork, 13))));
    let (mut honest, mut witness) = (world, witness);
    honest.grow(15).publish(minutes(120));
    assert_eq!(witness.look(&honest, minutes(121)).await, (vec![15], None));
}

#[tokio::test]
async fn each_way_to_go_back_is_found() {
    let (world, witness) = seen().await;
    let now = minutes(130);
    let try_with = async |world: &World| {
        let mut copy = Witness::from(witness.memory.clone());
        copy.look(world, now).await
    };
    let cried = |kind, seq| (vec![], Some((kind, seq)));

    let mut older = World::new();
    older.grow(6).publish(minutes(6));
    assert_eq!(try_with(&older).await, cried(AlarmKind::Rollback, 12));

    let mut cut = world.clone();
    cut.objects.remove(&world.key_of(12));
    assert_eq!(try_with(&cut).await, cried(AlarmKind::Rollback, 12));

    let mut back = world.clone();
    let head = back.head_by(6, minutes(120), &server());
    back.put_head(&head);
    assert_eq!(try_with(&back).await, cried(AlarmKind::Rollback, 6));

    let mut twin = world.clone();
    let head = world.rewrite(12).head_by(12, minutes(120), &server());
    twin.put_head(&head);
    assert_eq!(try_with(&twin).await, cried(AlarmKind::Fork, 12));

    let mut other = world.clone();
    other.log = LogId::from_bytes([6; 16]);
    other.grow(14).publish(minutes(120));
    assert_eq!(try_with(&other).await, cried(AlarmKind::Fork, 14));
}

/// While one server's clock is ahead, other heads sort before its head.
#[tokio::test]
async fn a_head_named_by_a_clock_that_was_ahead_hides_none() {
    let (mut world, mut witness) = seen().await;
    let day = 24 * 60;
    world.grow(14).publish(minutes(day + 62));
    assert_eq!(witness.look(&world, minutes(63)).await, (vec![14], None));
    world.grow(16).publish(minutes(64));
    assert_eq!(witness.look(&world, minutes(65)).await, (vec![16], None));
    witness.restart();
    assert_eq!(witness.look(&world, minutes(66)).await, (vec![], None));
    world.grow(20).publish(minutes(120));
    assert_eq!(witness.look(&world, minutes(121)).await, (vec![20], None));
    world.grow(24).publish(minutes(day + 90));
    assert_eq!(
        witness.look(&world, minutes(day + 91)).await,
        (vec![24], None)
    );
    assert!(witness.memory.heads_ahead.is_empty());
}

/// State of an earlier release works: it took tomorrow's head for the last.
#[tokio::test]
async fn a_witness_that_waits_for_tomorrow_since_an_earlier_release_goes_on() {
    let (mut world, mut witness) = seen().await;
    let ahead = minutes(24 * 60 + 62);
    world.grow(14).publish(ahead);
    assert_eq!(witness.look(&world, minutes(63)).await, (vec![14], None));
    witness.memory.heads_to = Some(head_key(ahead));
    witness.memory.heads_ahead.clear();
    witness.restart();
    assert_eq!(witness.look(&world, minutes(64)).await, (vec![], None));
    world.grow(20).publish(minutes(120));
    assert_eq!(witness.look(&world, minutes(121)).await, (vec![20], None));
}

/// After a failover the next server's clock may be behind, so that its heads sort before older
/// ones.
#[tokio::test]
async fn heads_by_clocks_that_differ_are_followed_in_the_order_of_their_records() {
    let (mut world, mut witness) = seen().await;
    world.grow(20);
    let first = world.head_by(16, minutes(125), &server());
    let second = world.head_by(20, minutes(121), &server());
    world.put_head(&first).put_head(&second);
    let found = witness.look(&world, minutes(126)).await;
    assert_eq!(found, (vec![16, 20], None));
    witness.restart();
    assert_eq!(witness.look(&world, minutes(127)).await, (vec![], None));
    world.grow(25).publish(minutes(180));
    assert_eq!(witness.look(&world, minutes(181)).await, (vec![25], None));
    // a bad head among them is reported at every look
    world.grow(30);
    let first = world.head_by(26, minutes(245), &server());
    let second = world.head_by(30, minutes(241), &server());
    world.put_head(&first).put_head(&second);
    let key = world.key_of(28);
    world.objects.remove(&key);
    let found = witness.look(&world, minutes(246)).await;
    assert_eq!(found, (vec![26], Some((AlarmKind::Missing, 28))));
    witness.restart();
    let found = witness.look(&world, minutes(247)).await;
    assert_eq!(found, (vec![], Some((AlarmKind::Missing, 28))));
}

#[tokio::test]
async fn a_head_by_nobody_trusted_is_forged() {
    let (world, witness) = seen().await;
    let mut stranger = world.clone();
    stranger.grow(14);
    let head = stranger.head_by(14, minutes(120), &signer(9));
    stranger.put_head(&head);
    let mut garbage = world.clone();
    garbage
        .objects
        .insert("heads/2026/03/02/120000Z.json".to_owned(), b"{".to_vec());
    for (world, seq) in [(stranger, 14), (garbage, 13)] {
        let mut copy = Witness::from(witness.memory.clone());
        let found = copy.look(&world, minutes(121)).await;
        assert_eq!(found, (vec![], Some((AlarmKind::Forged, seq))));
    }
}

#[tokio::test]
async fn records_that_do_not_bear_a_head_out_are_named() {
    let (world, witness) = seen().await;
    let mut grown = world.clone();
    grown.grow(16).publish(minutes(120));
    let changed_by = |change: &dyn Fn(&mut World)| {
        let mut world = grown.clone();
        change(&mut world);
        world
    };
    let look = async |world: World| {
        let mut copy = Witness::from(witness.memory.clone());
        copy.look(&world, minutes(121)).await
    };
    let cried = |kind, seq| (vec![], Some((kind, seq)));

    let missing = changed_by(&|world| {
        let key = world.key_of(14);
        world.objects.remove(&key);
    });
    assert_eq!(look(missing).await, cried(AlarmKind::Missing, 14));

    let changed = changed_by(&|world| {
        let bytes = world.objects.get_mut(&grown.key_of(14)).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
    });
    let (signed, alarm) = look(changed).await;
    assert_eq!(
        (signed, alarm.map(|it| it.0)),
        (vec![], Some(AlarmKind::Changed))
    );

    let swapped = changed_by(&|world| {
        let (one, two) = (world.key_of(14), world.key_of(15));
        let first = world.objects[&one].clone();
        let second = world.objects.insert(two, first).unwrap();
        world.objects.insert(one, second);
    });
    let (_, alarm) = look(swapped).await;
    assert_eq!(alarm.map(|it| it.0), Some(AlarmKind::Reordered));

    let doubled = changed_by(&|world| {
        let other = world.rewrite(14);
        let key = other.key_of(14);
        world
            .objects
            .insert(key.clone(), other.objects[&key].clone());
    });
    assert_eq!(look(doubled).await, cried(AlarmKind::Fork, 14));
}

#[tokio::test]
async fn heads_before_a_bad_one_are_countersigned_nevertheless() {
    let (mut world, mut witness) = seen().await;
    world
        .grow(14)
        .publish(minutes(120))
        .grow(16)
        .publish(minutes(180));
    let key = world.key_of(15);
    world.objects.remove(&key);
    let found = witness.look(&world, minutes(181)).await;
    assert_eq!(found, (vec![14], Some((AlarmKind::Missing, 15))));
    let again = witness.look(&world, minutes(182)).await;
    assert_eq!(again, (vec![], Some((AlarmKind::Missing, 15))));
}

#[tokio::test]
async fn silence_is_records_that_grow_for_three_hours_without_a_head() {
    let (mut world, mut witness) = seen().await;
    assert_eq!(witness.look(&world, minutes(600)).await, (vec![], None));
    world.grow(13);
    assert_eq!(witness.look(&world, minutes(601)).await, (vec![], None));
    witness.restart();
    assert_eq!(
        witness.look(&world, minutes(601 + 179)).await,
        (vec![], None)
    );
    let silence = (vec![], Some((AlarmKind::Silence, 13)));
    assert_eq!(witness.look(&world, minutes(601 + 180)).await, silence);
    // a covering head ends the gap; another starts a new one
    world.publish(minutes(800)).grow(14);
    assert_eq!(witness.look(&world, minutes(801)).await, (vec![13], None));
    assert_eq!(
        witness.look(&world, minutes(801 + 179)).await,
        (vec![], None)
    );
    let later = witness.look(&world, minutes(801 + 180)).await;
    assert_eq!(later, (vec![], Some((AlarmKind::Silence, 14))));
}

/// The server's key can re-sign an old head, but that does not cover new records.
#[tokio::test]
async fn heads_that_stand_for_nothing_new_are_silence() {
    let (mut world, mut witness) = seen().await;
    world.grow(13);
    for hour in 0..3 {
        let stale = world.head_by(12, minutes(70 + hour * 60), &server());
        world.put_head(&stale);
        let found = witness.look(&world, minutes(71 + hour * 60)).await;
        assert_eq!(found, (vec![], None), "{hour}");
    }
    let stale = world.head_by(12, minutes(250), &server());
    world.put_head(&stale);
    let silence = (vec![], Some((AlarmKind::Silence, 13)));
    assert_eq!(witness.look(&world, minutes(251)).await, silence);
}

#[tokio::test]
async fn an_export_that_cannot_be_read_for_three_hours_is_silence_too() {
    let (_, witness) = seen().await;
    let looked = witness.memory.looked_at;
    let after = |minutes| {
        witness
            .memory
            .blind(TimeSpan::minutes(minutes).after(looked))
    };
    assert_eq!(after(179), None);
    assert_eq!(after(180).map(|alarm| alarm.kind), Some(AlarmKind::Silence));
}

#[tokio::test]
async fn records_that_come_late_are_waited_for() {
    // parallel export: the second object arrives first
    let (mut world, mut witness) = seen().await;
    world.grow(14);
    let late = world.key_of(13);
    let bytes = world.objects.remove(&late).unwrap();
    assert_eq!(witness.look(&world, minutes(90)).await, (vec![], None));
    world.objects.insert(late, bytes);
    world.publish(minutes(120));
    assert_eq!(witness.look(&world, minutes(121)).await, (vec![14], None));
}
