//! One person is one identity (promise P12): requesters, approvers and holders are user ids. A
//! changed or reused address transfers nothing.

use std::collections::BTreeSet;

use hallpass_access::identity::{Authentication, Role, TokenSource};
use hallpass_access::{
    AccessError, AccessStore, ActionRefused, Actor, Extending, Force, GrantState, HeldAccess,
    Locking, NoticeKind, RequestFilter, RequestOutcome, RequestState, RequestView, WaitingMessage,
};
use hallpass_base::{Clock, Email, RequestId, TimeSpan};
use hallpass_rules::directory::Person;
use hallpass_rules::{PressRefusedByRules, RuleFile, load};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Bo, Cai, Dee, Eve},
    World,
};

use crate::acting::{approve, ask, asked_for, asking, grant, grants, run, take};

fn email(text: &str) -> Email {
    Email::new(text).unwrap()
}

fn actor(world: &World, who: Human) -> Actor {
    let directory = world.access.directory();
    let mut people = directory.people().iter();
    let person = people.find(|it| it.user_name == who.name()).unwrap();
    Actor {
        user: Some(person.user_id.clone()),
        email: person.emails[0].clone(),
        ..world.actor(who)
    }
}

fn rename(world: &World, who: Human, to: &str) {
    world.directory.change(who.name(), |person| {
        Some(Person {
            emails: vec![email(to)],
            ..person
        })
    });
    world.directory.read();
}

async fn rules(world: &World, approvers: &[&str], needed: u32) {
    let listed: Vec<String> = approvers
        .iter()
        .map(|name| format!("\"{name}@corp.example\""))
        .collect();
    let text = format!(
        r#"{{"statements": [{{"ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin",
            "MinApprovals": {needed}, "Approvers": [{}]}}]}}"#,
        listed.join(",")
    );
    let loaded = load(&RuleFile::new("today.json", &text)).unwrap();
    world.access.set_rules(loaded.rules, "today").await.unwrap();
}

#[test]
fn after_a_rename_nobody_approves_their_own() {
    run(async {
        let world = World::new(401, Habits::default(), None);
        let id = asked_for(&world, Cai, "Admin", TimeSpan::hours(1)).await;
        rename(&world, Cai, "carla@corp.example");
        rules(&world, &["carla", "dee"], 1).await;
        let carla = actor(&world, Cai);
        let refused = world.access.approve(&carla, id, None).await.unwrap_err();
        assert!(
            matches!(
                refused,
                AccessError::Refused(ActionRefused::Rules(PressRefusedByRules::OwnRequest { .. }))
            ),
            "{refused}"
        );
        let refused = world.access.deny(&carla, id, None, None).await.unwrap_err();
        assert!(matches!(refused, AccessError::Refused(_)), "{refused}");
        assert!(grants(&world).await.is_empty());
        let request = world.access.request(&carla, id).await.unwrap();
        assert!(request.requester.is(&carla));
        let dee = actor(&world, Dee);
        world.access.approve(&dee, id, None).await.unwrap();
        assert_eq!(grants(&world).await.len(), 1);
    });
}

#[test]
fn one_user_fills_one_seat_of_a_quorum_under_two_addresses() {
    run(async {
        let world = World::new(402, Habits::default(), None);
        rules(&world, &["cai", "dee"], 2).await;
        let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        let cai = actor(&world, Cai);
        world.access.approve(&cai, id, None).await.unwrap();
        rename(&world, Cai, "carla@corp.example");
        rules(&world, &["cai", "carla", "dee"], 2).await;
        let carla = actor(&world, Cai);
        let refused = world.access.approve(&carla, id, None).await.unwrap_err();
        assert!(
            matches!(
                refused,
                AccessError::Refused(ActionRefused::AlreadyReviewed { given: 1, .. })
            ),
            "{refused}"
        );
        assert!(grants(&world).await.is_empty());
        let dee = actor(&world, Dee);
        let request = world.access.approve(&dee, id, None).await.unwrap();
        assert!(matches!(request.state, RequestState::Approved { .. }));
    });
}

