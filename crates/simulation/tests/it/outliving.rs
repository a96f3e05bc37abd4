//! Sessions that outlive grants are denied and later allowed, despite any fault. Every port call of
//! the executor fails, loses its answer, or stops the process before or after it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use hallpass_access::{AccessStore as _, GrantState, News, NoticeKind, Revoking};
use hallpass_base::testing::stops;
use hallpass_base::{GrantId, TimeSpan};
use hallpass_enforcement::session_revocation::{
    SessionRevocation, SessionRevocationState, SessionRevocationStore as _, SessionRevoker,
    policy_name, statement_id,
};
use hallpass_enforcement::testing::GatedOrg;
use hallpass_enforcement::{NewPolicy, Organization as _};
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Bo},
    World, check_all,
};
use serde_json::{Value, json};

use crate::acting::{grant, run, take};
use crate::keeping::{ACCOUNT, Keeping, ROLE, each};

struct Bench(Keeping);

impl Deref for Bench {
    type Target = Keeping;

    fn deref(&self) -> &Keeping {
        &self.0
    }
}

impl DerefMut for Bench {
    fn deref_mut(&mut self) -> &mut Keeping {
        &mut self.0
    }
}

impl Bench {
    fn new(lag: TimeSpan) -> Self {
        let mut world = World::new(1, Habits::default(), None);
        world.end_sessions(true);
        Self(Keeping::new(world, lag))
    }

    fn revoker(&self, holder: &str, gate: &Arc<Gate>) -> SessionRevoker {
        SessionRevoker::new(
            self.keeper(holder, gate),
            Arc::new(GatedOrg(Arc::clone(&self.world.store), Arc::clone(gate))),
        )
    }

    async fn ended(&self, who: Human, set: &str) -> GrantId {
        let id = take(&self.world, who, set, TimeSpan::seconds(10)).await;
        self.world.live(TimeSpan::seconds(30)).await;
        let ended = grant(&self.world, id).await;
        assert_eq!(ended.state.name(), "ended");
        id
    }

    async fn session_revocation(&self, id: GrantId) -> SessionRevocation {
        self.world
            .store
            .session_revocation(id)
            .await
            .unwrap()
            .unwrap()
    }

    async fn tend(&self, revoker: &SessionRevoker, seconds: u64) {
        for _ in 0..seconds {
            let _: Result<_, _> = revoker.tick().await;
            self.world.clock.advance(TimeSpan::seconds(1));
        }
    }

    async fn calmly(&self, seconds: u64) {
        self.tend(&self.revoker("calm", &Gate::new(None)), seconds)
            .await;
    }

    async fn until_over(&self, id: GrantId) {
        let left = TimeSpan::between(self.now(), self.session_revocation(id).await.until);
        self.world.clock.advance(left);
    }

    fn statements(&self) -> Vec<Value> {
        let standing = self.organization.standing();
        let name = policy_name(ACCOUNT);
        let is_attached = standing
            .iter()
            .any(|(other, targets)| *other == name && targets == &[ACCOUNT]);
        let text = self.organization.text(&name).filter(|_| is_attached);
        text.map_or_else(Vec::new, |text| {
            let value: Value = serde_json::from_str(&text).unwrap();
            value["Statement"].as_array().unwrap().clone()
        })
    }

