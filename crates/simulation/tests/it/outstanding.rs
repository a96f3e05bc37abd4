//! Pending approvers: notices, lists, reminders and buttons use today's rules at the instant that
//! judges presses, and name only users whose approval helps.

use std::collections::BTreeSet;

use hallpass_access::{
    AccessError, AccessStore, ActionRefused, ApprovalsOpen, Asking, NoticeKind, Request,
    RequestFilter, RequestState, RequestView, WaitingMessage,
};
use hallpass_base::{Clock, Email, RequestId, TimeSpan, Timestamp};
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Bo, Cai, Dee, Eve},
    World,
};

use crate::acting::{approve, asked_for, asking, run};

const HOUR: TimeSpan = TimeSpan::hours(1);
const STAGES: &str = "stages = [{ name = 'boss', approvers = ['eve@corp.example'] }, \
     { name = 'team', approvers = ['cai@corp.example', 'dee@corp.example'] }]";

async fn rules(world: &World, fields: &str) {
    let text =
        format!("[[rule]]\nid = 'admin'\naccounts = '*'\npermission_sets = 'Admin'\n{fields}\n");
    let loaded = load(&RuleFile::new("rules.toml", &text)).unwrap();
    world.access.set_rules(loaded.rules, "test").await.unwrap();
}

async fn world(seed: u64, fields: &str) -> World {
    let world = World::new(seed, Habits::default(), None);
    rules(&world, fields).await;
    let opened = world.store.open_channel("test", world.clock.now()).await;
    opened.unwrap();
    world.live(TimeSpan::seconds(2)).await;
    world
}

fn names<'a>(emails: impl IntoIterator<Item = &'a Email>) -> String {
    let names = emails
        .into_iter()
        .map(|it| it.as_str().trim_end_matches("@corp.example"));
    names
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join(",")
}

async fn shown(world: &World, id: RequestId) -> Request {
    world.access.request(&world.actor(Ana), id).await.unwrap()
}

async fn is_to_review(world: &World, who: Human) -> bool {
    let (view, filter) = (RequestView::ToReview, RequestFilter::default());
    let found = world
        .access
        .requests(&world.actor(who), view, &filter, 9)
        .await;
    !found.unwrap().rows.is_empty()
}

async fn reminders(world: &World) -> Vec<String> {
    let now = world.clock.now();
    let waiting = world.store.take_notices("test", now, now, 1000).await;
    let waiting = waiting.unwrap();
    let notices = waiting.iter().filter_map(WaitingMessage::notice);
    let reminders = notices.filter(|it| it.kind() == NoticeKind::Reminder);
    reminders.map(|it| names(&it.to)).collect()
}

async fn later(world: &World, span: TimeSpan) {
    world.clock.advance(span);
    world.directory.read();
    world.live(TimeSpan::seconds(10)).await;
}

#[test]
fn a_stage_that_is_full_asks_nobody_any_more() {
    run(async {
        let world = world(860, STAGES).await;
        let id = asked_for(&world, Ana, "Admin", HOUR).await;
        assert_eq!(names(&shown(&world, id).await.deciders()), "cai,dee,eve");
        let first = approve(&world, Cai, id).await.unwrap();
        assert_eq!(names(&first.deciders()), "eve");
        let second = approve(&world, Dee, id).await.unwrap();
        for request in [second, shown(&world, id).await] {
            assert_eq!(request.state, RequestState::Pending);
            assert_eq!(names(&request.deciders()), "eve");
            assert_eq!(
                (request.approvals(), request.approvals_lacking()),
                ((1, 2), 1)
            );
            let stages = request.stages().iter();
            let filled: Vec<(&str, u32)> = stages.map(|it| (it.name.as_str(), it.filled)).collect();
            assert_eq!(filled, [("boss", 0), ("team", 1)]);
        }
        let again = approve(&world, Dee, id).await.unwrap_err();
        assert!(
            matches!(
                again,
                AccessError::Refused(ActionRefused::AlreadyReviewed {
                    given: 1,
                    needed: 2
                })
            ),
            "{again}"
        );
        for (who, has_it) in [(Cai, false), (Dee, false), (Eve, true)] {
            assert_eq!(is_to_review(&world, who).await, has_it, "{who:?}");
        }
        later(&world, TimeSpan::minutes(20)).await;
        assert_eq!(reminders(&world).await, ["eve"]);
        let done = approve(&world, Eve, id).await.unwrap();
        assert!(matches!(done.state, RequestState::Approved { .. }));
    });
}

