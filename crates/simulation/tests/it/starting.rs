//! Future starts (`access.md` §5.1): granted on time, by the conditions at the start only.

use hallpass_access::{
    AccessStore, Asking, GrantState, HeldAccess, Locking, News, Request, RequestFilter,
    RequestOutcome, RequestState, RequestView,
};
use hallpass_base::{Clock, RequestId, TimeSpan, Timestamp};
use hallpass_rules::directory::AccountTags;
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    Habits,
    Human::{Ana, Bo, Cai, Dee, Eve},
    World, check_all,
};

use crate::acting::{approve, asking, grants, run};

const HOUR: TimeSpan = TimeSpan::hours(1);
const RULES: &str = "[[rule]]\nid = 'admin'\naccounts = '*'\npermission_sets = 'Admin'\n\
    approvers = ['cai@corp.example', 'dee@corp.example']\n";
const FREE: &str = "[[rule]]\nid = 'reading'\naccounts = '*'\npermission_sets = 'ReadOnly'\n\
    approval_is_not_required = true\n";

async fn world(seed: u64) -> World {
    let world = World::new(seed, Habits::default(), None);
    rules(&world, &format!("{RULES}{FREE}")).await;
    world.live(TimeSpan::seconds(10)).await;
    world
}

async fn rules(world: &World, text: &str) {
    let loaded = load(&RuleFile::new("rules.toml", text)).unwrap();
    world.access.set_rules(loaded.rules, "test").await.unwrap();
}

async fn ask(world: &World, set: &str, starts_at: Timestamp, length: TimeSpan) -> RequestOutcome {
    let asking = Asking {
        starts_at: Some(starts_at),
        ..asking(set, length)
    };
    let asked = world.access.ask(&world.actor(Ana), &asking, None).await;
    asked.unwrap()
}

async fn stored(world: &World, id: RequestId) -> Request {
    world.store.request(id).await.unwrap().unwrap()
}

async fn agreed(world: &World) -> (RequestId, Timestamp) {
    let starts_at = HOUR.after(world.clock.now());
    let id = ask(world, "Admin", starts_at, HOUR).await.request().id;
    let approved = approve(world, Cai, id).await;
    assert_eq!(approved.unwrap().state, RequestState::Pending);
    (id, starts_at)
}

async fn until(world: &World, at: Timestamp) {
    let span = TimeSpan::between(world.clock.now(), at);
    let step = TimeSpan::seconds(20);
    world
        .live_coarsely(
            TimeSpan::seconds(span.as_seconds().saturating_sub(60)),
            step,
        )
        .await;
    world.live(TimeSpan::between(world.clock.now(), at)).await;
}

#[test]
fn it_begins_at_its_start_and_ends_its_length_after_it() {
    run(async {
        for (set, approval) in [("Admin", "peer"), ("ReadOnly", "not_required")] {
            let world = world(61).await;
            let key = world.key(Ana, set).unwrap();
            let (id, starts_at) = if set == "Admin" {
                agreed(&world).await
            } else {
                let starts_at = HOUR.after(world.clock.now());
                let asked = ask(&world, set, starts_at, HOUR).await;
                assert!(matches!(asked, RequestOutcome::Pending(_)), "{asked:?}");
                (asked.request().id, starts_at)
            };
            let request = stored(&world, id).await;
            assert_eq!(request.agreed_start().unwrap().approval.name(), approval);
            assert_eq!(request.reminders.next_at, None, "no more reminders");
            let cai = world.actor(Cai);
            let view = RequestView::ToReview;
            let review = world
                .access
                .requests(&cai, view, &RequestFilter::default(), 10)
                .await;
            assert!(review.unwrap().rows.is_empty());
            let again = approve(&world, Dee, id).await;
            assert!(again.is_err(), "{again:?}");
            until(&world, TimeSpan::seconds(5).before(starts_at)).await;
            assert!(grants(&world).await.is_empty());
            assert!(world.center.present().is_empty());
            world.live(TimeSpan::seconds(20)).await;
            let grant = grants(&world).await.remove(0);
            assert_eq!(grant.state, GrantState::Active);
            assert!(world.center.present().contains(&key));
            assert!(
                TimeSpan::between(HOUR.after(starts_at), grant.ends_at) <= TimeSpan::seconds(30)
            );
            assert!(TimeSpan::between(starts_at, grant.scheduled_at) <= TimeSpan::seconds(3));
            let request = stored(&world, id).await;
            assert_eq!(request.state.name(), "approved");
            until(&world, TimeSpan::minutes(2).after(grant.ends_at)).await;
            check_all(&world, &[]).await.unwrap();
        }
    });
}

