//! AWS `CloudFormation`: organization stack sets whose templates create roles. Refuses other
//! templates, single stacks, self-managed permissions, updates and drift.

mod describe;
mod instances;
mod template;

use serde_json::{Value, json};

use super::{
    OperationHandler::{Reads, Writes},
    ServiceDescriptor,
};
use crate::core::{
    call::Output,
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    service::SimService,
    stack_sets::{SimStackSet, StackSetPlace},
    windows::Window,
};

const NAME: &str = "cloudformation";
const PRINCIPAL: &str = "member.org.stacksets.cloudformation.amazonaws.com";
pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        errors: ErrorForms {
            page_token: || ApiError::new("ValidationError", "Invalid NextToken."),
            ..errors::QUERY
        },
        secrets: &["NextToken"],
        ..SimService::named("CloudFormation", NAME)
    },
    begin: |call| call.admit(),
    operations: &[
        &[
            ("ActivateOrganizationsAccess", Writes(activate)),
            ("DeactivateOrganizationsAccess", Writes(deactivate)),
            ("DescribeOrganizationsAccess", Reads(access)),
            ("CreateStackSet", Writes(create)),
            ("DeleteStackSet", Writes(delete)),
        ],
        describe::OPERATIONS,
        instances::OPERATIONS,
    ],
};

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", text)
}

/// Only the management account; a delegated administrator is not simulated.
fn managed(context: &Context<'_>) -> Result<(), ApiError> {
    let is_ours = context.caller.account == context.state.head.management;
    if !is_ours || context.optional("CallAs") == Some("DELEGATED_ADMIN") {
        let text = "You must be the management account of an organization to operate a service-managed stack set.";
        return Err(invalid(text));
    }
    Ok(())
}

fn is_trusted(context: &Context<'_>) -> bool {
    let mut all = context.state.head.service_access.iter();
    all.any(|it| it == PRINCIPAL)
}

fn access(context: &Context<'_>) -> HandlerResult {
    managed(context)?;
    let status = if is_trusted(context) {
        "ENABLED"
    } else {
        "DISABLED"
    };
    Ok(Output::Members(json!({ "Status": status })))
}

fn activate(context: &mut Context<'_>) -> HandlerResult {
    managed(context)?;
    context.write(Window::Immediate);
    if !is_trusted(context) {
        context.state.head.service_access.push(PRINCIPAL.to_owned());
    }
    Ok(Output::Members(json!({})))
}

fn deactivate(context: &mut Context<'_>) -> HandlerResult {
    managed(context)?;
    context.write(Window::Immediate);
    let access = &mut context.state.head.service_access;
    access.retain(|it| it != PRINCIPAL);
    Ok(Output::Members(json!({})))
}

fn place(context: &Context<'_>) -> StackSetPlace {
    (context.caller.account.clone(), context.call.region.clone())
}

fn no_set(name: &str) -> ApiError {
    let text = format!("StackSet {name} not found");
    ApiError::new("StackSetNotFoundException", text)
}

fn find<'a>(context: &'a Context<'_>) -> Result<&'a SimStackSet, ApiError> {
    let name = context.text("StackSetName");
    let here = context.state.stack_sets.get(&place(context));
    let by_name = here.and_then(|all| all.get(name));
    let by_id = || here?.values().find(|it| it.id == name);
    by_name.or_else(by_id).ok_or_else(|| no_set(name))
}

fn find_mut<'a>(context: &'a mut Context<'_>) -> Result<&'a mut SimStackSet, ApiError> {
    let name = context.text("StackSetName");
    let place = place(context);
    let here = context.state.stack_sets.get_mut(&place);
    let found = here.and_then(|all| all.values_mut().find(|it| it.is_called(name)));
    found.ok_or_else(|| no_set(name))
}

impl SimStackSet {
    fn is_called(&self, name: &str) -> bool {
        self.id == name || self.id.split(':').next() == Some(name)
    }

    fn member<'a>(&'a self, name: &str) -> Option<&'a Value> {
        self.input.get(name)
    }
}

/// `CreateStackSet`: idempotent by token.
fn create(context: &mut Context<'_>) -> HandlerResult {
    managed(context)?;
    let (name, input) = (context.text("StackSetName").to_owned(), &context.call.input);
    let is_service_managed = input.get("PermissionModel") == Some(&json!("SERVICE_MANAGED"));
    if !is_service_managed {
        return Err(invalid("Self-managed permissions are not simulated."));
    }
    if !is_trusted(context) {
        let text = "You must enable organizations access to operate a service managed stack set";
        return Err(invalid(text));
    }
    let auto = input.pointer("/AutoDeployment/Enabled");
    match auto.and_then(Value::as_bool) {
        None => {
            return Err(invalid(
                "AutoDeployment is required for service-managed permissions.",
            ));
        }
        Some(true) => return Err(invalid("Automatic deployment is not simulated.")),
        Some(false) => {}
    }
    let roles = template::roles(input)?;
    let capabilities = input.get("Capabilities").and_then(Value::as_array);
    let mut given = capabilities.into_iter().flatten();
    if !roles.is_empty() && !given.any(|it| it == "CAPABILITY_NAMED_IAM") {
        let text = "Requires capabilities : [CAPABILITY_NAMED_IAM]";
        return Err(ApiError::new("InsufficientCapabilitiesException", text));
    }
    if let Ok(there) = find(context) {
        let token = input.get("ClientRequestToken");
        if token.is_some() && there.member("ClientRequestToken") == token {
            return Ok(Output::Members(json!({ "StackSetId": there.id })));
        }
        let text = format!("StackSet with name {name} already exists");
        return Err(ApiError::new("NameAlreadyExistsException", text));
    }
    let id = format!("{name}:{}", context.random().uuid());
    let made = SimStackSet {
        input: context.call.input.clone(),
        id: id.clone(),
        roles,
        ..SimStackSet::default()
    };
    context.write(Window::Immediate);
    let place = place(context);
    context
        .state
        .stack_sets
        .entry(place)
        .or_default()
        .insert(name, made);
    Ok(Output::Members(json!({ "StackSetId": id })))
}

/// `DeleteStackSet`: refuses a set with stacks.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    managed(context)?;
    let set = find(context)?;
    if set.is_busy() {
        return Err(instances::in_progress());
    }
    if !set.stacks.is_empty() {
        let text = "StackSet is not empty";
        return Err(ApiError::new("StackSetNotEmptyException", text));
    }
    let id = set.id.clone();
    context.write(Window::Immediate);
    let place = place(context);
    if let Some(all) = context.state.stack_sets.get_mut(&place) {
        all.retain(|_, it| it.id != id);
    }
    Ok(Output::Members(json!({})))
}
