//! EC2, to try session credentials: Regions, VPCs with route tables, interfaces, addresses and
//! machines. No table.

mod flow_logs;
mod interfaces;
mod security_groups;
mod xml;

use std::fmt::Write as _;

use hallpass_base::Glob;
use serde_json::Value;

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::{
    core::{
        call::Output,
        context::{Context, HandlerResult},
        errors::{self, ApiError, ErrorForms},
        networks,
        service::{BucketSharing, CallRates, PolicyFacts, RequestForm, ScopeRegions, SimService},
    },
    vocabulary::regions,
};

const AVAILABLE: &str = "available";

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        name: "Ec2",
        signing_name: "ec2",
        page_rows: 1_000,
        requests: RequestForm::Ec2Query("2016-11-15"),
        scope: ScopeRegions::Regional,
        rates: CallRates::one(BucketSharing::AccountAndRegion, 20.0, 100.0),
        errors: ErrorForms {
            throttled: || {
                ApiError::new("RequestLimitExceeded", "Request limit exceeded.").status(503)
            },
            denied: |text| {
                let text = format!("You are not authorized to perform this operation. {text}");
                ApiError::denied("UnauthorizedOperation", text).status(403)
            },
            internal: |text| ApiError::new("InternalError", text),
            ..errors::QUERY
        },
        policies: Some(PolicyFacts {
            resources: |state, caller, operation, input| {
                if operation.ends_with("FlowLogs") {
                    flow_logs::resources(state, caller, operation, input)
                } else {
                    security_groups::resources(state, caller, operation, input)
                }
            },
            ..PolicyFacts::BY_NAME
        }),
        secrets: &[],
        names_origin: false,
    },
    begin: |call| call.admit(),
    operations: &[
        &[
            (
                "DescribeRegions",
                Reads(|call| Ok(Output::Xml(regions_of(call)))),
            ),
            ("DescribeVpcs", Reads(describe_vpcs)),
            ("DescribeRouteTables", Reads(describe_route_tables)),
        ],
        interfaces::OPERATIONS,
        security_groups::OPERATIONS,
        flow_logs::OPERATIONS,
    ],
};

/// Filters by name, with values (EC2 API Reference, `Filter`).
fn filters<'a>(context: &Context<'a>) -> Vec<(&'a str, Vec<&'a str>)> {
    let field = |name: &str| context.call.input.get(name).and_then(Value::as_str);
    let mut all = Vec::new();
    while let Some(name) = field(&format!("Filter.{}.Name", all.len() + 1)) {
        let at = all.len() + 1;
        let values = (1..).map_while(|n| field(&format!("Filter.{at}.Value.{n}")));
        all.push((name, values.collect()));
    }
    all
}

fn ids<'a>(context: &Context<'a>, name: &str) -> Vec<&'a str> {
    let field = |n: usize| context.call.input.get(format!("{name}.{n}"))?.as_str();
    (1..).map_while(field).collect()
}

/// A disabled Region answers as for an unknown caller.
fn is_on(context: &Context<'_>) -> Result<(), ApiError> {
    let region = context.call.region.as_str();
    let account = context.state.account(&context.caller.account);
    let on = account.is_some_and(|account| account.regions.iter().any(|one| one == region));
    if on || regions::is_default(region) {
        return Ok(());
    }
    let text = "AWS was not able to validate the provided access credentials";
    Err(ApiError::new("AuthFailure", text).status(401))
}

/// Whether a row passes all filters. In filter values an asterisk matches any text, a question mark
/// one character.
fn passes<'a>(
    filters: &[(&str, Vec<&str>)],
    of: impl Fn(&str) -> Option<Vec<&'a str>>,
) -> Result<bool, ApiError> {
    let mut passes = true;
    for (name, values) in filters {
        let Some(own) = of(name) else {
            let text = format!("The filter '{name}' is invalid");
            return Err(ApiError::new("InvalidParameterValue", text));
        };
        let fits = |value: &&str| {
            let value = Glob::new(value);
            own.iter().any(|own| value.matches(own))
        };
        passes &= values.iter().any(fits);
    }
    Ok(passes)
}

