//! Enforced expiry in multi-node simulations: the real armer of each term over one shared
//! organization.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::{ArmedEnds, Grant, GrantState};
use hallpass_base::{Clock as _, HoldKey, TargetNames, TimeSpan, Timestamp};
use hallpass_enforcement::armed_ends::{
    ArmedEnd, ArmedEndStore as _, EndArmer, EndArmerSettings, OtherAccess,
};
use hallpass_enforcement::testing::GatedOrg;
use hallpass_enforcement::{OrganizationFault, PolicyKeeper};
use hallpass_plans::testing::{Gated, Way};
use hallpass_store::{Candidate, SqlStore};

use super::Weakness;
use super::cluster::Cluster;
use super::running::RunningNode;
use crate::Center;
use crate::hazard::{Hazard, Port};
use crate::landmarks::Landmark;
use crate::refusals::refused_after;

/// A late policy's overwrite is found within this time: ends are checked every five minutes.
const FOUND_WITHIN: TimeSpan = TimeSpan::seconds(330);

/// After faults stop, an end is moved within this time: a dead process's lane is free after a
/// minute.
const MOVES_WITHIN: TimeSpan = TimeSpan::seconds(75);

struct StoreWay(Arc<Hazard>);

impl Way for StoreWay {
    async fn pass<T: Send, E: Send>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send,
        lost: impl Fn() -> E + Send + Sync,
    ) -> Result<T, E> {
        self.0.pass((Port::Read, true), call, |_| lost()).await
    }

    async fn send<T: Send, E: Send>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send,
        lost: impl Fn() -> E + Send + Sync,
    ) -> Result<T, E> {
        self.0.pass((Port::Write, true), call, |_| lost()).await
    }
}

struct OrganizationWay {
    candidate: Arc<Candidate>,
    hazard: Arc<Hazard>,
    cluster: Arc<Cluster>,
}

impl OrganizationWay {
    /// Returns whether the write is sent. A write paused after the last look is sent, however late.
    async fn is_sent(&self) -> bool {
        let ledger = &self.hazard.ledger;
        let epoch = self.candidate.term().epoch();
        if epoch.is_none() && self.cluster.weakness != Weakness::NoLastLook {
            ledger.reached.note(Landmark::LastLookRefused);
            return false;
        }
        let was_unsent = self.hazard.unsent().await;
        if !self.hazard.truly_leads_in(epoch.unwrap_or_default()).await {
            if was_unsent {
                ledger.reached.note(Landmark::PolicySentLate);
                self.cluster.note_late_policy();
            } else {
                let seen = format!("{} wrote a policy", self.hazard.node.name);
                ledger.note_broken("only_the_leader_writes_to_aws", seen);
            }
        }
        true
    }
}

impl Way for OrganizationWay {
    async fn pass<T: Send, E: Send>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send,
        lost: impl Fn() -> E + Send + Sync,
    ) -> Result<T, E> {
        self.hazard.pass((Port::Aws, true), call, |_| lost()).await
    }

    async fn send<T: Send, E: Send>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send,
        lost: impl Fn() -> E + Send + Sync,
    ) -> Result<T, E> {
        let sent = async {
            if self.is_sent().await {
                call.await
            } else {
                Err(lost())
            }
        };
        self.hazard.pass((Port::Send, true), sent, |_| lost()).await
    }
}

/// Access beyond Hallpass's grants: assignments that remain at AWS without one.
struct Otherwise(Arc<Center>);

#[async_trait]
impl OtherAccess for Otherwise {
    async fn held_otherwise(
        &self,
        key: &HoldKey,
        _: &TargetNames,
        own: bool,
    ) -> Result<Option<String>, OrganizationFault> {
        let is_held = own && self.0.present().contains(key);
        Ok(is_held.then(|| "a personal assignment".to_owned()))
    }
}

