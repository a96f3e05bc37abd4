//! Enforced expiry: in force before the access, moved with it and removed after it, despite any
//! fault; no user is refused rightful access. Every port call of the executor fails, loses its
//! answer, or stops the process before or after it.

use std::collections::BTreeMap;

use hallpass_access::{ArmedEndsMode, GrantState, NeverArmed, Revoking};
use hallpass_base::TimeSpan;
use hallpass_base::testing::stops;
use hallpass_enforcement::armed_ends::{WhyNotArmed, policy_name};
use hallpass_enforcement::{NewPolicy, Organization as _};
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_simulation::{
    Human::{Ana, Bo, Eve},
    check_all,
};
use serde_json::{Value, json};

use crate::acting::{extend, grant, release, run, take};
use crate::armed_bench::Bench;
use crate::keeping::{ACCOUNT, ROLE, each};
use crate::region_lost::Bench as Crowd;

#[test]
fn an_end_is_in_force_before_the_access_and_goes_when_no_session_can_be_left() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(10)).await;
        let key = bench.key(Ana, "ReadOnly");
        bench.world.live(TimeSpan::seconds(20)).await;
        assert_eq!(grant(&bench.world, id).await.state, GrantState::Scheduled);
        assert!(bench.world.center.writes().is_empty());
        bench.calmly(10).await;
        assert_eq!(grant(&bench.world, id).await.state, GrantState::Active);
        bench.would_end_by_itself(id).await;
        let until = bench.armed_end(&key).await.unwrap().armed_until().unwrap();
        let statement = &bench.statements()[0];
        assert_eq!(
            statement["Condition"],
            json!({
                "StringEquals": {"identitystore:UserId": key.user.as_str()},
                "ArnLike": {"aws:PrincipalArn": ROLE},
                "DateGreaterThan": {"aws:CurrentTime": until.to_string()},
            })
        );
        assert_eq!(
            (&statement["Effect"], &statement["Action"]),
            (&json!("Deny"), &json!("*"))
        );
        bench.calmly(660).await;
        assert_eq!(grant(&bench.world, id).await.state.name(), "ended");
        assert_eq!(bench.refused_after(&key), [until], "sessions may go on");
        bench.until_all_is_over().await;
        assert!(bench.organization.standing().is_empty());
        assert!(!bench.armed_end(&key).await.unwrap().is_open());
        for event in ["end.armed", "end.disarmed"] {
            assert_eq!(bench.records(event).await.len(), 1, "{event}");
        }
        check_all(&bench.world, &[]).await.unwrap();
    });
}

#[test]
fn an_end_moves_with_what_is_held() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let key = bench.key(Ana, "ReadOnly");
        let first = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(5)).await;
        bench.calmly(30).await;
        bench.would_end_by_itself(first).await;
        // another grant of the same key: one instant, the later one
        let second = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(30)).await;
        bench.calmly(30).await;
        bench.would_end_by_itself(second).await;
        assert_eq!(bench.statements().len(), 1);
        bench.calmly(300).await;
        assert_eq!(grant(&bench.world, first).await.state.name(), "ended");
        bench.would_end_by_itself(second).await;
        // ended early: refused within a second
        release(&bench.world, Ana, second).await.unwrap();
        let released = bench.now();
        bench.calmly(3).await;
        let [from] = bench.refused_after(&key)[..] else {
            panic!("one instant");
        };
        assert!(
            from >= released && from <= TimeSpan::seconds(2).after(released),
            "{from}"
        );
        bench.calmly(60).await;
        // granted again while the earlier denial is in force
        let third = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(10)).await;
        bench.calmly(30).await;
        assert_eq!(grant(&bench.world, third).await.state, GrantState::Active);
        bench.would_end_by_itself(third).await;
        assert!(bench.records("end.rearmed").await.len() >= 3);
    });
}

#[test]
fn what_is_held_in_another_way_is_never_armed() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let (by_group, later) = (bench.key(Ana, "ReadOnly"), bench.key(Bo, "ReadOnly"));
        bench.others.0.lock().unwrap().insert(by_group.clone());
        let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        let other = take(&bench.world, Bo, "ReadOnly", TimeSpan::hours(1)).await;
        bench.calmly(20).await;
        assert_eq!(grant(&bench.world, id).await.state, GrantState::Active);
        assert!(bench.refused_after(&by_group).is_empty());
        let end = bench.armed_end(&by_group).await.unwrap();
        assert_eq!(end.not_armed().unwrap().why, WhyNotArmed::HeldOtherwise);
        assert_eq!(bench.records("end.arm_failed").await.len(), 1);
        bench.would_end_by_itself(other).await;
        // access from another source: the denial is removed, and returns with that access's end
        bench.others.0.lock().unwrap().insert(later.clone());
        bench.calmly(310).await;
        assert!(bench.refused_after(&later).is_empty());
        assert_eq!(bench.records("end.disarmed").await.len(), 1);
        bench.others.0.lock().unwrap().clear();
        bench.calmly(310).await;
        bench.would_end_by_itself(other).await;
        bench.would_end_by_itself(id).await;
    });
}