/// A reused address gives its new owner no request, view or approval of the former owner.
#[test]
fn a_new_hire_with_the_address_of_a_leaver_is_somebody_else() {
    run(async {
        let world = World::new(403, Habits::default(), None);
        rules(&world, &["cai", "dee"], 2).await;
        let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        let cai = actor(&world, Cai);
        world.access.approve(&cai, id, None).await.unwrap();
        for gone in [Ana, Cai] {
            world.directory.change(gone.name(), |person| {
                Some(Person {
                    emails: Vec::new(),
                    enabled: false,
                    ..person
                })
            });
        }
        rename(&world, Bo, "ana@corp.example");
        let bo = actor(&world, Bo);
        for refused in [
            world.access.request(&bo, id).await.unwrap_err(),
            world.access.discard(&bo, id, None).await.unwrap_err(),
        ] {
            assert!(matches!(refused, AccessError::NotFound(_)), "{refused}");
        }
        let dee = actor(&world, Dee);
        let outcome = world.access.approve(&dee, id, None).await;
        assert!(
            !matches!(
                outcome.as_ref().map(|request| &request.state),
                Ok(RequestState::Approved { .. })
            ),
            "{outcome:?}"
        );
        assert!(grants(&world).await.is_empty());
    });
}

/// Disabled approvers keep address, groups and rule entries, but their approval does not count.
#[test]
fn an_approval_of_somebody_disabled_since_counts_no_more() {
    run(async {
        let world = World::new(414, Habits::default(), None);
        rules(&world, &["cai", "dee"], 2).await;
        let opened = world.store.open_channel("test", world.clock.now()).await;
        opened.unwrap();
        let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        approve(&world, Cai, id).await.unwrap();
        let enable = |enabled| {
            world.directory.change(Cai.name(), |mut person| {
                person.enabled = enabled;
                Some(person)
            });
            world.directory.read();
        };
        enable(false);
        let request = approve(&world, Dee, id).await.unwrap();
        assert_eq!(request.state, RequestState::Pending);
        assert!(grants(&world).await.is_empty());
        // each has approved, and the disabled approver cannot approve again
        assert_eq!(request.deciders(), BTreeSet::new());
        world.clock.advance(TimeSpan::minutes(20));
        enable(false);
        world.live(TimeSpan::seconds(10)).await;
        let now = world.clock.now();
        let waiting = world.store.take_notices("test", now, now, 1000).await;
        let waiting = waiting.unwrap();
        let notices = waiting.iter().filter_map(WaitingMessage::notice);
        let mut reminders = notices.filter(|it| it.kind() == NoticeKind::Reminder);
        assert_eq!(reminders.next().map(|it| &it.to), None);
        enable(true);
        let request = approve(&world, Dee, id).await.unwrap();
        assert!(matches!(request.state, RequestState::Approved { .. }));
    });
}

/// An approval that did not count at the grant is never listed as one, even if it would count
/// again.
#[test]
fn an_approval_that_did_not_count_is_not_named_beside_those_that_did() {
    run(async {
        let world = World::new(416, Habits::default(), None);
        rules(&world, &["bo", "cai", "dee"], 2).await;
        let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        approve(&world, Bo, id).await.unwrap();
        rules(&world, &["cai", "dee"], 2).await;
        for human in [Cai, Dee] {
            approve(&world, human, id).await.unwrap();
        }
        rules(&world, &["bo", "cai", "dee"], 2).await;
        let shown = world.access.request(&actor(&world, Dee), id).await.unwrap();
        let stored = world.store.request(id).await.unwrap().unwrap();
        for request in [shown, stored] {
            assert!(matches!(request.state, RequestState::Approved { .. }));
            assert_eq!(request.reviews.len(), 2);
            let named: Vec<String> = request
                .reviewers()
                .iter()
                .map(|it| it.by.to_string())
                .collect();
            assert_eq!(named, ["cai@corp.example"]);
        }
    });
}

