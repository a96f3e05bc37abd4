//! AWS as one account assignment sees it: what is there, what listings show, and calls on their way.

use hallpass_assignments::{CenterFault, OperationKind, OperationStatus};
use hallpass_base::{TimeSpan, Timestamp};

/// AWS's side of one account assignment.
#[derive(Clone, Debug)]
pub(super) struct Aws {
    /// Whether the access is there.
    pub(super) is_there: bool,
    /// Since when it is as it is.
    pub(super) since: Timestamp,
    /// Calls that were sent and have not arrived.
    pub(super) on_the_way: Vec<OnTheWay>,
    /// What it was asked for, the newest last.
    operations: Vec<AwsOperation>,
}

/// A call that nobody waits for any more.
#[derive(Clone, Debug)]
pub(super) struct OnTheWay {
    pub(super) kind: OperationKind,
    pub(super) arrives: Timestamp,
}

#[derive(Clone, Debug)]
struct AwsOperation {
    kind: OperationKind,
    ends: Timestamp,
    end: OperationEnd,
    is_carried_out: bool,
}

/// How an operation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OperationEnd {
    /// As it should.
    Well,
    /// AWS says that it failed, and nothing of it happened.
    Failed,
    /// AWS says that it failed, and it happened all the same.
    FailedInWords,
}

impl Aws {
    pub(super) fn new(is_there: bool, since: Timestamp) -> Self {
        Self {
            is_there,
            since,
            on_the_way: Vec::new(),
            operations: Vec::new(),
        }
    }

    /// Everything up to this instant happens, in its order.
    pub(super) fn pass(&mut self, now: Timestamp) {
        while let Some(at) = self.next().filter(|at| *at <= now) {
            if let Some(n) = self
                .operations
                .iter()
                .position(|it| !it.is_carried_out && it.ends == at)
            {
                self.carry_out(n);
            } else if let Some(n) = self.on_the_way.iter().position(|it| it.arrives == at) {
                let call = self.on_the_way.remove(n);
                // it stands in nobody's way: what AWS works on goes first, and this is refused
                let _: Result<_, CenterFault> =
                    self.take(call.kind, at, TimeSpan::seconds(1), OperationEnd::Well);
            }
        }
    }

    /// When something happens next without anybody asking.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let running = self.operations.iter().filter(|it| !it.is_carried_out);
        let arrivals = self.on_the_way.iter().map(|it| it.arrives);
        running.map(|it| it.ends).chain(arrivals).min()
    }

    /// Whether a create may still take effect.
    pub(super) fn expects_create(&self) -> bool {
        let running = self.operations.iter().filter(|it| !it.is_carried_out);
        let arrivals = self.on_the_way.iter().map(|it| it.kind);
        running
            .map(|it| it.kind)
            .chain(arrivals)
            .any(|kind| kind == OperationKind::Create)
    }

    /// AWS takes the call, and says under which id. It works on one operation of an account and permission set at a time.
    pub(super) fn take(
        &mut self,
        kind: OperationKind,
        now: Timestamp,
        takes: TimeSpan,
        end: OperationEnd,
    ) -> Result<String, CenterFault> {
        if self.operations.iter().any(|it| !it.is_carried_out) {
            let message = "another operation is in progress".to_owned();
            return Err(CenterFault::Conflict { message });
        }
        self.operations.push(AwsOperation {
            kind,
            ends: takes.after(now),
            end,
            is_carried_out: false,
        });
        Ok((self.operations.len() - 1).to_string())
    }

    fn carry_out(&mut self, n: usize) {
        let Some(operation) = self.operations.get_mut(n) else {
            return;
        };
        operation.is_carried_out = true;
        let (kind, at) = (operation.kind, operation.ends);
        let makes = kind == OperationKind::Create;
        // there is nothing to remove
        if kind == OperationKind::Delete && !self.is_there && operation.end == OperationEnd::Well {
            operation.end = OperationEnd::Failed;
        }
        if operation.end != OperationEnd::Failed && self.is_there != makes {
            self.is_there = makes;
            self.since = at;
        }
    }

    /// Somebody else removes the access.
    pub(super) fn lose(&mut self, now: Timestamp) {
        self.is_there = false;
        self.since = now;
    }

    /// How the operation of that id goes.
    pub(super) fn status(&self, id: &str) -> OperationStatus {
        let found = id.parse().ok().and_then(|n: usize| self.operations.get(n));
        match found {
            None => OperationStatus::Unknown,
            Some(it) if !it.is_carried_out => OperationStatus::InProgress,
            Some(it) if it.end == OperationEnd::Well => OperationStatus::Succeeded,
            Some(it) => OperationStatus::Failed {
                reason: format!("{} failed", it.kind.name()),
            },
        }
    }
}
