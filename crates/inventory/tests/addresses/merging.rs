//! One row per address, account and Region, and its user.

use std::collections::BTreeSet;

use hallpass_inventory::addresses::{
    AddressKind, AddressOwner, AddressSighting, AttachedKind, FoundAddress, merged, queries,
    read_items,
};
use serde_json::{Value, json};

use crate::config::{interface, page};

fn seen(items: &[Value]) -> Vec<AddressSighting> {
    let mut all = Vec::new();
    for query in queries(&BTreeSet::from(AddressKind::ALL)) {
        let of_type = items
            .iter()
            .filter(|it| it["resourceType"] == query.resource_type());
        let of_type: Vec<Value> = of_type.cloned().collect();
        let answer = page(&of_type, None).unwrap().answer;
        all.extend(read_items(&query, &answer).unwrap().sightings);
    }
    all
}

fn rows(items: &[Value]) -> Vec<FoundAddress> {
    merged(seen(items))
}

fn item(kind: &str, id: &str, account: &str, configuration: &Value) -> Value {
    json!({
        "accountId": account, "awsRegion": "eu-west-1", "resourceId": id, "resourceType": kind,
        "configurationItemCaptureTime": "2026-02-01T10:00:00.000Z", "configurationItemStatus": "OK",
        "configuration": configuration,
    })
}

/// An interface with two addresses and IPv6, elastic addresses, and instances.
fn several_ways() -> Vec<Value> {
    let mut eni = interface(1, "203.0.113.10");
    eni["configuration"]["privateIpAddresses"] = json!([
        {"privateIpAddress": "10.0.0.1", "primary": true, "association": {"publicIp": "203.0.113.10"}},
        {"privateIpAddress": "10.0.0.2", "primary": false,
         "association": {"publicIp": "203.0.113.9", "ipOwnerId": "111122223333"}},
    ]);
    eni["configuration"]["ipv6Addresses"] = json!([{"ipv6Address": "2001:db8:1::1"}, {"ipv6Address": "fd00::1"}, {"ipv6Address": "fe80::1"}]);
    let own = "111122223333";
    vec![
        eni,
        item(
            "AWS::EC2::EIP",
            "eipalloc-1",
            own,
            &json!({"publicIp": "203.0.113.9",
            "associationId": "eipassoc-1", "networkInterfaceId": "eni-0001"}),
        ),
        item(
            "AWS::EC2::EIP",
            "eipalloc-2",
            own,
            &json!({"publicIp": "198.51.100.200"}),
        ),
        item(
            "AWS::EC2::Instance",
            "i-1",
            own,
            &json!({"publicIpAddress": "203.0.113.10"}),
        ),
        item(
            "AWS::EC2::Instance",
            "i-2",
            own,
            &json!({"publicIpAddress": "9.9.9.9"}),
        ),
    ]
}

#[test]
fn an_address_that_is_seen_in_several_ways_is_one_row() {
    let found = rows(&several_ways());
    let short: Vec<(String, String, String)> = found
        .iter()
        .map(|it| {
            let sources: Vec<&str> = it.sources.iter().map(|it| it.name()).collect();
            (
                it.public_ip.to_string(),
                it.resource_id.clone(),
                sources.join(" "),
            )
        })
        .collect();
    let row =
        |ip: &str, id: &str, sources: &str| (ip.to_owned(), id.to_owned(), sources.to_owned());
    assert_eq!(
        short,
        [
            row("9.9.9.9", "i-2", "instance"),
            row("198.51.100.200", "eipalloc-2", "eip"),
            row("203.0.113.9", "eni-0001", "secondary eip"),
            row("203.0.113.10", "eni-0001", "eni instance"),
            row("2001:db8:1::1", "eni-0001", "ipv6"),
        ],
        "sorted as numbers, and only routed addresses"
    );
}

