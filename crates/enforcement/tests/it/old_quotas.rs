//! An organization with the quotas from before 2026-05-15: policies of 5,120 characters, five per
//! target. Statements without space are reported with AWS's reason; existing ones stay in force,
//! and can be moved and removed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_base::{Email, GrantId, HoldKey, RequestId, Target, TargetNames, TimeSpan, Timestamp};
use hallpass_enforcement::account_policy::CHARACTERS;
use hallpass_enforcement::armed_ends::{
    self, ArmedEnd, ArmedEndChange, ArmedEndState, ArmedEndStore, EndArmer, EndArmerSettings,
    OtherAccess, SettledEnds, WhyNotArmed,
};
use hallpass_enforcement::session_revocation::{
    self, SessionRevocation, SessionRevocationChange, SessionRevocationState,
    SessionRevocationStore, SessionRevoker,
};
use hallpass_enforcement::testing::ANA;
use hallpass_enforcement::{OrganizationFault, PolicyKeeper};
use hallpass_plans::{Lane, LaneClaim, LeaseAnswer, PlanStore as _, StoreFault};
use uuid::Uuid;

use crate::bench::Bench;

const OLD: usize = 5_120;

#[derive(Default)]
struct Rows {
    ends: Mutex<BTreeMap<String, ArmedEnd>>,
    revocations: Mutex<BTreeMap<GrantId, SessionRevocation>>,
}

#[async_trait]
impl ArmedEndStore for Rows {
    async fn open_armed_ends(&self) -> Result<Vec<ArmedEnd>, StoreFault> {
        let all = self.ends.lock().unwrap();
        Ok(all.values().filter(|end| end.is_open()).cloned().collect())
    }

    async fn armed_ends_of(&self, keys: &[HoldKey]) -> Result<Vec<ArmedEnd>, StoreFault> {
        let all = self.ends.lock().unwrap();
        let found = keys.iter().filter_map(|key| all.get(&key.to_string()));
        Ok(found.cloned().collect())
    }

    async fn settle_armed_ends(&self, change: ArmedEndChange) -> Result<SettledEnds, StoreFault> {
        let mut all = self.ends.lock().unwrap();
        for end in change.ends {
            all.insert(end.key.to_string(), end);
        }
        Ok(SettledEnds::Stored)
    }
}

#[async_trait]
impl SessionRevocationStore for Rows {
    async fn open_session_revocations(&self) -> Result<Vec<SessionRevocation>, StoreFault> {
        let all = self.revocations.lock().unwrap();
        Ok(all.values().filter(|it| it.is_open()).cloned().collect())
    }

    async fn session_revocation(
        &self,
        grant: GrantId,
    ) -> Result<Option<SessionRevocation>, StoreFault> {
        Ok(self.revocations.lock().unwrap().get(&grant).cloned())
    }

    async fn settle_session_revocations(
        &self,
        change: SessionRevocationChange,
    ) -> Result<(), StoreFault> {
        let mut all = self.revocations.lock().unwrap();
        for revocation in change.revocations {
            all.insert(revocation.grant, revocation);
        }
        Ok(())
    }
}

struct Nothing;

#[async_trait]
impl OtherAccess for Nothing {
    async fn held_otherwise(
        &self,
        _key: &HoldKey,
        _names: &TargetNames,
        _own: bool,
    ) -> Result<Option<String>, OrganizationFault> {
        Ok(None)
    }
}

fn held_by(user: u32) -> (HoldKey, TargetNames) {
    let key = HoldKey {
        user: format!("{user:08}-0000-0000-0000-000000000000")
            .parse()
            .unwrap(),
        target: Target::Account {
            account: ANA.parse().unwrap(),
            permission_set: "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-Admin"
                .parse()
                .unwrap(),
        },
    };
    let names = TargetNames::Account {
        account: "dev".into(),
        permission_set: "Admin".into(),
    };
    (key, names)
}

fn end(user: u32, asked_at: Timestamp) -> ArmedEnd {
    let (key, names) = held_by(user);
    ArmedEnd {
        key,
        names,
        grant: GrantId::new(Uuid::from_u128(u128::from(user))),
        request: RequestId::new(Uuid::from_u128(u128::from(user))),
        holder: Email::new("ana@example.com").unwrap(),
        required: false,
        asked_at: TimeSpan::seconds(u64::from(user)).after(asked_at),
        arm_by: TimeSpan::minutes(2).after(asked_at),
        ends_at: TimeSpan::minutes(60 + u64::from(user)).after(asked_at),
        lasts_until: None,
        alone_at: None,
        given_at: None,
        is_first: true,
        unseen: None,
        state: ArmedEndState::Wanted,
        attempts: 0,
        due: asked_at,
        version: 0,
    }
}

