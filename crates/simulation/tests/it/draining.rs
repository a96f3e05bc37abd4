//! Many simultaneous ends: by deadline, behind revocations by users, beside grants, and soon after
//! an outage.

use std::sync::Arc;

use hallpass_access::AccessStore;
use hallpass_assignments::OperationKind::{Create, Delete};
use hallpass_assignments::{
    AssignmentRow, AssignmentStore, Executor, ExecutorLimits, Observation, Pace, Verdict,
};
use hallpass_base::{Clock, HoldKey, IdSource, TimeSpan, Timestamp};
use hallpass_simulation::{Answers, Center, Habits, Ids, Refuses, Wall};
use hallpass_store::MemoryStore;
use hallpass_store_testing::{account_key, at, wanted, wanted_at_once, with_desired};

use crate::acting::run;

/// First end, in seconds of [`at`].
const ENDS: u64 = 3_600;
const LATE: u64 = 500_000;

struct Crowd {
    store: Arc<MemoryStore>,
    center: Arc<Center>,
    clock: Arc<Wall>,
    executor: Executor,
    pace: Arc<Pace>,
    ids: Arc<Ids>,
}

impl Crowd {
    fn new(seed: u64, habits: Habits) -> Self {
        let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(Wall::new(at(0))));
        let center = Arc::new(Center::new(Arc::clone(&clock), habits));
        let (ids, pace) = (Arc::new(Ids::new(seed)), Arc::default());
        Self {
            executor: executor(&store, &center, &clock, &ids, &pace),
            pace,
            store,
            center,
            clock,
            ids,
        }
    }

    fn another(&self) -> Executor {
        let pace = Arc::default();
        executor(&self.store, &self.center, &self.clock, &self.ids, &pace)
    }

    async fn want(&self, key: &HoldKey, until: u64) {
        let asked = TimeSpan::between(at(0), self.clock.now()).as_seconds();
        let change = with_desired(wanted(key, until, asked));
        self.store.commit(change).await.unwrap();
    }

    async fn row(&self, key: &HoldKey) -> AssignmentRow {
        self.store.assignment(key).await.unwrap().unwrap()
    }

    async fn revoke(&self, key: &HoldKey) {
        let now = TimeSpan::between(at(0), self.clock.now()).as_seconds();
        let change = with_desired(wanted_at_once(&self.row(key).await, now));
        self.store.commit(change).await.unwrap();
    }

    async fn until(&self, what: &str, limit: TimeSpan, done: impl AsyncFn(&Self) -> bool) {
        let begun = self.clock.now();
        while !done(self).await {
            let lived = TimeSpan::between(begun, self.clock.now());
            assert!(lived < limit, "not within {limit}: {what}");
            self.executor.tick().await.unwrap();
            self.clock.advance(TimeSpan::seconds(1));
        }
    }

    async fn is_present(&self, key: &HoldKey) -> bool {
        matches!(
            self.row(key).await.execution.verdict,
            Verdict::Present { .. }
        )
    }

    async fn are_present(&self, keys: impl IntoIterator<Item = &HoldKey>) -> bool {
        for key in keys {
            if !self.is_present(key).await {
                return false;
            }
        }
        true
    }

    /// Makes `count` existing rows of different accounts with deadlines; the clock is before the
    /// first.
    async fn lined_up(&self, seed: u64, count: u64) -> Vec<(HoldKey, u64)> {
        let mut rows = Vec::new();
        for n in 0..count {
            // every deadline once, in an order from the seed
            let deadline = ENDS + (n * 37 + seed * 11) % 61 + 61 * (n / 61);
            let key = account_key(n, n);
            self.want(&key, deadline).await;
            rows.push((key, deadline));
        }
        self.until("all are there", TimeSpan::minutes(50), async |it| {
            it.are_present(rows.iter().map(|(key, _)| key)).await
        })
        .await;
        let left = TimeSpan::between(self.clock.now(), at(ENDS - 5));
        self.clock.advance(left);
        rows
    }

    async fn drained(&self, rows: &[(HoldKey, u64)], limit: TimeSpan) {
        self.until("all are gone", limit, async |it| {
            let present = it.center.present();
            !rows.iter().any(|(key, _)| present.contains(key))
        })
        .await;
    }

    fn deletes(&self) -> Vec<(Timestamp, HoldKey)> {
        let writes = self.center.writes_at().into_iter();
        let deletes = writes.filter(|(_, kind, _)| *kind == Delete);
        deletes.map(|(at, _, key)| (at, key)).collect()
    }
}

