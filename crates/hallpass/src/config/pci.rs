//! `[pci]`: what tells of passwords and sign-ins in an organization's log, besides what AWS writes.

use hallpass_activity::{EventName, PciRules};
use serde::Deserialize;

use super::Loaded;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Pci {
    password_events: Option<Vec<EventName>>,
    portal_hosts: Vec<String>,
}

impl Loaded {
    /// Which events of a store count.
    pub(crate) fn pci_rules(&self, identity_store_id: String) -> PciRules {
        let pci = &self.config.pci;
        let mut rules = PciRules::of_store(identity_store_id);
        if let Some(events) = &pci.password_events {
            rules.password_events.clone_from(events);
        }
        rules.portal_hosts.clone_from(&pci.portal_hosts);
        rules
    }
}
