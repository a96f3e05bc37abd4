//! Sweeps in the whole core: unrecorded access is found, listed, accepted, adopted or removed, with
//! every brake (`access.md` §10), and ends by the common path.

use hallpass_access::{
    AccessError, AccessStore, DigestKind, Fate, ItemKind, Meant, Message, RemovalLimit, Schedule,
    Sweep, SweepItem, SweepMode, SweepReach, SweepSettings, SweepStore, Trigger, UnreadPlace,
    Wanted,
};
use hallpass_assignments::OperationKind::Delete;
use hallpass_audit::AuditStore;
use hallpass_base::{Clock, HoldKey, TimeSpan};
use hallpass_simulation::{
    Habits, Human,
    Human::{Ana, Bo, Cai, Eve},
    World, check_all,
};

use crate::acting::{listen, release, run, take, writes_on};

pub(crate) fn minutes(count: u64) -> TimeSpan {
    TimeSpan::minutes(count)
}

fn hourly(settings: &mut SweepSettings) {
    settings.check_every = minutes(15);
    settings.at = "rate(1 hour)".parse::<Schedule>().unwrap();
    settings.standing = vec!["*/payments-prod/Root".parse().unwrap()];
}

/// Five people have accepted access, so that one more item is a small share.
pub(crate) fn world_with(mode: SweepMode) -> World {
    let mut world = World::new(71, Habits::default(), None);
    world.sweeps_become(hourly);
    world.sweeps_become(|settings| settings.mode = mode);
    for human in Human::ALL {
        given(&world, human, "Root");
    }
    world
}

pub(crate) fn standing(world: &World) -> Vec<HoldKey> {
    Human::ALL
        .into_iter()
        .map(|human| world.key(human, "Root").unwrap())
        .collect()
}

pub(crate) async fn pass(world: &World, span: TimeSpan) {
    let until = span.after(world.clock.now());
    while world.clock.now() < until {
        let _: Result<_, _> = world.sweep_if_due().await;
        world.tick().await;
        world.clock.advance(TimeSpan::seconds(20));
    }
}

pub(crate) async fn newest(world: &World) -> Sweep {
    let newest = world.store.newest_listing().await.unwrap();
    newest.expect("a run has looked")
}

pub(crate) async fn found(world: &World, key: &HoldKey) -> Option<SweepItem> {
    let newest = newest(world).await;
    world.store.sweep_item(newest.id, key).await.unwrap()
}

pub(crate) async fn waiting(world: &World) -> Option<Sweep> {
    let open = world.store.open_sweeps().await.unwrap();
    open.into_iter().find(|sweep| sweep.state.is_waiting())
}

pub(crate) fn of(human: Human, set: &str) -> Meant {
    let wanted = match set {
        "oncall" => Wanted::Group {
            group: "oncall".to_owned(),
        },
        set => Wanted::Account {
            account: "payments-prod".to_owned(),
            permission_set: set.to_owned(),
        },
    };
    Meant {
        user: format!("{}@corp.example", human.name()),
        wanted,
    }
}

pub(crate) async fn events(world: &World) -> Vec<String> {
    let records = world.store.records_from(1, 10_000).await.unwrap();
    records
        .iter()
        .map(|record| record.event().to_owned())
        .collect()
}

pub(crate) async fn told(world: &World) -> Vec<Message> {
    let now = world.clock.now();
    let taken = world.store.take_notices("test", now, now, 999).await;
    let mut told = Vec::new();
    for waiting in taken.unwrap() {
        let number = waiting.number;
        world.store.notice_delivered("test", number).await.unwrap();
        told.push(waiting.message);
    }
    told
}

pub(crate) fn digests(told: &[Message]) -> Vec<DigestKind> {
    told.iter()
        .filter_map(|message| match message {
            Message::Digest(digest) => Some(digest.digest),
            Message::Notice(_) | Message::Alarm(_) | Message::Alert(_) => None,
        })
        .collect()
}

pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, AccessError>) -> &'static str {
    match outcome {
        Err(AccessError::Refused(why)) => why.code(),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub(crate) async fn planned(world: &World) -> Sweep {
    for _ in 0..12 {
        if let Some(sweep) = waiting(world).await {
            return sweep;
        }
        pass(world, minutes(15)).await;
    }
    panic!("no plan was made");
}

pub(crate) async fn item_of(world: &World, sweep: &Sweep, key: &HoldKey) -> SweepItem {
    let item = world.store.sweep_item(sweep.id, key).await.unwrap();
    item.expect("the run has found it")
}

pub(crate) fn given(world: &World, who: Human, set: &str) -> HoldKey {
    let key = world.key(who, set).unwrap();
    world.center.give(&key);
    key
}

pub(crate) async fn confirm(world: &World, plan: &Sweep) -> Result<Sweep, AccessError> {
    let keep = RemovalLimit::Keep;
    let eve = world.actor(Eve);
    world.access.confirm_sweep(&eve, plan.id, keep).await
}

pub(crate) async fn accept(world: &World, what: &Meant, why: &str) -> Result<(), AccessError> {
    let eve = world.actor(Eve);
    let accepted = world.access.accept_standing(&eve, what, why, None).await;
    accepted.map(drop)
}

#[test]
fn what_nobody_recorded_is_reported_and_stays_in_the_mode_report() {
    run(async {
        let world = world_with(SweepMode::Report);
        listen(&world).await;
        let key = given(&world, Ana, "ReadOnly");
        pass(&world, minutes(5)).await;
        let item = found(&world, &key).await.unwrap();
        assert_eq!((item.kind, item.fate), (ItemKind::Unknown, Fate::Reported));
        assert_eq!(digests(&told(&world).await), [DigestKind::SweepFound]);
        pass(&world, TimeSpan::hours(26)).await;
        assert_eq!(digests(&told(&world).await), []);
        assert_eq!(writes_on(&world, &key), []);
        let mut left = standing(&world);
        left.push(key);
        check_all(&world, &left).await.unwrap();
        let newest = newest(&world).await;
        let report = newest.report.unwrap();
        assert_eq!((report.seen, report.accepted, report.unknown), (6, 5, 1));
    });
}

/// Imports may omit accounts without rules: a cutover must still see their access.
#[test]
fn a_survey_looks_everywhere_and_says_where_no_sweep_does() {
    run(async {
        let mut world = world_with(SweepMode::Report);
        listen(&world).await;
        let narrow = r#"{"statements": [{"ResourceType": "Account", "Resource": "*",
            "PermissionSet": ["ReadOnly", "Root"], "ApprovalIsNotRequired": true}]}"#;
        let loaded = hallpass_rules::load(&hallpass_rules::RuleFile::new("rules.json", narrow));
        let rules = loaded.unwrap().rules;
        world.access.set_rules(rules, "narrow").await.unwrap();
        let (seen, beside) = (given(&world, Ana, "ReadOnly"), given(&world, Ana, "Admin"));
        let group = world.group_key(Ana).unwrap();
        world.center.give(&group);
        pass(&world, minutes(5)).await;
        assert!(found(&world, &seen).await.is_some());
        assert!(
            found(&world, &beside).await.is_none(),
            "the scope is the rules"
        );
        let survey = world.access.survey().await.unwrap();
        let kind = |key: &HoldKey| {
            let mut items = survey.found.items.iter();
            items
                .find(|item| item.key == *key)
                .map(|item| item.kind.name())
        };
        for key in [&seen, &beside, &group] {
            assert_eq!(kind(key), Some("unknown"), "{key}");
        }
        let outside = std::collections::BTreeSet::from([beside, group.clone()]);
        assert_eq!(survey.out_of_scope, outside);
        world.sweeps_become(|settings| settings.reach = SweepReach::All);
        let survey = world.access.survey().await.unwrap();
        assert!(survey.out_of_scope.is_empty(), "{:?}", survey.out_of_scope);
        assert!(found(&world, &group).await.is_none());
    });
}

