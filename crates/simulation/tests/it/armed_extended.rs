//! An extension is reported once AWS has the later end (`access.md` §21, A-2). Until then the
//! access keeps its earlier end, and an immovable end is reported with the reason.

use hallpass_access::{
    AccessStore as _, ArmedEndStatus, ArmedEndsMode, Grant, Message, News, NoticeKind,
    grants_as_told, is_still_to_move,
};
use hallpass_base::{GrantId, TimeSpan, Timestamp};
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_simulation::Human::Ana;

use crate::acting::{extend, grant, listen, release, run, take};
use crate::armed_bench::{Bench, denied, silent};

const SET: &str = "ReadOnly";

async fn told(bench: &Bench, id: GrantId) -> Grant {
    let world = &bench.world;
    let shown = world.access.grant(&world.actor(Ana), id).await.unwrap();
    let stored = grant(world, id).await;
    let told = grants_as_told(world.store.as_ref(), vec![stored]).await;
    assert_eq!(
        told.unwrap().pop().as_ref(),
        Some(&shown),
        "every door says the same"
    );
    shown
}

async fn status(bench: &Bench, id: GrantId) -> ArmedEndStatus {
    let held = grant(&bench.world, id).await;
    let found = bench.world.access.armed_ends([&held]).await.unwrap();
    found[&held.key].clone()
}

async fn waits(bench: &Bench, id: GrantId) -> bool {
    let held = grant(&bench.world, id).await;
    is_still_to_move(Some(&status(bench, id).await), held.ends_at)
}

async fn held(
    mode: ArmedEndsMode,
    fault: Option<OrganizationFault>,
) -> (Bench, GrantId, Timestamp) {
    let bench = Bench::new(mode);
    listen(&bench.world).await;
    let id = take(&bench.world, Ana, SET, TimeSpan::hours(1)).await;
    bench.calmly(30).await;
    let before = told(&bench, id).await.ends_at;
    assert_eq!(before, grant(&bench.world, id).await.ends_at);
    bench.organization.change(|it| it.changes_fail = fault);
    (bench, id, before)
}

async fn news(bench: &Bench) -> Vec<News> {
    let far = TimeSpan::hours(100).after(bench.now());
    let taken = bench.world.store.take_notices("test", far, far, 100).await;
    let news = taken.unwrap().into_iter().map(|it| match it.message {
        Message::Notice(notice) => notice.news,
        other => panic!("{other:?}"),
    });
    let is_of_end = |news: &News| {
        let kind = news.kind();
        kind == NoticeKind::Extended || kind == NoticeKind::NotExtended
    };
    news.filter(is_of_end).collect()
}

#[test]
fn a_later_end_that_aws_does_not_take_is_told_with_the_reason_and_extended_once_it_does() {
    run(async {
        for (mode, fault, within, why) in [
            (
                ArmedEndsMode::Preferred,
                denied(),
                5,
                "AccessDeniedException",
            ),
            (ArmedEndsMode::Preferred, silent(), 130, "no answer"),
            (
                ArmedEndsMode::Required,
                denied(),
                5,
                "AccessDeniedException",
            ),
            (ArmedEndsMode::Required, silent(), 130, "no answer"),
        ] {
            let (bench, id, before) = held(mode, Some(fault)).await;
            extend(&bench.world, Ana, id, TimeSpan::hours(3))
                .await
                .unwrap();
            bench.calmly(within).await;
            let ArmedEndStatus::Armed {
                until,
                moves_to: Some(to),
                unmoved: Some(words),
                unseen: None,
                ..
            } = status(&bench, id).await
            else {
                panic!("{mode:?}: {:?}", status(&bench, id).await);
            };
            assert!(words.contains(why), "{words}");
            assert_eq!(to, grant(&bench.world, id).await.ends_at);
            for _ in 0..40 {
                let shown = told(&bench, id).await;
                assert_eq!((shown.state.name(), shown.ends_at), ("active", until));
                assert!(waits(&bench, id).await);
                bench.calmly(100).await;
            }
            assert!(bench.now() > TimeSpan::minutes(1).after(before));
            let told_so = news(&bench).await;
            let [
                News::Extended,
                News::NotExtended {
                    unmoved: Some(unmoved),
                },
            ] = &told_so[..]
            else {
                panic!("once, with the reason: {told_so:?}");
            };
            assert_eq!(unmoved.until, until);
            assert!(unmoved.why.contains(why), "{unmoved:?}");
            bench.organization.change(|it| it.changes_fail = None);
            bench.calmly(70).await;
            assert_eq!(told(&bench, id).await.ends_at, to);
            assert!(!waits(&bench, id).await);
            bench.would_end_by_itself(id).await;
        }
    });
}

