//! Buckets and quotas (`simulator.md` §2.8). Buckets run on virtual time and are not durable.

use std::collections::BTreeMap;

use crate::base::Bucket;
use hallpass_aws_model::facts;

use crate::organization::StatedQuota;

/// Outstanding asynchronous writes of an instance; not raisable.
pub(crate) const OUTSTANDING: usize = facts::OPERATIONS_OUTSTANDING.count();
/// Outstanding asynchronous writes of account access manager.
pub(crate) const ENTITLEMENTS_UNDER_WAY: usize = facts::ENTITLEMENTS_UNDER_WAY.count();
/// Groups that are entitled to one role.
pub(crate) const GROUPS_PER_ROLE: usize = facts::GROUPS_PER_ROLE.count();
/// Permission sets of an instance.
pub(crate) const PERMISSION_SETS: usize = facts::PERMISSION_SETS.count();
/// Permission sets provisioned in one account.
pub(crate) const PROVISIONED_PER_ACCOUNT: usize = facts::PERMISSION_SETS_PER_ACCOUNT.count();
/// Managed policies attached to one permission set.
pub(crate) const MANAGED_PER_SET: usize = facts::MANAGED_POLICIES_PER_PERMISSION_SET.count();
/// Managed policies of one role.
pub(crate) const POLICIES_PER_ROLE: usize = facts::MANAGED_POLICIES_PER_ROLE.count();
/// Users, and groups, of an identity store.
pub(crate) const DIRECTORY: usize = facts::DIRECTORY.count();
/// The quota of how many accounts an organization has, by its code.
pub(crate) const ACCOUNTS_QUOTA: &str = "L-E619E033";
/// How many that are where the file says nothing: as many as AWS allows anybody.
const ACCOUNTS: f64 = facts::ACCOUNTS_MOST.value as f64;

/// How many accounts the organization may have.
pub(crate) fn accounts_max(quotas: &[StatedQuota]) -> f64 {
    let mut all = quotas.iter();
    let stated = all.find(|it| it.code == ACCOUNTS_QUOTA);
    stated.map_or(ACCOUNTS, |it| it.value)
}

/// All buckets by name.
pub(crate) type Buckets = BTreeMap<String, Bucket>;