#[test]
fn standing_access_is_neither_armed_nor_given_where_that_is_required() {
    run(async {
        for (mode, state) in [
            (ArmedEndsMode::Preferred, "active"),
            (ArmedEndsMode::Required, "failed"),
        ] {
            let bench = Bench::new(mode);
            let key = bench.key(Ana, "ReadOnly");
            bench.world.center.give(&key);
            let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(10)).await;
            bench.calmly(30).await;
            assert_eq!(
                grant(&bench.world, id).await.state.name(),
                state,
                "{mode:?}"
            );
            assert!(bench.refused_after(&key).is_empty(), "{mode:?}");
            if mode == ArmedEndsMode::Preferred {
                bench.is_told_never_armed(id, NeverArmed::StoodBefore).await;
            }
            bench.calmly(900).await;
            assert_eq!(bench.counted_never_armed().await, 0, "{mode:?}");
            for record in bench.records("end.disarmed").await {
                let why = record.fields()["reason"].to_string();
                assert!(why.contains("existed before"), "{mode:?}: {why}");
            }
            assert!(bench.refused_after(&key).is_empty(), "{mode:?}");
            assert!(bench.world.center.present().contains(&key), "{mode:?}");
        }
    });
}

#[test]
fn access_that_somebody_gives_after_the_end_is_refused_for_five_minutes_at_most() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let key = bench.key(Ana, "ReadOnly");
        let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(2)).await;
        bench.calmly(240).await;
        assert_eq!(grant(&bench.world, id).await.state.name(), "ended");
        assert_eq!(bench.refused_after(&key).len(), 1);
        bench.world.center.give(&key);
        bench.calmly(310).await;
        assert!(bench.refused_after(&key).is_empty());
        assert!(bench.world.center.present().contains(&key));
    });
}

#[test]
fn a_denial_of_before_lets_nothing_through_where_the_end_is_required() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Required);
        let key = bench.key(Ana, "ReadOnly");
        take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(2)).await;
        bench.calmly(200).await;
        assert_eq!(bench.refused_after(&key).len(), 1);
        // still in force from the earlier grant, and meanwhile held from another source
        bench.others.0.lock().unwrap().insert(key);
        let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(10)).await;
        bench.calmly(90).await;
        let refused = grant(&bench.world, id).await;
        assert_eq!(refused.state.name(), "failed", "{refused:?}");
    });
}

#[test]
fn nothing_is_left_to_do_for_an_account_that_is_gone() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let key = bench.key(Ana, "ReadOnly");
        take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(2)).await;
        bench.calmly(200).await;
        bench
            .organization
            .change(|it| it.gone.push(ACCOUNT.to_owned()));
        bench.until_all_is_over().await;
        assert!(!bench.armed_end(&key).await.unwrap().is_open());
    });
}

#[test]
fn where_aws_does_not_let_us_access_is_given_unless_the_end_is_required() {
    run(async {
        for (mode, state, why) in [
            (
                ArmedEndsMode::Preferred,
                "active",
                Some(WhyNotArmed::Refused),
            ),
            (
                ArmedEndsMode::Required,
                "failed",
                Some(WhyNotArmed::Refused),
            ),
        ] {
            let bench = Bench::new(mode);
            bench.organization.change(|it| it.scps_enabled = false);
            let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
            bench.calmly(30).await;
            let given = grant(&bench.world, id).await;
            assert_eq!(given.state.name(), state, "{mode:?}");
            if let GrantState::Failed { error, .. } = &given.state {
                assert!(
                    error.contains("service control policies are not enabled"),
                    "{error}"
                );
                assert!(
                    bench.world.center.writes().is_empty(),
                    "nothing was created"
                );
            } else {
                let end = bench.armed_end(&given.key).await.unwrap();
                assert_eq!(end.not_armed().map(|it| it.why), why);
                bench.organization.change(|it| it.scps_enabled = true);
                bench.calmly(310).await;
                bench.would_end_by_itself(id).await;
            }
        }
    });
}

#[test]
fn while_nobody_arms_access_waits_a_minute_or_for_ever() {
    run(async {
        for (mode, state) in [
            (ArmedEndsMode::Preferred, "active"),
            (ArmedEndsMode::Required, "scheduled"),
        ] {
            let bench = Bench::new(mode);
            let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
            bench.world.live(TimeSpan::seconds(55)).await;
            assert_eq!(grant(&bench.world, id).await.state.name(), "scheduled");
            bench.world.live(TimeSpan::minutes(7)).await;
            assert_eq!(
                grant(&bench.world, id).await.state.name(),
                state,
                "{mode:?}"
            );
            bench.world.live(TimeSpan::hours(1)).await;
            assert_eq!(
                grant(&bench.world, id).await.state.name(),
                "ended",
                "{mode:?}"
            );
        }
    });
}

