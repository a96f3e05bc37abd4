//! Parses Config's answers: a list of texts, each a JSON document (`inventory.md` B-6).

use std::net::IpAddr;

use hallpass_base::AccountId;
use serde_json::Value;
use thiserror::Error;

use crate::addresses::kind::AddressKind;
use crate::addresses::query::AddressQuery;
use crate::addresses::sighting::AddressSighting;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadItems {
    pub sightings: Vec<AddressSighting>,
    /// Items skipped as deleted or no longer recorded.
    pub left_out: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AnswerProblem {
    #[error("the answer has no list of results")]
    NoResults,
    #[error("a result is no configuration item: {0}")]
    NoItem(String),
    /// A property of every item is missing: the service has another name for it.
    #[error(
        "E_CONFIG_COLUMNS: a result has no `{0}`, so properties that were selected are not answered"
    )]
    Columns(&'static str),
    #[error("`{text}` of {resource} is no address")]
    NoAddress { text: String, resource: String },
}

/// Parses the items of a page. Ignores unknown properties.
///
/// # Errors
/// An answer of another form: no partial results.
pub fn read_items(query: &AddressQuery, answer: &Value) -> Result<ReadItems, AnswerProblem> {
    let results = answer.get("Results").and_then(Value::as_array);
    let mut read = ReadItems::default();
    for result in results.ok_or(AnswerProblem::NoResults)? {
        let text = result.as_str();
        let text = text.ok_or_else(|| AnswerProblem::NoItem("it is no text".to_owned()))?;
        let item: Value =
            serde_json::from_str(text).map_err(|error| AnswerProblem::NoItem(error.to_string()))?;
        let item = ConfigItem::new(&item)?;
        if item.is_gone() {
            read.left_out += 1;
            continue;
        }
        item.sightings(query, &mut read.sightings)?;
    }
    Ok(read)
}

struct ConfigItem<'a> {
    item: &'a Value,
    configuration: &'a Value,
    account: AccountId,
    region: &'a str,
    resource: &'a str,
}

impl<'a> ConfigItem<'a> {
    fn new(item: &'a Value) -> Result<Self, AnswerProblem> {
        let needed = |name| text(item, name).ok_or(AnswerProblem::Columns(name));
        let resource = needed("resourceId")?;
        let account = AccountId::new(needed("accountId")?);
        Ok(Self {
            item,
            configuration: item.get("configuration").unwrap_or(&Value::Null),
            account: account.map_err(|error| AnswerProblem::NoItem(error.to_string()))?,
            region: needed("awsRegion")?,
            resource,
        })
    }

    fn is_gone(&self) -> bool {
        let status = text(self.item, "configurationItemStatus");
        status.is_some_and(|it| it == "ResourceNotRecorded" || it.starts_with("ResourceDeleted"))
    }

    fn sightings(
        &self,
        query: &AddressQuery,
        found: &mut Vec<AddressSighting>,
    ) -> Result<(), AnswerProblem> {
        let configuration = self.configuration;
        if query.shows(AddressKind::Eni)
            && let Some(ip) = association(configuration, "publicIp")
        {
            found.push(self.of_interface(AddressKind::Eni, ip, configuration)?);
        }
        if query.shows(AddressKind::Secondary) {
            let further = rows(configuration, "privateIpAddresses");
            for one in further.filter(|it| it.get("primary") != Some(&Value::Bool(true))) {
                if let Some(ip) = association(one, "publicIp") {
                    found.push(self.of_interface(AddressKind::Secondary, ip, one)?);
                }
            }
        }
        if query.shows(AddressKind::Ipv6) {
            let addresses = rows(configuration, "ipv6Addresses");
            for ip in addresses.filter_map(|it| text(it, "ipv6Address")) {
                let mut sighting = self.of_interface(AddressKind::Ipv6, ip, &Value::Null)?;
                sighting.private_ip = None;
                if is_routed(sighting.ip) {
                    found.push(sighting);
                }
            }
        }
        if query.shows(AddressKind::Eip)
            && let Some(ip) = text(configuration, "publicIp")
        {
            found.push(self.elastic(ip)?);
        }
        if query.shows(AddressKind::Instance)
            && let Some(ip) = text(configuration, "publicIpAddress")
        {
            let mut sighting = self.sighting(AddressKind::Instance, ip)?;
            sighting.instance_id = Some(self.resource.to_owned());
            sighting.is_attached = Some(true);
            sighting.dns_name = own(configuration, "publicDnsName");
            found.push(sighting);
        }
        Ok(())
    }

