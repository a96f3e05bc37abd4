//! The home Region of Identity Center is lost (`access.md` §22, R-1). AWS refuses armed grants on
//! time and others after a long loss. Access is removed when the Region returns, and no user is
//! refused rightful access. Every port call of the denial fails, loses its answer, or stops the
//! process before or after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_access::{
    Actor, ArmedEndsMode, Asking, Grant, GrantState, Origin, RequestOutcome, Wanted,
};
use hallpass_base::testing::stops;
use hallpass_base::{Email, GrantId, HoldKey, Target, TargetNames, TimeSpan, Timestamp};
use hallpass_enforcement::OrganizationFault;
use hallpass_enforcement::armed_ends::{
    ArmedEnd, ArmedEndStore as _, EndArmer, EndArmerSettings, HomeRegion, OtherAccess, policy_name,
};
use hallpass_enforcement::testing::GatedOrg;
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_rules::directory::{Account, Person};
use hallpass_simulation::{Answers, Center, Habits, World, check_all};
use serde_json::Value;

use crate::acting::{grants, run};
use crate::keeping::Keeping;

pub(crate) const LOST_AFTER: TimeSpan = TimeSpan::minutes(10);

pub(crate) struct Region(pub(crate) Arc<Center>);

impl HomeRegion for Region {
    fn lost_since(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.silence().lost_since(now)
    }
}

/// Access from other sources, also read from the Region.
struct Others(Mutex<BTreeSet<HoldKey>>, Arc<Center>);

#[async_trait]
impl OtherAccess for Others {
    async fn held_otherwise(
        &self,
        key: &HoldKey,
        _: &TargetNames,
        _: bool,
    ) -> Result<Option<String>, OrganizationFault> {
        if let Err(fault) = self.1.asked() {
            let message = fault.to_string();
            return Err(OrganizationFault::Unreachable { message });
        }
        let held = self.0.lock().unwrap().contains(key);
        Ok(held.then(|| "through the group 1".to_owned()))
    }
}

pub(crate) struct Bench {
    pub(crate) kept: Keeping,
    others: Arc<Others>,
    accounts: u32,
    people: u32,
}

fn account_id(account: u32) -> String {
    format!("2222{account:08}")
}

fn email(number: u32) -> Email {
    Email::new(&format!("p{number}@corp.example")).unwrap()
}

impl Bench {
    pub(crate) fn new(accounts: u32, people: u32) -> Self {
        let mut world = World::new(1, Habits::default(), None);
        world.armed_ends(ArmedEndsMode::Preferred);
        world.directory.change_all(|all| {
            all.accounts.extend((0..accounts).map(|account| Account {
                id: account_id(account).parse().unwrap(),
                name: format!("account-{account}"),
                email: String::new(),
                active: true,
                ous: Vec::new(),
                tags: BTreeMap::new().into(),
            }));
            all.people.extend((0..accounts * people).map(|number| {
                Person {
                    user_id: format!("{number:08}-1111-0000-0000-000000000000")
                        .parse()
                        .unwrap(),
                    user_name: format!("p{number}"),
                    display_name: format!("p{number}"),
                    emails: vec![email(number)],
                    enabled: true,
                    attributes: hallpass_rules::PersonAttributes::default(),
                }
            }));
        });
        world.directory.read();
        let others = Arc::new(Others(Mutex::default(), Arc::clone(&world.center)));
        let kept = Keeping::new(world, TimeSpan::ZERO);
        Self {
            kept,
            others,
            accounts,
            people,
        }
    }

    fn world(&self) -> &World {
        &self.kept.world
    }

    pub(crate) fn armer(&self, holder: &str, gate: &Arc<Gate>) -> EndArmer {
        let region = Region(Arc::clone(&self.world().center));
        let store = GatedOrg(Arc::clone(&self.world().store), Arc::clone(gate));
        let armer = EndArmer::new(
            self.kept.keeper(holder, gate),
            Arc::clone(&self.others) as Arc<_>,
            Arc::new(store),
            EndArmerSettings {
                is_on: true,
                policies: 1,
                characters: 10_240,
            },
        );
        armer.with_home_region(Arc::new(region), LOST_AFTER)
    }

    pub(crate) async fn take(&self, account: u32, number: u32, duration: TimeSpan) -> GrantId {
        let email = email(account * self.people + number);
        let directory = self.world().access.directory();
        let actor = Actor {
            user: Some(directory.person_by_email(&email).unwrap().user_id.clone()),
            name: email.to_string(),
            email,
            roles: BTreeSet::new(),
            origin: Origin::Api,
            secondary_domain: false,
            authentication: None,
        };
        let asking = Asking {
            wanted: Wanted::Account {
                account: format!("account-{account}"),
                permission_set: "ReadOnly".into(),
            },
            duration,
            reason: "OPS-1".into(),
            ticket: None,
            starts_at: None,
            confirmed: Vec::new(),
        };
        match self
            .world()
            .access
            .ask(&actor, &asking, None)
            .await
            .unwrap()
        {
            RequestOutcome::Approved(_, Some(grant)) => grant.id,
            other => panic!("expected a grant, got {other:?}"),
        }
    }

