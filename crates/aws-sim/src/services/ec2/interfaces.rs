//! Network interfaces, elastic addresses and machines, as needed for public addresses.

use serde_json::{Map, Value, json};

use super::{ApiError, Context, HandlerResult, filters, ids, is_on, passes, xml};
use crate::core::{
    issue::whole_seconds,
    networks::{self, NetworkInterface, PrivateAddress, PublicAddress, RegionResources},
};
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("DescribeNetworkInterfaces", Reads(describe_interfaces)),
    ("DescribeAddresses", Reads(describe_addresses)),
    ("DescribeInstances", Reads(describe_instances)),
];

fn resources(context: &Context<'_>) -> RegionResources {
    let (account, region) = (&context.caller.account, &context.call.region);
    networks::resources(context.state, account, region)
}

fn check_ids(named: &[&str], known: &[&str], code: &str, what: &str) -> Result<(), ApiError> {
    match named.iter().find(|id| !known.contains(id)) {
        None => Ok(()),
        Some(lost) => {
            let text = format!("The {what} '{lost}' does not exist");
            Err(ApiError::new(code, text))
        }
    }
}

fn association(public: Option<&PublicAddress>) -> Value {
    let Some(public) = public else {
        return Value::Null;
    };
    let id = public
        .allocation
        .as_ref()
        .map(|id| id.replace("eipalloc", "eipassoc"));
    json!({
        "publicIp": public.ip, "publicDnsName": public.dns, "ipOwnerId": public.owner,
        "allocationId": public.allocation, "associationId": id,
    })
}

fn private_dns(context: &Context<'_>, ip: &str) -> String {
    format!(
        "ip-{}.{}.compute.internal",
        ip.replace('.', "-"),
        context.call.region
    )
}

fn public_of(interface: &NetworkInterface) -> impl Iterator<Item = &PublicAddress> {
    interface
        .addresses
        .iter()
        .filter_map(|one| one.public.as_ref())
}

fn describe_interfaces(context: &Context<'_>) -> HandlerResult {
    is_on(context)?;
    let (filters, named) = (filters(context), ids(context, "NetworkInterfaceId"));
    let all = resources(context).interfaces;
    let known: Vec<&str> = all.iter().map(|one| one.id.as_str()).collect();
    let what = "networkInterface ID";
    check_ids(&named, &known, "InvalidNetworkInterfaceID.NotFound", what)?;
    let owner = context.caller.account.as_str();
    let mut rows = Vec::new();
    for one in &all {
        let passes = passes(&filters, |name| filtered(one, owner, name))?;
        if passes && (named.is_empty() || named.contains(&one.id.as_str())) {
            rows.push((one.id.clone(), interface(context, one)));
        }
    }
    xml::paged(context, "networkInterfaceSet", rows)
}

fn filtered<'a>(one: &'a NetworkInterface, owner: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let primary = one.public();
    let attachment = one.attachment.as_ref();
    let ip = |address: &'a PrivateAddress| address.ip.as_str();
    Some(match name {
        "association.public-ip" => primary.map(|one| one.ip.as_str()).into_iter().collect(),
        "association.ip-owner-id" => primary.map(|one| one.owner.as_str()).into_iter().collect(),
        "association.allocation-id" => {
            let id = primary.and_then(|one| one.allocation.as_deref());
            id.into_iter().collect()
        }
        "addresses.association.public-ip" => public_of(one).map(|one| one.ip.as_str()).collect(),
        "addresses.private-ip-address" => one.addresses.iter().map(ip).collect(),
        "private-ip-address" => one.addresses.first().map(ip).into_iter().collect(),
        "attachment.instance-id" => {
            let id = attachment.and_then(|one| one.instance.as_deref());
            id.into_iter().collect()
        }
        "attachment.instance-owner-id" => attachment
            .map(|one| one.owner.as_str())
            .into_iter()
            .collect(),
        "availability-zone" => vec![&one.zone],
        "description" => vec![&one.description],
        "group-id" => vec![&one.group],
        "interface-type" => vec![one.kind],
        "mac-address" => vec![&one.mac],
        "network-interface-id" => vec![&one.id],
        "owner-id" => vec![owner],
        "status" => vec![one.status()],
        "subnet-id" => vec![&one.subnet],
        "vpc-id" => vec![&one.vpc],
        _ => return None,
    })
}