fn executor(
    store: &Arc<MemoryStore>,
    center: &Arc<Center>,
    clock: &Arc<Wall>,
    ids: &Arc<Ids>,
    pace: &Arc<Pace>,
) -> Executor {
    Executor::new(
        Arc::clone(store) as Arc<dyn AssignmentStore>,
        Arc::clone(center) as _,
        Arc::clone(clock) as Arc<dyn Clock>,
        Arc::clone(ids) as Arc<dyn IdSource>,
        ExecutorLimits::default(),
        Arc::clone(pace),
    )
}

fn deadlines(rows: &[(HoldKey, u64)], sent: &[(Timestamp, HoldKey)]) -> Vec<u64> {
    let of = |key: &HoldKey| rows.iter().find(|(it, _)| it == key).map(|it| it.1);
    sent.iter().filter_map(|(_, key)| of(key)).collect()
}

fn slow(seconds: u64) -> Habits {
    Habits {
        write_takes: TimeSpan::seconds(seconds),
        ..Habits::default()
    }
}

#[test]
fn ends_go_in_the_order_of_their_deadlines_and_none_is_refused() {
    for seed in 0..12 {
        run(async {
            let crowd = Crowd::new(seed, slow(6));
            let rows = crowd.lined_up(seed, 60).await;
            crowd.drained(&rows, TimeSpan::minutes(3)).await;
            let sent = deadlines(&rows, &crowd.deletes());
            assert_eq!(sent.len(), 60, "seed {seed}: each is removed once");
            assert!(sent.is_sorted(), "seed {seed}: {sent:?}");
            assert_eq!(crowd.center.calls()["delete"], 60, "seed {seed}");
        });
    }
}

#[test]
fn two_processes_over_one_store_keep_the_order_and_the_slots() {
    for seed in 0..12 {
        run(async {
            let crowd = Crowd::new(seed, slow(6));
            let other = crowd.another();
            let rows = crowd.lined_up(seed, 60).await;
            let mut rounds = 0;
            while crowd
                .center
                .present()
                .iter()
                .any(|key| rows.iter().any(|it| it.0 == *key))
            {
                let (one, two) = tokio::join!(crowd.executor.tick(), other.tick());
                one.unwrap();
                two.unwrap();
                assert!(crowd.center.running() <= 10, "seed {seed}");
                crowd.clock.advance(TimeSpan::seconds(1));
                rounds += 1;
                assert!(rounds < 300, "seed {seed}");
            }
            let sent = deadlines(&rows, &crowd.deletes());
            assert_eq!(sent.len(), 60, "seed {seed}");
            assert!(sent.is_sorted(), "seed {seed}: {sent:?}");
        });
    }
}

#[test]
fn what_a_person_takes_away_is_the_next_to_be_sent() {
    for seconds in 0..30 {
        run(async {
            let crowd = Crowd::new(seconds, slow(6));
            let held = account_key(500, 500);
            crowd.want(&held, LATE).await;
            crowd
                .until("it is there", TimeSpan::minutes(1), async |it| {
                    it.is_present(&held).await
                })
                .await;
            let rows = crowd.lined_up(seconds, 60).await;
            crowd.clock.advance(TimeSpan::minutes(2));
            for _ in 0..seconds {
                crowd.executor.tick().await.unwrap();
                crowd.clock.advance(TimeSpan::seconds(1));
            }
            let before = crowd.deletes().len();
            let in_line = 60 - before;
            crowd.revoke(&held).await;
            crowd.drained(&rows, TimeSpan::minutes(3)).await;
            let sent = crowd.deletes();
            assert_eq!(sent[before].1, held, "after {seconds} s, {in_line} in line");
            let rest = deadlines(&rows, &sent);
            assert!(rest.is_sorted(), "the others keep their order: {rest:?}");
        });
    }
}

