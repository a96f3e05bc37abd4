//! Standing access in the whole core: accepted, given an end, and reported before a request
//! (`access.md` §10.2, §10.4).

use hallpass_access::{
    AccessError, AccessStore, Approval, EndCause, Extending, Grant, GrantState, ItemKind, Meant,
    Message, NoticeKind, RemovalLimit, SweepMode, WaitLimit,
};
use hallpass_assignments::OperationKind::{Create, Delete};
use hallpass_audit::AuditStore;
use hallpass_base::{Clock, TimeSpan};
use hallpass_simulation::{
    Human::{Ana, Bo, Cai, Eve},
    World, check_all,
};

use crate::acting::{grants, key_of, listen, release, run, take, writes_on};
use crate::sweeping::{
    confirm, events, found, given, item_of, minutes, of, pass, planned, refused, standing, told,
    world_with,
};

async fn check_adopted_record(world: &World, adopted: &Grant) {
    let records = world.store.records_from(1, 999).await.unwrap();
    let mut records = records.iter();
    let record = records.find(|it| it.event() == "standing.adopted").unwrap();
    let ends_at = adopted.ends_at.to_string();
    for (field, value) in [
        ("actor", "eve@corp.example"),
        ("approval", "adopted"),
        ("ends_at", ends_at.as_str()),
    ] {
        assert_eq!(record.text(field), Some(value), "{field}");
    }
}

async fn adopt(world: &World, what: &Meant, length: TimeSpan) -> Result<Grant, AccessError> {
    let eve = world.actor(Eve);
    let access = &world.access;
    access
        .adopt_standing(&eve, what, length, "moving in", None)
        .await
}

#[test]
fn adopted_access_is_a_grant_that_ends_on_time_and_is_never_created() {
    run(async {
        let world = world_with(SweepMode::Report);
        listen(&world).await;
        let (key, start) = (world.key(Ana, "ReadOnly").unwrap(), world.clock.now());
        world.center.give(&key);
        pass(&world, minutes(1)).await;
        let adopted = adopt(&world, &of(Ana, "ReadOnly"), minutes(60))
            .await
            .unwrap();
        assert_eq!(
            (adopted.state.name(), adopted.approval),
            ("active", Approval::Adopted)
        );
        assert_eq!(adopted.holder.email.as_str(), "ana@corp.example");
        let news: Vec<NoticeKind> = told(&world)
            .await
            .iter()
            .filter_map(|message| match message {
                Message::Notice(notice) => Some(notice.kind()),
                Message::Digest(_) | Message::Alarm(_) | Message::Alert(_) => None,
            })
            .collect();
        assert_eq!(news, [NoticeKind::Adopted]);
        pass(&world, minutes(30)).await;
        assert!(
            found(&world, &key).await.is_none(),
            "it is Hallpass's own now"
        );
        let extended = world
            .access
            .extend(
                &world.actor(Ana),
                adopted.id,
                Extending::by(minutes(90)),
                None,
            )
            .await;
        extended.unwrap();
        pass(&world, minutes(85)).await;
        assert!(world.center.present().contains(&key));
        pass(&world, minutes(10)).await;
        assert_eq!(writes_on(&world, &key), [Delete]);
        let ended = world.store.grant(adopted.id).await.unwrap().unwrap();
        assert!(
            matches!(
                ended.state,
                GrantState::Ended {
                    cause: EndCause::Expired,
                    removed: true,
                    ..
                }
            ),
            "{ended:?}"
        );
        check_adopted_record(&world, &adopted).await;
        assert!(start < adopted.ends_at);
        check_all(&world, &standing(&world)).await.unwrap();
    });
}

#[test]
fn its_holder_may_give_adopted_access_back() {
    run(async {
        let world = world_with(SweepMode::Report);
        let key = world.group_key(Bo).unwrap();
        world.center.give(&key);
        let adopted = adopt(&world, &of(Bo, "oncall"), TimeSpan::hours(8))
            .await
            .unwrap();
        pass(&world, minutes(1)).await;
        release(&world, Bo, adopted.id).await.unwrap();
        pass(&world, minutes(1)).await;
        assert_eq!(writes_on(&world, &key), [Delete]);
        check_all(&world, &standing(&world)).await.unwrap();
    });
}

#[test]
fn adopted_access_that_somebody_removes_is_lost_and_not_made_again() {
    run(async {
        let world = world_with(SweepMode::Report);
        let key = given(&world, Ana, "ReadOnly");
        let adopted = adopt(&world, &of(Ana, "ReadOnly"), TimeSpan::hours(4))
            .await
            .unwrap();
        world.center.take(&key);
        pass(&world, minutes(30)).await;
        assert!(writes_on(&world, &key).iter().all(|kind| *kind != Create));
        let ended = world.store.grant(adopted.id).await.unwrap().unwrap();
        assert!(
            matches!(
                ended.state,
                GrantState::Ended {
                    cause: EndCause::Drift,
                    ..
                }
            ),
            "{ended:?}"
        );
    });
}

