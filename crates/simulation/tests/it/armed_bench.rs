//! A world with enforced expiry: the state that survives a stop of the armer, and the invariants of
//! every instant.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_access::{
    AccessStore as _, ArmedEndStatus, ArmedEnds, ArmedEndsMode, GrantState, NeverArmed, SweepMode,
    grants_as_told,
};
use hallpass_base::{GrantId, HoldKey, TargetNames, TimeSpan, Timestamp};
use hallpass_enforcement::OrganizationFault;
use hallpass_enforcement::armed_ends::{
    ArmedEnd, ArmedEndStore as _, EndArmer, EndArmerSettings, OtherAccess,
};
use hallpass_enforcement::testing::GatedOrg;
use hallpass_plans::testing::Gate;
use hallpass_simulation::{Answers, Center, Habits, Human, World, armed_statements, refused_after};
use serde_json::Value;

use crate::acting::grant;
use crate::keeping::Keeping;
use crate::region_lost::{LOST_AFTER, Region};

/// Seconds until a check finds unreported changes: checks are five minutes apart.
const SEEN_WITHIN: u64 = 330;
/// The same if AWS may not have answered the last check: retries are at most a minute apart.
pub(crate) const SEEN_WITHIN_ROUGHLY: u64 = 400;

pub(crate) struct Others(
    pub(crate) Mutex<BTreeSet<HoldKey>>,
    Arc<Center>,
    Mutex<BTreeSet<HoldKey>>,
    Answerer,
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answerer {
    Nowhere,
    /// Identity Center, lost with its Region.
    InTheRegion,
}

#[async_trait]
impl OtherAccess for Others {
    async fn held_otherwise(
        &self,
        key: &HoldKey,
        _: &TargetNames,
        own: bool,
    ) -> Result<Option<String>, OrganizationFault> {
        if self.2.lock().unwrap().contains(key) {
            return Err(silent());
        }
        if self.3 == Answerer::InTheRegion && self.1.asked().is_err() {
            return Err(silent());
        }
        let is_given = own && self.1.present().contains(key);
        let held = is_given || self.0.lock().unwrap().contains(key);
        Ok(held.then(|| "through the group 1".to_owned()))
    }
}

pub(crate) struct Bench {
    kept: Keeping,
    pub(crate) others: Arc<Others>,
    /// Until when a dead process keeps the lane and ends are not checked.
    pub(crate) kept_until: Mutex<Timestamp>,
    held_since: Mutex<BTreeMap<HoldKey, Timestamp>>,
    pub(crate) told_at: Mutex<BTreeMap<HoldKey, Timestamp>>,
    /// When AWS last refused a policy change.
    took_none_at: Mutex<Timestamp>,
    /// Policy limits in rough simulations; `None` otherwise.
    rough: Option<AccountShare>,
    /// When others last changed policies, or changes were invisible: reports may be outdated.
    unseen_at: Mutex<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountShare {
    pub(crate) policies: usize,
    pub(crate) characters: usize,
}

impl Deref for Bench {
    type Target = Keeping;

    fn deref(&self) -> &Keeping {
        &self.kept
    }
}

impl Bench {
    pub(crate) fn new(mode: ArmedEndsMode) -> Self {
        Self::lagging(mode, TimeSpan::ZERO)
    }

    pub(crate) fn lagging(mode: ArmedEndsMode, lag: TimeSpan) -> Self {
        Self::over((mode, lag), None)
    }

    /// Makes a world where the mode can change, the home Region can be lost, and others change
    /// Hallpass's policies.
    pub(crate) fn rough(mode: ArmedEndsMode, lag: TimeSpan, room: AccountShare) -> Self {
        Self::over((mode, lag), Some(room))
    }

    fn over((mode, lag): (ArmedEndsMode, TimeSpan), rough: Option<AccountShare>) -> Self {
        let mut world = World::new(1, Habits::default(), None);
        world.armed_ends(mode);
        let others = Others(
            Mutex::default(),
            Arc::clone(&world.center),
            Mutex::default(),
            rough.map_or(Answerer::Nowhere, |_| Answerer::InTheRegion),
        );
        let others = Arc::new(others);
        let kept = Keeping::new(world, lag);
        Self {
            kept,
            others,
            kept_until: Mutex::new(Timestamp::MIN),
            held_since: Mutex::default(),
            told_at: Mutex::default(),
            took_none_at: Mutex::new(Timestamp::MIN),
            rough,
            unseen_at: Mutex::new(Timestamp::MIN),
        }
    }

    pub(crate) fn armer(&self, holder: &str, gate: &Arc<Gate>) -> EndArmer {
        let room = self.rough.unwrap_or(AccountShare {
            policies: 1,
            characters: 10_240,
        });
        let armer = EndArmer::new(
            self.keeper(holder, gate),
            Arc::clone(&self.others) as Arc<_>,
            Arc::new(GatedOrg(Arc::clone(&self.world.store), Arc::clone(gate))),
            EndArmerSettings {
                is_on: self.rough.is_none() || self.is_on(),
                policies: room.policies,
                characters: room.characters,
            },
        );
        if self.rough.is_none() {
            return armer;
        }
        let region = Region(Arc::clone(&self.world.center));
        armer
            .with_home_region(Arc::new(region), LOST_AFTER)
            .telling(Arc::default())
    }

    pub(crate) fn is_on(&self) -> bool {
        self.world.access.settings().armed_ends.mode.is_on()
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.world.center.habits().answers == Answers::None
    }

    pub(crate) fn note_disturbed(&self) {
        *self.unseen_at.lock().unwrap() = self.now();
    }

    /// Returns since when reports may be outdated without a defect: the checker died or could not
    /// check.
    pub(crate) fn looked_from(&self) -> Timestamp {
        let unseen_at = *self.unseen_at.lock().unwrap();
        let took_none_at = *self.took_none_at.lock().unwrap();
        { unseen_at.max(took_none_at) }.max(*self.kept_until.lock().unwrap())
    }

    /// Runs the whole server second by second and checks the invariants.
    pub(crate) async fn live(&self, armer: &EndArmer, seconds: u64) {
        self.live_in_steps(armer, seconds, 1).await;
    }

    pub(crate) async fn live_in_steps(&self, armer: &EndArmer, seconds: u64, step: u64) {
        let mut failed = false;
        for _ in 0..seconds / step {
            self.world.tick().await;
            failed |= armer.tick().await.is_err();
            self.look().await;
            self.world.clock.advance(TimeSpan::seconds(step));
        }
        if failed {
            // the next process waits for a lane that this one may not have released
            *self.kept_until.lock().unwrap() = TimeSpan::seconds(65).after(self.now());
        }
    }

    pub(crate) async fn until_all_is_over(&self) {
        let armer = self.armer("last", &Gate::new(None));
        self.live_in_steps(&armer, 4 * 3600, 20).await;
    }

    pub(crate) async fn calmly(&self, seconds: u64) {
        self.live(&self.armer("calm", &Gate::new(None)), seconds)
            .await;
    }

    pub(crate) fn set_mode(&mut self, mode: ArmedEndsMode) {
        self.kept.world.armed_ends(mode);
    }

    pub(crate) fn say_nothing_of(&self, key: &HoldKey) {
        self.others.2.lock().unwrap().insert(key.clone());
    }

    pub(crate) fn say_again_of(&self, key: &HoldKey) {
        self.others.2.lock().unwrap().remove(key);
    }

    pub(crate) fn report_by_sweeps(&mut self) {
        let world = &mut self.kept.world;
        world.sweeps_become(|sweep| sweep.mode = SweepMode::Report);
    }

    pub(crate) fn statements_about(&self, user: &str) -> usize {
        let all = self.statements();
        all.iter()
            .filter(|it| it.to_string().contains(user))
            .count()
    }

    pub(crate) fn key(&self, who: Human, set: &str) -> HoldKey {
        self.world.key(who, set).unwrap()
    }

    pub(crate) async fn armed_end(&self, key: &HoldKey) -> Option<ArmedEnd> {
        let found = self
            .world
            .store
            .armed_ends_of(std::slice::from_ref(key))
            .await;
        found.unwrap().pop()
    }

    /// Checks that every interface reports the reason an end is never armed, with one log record
    /// and the metric.
    pub(crate) async fn is_told_never_armed(&self, id: GrantId, never: NeverArmed) {
        let held = grant(&self.world, id).await;
        assert_eq!(held.never_armed, Some(never));
        let told = self.world.access.armed_ends([&held]).await.unwrap();
        let expected = ArmedEndStatus::NotArmed {
            why: never.words().to_owned(),
            unseen: None,
        };
        assert_eq!(told.get(&held.key), Some(&expected));
        let records = self.records("end.arm_failed").await;
        let [record] = &records[..] else {
            panic!("{never:?}: {records:?}");
        };
        assert_eq!(record.fields()["error"], never.words());
        assert_eq!(record.text("grant_id"), Some(id.to_string().as_str()));
        assert_eq!(self.counted_never_armed().await, 1);
    }

    pub(crate) async fn counted_never_armed(&self) -> u64 {
        let counts = self.world.store.counts(self.now()).await;
        counts.unwrap().armed_ends.never_armed
    }

    pub(crate) fn refused_after(&self, key: &HoldKey) -> Vec<Timestamp> {
        refused_after(&self.organization, key)
    }

    pub(crate) fn statements(&self) -> Vec<Value> {
        armed_statements(&self.organization)
    }

    /// Invariants: access never precedes its end unless reported as not armed, and no reported
    /// grant is refused.
    async fn look(&self) {
        let now = self.now();
        let others = self.others.0.lock().unwrap().clone();
        self.note_what_fails(now);
        self.nobody_is_refused_what_others_gave(&others, now);
        let all = crate::acting::grants(&self.world).await;
        for held in grants_as_told(self.world.store.as_ref(), all)
            .await
            .unwrap()
        {
            let refused = self.refused_after(&held.key);
            let earliest = refused.iter().min();
            let is_told = matches!(held.state, GrantState::Active) && now < held.ends_at;
            let Some(armed) = self.armed_end(&held.key).await else {
                assert!(held.armed_ends == ArmedEnds::Off, "{held:?}");
                continue;
            };
            // a reported end matches AWS: ends counted from first sight, and later ends, are
            // reported once AWS has them. If an armer dies before seeing anything, access is
            // granted after a minute, and its sent policy may be in force: it counts until the next
            // check
            if is_told {
                assert!(
                    earliest.is_none_or(|from| *from >= held.ends_at),
                    "{} is reported as held until {}, and refused since {refused:?}: {armed:?}",
                    held.key,
                    held.ends_at
                );
            }
            let is_there = self.world.center.present().contains(&held.key);
            // an earlier unarmed grant was reported as such, and is armed again with the newest
            let is_newest = held.granted_at.is_some_and(|at| at >= armed.asked_at);
            let is_looked_after = if self.rough.is_some() {
                now >= TimeSpan::seconds(SEEN_WITHIN_ROUGHLY).after(self.looked_from())
            } else {
                armed.required || now >= *self.kept_until.lock().unwrap()
            };
            let is_ours = !held.standing && !others.contains(&held.key);
            let is_to_be = held.armed_ends != ArmedEnds::Off;
            if is_there && is_told && is_newest && is_ours && is_looked_after && is_to_be {
                assert!(
                    armed.not_armed().is_some() || !refused.is_empty(),
                    "{} is there and nothing is armed: {armed:?}",
                    held.key
                );
            }
        }
    }

    /// Notes refused changes, unanswered reads and a lost home Region.
    fn note_what_fails(&self, now: Timestamp) {
        let it = self.organization.situation();
        if it.changes_fail.is_some() || it.writes_fail.is_some() {
            *self.took_none_at.lock().unwrap() = now;
        }
        let is_unasked = self.rough.is_some() && self.is_lost();
        if it.questions_fail.is_some() || is_unasked {
            *self.unseen_at.lock().unwrap() = now;
        }
    }

    /// Access from other sources is refused for five minutes at most, for seconds if an event
    /// reported it, and longer only while the checker is dead or AWS accepts no change.
    fn nobody_is_refused_what_others_gave(&self, others: &BTreeSet<HoldKey>, now: Timestamp) {
        let mut held_since = self.held_since.lock().unwrap();
        held_since.retain(|key, _| others.contains(key));
        let mut told_at = self.told_at.lock().unwrap();
        told_at.retain(|key, _| others.contains(key));
        for key in others {
            let since = *held_since.entry(key.clone()).or_insert(now);
            let took_none_at = *self.took_none_at.lock().unwrap();
            let unseen_at = *self.unseen_at.lock().unwrap();
            let looked_from = since.max(self.looked_from());
            // refused changes are retried with growing pauses; earlier events that could not be
            // verified are checked with all others
            let told = { told_at.get(key) }.filter(|at| took_none_at.max(unseen_at) < **at);
            let (looked_from, most) = match told {
                Some(at) => (looked_from.max(*at), 12),
                None if self.rough.is_some() => (looked_from, SEEN_WITHIN_ROUGHLY),
                None => (looked_from, SEEN_WITHIN),
            };
            let refused = self.refused_after(key);
            assert!(
                now <= TimeSpan::seconds(most).after(looked_from)
                    || refused.iter().all(|from| *from > now),
                "{key} is held in another way since {since}, reported at {told:?}, and refused since \
                 {refused:?}, at {now}"
            );
        }
    }

    /// Checks that with Hallpass dead, AWS refuses access at most a minute after its end.
    pub(crate) async fn would_end_by_itself(&self, id: GrantId) {
        let held = grant(&self.world, id).await;
        let refused = self.refused_after(&held.key);
        let [from] = refused[..] else {
            panic!("{refused:?} of {}", held.key);
        };
        assert!(from >= held.ends_at, "{from} before {}", held.ends_at);
        let late = TimeSpan::between(held.ends_at, from);
        assert!(late <= TimeSpan::seconds(60), "{late} late");
    }
}

pub(crate) fn denied() -> OrganizationFault {
    OrganizationFault::Refused {
        code: "AccessDeniedException".to_owned(),
        message: "no".to_owned(),
    }
}

pub(crate) fn silent() -> OrganizationFault {
    OrganizationFault::Unreachable {
        message: "no answer".to_owned(),
    }
}