    fn sids(&self) -> Vec<String> {
        let all = self.statements();
        all.iter()
            .map(|it| it["Sid"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    async fn stranger(&self) {
        let content = json!({"Version": "2012-10-17", "Statement": [foreign()]}).to_string();
        let name = policy_name(ACCOUNT);
        let all = self.organization.policies().await.unwrap();
        if let Some(row) = all.iter().find(|row| row.name == name) {
            let text = self.organization.text(&name).unwrap();
            let mut text: Value = serde_json::from_str(&text).unwrap();
            text["Statement"].as_array_mut().unwrap().push(foreign());
            let text = text.to_string();
            let updated = self.organization.update_policy(&row.id, &text);
            updated.await.unwrap();
        } else {
            let policy = NewPolicy {
                name,
                description: String::new(),
                content,
                tags: std::collections::BTreeMap::new(),
            };
            let id = self.organization.create_policy(&policy).await.unwrap();
            self.organization.attach(&id, ACCOUNT).await.unwrap();
        }
        self.world.clock.advance(TimeSpan::minutes(1));
    }
}

fn foreign() -> Value {
    json!({"Sid": "Theirs", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"})
}

#[test]
fn a_grant_s_end_cuts_its_sessions_and_lets_them_in_when_they_are_over() {
    run(async {
        let bench = Bench::new(TimeSpan::ZERO);
        let id = bench.ended(Ana, "ReadOnly").await;
        let revocation = bench.session_revocation(id).await;
        assert_eq!(revocation.state, SessionRevocationState::Wanted);
        assert_eq!(
            TimeSpan::between(revocation.issued_before, revocation.until),
            TimeSpan::minutes(65)
        );
        bench.calmly(3).await;
        let statements = bench.statements();
        assert_eq!(statements.len(), 1, "{statements:?}");
        assert_eq!(
            statements[0],
            json!({
                "Sid": statement_id(id), "Effect": "Deny", "Action": "*", "Resource": "*",
                "Condition": {
                    "StringEquals": {"identitystore:UserId": revocation.key.user.as_str()},
                    "ArnLike": {"aws:PrincipalArn": ROLE},
                    "DateLessThan": {"aws:TokenIssueTime": revocation.issued_before.to_string()},
                },
            })
        );
        let told = bench.records("sessions.cut").await;
        assert_eq!(told.len(), 1);
        bench.until_over(id).await;
        bench.calmly(3).await;
        assert!(bench.organization.standing().is_empty());
        assert!(matches!(
            bench.session_revocation(id).await.state,
            SessionRevocationState::Gone { .. }
        ));
        assert_eq!(bench.records("sessions.restored").await.len(), 1);
        check_all(&bench.world, &[]).await.unwrap();
    });
}

#[test]
fn no_session_is_cut_where_nobody_asked_or_the_access_stays() {
    run(async {
        let mut bench = Bench::new(TimeSpan::ZERO);
        bench.world.end_sessions(false);
        let off = bench.ended(Ana, "ReadOnly").await;
        let ticked = take(&bench.world, Ana, "ReadOnly", TimeSpan::hours(1)).await;
        bench.world.live(TimeSpan::seconds(10)).await;
        let words = Revoking {
            reason: "laptop lost",
            end_sessions: true,
        };
        let eve = bench.world.actor(Human::Eve);
        bench
            .world
            .access
            .revoke(&eve, ticked, words, None)
            .await
            .unwrap();
        bench.world.live(TimeSpan::seconds(20)).await;
        bench.world.end_sessions(true);
        let group = bench.ended(Bo, "oncall").await;
        let first = take(&bench.world, Bo, "ReadOnly", TimeSpan::seconds(40)).await;
        let second = take(&bench.world, Bo, "ReadOnly", TimeSpan::seconds(600)).await;
        bench.world.live(TimeSpan::seconds(60)).await;
        for (id, wanted, what) in [
            (off, false, "the option is off"),
            (ticked, true, "the revoker chose so"),
            (group, false, "a group has no sessions"),
            (first, false, "another grant holds it"),
        ] {
            let revocation = bench.world.store.session_revocation(id).await.unwrap();
            assert_eq!(revocation.is_some(), wanted, "{what}");
            let ended = grant(&bench.world, id).await;
            assert!(matches!(ended.state, GrantState::Ended { .. }), "{what}");
            assert_eq!(ended.end_sessions, wanted, "{what}");
        }
        bench.world.live(TimeSpan::seconds(600)).await;
        assert!(
            bench
                .world
                .store
                .session_revocation(second)
                .await
                .unwrap()
                .is_some()
        );
    });
}

#[test]
fn what_cannot_be_cut_is_told_once_and_made_up_for() {
    run(async {
        let bench = Bench::new(TimeSpan::ZERO);
        bench.organization.change(|it| it.scps_enabled = false);
        let store = &bench.world.store;
        store.open_channel("test", bench.now()).await.unwrap();
        let id = bench.ended(Ana, "ReadOnly").await;
        bench.calmly(700).await;
        assert_eq!(bench.records("sessions.cut_failed").await.len(), 1);
        let now = bench.now();
        let waiting = store.take_notices("test", now, now, 100).await.unwrap();
        let live: Vec<_> = waiting
            .iter()
            .filter(|it| it.notice().unwrap().kind() == NoticeKind::SessionsLive)
            .collect();
        assert_eq!(live.len(), 1);
        let News::SessionsLive { sessions } = &live[0].notice().unwrap().news else {
            panic!("{live:?}")
        };
        assert!(sessions.as_ref().unwrap().until > now, "{sessions:?}");
        bench.organization.change(|it| it.scps_enabled = true);
        bench.calmly(310).await;
        assert_eq!(bench.sids(), [statement_id(id)]);
    });
}

#[test]
fn what_somebody_took_away_is_put_back() {
    run(async {
        let bench = Bench::new(TimeSpan::ZERO);
        let id = bench.ended(Ana, "ReadOnly").await;
        bench.calmly(3).await;
        let policies = bench.organization.policies().await.unwrap();
        let ours = policies
            .iter()
            .find(|row| row.name == policy_name(ACCOUNT))
            .unwrap();
        bench.organization.detach(&ours.id, ACCOUNT).await.unwrap();
        bench.calmly(660).await;
        assert_eq!(bench.sids(), [statement_id(id)]);
        assert_eq!(bench.records("sessions.cut").await.len(), 2);
    });
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chore {
    First,
    Beside,
    Last,
    OneOfTwo,
    Leaving,
}

impl Chore {
    const ALL: [Self; 5] = [
        Self::First,
        Self::Beside,
        Self::Last,
        Self::OneOfTwo,
        Self::Leaving,
    ];

    async fn prepare(self, bench: &Bench) -> (Vec<String>, (usize, usize)) {
        let theirs = "Theirs".to_owned();
        match self {
            Self::First => {
                let id = bench.ended(Ana, "ReadOnly").await;
                (vec![statement_id(id)], (1, 0))
            }
            Self::Beside => {
                let before = bench.ended(Bo, "ReadOnly").await;
                bench.calmly(20).await;
                bench.stranger().await;
                let id = bench.ended(Ana, "ReadOnly").await;
                (vec![theirs, statement_id(before), statement_id(id)], (2, 0))
            }
            Self::Last | Self::Leaving => {
                let id = bench.ended(Ana, "ReadOnly").await;
                bench.calmly(20).await;
                let mut stays = Vec::new();
                if self == Self::Leaving {
                    bench.stranger().await;
                    stays.push(theirs);
                }
                bench.until_over(id).await;
                (stays, (1, 1))
            }
            Self::OneOfTwo => {
                let first = bench.ended(Ana, "ReadOnly").await;
                bench.calmly(20).await;
                bench.world.clock.advance(TimeSpan::minutes(10));
                let second = bench.ended(Bo, "ReadOnly").await;
                bench.calmly(20).await;
                bench.until_over(first).await;
                (vec![statement_id(second)], (2, 1))
            }
        }
    }
}

async fn stopped_everywhere(chore: Chore, lag: TimeSpan) {
    let unbroken = Bench::new(lag);
    let _ = chore.prepare(&unbroken).await;
    let gate = Gate::new(None);
    unbroken.tend(&unbroken.revoker("first", &gate), 20).await;
    let calls = gate.calls();
    assert!(calls >= 6, "{chore:?}");
    for (call, mode) in stops(calls, PortMode::ALL) {
        let case = format!("{chore:?}, lag {lag}, call {call}, {mode:?}");
        let bench = Bench::new(lag);
        let (stays, (revocations, restored)) = chore.prepare(&bench).await;
        let gate = Gate::new(Some((call, mode)));
        let revoker = bench.revoker("first", &gate);
        tokio::select! {
            biased;
            () = gate.stop() => {}
            () = bench.tend(&revoker, 20) => {}
        }
        // a dead process keeps the lane for a minute
        bench
            .tend(&bench.revoker("second", &Gate::new(None)), 90)
            .await;
        let mut sids = bench.sids();
        sids.sort();
        let mut wanted = stays;
        wanted.sort();
        assert_eq!(sids, wanted, "{case}");
        if wanted.is_empty() {
            assert!(bench.organization.standing().is_empty(), "{case}");
        }
        assert_eq!(
            bench.records("sessions.cut").await.len(),
            revocations,
            "{case}"
        );
        assert_eq!(
            bench.records("sessions.restored").await.len(),
            restored,
            "{case}"
        );
        let text = bench.statements();
        assert_eq!(
            text.contains(&foreign()),
            wanted.contains(&"Theirs".to_owned()),
            "{case}"
        );
        check_all(&bench.world, &[]).await.unwrap();
    }
}

#[test]
fn stops_at_every_call() {
    run(each(&Chore::ALL, 0, stopped_everywhere));
}

#[test]
fn stops_at_every_call_while_listings_lag() {
    run(each(&Chore::ALL, 7, stopped_everywhere));
}
