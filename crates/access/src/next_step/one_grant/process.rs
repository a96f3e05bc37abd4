use std::time::Duration;

use hallpass_assignments::queue::{Queue, Slot, Task, task};
use hallpass_assignments::{
    AssignmentRow, CenterFault, OperationKind, OperationStatus, Ownership, RowAction,
    SentOperation, StepOutcome, Urgency, next,
};
use hallpass_base::{TimeSpan, Timestamp};

use super::aws::{OnTheWay, OperationEnd};
use super::life::{Answer, Asked, Call, Glue, Life, Process, Sent};

const EXPECTED: Duration = Duration::from_secs(2);
const TAKEOVER: TimeSpan = TimeSpan::seconds(3);
/// Lease of a row that its worker does not return.
const LEASE: TimeSpan = TimeSpan::seconds(90);
const TAKES: [TimeSpan; 2] = [TimeSpan::seconds(2), TimeSpan::seconds(7)];
const LATE: [TimeSpan; 2] = [TimeSpan::seconds(3), TimeSpan::seconds(40)];

impl Life {
    pub(super) fn take(&mut self, glue: Glue) -> Result<(), String> {
        let Some(stored) = self.row.clone() else {
            return Ok(());
        };
        let queue = match next(&stored, self.now) {
            RowAction::Begin(_) => Queue::Write(Urgency::Grant, Slot::Account),
            _ => Queue::Step(Urgency::Grant),
        };
        let (before, row, what) = match task(stored.clone(), queue, self.now) {
            Task::Send { before, intent } => {
                let kind = (intent.execution.operation.as_ref())
                    .map_or(OperationKind::Delete, |it| it.kind);
                self.story.sends(kind, self.now, self.grant.ends_at)?;
                if self.story.is_over() && intent.execution.removed_again_at != Some(self.now) {
                    return Err(
                        "a removal after the reported end, of which nothing is known".to_owned(),
                    );
                }
                if glue != Glue::IntentWithAnswer {
                    self.row = Some(AssignmentRow {
                        execution: intent.execution.clone(),
                        ..stored
                    });
                }
                (*before, *intent, Asked::Send(kind))
            }
            Task::Step(row) => {
                let what = match next(&row, self.now) {
                    RowAction::Look => Asked::Look,
                    RowAction::Poll { operation_id, .. } => Asked::Poll(operation_id),
                    RowAction::AskWhy => Asked::Why,
                    RowAction::Settle(verdict) => {
                        let learned = row.clone().learn(
                            &row,
                            StepOutcome::Settled(verdict),
                            self.now,
                            EXPECTED,
                        );
                        self.record(&row, learned, glue);
                        return Ok(());
                    }
                    RowAction::Rest(until) => {
                        let mut learned = (*row).clone();
                        learned.execution.due = learned.execution.due.max(until);
                        self.record(&row, learned, glue);
                        return Ok(());
                    }
                    RowAction::Begin(_) => return Err("an operation out of line".to_owned()),
                };
                ((*row).clone(), *row, what)
            }
        };
        self.process = Process::Calling(Box::new(Call {
            before,
            row,
            what,
            began: self.now,
            showed: self.aws.is_there,
        }));
        Ok(())
    }

    fn record(&mut self, before: &AssignmentRow, learned: AssignmentRow, glue: Glue) {
        let Some(stored) = self.row.take() else {
            return;
        };
        let news = learned.execution.is_news_after(&before.execution) && glue != Glue::NewsLost;
        let mut row = AssignmentRow {
            execution: learned.execution,
            verdict_rev: stored.verdict_rev + u64::from(news),
            ..stored
        };
        if glue == Glue::DesiredWrittenBack {
            row.desired = learned.desired;
        } else if row.desired.rev != learned.desired.rev && glue != Glue::ChangeNotDue {
            row.execution.due = row.execution.due.min(row.desired.asked_at);
        }
        self.row = Some(row);
    }

    pub(super) fn answer(&mut self, answer: Answer, glue: Glue) {
        let Process::Calling(call) = std::mem::replace(&mut self.process, Process::Idle) else {
            return;
        };
        let Call {
            before,
            row,
            what,
            showed,
            ..
        } = *call;
        let mut outcome = match what {
            Asked::Send(kind) => self.sent(kind, answer),
            Asked::Look => self.looked(answer, call.began, showed),
            Asked::Poll(id) => match answer {
                Answer::Unknown => StepOutcome::Polled(OperationStatus::Unknown),
                Answer::None(_) => StepOutcome::ReadFailed(unanswered()),
                _ => StepOutcome::Polled(self.aws.status(&id)),
            },
            Asked::Why => StepOutcome::Asked(None),
        };
        let removes = row
            .execution
            .operation
            .as_ref()
            .is_some_and(|it| it.kind == OperationKind::Delete);
        if glue == Glue::RemovalBelieved && removes && matches!(outcome, StepOutcome::Sent(_)) {
            outcome = StepOutcome::Sent(SentOperation::Done);
        }
        let mut learned = row.learn(&before, outcome, self.now, EXPECTED);
        if glue == Glue::AllOurs && learned.execution.last_present_at.is_some() {
            learned.execution.ownership = Ownership::Ours;
        }
        self.record(&before, learned, glue);
    }

    fn sent(&mut self, kind: OperationKind, answer: Answer) -> StepOutcome {
        let (takes, end) = match answer {
            Answer::True { slow } => (TAKES[usize::from(slow)], OperationEnd::Well),
            Answer::Ends(end) => (TAKES[0], end),
            Answer::None(sent) => {
                self.send_unanswered(kind, sent);
                return StepOutcome::SendFailed(unanswered());
            }
            Answer::Refused => {
                let reason = "not authorized".to_owned();
                return StepOutcome::SendFailed(CenterFault::Refused { reason });
            }
            _ => {
                let message = "rate exceeded".to_owned();
                return StepOutcome::SendFailed(CenterFault::Throttled { message });
            }
        };
        match self.aws.take(kind, self.now, takes, end) {
            Ok(operation_id) => StepOutcome::Sent(SentOperation::InProgress { operation_id }),
            Err(fault) => StepOutcome::SendFailed(fault),
        }
    }

    fn looked(&self, answer: Answer, began: Timestamp, showed: bool) -> StepOutcome {
        let present = match answer {
            Answer::None(_) => return StepOutcome::ReadFailed(unanswered()),
            Answer::AsItBegan => showed,
            Answer::Stale => !self.aws.is_there,
            _ => self.aws.is_there,
        };
        StepOutcome::Looked { at: began, present }
    }

    fn send_unanswered(&mut self, kind: OperationKind, sent: Sent) {
        match sent {
            Sent::Never => {}
            Sent::Now => {
                // AWS accepts no operation while another runs.
                let _: Result<_, CenterFault> =
                    self.aws.take(kind, self.now, TAKES[0], OperationEnd::Well);
            }
            Sent::Late(n) => self.aws.on_the_way.push(OnTheWay {
                kind,
                arrives: LATE[n].after(self.now),
            }),
        }
    }

    pub(super) fn kill(&mut self, frees: bool, sent: Sent) {
        let until = TAKEOVER.after(self.now);
        let process = std::mem::replace(&mut self.process, Process::Stopped { until });
        let Process::Calling(call) = process else {
            return;
        };
        if let Asked::Send(kind) = call.what {
            self.send_unanswered(kind, sent);
        }
        if !frees {
            self.held_until = Some(LEASE.after(call.began));
        }
    }
}

fn unanswered() -> CenterFault {
    let message = "no answer".to_owned();
    CenterFault::Unreachable { message }
}
