//! A report that is kept, and what changed between two.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hallpass_base::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::addresses::address::FoundAddress;
use crate::addresses::coverage::UncoveredPlace;
use crate::addresses::kind::AddressKind;
use crate::addresses::live::AddressVerification;

/// What is in no interface of an account, and so in no such report (`inventory.md` B-4).
pub const NEVER_FOUND: &str = "CloudFront, Global Accelerator, API Gateway, Lightsail, Route 53 and S3 have public \
     addresses that belong to no network interface of an account: they are never found this way";

/// What was found, and where nothing could be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressReport {
    /// When it was made.
    pub as_of: Timestamp,
    /// Who was asked: an aggregator, or Config in which accounts.
    pub scope: String,
    /// What was looked for.
    pub kinds: BTreeSet<AddressKind>,
    /// What was found.
    pub addresses: Vec<FoundAddress>,
    /// Where nothing, or nothing new, could be found.
    pub uncovered: Vec<UncoveredPlace>,
    /// Items that were deleted or are not recorded any more, and left out.
    pub left_out: usize,
    /// What EC2 says at this moment; none where it was not asked.
    pub verification: Option<AddressVerification>,
    /// What is never found.
    pub never_found: String,
    /// The names of accounts, as far as they are known.
    #[serde(default)]
    pub account_names: BTreeMap<AccountId, String>,
}

impl AddressReport {
    /// The name of an account; empty where it is not known.
    pub fn account_name(&self, account: &AccountId) -> &str {
        self.account_names.get(account).map_or("", String::as_str)
    }

    /// When the oldest item was recorded.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.addresses.iter().filter_map(|it| it.capture_time).min()
    }
}

/// What became of an address between two reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeSide {
    /// It came.
    New,
    /// It went.
    Gone,
    /// Only one of the reports knows its place.
    Unknown,
}

/// An address that only one of two reports has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AddressChange {
    /// The address.
    pub public_ip: IpAddr,
    /// The account.
    pub account_id: AccountId,
    /// The Region.
    pub region: String,
    /// What became of it.
    pub change: ChangeSide,
    /// What had or has it.
    pub resource_id: String,
}

/// What changed from one report to the next, by address.
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
