//! Break-glass access (`access.md` §17): permission, effect and review.

use hallpass_access::{
    AccessError, AccessStore, Approval, GrantState, NoticeKind, Request, RequestFilter,
    RequestOutcome, RequestState,
};
use hallpass_audit::AuditStore;
use hallpass_base::{Email, RequestId, TimeSpan};
use hallpass_simulation::{
    Habits, Human,
    Human::{Ana, Bo, Cai, Dee, Eve},
    World, check_all,
};

use crate::acting::{approve, ask, asking, grants, run};

const WHY: &str = "  customers cannot pay & no approver answers: <b>  ";

fn world() -> World {
    World::new(11, Habits::default(), None)
}

async fn waiting(world: &World, who: Human, set: &str, hours: u64) -> RequestId {
    match ask(world, who, set, TimeSpan::hours(hours)).await {
        RequestOutcome::Pending(request) => request.id,
        other => panic!("expected to wait, got {other:?}"),
    }
}

async fn press(world: &World, who: Human, id: RequestId, why: &str) -> Result<Request, String> {
    let pressed = world
        .access
        .break_glass(&world.actor(who), id, why, None)
        .await;
    pressed.map_err(|error| code(&error))
}

async fn close(world: &World, who: Human, id: RequestId) -> Result<Request, String> {
    let words = Some("looked at it; right so");
    let closed = world
        .access
        .close_review(&world.actor(who), id, words, None)
        .await;
    closed.map_err(|error| code(&error))
}

async fn is_offered(world: &World, who: Human, request: &Request) -> bool {
    let presses = world.access.presses(&world.actor(who), request).await;
    presses.unwrap().glass.break_glass.is_ok()
}

fn code(error: &AccessError) -> String {
    match error {
        AccessError::Refused(why) => why.code().to_owned(),
        AccessError::NotFound(_) => "not-found".to_owned(),
        other => format!("{other:?}"),
    }
}

async fn open(world: &World, who: Human) -> Vec<RequestId> {
    let all = RequestFilter::default();
    let found = world.access.open_reviews(&world.actor(who), &all, 9).await;
    let found = found.unwrap().rows;
    found.iter().map(|request| request.id).collect()
}

async fn events(world: &World) -> Vec<(String, String, String)> {
    let records = world.store.records_from(1, 1000).await.unwrap();
    records
        .iter()
        .map(|record| {
            let text = |field| record.text(field).unwrap_or_default().to_owned();
            (record.event().to_owned(), text("approval"), text("why"))
        })
        .collect()
}

async fn check_after_the_hour(world: &World) {
    world
        .live_coarsely(TimeSpan::minutes(62), TimeSpan::seconds(5))
        .await;
    check_all(world, &[]).await.unwrap();
}

async fn stored(world: &World, id: RequestId) -> Request {
    world.store.request(id).await.unwrap().unwrap()
}

/// T: listed → granted, N notices, review open.
#[test]
fn whoever_is_listed_takes_it_for_an_hour_and_everybody_is_told() {
    run(async {
        let world = world();
        let start = hallpass_base::Clock::now(world.clock.as_ref());
        world.store.open_channel("test", start).await.unwrap();
        let id = waiting(&world, Ana, "Glass", 4).await;
        let asked = stored(&world, id).await;
        assert!(is_offered(&world, Ana, &asked).await);
        let request = press(&world, Ana, id, WHY).await.unwrap();
        let RequestState::Approved { by, approval, .. } = &request.state else {
            panic!("{:?}", request.state);
        };
        assert_eq!(
            (by.as_str(), *approval),
            ("ana@corp.example", Approval::BreakGlass)
        );
        assert_eq!(request.duration, TimeSpan::hours(1));
        let review = request.after_review.clone().unwrap();
        assert_eq!(review.justification, WHY.trim());
        assert!(request.has_open_review());
        let now = hallpass_base::Clock::now(world.clock.as_ref());
        let notices = world
            .store
            .take_notices("test", now, now, 99)
            .await
            .unwrap();
        let told: Vec<_> = notices
            .iter()
            .filter_map(hallpass_access::WaitingMessage::notice)
            .filter(|notice| notice.kind() == NoticeKind::BreakGlass)
            .flat_map(|notice| notice.to.iter().map(Email::as_str))
            .collect();
        // includes Dee, named nowhere else in the rule, and the administrator
        assert_eq!(
            told,
            ["cai@corp.example", "dee@corp.example", "eve@corp.example"]
        );
        let log = events(&world).await;
        let of = |event: &str| {
            log.iter()
                .filter(|entry| entry.0 == event)
                .collect::<Vec<_>>()
        };
        assert_eq!(of("request.approved")[0].1, "break_glass");
        assert_eq!(of("grant.requested")[0].1, "break_glass");
        assert_eq!(of("review.opened").len(), 1);
        assert_eq!(of("review.opened")[0].2, WHY.trim());
        world.live(TimeSpan::seconds(20)).await;
        assert_eq!(grants(&world).await[0].state, GrantState::Active);
        world
            .live_coarsely(TimeSpan::hours(1), TimeSpan::seconds(5))
            .await;
        check_all(&world, &[]).await.unwrap();
        assert_eq!(open(&world, Cai).await, [id]);
    });
}

