//! From what IAM of an account is made, and where its keys were used.

use crate::base::{Millis, Random};
use serde::{Deserialize, Serialize};

use super::instants::{instant, written};
use crate::organization::{InventoryBasis, OrganizationFile};

/// People of the directory who may have IAM users, at most.
const PEOPLE: usize = 40;
/// 2026-11-01: in place of an instant that a state of an earlier version does not have.
const EARLIER_AS_OF: Millis = 1_793_491_200_000;

/// From what is made what the organization file leaves out, beside the seed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct InventoryFacts {
    /// Before it everything was made and used; absent until the clock is started.
    pub as_of: Option<Millis>,
    /// Addresses of people who have IAM users.
    pub people: Vec<String>,
}

impl InventoryFacts {
    /// What a file says, or some people of its directory.
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

    /// The same as a file says it.
    pub(crate) fn basis(&self) -> InventoryBasis {
        InventoryBasis {
            as_of: self.as_of.map(written),
            people: Some(self.people.clone()),
        }
    }

    /// Before it everything was made and used.
    pub(crate) fn as_of(&self) -> Millis {
        self.as_of.unwrap_or(EARLIER_AS_OF)
    }
}

/// Where and when an access key signed last.
#[derive(Debug, Clone)]
pub(crate) struct KeyUse {
    /// When, to the minute.
    pub at: Millis,
    /// Signing name of the service.
    pub service: String,
    /// Region of the call.
    pub region: String,
}
