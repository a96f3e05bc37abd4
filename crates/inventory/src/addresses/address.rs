//! One address of an account and Region, however often it was seen (`inventory.md` B-7, B-8).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hallpass_base::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::addresses::attached::{AttachedKind, attached};
use crate::addresses::kind::AddressKind;
use crate::addresses::sighting::AddressSighting;

/// Which internet it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressFamily {
    /// The older one.
    Ipv4,
    /// The newer one.
    Ipv6,
}

/// Whose an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressOwner {
    /// An account's: it stays until somebody gives it back.
    Customer,
    /// Amazon's, lent as long as it is used.
    Amazon,
}

/// An address of an account and Region. What nothing said is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundAddress {
    /// The address.
    pub public_ip: IpAddr,
    /// Of which internet.
    pub family: AddressFamily,
    /// In which account.
    pub account_id: AccountId,
    /// In which Region.
    pub region: String,
    /// In which zone.
    pub az: Option<String>,
    /// The resource that describes it best.
    pub resource_id: String,
    /// The type of that resource.
    pub resource_type: String,
    /// The type of the interface.
    pub interface_type: Option<String>,
    /// What uses it.
    pub attached_to: Option<String>,
    /// What kind of thing that is.
    pub attached_kind: AttachedKind,
    /// Whose it is.
    pub owner: Option<AddressOwner>,
    /// Its network.
    pub vpc_id: Option<String>,
    /// Its subnet.
    pub subnet_id: Option<String>,
    /// The private address behind it.
    pub private_ip: Option<String>,
    /// Its name in DNS.
    pub dns_name: Option<String>,
    /// The name of the resource.
    pub name: Option<String>,
    /// What the interface says it is for.
    pub description: Option<String>,
    /// When Config recorded the oldest item that shows it.
    pub capture_time: Option<Timestamp>,
    /// The ways in which it was seen.
    pub sources: BTreeSet<AddressKind>,
    /// Another account or Region is recorded to have it, too: one of them is out of date.
    pub conflict: bool,
}

type AddressKey = (IpAddr, AccountId, String);

/// One row for an address in an account and Region; sorted by address as a number, IPv4 first.
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

/// What all sightings of an address say together: the best first, what it does not say from the next.
fn one_row(mut seen: Vec<AddressSighting>) -> Option<FoundAddress> {
    // of two interfaces that are recorded with one address the newer item is right
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
