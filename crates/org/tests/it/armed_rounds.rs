//! Ends that AWS enforces, on many accounts while AWS takes its time or says nothing: whoever is in a hurry is not kept
//! waiting for all the others, and whoever waits is told in time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_model::{
    Clock as _, Email, GrantId, HoldKey, RequestId, Target, TargetNames, TimeSpan,
};
use hallpass_org::armed_ends::{
    ArmedEnd, ArmedEndChange, ArmedEndState, ArmedEndStore, EndArmer, EndArmerReport,
    EndArmerSettings, OtherAccess, SettledEnds, WhyNotArmed,
};
use hallpass_org::{OrganizationFault, PolicyKeeper};
use hallpass_org_testing::{FakeOrganization, GatedOrg};
use hallpass_runner::StoreFault;
use hallpass_runner_testing::{Gate, Hourglass, MemoryPlans};
use uuid::Uuid;

use crate::bench::START;

/// Ends in memory.
#[derive(Default)]
struct Kept(Mutex<Vec<ArmedEnd>>);

#[async_trait]
impl ArmedEndStore for Kept {
    async fn open_armed_ends(&self) -> Result<Vec<ArmedEnd>, StoreFault> {
        let all = self.0.lock().unwrap();
        Ok(all.iter().filter(|end| end.is_open()).cloned().collect())
    }

    async fn armed_ends_of(&self, keys: &[HoldKey]) -> Result<Vec<ArmedEnd>, StoreFault> {
        let all = self.0.lock().unwrap();
        let of = all.iter().filter(|end| keys.contains(&end.key));
        Ok(of.cloned().collect())
    }

    async fn settle_armed_ends(&self, change: ArmedEndChange) -> Result<SettledEnds, StoreFault> {
        let mut all = self.0.lock().unwrap();
        for next in change.ends {
            let end = all.iter_mut().find(|end| end.key == next.key).unwrap();
            let version = end.version + 1;
            *end = ArmedEnd { version, ..next };
        }
        Ok(SettledEnds::Stored)
    }
}

/// Each question takes so long, and is noted by its account.
struct Slow {
    clock: Arc<Hourglass>,
    takes: TimeSpan,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl OtherAccess for Slow {
    async fn held_otherwise(
        &self,
        key: &HoldKey,
        _: &TargetNames,
        _: bool,
    ) -> Result<Option<String>, OrganizationFault> {
        let takes = Duration::from_secs(self.takes.as_seconds());
        self.clock.advance(takes);
        if let Target::Account { account, .. } = &key.target {
            let asked = account.as_str().to_owned();
            self.asked.lock().unwrap().push(asked);
        }
        Ok(None)
    }
}

struct World {
    clock: Arc<Hourglass>,
    organization: Arc<FakeOrganization>,
    kept: Arc<Kept>,
    slow: Arc<Slow>,
    armer: EndArmer,
}

fn account(number: u64) -> String {
    format!("{:012}", 200_000_000_000 + number)
}

impl World {
    /// Accounts of these numbers, with an end each that waits to be armed.
    fn new(numbers: impl IntoIterator<Item = u64>, takes: TimeSpan) -> Self {
        let clock = Arc::new(Hourglass::new(START.parse().unwrap()));
        let organization = Arc::new(FakeOrganization::new(Arc::clone(&clock) as Arc<_>));
        let slow = Arc::new(Slow {
            clock: Arc::clone(&clock),
            takes,
            asked: Mutex::default(),
        });
        let kept = Arc::new(Kept::default());
        let gate = Gate::new(None);
        let keeper = PolicyKeeper {
            organization: Arc::new(GatedOrg(Arc::clone(&organization), gate)),
            lanes: Arc::new(MemoryPlans::default()),
            clock: Arc::clone(&clock) as Arc<_>,
            ids: Arc::clone(&clock) as Arc<_>,
            holder: "one".to_owned(),
        };
        let settings = EndArmerSettings {
            is_on: true,
            policies: 1,
            characters: 10_240,
        };
        let armer = EndArmer::new(
            keeper,
            Arc::clone(&slow) as Arc<_>,
            Arc::clone(&kept) as Arc<_>,
            settings,
        );
        let world = Self {
            clock,
            organization,
            kept,
            slow,
            armer,
        };
        for number in numbers {
            world.ask(number);
        }
        world
    }