#[test]
fn grants_have_a_slot_in_a_drain_and_never_fail_for_its_length() {
    run(async {
        let crowd = Crowd::new(3, slow(4));
        let rows = crowd.lined_up(3, 120).await;
        crowd
            .center
            .change_habits(|habits| habits.write_takes = TimeSpan::minutes(1));
        crowd.clock.advance(TimeSpan::minutes(3));
        crowd.executor.tick().await.unwrap();
        let asked: Vec<HoldKey> = (0..12).map(|n| account_key(700 + n, 700 + n)).collect();
        for key in &asked {
            crowd.want(key, LATE).await;
        }
        crowd.drained(&rows, TimeSpan::minutes(25)).await;
        let last = crowd.deletes().pop().unwrap().0;
        let writes = crowd.center.writes_at();
        let creates = writes
            .iter()
            .filter(|(_, kind, key)| *kind == Create && asked.contains(key));
        let meanwhile = creates.filter(|(at, ..)| *at < last).count();
        assert!(
            meanwhile >= 8,
            "{meanwhile} of 12 were sent while ends stood in line"
        );
        crowd
            .until("all are granted", TimeSpan::minutes(10), async |it| {
                it.are_present(&asked).await
            })
            .await;
        let sent = deadlines(&rows, &crowd.deletes());
        assert_eq!(sent.len(), 120);
        assert!(sent.is_sorted(), "{sent:?}");
    });
}

#[test]
fn after_an_outage_the_slots_are_full_within_five_seconds_and_the_rest_follows_in_order() {
    for answers in [Answers::None, Answers::Reads] {
        run(async {
            let crowd = Crowd::new(5, slow(6));
            let rows = crowd.lined_up(5, 60).await;
            crowd
                .center
                .change_habits(|habits| habits.answers = answers);
            let until = TimeSpan::minutes(5).after(crowd.clock.now());
            while crowd.clock.now() < until {
                crowd.executor.tick().await.unwrap();
                crowd.clock.advance(TimeSpan::seconds(1));
            }
            assert_eq!(crowd.deletes(), []);
            let tries = crowd
                .center
                .calls()
                .get("delete")
                .copied()
                .unwrap_or_default();
            assert!(tries <= 200, "{answers:?}: {tries}");

            crowd
                .center
                .change_habits(|habits| habits.answers = Answers::All);
            crowd
                .until("ten are sent", TimeSpan::seconds(5), async |it| {
                    it.center.running() == 10
                })
                .await;
            crowd.drained(&rows, TimeSpan::minutes(3)).await;
            let sent = deadlines(&rows, &crowd.deletes());
            assert_eq!(sent.len(), 60, "{answers:?}");
            assert!(sent.is_sorted(), "{answers:?}: {sent:?}");
        });
    }
}

