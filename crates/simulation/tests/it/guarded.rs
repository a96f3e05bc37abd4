//! A guard beside the server (promise P11): ends happen without the server, nothing else is
//! removed, and the server records them correctly.

use hallpass_access::{EndCause, Extending, GrantState};
use hallpass_assignments::OperationKind::{Create, Delete};
use hallpass_audit::{AuditStore, Input, verify};
use hallpass_base::{Clock, GrantId, HoldKey, TimeSpan};
use hallpass_simulation::{
    GatePlan, GuardBeside, GuardView, Habits,
    Human::{Ana, Bo, Eve},
    World, check_all,
};
use hallpass_store::MemoryStore;
use proptest::prelude::*;

use crate::acting::{asking, grant, grants, run, take, writes_on};

const BOUND: TimeSpan = TimeSpan::seconds(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alive {
    Server,
    Guard,
    Both,
    Nobody,
}

pub(crate) struct Pair {
    pub(crate) world: World,
    /// `None` only during its restart.
    guard: Option<GuardBeside<MemoryStore>>,
}

impl Pair {
    pub(crate) async fn new(seed: u64, habits: Habits, plan: Option<GatePlan>) -> Self {
        let world = World::new(seed, habits, None);
        let guard = Some(GuardBeside::new(&world, "g", BOUND, plan).await);
        Self { world, guard }
    }

    pub(crate) fn guard(&self) -> &GuardBeside<MemoryStore> {
        self.guard.as_ref().unwrap()
    }

    pub(crate) async fn live(&mut self, seconds: u64, alive: Alive) {
        self.live_in_steps(seconds, 1, alive).await;
    }

    pub(crate) async fn live_in_steps(&mut self, seconds: u64, step: u64, alive: Alive) {
        for _ in 0..seconds / step {
            if matches!(alive, Alive::Server | Alive::Both) {
                self.tick_server().await;
            }
            if matches!(alive, Alive::Guard | Alive::Both) {
                self.tick_guard().await;
            }
            self.world.clock.advance(TimeSpan::seconds(step));
        }
    }

    pub(crate) async fn come_back(&mut self, plan: Option<GatePlan>) {
        self.world.restart_planned(plan);
        let access = std::sync::Arc::clone(&self.world.access);
        let heed = async {
            access.apply_guard_removals().await;
        };
        if !self.world.until_stopped(heed).await {
            self.world.restart();
        }
    }

    async fn tick_server(&mut self) {
        if !self.world.until_stopped(self.world.tick()).await {
            self.world.restart();
        }
    }

    async fn tick_guard(&mut self) {
        if !self.guard().tick().await {
            let stopped = self.guard.take().unwrap();
            self.guard = Some(stopped.restart().await);
        }
    }

    pub(crate) async fn settle(&mut self) {
        for _ in 0..20 {
            self.live_in_steps(120, 4, Alive::Both).await;
            let all = grants(&self.world).await;
            if all.iter().all(hallpass_access::Grant::is_over) {
                break;
            }
        }
        self.live_in_steps(120, 10, Alive::Both).await;
    }

    pub(crate) fn is_there(&self, key: &HoldKey) -> bool {
        self.world.center.present().contains(key)
    }

    pub(crate) async fn extend(&self, id: GrantId, seconds: u64) {
        let (ana, by) = (
            self.world.actor(Ana),
            Extending::by(TimeSpan::seconds(seconds)),
        );
        self.world.access.extend(&ana, id, by, None).await.unwrap();
    }

    pub(crate) async fn events(&self, event: &str) -> usize {
        let records = self.world.store.records_from(1, 10_000).await.unwrap();
        records.iter().filter(|it| it.event() == event).count()
    }

    pub(crate) fn journaled(&self, event: &str) -> usize {
        let records = self.guard().papers.records();
        records.iter().filter(|it| it.event() == event).count()
    }

    pub(crate) async fn check(&self, standing: &[HoldKey], case: &str) {
        if let Err(broken) = check_all(&self.world, standing).await {
            panic!("{case}: {broken:#?}\n{:#?}", grants(&self.world).await);
        }
        let records = self.guard().papers.records();
        let inputs = records.iter().map(|record| Input {
            place: record.seq().to_string(),
            named: None,
            bytes: record.canonical().as_bytes().to_vec(),
        });
        let found = verify(inputs.collect::<Vec<_>>(), &[]);
        assert!(found.is_ok(), "{case}: the journal: {found:?}");
    }
}

pub(crate) fn cause_of(state: &GrantState) -> &'static str {
    match state {
        GrantState::Ending { cause, .. } | GrantState::Ended { cause, .. } => cause.name(),
        other => other.name(),
    }
}

