//! Requests for several targets (`access.md` §5.2): one request per target, all made or none.

use hallpass_access::{
    AccessError, AccessStore, Asking, NoticeKind, RequestFilter, RequestOutcome, RequestState,
    RequestedTogether, TARGETS_MAX, WaitingMessage,
};
use hallpass_audit::AuditStore as _;
use hallpass_base::{Clock as _, TimeSpan};
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    Habits,
    Human::{Ana, Bo, Cai},
    World,
};

use crate::acting::{ask, asking, grants, key_of, run};

fn world(seed: u64) -> World {
    World::new(seed, Habits::default(), None)
}

fn several(sets: &[&str]) -> Vec<Asking> {
    let hour = TimeSpan::hours(1);
    sets.iter().map(|set| asking(set, hour)).collect()
}

async fn all(world: &World, sets: &[&str], key: Option<&str>) -> Vec<RequestOutcome> {
    let key = key.map(key_of);
    let ana = world.actor(Ana);
    let asked = world
        .access
        .ask_together(&ana, &several(sets), key.as_ref())
        .await;
    match asked.unwrap() {
        RequestedTogether::All(all) => all,
        RequestedTogether::Refused(refused) => panic!("{refused:?}"),
    }
}

async fn stored(world: &World) -> usize {
    let found = world.store.requests(&RequestFilter::default(), 100).await;
    found.unwrap().rows.len()
}

async fn events(world: &World, event: &str) -> usize {
    let all = world.store.records_from(1, 1000).await.unwrap();
    let all = all.iter().filter(|record| record.event() == event);
    all.count()
}

#[test]
fn each_is_decided_by_its_own_rules_and_knows_the_others() {
    run(async {
        let world = world(81);
        let asked = all(&world, &["ReadOnly", "Admin", "oncall"], None).await;
        let [granted, waits, group] = asked.as_slice() else {
            panic!("{asked:?}")
        };
        assert!(matches!(granted, RequestOutcome::Approved(_, Some(_))));
        assert!(matches!(waits, RequestOutcome::Pending(_)));
        assert!(matches!(group, RequestOutcome::Approved(_, Some(_))));
        let ids: Vec<_> = asked.iter().map(|it| it.request().id).collect();
        for (n, outcome) in asked.iter().enumerate() {
            let stored = world.store.request(outcome.request().id).await.unwrap();
            let stored = stored.unwrap();
            let mut others = ids.clone();
            others.remove(n);
            assert_eq!(stored.asked_with, others);
        }
        assert_eq!(events(&world, "request.created").await, 3);
        assert_eq!(grants(&world).await.len(), 2);
        let cai = world.actor(Cai);
        world.access.deny(&cai, ids[1], None, None).await.unwrap();
        world.live(TimeSpan::minutes(1)).await;
        let live = grants(&world).await;
        assert_eq!(live.iter().filter(|grant| grant.is_hold()).count(), 2);
    });
}