fn interface(context: &Context<'_>, one: &NetworkInterface) -> Value {
    let attachment = one.attachment.as_ref().map(|attachment| {
        json!({
            "attachmentId": attachment.id, "deleteOnTermination": true, "deviceIndex": 0,
            "instanceId": attachment.instance, "instanceOwnerId": attachment.owner,
            "status": "attached",
        })
    });
    let primary = one
        .addresses
        .first()
        .map(|first| first.ip.as_str())
        .unwrap_or_default();
    let addresses = one.addresses.iter().enumerate();
    let addresses: Vec<Value> = addresses
        .map(|(place, address)| {
            json!({
                "privateIpAddress": address.ip, "privateDnsName": private_dns(context, &address.ip),
                "primary": place == 0, "association": association(address.public.as_ref()),
            })
        })
        .collect();
    json!({
        "networkInterfaceId": one.id, "subnetId": one.subnet, "vpcId": one.vpc,
        "availabilityZone": one.zone, "description": one.description,
        "ownerId": context.caller.account, "requesterManaged": is_managed(one),
        "status": one.status(), "macAddress": one.mac, "privateIpAddress": primary,
        "privateDnsName": private_dns(context, primary), "sourceDestCheck": one.kind != "nat_gateway",
        "groupSet": [{ "groupId": one.group, "groupName": "default" }],
        "attachment": attachment, "association": association(one.public()), "tagSet": [],
        "privateIpAddressesSet": addresses, "ipv6AddressesSet": one.ipv6_shown(), "interfaceType": one.kind,
    })
}

fn is_managed(one: &NetworkInterface) -> bool {
    one.attachment
        .as_ref()
        .is_some_and(|attachment| attachment.instance.is_none())
}

struct ElasticAddress<'a> {
    ip: &'a str,
    allocation: &'a str,
    association: Option<String>,
    interface: Option<&'a NetworkInterface>,
    private_ip: Option<&'a str>,
}

fn elastic(resources: &RegionResources) -> Vec<ElasticAddress<'_>> {
    let mut all: Vec<ElasticAddress<'_>> = Vec::new();
    for interface in &resources.interfaces {
        for address in &interface.addresses {
            let public = address.public.as_ref();
            let Some((public, allocation)) =
                public.and_then(|one| Some((one, one.allocation.as_ref()?)))
            else {
                continue;
            };
            all.push(ElasticAddress {
                ip: &public.ip,
                allocation,
                association: Some(allocation.replace("eipalloc", "eipassoc")),
                interface: Some(interface),
                private_ip: Some(&address.ip),
            });
        }
    }
    all.extend(resources.unused.iter().map(|unused| ElasticAddress {
        ip: &unused.ip,
        allocation: &unused.allocation,
        association: None,
        interface: None,
        private_ip: None,
    }));
    all
}