/// T: not listed → no button. Rows: presser, requester, set, answer.
#[test]
fn nobody_else_breaks_it() {
    let rows = [
        (Ana, Ana, "Admin", WHY, "break-glass-not-allowed"),
        (Bo, Bo, "Glass", WHY, "break-glass-not-allowed"),
        (Ana, Ana, "Sealed", WHY, "break-glass-not-allowed"),
        (Cai, Ana, "Glass", WHY, "not-requester"),
        (Bo, Ana, "Glass", WHY, "not-found"),
        (Ana, Bo, "Glass", WHY, "not-found"),
        (
            Ana,
            Ana,
            "Glass",
            "short, with blanks     ",
            "bad-justification",
        ),
    ];
    for (who, whose, set, why, expected) in rows {
        run(async {
            let world = world();
            let id = waiting(&world, whose, set, 1).await;
            let row = format!("{who:?} on {whose:?} / {set}");
            let asked = stored(&world, id).await;
            let button = is_offered(&world, who, &asked).await;
            assert_eq!(button, expected == "bad-justification", "{row}");
            assert_eq!(
                press(&world, who, id, why).await.unwrap_err(),
                expected,
                "{row}"
            );
            let log = events(&world).await;
            let refused = log.iter().filter(|entry| entry.0 == "press.refused");
            let why: Vec<_> = refused.map(|entry| entry.2.as_str()).collect();
            assert_eq!(why, ["break-glass"], "{row}");
            let after = stored(&world, id).await;
            assert_eq!(after, asked, "{row}");
            assert_eq!(grants(&world).await, [], "{row}");
        });
    }
}

#[test]
fn where_nobody_approves_it_waits_for_the_listed_and_is_rejected_for_others() {
    run(async {
        let world = world();
        assert!(matches!(
            ask(&world, Bo, "Alone", TimeSpan::hours(1)).await,
            RequestOutcome::Rejected(_, refusal) if refusal.code == "NoApprovers"
        ));
        let id = waiting(&world, Ana, "Alone", 1).await;
        let request = stored(&world, id).await;
        assert_eq!(request.decided.kind.name(), "NoApprovers");
        assert_eq!(request.reminders.next_at, None);
        let approved = approve(&world, Eve, id).await;
        assert_eq!(code(&approved.unwrap_err()), "rules-changed");
        press(&world, Ana, id, WHY).await.unwrap();
        assert_eq!(close(&world, Cai, id).await.unwrap_err(), "not-found");
        close(&world, Eve, id).await.unwrap();
        check_after_the_hour(&world).await;
    });
}

#[test]
fn a_request_that_is_not_broken_lapses() {
    run(async {
        let world = world();
        let id = waiting(&world, Ana, "Alone", 1).await;
        world
            .live_coarsely(TimeSpan::hours(9), TimeSpan::minutes(10))
            .await;
        assert_eq!(
            press(&world, Ana, id, WHY).await.unwrap_err(),
            "already-decided"
        );
        let request = stored(&world, id).await;
        assert_eq!(request.state.name(), "expired");
        check_all(&world, &[]).await.unwrap();
    });
}