fn closing(state: &GrantState) -> (String, bool, String) {
    match state {
        GrantState::Ended {
            cause,
            removed,
            why,
            ..
        } => (cause.name().to_owned(), *removed, why.name().to_owned()),
        other => panic!("{other:?}"),
    }
}

fn by_guard() -> (String, bool, String) {
    ("guard".to_owned(), true, "guard".to_owned())
}

#[test]
fn a_server_that_stopped_for_days_finds_its_ends_made_by_the_guard() {
    for set in ["ReadOnly", "oncall"] {
        run(async {
            let mut pair = Pair::new(71, Habits::default(), None).await;
            let id = take(&pair.world, Ana, set, TimeSpan::seconds(60)).await;
            let key = grant(&pair.world, id).await.key;
            pair.live(20, Alive::Both).await;
            assert!(pair.is_there(&key));
            pair.live(60 + 60 + 30, Alive::Guard).await;
            assert!(!pair.is_there(&key), "{set}: still there");
            pair.live_in_steps(3 * 86_400, 60, Alive::Guard).await;
            pair.come_back(None).await;
            pair.settle().await;
            let grant = grant(&pair.world, id).await;
            assert_eq!(closing(&grant.state), by_guard(), "{set}");
            let GrantState::Ended { cause, .. } = &grant.state else {
                panic!()
            };
            let EndCause::Guard { guard, removed_at } = cause else {
                panic!()
            };
            assert_eq!(guard, "g");
            assert!(*removed_at < TimeSpan::minutes(4).after(grant.scheduled_at));
            assert_eq!(writes_on(&pair.world, &key), [Create, Delete]);
            assert_eq!(pair.events("drift.missing").await, 0);
            pair.check(&[], set).await;
            let records = pair.world.store.records_from(1, 10_000).await.unwrap();
            let end = records
                .iter()
                .find(|it| it.event() == "end.succeeded")
                .unwrap();
            assert_eq!(
                (end.text("reason"), end.text("why")),
                (Some("guard"), Some("guard"))
            );
            assert_eq!(end.fields().get("removed"), Some(&true.into()));
        });
    }
}

#[test]
fn a_server_that_stood_still_while_it_read_journals_says_who_ended_it_all_the_same() {
    for set in ["ReadOnly", "oncall"] {
        run(async {
            let mut pair = Pair::new(74, Habits::default(), None).await;
            let id = take(&pair.world, Ana, set, TimeSpan::seconds(60)).await;
            let key = grant(&pair.world, id).await.key;
            pair.live(20, Alive::Both).await;
            pair.world.journals.stand_still().await;
            pair.live(60 + 60 + 30, Alive::Guard).await;
            assert!(!pair.is_there(&key), "{set}: still there");
            pair.live(30, Alive::Server).await;
            let grant = grant(&pair.world, id).await;
            assert_eq!(closing(&grant.state), by_guard(), "{set}");
            assert_eq!(pair.events("drift.missing").await, 0);
            pair.settle().await;
            pair.check(&[], set).await;
        });
    }
}

#[test]
fn the_guard_leaves_alone_what_a_living_server_ends_in_time() {
    run(async {
        let mut pair = Pair::new(72, Habits::default(), None).await;
        let id = take(&pair.world, Ana, "ReadOnly", TimeSpan::seconds(60)).await;
        pair.settle().await;
        assert_eq!(cause_of(&grant(&pair.world, id).await.state), "expired");
        assert_eq!(pair.journaled("guard.ending"), 0);
        pair.check(&[], "in time").await;
    });
}

#[test]
fn standing_access_survives_a_dead_server_and_a_guard() {
    for set in ["ReadOnly", "oncall"] {
        run(async {
            let mut pair = Pair::new(73, Habits::default(), None).await;
            let key = match set {
                "oncall" => pair.world.group_key(Ana).unwrap(),
                set => pair.world.key(Ana, set).unwrap(),
            };
            pair.world.center.give(&key);
            let id = take(&pair.world, Ana, set, TimeSpan::seconds(60)).await;
            pair.live(20, Alive::Both).await;
            pair.live_in_steps(7_200, 5, Alive::Guard).await;
            assert!(pair.is_there(&key));
            pair.come_back(None).await;
            pair.settle().await;
            assert_eq!(cause_of(&grant(&pair.world, id).await.state), "expired");
            pair.check(&[key], set).await;
        });
    }
}