#[test]
fn what_stood_before_the_first_run_is_one_record_and_what_comes_later_one_each() {
    run(async {
        let mut world = world_with(SweepMode::Report);
        world.sweeps_become(|settings| settings.standing = Vec::new());
        let sets = ["ReadOnly", "Admin"];
        for set in sets {
            for human in Human::ALL {
                given(&world, human, set);
            }
        }
        pass(&world, minutes(61)).await;
        let found = async || {
            let records = world.store.records_from(1, 10_000).await.unwrap();
            let found = records.iter().filter(|it| it.event() == "sweep.found");
            found
                .map(|it| it.text("why").unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        let stood = (sets.len() + 1) * Human::ALL.len();
        assert!(stood > 10, "{stood}");
        let first = found().await;
        assert!(
            first.len() == 1 && first[0].contains(&format!("{stood} items")),
            "{first:?}"
        );
        world.center.take(&world.key(Ana, "Admin").unwrap());
        pass(&world, minutes(61)).await;
        given(&world, Ana, "Admin");
        pass(&world, minutes(61)).await;
        assert_eq!(found().await.len(), 2);
    });
}

/// `access.md` §14.1: log records of a sweep's removal.
async fn check_removed_record(world: &World, key: &HoldKey) {
    let records = world.store.records_from(1, 10_000).await.unwrap();
    let mut records = records.iter();
    let removed = records.find(|it| it.event() == "sweep.removed").unwrap();
    let wanted = [
        ("operation_type", Some("revoke")),
        ("reason", Some("automated revocation")),
        ("audit_entry_type", Some("account")),
        ("role_name", Some("ReadOnly")),
        ("requester_email", None),
        ("approver_email", None),
        ("permission_duration", None),
        ("sweep_mode", Some("revoke")),
        ("sso_user_principal_id", Some(key.user.as_str())),
    ];
    for (field, value) in wanted {
        assert_eq!(removed.text(field), value, "{field}");
    }
}

#[test]
fn a_first_run_is_a_plan_and_once_confirmed_it_is_carried_out() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        listen(&world).await;
        let key = given(&world, Ana, "ReadOnly");
        let plan = planned(&world).await;
        pass(&world, minutes(5)).await;
        assert!(world.center.present().contains(&key));
        assert_eq!(writes_on(&world, &key), []);
        let kinds = digests(&told(&world).await);
        assert!(kinds.contains(&DigestKind::SweepPlanned), "{kinds:?}");
        let confirmed = confirm(&world, &plan).await;
        assert_eq!(confirmed.unwrap().state.name(), "working");
        confirm(&world, &plan).await.unwrap();
        pass(&world, minutes(2)).await;
        assert_eq!(writes_on(&world, &key), [Delete]);
        let done = world.store.sweep(plan.id).await.unwrap().unwrap();
        assert_eq!(done.state.name(), "done");
        let log = events(&world).await;
        for event in [
            "sweep.found",
            "sweep.planned",
            "sweep.confirmed",
            "sweep.removing",
            "sweep.removed",
        ] {
            assert_eq!(
                log.iter().filter(|it| *it == event).count(),
                1,
                "{event}: {log:?}"
            );
        }
        check_removed_record(&world, &key).await;
        assert!(digests(&told(&world).await).contains(&DigestKind::SweepDone));
        // the mode is confirmed: later findings need no confirmation
        let later = given(&world, Bo, "Admin");
        pass(&world, minutes(150)).await;
        assert_eq!(writes_on(&world, &later), [Delete]);
        pass(&world, minutes(20)).await;
        world.access.reconcile().await.unwrap();
        check_all(&world, &standing(&world)).await.unwrap();
    });
}

