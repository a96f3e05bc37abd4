//! What readiness asks of the parts of a server.

use async_trait::async_trait;
use hallpass_base::Timestamp;

/// The answer of a part of the server.
#[derive(Clone, Debug)]
pub struct ProbeResult {
    /// The part's name.
    pub name: &'static str,
    /// Whether it works.
    pub works: Result<String, String>,
}

/// A part of the server that readiness depends on.
#[async_trait]
pub trait ReadinessProbe: Send + Sync {
    /// Looks now; answers within a second or two.
    async fn probe(&self) -> ProbeResult;

    /// What does not work, by name, as it was found last: for those who run the place. Anybody may read what
    /// [`probe`](ReadinessProbe::probe) says, and it names nothing.
    fn named(&self) -> Vec<String> {
        Vec::new()
    }

    /// Since when it has not worked, where the part itself knows: it may take its time until it says so.
    fn since(&self) -> Option<Timestamp> {
        None
    }

    /// What follows when it does not work.
    fn bearing(&self) -> Bearing {
        Bearing::Readiness
    }
}

/// What follows when a part does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearing {
    /// The server is not ready, and another node may be.
    Readiness,
    /// The server is not ready, and no node is: people get their answers here as well as anywhere.
    Everywhere,
    /// Somebody has to look; the server works without it.
    Advice,
}