#[derive(Clone, Copy, Debug)]
enum Changes {
    NoRule,
    ApproverLeavesTheRule,
    TwoAreNeeded,
    ApproverIsGone,
    ApproverIsDisabled,
    RequesterIsGone,
    RequesterIsLocked,
    Shorter,
    NobodyHasToApprove,
    Nothing,
}

async fn happen(case: Changes, world: &World) {
    match case {
        Changes::NoRule => rules(world, FREE).await,
        Changes::ApproverLeavesTheRule => {
            rules(
                world,
                &RULES.replace("'cai@corp.example', ", "'bo@corp.example', "),
            )
            .await;
        }
        Changes::TwoAreNeeded => rules(world, &format!("{RULES}min_approvals = 2\n")).await,
        Changes::ApproverIsGone => world.remove_from_directory(Cai),
        Changes::ApproverIsDisabled => {
            world.directory.change(Cai.name(), |mut person| {
                person.enabled = false;
                Some(person)
            });
        }
        Changes::RequesterIsGone => world.remove_from_directory(Ana),
        Changes::RequesterIsLocked => {
            let locking = Locking {
                reason: "a laptop was stolen",
                until: None,
                held: HeldAccess::GoesOn,
                force: hallpass_access::Force::No,
            };
            let ana = world.actor(Ana).user.unwrap();
            world
                .access
                .lock(&world.actor(Eve), &ana, locking)
                .await
                .unwrap();
        }
        Changes::Shorter => rules(world, &format!("{RULES}max_duration = '30m'\n")).await,
        Changes::NobodyHasToApprove => rules(world, &FREE.replace("ReadOnly", "Admin")).await,
        Changes::Nothing => {}
    }
}

#[test]
fn what_does_not_hold_at_the_start_gives_nothing_and_is_told() {
    run(async {
        for (case, code) in [
            (Changes::NoRule, "start-refused"),
            (Changes::ApproverLeavesTheRule, "start-refused"),
            (Changes::TwoAreNeeded, "start-refused"),
            (Changes::ApproverIsGone, "start-refused"),
            (Changes::ApproverIsDisabled, "start-refused"),
            (Changes::RequesterIsGone, "no-longer-fits"),
            (Changes::Shorter, "no-longer-fits"),
            (Changes::RequesterIsLocked, ""),
            (Changes::NobodyHasToApprove, ""),
            (Changes::Nothing, ""),
        ] {
            let world = world(62).await;
            let now = world.clock.now();
            world.store.open_channel("test", now).await.unwrap();
            let (id, starts_at) = agreed(&world).await;
            happen(case, &world).await;
            world.directory.read();
            until(&world, TimeSpan::seconds(30).after(starts_at)).await;
            let request = stored(&world, id).await;
            let has_begun = !grants(&world).await.is_empty();
            assert_eq!(
                has_begun,
                matches!(case, Changes::Nothing | Changes::NobodyHasToApprove),
                "{case:?}: {request:?}"
            );
            match (&request.state, case) {
                (RequestState::Rejected { code: found, .. }, _) => {
                    assert_eq!(found, code, "{case:?}");
                    let now = world.clock.now();
                    let told = world.store.take_notices("test", now, now, 99).await;
                    let told = told.unwrap();
                    let told = told
                        .iter()
                        .filter_map(hallpass_access::WaitingMessage::notice);
                    let told: Vec<_> = told.collect();
                    let is_told = |it: &&hallpass_access::Notice| it.news == News::Rejected;
                    let to = &told
                        .iter()
                        .copied()
                        .find(is_told)
                        .unwrap_or_else(|| panic!("{case:?} {told:?}"))
                        .to;
                    assert_eq!(to, &[world.actor(Ana).email], "{case:?}");
                }
                (RequestState::Discarded { .. }, Changes::RequesterIsLocked) => {}
                (RequestState::Approved { by, approval, .. }, Changes::Nothing) => {
                    let cai = world.actor(Cai).email;
                    assert_eq!((by, approval.name()), (&cai, "peer"));
                }
                // the former approver's approval does not count
                (RequestState::Approved { by, approval, .. }, Changes::NobodyHasToApprove) => {
                    let ana = world.actor(Ana).email;
                    assert_eq!((by, approval.name()), (&ana, "not_required"));
                }
                (state, _) => panic!("{case:?}: {state:?}"),
            }
            until(&world, TimeSpan::minutes(5).after(HOUR.after(starts_at))).await;
            check_all(&world, &[])
                .await
                .unwrap_or_else(|broken| panic!("{case:?}: {broken:?}"));
        }
    });
}

