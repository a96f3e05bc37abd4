use crate::base::{Millis, Random};
use serde::{Deserialize, Serialize};

use super::instants::{instant, written};
use crate::organization::{InventoryBasis, OrganizationFile};

const PEOPLE: usize = 40;
/// 2026-11-01: default for states of an earlier version.
const EARLIER_AS_OF: Millis = 1_793_491_200_000;

/// Inputs, with the seed, for generated parts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct InventoryFacts {
    /// All generated creations and uses are earlier; absent until the clock starts.
    pub as_of: Option<Millis>,
    pub people: Vec<String>,
}

impl InventoryFacts {
    pub(crate) fn of(file: &OrganizationFile, seed: u64) -> Self {
        let given = file.inventory.clone().unwrap_or_default();
        let drawn = || {
            let users = file.identity_center.users.iter();
            let all: Vec<&String> = users.filter_map(|user| user.email.as_ref()).collect();
            let mut random = Random::new(seed, "inventory people");
            let mut people: Vec<String> = (0..PEOPLE)
                .filter_map(|_| random.pick(&all).map(|email| (*email).clone()))
                .collect();
            people.sort();
            people.dedup();
            people
        };
        Self {
            as_of: instant(given.as_of.as_ref()),
            people: given.people.unwrap_or_else(drawn),
        }
    }

    pub(crate) fn basis(&self) -> InventoryBasis {
        InventoryBasis {
            as_of: self.as_of.map(written),
            people: Some(self.people.clone()),
        }
    }

    pub(crate) fn as_of(&self) -> Millis {
        self.as_of.unwrap_or(EARLIER_AS_OF)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct KeyUse {
    /// Minute precision.
    pub at: Millis,
    pub service: String,
    pub region: String,
}
