//! Two calls of services that have no model here, so that the credentials of a session can be
//! tried with more than IAM: `s3:ListAllMyBuckets` and `ec2:DescribeRegions`.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    call::{ApiError, Output, SimService},
    context::Context,
    regions,
    sts::unique_id,
};

/// The operations that have behaviour.
pub(super) const S3: &[&str] = &["ListBuckets"];
/// The operations that have behaviour.
pub(super) const EC2: &[&str] = &["DescribeRegions"];

/// Answers an operation of the lists above.
pub(super) fn answer(context: &mut Context<'_>) -> Result<Output, ApiError> {
    context.admit()?;
    Ok(Output::Xml(match context.call.service {
        SimService::S3 => buckets(context),
        _ => regions_of(context),
    }))
}

/// No buckets.
fn buckets(context: &Context<'_>) -> String {
    let owner = unique_id(context.state.seed, "", &context.caller.account);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListAllMyBucketsResult \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>{owner}</ID></Owner>\
         <Buckets></Buckets></ListAllMyBucketsResult>"
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

/// The fields of an EC2 form as they are.
pub(crate) fn input(fields: &[(String, String)]) -> Value {
    let rows = fields.iter();
    rows.map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
