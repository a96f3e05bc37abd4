//! Approving with a comment and for a shorter time (`access.md` §3.7).

use hallpass_access::{
    AccessError, AccessStore, ActionRefused, Approving, Extending, Request, RequestOutcome,
    RequestState, TextField,
};
use hallpass_audit::AuditStore as _;
use hallpass_base::{Clock as _, GrantId, RequestId, TimeSpan};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Bo, Cai, Dee, Eve},
    World,
};

use crate::acting::{ask, grant, grants, run, take};

const HOUR: TimeSpan = TimeSpan::hours(1);

fn world(seed: u64) -> World {
    World::new(seed, Habits::default(), None)
}

async fn waiting(world: &World, set: &str, duration: TimeSpan) -> RequestId {
    ask(world, Ana, set, duration).await.request().id
}

async fn approve(
    world: &World,
    who: Human,
    id: RequestId,
    comment: Option<&str>,
    minutes: Option<u64>,
) -> Result<Request, AccessError> {
    let approving = Approving {
        seen: None,
        comment,
        duration: minutes.map(TimeSpan::minutes),
        confirmed: &[],
    };
    let actor = world.actor(who);
    world.access.approve_with(&actor, id, approving, None).await
}

async fn recorded(world: &World, event: &str) -> (String, String) {
    let records = world.store.records_from(1, 1000).await.unwrap();
    let record = records.iter().rev().find(|it| it.event() == event).unwrap();
    let text = |field| record.text(field).unwrap_or("NA").to_owned();
    (text("why"), text("permission_duration"))
}

#[test]
fn a_shorter_time_is_granted_and_both_are_told_and_recorded() {
    run(async {
        let world = world(51);
        let id = waiting(&world, "Admin", TimeSpan::hours(4)).await;
        let words = "  an hour will do; shortened from 9h to 8h ";
        let request = approve(&world, Cai, id, Some(words), Some(60)).await;
        let request = request.unwrap();
        let RequestState::Approved { comment, .. } = &request.state else {
            panic!("{request:?}");
        };
        assert_eq!(comment.as_deref(), Some(words.trim()));
        let shortened = request.shortened.unwrap();
        assert_eq!(
            (request.duration, shortened.from, shortened.by.as_str()),
            (HOUR, TimeSpan::hours(4), "cai@corp.example")
        );
        let grant = grants(&world).await.remove(0);
        assert_eq!(grant.duration, HOUR);
        assert_eq!(grant.ends_at, HOUR.after(grant.scheduled_at));
        let (why, duration) = recorded(&world, "request.approved").await;
        assert_eq!(
            (why.as_str(), duration.as_str()),
            (
                "shortened from 4h to 1h; comment: an hour will do; shortened from 9h to 8h",
                "3600"
            )
        );
    });
}

#[test]
fn the_shortest_that_any_approver_said_holds() {
    run(async {
        for (first, second, granted, by) in [
            (Some(30), None, 30, Some("cai@corp.example")),
            (Some(30), Some(45), 30, Some("cai@corp.example")),
            (Some(45), Some(30), 30, Some("dee@corp.example")),
            (None, Some(45), 45, Some("dee@corp.example")),
            (Some(60), Some(60), 60, None),
            (None, None, 60, None),
        ] {
            let world = world(52);
            let id = waiting(&world, "Root", HOUR).await;
            let request = approve(&world, Cai, id, Some("first"), first)
                .await
                .unwrap();
            assert_eq!(request.state, RequestState::Pending);
            assert_eq!(request.reviews[0].comment.as_deref(), Some("first"));
            let (why, _) = recorded(&world, "request.reviewed").await;
            let shorter = first.is_some_and(|minutes| minutes < 60);
            assert_eq!(why.starts_with("shortened from 1h to "), shorter, "{why}");
            assert!(why.ends_with("comment: first"), "{why}");
            let request = approve(&world, Dee, id, None, second).await.unwrap();
            let row = format!("{first:?}, {second:?}");
            assert_eq!(request.duration, TimeSpan::minutes(granted), "{row}");
            let shortened = request.shortened;
            assert!(shortened.iter().all(|it| it.from == HOUR), "{row}");
            let whose = shortened.as_ref().map(|it| it.by.as_str());
            assert_eq!(whose, by, "{row}");
            assert_eq!(
                grants(&world).await[0].duration,
                TimeSpan::minutes(granted),
                "{row}"
            );
        }
    });
}