async fn befalls_cai(world: &World, what: &str, id: RequestId) {
    let (cai, eve, access) = (world.actor(Cai), world.actor(Eve), &world.access);
    let user = cai.user.clone().unwrap();
    if ["locked", "let in again", "says it again"].contains(&what) {
        let locked = access.lock(&eve, &user, stolen(HeldAccess::GoesOn)).await;
        locked.unwrap();
        world.live(TimeSpan::seconds(2)).await;
    }
    if ["let in again", "says it again"].contains(&what) {
        access.unlock(&eve, &user, "found").await.unwrap();
        world.clock.advance(TimeSpan::seconds(40));
        world.directory.read();
    }
    match what {
        "says it again" => {
            approve(world, Cai, id).await.unwrap();
        }
        "disabled" => {
            world.directory.change(Cai.name(), |mut person| {
                person.enabled = false;
                Some(person)
            });
            world.directory.read();
        }
        "no approver any more" => rules(world, &["bo", "dee", "eve"], 3).await,
        _ => {}
    }
}

/// Cai's approval is the first of three: checks its listing, the count and the reminders.
#[test]
fn an_approval_that_counts_no_more_is_not_told_of_and_is_asked_for() {
    run(async {
        for (what, told, said, reminded) in [
            ("nothing", &["cai"][..], 1, &["dee", "eve"][..]),
            ("disabled", &[], 1, &["dee", "eve"]),
            ("locked", &[], 1, &["cai", "dee", "eve"]),
            ("let in again", &[], 1, &["cai", "dee", "eve"]),
            ("says it again", &["cai"], 2, &["dee", "eve"]),
            ("no approver any more", &[], 1, &["bo", "dee", "eve"]),
        ] {
            let world = World::new(415, Habits::default(), None);
            rules(&world, &["cai", "dee", "eve"], 3).await;
            let opened = world.store.open_channel("test", world.clock.now()).await;
            opened.unwrap();
            let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
            approve(&world, Cai, id).await.unwrap();
            world.live(TimeSpan::seconds(2)).await;
            befalls_cai(&world, what, id).await;
            let addresses = |names: &[&str]| -> BTreeSet<Email> {
                let all = names.iter();
                all.map(|it| email(&format!("{it}@corp.example"))).collect()
            };
            let dee = world.actor(Dee);
            let shown = world.access.request(&dee, id).await.unwrap();
            let listed = world
                .access
                .requests(&dee, RequestView::All, &RequestFilter::default(), 9)
                .await;
            for request in [&shown, &listed.unwrap().rows[0]] {
                let given = request.reviewers().into_iter().map(|it| it.by.clone());
                assert_eq!(given.collect::<BTreeSet<_>>(), addresses(told), "{what}");
                assert_eq!(request.reviews.len(), said, "{what}");
            }
            world.clock.advance(TimeSpan::minutes(20));
            world.directory.read();
            world.live(TimeSpan::seconds(10)).await;
            let now = world.clock.now();
            let waiting = world.store.take_notices("test", now, now, 1000).await;
            let waiting = waiting.unwrap();
            let notices = waiting.iter().filter_map(WaitingMessage::notice);
            let mut reminders = notices.filter(|it| it.kind() == NoticeKind::Reminder);
            let to = reminders.next().unwrap().to.iter().cloned();
            assert_eq!(to.collect::<BTreeSet<_>>(), addresses(reminded), "{what}");
        }
    });
}

/// A page takes as many reads as one request, however many wait with however many approvals.
#[test]
fn a_page_reads_the_locks_of_all_who_approved_together() {
    run(async {
        let world = World::new(417, Habits::default(), None);
        rules(&world, &["bo", "cai", "dee", "eve"], 3).await;
        let dee = actor(&world, Dee);
        let mut reads = BTreeSet::new();
        for (whose, approvers) in [(Ana, &[Cai][..]), (Bo, &[Cai, Dee])] {
            let id = asked_for(&world, whose, "Admin", TimeSpan::hours(1)).await;
            for human in approvers {
                approve(&world, *human, id).await.unwrap();
            }
            let (view, filter) = (RequestView::All, RequestFilter::default());
            // earlier requests are read once, then only new ones
            let first = world.access.requests(&dee, view, &filter, 9).await;
            assert!(first.is_ok());
            let before = world.gate.calls();
            let page = world.access.requests(&dee, view, &filter, 9).await.unwrap();
            reads.insert(world.gate.calls() - before);
            assert!(page.rows.iter().all(|it| !it.reviewers().is_empty()));
        }
        assert_eq!(reads.len(), 1, "{reads:?}");
    });
}

