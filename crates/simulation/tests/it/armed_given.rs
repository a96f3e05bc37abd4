//! Access from other sources for people with enforced ends: reported by an event or found by a
//! sweep, it is disarmed immediately and survives restarts. Foreign statements in a policy of
//! Hallpass stop arming and are reported.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hallpass_access::{ArmedEndsMode, ExternalAccess, GrantState};
use hallpass_base::{HoldKey, Target, TimeSpan};
use hallpass_enforcement::Organization as _;
use hallpass_enforcement::armed_ends::{
    EndArmer, ForeignStatements, NotOurs, WhyNotArmed, policy_name,
};
use hallpass_plans::testing::Gate;
use hallpass_simulation::Answers;
use hallpass_simulation::Human::{Ana, Bo, Cai, Eve};
use serde_json::Value;

use crate::acting::{grant, release, run, take};
use crate::armed::{foreign, stranger};
use crate::armed_bench::Bench;
use crate::keeping::ACCOUNT;

pub(crate) fn to_a_group(key: &HoldKey) -> ExternalAccess {
    let Target::Account {
        account,
        permission_set,
    } = &key.target
    else {
        panic!("{key} is of no account");
    };
    ExternalAccess {
        to_groups: BTreeSet::from([(account.clone(), permission_set.clone())]),
        ..ExternalAccess::default()
    }
}

fn to_themselves(key: &HoldKey) -> ExternalAccess {
    ExternalAccess {
        to_people: BTreeSet::from([key.clone()]),
        ..ExternalAccess::default()
    }
}

fn into_a_group(key: &HoldKey) -> ExternalAccess {
    ExternalAccess {
        members: BTreeSet::from([key.user.clone()]),
        ..ExternalAccess::default()
    }
}

async fn armed_for(lasts: TimeSpan) -> (Bench, HoldKey) {
    let bench = Bench::new(ArmedEndsMode::Preferred);
    let key = bench.key(Ana, "ReadOnly");
    take(&bench.world, Ana, "ReadOnly", lasts).await;
    bench.calmly(30).await;
    (bench, key)
}

#[test]
fn what_an_event_tells_of_is_disarmed_within_ten_seconds_of_being_there() {
    run(async {
        for told in [to_a_group, into_a_group] {
            for late in [0, 1, 5, 20, 45] {
                let bench = Bench::new(ArmedEndsMode::Preferred);
                let (hers, his) = (bench.key(Ana, "ReadOnly"), bench.key(Bo, "ReadOnly"));
                let (hour, world) = (TimeSpan::hours(1), &bench.world);
                take(world, Ana, "ReadOnly", hour).await;
                let other = take(world, Bo, "ReadOnly", hour).await;
                bench.calmly(30).await;
                let armer = bench.armer("one", &Gate::new(None));
                world.access.note_given(told(&hers)).await.unwrap();
                bench.live(&armer, late).await;
                bench.others.0.lock().unwrap().insert(hers.clone());
                bench.live(&armer, 10).await;
                assert!(bench.refused_after(&hers).is_empty(), "{late}");
                assert_eq!(bench.records("end.disarmed").await.len(), 1, "{late}");
                let why = bench.armed_end(&hers).await.unwrap();
                assert_eq!(why.not_armed().unwrap().why, WhyNotArmed::HeldOtherwise);
                assert_eq!(bench.refused_after(&his).len(), 1, "he is in no group");
                bench.would_end_by_itself(other).await;
            }
        }
    });
}

#[test]
fn what_nobody_tells_of_waits_for_the_next_look() {
    run(async {
        let (bench, key) = armed_for(TimeSpan::hours(1)).await;
        let armer = bench.armer("one", &Gate::new(None));
        bench
            .world
            .access
            .note_given(to_a_group(&key))
            .await
            .unwrap();
        bench.live(&armer, 90).await;
        assert_eq!(bench.armed_end(&key).await.unwrap().given_at, None);
        bench.others.0.lock().unwrap().insert(key.clone());
        bench.live(&armer, 60).await;
        assert_eq!(bench.refused_after(&key).len(), 1);
        bench.live(&armer, 300).await;
        assert!(bench.refused_after(&key).is_empty());
    });
}