#[test]
fn a_statement_of_somebody_else_stays_and_nothing_new_goes_beside_it() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let before = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(30)).await;
        bench.calmly(20).await;
        stranger(&bench).await;
        let after = take(&bench.world, Bo, "ReadOnly", TimeSpan::minutes(20)).await;
        bench.calmly(20).await;
        bench.would_end_by_itself(before).await;
        let end = bench
            .armed_end(&grant(&bench.world, after).await.key)
            .await
            .unwrap();
        assert_eq!(end.not_armed().unwrap().why, WhyNotArmed::ForeignStatement);
        bench.until_all_is_over().await;
        assert_eq!(bench.statements(), [foreign()]);
    });
}

#[test]
fn sixty_grants_within_a_minute_cost_six_writes_of_the_policy() {
    run(async {
        let crowd = Crowd::new(1, 60);
        let armer = crowd.armer("calm", &Gate::new(None));
        let mut taken = Vec::new();
        for second in 0..60 {
            taken.push(crowd.take(0, second, TimeSpan::minutes(30)).await);
            crowd.live(&armer, 1, 1).await;
        }
        let writes = crowd.kept.organization.writes();
        let (attached, texts): (Vec<_>, Vec<_>) =
            { writes.iter() }.partition(|it| it.starts_with("attach"));
        assert!(attached.len() == 1 && texts.len() <= 6, "{writes:?}");
        crowd.live(&armer, 900, 1).await;
        for id in taken {
            let held = crowd.grant(id).await;
            assert_eq!(held.state, GrantState::Active);
            let from = crowd.refused_from(&held.key).unwrap();
            let late = TimeSpan::between(held.ends_at, from);
            assert!(from >= held.ends_at && late <= TimeSpan::seconds(60));
        }
    });
}

pub(crate) fn foreign() -> Value {
    json!({"Sid": "Theirs", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"})
}

pub(crate) async fn stranger(bench: &Bench) {
    let name = policy_name(ACCOUNT, 0);
    let all = bench.organization.policies().await.unwrap();
    if let Some(row) = all.iter().find(|row| row.name == name) {
        let text = bench.organization.text(&name).unwrap();
        let mut text: Value = serde_json::from_str(&text).unwrap();
        text["Statement"].as_array_mut().unwrap().push(foreign());
        let text = text.to_string();
        bench
            .organization
            .update_policy(&row.id, &text)
            .await
            .unwrap();
    } else {
        let policy = NewPolicy {
            name,
            description: String::new(),
            content: json!({"Version": "2012-10-17", "Statement": [foreign()]}).to_string(),
            tags: BTreeMap::new(),
        };
        let id = bench.organization.create_policy(&policy).await.unwrap();
        bench.organization.attach(&id, ACCOUNT).await.unwrap();
    }
}

#[test]
fn a_policy_that_somebody_changes_detaches_or_deletes_is_put_back() {
    run(async {
        for act in ["change", "detach", "delete"] {
            let bench = Bench::new(ArmedEndsMode::Preferred);
            let (key, armer) = (
                bench.key(Ana, "ReadOnly"),
                bench.armer("one", &Gate::new(None)),
            );
            take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(30)).await;
            bench.live(&armer, 20).await;
            let before = bench.refused_after(&key);
            assert_eq!(before.len(), 1);
            let (name, organization) = (policy_name(ACCOUNT, 0), &bench.organization);
            let all = organization.policies().await.unwrap();
            let id = &all.iter().find(|row| row.name == name).unwrap().id;
            let nothing = json!({"Version": "2012-10-17", "Statement": []}).to_string();
            if act == "change" {
                organization.update_policy(id, &nothing).await.unwrap();
            } else {
                organization.detach(id, ACCOUNT).await.unwrap();
            }
            if act == "delete" {
                organization.delete_policy(id).await.unwrap();
            }
            assert!(bench.refused_after(&key).is_empty(), "{act}");
            // checked every five minutes
            *bench.kept_until.lock().unwrap() = TimeSpan::minutes(6).after(bench.now());
            bench.live(&armer, 370).await;
            assert_eq!(bench.refused_after(&key), before, "{act}");
        }
    });
}

/// A second policy was detached but not deleted by a stopped process, while the account keeps
/// having ends.
#[test]
fn what_was_left_detached_in_a_busy_account_goes_and_what_is_attached_or_foreign_stays() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(30)).await;
        bench.calmly(20).await;
        let named = |number| policy_name(ACCOUNT, number);
        let ours = bench.organization.text(&named(0)).unwrap();
        let theirs = json!({"Version": "2012-10-17", "Statement": [foreign()]}).to_string();
        for (number, content) in [(1, ours), (2, theirs)] {
            let policy = NewPolicy {
                name: named(number),
                description: String::new(),
                content,
                tags: BTreeMap::new(),
            };
            bench.organization.create_policy(&policy).await.unwrap();
        }
        bench.calmly(20).await;
        let all = bench.organization.policies().await.unwrap();
        let all = all.into_iter().map(|it| it.name);
        let mut left: Vec<String> = all.filter(|it| it.starts_with("hallpass-")).collect();
        left.sort();
        assert_eq!(left, [named(0), named(2)]);
        let key = bench.key(Ana, "ReadOnly");
        assert_eq!(bench.refused_after(&key).len(), 1, "hers is in force");
    });
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chore {
    First,
    Second,
    Moved,
    Extended,
    Early,
    Last,
}

