use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, Output, center_key, regions, seconds};
use crate::core::{kms::SimKeyState, windows::Window};
use crate::organization::StatedNetwork;
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListInstances", Reads(list)),
    ("UpdateInstance", Writes(update)),
];

fn row(context: &Context<'_>) -> Value {
    let center = &context.state.center;
    let mut row = json!({
        "InstanceArn": center.instance_arn,
        "IdentityStoreId": center.store,
        "OwnerAccountId": context.state.head.management,
    });
    if let Some(members) = row.as_object_mut() {
        if let Some(name) = &center.name {
            members.insert("Name".to_owned(), name.clone().into());
        }
        members.insert("CreatedDate".to_owned(), seconds(center.created));
        members.insert("Status".to_owned(), "ACTIVE".into());
        let home = &center.home_region;
        members.insert("PrimaryRegion".to_owned(), home.clone().into());
        let regions = regions::rows(context);
        members.insert("Regions".to_owned(), regions.into());
    }
    row
}

/// `ListInstances`: in its Regions only, unless all are requested (`simulator.md` R-13).
fn list(context: &Context<'_>) -> HandlerResult {
    let everywhere = context.text("RegionScope") == "ALL_REGIONS";
    let here = context
        .state
        .center
        .signs_in(&context.call.region, context.now);
    let known = context.state.account(&context.caller.account).is_some();
    let page = context.page()?;
    let visible = ((here || everywhere) && known && page.after.is_none()).then(|| row(context));
    let (rows, token) = page.take(
        visible
            .into_iter()
            .map(|row| (0, "instance".to_owned(), row)),
    );
    Ok(context.paged(rows, token))
}

pub(super) fn describe(context: &Context<'_>) -> Output {
    let mut row = row(context);
    if let Some(members) = row.as_object_mut() {
        let details = match &context.state.center.key {
            Some(arn) => json!({
                "KeyType": CUSTOMER_KEY, "KmsKeyArn": arn, "EncryptionStatus": "ENABLED",
            }),
            None => json!({ "KeyType": AWS_KEY, "EncryptionStatus": "ENABLED" }),
        };
        members.insert("EncryptionConfigurationDetails".to_owned(), details);
        let sets = !context.state.center.without_sets;
        members.insert("PermissionSetsEnabled".to_owned(), sets.into());
        if let Some(network) = &context.state.center.network {
            let told = network_details(network);
            members.insert("NetworkConfigurationDetails".to_owned(), told);
        }
    }
    Output::Members(row)
}

const AWS_KEY: &str = "AWS_OWNED_KMS_KEY";
const CUSTOMER_KEY: &str = "CUSTOMER_MANAGED_KEY";

/// The key in `EncryptionConfiguration`: the customer's, or AWS's own.
fn wanted_key(context: &Context<'_>, wanted: &Value) -> Result<Option<String>, ApiError> {
    let text = |name: &str| wanted.get(name).and_then(Value::as_str);
    let invalid = |text: &str| Err(ApiError::new("ValidationException", text));
    match (text("KeyType"), text("KmsKeyArn")) {
        (Some(CUSTOMER_KEY), Some(arn)) => {
            let found = center_key::find(context.state, arn);
            match found.map(|key| key.state) {
                Some(SimKeyState::Enabled) => Ok(Some(arn.to_owned())),
                Some(SimKeyState::Disabled | SimKeyState::PendingDeletion(_)) => {
                    let text = format!("The KMS key {arn} is not enabled");
                    let error = ApiError::new("ValidationException", text);
                    Err(error.with("Reason", "KMS_InvalidStateException"))
                }
                None => {
                    let text = format!("The KMS key {arn} does not exist");
                    let error = ApiError::new("ResourceNotFoundException", text);
                    Err(error.with("Reason", "KMS_NotFoundException"))
                }
            }
        }
        (Some(CUSTOMER_KEY), None) => invalid("KmsKeyArn is required for this KeyType."),
        (_, Some(_)) => invalid("KmsKeyArn cannot be given for this KeyType."),
        (_, None) => Ok(None),
    }
}

fn network_details(network: &StatedNetwork) -> Value {
    json!({
        "VpceAccessRequired": network.vpce_access_required,
        "RestrictSourceVpcs": network.restrict_source_vpcs,
        "AllowSourceIps": network.allow_source_ips,
        "ExcludeApplicationArns": network.exclude_application_arns,
    })
}

/// The networks in `NetworkConfiguration`; clears omitted members, and everything when disabled.
fn wanted_network(wanted: &Value) -> StatedNetwork {
    let texts = |name: &str| {
        let rows = wanted.get(name).and_then(Value::as_array);
        let rows = rows.into_iter().flatten().filter_map(Value::as_str);
        rows.map(str::to_owned).collect()
    };
    let required = wanted.get("VpceAccessRequired").and_then(Value::as_bool);
    if required != Some(true) {
        return StatedNetwork::default();
    }
    StatedNetwork {
        vpce_access_required: true,
        restrict_source_vpcs: texts("RestrictSourceVpcs"),
        allow_source_ips: texts("AllowSourceIps"),
        exclude_application_arns: texts("ExcludeApplicationArns"),
    }
}

/// Mutually exclusive parts of an update.
const ONE_OF: [&str; 3] = [
    "EncryptionConfiguration",
    "PermissionSetsEnabled",
    "NetworkConfiguration",
];

/// `UpdateInstance`: name, key, networks, permission sets; immediate, although AWS takes a while
/// (not verified: how long).
fn update(context: &mut Context<'_>) -> HandlerResult {
    let input = &context.call.input;
    let invalid = |text: &str| Err(ApiError::new("ValidationException", text));
    if ONE_OF
        .iter()
        .filter(|name| input.get(**name).is_some())
        .count()
        > 1
    {
        return invalid(
            "Only one of EncryptionConfiguration, PermissionSetsEnabled and NetworkConfiguration can be updated in a request.",
        );
    }
    let sets = input.get("PermissionSetsEnabled").and_then(Value::as_bool);
    if sets == Some(false) {
        return invalid("PermissionSetsEnabled can only be set to true.");
    }
    let key = input.get("EncryptionConfiguration");
    let key = key.map(|it| wanted_key(context, it)).transpose()?;
    let network = input.get("NetworkConfiguration").map(wanted_network);
    let name = context.optional("Name").map(str::to_owned);
    let center = &mut context.state.center;
    center.name = name.or_else(|| center.name.take());
    center.without_sets &= sets.is_none();
    center.network = network.or_else(|| center.network.take());
    if let Some(key) = key {
        center.key = key;
    }
    context.write(Window::Immediate);
    Ok(Output::Members(json!({})))
}