#[test]
fn what_one_sighting_does_not_say_comes_from_another() {
    let found = rows(&several_ways());
    let unused = &found[1];
    assert_eq!(
        (unused.attached_kind, unused.attached_to.as_deref()),
        (AttachedKind::Unattached, None)
    );
    let second = &found[2];
    assert_eq!(second.private_ip.as_deref(), Some("10.0.0.2"));
    assert_eq!(second.owner, Some(AddressOwner::Customer));
    assert_eq!(
        second.capture_time,
        Some("2026-02-01T10:00:00Z".parse().unwrap()),
        "the oldest counts"
    );
    let first = &found[3];
    assert_eq!(first.owner, Some(AddressOwner::Amazon));
    assert_eq!(first.az.as_deref(), Some("eu-west-1a"));
    assert_eq!(
        (first.attached_kind, first.attached_to.as_deref()),
        (AttachedKind::Instance, Some("i-1"))
    );
    assert!(found.iter().all(|it| !it.conflict));
}

#[test]
fn the_same_address_in_two_accounts_is_two_rows_with_a_conflict() {
    let mut other = interface(2, "203.0.113.10");
    other["accountId"] = json!("444455556666");
    let found = rows(&[
        interface(1, "203.0.113.10"),
        other,
        interface(3, "203.0.113.11"),
    ]);
    let conflicts: Vec<bool> = found.iter().map(|it| it.conflict).collect();
    assert_eq!(conflicts, [true, true, false]);
}

/// Type, description and state of an interface; kind and name of its user.
const ATTACHED: [(&str, &str, &str, AttachedKind, Option<&str>); 13] = [
    (
        "nat_gateway",
        "Interface for NAT Gateway nat-1",
        "in-use",
        AttachedKind::NatGateway,
        Some("nat-1"),
    ),
    (
        "natGateway",
        "",
        "in-use",
        AttachedKind::NatGateway,
        Some("eni-0001"),
    ),
    (
        "interface",
        "ELB app/shop/1f",
        "in-use",
        AttachedKind::ApplicationLoadBalancer,
        Some("app/shop/1f"),
    ),
    (
        "network_load_balancer",
        "ELB net/tcp/2f",
        "in-use",
        AttachedKind::NetworkLoadBalancer,
        Some("net/tcp/2f"),
    ),
    (
        "gateway_load_balancer",
        "",
        "in-use",
        AttachedKind::GatewayLoadBalancer,
        Some("eni-0001"),
    ),
    (
        "interface",
        "ELB old",
        "in-use",
        AttachedKind::ClassicLoadBalancer,
        Some("old"),
    ),
    (
        "interface",
        "RDSNetworkInterface",
        "in-use",
        AttachedKind::Rds,
        Some("RDSNetworkInterface"),
    ),
    (
        "interface",
        "arn:aws:ecs:eu-west-1:111122223333:attachment/3",
        "in-use",
        AttachedKind::EcsTask,
        Some("arn:aws:ecs:eu-west-1:111122223333:attachment/3"),
    ),
    (
        "interface",
        "Amazon EKS shop",
        "in-use",
        AttachedKind::Eks,
        Some("shop"),
    ),
    (
        "lambda",
        "AWS Lambda VPC ENI-handler-1",
        "in-use",
        AttachedKind::Lambda,
        Some("handler-1"),
    ),
    (
        "vpc_endpoint",
        "VPC Endpoint Interface vpce-1",
        "in-use",
        AttachedKind::VpcEndpoint,
        Some("vpce-1"),
    ),
    (
        "interface",
        "left over",
        "available",
        AttachedKind::Unattached,
        None,
    ),
    (
        "interface",
        "something else",
        "in-use",
        AttachedKind::Other,
        Some("eni-0001"),
    ),
];

#[test]
fn what_an_address_belongs_to() {
    for (kind, description, status, expected, id) in ATTACHED {
        let mut eni = interface(1, "203.0.113.10");
        let configuration = eni["configuration"].as_object_mut().unwrap();
        configuration.remove("attachment");
        for (name, value) in [
            ("interfaceType", kind),
            ("description", description),
            ("status", status),
        ] {
            configuration.insert(name.to_owned(), json!(value));
        }
        let [row] = &rows(&[eni])[..] else {
            panic!("one row")
        };
        assert_eq!(
            (row.attached_kind, row.attached_to.as_deref()),
            (expected, id),
            "{kind} {description}"
        );
    }
}