#[test]
fn switching_the_mode_asks_for_a_plan_again() {
    run(async {
        let mut world = world_with(SweepMode::Revoke);
        let key = given(&world, Ana, "ReadOnly");
        let plan = planned(&world).await;
        confirm(&world, &plan).await.unwrap();
        pass(&world, minutes(5)).await;
        assert!(!world.center.present().contains(&key));
        for between in [SweepMode::Off, SweepMode::Report] {
            world.sweeps_become(|settings| settings.mode = between);
            pass(&world, minutes(1)).await;
            world.sweeps_become(|settings| settings.mode = SweepMode::Revoke);
            let key = given(&world, Bo, "ReadOnly");
            let plan = planned(&world).await;
            pass(&world, minutes(5)).await;
            assert!(world.center.present().contains(&key), "{between:?}");
            confirm(&world, &plan).await.unwrap();
            pass(&world, minutes(5)).await;
            assert!(!world.center.present().contains(&key), "{between:?}");
        }
    });
}

#[test]
fn a_wider_scope_asks_for_a_plan_again_and_a_narrower_one_does_not() {
    run(async {
        let mut world = world_with(SweepMode::Revoke);
        given(&world, Ana, "ReadOnly");
        let plan = planned(&world).await;
        confirm(&world, &plan).await.unwrap();
        pass(&world, minutes(5)).await;
        world.sweeps_become(|settings| settings.reach = SweepReach::All);
        let key = given(&world, Bo, "ReadOnly");
        let plan = planned(&world).await;
        pass(&world, minutes(5)).await;
        assert!(world.center.present().contains(&key));
        confirm(&world, &plan).await.unwrap();
        pass(&world, minutes(5)).await;
        assert!(!world.center.present().contains(&key));
        world.sweeps_become(|settings| settings.reach = SweepReach::Rules);
        let later = given(&world, Cai, "ReadOnly");
        pass(&world, minutes(150)).await;
        assert_eq!(writes_on(&world, &later), [Delete]);
    });
}

#[test]
fn while_sweeps_are_off_nothing_is_looked_at() {
    run(async {
        let world = world_with(SweepMode::Off);
        given(&world, Ana, "ReadOnly");
        pass(&world, TimeSpan::hours(3)).await;
        assert_eq!(world.store.sweeps(None, 9).await.unwrap(), []);
        let wanted = world.access.want_sweep(&world.actor(Eve)).await;
        assert_eq!(refused(wanted), "sweeps-off");
    });
}

/// `access.md` §16.10: accepted standing assignments and members survive grant, end, check and
/// sweep in every mode.
#[test]
fn accepted_access_survives_everything_in_every_mode() {
    let adopt = SweepMode::Adopt {
        length: minutes(10),
    };
    for mode in [SweepMode::Report, SweepMode::Revoke, adopt] {
        run(async {
            let world = world_with(mode);
            let (account, group) = (
                world.key(Ana, "ReadOnly").unwrap(),
                world.group_key(Ana).unwrap(),
            );
            world.center.give(&account);
            world.center.give(&group);
            for set in ["ReadOnly", "oncall"] {
                let accepted = accept(&world, &of(Ana, set), "she builds the export").await;
                accepted.unwrap();
            }
            take(&world, Ana, "ReadOnly", minutes(20)).await;
            let id = take(&world, Ana, "oncall", minutes(60)).await;
            pass(&world, minutes(30)).await;
            release(&world, Ana, id).await.unwrap();
            pass(&world, TimeSpan::hours(8 * 24)).await;
            assert_eq!(writes_on(&world, &account), [], "{mode:?}");
            assert_eq!(writes_on(&world, &group), [], "{mode:?}");
            let mut left = standing(&world);
            left.extend([account, group]);
            check_all(&world, &left).await.unwrap();
        });
    }
}

