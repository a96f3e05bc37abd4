//! Queries to Config (`inventory.md` B-1 to B-3).

use std::collections::BTreeSet;

use crate::addresses::kind::AddressKind;

/// The test that a property has a value: the language has no operator for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryComparison {
    /// `> '0.0.0.0'`: common but undocumented.
    Greater,
    /// `BETWEEN`: documented; used if the first is refused.
    Between,
}

impl QueryComparison {
    fn has_value(self, property: &str) -> String {
        match self {
            Self::Greater => format!("{property} > '0.0.0.0'"),
            Self::Between => format!("{property} BETWEEN '0.0.0.0' AND '255.255.255.255'"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressQuery {
    asks: AddressKind,
    shows: BTreeSet<AddressKind>,
}

/// The query for secondary addresses returns primary ones, too.
pub fn queries(kinds: &BTreeSet<AddressKind>) -> Vec<AddressQuery> {
    let both = [AddressKind::Eni, AddressKind::Secondary];
    let is_both = both.iter().all(|it| kinds.contains(it));
    let asked = kinds.iter().copied();
    let asked = asked.filter(|it| !(is_both && *it == AddressKind::Eni));
    let query = |asks| {
        let shows = if is_both && asks == AddressKind::Secondary {
            BTreeSet::from(both)
        } else {
            BTreeSet::from([asks])
        };
        AddressQuery { asks, shows }
    };
    asked.map(query).collect()
}

const ITEM: &str =
    "accountId, awsRegion, availabilityZone, resourceId, resourceName, resourceType, arn";
const INTERFACE: &str = "configuration.association.publicIp, configuration.association.publicDnsName, \
     configuration.association.ipOwnerId, configuration.interfaceType, configuration.description, \
     configuration.status, configuration.attachment.instanceId, configuration.attachment.instanceOwnerId, \
     configuration.vpcId, configuration.subnetId, configuration.privateIpAddress";
const CAPTURED: &str = "configurationItemCaptureTime, configurationItemStatus";

impl AddressQuery {
    pub fn resource_type(&self) -> &'static str {
        self.asks.resource_type()
    }

    pub fn shows(&self, kind: AddressKind) -> bool {
        self.shows.contains(&kind)
    }

    pub fn expression(&self, comparison: QueryComparison) -> String {
        let of_interface = comparison.has_value("configuration.association.publicIp");
        let (properties, condition) = match self.asks {
            AddressKind::Eni => (INTERFACE.to_owned(), Some(of_interface)),
            AddressKind::Secondary => {
                let further =
                    comparison.has_value("configuration.privateIpAddresses.association.publicIp");
                (
                    format!("{INTERFACE}, configuration.privateIpAddresses"),
                    Some(format!("({of_interface} OR {further})")),
                )
            }
            AddressKind::Ipv6 => (format!("{INTERFACE}, configuration.ipv6Addresses"), None),
            AddressKind::Eip => (
                "configuration.publicIp, configuration.allocationId, configuration.associationId, \
                 configuration.networkInterfaceId, configuration.instanceId, \
                 configuration.privateIpAddress"
                    .to_owned(),
                Some(comparison.has_value("configuration.publicIp")),
            ),
            AddressKind::Instance => (
                "configuration.publicIpAddress, configuration.publicDnsName, configuration.instanceId, \
                 configuration.vpcId, configuration.subnetId, configuration.privateIpAddress"
                    .to_owned(),
                Some(comparison.has_value("configuration.publicIpAddress")),
            ),
        };
        let condition = condition.map(|it| format!(" AND {it}")).unwrap_or_default();
        let kind = self.resource_type();
        format!("SELECT {ITEM}, {properties}, {CAPTURED} WHERE resourceType = '{kind}'{condition}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_one_line_that_config_takes() {
        let all = queries(&BTreeSet::from(AddressKind::ALL));
        assert_eq!(
            all.len(),
            4,
            "one query shows primary and secondary addresses"
        );
        for query in &all {
            for comparison in [QueryComparison::Greater, QueryComparison::Between] {
                let text = query.expression(comparison);
                assert!(text.len() <= 4_096 && !text.contains('\n'), "{text}");
                assert!(!text.contains("  "), "{text}");
                let uses = text.contains(" > ");
                assert!(!(uses && comparison == QueryComparison::Between), "{text}");
            }
        }
    }

    #[test]
    fn the_query_of_interfaces_is_the_one_of_the_rule() {
        let eni = queries(&BTreeSet::from([AddressKind::Eni]));
        let text = eni[0].expression(QueryComparison::Greater);
        assert_eq!(
            text,
            "SELECT accountId, awsRegion, availabilityZone, resourceId, resourceName, resourceType, arn, \
             configuration.association.publicIp, configuration.association.publicDnsName, \
             configuration.association.ipOwnerId, configuration.interfaceType, configuration.description, \
             configuration.status, configuration.attachment.instanceId, configuration.attachment.instanceOwnerId, \
             configuration.vpcId, configuration.subnetId, configuration.privateIpAddress, \
             configurationItemCaptureTime, configurationItemStatus \
             WHERE resourceType = 'AWS::EC2::NetworkInterface' AND configuration.association.publicIp > '0.0.0.0'"
        );
        let fallback = eni[0].expression(QueryComparison::Between);
        assert!(fallback.ends_with(
            "configuration.association.publicIp BETWEEN '0.0.0.0' AND '255.255.255.255'"
        ));
    }

    #[test]
    fn secondary_addresses_alone_show_no_primary_ones() {
        let [only] = &queries(&BTreeSet::from([AddressKind::Secondary]))[..] else {
            panic!("one query")
        };
        assert!(only.shows(AddressKind::Secondary) && !only.shows(AddressKind::Eni));
        let text = only.expression(QueryComparison::Greater);
        assert!(
            text.contains("OR configuration.privateIpAddresses.association.publicIp > '0.0.0.0'")
        );
    }
}
