//! Presses: permissions, races, expiry, reminders.

use hallpass_access::{
    AccessError, AccessStore, ActionRefused, NoticeKind, RequestFilter, RequestOutcome, RequestView,
};
use hallpass_audit::AuditStore as _;
use hallpass_base::{Clock, TimeSpan};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Bo, Cai, Dee, Eve},
    World,
};

use crate::acting::{approve, ask, asked_for, asking, grants, key_of, run};

fn world(seed: u64) -> World {
    World::new(seed, Habits::default(), None)
}

#[test]
fn a_request_is_decided_once_and_the_loser_is_told_who_won() {
    run(async {
        let world = world(31);
        let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        approve(&world, Cai, id).await.unwrap();
        let late = world
            .access
            .deny(&world.actor(Dee), id, None, None)
            .await
            .unwrap_err();
        let text = late.to_string();
        assert!(
            text.contains("approved") && text.contains("cai@corp.example"),
            "{text}"
        );
        assert_eq!(grants(&world).await.len(), 1);
    });
}

#[test]
fn whoever_is_matched_through_a_second_domain_decides_nothing() {
    run(async {
        let world = world(37);
        let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        let matched = |human| hallpass_access::Actor {
            secondary_domain: true,
            ..world.actor(human)
        };
        let access = &world.access;
        for refused in [
            access.approve(&matched(Cai), id, None).await.unwrap_err(),
            access
                .deny(&matched(Cai), id, None, None)
                .await
                .unwrap_err(),
            access.discard(&matched(Cai), id, None).await.unwrap_err(),
            access.discard(&matched(Eve), id, None).await.unwrap_err(),
        ] {
            assert!(
                matches!(
                    refused,
                    AccessError::Refused(ActionRefused::SecondaryDomain)
                ),
                "{refused}"
            );
        }
        access.discard(&matched(Ana), id, None).await.unwrap();
        let id = ask(&world, Ana, "ReadOnly", TimeSpan::hours(1))
            .await
            .request()
            .grant
            .unwrap();
        let refused = access
            .revoke(&matched(Cai), id, "why", None)
            .await
            .unwrap_err();
        assert!(
            matches!(
                refused,
                AccessError::Refused(ActionRefused::SecondaryDomain) | AccessError::NotFound(_)
            ),
            "{refused}"
        );
        access.release(&matched(Ana), id, None).await.unwrap();
    });
}

#[test]
fn fifty_approvals_over_three_processes_make_one_grant() {
    run(async {
        let world = world(32);
        let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        let processes = [
            world.access.clone(),
            world.another_process(),
            world.another_process(),
        ];
        let mut set = tokio::task::JoinSet::new();
        for n in 0..50 {
            let (access, actor) = (
                processes[n % 3].clone(),
                world.actor(if n % 2 == 0 { Cai } else { Dee }),
            );
            set.spawn(async move { access.approve(&actor, id, None).await });
        }
        let outcomes = set.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for refused in outcomes.into_iter().filter_map(Result::err) {
            assert!(
                matches!(refused, AccessError::Refused(ActionRefused::Closed(_))),
                "{refused:?}"
            );
        }
        assert_eq!(grants(&world).await.len(), 1);
        let records = world.store.records_from(1, 1000).await.unwrap();
        assert_eq!(
            records
                .iter()
                .filter(|r| r.event() == "request.approved")
                .count(),
            1
        );
    });
}

#[test]
fn nobody_decides_their_own_and_strangers_learn_nothing() {
    run(async {
        let world = world(33);
        let id = asked_for(&world, Cai, "Admin", TimeSpan::hours(1)).await;
        let own = approve(&world, Cai, id).await.unwrap_err();
        assert!(
            matches!(&own, AccessError::Refused(refused) if refused.code() == "own-request"),
            "{own:?}"
        );
        let stranger = approve(&world, Bo, id).await.unwrap_err();
        assert!(matches!(stranger, AccessError::NotFound(_)), "{stranger:?}");
        let bystander = world
            .access
            .discard(&world.actor(Bo), id, None)
            .await
            .unwrap_err();
        assert!(matches!(bystander, AccessError::NotFound(_)));
        let by_admin = world
            .access
            .discard(&world.actor(Eve), id, None)
            .await
            .unwrap();
        assert_eq!(by_admin.state.name(), "discarded");
        let records = world.store.records_from(1, 100).await.unwrap();
        assert_eq!(
            records
                .iter()
                .filter(|r| r.event() == "press.refused")
                .count(),
            3
        );
    });
}