fn revocation(user: u32, now: Timestamp) -> SessionRevocation {
    let (key, names) = held_by(user);
    SessionRevocation {
        grant: GrantId::new(Uuid::from_u128(u128::from(user))),
        request: RequestId::new(Uuid::from_u128(u128::from(user))),
        holder: Email::new("ana@example.com").unwrap(),
        key,
        names,
        issued_before: TimeSpan::seconds(u64::from(user)).after(now),
        until: TimeSpan::minutes(65).after(now),
        state: SessionRevocationState::Wanted,
        failed: None,
        attempts: 0,
        due: now,
        version: 0,
    }
}

fn keeper(bench: &Bench) -> PolicyKeeper {
    PolicyKeeper {
        organization: Arc::clone(&bench.organization) as Arc<_>,
        lanes: Arc::clone(&bench.plans) as Arc<_>,
        clock: Arc::clone(&bench.clock) as Arc<_>,
        ids: Arc::clone(&bench.clock) as Arc<_>,
        holder: "test".to_owned(),
    }
}

fn armer(bench: &Bench, rows: &Arc<Rows>) -> EndArmer {
    armer_within(bench, rows, CHARACTERS)
}

fn armer_within(bench: &Bench, rows: &Arc<Rows>, characters: usize) -> EndArmer {
    EndArmer::new(
        keeper(bench),
        Arc::new(Nothing),
        Arc::clone(rows) as Arc<_>,
        EndArmerSettings {
            is_on: true,
            policies: 1,
            characters,
        },
    )
}

fn with_ends(bench: &Bench, number: u32) -> Arc<Rows> {
    let rows = Arc::new(Rows::default());
    for user in 0..number {
        let end = end(user, bench.now());
        rows.ends.lock().unwrap().insert(end.key.to_string(), end);
    }
    rows
}

impl Rows {
    fn armed(&self) -> Vec<ArmedEnd> {
        let all = self.ends.lock().unwrap();
        all.values()
            .filter(|end| end.armed_until().is_some())
            .cloned()
            .collect()
    }

    fn not_armed(&self) -> Vec<armed_ends::NotArmed> {
        let all = self.ends.lock().unwrap();
        all.values()
            .filter_map(|end| end.not_armed().cloned())
            .collect()
    }
}

#[tokio::test]
async fn a_policy_of_armed_ends_is_filled_as_far_as_aws_takes_it() {
    for (characters, expected) in [(10_240, 25..=30), (OLD, 11..=15)] {
        let bench = Bench::new();
        bench.organization.change(|it| it.characters = characters);
        let rows = with_ends(&bench, 40);
        let keeping = armer(&bench, &rows);
        keeping.tick().await.unwrap();
        let armed = rows.armed().len();
        assert!(expected.contains(&armed), "{armed} in {characters}");
        let told = rows.not_armed();
        assert_eq!(armed + told.len(), 40, "{characters}");
        for why in told {
            assert_eq!(why.why, WhyNotArmed::NoRoom);
            let names_aws = why.words.contains("AWS refuses more than 5120");
            assert_eq!(names_aws, characters == OLD, "{}", why.words);
        }
        let text = bench.organization.text(&armed_ends::policy_name(ANA, 0));
        assert!(text.unwrap().len() <= characters);
    }
}

#[tokio::test]
async fn in_a_full_policy_of_before_an_end_still_moves_to_now_and_others_stay() {
    let bench = Bench::new();
    bench.organization.change(|it| it.characters = OLD);
    let rows = with_ends(&bench, 40);
    let armer = armer(&bench, &rows);
    armer.tick().await.unwrap();
    let before = rows.armed();
    bench.wait(TimeSpan::minutes(1));
    let now = bench.now();
    let mut moved = before[0].clone();
    (moved.ends_at, moved.due) = (now, now);
    let key = moved.key.to_string();
    rows.ends.lock().unwrap().insert(key.clone(), moved);
    armer.tick().await.unwrap();
    let after = rows.armed();
    assert_eq!(after.len(), before.len());
    let moved = rows.ends.lock().unwrap()[&key].armed_until().unwrap();
    assert!(moved <= TimeSpan::seconds(2).after(now), "{moved}");
}

