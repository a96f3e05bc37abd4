//! Trail management, and the public keys of digests.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hallpass_aws_model::facts;
use serde_json::{Map, Value, json};

use super::instant;
use crate::core::{
    call::{Output, seconds},
    context::{Context, HandlerResult},
    digests::KEY_FOR,
    errors::ApiError,
    trails::{Trail, TrailOwner, TrailReach},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateTrail", Writes(create)),
    ("UpdateTrail", Writes(update)),
    ("DeleteTrail", Writes(delete)),
    ("StartLogging", Writes(start)),
    ("StopLogging", Writes(stop)),
    ("DescribeTrails", Reads(describe)),
    ("GetTrail", Reads(get)),
    ("GetTrailStatus", Reads(status)),
    ("ListTrails", Reads(list)),
    ("ListPublicKeys", Reads(public_keys)),
];

const TRAILS_MAX: usize = facts::TRAILS_PER_REGION.count();

fn flag(context: &Context<'_>, name: &str) -> Option<bool> {
    context.call.input.get(name).and_then(Value::as_bool)
}

fn no_trail(name: &str) -> ApiError {
    let text = format!("Unknown trail: {name}");
    ApiError::new("TrailNotFoundException", text)
}

/// A name has 3 to 128 letters, digits, periods, underscores and dashes, and begins and ends with a
/// letter or digit.
fn check_name(name: &str) -> Result<(), ApiError> {
    let is_solid = |it: char| it.is_ascii_alphanumeric();
    let is_good = (3..=128).contains(&name.len())
        && name.chars().all(|it| is_solid(it) || "._-".contains(it))
        && name.starts_with(is_solid)
        && name.ends_with(is_solid);
    if is_good {
        return Ok(());
    }
    let text = "Trail name must be between 3 and 128 characters, of letters, numbers, periods, underscores or dashes.";
    Err(ApiError::new("InvalidTrailNameException", text))
}

/// Visible to its owner; an organization's trail to all its accounts.
fn is_shown(context: &Context<'_>, trail: &Trail) -> bool {
    let caller = &context.caller.account;
    let is_its = *caller == trail.account || trail.owner == TrailOwner::Organization;
    is_its && (trail.reach == TrailReach::AllRegions || trail.home_region == context.call.region)
}

fn find<'a>(context: &'a Context<'_>, named: &str) -> Result<&'a Trail, ApiError> {
    let mut trails = context.state.trails.values();
    let found = trails.find(|it| is_shown(context, it) && (it.name == named || it.arn() == named));
    found.ok_or_else(|| no_trail(named))
}

fn own(context: &Context<'_>) -> Result<String, ApiError> {
    let named = context.text("Name");
    let trail = find(context, named)?;
    if trail.account != context.caller.account {
        return Err(no_trail(named));
    }
    if trail.home_region != context.call.region {
        let text = format!("Trail {named} belongs to a different home region.");
        return Err(ApiError::new("InvalidHomeRegionException", text));
    }
    Ok(trail.arn())
}

