//! Compares EC2's present state with Config (`inventory.md` B-11).

use std::collections::BTreeSet;
use std::net::IpAddr;

use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::addresses::address::FoundAddress;
use crate::addresses::coverage::UncoveredPlace;
use crate::addresses::read::text;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiveAddress {
    pub ip: IpAddr,
    pub account: AccountId,
    pub region: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceSide {
    /// Only in Config: released since.
    OnlyConfig,
    /// Only in EC2: not recorded yet.
    OnlyLive,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressDifference {
    pub public_ip: IpAddr,
    pub account_id: AccountId,
    pub region: String,
    pub side: DifferenceSide,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressVerification {
    pub differences: Vec<AddressDifference>,
    /// Places without an answer.
    pub unverified: Vec<UncoveredPlace>,
}

pub fn interface_addresses(answer: &Value) -> Vec<IpAddr> {
    let interfaces = rows(answer, "NetworkInterfaces");
    let addresses = interfaces.flat_map(|it| {
        let further = rows(it, "PrivateIpAddresses");
        std::iter::once(it).chain(further)
    });
    let public = addresses.filter_map(|it| text(it.get("Association")?, "PublicIp"));
    public.filter_map(|it| it.parse().ok()).collect()
}

pub fn elastic_addresses(answer: &Value) -> Vec<IpAddr> {
    let public = rows(answer, "Addresses").filter_map(|it| text(it, "PublicIp"));
    public.filter_map(|it| it.parse().ok()).collect()
}

fn rows<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let rows = answer.get(name).and_then(Value::as_array);
    rows.into_iter().flatten()
}

/// Compares places where EC2 answered. Ignores IPv6.
pub fn differences(
    recorded: &[FoundAddress],
    live: &BTreeSet<LiveAddress>,
    asked: &BTreeSet<(AccountId, String)>,
) -> Vec<AddressDifference> {
    let recorded = recorded.iter().filter(|it| it.public_ip.is_ipv4());
    let recorded: BTreeSet<LiveAddress> = recorded
        .filter(|it| asked.contains(&(it.account_id.clone(), it.region.clone())))
        .map(|it| LiveAddress {
            ip: it.public_ip,
            account: it.account_id.clone(),
            region: it.region.clone(),
        })
        .collect();
    let one = |it: &LiveAddress, side| AddressDifference {
        public_ip: it.ip,
        account_id: it.account.clone(),
        region: it.region.clone(),
        side,
    };
    let gone = recorded.difference(live);
    let gone = gone.map(|it| one(it, DifferenceSide::OnlyConfig));
    let new = live.difference(&recorded);
    let new = new.map(|it| one(it, DifferenceSide::OnlyLive));
    let mut all: Vec<AddressDifference> = gone.chain(new).collect();
    all.sort();
    all
}
