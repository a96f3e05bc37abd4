//! Ends left in force by an earlier grant. A later grant is never reported active while they refuse
//! it; an immovable end is reported; an unknown end remains until it can refuse no user.

use std::collections::BTreeMap;

use hallpass_access::{AccessStore as _, ArmedEndCounts, ArmedEndsMode};
use hallpass_base::{GrantId, HoldKey, TimeSpan};
use hallpass_enforcement::armed_ends::{EndArmerReport, WhyNotArmed, policy_name};
use hallpass_enforcement::{NewPolicy, Organization as _};
use hallpass_plans::testing::Gate;
use hallpass_simulation::Human::{Ana, Bo};
use serde_json::json;

use crate::acting::{grant, release, run, take};
use crate::armed::foreign;
use crate::armed_bench::{Bench, denied, silent};
use crate::keeping::ACCOUNT;

const SET: &str = "ReadOnly";

async fn over() -> (Bench, HoldKey) {
    let bench = Bench::new(ArmedEndsMode::Preferred);
    let key = bench.key(Ana, SET);
    take(&bench.world, Ana, SET, TimeSpan::minutes(2)).await;
    bench.calmly(200).await;
    assert_eq!(bench.refused_after(&key).len(), 1);
    (bench, key)
}

async fn until_state(bench: &Bench, id: GrantId, state: &str, seconds: u64) -> u64 {
    for second in 0..seconds {
        let found = grant(&bench.world, id).await;
        let name = found.state.name();
        let now = bench.now();
        let refused = bench.refused_after(&found.key);
        assert!(
            name != "active" || refused.iter().all(|from| *from > now),
            "reported as held and refused since {refused:?}, at {now}"
        );
        if name == state {
            return second;
        }
        bench.calmly(1).await;
    }
    panic!("{:?} after {seconds} s", grant(&bench.world, id).await);
}

#[test]
fn a_grant_that_is_not_armed_is_given_once_nothing_refuses_it_any_more() {
    run(async {
        let (mut bench, key) = over().await;
        bench.set_mode(ArmedEndsMode::Off);
        let id = take(&bench.world, Ana, SET, TimeSpan::minutes(20)).await;
        until_state(&bench, id, "active", 60).await;
        bench.calmly(60).await;
        assert!(bench.refused_after(&key).is_empty());
        assert_eq!(grant(&bench.world, id).await.state.name(), "active");
        bench.until_all_is_over().await;
        assert!(bench.organization.standing().is_empty());
    });
}

#[test]
fn a_later_grant_that_is_not_armed_leaves_nothing_armed_for_ever() {
    run(async {
        let mut bench = Bench::new(ArmedEndsMode::Preferred);
        let key = bench.key(Ana, SET);
        take(&bench.world, Ana, SET, TimeSpan::minutes(5)).await;
        bench.calmly(60).await;
        bench.set_mode(ArmedEndsMode::Off);
        let second = take(&bench.world, Ana, SET, TimeSpan::minutes(20)).await;
        bench.calmly(120).await;
        // both grants share one end, which is in force
        bench.would_end_by_itself(second).await;
        bench.until_all_is_over().await;
        assert!(!bench.armed_end(&key).await.unwrap().is_open());
        assert!(bench.organization.standing().is_empty());
    });
}

#[test]
fn access_that_aws_still_refuses_is_not_told_as_given() {
    run(async {
        for (mode, fault, state, least) in [
            (ArmedEndsMode::Preferred, denied(), "failed", 0),
            (ArmedEndsMode::Preferred, silent(), "failed", 290),
            (ArmedEndsMode::Required, silent(), "failed", 290),
            (ArmedEndsMode::Off, denied(), "failed", 0),
            (ArmedEndsMode::Off, silent(), "failed", 290),
        ] {
            let (mut bench, _) = over().await;
            bench.set_mode(mode);
            bench
                .organization
                .change(|it| it.changes_fail = Some(fault.clone()));
            let id = take(&bench.world, Ana, SET, TimeSpan::minutes(20)).await;
            let took = until_state(&bench, id, state, 400).await;
            assert!(
                (least..=320).contains(&took),
                "{mode:?} {fault:?}: {took} s"
            );
            let failed = grant(&bench.world, id).await;
            assert!(
                format!("{:?}", failed.state).contains("AWS still refuses it"),
                "{failed:?}"
            );
        }
        // if AWS answers in time, access is granted with its end in force
        let (bench, _) = over().await;
        bench
            .organization
            .change(|it| it.changes_fail = Some(silent()));
        let id = take(&bench.world, Ana, SET, TimeSpan::minutes(20)).await;
        bench.calmly(150).await;
        assert_eq!(grant(&bench.world, id).await.state.name(), "scheduled");
        bench.organization.change(|it| it.changes_fail = None);
        until_state(&bench, id, "active", 70).await;
        bench.would_end_by_itself(id).await;
    });
}