/// A review with only an address, from before user ids, counts for no user; its author may approve
/// again.
#[test]
fn a_review_without_a_user_id_counts_for_nobody() {
    // as stored earlier
    let review = hallpass_access::Review {
        by: "cai@corp.example".parse().unwrap(),
        user: None,
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
        comment: None,
        counts: true,
    };
    run(async {
        let world = World::new(404, Habits::default(), None);
        rules(&world, &["cai", "dee"], 2).await;
        let asked = ask(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        let RequestOutcome::Pending(mut request) = asked else {
            panic!("{asked:?}");
        };
        request.reviews.push(review);
        assert!(!request.is_reviewed_by(&actor(&world, Cai)));
    });
}

async fn native(world: &World, terms: &str) {
    let text = format!(
        "[[rule]]\nid = 'prod'\naccounts = '*'\npermission_sets = '*'\n\
         approvers = ['cai@corp.example', 'dee@corp.example']\n{terms}\n"
    );
    let loaded = load(&RuleFile::new("rules.toml", &text)).unwrap();
    world.access.set_rules(loaded.rules, "today").await.unwrap();
}

/// Approval checks today's limits. Rows: rule change and approval result.
#[test]
fn what_waits_is_held_against_the_limits_of_the_day() {
    run(async {
        let rows = [
            ("", Ok(4)),
            ("max_duration = '4h'", Ok(4)),
            ("max_duration = '1h'", Err("At most 1h, by rule `prod`.")),
            ("max_duration = '1h'\nshorten_to_max_duration = true", Ok(1)),
            (
                "reason_pattern = '^INC-'",
                Err("wants a reason of the form"),
            ),
            (
                "ticket_pattern = '^INC-'",
                Err("wants a ticket of the form"),
            ),
            (
                "hours = { days = ['mon'], from = '00:00', to = '00:01', time_zone = 'UTC' }",
                Err("RequesterNotAllowed"),
            ),
        ];
        for (terms, expected) in rows {
            let world = World::new(405, Habits::default(), None);
            native(&world, "").await;
            let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(4)).await;
            native(&world, terms).await;
            let outcome = approve(&world, Cai, id).await;
            match (outcome, expected) {
                (Ok(request), Ok(hours)) => {
                    assert_eq!(request.duration, TimeSpan::hours(hours), "{terms}");
                    assert_eq!(grants(&world).await[0].duration, TimeSpan::hours(hours));
                }
                (Err(refused), Err(words)) => {
                    let said = refused.to_string();
                    assert!(said.contains(words), "{terms}: {said}");
                    assert!(grants(&world).await.is_empty(), "{terms}");
                }
                (outcome, expected) => panic!("{terms}: {outcome:?}, expected {expected:?}"),
            }
        }
    });
}

#[test]
fn nothing_is_granted_to_who_left_while_it_waited() {
    run(async {
        let world = World::new(406, Habits::default(), None);
        let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        world.remove_from_directory(Ana);
        world.directory.read();
        let refused = approve(&world, Cai, id).await;
        assert!(refused.is_err(), "{refused:?}");
        assert!(grants(&world).await.is_empty());
    });
}