#[test]
fn access_that_somebody_gives_after_an_end_was_seen_is_not_ours_to_remove() {
    run(async {
        let mut pair = Pair::new(74, Habits::default(), None).await;
        take(&pair.world, Ana, "ReadOnly", TimeSpan::seconds(60)).await;
        let key = pair.world.key(Ana, "ReadOnly").unwrap();
        pair.live(80, Alive::Both).await;
        assert!(!pair.is_there(&key));
        pair.world.center.give(&key);
        pair.live_in_steps(7_200, 5, Alive::Guard).await;
        assert!(pair.is_there(&key), "the server had seen the end");
        let id = take(&pair.world, Bo, "ReadOnly", TimeSpan::seconds(60)).await;
        let key = grant(&pair.world, id).await.key;
        pair.live(20, Alive::Both).await;
        pair.live(150, Alive::Guard).await;
        assert!(!pair.is_there(&key));
        pair.world.center.give(&key);
        let stopped = pair.guard.take().unwrap();
        pair.guard = Some(stopped.restart().await);
        pair.live_in_steps(7_200, 5, Alive::Guard).await;
        assert!(pair.is_there(&key), "the guard had seen the end");
    });
}

#[test]
fn an_extension_in_the_newest_copy_is_honoured() {
    run(async {
        let mut pair = Pair::new(75, Habits::default(), None).await;
        let id = take(&pair.world, Ana, "ReadOnly", TimeSpan::seconds(60)).await;
        let key = grant(&pair.world, id).await.key;
        pair.live(20, Alive::Both).await;
        pair.extend(id, 600).await;
        pair.live(500, Alive::Guard).await;
        assert!(pair.is_there(&key));
        pair.live(250, Alive::Guard).await;
        assert!(!pair.is_there(&key));
        pair.come_back(None).await;
        pair.settle().await;
        assert_eq!(closing(&grant(&pair.world, id).await.state), by_guard());
        pair.check(&[], "extended").await;
    });
}

#[test]
fn what_a_guard_removed_before_the_newest_end_is_created_again_within_one_tick_and_said() {
    for set in ["ReadOnly", "oncall"] {
        for lag in [0, 5, 30] {
            run(async {
                let habits = Habits {
                    listing_lag: TimeSpan::seconds(lag),
                    ..Habits::default()
                };
                let mut pair = Pair::new(76 + lag, habits, None).await;
                let id = take(&pair.world, Ana, set, TimeSpan::seconds(100)).await;
                let key = grant(&pair.world, id).await.key;
                pair.live(60, Alive::Both).await;
                let before = pair.guard().copy().await.unwrap();
                pair.guard().show(GuardView::Before(before));
                pair.extend(id, 2_000).await;
                let mut gone = None;
                for second in 0..300 {
                    pair.live(1, Alive::Both).await;
                    let there = pair.is_there(&key);
                    match gone {
                        None if !there => gone = Some(second),
                        Some(since) if there => {
                            // detected, journaled, read, created: 4 s of them AWS's time
                            assert!(
                                second - since <= 12 + lag,
                                "{set}, lag {lag}: {since}..{second}"
                            );
                            break;
                        }
                        _ => {}
                    }
                }
                assert!(gone.is_some(), "{set}: the guard did nothing");
                assert!(pair.is_there(&key), "{set}, lag {lag}");
                assert_eq!(pair.events("drift.guard").await, 1);
                assert_eq!(grant(&pair.world, id).await.state.name(), "active");
                // it stays: the guard does not repeat a completed end
                pair.live(300, Alive::Both).await;
                assert!(pair.is_there(&key), "{set}, lag {lag}");
                assert_eq!(writes_on(&pair.world, &key), [Create, Delete, Create]);
                pair.guard().show(GuardView::Live);
                pair.settle().await;
                let ended = closing(&grant(&pair.world, id).await.state);
                let expired = ("expired".to_owned(), true, "removed".to_owned());
                assert_eq!(ended, expired, "its own end is the server's");
                assert_eq!(pair.events("drift.missing").await, 0);
                pair.check(&[], set).await;
            });
        }
    }
}