async fn take_ours_away(bench: &Bench) {
    for row in bench.organization.policies().await.unwrap() {
        if !row.aws_managed {
            bench.organization.detach(&row.id, ACCOUNT).await.unwrap();
            bench.organization.delete_policy(&row.id).await.unwrap();
        }
    }
    bench.organization.change(|it| it.scps_enabled = false);
}

#[test]
fn what_somebody_took_out_of_force_and_cannot_be_put_back_is_told_as_not_armed() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let key = bench.key(Ana, SET);
        let id = take(&bench.world, Ana, SET, TimeSpan::hours(1)).await;
        bench.calmly(30).await;
        take_ours_away(&bench).await;
        let armer = bench.armer("one", &Gate::new(None));
        for _ in 0..310 {
            bench.world.tick().await;
            let _: EndArmerReport = armer.tick().await.unwrap();
            bench.world.clock.advance(TimeSpan::seconds(1));
        }
        let end = bench.armed_end(&key).await.unwrap();
        assert_eq!(end.not_armed().unwrap().why, WhyNotArmed::Refused);
        let told = bench.records("end.disarmed").await;
        assert_eq!(told.len(), 1);
        let error = told[0].fields()["error"].to_string();
        assert!(
            error.contains("service control policies are not enabled"),
            "{error}"
        );
        assert_eq!(counts(&bench).await.not_moved, 0);
        bench.organization.change(|it| it.scps_enabled = true);
        bench.calmly(310).await;
        bench.would_end_by_itself(id).await;
    });
}

#[test]
fn what_is_not_in_force_any_more_keeps_nobody_from_new_access() {
    run(async {
        let (bench, _) = over().await;
        take_ours_away(&bench).await;
        let id = take(&bench.world, Ana, SET, TimeSpan::minutes(20)).await;
        until_state(&bench, id, "active", 90).await;
        let end = bench.armed_end(&grant(&bench.world, id).await.key).await;
        assert_eq!(end.unwrap().not_armed().unwrap().why, WhyNotArmed::Refused);
    });
}

#[test]
fn an_end_is_not_begun_by_the_way_while_nobody_knows_what_else_its_person_holds() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let (hers, his) = (bench.key(Ana, SET), bench.key(Bo, SET));
        bench.others.0.lock().unwrap().insert(hers.clone());
        bench.say_nothing_of(&hers);
        take(&bench.world, Ana, SET, TimeSpan::hours(1)).await;
        bench.calmly(2).await;
        take(&bench.world, Bo, SET, TimeSpan::hours(1)).await;
        for second in 0..50 {
            bench.calmly(1).await;
            assert!(bench.refused_after(&hers).is_empty(), "{second}");
        }
        assert_eq!(bench.refused_after(&his).len(), 1, "his was armed");
        let end = bench.armed_end(&hers).await.unwrap();
        assert!(
            end.not_armed().is_none() && end.armed_until().is_none(),
            "{end:?}"
        );
    });
}

#[test]
fn an_end_that_cannot_be_moved_is_told_and_moves_when_it_can() {
    run(async {
        for (fault, why, within) in [
            (denied(), WhyNotArmed::Refused, 5),
            (silent(), WhyNotArmed::Unanswered, 130),
        ] {
            let bench = Bench::new(ArmedEndsMode::Preferred);
            let key = bench.key(Ana, SET);
            let id = take(&bench.world, Ana, SET, TimeSpan::hours(1)).await;
            bench.calmly(30).await;
            let before = bench.refused_after(&key);
            bench
                .organization
                .change(|it| it.changes_fail = Some(fault.clone()));
            release(&bench.world, Ana, id).await.unwrap();
            bench.calmly(within).await;
            let end = bench.armed_end(&key).await.unwrap();
            assert_eq!(end.unmoved().map(|it| it.why), Some(why), "{end:?}");
            assert_eq!(bench.refused_after(&key), before);
            assert_eq!(counts(&bench).await.not_moved, 1);
            bench.calmly(200).await;
            let told = bench.records("end.arm_failed").await;
            assert_eq!(told.len(), 1, "once for each reason");
            assert!(
                told[0].fields()["error"]
                    .as_str()
                    .unwrap()
                    .contains("still refuses after")
            );
            bench.organization.change(|it| it.changes_fail = None);
            bench.calmly(70).await;
            let end = bench.armed_end(&key).await.unwrap();
            assert!(end.unmoved().is_none(), "{end:?}");
            assert!(bench.refused_after(&key) < before);
            assert_eq!(counts(&bench).await.not_moved, 0);
        }
    });
}