#[test]
fn what_cannot_be_adopted_is_refused() {
    run(async {
        let world = world_with(SweepMode::Report);
        let (eve, ana) = (world.actor(Eve), world.actor(Ana));
        let adopt = |who, meant: Meant, length| {
            let world = &world;
            async move {
                let adopted = world
                    .access
                    .adopt_standing(who, &meant, length, "moving", None);
                adopted.await.map(|grant| grant.id)
            }
        };
        let hour = TimeSpan::hours(1);
        let nothing = adopt(&eve, of(Ana, "ReadOnly"), hour).await;
        assert_eq!(refused(nothing), "not-standing");
        given(&world, Ana, "ReadOnly");
        let stranger = adopt(&ana, of(Ana, "ReadOnly"), hour).await;
        assert_eq!(refused(stranger), "not-yours");
        let endless = adopt(&eve, of(Ana, "ReadOnly"), TimeSpan::hours(91 * 24)).await;
        assert_eq!(refused(endless), "bad-length");
        take(&world, Bo, "ReadOnly", hour).await;
        pass(&world, minutes(1)).await;
        let held = adopt(&eve, of(Bo, "ReadOnly"), hour).await;
        assert_eq!(refused(held), "held-by-grant");
        let gone = given(&world, Cai, "ReadOnly");
        world.remove_from_directory(Cai);
        let meant = Meant {
            user: gone.user.to_string(),
            ..of(Cai, "ReadOnly")
        };
        assert_eq!(refused(adopt(&eve, meant, hour).await), "nobody-to-hold");
        adopt(&eve, of(Ana, "ReadOnly"), hour).await.unwrap();
        let again = adopt(&eve, of(Ana, "ReadOnly"), hour).await;
        assert_eq!(refused(again), "held-by-grant");
    });
}

/// Standing access below a grant is not removed, and can be adopted after the grant.
#[test]
fn what_stands_below_a_grant_is_adopted_after_it() {
    run(async {
        let world = world_with(SweepMode::Report);
        let key = given(&world, Ana, "ReadOnly");
        let above = take(&world, Ana, "ReadOnly", TimeSpan::hours(3)).await;
        pass(&world, minutes(65)).await;
        assert_eq!(
            found(&world, &key).await.unwrap().kind,
            ItemKind::UnderGrant
        );
        let what = of(Ana, "ReadOnly");
        let refused_now = adopt(&world, &what, TimeSpan::hours(1)).await;
        assert_eq!(refused(refused_now), "under-grant");
        release(&world, Ana, above).await.unwrap();
        pass(&world, minutes(2)).await;
        assert!(world.center.present().contains(&key), "the grant left it");
        let adopted = adopt(&world, &what, TimeSpan::hours(1)).await.unwrap();
        assert_eq!(adopted.approval, Approval::Adopted);
        pass(&world, minutes(61)).await;
        assert!(!world.center.present().contains(&key));
        check_all(&world, &standing(&world)).await.unwrap();
    });
}

#[test]
fn the_mode_adopt_gives_unknown_access_an_end() {
    run(async {
        let world = world_with(SweepMode::Adopt {
            length: minutes(45),
        });
        let key = given(&world, Ana, "ReadOnly");
        let plan = planned(&world).await;
        confirm(&world, &plan).await.unwrap();
        pass(&world, minutes(5)).await;
        let item = item_of(&world, &plan, &key).await;
        assert_eq!(item.fate.name(), "adopted");
        assert!(world.center.present().contains(&key));
        pass(&world, minutes(45)).await;
        assert_eq!(writes_on(&world, &key), [Delete]);
        check_all(&world, &standing(&world)).await.unwrap();
    });
}

#[test]
fn only_administrators_act_and_whoever_reads_nothing_learns_nothing() {
    run(async {
        let world = world_with(SweepMode::Revoke);
        given(&world, Ana, "ReadOnly");
        let plan = planned(&world).await;
        let ana = world.actor(Ana);
        let access = &world.access;
        let listed = access.sweeps(&ana, None, 9).await;
        assert!(
            matches!(listed, Err(AccessError::NotFound(_))),
            "{listed:?}"
        );
        let known = access.standing(&ana).await;
        assert!(matches!(known, Err(AccessError::NotFound(_))));
        assert_eq!(refused(access.want_sweep(&ana).await), "not-yours");
        let confirmed = access
            .confirm_sweep(&ana, plan.id, RemovalLimit::Keep)
            .await;
        assert_eq!(refused(confirmed), "not-yours");
        let meant = of(Ana, "ReadOnly");
        let accepted = access.accept_standing(&ana, &meant, "mine", None).await;
        assert_eq!(refused(accepted), "not-yours");
        let withdrawn = access.withdraw_standing(&ana, &meant, "mine").await;
        assert_eq!(refused(withdrawn), "not-yours");
    });
}