/// Five hundred ends that came due while AWS did not answer for five minutes.
#[test]
fn of_500_ends_of_an_outage_each_is_sent_or_in_line_by_deadline_within_five_seconds() {
    run(async {
        let crowd = Crowd::new(15, slow(6));
        let mut rows = Vec::new();
        for n in 0..500 {
            let (key, deadline) = (account_key(n, n), ENDS + (n * 37) % 61);
            crowd.want(&key, deadline).await;
            rows.push((key, deadline));
        }
        crowd
            .until("all are there", TimeSpan::minutes(50), async |it| {
                it.are_present(rows.iter().map(|(key, _)| key)).await
            })
            .await;
        let left = TimeSpan::between(crowd.clock.now(), at(ENDS - 5));
        crowd.clock.advance(left);
        let none = |habits: &mut Habits| habits.answers = Answers::None;
        crowd.center.change_habits(none);
        let answers_again = TimeSpan::minutes(5).after(crowd.clock.now());
        while crowd.clock.now() < answers_again {
            crowd.executor.tick().await.unwrap();
            crowd.clock.advance(TimeSpan::seconds(1));
        }
        assert_eq!(crowd.deletes(), []);
        let all = |habits: &mut Habits| habits.answers = Answers::All;
        crowd.center.change_habits(all);
        for _ in 0..5 {
            crowd.executor.tick().await.unwrap();
            crowd.clock.advance(TimeSpan::seconds(1));
        }
        let (sent, now) = (crowd.deletes().len(), crowd.clock.now());
        assert_eq!(crowd.center.running(), 10, "every slot is used");
        let waiting = crowd.store.waiting(now).await.unwrap();
        let in_line = usize::try_from(waiting.ends).unwrap();
        assert_eq!(sent + in_line, 500, "no end waits for a pause: {waiting:?}");
        assert!(waiting.oldest_end <= Some(at(ENDS + 61)));
        crowd.drained(&rows, TimeSpan::minutes(8)).await;
        let sent = deadlines(&rows, &crowd.deletes());
        assert_eq!(sent.len(), 500);
        assert!(sent.is_sorted(), "{sent:?}");
    });
}

/// The reported cost of ends matches the AWS calls.
#[test]
fn the_calls_that_ends_cost_are_counted_as_they_are_made() {
    run(async {
        let crowd = Crowd::new(16, slow(6));
        let rows = crowd.lined_up(16, 40).await;
        crowd.executor.tick().await.unwrap();
        crowd.clock.advance(TimeSpan::minutes(2));
        let effort = |kind| crowd.pace.effort(kind);
        let asked = |crowd: &Crowd| crowd.center.calls().values().sum::<u64>();
        assert_eq!((effort(Create).done, effort(Delete).done), (40, 0));
        let before = (asked(&crowd), effort(Create).calls + effort(Delete).calls);
        crowd.drained(&rows, TimeSpan::minutes(3)).await;
        let seen_gone = async |it: &Crowd| it.pace.effort(Delete).done == 40;
        crowd
            .until("all are seen gone", TimeSpan::minutes(1), seen_gone)
            .await;
        let counted = effort(Create).calls + effort(Delete).calls - before.1;
        assert_eq!(counted, asked(&crowd) - before.0);
        assert!(effort(Delete).calls <= 3 * 40, "{:?}", effort(Delete));
    });
}

#[test]
fn an_operation_costs_three_calls_where_they_stand_in_line() {
    run(async {
        let crowd = Crowd::new(9, slow(6));
        let rows = crowd.lined_up(9, 60).await;
        crowd.executor.tick().await.unwrap();
        crowd.clock.advance(TimeSpan::minutes(2));
        let before = crowd.center.calls();
        crowd.drained(&rows, TimeSpan::minutes(3)).await;
        crowd
            .until("all are seen gone", TimeSpan::minutes(1), async |it| {
                for (key, _) in &rows {
                    if !matches!(it.row(key).await.execution.verdict, Verdict::Absent { .. }) {
                        return false;
                    }
                }
                true
            })
            .await;
        let mut calls = crowd.center.calls();
        for (name, count) in &mut calls {
            *count -= before.get(name).copied().unwrap_or_default();
        }
        let sum: u64 = calls.values().sum();
        assert!(sum <= 3 * 60, "{sum} calls for 60 ends: {calls:?}");
    });
}

impl Crowd {
    fn asked(&self, name: &str) -> u64 {
        self.center.calls().get(name).copied().unwrap_or_default()
    }
}