#[test]
fn who_may_see_one_of_them_sees_of_the_others_what_is_theirs_to_see() {
    run(async {
        let world = world(82);
        let asked = all(&world, &["ReadOnly", "Admin", "Glass"], None).await;
        let admin = asked[1].request();
        let (ana, cai, bo) = (world.actor(Ana), world.actor(Cai), world.actor(Bo));
        assert_eq!(world.access.asked_with(&ana, admin).await.unwrap().len(), 2);
        let seen = world.access.asked_with(&cai, admin).await.unwrap();
        let seen: Vec<_> = seen.iter().map(|request| request.id).collect();
        assert_eq!(seen, [asked[2].request().id]);
        assert!(
            world
                .access
                .asked_with(&bo, admin)
                .await
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn one_that_is_refused_stops_all_of_them_and_is_alone_on_record() {
    run(async {
        let world = world(83);
        let ana = world.actor(Ana);
        let askings = several(&["ReadOnly", "Nothing", "Admin"]);
        let asked = world.access.ask_together(&ana, &askings, None).await;
        let RequestedTogether::Refused(refused) = asked.unwrap() else {
            panic!("nothing was refused")
        };
        assert_eq!(refused.len(), 1);
        let (request, refusal) = &refused[0];
        assert_eq!(request.wanted, askings[1].wanted);
        assert_eq!(refusal.fields[0].field, "permission_set");
        assert!(matches!(request.state, RequestState::Rejected { .. }));
        assert_eq!(stored(&world).await, 1);
        assert!(grants(&world).await.is_empty());
        assert_eq!(events(&world, "request.rejected").await, 1);
        assert_eq!(events(&world, "request.created").await, 0);
    });
}

#[test]
fn a_target_named_twice_is_asked_for_once_and_what_waits_is_found_again() {
    run(async {
        let world = world(84);
        let first = ask(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        let asked = all(&world, &["ReadOnly", "Admin", "ReadOnly"], None).await;
        assert_eq!(asked.len(), 2);
        assert!(matches!(&asked[0], RequestOutcome::AlreadyPending(waiting)
            if waiting.id == first.request().id));
        assert!(matches!(&asked[1], RequestOutcome::Approved(new, Some(_))
            if new.asked_with == [first.request().id]));
        assert_eq!(stored(&world).await, 2);
    });
}

#[test]
fn the_same_key_brings_the_same_requests() {
    run(async {
        let world = world(85);
        let ids = |asked: &[RequestOutcome]| -> Vec<_> {
            let mut ids: Vec<_> = asked.iter().map(|it| it.request().id).collect();
            ids.sort();
            ids
        };
        let first = all(&world, &["ReadOnly", "Admin", "oncall"], Some("k")).await;
        let again = all(&world, &["ReadOnly", "Admin", "oncall"], Some("k")).await;
        assert_eq!(ids(&first), ids(&again));
        assert_eq!(stored(&world).await, 3);
        assert_eq!(grants(&world).await.len(), 2);
    });
}

#[test]
fn nothing_and_too_much_cannot_be_asked_for() {
    run(async {
        let world = world(86);
        let ana = world.actor(Ana);
        for count in [0, TARGETS_MAX + 1] {
            let askings = vec![asking("ReadOnly", TimeSpan::hours(1)); count];
            let asked = world.access.ask_together(&ana, &askings, None).await;
            assert!(matches!(asked, Err(AccessError::TargetCount(n)) if n == count));
        }
        let askings = vec![asking("ReadOnly", TimeSpan::hours(1)); TARGETS_MAX];
        let asked = world.access.ask_together(&ana, &askings, None).await;
        assert!(asked.is_ok());
        assert_eq!(stored(&world).await, 1);
    });
}

#[test]
fn approvers_are_told_of_each() {
    run(async {
        let world = world(87);
        let now = world.clock.now();
        world.store.open_channel("test", now).await.unwrap();
        all(&world, &["Admin", "Glass"], None).await;
        let now = world.clock.now();
        let told = world.store.take_notices("test", now, now, 100).await;
        let told = told.unwrap();
        let told = told.iter().filter_map(WaitingMessage::notice);
        let wanted = told.filter(|notice| notice.kind() == NoticeKind::ReviewWanted);
        assert_eq!(wanted.count(), 2);
    });
}

#[test]
fn a_call_made_again_after_one_was_rejected_at_its_start_says_what_became_of_each() {
    run(async {
        let world = world(88);
        let (ana, key) = (world.actor(Ana), key_of("k"));
        let starts_at = Some(TimeSpan::seconds(30).after(world.clock.now()));
        let askings = several(&["ReadOnly", "oncall"]).into_iter();
        let askings: Vec<Asking> = askings.map(|it| Asking { starts_at, ..it }).collect();
        let ask = async || world.access.ask_together(&ana, &askings, Some(&key)).await;
        let RequestedTogether::All(first) = ask().await.unwrap() else {
            panic!("refused")
        };
        assert_eq!(first.len(), 2);
        let narrowed = r#"{"statements": [{"ResourceType": "Account", "Resource": "*",
            "PermissionSet": "ReadOnly", "ApprovalIsNotRequired": true}]}"#;
        let narrowed = load(&RuleFile::new("rules.json", narrowed)).unwrap();
        world
            .access
            .set_rules(narrowed.rules, "test")
            .await
            .unwrap();
        world.live(TimeSpan::minutes(1)).await;
        let RequestedTogether::All(again) = ask().await.unwrap() else {
            panic!("it says that nothing was called for")
        };
        let mut states: Vec<_> = again.iter().map(|it| it.request().state.name()).collect();
        states.sort_unstable();
        assert_eq!(states, ["approved", "rejected"]);
    });
}
