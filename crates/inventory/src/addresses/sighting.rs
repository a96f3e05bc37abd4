use std::net::IpAddr;

use hallpass_base::AccountId;
use jiff::Timestamp;

use crate::addresses::kind::AddressKind;

/// Missing values are unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressSighting {
    pub ip: IpAddr,
    pub kind: AddressKind,
    pub account: AccountId,
    pub region: String,
    pub zone: Option<String>,
    pub resource_id: String,
    pub name: Option<String>,
    pub ip_owner: Option<String>,
    pub interface_type: Option<String>,
    pub description: Option<String>,
    pub is_attached: Option<bool>,
    pub instance_id: Option<String>,
    pub attached_by: Option<String>,
    pub interface_id: Option<String>,
    pub vpc_id: Option<String>,
    pub subnet_id: Option<String>,
    pub private_ip: Option<String>,
    pub dns_name: Option<String>,
    pub captured: Option<Timestamp>,
}