#[test]
fn a_start_waits_while_what_it_rests_on_is_unread() {
    run(async {
        for is_read in [true, false] {
            let world = world(74).await;
            let tagged = format!("{RULES}except_account_tags = {{ stage = 'secret' }}\n");
            let tell = |tags: &AccountTags| {
                world.directory.change_all(|snapshot| {
                    for account in &mut snapshot.accounts {
                        account.tags = tags.clone();
                    }
                });
                world.directory.read();
            };
            let told = AccountTags::Read(std::collections::BTreeMap::new());
            tell(&told);
            rules(&world, &tagged).await;
            let (id, starts_at) = agreed(&world).await;
            tell(&AccountTags::Unread);
            until(&world, TimeSpan::minutes(5).after(starts_at)).await;
            assert_eq!(stored(&world, id).await.state, RequestState::Pending);
            assert!(grants(&world).await.is_empty());
            if is_read {
                tell(&told);
                world.live(TimeSpan::seconds(30)).await;
                assert_eq!(grants(&world).await.len(), 1);
            }
            until(&world, TimeSpan::minutes(5).after(HOUR.after(starts_at))).await;
            let state = if is_read { "approved" } else { "expired" };
            assert_eq!(stored(&world, id).await.state.name(), state);
            check_all(&world, &[]).await.unwrap();
        }
    });
}

/// Of two approvers, the last loses the role and one is enough: the grant names only the other.
#[test]
fn it_begins_in_the_name_of_whoever_still_says_yes() {
    run(async {
        let world = world(73).await;
        let starts_at = HOUR.after(world.clock.now());
        rules(&world, &format!("{RULES}min_approvals = 2\n")).await;
        let id = ask(&world, "Admin", starts_at, HOUR).await.request().id;
        for human in [Dee, Cai] {
            approve(&world, human, id).await.unwrap();
        }
        let agreed = stored(&world, id).await;
        let (cai, dee) = (world.actor(Cai).email, world.actor(Dee).email);
        assert_eq!(agreed.agreed_start().map(|it| &it.by), Some(&cai));
        happen(Changes::ApproverLeavesTheRule, &world).await;
        until(&world, TimeSpan::seconds(30).after(starts_at)).await;
        let request = stored(&world, id).await;
        let RequestState::Approved { by, approval, .. } = &request.state else {
            panic!("{request:?}");
        };
        assert_eq!((by, approval.name()), (&dee, "peer"));
        let named: Vec<_> = request.reviewers().iter().map(|it| &it.by).collect();
        assert_eq!(named, [&dee]);
        assert_eq!(grants(&world).await.remove(0).approver, dee);
    });
}

#[test]
fn it_is_withdrawn_denied_or_taken_back_before_its_start() {
    run(async {
        for (who, press, state) in [
            (Ana, "discard", "discarded"),
            (Cai, "discard", "discarded"),
            (Eve, "discard", "discarded"),
            (Dee, "deny", "denied"),
            (Bo, "discard", "pending"),
        ] {
            let world = world(63).await;
            let (id, starts_at) = agreed(&world).await;
            let actor = world.actor(who);
            let pressed = match press {
                "deny" => world.access.deny(&actor, id, None, None).await,
                _ => world.access.discard(&actor, id, None).await,
            };
            assert_eq!(pressed.is_ok(), state != "pending", "{who:?}");
            assert_eq!(stored(&world, id).await.state.name(), state, "{who:?}");
            until(&world, TimeSpan::seconds(20).after(starts_at)).await;
            let begun = !grants(&world).await.is_empty();
            assert_eq!(begun, state == "pending", "{who:?}");
        }
    });
}

#[test]
fn whoever_approves_late_gives_what_is_left() {
    run(async {
        let world = world(64).await;
        let starts_at = TimeSpan::minutes(10).after(world.clock.now());
        let id = ask(&world, "Admin", starts_at, HOUR).await.request().id;
        until(&world, TimeSpan::minutes(20).after(starts_at)).await;
        assert_eq!(stored(&world, id).await.state, RequestState::Pending);
        approve(&world, Cai, id).await.unwrap();
        let grant = grants(&world).await.remove(0);
        assert!(grant.ends_at <= HOUR.after(starts_at));
        assert!(TimeSpan::between(grant.ends_at, HOUR.after(starts_at)) <= TimeSpan::seconds(1));
        let late = ask(
            &world,
            "Admin",
            TimeSpan::minutes(1).after(world.clock.now()),
            HOUR,
        )
        .await;
        let late = late.request().id;
        until(&world, TimeSpan::minutes(65).after(world.clock.now())).await;
        assert_eq!(stored(&world, late).await.state.name(), "expired");
    });
}

