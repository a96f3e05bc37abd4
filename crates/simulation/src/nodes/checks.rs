//! Checks during and after a multi-node simulation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{AccessStore as _, Grant, GrantFilter, GrantState};
use hallpass_assignments::AssignmentStore as _;
use hallpass_base::{Clock as _, GrantId, HoldKey, Timestamp};
use tokio::time::{Instant, sleep};

use super::arming;
use super::cluster::Cluster;
use super::work::CHANNEL;
use crate::checks::check_stored;
use crate::landmarks::Landmark;
use crate::ledger::NodeWrite;

/// Maximum time from when a node could lead to when one does.
pub(super) const TAKEOVER_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After the faults, access must be removed within this time of its end, plus AWS's time for
/// earlier operations of the lane and for the removal.
const END_WITHIN_MICROSECONDS: i64 = 5_000_000;
/// The removal must be reported within this time, if no answer was lost.
const TOLD_WITHIN_MICROSECONDS: i64 = 10_000_000;
/// The same with a lost answer.
const TOLD_LATE_MICROSECONDS: i64 = 75_000_000;

/// Bounds waits on instants stored by a clock that was ahead: two minutes.
const CLOCK_AHEAD_MICROSECONDS: i64 = 120_000_000;
/// Limit for ends and reports when clocks differed or AWS refused ends: a refused removal is
/// retried after half a minute. With a lost answer: two minutes plus the lost-answer limit.
const RELAXED_MICROSECONDS: i64 = CLOCK_AHEAD_MICROSECONDS + 30_000_000;

#[derive(Default)]
pub(super) struct Watch {
    idle_since: Option<Instant>,
    /// First time that access was seen removed, per ended grant.
    gone_at: BTreeMap<GrantId, Timestamp>,
    /// When faults stopped and work resumed; if an earlier hazard then cost the lead, when it was
    /// regained.
    pub(super) calm_from: Option<Timestamp>,
    pub(super) latest_end: Duration,
    pub(super) latest_told: Duration,
    told: BTreeSet<GrantId>,
    rows: BTreeMap<HoldKey, String>,
}

fn microseconds(from: Timestamp, to: Timestamp) -> i64 {
    to.as_microsecond() - from.as_microsecond()
}

fn span(microseconds: i64) -> Duration {
    Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
}

impl Watch {
    pub(super) async fn over(&mut self, cluster: &Arc<Cluster>) {
        loop {
            self.look(cluster).await;
            sleep(LOOK_EVERY.max(cluster.look_again() / 2)).await;
        }
    }

    pub(super) async fn look(&mut self, cluster: &Arc<Cluster>) {
        self.look_at_work(cluster).await;
        self.tell_rows(cluster).await;
        let all = cluster.store.grants(&GrantFilter::default(), 1_000).await;
        let grants = all.map(|page| page.rows).unwrap_or_default();
        Self::look_for_landmarks(cluster, &grants);
        arming::look(cluster, &grants, self.calm_from).await;
        if let Some(calm_from) = self.calm_from {
            self.look_at_ends(cluster, &grants, calm_from);
        }
    }

    async fn tell_rows(&mut self, cluster: &Arc<Cluster>) {
        if !cluster.ledger.is_told_in_full() {
            return;
        }
        let now = cluster.clock.now();
        for row in cluster.store.assignments().await.unwrap_or_default() {
            let text = format!("{} {:?} {:?}", row.key, row.desired, row.execution);
            if self.rows.get(&row.key) != Some(&text) {
                cluster.ledger.tell(format!("{now} {text}"));
                self.rows.insert(row.key, text);
            }
        }
    }

    async fn look_at_work(&mut self, cluster: &Arc<Cluster>) {
        if cluster.works().await {
            self.idle_since = None;
            return;
        }
        let now = Instant::now();
        let idle_since = *self.idle_since.get_or_insert(now);
        let Some(could_since) = cluster.could_work_since() else {
            return;
        };
        let since = could_since.max(idle_since);
        if now.saturating_duration_since(since) > TAKEOVER_MAX {
            let (idle, able) = (idle_since.elapsed(), since.elapsed());
            let seen = format!(
                "{}: no node works for {idle:?}, and one could for {able:?}",
                cluster.clock.now()
            );
            cluster.ledger.note_broken("work_goes_on_within_10_s", seen);
            self.idle_since = None;
        }
    }

    fn look_for_landmarks(cluster: &Arc<Cluster>, grants: &[Grant]) {
        let reached = &cluster.ledger.reached;
        let holds: Vec<&Grant> = grants.iter().filter(|grant| grant.is_hold()).collect();
        for (nth, one) in holds.iter().enumerate() {
            for other in holds.iter().skip(nth + 1) {
                if one.key == other.key {
                    reached.note(Landmark::Overlap);
                } else if one.key.lane() == other.key.lane() {
                    reached.note(Landmark::TwoHolders);
                }
            }
        }
        if grants.iter().any(|grant| grant.refusals > 0) {
            reached.note(Landmark::EndRefused);
        }
    }