#[test]
fn a_review_stays_listed_until_somebody_else_closes_it() {
    run(async {
        let world = world();
        let id = waiting(&world, Ana, "Glass", 1).await;
        assert_eq!(close(&world, Cai, id).await.unwrap_err(), "no-review");
        press(&world, Ana, id, WHY).await.unwrap();
        for (who, sees) in [(Ana, 0), (Bo, 0), (Cai, 1), (Dee, 1), (Eve, 1)] {
            assert_eq!(open(&world, who).await.len(), sees, "{who:?}");
        }
        for (who, expected) in [
            (Ana, "own-review"),
            (Bo, "not-found"),
            (Eve, "not-an-approver"),
        ] {
            assert_eq!(
                close(&world, who, id).await.unwrap_err(),
                expected,
                "{who:?}"
            );
        }
        let closed = close(&world, Dee, id).await.unwrap();
        let closing = closed.after_review.unwrap().closed.unwrap();
        assert_eq!(closing.by.as_str(), "dee@corp.example");
        assert_eq!(closing.words.as_deref(), Some("looked at it; right so"));
        assert_eq!(open(&world, Cai).await, []);
        assert_eq!(close(&world, Cai, id).await.unwrap_err(), "already-decided");
        check_after_the_hour(&world).await;
    });
}

#[test]
fn two_presses_break_it_once() {
    run(async {
        let world = world();
        let id = waiting(&world, Ana, "Glass", 1).await;
        let (one, two) = (world.another_process(), world.another_process());
        let ana = world.actor(Ana);
        let (first, second) = tokio::join!(
            one.break_glass(&ana, id, WHY, None),
            two.break_glass(&ana, id, WHY, None)
        );
        let refused: Vec<_> = [first, second]
            .into_iter()
            .filter_map(Result::err)
            .collect();
        assert_eq!(
            refused.iter().map(code).collect::<Vec<_>>(),
            ["already-decided"]
        );
        assert_eq!(grants(&world).await.len(), 1);
        check_after_the_hour(&world).await;
    });
}

/// "Before: 2 times in 90 days, last …, approved by …", for users who may see the request.
#[test]
fn the_past_of_a_target_is_counted() {
    run(async {
        let world = world();
        let admin = |who| (who, asking("Admin", TimeSpan::minutes(5)));
        for (who, asking) in [admin(Ana), admin(Bo), admin(Ana)] {
            let asked = world
                .access
                .ask(&world.actor(who), &asking, None)
                .await
                .unwrap();
            let id = asked.request().id;
            approve(&world, Cai, id).await.unwrap();
            world
                .live_coarsely(TimeSpan::minutes(10), TimeSpan::seconds(5))
                .await;
        }
        let past_for = async |who, request: &Request| {
            let actor = world.actor(who);
            world.access.past(&actor, request).await
        };
        let id = waiting(&world, Ana, "Admin", 1).await;
        let request = stored(&world, id).await;
        let past = past_for(Cai, &request).await.unwrap();
        let anyone = past.anyone.unwrap();
        assert_eq!((past.requester.count, anyone.count), (2, 3));
        let last = past.requester.last.unwrap();
        assert_eq!(
            (last.approver_name.as_str(), last.holder.as_str()),
            ("cai", "ana@corp.example")
        );
        // a requester sees only their history, a stranger none
        let past = past_for(Ana, &request).await.unwrap();
        assert_eq!((past.requester.count, past.anyone), (2, None));
        let past = past_for(Bo, &request).await;
        assert_eq!(code(&past.unwrap_err()), "not-found");
        world.clock.advance(TimeSpan::hours(24 * 91));
        world.live(TimeSpan::seconds(2)).await;
        let id = waiting(&world, Ana, "Admin", 1).await;
        let request = stored(&world, id).await;
        let past = past_for(Cai, &request).await.unwrap();
        assert_eq!((past.requester.count, past.requester.last), (0, None));
    });
}

/// An outdated directory does not determine approvers.
#[test]
fn no_review_is_offered_while_the_directory_is_not_read() {
    run(async {
        let world = world();
        let id = waiting(&world, Ana, "Glass", 1).await;
        press(&world, Ana, id, WHY).await.unwrap();
        assert_eq!(open(&world, Cai).await, [id]);
        world.silence_directory();
        world
            .live_coarsely(TimeSpan::hours(3), TimeSpan::seconds(60))
            .await;
        assert_eq!(open(&world, Cai).await, []);
        assert!(close(&world, Cai, id).await.is_err());
    });
}
