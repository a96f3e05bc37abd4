use std::sync::Arc;

use hallpass_access::identity::{Identity, SessionStore, TokenStore};
use hallpass_access::{Access, ActivityLogs, PolicySource};
use hallpass_activity::PciStore;
use hallpass_audit::AuditStore;
use hallpass_base::Clock;
use hallpass_plans::PlanStore;

use crate::{
    AccessSnapshots, ChannelWebhook, Connections, Rates, ReadinessProbe, ServerStatus,
    SessionSettings, SetupPart, SignIn,
};

#[derive(Clone)]
pub struct PersonaCard {
    pub email: String,
    pub name: String,
    pub role: String,
    pub token: String,
}

#[derive(Clone)]
pub enum ServerMode {
    /// A simulated organization on this machine; pages are public.
    Demo {
        personas: Vec<PersonaCard>,
        aws_endpoint: String,
        program: String,
    },
    /// A real organization; pages need a sign-in.
    Serve,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub access: Arc<Access>,
    pub audit: Arc<dyn AuditStore>,
    pub tokens: Arc<dyn TokenStore>,
    pub sessions: Arc<dyn SessionStore>,
    pub session_settings: SessionSettings,
    pub sign_in: Arc<SignIn>,
    pub identity: Arc<Identity>,
    pub clock: Arc<dyn Clock>,
    pub rates: Arc<Rates>,
    pub connections: Connections,
    pub probes: Arc<Vec<Arc<dyn ReadinessProbe>>>,
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub webhooks: Arc<Vec<ChannelWebhook>>,
    pub policies: Arc<dyn PolicySource>,
    pub snapshots: Option<Arc<dyn AccessSnapshots>>,
    pub plans: Arc<dyn PlanStore>,
    pub pci: Option<Arc<dyn PciStore>>,
    pub activity: Option<Arc<dyn ActivityLogs>>,
    pub status: Arc<ServerStatus>,
    /// Empty in the demo, which has no configuration.
    pub setup: Arc<Vec<SetupPart>>,
    pub mode: Arc<ServerMode>,
    pub version: &'static str,
    /// Ends event streams at shutdown.
    pub stopping: tokio::sync::watch::Receiver<bool>,
}

impl App {
    /// Calls exempt from rate limits must be cheap, whatever they contain.
    pub(crate) fn limits_rate(&self, path: &str) -> bool {
        let of_monitors = ["/healthz", "/readyz", "/metrics"].contains(&path);
        let of_channels = self.webhooks.iter().any(|it| it.paths.contains(&path));
        !of_monitors && !of_channels && !path.starts_with("/static/")
    }
}
