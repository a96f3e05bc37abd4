//! Identity providers for suspending users, from environment and configuration.

use std::sync::Arc;

use crate::config::Loaded;
use crate::directories::okta;
use hallpass_org::pci::{ProviderPeople, Providers};

/// Returns configured providers. Steps and plans report missing or invalid ones.
pub fn providers(loaded: &Loaded) -> Providers {
    let okta = okta::suspending().ok().flatten();
    let scim = loaded.pci_scim().ok().flatten();
    Providers {
        okta: okta.map(|it| Arc::new(it) as Arc<dyn ProviderPeople>),
        scim: scim.map(|it| Arc::new(it) as Arc<dyn ProviderPeople>),
    }
}
