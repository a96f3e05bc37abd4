//! Grants compared with AWS in both directions (`access.md` §10.6): a row for each difference.

use hallpass_access::{AccessStore, EndCause, GrantState, Message, NoticeKind, OnRuleChange};
use hallpass_assignments::OperationKind::{Create, Delete};
use hallpass_audit::AuditStore;
use hallpass_base::{Clock, GrantId, HoldKey, TimeSpan};
use hallpass_rules::{RuleFile, Rules, load};
use hallpass_simulation::{
    GateMode, GatePlan, Habits,
    Human::{Ana, Bo},
    World,
};

use crate::acting::{ask, grant, run, take, writes_on};

const STRICT: &str = r#"{"statements": [{"ResourceType": "Account", "Resource": "*", "PermissionSet": "Root",
  "Approvers": ["cai@corp.example"]}], "group_statements": []}"#;

struct Case {
    world: World,
    id: GrantId,
    key: HoldKey,
}

async fn case(habits: Habits) -> Case {
    let world = World::new(140, habits, None);
    let opened = world.store.open_channel("test", world.clock.now()).await;
    opened.unwrap();
    let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(4)).await;
    take(&world, Bo, "ReadOnly", TimeSpan::hours(4)).await;
    world.live(TimeSpan::seconds(30)).await;
    let key = world.key(Ana, "ReadOnly").unwrap();
    Case { world, id, key }
}

impl Case {
    async fn state(&self) -> GrantState {
        grant(&self.world, self.id).await.state
    }

    async fn cause(&self) -> Option<EndCause> {
        match self.state().await {
            GrantState::Ended { cause, .. } => Some(cause),
            _ => None,
        }
    }

    fn is_there(&self) -> bool {
        self.world.center.present().contains(&self.key)
    }

    async fn events(&self, event: &str) -> usize {
        let records = self.world.store.records_from(1, 10_000).await.unwrap();
        records.iter().filter(|it| it.event() == event).count()
    }

    async fn news(&self) -> Vec<NoticeKind> {
        let (now, far) = (self.world.clock.now(), TimeSpan::hours(1));
        let taken = self
            .world
            .store
            .take_notices("test", now, far.after(now), 100);
        let taken = taken.await.unwrap();
        let news = taken
            .into_iter()
            .filter_map(|waiting| match waiting.message {
                Message::Notice(notice) => Some(notice.kind()),
                Message::Digest(_) | Message::Alarm(_) | Message::Alert(_) => None,
            });
        news.collect()
    }

    fn check_other(&self) {
        let other = self.world.key(Bo, "ReadOnly").unwrap();
        assert!(self.world.center.present().contains(&other));
        assert_eq!(writes_on(&self.world, &other), [Create]);
    }
}

#[test]
fn held_and_absent_the_hold_ends_the_holder_is_told_and_nothing_is_given_again() {
    run(async {
        let case = case(Habits::default()).await;
        case.world.center.take(&case.key);
        let (long, step) = (TimeSpan::minutes(15), TimeSpan::seconds(10));
        case.world.live_coarsely(long, step).await;
        assert_eq!(case.cause().await, Some(EndCause::Drift));
        assert_eq!(case.events("drift.missing").await, 1);
        assert!(case.news().await.contains(&NoticeKind::Lost));
        assert_eq!(writes_on(&case.world, &case.key), [Create]);
        case.check_other();
    });
}

#[test]
fn ending_and_present_it_is_removed_again() {
    run(async {
        let habits = Habits {
            listing_lag: TimeSpan::seconds(10),
            ..Habits::default()
        };
        let case = case(habits).await;
        let ana = case.world.actor(Ana);
        let released = case.world.access.release(&ana, case.id, None).await;
        released.unwrap();
        let mut lived = 0;
        while case.is_there() {
            assert!(lived < 60, "it is not removed");
            case.world.live(TimeSpan::seconds(1)).await;
            lived += 1;
        }
        // another source grants it before listings show the removal
        case.world.center.give(&case.key);
        case.world.live(TimeSpan::minutes(3)).await;
        assert!(!case.is_there());
        assert_eq!(writes_on(&case.world, &case.key), [Create, Delete, Delete]);
        assert_eq!(case.cause().await, Some(EndCause::Released));
        case.check_other();
    });
}

#[test]
fn granting_with_no_worker_another_goes_on() {
    run(async {
        for call in [1, 10, 20, 30, 40] {
            let plan = GatePlan {
                call,
                mode: GateMode::StopAfter,
            };
            let mut world = World::new(141, Habits::default(), None);
            let id = take(&world, Ana, "ReadOnly", TimeSpan::hours(4)).await;
            world.springs(Some(plan));
            let lived = world.until_stopped(world.live(TimeSpan::seconds(20))).await;
            world.restart();
            // longer than the missing process's lease
            world.live(TimeSpan::minutes(3)).await;
            let granted = grant(&world, id).await;
            assert_eq!(granted.state, GrantState::Active, "call {call}, {lived}");
            let key = world.key(Ana, "ReadOnly").unwrap();
            assert_eq!(writes_on(&world, &key), [Create], "call {call}");
        }
    });
}

#[test]
fn active_past_its_end_it_ends_now() {
    run(async {
        let mut case = case(Habits::default()).await;
        case.world.clock.advance(TimeSpan::hours(6));
        case.world.restart();
        case.world.live(TimeSpan::seconds(20)).await;
        assert!(!case.is_there());
        assert_eq!(case.cause().await, Some(EndCause::Expired));
    });
}

