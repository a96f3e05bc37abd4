//! Where people may be suspended, as far as environment and configuration say.

use std::sync::Arc;

use crate::config::Loaded;
use crate::directories::okta;
use hallpass_org::pci::{ProviderPeople, Providers};

/// Where people may be suspended. What is not set up, or not rightly, is not there: the steps that need it say so, and whoever
/// plans them is told why.
pub fn providers(loaded: &Loaded) -> Providers {
    let okta = okta::suspending().ok().flatten();
    let scim = loaded.pci_scim().ok().flatten();
    Providers {
        okta: okta.map(|it| Arc::new(it) as Arc<dyn ProviderPeople>),
        scim: scim.map(|it| Arc::new(it) as Arc<dyn ProviderPeople>),
    }
}