#[test]
fn acceptance_wants_a_reason_and_a_review_to_come() {
    run(async {
        let world = world_with(SweepMode::Report);
        let key = given(&world, Ana, "ReadOnly");
        pass(&world, minutes(1)).await;
        let (eve, meant, now) = (world.actor(Eve), of(Ana, "ReadOnly"), world.clock.now());
        let accept = |reason: &'static str, review| {
            let (access, eve, meant) = (&world.access, &eve, &meant);
            async move { access.accept_standing(eve, meant, reason, review).await }
        };
        assert_eq!(refused(accept("  ", None).await), "missing-reason");
        assert_eq!(refused(accept("ok", Some(now)).await), "review-in-the-past");
        let review = TimeSpan::hours(2).after(now);
        accept("the export", Some(review)).await.unwrap();
        let view = world.access.standing(&eve).await.unwrap();
        let item = view.items.iter().find(|item| item.key == key).unwrap();
        assert_eq!(item.kind.name(), "accepted");
        pass(&world, TimeSpan::hours(3)).await;
        assert_eq!(
            found(&world, &key).await.unwrap().kind.name(),
            "review_overdue"
        );
        let withdrawn = world
            .access
            .withdraw_standing(&eve, &meant, "it moved")
            .await;
        withdrawn.unwrap();
        let again = world
            .access
            .withdraw_standing(&eve, &meant, "it moved")
            .await;
        assert_eq!(refused(again), "not-accepted");
        let root = world
            .access
            .withdraw_standing(&eve, &of(Ana, "Root"), "no")
            .await;
        assert_eq!(refused(root), "accepted-by-configuration");
        pass(&world, minutes(20)).await;
        assert_eq!(found(&world, &key).await.unwrap().kind, ItemKind::Unknown);
        let log = events(&world).await;
        for event in ["standing.accepted", "standing.withdrawn"] {
            assert_eq!(log.iter().filter(|it| *it == event).count(), 1, "{event}");
        }
    });
}

/// Requesters learn of standing access by a direct read, or from the newest sweep during an outage.
#[test]
fn who_holds_something_without_a_grant_is_told_before_they_ask() {
    run(async {
        let world = world_with(SweepMode::Report);
        let key = world.key(Ana, "ReadOnly").unwrap();
        let stands = |patience| {
            let (access, key) = (&world.access, &key);
            async move {
                access
                    .stands(&key.user, &key.target, patience)
                    .await
                    .unwrap()
            }
        };
        assert_eq!(stands(WaitLimit::Look).await, None);
        world.center.give(&key);
        world.clock.advance(TimeSpan::seconds(20));
        assert!(stands(WaitLimit::Look).await.is_some());
        assert_eq!(
            stands(WaitLimit::Known).await,
            None,
            "no run has looked yet"
        );
        pass(&world, minutes(1)).await;
        let known = stands(WaitLimit::Known).await.unwrap();
        assert!(known.seen_at <= world.clock.now());
        // it remains below a grant; Hallpass's access does not
        take(&world, Ana, "ReadOnly", minutes(30)).await;
        world.live(minutes(1)).await;
        assert!(stands(WaitLimit::Look).await.is_some());
        take(&world, Bo, "ReadOnly", minutes(30)).await;
        world.live(minutes(1)).await;
        let bo = world.key(Bo, "ReadOnly").unwrap();
        for patience in [WaitLimit::Look, WaitLimit::Known] {
            let found = world.access.stands(&bo.user, &bo.target, patience).await;
            assert_eq!(found.unwrap(), None, "{patience:?}");
        }
    });
}

#[test]
fn an_adoption_repeated_with_its_key_is_one() {
    run(async {
        let world = world_with(SweepMode::Report);
        given(&world, Ana, "ReadOnly");
        let (eve, meant, once) = (world.actor(Eve), of(Ana, "ReadOnly"), key_of("once"));
        let mut ids = Vec::new();
        for _ in 0..2 {
            let adopted = world
                .access
                .adopt_standing(&eve, &meant, minutes(60), "moving in", Some(&once))
                .await;
            ids.push(adopted.unwrap().id);
        }
        assert_eq!(ids[0], ids[1]);
        assert_eq!(grants(&world).await.len(), 1);
    });
}

#[test]
fn the_holder_of_adopted_access_is_told_that_it_ends_soon() {
    run(async {
        let world = world_with(SweepMode::Report);
        let now = world.clock.now();
        world.store.open_channel("test", now).await.unwrap();
        given(&world, Ana, "ReadOnly");
        pass(&world, minutes(1)).await;
        let (eve, meant) = (world.actor(Eve), of(Ana, "ReadOnly"));
        let adopted = world
            .access
            .adopt_standing(&eve, &meant, minutes(90), "moving in", None);
        let adopted = adopted.await.unwrap();
        assert!(!adopted.end_sessions, "not requested");
        told(&world).await;
        pass(&world, minutes(80)).await;
        let soon = |message: &Message| matches!(message, Message::Notice(it) if it.kind() == NoticeKind::EndsSoon);
        assert!(told(&world).await.iter().any(soon));
    });
}