/// An end that needs a separate statement stays in force without space to move, is reported, and
/// moves later.
#[tokio::test]
async fn what_finds_no_room_to_move_stays_in_force_until_there_is_some() {
    let bench = Bench::new();
    let rows = with_ends(&bench, 3);
    let [first, second, third] = [0, 1, 2].map(|user| held_by(user).0.to_string());
    let change = |key: &str, change: &dyn Fn(&mut ArmedEnd)| {
        change(rows.ends.lock().unwrap().get_mut(key).unwrap());
    };
    let shared = rows.ends.lock().unwrap()[&first].ends_at;
    change(&second, &|end| end.ends_at = shared);
    armer(&bench, &rows).tick().await.unwrap();
    assert_eq!(rows.armed().len(), 3);
    let text = || bench.organization.text(&armed_ends::policy_name(ANA, 0));
    let standing = text().unwrap();
    let armer = armer_within(&bench, &rows, standing.len());
    bench.wait(TimeSpan::minutes(1));
    let now = bench.now();
    change(&second, &|end| (end.ends_at, end.due) = (now, now));
    let before = rows.ends.lock().unwrap()[&second].armed_until();
    armer.tick().await.unwrap();
    let end = rows.ends.lock().unwrap()[&second].clone();
    assert_eq!(end.armed_until(), before);
    assert_eq!(end.unmoved().map(|it| it.why), Some(WhyNotArmed::NoRoom));
    assert_eq!(text().as_ref(), Some(&standing));
    bench.wait(TimeSpan::minutes(1));
    let over = bench.now();
    change(&third, &|end| {
        (end.lasts_until, end.due) = (Some(over), over);
    });
    armer.tick().await.unwrap();
    let end = rows.ends.lock().unwrap()[&second].clone();
    let soon = TimeSpan::seconds(2).after(now);
    assert!(end.armed_until().is_some_and(|it| it <= soon), "{end:?}");
    assert!(end.unmoved().is_none());
}

/// A plan may hold the Organizations lane while AWS creates an account.
#[tokio::test]
async fn a_plan_at_work_holds_up_neither_ends_nor_cuts() {
    let bench = Bench::new();
    let claim = |holder: &'static str| LaneClaim::usual(holder, bench.now());
    let lease = async |lane: Lane, holder: &'static str| {
        let leased = bench.plans.lease(&lane.name, claim(holder)).await.unwrap();
        assert!(!matches!(leased, LeaseAnswer::Held { .. }), "{holder}");
    };
    lease(Lane::organizations_write(), "vending").await;
    let ends = with_ends(&bench, 1);
    armer(&bench, &ends).tick().await.unwrap();
    assert_eq!(ends.armed().len(), 1);
    let cuts = with_revocations(&bench, 1);
    let report = revoker(&bench, &cuts).tick().await.unwrap();
    assert_eq!(report.applied, 1);
    // still one process at a time maintains policies
    lease(Lane::kept_policies(), "another server").await;
    let before = bench.organization.writes();
    let ends = with_ends(&bench, 2);
    armer(&bench, &ends).tick().await.unwrap();
    assert_eq!(bench.organization.writes(), before);
}

/// Policies do not reach an account that left: reported as failure, even if its sessions were
/// denied before.
#[tokio::test]
async fn the_sessions_of_an_account_that_left_are_not_said_to_have_ended() {
    for was_applied in [false, true] {
        let bench = Bench::new();
        let cuts = with_revocations(&bench, 1);
        let revoker = revoker(&bench, &cuts);
        if was_applied {
            assert_eq!(revoker.tick().await.unwrap().applied, 1);
            bench.wait(TimeSpan::minutes(15));
        }
        bench.organization.change(|it| it.gone.push(ANA.to_owned()));
        let report = revoker.tick().await.unwrap();
        assert_eq!(report.applied, 0);
        let [(account, why)] = report.failed.as_slice() else {
            panic!("{was_applied}: {:?}", report.failed);
        };
        assert_eq!(account, ANA);
        assert!(why.contains("is no longer in the organization"), "{why}");
        let kept = cuts.revocations.lock().unwrap();
        let kept = kept.values().next().unwrap();
        assert_eq!(kept.state, SessionRevocationState::Wanted, "{was_applied}");
        assert_eq!(kept.failed.as_ref(), Some(why), "{was_applied}");
    }
}