fn describe_vpcs(context: &Context<'_>) -> HandlerResult {
    is_on(context)?;
    let (filters, named) = (filters(context), ids(context, "VpcId"));
    let all = networks::vpcs(context.state, &context.caller.account, &context.call.region);
    if let Some(lost) = named
        .iter()
        .find(|id| !all.iter().any(|vpc| vpc.id == **id))
    {
        let text = format!("The vpc ID '{lost}' does not exist");
        return Err(ApiError::new("InvalidVpcID.NotFound", text));
    }
    let owner = context.caller.account.as_str();
    let mut rows = String::new();
    for vpc in all {
        let is_default = if vpc.is_default { "true" } else { "false" };
        let passes = passes(&filters, |name| match name {
            "vpc-id" => Some(vec![&vpc.id]),
            "cidr" => Some(vec![&vpc.cidr]),
            "is-default" | "isDefault" => Some(vec![is_default]),
            "owner-id" => Some(vec![owner]),
            "state" => Some(vec![AVAILABLE]),
            _ => None,
        })?;
        if !passes || !named.is_empty() && !named.contains(&vpc.id.as_str()) {
            continue;
        }
        let _ = write!(
            rows,
            "<item><vpcId>{id}</vpcId><ownerId>{owner}</ownerId><state>{AVAILABLE}</state>\
             <cidrBlock>{cidr}</cidrBlock><cidrBlockAssociationSet><item><associationId>{by}\
             </associationId><cidrBlock>{cidr}</cidrBlock><cidrBlockState><state>associated</state>\
             </cidrBlockState></item></cidrBlockAssociationSet><dhcpOptionsId>{dhcp}</dhcpOptionsId>\
             <instanceTenancy>default</instanceTenancy><isDefault>{is_default}</isDefault></item>",
            id = vpc.id,
            cidr = vpc.cidr,
            by = vpc.association,
            dhcp = vpc.dhcp,
        );
    }
    Ok(Output::Xml(answer("DescribeVpcs", "vpcSet", &rows)))
}

fn describe_route_tables(context: &Context<'_>) -> HandlerResult {
    is_on(context)?;
    let filters = filters(context);
    let owner = context.caller.account.as_str();
    let mut rows = String::new();
    for vpc in networks::vpcs(context.state, &context.caller.account, &context.call.region) {
        let table = format!("rtb-{}", vpc.main_table);
        let passes = passes(&filters, |name| match name {
            "vpc-id" => Some(vec![&vpc.id]),
            "route-table-id" => Some(vec![&table]),
            "association.main" => Some(vec!["true"]),
            "owner-id" => Some(vec![owner]),
            _ => None,
        })?;
        if !passes {
            continue;
        }
        let mut routes = route("destinationCidrBlock", &vpc.cidr, "local");
        if let Some(gateway) = &vpc.gateway {
            routes += &route("destinationCidrBlock", "0.0.0.0/0", gateway);
            if vpc.has_ipv6 {
                routes += &route("destinationIpv6CidrBlock", "::/0", gateway);
            }
        }
        let _ = write!(
            rows,
            "<item><routeTableId>{table}</routeTableId><vpcId>{}</vpcId><ownerId>{owner}</ownerId>\
             <routeSet>{routes}</routeSet><associationSet><item><routeTableAssociationId>rtbassoc-{}\
             </routeTableAssociationId><routeTableId>{table}</routeTableId><main>true</main>\
             <associationState><state>associated</state></associationState></item></associationSet>\
             <propagatingVgwSet/><tagSet/></item>",
            vpc.id, vpc.main_table,
        );
    }
    Ok(Output::Xml(answer(
        "DescribeRouteTables",
        "routeTableSet",
        &rows,
    )))
}

fn route(kind: &str, to: &str, gateway: &str) -> String {
    let origin = if gateway == "local" {
        "CreateRouteTable"
    } else {
        "CreateRoute"
    };
    format!(
        "<item><{kind}>{to}</{kind}><gatewayId>{gateway}</gatewayId><state>active</state>\
         <origin>{origin}</origin></item>"
    )
}

fn answer(operation: &str, list: &str, rows: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>{{request_id}}</requestId><{list}>{rows}</{list}></{operation}Response>"
    )
}

fn regions_of(context: &Context<'_>) -> String {
    let account = context.state.account(&context.caller.account);
    let all = context.text("AllRegions") == "true";
    let input = context.call.input.as_object();
    let named: Vec<&str> = input
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.starts_with("RegionName."))
        .filter_map(|(_, value)| value.as_str())
        .collect();
    let mut rows = String::new();
    for region in regions::all() {
        let on = account.is_some_and(|account| account.regions.iter().any(|one| one == region));
        let state = match (regions::is_default(region), on) {
            (true, _) => "opt-in-not-required",
            (false, true) => "opted-in",
            (false, false) => "not-opted-in",
        };
        let wanted = named.is_empty() || named.contains(&region);
        if wanted && (all || state != "not-opted-in") {
            let _ = write!(
                rows,
                "<item><regionName>{region}</regionName>\
                 <regionEndpoint>ec2.{region}.amazonaws.com</regionEndpoint>\
                 <optInStatus>{state}</optInStatus></item>"
            );
        }
    }
    format!(
        "<DescribeRegionsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>{{request_id}}</requestId><regionInfo>{rows}</regionInfo>\
         </DescribeRegionsResponse>"
    )
}
