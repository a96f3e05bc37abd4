//! Rounds: one status query for all operations of a kind in flight.

use std::collections::BTreeSet;
use std::time::Duration;

use hallpass_base::Timestamp;

use super::observations::next_shared_look;
use super::{Executor, Worked, elapsed, urgency};
use crate::scheduler_state::{Calls, ExecutorMemory};
use crate::{
    AssignmentRow, CenterFault, EndPriority, OperationKind, Over, StoreFault, Urgency, outcome,
};

impl Executor {
    /// Polls all operations of a kind. Finished ones free their slots immediately, and are checked
    /// once listings show the effect.
    pub(super) async fn round(&self, kind: OperationKind) -> Result<Worked, StoreFault> {
        let _round = Round(&self.memory, kind);
        // Read before the AWS call, so that operations accepted in between are not missed.
        let rows = self.store.in_flight(kind).await?;
        let began = self.clock.now();
        let mut left = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        if rows.is_empty() {
            self.memory.note_round(kind, began, left, &self.pace);
            return Ok(Worked::Done { steps: 0 });
        }
        let urgency = rows.iter().map(|row| urgency(row, began)).min();
        let urgency = urgency.unwrap_or(Urgency::End);
        if kind == OperationKind::Delete {
            self.memory
                .note_people(rows.iter().map(|row| &row.key.user));
        }
        let call = self.center.in_progress(kind, urgency);
        match self.call(Calls::Reads, urgency, call).await {
            Ok(listed) => {
                let noted = self.note_over(kind, &rows, began, listed).await?;
                left = left.saturating_sub(noted);
            }
            Err(CenterFault::Refused { reason }) => {
                if self.memory.refuse_round(kind, began) {
                    tracing::warn!(
                        reason,
                        "AWS refuses to list operations in progress, so each is queried separately, which is \
                         slower; `hallpass server doctor --iam-policy` prints the policy that allows it"
                    );
                }
            }
            Err(_) => {}
        }
        self.memory.note_round(kind, began, left, &self.pace);
        Ok(Worked::Done { steps: 1 })
    }

    async fn note_over(
        &self,
        kind: OperationKind,
        rows: &[AssignmentRow],
        began: Timestamp,
        listed: BTreeSet<String>,
    ) -> Result<u32, StoreFault> {
        let expected = self.pace.expected(kind);
        let before = self.memory.swap_seen(kind, began, listed.clone());
        let mut over = Vec::new();
        for row in rows {
            let Some(operation) = &row.execution.operation else {
                continue;
            };
            let Some(operation_id) = operation
                .operation_id
                .as_ref()
                .filter(|it| !listed.contains(*it))
            else {
                continue;
            };
            let took = elapsed(operation.started_at, began);
            // A just accepted operation may not be listed yet.
            if took < expected / 6 {
                continue;
            }
            let seen = before
                .as_ref()
                .filter(|(_, ids)| ids.contains(operation_id));
            let at_least =
                seen.map_or(Duration::ZERO, |(at, _)| elapsed(operation.started_at, *at));
            self.pace.learn(kind, at_least, took);
            over.push(Over {
                key: row.key.clone(),
                operation_id: operation_id.clone(),
            });
        }
        if over.is_empty() {
            return Ok(0);
        }
        let now = self.clock.now();
        let is_at_once = |row: &AssignmentRow| row.desired.haste == EndPriority::AtOnce;
        let due = if rows.iter().any(is_at_once) {
            outcome::LISTING_LAG.after(now)
        } else {
            next_shared_look(outcome::LISTING_LAG.after(now))
        };
        let noted = self.store.note_over(&over, began, due).await?;
        self.memory.note_slot();
        Ok(noted)
    }
}

struct Round<'a>(&'a ExecutorMemory, OperationKind);

impl Drop for Round<'_> {
    fn drop(&mut self) {
        self.0.end_round(self.1);
    }
}

#[cfg(test)]
#[path = "rounds_tests.rs"]
mod tests;
