//! Channels with buttons: opens those of the configuration.

mod slack;

use std::sync::Arc;

use hallpass_access::identity::Identity;
use hallpass_access::{Access, Channel};
use hallpass_app::config::InteractiveSettings;
use hallpass_app::host::server_store::ServerStore;
use hallpass_base::Clock;
use hallpass_server::ChannelWebhook;
use hallpass_terminal::exit::Failure;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(super) struct InteractiveChannel {
    /// None if it is not configured.
    pub(super) channel: Option<Arc<dyn Channel>>,
    pub(super) webhook: ChannelWebhook,
    pub(super) spawn_tasks: SpawnTasks,
}

type SpawnTasks = Box<dyn Fn(&mut JoinSet<()>, &watch::Sender<bool>) + Send + Sync>;

type ChannelPorts<'a> = (
    &'a Arc<Access>,
    &'a Arc<Identity>,
    &'a ServerStore,
    &'a Arc<dyn Clock>,
);

pub(super) fn open(
    wanted: InteractiveSettings,
    ports: ChannelPorts<'_>,
) -> Result<Vec<InteractiveChannel>, Failure> {
    Ok(vec![slack::open(wanted.slack, ports)?])
}