#[test]
fn rules_that_changed_since_say_who_is_asked_and_how_many() {
    run(async {
        let world = world(861, "approvers = ['cai@corp.example', 'dee@corp.example']").await;
        let id = asked_for(&world, Ana, "Admin", HOUR).await;
        assert_eq!(shown(&world, id).await.approvals(), (0, 1));
        let three = "approvers = ['bo@corp.example', 'dee@corp.example', 'eve@corp.example']\n\
             min_approvals = 3";
        rules(&world, three).await;
        let request = approve(&world, Dee, id).await.unwrap();
        assert_eq!(
            (request.approvals(), request.approvals_lacking()),
            ((1, 3), 2)
        );
        assert_eq!(names(&request.approvers()), "bo,eve");
        later(&world, TimeSpan::minutes(20)).await;
        assert_eq!(reminders(&world).await, ["bo,eve"]);
    });
}

#[test]
fn an_approval_that_counts_no_more_is_marked_in_the_answer_to_the_next() {
    run(async {
        let three = |who: &str| {
            format!(
                "approvers = ['{who}@corp.example', 'dee@corp.example', 'eve@corp.example']\n\
                 min_approvals = 3"
            )
        };
        let world = world(862, &three("cai")).await;
        let id = asked_for(&world, Ana, "Admin", HOUR).await;
        approve(&world, Cai, id).await.unwrap();
        rules(&world, &three("bo")).await;
        let answered = approve(&world, Dee, id).await.unwrap();
        let counting: Vec<bool> = answered.reviews.iter().map(|it| it.counts).collect();
        assert_eq!(counting, [false, true]);
        assert_eq!(names(&answered.approvers()), "bo,eve");
    });
}

/// Later starts are judged at the start: approvers are notified even outside the rule's hours.
#[test]
fn who_can_decide_what_starts_later_is_asked_of_its_start() {
    run(async {
        let world = world(863, "approvers = ['cai@corp.example']").await;
        let now = world.clock.now();
        let starts_at = HOUR.after(HOUR.after(now));
        let hours = window(HOUR.after(now), HOUR.after(HOUR.after(starts_at)));
        rules(
            &world,
            &format!("approvers = ['cai@corp.example']\nhours = {hours}"),
        )
        .await;
        let asking = Asking {
            starts_at: Some(starts_at),
            ..asking("Admin", HOUR)
        };
        let asked = world
            .access
            .ask(&world.actor(Ana), &asking, None)
            .await
            .unwrap();
        let request = shown(&world, asked.request().id).await;
        assert_eq!(names(&request.deciders()), "cai");
        assert!(is_to_review(&world, Cai).await);
        assert!(approve(&world, Cai, request.id).await.is_ok());
    });
}

fn window(from: Timestamp, to: Timestamp) -> String {
    let clock = |at: Timestamp| at.to_string().get(11..16).unwrap().to_owned();
    let (from, to) = (clock(from), clock(to));
    format!("{{ from = '{from}', to = '{to}', time_zone = 'UTC' }}")
}

fn approvals_in(world: &World, wait: TimeSpan) -> String {
    let from = wait.after(world.clock.now());
    format!("approval_hours = {}", window(from, HOUR.after(from)))
}

/// The time to decide waits for the hours, then for approvers: no reminder and no expiry before
/// that.
#[test]
fn the_time_to_decide_begins_when_approvals_may_be_given() {
    run(async {
        let world = world(864, "approvers = ['cai@corp.example']").await;
        let wait = TimeSpan::hours(10);
        let hours = approvals_in(&world, wait);
        rules(
            &world,
            &format!("approvers = ['cai@corp.example']\n{hours}"),
        )
        .await;
        let asked = world
            .access
            .ask(&world.actor(Ana), &asking("Admin", HOUR), None)
            .await;
        let request = asked.unwrap().request().clone();
        let ApprovalsOpen::From(opens) = request.approvals_open() else {
            panic!("{:?}", request.approvals_open());
        };
        assert_eq!(request.expires_at, Some(TimeSpan::hours(8).after(opens)));
        assert_eq!(names(&request.deciders()), "cai");
        let first = TimeSpan::minutes(15).after(opens);
        assert_eq!(request.reminders.next_at, Some(first));
        later(&world, TimeSpan::hours(9)).await;
        assert_eq!(reminders(&world).await, [""; 0]);
        let left = TimeSpan::between(world.clock.now(), opens);
        later(&world, TimeSpan::seconds(left.as_seconds() + 30)).await;
        assert_eq!(reminders(&world).await, [""; 0]);
        later(&world, TimeSpan::minutes(15)).await;
        assert_eq!(reminders(&world).await, ["cai"]);
        let done = approve(&world, Cai, request.id).await.unwrap();
        assert!(matches!(done.state, RequestState::Approved { .. }));
    });
}