#[test]
fn two_approvals_by_two_people_when_the_rule_says_so() {
    run(async {
        let world = world(34);
        let id = asked_for(&world, Ana, "Root", TimeSpan::hours(1)).await;
        let first = approve(&world, Cai, id).await.unwrap();
        assert_eq!((first.state.name(), first.reviews.len()), ("pending", 1));
        let twice = approve(&world, Cai, id).await.unwrap_err();
        assert!(matches!(
            twice,
            AccessError::Refused(ActionRefused::AlreadyReviewed {
                given: 1,
                needed: 2
            })
        ));
        let second = approve(&world, Dee, id).await.unwrap();
        assert_eq!(second.state.name(), "approved");
    });
}

#[test]
fn a_late_press_is_refused_before_and_after_the_lapse_is_stored() {
    run(async {
        let world = world(35);
        let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        world.clock.advance(TimeSpan::seconds(8 * 3600 + 1));
        let late = approve(&world, Cai, id).await.unwrap_err();
        assert!(
            matches!(late, AccessError::Refused(ActionRefused::Closed(_))),
            "{late:?}"
        );
        world.access.tick().await.unwrap();
        let stored = world.store.request(id).await.unwrap().unwrap();
        assert_eq!(stored.state.name(), "expired");
        let later = approve(&world, Cai, id).await.unwrap_err();
        assert!(matches!(
            later,
            AccessError::Refused(ActionRefused::Closed(_))
        ));
        assert!(grants(&world).await.is_empty());
    });
}

#[test]
fn reminders_come_when_due_and_name_those_still_to_approve() {
    run(async {
        let world = world(36);
        let now = world.clock.now();
        world.store.open_channel("test", now).await.unwrap();
        let id = asked_for(&world, Ana, "Root", TimeSpan::hours(1)).await;
        approve(&world, Cai, id).await.unwrap();
        world
            .live_coarsely(TimeSpan::hours(9), TimeSpan::seconds(30))
            .await;
        let now = world.clock.now();
        let waiting = world
            .store
            .take_notices("test", now, now, 1000)
            .await
            .unwrap();
        let reminders: Vec<_> = waiting
            .iter()
            .filter_map(hallpass_access::WaitingMessage::notice)
            .filter(|n| n.kind() == NoticeKind::Reminder)
            .collect();
        assert_eq!(reminders.len(), 5, "minutes 15, 45, 105, 225, 465");
        for reminder in &reminders {
            let to: Vec<_> = reminder.to.iter().map(ToString::to_string).collect();
            assert_eq!(to, ["dee@corp.example"]);
        }
        // the next texts derive from these: `hallpass_channels::wording`
        let asked_at = world.store.request(id).await.unwrap().unwrap().asked_at;
        let settings = world.access.settings();
        let expires_at = Some(TimeSpan::hours(8).after(asked_at));
        let planned: Vec<_> = (0..6)
            .map_while(|sent| settings.reminder_at(asked_at, expires_at, sent))
            .collect();
        let after: Vec<_> = planned
            .iter()
            .map(|at| TimeSpan::between(asked_at, *at))
            .collect();
        assert_eq!(after, [15, 45, 105, 225, 465].map(TimeSpan::minutes));
        for (reminder, planned) in reminders.iter().zip(planned) {
            let late = TimeSpan::between(planned, reminder.at);
            assert!(reminder.at >= planned && late <= TimeSpan::minutes(1));
        }
    });
}