async fn counts(bench: &Bench) -> ArmedEndCounts {
    bench
        .world
        .store
        .counts(bench.now())
        .await
        .unwrap()
        .armed_ends
}

/// Covers a restored older store, or another installation writing to the same policies.
#[test]
fn what_is_of_nobody_we_know_stays_until_it_can_refuse_nobody() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        take(&bench.world, Ana, SET, TimeSpan::minutes(30)).await;
        bench.calmly(20).await;
        let unknown = rename(&bench, &bench.key(Ana, SET)).await;
        take(&bench.world, Bo, SET, TimeSpan::minutes(40)).await;
        bench.calmly(330).await;
        assert_eq!(bench.statements_about(&unknown), 1);
        assert_eq!(bench.refused_after(&bench.key(Ana, SET)).len(), 1);
        assert_eq!(bench.refused_after(&bench.key(Bo, SET)).len(), 1);
        // known ends are removed when over; the unknown one when it can refuse no user
        bench.until_all_is_over().await;
        assert_eq!(bench.statements_about(&unknown), 1);
        bench.world.clock.advance(TimeSpan::hours(14));
        bench.calmly(30).await;
        assert!(bench.organization.standing().is_empty());
    });
}

#[test]
fn what_aws_does_not_show_is_told_at_its_time() {
    run(async {
        for (mode, state, within) in [
            (ArmedEndsMode::Preferred, "active", 90),
            (ArmedEndsMode::Required, "failed", 330),
        ] {
            let bench = Bench::lagging(mode, TimeSpan::minutes(20));
            let id = take(&bench.world, Ana, SET, TimeSpan::hours(1)).await;
            bench.calmly(within).await;
            let given = grant(&bench.world, id).await;
            assert_eq!(given.state.name(), state, "{mode:?}");
            let end = bench.armed_end(&given.key).await.unwrap();
            let why = end.not_armed().unwrap();
            assert_eq!(why.why, WhyNotArmed::Unanswered, "{mode:?}");
            assert!(why.words.contains("does not return"), "{}", why.words);
        }
    });
}

/// The policy was detached, or created by others under Hallpass's name.
#[test]
fn a_policy_of_our_name_that_is_not_attached_is_not_written_over_unread() {
    run(async {
        let name = policy_name(ACCOUNT, 0);
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let theirs = json!({"Version": "2012-10-17", "Statement": [foreign()]}).to_string();
        let policy = NewPolicy {
            name: name.clone(),
            description: String::new(),
            content: theirs.clone(),
            tags: BTreeMap::new(),
        };
        bench.organization.create_policy(&policy).await.unwrap();
        let id = take(&bench.world, Ana, SET, TimeSpan::hours(1)).await;
        bench.calmly(30).await;
        let given = grant(&bench.world, id).await;
        assert_eq!(given.state.name(), "active");
        let end = bench.armed_end(&given.key).await.unwrap();
        let words = &end.not_armed().unwrap().words;
        assert!(words.contains("a foreign statement"), "{words}");
        assert_eq!(bench.organization.text(&name), Some(theirs));
        assert!(bench.statements().is_empty(), "and it is not put in force");

        let bench = Bench::new(ArmedEndsMode::Preferred);
        take(&bench.world, Ana, SET, TimeSpan::minutes(30)).await;
        bench.calmly(20).await;
        let unknown = rename(&bench, &bench.key(Ana, SET)).await;
        let all = bench.organization.policies().await.unwrap();
        let row = all.into_iter().find(|row| row.name == name).unwrap();
        bench.organization.detach(&row.id, ACCOUNT).await.unwrap();
        take(&bench.world, Bo, SET, TimeSpan::minutes(40)).await;
        bench.calmly(30).await;
        // it refused no user while detached, and may belong to an old end
        assert_eq!(bench.statements_about(&unknown), 0);
        for who in [Ana, Bo] {
            assert_eq!(bench.refused_after(&bench.key(who, SET)).len(), 1);
        }
    });
}

async fn rename(bench: &Bench, key: &HoldKey) -> String {
    let stranger = "99999999-0000-0000-0000-000000000000".to_owned();
    let name = policy_name(ACCOUNT, 0);
    let all = bench.organization.policies().await.unwrap();
    let row = all.into_iter().find(|row| row.name == name).unwrap();
    let text = bench.organization.text(&name).unwrap();
    let text = text.replace(key.user.as_str(), &stranger);
    bench
        .organization
        .update_policy(&row.id, &text)
        .await
        .unwrap();
    stranger
}
