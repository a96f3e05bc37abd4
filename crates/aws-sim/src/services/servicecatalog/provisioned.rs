use serde_json::{Value, json};

use super::{Context, HandlerResult, Output, factory, invalid, missing, own_id, tower};
use crate::core::{
    call::{input_text, seconds},
    control_tower::tower_id,
    errors::ApiError,
    tower::{FactoryProduct, launching},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ProvisionProduct", Writes(provision)),
    ("DescribeRecord", Reads(record)),
    ("DescribeProvisionedProduct", Reads(describe)),
    ("SearchProvisionedProducts", Reads(search)),
];

const TYPE: &str = "CONTROL_TOWER_ACCOUNT";
const PARAMETERS: [&str; 6] = [
    "SSOUserEmail",
    "SSOUserFirstName",
    "SSOUserLastName",
    "ManagedOrganizationalUnit",
    "AccountName",
    "AccountEmail",
];

fn parameter<'a>(context: &'a Context<'_>, key: &str) -> Result<&'a str, ApiError> {
    let rows = context.call.input.get("ProvisioningParameters");
    let mut rows = rows.and_then(Value::as_array).into_iter().flatten();
    let found = rows.find(|row| input_text(row, "Key") == Some(key));
    let value = found.and_then(|row| input_text(row, "Value"));
    value
        .filter(|it| !it.is_empty())
        .ok_or_else(|| invalid(&format!("Parameter {key} must have a value.")))
}

/// `Name` directly below the root, or `Name (ou-…)`.
fn unit(context: &Context<'_>, text: &str) -> Option<String> {
    let state = &context.state;
    if let Some((name, rest)) = text.rsplit_once(" (") {
        let id = rest.strip_suffix(')')?;
        let found = state.ou(id).filter(|it| it.name == name);
        return found.map(|it| it.id.to_string());
    }
    let mut all = state.ous.iter().map(|(_, it)| it);
    let found = all.find(|it| it.name == text && *it.parent == state.head.root);
    found.map(|it| it.id.to_string())
}

/// `ProvisionProduct`: idempotent by token.
fn provision(context: &mut Context<'_>) -> HandlerResult {
    let none = || missing("Product not found.");
    let tower = tower(context).ok_or_else(none)?;
    if context.text("ProductId") != own_id(context, "prod") {
        return Err(none());
    }
    if context.text("ProvisioningArtifactId") != factory::artifact(context) {
        return Err(invalid("The provisioning artifact is not active."));
    }
    if !factory::may_launch(context, tower) {
        let product = context.text("ProductId");
        return Err(missing(&format!(
            "No launch paths found for resource: {product}"
        )));
    }
    let (name, token) = (
        context.text("ProvisionedProductName"),
        context.text("ProvisionToken"),
    );
    if let Some((id, there)) = tower.products.iter().find(|(_, it)| it.token == token) {
        return Ok(Output::Members(
            json!({ "RecordDetail": record_row(context, id, there) }),
        ));
    }
    if tower.products.values().any(|it| it.name == name) {
        let text = format!("A provisioned product named {name} already exists.");
        return Err(ApiError::new("DuplicateResourceException", text));
    }
    for key in PARAMETERS {
        parameter(context, key)?;
    }
    // default: one at a time; AWS allows five
    let under_way = tower.products.values().filter(|it| !it.done).count();
    let at_once = tower.basis.account_operations.unwrap_or(1);
    if under_way >= at_once || tower.is_busy(true) {
        let text = "AWS Control Tower cannot launch the account: another account enrollment operation is in progress.";
        return Err(invalid(text));
    }
    let managed = parameter(context, "ManagedOrganizationalUnit")?;
    let found = unit(context, managed);
    let is_governed = found
        .as_ref()
        .is_some_and(|it| tower.units.contains_key(it));
    let unit = found.filter(|_| is_governed).ok_or_else(|| {
        invalid(&format!(
            "The organizational unit {managed} is not registered with AWS Control Tower."
        ))
    })?;
    let modifiers = context.call.modifiers.clone();
    let product = FactoryProduct {
        name: name.to_owned(),
        token: token.to_owned(),
        record: String::new(),
        account_name: parameter(context, "AccountName")?.to_owned(),
        email: parameter(context, "AccountEmail")?.to_owned(),
        unit,
        account: None,
        created: context.now,
        due: context.now + launching(context.state.settings.speed) + modifiers.stuck_ms,
        failed: modifiers.fail_async.map(|it| it.reason),
        done: false,
    };
    Ok(launched(context, product))
}

fn launched(context: &mut Context<'_>, product: FactoryProduct) -> Output {
    context.write(Window::Immediate);
    let made = tower_id(context.state, &format!("product {}", product.token)).to_lowercase();
    let part = made.get(..13).unwrap_or_default();
    let (id, record) = (format!("pp-{part}"), format!("rec-{part}"));
    let product = FactoryProduct { record, ..product };
    let answer = record_row(context, &id, &product);
    if let Some(tower) = &mut context.state.tower {
        tower.products.insert(id, product);
    }
    Output::Members(json!({ "RecordDetail": answer }))
}