    pub(crate) async fn live(&self, armer: &EndArmer, seconds: u64, step: u64) {
        for _ in 0..seconds / step {
            self.world().tick().await;
            let _: Result<_, _> = armer.tick().await;
            self.nobody_is_refused_what_they_hold().await;
            self.world().clock.advance(TimeSpan::seconds(step));
        }
    }

    fn lose_the_region(&self) {
        let world = self.world();
        world.center.change_habits(|it| it.answers = Answers::None);
        world.directory.lists(false);
        world.directory.describes(false);
    }

    fn bring_it_back(&self) {
        let world = self.world();
        world.center.change_habits(|it| it.answers = Answers::All);
        world.directory.lists(true);
        world.directory.describes(true);
    }

    fn reach(&self, account: u32, can: bool) {
        self.kept.organization.change(|it| {
            it.gone.retain(|gone| *gone != account_id(account));
            if !can {
                it.gone.push(account_id(account));
            }
        });
    }

    fn refusals(&self) -> BTreeMap<(String, String), Timestamp> {
        let mut all = BTreeMap::new();
        for (name, targets) in self.kept.organization.standing() {
            let text = self.kept.organization.text(&name).unwrap();
            let text: Value = serde_json::from_str(&text).unwrap();
            for statement in text["Statement"].as_array().unwrap() {
                let condition = &statement["Condition"];
                let from = condition["DateGreaterThan"]["aws:CurrentTime"].as_str();
                let from: Timestamp = from.unwrap().parse().unwrap();
                let users = &condition["StringEquals"]["identitystore:UserId"];
                let one = users.as_str().map(str::to_owned);
                let many = users.as_array().into_iter().flatten();
                let many = many.map(|user| user.as_str().unwrap().to_owned());
                for user in one.into_iter().chain(many) {
                    for target in &targets {
                        assert_eq!(name, policy_name(target, 0));
                        all.insert((target.clone(), user.clone()), from);
                    }
                }
            }
        }
        all
    }

    pub(crate) fn refused_from(&self, key: &HoldKey) -> Option<Timestamp> {
        self.refusals().get(&place(key)).copied()
    }

    async fn nobody_is_refused_what_they_hold(&self) {
        let (now, refusals) = (self.kept.now(), self.refusals());
        let others = self.others.0.lock().unwrap().clone();
        for held in grants(self.world()).await {
            let from = refusals.get(&place(&held.key));
            let holds = matches!(held.state, GrantState::Active) && now < held.ends_at;
            if holds || others.contains(&held.key) {
                assert!(
                    from.is_none_or(|from| *from > now),
                    "{} is refused what they hold since {from:?}",
                    held.key
                );
            }
        }
    }

    async fn armed_end(&self, key: &HoldKey) -> ArmedEnd {
        let found = self.world().store.armed_ends_of(std::slice::from_ref(key));
        found.await.unwrap().pop().unwrap()
    }

    pub(crate) async fn grant(&self, id: GrantId) -> Grant {
        crate::acting::grant(self.world(), id).await
    }

    async fn lives_on_until_all_is_over(&self) {
        let armer = self.armer("last", &Gate::new(None));
        self.live(&armer, 4 * 3600, 300).await;
        assert!(self.kept.organization.standing().is_empty());
        assert!(self.world().center.present().is_empty());
        check_all(self.world(), &[]).await.unwrap();
    }
}