#[test]
fn what_a_grant_found_standing_is_left_alone_for_seven_days() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        let (key, other) = (
            world.key(Ana, "ReadOnly").unwrap(),
            world.key(Bo, "Admin").unwrap(),
        );
        world.center.give(&other);
        let plan = planned(&world).await;
        confirm(&world, &plan).await.unwrap();
        world.center.give(&key);
        take(&world, Ana, "ReadOnly", minutes(30)).await;
        pass(&world, minutes(20)).await;
        assert_eq!(
            found(&world, &key).await.unwrap().kind,
            ItemKind::UnderGrant
        );
        pass(&world, TimeSpan::hours(7 * 24 - 2)).await;
        assert_eq!(
            found(&world, &key).await.unwrap().kind.name(),
            "preexisting"
        );
        assert_eq!(writes_on(&world, &key), []);
        pass(&world, TimeSpan::hours(6)).await;
        assert_eq!(writes_on(&world, &key), [Delete]);
    });
}

#[test]
fn nothing_that_hallpass_gave_is_ever_unknown() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        // a lagging listing shows recently ended access
        world
            .center
            .change_habits(|habits| habits.listing_lag = TimeSpan::seconds(40));
        for round in 0..40_u64 {
            take(&world, Ana, "ReadOnly", minutes(7)).await;
            take(&world, Bo, "oncall", minutes(11)).await;
            pass(&world, TimeSpan::seconds(600 + 7 * round)).await;
        }
        pass(&world, minutes(30)).await;
        let ours = [
            world.key(Ana, "ReadOnly").unwrap(),
            world.group_key(Bo).unwrap(),
        ];
        for sweep in world.store.sweeps(None, 1000).await.unwrap() {
            for item in world.store.sweep_items(sweep.id).await.unwrap() {
                assert!(!ours.contains(&item.key), "{item:?}");
            }
            let report = sweep.report.unwrap();
            assert_eq!((report.unknown, report.to_act), (0, 0));
        }
    });
}

/// Promise P9, end to end: unreadable access is never removed, and is reported.
#[test]
fn what_cannot_be_read_is_not_removed_and_is_told() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        listen(&world).await;
        let (first, group) = (
            world.key(Ana, "ReadOnly").unwrap(),
            world.group_key(Bo).unwrap(),
        );
        world.center.give(&first);
        let plan = planned(&world).await;
        confirm(&world, &plan).await.unwrap();
        pass(&world, minutes(5)).await;
        told(&world).await;
        world.center.give(&group);
        pass(&world, minutes(20)).await;
        let what = UnreadPlace::Group {
            group: "99999999-8888-7777-6666-555555555555".parse().unwrap(),
        };
        world
            .center
            .change_habits(|habits| habits.unreadable = vec![what.clone()]);
        pass(&world, TimeSpan::hours(3)).await;
        assert_eq!(writes_on(&world, &group), []);
        let sweep = newest(&world).await;
        assert_eq!(sweep.report.unwrap().unread_places[0].what, what);
        let said = told(&world).await;
        let text = format!("{said:?}");
        assert!(
            text.contains("unread: 1, unread_places: [Unread { what: Group { group: 99999999"),
            "{text}"
        );
        world
            .center
            .change_habits(|habits| habits.unreadable.clear());
        pass(&world, TimeSpan::hours(3)).await;
        assert_eq!(writes_on(&world, &group), [Delete]);
    });
}

#[test]
fn a_run_that_can_read_nothing_fails_is_told_once_and_is_made_again() {
    run(async {
        let world = world_with(SweepMode::Report);
        listen(&world).await;
        world.silence_directory();
        world.clock.advance(TimeSpan::hours(1));
        pass(&world, minutes(45)).await;
        let runs = world.store.sweeps(None, 99).await.unwrap();
        assert!(runs.len() >= 3, "{runs:?}");
        assert!(
            runs.iter().all(|run| run.state.name() == "failed"),
            "{runs:?}"
        );
        assert_eq!(digests(&told(&world).await), [DigestKind::SweepFailed]);
        assert_eq!(world.store.newest_listing().await.unwrap(), None);
    });
}

