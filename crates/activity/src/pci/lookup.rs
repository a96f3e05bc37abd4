//! Passes of `LookupEvents` (`inventory.md` H-7), and their extent.

use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};

/// The end of lookups, by Region and name.
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

    /// Adds completed passes.
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
    pub region: String,
    pub name: String,
    pub from: Timestamp,
    pub until: Timestamp,
}