impl Chore {
    const ALL: [Self; 6] = [
        Self::First,
        Self::Second,
        Self::Moved,
        Self::Extended,
        Self::Early,
        Self::Last,
    ];

    async fn prepare(self, bench: &Bench) {
        match self {
            Self::First => {
                take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(20)).await;
            }
            Self::Second => {
                take(&bench.world, Bo, "ReadOnly", TimeSpan::minutes(30)).await;
                bench.calmly(20).await;
                take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(20)).await;
            }
            Self::Moved => {
                take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(20)).await;
                bench.calmly(20).await;
                take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(40)).await;
            }
            Self::Extended => {
                let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(20)).await;
                bench.calmly(20).await;
                for minutes in [40, 60] {
                    let later = TimeSpan::minutes(minutes);
                    extend(&bench.world, Ana, id, later).await.unwrap();
                }
            }
            Self::Early | Self::Last => {
                let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(20)).await;
                bench.calmly(20).await;
                if self == Self::Last {
                    bench.calmly(20 * 60 + 60).await;
                    let end = bench.armed_end(&bench.key(Ana, "ReadOnly")).await.unwrap();
                    let left = TimeSpan::between(bench.now(), end.lasts_until.unwrap());
                    bench.world.clock.advance(left);
                } else {
                    let words = Revoking {
                        reason: "laptop lost",
                        end_sessions: false,
                    };
                    let eve = bench.world.actor(Eve);
                    bench
                        .world
                        .access
                        .revoke(&eve, id, words, None)
                        .await
                        .unwrap();
                }
            }
        }
    }
}

async fn stopped_everywhere(chore: Chore, lag: TimeSpan) {
    let unbroken = Bench::lagging(ArmedEndsMode::Preferred, lag);
    chore.prepare(&unbroken).await;
    let gate = Gate::new(None);
    unbroken.live(&unbroken.armer("first", &gate), 30).await;
    let calls = gate.calls();
    assert!(calls >= 6, "{chore:?}: {calls}");
    for (call, mode) in stops(calls, PortMode::ALL) {
        let case = format!("{chore:?}, lag {lag}, call {call}, {mode:?}");
        let bench = Bench::lagging(ArmedEndsMode::Preferred, lag);
        chore.prepare(&bench).await;
        let gate = Gate::new(Some((call, mode)));
        let armer = bench.armer("first", &gate);
        tokio::select! {
            biased;
            () = gate.stop() => {}
            () = bench.live(&armer, 30) => {}
        }
        // a dead process keeps the lane for a minute
        let second = bench.armer("second", &Gate::new(None));
        bench.live(&second, 120).await;
        for held in crate::acting::grants(&bench.world).await {
            if held.is_hold() {
                assert_eq!(held.state, GrantState::Active, "{case}");
            }
        }
        let live = crate::acting::grants(&bench.world).await;
        for key in [bench.key(Ana, "ReadOnly"), bench.key(Bo, "ReadOnly")] {
            let ends_at = live
                .iter()
                .filter(|it| it.is_hold() && it.key == key)
                .map(|it| it.ends_at)
                .max();
            if let Some(ends_at) = ends_at {
                let refused = bench.refused_after(&key);
                assert!(
                    matches!(refused[..], [from] if from >= ends_at && TimeSpan::between(ends_at, from) <= TimeSpan::seconds(60)),
                    "{case}: {refused:?} for {ends_at}"
                );
            }
        }
        bench.until_all_is_over().await;
        assert!(bench.organization.standing().is_empty(), "{case}");
        check_all(&bench.world, &[]).await.unwrap();
    }
}

#[test]
fn stops_at_every_call() {
    run(each(&Chore::ALL, 0, stopped_everywhere));
}

#[test]
fn stops_at_every_call_while_listings_lag() {
    run(each(&[Chore::First, Chore::Last], 7, stopped_everywhere));
}