#[test]
fn what_cannot_be_approved_changes_nothing_and_is_on_record() {
    run(async {
        for (who, minutes, code) in [
            (Cai, Some(61), "bad-duration"),
            (Cai, Some(0), "bad-duration"),
            (Bo, Some(0), "not-an-approver"),
            (Ana, Some(30), "not-an-approver"),
        ] {
            let world = world(53);
            let id = waiting(&world, "Admin", HOUR).await;
            let before = world.store.request(id).await.unwrap();
            let refused = approve(&world, who, id, None, minutes).await;
            let (found, row) = match &refused {
                Err(AccessError::Refused(why)) => (why.code(), why.to_string()),
                // its existence is hidden too
                Err(AccessError::NotFound(_)) => (code, String::new()),
                other => panic!("{other:?}"),
            };
            assert_eq!(found, code, "{row}");
            assert_eq!(world.store.request(id).await.unwrap(), before, "{row}");
            let records = world.store.records_from(1, 1000).await.unwrap();
            let last = records.last().unwrap();
            assert_eq!(last.event(), "press.refused", "{row}");
        }
        // the maximum length, and only invisible text
        let most = "ä".repeat(TextField::Comment.most());
        for (comment, kept) in [(most.as_str(), Some(most.as_str())), (" \u{200b} ", None)] {
            let world = world(54);
            let id = waiting(&world, "Admin", HOUR).await;
            let request = approve(&world, Cai, id, Some(comment), Some(5))
                .await
                .unwrap();
            assert_eq!(request.newest_comment().map(|(_, words)| words), kept);
        }
    });
}

#[test]
fn an_extension_is_not_made_so_short_that_it_adds_nothing() {
    run(async {
        let world = world(55);
        let id = waiting(&world, "Admin", HOUR).await;
        approve(&world, Cai, id, None, None).await.unwrap();
        world.live(TimeSpan::minutes(2)).await;
        let grant = grants(&world).await.remove(0);
        let extending = Extending::by(TimeSpan::hours(4));
        let ana = world.actor(Ana);
        let extension = world.access.extend(&ana, grant.id, extending, None).await;
        let RequestOutcome::Pending(extension) = extension.unwrap() else {
            panic!("it needs approval");
        };
        let presses = world.access.presses(&world.actor(Cai), &extension).await;
        let shorter = presses.unwrap().shorter;
        assert_eq!(shorter.first(), Some(&HOUR), "{shorter:?}");
        let refused = approve(&world, Cai, extension.id, None, Some(30)).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.ends_with(" to 4h"), "{refused}");
        approve(&world, Cai, extension.id, None, Some(120))
            .await
            .unwrap();
        let longer = grants(&world).await.remove(0);
        let gained = TimeSpan::between(grant.ends_at, longer.ends_at);
        assert!(gained >= HOUR && gained < TimeSpan::minutes(63), "{gained}");
    });
}

#[test]
fn what_needs_nobody_offers_nothing_shorter_to_others() {
    run(async {
        let world = world(56);
        take(&world, Ana, "ReadOnly", HOUR).await;
        let id = waiting(&world, "Admin", HOUR).await;
        let request = world.store.request(id).await.unwrap().unwrap();
        for (who, offered) in [(Cai, 1), (Bo, 0), (Ana, 0), (Eve, 0)] {
            let presses = world.access.presses(&world.actor(who), &request).await;
            assert!(presses.unwrap().shorter.len() <= offered, "{who:?}");
        }
    });
}

#[test]
fn no_time_at_all_is_never_approved() {
    run(async {
        let mut world = world(57);
        world.least_duration(TimeSpan::ZERO);
        let id = waiting(&world, "Admin", HOUR).await;
        let refused = approve(&world, Cai, id, None, Some(0)).await;
        assert!(
            matches!(refused, Err(AccessError::Refused(_))),
            "{refused:?}"
        );
        assert!(grants(&world).await.is_empty());
    });
}

async fn extension(world: &World, hours: u64) -> (GrantId, RequestId) {
    let id = waiting(world, "Admin", HOUR).await;
    approve(world, Cai, id, None, None).await.unwrap();
    world.live(TimeSpan::minutes(2)).await;
    let grant = grants(world).await.remove(0).id;
    let by = Extending::by(TimeSpan::hours(hours));
    let asked = world
        .access
        .extend(&world.actor(Ana), grant, by, None)
        .await;
    let RequestOutcome::Pending(extension) = asked.unwrap() else {
        panic!("it needs approval");
    };
    (grant, extension.id)
}

#[test]
fn what_is_over_is_not_extended_however_far_its_end_was() {
    run(async {
        let world = world(57);
        let (grant, extension) = extension(&world, 4).await;
        world
            .access
            .release(&world.actor(Ana), grant, None)
            .await
            .unwrap();
        let ended = grants(&world).await.remove(0);
        assert!(
            world.clock.now() < ended.ends_at,
            "its end was still to come"
        );
        let refused = approve(&world, Cai, extension, None, None).await;
        assert!(
            matches!(
                &refused,
                Err(AccessError::Refused(ActionRefused::GrantOver { .. }))
            ),
            "{refused:?}"
        );
        assert_eq!(grants(&world).await.remove(0), ended);
        world.live(TimeSpan::minutes(2)).await;
        assert!(world.center.present().is_empty());
    });
}

#[test]
fn what_was_extended_is_warned_of_again() {
    run(async {
        let world = world(58);
        let (id, extension) = extension(&world, 2).await;
        let minute = TimeSpan::seconds(60);
        world.live_coarsely(TimeSpan::minutes(55), minute).await;
        assert!(grant(&world, id).await.warned);
        approve(&world, Cai, extension, None, None).await.unwrap();
        assert!(!grant(&world, id).await.warned);
        world.live_coarsely(TimeSpan::minutes(118), minute).await;
        assert!(grant(&world, id).await.warned);
    });
}