fn place(key: &HoldKey) -> (String, String) {
    let Target::Account { account, .. } = &key.target else {
        panic!("only accounts");
    };
    (account.as_str().to_owned(), key.user.as_str().to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fare {
    /// Armed before the loss: refused on time.
    Armed,
    /// Unarmed, ended during the loss: refused after ten minutes of loss.
    Denied,
    /// Also held from another source: never refused.
    HeldOtherwise,
    /// Ends after the loss: never refused.
    Held,
}

async fn everybody_takes(bench: &Bench) -> Vec<(GrantId, HoldKey, Fare)> {
    let mut all = Vec::new();
    for account in 0..bench.accounts {
        bench.reach(account, account % 2 == 0);
        for number in 0..bench.people {
            let fare = match (account % 2, number) {
                (_, 0) => Fare::HeldOtherwise,
                (_, 1) => Fare::Held,
                (0, _) => Fare::Armed,
                _ => Fare::Denied,
            };
            let minutes = if fare == Fare::Held {
                120
            } else {
                18 + u64::from(number) * 3
            };
            let id = bench
                .take(account, number, TimeSpan::minutes(minutes))
                .await;
            let key = bench.grant(id).await.key;
            if fare == Fare::HeldOtherwise {
                bench.others.0.lock().unwrap().insert(key.clone());
            }
            all.push((id, key, fare));
        }
    }
    all
}

async fn each_fares_as_it_should(bench: &Bench, all: &[(GrantId, HoldKey, Fare)]) {
    let late = TimeSpan::seconds(75);
    let (now, refusals) = (bench.kept.now(), bench.refusals());
    let since = bench.world().center.silence().lost_since(now);
    let denies = since.map(|since| LOST_AFTER.after(since));
    for (id, key, fare) in all {
        let held = bench.grant(*id).await;
        let refused = refusals.get(&place(key)).is_some_and(|from| *from < now);
        let is_over = late.after(held.ends_at) <= now;
        let is_denied = denies.is_some_and(|from| late.after(from.max(held.ends_at)) <= now);
        match fare {
            Fare::Armed if is_over => assert!(refused, "{key} is enforced and continues"),
            Fare::Denied if is_denied => assert!(refused, "{key} is overdue and continues"),
            Fare::Denied if denies.is_none_or(|from| now < from) => {
                assert!(!refused, "{key} is denied before {denies:?}");
            }
            Fare::Armed | Fare::Denied => {}
            Fare::HeldOtherwise | Fare::Held => assert!(!refused, "{key}: {fare:?}"),
        }
    }
}

#[test]
fn two_hundred_grants_outlive_the_loss_of_the_region_for_an_hour() {
    run(async {
        let bench = Bench::new(20, 10);
        let all = everybody_takes(&bench).await;
        assert_eq!(all.len(), 200);
        let armer = bench.armer("server", &Gate::new(None));
        bench.live(&armer, 16 * 60, 10).await;
        for (id, _, fare) in &all {
            assert_eq!(bench.grant(*id).await.state, GrantState::Active, "{fare:?}");
        }
        bench.lose_the_region();
        let lost = bench.kept.now();
        for account in 0..bench.accounts {
            bench.reach(account, true);
        }
        for _ in 0..60 {
            bench.live(&armer, 60, 10).await;
            each_fares_as_it_should(&bench, &all).await;
        }
        let noticed = bench.world().center.silence();
        let noticed = noticed.lost_since(bench.kept.now()).unwrap();
        assert!(
            TimeSpan::between(lost, noticed) <= TimeSpan::minutes(5),
            "{noticed}"
        );
        let denied = all.iter().filter(|it| it.2 == Fare::Denied).count();
        assert_eq!(bench.kept.records("end.denied").await.len(), denied);
        assert_eq!(bench.world().center.present().len(), 200);

        bench.bring_it_back();
        bench.live(&armer, 15 * 60, 10).await;
        for (id, key, fare) in &all {
            let held = bench.grant(*id).await;
            let expected = if *fare == Fare::Held {
                "active"
            } else {
                "ended"
            };
            assert_eq!(held.state.name(), expected, "{key}");
        }
        bench.others.0.lock().unwrap().clear();
        bench.lives_on_until_all_is_over().await;
    });
}

async fn overdue() -> (Bench, GrantId, GrantId) {
    let bench = Bench::new(1, 2);
    bench.reach(0, false);
    let over = bench.take(0, 0, TimeSpan::minutes(20)).await;
    let held = bench.take(0, 1, TimeSpan::minutes(90)).await;
    let armer = bench.armer("before", &Gate::new(None));
    bench.live(&armer, 15 * 60, 5).await;
    bench.lose_the_region();
    bench.reach(0, true);
    (bench, over, held)
}

#[test]
fn what_is_overdue_is_denied_ten_minutes_after_the_loss_and_not_before() {
    run(async {
        let (bench, over, held) = overdue().await;
        let armer = bench.armer("server", &Gate::new(None));
        let key = bench.grant(over).await.key;
        let watch = bench.world().center.silence();
        while watch.lost_since(bench.kept.now()).is_none() {
            bench.live(&armer, 5, 5).await;
        }
        let since = watch.lost_since(bench.kept.now()).unwrap();
        let from = LOST_AFTER.after(since).max(bench.grant(over).await.ends_at);
        while bench.kept.now() < from {
            assert_eq!(bench.refused_from(&key), None);
            bench.live(&armer, 1, 1).await;
        }
        bench.live(&armer, 15, 1).await;
        let ends_at = bench.grant(over).await.ends_at;
        let refused = bench.refused_from(&key).unwrap();
        assert!(
            refused >= ends_at && TimeSpan::between(ends_at, refused) <= TimeSpan::seconds(1),
            "{refused} for {ends_at}"
        );
        let [record] = &bench.kept.records("end.denied").await[..] else {
            panic!("one record");
        };
        let reason = record.fields().get("reason").unwrap().as_str().unwrap();
        assert!(reason.contains("has not answered since"), "{reason}");
        // back: removed, no other access, and the statement stays until no session can exist
        bench.bring_it_back();
        bench.live(&armer, 120, 1).await;
        assert_eq!(bench.grant(over).await.state.name(), "ended");
        assert_eq!(bench.grant(held).await.state, GrantState::Active);
        assert_eq!(bench.refused_from(&key), Some(refused));
        bench.lives_on_until_all_is_over().await;
    });
}

#[test]
fn a_region_that_answers_again_before_the_time_denies_nothing() {
    run(async {
        let (bench, over, _) = overdue().await;
        bench.reach(0, false);
        let armer = bench.armer("server", &Gate::new(None));
        bench.live(&armer, 8 * 60, 1).await;
        bench.bring_it_back();
        bench.live(&armer, 10 * 60, 1).await;
        assert_eq!(bench.grant(over).await.state.name(), "ended");
        assert!(bench.kept.records("end.denied").await.is_empty());
        bench.reach(0, true);
        bench.lives_on_until_all_is_over().await;
    });
}

#[test]
fn nobody_is_denied_of_whom_it_is_not_known_what_else_they_hold() {
    run(async {
        let bench = Bench::new(1, 1);
        bench.lose_the_region();
        // unseen before the loss: the first check came too late
        let id = bench.take(0, 0, TimeSpan::minutes(5)).await;
        let armer = bench.armer("server", &Gate::new(None));
        bench.live(&armer, 30 * 60, 5).await;
        let key = bench.grant(id).await.key;
        assert_eq!(bench.refused_from(&key), None);
        assert_eq!(bench.armed_end(&key).await.alone_at, None);
        assert!(bench.kept.records("end.denied").await.is_empty());
        bench.bring_it_back();
        bench.lives_on_until_all_is_over().await;
    });
}

#[test]
fn access_approved_while_the_region_is_lost_begins_within_five_minutes_or_is_given_up_when_it_is_back()
 {
    run(async {
        for (lost, state) in [(150, "active"), (30 * 60, "failed")] {
            let bench = Bench::new(1, 1);
            bench.lose_the_region();
            let id = bench.take(0, 0, TimeSpan::hours(1)).await;
            let armer = bench.armer("server", &Gate::new(None));
            bench.live(&armer, lost, 5).await;
            assert_ne!(bench.grant(id).await.state, GrantState::Active);
            assert!(bench.world().access.home_region_lost_since().is_some());
            bench.bring_it_back();
            bench.live(&armer, 5 * 60, 5).await;
            assert_eq!(bench.world().access.home_region_lost_since(), None);
            assert_eq!(bench.grant(id).await.state.name(), state, "{lost} s");
            bench.lives_on_until_all_is_over().await;
        }
    });
}

async fn about_to_deny() -> (Bench, GrantId, GrantId) {
    let (bench, over, held) = overdue().await;
    let armer = bench.armer("calm", &Gate::new(None));
    let watch = bench.world().center.silence();
    loop {
        let now = bench.kept.now();
        let ends_at = bench.grant(over).await.ends_at;
        let is_near = watch
            .lost_since(now)
            .is_some_and(|since| LOST_AFTER.after(since) <= TimeSpan::seconds(2).after(now));
        if is_near && ends_at <= now {
            return (bench, over, held);
        }
        bench.live(&armer, 1, 1).await;
    }
}

#[test]
fn stops_at_every_call_of_a_denial() {
    run(async {
        let (unbroken, over, _) = about_to_deny().await;
        let gate = Gate::new(None);
        unbroken.live(&unbroken.armer("first", &gate), 30, 1).await;
        let key = unbroken.grant(over).await.key;
        assert!(unbroken.refused_from(&key).is_some());
        let calls = gate.calls();
        assert!(calls >= 6, "{calls}");
        for (call, mode) in stops(calls, PortMode::ALL) {
            let case = format!("call {call}, {mode:?}");
            let (bench, over, held) = about_to_deny().await;
            let gate = Gate::new(Some((call, mode)));
            let armer = bench.armer("first", &gate);
            tokio::select! {
                biased;
                () = gate.stop() => {}
                () = bench.live(&armer, 30, 1) => {}
            }
            // a dead process keeps the lane for a minute
            let second = bench.armer("second", &Gate::new(None));
            bench.live(&second, 180, 1).await;
            let key = bench.grant(over).await.key;
            assert!(bench.refused_from(&key).is_some(), "{case}");
            assert_eq!(bench.grant(held).await.state, GrantState::Active, "{case}");
            bench.bring_it_back();
            bench.live(&second, 300, 5).await;
            assert_eq!(bench.grant(over).await.state.name(), "ended", "{case}");
            bench.lives_on_until_all_is_over().await;
        }
    });
}