/// A rule may require a fresh sign-in for approval and break-glass; tokens and Slack have none.
#[test]
fn a_rule_may_want_a_fresh_sign_in() {
    run(async {
        type Proof = Option<(u64, Option<&'static str>)>;
        let rows: [(&str, Proof, bool); 8] = [
            ("fresh_sign_in = '10m'", None, false),
            ("fresh_sign_in = '10m'", Some((11, None)), false),
            ("fresh_sign_in = '10m'", Some((9, None)), true),
            ("sign_in_acr = ['phr']", Some((1, None)), false),
            ("sign_in_acr = ['phr']", Some((1, Some("pwd"))), false),
            (
                "sign_in_acr = ['phr', 'mfa']",
                Some((500, Some("phr"))),
                true,
            ),
            ("", None, true),
            (
                "fresh_sign_in = '10m'\nsign_in_acr = ['phr']",
                Some((11, Some("phr"))),
                false,
            ),
        ];
        for (terms, proof, allowed) in rows {
            let world = World::new(407, Habits::default(), None);
            native(
                &world,
                &format!("break_glass = ['ana@corp.example']\n{terms}"),
            )
            .await;
            let proven = |who| Actor {
                authentication: proof.map(|(minutes, acr)| Authentication {
                    at: TimeSpan::minutes(minutes).before(world.clock.now()),
                    acr: acr.map(str::to_owned),
                }),
                ..world.actor(who)
            };
            let id = asked_for(&world, Bo, "Admin", TimeSpan::hours(1)).await;
            let glass = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
            let why = "customers cannot pay and no one answers";
            let access = &world.access;
            let outcomes = [
                access.approve(&proven(Cai), id, None).await,
                access.break_glass(&proven(Ana), glass, why, None).await,
            ];
            for outcome in outcomes {
                match outcome {
                    Ok(_) => assert!(allowed, "{terms} {proof:?}"),
                    Err(AccessError::Refused(ActionRefused::SignInAgain { .. })) => {
                        assert!(!allowed, "{terms} {proof:?}");
                    }
                    Err(other) => panic!("{terms}: {other}"),
                }
            }
            let other = asked_for(&world, Dee, "Root", TimeSpan::hours(1)).await;
            access
                .deny(&world.actor(Cai), other, None, None)
                .await
                .unwrap();
        }
    });
}

fn stolen(held: HeldAccess) -> Locking<'static> {
    Locking {
        reason: "a laptop was stolen",
        until: None,
        held,
        force: Force::No,
    }
}

fn is_locked<T: std::fmt::Debug>(outcome: &Result<T, AccessError>) -> bool {
    matches!(
        outcome,
        Err(AccessError::Refused(ActionRefused::Locked { .. }))
    )
}

/// Locked users can only end their access early.
#[test]
fn whoever_is_locked_gives_back_and_does_nothing_else() {
    run(async {
        let world = World::new(408, Habits::default(), None);
        let access = &world.access;
        let held = take(&world, Cai, "ReadOnly", TimeSpan::hours(1)).await;
        let own = asked_for(&world, Cai, "Glass", TimeSpan::hours(1)).await;
        let other = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        world.live(TimeSpan::seconds(10)).await;
        let (cai, eve) = (world.actor(Cai), world.actor(Eve));
        let user = cai.user.clone().unwrap();
        let lock = access.lock(&eve, &user, stolen(HeldAccess::GoesOn)).await;
        let lock = lock.unwrap();
        let again = access.lock(&eve, &user, stolen(HeldAccess::GoesOn)).await;
        assert_eq!(again.unwrap().since, lock.since);
        let wanted = asking("ReadOnly", TimeSpan::hours(1));
        assert!(is_locked(&access.ask(&cai, &wanted, None).await));
        assert!(is_locked(&access.approve(&cai, other, None).await));
        assert!(is_locked(&access.deny(&cai, other, None, None).await));
        assert!(is_locked(&access.discard(&cai, own, None).await));
        let by = Extending::by(TimeSpan::hours(2));
        assert!(is_locked(&access.extend(&cai, held, by, None).await));
        let why = "customers cannot pay and no one answers";
        assert!(is_locked(&access.break_glass(&cai, own, why, None).await));
        assert!(is_locked(&access.revoke(&cai, held, "no", None).await));
        // waiting requests are withdrawn; existing access continues and can be ended early
        world.live(TimeSpan::seconds(3)).await;
        let request = access.request(&eve, own).await.unwrap();
        assert!(matches!(request.state, RequestState::Discarded { .. }));
        access.release(&cai, held, None).await.unwrap();
        // no administrator would remain to unlock
        let last = eve.user.clone().unwrap();
        let refused = access.lock(&eve, &last, stolen(HeldAccess::GoesOn)).await;
        assert!(
            matches!(
                refused,
                Err(AccessError::Refused(ActionRefused::LastAdministrator))
            ),
            "{refused:?}"
        );
        // users cannot lift their lock; only administrators lift locks
        let refused = access.unlock(&cai, &user, "it was found").await;
        assert!(refused.is_err(), "{refused:?}");
        let refused = access
            .unlock(&world.actor(Dee), &user, "it was found")
            .await;
        assert!(refused.is_err(), "{refused:?}");
        access.unlock(&eve, &user, "it was found").await.unwrap();
        access.approve(&cai, other, None).await.unwrap();
    });
}

