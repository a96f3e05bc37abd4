//! Passes of `LookupEvents` (`inventory.md` H-7), and how far they reached.

use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};

/// Until when events were looked up, by Region and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct LookupWatermarks(BTreeMap<String, BTreeMap<String, Timestamp>>);

impl LookupWatermarks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn of(&self, region: &str, name: &str) -> Option<Timestamp> {
        self.0.get(region)?.get(name).copied()
    }

    /// With passes that were made to their end.
    pub(crate) fn after(mut self, passes: &[LookupPass]) -> Self {
        for pass in passes {
            let region = self.0.entry(pass.region.clone()).or_default();
            let known = region.entry(pass.name.clone()).or_insert(pass.until);
            *known = (*known).max(pass.until);
        }
        self
    }
}

/// All pages of one name in one Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupPass {
    /// Where it is asked.
    pub region: String,
    /// The name of the events.
    pub name: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}
