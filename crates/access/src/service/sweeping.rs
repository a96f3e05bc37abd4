//! Runs a sweep and stores its findings.
//!
//! It may take many minutes and stop at any await: until its findings commit, its row says
//! `running`, and the next process restarts it.

use std::collections::BTreeMap;

use hallpass_audit::Event;
use hallpass_base::{HoldKey, SweepId, Target, TargetNames, Timestamp};
use hallpass_rules::Directory;

use super::sweep_beginning::{AGAIN_AFTER, LOOKED_BACK, RUNS_KEPT};
use super::{Access, AccessError, RACES_MAX};
use crate::records::Doer;
use crate::sweep::{self, SweepAwaits, TargetLabels};
use crate::{
    Accepted, ArmedEndRequest, Change, CommitError, Consent, DigestKind, DigestNews, Drift,
    EntitlementReport, ExternalAccess, Findings, GroupAssignment, Held, ItemChange, ItemKind,
    ListingFacts, MayAct, ShownBy, StandingListing, StandingScope, Sweep, SweepItem, SweepReach,
    SweepState, Trigger, Write,
};

/// New unknown items with a record each; if more, one record counts them.
const FOUND_RECORDS_MAX: usize = 100;
/// In an organization's first run everything is new.
const FIRST_FOUND_RECORDS_MAX: usize = 1;
const LISTINGS_KEPT: u32 = 5;

pub(super) struct SweepRunFacts {
    held: Held,
    accepted: BTreeMap<HoldKey, Accepted>,
    earlier: Option<Sweep>,
    earlier_items: BTreeMap<HoldKey, SweepItem>,
    in_hand: BTreeMap<HoldKey, SweepId>,
    recent: Vec<Sweep>,
    group_assignments: Vec<GroupAssignment>,
}

impl SweepRunFacts {
    fn earlier_entitlements(&self) -> Option<&EntitlementReport> {
        let report = self.earlier.as_ref()?.report.as_ref()?;
        report.entitlements.as_ref()
    }
}