fn record_row(context: &Context<'_>, id: &str, product: &FactoryProduct) -> Value {
    let status = match (product.done, &product.failed) {
        (false, _) => "IN_PROGRESS",
        (true, None) => "SUCCEEDED",
        (true, Some(_)) => "FAILED",
    };
    let why = product.failed.iter().filter(|_| product.done);
    let errors: Vec<Value> = why
        .map(|it| json!({ "Code": "ServiceException", "Description": it }))
        .collect();
    json!({
        "RecordId": product.record, "ProvisionedProductName": product.name, "Status": status,
        "CreatedTime": seconds(product.created), "UpdatedTime": seconds(product.due.min(context.now)),
        "ProvisionedProductType": TYPE, "RecordType": "PROVISION_PRODUCT", "ProvisionedProductId": id,
        "ProductId": own_id(context, "prod"), "ProvisioningArtifactId": factory::artifact(context),
        "RecordErrors": errors, "RecordTags": [],
    })
}

fn record(context: &Context<'_>) -> HandlerResult {
    let wanted = context.text("Id");
    let mut all = tower(context).into_iter().flat_map(|it| it.products.iter());
    let found = all.find(|(_, it)| it.record == wanted);
    let (id, product) = found.ok_or_else(|| missing("Record not found."))?;
    let outputs: Vec<Value> = product
        .account
        .iter()
        .filter(|_| product.failed.is_none())
        .map(|it| json!({ "OutputKey": "AccountId", "OutputValue": it }))
        .collect();
    Ok(Output::Members(json!({
        "RecordDetail": record_row(context, id, product), "RecordOutputs": outputs,
    })))
}

fn product_row(context: &Context<'_>, id: &str, product: &FactoryProduct) -> Value {
    let status = match (product.done, &product.failed) {
        (false, _) => "UNDER_CHANGE",
        (true, None) => "AVAILABLE",
        (true, Some(_)) => "ERROR",
    };
    let mut row = json!({
        "Name": product.name, "Type": TYPE, "Id": id, "Status": status, "CreatedTime": seconds(product.created),
        "IdempotencyToken": product.token, "LastRecordId": product.record,
        "LastProvisioningRecordId": product.record, "ProductId": own_id(context, "prod"),
        "ProvisioningArtifactId": factory::artifact(context),
    });
    if let (Some(why), true, Some(members)) = (&product.failed, product.done, row.as_object_mut()) {
        members.insert("StatusMessage".to_owned(), why.as_str().into());
    }
    row
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let (wanted, name) = (context.text("Id"), context.text("Name"));
    let mut all = tower(context).into_iter().flat_map(|it| it.products.iter());
    let found = all.find(|(id, it)| *id == wanted || (!name.is_empty() && it.name == name));
    let (id, product) = found.ok_or_else(|| missing("Provisioned product not found."))?;
    let row = product_row(context, id, product);
    Ok(Output::Members(json!({ "ProvisionedProductDetail": row })))
}

/// `SearchProvisionedProducts`: `name:…`, `idempotencyToken:…`, `status:…` and `type:…`, combined.
fn search(context: &Context<'_>) -> HandlerResult {
    let queries = context.call.input.pointer("/Filters/SearchQuery");
    let queries = queries.and_then(Value::as_array).into_iter().flatten();
    let queries: Vec<&str> = queries.filter_map(Value::as_str).collect();
    let products = tower(context).into_iter().flat_map(|it| it.products.iter());
    let rows = products.map(|(id, product)| {
        let mut row = product_row(context, id, product);
        if let (Some(account), Some(members)) = (&product.account, row.as_object_mut()) {
            members.insert("PhysicalId".to_owned(), account.as_str().into());
        }
        (id.clone(), row)
    });
    let fits = |row: &Value, query: &str| {
        let (key, wanted) = query.split_once(':').unwrap_or(("name", query));
        let member = match key {
            "name" => "Name",
            "idempotencyToken" => "IdempotencyToken",
            "status" => "Status",
            "type" => "Type",
            "id" => "Id",
            _ => return false,
        };
        input_text(row, member).is_some_and(|is| is.eq_ignore_ascii_case(wanted.trim_matches('"')))
    };
    let rows = rows.filter(|(_, row)| queries.iter().all(|query| fits(row, query)));
    let rows: Vec<(String, Value)> = rows.collect();
    let total = rows.len();
    let mut answer = context.listing(rows)?;
    if let Output::Members(Value::Object(members)) = &mut answer {
        members.insert("TotalResultsCount".to_owned(), total.into());
    }
    Ok(answer)
}
