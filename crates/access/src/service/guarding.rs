//! Applies the growing journals of guards.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hallpass_assignments::{AssignmentRow, GuardRemoval, Verdict};
use hallpass_base::{TimeSpan, Timestamp};

use super::{Access, AccessError};
use crate::step::GrantStep;
use crate::{EndCause, Grant, GrantState, Notice, Removals, guard_steps};

const ALARM_EVERY: TimeSpan = TimeSpan::hours(1);
pub(super) const JOURNALS_AGE: Duration = Duration::from_millis(900);

#[derive(Debug, Default)]
pub(super) struct JournalsSeen {
    revision: AtomicU64,
    alarmed_at: Mutex<Option<Timestamp>>,
}

impl Access {
    /// Applies guard removals before a server's first step, so that it sends nothing for ends that
    /// guards handled. Returns the number of failures; ticks retry them.
    pub async fn apply_guard_removals(&self) -> u32 {
        let removals = self.guards.removals(Duration::ZERO).await;
        self.fold_removals(&removals).await
    }

    /// Reads guard removals later than the observed removal of a grant's access, if a step would
    /// name another cause: an earlier read may lack the guard.
    pub(super) async fn removals_after_loss(
        &self,
        taken: &GrantStep,
        row: Option<&AssignmentRow>,
    ) -> Option<Arc<Removals>> {
        let at = match row?.execution.verdict {
            Verdict::Absent { at, .. } | Verdict::Lost { at } => at,
            Verdict::Working
            | Verdict::Present { .. }
            | Verdict::Kept { .. }
            | Verdict::Refused { .. }
            | Verdict::Stuck { .. } => return None,
        };
        let says_so = |grant: &Grant| match &grant.state {
            GrantState::Ended { cause, .. } => {
                matches!(cause, EndCause::Expired | EndCause::Drift)
            }
            GrantState::Ending { cause, .. } => *cause == EndCause::Drift,
            GrantState::Scheduled
            | GrantState::Granting
            | GrantState::Active
            | GrantState::Failed { .. } => false,
        };
        if !taken.grants.iter().any(says_so) {
            return None;
        }
        // If the clock stepped back: now.
        let age = Duration::try_from(self.now().duration_since(at)).unwrap_or_default();
        Some(self.guards.removals(age).await)
    }

    /// Applies new journal records. Returns the number of failures, which are retried.
    pub(super) async fn fold_removals(&self, removals: &Removals) -> u32 {
        if self.journals_seen.revision.load(Ordering::SeqCst) >= removals.revision() {
            return 0;
        }
        let mut failed = 0;
        for removal in removals.iter() {
            match self.fold_removal(removal).await {
                Ok(()) => {}
                Err(error) => {
                    failed += 1;
                    tracing::warn!(key = %removal.end.key, error = %error, "what a guard removed could not be recorded");
                }
            }
        }
        if failed == 0 {
            self.journals_seen
                .revision
                .fetch_max(removals.revision(), Ordering::SeqCst);
        }
        failed
    }

    async fn fold_removal(&self, removal: &GuardRemoval) -> Result<(), AccessError> {
        let holds = self.holds(Some(&removal.end.key)).await?;
        let folded = guard_steps::fold(removal, &holds, self.step());
        if folded.is_empty() {
            return Ok(());
        }
        let alarm = self.alarm_of(&folded, Some(removal));
        self.store_change(folded.with_notice(alarm.clone()).fold())
            .await?;
        self.alarmed(alarm.as_ref());
        tracing::error!(
            guard = removal.guard,
            key = %removal.end.key,
            until = %removal.end.until,
            "a guard removed what the server had not"
        );
        Ok(())
    }

    pub(super) fn alarm_of(
        &self,
        taken: &GrantStep,
        removal: Option<&GuardRemoval>,
    ) -> Option<Notice> {
        let removal = removal?;
        let by_guard = |state: &GrantState| match state {
            GrantState::Ending { cause, .. } | GrantState::Ended { cause, .. } => {
                matches!(cause, EndCause::Guard { .. })
            }
            GrantState::Scheduled
            | GrantState::Granting
            | GrantState::Active
            | GrantState::Failed { .. } => false,
        };
        let ended = taken.grants.iter().find(|grant| by_guard(&grant.state))?;
        let alarmed = *self.alarmed_at();
        let step = self.step();
        let is_due = alarmed.is_none_or(|at| step.now >= ALARM_EVERY.after(at));
        is_due.then(|| guard_steps::alarm(removal, ended, step))
    }

    pub(super) fn alarmed(&self, alarm: Option<&Notice>) {
        if let Some(alarm) = alarm {
            *self.alarmed_at() = Some(alarm.at);
        }
    }

    fn alarmed_at(&self) -> std::sync::MutexGuard<'_, Option<Timestamp>> {
        self.journals_seen
            .alarmed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