#[test]
fn a_question_that_had_no_answer_is_asked_again_before_the_instant() {
    run(async {
        let (bench, key) = armed_for(TimeSpan::minutes(10)).await;
        let until = bench.armed_end(&key).await.unwrap().armed_until().unwrap();
        let armer = bench.armer("one", &Gate::new(None));
        while bench.now() < TimeSpan::seconds(40).before(until) {
            bench.live(&armer, 1).await;
        }
        // no event arrives, and the last check before the instant has no answer
        bench.others.0.lock().unwrap().insert(key.clone());
        bench.say_nothing_of(&key);
        bench.live(&armer, 15).await;
        assert_eq!(bench.refused_after(&key).len(), 1, "no node knows");
        bench.say_again_of(&key);
        bench.live(&armer, 15).await;
        assert!(bench.now() < until && bench.refused_after(&key).is_empty());
    });
}

#[test]
fn what_was_told_is_kept_until_aws_says_what_the_person_holds() {
    run(async {
        let (bench, key) = armed_for(TimeSpan::hours(1)).await;
        let armer = bench.armer("one", &Gate::new(None));
        bench.say_nothing_of(&key);
        let told = bench.world.access.note_given(to_a_group(&key));
        told.await.unwrap();
        bench.others.0.lock().unwrap().insert(key.clone());
        bench.live(&armer, 150).await;
        let end = bench.armed_end(&key).await.unwrap();
        assert!(
            end.given_at.is_some() && end.armed_until().is_some(),
            "{end:?}"
        );
        bench.say_again_of(&key);
        bench.live(&armer, 70).await;
        assert!(bench.refused_after(&key).is_empty());
    });
}

#[test]
fn what_was_told_is_not_lost_with_whoever_arms() {
    run(async {
        for looks in [0, 1] {
            let (bench, key) = armed_for(TimeSpan::hours(1)).await;
            bench
                .world
                .access
                .note_given(to_a_group(&key))
                .await
                .unwrap();
            // the process checks once, sees nothing and dies
            bench
                .live(&bench.armer("first", &Gate::new(None)), looks)
                .await;
            bench.others.0.lock().unwrap().insert(key.clone());
            bench.live(&bench.armer("next", &Gate::new(None)), 10).await;
            assert!(bench.refused_after(&key).is_empty(), "{looks}");
        }
    });
}

#[test]
fn what_hallpass_gives_itself_is_looked_at_no_more_often() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let key = bench.key(Ana, "ReadOnly");
        let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(2)).await;
        bench.calmly(30).await;
        let before = bench.armed_end(&key).await.unwrap();
        // the event of Hallpass's call arrives
        let told = || bench.world.access.note_given(to_themselves(&key));
        told().await.unwrap();
        assert_eq!(bench.armed_end(&key).await.unwrap(), before);
        bench.calmly(240).await;
        assert_eq!(grant(&bench.world, id).await.state.name(), "ended");
        assert_eq!(bench.refused_after(&key).len(), 1);
        // Hallpass's grant is deleted: her assignment is from another source
        bench.world.center.give(&key);
        told().await.unwrap();
        bench.calmly(10).await;
        assert!(bench.refused_after(&key).is_empty());
        assert!(bench.world.center.present().contains(&key));
    });
}

#[test]
fn what_somebody_had_before_is_not_refused_where_the_grant_ends_before_anybody_looked() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let (key, center) = (bench.key(Ana, "ReadOnly"), &bench.world.center);
        center.give(&key);
        center.change_habits(|it| it.answers = Answers::None);
        let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        bench.calmly(20).await;
        assert_eq!(bench.refused_after(&key).len(), 1, "armed for its end");
        release(&bench.world, Ana, id).await.unwrap();
        for second in 0..240 {
            if second == 30 {
                center.change_habits(|it| it.answers = Answers::All);
            }
            bench.calmly(1).await;
            let (now, refused) = (bench.now(), bench.refused_after(&key));
            assert!(refused.iter().all(|from| *from > now), "{refused:?}");
        }
        assert_eq!(grant(&bench.world, id).await.state.name(), "ended");
        assert!(
            bench.refused_after(&key).is_empty(),
            "immediately, not in hours"
        );
        assert!(center.present().contains(&key));
    });
}

