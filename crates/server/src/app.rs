//! What every handler has at hand.

use std::sync::Arc;

use hallpass_access::identity::{Identity, SessionStore, TokenStore};
use hallpass_access::{Access, ActivityLogs, PolicySource};
use hallpass_activity::PciStore;
use hallpass_audit::AuditStore;
use hallpass_base::Clock;
use hallpass_plans::PlanStore;

use crate::{
    AccessSnapshots, Connections, Rates, ReadinessProbe, ServerStatus, SessionSettings, SignIn,
    SlackDoor,
};

/// A person of the demo, for its sign-in.
#[derive(Clone)]
pub struct PersonaCard {
    /// E-mail.
    pub email: String,
    /// Name.
    pub name: String,
    /// What they are there for.
    pub role: String,
    /// The token to act as them. Handed out to this machine only.
    pub token: String,
}

/// What the pages are about.
#[derive(Clone)]
pub enum ServerMode {
    /// A simulated organization on this machine: the page shows what is live to anyone here.
    Demo {
        /// Who one can act as.
        personas: Vec<PersonaCard>,
        /// Where the simulated AWS answers.
        aws_endpoint: String,
        /// How the program was called, for commands to copy.
        program: String,
    },
    /// A real organization: the page says how to sign in and shows nothing else.
    Serve,
}

/// Everything handlers use. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The journey.
    pub access: Arc<Access>,
    /// The log, for reading.
    pub audit: Arc<dyn AuditStore>,
    /// API tokens.
    pub tokens: Arc<dyn TokenStore>,
    /// Sessions of people who signed in.
    pub sessions: Arc<dyn SessionStore>,
    /// Their limits.
    pub session_settings: SessionSettings,
    /// How people sign in.
    pub sign_in: Arc<SignIn>,
    /// Who people are and which roles they have.
    pub identity: Arc<Identity>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How fast one source may call.
    pub rates: Arc<Rates>,
    /// Connections of callers, and event streams.
    pub connections: Connections,
    /// What readiness asks.
    pub probes: Arc<Vec<Arc<dyn ReadinessProbe>>>,
    /// Renders the metrics of this process.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Who answers Slack.
    pub slack: SlackDoor,
    /// What permission sets allow.
    pub policies: Arc<dyn PolicySource>,
    /// What snapshots say of access, where their folder is named.
    pub snapshots: Option<Arc<dyn AccessSnapshots>>,
    /// Plans that commands made.
    pub plans: Arc<dyn PlanStore>,
    /// How old passwords are and who is not there, where that is looked at.
    pub pci: Option<Arc<dyn PciStore>>,
    /// What logs say of accounts, where that folder is named.
    pub activity: Option<Arc<dyn ActivityLogs>>,
    /// What pages know besides the store.
    pub status: Arc<ServerStatus>,
    /// What the pages are about.
    pub mode: Arc<ServerMode>,
    /// Version of the product.
    pub version: &'static str,
    /// Ends event streams when the server stops.
    pub stopping: tokio::sync::watch::Receiver<bool>,
}
