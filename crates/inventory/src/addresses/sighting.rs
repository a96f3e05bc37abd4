//! One address, as one item shows it.

use std::net::IpAddr;

use hallpass_base::AccountId;
use jiff::Timestamp;

use crate::addresses::kind::AddressKind;

/// One address, as one item of Config shows it. What the item does not say is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressSighting {
    /// The address.
    pub ip: IpAddr,
    /// How it was seen.
    pub kind: AddressKind,
    /// In which account.
    pub account: AccountId,
    /// In which Region.
    pub region: String,
    /// In which zone.
    pub zone: Option<String>,
    /// The resource that has it.
    pub resource_id: String,
    /// The name of that resource.
    pub name: Option<String>,
    /// Whose the address is: an account, or the service that lent it.
    pub ip_owner: Option<String>,
    /// The type of the interface.
    pub interface_type: Option<String>,
    /// What the interface says it is for.
    pub description: Option<String>,
    /// Whether something uses the resource, where the item says so.
    pub is_attached: Option<bool>,
    /// The machine that it is attached to.
    pub instance_id: Option<String>,
    /// Who attached it: the account, or a service.
    pub attached_by: Option<String>,
    /// The interface that an elastic address belongs to.
    pub interface_id: Option<String>,
    /// Its network.
    pub vpc_id: Option<String>,
    /// Its subnet.
    pub subnet_id: Option<String>,
    /// The private address behind it.
    pub private_ip: Option<String>,
    /// Its name in DNS.
    pub dns_name: Option<String>,
    /// When Config recorded the item.
    pub captured: Option<Timestamp>,
}