/// With an unknown lower quota, the end gets AWS's reason.
#[tokio::test]
async fn what_aws_refuses_for_a_quota_is_not_armed_with_its_reason() {
    let rows_of = |change: fn(&mut hallpass_enforcement::testing::Situation)| async move {
        let bench = Bench::new();
        bench.organization.change(change);
        let rows = with_ends(&bench, 1);
        armer(&bench, &rows).tick().await.unwrap();
        rows.not_armed().pop().unwrap()
    };
    let too_long = rows_of(|it| it.characters = 100).await;
    assert_eq!(too_long.why, WhyNotArmed::Refused);
    let reason = "ConstraintViolationException (POLICY_CONTENT_LIMIT_EXCEEDED)";
    assert!(too_long.words.starts_with(reason), "{}", too_long.words);
    let too_many = rows_of(|it| it.slots = 1).await;
    assert_eq!(too_many.why, WhyNotArmed::Refused);
    let reason = "ConstraintViolationException (MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED)";
    assert!(too_many.words.starts_with(reason), "{}", too_many.words);
}

fn revoker(bench: &Bench, rows: &Arc<Rows>) -> SessionRevoker {
    SessionRevoker::new(keeper(bench), Arc::clone(rows) as Arc<_>)
}

fn with_revocations(bench: &Bench, number: u32) -> Arc<Rows> {
    let rows = Arc::new(Rows::default());
    for user in 0..number {
        let row = revocation(user, bench.now());
        rows.revocations.lock().unwrap().insert(row.grant, row);
    }
    rows
}

#[tokio::test]
async fn ended_sessions_are_cut_as_far_as_aws_takes_it_and_the_rest_is_told() {
    for (characters, expected) in [(10_240, 22..=30), (OLD, 10..=15)] {
        let bench = Bench::new();
        bench.organization.change(|it| it.characters = characters);
        let rows = with_revocations(&bench, 40);
        let report = revoker(&bench, &rows).tick().await.unwrap();
        assert!(expected.contains(&report.applied), "{report:?}");
        assert_eq!(report.failed, [], "{characters}");
        let all = rows.revocations.lock().unwrap().clone();
        let told: Vec<String> = all.into_values().filter_map(|it| it.failed).collect();
        assert_eq!(told.len(), 40 - report.applied as usize);
        for why in told {
            assert!(why.contains(&format!("({characters} characters")), "{why}");
            assert_eq!(why.contains("AWS refuses"), characters == OLD, "{why}");
        }
        let text = bench
            .organization
            .text(&session_revocation::policy_name(ANA));
        assert!(text.unwrap().len() <= characters);
    }
}

#[tokio::test]
async fn what_aws_refuses_for_a_quota_is_told_of_ended_sessions() {
    for (change, reason) in [
        (
            (|it| it.characters = 100) as fn(&mut hallpass_enforcement::testing::Situation),
            "POLICY_CONTENT_LIMIT_EXCEEDED",
        ),
        (
            |it| it.slots = 1,
            "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
        ),
    ] {
        let bench = Bench::new();
        bench.organization.change(change);
        let rows = with_revocations(&bench, 1);
        let report = revoker(&bench, &rows).tick().await.unwrap();
        let [(account, why)] = &report.failed[..] else {
            panic!("{report:?}")
        };
        assert_eq!(account, ANA);
        assert!(why.contains(reason), "{why}");
        assert_eq!(why.matches("ConstraintViolationException").count(), 1);
    }
}

/// Ten slots, nine in use including `FullAWSAccess`: one is free, then none.
#[tokio::test]
async fn the_tenth_place_is_used_and_an_eleventh_is_not_asked_for() {
    for (taken, is_refused) in [(8, false), (9, true)] {
        let bench = Bench::new();
        bench.take_places(ANA, taken).await;
        let before = bench.organization.writes().len();
        let rows = with_ends(&bench, 1);
        armer(&bench, &rows).tick().await.unwrap();
        assert_eq!(rows.armed().is_empty(), is_refused, "{taken}");
        if is_refused {
            let why = rows.not_armed().pop().unwrap();
            assert!(why.words.contains("no more than 10"), "{}", why.words);
            assert_eq!(bench.organization.writes().len(), before);
        }
    }
}