pub(super) fn armer(
    cluster: &Arc<Cluster>,
    process: &RunningNode,
    store: &Arc<SqlStore>,
) -> EndArmer {
    let (hazard, candidate) = (Arc::clone(&process.hazard), Arc::clone(&process.candidate));
    let to_aws = Arc::new(OrganizationWay {
        candidate,
        hazard: Arc::clone(&hazard),
        cluster: Arc::clone(cluster),
    });
    let to_store = Arc::new(StoreWay(hazard));
    let organization = Arc::clone(&cluster.organization);
    let keeper = PolicyKeeper {
        organization: Arc::new(GatedOrg(organization, Arc::clone(&to_aws))),
        lanes: Arc::new(Gated(Arc::clone(store), Arc::clone(&to_store))),
        clock: Arc::clone(&process.time) as Arc<_>,
        ids: cluster.ids.clone(),
        holder: format!("server {}", process.hazard.node.id),
    };
    let others = Arc::new(Otherwise(Arc::clone(&cluster.center)));
    let settings = cluster.settings.armed_ends;
    EndArmer::new(
        keeper,
        others,
        Arc::new(GatedOrg(Arc::clone(store), to_store)),
        EndArmerSettings {
            is_on: settings.mode.is_on(),
            policies: settings.policies,
            characters: hallpass_enforcement::account_policy::CHARACTERS,
        },
    )
}

/// Checks enforced expiry at every instant: no user is refused during a reported grant, and AWS
/// refuses after a reported enforced end. Skipped while clocks differ, because instants come from
/// the writer's clock.
pub(super) async fn look(cluster: &Arc<Cluster>, grants: &[Grant], calm_from: Option<Timestamp>) {
    if !cluster.arms() || cluster.ledger.is_relaxed() {
        return;
    }
    let now = cluster.clock.now();
    if cluster
        .late_policy_at()
        .is_some_and(|at| now < FOUND_WITHIN.after(at))
    {
        return;
    }
    for grant in grants {
        let is_told = matches!(grant.state, GrantState::Active) && now < grant.ends_at;
        if !is_told || grant.armed_ends == ArmedEnds::Off {
            continue;
        }
        let key = std::slice::from_ref(&grant.key);
        let found = cluster.store.armed_ends_of(key).await;
        let Some(armed) = found.ok().and_then(|mut found| found.pop()) else {
            continue;
        };
        let refused = refused_after(&cluster.organization, &grant.key);
        let is_calm = calm_from.is_some_and(|from| MOVES_WITHIN.after(from) < now);
        look_at_one(cluster, grant, &armed, (&refused, is_calm));
    }
}

fn look_at_one(
    cluster: &Arc<Cluster>,
    grant: &Grant,
    armed: &ArmedEnd,
    (refused, is_calm): (&[Timestamp], bool),
) {
    let now = cluster.clock.now();
    let ledger = &cluster.ledger;
    let of = grant.id.to_string();
    // a later end is reported once AWS has it (0139), which takes little time without faults
    let in_force = armed.refuses_from().filter(|_| !is_calm);
    let told = in_force.map_or(grant.ends_at, |until| until.min(grant.ends_at));
    let is_told_otherwise = armed.unmoved().is_some();
    let is_refused = refused.iter().any(|from| *from <= now);
    if is_refused && now < told && !is_told_otherwise {
        let seen = format!(
            "{} is refused since {refused:?}, reported until {told}",
            grant.key
        );
        ledger.note_broken_once("nobody_is_refused_what_they_hold", &of, seen);
    }
    if armed.armed_until().is_some() {
        ledger.reached.note(Landmark::EndArmed);
        if refused.is_empty() {
            let seen = format!("{} is reported as enforced: {armed:?}", grant.key);
            ledger.note_broken_once("what_is_told_as_armed_is", &of, seen);
        }
    }
}

pub(super) async fn rests(cluster: &Arc<Cluster>) -> bool {
    let open = cluster.store.open_armed_ends().await;
    open.is_ok_and(|open| open.is_empty())
}

/// Checks that nothing managed by Hallpass remains once no session can exist.
pub(super) async fn check_end(cluster: &Arc<Cluster>) {
    let left = cluster.organization.standing();
    let open = cluster.store.open_armed_ends().await.unwrap_or_default();
    if !left.is_empty() || !open.is_empty() {
        let seen = format!("{left:?}, {open:?}");
        cluster.ledger.note_broken("nothing_stays_armed", seen);
    }
}
