//! Our AWS client: IAM Identity Center, its directory and the organization, behind the ports of
//! the cores. Every request goes through one rate-limited, timed and counted [`call`]; the SDK's own
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
mod permission_sets;
mod policies;
mod standing;
mod vending;

mod head_key;
mod objects;
mod signed;
mod signing_clock;

mod fanout;

pub mod answer_body;
mod xml;

mod bucket;
mod call;
mod fault;
mod jitter;
mod other_access;
mod pages;
mod request_ids;

mod actions;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod fake_http;
#[cfg(test)]
mod fuzz;

use std::fmt;
use std::sync::Arc;

use hallpass_model::Clock;

pub use actions::{BUCKET_ACTIONS, KEY_ACTIONS, Need, NeededAction, OBJECT_ACTIONS, actions};
pub use connect::{ConnectError, ConnectedOrganization, OwnAccountRole, connect};
pub use dates::{DateListener, Dated};
pub use fanout::{
    AccountsToFind, AnyOperation, FanoutAccess, FanoutCalls, FindingClient, OrganizationCalls,
    OrganizationUnits, ResultWriter, RoleToAssume, SqsQueue, is_passing,
};
pub use head_key::KmsKey;
pub use inventory::{GroupsToRead, Inventory, Policies};
pub use objects::{
    BucketError, BucketFile, BucketFiles, BucketFolder, BucketPlace, BucketProblem, LockMode,
    Objects, Retention, is_plain_path,
};
pub use permission_sets::PermissionSets;
pub use request_ids::with_request_ids;
pub use settings::{AwsClientSettings, Credentials, Survey};

use crate::call::ServiceClient;

/// A connection: clients, rate limiters, and what was found while connecting. Implements
/// [`IdentityCenter`](hallpass_assignments::IdentityCenter).
pub struct Aws {
    sso: aws_sdk_ssoadmin::Client,
    store: aws_sdk_identitystore::Client,
    org: aws_sdk_organizations::Client,
    sts: aws_sdk_sts::Client,
    sso_line: ServiceClient,
    store_line: ServiceClient,
    org_line: ServiceClient,
    sts_line: ServiceClient,
    clock: Arc<dyn Clock>,
    about: ConnectedOrganization,
}

impl Aws {
    /// How many calls a second went to Identity Center's administration over the last ten seconds: what
    /// the quota of 20 is about.
    pub fn calls_per_second(&self) -> f64 {
        self.sso_line.per_second()
    }

    /// What was found while connecting.
    pub fn about(&self) -> &ConnectedOrganization {
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