/// After four hours of downtime, one reminder replaces the four missed.
#[test]
fn reminders_that_were_missed_are_one() {
    run(async {
        let world = world(43);
        let now = world.clock.now();
        world.store.open_channel("test", now).await.unwrap();
        let id = asked_for(&world, Ana, "Root", TimeSpan::hours(1)).await;
        world.clock.advance(TimeSpan::hours(4));
        world.directory.read();
        world.live(TimeSpan::seconds(10)).await;
        let now = world.clock.now();
        let waiting = world.store.take_notices("test", now, now, 1000).await;
        let waiting = waiting.unwrap();
        let notices = waiting
            .iter()
            .filter_map(hallpass_access::WaitingMessage::notice);
        let told = notices.filter(|n| n.kind() == NoticeKind::Reminder).count();
        assert_eq!(told, 1);
        // the next reminder keeps its schedule
        let request = world.store.request(id).await.unwrap().unwrap();
        let next = TimeSpan::minutes(465).after(request.asked_at);
        assert_eq!(request.reminders.next_at, Some(next));
        assert_eq!(request.reminders.sent, 4);
    });
}

#[test]
fn asking_twice_returns_the_first() {
    run(async {
        let world = world(37);
        let first = ask(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        let second = ask(&world, Ana, "Admin", TimeSpan::hours(2)).await;
        assert!(matches!(second, RequestOutcome::AlreadyPending(_)));
        assert_eq!(first.request().id, second.request().id);
    });
}

#[test]
fn the_same_idempotency_key_is_the_same_call() {
    run(async {
        let world = world(38);
        let (ana, key) = (world.actor(Ana), key_of("k1"));
        let wanted = asking("ReadOnly", TimeSpan::hours(1));
        let first = world.access.ask(&ana, &wanted, Some(&key)).await.unwrap();
        let second = world.access.ask(&ana, &wanted, Some(&key)).await.unwrap();
        assert_eq!(first.request().id, second.request().id);
        assert_eq!(grants(&world).await.len(), 1);
        let other = hallpass_access::Idempotency {
            key: "k1".into(),
            fingerprint: "other".into(),
        };
        let reused = world.access.ask(&ana, &wanted, Some(&other)).await;
        assert!(matches!(reused, Err(AccessError::KeyReused)));
    });
}

#[test]
fn what_cannot_be_asked_for_is_stored_as_rejected_with_every_reason() {
    run(async {
        let world = world(39);
        let ana = world.actor(Ana);
        let mut wrong = asking("Nothing", TimeSpan::hours(100));
        wrong.reason = "  ".into();
        let asked = world.access.ask(&ana, &wrong, None).await.unwrap();
        let RequestOutcome::Rejected(request, refusal) = asked else {
            panic!("{asked:?}")
        };
        let codes: Vec<_> = refusal
            .fields
            .iter()
            .map(|field| field.code.as_str())
            .collect();
        assert_eq!(
            codes,
            ["unknown-permission-set", "missing-reason", "long-duration"]
        );
        let stored = world.store.request(request.id).await.unwrap().unwrap();
        assert_eq!(stored.state.name(), "rejected");
        let mut long = asking("Admin", TimeSpan::hours(1));
        long.reason = "&".repeat(1000);
        let taken = world.access.ask(&ana, &long, None).await.unwrap();
        assert_eq!(
            taken.request().reason.len(),
            1000,
            "1,000 ampersands arrive as they are"
        );
    });
}

async fn listed_for(world: &World) -> Vec<Human> {
    let mut found = Vec::new();
    for human in Human::ALL {
        let (actor, all) = (world.actor(human), RequestFilter::default());
        let page = world
            .access
            .requests(&actor, RequestView::ToReview, &all, 9)
            .await;
        if !page.unwrap().rows.is_empty() {
            found.push(human);
        }
    }
    found
}

#[test]
fn what_waits_is_listed_for_those_who_can_still_decide_it() {
    run(async {
        let world = world(36);
        let id = asked_for(&world, Cai, "Admin", TimeSpan::hours(1)).await;
        assert_eq!(listed_for(&world).await, [Dee], "not for the requester");
        world
            .access
            .discard(&world.actor(Cai), id, None)
            .await
            .unwrap();
        let withdrawn = world.store.request(id).await.unwrap().unwrap();
        assert!(!withdrawn.is_waiting(world.clock.now()));
        let id = asked_for(&world, Ana, "Root", TimeSpan::hours(1)).await;
        assert_eq!(listed_for(&world).await, [Cai, Dee]);
        approve(&world, Cai, id).await.unwrap();
        assert_eq!(listed_for(&world).await, [Dee], "no second decision");
        // expired, before any tick records it
        world.clock.advance(TimeSpan::hours(9));
        assert_eq!(listed_for(&world).await, []);
    });
}
