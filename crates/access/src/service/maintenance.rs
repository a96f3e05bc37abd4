//! Background work: time, assignment news, drift.
//!
//! Ticks have no input and may run on any node at any rate: each reads the stored state, so an
//! immediate second one does nothing.

use std::collections::BTreeSet;

use hallpass_assignments::{AssignmentRow, GuardRemoval};
use hallpass_audit::Draft;
use hallpass_base::{GrantId, HoldKey, Target, TimeSpan, UserId};

use super::guarding::JOURNALS_AGE;
use super::{Access, AccessError};
use crate::records::StepContext;
use crate::step::{GrantStep, RequestStep};
use crate::{
    ArmedEndStatus, Change, CommitError, DesiredAssignment, EndCause, EndOutcome, Grant,
    GrantFilter, GrantState, GrantStateKind, Holds, ReadError, Removals, decide, desired, end,
    next_step, target,
};

const BATCH: u32 = 256;
/// Due rows per round. The store returns them round-robin by holder, so rounds are short.
const DUE_BATCH: u32 = 64;
/// Rounds per tick; the rest waits for the next.
const ROUNDS_MAX: u32 = 128;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tended {
    pub requests: u32,
    pub grants: u32,
    pub failed: u32,
    /// For each settled end, the delay from due to observed.
    pub lags: Vec<TimeSpan>,
    pub by_guards: u32,
}

/// The result of a reconciliation (`access.md` §10.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    pub seen: u32,
    pub left: u32,
    pub ended: u32,
    /// Grants that today's rules refuse; ended if the holder left a group, or by configuration.
    pub against_rules: Vec<GrantId>,
    pub failed: u32,
}

impl Access {
    /// # Errors
    /// If the store cannot list due steps. Single failures are counted.
    pub async fn tick(&self) -> Result<Tended, AccessError> {
        let mut tended = Tended::default();
        // First: a guard's removal is neither drift nor Hallpass's own end.
        let removals = self.guards.removals(JOURNALS_AGE).await;
        tended.failed += self.fold_removals(&removals).await;
        // First: a locked user must not request or hold anything.
        if let Err(error) = self.tend_locks().await {
            tended.failed += 1;
            tracing::warn!(error = %error, "what follows from locks could not be done");
        }
        for _ in 0..ROUNDS_MAX {
            // Failing requests must not stop grants.
            let (requests, failed_requests) = match self.tend_requests().await {
                Ok(counted) => counted,
                Err(error) => {
                    tracing::warn!(error = %error, "requests could not be processed");
                    (0, 1)
                }
            };
            let (grants, failed_grants) = self.advance_due_grants(&removals, &mut tended).await?;
            tended.requests += requests;
            tended.grants += grants;
            tended.failed += failed_requests + failed_grants;
            if requests + grants == 0 || failed_requests + failed_grants > 0 {
                break;
            }
        }
        Ok(tended)
    }

    async fn tend_requests(&self) -> Result<(u32, u32), AccessError> {
        let (mut done, mut failed) = (0, 0);
        for request in self.ports.store.requests_due(self.now(), DUE_BATCH).await? {
            let id = request.id;
            let step = self.step();
            let is_over = request.expires_at.is_some_and(|at| step.now >= at);
            let change = if request.is_to_start(step.now) && !is_over {
                match self.started(request).await {
                    Ok(Some(change)) => change,
                    Ok(None) => continue,
                    Err(error) => {
                        failed += 1;
                        tracing::warn!(request.id = %id, error = %error, "a request could not be started");
                        continue;
                    }
                }
            } else {
                // Write the request as stored.
                let counted = match Box::pin(self.as_counted(request.clone())).await {
                    Ok(counted) => counted,
                    Err(error) => {
                        failed += 1;
                        tracing::warn!(request.id = %id, error = %error, "a request could not be processed");
                        continue;
                    }
                };
                let step = decide::pass_time(request, &counted, &self.settings, step);
                step.map(RequestStep::update_change).unwrap_or_default()
            };
            match self.store_change(change).await {
                Ok(_) => done += 1,
                Err(CommitError::Raced(_)) => {}
                Err(error) => {
                    failed += 1;
                    tracing::warn!(request.id = %id, error = %error, "a request could not be processed");
                }
            }
        }
        Ok((done, failed))
    }