    /// Somebody is given access in the account, and waits for its end to be armed.
    fn ask(&self, number: u64) {
        let now = self.clock.now();
        let set = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef";
        let id = Uuid::from_u128(u128::from(number));
        self.kept.0.lock().unwrap().push(ArmedEnd {
            key: HoldKey {
                user: "00000007-0000-0000-0000-000000000000".parse().unwrap(),
                target: Target::Account {
                    account: account(number).parse().unwrap(),
                    permission_set: set.parse().unwrap(),
                },
            },
            names: TargetNames::Account {
                account: format!("dev-{number}"),
                permission_set: "Admin".to_owned(),
            },
            grant: GrantId::new(id),
            request: RequestId::new(id),
            holder: Email::new("ana@example.com").unwrap(),
            required: false,
            asked_at: now,
            arm_by: TimeSpan::minutes(1).after(now),
            ends_at: TimeSpan::hours(4).after(now),
            lasts_until: None,
            alone_at: None,
            given_at: None,
            is_first: true,
            unseen: None,
            state: ArmedEndState::Wanted,
            attempts: 0,
            due: now,
            version: 0,
        });
    }

    fn end(&self, number: u64) -> ArmedEnd {
        let all = self.kept.0.lock().unwrap();
        let mut of = all.iter();
        let of = of.find(|end| end.account() == Some(account(number).as_str()));
        of.cloned().unwrap()
    }

    /// Their access ends now.
    fn cut_off(&self, number: u64) {
        let now = self.clock.now();
        let mut all = self.kept.0.lock().unwrap();
        let mut of = all.iter_mut();
        let end = of.find(|end| end.account() == Some(account(number).as_str()));
        let end = end.unwrap();
        (end.ends_at, end.due) = (now, now);
    }

    async fn tick(&self) -> EndArmerReport {
        let report = self.armer.tick().await.unwrap();
        self.clock.advance(Duration::from_secs(1));
        report
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.slow.asked.lock().unwrap())
    }
}

#[tokio::test]
async fn who_is_in_a_hurry_is_next_and_nobody_is_left_out() {
    let world = World::new(1..=40, TimeSpan::seconds(2));
    while world.end(1).armed_until().is_none() {
        let _: EndArmerReport = world.tick().await;
    }
    world.asked();
    world.cut_off(1);
    let _: EndArmerReport = world.tick().await;
    assert_eq!(world.asked()[0], account(1), "who was cut off");
    // all the others have their turn, one after the other
    for _ in 0..20 {
        let _: EndArmerReport = world.tick().await;
    }
    for number in 1..=40 {
        let end = world.end(number);
        assert!(end.armed_until().is_some(), "{number}: {end:?}");
    }
}

#[tokio::test]
async fn who_is_not_reached_in_time_is_told_and_armed_later() {
    let world = World::new(1..=40, TimeSpan::seconds(4));
    let mut told = 0;
    while told == 0 {
        told = world.tick().await.not_armed;
    }
    let waited = TimeSpan::between(START.parse().unwrap(), world.clock.now());
    assert!(waited <= TimeSpan::seconds(75), "{waited:?}");
    let end = world.end(40);
    let why = end.not_armed().unwrap();
    assert_eq!(why.why, WhyNotArmed::Unanswered);
    assert!(
        why.words.contains("other accounts were before it"),
        "{why:?}"
    );
    for _ in 0..60 {
        let _: EndArmerReport = world.tick().await;
    }
    for number in 1..=40 {
        let end = world.end(number);
        assert!(end.armed_until().is_some(), "{number}: {end:?}");
    }
}

#[tokio::test]
async fn an_account_of_which_aws_says_nothing_ends_the_round_and_not_the_turn_of_others() {
    let world = World::new(1..=3, TimeSpan::ZERO);
    let _: EndArmerReport = world.tick().await;
    for number in 1..=3 {
        assert!(world.end(number).armed_until().is_some(), "{number}");
        world.cut_off(number);
    }
    let silent = OrganizationFault::Unreachable {
        message: "no answer".to_owned(),
    };
    world
        .organization
        .change(|it| it.changes_fail = Some(silent));
    let mut tried = BTreeSet::new();
    for _ in 0..3 {
        let delayed = world.tick().await.delayed;
        assert_eq!(delayed.len(), 1, "one question a round: {delayed:?}");
        tried.extend(delayed.into_iter().map(|(account, _)| account));
    }
    assert_eq!(tried.len(), 3, "another one each time");
}