#[test]
fn a_grant_that_is_asked_for_while_a_sweep_removes_takes_over() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        let key = given(&world, Ana, "ReadOnly");
        let plan = planned(&world).await;
        confirm(&world, &plan).await.unwrap();
        world.access.tend_sweeps().await.unwrap();
        let id = take(&world, Ana, "ReadOnly", minutes(30)).await;
        world.live(minutes(1)).await;
        assert_eq!(
            world.store.grant(id).await.unwrap().unwrap().state.name(),
            "active"
        );
        assert!(world.center.present().contains(&key));
        let item = item_of(&world, &plan, &key).await;
        assert_eq!(item.fate.name(), "left_alone");
        pass(&world, minutes(40)).await;
        assert!(
            !world.center.present().contains(&key),
            "the grant's end removes it"
        );
        check_all(&world, &standing(&world)).await.unwrap();
    });
}

/// `access.md` §16.19, §9.9: a removal refused by AWS is parked visibly and blocks nothing else.
#[test]
fn a_removal_that_aws_refuses_is_parked_and_stops_no_other() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        let (gone, other) = (
            world.key(Ana, "ReadOnly").unwrap(),
            world.group_key(Bo).unwrap(),
        );
        for set in ["Glass", "Alone", "Sealed"] {
            given(&world, Cai, set);
        }
        world.center.give(&gone);
        world.center.give(&other);
        for set in ["Glass", "Alone", "Sealed"] {
            let accepted = accept(&world, &of(Cai, set), "ok").await;
            accepted.unwrap();
        }
        world.remove_from_directory(Ana);
        world.center.forget_person(&gone.user);
        let plan = planned(&world).await;
        confirm(&world, &plan).await.unwrap();
        pass(&world, minutes(10)).await;
        assert_eq!(writes_on(&world, &other), [Delete]);
        let item = item_of(&world, &plan, &gone).await;
        assert_eq!(item.fate.name(), "stuck");
        assert!(events(&world).await.contains(&"sweep.stuck".to_owned()));
        // the sweep has ended, and a later one does not restart it
        let run = world.store.sweep(plan.id).await.unwrap().unwrap();
        assert_eq!(run.state.name(), "done");
        pass(&world, TimeSpan::hours(3)).await;
        assert_eq!(
            found(&world, &gone).await.unwrap().fate,
            Fate::InHand { by: plan.id }
        );
        world.center.take(&gone);
        pass(&world, TimeSpan::hours(2)).await;
        let item = item_of(&world, &plan, &gone).await;
        assert_eq!(item.fate.name(), "gone");
    });
}

#[test]
fn a_run_that_a_stop_interrupted_is_closed_and_begun_anew() {
    run(async {
        let mut world = world_with(SweepMode::Report);
        let begun = world.access.begin_sweep(Trigger::Check).await.unwrap();
        world.restart();
        let again = world.access.sweep_to_run().await.unwrap().unwrap();
        assert_ne!(again.id, begun.id);
        let closed = world.store.sweep(begun.id).await.unwrap().unwrap();
        assert_eq!(closed.state.name(), "interrupted");
        assert!(world.sweep_if_due().await.unwrap());
        let done = world.store.sweep(again.id).await.unwrap().unwrap();
        assert_eq!(done.state.name(), "done");
        assert_eq!(world.access.sweep_to_run().await.unwrap(), None);
    });
}

