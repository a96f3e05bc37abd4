//! Our AWS client: IAM Identity Center, its directory and the organization, behind the ports of
//! the cores. Every request goes through one rationed, timed and counted [`call`]; the SDK's own
//! retries are off, because a create repeated blindly may happen twice.
//!
//! Knows nothing of requests, grants or rules; decides nothing.
#![warn(missing_docs)]

mod connect;
mod dates;
mod settings;
mod transport;

mod center;
mod inventory;
mod policies;
mod standing;

mod head_key;
mod objects;
mod signed;
mod xml;

mod bucket;
mod call;
mod fault;
mod jitter;
mod pages;

mod actions;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod fake_http;

use std::fmt;
use std::sync::Arc;

use hallpass_model::Clock;

pub use actions::{Action, BUCKET_ACTIONS, KEY_ACTIONS, Need, OBJECT_ACTIONS, actions};
pub use connect::{About, ConnectError, Place, connect};
pub use dates::{DateListener, Dated};
pub use head_key::KmsKey;
pub use inventory::{GroupsToRead, Inventory, Policies};
pub use objects::{BucketPlace, BucketProblem, LockMode, Objects, Retention};
pub use settings::{Credentials, Settings, Survey};

use crate::call::Line;

/// A connection: clients, ration cards, and what was found while connecting. Implements
/// [`IdentityCenter`](hallpass_assignments::IdentityCenter).
pub struct Aws {
    sso: aws_sdk_ssoadmin::Client,
    store: aws_sdk_identitystore::Client,
    org: aws_sdk_organizations::Client,
    sts: aws_sdk_sts::Client,
    sso_line: Line,
    store_line: Line,
    org_line: Line,
    sts_line: Line,
    clock: Arc<dyn Clock>,
    about: About,
}

impl Aws {
    /// What was found while connecting.
    pub fn about(&self) -> &About {
        &self.about
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}