    fn look_at_ends(&mut self, cluster: &Arc<Cluster>, grants: &[Grant], calm_from: Timestamp) {
        let now = cluster.clock.now();
        let present = cluster.center.present();
        let held: BTreeSet<&HoldKey> = grants
            .iter()
            .filter(|grant| grant.is_live(now))
            .map(|grant| &grant.key)
            .collect();
        // remaining access belongs to the key's grant that ended last
        let mut last_due: BTreeMap<&HoldKey, Timestamp> = BTreeMap::new();
        for grant in grants.iter().filter(|grant| !grant.is_over()) {
            let due = last_due.entry(&grant.key).or_insert(calm_from);
            *due = grant.due_to_end().max(*due);
        }
        let relaxed = cluster.ledger.is_relaxed().then_some(RELAXED_MICROSECONDS);
        let takes = cluster.center.habits().write_takes.as_seconds();
        let takes = i64::try_from(takes).unwrap_or(0) * 1_000_000;
        let lost: BTreeSet<HoldKey> = cluster.keys_with_lost_answers();
        for grant in grants {
            let due = grant.due_to_end().max(calm_from);
            if grant.is_over() {
                if self.told.insert(grant.id)
                    && relaxed.is_none()
                    && !lost.contains(&grant.key)
                    && let Some(gone) = self.gone_at.get(&grant.id)
                {
                    self.latest_told = self.latest_told.max(span(microseconds(*gone, now)));
                }
                continue;
            }
            // AWS refusals are retried with growing delays, hourly once parked
            if grant.refusals > 0 || grant.is_live(now) || held.contains(&grant.key) {
                continue;
            }
            if present.contains(&grant.key) {
                self.gone_at.remove(&grant.id);
                let late = microseconds(last_due.get(&grant.key).copied().unwrap_or(due), now);
                if relaxed.is_none() {
                    self.latest_end = self.latest_end.max(span(late));
                }
                if late > relaxed.unwrap_or(END_WITHIN_MICROSECONDS + 2 * takes) {
                    let seen = format!("{} is there {:?} after its end", grant.key, span(late));
                    let of = grant.id.to_string();
                    cluster
                        .ledger
                        .note_broken_once("every_end_within_5_s_of_calm", &of, seen);
                }
                continue;
            }
            let gone = (*self.gone_at.entry(grant.id).or_insert(now)).max(due);
            let late = microseconds(gone, now);
            let within = match (relaxed, lost.contains(&grant.key)) {
                (Some(_), true) => CLOCK_AHEAD_MICROSECONDS + TOLD_LATE_MICROSECONDS,
                (Some(relaxed), false) => relaxed,
                (None, true) => TOLD_LATE_MICROSECONDS,
                (None, false) => TOLD_WITHIN_MICROSECONDS,
            };
            if late > within {
                let state = grant.state.name();
                let seen = format!("{} is {state} {:?} after its removal", grant.id, span(late));
                let of = grant.id.to_string();
                cluster
                    .ledger
                    .note_broken_once("every_grant_is_told", &of, seen);
            }
        }
    }
}

pub(super) async fn check_end(cluster: &Arc<Cluster>, standing: &[HoldKey]) {
    let present = cluster.center.present();
    let standing: Vec<HoldKey> = standing
        .iter()
        .filter(|key| present.contains(*key))
        .cloned()
        .collect();
    if let Err(broken) = check_stored(cluster.store.as_ref(), &present, &standing).await {
        for it in broken {
            cluster.ledger.note_broken(it.promise, it.seen);
        }
    }
    for id in cluster.ledger.acknowledged() {
        if !matches!(cluster.store.request(id).await, Ok(Some(_))) {
            let seen = format!("{id} was acknowledged, and is not stored");
            cluster
                .ledger
                .note_broken("nothing_acknowledged_is_lost", seen);
        }
    }
    if let Ok(Some(at)) = cluster.store.next_notice(CHANNEL).await {
        let seen = format!("a notice waits until {at}");
        cluster.ledger.note_broken("everything_is_told", seen);
    }
    check_doubles(cluster).await;
}

/// Checks that every repeated operation follows a look begun after the earlier one was sent. Writes
/// sent too late past the last look are allowed by the decision.
async fn check_doubles(cluster: &Arc<Cluster>) {
    let mut last: BTreeMap<HoldKey, NodeWrite> = BTreeMap::new();
    let writes = cluster.ledger.writes();
    let late: BTreeSet<HoldKey> = writes
        .iter()
        .filter(|write| write.was_unsent)
        .map(|write| write.key.clone())
        .collect();
    for write in writes {
        let before = last.insert(write.key.clone(), write.clone());
        let Some(before) = before.filter(|it| it.kind == write.kind) else {
            continue;
        };
        let has_looked = cluster.ledger.has_looked(&write, before.sent_at);
        if !has_looked && !late.contains(&write.key) {
            let seen = format!("{write:?} after {before:?}");
            cluster
                .ledger
                .note_broken("nothing_is_repeated_without_a_look", seen);
        }
    }
    let grants = cluster.store.grants(&GrantFilter::default(), 1_000).await;
    for grant in grants.map(|page| page.rows).unwrap_or_default() {
        if grant.standing {
            let seen = format!("{} was taken for standing", grant.id);
            cluster
                .ledger
                .note_broken("what_is_ours_is_known_as_ours", seen);
        }
        if let GrantState::Failed { error, .. } = &grant.state
            && grant.stuck.is_some()
        {
            cluster
                .ledger
                .note_broken("a_grant_that_failed_is_over", error.clone());
        }
    }
}
