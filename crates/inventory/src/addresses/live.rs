//! What EC2 says at this moment, and in what Config differs (`inventory.md` B-11).

use std::collections::BTreeSet;
use std::net::IpAddr;

use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::addresses::address::FoundAddress;
use crate::addresses::coverage::UncoveredPlace;
use crate::addresses::read::text;

/// An IPv4 address that an account has in a Region at this moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiveAddress {
    /// The address.
    pub ip: IpAddr,
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: String,
}

/// Who alone has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceSide {
    /// Config: it is gone since.
    OnlyConfig,
    /// EC2: Config has not recorded it.
    OnlyLive,
}

/// An address that Config and EC2 do not both have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressDifference {
    /// The address.
    pub public_ip: IpAddr,
    /// The account.
    pub account_id: AccountId,
    /// The Region.
    pub region: String,
    /// Who has it.
    pub side: DifferenceSide,
}

/// What came of asking EC2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressVerification {
    /// In what it differs from Config.
    pub differences: Vec<AddressDifference>,
    /// Where it did not answer.
    pub unverified: Vec<UncoveredPlace>,
}

/// The addresses in an answer of `DescribeNetworkInterfaces`.
pub fn interface_addresses(answer: &Value) -> Vec<IpAddr> {
    let interfaces = rows(answer, "NetworkInterfaces");
    let addresses = interfaces.flat_map(|it| {
        let further = rows(it, "PrivateIpAddresses");
        std::iter::once(it).chain(further)
    });
    let public = addresses.filter_map(|it| text(it.get("Association")?, "PublicIp"));
    public.filter_map(|it| it.parse().ok()).collect()
}

/// The addresses in an answer of `DescribeAddresses`.
pub fn elastic_addresses(answer: &Value) -> Vec<IpAddr> {
    let public = rows(answer, "Addresses").filter_map(|it| text(it, "PublicIp"));
    public.filter_map(|it| it.parse().ok()).collect()
}

fn rows<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let rows = answer.get(name).and_then(Value::as_array);
    rows.into_iter().flatten()
}

/// In what Config and EC2 differ, in the places where EC2 was asked. IPv6 is not compared.
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