#[test]
fn what_a_sweep_finds_is_disarmed_when_it_ends() {
    run(async {
        let mut bench = Bench::new(ArmedEndsMode::Preferred);
        bench.report_by_sweeps();
        let key = bench.key(Ana, "ReadOnly");
        let id = take(&bench.world, Ana, "ReadOnly", TimeSpan::minutes(2)).await;
        bench.calmly(240).await;
        assert_eq!(grant(&bench.world, id).await.state.name(), "ended");
        bench.world.center.give(&key);
        let access = &bench.world.access;
        access.want_sweep(&bench.world.actor(Eve)).await.unwrap();
        let sweep = access.sweep_to_run().await.unwrap().unwrap();
        assert_eq!(bench.refused_after(&key).len(), 1);
        access.run_sweep(&sweep).await.unwrap();
        bench.calmly(12).await;
        assert!(bench.refused_after(&key).is_empty());
    });
}

async fn without_the_stranger(bench: &Bench) {
    let name = policy_name(ACCOUNT, 0);
    let all = bench.organization.policies().await.unwrap();
    let row = all.iter().find(|row| row.name == name).unwrap();
    let text = bench.organization.text(&name).unwrap();
    let mut text: Value = serde_json::from_str(&text).unwrap();
    let statements = text["Statement"].as_array_mut().unwrap();
    statements.retain(|it| *it != foreign());
    let text = text.to_string();
    let changed = bench.organization.update_policy(&row.id, &text).await;
    changed.unwrap();
}

fn telling(bench: &Bench, desk: &Arc<ForeignStatements>) -> EndArmer {
    let armer = bench.armer("telling", &Gate::new(None));
    armer.telling(Arc::clone(desk))
}

#[test]
fn a_statement_of_somebody_else_is_told_until_it_is_gone_and_arming_goes_on_then() {
    run(async {
        let bench = Bench::new(ArmedEndsMode::Preferred);
        let desk = Arc::new(ForeignStatements::default());
        let one = NotOurs {
            statements: 1,
            people: 0,
        };
        let theirs = Some(BTreeMap::from([(ACCOUNT.to_owned(), one)]));
        let (nothing, hour) = (Some(BTreeMap::new()), TimeSpan::hours(1));
        let armer = telling(&bench, &desk);
        assert_eq!(desk.found(), None, "no look yet");
        take(&bench.world, Ana, "ReadOnly", hour).await;
        bench.live(&armer, 20).await;
        assert_eq!(desk.found(), nothing);
        stranger(&bench).await;
        let after = take(&bench.world, Bo, "ReadOnly", hour).await;
        bench.live(&armer, 20).await;
        assert_eq!(desk.found(), theirs);
        let his = grant(&bench.world, after).await.key;
        let why = bench.armed_end(&his).await.unwrap();
        assert_eq!(why.not_armed().unwrap().why, WhyNotArmed::ForeignStatement);
        assert_eq!(bench.refused_after(&bench.key(Ana, "ReadOnly")).len(), 1);
        without_the_stranger(&bench).await;
        bench.live(&armer, 75).await;
        assert_eq!(desk.found(), nothing, "it is over within a minute");
        bench.would_end_by_itself(after).await;
        // the foreign policy returns: released ends are removed, the foreign statement stays
        stranger(&bench).await;
        release(&bench.world, Bo, after).await.unwrap();
        bench.live(&armer, 20).await;
        assert_eq!(desk.found(), theirs);
        bench.until_all_is_over().await;
        assert_eq!(bench.statements(), [foreign()]);
        // no end is armed: the next leader still finds it
        let next = telling(&bench, &desk);
        assert_eq!(desk.found(), None, "earlier looks are not used");
        bench.live(&next, 5).await;
        assert_eq!(desk.found(), theirs);
        let third = take(&bench.world, Cai, "ReadOnly", hour).await;
        bench.live(&next, 20).await;
        assert_eq!(grant(&bench.world, third).await.state, GrantState::Active);
        without_the_stranger(&bench).await;
        bench.live(&next, 75).await;
        assert_eq!(desk.found(), nothing);
        bench.would_end_by_itself(third).await;
    });
}
