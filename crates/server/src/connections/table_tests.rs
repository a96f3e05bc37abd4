use super::super::progress::CallId;
use super::*;

const NEAR: CountedSource =
    CountedSource::Counted(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
const FAR: CountedSource =
    CountedSource::Counted(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));

const CALL: CallId = 1;

struct TableWorld {
    table: Table,
    start: Instant,
    told: HashMap<Id, Arc<Notify>>,
}

impl TableWorld {
    fn new(max: usize, per_address: usize) -> Self {
        Self {
            table: Table::new(max, per_address),
            start: Instant::now(),
            told: HashMap::new(),
        }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    fn enter(&mut self, source: CountedSource, seconds: u64) -> Id {
        match self.table.admit(source, self.at(seconds)) {
            Admission::Admitted(id, told) => {
                self.told.insert(id, told);
                id
            }
            other => panic!("{other:?}"),
        }
    }

    fn comes(&mut self, source: CountedSource, seconds: u64) -> Result<Id, String> {
        match self.table.admit(source, self.at(seconds)) {
            Admission::After(told) => {
                let told = self.told.iter().find(|(_, one)| Arc::ptr_eq(one, &told));
                Ok(*told.unwrap().0)
            }
            Admission::Admitted(..) => Err("admitted".to_owned()),
            Admission::Soon => Err("soon".to_owned()),
            Admission::Refused(full) => Err(format!("{full:?}")),
        }
    }

    fn begins(&mut self, id: Id) {
        self.table.change(id, |one| one.call_begins(CALL));
    }

    fn ends(&mut self, id: Id, seconds: u64) {
        let now = self.at(seconds);
        self.table.change(id, |one| one.call_ends(CALL, now));
    }

    fn somebody(&mut self, id: Id) {
        self.table.change(id, ConnectionProgress::somebody_came);
    }

    fn waits(&mut self, id: Id, seconds: u64) {
        let now = self.at(seconds);
        self.table.change(id, |one| one.body_waits(CALL, now));
    }
}

#[test]
fn the_longest_idle_stranger_gives_way_first_then_waiting_calls_then_idle_people() {
    let mut world = TableWorld::new(5, 5);
    let ids: Vec<Id> = (0..5).map(|second| world.enter(NEAR, second)).collect();
    let [old, young, waiting, person, busy] = ids[..] else {
        panic!("{ids:?}")
    };
    world.begins(waiting);
    world.waits(waiting, 5);
    world.begins(person);
    world.somebody(person);
    world.ends(person, 6);
    world.begins(busy);
    for wanted in [old, young, waiting, person] {
        assert_eq!(world.comes(FAR, 10), Ok(wanted));
        assert_eq!(world.comes(FAR, 10), Err("soon".to_owned()), "not two");
        world.table.remove(wanted);
        let newcomer = world.enter(FAR, 10);
        world.begins(newcomer);
    }
    let nobody = world.comes(FAR, 11);
    assert_eq!(nobody, Err("Everywhere".to_owned()), "all are at work");
}

#[test]
fn a_call_that_waits_for_its_next_packet_is_left_alone_for_a_second() {
    let mut world = TableWorld::new(1, 1);
    let one = world.enter(NEAR, 0);
    world.begins(one);
    world.waits(one, 3);
    assert_eq!(world.comes(FAR, 3), Err("Everywhere".to_owned()));
    assert_eq!(world.comes(FAR, 4), Ok(one));
}

#[test]
fn an_address_with_its_fill_makes_room_among_its_own() {
    let mut world = TableWorld::new(10, 2);
    let far = world.enter(FAR, 0);
    let (first, second) = (world.enter(NEAR, 1), world.enter(NEAR, 2));
    world.begins(first);
    assert_eq!(
        world.comes(NEAR, 4),
        Ok(second),
        "not {far}, which is older"
    );
    assert_eq!(world.comes(NEAR, 4), Err("soon".to_owned()));
    world.table.remove(second);
    let third = world.enter(NEAR, 5);
    world.begins(third);
    assert_eq!(world.comes(NEAR, 9), Err("Address".to_owned()));
    world.enter(FAR, 9);
}

#[test]
fn those_behind_a_proxy_are_not_counted_as_one() {
    let mut world = TableWorld::new(10, 2);
    for second in 0..10 {
        world.enter(CountedSource::Many, second);
    }
    assert!(world.comes(CountedSource::Many, 11).is_ok());
}

#[test]
fn whoever_is_quicker_than_being_told_stays() {
    let mut world = TableWorld::new(2, 2);
    let (one, two) = (world.enter(NEAR, 0), world.enter(NEAR, 1));
    assert_eq!(world.comes(FAR, 2), Ok(one));
    assert!(world.table.gives_way(one));
    let now = world.at(2);
    let changed = world.table.change(one, |one| one.bytes_came(now));
    assert_eq!(changed, Changed::AsItWas, "a part of a header is no call");
    let changed = world.table.change(one, |one| one.call_begins(CALL));
    assert_eq!(changed, Changed::Stays);
    assert!(!world.table.gives_way(one));
    assert_eq!(world.comes(FAR, 2), Ok(two), "another address does");
    world.table.remove(two);
    world.enter(FAR, 3);
    world.ends(one, 4);
    world.table.remove(one);
    assert_eq!(world.table.len(), 1);
    world.enter(FAR, 5);
}

#[test]
fn some_are_let_go_when_the_process_needs_descriptors() {
    let mut world = TableWorld::new(10, 10);
    let ids: Vec<Id> = (0..4).map(|second| world.enter(NEAR, second)).collect();
    world.begins(ids[0]);
    let now = world.at(6);
    assert_eq!(world.table.shed(2, now).len(), 2);
    let let_go: Vec<bool> = ids.iter().map(|id| world.table.gives_way(*id)).collect();
    assert_eq!(let_go, [false, true, true, false]);
    assert_eq!(world.table.shed(10, now).len(), 1);
}

#[test]
fn nothing_is_left_of_connections_that_are_gone() {
    let mut world = TableWorld::new(3, 3);
    let ids: Vec<Id> = (0..3).map(|second| world.enter(NEAR, second)).collect();
    world.begins(ids[1]);
    assert_eq!(world.comes(NEAR, 5), Ok(ids[0]));
    for id in ids {
        world.table.remove(id);
        world.table.remove(id);
    }
    let Table { open, crowds, .. } = &world.table;
    assert!(open.is_empty() && crowds.near.is_empty());
    assert_eq!((crowds.all.open, crowds.all.leaving), (0, 0));
    assert!(crowds.all.queue.0.iter().all(BTreeSet::is_empty));
}

/// Compares counts and queue with a slow model over random events.
#[test]
fn the_queues_always_say_what_the_connections_say() {
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut world = TableWorld::new(8, 4);
    let mut ids: Vec<Id> = Vec::new();
    for second in 0..20_000 {
        let now = world.at(second);
        let source = [NEAR, FAR, CountedSource::Many][usize::try_from(random(3)).unwrap()];
        let pick = ids.get(usize::try_from(random(8)).unwrap()).copied();
        match (random(8), pick) {
            (0 | 1, _) => {
                if let Admission::Admitted(id, _) = world.table.admit(source, now) {
                    ids.push(id);
                }
            }
            (2, Some(id)) => {
                world.table.remove(id);
                ids.retain(|one| *one != id);
            }
            (3, Some(id)) => world.begins(id),
            (4, Some(id)) => world.ends(id, second),
            (5, Some(id)) => world.waits(id, second),
            (6, Some(id)) => world.somebody(id),
            (_, Some(id)) => {
                world.table.change(id, |one| one.write_waits(now));
            }
            (_, None) => {}
        }
        let table = &world.table;
        assert!(table.len() <= 8, "step {second}");
        let stays = |open: &&Open| open.fate == Fate::Stays && open.progress.place().is_some();
        let may = table.open.values().filter(stays).count();
        let queued: usize = table.crowds.all.queue.0.iter().map(BTreeSet::len).sum();
        assert_eq!(queued, may, "step {second}");
        let leaving = table.open.len()
            - table
                .open
                .values()
                .filter(|o| o.fate == Fate::Stays)
                .count();
        assert_eq!(table.crowds.all.leaving, leaving, "step {second}");
        let near: usize = table.crowds.near.values().map(|crowd| crowd.open).sum();
        let counted = table
            .open
            .values()
            .filter(|open| open.source != CountedSource::Many);
        assert_eq!(near, counted.count(), "step {second}");
    }
}