#[test]
fn a_start_is_neither_over_nor_too_far_ahead_and_is_judged_by_its_own_hours() {
    run(async {
        let world = world(65).await;
        let now = world.clock.now();
        for (starts_at, code) in [
            (TimeSpan::hours(31 * 24).after(now), "late-start"),
            (TimeSpan::minutes(5).before(now), "past-start"),
        ] {
            let asked = ask(&world, "Admin", starts_at, HOUR).await;
            let RequestOutcome::Rejected(_, refusal) = asked else {
                panic!("{asked:?}");
            };
            assert_eq!(refusal.fields[0].code, code);
            assert_eq!(refusal.fields[0].field, "starts_at");
        }
        let hours =
            format!("{RULES}hours = {{ from = '08:00', to = '18:00', time_zone = 'UTC' }}\n");
        if let Ok(loaded) = load(&RuleFile::new("rules.toml", &hours)) {
            world.access.set_rules(loaded.rules, "test").await.unwrap();
        } else {
            panic!("{:?}", load(&RuleFile::new("rules.toml", &hours)).err());
        }
        let open = "2024-10-04T09:00:00Z".parse().unwrap();
        let shut = "2024-10-04T20:00:00Z".parse().unwrap();
        let ana = world.actor(Ana);
        for (starts_at, is_open) in [(open, true), (shut, false)] {
            let asking = asking("Admin", HOUR);
            let shown = world
                .access
                .preview_at(&ana, &asking.wanted, Some(starts_at))
                .await;
            assert_eq!(shown.unwrap().unwrap().by_rules().is_ok(), is_open);
            let asked = ask(&world, "Admin", starts_at, HOUR).await;
            assert_eq!(
                matches!(asked, RequestOutcome::Pending(_)),
                is_open,
                "{asked:?}"
            );
            if is_open {
                let id = asked.request().id;
                approve(&world, Cai, id).await.unwrap();
            }
        }
        // a different start makes a different request
        let again = ask(&world, "Admin", open, HOUR).await;
        assert!(
            matches!(again, RequestOutcome::AlreadyPending(_)),
            "{again:?}"
        );
    });
}

#[test]
fn a_clock_that_lies_begins_nothing() {
    run(async {
        // a clock ahead past its end expires it; otherwise it waits for correct time
        for (seed, off, then) in [
            (66, 5400, "approved"),
            (67, 86_400, "expired"),
            (68, -7200, "approved"),
        ] {
            let world = world(seed).await;
            let (id, starts_at) = agreed(&world).await;
            world.machine.set_wall(off);
            world.live(TimeSpan::minutes(2)).await;
            assert!(grants(&world).await.is_empty(), "{off}");
            world.machine.set_wall(0);
            world.live(TimeSpan::minutes(2)).await;
            until(&world, TimeSpan::minutes(1).after(starts_at)).await;
            assert_eq!(stored(&world, id).await.state.name(), then, "{off}");
            let begun = grants(&world).await;
            assert_eq!(begun.len(), usize::from(then == "approved"), "{off}");
            for grant in begun {
                assert!(grant.scheduled_at >= starts_at, "{off}: {grant:?}");
            }
        }
    });
}

#[test]
fn a_server_that_was_away_at_the_start_gives_what_is_left_of_it() {
    run(async {
        for (away, begins) in [(20, true), (70, false)] {
            let mut world = world(69).await;
            let (id, starts_at) = agreed(&world).await;
            let at = TimeSpan::minutes(away).after(starts_at);
            world
                .clock
                .advance(TimeSpan::between(world.clock.now(), at));
            world.restart();
            world.directory.read();
            world.live(TimeSpan::seconds(20)).await;
            let begun = grants(&world).await;
            assert_eq!(!begun.is_empty(), begins, "{away}");
            for grant in begun {
                assert_eq!(
                    TimeSpan::between(starts_at, grant.ends_at).as_seconds() / 60,
                    60
                );
            }
            let state = stored(&world, id).await.state.name();
            assert_eq!(state, if begins { "approved" } else { "expired" });
        }
    });
}

#[test]
fn asking_costs_the_same_however_many_requests_wait() {
    run(async {
        let world = world(62).await;
        let starts_at = HOUR.after(world.clock.now());
        let mut calls = Vec::new();
        for n in 0..15 {
            let before = world.gate.calls();
            let starts_at = TimeSpan::seconds(n).after(starts_at);
            let asked = ask(&world, "Admin", starts_at, HOUR).await;
            assert!(matches!(asked, RequestOutcome::Pending(_)), "{asked:?}");
            calls.push(world.gate.calls() - before);
        }
        assert_eq!(calls, vec![calls[0]; 15], "calls of ports");
    });
}