impl Access {
    /// Reads everything in scope and stores findings and planned actions.
    ///
    /// # Errors
    /// If the store does not answer; the run can be repeated. AWS failures are part of the
    /// findings.
    pub async fn run_sweep(&self, sweep: &Sweep) -> Result<Sweep, AccessError> {
        let drift = self.drift().await;
        let directory = match self.directory_for_sweep().await {
            Ok(directory) => directory,
            Err(fault) => return self.fail_sweep(sweep, &fault.to_string()).await,
        };
        let scope = self.sweep_scope(sweep.reach, &directory);
        let before = self.held(self.now()).await?;
        let listing = self.read_standing(&scope).await;
        if listing.is_blind() {
            let error = listing.unread.first().map(|unread| unread.error.clone());
            return self.fail_sweep(sweep, &error.unwrap_or_default()).await;
        }
        let mut races = 0;
        loop {
            let known = self.known(&before, listing.began).await?;
            let change = self.found(sweep, &scope, &listing, &known, &drift);
            let stored = change.sweeps.iter().rev().find_map(|write| match write {
                Write::Update(stored) if stored.id == sweep.id => Some(stored.clone()),
                Write::Insert(_) | Write::Update(_) => None,
            });
            match self.store_change(change).await {
                Ok(_) => {
                    self.after_run(sweep.id).await;
                    return stored.ok_or(AccessError::NotFound("sweep"));
                }
                Err(CommitError::Raced(_)) if races < RACES_MAX => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Prunes old runs; a failure only costs space.
    async fn after_run(&self, id: SweepId) {
        self.own_sweeps().remove(&id);
        self.wake_sweeper.notify_one();
        if let Err(error) = self
            .ports
            .sweeps
            .prune_sweeps(LISTINGS_KEPT, RUNS_KEPT)
            .await
        {
            tracing::warn!(error = %error, "old sweeps could not be dropped");
        }
    }

    pub(super) async fn directory_for_sweep(
        &self,
    ) -> Result<std::sync::Arc<Directory>, crate::DirectoryFault> {
        let directory = self.directory();
        let oldest = self.settings.directory_max_age.before(self.now());
        if directory.taken_at().is_some_and(|at| at >= oldest) {
            return Ok(directory);
        }
        self.ports.directory.refresh().await
    }

    /// Compares grants with AWS, with every run.
    async fn drift(&self) -> Drift {
        match self.reconcile().await {
            Ok(found) => Drift {
                seen: u64::from(found.seen),
                fixed: u64::from(found.left + found.ended),
                against_rules: found.against_rules,
                failed: u64::from(found.failed),
            },
            Err(error) => {
                tracing::warn!(error = %error, "grants could not be compared with the world");
                Drift {
                    failed: 1,
                    ..Drift::default()
                }
            }
        }
    }

    async fn fail_sweep(&self, sweep: &Sweep, error: &str) -> Result<Sweep, AccessError> {
        let step = self.step();
        let recent = self.ports.sweeps.sweeps(None, LOOKED_BACK).await?;
        let failed_before = recent
            .iter()
            .find(|other| {
                other.id != sweep.id
                    && other.trigger != Trigger::SwitchedOff
                    && !other.trigger.is_of_campaign()
                    && other.state != SweepState::Queued
            })
            .is_some_and(|other| matches!(other.state, SweepState::Failed { .. }));
        let failed = Sweep {
            state: SweepState::Failed {
                at: step.now,
                error: error.to_owned(),
            },
            ..sweep.clone()
        };
        let record = step
            .of_sweep(Event::SweepFailed, Doer::Hallpass, sweep)
            .error(error);
        let news = DigestNews::Failed {
            error: error.to_owned(),
            again_after: AGAIN_AFTER,
        };
        let told = step.digest(DigestKind::SweepFailed, sweep.id, news);
        let change = Change {
            audit: vec![record],
            // One digest per outage.
            digests: Some(told).filter(|_| !failed_before).into_iter().collect(),
            sweeps: vec![Write::Update(failed.clone())],
            ..Change::default()
        };
        self.store_change(change).await?;
        self.own_sweeps().remove(&sweep.id);
        Ok(failed)
    }

    pub(super) async fn known(
        &self,
        before: &Held,
        began: Timestamp,
    ) -> Result<SweepRunFacts, AccessError> {
        let mut held = self.held(began).await?;
        // The read may show access held when it began.
        held.ours.extend(before.ours.iter().cloned());
        held.under_grant.extend(before.under_grant.iter().cloned());
        let sweeps = &self.ports.sweeps;
        let earlier = sweeps.newest_listing().await?;
        let items = match &earlier {
            Some(earlier) => sweeps.sweep_items(earlier.id).await?,
            None => Vec::new(),
        };
        let accepted = sweeps.accepted().await?;
        let in_hand = sweeps.open_sweep_items().await?;
        let recent = sweeps.sweeps(None, LOOKED_BACK).await?.into_iter();
        // Their confirmation is not that of the mode, and no sweep replaces their plans.
        let recent = recent.filter(|run| !run.trigger.is_of_campaign());
        Ok(SweepRunFacts {
            held,
            accepted: accepted
                .into_iter()
                .map(|it| (it.key.clone(), it))
                .collect(),
            earlier,
            earlier_items: items.into_iter().map(|it| (it.key.clone(), it)).collect(),
            in_hand: in_hand.into_iter().map(|it| (it.key, it.sweep)).collect(),
            recent: recent.collect(),
            group_assignments: sweeps.group_assignments().await?,
        })
    }

    pub(super) fn findings(
        &self,
        sweep: SweepId,
        scope: &StandingScope,
        listing: &StandingListing,
        known: &SweepRunFacts,
        directory: &Directory,
        may_act: MayAct,
    ) -> Findings {
        sweep::findings(&ListingFacts {
            sweep,
            listing,
            scope,
            held: &known.held,
            accepted: &known.accepted,
            earlier: &known.earlier_items,
            earlier_entitlements: known.earlier_entitlements(),
            in_hand: &known.in_hand,
            directory,
            settings: &self.settings.sweep,
            may_act,
        })
    }

    fn found(
        &self,
        sweep: &Sweep,
        scope: &StandingScope,
        listing: &StandingListing,
        known: &SweepRunFacts,
        drift: &Drift,
    ) -> Change {
        let directory = self.directory();
        let consent = consent(&known.recent, sweep);
        let may_act = match (sweep.trigger.acts(), sweep.mode.action(), &consent) {
            (true, Some(action), Some(_)) => MayAct::Do(action),
            (true, Some(action), None) => MayAct::Plan(action),
            (false, _, _) | (_, None, _) => MayAct::No,
        };
        let found = self.findings(sweep.id, scope, listing, known, &directory, may_act);
        let step = self.step();
        let now = step.now;
        let state = match (found.brake, may_act) {
            (Some(brake), _) => SweepState::Stopped { at: now, brake },
            (None, MayAct::Plan(_)) if found.report.to_act > 0 => SweepState::Planned { at: now },
            (None, MayAct::Do(_)) if found.report.to_act > 0 => SweepState::Working { since: now },
            (None, MayAct::Plan(_) | MayAct::Do(_) | MayAct::No) => SweepState::Done { at: now },
        };
        let Findings { items, report, .. } = found;
        let stored = Sweep {
            report: Some(crate::SweepReport {
                drift: drift.clone(),
                ..report
            }),
            consent,
            state,
            ..sweep.clone()
        };
        let told = sweep::looked(&stored, &items, known.earlier.as_ref(), self.next_act(now));
        let mut change = Change {
            audit: self.records_of(&stored, &items, known.earlier.as_ref()),
            group_assignments: sweep::group_assignment_changes(
                &known.group_assignments,
                listing,
                scope,
            ),
            digests: told
                .map(|(kind, news)| step.digest(kind, stored.id, news))
                .into_iter()
                .collect(),
            ..Change::default()
        };
        if stored.trigger.acts() {
            change.sweeps = replaced(known, &stored, now);
        }
        let given = ExternalAccess::of_listing(listing);
        if !given.is_empty() {
            // In the commit of the findings, so that none is lost.
            change.armed_ends.push(ArmedEndRequest::LookAgain {
                at: now,
                given: Box::new(given),
                shown: ShownBy::Now,
            });
        }
        change.sweeps.push(Write::Update(stored));
        change.sweep_items = items.into_iter().map(Write::Insert).collect();
        change
    }

    fn next_act(&self, now: Timestamp) -> Option<Timestamp> {
        self.settings.sweep.mode.action()?;
        self.settings.sweep.at.next(now)
    }

    fn records_of(
        &self,
        sweep: &Sweep,
        items: &[SweepItem],
        earlier: Option<&Sweep>,
    ) -> Vec<hallpass_audit::Draft> {
        let step = self.step();
        let Some(report) = &sweep.report else {
            return Vec::new();
        };
        let looked = format!(
            "{}: {} seen, {} ours, {} accepted, {} unmanaged, {} found by a grant, {} not read",
            sweep.trigger.name(),
            report.seen,
            report.ours,
            report.accepted,
            report.unknown,
            report.preexisting + report.under_grant,
            report.unread
        );
        let mut records = vec![
            step.of_sweep(Event::SweepLooked, Doer::Hallpass, sweep)
                .why(&looked),
        ];
        let new: Vec<&SweepItem> = items
            .iter()
            .filter(|item| item.change == ItemChange::New && item.kind == ItemKind::Unknown)
            .collect();
        let most = if earlier.is_some() {
            FOUND_RECORDS_MAX
        } else {
            FIRST_FOUND_RECORDS_MAX
        };
        if new.len() > most {
            let all = format!("{} items", new.len());
            let record = step.of_sweep(Event::SweepFound, Doer::Hallpass, sweep);
            records.push(record.why(&all));
        } else {
            let found = |item: &&SweepItem| step.of_item(Event::SweepFound, sweep, item);
            records.extend(new.iter().map(found));
        }
        match sweep.state.awaits() {
            Some(SweepAwaits::Consent) => {
                let plan = format!("{} items, {}", report.to_act, sweep.mode.name());
                let record = step.of_sweep(Event::SweepPlanned, Doer::Hallpass, sweep);
                records.push(record.why(&plan));
            }
            Some(SweepAwaits::MoreThanMay(brake)) => {
                let record = step.of_sweep(Event::SweepStopped, Doer::Hallpass, sweep);
                records.push(record.why(&brake.to_string()));
            }
            None => {}
        }
        records
    }

    pub(super) fn names_of(&self, key: &HoldKey) -> TargetNames {
        self.names_of_target(&key.target)
    }

    pub fn names_of_target(&self, target: &Target) -> TargetNames {
        let directory = self.directory();
        TargetLabels::of(&directory).of_target(target, None)
    }
}

/// Whether the mode was confirmed since it took effect, for this run's scope: a confirmation for
/// rule targets only did not cover the rest.
fn consent(recent: &[Sweep], sweep: &Sweep) -> Option<Consent> {
    let is_alike = |run: &&Sweep| {
        let saw_as_much = match sweep.reach {
            SweepReach::Rules => true,
            SweepReach::All => run.reach == SweepReach::All,
        };
        run.mode == sweep.mode && saw_as_much
    };
    recent
        .iter()
        .take_while(is_alike)
        .find_map(|run| run.consent.clone())
}

/// A newer acting run replaces waiting plans.
fn replaced(known: &SweepRunFacts, by: &Sweep, now: Timestamp) -> Vec<Write<Sweep>> {
    let waiting = known.recent.iter().filter(|run| run.state.is_waiting());
    waiting
        .map(|run| {
            Write::Update(Sweep {
                state: SweepState::Replaced { at: now, by: by.id },
                ..run.clone()
            })
        })
        .collect()
}