#[test]
fn what_aws_refuses_to_create_again_is_over() {
    run(async {
        let mut pair = Pair::new(77, Habits::default(), None).await;
        let id = take(&pair.world, Ana, "ReadOnly", TimeSpan::seconds(60)).await;
        pair.live(30, Alive::Both).await;
        let before = pair.guard().copy().await.unwrap();
        pair.guard().show(GuardView::Before(before));
        pair.extend(id, 4_000).await;
        let refusal = "the set cannot be provisioned".to_owned();
        pair.world
            .center
            .change_habits(|habits| habits.create_fails = Some(refusal));
        pair.live(240, Alive::Both).await;
        let ended = grant(&pair.world, id).await;
        assert_eq!(cause_of(&ended.state), "guard", "{:?}", ended.state);
        pair.guard().show(GuardView::Live);
        pair.settle().await;
        pair.check(&[], "refused").await;
    });
}

#[test]
fn of_overlapping_grants_the_last_counts_for_the_guard_too() {
    run(async {
        let mut pair = Pair::new(78, Habits::default(), None).await;
        let first = take(&pair.world, Ana, "ReadOnly", TimeSpan::seconds(60)).await;
        let key = grant(&pair.world, first).await.key;
        pair.live(30, Alive::Both).await;
        let second = take(&pair.world, Ana, "ReadOnly", TimeSpan::seconds(200)).await;
        pair.live(10, Alive::Both).await;
        pair.live(150, Alive::Guard).await;
        assert!(pair.is_there(&key));
        pair.live(150, Alive::Guard).await;
        assert!(!pair.is_there(&key));
        pair.come_back(None).await;
        pair.settle().await;
        let causes = [first, second].map(|id| (id, by_guard()));
        for (id, wanted) in causes {
            let state = grant(&pair.world, id).await.state;
            assert_eq!(closing(&state), wanted);
        }
        pair.check(&[], "overlap").await;
    });
}

#[test]
fn who_took_it_away_stays_on_record_when_the_guard_finished_it() {
    run(async {
        let mut pair = Pair::new(79, Habits::default(), None).await;
        let id = take(&pair.world, Ana, "ReadOnly", TimeSpan::hours(4)).await;
        let key = grant(&pair.world, id).await.key;
        pair.live(20, Alive::Both).await;
        let eve = pair.world.actor(Eve);
        pair.world
            .access
            .revoke(&eve, id, "stolen laptop", None)
            .await
            .unwrap();
        pair.live(120, Alive::Guard).await;
        assert!(!pair.is_there(&key));
        pair.come_back(None).await;
        pair.settle().await;
        let (cause, removed, why) = closing(&grant(&pair.world, id).await.state);
        assert_eq!(
            (cause.as_str(), removed, why.as_str()),
            ("revoked", true, "guard")
        );
        pair.check(&[], "revoked").await;
    });
}

#[test]
fn a_grant_whose_server_died_before_it_saw_the_access_ends_too() {
    // seconds the server lives after the request: before sending, while AWS works, before reading
    for lived in 1..8 {
        run(async {
            let mut pair = Pair::new(80, Habits::default(), None).await;
            let id = take(&pair.world, Ana, "ReadOnly", TimeSpan::seconds(60)).await;
            let key = grant(&pair.world, id).await.key;
            pair.live(lived, Alive::Server).await;
            pair.live(150, Alive::Guard).await;
            assert!(!pair.is_there(&key), "after {lived} s");
            pair.come_back(None).await;
            pair.settle().await;
            pair.check(&[], &format!("after {lived} s")).await;
        });
    }
}

#[test]
fn a_copy_from_before_a_restore_removes_nothing_that_is_newer() {
    run(async {
        let mut pair = Pair::new(81, Habits::default(), None).await;
        let id = take(&pair.world, Ana, "ReadOnly", TimeSpan::seconds(60)).await;
        let key = grant(&pair.world, id).await.key;
        pair.live(20, Alive::Both).await;
        let backup = pair.guard().copy().await.unwrap();
        pair.extend(id, 3_000).await;
        pair.live(20, Alive::Both).await;
        pair.guard().show(GuardView::Before(backup.clone()));
        pair.live(500, Alive::Guard).await;
        assert!(pair.is_there(&key), "removed by a restored copy");
        assert_eq!(pair.journaled("guard.blind"), 1);
        // also not after the guard restarts
        let stopped = pair.guard.take().unwrap();
        pair.guard = Some(stopped.restart().await);
        pair.live(500, Alive::Guard).await;
        assert!(pair.is_there(&key));
        pair.live(2_300, Alive::Guard).await;
        assert!(!pair.is_there(&key));
        pair.guard().show(GuardView::Live);
        pair.come_back(None).await;
        pair.settle().await;
        pair.check(&[], "restored").await;
    });
}

