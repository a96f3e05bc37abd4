//! Account activity for the server, read on demand next to the activity table.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::ActivityLogs;
use hallpass_activity::AccountActivity;
use hallpass_app::host::activity_days;
use hallpass_app::host::snapshots_at::SnapshotsAt;
use hallpass_base::AccountId;
use jiff::civil::Date;

struct InFolder {
    folder: PathBuf,
}

pub(super) fn known(
    given: Option<Arc<dyn ActivityLogs>>,
    snapshots: Option<&SnapshotsAt>,
) -> Option<Arc<dyn ActivityLogs>> {
    given.or_else(|| beside(snapshots))
}

/// Only for snapshots in a folder.
fn beside(snapshots: Option<&SnapshotsAt>) -> Option<Arc<dyn ActivityLogs>> {
    let folder = snapshots?.folder()?;
    Some(Arc::new(InFolder { folder }))
}

#[async_trait]
impl ActivityLogs for InFolder {
    async fn of(&self, account: &AccountId, days: &[Date]) -> Result<AccountActivity, String> {
        let (folder, account, days) = (self.folder.clone(), account.clone(), days.to_vec());
        let read = tokio::task::spawn_blocking(move || {
            let read = || activity_days::read(&folder, account.as_str(), &days);
            match read() {
                // replaced after the manifest was read: the current manifest names the new files
                Err(error) if error.kind() == io::ErrorKind::NotFound => read(),
                read => read,
            }
        });
        let read = read.await.map_err(|error| error.to_string())?;
        read.map_err(|error| error.to_string())
    }
}