#[test]
fn what_a_person_loses_at_once_is_seen_in_few_listings() {
    for refuses in [Refuses::Nothing, Refuses::People] {
        run(async {
            let crowd = Crowd::new(12, slow(6));
            crowd
                .center
                .change_habits(|habits| habits.refuses = refuses);
            let mut rows = Vec::new();
            for n in 0..40 {
                let key = account_key(7, n);
                crowd.want(&key, ENDS + n).await;
                rows.push((key, ENDS + n));
            }
            crowd
                .until("all are there", TimeSpan::minutes(50), async |it| {
                    it.are_present(rows.iter().map(|(key, _)| key)).await
                })
                .await;
            let left = TimeSpan::between(crowd.clock.now(), at(ENDS - 120));
            crowd.clock.advance(left);
            crowd.executor.tick().await.unwrap();
            crowd.clock.advance(TimeSpan::seconds(115));
            let (by_target, by_person) = (crowd.asked("holders"), crowd.asked("held_by"));
            crowd
                .until("all are seen gone", TimeSpan::minutes(3), async |it| {
                    for (key, _) in &rows {
                        let row = it.row(key).await;
                        if !matches!(row.execution.verdict, Verdict::Absent { .. }) {
                            return false;
                        }
                    }
                    true
                })
                .await;
            assert!(crowd.center.present().is_empty(), "{refuses:?}");
            let by_target = crowd.asked("holders") - by_target;
            let by_person = crowd.asked("held_by") - by_person;
            if refuses == Refuses::Nothing {
                let sum = by_target + by_person;
                assert!(sum <= 25, "{by_target} by target, {by_person} by person");
            } else {
                // refused once, then not called again at each end
                assert!(by_person <= 3 && by_target >= 40, "{by_person} {by_target}");
            }
        });
    }
}

#[test]
fn those_who_ask_while_others_are_in_line_are_looked_up_together() {
    run(async {
        let crowd = Crowd::new(13, slow(100));
        for n in 0..4 {
            crowd.want(&account_key(n, n), LATE).await;
        }
        crowd
            .until(
                "four creates are under way",
                TimeSpan::seconds(5),
                async |it| it.center.running() == 4,
            )
            .await;
        let before = crowd.asked("holders");
        for n in 0..24 {
            crowd.want(&account_key(100 + n, 3), LATE).await;
            crowd.executor.tick().await.unwrap();
            crowd.clock.advance(TimeSpan::seconds(1));
        }
        let looks = crowd.asked("holders") - before;
        assert!((5..=13).contains(&looks), "{looks} listings for 24 people");
    });
}

#[test]
fn what_waited_for_a_listing_while_nobody_was_at_work_is_removed_and_holds_up_no_other() {
    run(async {
        let crowd = Crowd::new(14, slow(2));
        let (first, other) = (account_key(1, 1), account_key(2, 2));
        crowd.want(&first, ENDS).await;
        crowd.want(&other, ENDS + 60).await;
        crowd
            .until("both are there", TimeSpan::minutes(1), async |it| {
                it.are_present([&first, &other]).await
            })
            .await;
        let left = TimeSpan::between(crowd.clock.now(), at(ENDS));
        crowd.clock.advance(left);
        crowd
            .until("the first is removed", TimeSpan::seconds(30), async |it| {
                !it.center.present().contains(&first)
            })
            .await;
        crowd.center.give(&first);
        crowd
            .until("it is seen again", TimeSpan::seconds(30), async |it| {
                let execution = it.row(&first).await.execution;
                execution.deleted_at.is_some()
                    && matches!(execution.observation, Observation::Present { .. })
            })
            .await;
        crowd.clock.advance(TimeSpan::minutes(2));
        crowd
            .until("both are gone", TimeSpan::seconds(30), async |it| {
                it.center.present().is_empty()
            })
            .await;
    });
}