#[test]
fn two_guards_do_not_fight() {
    run(async {
        let mut pair = Pair::new(82, Habits::default(), None).await;
        let other = GuardBeside::new(&pair.world, "h", BOUND, None).await;
        let mut keys = Vec::new();
        for (who, set) in [
            (Ana, "ReadOnly"),
            (Bo, "ReadOnly"),
            (Ana, "oncall"),
            (Bo, "oncall"),
        ] {
            let id = take(&pair.world, who, set, TimeSpan::seconds(60)).await;
            keys.push(grant(&pair.world, id).await.key);
        }
        pair.live(30, Alive::Both).await;
        for _ in 0..200 {
            pair.live(1, Alive::Guard).await;
            assert!(other.tick().await);
        }
        assert!(keys.iter().all(|key| !pair.is_there(key)));
        pair.come_back(None).await;
        pair.settle().await;
        pair.check(&[], "two guards").await;
        for grant in grants(&pair.world).await {
            assert_eq!(closing(&grant.state), by_guard());
        }
    });
}

#[test]
fn an_end_that_aws_refuses_for_good_is_parked_by_the_guard_too() {
    run(async {
        let mut pair = Pair::new(83, Habits::default(), None).await;
        let id = take(&pair.world, Ana, "ReadOnly", TimeSpan::seconds(60)).await;
        let key = grant(&pair.world, id).await.key;
        pair.live(20, Alive::Both).await;
        pair.world.center.forget_person(&key.user);
        pair.live(600, Alive::Guard).await;
        let status = pair.guard().guard.status();
        assert_eq!((status.overdue, status.parked.len()), (0, 1), "{status:#?}");
        assert_eq!(pair.journaled("guard.refused"), 1);
        let before = writes_on(&pair.world, &key).len();
        pair.live_in_steps(3 * 3_600, 10, Alive::Guard).await;
        let tries = writes_on(&pair.world, &key).len() - before;
        assert!((2..=4).contains(&tries), "{tries} tries in three hours");
    });
}

#[test]
fn the_guard_needs_neither_server_nor_copy_once_it_knows() {
    run(async {
        let mut pair = Pair::new(84, Habits::default(), None).await;
        let id = take(&pair.world, Ana, "ReadOnly", TimeSpan::seconds(60)).await;
        let key = grant(&pair.world, id).await.key;
        pair.live(20, Alive::Both).await;
        pair.guard().show(GuardView::Nothing);
        let stopped = pair.guard.take().unwrap();
        pair.guard = Some(stopped.restart().await);
        pair.live(150, Alive::Guard).await;
        assert!(!pair.is_there(&key));
    });
}

/// A slow server clock is no reason to grant again after the guard ended access by AWS's time.
#[test]
fn a_server_whose_clock_is_behind_does_not_fight_the_guard() {
    run(async {
        let mut pair = Pair::new(85, Habits::default(), None).await;
        let id = take(&pair.world, Ana, "ReadOnly", TimeSpan::seconds(600)).await;
        let key = grant(&pair.world, id).await.key;
        pair.live(20, Alive::Both).await;
        let ends_at = grant(&pair.world, id).await.ends_at;
        let removal = pair
            .removed_at(&key, TimeSpan::seconds(61).after(ends_at))
            .await;
        pair.world.center.take(&key);
        pair.live(60, Alive::Server).await;
        assert_eq!(closing(&grant(&pair.world, id).await.state), by_guard());
        assert!(
            pair.world.clock.now() < removal,
            "by the server's clock it is still to come"
        );
        assert_eq!(writes_on(&pair.world, &key), [Create]);
    });
}

impl Pair {
    async fn removed_at(
        &self,
        key: &HoldKey,
        at: hallpass_base::Timestamp,
    ) -> hallpass_base::Timestamp {
        use hallpass_audit::{Draft, Event, Head, Origin, seal};
        use hallpass_guard::Journal;
        let copy = self.guard().copy().await.unwrap();
        let end = copy.ends.iter().find(|end| end.key == *key).unwrap();
        let id = hallpass_base::AuditId::new(uuid::Uuid::from_u128(7 << 76 | 1 << 63));
        let draft = Draft::new(id, Event::GuardEnded, at, "g", Origin::System)
            .guarded(&end.key, end.until, end.rev, &end.grants)
            .removed(true, "removed");
        let last = self.guard().papers.records().last().map(|last| Head {
            seq: last.seq(),
            hash: last.hash().to_owned(),
            time: at,
        });
        let record = seal(draft, last.as_ref()).unwrap();
        self.guard().papers.append(&record).await.unwrap();
        at
    }
}

