//! Ready-made common questions (`inventory.md` F-19).

use serde_json::{Value, json};

pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) service: &'static str,
    pub(super) operation: &'static str,
    pub(super) params: fn() -> Value,
    pub(super) query: &'static str,
}

const NOTHING: fn() -> Value = || json!({});

pub(super) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "internet-routes",
        service: "ec2",
        operation: "DescribeRouteTables",
        params: NOTHING,
        query: "RouteTables[?Routes[?starts_with(GatewayId || '', 'igw-')]].{vpc: VpcId, \
                route_table: RouteTableId, \
                routes: Routes[?starts_with(GatewayId || '', 'igw-')].{destination: \
                DestinationCidrBlock || DestinationIpv6CidrBlock || DestinationPrefixListId, \
                gateway: GatewayId}, \
                main: Associations[?Main] | length(@) > `0`, subnets: Associations[].SubnetId}",
    },
    Recipe {
        name: "public-enis",
        service: "ec2",
        operation: "DescribeNetworkInterfaces",
        params: || {
            let filter = json!([{"Name": "association.public-ip", "Values": ["*"]}]);
            json!({"Filters": filter, "IncludeManagedResources": true})
        },
        query: "NetworkInterfaces[].{id: NetworkInterfaceId, type: InterfaceType, \
                public_ips: PrivateIpAddresses[].Association.PublicIp, vpc: VpcId, \
                subnet: SubnetId, instance: Attachment.InstanceId, description: Description}",
    },
    Recipe {
        name: "open-security-groups",
        service: "ec2",
        operation: "DescribeSecurityGroups",
        params: NOTHING,
        query: "SecurityGroups[].{id: GroupId, name: GroupName, vpc: VpcId, \
                open: IpPermissions[?IpRanges[?CidrIp == '0.0.0.0/0'] || \
                Ipv6Ranges[?CidrIpv6 == '::/0']].{protocol: IpProtocol, from: FromPort, \
                to: ToPort}} | [?open]",
    },
    Recipe {
        name: "default-vpcs",
        service: "ec2",
        operation: "DescribeVpcs",
        params: || json!({"Filters": [{"Name": "is-default", "Values": ["true"]}]}),
        query: "Vpcs[].{id: VpcId, cidr: CidrBlock}",
    },
    Recipe {
        name: "unencrypted-volumes",
        service: "ec2",
        operation: "DescribeVolumes",
        params: || {
            let filter = json!([{"Name": "encrypted", "Values": ["false"]}]);
            json!({"Filters": filter, "IncludeManagedResources": true})
        },
        query: "Volumes[].{id: VolumeId, gib: Size, state: State, \
                instances: Attachments[].InstanceId}",
    },
    Recipe {
        name: "trails",
        service: "cloudtrail",
        operation: "DescribeTrails",
        params: || json!({"includeShadowTrails": false}),
        query: "trailList[].{name: Name, bucket: S3BucketName, \
                organization: IsOrganizationTrail, all_regions: IsMultiRegionTrail, \
                validated: LogFileValidationEnabled}",
    },
    Recipe {
        name: "config-recorders",
        service: "config",
        operation: "DescribeConfigurationRecorders",
        params: NOTHING,
        query: "ConfigurationRecorders[].{name: name, role: roleARN, \
                all: recordingGroup.allSupported}",
    },
    Recipe {
        name: "root-summary",
        service: "iam",
        operation: "GetAccountSummary",
        params: NOTHING,
        query: "SummaryMap.{root_mfa: AccountMFAEnabled, \
                root_access_keys: AccountAccessKeysPresent}",
    },
    Recipe {
        name: "support-permits",
        service: "supportauthz",
        operation: "ListSupportPermits",
        params: || json!({"supportPermitStatuses": ["ACTIVE"]}),
        query: "supportPermits[].{name: name, actions: permit.actions, \
                resources: permit.resources, when: permit.conditions, \
                case: supportCaseDisplayId, created: createdAt}",
    },
];

pub(super) fn find(name: &str) -> Option<&'static Recipe> {
    RECIPES.iter().find(|it| it.name == name)
}

#[cfg(test)]
mod tests {
    use hallpass_aws_model::wire::{catalog, check_input, only_reads, write_request};

    use super::*;

    #[test]
    fn every_recipe_can_be_asked() {
        for recipe in RECIPES {
            let service = catalog().open(recipe.service).unwrap();
            let operation = catalog().operation(&service, recipe.operation).unwrap();
            let input = (recipe.params)();
            check_input(&service, operation, &input).unwrap();
            write_request(&service, operation, &input).unwrap();
            assert!(
                only_reads(recipe.service, recipe.operation),
                "{}",
                recipe.name
            );
            jmespath::compile(recipe.query).unwrap();
        }
    }

    #[test]
    fn internet_routes_have_every_kind_of_destination() {
        let answer = json!({"RouteTables": [
            {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": true}],
             "Routes": [{"GatewayId": "local", "DestinationCidrBlock": "10.0.0.0/16"},
                {"GatewayId": "igw-1", "DestinationCidrBlock": "0.0.0.0/0"},
                {"GatewayId": "igw-1", "DestinationIpv6CidrBlock": "::/0"},
                {"NatGatewayId": "nat-1", "DestinationCidrBlock": "1.0.0.0/8"},
                {"GatewayId": "igw-1", "DestinationPrefixListId": "pl-1"}]},
            {"RouteTableId": "rtb-2", "VpcId": "vpc-1", "Associations": [{"SubnetId": "s-1"}],
             "Routes": [{"NatGatewayId": "nat-1"}]}]});
        let query = jmespath::compile(find("internet-routes").unwrap().query).unwrap();
        let found = serde_json::to_value(&*query.search(&answer).unwrap()).unwrap();
        let route = |to: &str| json!({"destination": to, "gateway": "igw-1"});
        assert_eq!(
            found,
            json!([{"vpc": "vpc-1", "route_table": "rtb-1", "main": true, "subnets": [],
                "routes": [route("0.0.0.0/0"), route("::/0"), route("pl-1")]}])
        );
    }
}
