//! EC2, for what the credentials of a session can be tried with: `DescribeRegions`. There is no
//! table.

use std::fmt::Write as _;

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::{
    core::{
        call::Output,
        context::Context,
        errors::{self, ApiError, ErrorForms},
        service::{
            BucketSharing, CallRate, CallRates, DenialText, PolicyFacts, RequestForm, ScopeRegions,
            SimService,
        },
    },
    vocabulary::regions,
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        name: "Ec2",
        signing_name: "ec2",
        requests: RequestForm::Ec2Query("2016-11-15"),
        scope: ScopeRegions::Regional,
        rates: CallRates::One(CallRate {
            shared: BucketSharing::AccountAndRegion,
            rate: 20.0,
            burst: 100.0,
        }),
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
            free: &[],
            other_actions: &[],
            condition_keys: &[],
            resources: |_, _, _, _| Vec::new(),
            denials: DenialText::SaysWhy,
        }),
        secrets: &[],
        names_origin: false,
    },
    begin: |call| call.admit(),
    operations: &[(
        "DescribeRegions",
        Reads(|call| Ok(Output::Xml(regions_of(call)))),
    )],
};

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
