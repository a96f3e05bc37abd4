//! Stored reports, and their differences.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hallpass_base::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::addresses::address::FoundAddress;
use crate::addresses::coverage::UncoveredPlace;
use crate::addresses::kind::AddressKind;
use crate::addresses::live::AddressVerification;

/// Services without interfaces in the account, so absent from reports (`inventory.md` B-4).
pub const NEVER_FOUND: &str = "CloudFront, Global Accelerator, API Gateway, Lightsail, Route 53 and S3 have public \
     addresses that belong to no network interface of an account: they are never found this way";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressReport {
    pub as_of: Timestamp,
    /// The aggregator, or the accounts whose Config was queried.
    pub scope: String,
    pub kinds: BTreeSet<AddressKind>,
    pub addresses: Vec<FoundAddress>,
    /// Places with no data, or no new data.
    pub uncovered: Vec<UncoveredPlace>,
    /// Items skipped as deleted or no longer recorded.
    pub left_out: usize,
    pub verification: Option<AddressVerification>,
    pub never_found: String,
    #[serde(default)]
    pub account_names: BTreeMap<AccountId, String>,
}

impl AddressReport {
    pub fn account_name(&self, account: &AccountId) -> &str {
        self.account_names.get(account).map_or("", String::as_str)
    }

    pub fn oldest(&self) -> Option<Timestamp> {
        self.addresses.iter().filter_map(|it| it.capture_time).min()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeSide {
    New,
    Gone,
    /// Only one report covers its place.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AddressChange {
    pub public_ip: IpAddr,
    pub account_id: AccountId,
    pub region: String,
    pub change: ChangeSide,
    pub resource_id: String,
}

pub fn changes(earlier: &AddressReport, later: &AddressReport) -> Vec<AddressChange> {
    let (before, after) = (places(earlier), places(later));
    let only = |one: &BTreeMap<_, &FoundAddress>,
                other: &BTreeMap<_, &FoundAddress>,
                unknown: &AddressReport,
                change| {
        let missing = one.iter().filter(|(key, _)| !other.contains_key(*key));
        let missing = missing.map(|(_, it)| AddressChange {
            public_ip: it.public_ip,
            account_id: it.account_id.clone(),
            region: it.region.clone(),
            change: if is_uncovered(unknown, it) {
                ChangeSide::Unknown
            } else {
                change
            },
            resource_id: it.resource_id.clone(),
        });
        missing.collect::<Vec<_>>()
    };
    let mut all = only(&after, &before, earlier, ChangeSide::New);
    all.extend(only(&before, &after, later, ChangeSide::Gone));
    all.sort();
    all
}

type AddressPlace<'a> = (IpAddr, &'a AccountId, &'a str);

fn places(report: &AddressReport) -> BTreeMap<AddressPlace<'_>, &FoundAddress> {
    let rows = report.addresses.iter();
    rows.map(|it| ((it.public_ip, &it.account_id, it.region.as_str()), it))
        .collect()
}

fn is_uncovered(report: &AddressReport, address: &FoundAddress) -> bool {
    let mut uncovered = report.uncovered.iter();
    uncovered.any(|it| it.holds(&address.account_id, &address.region))
}