#[test]
fn the_last_administrator_is_locked_by_force_with_a_token_of_the_servers_machine_only() {
    run(async {
        let world = World::new(413, Habits::default(), None);
        let (access, eve) = (&world.access, world.actor(Eve));
        let last = eve.user.clone().unwrap();
        for (source, counts) in [
            (None, false),
            (Some(TokenSource::SignIn), false),
            (Some(TokenSource::ServerMachine), true),
        ] {
            let forced = Locking {
                force: Force::Asked(source),
                ..stolen(HeldAccess::GoesOn)
            };
            let outcome = access.lock(&eve, &last, forced).await;
            assert_eq!(outcome.is_ok(), counts, "{source:?} {outcome:?}");
        }
        assert_eq!(access.locks(&eve).await.unwrap().len(), 1);
    });
}

/// The server is down from the lock to its end, by time or by an administrator.
#[test]
fn a_lock_that_is_over_before_anybody_came_to_it_ends_what_it_said() {
    for (held, is_lifted, ends) in [
        (HeldAccess::Ends, false, true),
        (HeldAccess::Ends, true, true),
        (HeldAccess::GoesOn, false, false),
        (HeldAccess::GoesOn, true, false),
    ] {
        let case = format!("{held:?}, lifted: {is_lifted}");
        run(async {
            let mut world = World::new(415, Habits::default(), None);
            let long = TimeSpan::hours(4);
            let held_before = take(&world, Ana, "ReadOnly", long).await;
            world.live(TimeSpan::seconds(20)).await;
            let waits = asked_for(&world, Ana, "Root", long).await;
            let (eve, user) = (world.actor(Eve), world.actor(Ana).user.unwrap());
            let locking = Locking {
                until: (!is_lifted).then(|| TimeSpan::minutes(5).after(world.clock.now())),
                ..stolen(held)
            };
            world.access.lock(&eve, &user, locking).await.unwrap();
            if is_lifted {
                world.access.unlock(&eve, &user, "found").await.unwrap();
            }
            world.restart();
            world.clock.advance(TimeSpan::minutes(6));
            // requests and grants made afterwards remain
            let after = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
            let after = approve(&world, Cai, after).await.unwrap().grant.unwrap();
            world.live(TimeSpan::seconds(30)).await;
            let is_active = async |id| grant(&world, id).await.state == GrantState::Active;
            assert_eq!(is_active(held_before).await, !ends, "{case}");
            assert!(is_active(after).await, "{case}");
            let waiting = world.store.request(waits).await.unwrap().unwrap();
            let is_withdrawn = matches!(waiting.state, RequestState::Discarded { .. });
            assert!(is_withdrawn, "{case}: {:?}", waiting.state);
        });
    }
}

#[test]
fn an_approval_of_somebody_locked_since_counts_no_more() {
    run(async {
        let world = World::new(409, Habits::default(), None);
        let id = asked_for(&world, Ana, "Root", TimeSpan::hours(1)).await;
        let (cai, dee, eve) = (world.actor(Cai), world.actor(Dee), world.actor(Eve));
        let access = &world.access;
        access.approve(&cai, id, None).await.unwrap();
        world.live(TimeSpan::seconds(2)).await;
        let user = cai.user.clone().unwrap();
        access
            .lock(&eve, &user, stolen(HeldAccess::GoesOn))
            .await
            .unwrap();
        let request = access.approve(&dee, id, None).await.unwrap();
        assert_eq!(request.state, RequestState::Pending);
        // also not after an unlock; they may end it early again
        world.live(TimeSpan::seconds(2)).await;
        access.unlock(&eve, &user, "found").await.unwrap();
        assert!(grants(&world).await.is_empty());
        let request = access.approve(&cai, id, None).await.unwrap();
        assert!(matches!(request.state, RequestState::Approved { .. }));
    });
}