#[test]
fn disabled_or_gone_they_lose_what_they_hold() {
    type Change = fn(&World);
    let rows: [(&str, Change); 2] = [
        ("gone", |world| {
            world.remove_from_directory(Ana);
        }),
        ("disabled", |world| {
            world.directory.change(Ana.name(), |person| {
                Some(hallpass_rules::directory::Person {
                    enabled: false,
                    ..person
                })
            });
            world.directory.read();
        }),
    ];
    for (name, change) in rows {
        run(async {
            let case = case(Habits::default()).await;
            change(&case.world);
            let report = case.world.access.reconcile().await.unwrap();
            assert_eq!(
                (report.seen, report.left, report.failed),
                (2, 1, 0),
                "{name}"
            );
            case.world.live(TimeSpan::seconds(30)).await;
            assert!(!case.is_there(), "{name}");
            assert_eq!(case.cause().await, Some(EndCause::PrincipalLeft), "{name}");
            assert_eq!(case.events("drift.principal_left").await, 1, "{name}");
            case.check_other();
        });
    }
}

#[test]
fn refused_by_todays_rules_it_is_a_finding_and_ended_only_where_the_settings_say_so() {
    for (what, ends) in [(OnRuleChange::Report, false), (OnRuleChange::End, true)] {
        run(async {
            let mut case = case(Habits::default()).await;
            case.world.on_rule_change(what);
            let loaded = load(&RuleFile::new("strict.json", STRICT)).unwrap();
            let rules: Rules = loaded.rules;
            case.world
                .access
                .set_rules(rules, "strict.json")
                .await
                .unwrap();
            let report = case.world.access.reconcile().await.unwrap();
            assert!(report.against_rules.contains(&case.id), "{what:?}");
            let ended = if ends { 2 } else { 0 };
            assert_eq!(
                (report.seen, report.ended, report.failed),
                (2, ended, 0),
                "{what:?}"
            );
            case.world.live(TimeSpan::seconds(30)).await;
            assert_eq!(case.is_there(), !ends, "{what:?}");
            let wanted = ends.then_some(EndCause::RuleChanged);
            assert_eq!(case.cause().await, wanted, "{what:?}");
            let events = case.events("drift.rule_changed").await;
            assert_eq!(events, if ends { 2 } else { 0 }, "{what:?}");
        });
    }
}

#[test]
fn one_that_fails_stops_no_other() {
    run(async {
        let calls = {
            let twin = case(Habits::default()).await;
            twin.world.remove_from_directory(Ana);
            let before = twin.world.gate.calls();
            twin.world.access.reconcile().await.unwrap();
            twin.world.gate.calls() - before
        };
        let mut isolated = 0;
        for call in 1..=calls {
            let case = case(Habits::default()).await;
            case.world.remove_from_directory(Ana);
            let plan = GatePlan {
                call,
                mode: GateMode::Fail,
            };
            case.world.springs(Some(plan));
            let Ok(report) = case.world.access.reconcile().await else {
                continue;
            };
            isolated += u32::from(report.failed == 1);
            assert_eq!(report.seen, 2, "call {call}");
            case.world.access.reconcile().await.unwrap();
            case.world.live(TimeSpan::seconds(30)).await;
            assert!(!case.is_there(), "call {call}");
            case.check_other();
        }
        assert!(
            isolated > 0,
            "no call of {calls} failed for one grant alone"
        );
    });
}

const AT_NIGHT: &str = "[[rule]]\nid = 'night'\naccounts = '*'\npermission_sets = ['ReadOnly']\napproval_is_not_required = true\n\
    hours = { from = '00:00', to = '02:00', time_zone = 'UTC' }\n";

#[test]
fn what_was_given_in_the_hours_of_its_rule_may_last_beyond_them() {
    run(async {
        let mut case = case(Habits::default()).await;
        case.world.on_rule_change(OnRuleChange::End);
        let loaded = load(&RuleFile::new("night.toml", AT_NIGHT)).unwrap();
        let access = &case.world.access;
        access.set_rules(loaded.rules, "night.toml").await.unwrap();
        let (hours, step) = (TimeSpan::minutes(150), TimeSpan::seconds(30));
        case.world.live_coarsely(hours, step).await;
        let report = case.world.access.reconcile().await.unwrap();
        assert_eq!((report.against_rules.len(), report.ended), (0, 0));
        assert!(case.is_there());
        assert_eq!(case.events("drift.rule_changed").await, 0);
    });
}

const NOBODY: &str =
    r#"{"statements": [{"ResourceType": "Account", "Resource": "*", "PermissionSet": "Alone"}]}"#;

#[test]
fn emergency_access_that_nobody_can_approve_stays_until_its_rule_is_gone() {
    run(async {
        let mut world = World::new(141, Habits::default(), None);
        world.on_rule_change(OnRuleChange::End);
        let (actor, access) = (world.actor(Ana), &world.access);
        let asked = ask(&world, Ana, "Alone", TimeSpan::hours(2)).await;
        let why = "customers cannot pay and no one answers";
        let broken = access
            .break_glass(&actor, asked.request().id, why, None)
            .await;
        broken.unwrap();
        world.live(TimeSpan::minutes(15)).await;
        let key = world.key(Ana, "Alone").unwrap();
        assert!(world.center.present().contains(&key));
        let report = world.access.reconcile().await.unwrap();
        assert_eq!((report.against_rules.len(), report.ended), (0, 0));
        let loaded = load(&RuleFile::new("nobody.json", NOBODY)).unwrap();
        let put = world.access.set_rules(loaded.rules, "nobody.json");
        put.await.unwrap();
        let report = world.access.reconcile().await.unwrap();
        assert_eq!((report.against_rules.len(), report.ended), (1, 1));
        world.live(TimeSpan::seconds(30)).await;
        assert!(!world.center.present().contains(&key));
    });
}