fn create(context: &mut Context<'_>) -> HandlerResult {
    let name = context.text("Name").to_owned();
    check_name(&name)?;
    let (account, region) = (context.caller.account.clone(), context.call.region.clone());
    let bucket = context.text("S3BucketName");
    if !context.state.exposure.buckets.contains_key(bucket) {
        let text = format!("S3 bucket {bucket} does not exist!");
        return Err(ApiError::new("S3BucketDoesNotExistException", text));
    }
    let is_of_all = flag(context, "IsOrganizationTrail") == Some(true);
    if is_of_all && account != context.state.head.management {
        let text = "The organization trail can only be created by the management account.";
        return Err(ApiError::new("NotOrganizationMasterAccountException", text));
    }
    let mut here = context.state.trails.values();
    let here = here
        .by_ref()
        .filter(|it| it.account == account && it.home_region == region);
    let names: Vec<&str> = here.map(|it| it.name.as_str()).collect();
    if names.contains(&name.as_str()) {
        let text = format!("Trail {name} already exists.");
        return Err(ApiError::new("TrailAlreadyExistsException", text));
    }
    if names.len() >= TRAILS_MAX {
        let text = format!("User: {account} already has {TRAILS_MAX} trails in {region}.");
        return Err(ApiError::new(
            "MaximumNumberOfTrailsExceededException",
            text,
        ));
    }
    let trail = Trail {
        name,
        account,
        home_region: region,
        bucket: bucket.to_owned(),
        prefix: context.optional("S3KeyPrefix").map(str::to_owned),
        owner: if is_of_all {
            TrailOwner::Organization
        } else {
            TrailOwner::Account
        },
        reach: reach(flag(context, "IsMultiRegionTrail") == Some(true)),
        global_events: flag(context, "IncludeGlobalServiceEvents") != Some(false),
        validates: flag(context, "EnableLogFileValidation") == Some(true),
        is_logging: false,
        started: None,
        stopped: None,
    };
    let answer = Output::Members(shape(&trail));
    context.state.trails.insert(trail.arn(), trail);
    context.write(Window::Immediate);
    Ok(answer)
}

fn reach(is_everywhere: bool) -> TrailReach {
    if is_everywhere {
        TrailReach::AllRegions
    } else {
        TrailReach::HomeRegion
    }
}

fn shape(trail: &Trail) -> Value {
    let mut shown = json!({
        "Name": trail.name,
        "S3BucketName": trail.bucket,
        "IncludeGlobalServiceEvents": trail.global_events,
        "IsMultiRegionTrail": trail.reach == TrailReach::AllRegions,
        "TrailARN": trail.arn(),
        "LogFileValidationEnabled": trail.validates,
        "IsOrganizationTrail": trail.owner == TrailOwner::Organization,
    });
    if let (Some(prefix), Some(members)) = (&trail.prefix, shown.as_object_mut()) {
        members.insert("S3KeyPrefix".to_owned(), prefix.as_str().into());
    }
    shown
}

fn described(trail: &Trail) -> Value {
    let mut shown = shape(trail);
    if let Some(members) = shown.as_object_mut() {
        members.insert("HomeRegion".to_owned(), trail.home_region.as_str().into());
        members.insert("HasCustomEventSelectors".to_owned(), false.into());
        members.insert("HasInsightSelectors".to_owned(), false.into());
    }
    shown
}

fn update(context: &mut Context<'_>) -> HandlerResult {
    let arn = own(context)?;
    let bucket = context.optional("S3BucketName").map(str::to_owned);
    if let Some(bucket) = &bucket
        && !context.state.exposure.buckets.contains_key(bucket)
    {
        let text = format!("S3 bucket {bucket} does not exist!");
        return Err(ApiError::new("S3BucketDoesNotExistException", text));
    }
    let prefix = context.optional("S3KeyPrefix").map(str::to_owned);
    let everywhere = flag(context, "IsMultiRegionTrail");
    let validates = flag(context, "EnableLogFileValidation");
    let global_events = flag(context, "IncludeGlobalServiceEvents");
    let trail = context.state.trails.get_mut(&arn);
    let trail = trail.ok_or_else(|| no_trail(&arn))?;
    trail.bucket = bucket.unwrap_or_else(|| trail.bucket.clone());
    trail.prefix = prefix.or_else(|| trail.prefix.clone());
    trail.reach = everywhere.map_or(trail.reach, reach);
    trail.validates = validates.unwrap_or(trail.validates);
    trail.global_events = global_events.unwrap_or(trail.global_events);
    let answer = Output::Members(shape(trail));
    if validates == Some(false) {
        context.state.deliveries.chains.cut(&arn);
    }
    context.write(Window::Immediate);
    Ok(answer)
}

/// `DeleteTrail`: delivered files stay.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    let arn = own(context)?;
    context.state.trails.remove(&arn);
    context.state.deliveries.chains.cut(&arn);
    context.write(Window::Immediate);
    Ok(Output::Members(json!({})))
}