    fn of_interface(
        &self,
        kind: AddressKind,
        ip: &str,
        beside: &Value,
    ) -> Result<AddressSighting, AnswerProblem> {
        let configuration = self.configuration;
        let attachment = configuration.get("attachment").unwrap_or(&Value::Null);
        Ok(AddressSighting {
            ip_owner: association(beside, "ipOwnerId").map(str::to_owned),
            interface_type: own(configuration, "interfaceType"),
            description: own(configuration, "description"),
            is_attached: text(configuration, "status").map(|it| it != "available"),
            instance_id: own(attachment, "instanceId"),
            attached_by: own(attachment, "instanceOwnerId"),
            interface_id: Some(self.resource.to_owned()),
            private_ip: own(beside, "privateIpAddress"),
            dns_name: association(beside, "publicDnsName").map(str::to_owned),
            ..self.sighting(kind, ip)?
        })
    }

    fn elastic(&self, ip: &str) -> Result<AddressSighting, AnswerProblem> {
        let configuration = self.configuration;
        let (interface, instance) = (
            own(configuration, "networkInterfaceId"),
            own(configuration, "instanceId"),
        );
        let association = text(configuration, "associationId");
        let is_attached = association.is_some() || interface.is_some() || instance.is_some();
        Ok(AddressSighting {
            // An elastic address belongs to the account.
            ip_owner: Some(self.account.to_string()),
            is_attached: Some(is_attached),
            instance_id: instance,
            interface_id: interface,
            ..self.sighting(AddressKind::Eip, ip)?
        })
    }

    fn sighting(&self, kind: AddressKind, ip: &str) -> Result<AddressSighting, AnswerProblem> {
        let ip = ip.parse().map_err(|_| AnswerProblem::NoAddress {
            text: ip.to_owned(),
            resource: self.resource.to_owned(),
        })?;
        let zone = text(self.item, "availabilityZone");
        let captured = text(self.item, "configurationItemCaptureTime");
        Ok(AddressSighting {
            ip,
            kind,
            account: self.account.clone(),
            region: self.region.to_owned(),
            // Without a zone, Config has the Region or these words.
            zone: zone
                .filter(|it| *it != self.region && !it.starts_with(|it: char| it.is_uppercase()))
                .map(str::to_owned),
            resource_id: self.resource.to_owned(),
            name: own(self.item, "resourceName"),
            ip_owner: None,
            interface_type: None,
            description: None,
            is_attached: None,
            instance_id: None,
            attached_by: None,
            interface_id: None,
            vpc_id: own(self.configuration, "vpcId"),
            subnet_id: own(self.configuration, "subnetId"),
            private_ip: own(self.configuration, "privateIpAddress"),
            dns_name: None,
            captured: captured.and_then(|it| it.parse().ok()),
        })
    }
}

/// Global unicast (RFC 4291 §2.4); unique local addresses (RFC 4193) are private.
fn is_routed(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => (ip.segments()[0] & 0xe000) == 0x2000,
    }
}

pub(crate) fn text<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    let text = document.get(name).and_then(Value::as_str);
    text.filter(|it| !it.is_empty())
}

fn own(document: &Value, name: &str) -> Option<String> {
    text(document, name).map(str::to_owned)
}

fn association<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    text(document.get("association")?, name)
}

fn rows<'a>(document: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let rows = document.get(name).and_then(Value::as_array);
    rows.into_iter().flatten()
}
