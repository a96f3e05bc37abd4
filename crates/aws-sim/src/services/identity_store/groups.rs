//! Groups, and lookups of principals other than by id.

use std::ops::Bound;

use crate::base::Millis;
use serde_json::{Map, Value, json};

use super::{
    ApiError, Context, HandlerResult, Output, after, arn, attributes, bare, check_revision,
    check_room, filtered_by, fresh_id, naming, not_found, stamp, taken,
};
use crate::core::{
    directory::remove_group,
    entities::{Group, Id},
    identity_events::{self, IdentityNews},
    state::SimState,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateGroup", Writes(create)),
    ("DescribeGroup", Reads(describe)),
    ("UpdateGroup", Writes(update)),
    ("DeleteGroup", Writes(delete)),
    ("ListGroups", Reads(list)),
    ("GetGroupId", Reads(get_id)),
];

const ATTRIBUTES: &[&str] = &["DisplayName", "Description"];

fn shape(state: &SimState, group: &Group) -> Value {
    let mut members = Map::new();
    members.insert("GroupId".to_owned(), group.id.as_ref().into());
    members.insert(
        "IdentityStoreId".to_owned(),
        state.center.store.clone().into(),
    );
    members.insert("GroupArn".to_owned(), arn("group", &group.id));
    members.extend(group.attributes.clone());
    stamp(&mut members, &group.origin);
    Value::Object(members)
}

fn seen<'a>(context: &'a Context<'_>, id: &str, at: Millis) -> Result<&'a Group, ApiError> {
    let id = bare(id);
    let place = context.state.place(id);
    context
        .state
        .groups
        .seen(&place, at)
        .ok_or_else(|| not_found("GROUP", id))
}

pub(super) fn target<'a>(context: &'a Context<'_>, id: &str) -> Result<&'a Group, ApiError> {
    seen(context, id, Millis::MAX)
}

pub(super) fn read<'a>(context: &'a Context<'_>, id: &str) -> Result<&'a Group, ApiError> {
    seen(context, id, context.reading_by_id)
}

fn check_unique(state: &SimState, group: &Group) -> Result<(), ApiError> {
    let other = state.group_named(group.name());
    if !group.name().is_empty() && other.is_some_and(|other| other.id != group.id) {
        return Err(taken("Duplicate GroupDisplayName"));
    }
    Ok(())
}

fn create(context: &mut Context<'_>) -> HandlerResult {
    check_room(context.state.group_names.len())?;
    let attributes = attributes::given(&context.call.input, ATTRIBUTES);
    let id = fresh_id(context);
    let group = Group {
        id: id.as_str().into(),
        attributes,
        origin: context.origin(),
    };
    check_unique(context.state, &group)?;
    let seen = context.write(Window::Directory);
    context.state.put_group(group, seen, context.now);
    let made = Id::from(id.as_str());
    identity_events::tell(context.state, &IdentityNews::Group("Created", &made));
    Ok(naming(context, "Group", &id, Some(1)))
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let group = read(context, context.text("GroupId"))?;
    Ok(Output::Members(shape(context.state, group)))
}

fn update(context: &mut Context<'_>) -> HandlerResult {
    let mut group = target(context, context.text("GroupId"))?.clone();
    check_revision(context, &group.origin)?;
    let before = group.attributes.clone();
    let create = context.call.service.model("CreateGroup");
    attributes::apply(
        &mut group.attributes,
        &context.call.input,
        (create, ATTRIBUTES),
    )?;
    attributes::check(context, "CreateGroup", (&before, &group.attributes))?;
    check_unique(context.state, &group)?;
    group.origin = context.touched(&group.origin);
    let (id, revision) = (group.id.clone(), group.origin.revision);
    let seen = context.write(Window::Directory);
    context.state.put_group(group, seen, context.now);
    identity_events::tell(context.state, &IdentityNews::Group("Updated", &id));
    Ok(naming(context, "Group", &id, Some(revision)))
}

/// `DeleteGroup`: deletes memberships, keeps assignments.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    let group = target(context, context.text("GroupId"))?;
    check_revision(context, &group.origin)?;
    let id = group.id.clone();
    let seen = context.write(Window::Directory);
    remove_group(context.state, &id, seen, context.now);
    identity_events::tell(context.state, &IdentityNews::Group("Deleted", &id));
    Ok(Output::Members(json!({})))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let state = &context.state;
    if let Some(name) = filtered_by(context, "DisplayName")? {
        let rows = named(context, name)
            .map(|group| shape(state, group))
            .collect();
        return Ok(context.paged(rows, None));
    }
    let start = after(&page);
    let rows = state
        .groups
        .range_seen(start, context.reading)
        .map(|((order, id), group)| (*order, id.to_string(), shape(state, group)));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn named<'a>(context: &'a Context<'_>, name: &'a str) -> impl Iterator<Item = &'a Group> {
    let state = &context.state;
    let candidates = state.group_names.get(name).into_iter().flatten();
    candidates
        .filter_map(|id| state.groups.seen(&state.place(id), context.reading))
        .filter(move |group| group.name() == name)
}

pub(super) enum Alternate {
    External(String, String),
    /// Attribute path and value.
    Unique(String, String),
}

/// Reads `AlternateIdentifier`.
///
/// # Errors
/// Unless it has exactly one of the two forms.
pub(super) fn alternate(input: &Value) -> Result<Alternate, ApiError> {
    let text = |pointer: &str| {
        input
            .pointer(&format!("/AlternateIdentifier/{pointer}"))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let external = text("ExternalId/Issuer").zip(text("ExternalId/Id"));
    let unique = text("UniqueAttribute/AttributePath").zip(text("UniqueAttribute/AttributeValue"));
    match (external, unique) {
        (Some((issuer, id)), None) => Ok(Alternate::External(issuer, id)),
        (None, Some((path, value))) => Ok(Alternate::Unique(path, value)),
        _ => Err(ApiError::new(
            "ValidationException",
            "AlternateIdentifier must have exactly one of ExternalId and UniqueAttribute.",
        )),
    }
}

pub(super) fn has_external_id(attributes: &Map<String, Value>, issuer: &str, id: &str) -> bool {
    let ids = attributes.get("ExternalIds").and_then(Value::as_array);
    ids.into_iter().flatten().any(|row| {
        row.get("Issuer").and_then(Value::as_str) == Some(issuer)
            && row.get("Id").and_then(Value::as_str) == Some(id)
    })
}

fn get_id(context: &Context<'_>) -> HandlerResult {
    let found = match alternate(&context.call.input)? {
        Alternate::External(issuer, id) => context
            .state
            .groups
            .range_seen(Bound::Unbounded, context.reading)
            .map(|(_, group)| group)
            .find(|group| has_external_id(&group.attributes, &issuer, &id))
            .map(|group| group.id.clone()),
        Alternate::Unique(path, value) if path.eq_ignore_ascii_case("displayName") => {
            named(context, &value).next().map(|group| group.id.clone())
        }
        Alternate::Unique(path, _) => {
            return Err(ApiError::new(
                "ValidationException",
                format!("Attribute path {path} is not unique."),
            ));
        }
    };
    let id = found.ok_or_else(|| not_found("GROUP", ""))?;
    Ok(naming(context, "Group", &id, None))
}
