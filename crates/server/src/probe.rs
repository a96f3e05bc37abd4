use async_trait::async_trait;
use hallpass_base::Timestamp;

#[derive(Clone, Debug)]
pub struct ProbeResult {
    pub name: &'static str,
    pub works: Result<String, String>,
}

#[async_trait]
pub trait ReadinessProbe: Send + Sync {
    async fn probe(&self) -> ProbeResult;

    /// Names the failures of the last probe, for operators. [`probe`](ReadinessProbe::probe) is
    /// public and names nothing.
    fn named(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the outage start if known: a part may report later.
    fn since(&self) -> Option<Timestamp> {
        None
    }

    fn bearing(&self) -> Bearing {
        Bearing::Readiness
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearing {
    /// This node is not ready; another may be.
    Readiness,
    /// No node is ready: this one serves users as well as any other.
    Everywhere,
    Advice,
}
