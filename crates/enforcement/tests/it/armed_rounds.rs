//! Enforced expiries on many accounts with a slow or silent AWS: urgent ends are not delayed by
//! others, and waiting users are notified in time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{
    Clock as _, Email, GrantId, HoldKey, RequestId, Target, TargetNames, TimeSpan,
};
use hallpass_enforcement::armed_ends::{
    ArmedEnd, ArmedEndChange, ArmedEndState, ArmedEndStore, EndArmer, EndArmerReport,
    EndArmerSettings, OtherAccess, SettledEnds, WhyNotArmed,
};
use hallpass_enforcement::testing::{FakeOrganization, GatedOrg};
use hallpass_enforcement::{OrganizationFault, PolicyKeeper};
use hallpass_plans::StoreFault;
use hallpass_plans::testing::{Gate, Hourglass, MemoryPlans};
use uuid::Uuid;

use crate::bench::START;

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

/// Delays and records each query by account.
struct Slow {
    clock: Arc<Hourglass>,
    takes: TimeSpan,
    silent: Mutex<Option<(String, TimeSpan)>>,
    asked: Mutex<Vec<String>>,
}

impl Slow {
    fn pass(&self, span: TimeSpan) {
        self.clock.advance(Duration::from_secs(span.as_seconds()));
    }
}

#[async_trait]
impl OtherAccess for Slow {
    async fn held_otherwise(
        &self,
        key: &HoldKey,
        _: &TargetNames,
        _: bool,
    ) -> Result<Option<String>, OrganizationFault> {
        self.pass(self.takes);
        let Target::Account { account, .. } = &key.target else {
            return Ok(None);
        };
        let account = account.as_str().to_owned();
        self.asked.lock().unwrap().push(account.clone());
        let silent = self.silent.lock().unwrap().clone();
        if let Some((_, takes)) = silent.filter(|(silent, _)| *silent == account) {
            self.pass(takes);
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
    fn new(numbers: impl IntoIterator<Item = u64>, takes: TimeSpan) -> Self {
        let clock = Arc::new(Hourglass::new(START.parse().unwrap()));
        let organization = Arc::new(FakeOrganization::new(Arc::clone(&clock) as Arc<_>));
        let slow = Arc::new(Slow {
            clock: Arc::clone(&clock),
            takes,
            silent: Mutex::default(),
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
    let asked = world.asked().len();
    assert!(asked < 10, "{asked} before urgent ones are sorted");
    world.cut_off(1);
    let _: EndArmerReport = world.tick().await;
    assert_eq!(world.asked()[0], account(1), "the revoked one");
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

fn silence() -> OrganizationFault {
    OrganizationFault::Unreachable {
        message: "no answer".to_owned(),
    }
}

#[tokio::test]
async fn while_aws_says_nothing_a_round_asks_about_two_accounts_and_each_has_its_turn() {
    let world = World::new(1..=6, TimeSpan::ZERO);
    let _: EndArmerReport = world.tick().await;
    for number in 1..=6 {
        assert!(world.end(number).armed_until().is_some(), "{number}");
        world.cut_off(number);
    }
    let fails = Some(silence());
    world.organization.change(|it| it.changes_fail = fails);
    let mut tried = BTreeSet::new();
    for _ in 0..3 {
        let delayed = world.tick().await.delayed;
        assert!(delayed.len() <= 2, "{delayed:?}");
        tried.extend(delayed.into_iter().map(|(account, _)| account));
    }
    assert!(tried.len() > 2, "others each time: {tried:?}");
}

#[tokio::test]
async fn an_account_in_a_hurry_of_which_aws_says_nothing_takes_no_turn_of_others() {
    let world = World::new([1], TimeSpan::ZERO);
    let _: EndArmerReport = world.tick().await;
    world.cut_off(1);
    // existing policies cannot be changed, new ones can be created
    let fails = Some(silence());
    world.organization.change(|it| it.changes_fail = fails);
    *world.slow.silent.lock().unwrap() = Some((account(1), TimeSpan::seconds(12)));
    for number in 2..=6 {
        world.ask(number);
    }
    let began = world.clock.now();
    let is_armed = |number| world.end(number).armed_until().is_some();
    while !(2..=6).all(is_armed) {
        let _: EndArmerReport = world.tick().await;
        let waited = TimeSpan::between(began, world.clock.now());
        assert!(waited < TimeSpan::seconds(40), "{waited:?}");
    }
}