    async fn advance_due_grants(
        &self,
        removals: &Removals,
        tended: &mut Tended,
    ) -> Result<(u32, u32), AccessError> {
        let (mut done, mut failed) = (0, 0);
        for grant in self.ports.store.grants_due(self.now(), DUE_BATCH).await? {
            match self.advance_grant(&grant, removals).await {
                Ok(settled) => {
                    let by_guard = settled.is_some_and(|settled| settled.by == Ender::Guard);
                    tended.by_guards += u32::from(by_guard);
                    tended.lags.extend(settled.and_then(|settled| settled.lag));
                    done += 1;
                }
                Err(AccessError::Commit(CommitError::Raced(_))) => done += 1,
                Err(error) => {
                    failed += 1;
                    tracing::warn!(grant.id = %grant.id, error = %error, "a grant could not be processed");
                }
            }
        }
        Ok((done, failed))
    }

    async fn advance_grant(
        &self,
        due: &Grant,
        removals: &Removals,
    ) -> Result<Option<Over>, AccessError> {
        let holds = self.holds(Some(&due.key)).await?;
        let Some(current) = holds.grants.iter().find(|grant| grant.id == due.id) else {
            return Ok(None);
        };
        let ending = Some(current).filter(|it| matches!(it.state, GrantState::Ending { .. }));
        let armed = self.armed_ends(ending).await?.remove(&due.key);
        let step = self.step();
        let mut removal = removals.of(&due.key);
        let mut taken = self.grant_step(current, &holds, removal, armed.as_ref(), step);
        let newer = self.removals_after_loss(&taken, holds.row.as_ref()).await;
        if let Some(newer) = &newer {
            removal = newer.of(&due.key);
            taken = self.grant_step(current, &holds, removal, armed.as_ref(), step);
        }
        let over = over(current, &taken);
        let alarm = self.alarm_of(&taken, removal);
        self.store_change(taken.with_notice(alarm.clone()).fold())
            .await?;
        self.alarmed(alarm.as_ref());
        // Unreliable clocks measure no delay.
        Ok(over.map(|over| Over {
            lag: over.lag.filter(|_| step.disagreement.is_none()),
            ..over
        }))
    }

    fn grant_step(
        &self,
        current: &Grant,
        holds: &Holds,
        removal: Option<&GuardRemoval>,
        armed: Option<&ArmedEndStatus>,
        step: StepContext<'_>,
    ) -> GrantStep {
        let known = end::EndFacts {
            directory: &self.directory(),
            settings: &self.settings,
            removal,
            armed,
        };
        next_step::of(current, holds, known, step)
    }

