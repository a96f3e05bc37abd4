//! Identifies the user of an address by its interface type, and by descriptions that services
//! write.

use serde::{Deserialize, Serialize};

use crate::addresses::sighting::AddressSighting;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachedKind {
    Instance,
    NatGateway,
    ApplicationLoadBalancer,
    NetworkLoadBalancer,
    GatewayLoadBalancer,
    ClassicLoadBalancer,
    Rds,
    EcsTask,
    Eks,
    Lambda,
    VpcEndpoint,
    Other,
    Unattached,
}

/// Prefixes of interface descriptions by services.
const DESCRIBED: [(&str, AttachedKind); 11] = [
    ("ELB app/", AttachedKind::ApplicationLoadBalancer),
    ("ELB net/", AttachedKind::NetworkLoadBalancer),
    ("ELB gwy/", AttachedKind::GatewayLoadBalancer),
    ("ELB ", AttachedKind::ClassicLoadBalancer),
    ("Interface for NAT Gateway ", AttachedKind::NatGateway),
    ("RDSNetworkInterface", AttachedKind::Rds),
    ("arn:aws:ecs:", AttachedKind::EcsTask),
    ("Amazon EKS ", AttachedKind::Eks),
    ("aws-K8S-", AttachedKind::Eks),
    ("AWS Lambda VPC ENI-", AttachedKind::Lambda),
    ("VPC Endpoint Interface ", AttachedKind::VpcEndpoint),
];

pub(crate) fn attached(sighting: &AddressSighting) -> (AttachedKind, Option<String>) {
    if let Some(id) = &sighting.instance_id {
        return (AttachedKind::Instance, Some(id.clone()));
    }
    let description = sighting.description.as_deref().unwrap_or_default();
    let described = DESCRIBED.iter().find_map(|(start, kind)| {
        let rest = description.strip_prefix(start)?;
        let named = match kind {
            AttachedKind::ApplicationLoadBalancer
            | AttachedKind::NetworkLoadBalancer
            | AttachedKind::GatewayLoadBalancer => description.trim_start_matches("ELB "),
            AttachedKind::EcsTask | AttachedKind::Rds => description,
            _ => rest,
        };
        Some((*kind, Some(named.to_owned())))
    });
    if let Some(found) = described {
        return found;
    }
    let typed = match sighting.interface_type.as_deref() {
        Some("nat_gateway" | "natGateway") => AttachedKind::NatGateway,
        Some("network_load_balancer") => AttachedKind::NetworkLoadBalancer,
        Some("gateway_load_balancer") => AttachedKind::GatewayLoadBalancer,
        Some("gateway_load_balancer_endpoint" | "vpc_endpoint") => AttachedKind::VpcEndpoint,
        Some("lambda") => AttachedKind::Lambda,
        _ if sighting.is_attached == Some(false) => AttachedKind::Unattached,
        _ => AttachedKind::Other,
    };
    let interface = sighting.interface_id.clone();
    match typed {
        AttachedKind::Unattached => (typed, None),
        _ => (typed, interface),
    }
}
