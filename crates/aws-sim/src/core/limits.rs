//! Buckets and quotas (`simulator.md` §2.8). Buckets run on virtual time and are not durable.

use std::collections::BTreeMap;

use crate::base::Bucket;
use hallpass_aws_model::facts;

use crate::organization::StatedQuota;

/// Pending asynchronous writes of an instance; not raisable.
pub(crate) const OUTSTANDING: usize = facts::OPERATIONS_OUTSTANDING.count();
/// Pending asynchronous writes of account access manager.
pub(crate) const ENTITLEMENTS_UNDER_WAY: usize = facts::ENTITLEMENTS_UNDER_WAY.count();
pub(crate) const GROUPS_PER_ROLE: usize = facts::GROUPS_PER_ROLE.count();
pub(crate) const PERMISSION_SETS: usize = facts::PERMISSION_SETS.count();
pub(crate) const PROVISIONED_PER_ACCOUNT: usize = facts::PERMISSION_SETS_PER_ACCOUNT.count();
pub(crate) const MANAGED_PER_SET: usize = facts::MANAGED_POLICIES_PER_PERMISSION_SET.count();
pub(crate) const POLICIES_PER_ROLE: usize = facts::MANAGED_POLICIES_PER_ROLE.count();
/// Maximum users, and groups, of an identity store.
pub(crate) const DIRECTORY: usize = facts::DIRECTORY.count();
/// Code of the quota for accounts in an organization.
pub(crate) const ACCOUNTS_QUOTA: &str = "L-E619E033";
const ACCOUNTS: f64 = facts::ACCOUNTS_MOST.value as f64;

pub(crate) fn accounts_max(quotas: &[StatedQuota]) -> f64 {
    let mut all = quotas.iter();
    let stated = all.find(|it| it.code == ACCOUNTS_QUOTA);
    stated.map_or(ACCOUNTS, |it| it.value)
}

pub(crate) type Buckets = BTreeMap<String, Bucket>;