fn describe_addresses(context: &Context<'_>) -> HandlerResult {
    is_on(context)?;
    let filters = filters(context);
    let (named, by_ip) = (ids(context, "AllocationId"), ids(context, "PublicIp"));
    let resources = resources(context);
    let all = elastic(&resources);
    let known: Vec<&str> = all.iter().map(|one| one.allocation).collect();
    check_ids(
        &named,
        &known,
        "InvalidAllocationID.NotFound",
        "allocation ID",
    )?;
    let known: Vec<&str> = all.iter().map(|one| one.ip).collect();
    check_ids(&by_ip, &known, "InvalidAddress.NotFound", "address")?;
    let (owner, region) = (
        context.caller.account.as_str(),
        context.call.region.as_str(),
    );
    let mut rows = Vec::new();
    for one in &all {
        let instance = one
            .interface
            .and_then(|it| it.attachment.as_ref()?.instance.as_deref());
        let id = one.interface.map(|it| it.id.as_str());
        let passes = passes(&filters, |name| {
            Some(match name {
                "allocation-id" => vec![one.allocation],
                "association-id" => one.association.as_deref().into_iter().collect(),
                "domain" => vec!["vpc"],
                "instance-id" => instance.into_iter().collect(),
                "network-border-group" => vec![region],
                "network-interface-id" => id.into_iter().collect(),
                "network-interface-owner-id" => id.map(|_| owner).into_iter().collect(),
                "private-ip-address" => one.private_ip.into_iter().collect(),
                "public-ip" => vec![one.ip],
                _ => return None,
            })
        })?;
        let asked = named.is_empty() && by_ip.is_empty();
        if passes && (asked || named.contains(&one.allocation) || by_ip.contains(&one.ip)) {
            rows.push(json!({
                "publicIp": one.ip, "allocationId": one.allocation, "domain": "vpc",
                "associationId": one.association, "instanceId": instance,
                "networkInterfaceId": id, "networkInterfaceOwnerId": id.map(|_| owner),
                "privateIpAddress": one.private_ip, "publicIpv4Pool": "amazon",
                "networkBorderGroup": region, "tagSet": [],
            }));
        }
    }
    let mut members = Map::new();
    members.insert("addressesSet".to_owned(), rows.into());
    Ok(xml::answer("DescribeAddresses", &members))
}

fn describe_instances(context: &Context<'_>) -> HandlerResult {
    is_on(context)?;
    let (filters, named) = (filters(context), ids(context, "InstanceId"));
    let all = resources(context).interfaces;
    let machine = |one: &NetworkInterface| one.attachment.as_ref()?.instance.clone();
    let machines: Vec<(String, &NetworkInterface)> = all
        .iter()
        .filter_map(|one| Some((machine(one)?, one)))
        .collect();
    let known: Vec<&str> = machines.iter().map(|(id, _)| id.as_str()).collect();
    check_ids(&named, &known, "InvalidInstanceID.NotFound", "instance ID")?;
    let mut rows = Vec::new();
    for (id, one) in &machines {
        let passes = passes(&filters, |name| {
            let public = || public_of(one).map(|one| one.ip.as_str());
            Some(match name {
                "instance-id" => vec![id],
                "instance-state-name" => vec!["running"],
                "ip-address" => one
                    .public()
                    .map(|one| one.ip.as_str())
                    .into_iter()
                    .collect(),
                "private-ip-address" => one
                    .addresses
                    .iter()
                    .map(|it| it.ip.as_str())
                    .take(1)
                    .collect(),
                "network-interface.addresses.association.public-ip" => public().collect(),
                "network-interface.network-interface-id" => vec![&one.id],
                "availability-zone" => vec![&one.zone],
                "subnet-id" => vec![&one.subnet],
                "vpc-id" => vec![&one.vpc],
                _ => return None,
            })
        })?;
        if passes && (named.is_empty() || named.contains(&id.as_str())) {
            rows.push((id.clone(), reservation(context, id, one)));
        }
    }
    xml::paged(context, "reservationSet", rows)
}

fn reservation(context: &Context<'_>, id: &str, one: &NetworkInterface) -> Value {
    let account = context.caller.account.as_str();
    let private = one
        .addresses
        .first()
        .map(|first| first.ip.as_str())
        .unwrap_or_default();
    let public = one.public();
    let instance = json!({
        "instanceId": id, "imageId": format!("ami-{}", &one.id.trim_start_matches("eni-")),
        "instanceState": { "code": 16, "name": "running" }, "instanceType": "t3.small",
        "launchTime": whole_seconds(context.state.joined(account)),
        "placement": { "availabilityZone": one.zone, "tenancy": "default" },
        "privateDnsName": private_dns(context, private), "privateIpAddress": private,
        "dnsName": public.map(|public| public.dns.as_str()), "ipAddress": public.map(|public| public.ip.as_str()),
        "subnetId": one.subnet, "vpcId": one.vpc, "architecture": "x86_64",
        "networkInterfaceSet": [interface(context, one)],
        "groupSet": [{ "groupId": one.group, "groupName": "default" }], "tagSet": [],
    });
    json!({
        "reservationId": id.replace("i-", "r-"), "ownerId": account, "groupSet": [],
        "instancesSet": [instance],
    })
}