#[test]
fn nothing_is_granted_to_somebody_who_is_locked() {
    run(async {
        let world = World::new(410, Habits::default(), None);
        let id = asked_for(&world, Ana, "Admin", TimeSpan::hours(1)).await;
        let (ana, eve) = (world.actor(Ana), world.actor(Eve));
        let user = ana.user.unwrap();
        let access = &world.access;
        access
            .lock(&eve, &user, stolen(HeldAccess::GoesOn))
            .await
            .unwrap();
        let refused = access
            .approve(&world.actor(Cai), id, None)
            .await
            .unwrap_err();
        assert!(
            matches!(
                refused,
                AccessError::Refused(ActionRefused::RequesterLocked { .. })
            ),
            "{refused}"
        );
        assert!(grants(&world).await.is_empty());
    });
}

#[test]
fn an_operator_locks_anybody_but_administrators() {
    run(async {
        let world = World::new(414, Habits::default(), None);
        let access = &world.access;
        let holding = |human, roles: &[Role]| Actor {
            roles: roles.iter().copied().collect(),
            ..world.actor(human)
        };
        let user = |human| world.actor(human).user.unwrap();
        for (roles, whom, may) in [
            (&[][..], Ana, false),
            (&[Role::Auditor], Ana, false),
            (&[Role::Operator], Ana, true),
            (&[Role::Operator], Eve, false),
            (&[Role::Admin], Ana, true),
            (&[Role::Admin], Eve, true),
        ] {
            let dee = holding(Dee, roles);
            assert_eq!(
                access.may_lock(&dee, &user(whom)),
                may,
                "{roles:?} {whom:?}"
            );
        }
        let operator = holding(Dee, &[Role::Operator]);
        let refused = access
            .lock(&operator, &user(Eve), stolen(HeldAccess::GoesOn))
            .await;
        assert!(
            matches!(refused, Err(AccessError::Refused(ActionRefused::NotYours))),
            "{refused:?}"
        );
        assert!(access.locks(&world.actor(Eve)).await.unwrap().is_empty());
        let locked = access
            .lock(&operator, &user(Ana), stolen(HeldAccess::GoesOn))
            .await;
        locked.unwrap();
    });
}

/// A role that may lock cannot unlock by setting a shorter lock.
#[test]
fn a_lock_that_is_made_again_ends_no_sooner() {
    run(async {
        let world = World::new(415, Habits::default(), None);
        let (access, eve) = (&world.access, world.actor(Eve));
        let operator = Actor {
            roles: [Role::Operator].into(),
            ..world.actor(Dee)
        };
        let ana = world.actor(Ana).user.unwrap();
        let now = world.clock.now();
        let at = |minutes: u64| Some(TimeSpan::minutes(minutes).after(now));
        let until = |until| Locking {
            until,
            ..stolen(HeldAccess::GoesOn)
        };
        for (actor, asked, expected) in [
            (&operator, at(30), Some(at(30))),
            (&operator, at(1), Some(at(30))),
            (&eve, at(1), Some(at(30))),
            (&operator, at(60), Some(at(60))),
            (&eve, None, Some(None)),
            (&operator, at(90), Some(None)),
            (&operator, at(0), None),
        ] {
            let locked = access.lock(actor, &ana, until(asked)).await;
            match expected {
                Some(expected) => assert_eq!(locked.unwrap().until, expected, "{asked:?}"),
                None => assert!(
                    matches!(locked, Err(AccessError::Refused(ActionRefused::LockIsOver))),
                    "{locked:?}"
                ),
            }
        }
        world.live(TimeSpan::minutes(95)).await;
        assert_eq!(access.locks(&eve).await.unwrap().len(), 1);
    });
}