fn start(context: &mut Context<'_>) -> HandlerResult {
    let (arn, now) = (own(context)?, context.now);
    if let Some(trail) = context.state.trails.get_mut(&arn)
        && !trail.is_logging
    {
        trail.is_logging = true;
        trail.started = Some(now);
    }
    context.state.deliveries.chains.end(&arn, false);
    context.write(Window::Immediate);
    Ok(Output::Members(json!({})))
}

fn stop(context: &mut Context<'_>) -> HandlerResult {
    let (arn, now) = (own(context)?, context.now);
    if let Some(trail) = context.state.trails.get_mut(&arn) {
        trail.is_logging = false;
        trail.stopped = Some(now);
    }
    context.state.deliveries.chains.end(&arn, true);
    context.write(Window::Immediate);
    Ok(Output::Members(json!({})))
}

#[expect(clippy::unnecessary_wraps, reason = "operations have one form")]
fn describe(context: &Context<'_>) -> HandlerResult {
    let wanted = context.call.input.get("trailNameList");
    let wanted = wanted.and_then(Value::as_array);
    let with_shadows = flag(context, "includeShadowTrails") != Some(false);
    let is_wanted = |trail: &&Trail| {
        let named = |it: &Value| *it == *trail.name || *it == trail.arn();
        is_shown(context, trail)
            && (with_shadows || trail.home_region == context.call.region)
            && wanted.is_none_or(|names| names.is_empty() || names.iter().any(named))
    };
    let trails = context.state.trails.values().filter(is_wanted);
    let trails: Vec<Value> = trails.map(described).collect();
    Ok(Output::Members(json!({ "trailList": trails })))
}

fn get(context: &Context<'_>) -> HandlerResult {
    let trail = described(find(context, context.text("Name"))?);
    Ok(Output::Members(json!({ "Trail": trail })))
}

/// `ListTrails`: all of the account's, in every Region; on one page.
#[expect(clippy::unnecessary_wraps, reason = "operations have one form")]
fn list(context: &Context<'_>) -> HandlerResult {
    let account = &context.caller.account;
    let all = context.state.trails.values();
    let own = all.filter(|it| it.account == *account || it.owner == TrailOwner::Organization);
    let trails: Vec<Value> = own
        .map(|it| json!({"TrailARN": it.arn(), "Name": it.name, "HomeRegion": it.home_region}))
        .collect();
    Ok(Output::Members(json!({ "Trails": trails })))
}

fn status(context: &Context<'_>) -> HandlerResult {
    let trail = find(context, context.text("Name"))?;
    let delivered = context.state.deliveries.latest.get(&trail.arn()).copied();
    let mut shown = Map::new();
    shown.insert("IsLogging".to_owned(), trail.is_logging.into());
    for (name, at) in [
        ("LatestDeliveryTime", delivered),
        ("StartLoggingTime", trail.started),
        ("StopLoggingTime", trail.stopped),
    ] {
        shown.extend(at.map(|at| (name.to_owned(), seconds(at))));
    }
    Ok(Output::Members(Value::Object(shown)))
}

/// `ListPublicKeys`: the process's key, if its validity overlaps.
fn public_keys(context: &Context<'_>) -> HandlerResult {
    let input = &context.call.input;
    let from = instant(input, "StartTime").unwrap_or(context.now);
    let until = instant(input, "EndTime").unwrap_or(context.now);
    if from > until {
        let text = "The start time is after the end time.";
        return Err(ApiError::new("InvalidTimeRangeException", text));
    }
    let key = context.state.deliveries.chains.key();
    let key = key.filter(|it| it.from <= until && it.from + 2 * KEY_FOR >= from);
    let keys: Vec<Value> = key
        .map(|key| {
            json!({
                "Value": STANDARD.encode(key.public()),
                "ValidityStartTime": seconds(key.from),
                "ValidityEndTime": seconds(key.from + 2 * KEY_FOR),
                "Fingerprint": key.fingerprint(),
            })
        })
        .into_iter()
        .collect();
    Ok(Output::Members(json!({ "PublicKeyList": keys })))
}
