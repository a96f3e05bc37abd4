//! The AWS client: IAM Identity Center, its directory and the organization, behind the cores'
//! ports. Every request uses one rate-limited, timed and counted [`call`]; the SDK's retries are
//! off, because a repeated create may happen twice. Knows no requests, grants or rules; decides
//! nothing.

mod connect;
mod connect_error;
mod dates;
mod settings;
mod transport;
mod which_instance;

mod center;
mod instance;
mod instance_regions;
mod inventory;
mod permission_sets;
mod policies;
mod standing;
mod vending;

mod database_token;
mod head_key;
mod objects;
mod signed;
mod signing_clock;
mod snapshots_at;

mod fanout;

pub mod answer_body;
pub mod portal_address;
mod xml;

mod bucket;
mod call;
mod call_span;
mod fault;
mod jitter;
mod key_watch;
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
use std::time::Duration;

use hallpass_assignments::{OutageWatch, Urgency};
use hallpass_base::Clock;

pub use actions::{
    BUCKET_ACTIONS, KEY_ACTIONS, Need, NeededAction, OBJECT_ACTIONS, POLICY_TEXT_ACTIONS, actions,
};
pub use connect::{ConnectedOrganization, OwnAccountRole, connect};
pub use connect_error::ConnectError;
pub use database_token::{DatabaseTokens, database_region};
pub use dates::{DateListener, Dated};
pub use fanout::{
    AccountsToFind, AnyOperation, EntitlementClient, FanoutAccess, FanoutCalls, FindingClient,
    OrganizationCalls, OrganizationUnits, ResultWriter, RoleToAssume, SqsQueue, is_passing,
};
pub use head_key::KmsKey;
pub use instance::{InstanceFacts, PermissionSetUse};
pub use instance_regions::{InstanceRegion, InstanceRegionState};
pub use inventory::{
    AttributesToRead, GroupsToRead, Inventory, ManagedTexts, Policies, TagPace, TagsToRead,
    UntoldTags,
};
pub use key_watch::UnusableKey;
pub use objects::{
    BucketError, BucketFile, BucketFiles, BucketFolder, BucketPlace, BucketProblem, LockMode,
    Objects, Retention, is_plain_path,
};
pub use permission_sets::PermissionSets;
pub use request_ids::with_request_ids;
pub use settings::{AwsClientSettings, Credentials, KnownInstance, Survey};
pub use snapshots_at::SnapshotsAt;
pub use which_instance::InstanceSource;

use crate::call::{Deadline, ServiceClient};
use crate::instance_regions::RegionMemory;
use crate::key_watch::KeyWatch;
use crate::which_instance::WhichInstance;

const KEY_LOOK_MAX: Duration = Duration::from_secs(2);
const CENTER_LOOK_MAX: Duration = Duration::from_secs(5);

/// A connection. Implements [`IdentityCenter`](hallpass_assignments::IdentityCenter).
pub struct Aws {
    sso: aws_sdk_ssoadmin::Client,
    store: aws_sdk_identitystore::Client,
    org: aws_sdk_organizations::Client,
    sts: aws_sdk_sts::Client,
    sso_line: ServiceClient,
    store_line: ServiceClient,
    org_line: ServiceClient,
    sts_line: ServiceClient,
    center: Arc<OutageWatch>,
    keys: [Arc<KeyWatch>; 2],
    organizations: Arc<OutageWatch>,
    regions: RegionMemory,
    clock: Arc<dyn Clock>,
    about: ConnectedOrganization,
    which: WhichInstance,
}

impl Aws {
    /// Calls to Identity Center's administration, averaged over the last ten seconds: subject to
    /// the quota of 20.
    pub fn calls_per_second(&self) -> f64 {
        self.sso_line.per_second()
    }

    /// From now on sends writes to Identity Center, its directory or Organizations only if
    /// `may_write` allows it directly before sending; otherwise
    /// [`hallpass_assignments::CenterFault::NotSent`].
    pub fn guard_writes(&self, may_write: Arc<dyn Fn() -> bool + Send + Sync>) {
        let gate = call::WriteGate(may_write);
        for line in [&self.sso_line, &self.store_line, &self.org_line] {
            line.guard_writes(&gate);
        }
    }

    /// Whether IAM Identity Center and its directory answer.
    pub fn center_silence(&self) -> Arc<OutageWatch> {
        Arc::clone(&self.center)
    }

    /// Since when IAM Identity Center, or its directory, cannot use its customer managed key;
    /// `None` while both can. Checks again after some seconds, with a listing of one row: otherwise
    /// the trouble would last until the next call.
    pub async fn unusable_key(&self) -> Option<UnusableKey> {
        let [center, directory] = &self.keys;
        let (now, pace) = (
            self.clock.now(),
            Deadline::within(Urgency::Background, KEY_LOOK_MAX),
        );
        // the call records the result
        if center.is_to_be_asked(now) {
            self.ask_for_one_set(pace).await;
        }
        if directory.is_to_be_asked(now) {
            let ask = self.store.list_users().max_results(1);
            let ask = ask.identity_store_id(&self.about.identity_store_id);
            let answer = self
                .store_line
                .read("ListUsers", pace, || ask.clone().send());
            drop(answer.await);
        }
        let found = self.keys.iter().filter_map(|key| key.unusable());
        found.min_by_key(|it| it.since)
    }

    /// Makes a small call to IAM Identity Center's administration, so that [`Aws::center_silence`]
    /// knows whether it answers. A refusal is an answer.
    pub async fn ask_center(&self) {
        let pace = Deadline::within(Urgency::Background, CENTER_LOOK_MAX);
        self.ask_for_one_set(pace).await;
    }

    /// Only during an outage: its end must be detected without other calls.
    pub async fn ask_center_if_lost(&self) {
        if self.center.lost_since(self.clock.now()).is_some() {
            self.ask_center().await;
        }
    }

    /// The call records the result.
    async fn ask_for_one_set(&self, pace: Deadline) {
        let ask = self.sso.list_permission_sets().max_results(1);
        let ask = ask.instance_arn(&self.about.instance_arn);
        let answer = self
            .sso_line
            .read("ListPermissionSets", pace, || ask.clone().send());
        drop(answer.await);
    }

    /// Whether AWS Organizations answers. It is elsewhere than Identity Center: if both are down,
    /// suspect the own network.
    pub fn organizations_silence(&self) -> Arc<OutageWatch> {
        Arc::clone(&self.organizations)
    }

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
