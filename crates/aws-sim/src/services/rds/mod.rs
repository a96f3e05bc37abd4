//! Amazon RDS: database instances and their public access. No data.

use serde_json::{Value, json};

use super::{
    OperationHandler::{Reads, Writes},
    ServiceDescriptor,
};
use crate::core::{
    call::{Output, input_text},
    context::{Context, HandlerResult},
    databases::{DatabasePlace, SimDatabase, taking},
    errors::{self, ApiError, ErrorForms},
    issue::whole_seconds,
    service::{PolicyFacts, SimService},
    windows::Window,
};

const NAME: &str = "rds";
pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        errors: ErrorForms {
            page_token: || ApiError::new("InvalidParameterValue", "The marker is not valid."),
            ..errors::QUERY
        },
        policies: Some(PolicyFacts {
            resources: |state, caller, _, input| {
                let Some(id) = input_text(input, "DBInstanceIdentifier") else {
                    return Vec::new();
                };
                let (account, id) = (&caller.account, id.to_ascii_lowercase());
                let mut places = state.databases.iter();
                let place = places.find(|((of, _), rows)| of == account && rows.contains_key(&id));
                let region = place.map_or("*", |((_, region), _)| region.as_str());
                vec![format!("arn:aws:rds:{region}:{account}:db:{id}")]
            },
            ..PolicyFacts::BY_NAME
        }),
        secrets: &["MasterUserPassword"],
        ..SimService::named("Rds", NAME)
    },
    begin: |call| call.admit(),
    operations: &[&[
        ("CreateDBInstance", Writes(create)),
        ("DescribeDBInstances", Reads(describe)),
        ("ModifyDBInstance", Writes(modify)),
        ("DeleteDBInstance", Writes(delete)),
    ]],
};

fn place(context: &Context<'_>) -> DatabasePlace {
    (context.caller.account.clone(), context.call.region.clone())
}

/// Lower-cases an identifier (the same, `CreateDBInstance`).
fn identifier(context: &Context<'_>) -> String {
    context.text("DBInstanceIdentifier").to_ascii_lowercase()
}

fn no_database(id: &str) -> ApiError {
    let text = format!("DBInstance {id} not found.");
    ApiError::new("DBInstanceNotFound", text)
}

fn find<'a>(context: &'a Context<'_>, id: &str) -> Result<&'a SimDatabase, ApiError> {
    let here = context.state.databases.get(&place(context));
    here.and_then(|rows| rows.get(id))
        .ok_or_else(|| no_database(id))
}

fn shown(context: &Context<'_>, it: &SimDatabase) -> Value {
    let (account, region) = place(context);
    let mut row = json!({
        "DBInstanceIdentifier": it.id, "DBInstanceClass": it.class, "Engine": it.engine,
        "DBInstanceStatus": it.status(context.now), "AllocatedStorage": it.storage,
        "InstanceCreateTime": whole_seconds(it.created), "PubliclyAccessible": it.is_public(context.now),
        "PendingModifiedValues": {}, "MultiAZ": false, "StorageEncrypted": false, "DeletionProtection": false,
        "DBInstanceArn": format!("arn:aws:rds:{region}:{account}:db:{}", it.id),
    });
    if let (Some(user), Some(members)) = (&it.user, row.as_object_mut()) {
        members.insert("MasterUsername".to_owned(), user.as_str().into());
    }
    row
}

fn one(context: &Context<'_>, it: &SimDatabase) -> Output {
    Output::Members(json!({ "DBInstance": shown(context, it) }))
}

/// `CreateDBInstance`: private without `PubliclyAccessible`.
fn create(context: &mut Context<'_>) -> HandlerResult {
    let id = identifier(context);
    if find(context, &id).is_ok() {
        let text = "DB instance already exists";
        return Err(ApiError::new("DBInstanceAlreadyExists", text));
    }
    let input = &context.call.input;
    let storage = input.get("AllocatedStorage").and_then(Value::as_i64);
    let made = SimDatabase {
        id: id.clone(),
        class: context.text("DBInstanceClass").to_owned(),
        engine: context.text("Engine").to_owned(),
        user: context.optional("MasterUsername").map(str::to_owned),
        storage: storage.unwrap_or(20),
        created: context.now,
        available: context.now + taking(context.state.settings.speed).0,
        public: input.get("PubliclyAccessible") == Some(&Value::Bool(true)),
        changed: None,
    };
    let answer = one(context, &made);
    context.write(Window::Immediate);
    let place = place(context);
    let here = context.state.databases.entry(place).or_default();
    here.insert(id, made);
    Ok(answer)
}

fn describe(context: &Context<'_>) -> HandlerResult {
    if context.call.input.get("Filters").is_some() {
        let text = "Filters are not simulated.";
        return Err(ApiError::new("InvalidParameterValue", text));
    }
    if context.optional("DBInstanceIdentifier").is_some() {
        let row = shown(context, find(context, &identifier(context))?);
        return Ok(Output::Members(json!({ "DBInstances": [row] })));
    }
    let page = context.page()?;
    let here = context.state.databases.get(&place(context));
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let rows = here
        .into_iter()
        .flatten()
        .filter(|(id, _)| after.as_ref().is_none_or(|after| *id > after))
        .map(|(id, it)| (0, id.clone(), shown(context, it)));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

/// `ModifyDBInstance`: only public access, immediately in spite of `ApplyImmediately` (the same,
/// `ModifyDBInstance`), visible once available again; refuses other members.
fn modify(context: &mut Context<'_>) -> HandlerResult {
    let id = identifier(context);
    let (now, is_at) = {
        let it = find(context, &id)?;
        (context.now, it.status(context.now))
    };
    if is_at != "available" {
        let text = format!("Instance {id} is not in available state.");
        return Err(ApiError::new("InvalidDBInstanceState", text));
    }
    let known = [
        "DBInstanceIdentifier",
        "PubliclyAccessible",
        "ApplyImmediately",
    ];
    let members = context.call.input.as_object();
    let mut others = members.into_iter().flatten().map(|(name, _)| name);
    if let Some(other) = others.find(|name| !known.contains(&name.as_str())) {
        let text = format!("{other} is not simulated.");
        return Err(ApiError::new("InvalidParameterValue", text));
    }
    let wanted = context.call.input.get("PubliclyAccessible");
    let wanted = wanted.and_then(Value::as_bool);
    let until = now + taking(context.state.settings.speed).1;
    let place = place(context);
    let here = context.state.databases.get_mut(&place);
    let it = here
        .and_then(|rows| rows.get_mut(&id))
        .ok_or_else(|| no_database(&id))?;
    if let Some(public) = wanted.filter(|public| *public != it.public) {
        it.public = public;
        it.changed = Some(until);
    }
    let changed = it.clone();
    context.write(Window::Immediate);
    Ok(one(context, &changed))
}

/// `DeleteDBInstance`: immediate.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    let id = identifier(context);
    let mut gone = shown(context, find(context, &id)?);
    if let Some(members) = gone.as_object_mut() {
        members.insert("DBInstanceStatus".to_owned(), "deleting".into());
    }
    context.write(Window::Immediate);
    let place = place(context);
    if let Some(here) = context.state.databases.get_mut(&place) {
        here.remove(&id);
    }
    Ok(Output::Members(json!({ "DBInstance": gone })))
}