#[derive(Clone, Debug)]
enum Deed {
    Ask(bool, bool, u64),
    Extend(usize, u64),
    Release(usize),
    Live(u64, Alive),
    Show(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    let alive = prop_oneof![
        4 => Just(Alive::Both),
        2 => Just(Alive::Guard),
        2 => Just(Alive::Server),
        1 => Just(Alive::Nobody),
    ];
    prop_oneof![
        4 => (any::<bool>(), any::<bool>(), 5_u64..150).prop_map(|(ana, group, s)| Deed::Ask(ana, group, s)),
        2 => (any::<usize>(), 30_u64..300).prop_map(|(n, s)| Deed::Extend(n, s)),
        1 => any::<usize>().prop_map(Deed::Release),
        6 => (1_u64..120, alive).prop_map(|(s, alive)| Deed::Live(s, alive)),
        1 => (0_u8..3).prop_map(Deed::Show),
    ]
}

impl Pair {
    async fn act(&mut self, deed: &Deed) {
        let live: Vec<_> = grants(&self.world)
            .await
            .into_iter()
            .filter(hallpass_access::Grant::is_hold)
            .collect();
        let pick = |n: usize| live.get(n % live.len().max(1));
        match deed {
            Deed::Ask(ana, group, seconds) => {
                let who = if *ana { Ana } else { Bo };
                let set = if *group { "oncall" } else { "ReadOnly" };
                let wanted = asking(set, TimeSpan::seconds(*seconds));
                let actor = self.world.actor(who);
                let _: Result<_, _> = self.world.access.ask(&actor, &wanted, None).await;
            }
            Deed::Extend(n, seconds) => {
                if let Some(grant) = pick(*n) {
                    let who = if grant.holder.name == "ana" { Ana } else { Bo };
                    let by = Extending::by(TimeSpan::seconds(*seconds));
                    let actor = self.world.actor(who);
                    let extended = self.world.access.extend(&actor, grant.id, by, None);
                    let _: Result<_, _> = extended.await;
                }
            }
            Deed::Release(n) => {
                if let Some(grant) = pick(*n) {
                    let who = if grant.holder.name == "ana" { Ana } else { Bo };
                    let actor = self.world.actor(who);
                    let _: Result<_, _> = self.world.access.release(&actor, grant.id, None).await;
                }
            }
            Deed::Live(seconds, alive) => self.live(*seconds, *alive).await,
            Deed::Show(0) => self.guard().show(GuardView::Live),
            Deed::Show(1) => self.guard().show(GuardView::Nothing),
            Deed::Show(_) => {
                if let Some(copy) = self.guard().copy().await {
                    self.guard().show(GuardView::Before(copy));
                }
            }
        }
    }
}

fn live_through(seed: u64, deeds: &[Deed], lag: u64) {
    run(async {
        let habits = Habits {
            listing_lag: TimeSpan::seconds(lag),
            ..Habits::default()
        };
        let mut pair = Pair::new(seed, habits, None).await;
        for deed in deeds {
            pair.act(deed).await;
        }
        pair.guard().show(GuardView::Live);
        // both run and can read: live access exists, whatever was removed too early
        pair.live(120, Alive::Both).await;
        let now = pair.world.clock.now();
        for grant in grants(&pair.world).await {
            let is_steady =
                grant.state.name() == "active" && TimeSpan::seconds(5).after(now) < grant.ends_at;
            let there = pair.is_there(&grant.key);
            assert!(!is_steady || there, "seed {seed}: {grant:#?} is not there");
        }
        pair.settle().await;
        pair.check(&[], &format!("seed {seed}")).await;
        assert_eq!(pair.events("drift.missing").await, 0, "seed {seed}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whoever_is_alive_and_whatever_the_guard_sees_access_ends_and_what_is_live_stays(
        seed in any::<u64>(),
        deeds in proptest::collection::vec(deed(), 1..14),
        lag in prop_oneof![Just(0_u64), 1_u64..20],
    ) {
        live_through(seed, &deeds, lag);
    }
}
