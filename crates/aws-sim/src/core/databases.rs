//! Databases of RDS: what is known of them. They hold nothing.

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use crate::organization::Speed;

/// A database instance.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimDatabase {
    pub id: String,
    pub class: String,
    pub engine: String,
    pub user: Option<String>,
    pub storage: i64,
    pub created: Millis,
    /// From when it can be used.
    pub available: Millis,
    /// Whether it is reached from outside, as of `changed`; before that it is the other way round while it is modified.
    pub public: bool,
    /// Until when it is being modified.
    pub changed: Option<Millis>,
}

/// What there is in a place, by the identifier of the instance.
pub(crate) type DatabasePlace = (String, String);

impl SimDatabase {
    /// Whether it is reached from outside, as somebody sees it now.
    pub(crate) fn is_public(&self, now: Millis) -> bool {
        match self.changed {
            Some(until) if now < until => !self.public,
            Some(_) | None => self.public,
        }
    }

    /// How it is (Amazon RDS User Guide, "Viewing Amazon RDS DB instance status").
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

/// How long a database is made, and how long it is modified (?).
pub(crate) fn taking(speed: Speed) -> (Millis, Millis) {
    match speed {
        Speed::Real => (300_000, 60_000),
        Speed::Fast => (1_000, 1_500),
        Speed::Instant => (0, 0),
    }
}
