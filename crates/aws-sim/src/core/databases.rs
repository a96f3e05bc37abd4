//! RDS databases: metadata only, no data.

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use crate::organization::Speed;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimDatabase {
    pub id: String,
    pub class: String,
    pub engine: String,
    pub user: Option<String>,
    pub storage: i64,
    pub created: Millis,
    pub available: Millis,
    /// Public access as of `changed`; inverted until then.
    pub public: bool,
    pub changed: Option<Millis>,
}

/// Keyed by instance identifier.
pub(crate) type DatabasePlace = (String, String);

impl SimDatabase {
    /// Whether public access is currently visible.
    pub(crate) fn is_public(&self, now: Millis) -> bool {
        match self.changed {
            Some(until) if now < until => !self.public,
            Some(_) | None => self.public,
        }
    }

    pub(crate) fn status(&self, now: Millis) -> &'static str {
        if now < self.available {
            return "creating";
        }
        match self.changed {
            Some(until) if now < until => "modifying",
            Some(_) | None => "available",
        }
    }
}

/// Duration of creation and of modification (?).
pub(crate) fn taking(speed: Speed) -> (Millis, Millis) {
    match speed {
        Speed::Real => (300_000, 60_000),
        Speed::Fast => (1_000, 1_500),
        Speed::Instant => (0, 0),
    }
}
