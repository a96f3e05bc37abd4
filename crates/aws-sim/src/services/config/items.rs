//! Configuration items of interfaces, elastic addresses and machines, ordered by account, Region
//! and id.

use crate::base::{Millis, Random};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    core::{
        networks::{self, NetworkInterface, PublicAddress},
        state::SimState,
    },
    vocabulary::regions,
};

const HOUR: Millis = 3_600_000;
const OUTDATED: Millis = 40 * 24 * HOUR;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recording {
    None,
    Failed,
    Outdated,
    UpToDate,
}

impl Recording {
    pub(super) fn status(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Failed => Some("FAILED"),
            Self::Outdated => Some("OUTDATED"),
            Self::UpToDate => Some("SUCCEEDED"),
        }
    }

    pub(super) fn updated(self, state: &SimState) -> Millis {
        let as_of = state.inventory.as_of();
        if self == Self::UpToDate {
            as_of
        } else {
            as_of - OUTDATED
        }
    }
}

/// Simulated recording status: of a hundred, two cannot be collected from, two are outdated, and
/// three have no recorder.
pub(super) fn recording(state: &SimState, account: &str, region: &str) -> Recording {
    if let Some(known) = state.config_recorders.known(account, region) {
        return if known.recorder.is_some() && known.recording {
            Recording::UpToDate
        } else {
            Recording::None
        };
    }
    let mut random = Random::new(state.seed, &format!("config {account} {region}"));
    let row = state.account(account).filter(|row| row.is_active());
    let on = row.is_some_and(|row| row.regions.iter().any(|one| one == region));
    if row.is_none() || !(on || regions::is_default(region)) {
        return Recording::None;
    }
    match random.below(100) {
        0..=1 => Recording::Failed,
        2..=3 => Recording::Outdated,
        4..=6 => Recording::None,
        _ => Recording::UpToDate,
    }
}

pub(super) fn accounts(state: &SimState) -> Vec<String> {
    let rows = state.accounts.iter();
    let mut ids: Vec<String> = rows.map(|(_, row)| row.id.to_string()).collect();
    ids.sort();
    ids
}

pub(super) fn of_organization<'a>(
    state: &'a SimState,
    after: &str,
) -> impl Iterator<Item = (String, Value)> + 'a {
    let first = after.split('/').next().unwrap_or_default().to_owned();
    let accounts = accounts(state).into_iter();
    let accounts = accounts.filter(move |account| *account >= first);
    let places =
        accounts.flat_map(|account| regions::all().map(move |region| (account.clone(), region)));
    let places = places.filter(|(account, region)| {
        let recording = recording(state, account, region);
        matches!(recording, Recording::UpToDate | Recording::Outdated)
    });
    places.flat_map(|(account, region)| of_region(state, &account, region))
}

pub(super) fn of_region(state: &SimState, account: &str, region: &str) -> Vec<(String, Value)> {
    let recording = recording(state, account, region);
    if recording == Recording::None {
        return Vec::new();
    }
    let here = Place {
        account,
        region,
        captured: recording.updated(state),
    };
    let resources = networks::resources(state, account, region);
    let mut items = Vec::new();
    for interface in &resources.interfaces {
        items.push(here.interface(interface));
        items.extend(here.machine(interface));
        let public = interface
            .addresses
            .iter()
            .filter_map(|one| one.public.as_ref());
        items.extend(public.filter_map(|public| here.elastic(interface, public)));
    }
    for unused in &resources.unused {
        let configuration = json!({
            "publicIp": unused.ip, "allocationId": unused.allocation, "domain": "vpc", "tags": [],
        });
        items.push(here.item("AWS::EC2::EIP", &unused.allocation, region, &configuration));
    }
    items.sort_by(|one, other| one.0.cmp(&other.0));
    items
}

struct Place<'a> {
    account: &'a str,
    region: &'a str,
    captured: Millis,
}