    /// Releases notices and assignments that wait for an instant set by a fast clock or by a process
    /// that ended. Callers: the leader at its start, and `hallpass_base::clock::Releases` after a
    /// clock was set back. A notice between attempts is sent earlier, never twice. Returns the
    /// count of released rows.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn release_future_waits(&self) -> Result<u64, AccessError> {
        let now = self.now();
        let mut released = self.ports.store.release_notices(now).await?;
        let forgotten = self.ports.assignments.forget_future(now).await;
        released += u64::from(forgotten.map_err(|fault| ReadError(fault.to_string()))?);
        if released > 0 {
            self.wake_executor.notify_one();
        }
        Ok(released)
    }

    /// Compares live grants with the directory, today's rules and assignments.
    ///
    /// # Errors
    /// If the grants cannot be listed. Single failures are counted.
    pub async fn reconcile(&self) -> Result<Reconciled, AccessError> {
        let mut report = Reconciled::default();
        let grants = self.live_grants().await?;
        let holders = { grants.iter() }.filter(|grant| grant.is_hold());
        let holders = holders.map(|grant| grant.key.user.clone());
        let signed_in = self.ports.store.with_credentials(self.now()).await;
        let signed_in_too = signed_in.iter().flatten().cloned();
        let gone = self.gone_of(holders.chain(signed_in_too)).await;
        for grant in grants {
            report.seen += 1;
            if let Err(error) = self.reconcile_one(&grant, &gone, &mut report).await {
                if !matches!(error, AccessError::Commit(CommitError::Raced(_))) {
                    report.failed += 1;
                }
                tracing::warn!(grant.id = %grant.id, error = %error, "a grant could not be reconciled");
            }
        }
        // A failure of one does not stop the other.
        let forgot = self.forget_rows().await;
        let leavers = { signed_in?.into_iter() }.filter(|user| gone.contains(user));
        self.end_credentials_of_all(leavers).await?;
        forgot?;
        Ok(report)
    }

    /// Deletes rows without grants once listings cannot show their access.
    async fn forget_rows(&self) -> Result<(), AccessError> {
        let rows = self.ports.assignments.assignments().await;
        let rows = rows.map_err(|fault| ReadError(fault.to_string()))?;
        // Rows in use by a sweep or membership comparison must stay.
        let in_hand = self.ports.sweeps.open_sweep_items().await?;
        let syncing = self.ports.group_sync.group_sync_items().await?;
        let syncing = syncing.iter().map(|item| &item.key);
        let in_hand: BTreeSet<&HoldKey> = { in_hand.iter() }
            .map(|item| &item.key)
            .chain(syncing)
            .collect();
        let spent = rows
            .iter()
            .filter(|row| desired::is_spent(row, self.now()) && !in_hand.contains(&row.key));
        for row in spent {
            let holds = match self.holds(Some(&row.key)).await {
                Ok(holds) => holds,
                // An unreadable grant of the key may be live.
                Err(error) => {
                    tracing::warn!(key = %row.key, error = %error, "a row that may have outlived its grants is kept");
                    continue;
                }
            };
            let Some(stored) = holds
                .row
                .filter(|stored| holds.grants.is_empty() && desired::is_spent(stored, self.now()))
            else {
                continue;
            };
            let repeated = self.repeated_end(&stored).await?;
            let forget = DesiredAssignment::Forget {
                key: stored.key,
                rev: stored.desired.rev,
            };
            let change = Change {
                audit: repeated.into_iter().collect(),
                desired: vec![forget],
                ..Change::default()
            };
            match self.store_change(change).await {
                Ok(_) | Err(CommitError::Raced(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn repeated_end(&self, spent: &AssignmentRow) -> Result<Option<Draft>, ReadError> {
        let names = self.names_of(&spent.key);
        let Some(record) = self.step().of_repeated_end(spent, &names) else {
            return Ok(None);
        };
        let filter = GrantFilter {
            states: vec![GrantStateKind::Ended, GrantStateKind::Failed],
            holder: Some(spent.key.user.clone()),
            account: match &spent.key.target {
                Target::Account { account, .. } => Some(account.to_string()),
                Target::Group { .. } => None,
            },
            ..GrantFilter::default()
        };
        let last = self.ports.store.grants(&filter, BATCH).await?.rows;
        let last = last.into_iter().find(|grant| grant.key == spent.key);
        Ok(Some(match last {
            Some(grant) => record.about(grant.request, Some(grant.id)),
            None => record,
        }))
    }

    pub(super) async fn live_grants(&self) -> Result<Vec<Grant>, ReadError> {
        let mut filter = GrantFilter {
            states: GrantStateKind::LIVE.to_vec(),
            ..GrantFilter::default()
        };
        let mut all: Vec<Grant> = Vec::new();
        loop {
            let page = self.ports.store.grants(&filter, BATCH).await?;
            all.extend(page.rows);
            let Some(next) = page.next else {
                return Ok(all);
            };
            filter.before = Some(next);
        }
    }

    async fn reconcile_one(
        &self,
        grant: &Grant,
        gone: &BTreeSet<UserId>,
        report: &mut Reconciled,
    ) -> Result<(), AccessError> {
        if !grant.is_hold() {
            // An end whose news was missed.
            let removals = self.guards.removals(JOURNALS_AGE).await;
            self.advance_grant(grant, &removals).await?;
            return Ok(());
        }
        if gone.contains(&grant.key.user) {
            report.left += 1;
            return self.end_for(grant, EndCause::PrincipalLeft, None).await;
        }
        let directory = self.directory();
        if !target::is_enabled(Some(&grant.key.user), &directory) {
            return Ok(());
        }
        if let Some(why) = self.refused_by_today(grant, &directory) {
            report.against_rules.push(grant.id);
            if let Some(cause) = self.cause_of(why) {
                report.ended += 1;
                self.end_for(grant, cause, Some(why)).await?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Over {
    lag: Option<TimeSpan>,
    by: Ender,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ender {
    Server,
    Guard,
}

fn over(before: &Grant, step: &GrantStep) -> Option<Over> {
    step.grants.iter().find_map(|grant| match &grant.state {
        GrantState::Ended { at, why, .. } => Some(Over {
            lag: Some(TimeSpan::between(before.due_to_end(), *at)),
            by: match why {
                EndOutcome::Guard => Ender::Guard,
                EndOutcome::Removed
                | EndOutcome::AlreadyAbsent
                | EndOutcome::NeverCreated
                | EndOutcome::PrincipalGone
                | EndOutcome::AccountGone
                | EndOutcome::Standing
                | EndOutcome::HeldByOtherGrant => Ender::Server,
            },
        }),
        GrantState::Scheduled
        | GrantState::Granting
        | GrantState::Active
        | GrantState::Ending { .. }
        | GrantState::Failed { .. } => None,
    })
}
