use std::sync::Arc;

use crate::host::server_store::ServerStore;
use hallpass_access::{DirectorySource, Ports};
use hallpass_aws::{Aws, Inventory};
use hallpass_base::{Clock, IdSource};

pub fn journey(
    store: &Arc<ServerStore>,
    aws: &Arc<Aws>,
    directory: &Arc<Inventory>,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn IdSource>,
) -> Ports {
    Ports {
        store: Arc::clone(store) as Arc<dyn hallpass_access::AccessStore>,
        assignments: Arc::clone(store) as Arc<dyn hallpass_assignments::AssignmentStore>,
        sweeps: Arc::clone(store) as Arc<dyn hallpass_access::SweepStore>,
        campaigns: Arc::clone(store) as Arc<dyn hallpass_access::CampaignStore>,
        group_sync: Arc::clone(store) as Arc<dyn hallpass_access::GroupSyncStore>,
        standing: Arc::clone(aws) as Arc<dyn hallpass_access::StandingSource>,
        directory: Arc::clone(directory) as Arc<dyn DirectorySource>,
        clock: Arc::clone(clock),
        ids: Arc::clone(ids),
    }
}
