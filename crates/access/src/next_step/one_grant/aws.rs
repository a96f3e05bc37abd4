use hallpass_assignments::{CenterFault, OperationKind, OperationStatus};
use hallpass_base::{TimeSpan, Timestamp};

#[derive(Clone, Debug)]
pub(super) struct Aws {
    pub(super) is_there: bool,
    pub(super) since: Timestamp,
    /// Sent calls that have not arrived.
    pub(super) on_the_way: Vec<OnTheWay>,
    operations: Vec<AwsOperation>,
}

/// A call without a waiting caller.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OperationEnd {
    Well,
    /// AWS reports failure; nothing happened.
    Failed,
    /// AWS reports failure, but the operation took effect.
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
                // Harmless: AWS finishes its present operation first, so this call is refused.
                let _: Result<_, CenterFault> =
                    self.take(call.kind, at, TimeSpan::seconds(1), OperationEnd::Well);
            }
        }
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        let running = self.operations.iter().filter(|it| !it.is_carried_out);
        let arrivals = self.on_the_way.iter().map(|it| it.arrives);
        running.map(|it| it.ends).chain(arrivals).min()
    }

    pub(super) fn expects_create(&self) -> bool {
        let running = self.operations.iter().filter(|it| !it.is_carried_out);
        let arrivals = self.on_the_way.iter().map(|it| it.kind);
        running
            .map(|it| it.kind)
            .chain(arrivals)
            .any(|kind| kind == OperationKind::Create)
    }

    /// AWS accepts the call and returns an id. It runs one operation per account and permission set
    /// at a time.
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
        if kind == OperationKind::Delete && !self.is_there && operation.end == OperationEnd::Well {
            operation.end = OperationEnd::Failed;
        }
        if operation.end != OperationEnd::Failed && self.is_there != makes {
            self.is_there = makes;
            self.since = at;
        }
    }

    pub(super) fn lose(&mut self, now: Timestamp) {
        self.is_there = false;
        self.since = now;
    }

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