#[test]
fn what_ends_while_its_end_moves_is_told_as_ended() {
    run(async {
        for given_back in [true, false] {
            let (bench, id, _) = held(ArmedEndsMode::Preferred, Some(silent())).await;
            extend(&bench.world, Ana, id, TimeSpan::minutes(70))
                .await
                .unwrap();
            bench.calmly(5).await;
            if given_back {
                release(&bench.world, Ana, id).await.unwrap();
                bench.calmly(60).await;
            } else {
                // AWS refuses access from the earlier end; the server ends it at the later one
                bench.calmly(70 * 60 + 60).await;
            }
            assert_eq!(
                grant(&bench.world, id).await.state.name(),
                "ended",
                "{given_back}"
            );
            bench.organization.change(|it| it.changes_fail = None);
            bench.until_all_is_over().await;
            assert!(bench.organization.standing().is_empty(), "{given_back}");
        }
    });
}

/// The armer of a ten-minute end died after writing the statement, unseen in force. The create
/// waited a minute and was sent.
async fn given_unseen() -> (Bench, GrantId, Timestamp) {
    for call in 1..60 {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        listen(&bench.world).await;
        let id = take(&bench.world, Ana, SET, TimeSpan::minutes(10)).await;
        let gate = Gate::new(Some((call, PortMode::StopAfter)));
        let armer = bench.armer("dies", &gate);
        tokio::select! {
            biased;
            () = gate.stop() => {}
            () = bench.live(&armer, 5) => break,
        }
        let key = bench.key(Ana, SET);
        let is_unseen = bench.armed_end(&key).await.unwrap().armed_until().is_none();
        if let ([from], true) = (&bench.refused_after(&key)[..], is_unseen) {
            bench.world.live(TimeSpan::seconds(90)).await;
            return (bench, id, *from);
        }
    }
    panic!("no process died there");
}

#[test]
fn a_later_end_beside_one_that_nobody_saw_is_told_once_aws_was_looked_at() {
    run(async {
        for is_silent in [true, false] {
            let (bench, id, from) = given_unseen().await;
            let given = told(&bench, id).await;
            assert_eq!(given.state.name(), "active");
            assert!(given.ends_at <= from, "no later than AWS may have it");
            if is_silent {
                bench
                    .organization
                    .change(|it| it.changes_fail = Some(silent()));
            }
            extend(&bench.world, Ana, id, TimeSpan::minutes(40))
                .await
                .unwrap();
            let after = grant(&bench.world, id).await.ends_at;
            assert_eq!(told(&bench, id).await.ends_at, from);
            assert!(waits(&bench, id).await);
            let waiting = status(&bench, id).await;
            let moving = waiting.moving().unwrap();
            assert_eq!((moving.from, moving.to, moving.may), (from, after, true));
            if is_silent {
                // the later end is not reported before AWS confirms it; the reason is reported once
                for _ in 0..9 {
                    bench.calmly(20).await;
                    assert_eq!(told(&bench, id).await.ends_at, from);
                    assert!(waits(&bench, id).await);
                }
                let found = status(&bench, id).await;
                assert!(
                    matches!(&found, ArmedEndStatus::NotArmed { why, .. } if why.contains("no answer")),
                    "{found:?}"
                );
                let told_so = news(&bench).await;
                let [
                    News::Extended,
                    News::NotExtended {
                        unmoved: Some(unmoved),
                    },
                ] = &told_so[..]
                else {
                    panic!("once, with the reason: {told_so:?}");
                };
                assert_eq!((unmoved.until, unmoved.may), (from, true));
                bench.organization.change(|it| it.changes_fail = None);
            }
            bench.calmly(8).await;
            assert_eq!(told(&bench, id).await.ends_at, after, "{is_silent}");
            assert!(!waits(&bench, id).await);
            bench.would_end_by_itself(id).await;
            bench.until_all_is_over().await;
            assert!(bench.organization.standing().is_empty(), "{is_silent}");
        }
    });
}

#[test]
fn a_new_hold_waits_while_what_nobody_saw_of_the_one_before_may_refuse_it() {
    run(async {
        for is_silent in [true, false] {
            let (bench, id, from) = given_unseen().await;
            bench
                .organization
                .change(|it| it.changes_fail = Some(silent()));
            release(&bench.world, Ana, id).await.unwrap();
            bench.world.live(TimeSpan::minutes(11)).await;
            assert_eq!(grant(&bench.world, id).await.state.name(), "ended");
            assert!(from < bench.now());
            if !is_silent {
                bench.organization.change(|it| it.changes_fail = None);
            }
            let next = take(&bench.world, Ana, SET, TimeSpan::minutes(30)).await;
            bench.calmly(6 * 60).await;
            let state = grant(&bench.world, next).await.state;
            let expected = if is_silent { "failed" } else { "active" };
            assert_eq!(state.name(), expected, "{state:?}");
            bench.organization.change(|it| it.changes_fail = None);
            bench.until_all_is_over().await;
            assert!(bench.organization.standing().is_empty(), "{is_silent}");
        }
    });
}
