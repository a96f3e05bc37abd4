use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, items};
use crate::services::{OperationHandler::Reads, OperationRow};
use crate::{
    core::{call::seconds, issue::unique_id, state::SimState},
    organization::ConfigAggregator,
    vocabulary::regions,
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("DescribeConfigurationAggregators", Reads(describe)),
    (
        "DescribeConfigurationAggregatorSourcesStatus",
        Reads(sources),
    ),
];

fn here(context: &Context<'_>) -> Vec<ConfigAggregator> {
    let all = aggregators(context.state).into_iter();
    let account = &context.caller.account;
    all.filter(|one| one.account == *account && one.region == context.call.region)
        .collect()
}

fn aggregators(state: &SimState) -> Vec<ConfigAggregator> {
    state.config_aggregators.clone().unwrap_or_else(|| {
        vec![ConfigAggregator {
            name: "organization".to_owned(),
            account: state.head.management.clone(),
            region: state.center.home_region.clone(),
        }]
    })
}

pub(super) fn named(context: &Context<'_>) -> Result<ConfigAggregator, ApiError> {
    find(context, context.text("ConfigurationAggregatorName"))
}

fn find(context: &Context<'_>, name: &str) -> Result<ConfigAggregator, ApiError> {
    let mut all = here(context).into_iter();
    all.find(|one| one.name == name).ok_or_else(|| {
        let text = "The configuration aggregator does not exist. Check the configuration aggregator \
                    name and try again.";
        ApiError::new("NoSuchConfigurationAggregatorException", text)
    })
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let names = context.call.input.get("ConfigurationAggregatorNames");
    let names = names
        .and_then(Value::as_array)
        .filter(|names| !names.is_empty());
    let asked = match names {
        None => here(context),
        Some(names) => {
            let names = names.iter().filter_map(Value::as_str);
            let found: Result<Vec<_>, _> = names.map(|name| find(context, name)).collect();
            found?
        }
    };
    let page = context.page()?;
    let mut rows: Vec<(u64, String, Value)> = asked
        .into_iter()
        .map(|one| (0, one.name.clone(), row(context, &one)))
        .collect();
    rows.sort_by(|one, other| one.1.cmp(&other.1));
    let after = page.after.as_ref().map_or("", |(_, name)| name.as_str());
    let rows = rows
        .into_iter()
        .filter(|(_, name, _)| name.as_str() > after);
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn row(context: &Context<'_>, one: &ConfigAggregator) -> Value {
    let (account, state) = (&one.account, &context.state);
    let id = unique_id(
        state.seed,
        "",
        &format!("aggregator/{account}/{}", one.name),
    );
    let role = "aws-service-role/organizations.amazonaws.com/AWSServiceRoleForOrganizations";
    let made = seconds(state.joined(account));
    json!({
        "ConfigurationAggregatorName": one.name,
        "ConfigurationAggregatorArn": format!(
            "arn:aws:config:{}:{account}:config-aggregator/config-aggregator-{}",
            one.region, id.to_lowercase()
        ),
        "OrganizationAggregationSource": {
            "RoleArn": format!("arn:aws:iam::{account}:role/{role}"), "AllAwsRegions": true,
        },
        "CreationTime": made,
        "LastUpdatedTime": made,
    })
}

/// `DescribeConfigurationAggregatorSourcesStatus`: of each recorded account and Region, and of the
/// organization.
fn sources(context: &Context<'_>) -> HandlerResult {
    named(context)?;
    let state = &context.state;
    let wanted = context
        .call
        .input
        .get("UpdateStatus")
        .and_then(Value::as_array);
    let page = context.page()?;
    let after = page.after.as_ref().map_or("", |(_, id)| id.as_str());
    let whole = json!({
        "SourceId": "Organization", "SourceType": "ORGANIZATION",
        "AwsRegion": context.call.region, "LastUpdateStatus": "SUCCEEDED",
        "LastUpdateTime": seconds(state.inventory.as_of()),
    });
    let accounts = items::accounts(state).into_iter();
    let accounts = accounts.flat_map(|account| {
        regions::all().map(move |region| (format!("{account}/{region}"), account.clone(), region))
    });
    let sources = accounts.filter(|(id, ..)| id.as_str() > after);
    let sources =
        sources.filter_map(|(id, account, region)| Some((id, source(state, &account, region)?)));
    let first = (after.is_empty()).then(|| (" ".to_owned(), whole));
    let rows = first.into_iter().chain(sources);
    let rows = rows.filter(|(_, row)| {
        wanted.is_none_or(|all| {
            all.iter()
                .any(|one| Some(one) == row.get("LastUpdateStatus"))
        })
    });
    let (rows, token) = page.take(rows.map(|(id, row)| (0, id, row)));
    Ok(context.paged(rows, token))
}

/// The last update from an account's Region; `None` without a recorder.
fn source(state: &SimState, account: &str, region: &str) -> Option<Value> {
    let recording = items::recording(state, account, region);
    let status = recording.status()?;
    let mut row = json!({
        "SourceId": account, "SourceType": "ACCOUNT", "AwsRegion": region,
        "LastUpdateStatus": status,
        "LastUpdateTime": seconds(recording.updated(state)),
    });
    if let (items::Recording::Failed, Some(members)) = (recording, row.as_object_mut()) {
        members.insert("LastErrorCode".to_owned(), "ACCESS_DENIED".into());
        let text = "AWS Config could not collect from the source account.";
        members.insert("LastErrorMessage".to_owned(), text.into());
    }
    Some(row)
}