#[test]
fn one_run_at_a_time_and_whoever_wants_another_gets_one_that_looks_after_it() {
    run(async {
        let world = world_with(SweepMode::Report);
        let eve = world.actor(Eve);
        let first = world.access.want_sweep(&eve).await.unwrap();
        let begun = world.access.sweep_to_run().await.unwrap().unwrap();
        let second = world.access.want_sweep(&eve).await.unwrap();
        let third = world.access.want_sweep(&eve).await.unwrap();
        assert_eq!(
            (first.state.name(), begun.state.name(), begun.id),
            ("queued", "running", first.id)
        );
        assert_eq!((second.state.name(), second.id), ("queued", third.id));
        let refused = world.access.begin_sweep(Trigger::Check).await;
        assert!(
            matches!(refused, Err(AccessError::Commit(_))),
            "{refused:?}"
        );
        assert!(world.sweep_if_due().await.unwrap());
        let state = async |id| world.store.sweep(id).await.unwrap().unwrap().state.name();
        assert_eq!(
            (state(first.id).await, state(second.id).await),
            ("done", "queued")
        );
        // the second sweep finds changes after the first scan
        given(&world, Ana, "ReadOnly");
        assert!(world.sweep_if_due().await.unwrap());
        assert_eq!(state(second.id).await, "done");
        let newest = world.store.newest_listing().await.unwrap().unwrap();
        assert_eq!((newest.id, newest.report.unwrap().unknown), (second.id, 1));
        assert!(!world.sweep_if_due().await.unwrap());
    });
}

/// A sweep requested during a check follows the mode; the check itself changes nothing.
#[test]
fn a_run_that_is_wanted_during_a_check_acts() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        given(&world, Ana, "ReadOnly");
        world.access.begin_sweep(Trigger::Check).await.unwrap();
        let wanted = world.access.want_sweep(&world.actor(Eve)).await.unwrap();
        assert!(world.sweep_if_due().await.unwrap());
        world.clock.advance(minutes(11));
        assert!(world.sweep_if_due().await.unwrap());
        let planned = world.store.sweep(wanted.id).await.unwrap().unwrap();
        assert_eq!(planned.state.name(), "planned");
    });
}

/// A stop with one scan running and another queued: the queued sweep runs with the new process's
/// settings, or not if sweeps are off.
#[test]
fn what_is_queued_outlives_a_stop() {
    run(async {
        for (mode, end) in [(SweepMode::Report, "done"), (SweepMode::Off, "failed")] {
            let mut world = world_with(SweepMode::Revoke);
            let begun = world.access.begin_sweep(Trigger::Check).await.unwrap();
            let queued = world.access.want_sweep(&world.actor(Eve)).await.unwrap();
            world.sweeps_become(|settings| settings.mode = mode);
            let ran = world.sweep_if_due().await.unwrap();
            assert!(ran);
            let state = async |id| world.store.sweep(id).await.unwrap().unwrap();
            assert_eq!(state(begun.id).await.state.name(), "interrupted");
            let ended = state(queued.id).await;
            assert_eq!(ended.state.name(), end);
            assert_eq!(ended.report.is_some(), mode == SweepMode::Report);
            assert_eq!(world.access.sweep_to_run().await.unwrap(), None);
        }
    });
}

#[test]
fn runs_come_when_the_configuration_says() {
    run(async {
        let mut world = world_with(SweepMode::Revoke);
        world.sweeps_become(|settings| {
            settings.check_every = TimeSpan::hours(2);
            settings.at = Schedule::nightly();
        });
        for human in [Ana, Bo] {
            given(&world, human, "ReadOnly");
        }
        let start = world.clock.now();
        pass(&world, TimeSpan::hours(50)).await;
        let mut runs = world.store.sweeps(None, 99).await.unwrap();
        runs.reverse();
        let hours: Vec<(u64, &str)> = runs
            .iter()
            .map(|run| {
                let after = TimeSpan::between(start, run.begun_at).as_seconds() / 3600;
                (after, run.trigger.name())
            })
            .collect();
        let nights: Vec<u64> = hours
            .iter()
            .filter(|(_, trigger)| *trigger == "schedule")
            .map(|(hour, _)| *hour)
            .collect();
        assert_eq!(nights, [23, 47], "{hours:?}");
        let longest = runs
            .windows(2)
            .map(|pair| TimeSpan::between(pair[0].begun_at, pair[1].begun_at))
            .max();
        assert!(longest.unwrap() <= minutes(121), "{hours:?}");
    });
}
