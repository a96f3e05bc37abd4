//! Services with one home region, reported as `aws:RequestedRegion` by all calls.

use crate::facts::ServiceFacts;
use crate::generate::ids::Partition;
use crate::input::BadInput;

#[derive(Debug, Clone, Copy)]
enum Home {
    /// The partition's own ([`Partition::global_region`]).
    Partition,
    /// This region of partition `aws`.
    Region(&'static str),
}

/// Prefixes of services with one endpoint per partition (AWS General Reference, "Service endpoints
/// and quotas"; IAM User Guide, "aws:RequestedRegion"), as of 2026-10. Excludes STS: each region
/// has an endpoint, and only the old global one reports `us-east-1`.
const GLOBAL: &[(&str, Home)] = &[
    ("account", Home::Partition),
    ("artifact", Home::Partition),
    ("aws-marketplace", Home::Partition),
    ("billing", Home::Partition),
    ("budgets", Home::Partition),
    ("ce", Home::Partition),
    ("cloudfront", Home::Partition),
    ("cur", Home::Partition),
    ("globalaccelerator", Home::Region("us-west-2")),
    ("health", Home::Partition),
    ("iam", Home::Partition),
    ("networkmanager", Home::Region("us-west-2")),
    ("organizations", Home::Partition),
    ("payments", Home::Partition),
    ("route53", Home::Partition),
    ("route53domains", Home::Partition),
    ("shield", Home::Partition),
    ("support", Home::Partition),
    ("tax", Home::Partition),
    ("trustedadvisor", Home::Partition),
    ("waf", Home::Partition),
];

pub fn global_services(partition: Partition) -> impl Iterator<Item = (&'static str, &'static str)> {
    GLOBAL.iter().filter_map(move |(prefix, home)| {
        let region = match (home, partition) {
            (Home::Partition, _) => partition.global_region(),
            (Home::Region(region), Partition::Aws) => region,
            // both are absent there
            (Home::Region(_), Partition::China | Partition::UsGov) => return None,
        };
        Some((*prefix, region))
    })
}

/// # Errors
/// `E_GLOBAL_REGION` if the service never reports that region.
pub(super) fn check(
    service: &ServiceFacts,
    region: &str,
    partition: Partition,
) -> Result<(), BadInput> {
    let home = global_services(partition).find(|(prefix, _)| *prefix == service.prefix);
    match home {
        Some((prefix, home)) if home != region => {
            let message = format!(
                "`{prefix}` is a global service and reports region {home}: denying it in {region} \
                 would never fire"
            );
            Err(BadInput::new("E_GLOBAL_REGION", message, "--region"))
        }
        Some(_) | None => Ok(()),
    }
}