/// If the hours end first, approvers get the whole next hours, with a reminder at their start.
#[test]
fn what_is_asked_for_as_approvals_close_waits_for_the_next_hours() {
    run(async {
        for (seed, left, waits) in [
            (870, TimeSpan::minutes(5), true),
            (871, TimeSpan::hours(9), false),
        ] {
            let cai = "approvers = ['cai@corp.example']";
            let world = world(seed, cai).await;
            let now = world.clock.now();
            let opened = HOUR.before(now);
            let hours = window(opened, TimeSpan::minutes(1).after(left.after(now)));
            rules(&world, &format!("{cai}\napproval_hours = {hours}")).await;
            let id = asked_for(&world, Ana, "Admin", HOUR).await;
            let request = shown(&world, id).await;
            let eight = TimeSpan::hours(8);
            if !waits {
                assert_eq!(request.expires_at, Some(eight.after(request.asked_at)));
                continue;
            }
            let lapses = request.expires_at.unwrap();
            let opens = eight.before(lapses);
            let day = TimeSpan::hours(24).after(opened);
            assert!(
                TimeSpan::between(opens, day) < TimeSpan::minutes(1),
                "{opens}"
            );
            later(&world, TimeSpan::hours(20)).await;
            assert_eq!(reminders(&world).await, [""; 0]);
            let wait = TimeSpan::between(world.clock.now(), opens);
            later(&world, TimeSpan::seconds(wait.as_seconds() + 60)).await;
            assert_eq!(reminders(&world).await, ["cai"]);
            assert!(shown(&world, id).await.is_waiting(world.clock.now()));
            assert!(approve(&world, Cai, id).await.is_ok());
        }
    });
}

#[test]
fn who_alone_approves_for_themselves_is_reminded_when_they_may() {
    run(async {
        let own = "approvers = ['ana@corp.example']\nallow_self_approval = true";
        let world = world(872, own).await;
        let hours = approvals_in(&world, HOUR);
        rules(&world, &format!("{own}\n{hours}")).await;
        let id = asked_for(&world, Ana, "Admin", HOUR).await;
        later(&world, TimeSpan::minutes(50)).await;
        assert_eq!(reminders(&world).await, [""; 0]);
        later(&world, TimeSpan::minutes(30)).await;
        assert_eq!(reminders(&world).await, ["ana"]);
        assert!(approve(&world, Ana, id).await.is_ok());
    });
}

/// Rules changed after planning: a reminder waits, unspent, until approval is possible and some
/// approver exists.
#[test]
fn a_reminder_waits_for_people_who_may_approve() {
    run(async {
        let cai = "approvers = ['cai@corp.example']";
        for (seed, is_of_approvals) in [(866, true), (867, false)] {
            let world = world(seed, cai).await;
            let id = asked_for(&world, Ana, "Admin", HOUR).await;
            let hours = approvals_in(&world, HOUR);
            let hours = if is_of_approvals {
                hours
            } else {
                hours.replace("approval_hours", "hours")
            };
            rules(&world, &format!("{cai}\n{hours}")).await;
            later(&world, TimeSpan::minutes(20)).await;
            assert_eq!(reminders(&world).await, [""; 0]);
            let stored = world.store.request(id).await.unwrap().unwrap();
            assert_eq!(stored.reminders.sent, 0);
            later(&world, TimeSpan::minutes(35)).await;
            assert_eq!(reminders(&world).await, [""; 0]);
            // rules are checked again after half an hour
            later(&world, TimeSpan::minutes(30)).await;
            assert_eq!(reminders(&world).await, ["cai"]);
        }
    });
}

/// The newest requests are undecidable for the user: the page is filled with decidable ones.
#[test]
fn a_short_list_of_what_is_to_review_is_not_emptied_by_what_is_not() {
    run(async {
        let two = "approvers = ['ana@corp.example', 'cai@corp.example', 'dee@corp.example']\n\
             min_approvals = 2";
        let world = world(868, two).await;
        let older = asked_for(&world, Bo, "Admin", HOUR).await;
        later(&world, TimeSpan::seconds(5)).await;
        let newer = asked_for(&world, Ana, "Admin", HOUR).await;
        approve(&world, Cai, newer).await.unwrap();
        for who in [Ana, Cai] {
            let (view, filter) = (RequestView::ToReview, RequestFilter::default());
            let found = world
                .access
                .requests(&world.actor(who), view, &filter, 1)
                .await;
            let ids: Vec<RequestId> = found.unwrap().rows.iter().map(|it| it.id).collect();
            assert_eq!(ids, [older], "{who:?}");
        }
    });
}
