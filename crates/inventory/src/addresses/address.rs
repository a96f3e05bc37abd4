//! One address of an account and Region, merged from all sightings (`inventory.md` B-7, B-8).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hallpass_base::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::addresses::attached::{AttachedKind, attached};
use crate::addresses::kind::AddressKind;
use crate::addresses::sighting::AddressSighting;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressFamily {
    Ipv4,
    Ipv6,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressOwner {
    /// Allocated until an account releases it.
    Customer,
    /// Amazon's, while in use.
    Amazon,
}

/// Unreported values are unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundAddress {
    pub public_ip: IpAddr,
    pub family: AddressFamily,
    pub account_id: AccountId,
    pub region: String,
    pub az: Option<String>,
    pub resource_id: String,
    pub resource_type: String,
    pub interface_type: Option<String>,
    pub attached_to: Option<String>,
    pub attached_kind: AttachedKind,
    pub owner: Option<AddressOwner>,
    pub vpc_id: Option<String>,
    pub subnet_id: Option<String>,
    pub private_ip: Option<String>,
    pub dns_name: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    /// Config's capture time of the oldest item with it.
    pub capture_time: Option<Timestamp>,
    pub sources: BTreeSet<AddressKind>,
    /// Also recorded in another account or Region: one of them is outdated.
    pub conflict: bool,
}

type AddressKey = (IpAddr, AccountId, String);

/// Returns one row per address, account and Region, sorted numerically, IPv4 first.
pub fn merged(sightings: Vec<AddressSighting>) -> Vec<FoundAddress> {
    let mut places: BTreeMap<AddressKey, Vec<AddressSighting>> = BTreeMap::new();
    for one in sightings {
        let key = (one.ip, one.account.clone(), one.region.clone());
        places.entry(key).or_default().push(one);
    }
    let mut count: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for (ip, ..) in places.keys() {
        *count.entry(*ip).or_default() += 1;
    }
    let rows = places.into_values().filter_map(one_row);
    let mark = |mut row: FoundAddress| {
        row.conflict = count.get(&row.public_ip).is_some_and(|it| *it > 1);
        row
    };
    rows.map(mark).collect()
}

/// Merges sightings: the best first, missing values from the next.
fn one_row(mut seen: Vec<AddressSighting>) -> Option<FoundAddress> {
    // Of two interfaces with one address, the newer item is right.
    seen.sort_by_key(|it| (it.kind, Reverse(it.captured), it.resource_id.clone()));
    let best = seen.first()?;
    let first = |of: fn(&AddressSighting) -> Option<&String>| seen.iter().find_map(of).cloned();
    let kinds = || seen.iter().map(attached);
    let known =
        kinds().find(|(kind, _)| !matches!(kind, AttachedKind::Other | AttachedKind::Unattached));
    let (attached_kind, attached_to) = known.or_else(|| kinds().next())?;
    let ip_owner = first(|it| it.ip_owner.as_ref());
    Some(FoundAddress {
        public_ip: best.ip,
        family: if best.ip.is_ipv4() {
            AddressFamily::Ipv4
        } else {
            AddressFamily::Ipv6
        },
        account_id: best.account.clone(),
        region: best.region.clone(),
        az: first(|it| it.zone.as_ref()),
        resource_id: best.resource_id.clone(),
        resource_type: best.kind.resource_type().to_owned(),
        interface_type: first(|it| it.interface_type.as_ref()),
        attached_to,
        attached_kind,
        owner: ip_owner.map(|it| {
            if it.starts_with("amazon") {
                AddressOwner::Amazon
            } else {
                AddressOwner::Customer
            }
        }),
        vpc_id: first(|it| it.vpc_id.as_ref()),
        subnet_id: first(|it| it.subnet_id.as_ref()),
        private_ip: first(|it| it.private_ip.as_ref()),
        dns_name: first(|it| it.dns_name.as_ref()),
        name: first(|it| it.name.as_ref()),
        description: first(|it| it.description.as_ref()),
        capture_time: seen.iter().filter_map(|it| it.captured).min(),
        sources: seen.iter().map(|it| it.kind).collect(),
        conflict: false,
    })
}