impl Place<'_> {
    fn item(&self, kind: &str, id: &str, zone: &str, configuration: &Value) -> (String, Value) {
        let (account, region) = (self.account, self.region);
        let what = match kind {
            "AWS::EC2::EIP" => "eip-allocation",
            "AWS::EC2::Instance" => "instance",
            _ => "network-interface",
        };
        let age = Millis::try_from(id.bytes().map(u64::from).sum::<u64>() % 20).unwrap_or(0);
        let captured = Timestamp::from_millisecond(self.captured - age * HOUR).unwrap_or_default();
        let row = json!({
            "accountId": account, "awsRegion": region, "availabilityZone": zone,
            "resourceId": id, "resourceType": kind,
            "arn": format!("arn:aws:ec2:{region}:{account}:{what}/{id}"),
            "configurationItemCaptureTime": captured.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
            "configurationItemStatus": "OK", "tags": [],
            "configuration": configuration,
        });
        (format!("{account}/{region}/{id}"), row)
    }

    fn interface(&self, one: &NetworkInterface) -> (String, Value) {
        let addresses = one.addresses.iter().enumerate();
        let addresses: Vec<Value> = addresses
            .map(|(place, address)| {
                with_association(
                    json!({ "privateIpAddress": address.ip, "primary": place == 0 }),
                    address.public.as_ref(),
                )
            })
            .collect();
        let mut configuration = json!({
            "networkInterfaceId": one.id, "interfaceType": one.kind, "description": one.description,
            "status": one.status(), "macAddress": one.mac, "ownerId": self.account,
            "vpcId": one.vpc, "subnetId": one.subnet, "availabilityZone": one.zone,
            "privateIpAddress": one.addresses.first().map(|first| first.ip.as_str()),
            "privateIpAddresses": addresses, "ipv6Addresses": one.ipv6_shown(),
            "groups": [{ "groupId": one.group, "groupName": "default" }],
        });
        if let (Some(attachment), Some(members)) = (&one.attachment, configuration.as_object_mut())
        {
            let mut shown = json!({
                "attachmentId": attachment.id, "instanceOwnerId": attachment.owner,
                "status": "attached", "deviceIndex": 0, "deleteOnTermination": true,
            });
            if let (Some(id), Some(shown)) = (&attachment.instance, shown.as_object_mut()) {
                shown.insert("instanceId".to_owned(), id.as_str().into());
            }
            members.insert("attachment".to_owned(), shown);
        }
        let configuration = with_association(configuration, one.public());
        self.item(
            "AWS::EC2::NetworkInterface",
            &one.id,
            &one.zone,
            &configuration,
        )
    }

    fn machine(&self, one: &NetworkInterface) -> Option<(String, Value)> {
        let id = one.attachment.as_ref()?.instance.as_ref()?;
        let mut configuration = json!({
            "instanceId": id, "state": { "code": 16, "name": "running" }, "instanceType": "t3.small",
            "vpcId": one.vpc, "subnetId": one.subnet,
            "privateIpAddress": one.addresses.first().map(|first| first.ip.as_str()),
        });
        if let (Some(public), Some(members)) = (one.public(), configuration.as_object_mut()) {
            members.insert("publicIpAddress".to_owned(), public.ip.as_str().into());
        }
        Some(self.item("AWS::EC2::Instance", id, &one.zone, &configuration))
    }

    fn elastic(&self, one: &NetworkInterface, public: &PublicAddress) -> Option<(String, Value)> {
        let id = public.allocation.as_ref()?;
        let configuration = json!({
            "publicIp": public.ip, "allocationId": id, "domain": "vpc",
            "associationId": id.replace("eipalloc", "eipassoc"), "networkInterfaceId": one.id,
            "networkInterfaceOwnerId": self.account, "tags": [],
        });
        Some(self.item("AWS::EC2::EIP", id, self.region, &configuration))
    }
}

fn with_association(mut row: Value, public: Option<&PublicAddress>) -> Value {
    if let (Some(public), Some(members)) = (public, row.as_object_mut()) {
        let association = json!({
            "publicIp": public.ip, "publicDnsName": public.dns, "ipOwnerId": public.owner,
        });
        members.insert("association".to_owned(), association);
    }
    row
}
