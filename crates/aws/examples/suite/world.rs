use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hallpass_assignments::{
    CenterFault, IdentityCenter, OperationKind, OperationStatus, SentOperation, Urgency,
};
use hallpass_aws::{Aws, Inventory};
use hallpass_base::{
    AccountId, Clock, GroupId, HoldKey, IdSource, PermissionSetArn, Target, Timestamp, UserId,
};
use hallpass_rules::GroupRef;
use uuid::Uuid;

use crate::report::Checked;

const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is a driver's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

pub(crate) struct Ids;

impl IdSource for Ids {
    fn next(&self, now: Timestamp) -> Uuid {
        Uuid::from_u128(now.as_nanosecond().unsigned_abs())
    }
}

pub(crate) struct World {
    pub(crate) aws: Arc<Aws>,
    pub(crate) inventory: Inventory,
    wanted: Arc<Mutex<BTreeSet<GroupRef>>>,
}

pub(crate) struct Fixtures {
    pub(crate) account: AccountId,
    pub(crate) set: PermissionSetArn,
    pub(crate) user: UserId,
    pub(crate) group: GroupId,
}

impl World {
    pub(crate) fn new(aws: Arc<Aws>) -> Self {
        let wanted = Arc::new(Mutex::new(BTreeSet::new()));
        let read = Arc::clone(&wanted);
        let groups = Arc::new(move || read.lock().unwrap_or_else(PoisonError::into_inner).clone());
        Self {
            inventory: Inventory::new(Arc::clone(&aws), groups),
            aws,
            wanted,
        }
    }

    pub(crate) fn want(&self, group: GroupRef) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.insert(group);
    }

    pub(crate) async fn finish(
        &self,
        kind: OperationKind,
        sent: SentOperation,
    ) -> Result<OperationStatus, String> {
        let SentOperation::InProgress { operation_id } = sent else {
            return Ok(OperationStatus::Succeeded);
        };
        let start = Instant::now();
        loop {
            let progress = self
                .aws
                .progress((kind, &operation_id), Urgency::Background);
            match progress.await.map_err(|fault| fault.to_string())? {
                OperationStatus::InProgress if start.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                ended => return Ok(ended),
            }
        }
    }

    pub(crate) async fn held(&self, key: &HoldKey, times: usize) -> Checked {
        eventually(|| async {
            let holders = self.aws.holders(&key.target, Urgency::Background).await;
            let holders = holders.map_err(|fault| fault.to_string())?;
            let count = holders.iter().filter(|user| **user == key.user).count();
            crate::report::equal(&count, &times)
        })
        .await
    }

    pub(crate) async fn take(&self, key: &HoldKey) -> Checked {
        let sent = self
            .aws
            .delete(key, Urgency::End)
            .await
            .map_err(|f| f.to_string())?;
        succeeded(&self.finish(OperationKind::Delete, sent).await?)
    }
}

impl Fixtures {
    pub(crate) fn assignment(&self) -> HoldKey {
        HoldKey {
            user: self.user.clone(),
            target: Target::Account {
                account: self.account.clone(),
                permission_set: self.set.clone(),
            },
        }
    }

    pub(crate) fn membership(&self) -> HoldKey {
        HoldKey {
            user: self.user.clone(),
            target: Target::Group {
                group: self.group.clone(),
            },
        }
    }
}

pub(crate) const NOBODY: &str = "fefefefe-fefe-4efe-8efe-fefefefefefe";

pub(crate) fn succeeded(progress: &OperationStatus) -> Checked {
    crate::report::equal(progress, &OperationStatus::Succeeded)
}

pub(crate) type Ending = Result<OperationStatus, CenterFault>;

/// Repeats a check until it passes, for listings that lag behind.
pub(crate) async fn eventually<F: Future<Output = Checked>>(check: impl Fn() -> F) -> Checked {
    let start = Instant::now();
    loop {
        let checked = check().await;
        if checked.is_ok() || start.elapsed() > PATIENCE / 6 {
            return checked;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
